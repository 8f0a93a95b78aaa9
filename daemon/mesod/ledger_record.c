// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shots: each into the ledger exactly once.
 *
 * Owns the key (gun serial, epoch, number), what is the same shot told again and
 * what is another one under its name, and which shots are nobody's.  Settling is
 * ledger_settle.c's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

/* The larger of what the gun says and what both encoders say; all that was asked if nobody knows. */
static uint64_t delivered(const struct meso_shot *s)
{
	uint64_t most = s->reported_nl;

	if (most < s->displaced_nl)
		most = s->displaced_nl;
	if (most < s->displaced2_nl)
		most = s->displaced2_nl;
	if (s->result == MESO_SHOT_UNKNOWN && most < s->asked_nl)
		most = s->asked_nl;
	return most;
}

/* When the kernel heard of a shot is not the shot's: after a reload it hears of it again. */
static bool is_same(struct ledger *l, sqlite3_stmt *row, const struct meso_shot *s)
{
	uint8_t lease_id[MESO_LEASE_ID_LEN];

	return sql_get_blob(l, row, 0, lease_id, sizeof(lease_id)) >= 0 &&
	       memcmp(lease_id, s->lease_id, sizeof(lease_id)) == 0 &&
	       sql_get_u64(row, 1) == s->asked_nl && sql_get_u64(row, 2) == s->reported_nl &&
	       sql_get_u64(row, 3) == s->displaced_nl && sql_get_u64(row, 4) == s->displaced2_nl &&
	       sql_get_u64(row, 5) == s->depth_um && sqlite3_column_int64(row, 6) == s->peak_pa &&
	       sql_get_u64(row, 7) == s->result && sql_get_u64(row, 8) == s->kind &&
	       sql_get_u64(row, 9) == s->flags && sql_get_u64(row, 10) == s->duration_us &&
	       sql_get_u64(row, 11) == s->total_nl;
}

/* 1 known, with the same content; 0 new; -EEXIST known otherwise */
static int look_up(struct ledger *l, const char *serial, const struct meso_shot *s)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_SHOT_BY_KEY, &row, TEXT(serial), INTEGER(s->epoch),
		      INTEGER(s->number));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	if (is_same(l, row, s))
		return 1;
	r = ledger_writable(l); /* was it unlike, or unreadable? */
	return r < 0 ? r : -EEXIST;
}

static int append_shot(struct ledger *l, int64_t now_s, const char *serial,
		       const struct meso_shot *s, const struct reservation *owner)
{
	struct value reservation = { .type = VALUE_NULL };

	if (owner)
		reservation = INTEGER(owner->n);
	return chain_append(l, now_s, FACT_SHOT, NULL, reservation,
			    BLOB(s->lease_id, MESO_LEASE_ID_LEN), TEXT(serial), INTEGER(s->epoch),
			    INTEGER(s->number), INTEGER(s->asked_nl), INTEGER(s->reported_nl),
			    INTEGER(s->displaced_nl), INTEGER(s->displaced2_nl),
			    INTEGER(delivered(s)), INTEGER(s->depth_um), INTEGER(s->peak_pa),
			    INTEGER(s->result), INTEGER(s->kind), INTEGER(s->flags),
			    INTEGER(s->duration_us), INTEGER(s->total_nl));
}

/* Add a shot to its lease's account, and see whether it can be true. */
static int charge(struct ledger *l, int64_t now_s, const struct meso_shot *s, struct reservation *v,
		  struct ledger_settlement *ret)
{
	struct incident incident = { NULL, v->serial, v, s->lease_id, true };
	bool before = reservation_overrun(v, v->delivered_nl, v->shots);
	bool more = false;
	int r;

	v->delivered_nl += delivered(s);
	v->shots++;
	if (v->state == LEDGER_NOT_SETTLED && v->spent_nl < v->delivered_nl) {
		v->spent_nl = v->delivered_nl;
		more = true;
	}
	r = sql_run(l, SQL_ACCOUNT_DELIVERED, INTEGER(v->n), INTEGER(v->delivered_nl),
		    INTEGER(v->spent_nl));
	if (r >= 0 && more)
		r = doses_of_lease(l, v->n);
	if (r >= 0 && v->state != LEDGER_NOT_SETTLED)
		r = settle_late_shot(l, now_s, v, ret);
	if (r >= 0 && !before && reservation_overrun(v, v->delivered_nl, v->shots)) {
		incident.kind = "overrun";
		r = incident_add(l, now_s, &incident, ret,
				 "%" PRIu64 " nL delivered under a lease for which %" PRIu64
				 " nL were reserved",
				 v->delivered_nl, v->reserved_nl);
	}
	if (r >= 0 && (s->number <= v->shot_count || s->kind != v->kind)) {
		incident.kind = "impossible-shot";
		r = incident_add(l, now_s, &incident, ret,
				 "shot %" PRIu64 " cannot belong to the lease it names",
				 (uint64_t)s->number);
	}
	return r;
}

