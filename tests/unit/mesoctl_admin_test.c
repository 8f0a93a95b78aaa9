// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator does with mesoctl, against the real mesod and a simulated
 * gun: what is said, how it exits, and what has changed.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mesod_fixture.h"
#include "mock_mesod.h"

static struct mesod_fixture f;
static struct run run;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
	mesod_fixture_wait_reconciled(&f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

__attribute__((format(printf, 1, 2))) static void go(const char *format, ...)
{
	char arguments[1000];
	va_list args;
	int n = snprintf(arguments, sizeof(arguments), "--address %s ", f.address);

	va_start(args, format);
	vsnprintf(arguments + n, sizeof(arguments) - (size_t)n, format, args);
	va_end(args);
	mesoctl_run(NULL, &run, arguments);
}

#define ck_assert_has(text, part) ck_assert_msg(strstr(text, part), "no \"%s\" in:\n%s", part, text)
#define ck_assert_exit(wanted)                                                                 \
	ck_assert_msg(run.status == (wanted), "exit %d, wanted %d:\n%s%s", run.status, wanted, \
		      run.out, run.err)

/* ---- the clock ------------------------------------------------------------------------ */

static void write_local(time_t when, char text[static 32])
{
	struct tm tm;

	ck_assert_ptr_nonnull(localtime_r(&when, &tm));
	ck_assert_uint_gt(strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm), 0);
}

START_TEST(a_clock_that_was_set_is_shown_explained_and_confirmed)
{
	char now[32];

	go("clock show");
	ck_assert_exit(0);
	ck_assert_has(run.out, "ok");
	mesod_fixture_signal(&f, SIGTERM);
	mesod_fixture_set_clock(&f, 1, 0);
	mesod_fixture_run_daemon(&f);
	mesod_fixture_set_clock(&f, 1, 7200);
	go("clock show");
	ck_assert_exit(7);
	ck_assert_has(run.out, "set forward by 7");
	ck_assert_has(run.out, "mesoctl clock confirm");
	go("--json clock show");
	ck_assert_exit(7);
	ck_assert_has(run.out, "\"state\":\"stepped\"");
	go("doctor");
	ck_assert_exit(7);
	ck_assert_has(run.out, "mesoctl clock confirm");
	/* the time that it is not */
	write_local(time(NULL), now);
	go("clock confirm '%s' --reason 'the wall says so'", now);
	ck_assert_exit(2);
	ck_assert_has(run.err, "set the clock right first");
	write_local(time(NULL) + 7200, now);
	go("clock confirm '%s' --reason 'the wall says so'", now);
	ck_assert_exit(0);
	go("clock show");
	ck_assert_exit(0);
	go("doctor");
	ck_assert_exit(0);
	go("ledger list");
	ck_assert_has(run.out, "the wall says so");
}
END_TEST

START_TEST(who_is_not_root_administers_nothing)
{
	static const char *const commands[] = {
		"clock confirm '2026-11-25 14:05' --reason x",
		"recover close-lost 00112233445566778899aabbccddeeff --reason x",
		"recover attribute G --lease 00112233445566778899aabbccddeeff --patient P-1 --reason x",
		"recover lift MESO-0001 --reason x",
		"patient erase P-1 --reason x --yes",
		"operator erase 1000 --reason x --yes",
	};

	mesod_fixture_signal(&f, SIGTERM);
	f.owner = "4242";
	mesod_fixture_run_daemon(&f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		go("%s", commands[i]);
		ck_assert_exit(5);
		ck_assert_has(run.err, "only root may");
	}
}
END_TEST

/* ---- a gun that does not come back --------------------------------------------------------- */

