// SPDX-License-Identifier: GPL-2.0-only
/*
 * Assessment, course, what is loaded and where it goes, reactions.
 *
 * Owns what these records look like, and to which course a session belongs.  Doses
 * given by hand are ledger_hand.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

/* 1 the statement finds a row, 0 not */
static int exists(struct ledger *l, enum sql sql, struct value key)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, sql, &row, key);
	return r < 0 ? r : sql_step(l, row);
}

int clinic_check_people(struct ledger *l, const struct ledger_id *patient, uint32_t uid)
{
	int r = 1;

	if (patient)
		r = exists(l, SQL_PATIENT_EXISTS, BLOB(patient->bytes, LEDGER_ID_LEN));
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = exists(l, SQL_OPERATOR_BY_UID, INTEGER(uid));
	if (r <= 0)
		return r < 0 ? r : -EPERM;
	return 0;
}

int clinic_is_live(struct ledger *l, const struct ledger_id *patient, bool *ret)
{
	int r;

	r = exists(l, SQL_PATIENT_OUTSTANDING, BLOB(patient->bytes, LEDGER_ID_LEN));
	if (r >= 0)
		*ret = r > 0;
	return r < 0 ? r : 0;
}

/* ------------------------------------------------------------- assessment */

static int add_assessment(struct ledger *l, int64_t now_s, const struct ledger_assessment *a,
			  int64_t *ret_number, bool *ret_live)
{
	int r;

	r = clinic_check_people(l, &a->patient, a->uid);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_ASSESSMENT, ret_number,
				 BLOB(a->patient.bytes, LEDGER_ID_LEN), INTEGER(a->uid),
				 INTEGER(a->consent), INTEGER(a->elsewhere_asked),
				 INTEGER(a->mass_g), TEXT(a->allergies), TEXT(a->conditions));
	return r < 0 ? r : clinic_is_live(l, &a->patient, ret_live);
}

static int add_assessment_at_once(struct ledger *l, int64_t now_s,
				  const struct ledger_assessment *a, int64_t *ret_number,
				  bool *ret_live)
{
	int r = ledger_begin(l);

	return r < 0 ? r : ledger_end(l, add_assessment(l, now_s, a, ret_number, ret_live));
}

/* Under a live lease it may say what stops it; what is set aside for that lease is worth that.  Before one
 * nothing is lost if it is made when there is room. */
static bool is_urgent(struct ledger *l, const struct ledger_id *patient)
{
	bool live = false;

	return clinic_is_live(l, patient, &live) >= 0 && live;
}

int ledger_add_assessment(struct ledger *l, int64_t now_s,
			  const struct ledger_assessment *assessment, int64_t *ret_number,
			  bool *ret_live)
{
	int64_t number = 0;
	bool live = false;
	int r;

	if (!assessment || text_check_tokens(assessment->allergies) < 0 ||
	    text_check_tokens(assessment->conditions) < 0)
		return -EINVAL;
	r = add_assessment_at_once(l, now_s, assessment, &number, &live);
	if (r == -ENOSPC && is_urgent(l, &assessment->patient) && ledger_make_room(l, r))
		r = add_assessment_at_once(l, now_s, assessment, &number, &live);
	if (r < 0)
		return r;
	if (ret_number)
		*ret_number = number;
	if (ret_live)
		*ret_live = live;
	return 0;
}

int ledger_get_assessment(struct ledger *l, const struct ledger_id *patient,
			  struct ledger_assessment *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_assessment a;
	int r;

	if (!patient || !ret)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0 && l->schema < 2)
		return -ENOENT;
	if (r >= 0)
		r = sql_start(l, SQL_ASSESSMENT_LAST, &row, BLOB(patient->bytes, LEDGER_ID_LEN));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	a = (struct ledger_assessment){
		.number = sqlite3_column_int64(row, 0),
		.time_s = sqlite3_column_int64(row, 1),
		.patient = *patient,
		.uid = sql_get_u32(row, 3),
		.consent = sqlite3_column_int(row, 4) != 0,
		.elsewhere_asked = sqlite3_column_int(row, 5) != 0,
		.mass_g = sql_get_u32(row, 6),
	};
	r = sql_get_text(l, row, 7, a.allergies, sizeof(a.allergies));
	if (r >= 0)
		r = sql_get_text(l, row, 8, a.conditions, sizeof(a.conditions));
	if (r < 0)
		return r;
	*ret = a;
	return 0;
}

