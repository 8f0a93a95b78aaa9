// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules that a life before it is needed for: sessions that were, days that have
 * passed, a gun in the hand.  Each at its bounds through D-Bus; days pass by mesod's
 * clock, from one boot to the next.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rules_fixture.h"

#define DAY_S ((int64_t)86400)

static struct mesod_fixture f;
static unsigned int boot;

static void setup(void)
{
	boot = 0;
	rules_start(&f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* ---- time passes ---------------------------------------------------------------------------- */

/* mesod starts again, so many seconds from now. */
static void at_second(int64_t shift_s)
{
	mesod_fixture_signal(&f, SIGTERM);
	mesod_fixture_set_clock(&f, ++boot, shift_s);
	f.days = (int)(shift_s / DAY_S);
	mesod_fixture_run_daemon(&f);
}

static void at_day(int day)
{
	at_second(day * DAY_S);
	rules_assess(&f, FIXTURE_PATIENT, true, true, NULL, NULL);
}

static void load(const char *preparation)
{
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Load", NULL, NULL, "a{sv}", 1,
				    "preparation", "s", preparation),
			 0);
}

static void put_in(const char *cartridge)
{
	gun_fixture_ask(&f.gun, "hand cartridge %s", cartridge);
	mesod_fixture_process_for(&f, 150); /* a frame in rest tells it */
}

/* A session in which a little was given, with a syringe in the hand. */
static void visit(int day, const char *preparation, const char *cartridge)
{
	at_day(day);
	put_in(cartridge);
	mesod_fixture_open_session(&f);
	load(preparation);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "RecordDose", NULL, NULL, "sa{sv}",
				    FIXTURE_PATIENT, 3, "kind", "s", "by-hand", "preparation", "s",
				    preparation, "volume_nl", "u", 1000u),
			 0);
	mesod_fixture_close_session(&f);
}

static void start_course(uint32_t interval_d)
{
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "StartCourse", NULL, NULL, "sa{sv}",
				    FIXTURE_PATIENT, 2, "sessions", "u", 8u, "interval_d", "u",
				    interval_d),
			 0);
}

static struct verdict ask(const char *preparation, const char *rule)
{
	struct asking a = plain_asking();

	a.preparation = preparation;
	return rules_check(&f, FIXTURE_PATIENT, &a, rule, NULL);
}

static struct verdict ask_at_day(int day, const char *rule)
{
	at_day(day);
	return ask("test", rule);
}

/* ---- the course ----------------------------------------------------------------------------------- */

START_TEST(sessions_are_a_week_apart_and_the_plan_may_want_more)
{
	struct verdict v;

	expect(ask("test", "session-interval"), "ok");
	start_course(10);
	visit(0, "test", "1");
	expect(ask("test", "session-interval"), "hard");
	v = ask_at_day(6, "session-interval");
	expect(v, "hard");
	ck_assert_uint_eq(v.asked, 6);
	ck_assert_uint_eq(v.limit, 7);
	ck_assert_uint_eq(v.soft_limit, 10);
	/* it is hard until that second */
	at_second(v.when - (int64_t)time(NULL) - 3);
	expect(ask("test", "session-interval"), "hard");
	at_second(v.when - (int64_t)time(NULL) + 1);
	v = ask("test", "session-interval");
	expect(v, "soft");
	expect(ask_at_day(9, "session-interval"), "soft");
	expect(ask_at_day(10, "session-interval"), "ok");
	expect(ask_at_day(11, "session-interval"), "ok");
}
END_TEST

START_TEST(after_the_sixth_session_they_are_four_weeks_apart)
{
	start_course(7);
	for (int i = 0; i < 5; i++)
		visit(7 * i, "test", "1");
	expect(ask_at_day(35, "late-interval"), "ok"); /* the sixth itself */
	visit(35, "test", "1");
	expect(ask_at_day(35 + 6, "late-interval"), "hard");
	expect(ask_at_day(35 + 7, "late-interval"), "soft");
	expect(ask_at_day(35 + 27, "late-interval"), "soft");
	expect(ask_at_day(35 + 28, "late-interval"), "ok");
}
END_TEST

