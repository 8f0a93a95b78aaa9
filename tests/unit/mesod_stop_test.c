// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stops that meet an attempt to arm, and guns that go, freeze or are taken by
 * somebody else in the middle of one: nothing arms after a stop was answered,
 * and every caller gets an answer.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesod_fixture.h"
#include "mesod_trace.h"

#define DEAD_MAN_MS 500

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* ---- calls whose answers come later ------------------------------------------------ */

struct answer {
	bool here;
	char name[64]; /* of the error; "" if it was granted */
	char message[160];
};

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	struct answer *answer = userdata;

	(void)ret_error;
	answer->here = true;
	snprintf(answer->name, sizeof(answer->name), "%s", error ? error->name : "");
	snprintf(answer->message, sizeof(answer->message), "%s", error ? error->message : "");
	return 0;
}

static void send_call(sd_bus *bus, sd_bus_message *call, struct answer *answer)
{
	*answer = (struct answer){ 0 };
	ck_assert_int_ge(sd_bus_call_async(bus, NULL, call, on_answer, answer, 0), 0);
	sd_bus_message_unref(call);
	ck_assert_int_ge(sd_bus_flush(bus), 0);
}

static void send_plain(sd_bus *bus, const char *path, const char *interface, const char *member,
		       struct answer *answer)
{
	sd_bus_message *call = NULL;

	ck_assert_int_ge(sd_bus_message_new_method_call(bus, &call, "org.mesod1", path, interface,
							member),
			 0);
	send_call(bus, call, answer);
}

static void send_arm(struct answer *answer)
{
	sd_bus_message *call = NULL;

	gun_fixture_ask(&f.gun, "hand contact 1");
	ck_assert_int_ge(sd_bus_message_new_method_call(f.bus, &call, "org.mesod1", f.session,
							SESSION, "Arm"),
			 0);
	ck_assert_int_ge(sd_bus_message_append(call, "a{sv}", 4, "dose_nl", "u", 20000u, "shots",
					       "u", 5u, "depth_um", "u", 2000u, "area", "s",
					       FIXTURE_AREA),
			 0);
	send_call(f.bus, call, answer);
}

static void await(sd_bus *bus, const struct answer *answer, int limit_ms)
{
	const int64_t until = gun_fixture_now_ms() + limit_ms;

	while (!answer->here) {
		while (sd_bus_process(bus, NULL) > 0)
			;
		ck_assert_msg(gun_fixture_now_ms() < until, "no answer in %d ms", limit_ms);
		gun_fixture_sleep_ms(2);
	}
}

static uint64_t truth_fl(void)
{
	struct meso_truth truth;

	gun_fixture_truth(&f.gun, &truth);
	return truth.delivered_contact_fl;
}

/* Pulls the trigger for a while: nothing may come. */
static void assert_disarmed(void)
{
	const uint64_t before = truth_fl();
	struct meso_status status;

	gun_fixture_ask(&f.gun, "hand trigger 1");
	for (int i = 0; i < 30; i++) {
		gun_fixture_sleep_ms(10);
		mesod_fixture_status(&f, &status);
		ck_assert_uint_eq(status.state, MESO_STATE_IDLE);
	}
	gun_fixture_ask(&f.gun, "hand trigger 0");
	ck_assert_uint_eq(truth_fl(), before);
}

/* ---- a stop and an attempt to arm ---------------------------------------------------- */

