/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether somebody listens on a Unix socket.  That its file exists proves
 * nothing: it is there from bind() on, and callers are refused until listen().
 */
#ifndef SOCKET_ANSWERS_H
#define SOCKET_ANSWERS_H

#include <stdbool.h>

/* A socket of another type than SOCK_STREAM counts as answering once it is bound. */
bool socket_answers(const char *path);

#endif /* SOCKET_ANSWERS_H */
