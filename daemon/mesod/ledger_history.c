// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the policy judges by: the patient's history, gathered by index from the
 * patient's own rows, for a reservation and for `Check` alike.
 *
 * Owns what counts where: everything that is settled or outstanding, by whatever
 * path; in full, and longer rather than shorter where that cannot be told.  Sums
 * saturate.  Never judges.
 */
#include <errno.h>
#include <string.h>

#include "ledger_internal.h"

/* More doses of one patient in 24 h than anybody gives; what is beyond is merged, see there. */
#define DOSES_MAX 512

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static int64_t window_start(int64_t now_s, int64_t length_s)
{
	int64_t from;

	return __builtin_sub_overflow(now_s, length_s, &from) ? INT64_MIN : from;
}

/* A list that is in order of time, whatever order it comes in.  What does not fit is counted in full, and
 * for longer than need be: the later time is the stricter one. */
static void note_dose(struct policy_dose *list, size_t *n, int64_t when_s, uint64_t amount)
{
	size_t i = *n;

	if (amount == 0)
		return;
	if (*n == DOSES_MAX) {
		struct policy_dose *last = &list[DOSES_MAX - 1];

		last->when_s = last->when_s > when_s ? last->when_s : when_s;
		last->amount = add(last->amount, amount);
		return;
	}
	for (; i > 0 && list[i - 1].when_s > when_s; i--)
		list[i] = list[i - 1];
	list[i] = (struct policy_dose){ when_s, amount };
	(*n)++;
}

/* ---------------------------------------------------------------- volumes */

/* Shots under leases of nobody here that an administrator has said to be this patient's; doses given by
 * hand or elsewhere. */
static int read_others(struct ledger *l, enum sql sql, const struct ledger_id *patient,
		       int64_t from, struct policy_history *h)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, sql, &row, BLOB(patient->bytes, LEDGER_ID_LEN), INTEGER(from));
	while (r >= 0 && (r = sql_step(l, row)) > 0)
		if (sqlite3_column_int64(row, 0) > from)
			note_dose(l->doses, &h->n_doses, sqlite3_column_int64(row, 0),
				  sql_get_u64(row, 1));
	return r;
}

int history_read_volumes(struct ledger *l, const struct ledger_id *patient,
			 struct policy_history *h)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int64_t from = window_start(h->now_s, POLICY_WINDOW_S);
	int r;

	if (!l->doses)
		l->doses = calloc(DOSES_MAX, sizeof(*l->doses));
	if (!l->doses)
		return -ENOMEM;
	h->doses = l->doses;
	r = sql_start(l, SQL_ACCOUNT_WINDOW, &row, BLOB(patient->bytes, LEDGER_ID_LEN),
		      INTEGER(from));
	while (r >= 0 && (r = sql_step(l, row)) > 0) {
		uint64_t spent = sql_get_u64(row, 1);

		if (sqlite3_column_int(row, 2) == LEDGER_NOT_SETTLED)
			h->outstanding_nl = add(h->outstanding_nl, spent);
		else
			note_dose(l->doses, &h->n_doses, sqlite3_column_int64(row, 0), spent);
	}
	/* A file of version 1 has none of these, and is not written. */
	if (r >= 0 && l->schema >= 2)
		r = read_others(l, SQL_ATTRIBUTED_WINDOW, patient, from, h);
	if (r >= 0 && l->schema >= 2)
		r = read_others(l, SQL_HAND_WINDOW, patient, from, h);
	return r;
}

/* ------------------------------------------------------------- substances */

/* The index of a row's substance; what is unknown, or measured otherwise today, is said to be there. */
static int find_substance(const struct formulary *f, sqlite3_stmt *row, int column,
			  struct policy_history *h, size_t *ret)
{
	const char *id = (const char *)sqlite3_column_text(row, column);
	size_t i;