START_TEST(a_stop_ends_an_arm_that_still_waits_for_the_ledger)
{
	static const char *const stops[] = { MANAGER, GUN };
	struct fixture_patient before, after;
	struct answer answer;

	mesod_fixture_ready_to_arm(&f);
	gun_fixture_sleep_ms(200);
	mesod_fixture_patient(&f, &before);
	for (size_t i = 0; i < 2; i++) {
		pid_t worker = mesod_trace_freeze_worker(f.mesod_pid);

		send_arm(&answer);
		ck_assert_int_ge(mesod_call(f.bus, i ? f.gun_path : ROOT, stops[i], "Stop", NULL,
					    NULL, ""),
				 0);
		ck_assert(!answer.here);
		mesod_trace_thaw(worker);
		await(f.bus, &answer, 2000);
		ck_assert_str_eq(answer.name, "org.mesod1.Error.Interlock");
		ck_assert_ptr_nonnull(strstr(answer.message, "stopped meanwhile"));
		assert_disarmed();
		/* what was reserved for it is given back */
		mesod_fixture_patient(&f, &after);
		ck_assert_uint_eq(after.outstanding_nl, 0);
		ck_assert_uint_eq(after.settled_nl, before.settled_nl);
	}
	/* whoever wants to go on asks again */
	mesod_fixture_arm(&f, 20000, 1);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

START_TEST(a_stop_ends_an_arm_that_still_waits_for_pressure)
{
	struct fixture_patient patient;
	struct answer answer;

	mesod_fixture_ready_to_arm(&f);
	gun_fixture_ask(&f.gun, "hand pressure_bias 28000");
	gun_fixture_sleep_ms(150);
	send_arm(&answer);
	gun_fixture_sleep_ms(100);
	mesod_fixture_process(&f);
	ck_assert(!answer.here);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	gun_fixture_ask(&f.gun, "hand pressure_bias 0");
	await(f.bus, &answer, 1000);
	ck_assert_str_eq(answer.name, "org.mesod1.Error.Interlock");
	ck_assert_ptr_nonnull(strstr(answer.message, "stopped meanwhile"));
	assert_disarmed();
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
}
END_TEST

/* A stop, of every gun or of one, has reached mesod from @bus, or if that is NULL from somebody whom it has not met, and
 * the bus says nothing more. */
static sd_bus *stop_and_silence_the_bus(sd_bus *bus, bool one, struct answer *answer)
{
	mesod_fixture_signal(&f, SIGSTOP);
	if (!bus)
		bus = mesod_fixture_connect(&f);
	send_plain(bus, one ? f.gun_path : ROOT, one ? GUN : MANAGER, "Stop", answer);
	/* What was sent before was passed on when this is answered. */
	ck_assert_int_ge(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
					    "org.freedesktop.DBus", "GetId", NULL, NULL, ""),
			 0);
	ck_assert_int_eq(kill(f.bus_pid, SIGSTOP), 0);
	mesod_fixture_signal(&f, SIGCONT);
	return bus;
}

START_TEST(a_stop_does_not_wait_for_a_bus_that_does_not_say_whose_it_is)
{
	struct answer answer;
	struct meso_status status;
	sd_bus *bus;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	bus = stop_and_silence_the_bus(NULL, _i, &answer);
	gun_fixture_wait_disarmed(&f.gun, 150);
	ck_assert_int_eq(kill(f.bus_pid, SIGCONT), 0);
	await(bus, &answer, 2000);
	ck_assert_str_eq(answer.name, "");
	/* It was the stop, and no heart that did not beat. */
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.faults, 0);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_assert_equal(&f);
	sd_bus_close_unref(bus);
}
END_TEST

START_TEST(a_stop_of_somebody_who_left_before_the_bus_could_say_who_it_was_is_done)
{
	struct answer answer;
	sd_bus *bus;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	bus = stop_and_silence_the_bus(NULL, false, &answer);
	sd_bus_close_unref(bus);
	gun_fixture_wait_disarmed(&f.gun, 150);
	ck_assert_int_eq(kill(f.bus_pid, SIGCONT), 0);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(mesod_fixture_daemon_lives(&f));
	mesod_fixture_assert_equal(&f);
}
END_TEST

START_TEST(who_stopped_in_doubt_and_may_not_is_told_so)
{
	struct answer answer;
	sd_bus *bus;

	/* On this bus somebody else counts as root: this test's own uid is nobody. */
	mesod_fixture_stop(&f);
	mesod_fixture_start_bare(&f, NULL, "64999");
	bus = stop_and_silence_the_bus(NULL, false, &answer);
	gun_fixture_sleep_ms(50);
	ck_assert_int_eq(kill(f.bus_pid, SIGCONT), 0);
	await(bus, &answer, 2000);
	ck_assert_str_eq(answer.name, "org.mesod1.Error.Denied");
	ck_assert_ptr_nonnull(strstr(answer.message, "but it was done"));
	sd_bus_close_unref(bus);
}
END_TEST

