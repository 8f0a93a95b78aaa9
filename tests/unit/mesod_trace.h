/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process under a tracer: killed at exactly its n-th system call from now,
 * lied to about one, or with one thread frozen while the others go on.
 *
 * Owns the tracing and the counting of calls.  Which calls count, and when the
 * step that is looked at is over, is the caller's to say.
 */
#ifndef MESOD_TRACE_H
#define MESOD_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A call that is about to be made by thread @tid. */
struct trace_call {
	pid_t tid;
	uint64_t number; /* SYS_* */
	uint64_t arguments[6];
};

enum trace_deed {
	TRACE_COUNT,      /* do nothing */
	TRACE_KILL,       /* SIGKILL before the call does anything */
	TRACE_KILL_AFTER, /* SIGKILL when it has, before the process learns of it */
	TRACE_FAIL,       /* the call is not made, and fails with @error */
	TRACE_SHORT,      /* half is written, and the next call that counts fails with @error */
};

struct trace_plan {
	enum trace_deed deed;
	unsigned int n; /* at which call that counts, from 1 */
	int error;      /* positive errno */
	bool for_ever;  /* with TRACE_FAIL: that call and all that follow */
	int limit_ms;
	/* Whether a call counts; NULL: each does. */
	bool (*counts)(const struct trace_call *call, void *userdata);
	/* Asked again and again, whenever the process has nothing to do: is the step over? */
	bool (*over)(void *userdata);
	void *userdata;
};

enum trace_end {
	TRACE_OVER,  /* the step is over; the process lives and is stopped */
	TRACE_HIT,   /* by TRACE_KILL*: it is dead, and waited for */
	TRACE_LATE,  /* neither, in @limit_ms; the process lives and is stopped */
	TRACE_ENDED, /* it ended by itself, and was waited for */
};

struct trace_result {
	enum trace_end end;
	unsigned int calls; /* that counted */
	bool hit;           /* the deed was done */
};

/* Begins to trace all threads of @pid, and stops them. */
void mesod_trace_begin(pid_t pid);
/* Lets it run on, as the plan says. */
struct trace_result mesod_trace_run(pid_t pid, const struct trace_plan *plan);
/* Lets it go; it runs on as if nothing had been. */
void mesod_trace_end(pid_t pid);

/* The file behind a descriptor of the process, "" if it has none; for a socket, where its peer listens. */
const char *mesod_trace_file(pid_t pid, int fd, char path[static 256]);
/* A path that is an argument of a call. */
const char *mesod_trace_path(pid_t pid, uint64_t address, char path[static 256]);

/* Freezes the thread of @pid that is not its main one; returns its id.  For a daemon with one worker. */
pid_t mesod_trace_freeze_worker(pid_t pid);
void mesod_trace_thaw(pid_t tid);

#endif /* MESOD_TRACE_H */
