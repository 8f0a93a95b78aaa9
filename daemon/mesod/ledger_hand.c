// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doses given by hand, or elsewhere by somebody else.
 *
 * Owns that each counts in full from when it was given, and that a wrong one is
 * followed by its correction and never rewritten.  What was given was given: on a
 * full disk the ballast makes room for it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

#define VOLUME_MAX_NL 1000000000u /* a litre is no dose */

int ledger_hand_dose_fill(struct ledger_hand_dose *dose, const struct formulary *formulary,
			  size_t preparation, uint64_t volume_nl)
{
	struct ledger_substance list[FORMULARY_COMPONENTS];
	size_t n;

	if (!dose || volume_nl == 0 || volume_nl > VOLUME_MAX_NL ||
	    clinic_components(formulary, preparation, list) < 0)
		return -EINVAL;
	n = formulary->preparations[preparation].n_components;
	for (size_t i = 0; i < n; i++) {
		list[i].amount = formulary_amount(volume_nl, list[i].amount);
		if (list[i].amount > INT64_MAX)
			return -EINVAL;
	}
	memcpy(dose->substances, list, sizeof(list));
	dose->n_substances = n;
	dose->volume_nl = volume_nl;
	snprintf(dose->preparation, sizeof(dose->preparation), "%s",
		 formulary->preparations[preparation].id);
	return 0;
}

static int check_dose(const struct ledger_hand_dose *d)
{
	if (!d || (d->kind != LEDGER_BY_HAND && d->kind != LEDGER_ELSEWHERE) ||
	    (d->kind == LEDGER_ELSEWHERE && d->session != 0) || d->session < 0 ||
	    (d->preparation[0] && text_check_id(d->preparation) < 0) ||
	    d->volume_nl > VOLUME_MAX_NL)
		return -EINVAL;
	return substances_check(d->substances, d->n_substances);
}

/* 0 the session is this patient's */
static int check_session(struct ledger *l, int64_t session, const struct ledger_id *patient)
{
	struct ledger_session s;
	int r;

	if (session == 0)
		return 0;
	r = ledger_get_session(l, session, &s);
	if (r < 0)
		return r;
	return memcmp(s.patient.bytes, patient->bytes, LEDGER_ID_LEN) == 0 ? 0 : -ENOENT;
}

/* What is corrected. */
struct original {
	int64_t n; /* 0: nothing is */
	struct ledger_id patient;
	int64_t course; /* 0 none */
};

/* -EALREADY with @ret set: it counts no more. */
static int find_original(struct ledger *l, int64_t number, struct original *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	bool counts;
	int r;

	r = sql_start(l, SQL_HAND_DOSE_BY_NUMBER, &row, INTEGER(number));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	counts = sqlite3_column_int(row, 2);
	ret->n = number;
	ret->course = sqlite3_column_int64(row, 1);
	r = sql_get_blob(l, row, 0, ret->patient.bytes, sizeof(ret->patient.bytes));
	return r < 0 || counts ? r : -EALREADY;
}

int ledger_find_hand_dose(struct ledger *l, const struct ledger_id *patient, int64_t number)
{
	struct original original = { 0 };
	int r;

	if (!patient)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0 && l->schema < 2)
		return -ENOENT;
	if (r >= 0)
		r = find_original(l, number, &original);
	/* Whether another's was corrected is not this patient's to know. */
	if ((r >= 0 || r == -EALREADY) &&
	    memcmp(patient->bytes, original.patient.bytes, LEDGER_ID_LEN) != 0)
		return -EXDEV;
	return r < 0 ? r : 0;
}

/* In a session it is of the session's course; outside of one, of the one that was current when it was
 * first entered. */
static int find_course(struct ledger *l, const struct ledger_hand_dose *d,
		       const struct original *original, int64_t *ret)
{
	struct ledger_course course = { 0 };
	int r = 0;

	if (d->session == 0 && original->n)
		course.number = original->course;
	else
		r = clinic_session_course(l, d->session, &d->patient, &course);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = course.number;
	return 0;
}

static struct value number_or_none(int64_t number)
{
	return number ? INTEGER(number) : (struct value){ .type = VALUE_NULL };
}

static int append(struct ledger *l, int64_t now_s, const struct ledger_hand_dose *d, uint32_t uid,
		  const struct original *original, const char *reason, int64_t *ret_number)
{
	char substances[SUBSTANCES_TEXT_MAX];
	int64_t course = 0;
	int r;

	r = clinic_check_people(l, &d->patient, uid);
	if (r >= 0)
		r = check_session(l, d->session, &d->patient);
	if (r >= 0)
		r = find_course(l, d, original, &course);
	if (r < 0)
		return r;
	substances_format(d->substances, d->n_substances, substances);
	return chain_append(l, now_s, FACT_HAND_DOSE, ret_number,
			    BLOB(d->patient.bytes, LEDGER_ID_LEN), number_or_none(d->session),
			    number_or_none(course), INTEGER(d->kind == LEDGER_ELSEWHERE),
			    TEXT(d->preparation[0] ? d->preparation : NULL), TEXT(substances),
			    INTEGER(d->volume_nl), INTEGER(d->given_s), INTEGER(d->day),
			    INTEGER(uid), number_or_none(original->n), INTEGER(0), TEXT(reason));
}

static int append_void(struct ledger *l, int64_t now_s, uint32_t uid,
		       const struct original *original, const char *reason, int64_t *ret_number)
{
	struct value none = { .type = VALUE_NULL };
	int r;

	r = clinic_check_people(l, &original->patient, uid);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_HAND_DOSE, ret_number,
				 BLOB(original->patient.bytes, LEDGER_ID_LEN), none, none,
				 INTEGER(0), none, TEXT(""), INTEGER(0), INTEGER(now_s), INTEGER(0),
				 INTEGER(uid), INTEGER(original->n), INTEGER(1), TEXT(reason));
	return r;
}

