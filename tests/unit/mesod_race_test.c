// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sixty-four clients want what is left for one patient, which is one dose: one
 * gets it, whoever comes first, on one gun or on several; all others are told
 * why not, and the books balance.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesod_fixture.h"

#define CLIENTS  64
#define GUNS     3
#define DOSE_NL  40000
#define RACE_MS  20000
#define BUSY     "org.mesod1.Error.Busy"
#define DENIED   "org.mesod1.Error.Denied"
#define LIMIT    "org.mesod1.Error.DoseLimit"
#define GONE     "org.mesod1.Error.NoSuchGun"
#define MANY     "org.mesod1.Error.Limit"
#define COMPARED "org.mesod1.Error.Interlock"

/* One shot and what it may overshoot by fit, and so does the prime before it; after it no second one does. */
static const char one_dose_left[] = "[limits]\npatient-24h-volume-soft = 100 uL\n"
				    "patient-24h-volume-hard = 100 uL\n";

static struct mesod_fixture f;
static struct gun_fixture guns[GUNS]; /* the first is f's own */
static const char *sockets[GUNS];     /* of the others, ended by NULL */

static void setup(void)
{
	memset(sockets, 0, sizeof(sockets));
	for (unsigned int i = 1; i < GUNS; i++) {
		char serial[32];
		const char *const extra[] = { serial, NULL };

		snprintf(serial, sizeof(serial), "--serial=RACE-%u", i);
		gun_fixture_start(&guns[i], extra);
		sockets[i - 1] = guns[i].socket;
	}
	mesod_fixture_start(&f, NULL);
	guns[0] = f.gun;
	mesod_fixture_signal(&f, SIGTERM);
	f.config = one_dose_left;
	f.more_guns = sockets;
	mesod_fixture_run_daemon(&f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
	for (unsigned int i = 1; i < GUNS; i++)
		gun_fixture_stop(&guns[i]);
}

/* A session on that gun which leaves it primed. */
static void prime_gun(const struct gun_fixture *gun)
{
	struct mesod_fixture client;

	mesod_fixture_client(&f, gun, &client);
	mesod_fixture_ready_to_arm(&client);
	mesod_fixture_close_session(&client);
	mesod_fixture_client_leave(&client);
}

/* ---- one client ----------------------------------------------------------------------- */

struct racer {
	pthread_t thread;
	unsigned int first_gun;
	unsigned int n_guns;
	/* What it does with what it won, before it leaves. */
	void (*enjoy)(struct mesod_fixture *client);
	bool won;
	unsigned int busy; /* how often it was told so */
	char refused[64];  /* what ended it */
	char session[64];  /* whose session it tries to use, for strangers */
	uint64_t reserved_nl;
};

static pthread_barrier_t start;

static bool is_busy(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, BUSY) || sd_bus_error_has_name(error, MANY) ||
	       sd_bus_error_has_name(error, COMPARED);
}

/* Until it has a session, on whichever of its guns. */
static void win_session(struct racer *racer, struct mesod_fixture *client)
{
	const int64_t until = gun_fixture_now_ms() + RACE_MS;
	unsigned int gun = racer->first_gun, seed = gun + (unsigned int)(uintptr_t)racer;

	for (;;) {
		sd_bus_error error = SD_BUS_ERROR_NULL;

		if (mesod_fixture_try_open_session(client, &error) >= 0)
			return;
		if (sd_bus_error_has_name(&error, GONE)) {
			gun = (gun + 1) % racer->n_guns;
			mesod_fixture_client_leave(client);
			mesod_fixture_client(&f, &guns[gun], client);
		} else {
			ck_assert_msg(is_busy(&error), "%s: %s", error.name, error.message);
			racer->busy++;
			gun_fixture_sleep_ms(1 + rand_r(&seed) % 30);
		}
		sd_bus_error_free(&error);
		ck_assert_msg(gun_fixture_now_ms() < until, "no session in %d ms", RACE_MS);
	}
}

