/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon under a tracer: killed at exactly its n-th system call from now, or
 * with one thread frozen while the others go on.
 */
#ifndef MESOD_TRACE_H
#define MESOD_TRACE_H

#include <stdbool.h>
#include <sys/types.h>

/* Begins to trace all threads of @pid. */
void mesod_trace_begin(pid_t pid);
/**
 * mesod_trace_kill_at() - let it run to its n-th system call, then SIGKILL it
 * before that call does anything
 * Return: false if it made no n calls in @limit_ms; it is killed all the same.
 */
bool mesod_trace_kill_at(pid_t pid, unsigned int n, int limit_ms);

/* Freezes the thread of @pid that is not its main one; returns its id.  For a daemon with one worker. */
pid_t mesod_trace_freeze_worker(pid_t pid);
void mesod_trace_thaw(pid_t tid);

#endif /* MESOD_TRACE_H */