START_TEST(a_course_has_so_many_sessions_and_is_followed_by_a_pause)
{
	/* a clinic may want fewer than 10 and 15 */
	f.config =
		"[limits]\ncourse-sessions-soft = 1 sessions\ncourse-sessions-hard = 2 sessions\n";
	at_day(0);
	start_course(7);
	expect(ask("test", "course-sessions"), "ok");
	visit(0, "test", "1");
	expect(ask_at_day(7, "course-sessions"), "soft");
	visit(7, "test", "1");
	expect(ask_at_day(14, "course-sessions"), "hard");
	expect(ask("test", "course-gap"), "ok");
	start_course(7);
	expect(ask("test", "course-sessions"), "ok");
	expect(ask("test", "course-gap"), "soft");
	expect(ask_at_day(7 + 89, "course-gap"), "soft");
	expect(ask_at_day(7 + 90, "course-gap"), "ok");
}
END_TEST

static struct verdict ask_tonic(uint32_t amount_ng)
{
	struct asking a = plain_asking();

	a.preparation = "tonic";
	a.dose_nl = 1;
	a.shots = amount_ng;
	return rules_check(&f, FIXTURE_PATIENT, &a, "substance-course", NULL);
}

START_TEST(a_substance_has_its_bounds_of_a_course_an_interval_and_a_number)
{
	start_course(7);
	rules_gave(&f, FIXTURE_PATIENT, "tonic", 4000000, 2 * DAY_S);
	expect(ask_tonic(999999), "ok");
	expect(ask_tonic(1000000), "ok");
	expect(ask_tonic(1000001), "soft");
	expect(ask_tonic(2000000), "soft");
	expect(ask_tonic(2000001), "hard");
	/* ten days from the one to the next: two have passed */
	expect(ask("tonic", "substance-interval"), "hard");
	at_day(7);
	expect(ask("tonic", "substance-interval"), "hard");
	at_day(8);
	expect(ask("tonic", "substance-interval"), "ok");
	/* two sessions with it */
	visit(8, "tonic", "3");
	at_day(18);
	expect(ask("tonic", "substance-sessions"), "ok");
	visit(18, "tonic", "3");
	at_day(28);
	expect(ask("tonic", "substance-sessions"), "hard");
	expect(ask("test", "substance-sessions"), "ok");
}
END_TEST

/* ---- the session, with the gun in the hand ---------------------------------------------------------------- */

static void expect_arm(const struct asking *asking, const char *refusal)
{
	char got[64];

	gun_fixture_ask(&f.gun, "hand contact 1");
	rules_arm(&f, asking, got);
	ck_assert_msg(strcmp(got, refusal) == 0, "wanted \"%s\", got \"%s\"", refusal, got);
}

static void ready(void)
{
	mesod_fixture_open_session(&f);
	gun_fixture_ask(&f.gun, "hand contact 0");
	gun_fixture_ask(&f.gun, "hand syringe 5000000");
	mesod_fixture_process_for(&f, 150);
	load("test");
	mesod_fixture_prime(&f, 60000);
}

START_TEST(a_lease_is_within_what_is_in_the_syringe)
{
	struct asking a = plain_asking();
	struct meso_status status;
	struct verdict v;

	ready();
	mesod_fixture_process_for(&f, 150);
	mesod_fixture_status(&f, &status);
	/* the last whole step of the gun that fifty shots leave room for, and one more */
	a.override = "a large drop";
	a.shots = 50;
	a.dose_nl = status.reservoir_nl / 50 / 100 * 100;
	expect_arm(&a, "");
	expect(rules_in_session(&f, "reservoir"), "ok");
	a.dose_nl += 100;
	expect_arm(&a, "reservoir");
	v = rules_in_session(&f, "reservoir");
	expect(v, "hard");
	ck_assert_uint_eq(v.asked, (uint64_t)a.shots * a.dose_nl);
	ck_assert_uint_eq(v.limit, status.reservoir_nl);
	/* and the session is the patient's alone */
	expect(rules_in_session(&f, "one-patient"), "ok");
}
END_TEST

