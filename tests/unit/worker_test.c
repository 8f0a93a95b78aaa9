// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worker: order, bounds, answers exactly once, an end that loses nothing, and
 * an age that shows when it hangs.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

static struct worker *worker;
static pthread_t loop; /* the thread that submits and dispatches */
static sem_t gate;     /* a job that hangs in the disk waits for it */
static sem_t entered;
static int owned; /* what the worker owns: how many jobs have run */

struct note {
	int number;
	int ran_as; /* the how manieth job it was */
	int done;   /* how often done() was called */
	int result;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int run(void *owner, void *userdata)
{
	struct note *note = userdata;

	ck_assert_ptr_eq(owner, &owned);
	ck_assert(!pthread_equal(pthread_self(), loop));
	note->ran_as = ++*(int *)owner;
	return -note->number;
}

static int hang(void *owner, void *userdata)
{
	(void)owner;
	(void)userdata;
	sem_post(&entered);
	while (sem_wait(&gate) < 0)
		;
	return 5;
}

static void done(void *userdata, int result)
{
	struct note *note = userdata;

	ck_assert(pthread_equal(pthread_self(), loop));
	note->done++;
	note->result = result;
}

/* Waits for the descriptor as sd-event would, until @n answers have come. */
static void dispatch(int n)
{
	struct pollfd p = { .fd = worker_get_fd(worker), .events = POLLIN };

	while (n > 0) {
		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		n -= worker_dispatch(worker);
	}
	ck_assert_int_eq(n, 0);
}

/* The first job finds nothing owned, and gives those after it what it has made. */
static int own(void *owner, void *userdata)
{
	ck_assert_ptr_null(owner);
	worker_own(userdata, &owned);
	return 0;
}

static void setup(void)
{
	loop = pthread_self();
	owned = 0;
	ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
	ck_assert_int_eq(sem_init(&entered, 0, 0), 0);
	ck_assert_int_eq(worker_new(8, &worker), 0);
	ck_assert_int_eq(worker_submit(worker, own, NULL, worker), 0);
	dispatch(1);
}

static void teardown(void)
{
	worker = worker_free(worker);
}

START_TEST(jobs_run_in_order_in_a_thread_of_their_own_and_answer_in_the_callers)
{
	struct note notes[8];

	for (int i = 0; i < 8; i++) {
		notes[i] = (struct note){ .number = i };
		ck_assert_int_eq(worker_submit(worker, run, done, &notes[i]), 0);
	}
	dispatch(8);
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(notes[i].ran_as, i + 1);
		ck_assert_int_eq(notes[i].done, 1);
		ck_assert_int_eq(notes[i].result, -i);
	}
	ck_assert_uint_eq(worker_pending(worker), 0);
}
END_TEST

START_TEST(the_descriptor_is_quiet_when_nothing_is_to_be_told)
{
	struct pollfd p = { .fd = worker_get_fd(worker), .events = POLLIN };
	struct note note = { 0 };

	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_int_eq(worker_dispatch(worker), 0);
	ck_assert_int_eq(worker_submit(worker, run, done, &note), 0);
	dispatch(1);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_int_eq(worker_dispatch(worker), 0);
	ck_assert_int_eq(note.done, 1);
}
END_TEST

START_TEST(a_full_queue_refuses_and_recovers)
{
	struct note notes[8] = { 0 }, extra = { 0 };

	ck_assert_int_eq(worker_submit(worker, hang, done, &notes[0]), 0);
	for (int i = 1; i < 8; i++)
		ck_assert_int_eq(worker_submit(worker, run, done, &notes[i]), 0);
	ck_assert_int_eq(worker_submit(worker, run, done, &extra), -ENOBUFS);
	ck_assert_uint_eq(worker_pending(worker), 8);
	worker_ping(worker);
	sem_post(&gate);
	dispatch(8);
	ck_assert_int_eq(extra.done, 0);
	ck_assert_int_eq(worker_submit(worker, run, done, &extra), 0);
	dispatch(1);
	ck_assert_int_eq(extra.done, 1);
}
END_TEST

START_TEST(submitting_never_waits_for_a_job)
{
	struct note notes[4] = { 0 };
	uint64_t start;

	ck_assert_int_eq(worker_submit(worker, hang, done, &notes[0]), 0);
	sem_wait(&entered);
	start = now_ns();
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(worker_submit(worker, run, done, &notes[i]), 0);
	worker_ping(worker);
	ck_assert_int_eq(worker_dispatch(worker), 0);
	/* the job would never end by itself, so that this line is reached says it already */
	ck_assert_uint_lt(now_ns() - start, UINT64_C(5000000000));
	sem_post(&gate);
	dispatch(4);
}
END_TEST

/* Waits until the age is below (or above) a bound. */
static bool age_gets(bool below, uint64_t bound_ns)
{
	for (int i = 0; i < 1000; i++) {
		uint64_t age = worker_answer_age_ns(worker, now_ns());

		if (below ? age < bound_ns : age > bound_ns)
			return true;
		usleep(2000);
	}
	return false;
}

