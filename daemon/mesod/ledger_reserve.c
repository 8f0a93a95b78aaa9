// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reservations: a dose is judged and set aside in one transaction.
 *
 * Owns the history that the policy judges by, gathered by index from the
 * patient's own rows, and the durable record without which no gun is armed.
 * Never judges: policy_check() does, here and for `Check` alike.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "ledger_internal.h"

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* ------------------------------------------------------------------ check */

int ledger_check(struct ledger *l, const struct ledger_moment *now,
		 const struct policy_basis *basis, int64_t session,
		 const struct policy_request *request,
		 struct policy_verdict ret_verdicts[POLICY_RULES])
{
	struct policy_request asked;
	struct history_session at;
	struct policy_history history;
	int r;

	if (!now || !basis || !request || !ret_verdicts)
		return -EINVAL;
	/* An answer from a ledger that cannot be trusted would be believed. */
	r = digest_settle(l);
	if (r >= 0)
		r = ledger_writable(l);
	if (r >= 0)
		r = erase_check_patient(l, BLOB(request->patient, LEDGER_ID_LEN));
	if (r >= 0)
		r = review_check(l, request->patient);
	if (r >= 0)
		r = history_read(l, now, basis, session, request, &history, &at);
	if (r < 0)
		return r;
	/* In a session it is what is loaded, unless the question is about something else: nothing is given by
	 * an answer. */
	asked = *request;
	if (request->preparation == FORMULARY_UNKNOWN)
		asked.preparation = at.preparation;
	return (int)policy_check(basis, &history, &asked, ret_verdicts);
}

int ledger_get_spent(struct ledger *l, int64_t now_s, const struct ledger_id *patient,
		     struct ledger_spent *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct policy_history history = { .now_s = now_s };
	struct ledger_spent spent = { 0 };
	int r;

	if (!patient || !ret)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0)
		r = history_read_volumes(l, patient, &history);
	if (r >= 0)
		r = sql_start(l, SQL_LIVE_BY_PATIENT, &row, BLOB(patient->bytes, LEDGER_ID_LEN));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	if (r > 0)
		spent.session = sqlite3_column_int64(row, 0);
	spent.outstanding_nl = history.outstanding_nl;
	for (size_t i = 0; i < history.n_doses; i++)
		spent.settled_24h_nl = add(spent.settled_24h_nl, history.doses[i].amount);
	*ret = spent;
	return 0;
}

/* ------------------------------------------------------------ reservations */

static int read_reservation(struct ledger *l, sqlite3_stmt *row, struct reservation *ret)
{
	struct reservation r = {
		.n = sqlite3_column_int64(row, 0),
		.time_s = sqlite3_column_int64(row, 1),
		.session = sqlite3_column_int64(row, 2),
		.epoch = sql_get_u64(row, 5),
		.boot_id = sql_get_u64(row, 6),
		.sequence = sql_get_u64(row, 7),
		.kind = sql_get_u32(row, 8),
		.reserved_nl = sql_get_u64(row, 9),
		.tolerance_nl = sql_get_u32(row, 10),
		.shot_count = sql_get_u64(row, 11),
		.total_nl = sql_get_u64(row, 12),
		.delivered_nl = sql_get_u64(row, 13),
		.spent_nl = sql_get_u64(row, 14),
		.state = sql_get_u32(row, 15),
		.shots = sql_get_u64(row, 18),
	};
	int error;

	error = sql_get_blob(l, row, 3, r.patient.bytes, sizeof(r.patient.bytes));
	if (error >= 0)
		error = sql_get_text(l, row, 4, r.serial, sizeof(r.serial));
	if (error >= 0)
		*ret = r;
	return error;
}

bool reservation_overrun(const struct reservation *v, uint64_t delivered_nl, uint64_t shots)
{
	uint64_t misread;

	if (__builtin_mul_overflow(shots, (uint64_t)v->tolerance_nl, &misread))
		return true;
	return delivered_nl > add(v->reserved_nl, misread);
}

int reservation_by_lease(struct ledger *l, const uint8_t lease_id[MESO_LEASE_ID_LEN],
			 struct reservation *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_RESERVATION_BY_LEASE, &row, BLOB(lease_id, MESO_LEASE_ID_LEN));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return read_reservation(l, row, ret);
}

