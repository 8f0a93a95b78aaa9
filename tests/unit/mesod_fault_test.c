// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon's system calls fail under it, one after another, in each step of a
 * lease: the ledger's disk refuses, is full, or takes half of what it is given; the
 * gun's cable or the bus refuses a message.  The running daemon arms nothing that
 * is not on record and goes on telling of the gun; the one that is started after it
 * finds whatever truly left the needle on record, once.
 *
 * A quick run takes a call of each kind of failure and step, another one each time;
 * MESO_TEST_EVERY=1 takes each call.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "mesod_fixture.h"
#include "mesod_steps.h"
#include "mesod_trace.h"

#define DEAD_MAN_MS 500
#define STEP_MS     1500 /* a ledger that failed once is asked again after a second */
#define FEW         4    /* a quick run takes one in so many kinds */
#define GIVE_UP_MS  600  /* for a disk that stays broken */

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

/* ---- which calls ------------------------------------------------------------------------ */

static bool is_ours(const char *path)
{
	return strncmp(path, f.dir, strlen(f.dir)) == 0;
}

/* What is asked of the ledger's disk: all files beside it are its own. */
static bool is_disk(const struct trace_call *call, void *userdata)
{
	char path[256];

	(void)userdata;
	switch (call->number) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_ftruncate:
	case SYS_fallocate:
	case SYS_pread64:
		return is_ours(mesod_trace_file(f.mesod_pid, (int)call->arguments[0], path));
	case SYS_openat:
	case SYS_unlinkat:
	case SYS_renameat:
		return is_ours(mesod_trace_path(f.mesod_pid, call->arguments[1], path));
	case SYS_rename:
	case SYS_unlink:
		return is_ours(mesod_trace_path(f.mesod_pid, call->arguments[0], path));
	default:
		return false;
	}
}

static bool is_write(const struct trace_call *call, void *userdata)
{
	return (call->number == SYS_write || call->number == SYS_pwrite64) &&
	       is_disk(call, userdata);
}

static bool is_message(const struct trace_call *call)
{
	return call->number == SYS_sendmsg || call->number == SYS_sendto ||
	       call->number == SYS_write || call->number == SYS_writev;
}

static bool is_gun(const struct trace_call *call, void *userdata)
{
	char path[256];

	(void)userdata;
	return is_message(call) &&
	       strcmp(mesod_trace_file(f.mesod_pid, (int)call->arguments[0], path), f.gun.socket) ==
		       0;
}

static bool is_bus(const struct trace_call *call, void *userdata)
{
	char path[256];

	(void)userdata;
	return is_message(call) &&
	       strcmp(mesod_trace_file(f.mesod_pid, (int)call->arguments[0], path),
		      strchr(f.address, '/')) == 0;
}

