// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus as a client meets it: who may do what, what is refused and how, and
 * that no call, however it is made, brings the daemon down or the gun up.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "authority.h"
#include "mesod_fixture.h"

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* ---- one controller, one limit ------------------------------------------------------- */

START_TEST(a_second_client_gets_neither_the_gun_nor_the_session)
{
	sd_bus *other = mesod_fixture_connect(&f);

	mesod_fixture_open_session(&f);
	ck_assert_refused(other, "Busy", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  FIXTURE_PATIENT, 0);
	ck_assert_refused(f.bus, "Busy", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  FIXTURE_PATIENT, 0);
	/* the same uid, another connection: the session is not its own */
	ck_assert_refused(other, "Denied", f.session, SESSION, "Load", "a{sv}", 0);
	ck_assert_refused(other, "Denied", f.session, SESSION, "Prime", "ua{sv}", 60000, 1, "area",
			  "s", FIXTURE_AREA);
	ck_assert_refused(other, "Denied", f.session, SESSION, "Arm", "a{sv}", 0);
	ck_assert_refused(other, "Denied", f.session, SESSION, "Disarm", "");
	ck_assert_refused(other, "Denied", f.session, SESSION, "Fire", "t", (uint64_t)1);
	ck_assert_refused(other, "Denied", f.session, SESSION, "KeepAlive", "");
	ck_assert_refused(other, "Denied", f.session, SESSION, "GetDetails", "");
	ck_assert_refused(other, "Denied", f.session, SESSION, "Close", "");
	/* and it could not have controlled the gun beside the daemon either */
	inj_gun *handle = NULL;
	ck_assert_int_eq(inj_gun_open(f.gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_acquire(handle), -EBUSY);
	inj_gun_unref(handle);
	sd_bus_close_unref(other);
}
END_TEST

START_TEST(a_dose_above_a_limit_is_refused_whole_with_rule_numbers_and_a_sentence)
{
	struct fixture_patient before, after;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct meso_status status;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_patient(&f, &before);
	/* above the soft bound of a shot, no reason given */
	ck_assert_int_lt(mesod_fixture_try_arm(&f, 60000, 2, 2000, &error), 0);
	ck_assert_str_eq(error.name, "org.mesod1.Error.DoseLimit");
	ck_assert_ptr_nonnull(strstr(error.message, "rule=shot-volume limit=50 uL"));
	ck_assert_ptr_nonnull(strstr(error.message, " when=never: "));
	sd_bus_error_free(&error);
	/* above the hard bound of depth: no reason helps */
	ck_assert_int_lt(mesod_call(f.bus, f.session, SESSION, "Arm", &error, NULL, "a{sv}", 5,
				    "dose_nl", "u", 20000u, "shots", "u", 2u, "depth_um", "u",
				    4100u, "area", "s", FIXTURE_AREA, "override", "s", "because"),
			 0);
	ck_assert_str_eq(error.name, "org.mesod1.Error.DoseLimit");
	ck_assert_ptr_nonnull(strstr(error.message, "limit=4 mm"));
	sd_bus_error_free(&error);
	mesod_fixture_patient(&f, &after);
	ck_assert_uint_eq(after.outstanding_nl + after.settled_nl,
			  before.outstanding_nl + before.settled_nl);
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.state, MESO_STATE_IDLE);
}
END_TEST

/* ---- stops ----------------------------------------------------------------------------- */

START_TEST(a_closed_lease_descriptor_disarms_settles_and_closes)
{
	char *in_session;
	struct fixture_patient patient;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	mesod_fixture_shoot(&f);
	close(f.lease_fd);
	f.lease_fd = -1;
	gun_fixture_wait_disarmed(&f.gun, 500);
	mesod_fixture_process_for(&f, 200);
	ck_assert_uint_eq(f.closed, 1);
	ck_assert(f.last_settled);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	mesod_fixture_assert_covered(&f);
	in_session = mesod_fixture_text(&f, f.gun_path, GUN, "State");
	free(in_session);
	ck_assert_refused(f.bus, "NoSuchSession", f.session, SESSION, "KeepAlive", "");
}
END_TEST

START_TEST(an_opener_that_leaves_the_bus_loses_its_lease_even_if_somebody_holds_its_descriptor)
{
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	/* the descriptor stays open here, as if a child had it */
	f.bus = sd_bus_close_unref(f.bus);
	gun_fixture_wait_disarmed(&f.gun, 500);
	f.bus = mesod_fixture_connect(&f);
}
END_TEST

