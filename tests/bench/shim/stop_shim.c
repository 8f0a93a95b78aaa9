// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loaded into mesod by stop_bench: notes how long it takes from receiving a Stop to telling the gun to disarm, as
 * nanoseconds of eight bytes each in the file $STOP_SHIM.  No tracer stands between.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/meso.h>

#include "../bench.h"
#include "sim_protocol.h"

/* The name of the method in a call's header: its length, then the text. */
static const char stop_call[] = "\4\0\0\0Stop";

static uint64_t received_ns;

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t (*real)(int, struct msghdr *, int);
	ssize_t n;

	*(void **)&real = dlsym(RTLD_NEXT, "recvmsg");
	n = real(fd, message, flags);
	for (size_t i = 0; n > 0 && i < message->msg_iovlen; i++)
		if (memmem(message->msg_iov[i].iov_base, message->msg_iov[i].iov_len, stop_call,
			   sizeof(stop_call)))
			received_ns = bench_now_ns();
	return n;
}

static void note(void)
{
	const char *path = getenv("STOP_SHIM");
	const uint64_t took = bench_now_ns() - received_ns;
	int fd;

	received_ns = 0;
	fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0 || write(fd, &took, sizeof(took)) != (ssize_t)sizeof(took))
		abort();
	close(fd);
}

ssize_t send(int fd, const void *buf, size_t size, int flags)
{
	const struct inj_sim_request *request = buf;
	ssize_t (*real)(int, const void *, size_t, int);
	ssize_t n;

	*(void **)&real = dlsym(RTLD_NEXT, "send");
	n = real(fd, buf, size, flags);
	if (received_ns && size >= INJ_SIM_REQUEST_HEAD && request->op == MESO_IOC_DISARM)
		note();
	return n;
}