int ledger_get_outstanding(struct ledger *l, const char *serial, struct ledger_outstanding *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_outstanding o = { 0 };
	struct reservation v;
	int r;

	if (text_check_serial(serial) < 0 || !ret)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0)
		r = sql_start(l, SQL_RESERVATION_OUTSTANDING, &row, TEXT(serial));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_reservation(l, row, &v);
	if (r >= 0)
		r = sql_get_blob(l, row, 16, o.lease_id, sizeof(o.lease_id));
	if (r < 0)
		return r;
	o.volume_nl = sql_get_u64(row, 17);
	o.session = v.session;
	o.patient = v.patient;
	o.sequence = v.sequence;
	o.kind = v.kind;
	o.reserved_nl = v.reserved_nl;
	o.delivered_nl = v.delivered_nl;
	o.time_s = v.time_s;
	o.epoch = v.epoch;
	o.boot_id = v.boot_id;
	o.shot_count = v.shot_count;
	o.total_nl = v.total_nl;
	*ret = o;
	return 0;
}

/* What this lease will write later must find room as well. */
static int check_room(struct ledger *l)
{
	struct statvfs fs;
	uint64_t room;

	if (l->mark_failed && ledger_write_mark(l) < 0)
		return -ENOSPC;
	if (ballast_hold(l) < 0)
		return -ENOSPC;
	if (statvfs(l->path, &fs) < 0)
		return -EIO;
	if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &room))
		room = UINT64_MAX;
	if (room < l->min_free) {
		ledger_set_state(l, LEDGER_FULL,
				 "the disk has %" PRIu64 " bytes free, %" PRIu64
				 " are needed before a dose is reserved",
				 room, l->min_free);
		return -ENOSPC;
	}
	if (ledger_get_state(l) == LEDGER_FULL)
		ledger_set_state(l, LEDGER_OK, " ");
	return 0;
}

int ledger_look_for_room(struct ledger *l)
{
	int r = ledger_writable(l);

	return r < 0 ? r : check_room(l);
}

/* The gun must be the session's, be free, and have numbers that follow from what is known. */
static int check_gun(struct ledger *l, int64_t now_s, const struct ledger_gun *gun)
{
	struct incident incident = { .kind = "unaccounted",
				     .serial = gun->serial,
				     .quarantine = true };
	struct ledger_outstanding outstanding;
	struct ledger_gun known;
	int r;

	r = ledger_get_outstanding(l, gun->serial, &outstanding);
	if (r != -ENOENT)
		return r < 0 ? r : -EBUSY;
	r = gun_follow(l, now_s, gun);
	if (r == 0)
		r = gun_known(l, gun->serial, &known);
	else
		return r;
	/* Its log has been read by now: what it counts beyond that, nobody has recorded. */
	if (r >= 0 && (gun->shot_count != known.shot_count || gun->total_nl != known.total_nl)) {
		r = incident_add(l, now_s, &incident, NULL,
				 "the gun counts %" PRIu64 " shots and %" PRIu64
				 " nL, recorded are %" PRIu64 " and %" PRIu64 " nL",
				 gun->shot_count, gun->total_nl, known.shot_count, known.total_nl);
		return r < 0 ? r : 1;
	}
	return r;
}

/* Ids of the rules that a reason overrode, as recorded; 0 if there are none. */
static size_t list_overrides(const struct policy_verdict *verdicts, char *buf, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < POLICY_RULES; i++) {
		if (verdicts[i].severity != POLICY_SOFT || used >= size)
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? " " : "",
					 verdicts[i].rule);
	}
	return used;
}

/* @area: the formulary's id, NULL none */
static int append(struct ledger *l, const struct ledger_moment *now, const struct ledger_order *o,
		  const char *area, const struct policy_verdict *verdicts,
		  struct ledger_reservation *v)
{
	const struct policy_request *q = &o->request;
	char rules[POLICY_IDS_MAX] = "";
	bool overridden = list_overrides(verdicts, rules, sizeof(rules)) > 0;
	struct ledger_gun known;
	int64_t number;
	int r;