static void *race(void *userdata)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct racer *racer = userdata;
	struct mesod_fixture client;

	mesod_fixture_client(&f, &guns[racer->first_gun], &client);
	pthread_barrier_wait(&start);
	win_session(racer, &client);
	mesod_fixture_load_again(&client);
	if (mesod_fixture_try_arm(&client, DOSE_NL, 1, 2000, &error) >= 0) {
		racer->won = true;
		racer->reserved_nl = client.reserved_nl;
		racer->enjoy(&client);
	} else {
		snprintf(racer->refused, sizeof(racer->refused), "%s", error.name);
		mesod_fixture_close_session(&client);
	}
	sd_bus_error_free(&error);
	mesod_fixture_client_leave(&client);
	return NULL;
}

static void run(struct racer racers[static CLIENTS], void *(*runner)(void *))
{
	ck_assert_int_eq(pthread_barrier_init(&start, NULL, CLIENTS), 0);
	for (unsigned int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, runner, &racers[i]), 0);
	for (unsigned int i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(pthread_join(racers[i].thread, NULL), 0);
	pthread_barrier_destroy(&start);
}

/* One won, the others were told that nothing is left; returns what was reserved. */
static uint64_t assert_one_winner(const struct racer racers[static CLIENTS])
{
	unsigned int won = 0, busy = 0;
	uint64_t reserved_nl = 0;

	for (unsigned int i = 0; i < CLIENTS; i++) {
		busy += racers[i].busy;
		if (racers[i].won) {
			won++;
			reserved_nl += racers[i].reserved_nl;
		} else {
			ck_assert_str_eq(racers[i].refused, LIMIT);
		}
	}
	ck_assert_uint_eq(won, 1);
	ck_assert_msg(busy > 0, "nobody was in anybody's way: that was no race");
	return reserved_nl;
}

/* ---- the tests -------------------------------------------------------------------------- */

/* Gives it: the shot is delivered, recorded and settled before the session closes. */
static void shoot(struct mesod_fixture *client)
{
	gun_fixture_sleep_ms(5);
	mesod_fixture_shoot(client);
	mesod_fixture_wait_lease_ended(client);
	ck_assert(client->last_settled);
	mesod_fixture_close_session(client);
}

START_TEST(of_sixty_four_clients_one_gives_the_last_dose)
{
	static struct racer racers[CLIENTS];
	struct fixture_ledger before, after;
	struct fixture_patient patient;

	prime_gun(&guns[0]);
	mesod_fixture_ledger(&f, &before);
	for (unsigned int i = 0; i < CLIENTS; i++)
		racers[i] = (struct racer){ .n_guns = 1, .enjoy = shoot };
	run(racers, race);
	ck_assert_uint_ge(assert_one_winner(racers), DOSE_NL);
	mesod_fixture_ledger(&f, &after);
	ck_assert_uint_eq(after.reservations, before.reservations + 1);
	ck_assert_uint_eq(after.shots, before.shots + 1);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	ck_assert_uint_le(patient.settled_nl, 100000);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

/* Leaves it open for ever: the gun is pulled off its cable with a lease that nobody can settle. */
static void pull_plug(struct mesod_fixture *client)
{
	const int64_t until = gun_fixture_now_ms() + 2000;
	struct meso_truth truth;

	do {
		ck_assert_msg(gun_fixture_now_ms() < until, "no shot begins");
		gun_fixture_ask(&client->gun, "hand trigger 0");
		gun_fixture_sleep_ms(5);
		gun_fixture_ask(&client->gun, "hand trigger 1");
		gun_fixture_sleep_ms(30);
		gun_fixture_truth(&client->gun, &truth);
	} while (!truth.delivered_contact_fl);
	gun_fixture_ask(&client->gun, "unplug");
	mesod_fixture_wait_lease_ended(client);
	ck_assert(!client->last_settled);
}

START_TEST(of_sixty_four_clients_on_several_guns_one_gets_the_patients_last_dose)
{
	static struct racer racers[CLIENTS];
	struct fixture_ledger before, after;
	struct fixture_patient patient;
	uint64_t delivered_fl = 0, reserved_nl;

	for (unsigned int i = 0; i < GUNS; i++)
		prime_gun(&guns[i]);
	mesod_fixture_ledger(&f, &before);
	for (unsigned int i = 0; i < CLIENTS; i++)
		racers[i] =
			(struct racer){ .first_gun = i % GUNS, .n_guns = GUNS, .enjoy = pull_plug };
	run(racers, race);
	reserved_nl = assert_one_winner(racers);
	for (unsigned int i = 0; i < GUNS; i++) {
		struct meso_truth truth;

		gun_fixture_truth(&guns[i], &truth);
		delivered_fl += truth.delivered_contact_fl;
	}
	mesod_fixture_ledger(&f, &after);
	ck_assert_uint_eq(after.reservations, before.reservations + 1);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.settled_nl, 0);
	ck_assert_uint_eq(patient.outstanding_nl, reserved_nl);
	ck_assert_uint_gt(delivered_fl, 0);
	ck_assert_uint_le(delivered_fl, reserved_nl * 1000000);
	ck_assert_uint_le(patient.settled_nl + patient.outstanding_nl, 100000);
}
END_TEST

