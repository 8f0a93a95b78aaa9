// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settlement: what a lease has cost, once it is over.
 *
 * Owns the one decision by which reserved volume becomes free again.  Released is
 * only what evidence proves was not delivered: the gun says the lease is closed,
 * its log covers every shot since, and log, counters and both encoders agree.
 * Otherwise the largest figure there is stays spent.  A settlement is a fact; a
 * better one does not change it but comes after it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

/* The lease's shots, summed up. */
struct sums {
	uint64_t count;
	uint64_t reported_nl;
	uint64_t delivered_nl;
	uint64_t contact;    /* shots with skin contact */
	uint64_t last_total; /* the gun's total after the newest */
	uint64_t in_range;   /* shots whose numbers lie between the counters */
	uint64_t unknown;    /* shots whose outcome nobody knows */
	uint64_t disagree;   /* shots of which report and encoders differ */
};

/* The gun's counters when the lease was over. */
struct closing {
	uint64_t epoch;
	uint64_t shot_count;
	uint64_t total_nl;
};

struct decision {
	enum ledger_outcome outcome;
	const char *kind; /* of the incident; NULL none */
	bool quarantine;
	bool credited;
	uint64_t spent_nl;
	int64_t dose_time;
	char problem[LEDGER_TEXT_MAX];
};

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The first thing that is wrong names the incident; any may call for quarantine. */
static void doubt(struct decision *d, const char *kind, bool quarantine, const char *format, ...)
	_printf_(4, 5);
static void doubt(struct decision *d, const char *kind, bool quarantine, const char *format, ...)
{
	va_list ap;

	d->outcome = LEDGER_UNCERTAIN;
	d->quarantine |= quarantine;
	if (d->kind)
		return;
	d->kind = kind;
	va_start(ap, format);
	vsnprintf(d->problem, sizeof(d->problem), format, ap);
	va_end(ap);
}

/* If the gun had another lease since, its counters at that time close this one. */
static int get_closing(struct ledger *l, const struct reservation *v, const struct ledger_gun *gun,
		       struct closing *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_RESERVATION_NEXT, &row, TEXT(v->serial), INTEGER(v->sequence));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	if (r > 0)
		*ret = (struct closing){ sql_get_u64(row, 0), sql_get_u64(row, 1),
					 sql_get_u64(row, 2) };
	else
		*ret = (struct closing){ gun->epoch, gun->shot_count, gun->total_nl };
	return 0;
}

static int get_sums(struct ledger *l, const struct reservation *v, const struct closing *c,
		    struct sums *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_SHOT_SUMS, &row, INTEGER(v->n), INTEGER(v->shot_count),
		      INTEGER(c->shot_count), INTEGER(c->epoch), INTEGER(v->tolerance_nl));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	*ret = (struct sums){
		.count = sql_get_u64(row, 0),
		.reported_nl = sql_get_u64(row, 1),
		.delivered_nl = sql_get_u64(row, 2),
		.contact = sql_get_u64(row, 3),
		.last_total = sql_get_u64(row, 4),
		.in_range = sql_get_u64(row, 5),
		.unknown = sql_get_u64(row, 6),
		.disagree = sql_get_u64(row, 7),
	};
	return 0;
}

static void judge_numbers(const struct reservation *v, const struct closing *c,
			  const struct sums *s, struct decision *d)
{
	uint64_t fired, pumped;

	if (c->epoch != v->epoch) {
		doubt(d, "epoch-changed", true, "the gun's memory is not the one that was armed");
		return;
	}
	if (c->shot_count < v->shot_count || c->total_nl < v->total_nl) {
		doubt(d, "counters-backwards", true,
		      "the gun counts %" PRIu64 " shots and %" PRIu64
		      " nL, when it was armed %" PRIu64 " and %" PRIu64 " nL",
		      c->shot_count, c->total_nl, v->shot_count, v->total_nl);
		return;
	}
	fired = c->shot_count - v->shot_count;
	pumped = c->total_nl - v->total_nl;
	d->spent_nl = most(d->spent_nl, pumped);
	if (s->in_range != fired || s->count != fired)
		doubt(d, "log-incomplete", true,
		      "the gun fired %" PRIu64 " shots under the lease, its log has %" PRIu64
		      " of them",
		      fired, s->in_range);
	/* A report leaves out what compliance still holds, displacement does not: the counter lies
	 * between their sums, and the larger is what is charged. */
	if (pumped < s->reported_nl || pumped > s->delivered_nl ||
	    (s->count > 0 && s->last_total != c->total_nl))
		doubt(d, "sum-mismatch", true,
		      "the gun's total rose by %" PRIu64 " nL, its log says %" PRIu64 " to %" PRIu64
		      " nL",
		      pumped, s->reported_nl, s->delivered_nl);
}