	r = gun_known(l, o->gun.serial, &known);
	if (r < 0)
		return r;
	v->sequence = known.last_sequence > o->gun.last_sequence ? known.last_sequence
								 : o->gun.last_sequence;
	v->sequence++;
	v->volume_nl = policy_volume_nl(q);
	v->reserved_nl = policy_reserve_nl(q);
	memcpy(v->lease_id, l->id.bytes, 8);
	r = random_bytes(v->lease_id + 8, 8);
	if (r >= 0)
		r = clinic_use_area(l, now, o->session, area, q->area_mm2);
	if (r >= 0)
		r = chain_append(
			l, now->s, FACT_RESERVATION, &number, BLOB(v->lease_id, MESO_LEASE_ID_LEN),
			INTEGER(o->session), BLOB(q->patient, LEDGER_ID_LEN), TEXT(o->gun.serial),
			INTEGER(o->gun.epoch), INTEGER(o->gun.boot_id), INTEGER(v->sequence),
			INTEGER(q->kind), INTEGER(q->mode), INTEGER(q->dose_nl), INTEGER(q->shots),
			INTEGER(q->depth_um), INTEGER(q->rate_mhz), INTEGER(q->needles),
			INTEGER(v->volume_nl), INTEGER(v->reserved_nl), INTEGER(o->tolerance_nl),
			INTEGER(o->expiry_ms), INTEGER(o->gun.shot_count), INTEGER(o->gun.total_nl),
			TEXT(area), TEXT(overridden ? o->override : NULL),
			TEXT(overridden ? rules : NULL));
	if (r >= 0)
		r = sql_run(l, SQL_ACCOUNT_INSERT, INTEGER(number), INTEGER(o->session),
			    BLOB(q->patient, LEDGER_ID_LEN), TEXT(o->gun.serial), INTEGER(q->kind),
			    INTEGER(v->reserved_nl));
	if (r >= 0)
		r = doses_of_lease(l, number);
	return r < 0 ? r : ledger_get_host_mark(l, &v->mark);
}

/* 0 reserved, 1 the gun went into quarantine (which must be committed), or an error. */
static int reserve(struct ledger *l, const struct ledger_moment *now,
		   const struct policy_basis *basis, const struct ledger_order *o,
		   struct ledger_reservation *v, struct policy_verdict *verdicts)
{
	bool reason = o->override && o->override[0];
	struct policy_request asked = o->request;
	struct policy_history history;
	struct history_session at;
	enum policy_severity worst;
	int r;

	r = history_read(l, now, basis, o->session, &o->request, &history, &at);
	if (r < 0)
		return r;
	if (strcmp(at.serial, o->gun.serial) != 0)
		return -EXDEV;
	r = review_check(l, o->request.patient);
	if (r < 0)
		return r;
	r = check_gun(l, now->s, &o->gun);
	if (r != 0)
		return r;
	/* What is injected is what was loaded, whatever is asked for. */
	asked.preparation = at.preparation;
	worst = policy_check(basis, &history, &asked, verdicts);
	if (worst == POLICY_HARD || (worst == POLICY_SOFT && !reason))
		return -EDQUOT;
	return append(l, now, o, at.area ? at.area : o->area, verdicts, v);
}

static int check_order(const struct ledger_order *o)
{
	if (!o || o->session <= 0 || !o->request.has_gun || text_check_serial(o->gun.serial) < 0 ||
	    o->gun.shot_count > INT64_MAX || o->gun.total_nl > INT64_MAX ||
	    o->gun.last_sequence >= INT64_MAX)
		return -EINVAL;
	if (o->area && text_check_name(o->area, LEDGER_NAME_MAX) < 0)
		return -EINVAL;
	if (o->override && o->override[0] && text_check_name(o->override, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	return 0;
}

int ledger_reserve(struct ledger *l, const struct ledger_moment *now,
		   const struct policy_basis *basis, const struct ledger_order *order,
		   struct ledger_reservation *ret, struct policy_verdict ret_verdicts[POLICY_RULES])
{
	struct ledger_reservation reservation = { 0 };
	int r;

	if (!now || !basis || !ret || !ret_verdicts || check_order(order) < 0)
		return -EINVAL;
	r = digest_settle(l);
	if (r >= 0)
		r = ledger_writable(l);
	if (r >= 0)
		r = check_room(l);
	if (r >= 0)
		r = clock_check(l, now->s);
	if (r >= 0)
		r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, reserve(l, now, basis, order, &reservation, ret_verdicts));
	if (r == 0)
		*ret = reservation;
	return r > 0 ? -EUCLEAN : r;
}
