// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: one patient on one gun, by one operator.
 *
 * Owns that a patient and a gun have at most one open session each, and that one
 * which was interrupted is the same session when it is resumed.  A session that is
 * closed keeps what is outstanding outstanding.
 */
#include <errno.h>
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

static int check_operator(struct ledger *l, uint32_t uid, const char *today)
{
	struct ledger_operator op;
	int r;

	r = ledger_get_operator(l, uid, &op);
	if (r == -ENOENT || (r >= 0 && op.erased))
		return -EPERM;
	if (r < 0)
		return r;
	/* Dates in this form compare as text. */
	return strcmp(op.expires, today) >= 0 ? 0 : -EKEYEXPIRED;
}

/* May this be begun, or gone on with? */
static int check_opening(struct ledger *l, const char *today, struct value patient,
			 const char *serial, uint32_t uid)
{
	int r;

	r = check_operator(l, uid, today);
	if (r < 0)
		return r;
	r = erase_check_patient(l, patient);
	if (r >= 0)
		r = review_check(l, patient.pointer);
	if (r < 0)
		return r;
	r = ledger_is_quarantined(l, serial);
	return r > 0 ? -EUCLEAN : r;
}

static int append_end(struct ledger *l, int64_t now_s, int64_t session, const char *reason)
{
	int r;

	r = exists(l, SQL_LIVE_BY_SESSION, INTEGER(session));
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = chain_append(l, now_s, FACT_SESSION_END, NULL, INTEGER(session), TEXT(reason));
	if (r >= 0)
		r = sql_run(l, SQL_LIVE_DELETE, INTEGER(session));
	return r;
}

/* The open session with that key; 0 there is none */
static int find_live(struct ledger *l, enum sql sql, struct value key, int64_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, sql, &row, key);
	if (r >= 0)
		r = sql_step(l, row);
	if (r >= 0)
		*ret = r > 0 ? sqlite3_column_int64(row, 0) : 0;
	return r < 0 ? r : 0;
}

static int is_interrupted(struct ledger *l, int64_t session)
{
	return l->schema < 2 ? 0 : exists(l, SQL_INTERRUPTED, INTEGER(session));
}

int sessions_make_way(struct ledger *l, int64_t now_s, enum sql sql, struct value key)
{
	int64_t session = 0;
	int r;

	r = find_live(l, sql, key, &session);
	if (r < 0 || session == 0)
		return r;
	r = is_interrupted(l, session);
	if (r == 0)
		r = -EBUSY;
	return r < 0 ? r : append_end(l, now_s, session, "interrupted, and not resumed");
}

static int open_session(struct ledger *l, int64_t now_s, const char *today, struct value patient,
			const char *serial, uint32_t uid, int64_t *ret_session)
{
	int r;

	r = check_opening(l, today, patient, serial, uid);
	if (r >= 0)
		r = sessions_make_way(l, now_s, SQL_LIVE_BY_PATIENT, patient);
	if (r >= 0)
		r = sessions_make_way(l, now_s, SQL_LIVE_BY_GUN, TEXT(serial));
	if (r >= 0)
		r = chain_append(l, now_s, FACT_SESSION, ret_session, patient, TEXT(serial),
				 INTEGER(uid));
	if (r >= 0)
		r = sql_run(l, SQL_LIVE_INSERT, INTEGER(*ret_session), patient, TEXT(serial));
	return r;
}

int ledger_open_session(struct ledger *l, int64_t now_s, const char *today,
			const struct ledger_id *patient, const char *serial, uint32_t operator_uid,
			int64_t *ret_session)
{
	int64_t session = 0;
	int r;

	if (!patient || !ret_session || text_check_date(today) < 0 || text_check_serial(serial) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, open_session(l, now_s, today, BLOB(patient->bytes, LEDGER_ID_LEN), serial,
				       operator_uid, &session));
	if (r >= 0)
		*ret_session = session;
	return r;
}

/* ------------------------------------------------- interrupted and resumed */

