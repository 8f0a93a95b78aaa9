// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the ledger knows of each gun: counters, incidents, quarantine.
 *
 * Owns the judgement whether a gun's numbers follow from what was recorded of it.
 * Counters only rise, and the epoch never changes: otherwise shots may be missing
 * or be counted twice, and somebody has to look before it is used again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

/* -------------------------------------------------- incidents, quarantine */

static int is_quarantined(struct ledger *l, const char *serial)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_QUARANTINE_LAST, &row, TEXT(serial));
	if (r >= 0)
		r = sql_step(l, row);
	return r <= 0 ? r : sqlite3_column_int(row, 0) != 0;
}

int ledger_is_quarantined(struct ledger *l, const char *serial)
{
	int r;

	if (text_check_serial(serial) < 0)
		return -EINVAL;
	r = ledger_readable(l);
	return r < 0 ? r : is_quarantined(l, serial);
}

static int is_known(struct ledger *l, const struct incident *i, struct value reservation,
		    struct value lease, const char *detail)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_INCIDENT_KNOWN, &row, TEXT(i->serial), TEXT(i->kind), reservation,
		      lease, TEXT(detail));
	return r < 0 ? r : sql_step(l, row);
}

static int append(struct ledger *l, int64_t now_s, const struct incident *i, const char *detail,
		  struct ledger_settlement *ret)
{
	struct value reservation = { .type = VALUE_NULL }, lease = { .type = VALUE_NULL };
	int held = 0, r;

	if (i->reservation)
		reservation = INTEGER(i->reservation->n);
	if (i->lease_id)
		lease = BLOB(i->lease_id, MESO_LEASE_ID_LEN);
	if (i->serial)
		held = is_quarantined(l, i->serial);
	if (held < 0)
		return held;
	/* Repeated reports change nothing; but what an administrator has let go is caught again. */
	r = held || !i->quarantine ? is_known(l, i, reservation, lease, detail) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	r = chain_append(l, now_s, FACT_INCIDENT, NULL, TEXT(i->kind), TEXT(i->serial), reservation,
			 lease, TEXT(detail));
	if (r >= 0 && i->quarantine && !held)
		r = chain_append(l, now_s, FACT_QUARANTINE, NULL, TEXT(i->serial), INTEGER(1),
				 (struct value){ .type = VALUE_NULL }, TEXT(i->kind));
	if (r >= 0)
		ret->incidents++;
	return r;
}

int incident_add(struct ledger *l, int64_t now_s, const struct incident *incident,
		 struct ledger_settlement *ret, const char *format, ...)
{
	struct ledger_settlement ignored = { 0 };
	char detail[LEDGER_TEXT_MAX];
	va_list ap;

	if (!ret)
		ret = &ignored;
	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	/* The first thing that went wrong explains the others. */
	if (!ret->problem[0])
		snprintf(ret->problem, sizeof(ret->problem), "%s", detail);
	return append(l, now_s, incident, detail, ret);
}

static int add_incident(struct ledger *l, int64_t now_s, struct incident incident, const char *text)
{
	struct reservation reservation;
	int r;

	r = ledger_begin(l);
	if (r < 0)
		return r;
	if (incident.lease_id) {
		r = reservation_by_lease(l, incident.lease_id, &reservation);
		if (r >= 0)
			incident.reservation = &reservation;
		else if (r == -ENOENT)
			r = 0;
	}
	if (r >= 0)
		r = incident_add(l, now_s, &incident, NULL, "%s", text);
	return ledger_end(l, r);
}

int ledger_add_incident(struct ledger *l, int64_t now_s, const char *kind, const char *serial,
			const uint8_t *lease_id, const char *text, bool quarantine)
{
	const struct incident incident = { kind, serial, NULL, lease_id, quarantine };
	int r;

	if (text_check_name(kind, LEDGER_NAME_MAX) < 0 ||
	    text_check_name(text, LEDGER_TEXT_MAX) < 0 ||
	    (serial && text_check_serial(serial) < 0) || (quarantine && !serial))
		return -EINVAL;
	r = add_incident(l, now_s, incident, text);
	if (ledger_make_room(l, r))
		r = add_incident(l, now_s, incident, text);
	return r;
}