int ledger_get_mass(struct ledger *l, const struct ledger_id *patient, uint32_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	uint32_t mass_g = 0;
	int r;

	if (!patient || !ret)
		return -EINVAL;
	r = ledger_readable(l);
	/* A file of version 1 knows what was said at the registration, which the caller has. */
	if (r >= 0 && l->schema < 2)
		return -ENOENT;
	if (r >= 0)
		r = sql_start(l, SQL_MASS_LAST, &row, BLOB(patient->bytes, LEDGER_ID_LEN));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	if (r > 0)
		mass_g = sql_get_u32(row, 0);
	*ret = mass_g;
	return 0;
}

/* ----------------------------------------------------------------- course */

static int add_course(struct ledger *l, int64_t now_s, const struct ledger_course *c,
		      int64_t *ret_number, bool *ret_live)
{
	int r;

	r = clinic_check_people(l, &c->patient, c->uid);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_COURSE, ret_number,
				 BLOB(c->patient.bytes, LEDGER_ID_LEN), INTEGER(c->uid),
				 INTEGER(c->interval_d), INTEGER(c->late_interval_d),
				 INTEGER(c->sessions), TEXT(c->indication));
	return r < 0 ? r : clinic_is_live(l, &c->patient, ret_live);
}

int ledger_add_course(struct ledger *l, int64_t now_s, const struct ledger_course *course,
		      int64_t *ret_number, bool *ret_live)
{
	int64_t number = 0;
	bool live = false;
	int r;

	if (!course || course->sessions == 0 ||
	    (course->indication[0] && text_check_id(course->indication) < 0))
		return -EINVAL;
	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, add_course(l, now_s, course, &number, &live));
	if (r < 0)
		return r;
	if (ret_number)
		*ret_number = number;
	if (ret_live)
		*ret_live = live;
	return 0;
}

int clinic_find_course(struct ledger *l, enum sql sql, struct value key, struct ledger_course *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_course c;
	int r;

	if (l->schema < 2)
		return -ENOENT;
	r = sql_start(l, sql, &row, key);
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	c = (struct ledger_course){
		.number = sqlite3_column_int64(row, 0),
		.time_s = sqlite3_column_int64(row, 1),
		.uid = sql_get_u32(row, 3),
		.interval_d = sql_get_u32(row, 4),
		.late_interval_d = sql_get_u32(row, 5),
		.sessions = sql_get_u32(row, 6),
	};
	r = sql_get_blob(l, row, 2, c.patient.bytes, sizeof(c.patient.bytes));
	if (r >= 0)
		r = sql_get_text(l, row, 7, c.indication, sizeof(c.indication));
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

int ledger_get_course(struct ledger *l, const struct ledger_id *patient, struct ledger_course *ret)
{
	int r;

	if (!patient || !ret)
		return -EINVAL;
	r = ledger_readable(l);
	return r < 0 ? r
		     : clinic_find_course(l, SQL_COURSE_LAST, BLOB(patient->bytes, LEDGER_ID_LEN),
					  ret);
}

/* What was loaded first in a course's time keeps the session in it, whatever is planned later. */
int clinic_session_course(struct ledger *l, int64_t session, const struct ledger_id *patient,
			  struct ledger_course *ret)
{
	struct ledger_load load = { 0 };
	int r = -ENOENT;

	if (session != 0)
		r = ledger_get_load(l, session, &load);
	if (r < 0 && r != -ENOENT)
		return r;
	if (load.course != 0)
		return clinic_find_course(l, SQL_COURSE_BY_NUMBER, INTEGER(load.course), ret);
	return clinic_find_course(l, SQL_COURSE_LAST, BLOB(patient->bytes, LEDGER_ID_LEN), ret);
}

/* ------------------------------------------------------------------- load */

int ledger_get_load(struct ledger *l, int64_t session, struct ledger_load *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_load v;
	int r;

	if (!ret)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0 && l->schema < 2)
		return -ENOENT;
	if (r >= 0)
		r = sql_start(l, SQL_LOAD_LAST, &row, INTEGER(session));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	v = (struct ledger_load){
		.number = sqlite3_column_int64(row, 0),
		.session = session,
		.course = sqlite3_column_int64(row, 1),
		.cartridge = sql_get_u64(row, 4),
		.day = sqlite3_column_int(row, 6),
		.dead_nl = sql_get_u32(row, 7),
	};
	r = sql_get_text(l, row, 2, v.preparation, sizeof(v.preparation));
	if (r >= 0)
		r = substances_read(l, row, 3, v.components, &v.n_components);
	if (r >= 0)
		r = sql_get_blob(l, row, 5, v.formulary, sizeof(v.formulary));
	if (r < 0)
		return r;
	*ret = v;
	return 0;
}

