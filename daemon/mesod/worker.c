// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worker: one thread, a bounded queue in, a list of answers out.
 *
 * Two lists under one mutex, which is never held while a job runs or an answer is
 * delivered.  A job is allocated when it is submitted, so that nothing can fail
 * on the way back.
 */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "macros.h"

/* Many times what SQLite and the formulary's reader take.  mesod's memory is locked, and all of it would be. */
#define STACK_SIZE ((size_t)1 << 20)

struct job {
	worker_run_fn run;
	worker_done_fn done;
	void *userdata;
	int result;
	struct job *next;
};

struct list {
	struct job *first, **last;
};

struct worker {
	void *owned; /* the thread's */
	size_t depth;
	int event_fd;
	pthread_t thread;
	pthread_mutex_t mutex; /* for what follows */
	pthread_cond_t wanted;
	struct list waiting;
	struct list finished;
	size_t pending; /* accepted and not dispatched, pings not counted */
	bool stopped;   /* accept no more */
	bool quit;      /* start no more */
	struct job ping;
	bool ping_queued;
	_Atomic uint64_t answered_ns;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void put(struct list *list, struct job *job)
{
	job->next = NULL;
	*list->last = job;
	list->last = &job->next;
}

static struct job *take(struct list *list)
{
	struct job *job = list->first;

	if (job) {
		list->first = job->next;
		if (!list->first)
			list->last = &list->first;
	}
	return job;
}

/* Says that there are answers.  The counter cannot overflow: it is read whenever it is not zero. */
static void ring(struct worker *w)
{
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(w->event_fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

static struct job *wait_for_job(struct worker *w)
{
	struct job *job = NULL;

	pthread_mutex_lock(&w->mutex);
	while (!w->quit && !(job = take(&w->waiting)))
		pthread_cond_wait(&w->wanted, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	return job;
}

static void *work(void *userdata)
{
	struct worker *w = userdata;
	struct job *job;

	while ((job = wait_for_job(w))) {
		bool ping = job == &w->ping;

		if (!ping)
			job->result = job->run(w->owned, job->userdata);
		atomic_store(&w->answered_ns, now_ns());
		pthread_mutex_lock(&w->mutex);
		if (ping)
			w->ping_queued = false;
		else
			put(&w->finished, job); /* and from here on it is not ours */
		pthread_mutex_unlock(&w->mutex);
		if (!ping)
			ring(w);
	}
	return NULL;
}

/* Signals are the loop's business: the thread is born with all of them blocked. */
static int start_blocked(struct worker *w, const pthread_attr_t *attr)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	error = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (error != 0)
		return -error;
	error = pthread_create(&w->thread, attr, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

static int start_thread(struct worker *w)
{
	pthread_attr_t attr;
	int r = -pthread_attr_init(&attr);

	if (r < 0)
		return r;
	r = -pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (r == 0)
		r = start_blocked(w, &attr);
	pthread_attr_destroy(&attr);
	return r;
}

int worker_new(size_t depth, struct worker **ret)
{
	_cleanup_(freep) struct worker *w = NULL;
	int r;

	if (depth == 0 || !ret)
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->depth = depth;
	w->waiting.last = &w->waiting.first;
	w->finished.last = &w->finished.first;
	atomic_init(&w->answered_ns, now_ns());
	w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->event_fd < 0)
		return -errno;
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->wanted, NULL);
	r = start_thread(w);
	if (r < 0) {
		pthread_cond_destroy(&w->wanted);
		pthread_mutex_destroy(&w->mutex);
		close(w->event_fd);
		return r;
	}
	*ret = TAKE_PTR(w);
	return 0;
}

void worker_own(struct worker *w, void *owned)
{
	w->owned = owned;
}

int worker_submit(struct worker *w, worker_run_fn run, worker_done_fn done, void *userdata)
{
	struct job *job;
	int r = 0;

	if (!run)
		return -EINVAL;
	job = malloc(sizeof(*job));
	if (!job)
		return -ENOMEM;
	*job = (struct job){ .run = run, .done = done, .userdata = userdata };
	pthread_mutex_lock(&w->mutex);
	if (w->stopped)
		r = -ESHUTDOWN;
	else if (w->pending >= w->depth)
		r = -ENOBUFS;
	if (r >= 0) {
		put(&w->waiting, job);
		w->pending++;
		pthread_cond_signal(&w->wanted);
	}
	pthread_mutex_unlock(&w->mutex);
	if (r < 0)
		free(job);
	return r;
}

void worker_ping(struct worker *w)
{
	pthread_mutex_lock(&w->mutex);
	if (!w->stopped && !w->ping_queued) {
		w->ping_queued = true;
		put(&w->waiting, &w->ping);
		pthread_cond_signal(&w->wanted);
	}
	pthread_mutex_unlock(&w->mutex);
}

int worker_get_fd(const struct worker *w)
{
	return w->event_fd;
}

static struct job *take_finished(struct worker *w)
{
	struct job *job;

	pthread_mutex_lock(&w->mutex);
	job = take(&w->finished);
	if (job)
		w->pending--;
	pthread_mutex_unlock(&w->mutex);
	return job;
}

/* The job is gone before done() is called, so that done() may submit the next. */
static void deliver(struct job *job)
{
	struct job copy = *job;

	free(job);
	if (copy.done)
		copy.done(copy.userdata, copy.result);
}

int worker_dispatch(struct worker *w)
{
	struct job *job;
	uint64_t rings;
	int n = 0;

	/* First the bell, then the answers: one that comes in between rings again. */
	while (read(w->event_fd, &rings, sizeof(rings)) < 0 && errno == EINTR)
		;
	while ((job = take_finished(w))) {
		deliver(job);
		n++;
	}
	return n;
}

size_t worker_pending(struct worker *w)
{
	size_t n;

	pthread_mutex_lock(&w->mutex);
	n = w->pending;
	pthread_mutex_unlock(&w->mutex);
	return n;
}

uint64_t worker_answer_age_ns(const struct worker *w, uint64_t now)
{
	uint64_t answered = atomic_load(&w->answered_ns);

	return now > answered ? now - answered : 0;
}

void worker_stop(struct worker *w)
{
	pthread_mutex_lock(&w->mutex);
	w->stopped = true;
	pthread_mutex_unlock(&w->mutex);
}

struct worker *worker_free(struct worker *w)
{
	struct job *job;

	if (!w)
		return NULL;
	pthread_mutex_lock(&w->mutex);
	w->stopped = true;
	w->quit = true;
	pthread_cond_signal(&w->wanted);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	while ((job = take(&w->waiting))) {
		if (job == &w->ping)
			continue;
		job->result = -ECANCELED;
		put(&w->finished, job);
	}
	while ((job = take(&w->finished)))
		deliver(job);
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->mutex);
	close(w->event_fd);
	free(w);
	return NULL;
}