START_TEST(what_is_in_the_gun_is_what_was_loaded)
{
	struct asking a = plain_asking();

	ready();
	expect_arm(&a, "");
	expect(rules_in_session(&f, "cartridge"), "ok");
	/* somebody puts in another one in the midst of the session */
	put_in("4");
	expect_arm(&a, "cartridge");
	expect(rules_in_session(&f, "cartridge"), "hard");
	put_in("0");
	expect_arm(&a, "cartridge");
	put_in("1");
	expect_arm(&a, "");
	/* what is said to be in it must be in it */
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Load", "a{sv}", 1, "preparation",
			  "s", "lido");
	put_in("0");
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Load", "a{sv}", 1, "preparation",
			  "s", "test");
}
END_TEST

START_TEST(no_more_is_primed_than_twice_the_dead_volume)
{
	struct asking a = plain_asking();

	ready(); /* 60 uL */
	mesod_fixture_prime(&f, 40000);
	ck_assert_refused(f.bus, "DoseLimit", f.session, SESSION, "Prime", "ua{sv}", 1000u, 2,
			  "area", "s", FIXTURE_AREA, "override", "s", "it drips");
	expect(rules_in_session(&f, "prime-volume"), "hard");
	ck_assert_uint_eq(rules_in_session(&f, "prime-volume").spent, 100000);
	/* but a dose is given */
	expect_arm(&a, "");
	expect(rules_in_session(&f, "prime-volume"), "ok");
	/* and another syringe is another one */
	gun_fixture_ask(&f.gun, "hand contact 0");
	gun_fixture_ask(&f.gun, "hand syringe 0");
	mesod_fixture_process_for(&f, 150);
	gun_fixture_ask(&f.gun, "hand syringe 5000000");
	put_in("1");
	load("test");
	mesod_fixture_prime(&f, 60000);
}
END_TEST

START_TEST(a_prime_is_no_faster_than_a_clinic_wants_its_doses)
{
	struct meso_status status;

	f.config = "[limits]\nrate-soft = 2 /s\nrate-hard = 3 /s\n";
	at_second(0);
	rules_assess(&f, FIXTURE_PATIENT, true, true, NULL, NULL);
	ready();
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.rate_mhz, 2000);
}
END_TEST

START_TEST(a_prime_has_shots_as_small_as_its_substances_want_them)
{
	struct meso_status status;

	mesod_fixture_open_session(&f);
	gun_fixture_ask(&f.gun, "hand contact 0");
	put_in("9");
	load("strong");
	mesod_fixture_prime(&f, 60000);
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.dose_nl, 10000);
}
END_TEST

/* A lease as long as a message may ask for; the verdict with the numbers of that very moment. */
static struct verdict length_at(int64_t minutes)
{
	struct asking a = plain_asking();
	char got[64];

	at_second(minutes * 60);
	mesod_fixture_open_session(&f); /* it is resumed */
	load("test");
	a.expiry_ms = 600000;
	gun_fixture_ask(&f.gun, "hand contact 1");
	rules_arm(&f, &a, got);
	return rules_in_session(&f, "session-length");
}

static const char *length_severity(const struct verdict *v)
{
	return v->spent + v->asked > 3600 ? "hard" : v->spent + v->asked > 2700 ? "soft" : "ok";
}

