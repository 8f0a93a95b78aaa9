// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's tables.
 *
 * Three sorts.  Facts: one row for each row of the chain, never changed (triggers
 * abort it).  Identities: people's names, erasable; facts hold salted digests of
 * them.  Derived: what would otherwise be summed up or searched for again and
 * again; ledger_verify() computes them anew from the facts.
 *
 * A file that has a schema has it to the letter: opening compares.  Version 1 was
 * released and never changes.  Version 2 only adds to it, so that a file of version
 * 1 becomes one of version 2 by running the second script (ledger_migrate.c).
 */
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

/* clang-format off */
#define FACT_TABLE(name, columns)                                                                \
	"CREATE TABLE " name "(n INTEGER PRIMARY KEY"                                            \
	" REFERENCES chain(n) DEFERRABLE INITIALLY DEFERRED, " columns ") STRICT;"               \
	IMMUTABLE(name)
#define IMMUTABLE(name)                                                                          \
	"CREATE TRIGGER " name "_no_update BEFORE UPDATE ON " name                               \
	" BEGIN SELECT RAISE(ABORT, 'a recorded fact is not changed'); END;"                     \
	"CREATE TRIGGER " name "_no_delete BEFORE DELETE ON " name                               \
	" BEGIN SELECT RAISE(ABORT, 'a recorded fact is not deleted'); END;"

const char *const ledger_schema =
	"CREATE TABLE chain(n INTEGER PRIMARY KEY, time INTEGER NOT NULL, type INTEGER NOT NULL,"
	" hash BLOB NOT NULL CHECK(length(hash) = 32)) STRICT;" IMMUTABLE("chain")

	FACT_TABLE("ledger", "id BLOB NOT NULL, schema INTEGER NOT NULL")
	FACT_TABLE("operator", "id BLOB NOT NULL UNIQUE, uid INTEGER NOT NULL UNIQUE,"
		   " expires TEXT NOT NULL, identity BLOB NOT NULL")
	FACT_TABLE("patient", "id BLOB NOT NULL UNIQUE, mass_g INTEGER NOT NULL, identity BLOB NOT NULL")
	FACT_TABLE("session", "patient BLOB NOT NULL REFERENCES patient(id), serial TEXT NOT NULL,"
		   " operator INTEGER NOT NULL REFERENCES operator(uid)")
	FACT_TABLE("session_end", "session INTEGER NOT NULL UNIQUE REFERENCES session(n),"
		   " reason TEXT NOT NULL")
	FACT_TABLE("reservation",
		   "lease_id BLOB NOT NULL UNIQUE, session INTEGER NOT NULL REFERENCES session(n),"
		   " patient BLOB NOT NULL REFERENCES patient(id), serial TEXT NOT NULL,"
		   " epoch INTEGER NOT NULL, boot_id INTEGER NOT NULL, sequence INTEGER NOT NULL,"
		   " kind INTEGER NOT NULL, mode INTEGER NOT NULL, dose_nl INTEGER NOT NULL,"
		   " shots INTEGER NOT NULL, depth_um INTEGER NOT NULL, rate_mhz INTEGER NOT NULL,"
		   " needles INTEGER NOT NULL, volume_nl INTEGER NOT NULL CHECK(volume_nl > 0),"
		   " reserved_nl INTEGER NOT NULL CHECK(reserved_nl >= volume_nl),"
		   " tolerance_nl INTEGER NOT NULL, expiry_ms INTEGER NOT NULL,"
		   " shot_count INTEGER NOT NULL, total_nl INTEGER NOT NULL, area TEXT,"
		   " override TEXT, override_rules TEXT, UNIQUE(serial, sequence)")
	FACT_TABLE("shot",
		   "reservation INTEGER REFERENCES reservation(n), lease_id BLOB NOT NULL,"
		   " serial TEXT NOT NULL, epoch INTEGER NOT NULL, number INTEGER NOT NULL CHECK(number > 0),"
		   " asked_nl INTEGER NOT NULL, reported_nl INTEGER NOT NULL,"
		   " displaced_nl INTEGER NOT NULL, displaced2_nl INTEGER NOT NULL,"
		   " delivered_nl INTEGER NOT NULL, depth_um INTEGER NOT NULL, peak_pa INTEGER NOT NULL,"
		   " result INTEGER NOT NULL, kind INTEGER NOT NULL, flags INTEGER NOT NULL,"
		   " duration_us INTEGER NOT NULL, total_nl INTEGER NOT NULL,"
		   " UNIQUE(serial, epoch, number)")
	FACT_TABLE("settlement",
		   "reservation INTEGER NOT NULL REFERENCES reservation(n),"
		   " supersedes INTEGER UNIQUE REFERENCES settlement(n), outcome INTEGER NOT NULL,"
		   " shots INTEGER NOT NULL, delivered_nl INTEGER NOT NULL, spent_nl INTEGER NOT NULL,"
		   " credited INTEGER NOT NULL, dose_time INTEGER NOT NULL, ended INTEGER NOT NULL,"
		   " epoch INTEGER, shot_count INTEGER, total_nl INTEGER, problem TEXT")
	FACT_TABLE("incident", "kind TEXT NOT NULL, serial TEXT,"
		   " reservation INTEGER REFERENCES reservation(n), lease_id BLOB, detail TEXT NOT NULL")
	FACT_TABLE("quarantine", "serial TEXT NOT NULL, active INTEGER NOT NULL, uid INTEGER,"
		   " reason TEXT NOT NULL")
	FACT_TABLE("gun", "serial TEXT NOT NULL, epoch INTEGER NOT NULL, boot_id INTEGER NOT NULL,"
		   " shot_count INTEGER NOT NULL, total_nl INTEGER NOT NULL,"
		   " last_sequence INTEGER NOT NULL")
	"CREATE INDEX shot_lease ON shot(reservation);"
	"CREATE INDEX settlement_lease ON settlement(reservation);"
	"CREATE INDEX reservation_session ON reservation(session);"
	"CREATE INDEX incident_gun ON incident(serial, kind);"
	"CREATE INDEX incident_lease ON incident(reservation);"
	"CREATE INDEX quarantine_gun ON quarantine(serial);"
	"CREATE INDEX gun_gun ON gun(serial);"

	/* identities */
	"CREATE TABLE operator_name(id BLOB PRIMARY KEY REFERENCES operator(id), salt BLOB NOT NULL,"
	" name TEXT NOT NULL, licence TEXT NOT NULL) STRICT;"
	"CREATE TABLE patient_name(id BLOB PRIMARY KEY REFERENCES patient(id), salt BLOB NOT NULL,"
	" reference TEXT NOT NULL UNIQUE, name TEXT NOT NULL, birth_date TEXT NOT NULL) STRICT;"

	/* derived; the uniqueness here is the last word on one session and one lease at a time */
	"CREATE TABLE live_session(session INTEGER PRIMARY KEY REFERENCES session(n),"
	" patient BLOB NOT NULL UNIQUE, serial TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE account(reservation INTEGER PRIMARY KEY REFERENCES reservation(n),"
	" session INTEGER NOT NULL, patient BLOB NOT NULL, serial TEXT NOT NULL, kind INTEGER NOT NULL,"
	" delivered_nl INTEGER NOT NULL, shots INTEGER NOT NULL, spent_nl INTEGER NOT NULL,"
	" credited INTEGER NOT NULL, state INTEGER NOT NULL, dose_time INTEGER NOT NULL) STRICT;"
	"CREATE INDEX account_patient ON account(patient, dose_time, spent_nl, state);"
	"CREATE INDEX account_session ON account(session);"
	"CREATE UNIQUE INDEX account_outstanding ON account(serial) WHERE state = 0;"
	"PRAGMA user_version = 1;";