/* Somebody who may not stop has been on the bus for a while, and stops: was it done before the bus could say who it is? */
static bool is_done_in_doubt(void)
{
	sd_bus *bus = mesod_fixture_connect(&f);
	struct answer answer;
	const char *name;
	bool done;

	/* It is there only when it was asked for something. */
	ck_assert_int_ge(sd_bus_get_unique_name(bus, &name), 0);
	gun_fixture_sleep_ms(100);
	stop_and_silence_the_bus(bus, false, &answer);
	gun_fixture_sleep_ms(50);
	ck_assert_int_eq(kill(f.bus_pid, SIGCONT), 0);
	await(bus, &answer, 2000);
	ck_assert_str_eq(answer.name, "org.mesod1.Error.Denied");
	done = strstr(answer.message, "but it was done");
	sd_bus_close_unref(bus);
	return done;
}

START_TEST(while_a_gun_is_here_mesod_knows_who_is_on_the_bus_before_they_call)
{
	mesod_fixture_stop(&f);
	mesod_fixture_start_bare(&f, NULL, "64999");
	ck_assert(!is_done_in_doubt());
	/* Without one nobody wakes it up. */
	gun_fixture_ask(&f.gun, "unplug");
	gun_fixture_sleep_ms(100);
	ck_assert(is_done_in_doubt());
	gun_fixture_ask(&f.gun, "plug");
}
END_TEST

START_TEST(a_burst_of_one_caller_is_at_his_own_cost_and_never_delays_a_stop)
{
	enum { BURST = 100, STOPS = 80 };
	static struct answer burst[BURST], stops[STOPS];
	struct answer question;
	sd_bus *flooder, *other;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	/* all of it is there before the bus can say who anybody is */
	mesod_fixture_signal(&f, SIGSTOP);
	flooder = mesod_fixture_connect(&f);
	other = mesod_fixture_connect(&f);
	for (int i = 0; i < BURST; i++)
		send_plain(flooder, ROOT, MANAGER, "ListPatients", &burst[i]);
	for (int i = 0; i < STOPS; i++)
		send_plain(other, ROOT, MANAGER, "Stop", &stops[i]);
	send_plain(other, ROOT, MANAGER, "ListOperators", &question);
	gun_fixture_sleep_ms(50);
	mesod_fixture_signal(&f, SIGCONT);
	for (int i = 0; i < STOPS; i++) {
		await(other, &stops[i], 2000);
		ck_assert_str_eq(stops[i].name, "");
	}
	await(other, &question, 2000);
	ck_assert_str_eq(question.name, "");
	gun_fixture_wait_disarmed(&f.gun, 50);
	for (int i = 0; i < BURST; i++) {
		await(flooder, &burst[i], 2000);
		/* How many are too many at once depends on how fast the bus says who it is. */
		if (*burst[i].name)
			ck_assert_str_eq(burst[i].name, "org.mesod1.Error.Limit");
	}
	mesod_fixture_wait_lease_ended(&f);
	sd_bus_close_unref(flooder);
	sd_bus_close_unref(other);
}
END_TEST

/* ---- guns that go, freeze, or are taken ----------------------------------------------- */

