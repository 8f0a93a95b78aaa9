// SPDX-License-Identifier: GPL-2.0-only
/*
 * RecordReaction, ListSessions: what was done to a patient, and how the skin took
 * it.
 */
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_clinic.h"
#include "bus_errors.h"
#include "dict.h"
#include "macros.h"
#include "mesod.h"

#define REACTIONS_MAX 256 /* of one session that are told; more is nobody's skin */

static const char *const severities
	[] = { [LEDGER_MILD] = "mild", [LEDGER_MODERATE] = "moderate", [LEDGER_SEVERE] = "severe" };

/* ---- record ----------------------------------------------------------------------------- */

struct reaction_question {
	struct clinic_question c;
	struct ledger_reaction reaction;
	bool any; /* not one session in particular: the newest */
};

/* The newest, if none was named; it must be this patient's. */
static int meet_session(const struct ledger_session *session, void *userdata)
{
	struct reaction_question *v = userdata;

	if (v->any)
		v->reaction.session = session->session;
	return !v->any && session->session == v->reaction.session;
}

static int record_run(void *owned, void *userdata)
{
	struct reaction_question *v = userdata;
	int r;

	r = clinic_find(owned, &v->c);
	if (r >= 0)
		r = ledger_foreach_session(owned, &v->c.patient.id, meet_session, v);
	if (r < 0)
		return r;
	if (v->any && v->reaction.session == 0)
		return -ENODATA;
	if (!v->any && r == 0)
		return -ENOENT;
	return ledger_add_reaction(owned, v->c.q.now_s, &v->reaction, &v->c.number);
}

static void recorded(void *userdata, int r)
{
	clinic_recorded(userdata, r);
}

static int read_severity(const char *text, enum ledger_severity *ret, sd_bus_error *error)
{
	for (size_t i = LEDGER_MILD; i < ARRAY_LENGTH(severities); i++) {
		if (strcmp(text, severities[i]) != 0)
			continue;
		*ret = (enum ledger_severity)i;
		return 0;
	}
	return bus_fail(error, ERROR_INVALID_ARGUMENT,
			"severity=\"%s\" is unknown, mild, moderate or severe is needed", text);
}

static int record_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			     sd_bus_error *error)
{
	struct reaction_question draft = { .c.uid = caller->uid }, *v;
	struct ledger_reaction *d = &draft.reaction;
	char severity[16] = "";
	int r;
	const struct dict_entry entries[] = {
		{ .key = "kind",
		  .type = DICT_TEXT,
		  .required = true,
		  .value = d->kind,
		  .size = sizeof(d->kind) },
		{ .key = "severity",
		  .type = DICT_TEXT,
		  .required = true,
		  .value = severity,
		  .size = sizeof(severity) },
		{ .key = "session", .type = DICT_TIME, .value = &d->session },
		{ .key = "note", .type = DICT_TEXT, .value = d->note, .size = sizeof(d->note) },
	};

	r = clinic_read_patient(call, &draft.c, error);
	if (r >= 0)
		r = dict_read(call, entries, ARRAY_LENGTH(entries), error);
	if (r >= 0)
		r = read_severity(severity, &d->severity, error);
	if (r >= 0 && !formulary_has_token(LEDGER_REACTIONS, d->kind))
		r = bus_fail(error, ERROR_INVALID_ARGUMENT,
			     "kind=\"%s\" is unknown, one of these is needed: %s", d->kind,
			     LEDGER_REACTIONS);
	if (r < 0)
		return r;
	draft.any = d->session == 0;
	d->uid = caller->uid;
	v = malloc(sizeof(*v));
	if (v)
		*v = draft;
	return question_ask(v ? &v->c.q : NULL, mesod, call, record_run, recorded, error);
}

int method_record_reaction(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_OPERATE, record_authorized, error);
}

/* ---- sessions ----------------------------------------------------------------------------- */

struct session_copy {
	struct ledger_session session;
	char preparation[FORMULARY_ID_MAX];
	size_t first; /* of its reactions */
	size_t n;
};

struct sessions_question {
	struct clinic_question c;
	struct session_copy *sessions;
	size_t n;
	struct ledger_reaction *reactions;
	size_t n_reactions;
};