	/* It is never NULL there: that it cannot be read now does not make it unknown. */
	if (!id)
		return -ENOMEM;
	i = f ? formulary_substance(f, id) : FORMULARY_UNKNOWN;
	if (i != FORMULARY_UNKNOWN &&
	    sqlite3_column_int64(row, column + 1) != (int64_t)f->substances[i].unit)
		i = FORMULARY_UNKNOWN;
	h->unknown_substance |= i == FORMULARY_UNKNOWN;
	*ret = i;
	return 0;
}

/*
 * The windows of all substances share l->amounts: each has its part of it.  The
 * rows come by time and not by substance, so that they are counted first, and what
 * is beyond DOSES_MAX of one substance is merged there.
 */
static int read_window(struct ledger *l, const struct formulary *f, const struct value *patient,
		       int64_t from, size_t counts[FORMULARY_SUBSTANCES], bool fill,
		       struct policy_history *h)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_DOSE_WINDOW, &row, *patient, INTEGER(from));
	while (r >= 0 && (r = sql_step(l, row)) > 0) {
		int64_t when_s = sqlite3_column_int64(row, 2);
		uint64_t amount = sql_get_u64(row, 3);
		struct policy_substance *s;
		size_t i;

		if (when_s <= from || amount == 0)
			continue;
		r = find_substance(f, row, 0, h, &i);
		if (r < 0)
			return r;
		if (i == FORMULARY_UNKNOWN)
			continue;
		s = &h->substances[i];
		if (sqlite3_column_int(row, 4) == 0 && !fill)
			counts[i] += counts[i] < DOSES_MAX;
		else if (sqlite3_column_int(row, 4) == 0)
			note_dose(l->amounts + counts[i], &s->n_doses, when_s, amount);
		else if (fill)
			s->outstanding = add(s->outstanding, amount);
	}
	return r;
}

static int read_windows(struct ledger *l, const struct formulary *f, const struct value *patient,
			struct policy_history *h)
{
	int64_t from = window_start(h->now_s, POLICY_WINDOW_S);
	size_t counts[FORMULARY_SUBSTANCES] = { 0 }, total = 0;
	struct policy_dose *amounts;
	int r;

	r = read_window(l, f, patient, from, counts, false, h);
	if (r < 0)
		return r;
	for (size_t i = 0; i < FORMULARY_SUBSTANCES; i++) {
		size_t n = counts[i];

		counts[i] = total;
		total += n;
	}
	if (total > l->amounts_max) {
		amounts = realloc(l->amounts, total * sizeof(*amounts));
		if (!amounts)
			return -ENOMEM;
		l->amounts = amounts;
		l->amounts_max = total;
	}
	for (size_t i = 0; i < FORMULARY_SUBSTANCES && total > 0; i++)
		h->substances[i].doses = l->amounts + counts[i];
	return read_window(l, f, patient, from, counts, true, h);
}

/* @session's; what of it is in no course, or in another, counts for @course as well. */
static int read_session_amounts(struct ledger *l, const struct formulary *f, int64_t session,
				int64_t course, struct policy_history *h)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_DOSE_SESSION, &row, INTEGER(session));
	while (r >= 0 && (r = sql_step(l, row)) > 0) {
		uint64_t amount = sql_get_u64(row, 2);
		struct policy_substance *s;
		size_t i;

		if (amount == 0)
			continue;
		r = find_substance(f, row, 0, h, &i);
		if (r < 0)
			return r;
		if (i == FORMULARY_UNKNOWN)
			continue;
		s = &h->substances[i];
		s->session = add(s->session, amount);
		if (course == 0 || sqlite3_column_int64(row, 3) != course)
			s->course = add(s->course, amount);
	}
	return r;
}

/* The rows of one substance are together, those of one session in it too. */
static int read_course_amounts(struct ledger *l, const struct formulary *f, int64_t session,
			       int64_t course, struct policy_history *h)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	size_t last = FORMULARY_UNKNOWN;
	int64_t counted = 0;
	int r;

	r = sql_start(l, SQL_DOSE_COURSE, &row, INTEGER(course));
	while (r >= 0 && (r = sql_step(l, row)) > 0) {
		uint64_t amount = sql_get_u64(row, 2);
		int64_t given = sqlite3_column_int64(row, 3);
		size_t i;

		if (amount == 0)
			continue;
		r = find_substance(f, row, 0, h, &i);
		if (r < 0)
			return r;
		if (i == FORMULARY_UNKNOWN)
			continue;
		h->substances[i].course = add(h->substances[i].course, amount);
		if (i != last)
			counted = 0;
		last = i;
		if (given == 0 || given == session || given == counted)
			continue;
		h->substances[i].sessions++;
		counted = given;
	}
	return r;
}