START_TEST(a_gun_unplugged_while_an_arm_waits_for_the_ledger_is_settled_when_it_is_back)
{
	struct fixture_patient before, after;
	struct answer answer;
	char *state;
	pid_t worker;

	mesod_fixture_ready_to_arm(&f);
	gun_fixture_sleep_ms(200);
	mesod_fixture_patient(&f, &before);
	worker = mesod_trace_freeze_worker(f.mesod_pid);
	send_arm(&answer);
	state = mesod_fixture_text(&f, f.gun_path, GUN, "State");
	free(state);
	gun_fixture_ask(&f.gun, "unplug");
	gun_fixture_sleep_ms(100);
	ck_assert_int_lt(mesod_call(f.bus, f.gun_path, GUN, "GetSnapshot", NULL, NULL, ""), 0);
	mesod_trace_thaw(worker);
	await(f.bus, &answer, 2000);
	ck_assert_str_eq(answer.name, "org.mesod1.Error.GunGone");
	/* no evidence is made up for a gun that is not there */
	mesod_fixture_patient(&f, &after);
	ck_assert_uint_ge(after.outstanding_nl, 100000);
	mesod_fixture_process_for(&f, 100);
	ck_assert_uint_eq(f.closed, 1);
	close(f.lease_fd);
	f.lease_fd = -1;
	gun_fixture_ask(&f.gun, "plug");
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_patient(&f, &after);
	ck_assert_uint_eq(after.outstanding_nl, 0);
	ck_assert_uint_eq(after.settled_nl, before.settled_nl);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

START_TEST(a_frozen_gun_keeps_nobody_waiting_who_asked_for_its_end)
{
	struct fixture_patient patient;
	struct answer answer;
	int64_t until;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 5);
	mesod_fixture_shoot(&f);
	gun_fixture_signal(&f.gun, SIGSTOP);
	send_plain(f.bus, f.session, SESSION, "Disarm", &answer);
	await(f.bus, &answer, 3000);
	ck_assert_str_eq(answer.name, "org.mesod1.Error.Timeout");
	/* what it may have delivered stays spent, and the session can be left */
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_ge(patient.outstanding_nl, 100000);
	send_plain(f.bus, f.session, SESSION, "Close", &answer);
	await(f.bus, &answer, 1000);
	ck_assert_str_eq(answer.name, "");
	close(f.lease_fd);
	f.lease_fd = -1;
	gun_fixture_signal(&f.gun, SIGCONT);
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	until = gun_fixture_now_ms() + 5000;
	do {
		gun_fixture_sleep_ms(50);
		mesod_fixture_patient(&f, &patient);
		ck_assert_msg(gun_fixture_now_ms() < until, "never settled");
	} while (patient.outstanding_nl);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

static bool is_ready(void)
{
	int ready = -1;

	(void)sd_bus_get_property_trivial(f.bus, "org.mesod1", f.gun_path, GUN, "Ready", NULL, 'b',
					  &ready);
	return ready == 1;
}

START_TEST(a_gun_says_whether_it_has_been_compared_with_the_ledger)
{
	pid_t worker;

	mesod_fixture_wait_reconciled(&f);
	ck_assert(is_ready());
	worker = mesod_trace_freeze_worker(f.mesod_pid);
	gun_fixture_ask(&f.gun, "unplug");
	while (mesod_call(f.bus, f.gun_path, GUN, "GetSnapshot", NULL, NULL, "") >= 0)
		gun_fixture_sleep_ms(5);
	gun_fixture_ask(&f.gun, "plug");
	for (int64_t until = gun_fixture_now_ms() + 5000;
	     mesod_call(f.bus, f.gun_path, GUN, "GetSnapshot", NULL, NULL, "") < 0;)
		ck_assert_msg(gun_fixture_now_ms() < until, "the gun does not come back");
	ck_assert(!is_ready());
	ck_assert_refused(f.bus, "Interlock", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  FIXTURE_PATIENT, 0);
	mesod_trace_thaw(worker);
	for (int64_t until = gun_fixture_now_ms() + 5000; !is_ready();)
		ck_assert_msg(gun_fixture_now_ms() < until, "the gun does not become ready");
	mesod_fixture_open_session(&f);
}
END_TEST

START_TEST(a_session_that_opens_for_a_gun_that_has_gone_is_undone)
{
	sd_bus_message *call = NULL;
	struct answer answer;
	pid_t worker;

	mesod_fixture_wait_reconciled(&f);
	worker = mesod_trace_freeze_worker(f.mesod_pid);
	ck_assert_int_ge(sd_bus_message_new_method_call(f.bus, &call, "org.mesod1", ROOT, MANAGER,
							"OpenSession"),
			 0);
	ck_assert_int_ge(sd_bus_message_append(call, "osa{sv}", f.gun_path, FIXTURE_PATIENT, 0), 0);
	send_call(f.bus, call, &answer);
	gun_fixture_sleep_ms(50);
	gun_fixture_ask(&f.gun, "unplug");
	gun_fixture_sleep_ms(100);
	mesod_trace_thaw(worker);
	await(f.bus, &answer, 2000);
	ck_assert_str_eq(answer.name, "org.mesod1.Error.GunGone");
	gun_fixture_ask(&f.gun, "plug");
	/* neither the gun nor the patient is taken */
	mesod_fixture_open_session(&f);
	mesod_fixture_close_session(&f);
}
END_TEST

/* Takes control in a moment in which mesod has lost it. */
static inj_gun *take_the_gun(void)
{
	inj_gun *thief = NULL;

	mesod_fixture_signal(&f, SIGSTOP);
	/* a shot that mesod has not heard of */
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(100);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	ck_assert_int_eq(inj_gun_open(f.gun.uri, 0, &thief), 0);
	gun_fixture_wait_idle(thief);
	ck_assert_int_eq(inj_gun_acquire(thief), 0);
	return thief;
}

START_TEST(what_another_controller_configured_does_not_survive_the_next_arm)
{
	struct meso_config config;
	struct meso_status status;
	inj_gun *thief;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 5);
	thief = take_the_gun();
	gun_fixture_config(&config);
	config.bore_um = 12060;
	config.dose_nl = 50000;
	config.depth_um = 4000;
	ck_assert_int_eq(inj_gun_configure(thief, &config), 0);
	inj_gun_unref(thief);
	mesod_fixture_signal(&f, SIGCONT);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	/* the same request as before */
	mesod_fixture_arm(&f, 20000, 5);
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.state, MESO_STATE_ARMED);
	ck_assert_uint_eq(status.dose_nl, 20000);
	ck_assert_uint_eq(status.depth_set_um, 2000);
	mesod_fixture_shoot(&f);
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Disarm", NULL, NULL, ""), 0);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

