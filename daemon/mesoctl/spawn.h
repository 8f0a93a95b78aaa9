/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child processes of `mesoctl simulate`: started, watched, ended in order.
 *
 * Knows nothing of what they do.
 */
#ifndef MESOCTL_SPAWN_H
#define MESOCTL_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/* The program of that name beside this one, or what $PATH has of it.  To be freed. */
char *spawn_find(const char *name);
/* A file by its path from this program's directory, if it is there, or NULL.  To be freed. */
char *spawn_beside(const char *name);
/*
 * Starts argv[0] in the background, its output at the end of @log.  It ends when we
 * do, however we end.  Return: its pid, or a negative errno.
 */
pid_t spawn_service(char *const argv[], const char *log);
/* It has ended by itself; its pid is 0 from then on. */
bool spawn_is_dead(pid_t *pid);
/* Asks it to end, and makes it end after 3 s. */
void spawn_end(pid_t *pid);
/* Runs argv in the foreground.  Return: what a shell would have for `$?`. */
int spawn_run(char *const argv[]);

#endif /* MESOCTL_SPAWN_H */