const char *const ledger_schema_2 =
	/* time, recovery, erasure */
	FACT_TABLE("migration", "from_version INTEGER NOT NULL, to_version INTEGER NOT NULL,"
		   " head INTEGER NOT NULL, head_hash BLOB NOT NULL")
	FACT_TABLE("clock",
		   "confirmed INTEGER NOT NULL, boot_id BLOB NOT NULL, wall_s INTEGER NOT NULL,"
		   " boottime_ns INTEGER NOT NULL, offset_ns INTEGER NOT NULL, mark_s INTEGER NOT NULL,"
		   " before_s INTEGER NOT NULL, uid INTEGER, reason TEXT")
	FACT_TABLE("lost",
		   "reservation INTEGER NOT NULL UNIQUE REFERENCES reservation(n),"
		   " settlement INTEGER NOT NULL UNIQUE REFERENCES settlement(n),"
		   " uid INTEGER NOT NULL, reason TEXT NOT NULL")
	/* covers the gun's shots under that lease, not this ledger's, that were recorded before it and
	 * after the last such record; nobody's (discarded) without a patient */
	FACT_TABLE("attribution",
		   "serial TEXT NOT NULL, lease_id BLOB NOT NULL, patient BLOB REFERENCES patient(id),"
		   " shots INTEGER NOT NULL, volume_nl INTEGER NOT NULL, dose_time INTEGER NOT NULL,"
		   " uid INTEGER NOT NULL, reason TEXT NOT NULL")
	FACT_TABLE("erasure", "patient BLOB UNIQUE REFERENCES patient(id),"
		   " operator BLOB UNIQUE REFERENCES operator(id), uid INTEGER NOT NULL,"
		   " reason TEXT NOT NULL")
	"CREATE INDEX clock_boot ON clock(boot_id);"
	"CREATE INDEX shot_foreign ON shot(serial, lease_id) WHERE reservation IS NULL;"
	"CREATE INDEX attribution_lease ON attribution(serial, lease_id);"
	"CREATE INDEX attribution_patient ON attribution(patient, dose_time);"

	/* patients and their doses */
	FACT_TABLE("assessment",
		   "patient BLOB NOT NULL REFERENCES patient(id),"
		   " uid INTEGER NOT NULL REFERENCES operator(uid), consent INTEGER NOT NULL,"
		   " elsewhere_asked INTEGER NOT NULL, mass_g INTEGER NOT NULL,"
		   " allergies TEXT NOT NULL, conditions TEXT NOT NULL")
	FACT_TABLE("course",
		   "patient BLOB NOT NULL REFERENCES patient(id),"
		   " uid INTEGER NOT NULL REFERENCES operator(uid), interval_d INTEGER NOT NULL,"
		   " late_interval_d INTEGER NOT NULL, sessions INTEGER NOT NULL,"
		   " indication TEXT NOT NULL")
	/* components: substance:unit:concentration, in pg (unit ng) or uIU (unit miu) per nL, with a space
	 * between two of them.  The reservations of a session are of the load before them. */
	FACT_TABLE("load",
		   "session INTEGER NOT NULL REFERENCES session(n), course INTEGER REFERENCES course(n),"
		   " preparation TEXT NOT NULL, components TEXT NOT NULL, cartridge INTEGER NOT NULL,"
		   " formulary BLOB NOT NULL, day INTEGER NOT NULL, dead_nl INTEGER NOT NULL")
	/* where, and on which day, the reservations of a session are that name this area and come after it */
	FACT_TABLE("area",
		   "session INTEGER NOT NULL REFERENCES session(n), area TEXT, size_mm2 INTEGER NOT NULL,"
		   " day INTEGER NOT NULL")
	/* substances: substance:unit:amount, in that unit.  What is superseded does not count; a correction
	 * that is void says that nothing was given. */
	FACT_TABLE("hand_dose",
		   "patient BLOB NOT NULL REFERENCES patient(id), session INTEGER REFERENCES session(n),"
		   " course INTEGER REFERENCES course(n), elsewhere INTEGER NOT NULL, preparation TEXT,"
		   " substances TEXT NOT NULL, volume_nl INTEGER NOT NULL, given_s INTEGER NOT NULL,"
		   " day INTEGER NOT NULL, uid INTEGER NOT NULL REFERENCES operator(uid),"
		   " supersedes INTEGER UNIQUE REFERENCES hand_dose(n), void INTEGER NOT NULL, reason TEXT")
	FACT_TABLE("reaction",
		   "session INTEGER NOT NULL REFERENCES session(n),"
		   " uid INTEGER NOT NULL REFERENCES operator(uid), kind TEXT NOT NULL,"
		   " severity INTEGER NOT NULL, note TEXT")
	/* a session is interrupted from the one until the other, or until its end */
	FACT_TABLE("interruption", "session INTEGER NOT NULL REFERENCES session(n), reason TEXT NOT NULL")
	FACT_TABLE("resumption", "session INTEGER NOT NULL REFERENCES session(n),"
		   " operator INTEGER NOT NULL REFERENCES operator(uid)")
	"CREATE INDEX interruption_session ON interruption(session);"
	"CREATE INDEX resumption_session ON resumption(session);"
	"CREATE INDEX assessment_patient ON assessment(patient);"
	"CREATE INDEX assessment_mass ON assessment(patient) WHERE mass_g > 0;"
	"CREATE INDEX course_patient ON course(patient);"
	"CREATE INDEX session_patient ON session(patient);"
	"CREATE INDEX load_session ON load(session);"
	"CREATE INDEX area_session ON area(session, area);"
	"CREATE INDEX hand_dose_patient ON hand_dose(patient, given_s);"
	"CREATE INDEX hand_dose_session ON hand_dose(session);"
	"CREATE INDEX reaction_session ON reaction(session);"
	"CREATE INDEX settlement_fault ON settlement(ended) WHERE ended = 7;"

	/* derived: of each dose, by lease, attributed, or by hand, what it has of each substance.  unit 0 ng,
	 * 1 mIU; what nobody knows the substance of is '', in nL (unit 2).  amount is what is spent; dose_time
	 * of what is outstanding is in every window.  dated: a clock that was confirmed since dates it anew
	 * (of a lease that is done by a settlement). */
	"CREATE TABLE dose(source INTEGER NOT NULL REFERENCES chain(n), substance TEXT NOT NULL,"
	" patient BLOB NOT NULL, session INTEGER, course INTEGER, day INTEGER NOT NULL,"
	" dose_time INTEGER NOT NULL, unit INTEGER NOT NULL, concentration INTEGER NOT NULL,"
	" amount INTEGER NOT NULL, outstanding INTEGER NOT NULL, dated INTEGER NOT NULL,"
	" PRIMARY KEY(source, substance)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX dose_patient ON dose(patient, dose_time);"
	"CREATE INDEX dose_session ON dose(session);"
	"CREATE INDEX dose_course ON dose(course, substance, session);"
	"CREATE INDEX dose_day ON dose(patient, substance, day DESC) WHERE amount > 0;"
	"CREATE INDEX dose_course_session ON dose(course, session)"
	" WHERE amount > 0 AND session IS NOT NULL;"
	"CREATE INDEX dose_session_day ON dose(patient, day)"
	" WHERE amount > 0 AND session IS NOT NULL;"
	"CREATE INDEX dose_course_day ON dose(patient, course, day)"
	" WHERE amount > 0 AND session IS NOT NULL AND course IS NOT NULL;"
	/* a file of version 1 has doses of which only the volume is known */
	"INSERT INTO dose SELECT r.n, '', r.patient, r.session, NULL, c.time / 86400, a.dose_time, 2, 0,"
	" a.spent_nl, a.state = 0, 0 FROM reservation r JOIN account a ON a.reservation = r.n"
	" JOIN chain c ON c.n = r.n;"

	/* the rest */
	FACT_TABLE("restore",
		   "head INTEGER NOT NULL REFERENCES chain(n), head_hash BLOB NOT NULL,"
		   " lost INTEGER, lost_hash BLOB, mark INTEGER, mark_hash BLOB, uid INTEGER NOT NULL,"
		   " reason TEXT NOT NULL")
	FACT_TABLE("review", "patient BLOB NOT NULL REFERENCES patient(id), uid INTEGER NOT NULL,"
		   " reason TEXT NOT NULL")
	"CREATE INDEX review_patient ON review(patient);"
	/* an operator's licence as it is from then on, and who has seen it; its text is an identity, too */
	FACT_TABLE("renewal", "operator BLOB NOT NULL REFERENCES operator(id), expires TEXT NOT NULL,"
		   " identity BLOB NOT NULL, uid INTEGER NOT NULL")
	"CREATE INDEX renewal_operator ON renewal(operator);"
	"CREATE TABLE renewal_name(renewal INTEGER PRIMARY KEY REFERENCES renewal(n),"
	" salt BLOB NOT NULL, licence TEXT NOT NULL) STRICT;"

	"PRAGMA user_version = 2;";