int clinic_components(const struct formulary *f, size_t preparation,
		      struct ledger_substance list[FORMULARY_COMPONENTS])
{
	const struct formulary_preparation *p;

	if (!f || preparation >= f->n_preparations)
		return -EINVAL;
	p = &f->preparations[preparation];
	for (size_t i = 0; i < p->n_components; i++) {
		const struct formulary_substance *s = &f->substances[p->components[i].substance];

		list[i] = (struct ledger_substance){ .unit = s->unit,
						     .amount = p->components[i].concentration };
		snprintf(list[i].id, sizeof(list[i].id), "%s", s->id);
	}
	return substances_check(list, p->n_components);
}

/* 1 the session is open, 0 not */
static int find_open(struct ledger *l, int64_t session, struct ledger_id *ret_patient)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_LIVE_BY_SESSION, &row, INTEGER(session));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	r = sql_get_blob(l, row, 0, ret_patient->bytes, sizeof(ret_patient->bytes));
	return r < 0 ? r : 1;
}

static int add_load(struct ledger *l, const struct ledger_moment *now, struct ledger_load *v)
{
	struct value none = { .type = VALUE_NULL };
	char components[SUBSTANCES_TEXT_MAX];
	struct ledger_session session;
	struct ledger_course course = { 0 };
	struct ledger_id patient;
	int r;

	r = find_open(l, v->session, &patient);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = ledger_get_session(l, v->session, &session);
	if (r >= 0 && session.outstanding_nl > 0)
		r = -EBUSY;
	if (r < 0)
		return r;
	r = clinic_session_course(l, v->session, &patient, &course);
	if (r < 0 && r != -ENOENT)
		return r;
	v->course = course.number;
	substances_format(v->components, v->n_components, components);
	return chain_append(l, now->s, FACT_LOAD, &v->number, INTEGER(v->session),
			    v->course ? INTEGER(v->course) : none, TEXT(v->preparation),
			    TEXT(components), INTEGER(v->cartridge),
			    BLOB(v->formulary, sizeof(v->formulary)), INTEGER(v->day),
			    INTEGER(v->dead_nl));
}

int ledger_add_load(struct ledger *l, const struct ledger_moment *now, int64_t session,
		    const struct formulary *formulary, size_t preparation, uint64_t cartridge,
		    uint32_t dead_nl, struct ledger_load *ret)
{
	struct ledger_load v = { .session = session, .cartridge = cartridge, .dead_nl = dead_nl };
	int r;

	if (!now || clinic_components(formulary, preparation, v.components) < 0)
		return -EINVAL;
	v.day = now->day;
	v.n_components = formulary->preparations[preparation].n_components;
	memcpy(v.formulary, formulary->hash, sizeof(v.formulary));
	snprintf(v.preparation, sizeof(v.preparation), "%s",
		 formulary->preparations[preparation].id);
	if (text_check_id(v.preparation) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, add_load(l, now, &v));
	if (r >= 0 && ret)
		*ret = v;
	return r < 0 ? r : 0;
}