/* Nothing is given in the future, but for what two clocks may differ by. */
static int check_time(struct ledger *l, int64_t now_s, int64_t given_s)
{
	int64_t latest, ahead;
	int r;

	r = clock_latest(l, now_s, &latest);
	if (r < 0)
		return r;
	if (__builtin_sub_overflow(given_s, latest, &ahead) || ahead > LEDGER_CLOCK_TOLERANCE_S)
		return given_s > latest ? -ERANGE : 0;
	return 0;
}

static int add(struct ledger *l, int64_t now_s, const struct ledger_hand_dose *d,
	       int64_t *ret_number, bool *ret_live)
{
	struct original none = { 0 };
	int r;

	r = check_time(l, now_s, d->given_s);
	if (r >= 0)
		r = append(l, now_s, d, d->uid, &none, NULL, ret_number);
	if (r >= 0)
		r = doses_of_hand(l, *ret_number);
	return r < 0 ? r : clinic_is_live(l, &d->patient, ret_live);
}

static int add_at_once(struct ledger *l, int64_t now_s, const struct ledger_hand_dose *d,
		       int64_t *ret_number, bool *ret_live)
{
	int r = ledger_begin(l);

	return r < 0 ? r : ledger_end(l, add(l, now_s, d, ret_number, ret_live));
}

int ledger_add_hand_dose(struct ledger *l, int64_t now_s, const struct ledger_hand_dose *dose,
			 int64_t *ret_number, bool *ret_live)
{
	int64_t number = 0;
	bool live = false;
	int r;

	if (check_dose(dose) < 0)
		return -EINVAL;
	r = add_at_once(l, now_s, dose, &number, &live);
	if (ledger_make_room(l, r))
		r = add_at_once(l, now_s, dose, &number, &live);
	if (r < 0)
		return r;
	if (ret_number)
		*ret_number = number;
	if (ret_live)
		*ret_live = live;
	return 0;
}

static int correct(struct ledger *l, int64_t now_s, int64_t number,
		   const struct ledger_hand_dose *d, uint32_t uid, const char *reason,
		   int64_t *ret_number, bool *ret_live)
{
	struct original original = { 0 };
	int r;

	r = find_original(l, number, &original);
	if (r >= 0 && d && memcmp(d->patient.bytes, original.patient.bytes, LEDGER_ID_LEN) != 0)
		r = -EXDEV;
	if (r >= 0 && d)
		r = check_time(l, now_s, d->given_s);
	if (r < 0)
		return r;
	if (d)
		r = append(l, now_s, d, uid, &original, reason, ret_number);
	else
		r = append_void(l, now_s, uid, &original, reason, ret_number);
	/* The one counts no more, the other does. */
	if (r >= 0)
		r = doses_of_hand(l, number);
	if (r >= 0)
		r = doses_of_hand(l, *ret_number);
	return r < 0 ? r : clinic_is_live(l, &original.patient, ret_live);
}

static int correct_at_once(struct ledger *l, int64_t now_s, int64_t number,
			   const struct ledger_hand_dose *d, uint32_t uid, const char *reason,
			   int64_t *ret_number, bool *ret_live)
{
	int r = ledger_begin(l);

	return r < 0 ? r
		     : ledger_end(l,
				  correct(l, now_s, number, d, uid, reason, ret_number, ret_live));
}

int ledger_correct_hand_dose(struct ledger *l, int64_t now_s, int64_t number,
			     const struct ledger_hand_dose *dose, uint32_t uid, const char *reason,
			     int64_t *ret_number, bool *ret_live)
{
	int64_t correction = 0;
	bool live = false;
	int r;

	if ((dose && check_dose(dose) < 0) || text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = correct_at_once(l, now_s, number, dose, uid, reason, &correction, &live);
	if (ledger_make_room(l, r))
		r = correct_at_once(l, now_s, number, dose, uid, reason, &correction, &live);
	if (r < 0)
		return r;
	if (ret_number)
		*ret_number = correction;
	if (ret_live)
		*ret_live = live;
	return 0;
}

static int read_dose(struct ledger *l, sqlite3_stmt *row, struct ledger_hand_dose *ret)
{
	int r;

	*ret = (struct ledger_hand_dose){
		.number = sqlite3_column_int64(row, 0),
		.session = sqlite3_column_int64(row, 1),
		.kind = sqlite3_column_int(row, 2) ? LEDGER_ELSEWHERE : LEDGER_BY_HAND,
		.volume_nl = sql_get_u64(row, 5),
		.given_s = sqlite3_column_int64(row, 6),
		.day = sqlite3_column_int(row, 7),
		.uid = sql_get_u32(row, 8),
	};
	r = sql_get_text(l, row, 3, ret->preparation, sizeof(ret->preparation));
	if (r >= 0)
		r = substances_read(l, row, 4, ret->substances, &ret->n_substances);
	return r;
}

int ledger_foreach_hand_dose(struct ledger *l, const struct ledger_id *patient,
			     int (*found)(const struct ledger_hand_dose *dose, void *userdata),
			     void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_hand_dose dose;
	int r;

	if (!patient)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0 && l->schema < 2)
		return 0;
	if (r >= 0)
		r = sql_start(l, SQL_HAND_DOSES, &row, BLOB(patient->bytes, LEDGER_ID_LEN));
	while (r >= 0) {
		r = sql_step(l, row);
		if (r <= 0)
			return r;
		r = read_dose(l, row, &dose);
		if (r < 0)
			return r;
		dose.patient = *patient;
		r = found(&dose, userdata);
		if (r != 0)
			return r;
	}
	return r;
}
