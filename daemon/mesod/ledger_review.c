// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a restore: who is blocked, whose review lifts that, and which guns were
 * used while nobody's record of it is left.
 *
 * The restored ledger ends at record H; the restore itself is H + 1.  What came
 * after H in the ledger that was lost is the lost range.  Nobody knows from this
 * ledger what was given then, so that
 *
 * - every patient who was registered before the restore, or within seven days
 *   after it (who was registered in the lost range will be registered again, and
 *   seven days is the longest window with a hard limit), is blocked until an
 *   administrator has reviewed that patient;
 * - a gun whose host mark is of the lost range (its number is above H, and no higher
 *   than the lost ledger can have come: the newest of its head, if that could be
 *   read, and of the mark file and what may follow that within its second) was
 *   armed in it, since each ARM leaves the newest mark.  That mark is the
 *   evidence: it is recorded once, as an incident that also says by how much the
 *   gun's counters are ahead of what is recorded, and the gun is quarantined.
 *   Shots that it still has turn up from its log under leases that are not known,
 *   each an incident too, and the quarantine is not lifted before all of them have
 *   been attributed; of those that were acknowledged only the counters are left,
 *   which is one more reason to block the patients;
 * - any other mark that is not in the chain still says that this file is an old
 *   copy: one below H with another hash (the backup is no part of what the gun
 *   knew), one above the lost range (somebody put back a file by hand after the
 *   restore), and a second, different one of the lost range from the same gun
 *   (the lost ledger is in use somewhere).
 *
 * A gun whose mark is in the chain was not armed in the lost range.  Never judges
 * a dose.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

/* The mark file is written every second; more records than this do not fit into one. */
#define MARK_LAG 256

int restored_load(struct ledger *l)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct restored v = { 0 };
	int r;

	r = sql_start0(l, SQL_RESTORE_LAST, &row);
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	v.n = sqlite3_column_int64(row, 0);
	v.head = sql_get_u64(row, 1);
	v.since_s = sqlite3_column_int64(row, 2);
	v.until = sql_get_u64(row, 3);
	/* A head that could be read is the end; a mark alone is a second old. */
	if (sqlite3_column_type(row, 4) == SQLITE_INTEGER) {
		uint64_t marked = sql_get_u64(row, 4) + (v.until ? 0 : MARK_LAG);

		v.until = v.until > marked ? v.until : marked;
	}
	if (v.until == 0)
		v.until = UINT64_MAX;
	l->restored = v;
	return 0;
}

int64_t ledger_restored_since(const struct ledger *l)
{
	return l->restored.n ? l->restored.since_s : 0;
}

int review_check(struct ledger *l, const uint8_t patient[LEDGER_ID_LEN])
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	if (!l->restored.n)
		return 0;
	r = sql_start(l, SQL_REVIEW_NEEDED, &row, BLOB(patient, LEDGER_ID_LEN),
		      INTEGER(l->restored.n));
	if (r >= 0)
		r = sql_step(l, row);
	return r > 0 ? -EOWNERDEAD : r;
}

int ledger_is_blocked(struct ledger *l, const struct ledger_id *patient)
{
	int r;

	if (!patient)
		return -EINVAL;
	r = ledger_readable(l);
	if (r >= 0)
		r = review_check(l, patient->bytes);
	return r == -EOWNERDEAD ? 1 : r;
}

static int review(struct ledger *l, int64_t now_s, const char *id_or_reference, uint32_t uid,
		  const char *reason)
{
	struct ledger_patient patient;
	int r;

	r = ledger_get_patient(l, id_or_reference, &patient);
	if (r >= 0)
		r = review_check(l, patient.id.bytes);
	if (r >= 0)
		return -EALREADY;
	if (r != -EOWNERDEAD)
		return r;
	return chain_append(l, now_s, FACT_REVIEW, NULL, BLOB(patient.id.bytes, LEDGER_ID_LEN),
			    INTEGER(uid), TEXT(reason));
}

int ledger_review_patient(struct ledger *l, int64_t now_s, const char *id_or_reference,
			  uint32_t uid, const char *reason)
{
	int r;

	if (!id_or_reference || text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	return r < 0 ? r : ledger_end(l, review(l, now_s, id_or_reference, uid, reason));
}

/* ------------------------------------------------------------------- guns */

/* How far the gun is ahead of what is recorded of it, for who has to find out about it. */
static int describe(struct ledger *l, const struct ledger_gun *gun, char *buf, size_t size)
{
	struct ledger_gun known = { 0 };
	int r = gun_known(l, gun->serial, &known);

	if (r < 0 && r != -ENOENT)
		return r;
	snprintf(buf, size,
		 "; it counts %" PRIu64 " shots and %" PRIu64 " nL, recorded are %" PRIu64
		 " and %" PRIu64 " nL",
		 gun->shot_count, gun->total_nl, known.shot_count, known.total_nl);
	return 0;
}

int restored_accept_mark(struct ledger *l, int64_t now_s, const struct ledger_gun *gun,
			 const struct meso_host_mark *mark)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct incident incident = { "lost-range", gun->serial, NULL, NULL, true };
	char hash[2 * sizeof(mark->head) + 1], seen[192], ahead[128] = "";
	char known[LEDGER_TEXT_MAX];
	int r;

	if (!l->restored.n || mark->sequence <= l->restored.head ||
	    mark->sequence > l->restored.until)
		return 0;
	text_hex(mark->head, sizeof(mark->head), hash);
	snprintf(seen, sizeof(seen),
		 "the gun was armed after record %" PRIu64
		 ", where the restored ledger ends: it has seen record %" PRIu64 ", %s",
		 l->restored.head, (uint64_t)mark->sequence, hash);
	r = sql_start(l, SQL_LOST_MARK, &row, TEXT(gun->serial), INTEGER(l->restored.n));
	if (r >= 0)
		r = sql_step(l, row);
	if (r > 0) {
		/* Once is what a restore explains. */
		r = sql_get_text(l, row, 0, known, sizeof(known));
		return r < 0 ? r : strncmp(known, seen, strlen(seen)) == 0;
	}
	if (r >= 0)
		r = describe(l, gun, ahead, sizeof(ahead));
	if (r >= 0)
		r = incident_add(l, now_s, &incident, NULL, "%s%s", seen, ahead);
	return r < 0 ? r : 1;
}