START_TEST(a_gun_that_somebody_else_controls_is_left_to_him_and_taken_back_when_he_lets_go)
{
	const int64_t limit_ms = 5000; /* above the longest pause between two attempts */
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct fixture_patient patient;
	inj_gun *thief;
	int64_t until;
	int r;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 5);
	thief = take_the_gun();
	mesod_fixture_signal(&f, SIGCONT);
	/* what was given is accounted for all the same */
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	ck_assert_int_lt(mesod_fixture_try_arm(&f, 20000, 1, 2000, &error), 0);
	ck_assert_str_eq(error.name, "org.mesod1.Error.Busy");
	ck_assert_ptr_nonnull(strstr(error.message, "somebody else"));
	sd_bus_error_free(&error);
	inj_gun_unref(thief);
	/* nobody asks for it: the records are acknowledged once control is back */
	until = gun_fixture_now_ms() + limit_ms;
	do {
		struct meso_status status;

		gun_fixture_sleep_ms(50);
		mesod_fixture_status(&f, &status);
		r = status.journal_count == 0 && status.flags & MESO_STATUS_OWNED;
		ck_assert_msg(gun_fixture_now_ms() < until, "control was not taken back");
	} while (!r);
	mesod_fixture_arm(&f, 20000, 1);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_assert_covered(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod stops");
	TCase *tcase = tcase_create("stop");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_stop_ends_an_arm_that_still_waits_for_the_ledger);
	tcase_add_test(tcase, a_stop_ends_an_arm_that_still_waits_for_pressure);
	tcase_add_loop_test(tcase, a_stop_does_not_wait_for_a_bus_that_does_not_say_whose_it_is, 0,
			    2);
	tcase_add_test(tcase, while_a_gun_is_here_mesod_knows_who_is_on_the_bus_before_they_call);
	tcase_add_test(tcase,
		       a_stop_of_somebody_who_left_before_the_bus_could_say_who_it_was_is_done);
	tcase_add_test(tcase, who_stopped_in_doubt_and_may_not_is_told_so);
	tcase_add_test(tcase, a_burst_of_one_caller_is_at_his_own_cost_and_never_delays_a_stop);
	tcase_add_test(
		tcase,
		a_gun_unplugged_while_an_arm_waits_for_the_ledger_is_settled_when_it_is_back);
	tcase_add_test(tcase, a_frozen_gun_keeps_nobody_waiting_who_asked_for_its_end);
	tcase_add_test(tcase, a_gun_says_whether_it_has_been_compared_with_the_ledger);
	tcase_add_test(tcase, a_session_that_opens_for_a_gun_that_has_gone_is_undone);
	tcase_add_test(tcase, what_another_controller_configured_does_not_survive_the_next_arm);
	tcase_add_test(
		tcase,
		a_gun_that_somebody_else_controls_is_left_to_him_and_taken_back_when_he_lets_go);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