static void judge_shots(const struct reservation *v, const struct sums *s, struct decision *d)
{
	if (reservation_overrun(v, s->delivered_nl, s->count))
		doubt(d, "overrun", true,
		      "%" PRIu64 " nL delivered under a lease for which %" PRIu64
		      " nL were reserved",
		      s->delivered_nl, v->reserved_nl);
	if (s->unknown > 0)
		doubt(d, "outcome-unknown", false,
		      "the gun lost power on the way of %" PRIu64 " shots", s->unknown);
	if (s->disagree > 0)
		doubt(d, "encoder-mismatch", false,
		      "report and encoders differ by more than %u nL in %" PRIu64 " shots",
		      v->tolerance_nl, s->disagree);
}

/* Who latched one of these vouches for no figure: its memory did not take what it should, or its
 * reports were found to contradict each other. */
static void judge_faults(const struct ledger_evidence *e, struct decision *d)
{
	const uint32_t distrusted = MESO_FAULT_MEMORY | MESO_FAULT_OVERRUN |
				    MESO_FAULT_ENCODER_MISMATCH | MESO_FAULT_HOST_IMPLAUSIBLE |
				    MESO_FAULT_HOST_OVERRUN | MESO_FAULT_HOST_ENCODER;

	if (e->faults & distrusted)
		doubt(d, "gun-distrusted", false,
		      "the gun's account cannot be believed: faults 0x%x when the lease was over",
		      e->faults & distrusted);
}

/* A lease that the gun never got costs nothing, if the gun does not say otherwise. */
static void judge_never_armed(const struct reservation *v, const struct ledger_evidence *e,
			      const struct sums *s, struct decision *d)
{
	if (s->count > 0 ||
	    (e->gun.serial && e->gun.epoch == v->epoch && e->gun.last_sequence >= v->sequence))
		doubt(d, "armed-after-all", true,
		      "the gun was armed with a lease that was never sent");
}

static bool is_credited(const struct reservation *v, const struct ledger_evidence *e,
			const struct sums *s)
{
	return v->kind == MESO_KIND_PRIME && !e->never_armed && e->no_contact && e->contact_works &&
	       e->gun.boot_id == v->boot_id && s->contact == 0 && e->end != MESO_END_CONTACT;
}

/* A dose counts from when its last shot was recorded, which is not before it was given; unless the clock
 * had been set back by then, as can be told from the reservation: then from @ret, the present. */
static int get_dose_time(struct ledger *l, const struct reservation *v, int64_t *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int64_t time_s;
	int r;

	r = sql_start(l, SQL_SHOTS_OF_LEASE, &row, INTEGER(v->n));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	time_s = r > 0 ? sqlite3_column_int64(row, 0) : v->time_s;
	if (time_s >= v->time_s)
		*ret = time_s;
	return 0;
}

static int decide(struct ledger *l, int64_t now_s, const struct reservation *v,
		  const struct ledger_evidence *e, const struct sums *s, const struct closing *c,
		  struct decision *d)
{
	int r;

	*d = (struct decision){ .outcome = LEDGER_RELEASED };
	r = clock_latest(l, now_s, &d->dose_time);
	if (r < 0)
		return r;
	d->spent_nl = most(most(v->reserved_nl, v->spent_nl), s->delivered_nl);
	if (e->never_armed)
		judge_never_armed(v, e, s, d);
	else
		judge_numbers(v, c, s, d);
	judge_shots(v, s, d);
	judge_faults(e, d);
	if (d->outcome != LEDGER_RELEASED)
		return 0;
	d->credited = is_credited(v, e, s);
	d->spent_nl = d->credited ? 0 : s->delivered_nl;
	return get_dose_time(l, v, &d->dose_time);
}

/* What was settled last for a lease; n is 0 if it was not. */
struct last {
	int64_t n;
	uint32_t outcome;
	uint64_t delivered_nl;
	uint64_t spent_nl;
	bool credited;
	int64_t dose_time;
	char problem[LEDGER_TEXT_MAX];
};

static int get_last(struct ledger *l, const struct reservation *v, struct last *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	*ret = (struct last){ 0 };
	r = sql_start(l, SQL_SETTLEMENT_LAST, &row, INTEGER(v->n));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	ret->n = sqlite3_column_int64(row, 0);
	ret->outcome = sql_get_u32(row, 1);
	ret->delivered_nl = sql_get_u64(row, 2);
	ret->spent_nl = sql_get_u64(row, 3);
	ret->credited = sqlite3_column_int(row, 4) != 0;
	ret->dose_time = sqlite3_column_int64(row, 9);
	return sql_get_text(l, row, 5, ret->problem, sizeof(ret->problem));
}

