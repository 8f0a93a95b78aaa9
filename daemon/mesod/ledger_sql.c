// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's SQL: statements, binding and stepping.
 *
 * With ledger_schema.c it owns every word of SQL, so that another database needs
 * another one of these two files.  Never decides anything about a dose.
 */
#include <errno.h>
#include <string.h>

#include "ledger_internal.h"

static const struct {
	const char *name;
	const char *insert;
	const char *select;
	const char *walk;
	int schema; /* version that it came with */
} facts[FACTS] = {
#define FACT(version, constant, table, record, marks)                             \
	[FACT_##constant] = { record, "INSERT INTO " #table " VALUES(" marks ")", \
			      "SELECT * FROM " #table " WHERE n = ?",             \
			      "SELECT * FROM " #table " WHERE n > ? ORDER BY n", version },
#define FACT_1(number, ...) FACT(1, __VA_ARGS__)
#define FACT_2(number, ...) FACT(2, __VA_ARGS__)
	LEDGER_FACTS_1(FACT_1) LEDGER_FACTS_2(FACT_2)
#undef FACT
#undef FACT_1
#undef FACT_2
};

/* All records of the chain, all rows of facts, all reservations, all accounts. */
#define COUNT_FACT(number, constant, table, ...) " + (SELECT count(*) FROM " #table ")"
#define COUNT_FACTS(list)                                                                     \
	"SELECT (SELECT count(*) FROM chain), 0" list ", (SELECT count(*) FROM reservation)," \
	" (SELECT count(*) FROM account)"

#define OPERATOR_COLUMNS_1 \
	"SELECT o.id, o.uid, n.name, n.licence, o.expires FROM operator o LEFT JOIN operator_name n USING(id)"
/* with the newest renewal, if there was one */
#define OPERATOR_COLUMNS                                                                             \
	"SELECT o.id, o.uid, n.name, coalesce(m.licence, n.licence), coalesce(w.expires, o.expires)" \
	" FROM operator o LEFT JOIN operator_name n USING(id)"                                       \
	" LEFT JOIN renewal w ON w.n = (SELECT max(x.n) FROM renewal x WHERE x.operator = o.id)"     \
	" LEFT JOIN renewal_name m ON m.renewal = w.n"
#define PATIENT_COLUMNS                                                                     \
	"SELECT p.id, n.reference, n.name, n.birth_date, p.mass_g FROM patient p LEFT JOIN" \
	" patient_name n USING(id)"
#define RESERVATION_COLUMNS                                                                              \
	"SELECT r.n, c.time, r.session, r.patient, r.serial, r.epoch, r.boot_id, r.sequence, r.kind,"    \
	" r.reserved_nl, r.tolerance_nl, r.shot_count, r.total_nl, a.delivered_nl, a.spent_nl, a.state," \
	" r.lease_id, r.volume_nl, a.shots FROM reservation r JOIN account a ON a.reservation = r.n"     \
	" JOIN chain c ON c.n = r.n"

/* Of shot s, under no lease of this ledger: no attribution came after it. */
#define UNATTRIBUTED                                                                                   \
	"NOT EXISTS(SELECT 1 FROM attribution t WHERE t.serial = s.serial AND t.lease_id = s.lease_id" \
	" AND t.n > s.n)"

/* What a later confirmation of the clock has said to be in the future is dated anew by it. */
#define DATED(n, time)                                                             \
	"min(" time ", coalesce((SELECT min(k.wall_s) FROM clock k WHERE k.n > " n \
	" AND k.confirmed), " time "))"
#define HAND_DOSE_COUNTS \
	"NOT h.void AND NOT EXISTS(SELECT 1 FROM hand_dose x WHERE x.supersedes = h.n)"
#define COURSE_COLUMNS                                                                       \
	"SELECT o.n, c.time, o.patient, o.uid, o.interval_d, o.late_interval_d, o.sessions," \
	" o.indication FROM course o JOIN chain c USING(n)"

/* Doses as `dose` has them: number, patient, session, course, day, time, volume, substances, outstanding, dated,
 * and whether the substances are concentrations. */
#define DOSES_OF_LEASES                                                                         \
	"SELECT r.n, r.patient, r.session, l.course, coalesce((SELECT w.day FROM area w"        \
	"  WHERE w.session = r.session AND w.area IS r.area AND w.n < r.n ORDER BY w.n DESC"    \
	"  LIMIT 1), c.time / 86400), a.dose_time, a.spent_nl, l.components, a.state = 0, 0, 1" \
	" FROM reservation r JOIN account a ON a.reservation = r.n JOIN chain c ON c.n = r.n"   \
	" LEFT JOIN load l ON l.n = (SELECT max(x.n) FROM load x WHERE x.session = r.session"   \
	"  AND x.n < r.n)"
#define DOSES_ATTRIBUTED                                                                    \
	"SELECT t.n, t.patient, NULL, NULL, t.dose_time / 86400, t.dose_time, t.volume_nl," \
	" NULL, 0, 1, 1 FROM attribution t WHERE t.patient IS NOT NULL"
#define DOSES_BY_HAND                                                                \
	"SELECT h.n, h.patient, h.session, h.course, h.day, h.given_s, h.volume_nl," \
	" h.substances, 0, 1, 0 FROM hand_dose h WHERE " HAND_DOSE_COUNTS

/* Numbers that SQL has to spell out. */
_Static_assert(MESO_STATUS_CONTACT == 16 && MESO_SHOT_UNKNOWN == 3 && MESO_KIND_TREAT == 0 &&
		       MESO_KIND_PRIME == 1 && MESO_END_FAULT == 7 && DOSE_UNKNOWN == 2 &&
		       LEDGER_NOT_SETTLED == 0 && LEDGER_UNCERTAIN == 2 &&
		       LEDGER_RECOVER_LEASE == 0 && LEDGER_RECOVER_GUN == 1 &&
		       LEDGER_RECOVER_SHOTS == 2 && LEDGER_NOT_DATED == 9223372036854775807,
	       "the statements below");

static const char *const statements[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_NEWEST_TIME] = "SELECT max(time) FROM chain WHERE n > ?",
	[SQL_CLOCK_LAST] = "SELECT n, mark_s FROM clock ORDER BY n DESC LIMIT 1",
	/* what was accepted first in a boot, or what was confirmed last in it */
	[SQL_CLOCK_OF_BOOT] =
		"SELECT offset_ns FROM clock WHERE boot_id = ? ORDER BY n DESC LIMIT 1",
	[SQL_HEAD] = "SELECT n, hash FROM chain ORDER BY n DESC LIMIT 1",
	[SQL_CHAIN_INSERT] = "INSERT INTO chain VALUES(?,?,?,?)",
	[SQL_CHAIN_AFTER] = "SELECT n, time, type, hash FROM chain WHERE n > ? ORDER BY n LIMIT ?",
	[SQL_CHAIN_HASH] = "SELECT hash FROM chain WHERE n = ?",
	[SQL_LEDGER_ID] = "SELECT id FROM ledger WHERE n = 1",

	[SQL_FACTS_COUNT] = COUNT_FACTS(LEDGER_FACTS_1(COUNT_FACT) LEDGER_FACTS_2(COUNT_FACT)),
	[SQL_FACTS_COUNT_1] = COUNT_FACTS(LEDGER_FACTS_1(COUNT_FACT)),
	[SQL_CHECK_ACCOUNT] =
		"SELECT r.n FROM reservation r LEFT JOIN account a ON a.reservation = r.n"
		" LEFT JOIN settlement s ON s.reservation = r.n"
		"  AND NOT EXISTS(SELECT 1 FROM settlement t WHERE t.supersedes = s.n)"
		" LEFT JOIN (SELECT reservation AS lease, sum(delivered_nl) AS sum, count(*) AS count"
		"  FROM shot WHERE reservation IS NOT NULL GROUP BY reservation) d ON d.lease = r.n"
		" WHERE a.session IS NOT r.session OR a.patient IS NOT r.patient"
		" OR a.serial IS NOT r.serial OR a.kind IS NOT r.kind"
		" OR a.delivered_nl IS NOT coalesce(d.sum, 0) OR a.shots IS NOT coalesce(d.count, 0)"
		" OR a.spent_nl IS NOT coalesce(s.spent_nl, max(r.reserved_nl, coalesce(d.sum, 0)))"
		" OR a.credited IS NOT coalesce(s.credited, 0) OR a.state IS NOT coalesce(s.outcome, 0)"
		" OR a.dose_time IS NOT coalesce(s.dose_time, 9223372036854775807) LIMIT 1",
	[SQL_CHECK_LIVE] =
		"SELECT * FROM (SELECT n, patient, serial FROM session s"
		"  WHERE NOT EXISTS(SELECT 1 FROM session_end e WHERE e.session = s.n)"
		"  EXCEPT SELECT session, patient, serial FROM live_session)"
		" UNION ALL SELECT * FROM (SELECT session, patient, serial FROM live_session"
		"  EXCEPT SELECT n, patient, serial FROM session s"
		"  WHERE NOT EXISTS(SELECT 1 FROM session_end e WHERE e.session = s.n)) LIMIT 1",
	/* Of shots there are too many to look each up: that the chain has them is known by now, and that their
	 * leases exist if all of them are in an account. */
	[SQL_CHECK_FOREIGN] =
		"SELECT f.rowid FROM sqlite_schema t JOIN pragma_foreign_key_check(t.name) f"
		" WHERE t.type = 'table' AND t.name <> 'shot'"
		" UNION ALL SELECT 0 WHERE coalesce((SELECT sum(shots) FROM account), 0)"
		"  <> (SELECT count(*) FROM shot WHERE reservation IS NOT NULL) LIMIT 1",
	[SQL_CHECK_FILE] = "PRAGMA integrity_check(1)",
	[SQL_CHECK_OPERATORS] = "SELECT o.identity, n.salt, n.name, n.licence FROM operator o"
				" JOIN operator_name n USING(id)",
	[SQL_CHECK_PATIENTS] = "SELECT p.identity, n.salt, n.reference, n.name, n.birth_date"
			       " FROM patient p JOIN patient_name n USING(id)",

	[SQL_CHECK_RENEWALS] = "SELECT w.identity, m.salt, m.licence FROM renewal w"
			       " JOIN renewal_name m ON m.renewal = w.n",
	[SQL_OPERATOR_BY_UID] = OPERATOR_COLUMNS " WHERE o.uid = ?",
	[SQL_OPERATOR_BY_UID_1] = OPERATOR_COLUMNS_1 " WHERE o.uid = ?",
	[SQL_OPERATORS] = OPERATOR_COLUMNS " ORDER BY o.n",
	[SQL_OPERATORS_1] = OPERATOR_COLUMNS_1 " ORDER BY o.n",
	[SQL_RENEWAL_NAME_INSERT] = "INSERT INTO renewal_name VALUES(?,?,?)",
	[SQL_RENEWAL_NAME_DELETE] = "DELETE FROM renewal_name WHERE renewal IN"
				    " (SELECT n FROM renewal WHERE operator = ?)",
	[SQL_OPERATOR_NAME_INSERT] = "INSERT INTO operator_name VALUES(?,?,?,?)",
	[SQL_PATIENT_BY_ID] = PATIENT_COLUMNS " WHERE p.id = ?",
	[SQL_PATIENT_BY_REFERENCE] = PATIENT_COLUMNS " WHERE n.reference = ?",
	[SQL_PATIENTS] = PATIENT_COLUMNS " ORDER BY p.n",
	[SQL_PATIENT_NAME_INSERT] = "INSERT INTO patient_name VALUES(?,?,?,?,?)",
	[SQL_PATIENT_EXISTS] = "SELECT 1 FROM patient WHERE id = ?",
	[SQL_PATIENT_NAMED] = "SELECT 1 FROM patient_name WHERE id = ?",
	[SQL_PATIENT_NAME_DELETE] = "DELETE FROM patient_name WHERE id = ?",
	[SQL_OPERATOR_NAME_DELETE] = "DELETE FROM operator_name WHERE id = ?",
	[SQL_STRIP_PATIENTS] = "DELETE FROM patient_name",
	[SQL_STRIP_OPERATORS] = "DELETE FROM operator_name",
	[SQL_STRIP_RENEWALS] = "DELETE FROM renewal_name",
	[SQL_LIVE_BY_OPERATOR] =
		"SELECT 1 FROM live_session l JOIN session s ON s.n = l.session"
		" WHERE coalesce((SELECT operator FROM resumption WHERE session = s.n"
		" ORDER BY n DESC LIMIT 1), s.operator) = ? LIMIT 1",
	[SQL_ACCOUNT_OUTSTANDING] =
		"SELECT 1 FROM account WHERE patient = ? AND dose_time = 9223372036854775807 LIMIT 1",
	/* a name is there, or it was erased: one of both */
	[SQL_CHECK_ERASED] =
		"SELECT p.n FROM patient p LEFT JOIN patient_name m USING(id)"
		"  WHERE (m.id IS NULL) <> EXISTS(SELECT 1 FROM erasure e WHERE e.patient = p.id)"
		" UNION ALL SELECT o.n FROM operator o LEFT JOIN operator_name m USING(id)"
		"  WHERE (m.id IS NULL) <> EXISTS(SELECT 1 FROM erasure e WHERE e.operator = o.id)"
		" UNION ALL SELECT w.n FROM renewal w LEFT JOIN renewal_name m ON m.renewal = w.n"
		"  WHERE (m.renewal IS NULL) <> EXISTS(SELECT 1 FROM erasure e"
		"   WHERE e.operator = w.operator) LIMIT 1",

	[SQL_LIVE_BY_PATIENT] = "SELECT session FROM live_session WHERE patient = ?",
	[SQL_LIVE_BY_GUN] = "SELECT session FROM live_session WHERE serial = ?",
	[SQL_LIVE_BY_SESSION] = "SELECT patient, serial FROM live_session WHERE session = ?",
	[SQL_SESSIONS_OF] = "SELECT n FROM session WHERE patient = ? ORDER BY n",
	/* when it was, if it has not been resumed since */
	[SQL_INTERRUPTED] = "SELECT max(n) FROM interruption WHERE session = ?1 HAVING max(n) >"
			    " coalesce((SELECT max(n) FROM resumption WHERE session = ?1), 0)",
	[SQL_RESUMED_BY] =
		"SELECT operator FROM resumption WHERE session = ? ORDER BY n DESC LIMIT 1",
	[SQL_LIVE_ALL] = "SELECT session FROM live_session ORDER BY session",
	[SQL_LIVE_INSERT] = "INSERT INTO live_session VALUES(?,?,?)",
	[SQL_LIVE_DELETE] = "DELETE FROM live_session WHERE session = ?",
	[SQL_SESSION] = "SELECT s.patient, s.serial, s.operator, c.time,"
			" EXISTS(SELECT 1 FROM live_session WHERE session = s.n)"
			" FROM session s JOIN chain c USING(n) WHERE s.n = ?",
	/* delivered into skin, settled, outstanding, primed into the air, shots of treatments */
	[SQL_SESSION_ACCOUNT] =
		"SELECT coalesce(sum(iif(credited, 0, delivered_nl)), 0),"
		" coalesce(sum(iif(state = 0, 0, spent_nl)), 0),"
		" coalesce(sum(iif(state = 0, spent_nl, 0)), 0),"
		" coalesce(sum(iif(credited, delivered_nl, 0)), 0),"
		" coalesce(sum(iif(kind = 0, shots, 0)), 0) FROM account WHERE session = ?",
	[SQL_SESSION_INCIDENTS] = "SELECT count(*) FROM reservation r JOIN incident i"
				  " ON i.reservation = r.n WHERE r.session = ?",

	[SQL_RESERVATION_BY_LEASE] = RESERVATION_COLUMNS " WHERE r.lease_id = ?",
	[SQL_RESERVATION_LAST] =
		"SELECT n, epoch, shot_count, total_nl, sequence FROM reservation WHERE serial = ?"
		" ORDER BY sequence DESC LIMIT 1",
	[SQL_RESERVATION_NEXT] =
		"SELECT epoch, shot_count, total_nl FROM reservation WHERE serial = ? AND sequence > ?"
		" ORDER BY sequence LIMIT 1",
	[SQL_RESERVATION_OUTSTANDING] = RESERVATION_COLUMNS " WHERE a.serial = ? AND a.state = 0",

	[SQL_ACCOUNT_INSERT] =
		"INSERT INTO account VALUES(?,?,?,?,?,0,0,?,0,0,9223372036854775807)",
	[SQL_ACCOUNT_DELIVERED] =
		"UPDATE account SET delivered_nl = ?2, shots = shots + 1, spent_nl = ?3 WHERE reservation = ?1",
	[SQL_ACCOUNT_SETTLED] =
		"UPDATE account SET state = ?2, spent_nl = ?3, credited = ?4, dose_time = ?5"
		" WHERE reservation = ?1",
	[SQL_ACCOUNT_WINDOW] = "SELECT dose_time, spent_nl, state FROM account"
			       " WHERE patient = ? AND dose_time > ? ORDER BY dose_time",
	[SQL_ACCOUNT_FUTURE] =
		"SELECT reservation FROM account WHERE reservation > ? AND dose_time > ?"
		" AND dose_time < 9223372036854775807 ORDER BY reservation LIMIT 1",
	[SQL_ACCOUNT_SESSION_SPENT] =
		"SELECT coalesce(sum(spent_nl), 0) FROM account WHERE session = ?",

	[SQL_SHOT_BY_KEY] =
		"SELECT lease_id, asked_nl, reported_nl, displaced_nl, displaced2_nl, depth_um,"
		" peak_pa, result, kind, flags, duration_us, total_nl FROM shot"
		" WHERE serial = ? AND epoch = ? AND number = ?",
	[SQL_SHOT_NEWEST] =
		"SELECT number, total_nl FROM shot WHERE serial = ? AND epoch = ? AND number > ?"
		" AND n > ? ORDER BY number DESC LIMIT 1",
	/* of one lease: count, reported, delivered, contact, newest total, how many are in (?2, ?3] of ?4 */
	[SQL_SHOT_SUMS] =
		"SELECT count(*), coalesce(sum(reported_nl), 0), coalesce(sum(delivered_nl), 0),"
		" coalesce(sum((flags & 16) != 0), 0), coalesce(max(total_nl), 0),"
		" coalesce(sum(number > ?2 AND number <= ?3 AND epoch = ?4), 0),"
		" coalesce(sum(result = 3), 0),"
		" coalesce(sum(abs(displaced_nl - displaced2_nl) > ?5"
		"  OR reported_nl > max(displaced_nl, displaced2_nl) + ?5), 0)"
		" FROM shot WHERE reservation = ?1",
	[SQL_SHOTS_OF_LEASE] =
		"SELECT c.time FROM shot s JOIN chain c USING(n) WHERE s.reservation = ?"
		" ORDER BY s.n DESC LIMIT 1",
	[SQL_SHOTS_OF_GUN] =
		"SELECT coalesce(max(number), 0), count(*), coalesce(sum(delivered_nl), 0),"
		" coalesce(sum(reported_nl), 0) FROM shot WHERE serial = ? AND epoch = ?",

	[SQL_SETTLEMENT_LAST] =
		"SELECT n, outcome, delivered_nl, spent_nl, credited, problem, epoch, shot_count, total_nl,"
		" dose_time, shots, ended FROM settlement WHERE reservation = ? ORDER BY n DESC LIMIT 1",
	[SQL_LOST] = "SELECT 1 FROM lost WHERE reservation = ?",
	[SQL_FOREIGN_OF_LEASE] = "SELECT count(*), coalesce(sum(delivered_nl), 0)"
				 " FROM shot s INDEXED BY shot_foreign WHERE s.reservation IS NULL"
				 " AND s.serial = ?1 AND s.lease_id = ?2 AND " UNATTRIBUTED,
	[SQL_FOREIGN_OF_GUN] =
		"SELECT s.lease_id FROM shot s INDEXED BY shot_foreign"
		" WHERE s.reservation IS NULL AND s.serial = ? AND " UNATTRIBUTED " LIMIT 1",
	/* A later confirmation of the clock may have said that its date is in the future. */
	[SQL_ATTRIBUTED_WINDOW] =
		"SELECT min(a.dose_time, coalesce((SELECT min(c.wall_s) FROM clock c"
		"  WHERE c.n > a.n AND c.confirmed), a.dose_time)), a.volume_nl FROM attribution a"
		" WHERE a.patient = ? AND a.dose_time > ?",
	/* kind, gun, lease, patient, volume, shots, since, reason */
	[SQL_RECOVERY] =
		"SELECT 0, a.serial, r.lease_id, a.patient, a.spent_nl, a.shots, c.time, NULL FROM account a"
		" JOIN reservation r ON r.n = a.reservation JOIN chain c ON c.n = a.reservation"
		" WHERE a.state = 0"
		" UNION ALL SELECT 1, q.serial, NULL, NULL, 0, 0, c.time, q.reason FROM quarantine q"
		"  JOIN chain c USING(n) WHERE q.active AND NOT EXISTS(SELECT 1 FROM quarantine x"
		"  WHERE x.serial = q.serial AND x.n > q.n)"
		" UNION ALL SELECT 2, s.serial, s.lease_id, NULL, sum(s.delivered_nl), count(*),"
		"  max(c.time), NULL FROM shot s JOIN chain c USING(n) WHERE s.reservation IS NULL"
		"  AND " UNATTRIBUTED " GROUP BY s.serial, s.lease_id",
	[SQL_CHECK_LOST] = "SELECT o.n FROM lost o JOIN settlement s ON s.n = o.settlement"
			   " WHERE s.reservation <> o.reservation OR s.outcome <> 2 LIMIT 1",
	[SQL_CHECK_ATTRIBUTION] =
		"SELECT a.n FROM attribution a WHERE (a.shots, a.volume_nl) IS NOT"
		" (SELECT count(*), coalesce(sum(s.delivered_nl), 0) FROM shot s"
		"  WHERE s.reservation IS NULL AND s.serial = a.serial AND s.lease_id = a.lease_id"
		"  AND s.n < a.n AND s.n > coalesce((SELECT max(b.n) FROM attribution b"
		"   WHERE b.serial = a.serial AND b.lease_id = a.lease_id AND b.n < a.n), 0)) LIMIT 1",
	[SQL_INCIDENT_KNOWN] =
		"SELECT 1 FROM incident WHERE serial IS ? AND kind = ? AND reservation IS ? AND lease_id IS ?"
		" AND detail = ? LIMIT 1",
	[SQL_QUARANTINE_LAST] =
		"SELECT active FROM quarantine WHERE serial = ? ORDER BY n DESC LIMIT 1",
	[SQL_GUN_LAST] = "SELECT n, epoch, boot_id, shot_count, total_nl, last_sequence FROM gun"
			 " WHERE serial = ? ORDER BY n DESC LIMIT 1",

	[SQL_RESTORE_LAST] = "SELECT r.n, r.head, c.time, r.lost, r.mark FROM restore r"
			     " JOIN chain c ON c.n = r.head ORDER BY r.n DESC LIMIT 1",
	/* registered less than 7 days after restore ?2, or before it, and not reviewed since */
	[SQL_REVIEW_NEEDED] =
		"SELECT 1 FROM patient p JOIN chain c USING(n) WHERE p.id = ?1"
		" AND (p.n < ?2 OR c.time < (SELECT time + 604800 FROM chain WHERE n = ?2))"
		" AND NOT EXISTS(SELECT 1 FROM review v WHERE v.patient = p.id"
		"  AND v.n > ?2)",
	[SQL_LOST_MARK] = "SELECT detail FROM incident WHERE serial = ? AND kind = 'lost-range'"
			  " AND n > ? ORDER BY n LIMIT 1",

	[SQL_ASSESSMENT_LAST] = "SELECT a.n, " DATED(
		"a.n",
		"c.time") ", a.patient, a.uid, a.consent, a.elsewhere_asked,"
			  " a.mass_g, a.allergies, a.conditions FROM assessment a JOIN chain c USING(n)"
			  " WHERE a.patient = ? ORDER BY a.n DESC LIMIT 1",
	[SQL_MASS_LAST] = "SELECT coalesce((SELECT mass_g FROM assessment WHERE patient = ?1"
			  " AND mass_g > 0 ORDER BY n DESC LIMIT 1),"
			  " p.mass_g) FROM patient p WHERE p.id = ?1",
	[SQL_COURSE_LAST] = COURSE_COLUMNS " WHERE o.patient = ? ORDER BY o.n DESC LIMIT 1",
	[SQL_COURSE_BY_NUMBER] = COURSE_COLUMNS " WHERE o.n = ?",
	[SQL_COURSE_SESSIONS] = "SELECT session FROM dose WHERE course = ? AND session <> ?"
				" AND amount > 0 AND session IS NOT NULL GROUP BY session",
	[SQL_LOAD_LAST] =
		"SELECT n, course, preparation, components, cartridge, formulary, day, dead_nl"
		" FROM load WHERE session = ? ORDER BY n DESC LIMIT 1",
	[SQL_AREA_LAST] = "SELECT size_mm2, day FROM area WHERE session = ? AND area IS ?"
			  " ORDER BY n DESC LIMIT 1",
	[SQL_AREA_SPENT] = "SELECT coalesce(sum(a.spent_nl), 0) FROM account a JOIN reservation r"
			   " ON r.n = a.reservation WHERE a.session = ? AND r.area = ?",
	/* with the syringe that is loaded now */
	[SQL_PRIMED] =
		"SELECT coalesce(sum(volume_nl), 0) FROM reservation WHERE session = ?1"
		" AND kind = 1 AND n > coalesce((SELECT max(n) FROM load WHERE session = ?1), 0)",
	[SQL_HAND_DOSE_BY_NUMBER] =
		"SELECT h.patient, h.course, " HAND_DOSE_COUNTS " FROM hand_dose h WHERE h.n = ?",
	[SQL_HAND_DOSES] =
		"SELECT h.n, h.session, h.elsewhere, h.preparation, h.substances, h.volume_nl,"
		" h.given_s, h.day, h.uid FROM hand_dose h WHERE h.patient = ? AND " HAND_DOSE_COUNTS
		" ORDER BY h.n",
	[SQL_HAND_WINDOW] = "SELECT " DATED(
		"h.n", "h.given_s") ", h.volume_nl FROM hand_dose h"
				    " WHERE h.patient = ? AND h.given_s > ? AND " HAND_DOSE_COUNTS,
	[SQL_HAND_SESSION] = "SELECT coalesce(sum(h.volume_nl), 0) FROM hand_dose h"
			     " WHERE h.session = ? AND " HAND_DOSE_COUNTS,
	[SQL_REACTIONS] = "SELECT r.n, c.time, r.uid, r.kind, r.severity, r.note FROM reaction r"
			  " JOIN chain c USING(n) WHERE r.session = ? ORDER BY r.n",
	[SQL_BIRTH_DATE] = "SELECT birth_date FROM patient_name WHERE id = ?",
	/* each lease once: when it was first known to have ended so; newest first */
	[SQL_FAULTS] =
		"SELECT c.time, r.serial FROM settlement s CROSS JOIN chain c ON c.n = s.n"
		" CROSS JOIN reservation r ON r.n = s.reservation WHERE s.ended = 7 AND NOT EXISTS("
		"SELECT 1 FROM settlement p WHERE p.n = s.supersedes AND p.ended = 7) ORDER BY s.n DESC",
	[SQL_PATIENT_OUTSTANDING] =
		"SELECT 1 FROM account WHERE patient = ? AND dose_time = 9223372036854775807 LIMIT 1",

	[SQL_DOSE_WRITE] = "INSERT OR REPLACE INTO dose VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_DOSE_DELETE] = "DELETE FROM dose WHERE source = ?",
	[SQL_DOSE_ROW] =
		"SELECT patient, session, course, day, dose_time, unit, concentration, amount,"
		" outstanding, dated FROM dose WHERE source = ? AND substance = ?",
	[SQL_DOSE_COUNT] = "SELECT count(*) FROM dose",
	[SQL_DOSE_SOURCES] =
		DOSES_OF_LEASES " UNION ALL " DOSES_ATTRIBUTED " UNION ALL " DOSES_BY_HAND,
	[SQL_DOSE_OF_LEASE] = DOSES_OF_LEASES " WHERE r.n = ?",
	[SQL_DOSE_OF_ATTRIBUTION] = DOSES_ATTRIBUTED " AND t.n = ?",
	[SQL_DOSE_OF_HAND] = DOSES_BY_HAND " AND h.n = ?",
	[SQL_DOSE_WINDOW] = "SELECT d.substance, d.unit, iif(d.dated, " DATED(
		"d.source",
		"d.dose_time") ", d.dose_time), d.amount, d.outstanding"
			       " FROM dose d WHERE d.patient = ? AND d.dose_time > ? ORDER BY d.dose_time",
	[SQL_DOSE_SESSION] = "SELECT substance, unit, amount, course FROM dose WHERE session = ?",
	[SQL_DOSE_COURSE] = "SELECT substance, unit, amount, session FROM dose WHERE course = ?"
			    " ORDER BY substance, session",
	/* the next substance after ?2, and when it was given last but in session ?3 */
	[SQL_DOSE_LAST_DAY] =
		"SELECT substance, day FROM dose WHERE patient = ? AND substance > ? AND amount > 0"
		" AND session IS NOT ? ORDER BY substance, day DESC LIMIT 1",
	[SQL_DOSE_SESSION_DAY] =
		"SELECT day FROM dose WHERE patient = ? AND session <> ? AND amount > 0"
		" AND session IS NOT NULL ORDER BY day DESC LIMIT 1",
	[SQL_DOSE_NEWEST_DAY] = "SELECT day FROM dose WHERE patient = ? AND amount > 0"
				" ORDER BY dose_time DESC LIMIT 1",
	[SQL_DOSE_COURSE_DAY] =
		"SELECT day FROM dose WHERE patient = ? AND course < ? AND amount > 0"
		" AND session IS NOT NULL AND course IS NOT NULL ORDER BY course DESC, day DESC LIMIT 1",
};

