// SPDX-License-Identifier: GPL-2.0-only
/*
 * RecordDose, CorrectDose, ListDoses: what was given with a syringe in the hand, or
 * by somebody elsewhere.
 */
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_clinic.h"
#include "bus_errors.h"
#include "dict.h"
#include "macros.h"
#include "mesod.h"

#define GIVEN_UNSAID  INT64_MIN
#define VOLUME_MAX_NL 1000000000u /* a litre is no dose */

struct dose_question {
	struct clinic_question c;
	struct ledger_hand_dose dose;
	int64_t corrects; /* the number that is corrected, 0 none */
	bool not_given;   /* the correction says so */
	char reason[LEDGER_REASON_MAX];
};

/* ---- arguments ------------------------------------------------------------------------ */

static const char
	*const kinds[] = { [LEDGER_BY_HAND] = "by-hand", [LEDGER_ELSEWHERE] = "elsewhere" };

static int read_kind(const char *kind, enum ledger_hand_kind *ret, sd_bus_error *error)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (strcmp(kind, kinds[i]) != 0)
			continue;
		*ret = (enum ledger_hand_kind)i;
		return 0;
	}
	return bus_fail(error, ERROR_INVALID_ARGUMENT,
			"kind=\"%s\" is unknown, by-hand or elsewhere is needed", kind);
}

static int fill_preparation(struct ledger_hand_dose *d, const struct formulary *f, const char *id,
			    uint32_t volume_nl, sd_bus_error *error)
{
	size_t i = formulary_preparation(f, id);

	if (i == FORMULARY_UNKNOWN)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"preparation=\"%s\" is not in the formulary", id);
	if (volume_nl == 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"volume_nl is missing: how much of %s was given?", id);
	if (ledger_hand_dose_fill(d, f, i, volume_nl) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "volume_nl=%u of %s is too much",
				volume_nl, id);
	return 0;
}

/* @key: the dictionary's, whose name says the unit */
static int fill_amounts(struct ledger_hand_dose *d, const struct formulary *f, const char *key,
			enum formulary_unit unit, const struct dict_sums *sums, sd_bus_error *error)
{
	for (size_t k = 0; k < sums->n; k++) {
		const char *id = sums->sums[k].key;
		const uint64_t amount = sums->sums[k].value;
		size_t i = formulary_substance(f, id);

		if (i == FORMULARY_UNKNOWN)
			return bus_fail(error, ERROR_INVALID_ARGUMENT,
					"%s: \"%s\" is not in the formulary", key, id);
		if (f->substances[i].unit != unit)
			return bus_fail(error, ERROR_INVALID_ARGUMENT,
					"%s: %s is measured by its %s", key, id,
					unit == FORMULARY_NG ? "activity, in IU" : "mass");
		if (amount < 1 || amount > INT64_MAX)
			return bus_fail(error, ERROR_INVALID_ARGUMENT,
					"%s: %s=%llu is out of range, limit=1 to %lld", key, id,
					(unsigned long long)amount, (long long)INT64_MAX);
		if (d->n_substances == FORMULARY_COMPONENTS)
			return bus_fail(error, ERROR_INVALID_ARGUMENT,
					"too many substances, limit=%d", FORMULARY_COMPONENTS);
		TEXT_COPY(d->substances[d->n_substances].id, id);
		d->substances[d->n_substances].unit = unit;
		d->substances[d->n_substances++].amount = amount;
	}
	return 0;
}

/* 1 a dose was read, 0 the dictionary is empty and may be */
static int read_dose(sd_bus_message *call, const struct mesod *mesod, bool may_be_empty,
		     struct ledger_hand_dose *d, sd_bus_error *error)
{
	char kind[16] = "", preparation[FORMULARY_ID_MAX] = "";
	struct dict_sums masses = { 0 }, activities = { 0 };
	const struct formulary *f = mesod->formulary;
	uint32_t volume_nl = 0;
	bool amounts;
	int r;
	const struct dict_entry entries[] = {
		{ .key = "kind", .type = DICT_TEXT, .value = kind, .size = sizeof(kind) },
		{ .key = "given", .type = DICT_TIME, .value = &d->given_s },
		{ .key = "preparation",
		  .type = DICT_TEXT,
		  .value = preparation,
		  .size = sizeof(preparation) },
		{ .key = "volume_nl",
		  .type = DICT_U32,
		  .value = &volume_nl,
		  .min = 1,
		  .max = VOLUME_MAX_NL },
		{ .key = "masses_ng", .type = DICT_SUMS, .value = &masses },
		{ .key = "activities_miu", .type = DICT_SUMS, .value = &activities },
	};