START_TEST(a_promised_keep_alive_that_stops_disarms)
{
	sd_bus_message *reply = NULL;
	const char *path;
	int fd;

	mesod_fixture_wait_reconciled(&f);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "OpenSession", NULL, &reply, "osa{sv}",
				    f.gun_path, FIXTURE_PATIENT, 1, "keep_alive", "b", 1),
			 0);
	ck_assert_int_ge(sd_bus_message_read(reply, "oh", &path, &fd), 0);
	snprintf(f.session, sizeof(f.session), "%s", path);
	f.lease_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	sd_bus_message_unref(reply);
	mesod_fixture_load(&f);
	mesod_fixture_prime(&f, 60000);
	mesod_fixture_arm(&f, 20000, 20);
	for (int i = 0; i < 5; i++) {
		struct meso_status status;

		gun_fixture_sleep_ms(500);
		ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "KeepAlive", NULL, NULL, ""),
				 0);
		mesod_fixture_status(&f, &status);
		ck_assert_uint_eq(status.state, MESO_STATE_ARMED);
	}
	ck_assert_int_ge(gun_fixture_wait_disarmed(&f.gun, 2500), 1000);
}
END_TEST

START_TEST(anybody_who_may_stop_stops_somebody_elses_lease)
{
	sd_bus *other = mesod_fixture_connect(&f);

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	ck_assert_int_ge(mesod_call(other, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	gun_fixture_wait_disarmed(&f.gun, 100);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_arm(&f, 20000, 20);
	ck_assert_int_ge(mesod_call(other, f.gun_path, GUN, "Stop", NULL, NULL, ""), 0);
	gun_fixture_wait_disarmed(&f.gun, 100);
	mesod_fixture_wait_lease_ended(&f);
	sd_bus_close_unref(other);
	mesod_fixture_close_session(&f);
}
END_TEST

START_TEST(a_shot_fired_by_call_is_fired_once)
{
	struct meso_status status;
	uint64_t next;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 5);
	mesod_fixture_status(&f, &status);
	next = status.shot_count + 1;
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Fire", NULL, NULL, "t", next), 0);
	gun_fixture_sleep_ms(300);
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Fire", "t", next);
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Fire", "t", next + 5);
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.shot_count, next);
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Disarm", NULL, NULL, ""), 0);
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Fire", "t", next + 1);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_assert_covered(&f);
}
END_TEST

START_TEST(a_prime_that_touches_skin_is_a_dose)
{
	struct fixture_patient patient;

	mesod_fixture_open_session(&f);
	mesod_fixture_load(&f);
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Prime", NULL, NULL, "ua{sv}",
				    100000u, 1, "area", "s", FIXTURE_AREA),
			 0);
	gun_fixture_sleep_ms(5);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(60);
	gun_fixture_ask(&f.gun, "hand contact 1");
	gun_fixture_wait_disarmed(&f.gun, 100);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	mesod_fixture_process_for(&f, 500);
	ck_assert_uint_eq(f.leases_ended, 1);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_gt(patient.settled_nl + patient.outstanding_nl, 0);
	mesod_fixture_assert_covered(&f);
}
END_TEST

/* ---- who ---------------------------------------------------------------------------------- */