START_TEST(the_age_of_the_answer_rises_while_it_hangs_and_a_ping_renews_it)
{
	struct note note = { 0 };

	ck_assert(age_gets(true, UINT64_C(1000000000)));
	ck_assert_int_eq(worker_submit(worker, hang, done, &note), 0);
	sem_wait(&entered);
	worker_ping(worker);
	worker_ping(worker);
	ck_assert(age_gets(false, 100000000));
	sem_post(&gate);
	ck_assert(age_gets(true, 100000000));
	dispatch(1);
	/* idle, it rises as well, until somebody asks */
	ck_assert(age_gets(false, 100000000));
	worker_ping(worker);
	ck_assert(age_gets(true, 100000000));
	ck_assert_uint_eq(worker_answer_age_ns(worker, 0), 0);
	ck_assert_uint_eq(worker_pending(worker), 0);
}
END_TEST

START_TEST(a_stopped_worker_accepts_nothing_and_finishes_what_it_has)
{
	struct note notes[3] = { 0 }, late = { 0 };

	ck_assert_int_eq(worker_submit(worker, hang, done, &notes[0]), 0);
	ck_assert_int_eq(worker_submit(worker, run, done, &notes[1]), 0);
	worker_stop(worker);
	ck_assert_int_eq(worker_submit(worker, run, done, &late), -ESHUTDOWN);
	sem_post(&gate);
	dispatch(2);
	ck_assert_int_eq(notes[1].ran_as, 1);
	ck_assert_int_eq(late.done, 0);
}
END_TEST

START_TEST(freeing_answers_every_job_that_was_accepted_once)
{
	struct note notes[5] = { { .number = 0 }, { .number = 1 }, { .number = 2 }, { 0 }, { 0 } };

	ck_assert_int_eq(worker_submit(worker, run, done, &notes[1]), 0);
	ck_assert_int_eq(worker_submit(worker, hang, done, &notes[2]), 0);
	ck_assert_int_eq(worker_submit(worker, run, done, &notes[3]), 0);
	ck_assert_int_eq(worker_submit(worker, run, NULL, &notes[4]), 0);
	worker_ping(worker);
	sem_wait(&entered); /* the first has run, the second is in the disk */
	sem_post(&gate);
	worker = worker_free(worker);
	ck_assert_ptr_null(worker);
	ck_assert_int_eq(notes[1].done, 1);
	ck_assert_int_eq(notes[1].result, -1);
	ck_assert_int_eq(notes[2].done, 1);
	ck_assert_int_eq(notes[2].result, 5);
	ck_assert_int_eq(notes[3].done, 1);
	ck_assert(notes[3].result == -ECANCELED || notes[3].ran_as == 2);
	ck_assert_int_eq(notes[4].done, 0);
}
END_TEST

static void submit_again(void *userdata, int result)
{
	struct note *note = userdata;

	(void)result;
	if (++note->done < 100)
		ck_assert_int_eq(worker_submit(worker, run, submit_again, note), 0);
}

START_TEST(an_answer_may_submit_the_next_job)
{
	struct note note = { 0 };

	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(worker_submit(worker, run, i ? NULL : submit_again, &note), 0);
	while (note.done < 100) {
		struct pollfd p = { .fd = worker_get_fd(worker), .events = POLLIN };

		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		worker_dispatch(worker);
	}
}
END_TEST

static int see_signals(void *owner, void *userdata)
{
	sigset_t blocked;

	(void)owner;
	(void)userdata;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	return sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGCHLD);
}

START_TEST(signals_are_left_to_the_loop)
{
	struct note note = { 0 };
	sigset_t mine;

	ck_assert_int_eq(worker_submit(worker, see_signals, done, &note), 0);
	dispatch(1);
	ck_assert_int_eq(note.result, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	ck_assert_int_eq(sigismember(&mine, SIGTERM), 0);
}
END_TEST

START_TEST(thousands_of_jobs_are_each_answered_once)
{
	enum { N = 20000 };
	struct note *notes = calloc(N, sizeof(*notes));
	int submitted = 0, answered = 0;

	ck_assert_ptr_nonnull(notes);
	while (answered < N) {
		while (submitted < N && worker_submit(worker, run, done, &notes[submitted]) == 0)
			submitted++;
		if (submitted % 64 == 0)
			worker_ping(worker);
		answered += worker_dispatch(worker);
	}
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(notes[i].done, 1);
		ck_assert_int_eq(notes[i].ran_as, i + 1);
	}
	free(notes);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	struct worker *none = NULL;

	ck_assert_int_eq(worker_new(0, &none), -EINVAL);
	ck_assert_int_eq(worker_submit(worker, NULL, done, NULL), -EINVAL);
	ck_assert_ptr_null(worker_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *t = tcase_create("thread");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, jobs_run_in_order_in_a_thread_of_their_own_and_answer_in_the_callers);
	tcase_add_test(t, the_descriptor_is_quiet_when_nothing_is_to_be_told);
	tcase_add_test(t, a_full_queue_refuses_and_recovers);
	tcase_add_test(t, submitting_never_waits_for_a_job);
	tcase_add_test(t, the_age_of_the_answer_rises_while_it_hangs_and_a_ping_renews_it);
	tcase_add_test(t, a_stopped_worker_accepts_nothing_and_finishes_what_it_has);
	tcase_add_test(t, freeing_answers_every_job_that_was_accepted_once);
	tcase_add_test(t, an_answer_may_submit_the_next_job);
	tcase_add_test(t, signals_are_left_to_the_loop);
	tcase_add_test(t, thousands_of_jobs_are_each_answered_once);
	tcase_add_test(t, nonsense_is_refused);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