	d->given_s = GIVEN_UNSAID;
	r = dict_read(call, entries, ARRAY_LENGTH(entries), error);
	if (r < 0)
		return r;
	amounts = masses.n + activities.n > 0;
	if (may_be_empty && !*kind && !*preparation && !amounts && volume_nl == 0 &&
	    d->given_s == GIVEN_UNSAID)
		return 0;
	if (!*kind)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "kind is missing");
	r = read_kind(kind, &d->kind, error);
	if (r < 0)
		return r;
	if ((*preparation != '\0') == amounts)
		return bus_fail(
			error, ERROR_INVALID_ARGUMENT,
			"either preparation or masses_ng and activities_miu are needed: what "
			"was given?");
	if (*preparation)
		return fill_preparation(d, f, preparation, volume_nl, error) < 0 ? -EINVAL : 1;
	d->volume_nl = volume_nl;
	r = fill_amounts(d, f, "masses_ng", FORMULARY_NG, &masses, error);
	if (r >= 0)
		r = fill_amounts(d, f, "activities_miu", FORMULARY_MIU, &activities, error);
	return r < 0 ? r : 1;
}

/* ---- record, correct -------------------------------------------------------------------- */

/* Given in a session that is open it is of that session. */
static int find_session(void *owned, struct dose_question *v)
{
	struct ledger_session session;
	struct ledger_spent spent;
	int r;

	if (v->dose.kind != LEDGER_BY_HAND)
		return 0;
	r = ledger_get_spent(owned, v->c.q.now_s, &v->c.patient.id, &spent);
	if (r < 0 || spent.session == 0)
		return r;
	r = ledger_get_session(owned, spent.session, &session);
	if (r >= 0 && v->dose.given_s >= session.opened_s)
		v->dose.session = session.session;
	return r;
}

static int record_run(void *owned, void *userdata)
{
	struct dose_question *v = userdata;
	int r;

	r = clinic_find(owned, &v->c);
	if (r < 0)
		return r;
	if (v->dose.given_s == GIVEN_UNSAID)
		v->dose.given_s = v->c.q.now_s;
	v->dose.patient = v->c.patient.id;
	v->dose.day = moment_at(v->dose.given_s).day;
	r = find_session(owned, v);
	return r < 0 ? r
		     : ledger_add_hand_dose(owned, v->c.q.now_s, &v->dose, &v->c.number,
					    &v->c.live);
}

/* What is not said anew stays as it was entered. */
static int meet_original(const struct ledger_hand_dose *original, void *userdata)
{
	struct dose_question *v = userdata;

	if (original->number != v->corrects)
		return 0;
	if (v->dose.given_s == GIVEN_UNSAID)
		v->dose.given_s = original->given_s;
	if (v->dose.kind == LEDGER_BY_HAND)
		v->dose.session = original->session;
	return 1;
}

static int correct_run(void *owned, void *userdata)
{
	struct dose_question *v = userdata;
	int r;

	r = clinic_find(owned, &v->c);
	/* A dose that is said not to have been given must be this patient's as well. */
	if (r >= 0)
		r = ledger_find_hand_dose(owned, &v->c.patient.id, v->corrects);
	if (r >= 0)
		r = ledger_foreach_hand_dose(owned, &v->c.patient.id, meet_original, v);
	if (r < 0)
		return r;
	v->dose.patient = v->c.patient.id;
	v->dose.day = moment_at(v->dose.given_s).day;
	return ledger_correct_hand_dose(owned, v->c.q.now_s, v->corrects,
					v->not_given ? NULL : &v->dose, v->c.uid, v->reason,
					&v->c.number, &v->c.live);
}

static void recorded(void *userdata, int r)
{
	clinic_recorded(userdata, r);
}

static int submit(struct mesod *mesod, sd_bus_message *call, const struct dose_question *draft,
		  worker_run_fn run, sd_bus_error *error)
{
	struct dose_question *v = malloc(sizeof(*v));

	if (v)
		*v = *draft;
	return question_ask(v ? &v->c.q : NULL, mesod, call, run, recorded, error);
}