/* ---------------------------------------------------------- what is known */

static void raise_to(uint64_t *value, uint64_t least)
{
	if (*value < least)
		*value = least;
}

/* Counters that the newest reservation and its settlement were made with. */
static int known_from_lease(struct ledger *l, int64_t since, struct ledger_gun *known)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL, *settled = NULL;
	int r;

	r = sql_start(l, SQL_RESERVATION_LAST, &row, TEXT(known->serial));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	raise_to(&known->last_sequence, sql_get_u64(row, 4));
	if (sqlite3_column_int64(row, 0) > since && sql_get_u64(row, 1) == known->epoch) {
		raise_to(&known->shot_count, sql_get_u64(row, 2));
		raise_to(&known->total_nl, sql_get_u64(row, 3));
	}
	r = sql_start(l, SQL_SETTLEMENT_LAST, &settled, INTEGER(sqlite3_column_int64(row, 0)));
	if (r >= 0)
		r = sql_step(l, settled);
	if (r > 0 && sqlite3_column_int64(settled, 0) > since &&
	    sqlite3_column_type(settled, 6) == SQLITE_INTEGER &&
	    sql_get_u64(settled, 6) == known->epoch) {
		raise_to(&known->shot_count, sql_get_u64(settled, 7));
		raise_to(&known->total_nl, sql_get_u64(settled, 8));
	}
	return r < 0 ? r : 0;
}

static int known_from_shots(struct ledger *l, int64_t since, struct ledger_gun *known)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	/* Of older numbers, whenever they were told, none says more. */
	r = sql_start(l, SQL_SHOT_NEWEST, &row, TEXT(known->serial), INTEGER(known->epoch),
		      INTEGER(known->shot_count), INTEGER(since));
	if (r >= 0)
		r = sql_step(l, row);
	if (r > 0) {
		raise_to(&known->shot_count, sql_get_u64(row, 0));
		raise_to(&known->total_nl, sql_get_u64(row, 1));
	}
	return r < 0 ? r : 0;
}

int gun_known(struct ledger *l, const char *serial, struct ledger_gun *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_gun known = { .serial = serial };
	int64_t since;
	int r;

	r = sql_start(l, SQL_GUN_LAST, &row, TEXT(serial));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	/* What an administrator has accepted is where the count starts from. */
	since = sqlite3_column_int64(row, 0);
	known.epoch = sql_get_u64(row, 1);
	known.boot_id = sql_get_u64(row, 2);
	known.shot_count = sql_get_u64(row, 3);
	known.total_nl = sql_get_u64(row, 4);
	known.last_sequence = sql_get_u64(row, 5);
	r = known_from_lease(l, since, &known);
	if (r >= 0)
		r = known_from_shots(l, since, &known);
	if (r >= 0)
		*ret = known;
	return r;
}

static int append_gun(struct ledger *l, int64_t now_s, const struct ledger_gun *gun)
{
	return chain_append(l, now_s, FACT_GUN, NULL, TEXT(gun->serial), INTEGER(gun->epoch),
			    INTEGER(gun->boot_id), INTEGER(gun->shot_count), INTEGER(gun->total_nl),
			    INTEGER(gun->last_sequence));
}

