// SPDX-License-Identifier: GPL-2.0-only
/*
 * See bus_recover.h.
 */
#include "bus_recover.h"

#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_errors.h"
#include "bus_ledger.h"
#include "dict.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"

#define GUNS_MAX 64 /* more are not plugged into one machine */

struct recovery_question {
	struct question q;
	uint32_t uid;
	char reason[LEDGER_REASON_MAX];
	char serial[MESO_SERIAL_LEN];
	uint8_t lease_id[MESO_LEASE_ID_LEN];
	char lease[LEASE_TEXT_MAX];
	/* CloseLost */
	char present[GUNS_MAX][MESO_SERIAL_LEN]; /* guns that are plugged in */
	size_t n_present;
	/* LiftQuarantine */
	struct gun *gun;
	struct ledger_gun numbers;
	bool discard;
	/* AttributeShots */
	char asked[LEDGER_NAME_MAX];
	struct ledger_patient patient;
	bool live; /* the patient has a reservation that is not settled */
};

/* ---- arguments ------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_lease(const char *text, uint8_t ret[MESO_LEASE_ID_LEN], sd_bus_error *error)
{
	uint8_t id[MESO_LEASE_ID_LEN] = { 0 };
	size_t length = strnlen(text, LEASE_TEXT_MAX);

	for (size_t i = 0; i < length; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0 || length != LEASE_TEXT_MAX - 1)
			length = 0;
		else
			id[i / 2] = (uint8_t)(id[i / 2] << 4 | digit);
	}
	if (length == 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"lease=\"%.40s\" is no lease: 32 digits of 0-9a-f are needed",
				text);
	memcpy(ret, id, sizeof(id));
	return 0;
}

static int read_serial(const char *text, char ret[static MESO_SERIAL_LEN], sd_bus_error *error)
{
	int r = text_check("serial", text, MESO_SERIAL_LEN, false, error);

	if (r >= 0)
		text_copy(ret, MESO_SERIAL_LEN, text);
	return r;
}

static int read_reason(const char *text, char ret[static LEDGER_REASON_MAX], sd_bus_error *error)
{
	int r = text_check("reason", text, LEDGER_REASON_MAX, false, error);

	if (r >= 0)
		text_copy(ret, LEDGER_REASON_MAX, text);
	return r;
}

static struct gun *find_gun(struct mesod *mesod, const char *serial)
{
	for (struct gun *gun = mesod->guns; gun; gun = gun->next)
		if (strcmp(gun->serial, serial) == 0)
			return gun;
	return NULL;
}

/* Takes over what @draft holds. */
static int submit(struct mesod *mesod, sd_bus_message *call, const struct recovery_question *draft,
		  worker_run_fn run, worker_done_fn done, sd_bus_error *error)
{
	struct recovery_question *c = malloc(sizeof(*c));

	if (!c) {
		gun_unref(draft->gun);
		return question_ask(NULL, mesod, call, run, done, error);
	}
	*c = *draft;
	return question_ask(&c->q, mesod, call, run, done, error);
}

/* ---- a gun that does not come back ---------------------------------------------------------- */

static int close_lost_run(void *owned, void *userdata)
{
	struct recovery_question *c = userdata;
	int r;

	r = ledger_lease_gun(owned, c->lease_id, c->serial);
	for (size_t i = 0; r >= 0 && i < c->n_present; i++)
		if (strcmp(c->present[i], c->serial) == 0)
			r = -EBUSY;
	return r < 0 ? r
		     : ledger_close_lost(owned, c->q.now_s, c->lease_id, c->uid, c->reason, NULL);
}

static void close_lost_done(void *userdata, int r)
{
	struct recovery_question *c = userdata;

	switch (-r) {
	case 0:
		log_main(c->q.mesod, LOG_NOTICE, "lease %s of gun %s was closed as lost by uid %u",
			 c->lease, c->serial, c->uid);
		(void)sd_bus_reply_method_return(c->q.call, NULL);
		break;
	case ENOENT:
		bus_reply_error(c->q.call, ERROR_INVALID_ARGUMENT, "lease=%s is not in the ledger",
				c->lease);
		break;
	case EALREADY:
		bus_reply_error(c->q.call, ERROR_INVALID_ARGUMENT, "lease=%s is settled already",
				c->lease);
		break;
	case EBUSY:
		bus_reply_error(c->q.call, ERROR_BUSY,
				"gun %s is plugged in: it is asked itself what became of lease %s",
				c->serial, c->lease);
		break;
	default:
		question_failed(&c->q, r);
	}
	question_free(&c->q);
}

