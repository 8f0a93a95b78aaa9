// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon is killed at one system call after another of each step of a lease,
 * before the call and after it: each moment between two calls is one that others
 * can see.  It is started again on the same ledger, while the gun lives on, and
 * whatever truly left the needle is on record, once.
 *
 * There are too many calls for a quick run: it takes a few that are spread evenly,
 * and begins at another one each time.  MESO_TEST_EVERY=1 leaves none out.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesod_fixture.h"
#include "mesod_steps.h"
#include "mesod_trace.h"

#define DEAD_MAN_MS 500
#define STEP_MS     3000
#define FEW         2

static struct mesod_fixture f;
static struct steps steps;
static struct fixture_ledger before; /* the step */

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
	steps_start(&steps, &f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* ---- one run --------------------------------------------------------------------------------- */

static struct trace_result run(enum step step, enum trace_deed deed, unsigned int n)
{
	const struct trace_plan plan = {
		.deed = deed, .n = n, .limit_ms = STEP_MS, .over = steps_over, .userdata = &steps
	};

	steps_prepare(&steps, step);
	mesod_fixture_ledger(&f, &before);
	mesod_trace_begin(f.mesod_pid);
	steps_begin(&steps);
	return mesod_trace_run(f.mesod_pid, &plan);
}

/* Invariants 1 to 3, by the fluid, the gun's own numbers, and what the client was told. */
static void judge(enum step step)
{
	struct fixture_patient patient;
	struct fixture_ledger ledger;

	mesod_fixture_run_daemon(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	mesod_fixture_ledger(&f, &ledger);
	ck_assert_uint_eq(ledger.incidents, 0);
	ck_assert_uint_eq(ledger.reservations, ledger.settlements);
	ck_assert_uint_ge(ledger.reservations,
			  before.reservations + (step == STEP_ARM && steps.granted));
	ck_assert_uint_le(ledger.reservations, before.reservations + (step == STEP_ARM));
}

/* True if the step made that many calls. */
static bool die_at(enum step step, enum trace_deed deed, unsigned int n)
{
	const struct trace_result result = run(step, deed, n);

	ck_assert_int_ne(result.end, TRACE_ENDED);
	if (result.end != TRACE_HIT) {
		mesod_trace_end(f.mesod_pid);
		ck_assert_msg(result.end == TRACE_OVER, "%s: not over in %d ms", steps_name(step),
			      STEP_MS);
		mesod_fixture_signal(&f, SIGKILL);
	}
	f.mesod_pid = 0;
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	steps_forget(&steps);
	judge(step);
	return result.end == TRACE_HIT;
}

/* How many calls a step makes when nobody kills anybody. */
static unsigned int count_calls(enum step step)
{
	struct trace_result result = run(step, TRACE_COUNT, 0);

	ck_assert_msg(result.end == TRACE_OVER, "%s: not over in %d ms, after %u calls",
		      steps_name(step), STEP_MS, result.calls);
	mesod_trace_end(f.mesod_pid);
	mesod_fixture_signal(&f, SIGKILL);
	steps_forget(&steps);
	mesod_fixture_run_daemon(&f);
	return result.calls;
}

/* Returns at how many moments it was killed. */
static unsigned int kill_all_over(enum step step, enum trace_deed deed, unsigned int calls)
{
	const unsigned int stride = steps_stride(calls, FEW);
	/* Before and after take other places, if not all. */
	const unsigned int shift = deed == TRACE_KILL ? 0 : stride / 2;
	unsigned int n = (steps_first(stride) + shift) % stride + 1, runs = 0;

	for (; die_at(step, deed, n); n += stride) {
		runs++;
		steps_refresh(&steps);
	}
	fprintf(stderr, "%s: killed %s %u calls of about %u\n", steps_name(step),
		deed == TRACE_KILL ? "before" : "after", runs, calls);
	return runs;
}

START_TEST(whichever_call_the_daemon_dies_at_every_shot_is_recorded_once)
{
	for (enum step step = STEP_ARM; step < STEPS; step++) {
		const unsigned int calls = count_calls(step);

		ck_assert_uint_gt(calls, 20);
		ck_assert_uint_ge(kill_all_over(step, TRACE_KILL, calls), 1);
		ck_assert_uint_ge(kill_all_over(step, TRACE_KILL_AFTER, calls), 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod is killed");
	TCase *tcase = tcase_create("kill");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, steps_timeout(60));
	tcase_add_test(tcase, whichever_call_the_daemon_dies_at_every_shot_is_recorded_once);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