/* What an administrator closed without the gun is spent: evidence that comes later adds, and frees
 * nothing. */
static int keep_lost(struct ledger *l, const struct reservation *v, const struct last *last,
		     struct decision *d)
{
	int r = recover_is_lost(l, v->n);

	if (r <= 0)
		return r;
	if (d->outcome == LEDGER_RELEASED)
		snprintf(d->problem, sizeof(d->problem),
			 "the gun came back, but the lease was closed as lost: all stays spent");
	d->outcome = LEDGER_UNCERTAIN;
	d->credited = false;
	if (d->spent_nl <= last->spent_nl) {
		d->spent_nl = last->spent_nl;
		d->dose_time = last->dose_time;
	}
	return 0;
}

static int append(struct ledger *l, int64_t now_s, const struct reservation *v,
		  const struct last *last, const struct decision *d, uint32_t end,
		  const struct closing *c, const struct sums *s, int64_t *ret_number)
{
	struct value none = { .type = VALUE_NULL };
	int r;

	r = chain_append(l, now_s, FACT_SETTLEMENT, ret_number, INTEGER(v->n),
			 last->n ? INTEGER(last->n) : none, INTEGER(d->outcome), INTEGER(s->count),
			 INTEGER(s->delivered_nl), INTEGER(d->spent_nl), INTEGER(d->credited),
			 INTEGER(d->dose_time), INTEGER(end), c ? INTEGER(c->epoch) : none,
			 c ? INTEGER(c->shot_count) : none, c ? INTEGER(c->total_nl) : none,
			 TEXT(d->problem[0] ? d->problem : NULL));
	if (r >= 0)
		r = sql_run(l, SQL_ACCOUNT_SETTLED, INTEGER(v->n), INTEGER(d->outcome),
			    INTEGER(d->spent_nl), INTEGER(d->credited), INTEGER(d->dose_time));
	return r < 0 ? r : doses_of_lease(l, v->n);
}

static void tell(struct ledger_settlement *ret, enum ledger_outcome outcome, uint64_t delivered_nl,
		 uint64_t spent_nl, bool credited, const char *problem)
{
	ret->outcome = outcome;
	ret->delivered_nl = delivered_nl;
	ret->spent_nl = spent_nl;
	ret->credited = credited;
	if (problem[0] && !ret->problem[0])
		snprintf(ret->problem, sizeof(ret->problem), "%s", problem);
}

static int settle(struct ledger *l, int64_t now_s, const struct reservation *v,
		  const struct ledger_evidence *e, struct ledger_settlement *ret)
{
	struct incident incident = { NULL, v->serial, v, e->lease_id, false };
	struct closing closing = { v->epoch, v->shot_count, v->total_nl };
	struct decision d;
	struct last last;
	struct sums sums;
	int r;

	r = get_last(l, v, &last);
	if (r >= 0 && last.outcome == LEDGER_RELEASED) {
		tell(ret, LEDGER_RELEASED, v->delivered_nl, last.spent_nl, last.credited,
		     last.problem);
		return 0;
	}
	if (r >= 0 && !e->never_armed)
		r = get_closing(l, v, &e->gun, &closing);
	if (r >= 0)
		r = get_sums(l, v, &closing, &sums);
	if (r >= 0)
		r = decide(l, now_s, v, e, &sums, &closing, &d);
	if (r >= 0)
		r = keep_lost(l, v, &last, &d);
	if (r < 0)
		return r;
	tell(ret, d.outcome, sums.delivered_nl, d.spent_nl, d.credited, d.problem);
	/* The same answer again is no new fact. */
	if (last.n && last.outcome == d.outcome && last.spent_nl == d.spent_nl &&
	    last.delivered_nl == sums.delivered_nl && strcmp(last.problem, d.problem) == 0)
		return 0;
	r = append(l, now_s, v, &last, &d, e->end, &closing, &sums, NULL);
	if (r >= 0 && d.kind) {
		incident.kind = d.kind;
		incident.quarantine = d.quarantine;
		r = incident_add(l, now_s, &incident, ret, "%s", d.problem);
	}
	return r;
}

int settle_lease(struct ledger *l, int64_t now_s, const struct ledger_evidence *e,
		 struct ledger_settlement *ret)
{
	struct reservation v;
	int r;