/* From one substance of the patient's to the next. */
static int read_last_days(struct ledger *l, const struct formulary *f, const struct value *patient,
			  int64_t session, struct policy_history *h)
{
	char id[FORMULARY_ID_MAX] = "";
	int r;

	for (;;) {
		_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
		char next[FORMULARY_ID_MAX];
		size_t i;

		r = sql_start(l, SQL_DOSE_LAST_DAY, &row, *patient, TEXT(id), INTEGER(session));
		if (r >= 0)
			r = sql_step(l, row);
		if (r <= 0)
			return r;
		r = sql_get_text(l, row, 0, next, sizeof(next));
		if (r < 0)
			return r;
		i = f ? formulary_substance(f, next) : FORMULARY_UNKNOWN;
		if (i != FORMULARY_UNKNOWN)
			h->substances[i].last_day = sqlite3_column_int(row, 1);
		memcpy(id, next, sizeof(id));
	}
}

/* ------------------------------------------------------- session, syringe */

/* Is there an open session with that key which is not @session? */
static int is_elsewhere(struct ledger *l, enum sql sql, struct value key, int64_t session,
			bool *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, sql, &row, key);
	if (r >= 0)
		r = sql_step(l, row);
	if (r >= 0)
		*ret = r > 0 && sqlite3_column_int64(row, 0) != session;
	return r < 0 ? r : 0;
}

/* The first column of the first row, 0 if there is none. */
static int read_number(struct ledger *l, enum sql sql, const struct value *values, size_t n,
		       uint64_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start_values(l, sql, &row, values, n);
	if (r >= 0)
		r = sql_step(l, row);
	if (r >= 0)
		*ret = r > 0 ? sql_get_u64(row, 0) : 0;
	return r < 0 ? r : 0;
}

/* The syringe holds what it held: a formulary that says otherwise since does not know what that is. */
static int read_preparation(struct ledger *l, const struct formulary *f, int64_t session,
			    size_t *ret)
{
	struct ledger_substance now[FORMULARY_COMPONENTS];
	struct ledger_load load;
	size_t i;
	int r;

	*ret = FORMULARY_UNKNOWN;
	r = ledger_get_load(l, session, &load);
	if (r < 0 || !f)
		return r == -ENOENT ? 0 : r;
	i = formulary_preparation(f, load.preparation);
	if (i == FORMULARY_UNKNOWN || f->preparations[i].n_components != load.n_components ||
	    clinic_components(f, i, now) < 0)
		return 0;
	for (size_t k = 0; k < load.n_components; k++)
		if (strcmp(now[k].id, load.components[k].id) != 0 ||
		    now[k].unit != load.components[k].unit ||
		    now[k].amount != load.components[k].amount)
			return 0;
	*ret = i;
	return 0;
}

static int read_faults(struct ledger *l, const char *serial, struct policy_history *h)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int64_t from = window_start(h->now_s, POLICY_FAULT_STOPS_S);
	int r;

	r = sql_start0(l, SQL_FAULTS, &row);
	while (r >= 0 && (r = sql_step(l, row)) > 0) {
		char theirs[MESO_SERIAL_LEN];

		if (sqlite3_column_int64(row, 0) <= from)
			return 0;
		r = sql_get_text(l, row, 1, theirs, sizeof(theirs));
		if (r >= 0)
			h->fault_stops += strcmp(theirs, serial) == 0;
	}
	return r;
}

static int read_volumes_of_session(struct ledger *l, int64_t session, const char *area,
				   struct policy_history *h)
{
	uint64_t by_hand_nl = 0;
	int r;