static int interrupt(struct ledger *l, int64_t now_s, int64_t session, const char *reason)
{
	int r;

	r = exists(l, SQL_LIVE_BY_SESSION, INTEGER(session));
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = is_interrupted(l, session);
	if (r != 0)
		return r < 0 ? r : -EALREADY;
	return chain_append(l, now_s, FACT_INTERRUPTION, NULL, INTEGER(session), TEXT(reason));
}

static int interrupt_session(struct ledger *l, int64_t now_s, int64_t session, const char *reason)
{
	int r = ledger_begin(l);

	return r < 0 ? r : ledger_end(l, interrupt(l, now_s, session, reason));
}

int ledger_interrupt_session(struct ledger *l, int64_t now_s, int64_t session, const char *reason)
{
	int r;

	if (text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = interrupt_session(l, now_s, session, reason);
	if (ledger_make_room(l, r))
		r = interrupt_session(l, now_s, session, reason);
	return r;
}

/* An interrupted one of this patient whose time is not over; -ENOENT */
static int find_resumable(struct ledger *l, int64_t now_s, int64_t limit_s, struct value patient,
			  struct ledger_session *ret)
{
	int64_t session = 0, age_s;
	int r;

	r = find_live(l, SQL_LIVE_BY_PATIENT, patient, &session);
	if (r >= 0)
		r = session ? is_interrupted(l, session) : 0;
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = ledger_get_session(l, session, ret);
	if (r < 0)
		return r;
	/* By a clock that says that it has not begun yet nothing can be told. */
	if (__builtin_sub_overflow(now_s, ret->opened_s, &age_s) || age_s < 0 || age_s >= limit_s)
		return -ENOENT;
	return 0;
}

int64_t ledger_get_resumable(struct ledger *l, int64_t now_s, int64_t limit_s,
			     const struct ledger_id *patient)
{
	struct ledger_session session;
	int r;

	if (!patient)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0)
		r = find_resumable(l, now_s, limit_s, BLOB(patient->bytes, LEDGER_ID_LEN),
				   &session);
	return r < 0 ? r : session.session;
}

static int resume(struct ledger *l, int64_t now_s, const char *today, int64_t limit_s,
		  struct value patient, const char *serial, uint32_t uid,
		  struct ledger_session *ret)
{
	int r;

	r = check_opening(l, today, patient, serial, uid);
	if (r >= 0)
		r = find_resumable(l, now_s, limit_s, patient, ret);
	if (r >= 0 && strcmp(ret->serial, serial) != 0)
		r = -ENOENT;
	if (r >= 0)
		r = chain_append(l, now_s, FACT_RESUMPTION, NULL, INTEGER(ret->session),
				 INTEGER(uid));
	return r;
}

int ledger_resume_session(struct ledger *l, int64_t now_s, const char *today, int64_t limit_s,
			  const struct ledger_id *patient, const char *serial,
			  uint32_t operator_uid, struct ledger_session *ret)
{
	struct ledger_session session;
	int r;

	if (!patient || text_check_date(today) < 0 || text_check_serial(serial) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, resume(l, now_s, today, limit_s, BLOB(patient->bytes, LEDGER_ID_LEN),
				 serial, operator_uid, &session));
	if (r < 0)
		return r;
	session.interrupted = false;
	session.operator_uid = operator_uid;
	if (ret)
		*ret = session;
	return 0;
}

/* ---------------------------------------------------------------------- end */

static int close_session(struct ledger *l, int64_t now_s, int64_t session, const char *reason)
{
	int r = ledger_begin(l);

	return r < 0 ? r : ledger_end(l, append_end(l, now_s, session, reason));
}

