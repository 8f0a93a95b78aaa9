// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mesod_steps.h.
 */
#include "mesod_steps.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DOSE_NL  5000
#define SHOTS    3
#define DEPTH_UM 2000
#define PRESS_MS 250 /* a pull that the gun did not see by then, it never will */
#define RUNS_MAX \
	200 /* of a syringe of 5 mL, three shots each; and a short ledger is walked sooner */
#define LONG_TIER_S 7200

const char *steps_name(enum step step)
{
	static const char *const names[STEPS] = { "arm", "fire", "settle", "close" };

	return names[step];
}

/* ---- before it -------------------------------------------------------------------------- */

void steps_start(struct steps *steps, struct mesod_fixture *f)
{
	*steps = (struct steps){ .f = f };
	mesod_fixture_ready_to_arm(f);
	/* The pressure of the prime is gone when the first run begins, as in all others. */
	gun_fixture_sleep_ms(200);
	mesod_fixture_close_session(f);
}

void steps_refresh(struct steps *steps)
{
	struct mesod_fixture *f = steps->f;

	if (++steps->runs < RUNS_MAX)
		return;
	mesod_fixture_stop(f);
	mesod_fixture_start(f, NULL);
	steps_start(steps, f);
}

void steps_prepare(struct steps *steps, enum step step)
{
	struct mesod_fixture *f = steps->f;

	steps->step = step;
	mesod_fixture_wait_reconciled(f);
	mesod_fixture_next_patient(f);
	mesod_fixture_open_session(f);
	mesod_fixture_load_again(f);
	gun_fixture_ask(&f->gun, "hand contact 1");
	if (step == STEP_ARM)
		return;
	mesod_fixture_arm(f, DOSE_NL, SHOTS);
	if (step == STEP_FIRE)
		return;
	mesod_fixture_shoot(f);
	if (step == STEP_SETTLE)
		return;
	ck_assert_int_ge(mesod_call(f->bus, f->session, SESSION, "Disarm", NULL, NULL, ""), 0);
	mesod_fixture_wait_lease_ended(f);
}

/* ---- it ------------------------------------------------------------------------------------ */

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	struct steps *steps = userdata;
	const char *lease;
	uint64_t reserved_nl;

	(void)ret_error;
	steps->answered = true;
	steps->granted = !error;
	snprintf(steps->refused, sizeof(steps->refused), "%s", error ? error->name : "");
	snprintf(steps->message, sizeof(steps->message), "%s", error ? error->message : "");
	if (error || steps->step != STEP_ARM)
		return 0;
	ck_assert_int_ge(sd_bus_message_read(reply, "st", &lease, &reserved_nl), 0);
	snprintf(steps->f->lease, sizeof(steps->f->lease), "%s", lease);
	return 0;
}

static void send_call(struct steps *steps, const char *member)
{
	sd_bus_message *call = NULL;
	sd_bus *bus = steps->f->bus;

	if (member)
		ck_assert_int_ge(sd_bus_message_new_method_call(bus, &call, "org.mesod1",
								steps->f->session, SESSION, member),
				 0);
	else
		call = mesod_fixture_new_arm(steps->f, DOSE_NL, SHOTS, DEPTH_UM);
	ck_assert_int_ge(sd_bus_call_async(bus, &steps->slot, call, on_answer, steps, 0), 0);
	sd_bus_message_unref(call);
	ck_assert_int_ge(sd_bus_flush(bus), 0);
}

static void pull(struct steps *steps)
{
	gun_fixture_ask(&steps->f->gun, "hand trigger 1");
	steps->pulled_ms = gun_fixture_now_ms();
}

void steps_begin(struct steps *steps)
{
	/* The answer that a dead daemon owes comes from the bus, some time. */
	steps->slot = sd_bus_slot_unref(steps->slot);
	steps->answered = steps->granted = false;
	*steps->refused = *steps->message = '\0';
	steps->shots = steps->f->shots_told;
	switch (steps->step) {
	case STEP_ARM:
		send_call(steps, NULL);
		return;
	case STEP_FIRE:
		pull(steps);
		return;
	case STEP_SETTLE:
		send_call(steps, "Disarm");
		return;
	case STEP_CLOSE:
		send_call(steps, "Close");
		return;
	case STEPS:
		break;
	}
	ck_abort_msg("no such step");
}

bool steps_over(void *userdata)
{
	struct steps *steps = userdata;
	struct mesod_fixture *f = steps->f;

	mesod_fixture_process(f);
	switch (steps->step) {
	case STEP_FIRE:
		if (f->shots_told != steps->shots)
			return true;
		if (gun_fixture_now_ms() < steps->pulled_ms + PRESS_MS)
			return false;
		gun_fixture_ask(&f->gun, "hand trigger 0");
		gun_fixture_sleep_ms(5);
		pull(steps);
		return false;
	case STEP_SETTLE:
		return strcmp(f->ended, f->lease) == 0;
	default:
		return steps->answered;
	}
}

void steps_forget(struct steps *steps)
{
	steps->slot = sd_bus_slot_unref(steps->slot);
	gun_fixture_ask(&steps->f->gun, "hand trigger 0");
	if (steps->f->lease_fd >= 0)
		close(steps->f->lease_fd);
	steps->f->lease_fd = -1;
}

/* ---- how many -------------------------------------------------------------------------------- */

bool steps_every(void)
{
	return getenv("MESO_TEST_EVERY") != NULL;
}

unsigned int steps_stride(unsigned int count, unsigned int few)
{
	return steps_every() || count < few ? 1 : (count + few - 1) / few;
}

unsigned int steps_first(unsigned int stride)
{
	return 1 + (unsigned int)time(NULL) % stride;
}

int steps_timeout(int short_s)
{
	return steps_every() ? LONG_TIER_S : short_s;
}