	r = read_number(l, SQL_ACCOUNT_SESSION_SPENT, VALUES(INTEGER(session)), &h->session_nl);
	if (r < 0 || l->schema < 2)
		return r;
	r = read_number(l, SQL_HAND_SESSION, VALUES(INTEGER(session)), &by_hand_nl);
	h->session_nl = add(h->session_nl, by_hand_nl);
	if (r >= 0 && area)
		r = read_number(l, SQL_AREA_SPENT, VALUES(INTEGER(session), TEXT(area)),
				&h->area_nl);
	if (r >= 0)
		r = read_number(l, SQL_PRIMED, VALUES(INTEGER(session)), &h->primed_nl);
	return r;
}

static int is_licensed(struct ledger *l, uint32_t uid, int32_t today, bool *ret)
{
	struct ledger_operator op;
	int32_t expires;
	int r;

	*ret = false;
	r = ledger_get_operator(l, uid, &op);
	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		*ret = text_date_day(op.expires, &expires) >= 0 && expires >= today;
	return r < 0 ? r : 0;
}

static int read_session(struct ledger *l, int64_t session, struct policy_history *h, char *serial)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	uint32_t uid;
	int r;

	r = sql_start(l, SQL_SESSION, &row, INTEGER(session));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	if (r == 0 || !sqlite3_column_int(row, 4))
		return -ENOENT;
	uid = sql_get_u32(row, 2);
	h->has_session = true;
	h->session_opened_s = sqlite3_column_int64(row, 3);
	r = sql_get_blob(l, row, 0, h->session_patient, sizeof(h->session_patient));
	if (r >= 0)
		r = sql_get_text(l, row, 1, serial, MESO_SERIAL_LEN);
	if (r >= 0)
		r = sessions_operator(l, session, &uid);
	if (r >= 0)
		r = is_licensed(l, uid, h->today, &h->operator_valid);
	if (r >= 0)
		r = is_elsewhere(l, SQL_LIVE_BY_GUN, TEXT(serial), session, &h->gun_elsewhere);
	return r < 0 || l->schema < 2 ? r : read_faults(l, serial, h);
}

/* ------------------------------------------------------------ the patient */

static int read_birth_day(struct ledger *l, const struct value *patient, int32_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	char date[LEDGER_DATE_MAX];
	int r;

	*ret = POLICY_NO_DAY;
	r = sql_start(l, SQL_BIRTH_DATE, &row, *patient);
	if (r >= 0)
		r = sql_step(l, row);
	if (r > 0)
		r = sql_get_text(l, row, 0, date, sizeof(date));
	/* An erased one is no date. */
	if (r >= 0 && sqlite3_column_type(row, 0) == SQLITE_TEXT)
		(void)text_date_day(date, ret);
	return r < 0 ? r : 0;
}

static int read_assessment(struct ledger *l, const struct ledger_id *patient,
			   struct policy_history *h)
{
	struct ledger_assessment a;
	int r;

	r = ledger_get_assessment(l, patient, &a);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	h->assessed = true;
	h->assessed_s = a.time_s;
	h->consent = a.consent;
	h->elsewhere_asked = a.elsewhere_asked;
	memcpy(h->allergies, a.allergies, sizeof(h->allergies));
	memcpy(h->conditions, a.conditions, sizeof(h->conditions));
	return 0;
}

/* A calendar day, or POLICY_NO_DAY. */
static int read_day(struct ledger *l, enum sql sql, const struct value *patient, int64_t key,
		    int32_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	*ret = POLICY_NO_DAY;
	r = sql_start(l, sql, &row, *patient, INTEGER(key));
	if (r >= 0)
		r = sql_step(l, row);
	if (r > 0)
		*ret = sqlite3_column_int(row, 0);
	return r < 0 ? r : 0;
}

static int count_sessions(struct ledger *l, int64_t course, int64_t session, uint32_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	uint32_t n = 1; /* this one */
	int r;

	r = sql_start(l, SQL_COURSE_SESSIONS, &row, INTEGER(course), INTEGER(session));
	while (r >= 0 && (r = sql_step(l, row)) > 0)
		n++;
	if (r >= 0)
		*ret = n;
	return r;
}