static void forget_sessions(struct question *q)
{
	struct sessions_question *v = (struct sessions_question *)q;

	free(v->sessions);
	free(v->reactions);
}

static int gather_session(const struct ledger_session *session, void *userdata)
{
	struct sessions_question *v = userdata;
	struct session_copy *more = reallocarray(v->sessions, v->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	v->sessions = more;
	more[v->n++] = (struct session_copy){ .session = *session };
	return 0;
}

static int gather_reaction(const struct ledger_reaction *reaction, void *userdata)
{
	struct sessions_question *v = userdata;
	struct ledger_reaction *more;

	if (v->sessions[v->n - 1].n == REACTIONS_MAX)
		return 0;
	more = reallocarray(v->reactions, v->n_reactions + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	v->reactions = more;
	more[v->n_reactions++] = *reaction;
	return 0;
}

/* After the walk over the sessions: a walk inside of another would need statements of its own. */
static int gather_rest(void *owned, struct sessions_question *v)
{
	const size_t n = v->n;
	struct ledger_load load;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct session_copy *s = &v->sessions[i];

		v->n = i + 1;
		r = ledger_get_load(owned, s->session.session, &load);
		if (r >= 0)
			TEXT_COPY(s->preparation, load.preparation);
		if (r < 0 && r != -ENOENT)
			break;
		s->first = v->n_reactions;
		r = ledger_foreach_reaction(owned, s->session.session, gather_reaction, v);
		s->n = v->n_reactions - s->first;
	}
	v->n = n;
	return r;
}

static int list_run(void *owned, void *userdata)
{
	struct sessions_question *v = userdata;
	int r;

	r = clinic_find(owned, &v->c);
	if (r >= 0)
		r = ledger_foreach_session(owned, &v->c.patient.id, gather_session, v);
	return r < 0 ? r : gather_rest(owned, v);
}

static int append_reactions(sd_bus_message *reply, const struct ledger_reaction *reactions,
			    size_t n)
{
	int r;

	r = sd_bus_message_append(reply, "s", "reactions");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'v', "aa{sv}");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = sd_bus_message_append(reply, "a{sv}", 6, "number", "t",
					  (uint64_t)reactions[i].number, "time", "x",
					  reactions[i].time_s, "kind", "s", reactions[i].kind,
					  "severity", "s", severities[reactions[i].severity],
					  "note", "s", reactions[i].note, "operator", "u",
					  reactions[i].uid);
	for (int i = 0; r >= 0 && i < 2; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

static int append_session(sd_bus_message *reply, const struct sessions_question *v,
			  const struct session_copy *copy)
{
	const struct ledger_session *s = &copy->session;
	int r;

	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}",
					  "number", "x", s->session, "opened", "x", s->opened_s,
					  "open", "b", (int)s->open, "gun", "s", s->serial,
					  "operator", "u", s->operator_uid, "preparation", "s",
					  copy->preparation, "delivered_nl", "t", s->delivered_nl,
					  "spent_nl", "t", s->spent_nl, "outstanding_nl", "t",
					  s->outstanding_nl, "primed_nl", "t", s->primed_nl,
					  "shots", "u", s->shots, "incidents", "u", s->incidents);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'e', "sv");
	if (r >= 0)
		r = append_reactions(reply, v->reactions + copy->first, copy->n);
	for (int i = 0; r >= 0 && i < 2; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

static void list_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct sessions_question *v = userdata;

	if (r < 0) {
		clinic_failed(&v->c, r);
		question_free(&v->c.q);
		return;
	}
	r = sd_bus_message_new_method_return(v->c.q.call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; r >= 0 && i < v->n; i++)
		r = append_session(reply, v, &v->sessions[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_send_reply(v->c.q.call, reply, r);
	question_free(&v->c.q);
}

static int list_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			   sd_bus_error *error)
{
	struct sessions_question *v = calloc(1, sizeof(*v));
	int r;

	(void)caller;
	if (v) {
		v->c.q.forget = forget_sessions;
		r = clinic_read_patient(call, &v->c, error);
		if (r < 0) {
			free(v);
			return r;
		}
	}
	return question_ask(v ? &v->c.q : NULL, mesod, call, list_run, list_done, error);
}

int method_list_sessions(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, list_authorized, error);
}
