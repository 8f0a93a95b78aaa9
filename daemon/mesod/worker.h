/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One thread that does the ledger's disk work, so that the daemon's loop never
 * waits for a disk.
 *
 * Owns the thread, its bounded queue and the eventfd that tells of answers.
 * Never looks into a job: what `run` and `done` mean is the caller's.  Jobs run
 * one after the other in the order of submission; that is what serialises
 * reservations.
 */
#ifndef MESOD_WORKER_H
#define MESOD_WORKER_H

#include <stddef.h>
#include <stdint.h>

struct worker;

/* Runs in the worker's thread.  @owned is what worker_own() was given, NULL before; nobody else may touch it. */
typedef int (*worker_run_fn)(void *owned, void *userdata);
/* Runs in worker_dispatch(), exactly once for every accepted job.  @result is what run returned, or
 * -ECANCELED if the job was dropped by worker_free() and run never ran. */
typedef void (*worker_done_fn)(void *userdata, int result);

/**
 * worker_new() - start the thread
 * @depth: most jobs accepted and not yet dispatched
 * Return: 0, -EINVAL, -ENOMEM, -EAGAIN no thread, -EMFILE.
 */
int worker_new(size_t depth, struct worker **ret);

/* Within a job: hand @owned, such as a struct ledger, to every run() after it. */
void worker_own(struct worker *worker, void *owned);

/**
 * worker_submit() - queue a job; never waits
 * @done: may be NULL
 * Return: 0; -ENOBUFS @depth jobs are under way (run and done will not be
 * called), -ESHUTDOWN after worker_stop(), -ENOMEM.
 */
int worker_submit(struct worker *worker, worker_run_fn run, worker_done_fn done, void *userdata);

/* A job that does nothing, for the answer's sake; at most one at a time, so it may be called on every
 * tick of a timer.  It has a place of its own: a full queue does not refuse it. */
void worker_ping(struct worker *worker);

/* Readable (POLLIN) when answers wait for worker_dispatch(); owned by the worker. */
int worker_get_fd(const struct worker *worker);
/* Calls done() for every job that has finished; returns how many.  Never waits. */
int worker_dispatch(struct worker *worker);
/* Jobs accepted and not yet dispatched, pings not counted. */
size_t worker_pending(struct worker *worker);

/**
 * worker_answer_age_ns() - how long ago the thread last finished a job
 * @now_ns: CLOCK_MONOTONIC
 *
 * Rises while the thread hangs in a disk, and while nobody asks it anything:
 * ping at least twice in the age you tolerate.  Starting counts as an answer.
 */
uint64_t worker_answer_age_ns(const struct worker *worker, uint64_t now_ns);

/* Accept no more jobs; those queued still run and are dispatched as usual. */
void worker_stop(struct worker *worker);

/**
 * worker_free() - stop, wait for the job that is running, drop the others
 *
 * Calls done() for all that were accepted: with its result if the job ran, with
 * -ECANCELED if not.  To finish all that is queued, worker_stop() and dispatch
 * until worker_pending() is 0.  Waits for the disk if a job is in it: disarm
 * first.  NULL is allowed.  Always returns NULL.
 */
struct worker *worker_free(struct worker *worker);

#endif /* MESOD_WORKER_H */