START_TEST(a_lease_of_a_gun_that_is_gone_is_closed_with_a_reason_and_stays_spent)
{
	struct fixture_patient patient;
	uint64_t reserved_nl;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	reserved_nl = f.reserved_nl;
	mesod_fixture_shoot(&f);
	/* while it is here, it is asked itself */
	go("recover close-lost %s --reason 'I think it is lost'", f.lease);
	ck_assert_exit(7);
	ck_assert_has(run.err, "is plugged in");
	gun_fixture_signal(&f.gun, SIGKILL);
	mesod_fixture_process_for(&f, 300);
	go("recover list");
	ck_assert_exit(0);
	ck_assert_has(run.out, f.lease);
	ck_assert_has(run.out, "if it never comes back");
	go("--json recover list");
	ck_assert_has(run.out, "\"kind\":\"lease\"");
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, reserved_nl);
	go("recover close-lost ffffffffffffffffffffffffffffffff --reason x");
	ck_assert_exit(2);
	ck_assert_has(run.err, "not in the ledger");
	go("recover close-lost ABC --reason x");
	ck_assert_exit(2);
	go("recover close-lost %s --reason 'fell off a boat'", f.lease);
	ck_assert_exit(0);
	go("recover close-lost %s --reason 'fell off a boat'", f.lease);
	ck_assert_exit(2);
	ck_assert_has(run.err, "settled already");
	go("recover list");
	ck_assert_has(run.out, "nothing waits");
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	ck_assert_uint_eq(patient.settled_nl, reserved_nl);
	/* the sea gives it back: its shot is recorded, and nothing is given back */
	gun_fixture_restart(&f.gun, NULL);
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.settled_nl, reserved_nl);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	go("ledger verify");
	ck_assert_exit(0);
}
END_TEST

/* ---- a gun that another ledger used --------------------------------------------------------- */

/* What f's ledger did is unknown to the one that it has from now on. */
static void change_ledger(struct mesod_fixture *other)
{
	*other = f;
	mesod_fixture_signal(&f, SIGKILL);
	other->mesod_pid = 0;
	gun_fixture_wait_disarmed(&f.gun, 500);
	close(f.lease_fd);
	f.lease_fd = -1;
	*f.session = '\0';
	snprintf(f.dir + strlen(f.dir), 3, "-2");
	ck_assert_int_eq(mkdir(f.dir, 0700), 0);
	snprintf(f.mark, sizeof(f.mark), "%s/mark", f.dir);
	mesod_fixture_run_daemon(&f);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "RegisterOperator", NULL, NULL, "usss",
				    (uint32_t)getuid(), "Dr. Other", "L-2", "2999-12-31"),
			 0);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "AddPatient", NULL, NULL, "sssu",
				    FIXTURE_PATIENT, "Jane Doe", "1980-02-29", 70000u),
			 0);
	mesod_fixture_wait_reconciled(&f);
}

static void change_back(const struct mesod_fixture *other)
{
	mesod_fixture_signal(&f, SIGTERM);
	mesod_fixture_remove_directory(f.dir);
	memcpy(f.dir, other->dir, sizeof(f.dir));
	memcpy(f.mark, other->mark, sizeof(f.mark));
}

START_TEST(shots_of_another_ledger_are_attributed_or_discarded_before_the_gun_is_used_again)
{
	static const char serial[] = "MESO-0001";
	struct fixture_patient patient;
	struct fixture_ledger ledger;
	struct mesod_fixture other;
	char treat[40];

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	/* fired while the first ledger's daemon does not look: the gun keeps the record */
	mesod_fixture_signal(&f, SIGSTOP);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(150);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	snprintf(treat, sizeof(treat), "%s", f.lease);
	change_ledger(&other);
	for (int i = 0; i < 100; i++) {
		go("recover list");
		if (strstr(run.out, treat))
			break;
		gun_fixture_sleep_ms(20);
	}
	ck_assert_has(run.out, "in quarantine");
	ck_assert_has(run.out, treat);
	ck_assert_has(run.out, "mesoctl recover attribute");
	go("doctor");
	ck_assert_exit(7);
	ck_assert_has(run.out, "mesoctl recover list");
	go("recover lift %s --reason 'looked at it'", serial);
	ck_assert_exit(7);
	ck_assert_has(run.err, "which patient");
	if (_i == 0) {
		go("recover attribute %s --lease %s --patient P-9 --reason 'x'", serial, treat);
		ck_assert_exit(2);
		go("recover attribute %s --lease %s --patient P-1 --reason 'asked them'", serial,
		   treat);
		ck_assert_exit(0);
		mesod_fixture_patient(&f, &patient);
		/* what the dead man's switch left of it, as the gun has written it down */
		mesod_fixture_ledger(&f, &ledger);
		ck_assert_uint_gt(patient.settled_nl, 1000);
		ck_assert_uint_eq(patient.settled_nl, ledger.delivered_nl);
		go("recover attribute %s --lease %s --patient P-1 --reason 'again'", serial, treat);
		ck_assert_exit(2);
	}
	go("recover lift %s --reason 'looked at it'%s", serial, _i ? " --discard" : "");
	ck_assert_exit(0);
	go("recover list");
	ck_assert_has(run.out, "nothing waits");
	go("recover lift %s --reason 'again'", serial);
	ck_assert_exit(2);
	ck_assert_has(run.err, "not in quarantine");
	/* and it is used again, but not for whom nobody knows what was given */
	mesod_fixture_assess(&f, FIXTURE_PATIENT);
	mesod_fixture_open_session(&f);
	mesod_fixture_load(&f);
	if (_i == 0)
		ck_assert_refused(f.bus, "DoseLimit", f.session, SESSION, "Prime", "ua{sv}", 60000u,
				  1, "area", "s", FIXTURE_AREA);
	else
		mesod_fixture_prime(&f, 60000);
	mesod_fixture_close_session(&f);
	go("ledger verify");
	ck_assert_exit(0);
	change_back(&other);
}
END_TEST