START_TEST(authority_follows_uid_registration_and_licence_and_nothing_else)
{
	static const struct {
		struct caller caller;
		bool may[7]; /* administer, configure, read, operate, clear, override, stop */
	} table[] = {
		{ { .uid = 0, .root = true }, { true, true, true, false, false, false, true } },
		{ { .uid = 1000 }, { false, false, false, false, false, false, false } },
		{ { .uid = 1000, .seated = true },
		  { false, false, false, false, false, false, true } },
		{ { .uid = 1000, .judged = true },
		  { true, true, true, false, false, false, false } },
		{ { .uid = 1000, .registered = true },
		  { false, false, false, false, false, false, true } },
		{ { .uid = 1000, .registered = true, .licensed = true },
		  { false, false, true, true, true, true, true } },
		{ { .uid = 0, .root = true, .registered = true, .licensed = true },
		  { true, true, true, true, true, true, true } },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (int action = ACTION_ADMINISTER; action <= ACTION_STOP; action++) {
			sd_bus_error error = SD_BUS_ERROR_NULL;
			int r = authority_decide(&table[i].caller, (enum action)action, &error);

			ck_assert_int_eq(r >= 0, table[i].may[action]);
			ck_assert_int_eq(sd_bus_error_is_set(&error), !table[i].may[action]);
			sd_bus_error_free(&error);
		}
}
END_TEST

/* Every method but those that anybody may call, by a caller who is nobody. */
static void assert_all_refused(sd_bus *bus)
{
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "RegisterOperator", "usss", 4242u, "Eve",
			  "L", "2999-01-01");
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "ListOperators", "");
	ck_assert_refused(bus, "NotOperator", ROOT, MANAGER, "AddPatient", "sssu", "X", "Y",
			  "1980-01-01", 0u);
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "GetPatient", "s", FIXTURE_PATIENT);
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "ListPatients", "");
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "ReviewPatient", "ss", FIXTURE_PATIENT,
			  "why");
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "Check", "sa{sv}", FIXTURE_PATIENT, 0);
	ck_assert_refused(bus, "NotOperator", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  FIXTURE_PATIENT, 0);
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "ListLedger", "tu", (uint64_t)0, 10u);
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "VerifyLedger", "");
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "Stop", "");
	ck_assert_refused(bus, "Denied", f.gun_path, GUN, "Stop", "");
	ck_assert_refused(bus, "NotOperator", f.gun_path, GUN, "ClearFaults", "astu", 1, "air",
			  (uint64_t)1, 1u);
	ck_assert_refused(bus, "Denied", ROOT, MANAGER, "ReloadFormulary", "");
	/* looking is free */
	ck_assert_int_ge(mesod_call(bus, ROOT, MANAGER, "Formulary", NULL, NULL, ""), 0);
	ck_assert_int_ge(mesod_call(bus, f.gun_path, GUN, "GetStatus", NULL, NULL, ""), 0);
	ck_assert_int_ge(mesod_call(bus, f.gun_path, GUN, "GetRegisters", NULL, NULL, ""), 0);
}

START_TEST(a_caller_who_is_neither_root_nor_operator_may_only_look)
{
	/* On this bus somebody else counts as root: this test's own uid is nobody. */
	mesod_fixture_stop(&f);
	mesod_fixture_start_bare(&f, NULL, "64999");
	assert_all_refused(f.bus);
}
END_TEST

START_TEST(another_uid_is_known_by_its_socket_and_may_only_look)
{
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		/* Without privileges nobody can be another uid; that this one is judged by what the bus
		 * says of it is shown by taking its rights away. */
		mesod_fixture_stop(&f);
		mesod_fixture_start_bare(&f, NULL, "64999");
		ck_assert_refused(f.bus, "Denied", ROOT, MANAGER, "Stop", "");
		return;
	}
	pid = fork();
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		assert_all_refused(mesod_fixture_connect(&f));
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(an_operator_whose_licence_has_expired_may_stop_but_not_treat)
{
	mesod_fixture_stop(&f);
	mesod_fixture_start_bare(&f, NULL, NULL);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "RegisterOperator", NULL, NULL, "usss",
				    (uint32_t)getuid(), "Dr. Late", "L-0", "2020-12-31"),
			 0);
	ck_assert_refused(f.bus, "NotOperator", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  "x", 0);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	ck_assert_refused(f.bus, "AlreadyExists", ROOT, MANAGER, "RegisterOperator", "usss",
			  (uint32_t)getuid(), "Dr. Late", "L-0", "2999-12-31");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod bus");
	TCase *tcase = tcase_create("bus");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_second_client_gets_neither_the_gun_nor_the_session);
	tcase_add_test(tcase,
		       a_dose_above_a_limit_is_refused_whole_with_rule_numbers_and_a_sentence);
	tcase_add_test(tcase, a_closed_lease_descriptor_disarms_settles_and_closes);
	tcase_add_test(
		tcase,
		an_opener_that_leaves_the_bus_loses_its_lease_even_if_somebody_holds_its_descriptor);
	tcase_add_test(tcase, a_promised_keep_alive_that_stops_disarms);
	tcase_add_test(tcase, anybody_who_may_stop_stops_somebody_elses_lease);
	tcase_add_test(tcase, a_shot_fired_by_call_is_fired_once);
	tcase_add_test(tcase, a_prime_that_touches_skin_is_a_dose);
	tcase_add_test(tcase, authority_follows_uid_registration_and_licence_and_nothing_else);
	tcase_add_test(tcase, a_caller_who_is_neither_root_nor_operator_may_only_look);
	tcase_add_test(tcase, another_uid_is_known_by_its_socket_and_may_only_look);
	tcase_add_test(tcase, an_operator_whose_licence_has_expired_may_stop_but_not_treat);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
