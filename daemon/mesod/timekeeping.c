// SPDX-License-Identifier: GPL-2.0-only
/*
 * See timekeeping.h.
 */
#include "timekeeping.h"

#include <inttypes.h>
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_errors.h"
#include "bus_ledger.h"
#include "clock.h"
#include "dict.h"
#include "macros.h"
#include "mesod.h"

/* ---- what is accepted ----------------------------------------------------------------- */

int timekeeping_run(struct ledger *ledger, struct timekeeping_job *job)
{
	struct ledger_clock now;
	int r;

	r = clock_read(job->clock_file, &now);
	return r < 0 ? r : ledger_accept_clock(ledger, &now, &job->state);
}

void timekeeping_done(struct mesod *mesod, const struct timekeeping_job *job)
{
	if (job->state.accepted && !mesod->clock.accepted)
		log_main(mesod, LOG_INFO, "the clock is accepted for this boot");
	mesod->clock = job->state;
}

/* ---- the judgement ------------------------------------------------------------------------ */

enum clock_verdict timekeeping_judge(const struct mesod *mesod, int64_t *ret_off_s)
{
	struct ledger_clock now;
	int64_t step_s, behind_s;

	*ret_off_s = 0;
	if (clock_read(mesod->options.clock, &now) < 0)
		return CLOCK_UNKNOWN;
	if (__builtin_sub_overflow(mesod->clock.mark_s, now.wall_s, &behind_s))
		behind_s = INT64_MAX;
	if (behind_s > CLOCK_TOLERANCE_S) {
		*ret_off_s = -behind_s;
		return CLOCK_BEHIND;
	}
	if (!mesod->clock.accepted)
		return CLOCK_UNKNOWN;
	step_s = clock_step_s(mesod->clock.offset_ns, now.offset_ns);
	*ret_off_s = step_s;
	return step_s ? CLOCK_STEPPED : CLOCK_OK;
}

int timekeeping_check(const struct mesod *mesod, sd_bus_error *error)
{
	int64_t off_s;

	switch (timekeeping_judge(mesod, &off_s)) {
	case CLOCK_OK:
		return 0;
	case CLOCK_STEPPED:
		return bus_fail(
			error, ERROR_INTERLOCK,
			"the wall clock was set %s by %" PRId64
			" s since it was accepted in this boot (limit=%d s): " CLOCK_WHAT_NOW,
			off_s < 0 ? "back" : "forward", off_s < 0 ? -off_s : off_s,
			CLOCK_TOLERANCE_S);
	case CLOCK_BEHIND:
		return bus_fail(
			error, ERROR_LEDGER,
			"the clock went backwards: it is %" PRId64
			" s before the newest time that the ledger has seen (limit=%d s): " CLOCK_WHAT_NOW,
			-off_s, CLOCK_TOLERANCE_S);
	case CLOCK_UNKNOWN:
		break;
	}
	return bus_fail(error, ERROR_INTERLOCK,
			"the clock could not be compared with the ledger yet: nothing arms");
}

/* ---- properties --------------------------------------------------------------------------- */

int timekeeping_get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	static const char *const names[] = { [CLOCK_OK] = "ok",
					     [CLOCK_STEPPED] = "stepped",
					     [CLOCK_BEHIND] = "behind",
					     [CLOCK_UNKNOWN] = "unknown" };
	int64_t off_s;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append_basic(reply, 's', names[timekeeping_judge(userdata, &off_s)]);
}

int timekeeping_get_number(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error)
{
	const struct mesod *mesod = userdata;
	int64_t value = mesod->clock.mark_s;

	(void)bus;
	(void)path;
	(void)interface;
	(void)error;
	if (strcmp(property, "ClockOffS") == 0)
		timekeeping_judge(mesod, &value);
	else if (strcmp(property, "ClockNowS") == 0)
		value = wall_now_s(mesod);
	return sd_bus_message_append_basic(reply, 'x', &value);
}

/* ---- confirmation ------------------------------------------------------------------------- */

struct confirmation {
	struct question q;
	struct ledger_clock now;
	struct ledger_clock_state state;
	uint32_t uid;
	char reason[LEDGER_REASON_MAX];
};

static int confirm_run(void *owned, void *userdata)
{
	struct confirmation *c = userdata;

	return ledger_confirm_clock(owned, &c->now, c->uid, c->reason, &c->state);
}

static void confirm_done(void *userdata, int r)
{
	struct confirmation *c = userdata;
	struct mesod *mesod = c->q.mesod;

	if (r < 0) {
		question_failed(&c->q, r);
	} else {
		log_main(mesod, LOG_NOTICE, "the clock was confirmed by uid %u: %" PRId64, c->uid,
			 c->now.wall_s);
		mesod->clock = c->state;
		mesod->clock_job.state = c->state;
		(void)sd_bus_reply_method_return(c->q.call, NULL);
	}
	question_free(&c->q);
}

static int confirm_authorized(struct mesod *mesod, sd_bus_message *call,
			      const struct caller *caller, sd_bus_error *error)
{
	struct confirmation *c;
	struct ledger_clock now;
	const char *reason;
	int64_t said_s, off_s;
	int r;

	r = sd_bus_message_read(call, "xs", &said_s, &reason);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = text_check("reason", reason, LEDGER_REASON_MAX, false, error);
	if (r < 0)
		return r;
	r = clock_read(mesod->options.clock, &now);
	if (r < 0)
		return bus_fail(error, ERROR_INTERLOCK, "the clock cannot be read: %s",
				strerrordesc_np(-r));
	if (__builtin_sub_overflow(now.wall_s, said_s, &off_s) || off_s > CLOCK_TOLERANCE_S ||
	    off_s < -CLOCK_TOLERANCE_S)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"now_s=%" PRId64 " is not what the wall clock says, %" PRId64
				" (limit=%d s): set the clock right first",
				said_s, now.wall_s, CLOCK_TOLERANCE_S);
	c = calloc(1, sizeof(*c));
	if (c) {
		c->now = now;
		c->uid = caller->uid;
		TEXT_COPY(c->reason, reason);
	}
	return question_ask(c ? &c->q : NULL, mesod, call, confirm_run, confirm_done, error);
}

int method_confirm_clock(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, confirm_authorized, error);
}
