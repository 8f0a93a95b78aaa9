// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who treats and who is treated, as org.mesod1.Manager tells and registers it.
 */
#include <errno.h>
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_errors.h"
#include "bus_ledger.h"
#include "ledger_clinic.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"

/* Memory that grows by one element at a time; @size is an element's. */
static void *grow(void **array, size_t *n, size_t size)
{
	void *more = reallocarray(*array, *n + 1, size);

	if (!more)
		return NULL;
	*array = more;
	return (char *)more + size * (*n)++;
}

/* What stands where somebody's name was. */
static const char *shown(const char *text, bool erased)
{
	return erased ? "(erased)" : text;
}

/* ---- operators ------------------------------------------------------------------------ */

struct operator_question {
	struct question q;
	struct ledger_operator op;
	struct ledger_id id;
};

static int register_operator_run(void *owned, void *userdata)
{
	struct operator_question *o = userdata;

	return ledger_add_operator(owned, o->q.now_s, &o->op, &o->id);
}

static void register_operator_done(void *userdata, int r)
{
	struct operator_question *o = userdata;
	char text[LEDGER_ID_TEXT_MAX];

	if (r < 0) {
		question_failed(&o->q, r);
	} else {
		/* What the next call of this operator meets must be there before the answer is. */
		r = authority_add_operator(o->q.mesod->authority, &o->op, &o->id);
		if (r < 0)
			bus_reply_error(o->q.call, ERROR_LIMIT,
					"registered, but only known after a restart");
		else
			(void)sd_bus_reply_method_return(o->q.call, "s",
							 ledger_id_format(&o->id, text));
	}
	question_free(&o->q);
}

int bus_register_operator(struct mesod *mesod, sd_bus_message *call,
			  const struct ledger_operator *op, sd_bus_error *error)
{
	struct operator_question *o = calloc(1, sizeof(*o));

	if (o)
		o->op = *op;
	return question_ask(o ? &o->q : NULL, mesod, call, register_operator_run,
			    register_operator_done, error);
}

struct renewal_question {
	struct question q;
	struct ledger_renewal renewal;
};

static int renew_operator_run(void *owned, void *userdata)
{
	struct renewal_question *o = userdata;

	return ledger_renew_operator(owned, o->q.now_s, &o->renewal);
}

static void renew_operator_done(void *userdata, int r)
{
	struct renewal_question *o = userdata;

	switch (-r) {
	case 0:
		authority_renew_operator(o->q.mesod->authority, &o->renewal);
		(void)sd_bus_reply_method_return(o->q.call, NULL);
		break;
	case ENOENT:
	case EIDRM:
		bus_reply_error(o->q.call, ERROR_INVALID_ARGUMENT,
				r == -ENOENT ? "uid=%u is no registered operator"
					     : "uid=%u was erased, and cannot treat any more",
				o->renewal.operator_uid);
		break;
	default:
		question_failed(&o->q, r);
	}
	question_free(&o->q);
}

int bus_renew_operator(struct mesod *mesod, sd_bus_message *call,
		       const struct ledger_renewal *renewal, sd_bus_error *error)
{
	struct renewal_question *o = calloc(1, sizeof(*o));

	if (o)
		o->renewal = *renewal;
	return question_ask(o ? &o->q : NULL, mesod, call, renew_operator_run, renew_operator_done,
			    error);
}

struct operators_question {
	struct question q;
	void *operators;
	size_t n;
};

static void forget_operators(struct question *q)
{
	free(((struct operators_question *)q)->operators);
}

static int gather_operator(const struct ledger_operator *op, void *userdata)
{
	struct operators_question *o = userdata;
	struct ledger_operator *copy = grow(&o->operators, &o->n, sizeof(*op));

	if (!copy)
		return -ENOMEM;
	*copy = *op;
	return 0;
}

static int list_operators_run(void *owned, void *userdata)
{
	return ledger_foreach_operator(owned, gather_operator, userdata);
}