/* ---- faults ---------------------------------------------------------------------------------- */

START_TEST(a_fault_whose_cause_is_gone_is_cleared)
{
	go("clear-fault");
	ck_assert_exit(0);
	ck_assert_has(run.out, "no fault");
	gun_fixture_ask(&f.gun, "hand temperature 70000");
	mesod_fixture_process_for(&f, 200);
	go("clear-fault");
	ck_assert_exit(7);
	gun_fixture_ask(&f.gun, "hand temperature 25000");
	mesod_fixture_process_for(&f, 200);
	go("clear-fault MESO-0001");
	ck_assert_exit(0);
	ck_assert_has(run.out, "over-temperature");
	go("clear-fault");
	ck_assert_has(run.out, "no fault");
}
END_TEST

/* ---- names ------------------------------------------------------------------------------------ */

START_TEST(a_patient_is_erased_by_name_and_stays_by_id)
{
	char id[64] = "";

	go("--json patient list");
	ck_assert_int_eq(sscanf(strstr(run.out, "\"id\":\""), "\"id\":\"%32[0-9a-f]", id), 1);
	mesod_fixture_open_session(&f);
	go("patient erase P-1 --reason 'asked for it' --yes");
	ck_assert_exit(7);
	mesod_fixture_close_session(&f);
	go("patient erase P-9 --reason 'asked for it' --yes");
	ck_assert_exit(2);
	go("patient erase P-1 --reason 'asked for it' --yes");
	ck_assert_exit(0);
	go("patient show P-1");
	ck_assert_exit(2);
	go("patient show %s", id);
	ck_assert_exit(0);
	ck_assert_has(run.out, "(erased)");
	go("--show-identifiers patient list");
	ck_assert_has(run.out, "(erased)");
	ck_assert(!strstr(run.out, "Jane"));
	go("patient erase %s --reason 'again' --yes", id);
	ck_assert_exit(2);
	ck_assert_has(run.err, "already");
	go("check --patient %s --preparation test --area field --dose '20 uL' --shots 1 --depth '2 mm'",
	   id);
	ck_assert_exit(2);
	ck_assert_has(run.err, "was erased");
	ck_assert_refused(f.bus, "NoSuchPatient", ROOT, MANAGER, "OpenSession", "osa{sv}",
			  f.gun_path, id, 0);
	go("ledger verify");
	ck_assert_exit(0);
}
END_TEST

START_TEST(an_operator_who_was_erased_treats_no_more)
{
	go("operator erase %u --reason 'left' --yes", (unsigned int)getuid());
	ck_assert_exit(0);
	go("operator list");
	ck_assert_has(run.out, "(erased)");
	ck_assert_refused(f.bus, "NotOperator", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  "P-1", 0);
	mesod_fixture_signal(&f, SIGTERM);
	mesod_fixture_run_daemon(&f);
	ck_assert_refused(f.bus, "NotOperator", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  "P-1", 0);
	go("operator erase 4242 --reason 'who' --yes");
	ck_assert_exit(2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesoctl admin");
	TCase *t = tcase_create("admin");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_clock_that_was_set_is_shown_explained_and_confirmed);
	tcase_add_test(t, who_is_not_root_administers_nothing);
	tcase_add_test(t, a_lease_of_a_gun_that_is_gone_is_closed_with_a_reason_and_stays_spent);
	tcase_add_loop_test(
		t, shots_of_another_ledger_are_attributed_or_discarded_before_the_gun_is_used_again,
		0, 2);
	tcase_add_test(t, a_fault_whose_cause_is_gone_is_cleared);
	tcase_add_test(t, a_patient_is_erased_by_name_and_stays_by_id);
	tcase_add_test(t, an_operator_who_was_erased_treats_no_more);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