/* clang-format on */

/* SHA-256 of what SQLite has of each version's tables: what schema_matches() reads, a NUL after each text.  The
 * scripts above say what they are; making the tables anew at each start to compare them took half of the start. */
const char *const ledger_schema_digest[LEDGER_SCHEMA_VERSION] = {
	"a372743462f69775c0d3cf943c8d6009873d9c062a3050068382ff258bd9c8c3",
	"b85bc0b442bb2930b2d3d0fead500adcc7e56adee0d44b7d8f24f61396f970d2",
};

int schema_matches(struct ledger *l)
{
	char text[2 * LEDGER_HASH_LEN + 1];
	sqlite3_stmt *row = NULL;
	const uint8_t *digest;
	int rc;

	gcry_md_reset(l->md);
	rc = sqlite3_prepare_v2(l->db,
				"SELECT coalesce(sql, '') FROM sqlite_schema"
				" WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
				-1, &row, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		const void *sql = sqlite3_column_text(row, 0);

		rc = sql ? SQLITE_OK : SQLITE_NOMEM;
		if (sql)
			gcry_md_write(l->md, sql, (size_t)sqlite3_column_bytes(row, 0) + 1);
	}
	sqlite3_finalize(row);
	if (rc != SQLITE_DONE)
		return ledger_sqlite_error(l, rc);
	digest = gcry_md_read(l->md, GCRY_MD_SHA256);
	for (size_t i = 0; i < LEDGER_HASH_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return strcmp(text, ledger_schema_digest[l->schema - 1]) == 0;
}