	r = reservation_by_lease(l, e->lease_id, &v);
	if (r < 0)
		return r;
	if (!e->never_armed) {
		if (!e->gun.serial || e->gun.shot_count > INT64_MAX || e->gun.total_nl > INT64_MAX)
			return -EINVAL;
		if (!e->closed || !e->log_read) {
			tell(ret, (enum ledger_outcome)v.state, v.delivered_nl, v.spent_nl, false,
			     "");
			return 0;
		}
	}
	if (e->gun.serial && strcmp(e->gun.serial, v.serial) != 0)
		return -EINVAL;
	return settle(l, now_s, &v, e, ret);
}

int settle_late_shot(struct ledger *l, int64_t now_s, struct reservation *v,
		     struct ledger_settlement *ret)
{
	struct incident incident = { "late-shot", v->serial, v, NULL, true };
	struct decision d = { .outcome = LEDGER_UNCERTAIN };
	struct closing none = { v->epoch, v->shot_count, v->total_nl };
	struct sums sums;
	struct last last;
	int r;

	r = get_last(l, v, &last);
	if (r >= 0)
		r = clock_latest(l, now_s, &d.dose_time);
	if (r < 0)
		return r;
	d.spent_nl = most(v->spent_nl, v->delivered_nl);
	if (last.outcome == LEDGER_RELEASED) {
		/* What was proven then was not so. */
		d.spent_nl = most(d.spent_nl, v->reserved_nl);
		r = incident_add(l, now_s, &incident, ret,
				 "a shot turned up under a lease that was settled without it");
	} else if (d.spent_nl == v->spent_nl) {
		return 0;
	}
	snprintf(d.problem, sizeof(d.problem), "a shot turned up after the settlement");
	if (r >= 0)
		r = get_sums(l, v, &none, &sums);
	if (r >= 0)
		r = append(l, now_s, v, &last, &d, MESO_END_NONE, NULL, &sums, NULL);
	if (r >= 0) {
		v->spent_nl = d.spent_nl;
		v->state = LEDGER_UNCERTAIN;
		tell(ret, LEDGER_UNCERTAIN, v->delivered_nl, d.spent_nl, false, d.problem);
	}
	return r;
}

int settle_as_lost(struct ledger *l, int64_t now_s, const struct reservation *v,
		   struct ledger_settlement *ret, int64_t *ret_settlement)
{
	struct closing none = { v->epoch, v->shot_count, v->total_nl };
	struct decision d = { .outcome = LEDGER_UNCERTAIN };
	struct last last;
	struct sums sums;
	int r;

	r = get_last(l, v, &last);
	if (r >= 0)
		r = get_sums(l, v, &none, &sums);
	if (r >= 0)
		r = clock_latest(l, now_s, &d.dose_time);
	if (r < 0)
		return r;
	d.spent_nl = most(most(v->reserved_nl, v->spent_nl), sums.delivered_nl);
	snprintf(d.problem, sizeof(d.problem),
		 "closed by an administrator: the gun did not come back");
	r = append(l, now_s, v, &last, &d, MESO_END_NONE, NULL, &sums, ret_settlement);
	if (r >= 0)
		tell(ret, d.outcome, sums.delivered_nl, d.spent_nl, false, d.problem);
	return r;
}

static struct value copy_integer(sqlite3_stmt *row, int column)
{
	if (sqlite3_column_type(row, column) != SQLITE_INTEGER)
		return (struct value){ .type = VALUE_NULL };
	return INTEGER(sqlite3_column_int64(row, column));
}

int settle_date_anew(struct ledger *l, int64_t now_s, int64_t reservation)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	char problem[LEDGER_TEXT_MAX];
	int r;

	r = sql_start(l, SQL_SETTLEMENT_LAST, &row, INTEGER(reservation));
	if (r >= 0)
		r = sql_step(l, row);
	if (r == 0)
		r = -EBADMSG;
	if (r >= 0)
		r = sql_get_text(l, row, 5, problem, sizeof(problem));
	if (r >= 0)
		r = chain_append(l, now_s, FACT_SETTLEMENT, NULL, INTEGER(reservation),
				 copy_integer(row, 0), copy_integer(row, 1), copy_integer(row, 10),
				 copy_integer(row, 2), copy_integer(row, 3), copy_integer(row, 4),
				 INTEGER(now_s), copy_integer(row, 11), copy_integer(row, 6),
				 copy_integer(row, 7), copy_integer(row, 8),
				 TEXT(problem[0] ? problem : NULL));
	if (r >= 0)
		r = sql_run(l, SQL_ACCOUNT_SETTLED, INTEGER(reservation), copy_integer(row, 1),
			    copy_integer(row, 3), copy_integer(row, 4), INTEGER(now_s));
	return r < 0 ? r : doses_of_lease(l, reservation);
}