static int read_course(struct ledger *l, const struct ledger_id *patient, int64_t session,
		       const struct formulary *f, struct policy_history *h)
{
	const struct value id = BLOB(patient->bytes, LEDGER_ID_LEN);
	struct ledger_course course = { 0 };
	int r;

	r = clinic_session_course(l, session, patient, &course);
	if (r < 0 && r != -ENOENT)
		return r;
	h->has_course = r >= 0;
	r = 0;
	if (h->has_course) {
		r = count_sessions(l, course.number, session, &h->course_sessions);
		h->plan_late = course.late_interval_d > 0;
		h->plan_interval_d = h->plan_late && h->course_sessions > POLICY_LATE_SESSIONS
					     ? course.late_interval_d
					     : course.interval_d;
		if (r >= 0)
			r = read_day(l, SQL_DOSE_COURSE_DAY, &id, course.number,
				     &h->previous_course_day);
		if (r >= 0)
			r = read_course_amounts(l, f, session, course.number, h);
	}
	if (r >= 0 && session != 0)
		r = read_session_amounts(l, f, session, course.number, h);
	return r;
}

/* What a file of version 1 knows nothing of. */
static int read_clinic(struct ledger *l, const struct ledger_id *patient, int64_t session,
		       const struct formulary *f, struct policy_history *h)
{
	const struct value id = BLOB(patient->bytes, LEDGER_ID_LEN);
	uint64_t mass_g = 0;
	int r;

	r = read_assessment(l, patient, h);
	if (r >= 0)
		r = read_number(l, SQL_MASS_LAST, &id, 1, &mass_g);
	h->mass_g = (uint32_t)mass_g;
	if (r >= 0)
		r = read_course(l, patient, session, f, h);
	if (r >= 0)
		r = read_windows(l, f, &id, h);
	if (r >= 0)
		r = read_last_days(l, f, &id, session, h);
	if (r >= 0)
		r = read_day(l, SQL_DOSE_SESSION_DAY, &id, session, &h->last_session_day);
	return r;
}

int history_read(struct ledger *l, const struct ledger_moment *now,
		 const struct policy_basis *basis, int64_t session, const struct policy_request *q,
		 struct policy_history *h, struct history_session *ret_session)
{
	const struct formulary *f = basis->formulary;
	struct history_session s = { .preparation = q->preparation };
	struct ledger_id patient;
	int r = 0;

	*h = (struct policy_history){
		.now_s = now->s,
		.today = now->day,
		.midnight_s = now->midnight_s,
		/* Outside a session there is nobody yet to judge: opening one does. */
		.operator_valid = session == 0,
		.last_session_day = POLICY_NO_DAY,
		.previous_course_day = POLICY_NO_DAY,
	};
	for (size_t i = 0; i < FORMULARY_SUBSTANCES; i++)
		h->substances[i].last_day = POLICY_NO_DAY;
	memcpy(patient.bytes, q->patient, sizeof(patient.bytes));
	if (f && q->area < f->n_areas)
		s.area = f->areas[q->area].id;
	if (session != 0) {
		r = read_session(l, session, h, s.serial);
		if (r >= 0)
			r = read_volumes_of_session(l, session, s.area, h);
		if (r >= 0)
			r = read_preparation(l, f, session, &s.preparation);
	}
	if (r >= 0)
		r = is_elsewhere(l, SQL_LIVE_BY_PATIENT, BLOB(patient.bytes, LEDGER_ID_LEN),
				 session, &h->patient_elsewhere);
	if (r >= 0)
		r = history_read_volumes(l, &patient, h);
	if (r >= 0)
		r = read_birth_day(l, &BLOB(patient.bytes, LEDGER_ID_LEN), &h->birth_day);
	if (r >= 0 && l->schema >= 2)
		r = read_clinic(l, &patient, session, f, h);
	if (r >= 0)
		*ret_session = s;
	return r < 0 ? r : 0;
}
