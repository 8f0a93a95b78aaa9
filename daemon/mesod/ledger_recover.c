// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator settles when no evidence will: a gun that never came back,
 * shots under a lease of nobody here.
 *
 * Owns that such an act is recorded with who and why, and that it frees nothing:
 * what was reserved stays spent, what is attributed counts in full from then on.
 * Lifting a quarantine is ledger_guns.c's; whether shots are left over is said here.
 */
#include <errno.h>
#include <string.h>

#include "ledger_internal.h"

/* ------------------------------------------------------ a gun that is lost */

int ledger_lease_gun(struct ledger *l, const uint8_t lease_id[MESO_LEASE_ID_LEN],
		     char ret_serial[MESO_SERIAL_LEN])
{
	struct reservation v;
	int r;

	r = ledger_readable(l);
	if (r >= 0)
		r = reservation_by_lease(l, lease_id, &v);
	if (r >= 0)
		memcpy(ret_serial, v.serial, sizeof(v.serial));
	return r < 0 ? r : 0;
}

int recover_is_lost(struct ledger *l, int64_t reservation)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	if (l->schema < 2)
		return 0;
	r = sql_start(l, SQL_LOST, &row, INTEGER(reservation));
	return r < 0 ? r : sql_step(l, row);
}

static int close_lost(struct ledger *l, int64_t now_s, const uint8_t *lease_id, uint32_t uid,
		      const char *reason, struct ledger_settlement *ret)
{
	struct reservation v;
	int64_t settlement;
	int r;

	r = reservation_by_lease(l, lease_id, &v);
	if (r >= 0 && v.state != LEDGER_NOT_SETTLED)
		r = -EALREADY;
	if (r >= 0)
		r = settle_as_lost(l, now_s, &v, ret, &settlement);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_LOST, NULL, INTEGER(v.n), INTEGER(settlement),
				 INTEGER(uid), TEXT(reason));
	return r;
}

int ledger_close_lost(struct ledger *l, int64_t now_s, const uint8_t lease_id[MESO_LEASE_ID_LEN],
		      uint32_t uid, const char *reason, struct ledger_settlement *ret)
{
	struct ledger_settlement settlement = { 0 };
	int r;

	if (!lease_id || text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, close_lost(l, now_s, lease_id, uid, reason, &settlement));
	if (r >= 0 && ret)
		*ret = settlement;
	return r;
}

/* --------------------------------------------------------- shots of nobody */

/* 1 there are some; 0 none */
static int sum_foreign(struct ledger *l, const char *serial, const uint8_t *lease_id,
		       uint64_t *ret_shots, uint64_t *ret_nl)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_FOREIGN_OF_LEASE, &row, TEXT(serial),
		      BLOB(lease_id, MESO_LEASE_ID_LEN));
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	*ret_shots = sql_get_u64(row, 0);
	*ret_nl = sql_get_u64(row, 1);
	return *ret_shots > 0;
}

/* @patient NULL: they were nobody's, the syringe was emptied into a dish. */
static int attribute(struct ledger *l, int64_t now_s, const char *serial, const uint8_t *lease_id,
		     const struct ledger_id *patient, uint32_t uid, const char *reason)
{
	struct value whose = { .type = VALUE_NULL };
	uint64_t shots = 0, volume_nl = 0;
	int64_t dose_time, number;
	int r;

	r = sum_foreign(l, serial, lease_id, &shots, &volume_nl);
	if (r == 0)
		r = -ENODATA;
	/* When they were fired nobody here knows: not after now. */
	if (r >= 0)
		r = clock_latest(l, now_s, &dose_time);
	if (r < 0)
		return r;
	if (patient)
		whose = BLOB(patient->bytes, LEDGER_ID_LEN);
	r = chain_append(l, now_s, FACT_ATTRIBUTION, &number, TEXT(serial),
			 BLOB(lease_id, MESO_LEASE_ID_LEN), whose, INTEGER(shots),
			 INTEGER(volume_nl), INTEGER(dose_time), INTEGER(uid), TEXT(reason));
	return r < 0 ? r : doses_of_attribution(l, number);
}

int ledger_attribute_shots(struct ledger *l, int64_t now_s, const char *serial,
			   const uint8_t lease_id[MESO_LEASE_ID_LEN],
			   const struct ledger_id *patient, uint32_t uid, const char *reason,
			   bool *ret_live)
{
	struct ledger_patient known;
	char id[LEDGER_ID_TEXT_MAX];
	bool live = false;
	int r;

	if (!lease_id || !patient || text_check_serial(serial) < 0 ||
	    text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_get_patient(l, ledger_id_format(patient, id), &known);
	if (r >= 0)
		r = attribute(l, now_s, serial, lease_id, patient, uid, reason);
	if (r >= 0)
		r = clinic_is_live(l, patient, &live);
	r = ledger_end(l, r);
	if (r >= 0 && ret_live)
		*ret_live = live;
	return r;
}

/* 1 the gun has shots of nobody: the first lease's id; 0 not */
static int first_foreign(struct ledger *l, const char *serial, uint8_t *ret_lease_id)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, SQL_FOREIGN_OF_GUN, &row, TEXT(serial));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	r = sql_get_blob(l, row, 0, ret_lease_id, MESO_LEASE_ID_LEN);
	return r < 0 ? r : 1;
}

int recover_discard(struct ledger *l, int64_t now_s, const char *serial, bool discard, uint32_t uid,
		    const char *reason)
{
	uint8_t lease_id[MESO_LEASE_ID_LEN];
	int r;

	while ((r = first_foreign(l, serial, lease_id)) > 0) {
		if (!discard)
			return -EUNATCH;
		r = attribute(l, now_s, serial, lease_id, NULL, uid, reason);
		if (r < 0)
			return r;
	}
	return r;
}

/* --------------------------------------------------------- what there is */

static int read_item(struct ledger *l, sqlite3_stmt *row, struct ledger_recovery *ret)
{
	int r;

	*ret = (struct ledger_recovery){
		.kind = (enum ledger_recovery_kind)sqlite3_column_int(row, 0),
		.volume_nl = sql_get_u64(row, 4),
		.shots = sql_get_u64(row, 5),
		.time_s = sqlite3_column_int64(row, 6),
	};
	r = sql_get_text(l, row, 1, ret->serial, sizeof(ret->serial));
	if (r >= 0 && ret->kind != LEDGER_RECOVER_GUN)
		r = sql_get_blob(l, row, 2, ret->lease_id, sizeof(ret->lease_id));
	if (r >= 0 && ret->kind == LEDGER_RECOVER_LEASE)
		r = sql_get_blob(l, row, 3, ret->patient.bytes, sizeof(ret->patient.bytes));
	if (r >= 0)
		r = sql_get_text(l, row, 7, ret->reason, sizeof(ret->reason));
	return r;
}

int ledger_foreach_recovery(struct ledger *l,
			    int (*found)(const struct ledger_recovery *item, void *userdata),
			    void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_recovery item;
	int r;

	r = ledger_readable(l);
	/* What is not brought to version 2 is not recovered either. */
	if (r >= 0 && l->schema < 2)
		return 0;
	if (r >= 0)
		r = sql_start0(l, SQL_RECOVERY, &row);
	while (r >= 0) {
		r = sql_step(l, row);
		if (r <= 0)
			return r;
		r = read_item(l, row, &item);
		if (r < 0)
			return r;
		r = found(&item, userdata);
		if (r != 0)
			return r;
	}
	return r;
}