int gun_follow(struct ledger *l, int64_t now_s, const struct ledger_gun *gun)
{
	struct incident incident = { .serial = gun->serial, .quarantine = true };
	struct ledger_gun known;
	int r;

	r = gun_known(l, gun->serial, &known);
	if (r == -ENOENT)
		r = append_gun(l, now_s, gun);
	else if (r < 0)
		return r;
	else if (gun->epoch != known.epoch) {
		incident.kind = "epoch-changed";
		r = incident_add(l, now_s, &incident, NULL,
				 "the gun's memory is not the one that was known: epoch %" PRIx64
				 ", known %" PRIx64,
				 gun->epoch, known.epoch);
	} else if (gun->shot_count < known.shot_count || gun->total_nl < known.total_nl) {
		incident.kind = "counters-backwards";
		r = incident_add(l, now_s, &incident, NULL,
				 "the gun counts %" PRIu64 " shots and %" PRIu64
				 " nL, known are %" PRIu64 " and %" PRIu64 " nL",
				 gun->shot_count, gun->total_nl, known.shot_count, known.total_nl);
	}
	return r < 0 ? r : is_quarantined(l, gun->serial);
}

static int check_gun(const struct ledger_gun *gun)
{
	if (!gun || text_check_serial(gun->serial) < 0 || gun->shot_count > INT64_MAX ||
	    gun->total_nl > INT64_MAX || gun->last_sequence >= INT64_MAX)
		return -EINVAL;
	return 0;
}

static int check_mark(struct ledger *l, int64_t now_s, const struct ledger_gun *gun,
		      const struct meso_host_mark *mark)
{
	struct head head;
	int r;

	if (!mark || mark->sequence == 0 ||
	    memcmp(mark->ledger, l->id.bytes, sizeof(mark->ledger)) != 0)
		return 0;
	r = chain_contains(l, mark->sequence, mark->head, sizeof(mark->head));
	if (r == 0)
		r = restored_accept_mark(l, now_s, gun, mark);
	if (r != 0)
		return r < 0 ? r : 0;
	r = chain_get_head(l, &head);
	if (r < 0)
		return r;
	ledger_set_state(l, LEDGER_ROLLED_BACK,
			 "the ledger is an old copy: it ends at record %" PRIu64
			 ", a gun has seen record %" PRIu64,
			 head.number, (uint64_t)mark->sequence);
	return -EROFS;
}

/* Another ledger has armed this gun since this one knew it last: what was delivered then, and to whom,
 * is not known here. */
static int check_foreign(struct ledger *l, int64_t now_s, const struct ledger_gun *gun,
			 const struct meso_host_mark *mark)
{
	struct incident incident = { "foreign-ledger", gun->serial, NULL, NULL, true };
	struct ledger_gun known;
	int r;

	if (!mark || mark->sequence == 0 ||
	    memcmp(mark->ledger, l->id.bytes, sizeof(mark->ledger)) == 0)
		return 0;
	r = gun_known(l, gun->serial, &known);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0 && gun->last_sequence <= known.last_sequence)
		return 0;
	return incident_add(l, now_s, &incident, NULL,
			    "another ledger armed the gun: its newest lease has sequence %" PRIu64,
			    (uint64_t)gun->last_sequence);
}

int ledger_see_gun(struct ledger *l, int64_t now_s, const struct ledger_gun *gun,
		   const struct meso_host_mark *mark)
{
	int r;

	if (check_gun(gun) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = check_mark(l, now_s, gun, mark);
	if (r >= 0)
		r = check_foreign(l, now_s, gun, mark);
	if (r >= 0)
		r = gun_follow(l, now_s, gun);
	r = ledger_end(l, r);
	return r > 0 ? -EUCLEAN : r;
}

int ledger_lift_quarantine(struct ledger *l, int64_t now_s, const struct ledger_gun *gun,
			   uint32_t uid, const char *reason, bool discard)
{
	int r;

	if (check_gun(gun) < 0 || text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = is_quarantined(l, gun->serial);
	if (r == 0)
		r = -ENOENT;
	if (r >= 0)
		r = recover_discard(l, now_s, gun->serial, discard, uid, reason);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_QUARANTINE, NULL, TEXT(gun->serial), INTEGER(0),
				 INTEGER(uid), TEXT(reason));
	if (r >= 0)
		r = append_gun(l, now_s, gun);
	return ledger_end(l, r);
}
