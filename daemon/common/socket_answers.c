// SPDX-License-Identifier: GPL-2.0-only
/* Owns one question, asked by who starts a bus and must wait for it. */
#include "socket_answers.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool socket_answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bool answers;
	int fd;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	    (int)sizeof(address.sun_path))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	answers = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
		  errno == EPROTOTYPE;
	close(fd);
	return answers;
}