static int record_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			     sd_bus_error *error)
{
	struct dose_question draft = { .c.uid = caller->uid, .dose.uid = caller->uid };
	int r;

	r = clinic_read_patient(call, &draft.c, error);
	if (r >= 0)
		r = read_dose(call, mesod, false, &draft.dose, error);
	return r < 0 ? r : submit(mesod, call, &draft, record_run, error);
}

int method_record_dose(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_OPERATE, record_authorized, error);
}

static int correct_authorized(struct mesod *mesod, sd_bus_message *call,
			      const struct caller *caller, sd_bus_error *error)
{
	struct dose_question draft = { .c.uid = caller->uid, .dose.uid = caller->uid };
	const char *reason;
	uint64_t number;
	int r;

	r = clinic_read_patient(call, &draft.c, error);
	if (r < 0)
		return r;
	if (sd_bus_message_read_basic(call, 't', &number) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "number cannot be read");
	r = read_dose(call, mesod, true, &draft.dose, error);
	if (r < 0)
		return r;
	draft.not_given = r == 0;
	if (sd_bus_message_read_basic(call, 's', &reason) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "reason cannot be read");
	r = text_check("reason", reason, sizeof(draft.reason), false, error);
	if (r < 0)
		return r;
	TEXT_COPY(draft.reason, reason);
	draft.corrects = number > INT64_MAX ? INT64_MAX : (int64_t)number;
	return submit(mesod, call, &draft, correct_run, error);
}

int method_correct_dose(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_OPERATE, correct_authorized, error);
}

/* ---- list ---------------------------------------------------------------------------------- */

struct doses_question {
	struct clinic_question c;
	struct ledger_hand_dose *doses;
	size_t n;
};

static void forget_doses(struct question *q)
{
	free(((struct doses_question *)q)->doses);
}

static int gather(const struct ledger_hand_dose *dose, void *userdata)
{
	struct doses_question *v = userdata;
	struct ledger_hand_dose *more = reallocarray(v->doses, v->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	v->doses = more;
	more[v->n++] = *dose;
	return 0;
}

static int list_run(void *owned, void *userdata)
{
	struct doses_question *v = userdata;
	int r;

	r = clinic_find(owned, &v->c);
	return r < 0 ? r : ledger_foreach_hand_dose(owned, &v->c.patient.id, gather, v);
}

/* Those that are measured so. */
static int append_amounts(sd_bus_message *reply, const char *key, enum formulary_unit unit,
			  const struct ledger_hand_dose *d)
{
	int r;

	r = sd_bus_message_open_container(reply, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(reply, 's', key);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'v', "a{st}");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{st}");
	for (size_t i = 0; r >= 0 && i < d->n_substances; i++)
		if (d->substances[i].unit == unit)
			r = sd_bus_message_append(reply, "{st}", d->substances[i].id,
						  d->substances[i].amount);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

static int append_dose(sd_bus_message *reply, const struct ledger_hand_dose *d)
{
	int r;

	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "number", "t",
					  (uint64_t)d->number, "kind", "s", kinds[d->kind], "given",
					  "x", d->given_s, "preparation", "s", d->preparation,
					  "volume_nl", "t", d->volume_nl, "session", "x",
					  d->session, "operator", "u", d->uid);
	if (r >= 0)
		r = append_amounts(reply, "masses_ng", FORMULARY_NG, d);
	if (r >= 0)
		r = append_amounts(reply, "activities_miu", FORMULARY_MIU, d);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void list_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct doses_question *v = userdata;

	if (r < 0) {
		clinic_failed(&v->c, r);
		question_free(&v->c.q);
		return;
	}
	r = sd_bus_message_new_method_return(v->c.q.call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; r >= 0 && i < v->n; i++)
		r = append_dose(reply, &v->doses[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_send_reply(v->c.q.call, reply, r);
	question_free(&v->c.q);
}

static int list_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			   sd_bus_error *error)
{
	struct doses_question *v = calloc(1, sizeof(*v));
	int r;

	(void)caller;
	if (v) {
		v->c.q.forget = forget_doses;
		r = clinic_read_patient(call, &v->c, error);
		if (r < 0) {
			free(v);
			return r;
		}
	}
	return question_ask(v ? &v->c.q : NULL, mesod, call, list_run, list_done, error);
}

int method_list_doses(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, list_authorized, error);
}