/* ------------------------------------------------------------------- area */

int clinic_use_area(struct ledger *l, const struct ledger_moment *now, int64_t session,
		    const char *area, uint32_t size_mm2)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	if (area && !area[0])
		area = NULL;
	r = sql_start(l, SQL_AREA_LAST, &row, INTEGER(session), TEXT(area));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	if (r > 0 && sqlite3_column_int64(row, 0) == size_mm2 &&
	    sqlite3_column_int64(row, 1) == now->day)
		return 0;
	return chain_append(l, now->s, FACT_AREA, NULL, INTEGER(session), TEXT(area),
			    INTEGER(size_mm2), INTEGER(now->day));
}

/* --------------------------------------------------------------- reactions */

static int add_reaction(struct ledger *l, int64_t now_s, const struct ledger_reaction *v,
			int64_t *ret_number)
{
	int r;

	r = exists(l, SQL_SESSION, INTEGER(v->session));
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = clinic_check_people(l, NULL, v->uid);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_REACTION, ret_number, INTEGER(v->session),
				 INTEGER(v->uid), TEXT(v->kind), INTEGER(v->severity),
				 TEXT(v->note[0] ? v->note : NULL));
	return r;
}

static int add_reaction_at_once(struct ledger *l, int64_t now_s, const struct ledger_reaction *v,
				int64_t *ret_number)
{
	int r = ledger_begin(l);

	return r < 0 ? r : ledger_end(l, add_reaction(l, now_s, v, ret_number));
}

int ledger_add_reaction(struct ledger *l, int64_t now_s, const struct ledger_reaction *reaction,
			int64_t *ret_number)
{
	int64_t number = 0;
	int r;

	if (!reaction || text_check_id(reaction->kind) < 0 ||
	    !formulary_has_token(LEDGER_REACTIONS, reaction->kind) ||
	    reaction->severity < LEDGER_MILD || reaction->severity > LEDGER_SEVERE ||
	    (reaction->note[0] && text_check_name(reaction->note, sizeof(reaction->note)) < 0))
		return -EINVAL;
	r = add_reaction_at_once(l, now_s, reaction, &number);
	if (ledger_make_room(l, r))
		r = add_reaction_at_once(l, now_s, reaction, &number);
	if (r >= 0 && ret_number)
		*ret_number = number;
	return r < 0 ? r : 0;
}

static int read_reaction(struct ledger *l, sqlite3_stmt *row, struct ledger_reaction *ret)
{
	int r;

	*ret = (struct ledger_reaction){
		.number = sqlite3_column_int64(row, 0),
		.time_s = sqlite3_column_int64(row, 1),
		.uid = sql_get_u32(row, 2),
		.severity = (enum ledger_severity)sqlite3_column_int(row, 4),
	};
	r = sql_get_text(l, row, 3, ret->kind, sizeof(ret->kind));
	if (r >= 0)
		r = sql_get_text(l, row, 5, ret->note, sizeof(ret->note));
	return r;
}

int ledger_foreach_reaction(struct ledger *l, int64_t session,
			    int (*found)(const struct ledger_reaction *reaction, void *userdata),
			    void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_reaction reaction;
	int r;

	r = ledger_readable(l);
	if (r >= 0 && l->schema < 2)
		return 0;
	if (r >= 0)
		r = sql_start(l, SQL_REACTIONS, &row, INTEGER(session));
	while (r >= 0) {
		r = sql_step(l, row);
		if (r <= 0)
			return r;
		r = read_reaction(l, row, &reaction);
		if (r < 0)
			return r;
		reaction.session = session;
		r = found(&reaction, userdata);
		if (r != 0)
			return r;
	}
	return r;
}