const char *const ledger_pragmas_aside = "PRAGMA query_only = ON;"
					 "PRAGMA trusted_schema = OFF;"
					 "PRAGMA cell_size_check = ON;"
					 "PRAGMA temp_store = MEMORY;";

static int prepare(struct ledger *l, sqlite3_stmt **slot, const char *text)
{
	int rc;

	if (!l->db)
		return -EIO;
	if (*slot)
		return 0;
	rc = sqlite3_prepare_v3(l->db, text, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
	return rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
}

const char *fact_name(const struct ledger *l, uint64_t fact)
{
	return fact < FACTS && facts[fact].schema <= l->schema ? facts[fact].name : NULL;
}

const char *sql_text(enum sql sql)
{
	return statements[sql];
}

int sql_fact_insert(struct ledger *l, enum fact fact, sqlite3_stmt **ret)
{
	int r = prepare(l, &l->inserts[fact], facts[fact].insert);

	if (r >= 0)
		*ret = l->inserts[fact];
	return r;
}

int sql_fact_select(struct ledger *l, enum fact fact, sqlite3_stmt **ret)
{
	int r = prepare(l, &l->selects[fact], facts[fact].select);

	if (r >= 0)
		*ret = l->selects[fact];
	return r;
}

int sql_fact_walk(struct ledger *l, enum fact fact, uint64_t after, sqlite3_stmt **ret)
{
	int r = prepare(l, &l->walks[fact], facts[fact].walk);

	if (r >= 0)
		r = sql_bind(l, l->walks[fact], VALUES(INTEGER(after)));
	if (r >= 0)
		*ret = l->walks[fact];
	return r;
}

int sql_bind(struct ledger *l, sqlite3_stmt *statement, const struct value *values, size_t n)
{
	if (sqlite3_bind_parameter_count(statement) != (int)n)
		return ledger_sqlite_error(l, SQLITE_MISUSE);
	for (int i = 0; i < (int)n; i++) {
		const struct value *v = &values[i];
		int rc = SQLITE_OK;

		switch (v->type) {
		case VALUE_INTEGER:
			rc = sqlite3_bind_int64(statement, i + 1, v->integer);
			break;
		case VALUE_TEXT:
			rc = sqlite3_bind_text(statement, i + 1, v->pointer, v->length,
					       SQLITE_STATIC);
			break;
		case VALUE_BLOB:
			rc = sqlite3_bind_blob(statement, i + 1, v->pointer, v->length,
					       SQLITE_STATIC);
			break;
		case VALUE_NULL:
			rc = sqlite3_bind_null(statement, i + 1);
			break;
		}
		if (rc != SQLITE_OK)
			return ledger_sqlite_error(l, rc);
	}
	return 0;
}

void sql_resetp(sqlite3_stmt **statement)
{
	if (!*statement)
		return;
	sqlite3_reset(*statement);
	/* Bound memory is the caller's and about to go. */
	sqlite3_clear_bindings(*statement);
}

int sql_start_values(struct ledger *l, enum sql sql, sqlite3_stmt **ret, const struct value *values,
		     size_t n)
{
	sqlite3_stmt *statement;
	int r;

	r = prepare(l, &l->statements[sql], statements[sql]);
	if (r < 0)
		return r;
	statement = l->statements[sql];
	r = sql_bind(l, statement, values, n);
	if (r < 0) {
		sql_resetp(&statement);
		return r;
	}
	*ret = statement;
	return 0;
}

int sql_step(struct ledger *l, sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return ledger_sqlite_error(l, rc);
}

int sql_run_values(struct ledger *l, enum sql sql, const struct value *values, size_t n)
{
	_cleanup_(sql_resetp) sqlite3_stmt *statement = NULL;
	int r;

	r = sql_start_values(l, sql, &statement, values, n);
	if (r < 0)
		return r;
	do
		r = sql_step(l, statement);
	while (r > 0);
	return r;
}

static void finalize(sqlite3_stmt **list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sqlite3_finalize(list[i]);
		list[i] = NULL;
	}
}