static int record_one(struct ledger *l, int64_t now_s, const char *serial,
		      const struct meso_shot *s, struct ledger_settlement *ret)
{
	struct incident incident = { NULL, serial, NULL, s->lease_id, true };
	struct reservation owner;
	bool ours;
	int r;

	if (s->number == 0 || s->number > INT64_MAX || s->total_nl > INT64_MAX) {
		incident.kind = "malformed-shot";
		return incident_add(l, now_s, &incident, ret,
				    "a shot numbered %" PRIu64 " with total %" PRIu64,
				    (uint64_t)s->number, (uint64_t)s->total_nl);
	}
	r = look_up(l, serial, s);
	if (r == -EEXIST) {
		incident.kind = "shot-conflict";
		return incident_add(l, now_s, &incident, ret,
				    "shot %" PRIu64
				    " was recorded with other content: now asked %u, reported"
				    " %u, displaced %u and %u nL, total %" PRIu64 " nL",
				    (uint64_t)s->number, s->asked_nl, s->reported_nl,
				    s->displaced_nl, s->displaced2_nl, (uint64_t)s->total_nl);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	r = reservation_by_lease(l, s->lease_id, &owner);
	ours = r >= 0 && strcmp(owner.serial, serial) == 0 && owner.epoch == s->epoch;
	if (r >= 0 || r == -ENOENT)
		r = append_shot(l, now_s, serial, s, ours ? &owner : NULL);
	if (r < 0)
		return r;
	ret->new_shots++;
	if (ours)
		return charge(l, now_s, s, &owner, ret);
	incident.kind = "foreign-shot";
	return incident_add(l, now_s, &incident, ret,
			    "a shot under a lease that this ledger did not give"
			    " to this gun");
}

static int record(struct ledger *l, int64_t now_s, const char *serial,
		  const struct meso_shot *shots, size_t n_shots,
		  const struct ledger_evidence *evidence, struct ledger_settlement *ret)
{
	int r = 0, held;

	for (size_t i = 0; i < n_shots && r >= 0; i++)
		r = record_one(l, now_s, serial, &shots[i], ret);
	if (r >= 0 && evidence)
		r = settle_lease(l, now_s, evidence, ret);
	/* An unknown lease is no reason to forget shots. */
	if (r < 0 && r != -ENOENT)
		return r;
	held = ledger_is_quarantined(l, serial);
	if (held < 0)
		return held;
	ret->quarantined = held > 0;
	return r == -ENOENT;
}

static int record_at_once(struct ledger *l, int64_t now_s, const char *serial,
			  const struct meso_shot *shots, size_t n_shots,
			  const struct ledger_evidence *evidence, struct ledger_settlement *ret)
{
	int r;

	*ret = (struct ledger_settlement){ 0 };
	r = ledger_begin(l);
	return r < 0 ? r : ledger_end(l, record(l, now_s, serial, shots, n_shots, evidence, ret));
}

int ledger_record(struct ledger *l, int64_t now_s, const char *serial,
		  const struct meso_shot *shots, size_t n_shots,
		  const struct ledger_evidence *evidence, struct ledger_settlement *ret)
{
	struct ledger_settlement settlement;
	int r;

	if (text_check_serial(serial) < 0 || (n_shots > 0 && !shots))
		return -EINVAL;
	r = record_at_once(l, now_s, serial, shots, n_shots, evidence, &settlement);
	if (ledger_make_room(l, r))
		r = record_at_once(l, now_s, serial, shots, n_shots, evidence, &settlement);
	if (r >= 0 && ret)
		*ret = settlement;
	return r > 0 ? -ENOENT : r;
}

int ledger_get_shots(struct ledger *l, const char *serial, uint64_t epoch, struct ledger_shots *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	if (text_check_serial(serial) < 0 || !ret)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0)
		r = sql_start(l, SQL_SHOTS_OF_GUN, &row, TEXT(serial), INTEGER(epoch));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	*ret = (struct ledger_shots){
		.newest = sql_get_u64(row, 0),
		.count = sql_get_u64(row, 1),
		.sum_nl = sql_get_u64(row, 2),
		.sum_reported_nl = sql_get_u64(row, 3),
	};
	return 0;
}
