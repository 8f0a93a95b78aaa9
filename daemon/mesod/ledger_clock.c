// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the time can be believed, as far as the ledger can tell.
 *
 * Owns the mark (the highest wall time that was seen, unless an administrator has
 * said that it was wrong) and, for each boot, the offset between wall clock and
 * time since boot that was accepted first.  Never reads a clock.
 */
#include <errno.h>
#include <string.h>

#include "ledger_internal.h"

/* Each boot's fact holds the mark of then, so that only what came after it is looked at. */
static int read_mark(struct ledger *l)
{
	_cleanup_(sql_resetp) sqlite3_stmt *fact = NULL, *row = NULL;
	int64_t mark_s = 0, after = 0;
	int r = 0;

	if (l->newest_known)
		return 0;
	/* A file of version 1, which is not written any more, has no such facts. */
	if (l->schema >= 2) {
		r = sql_start0(l, SQL_CLOCK_LAST, &fact);
		if (r >= 0)
			r = sql_step(l, fact);
		if (r > 0) {
			after = sqlite3_column_int64(fact, 0);
			mark_s = sqlite3_column_int64(fact, 1);
		}
	}
	if (r >= 0)
		r = sql_start(l, SQL_NEWEST_TIME, &row, INTEGER(after));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	if (r > 0 && sqlite3_column_type(row, 0) == SQLITE_INTEGER &&
	    (after == 0 || sqlite3_column_int64(row, 0) > mark_s))
		mark_s = sqlite3_column_int64(row, 0);
	l->newest_s = mark_s;
	l->newest_known = true;
	return 0;
}

int64_t ledger_clock_behind(struct ledger *l, int64_t now_s)
{
	int64_t behind;
	int r;

	r = ledger_readable(l);
	if (r >= 0)
		r = read_mark(l);
	if (r < 0)
		return r;
	if (__builtin_sub_overflow(l->newest_s, now_s, &behind))
		return INT64_MAX;
	return behind > 0 ? behind : 0;
}

int clock_check(struct ledger *l, int64_t now_s)
{
	int64_t behind = ledger_clock_behind(l, now_s);

	if (behind < 0)
		return (int)behind;
	return behind > LEDGER_CLOCK_TOLERANCE_S ? -ETIME : 0;
}

int clock_latest(struct ledger *l, int64_t now_s, int64_t *ret)
{
	int r = read_mark(l);

	if (r < 0)
		return r;
	*ret = l->newest_s > now_s ? l->newest_s : now_s;
	return 0;
}

/* 1 this boot has an accepted offset, 0 not yet */
static int find_offset(struct ledger *l, const struct ledger_clock *now, int64_t *ret_offset_ns)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_CLOCK_OF_BOOT, &row, BLOB(now->boot_id, sizeof(now->boot_id)));
	if (r >= 0)
		r = sql_step(l, row);
	if (r > 0)
		*ret_offset_ns = sqlite3_column_int64(row, 0);
	return r;
}

static int append(struct ledger *l, const struct ledger_clock *now, int64_t mark_s, bool confirmed,
		  uint32_t uid, const char *reason)
{
	return chain_append(l, now->wall_s, FACT_CLOCK, NULL, INTEGER(confirmed),
			    BLOB(now->boot_id, sizeof(now->boot_id)), INTEGER(now->wall_s),
			    INTEGER(now->boottime_ns), INTEGER(now->offset_ns), INTEGER(mark_s),
			    INTEGER(l->newest_s),
			    confirmed ? INTEGER(uid) : (struct value){ .type = VALUE_NULL },
			    TEXT(reason));
}

/* 1 it is this boot's from now on */
static int accept(struct ledger *l, const struct ledger_clock *now)
{
	int64_t mark_s;
	int r;

	r = clock_latest(l, now->wall_s, &mark_s);
	if (r >= 0)
		r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, append(l, now, mark_s, false, 0, NULL));
	return r < 0 ? r : 1;
}

int ledger_accept_clock(struct ledger *l, const struct ledger_clock *now,
			struct ledger_clock_state *ret)
{
	struct ledger_clock_state state = { 0 };
	int r;

	if (!now || !ret)
		return -EINVAL;
	r = ledger_writable(l);
	if (r >= 0)
		r = read_mark(l);
	if (r >= 0)
		r = find_offset(l, now, &state.offset_ns);
	if (r == 0) {
		state.offset_ns = now->offset_ns;
		r = clock_check(l, now->wall_s) == 0 ? accept(l, now) : 0;
	}
	if (r < 0)
		return r;
	state.accepted = r > 0;
	state.mark_s = l->newest_s;
	*ret = state;
	return 0;
}

/* Doses that were dated by a clock of the future count from now on, which is not before they were
 * given: otherwise they would stay in every window until then. */
static int date_anew(struct ledger *l, int64_t now_s)
{
	int64_t reservation = 0;
	int r;

	do {
		_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;

		r = sql_start(l, SQL_ACCOUNT_FUTURE, &row, INTEGER(reservation), INTEGER(now_s));
		if (r >= 0)
			r = sql_step(l, row);
		if (r <= 0)
			return r;
		reservation = sqlite3_column_int64(row, 0);
		r = settle_date_anew(l, now_s, reservation);
	} while (r >= 0);
	return r;
}

int ledger_confirm_clock(struct ledger *l, const struct ledger_clock *now, uint32_t uid,
			 const char *reason, struct ledger_clock_state *ret)
{
	int r;

	if (!now || !ret || text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = ledger_writable(l);
	if (r >= 0)
		r = read_mark(l);
	if (r >= 0)
		r = ledger_begin(l);
	if (r < 0)
		return r;
	r = append(l, now, now->wall_s, true, uid, reason);
	if (r >= 0)
		r = date_anew(l, now->wall_s);
	r = ledger_end(l, r);
	if (r < 0)
		return r;
	l->newest_s = now->wall_s;
	*ret = (struct ledger_clock_state){ .accepted = true,
					    .offset_ns = now->offset_ns,
					    .mark_s = now->wall_s };
	return 0;
}