static const struct kind {
	const char *name;
	bool (*counts)(const struct trace_call *call, void *userdata);
	enum trace_deed deed;
	int error;
	bool for_ever;
	bool may_end; /* a daemon without a bus may end */
} kinds[] = {
	{ "I/O error", is_disk, TRACE_FAIL, EIO, false, false },
	{ "I/O errors from there on", is_disk, TRACE_FAIL, EIO, true, false },
	{ "disk full", is_disk, TRACE_FAIL, ENOSPC, false, false },
	{ "disk full from there on", is_disk, TRACE_FAIL, ENOSPC, true, false },
	{ "short write", is_write, TRACE_SHORT, ENOSPC, false, false },
	{ "torn write", is_write, TRACE_SHORT, EIO, false, false },
	{ "the gun's cable", is_gun, TRACE_FAIL, EIO, false, false },
	{ "the bus", is_bus, TRACE_FAIL, EIO, false, true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- one run ---------------------------------------------------------------------------------- */

static struct trace_result run(enum step step, const struct kind *kind, unsigned int n)
{
	const struct trace_plan plan = {
		.deed = n ? kind->deed : TRACE_COUNT,
		.n = n,
		.error = kind->error,
		.for_ever = kind->for_ever,
		.limit_ms = kind->for_ever ? GIVE_UP_MS : STEP_MS,
		.counts = kind->counts,
		.over = steps_over,
		.userdata = &steps,
	};
	struct trace_result result;

	steps_prepare(&steps, step);
	mesod_fixture_ledger(&f, &before);
	mesod_trace_begin(f.mesod_pid);
	steps_begin(&steps);
	result = mesod_trace_run(f.mesod_pid, &plan);
	if (result.end == TRACE_ENDED) {
		f.mesod_pid = 0;
		ck_assert_msg(kind->may_end, "%s at %u of %s: mesod ended", kind->name, n,
			      steps_name(step));
	} else {
		mesod_trace_end(f.mesod_pid);
	}
	return result;
}

/* Whoever thinks what of it: is the gun armed?  If so, it is fired. */
static bool try_gun(void)
{
	struct meso_truth truth;

	gun_fixture_truth(&f.gun, &truth);
	if (!truth.armed)
		return false;
	gun_fixture_ask(&f.gun, "hand trigger 0");
	gun_fixture_sleep_ms(5);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(40);
	return true;
}

static void judge(const struct kind *kind, enum step step, unsigned int n, bool armed)
{
	struct fixture_patient patient;
	struct fixture_ledger ledger;

	mesod_fixture_run_daemon(&f);
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_ledger(&f, &ledger);
	if (step == STEP_ARM)
		ck_assert_msg(!(armed || steps.granted) ||
				      ledger.reservations == before.reservations + 1,
			      "%s at %u: armed, and no reservation", kind->name, n);
	ck_assert_uint_le(ledger.reservations, before.reservations + (step == STEP_ARM));
	ck_assert_uint_eq(ledger.reservations, ledger.settlements);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
}

/* True if the step makes that many calls of this kind. */
static bool fail_at(enum step step, const struct kind *kind, unsigned int n)
{
	const struct trace_result result = run(step, kind, n);
	bool armed = false;

	if (result.end != TRACE_ENDED) {
		ck_assert(mesod_fixture_daemon_lives(&f));
		if (kind->counts == is_disk || kind->counts == is_write)
			mesod_fixture_assert_answers(&f);
		/* Refused is refused: what is not on record is not armed either. */
		armed = try_gun();
		if (step == STEP_ARM && steps.answered && !steps.granted)
			ck_assert_msg(!armed, "%s at %u: refused by %s, and armed", kind->name, n,
				      steps.refused);
		mesod_fixture_signal(&f, SIGKILL);
	}
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	steps_forget(&steps);
	judge(kind, step, n, armed);
	return result.hit;
}

static unsigned int count_calls(enum step step, const struct kind *kind)
{
	const struct trace_result result = run(step, kind, 0);

	ck_assert_msg(result.end == TRACE_OVER, "%s: not over in %d ms, after %u calls",
		      steps_name(step), STEP_MS, result.calls);
	mesod_fixture_signal(&f, SIGKILL);
	steps_forget(&steps);
	mesod_fixture_run_daemon(&f);
	return result.calls;
}

/* Returns how often it was tried. */
static unsigned int fail_all_over(enum step step, const struct kind *kind)
{
	const unsigned int calls = count_calls(step, kind), stride = steps_stride(calls, 1);
	unsigned int runs = 0;

	if (!calls)
		return 0;
	for (unsigned int n = steps_first(stride); steps_every() || n <= calls; n += stride) {
		runs++;
		if (!fail_at(step, kind, n))
			break;
		steps_refresh(&steps);
	}
	fprintf(stderr, "%s: %s, %u times at about %u calls\n", steps_name(step), kind->name, runs,
		calls);
	return runs;
}

START_TEST(whichever_call_fails_nothing_arms_without_a_record_and_every_shot_is_recorded_once)
{
	const unsigned int some = (unsigned int)time(NULL);
	unsigned int runs = 0;

	for (enum step step = STEP_ARM; step < STEPS; step++)
		for (unsigned int i = 0; i < KINDS; i++)
			if (steps_every() || (i + step + some) % FEW == 0)
				runs += fail_all_over(step, &kinds[i]);
	ck_assert_uint_ge(runs, STEPS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod's calls fail");
	TCase *tcase = tcase_create("fault");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, steps_timeout(90));
	tcase_add_test(
		tcase,
		whichever_call_fails_nothing_arms_without_a_record_and_every_shot_is_recorded_once);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