static int close_lost_authorized(struct mesod *mesod, sd_bus_message *call,
				 const struct caller *caller, sd_bus_error *error)
{
	struct recovery_question draft = { .uid = caller->uid };
	const char *lease, *reason;
	int r;

	r = sd_bus_message_read(call, "ss", &lease, &reason);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = read_lease(lease, draft.lease_id, error);
	if (r >= 0)
		r = read_reason(reason, draft.reason, error);
	if (r < 0)
		return r;
	lease_id_format(draft.lease_id, draft.lease);
	for (const struct gun *gun = mesod->guns; gun; gun = gun->next) {
		/* One that plugs in after this asks the ledger after this, and finds it closed. */
		if (draft.n_present == GUNS_MAX)
			return bus_fail(error, ERROR_LIMIT, "guns=%zu limit=%d", draft.n_present,
					GUNS_MAX);
		TEXT_COPY(draft.present[draft.n_present], gun->serial);
		draft.n_present++;
	}
	return submit(mesod, call, &draft, close_lost_run, close_lost_done, error);
}

int method_close_lost(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, close_lost_authorized, error);
}

/* ---- quarantine ------------------------------------------------------------------------------- */

static void forget_gun(struct question *q)
{
	gun_unref(((struct recovery_question *)q)->gun);
}

static int lift_run(void *owned, void *userdata)
{
	struct recovery_question *c = userdata;

	/* The draft was copied: it points to its own text here. */
	c->numbers.serial = c->serial;
	return ledger_lift_quarantine(owned, c->q.now_s, &c->numbers, c->uid, c->reason,
				      c->discard);
}

static void lift_done(void *userdata, int r)
{
	struct recovery_question *c = userdata;

	switch (-r) {
	case 0:
		log_gun(c->gun, LOG_NOTICE, "quarantine lifted by uid %u", c->uid);
		gun_lift_quarantine(c->gun);
		(void)sd_bus_reply_method_return(c->q.call, NULL);
		break;
	case ENOENT:
		bus_reply_error(c->q.call, ERROR_INVALID_ARGUMENT, "serial=%s is not in quarantine",
				c->serial);
		break;
	case EUNATCH:
		bus_reply_error(
			c->q.call, ERROR_QUARANTINED,
			"gun %s has shots under a lease that is not this ledger's: say which "
			"patient had them (AttributeShots), or that nobody had (discard)",
			c->serial);
		break;
	default:
		question_failed(&c->q, r);
	}
	question_free(&c->q);
}

/* What it says now becomes what is known of it: it must be here, be ours, and say all of it. */
static int read_numbers(struct gun *gun, struct ledger_gun *ret, sd_bus_error *error)
{
	struct meso_status status = { 0 };
	struct meso_info info;
	int r;

	if (gun->session)
		return bus_fail(error, ERROR_BUSY, "gun %s is in a session", gun->serial);
	if (gun->lease || gun->stage != GUN_READY || gun->collecting)
		return bus_fail(error, ERROR_BUSY,
				"gun %s is still being compared with the ledger: try again",
				gun->serial);
	r = inj_gun_get_status(gun->handle, &status);
	if (r >= 0)
		r = inj_gun_get_info(gun->handle, &info);
	if (r < 0)
		return bus_fail_gun(error, r, "its numbers cannot be read");
	if (!gun_status_is_quiet(&status))
		return bus_fail(error, ERROR_INTERLOCK, "gun %s is not at rest", gun->serial);
	*ret = (struct ledger_gun){
		.epoch = info.epoch,
		.boot_id = status.boot_id,
		.shot_count = status.shot_count,
		.total_nl = status.total_nl,
		.last_sequence = info.last_sequence,
	};
	return 0;
}

static int lift_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			   sd_bus_error *error)
{
	struct recovery_question draft = { .uid = caller->uid, .q.forget = forget_gun };
	const char *serial, *reason;
	struct gun *gun;
	int discard, r;

	r = sd_bus_message_read(call, "ssb", &serial, &reason, &discard);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = read_serial(serial, draft.serial, error);
	if (r >= 0)
		r = read_reason(reason, draft.reason, error);
	if (r < 0)
		return r;
	gun = find_gun(mesod, draft.serial);
	if (!gun)
		return bus_fail(error, ERROR_NO_SUCH_GUN,
				"gun %s is not plugged in: what it counts now must be read",
				draft.serial);
	r = read_numbers(gun, &draft.numbers, error);
	if (r < 0)
		return r;
	draft.discard = discard;
	draft.gun = gun_ref(gun);
	return submit(mesod, call, &draft, lift_run, lift_done, error);
}

int method_lift_quarantine(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, lift_authorized, error);
}

/* ---- shots of nobody -------------------------------------------------------------------------- */