static void list_operators_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct operators_question *o = userdata;
	const struct ledger_operator *operators = o->operators;
	char text[LEDGER_ID_TEXT_MAX];

	if (r < 0) {
		question_failed(&o->q, r);
		question_free(&o->q);
		return;
	}
	r = sd_bus_message_new_method_return(o->q.call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(susss)");
	for (size_t i = 0; r >= 0 && i < o->n; i++)
		r = sd_bus_message_append(
			reply, "(susss)", ledger_id_format(&operators[i].id, text),
			operators[i].uid, shown(operators[i].name, operators[i].erased),
			shown(operators[i].licence, operators[i].erased), operators[i].expires);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_send_reply(o->q.call, reply, r);
	question_free(&o->q);
}

int bus_list_operators(struct mesod *mesod, sd_bus_message *call, sd_bus_error *error)
{
	struct operators_question *o = calloc(1, sizeof(*o));

	if (o)
		o->q.forget = forget_operators;
	return question_ask(o ? &o->q : NULL, mesod, call, list_operators_run, list_operators_done,
			    error);
}

/* ---- patients ---------------------------------------------------------------------------- */

struct patient_question {
	struct question q;
	char asked[LEDGER_NAME_MAX];
	struct ledger_patient patient;
	struct ledger_id id;
	struct ledger_spent spent;
	bool assessed, has_course;
	struct ledger_assessment assessment;
	struct ledger_course course;
	int32_t last_day;
	int blocked;
};

static int add_patient_run(void *owned, void *userdata)
{
	struct patient_question *p = userdata;

	return ledger_add_patient(owned, p->q.now_s, &p->patient, &p->id);
}

static void add_patient_done(void *userdata, int r)
{
	struct patient_question *p = userdata;
	char text[LEDGER_ID_TEXT_MAX];

	if (r < 0)
		question_failed(&p->q, r);
	else
		(void)sd_bus_reply_method_return(p->q.call, "s", ledger_id_format(&p->id, text));
	question_free(&p->q);
}

int bus_register_patient(struct mesod *mesod, sd_bus_message *call,
			 const struct ledger_patient *patient, sd_bus_error *error)
{
	struct patient_question *p = calloc(1, sizeof(*p));

	if (p)
		p->patient = *patient;
	return question_ask(p ? &p->q : NULL, mesod, call, add_patient_run, add_patient_done,
			    error);
}

/* There may be none. */
static int found(int r, bool *ret)
{
	*ret = r >= 0;
	return r == -ENOENT ? 0 : r;
}

static int tell_patient_run(void *owned, void *userdata)
{
	struct patient_question *p = userdata;
	bool has_mass; /* otherwise it is what was said at the registration */
	int r;

	r = ledger_get_patient(owned, p->asked, &p->patient);
	if (r >= 0)
		r = ledger_get_spent(owned, p->q.now_s, &p->patient.id, &p->spent);
	if (r >= 0)
		r = p->blocked = ledger_is_blocked(owned, &p->patient.id);
	if (r >= 0)
		r = ledger_get_last_day(owned, &p->patient.id, &p->last_day);
	if (r >= 0)
		r = found(ledger_get_mass(owned, &p->patient.id, &p->patient.mass_g), &has_mass);
	if (r >= 0)
		r = found(ledger_get_assessment(owned, &p->patient.id, &p->assessment),
			  &p->assessed);
	if (r >= 0)
		r = found(ledger_get_course(owned, &p->patient.id, &p->course), &p->has_course);
	return r;
}