struct answer {
	unsigned int *granted;
	unsigned int *busy;
	unsigned int *answered;
};

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	struct answer *answer = userdata;

	(void)ret_error;
	++*answer->answered;
	if (!error)
		++*answer->granted;
	else if (sd_bus_error_has_name(error, BUSY))
		++*answer->busy;
	return 0;
}

/* Somebody else's session, whose path anybody may know. */
static void *intrude(void *userdata)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct racer *racer = userdata;
	struct mesod_fixture client;

	mesod_fixture_client(&f, &guns[0], &client);
	snprintf(client.session, sizeof(client.session), "%s", racer->session);
	pthread_barrier_wait(&start);
	for (int i = 0; i < 8; i++) {
		sd_bus_message *call = mesod_fixture_new_arm(&client, DOSE_NL, 1, 2000);

		sd_bus_error_free(&error);
		if (sd_bus_call(client.bus, call, 0, &error, NULL) >= 0)
			racer->won = true;
		else
			snprintf(racer->refused, sizeof(racer->refused), "%s", error.name);
		sd_bus_message_unref(call);
	}
	sd_bus_error_free(&error);
	mesod_fixture_client_leave(&client);
	return NULL;
}

START_TEST(of_many_requests_in_one_session_one_is_granted_and_strangers_get_none)
{
	static struct racer racers[CLIENTS];
	unsigned int granted = 0, busy = 0, answered = 0;
	struct answer answer = { &granted, &busy, &answered };
	const int64_t until = gun_fixture_now_ms() + RACE_MS;
	struct fixture_ledger before, after;
	struct fixture_patient patient;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_ledger(&f, &before);
	gun_fixture_ask(&f.gun, "hand contact 1");
	for (int i = 0; i < CLIENTS; i++) {
		sd_bus_message *call = mesod_fixture_new_arm(&f, DOSE_NL, 1, 2000);

		ck_assert_int_ge(sd_bus_call_async(f.bus, NULL, call, on_answer, &answer, 0), 0);
		sd_bus_message_unref(call);
	}
	for (unsigned int i = 0; i < CLIENTS; i++) {
		racers[i] = (struct racer){ 0 };
		snprintf(racers[i].session, sizeof(racers[i].session), "%s", f.session);
	}
	ck_assert_int_ge(sd_bus_flush(f.bus), 0);
	run(racers, intrude);
	while (answered < CLIENTS) {
		mesod_fixture_process(&f);
		ck_assert_msg(gun_fixture_now_ms() < until, "%u answers", answered);
		gun_fixture_sleep_ms(1);
	}
	ck_assert_uint_eq(granted, 1);
	ck_assert_uint_eq(busy, CLIENTS - 1);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		ck_assert(!racers[i].won);
		ck_assert_str_eq(racers[i].refused, DENIED);
	}
	mesod_fixture_ledger(&f, &after);
	ck_assert_uint_eq(after.reservations, before.reservations + 1);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_le(patient.settled_nl + patient.outstanding_nl, 100000);
	mesod_fixture_close_session(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod races");
	TCase *tcase = tcase_create("race");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 40);
	tcase_add_test(tcase, of_sixty_four_clients_one_gives_the_last_dose);
	tcase_add_test(tcase,
		       of_sixty_four_clients_on_several_guns_one_gets_the_patients_last_dose);
	tcase_add_test(tcase,
		       of_many_requests_in_one_session_one_is_granted_and_strangers_get_none);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