static int attribute_run(void *owned, void *userdata)
{
	struct recovery_question *c = userdata;
	int r;

	r = ledger_get_patient(owned, c->asked, &c->patient);
	if (r >= 0)
		r = ledger_attribute_shots(owned, c->q.now_s, c->serial, c->lease_id,
					   &c->patient.id, c->uid, c->reason, &c->live);
	return r;
}

static void attribute_done(void *userdata, int r)
{
	struct recovery_question *c = userdata;

	switch (-r) {
	case 0:
		/* What the patient is being given was allowed without them: it is asked for anew. */
		for (struct session *s = c->q.mesod->sessions; s && c->live; s = s->next)
			if (memcmp(&s->patient, &c->patient.id, sizeof(s->patient)) == 0)
				gun_disarm(s->gun);
		log_main(c->q.mesod, LOG_NOTICE,
			 "shots of gun %s under lease %s were attributed by uid %u", c->serial,
			 c->lease, c->uid);
		(void)sd_bus_reply_method_return(c->q.call, NULL);
		break;
	case ENODATA:
		bus_reply_error(
			c->q.call, ERROR_INVALID_ARGUMENT,
			"serial=%s lease=%s: there are no such shots, or they are attributed",
			c->serial, c->lease);
		break;
	default:
		question_failed(&c->q, r);
	}
	question_free(&c->q);
}

static int attribute_authorized(struct mesod *mesod, sd_bus_message *call,
				const struct caller *caller, sd_bus_error *error)
{
	struct recovery_question draft = { .uid = caller->uid };
	const char *serial, *lease, *patient, *reason;
	int r;

	r = sd_bus_message_read(call, "ssss", &serial, &lease, &patient, &reason);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = read_serial(serial, draft.serial, error);
	if (r >= 0)
		r = read_lease(lease, draft.lease_id, error);
	if (r >= 0)
		r = text_check("patient", patient, sizeof(draft.asked), false, error);
	if (r >= 0)
		r = read_reason(reason, draft.reason, error);
	if (r < 0)
		return r;
	TEXT_COPY(draft.asked, patient);
	lease_id_format(draft.lease_id, draft.lease);
	return submit(mesod, call, &draft, attribute_run, attribute_done, error);
}

int method_attribute_shots(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, attribute_authorized, error);
}

/* ---- the list ----------------------------------------------------------------------------------- */

struct recoveries_question {
	struct question q;
	struct ledger_recovery *items;
	size_t n;
};

static void forget_items(struct question *q)
{
	free(((struct recoveries_question *)q)->items);
}

static int gather(const struct ledger_recovery *item, void *userdata)
{
	struct recoveries_question *c = userdata;
	struct ledger_recovery *more = reallocarray(c->items, c->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	c->items = more;
	more[c->n++] = *item;
	return 0;
}

static int list_run(void *owned, void *userdata)
{
	return ledger_foreach_recovery(owned, gather, userdata);
}

static int append_item(struct mesod *mesod, sd_bus_message *reply,
		       const struct ledger_recovery *item)
{
	static const char *const kinds[] = { [LEDGER_RECOVER_LEASE] = "lease",
					     [LEDGER_RECOVER_GUN] = "quarantine",
					     [LEDGER_RECOVER_SHOTS] = "shots" };
	char lease[LEASE_TEXT_MAX] = "", patient[LEDGER_ID_TEXT_MAX] = "";

	if (item->kind != LEDGER_RECOVER_GUN)
		lease_id_format(item->lease_id, lease);
	if (item->kind == LEDGER_RECOVER_LEASE)
		ledger_id_format(&item->patient, patient);
	return sd_bus_message_append(reply, "a{sv}", 9, "kind", "s", kinds[item->kind], "serial",
				     "s", item->serial, "present", "b",
				     find_gun(mesod, item->serial) != NULL, "lease", "s", lease,
				     "patient", "s", patient, "volume_nl", "t", item->volume_nl,
				     "shots", "t", item->shots, "since", "x", item->time_s,
				     "reason", "s", item->reason);
}

static void list_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct recoveries_question *c = userdata;

	if (r < 0) {
		question_failed(&c->q, r);
		question_free(&c->q);
		return;
	}
	r = sd_bus_message_new_method_return(c->q.call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; r >= 0 && i < c->n; i++)
		r = append_item(c->q.mesod, reply, &c->items[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_send_reply(c->q.call, reply, r);
	question_free(&c->q);
}

static int list_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			   sd_bus_error *error)
{
	struct recoveries_question *c = calloc(1, sizeof(*c));

	(void)caller;
	if (!c)
		return question_ask(NULL, mesod, call, list_run, list_done, error);
	c->q.forget = forget_items;
	return question_ask(&c->q, mesod, call, list_run, list_done, error);
}

int method_list_recovery(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, list_authorized, error);
}
