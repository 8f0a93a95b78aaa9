// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gun loses its power in a shot, with the daemon attached: before and after
 * each thing that it does to its memory, and at times between them.  While it is
 * gone all that was reserved stays spent; when it is back, a shot that nobody saw
 * the end of counts in full, and whatever truly left the needle is on record, once.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mesod_fixture.h"
#include "mesod_steps.h"
#include "mesod_trace.h"

#define DOSE_NL  20000
#define SHOTS    2
#define SHOT_MS  140 /* from the trigger until its record is in the gun's memory, and more */
#define TIMES_MS 4
#define STEP_MS  3000
#define RUNS_MAX 60 /* of one syringe and ledger: each takes a prime */

static struct mesod_fixture f;
static struct fixture_ledger before;
static struct fixture_patient patient_before;
static unsigned int runs;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
	runs = 0;
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

static void refresh(void)
{
	if (++runs < RUNS_MAX)
		return;
	teardown();
	setup();
}

/* ---- losing power ----------------------------------------------------------------------- */

/* What the gun does to its memory. */
static bool is_memory(const struct trace_call *call, void *userdata)
{
	char path[256];

	(void)userdata;
	if (call->number != SYS_pwrite64 && call->number != SYS_fdatasync)
		return false;
	return strcmp(mesod_trace_file(f.gun.pid, (int)call->arguments[0], path), f.gun.memory) ==
	       0;
}

static bool shot_told(void *userdata)
{
	(void)userdata;
	mesod_fixture_process(&f);
	return f.shots_told != before.shots;
}

static void arm_and_note(void)
{
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_ledger(&f, &before);
	mesod_fixture_patient(&f, &patient_before);
	mesod_fixture_process(&f);
	f.shots_told = (unsigned int)before.shots;
	mesod_fixture_arm(&f, DOSE_NL, SHOTS);
}

/* True if the shot does that much to the gun's memory. */
static bool lose_power_at(enum trace_deed deed, unsigned int n, unsigned int *ret_calls)
{
	const struct trace_plan plan = {
		.deed = deed, .n = n, .limit_ms = STEP_MS, .counts = is_memory, .over = shot_told
	};
	struct trace_result result;

	arm_and_note();
	gun_fixture_ask(&f.gun, "hand trigger 1");
	mesod_trace_begin(f.gun.pid);
	result = mesod_trace_run(f.gun.pid, &plan);
	*ret_calls = result.calls;
	if (result.end == TRACE_HIT) {
		f.gun.pid = 0;
		return true;
	}
	ck_assert_msg(result.end == TRACE_OVER, "no shot in %d ms", STEP_MS);
	mesod_trace_end(f.gun.pid);
	gun_fixture_signal(&f.gun, SIGKILL);
	return false;
}

/* ---- what is on record --------------------------------------------------------------------- */

static void judge_while_gone(void)
{
	struct fixture_patient patient;

	mesod_fixture_wait_lease_ended(&f);
	ck_assert(!f.last_settled);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_ge(patient.settled_nl + patient.outstanding_nl,
			  patient_before.settled_nl + f.reserved_nl);
}

static void judge_when_back(uint64_t truth_before_fl)
{
	struct fixture_patient patient;
	struct fixture_ledger ledger;
	struct meso_truth truth;
	uint64_t given_nl, spent_nl;

	mesod_fixture_assert_covered(&f);
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_ledger(&f, &ledger);
	mesod_fixture_patient(&f, &patient);
	gun_fixture_truth(&f.gun, &truth);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	ck_assert_uint_le(ledger.shots, before.shots + SHOTS);
	if (ledger.shots == before.shots) {
		/* It had not begun, for it is written down before the plunger moves. */
		ck_assert_uint_eq(truth.delivered_contact_fl, truth_before_fl);
		return;
	}
	given_nl = ledger.delivered_nl - before.delivered_nl;
	spent_nl = patient.settled_nl - patient_before.settled_nl;
	/* Complete, to a hundredth, or unknown, and then as asked: never less.  Who does not know gives
	 * nothing of the reservation back. */
	ck_assert_uint_ge(given_nl, (ledger.shots - before.shots) * DOSE_NL * 99 / 100);
	ck_assert_uint_ge(spent_nl, given_nl % DOSE_NL ? given_nl : f.reserved_nl);
}

static void judge(uint64_t truth_before_fl)
{
	judge_while_gone();
	gun_fixture_restart(&f.gun, NULL);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	if (f.lease_fd >= 0)
		close(f.lease_fd);
	f.lease_fd = -1;
	judge_when_back(truth_before_fl);
	refresh();
}

static uint64_t truth_fl(void)
{
	struct meso_truth truth;

	gun_fixture_truth(&f.gun, &truth);
	return truth.delivered_contact_fl;
}

/* ---- the tests --------------------------------------------------------------------------------- */

START_TEST(a_gun_without_power_at_any_write_to_its_memory_leaves_no_delivery_unrecorded)
{
	static const enum trace_deed deeds[] = { TRACE_KILL, TRACE_KILL_AFTER };
	unsigned int calls = 0, hits = 0;

	lose_power_at(TRACE_COUNT, 0, &calls);
	judge(0);
	ck_assert_uint_ge(calls, 4);
	for (size_t i = 0; i < 2; i++) {
		const unsigned int stride = steps_stride(calls, 1);
		unsigned int n = steps_first(stride), made;
		uint64_t truth_before = truth_fl();

		for (; (steps_every() || n <= calls) && lose_power_at(deeds[i], n, &made);
		     n += stride) {
			judge(truth_before);
			truth_before = truth_fl();
			hits++;
		}
		if (f.gun.pid == 0)
			judge(truth_before);
	}
	fprintf(stderr, "without power at %u of about %u moments of its memory\n", hits, 2 * calls);
	ck_assert_uint_ge(hits, 2);
}
END_TEST

START_TEST(a_gun_without_power_at_any_time_of_a_shot_leaves_no_delivery_unrecorded)
{
	const unsigned int stride = steps_stride(SHOT_MS / TIMES_MS, 3);
	unsigned int times = 0;

	for (unsigned int n = steps_first(stride); n <= SHOT_MS / TIMES_MS; n += stride, times++) {
		const uint64_t truth_before = truth_fl();

		arm_and_note();
		gun_fixture_ask(&f.gun, "hand trigger 1");
		gun_fixture_sleep_ms((int)n * TIMES_MS);
		gun_fixture_signal(&f.gun, SIGKILL);
		judge(truth_before);
	}
	ck_assert_uint_ge(times, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod and a gun without power");
	TCase *tcase = tcase_create("power");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, steps_timeout(60));
	tcase_add_test(
		tcase,
		a_gun_without_power_at_any_write_to_its_memory_leaves_no_delivery_unrecorded);
	tcase_add_test(tcase,
		       a_gun_without_power_at_any_time_of_a_shot_leaves_no_delivery_unrecorded);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