int ledger_close_session(struct ledger *l, int64_t now_s, int64_t session, const char *reason)
{
	int r;

	if (text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = close_session(l, now_s, session, reason);
	if (ledger_make_room(l, r))
		r = close_session(l, now_s, session, reason);
	return r;
}

/* ------------------------------------------------------------------- reading */

int sessions_operator(struct ledger *l, int64_t session, uint32_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	if (l->schema < 2)
		return 0;
	r = sql_start(l, SQL_RESUMED_BY, &row, INTEGER(session));
	if (r >= 0)
		r = sql_step(l, row);
	if (r > 0)
		*ret = sql_get_u32(row, 0);
	return r < 0 ? r : 0;
}

static int read_account(struct ledger *l, struct ledger_session *s)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL, *incidents = NULL;
	int r;

	r = sql_start(l, SQL_SESSION_ACCOUNT, &row, INTEGER(s->session));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	s->delivered_nl = sql_get_u64(row, 0);
	s->spent_nl = sql_get_u64(row, 1);
	s->outstanding_nl = sql_get_u64(row, 2);
	s->primed_nl = sql_get_u64(row, 3);
	s->shots = sql_get_u32(row, 4);
	r = sql_start(l, SQL_SESSION_INCIDENTS, &incidents, INTEGER(s->session));
	if (r >= 0)
		r = sql_step(l, incidents);
	if (r >= 0)
		s->incidents = sql_get_u32(incidents, 0);
	return r;
}

int ledger_get_session(struct ledger *l, int64_t session, struct ledger_session *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_session s = { .session = session };
	int r;

	r = ledger_readable(l);
	if (r >= 0)
		r = sql_start(l, SQL_SESSION, &row, INTEGER(session));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	s.operator_uid = sql_get_u32(row, 2);
	s.opened_s = sqlite3_column_int64(row, 3);
	s.open = sqlite3_column_int(row, 4) != 0;
	r = sql_get_blob(l, row, 0, s.patient.bytes, sizeof(s.patient.bytes));
	if (r >= 0)
		r = sql_get_text(l, row, 1, s.serial, sizeof(s.serial));
	if (r >= 0)
		r = sessions_operator(l, session, &s.operator_uid);
	if (r >= 0 && s.open)
		r = is_interrupted(l, session);
	if (r < 0)
		return r;
	s.interrupted = s.open && r > 0;
	r = read_account(l, &s);
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

static int walk_sessions(struct ledger *l, sqlite3_stmt *row,
			 int (*found)(const struct ledger_session *session, void *userdata),
			 void *userdata)
{
	struct ledger_session s;
	int r;

	while ((r = sql_step(l, row)) > 0) {
		r = ledger_get_session(l, sqlite3_column_int64(row, 0), &s);
		if (r >= 0)
			r = found(&s, userdata);
		if (r != 0)
			return r;
	}
	return r;
}

int ledger_foreach_session(struct ledger *l, const struct ledger_id *patient,
			   int (*found)(const struct ledger_session *session, void *userdata),
			   void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	if (!patient)
		return -EINVAL;
	r = ledger_readable(l);
	/* A file of version 1 has no index for it. */
	if (r >= 0 && l->schema < 2)
		return 0;
	if (r >= 0)
		r = sql_start(l, SQL_SESSIONS_OF, &row, BLOB(patient->bytes, LEDGER_ID_LEN));
	return r < 0 ? r : walk_sessions(l, row, found, userdata);
}

int ledger_get_last_day(struct ledger *l, const struct ledger_id *patient, int32_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int32_t day = POLICY_NO_DAY;
	int r;

	if (!patient || !ret)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0 && l->schema >= 2) {
		r = sql_start(l, SQL_DOSE_NEWEST_DAY, &row, BLOB(patient->bytes, LEDGER_ID_LEN));
		if (r >= 0)
			r = sql_step(l, row);
		if (r > 0)
			day = sqlite3_column_int(row, 0);
	}
	if (r < 0)
		return r;
	*ret = day;
	return 0;
}

int ledger_foreach_open_session(struct ledger *l,
				int (*found)(const struct ledger_session *session, void *userdata),
				void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = ledger_readable(l);
	if (r >= 0)
		r = sql_start0(l, SQL_LIVE_ALL, &row);
	return r < 0 ? r : walk_sessions(l, row, found, userdata);
}