START_TEST(a_session_ends_after_45_minutes_or_for_a_reason_after_an_hour)
{
	static const struct {
		int64_t minutes;
		const char *severity;
	} times[] = { { 34, "ok" }, { 36, "soft" }, { 49, "soft" }, { 51, "hard" } };
	struct verdict v;

	at_second(0);
	rules_assess(&f, FIXTURE_PATIENT, true, true, NULL, NULL);
	ready();
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		v = length_at(times[i].minutes);
		ck_assert_uint_eq(v.limit, 3600);
		ck_assert_uint_eq(v.soft_limit, 2700);
		ck_assert_uint_eq(v.asked, 600);
		ck_assert_str_eq(v.severity, length_severity(&v));
		expect(v, times[i].severity);
	}
}
END_TEST

/* The lease is ended by a fault, which is cleared. */
static void stop_by_fault(void)
{
	struct asking a = plain_asking();
	struct meso_status status;

	mesod_fixture_arm(&f, a.dose_nl, a.shots);
	gun_fixture_ask(&f.gun, "hand temperature 70000");
	mesod_fixture_wait_lease_ended(&f);
	gun_fixture_ask(&f.gun, "hand temperature 25000");
	mesod_fixture_process_for(&f, 200);
	mesod_fixture_status(&f, &status);
	ck_assert_int_ge(mesod_call(f.bus, f.gun_path, GUN, "ClearFaults", NULL, NULL, "astu", 1,
				    "over-temperature", status.boot_id, status.fault_counter),
			 0);
	mesod_fixture_process_for(&f, 200);
}

START_TEST(three_fault_stops_in_ten_minutes_want_a_reason)
{
	struct asking a = plain_asking();
	struct verdict v;

	ready();
	stop_by_fault();
	stop_by_fault();
	expect_arm(&a, "");
	expect(rules_in_session(&f, "fault-stops"), "ok");
	stop_by_fault();
	expect_arm(&a, "fault-stops");
	v = rules_in_session(&f, "fault-stops");
	expect(v, "soft");
	ck_assert_uint_eq(v.spent, 3);
	ck_assert_int_gt(v.when, time(NULL) + 500);
	a.override = "the room is hot";
	expect_arm(&a, "");
}
END_TEST

START_TEST(an_operator_whose_licence_ends_in_a_session_arms_no_more)
{
	struct asking a = plain_asking();
	char today[16], yesterday[16];

	ready();
	rules_date(0, today);
	rules_date(-1, yesterday);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "RenewOperator", NULL, NULL, "uss",
				    (uint32_t)getuid(), "L-1", today),
			 0);
	expect_arm(&a, "");
	expect(rules_in_session(&f, "operator"), "ok");
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "RenewOperator", NULL, NULL, "uss",
				    (uint32_t)getuid(), "L-1", yesterday),
			 0);
	expect_arm(&a, "NotOperator");
	expect(rules_in_session(&f, "operator"), "hard");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod rules lived");
	TCase *tcase = tcase_create("rules");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, sessions_are_a_week_apart_and_the_plan_may_want_more);
	tcase_add_test(tcase, after_the_sixth_session_they_are_four_weeks_apart);
	tcase_add_test(tcase, a_course_has_so_many_sessions_and_is_followed_by_a_pause);
	tcase_add_test(tcase, a_substance_has_its_bounds_of_a_course_an_interval_and_a_number);
	tcase_add_test(tcase, a_lease_is_within_what_is_in_the_syringe);
	tcase_add_test(tcase, what_is_in_the_gun_is_what_was_loaded);
	tcase_add_test(tcase, no_more_is_primed_than_twice_the_dead_volume);
	tcase_add_test(tcase, a_prime_is_no_faster_than_a_clinic_wants_its_doses);
	tcase_add_test(tcase, a_prime_has_shots_as_small_as_its_substances_want_them);
	tcase_add_test(tcase, a_session_ends_after_45_minutes_or_for_a_reason_after_an_hour);
	tcase_add_test(tcase, three_fault_stops_in_ten_minutes_want_a_reason);
	tcase_add_test(tcase, an_operator_whose_licence_ends_in_a_session_arms_no_more);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