static int append_words(sd_bus_message *reply, const char *key, const char *words)
{
	char copy[FORMULARY_TOKENS_MAX], *next = copy, *word;
	int r;

	TEXT_COPY(copy, words);
	r = sd_bus_message_open_container(reply, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(reply, 's', key);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "s");
	while (r >= 0 && (word = strsep(&next, " ")))
		if (*word)
			r = sd_bus_message_append_basic(reply, 's', word);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

/* What is known of a patient as somebody who may be treated. */
static int append_clinic(sd_bus_message *reply, const struct patient_question *p)
{
	const struct ledger_assessment *a = &p->assessment;
	const struct ledger_course *c = &p->course;
	char today[LEDGER_DATE_MAX], last[LEDGER_DATE_MAX];
	int r;

	r = sd_bus_message_append(reply, "{sv}{sv}", "today", "s", local_date(p->q.now_s, today),
				  "last_treatment", "s", day_format(p->last_day, last));
	if (r >= 0 && p->assessed)
		r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "assessed", "x", a->time_s,
					  "consent", "b", (int)a->consent, "elsewhere_asked", "b",
					  (int)a->elsewhere_asked);
	if (r >= 0 && p->assessed)
		r = append_words(reply, "allergies", a->allergies);
	if (r >= 0 && p->assessed)
		r = append_words(reply, "conditions", a->conditions);
	if (r >= 0 && p->has_course)
		r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "course", "t",
					  (uint64_t)c->number, "course_started", "x", c->time_s,
					  "course_sessions", "u", c->sessions, "course_interval_d",
					  "u", c->interval_d, "course_late_interval_d", "u",
					  c->late_interval_d, "indication", "s", c->indication);
	return r;
}

static void tell_patient_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct patient_question *p = userdata;
	char text[LEDGER_ID_TEXT_MAX];
	const char *path = "/";

	if (r < 0) {
		question_failed(&p->q, r);
		question_free(&p->q);
		return;
	}
	for (const struct session *s = p->q.mesod->sessions; s; s = s->next)
		if (s->number == p->spent.session)
			path = s->path;
	r = sd_bus_message_new_method_return(p->q.call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "id",
					  "s", ledger_id_format(&p->patient.id, text), "reference",
					  "s", shown(p->patient.reference, p->patient.erased),
					  "name", "s", shown(p->patient.name, p->patient.erased),
					  "birth_date", "s",
					  shown(p->patient.birth_date, p->patient.erased), "erased",
					  "b", p->patient.erased, "mass_g", "u", p->patient.mass_g,
					  "delivered_24h_nl", "t", p->spent.settled_24h_nl,
					  "outstanding_nl", "t", p->spent.outstanding_nl, "session",
					  "o", path, "blocked", "b", p->blocked);
	if (r >= 0)
		r = append_clinic(reply, p);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_send_reply(p->q.call, reply, r);
	question_free(&p->q);
}

int bus_tell_patient(struct mesod *mesod, sd_bus_message *call, const char *patient,
		     sd_bus_error *error)
{
	struct patient_question *p = calloc(1, sizeof(*p));

	if (p)
		TEXT_COPY(p->asked, patient);
	return question_ask(p ? &p->q : NULL, mesod, call, tell_patient_run, tell_patient_done,
			    error);
}

struct patients_question {
	struct question q;
	void *patients;
	size_t n;
};

static void forget_patients(struct question *q)
{
	free(((struct patients_question *)q)->patients);
}

static int gather_patient(const struct ledger_patient *patient, void *userdata)
{
	struct patients_question *p = userdata;
	struct ledger_patient *copy = grow(&p->patients, &p->n, sizeof(*patient));

	if (!copy)
		return -ENOMEM;
	*copy = *patient;
	return 0;
}

static int list_patients_run(void *owned, void *userdata)
{
	return ledger_foreach_patient(owned, gather_patient, userdata);
}

static void list_patients_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct patients_question *p = userdata;
	const struct ledger_patient *patients = p->patients;
	char text[LEDGER_ID_TEXT_MAX];

	if (r < 0) {
		question_failed(&p->q, r);
		question_free(&p->q);
		return;
	}
	r = sd_bus_message_new_method_return(p->q.call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(sss)");
	for (size_t i = 0; r >= 0 && i < p->n; i++)
		r = sd_bus_message_append(reply, "(sss)", ledger_id_format(&patients[i].id, text),
					  shown(patients[i].reference, patients[i].erased),
					  shown(patients[i].name, patients[i].erased));
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_send_reply(p->q.call, reply, r);
	question_free(&p->q);
}

int bus_list_patients(struct mesod *mesod, sd_bus_message *call, sd_bus_error *error)
{
	struct patients_question *p = calloc(1, sizeof(*p));

	if (p)
		p->q.forget = forget_patients;
	return question_ask(p ? &p->q : NULL, mesod, call, list_patients_run, list_patients_done,
			    error);
}