void sql_finalize_all(struct ledger *l)
{
	finalize(l->statements, ARRAY_LENGTH(l->statements));
	finalize(l->inserts, ARRAY_LENGTH(l->inserts));
	finalize(l->selects, ARRAY_LENGTH(l->selects));
	finalize(l->walks, ARRAY_LENGTH(l->walks));
}

static int malformed(struct ledger *l, sqlite3_stmt *statement, int column)
{
	/* A value can also be missing because there was no memory to hand it out. */
	if (sqlite3_errcode(l->db) == SQLITE_NOMEM)
		return -ENOMEM;
	ledger_set_state(l, LEDGER_CORRUPT, "the ledger's column %s has a value that nobody wrote",
			 sqlite3_column_name(statement, column));
	return -EBADMSG;
}

int sql_get_blob(struct ledger *l, sqlite3_stmt *statement, int column, void *buf, size_t len)
{
	const void *blob = sqlite3_column_blob(statement, column);

	if (!blob || sqlite3_column_bytes(statement, column) != (int)len)
		return malformed(l, statement, column);
	memcpy(buf, blob, len);
	return 0;
}

int sql_get_text(struct ledger *l, sqlite3_stmt *statement, int column, char *buf, size_t size)
{
	const unsigned char *text = sqlite3_column_text(statement, column);
	int len = sqlite3_column_bytes(statement, column);

	/* An erased name reads as nothing. */
	if (!text && sqlite3_column_type(statement, column) == SQLITE_NULL) {
		buf[0] = '\0';
		return 0;
	}
	if (!text || len < 0 || (size_t)len >= size)
		return malformed(l, statement, column);
	memcpy(buf, text, (size_t)len);
	buf[len] = '\0';
	return 0;
}

uint64_t sql_get_u64(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

uint32_t sql_get_u32(sqlite3_stmt *statement, int column)
{
	return (uint32_t)sqlite3_column_int64(statement, column);
}
