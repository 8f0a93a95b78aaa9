/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GET_STATUS of /dev/meso0 beside read(/dev/zero) of the same size, in the guest.
 * `status_bench trace` makes a fixed number of GET_STATUS calls and nothing else, for
 * a tracer to count what the kernel does in them; `status_bench control` does the same
 * with GET_INFO, which takes a lock: a tracer that sees none there is blind.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/meso.h>
#include "bench.h"

#define TRACED_CALLS 1000

struct files {
	int gun, zero;
};

static int get_status(void *userdata)
{
	struct files *files = userdata;
	struct meso_status status;

	return ioctl(files->gun, MESO_IOC_GET_STATUS, &status);
}

static int get_info(void *userdata)
{
	struct files *files = userdata;
	struct meso_info info;

	return ioctl(files->gun, MESO_IOC_GET_INFO, &info);
}

static int read_zero(void *userdata)
{
	struct files *files = userdata;
	struct meso_status status;

	return read(files->zero, &status, sizeof(status)) == sizeof(status) ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct files files = {
		.gun = open("/dev/meso0", O_RDONLY | O_CLOEXEC),
		.zero = open("/dev/zero", O_RDONLY | O_CLOEXEC),
	};

	if (files.gun < 0 || files.zero < 0) {
		perror("status_bench: /dev/meso0 or /dev/zero");
		return 1;
	}
	if (argc > 1) {
		int (*call)(void *) = strcmp(argv[1], "trace") == 0 ? get_status : get_info;

		for (int i = 0; i < TRACED_CALLS; i++)
			if (call(&files) < 0)
				return 1;
		return 0;
	}
	if (bench_compare_times("get-status/read-zero", "guest", 1500, 500, get_status, read_zero,
				&files) < 0) {
		perror("status_bench");
		return 1;
	}
	return 0;
}
