/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rooms of the ledger share: the handle, statements, transactions, the
 * append of a fact.  Nothing outside daemon/mesod/ledger*.c may include this.
 *
 * Every write is between ledger_begin() and ledger_end(), so that each function
 * of ledger.h is one transaction: all of it or nothing.
 */
#ifndef MESOD_LEDGER_INTERNAL_H
#define MESOD_LEDGER_INTERNAL_H

#include <gcrypt.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "ledger.h"
#include "ledger_clinic.h"
#include "macros.h"

#define LEDGER_SCHEMA_VERSION 2
#define LEDGER_SALT_LEN       16
#define LEDGER_SMALL_BYTES    (4 << 20) /* a file up to this size is checked whole at opening */
#define LEDGER_LOG_PAGES \
	1000 /* after so many the log goes into the file; the ballast is sized by it */
/* account.dose_time of what is not settled: in every window, after every date */
#define LEDGER_NOT_DATED INT64_MAX

/*
 * Kinds of facts: the number stored in chain.type (for ever), the constant, the table, what the record
 * is called, and a mark for each of the table's columns.  A new one is a line here and its table in
 * ledger_schema_2; statements, counts and the chain's verification follow from this list.
 */
/* clang-format off */
#define LEDGER_FACTS_1(X)                                                                            \
	X(1, LEDGER, ledger, "ledger", "?,?,?")                                                      \
	X(2, OPERATOR, operator, "operator", "?,?,?,?,?")                                            \
	X(3, PATIENT, patient, "patient", "?,?,?,?")                                                 \
	X(4, SESSION, session, "session", "?,?,?,?")                                                 \
	X(5, SESSION_END, session_end, "session-end", "?,?,?")                                       \
	X(6, RESERVATION, reservation, "reservation",                                                \
	  "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?")                                         \
	X(7, SHOT, shot, "shot", "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?")                              \
	X(8, SETTLEMENT, settlement, "settlement", "?,?,?,?,?,?,?,?,?,?,?,?,?,?")                    \
	X(9, INCIDENT, incident, "incident", "?,?,?,?,?,?")                                          \
	X(10, QUARANTINE, quarantine, "quarantine", "?,?,?,?,?")                                     \
	X(11, GUN, gun, "gun", "?,?,?,?,?,?,?")
/* Numbers: 12 to 19 time, recovery and erasure; 20 to 39 patients and their doses; 40 to 63 the rest. */
#define LEDGER_FACTS_2(X)                                                                            \
	X(12, MIGRATION, migration, "migration", "?,?,?,?,?")                                        \
	X(13, CLOCK, clock, "clock", "?,?,?,?,?,?,?,?,?,?")                                          \
	X(14, LOST, lost, "lost", "?,?,?,?,?")                                                       \
	X(15, ATTRIBUTION, attribution, "attribution", "?,?,?,?,?,?,?,?,?")                          \
	X(16, ERASURE, erasure, "erasure", "?,?,?,?,?")                                              \
	X(20, ASSESSMENT, assessment, "assessment", "?,?,?,?,?,?,?,?")                               \
	X(21, COURSE, course, "course", "?,?,?,?,?,?,?")                                             \
	X(22, LOAD, load, "load", "?,?,?,?,?,?,?,?,?")                                               \
	X(23, AREA, area, "area", "?,?,?,?,?")                                                       \
	X(24, HAND_DOSE, hand_dose, "hand-dose", "?,?,?,?,?,?,?,?,?,?,?,?,?,?")                      \
	X(25, REACTION, reaction, "reaction", "?,?,?,?,?,?")                                         \
	X(26, INTERRUPTION, interruption, "interruption", "?,?,?")                                   \
	X(27, RESUMPTION, resumption, "resumption", "?,?,?")                                         \
	X(40, RESTORE, restore, "restore", "?,?,?,?,?,?,?,?,?")                                      \
	X(41, REVIEW, review, "review", "?,?,?,?")                                                   \
	X(42, RENEWAL, renewal, "renewal", "?,?,?,?,?")
/* clang-format on */

enum fact {
#define FACT_CONSTANT(number, constant, ...) FACT_##constant = (number),
	LEDGER_FACTS_1(FACT_CONSTANT) LEDGER_FACTS_2(FACT_CONSTANT)
#undef FACT_CONSTANT
		FACTS = 64 /* all numbers are below */
};

/* Statements; their text is in ledger_sql.c, facts' inserts and selects too. */
enum sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_HEAD,
	SQL_NEWEST_TIME,
	SQL_CLOCK_LAST,
	SQL_CLOCK_OF_BOOT,
	SQL_CHAIN_INSERT,
	SQL_CHAIN_AFTER,
	SQL_CHAIN_HASH,
	SQL_LEDGER_ID,
	SQL_FACTS_COUNT,
	SQL_FACTS_COUNT_1,
	SQL_CHECK_ACCOUNT,
	SQL_CHECK_LIVE,
	SQL_CHECK_FOREIGN,
	SQL_CHECK_FILE,
	SQL_CHECK_OPERATORS,
	SQL_CHECK_PATIENTS,
	SQL_CHECK_RENEWALS,
	SQL_OPERATOR_BY_UID,
	SQL_OPERATOR_BY_UID_1,
	SQL_OPERATORS,
	SQL_OPERATORS_1,
	SQL_RENEWAL_NAME_INSERT,
	SQL_RENEWAL_NAME_DELETE,
	SQL_OPERATOR_NAME_INSERT,
	SQL_PATIENT_BY_ID,
	SQL_PATIENT_BY_REFERENCE,
	SQL_PATIENTS,
	SQL_PATIENT_NAME_INSERT,
	SQL_PATIENT_EXISTS,
	SQL_PATIENT_NAMED,
	SQL_PATIENT_NAME_DELETE,
	SQL_OPERATOR_NAME_DELETE,
	SQL_STRIP_PATIENTS,
	SQL_STRIP_OPERATORS,
	SQL_STRIP_RENEWALS,
	SQL_LIVE_BY_OPERATOR,
	SQL_ACCOUNT_OUTSTANDING,
	SQL_CHECK_ERASED,
	SQL_LIVE_BY_PATIENT,
	SQL_LIVE_BY_GUN,
	SQL_LIVE_BY_SESSION,
	SQL_SESSIONS_OF,
	SQL_INTERRUPTED,
	SQL_RESUMED_BY,
	SQL_LIVE_ALL,
	SQL_LIVE_INSERT,
	SQL_LIVE_DELETE,
	SQL_SESSION,
	SQL_SESSION_ACCOUNT,
	SQL_SESSION_INCIDENTS,
	SQL_RESERVATION_BY_LEASE,
	SQL_RESERVATION_LAST,
	SQL_RESERVATION_NEXT,
	SQL_RESERVATION_OUTSTANDING,
	SQL_ACCOUNT_INSERT,
	SQL_ACCOUNT_DELIVERED,
	SQL_ACCOUNT_SETTLED,
	SQL_ACCOUNT_WINDOW,
	SQL_ACCOUNT_FUTURE,
	SQL_ACCOUNT_SESSION_SPENT,
	SQL_SHOT_BY_KEY,
	SQL_SHOT_NEWEST,
	SQL_SHOT_SUMS,
	SQL_SHOTS_OF_LEASE,
	SQL_SHOTS_OF_GUN,
	SQL_SETTLEMENT_LAST,
	SQL_LOST,
	SQL_FOREIGN_OF_LEASE,
	SQL_FOREIGN_OF_GUN,
	SQL_ATTRIBUTED_WINDOW,
	SQL_RECOVERY,
	SQL_CHECK_LOST,
	SQL_CHECK_ATTRIBUTION,
	SQL_INCIDENT_KNOWN,
	SQL_QUARANTINE_LAST,
	SQL_GUN_LAST,
	SQL_RESTORE_LAST,
	SQL_REVIEW_NEEDED,
	SQL_LOST_MARK,
	SQL_ASSESSMENT_LAST,
	SQL_MASS_LAST,
	SQL_COURSE_LAST,
	SQL_COURSE_BY_NUMBER,
	SQL_COURSE_SESSIONS,
	SQL_LOAD_LAST,
	SQL_AREA_LAST,
	SQL_AREA_SPENT,
	SQL_PRIMED,
	SQL_HAND_DOSE_BY_NUMBER,
	SQL_HAND_DOSES,
	SQL_HAND_WINDOW,
	SQL_HAND_SESSION,
	SQL_REACTIONS,
	SQL_BIRTH_DATE,
	SQL_FAULTS,
	SQL_PATIENT_OUTSTANDING,
	SQL_DOSE_WRITE,
	SQL_DOSE_DELETE,
	SQL_DOSE_ROW,
	SQL_DOSE_COUNT,
	SQL_DOSE_SOURCES,
	SQL_DOSE_OF_LEASE,
	SQL_DOSE_OF_ATTRIBUTION,
	SQL_DOSE_OF_HAND,
	SQL_DOSE_WINDOW,
	SQL_DOSE_SESSION,
	SQL_DOSE_COURSE,
	SQL_DOSE_LAST_DAY,
	SQL_DOSE_SESSION_DAY,
	SQL_DOSE_NEWEST_DAY,
	SQL_DOSE_COURSE_DAY,
	SQL_STATEMENTS
};

/* The newest restore; n is 0 if there was none. */
struct restored {
	int64_t n;
	uint64_t head;   /* the newest record of before */
	uint64_t until;  /* the lost range ends here at the latest */
	int64_t since_s; /* the head's time */
};

struct digest;

struct ledger {
	int lock_fd; /* nobody else has the ledger open; -1: not locked */
	int file_fd; /* a second way to read the database; closed after SQLite's; -1 none */
	bool restoring;
	struct restored restored;
	sqlite3 *db; /* NULL: could not be opened at all */
	char *path;
	char *mark_path; /* NULL: no mark */
	const struct ledger_io *io;
	uint64_t min_free;
	int schema; /* version of the file as it is now: statements on newer tables would fail */
	uint64_t ballast; /* bytes */
	char *ballast_path;
	bool ballast_held;
	bool mark_failed; /* the newest attempt to write it */
	atomic_int state; /* enum ledger_state */
	char problem[LEDGER_TEXT_MAX];
	struct ledger_id id;
	gcry_md_hd_t md;
	uint64_t commits;
	int64_t newest_s; /* the clock's mark, see ledger_clock.c, once it is known */
	bool newest_known;
	int changes;     /* of the database, when the transaction began */
	uint64_t marked; /* newest number in the mark file */
	bool mark_clean; /* the mark file may hold the database file's digest, which the first transaction makes untrue */
	struct digest *digest;       /* the file is still being compared with it; NULL: it is not */
	bool opened;                 /* all was checked: its head may be marked */
	struct policy_dose *doses;   /* of the newest history */
	struct policy_dose *amounts; /* likewise, of its substances */
	size_t amounts_max;
	sqlite3_stmt *statements[SQL_STATEMENTS];
	sqlite3_stmt *inserts[FACTS];
	sqlite3_stmt *selects[FACTS];
	sqlite3_stmt *walks[FACTS];
};

/* --------------------------------------------- statements (ledger_sql.c) */

/* A value to bind: the type is the value's, so that nothing is converted on the way. */
struct value {
	enum { VALUE_INTEGER, VALUE_TEXT, VALUE_BLOB, VALUE_NULL } type;
	int length;
	int64_t integer;
	const void *pointer;
};

#define INTEGER(i)   ((struct value){ .type = VALUE_INTEGER, .integer = (int64_t)(i) })
#define TEXT(t)      value_text(t)
#define BLOB(p, len) ((struct value){ .type = VALUE_BLOB, .pointer = (p), .length = (int)(len) })
#define VALUES(...)                              \
	((const struct value[]){ __VA_ARGS__ }), \
		(sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value))

/* NULL text is NULL. */
static inline struct value value_text(const char *text)
{
	return (struct value){ .type = text ? VALUE_TEXT : VALUE_NULL,
			       .length = -1,
			       .pointer = text };
}

/* Two SQL scripts: the tables of version 1, and what version 2 adds to them. */
extern const char *const ledger_schema, *const ledger_schema_2;
/* SHA-256 of the tables that they make, for each version, as hexadecimal text. */
extern const char *const ledger_schema_digest[LEDGER_SCHEMA_VERSION];
/* The file's tables are those of its version, to the letter: 1 they are, 0 not; or as ledger_sqlite_error() says. */
int schema_matches(struct ledger *l);

/* Of a connection that reads only. */
extern const char *const ledger_pragmas_aside;

/* What records of this kind are called; NULL: the file's version has no such kind. */
const char *fact_name(const struct ledger *l, uint64_t fact);
const char *sql_text(enum sql sql);
/* Prepared on first use. */
int sql_fact_insert(struct ledger *l, enum fact fact, sqlite3_stmt **ret);
int sql_fact_select(struct ledger *l, enum fact fact, sqlite3_stmt **ret);
/* All after a number, in order. */
int sql_fact_walk(struct ledger *l, enum fact fact, uint64_t after, sqlite3_stmt **ret);
int sql_bind(struct ledger *l, sqlite3_stmt *statement, const struct value *values, size_t n);
/* Bind and leave at the start; the caller steps, and resets by _cleanup_(sql_resetp). */
int sql_start_values(struct ledger *l, enum sql sql, sqlite3_stmt **ret, const struct value *values,
		     size_t n);
#define sql_start(l, sql, ret, ...) sql_start_values((l), (sql), (ret), VALUES(__VA_ARGS__))
#define sql_start0(l, sql, ret)     sql_start_values((l), (sql), (ret), NULL, 0)
/* 1 a row, 0 no more, or a negative errno. */
int sql_step(struct ledger *l, sqlite3_stmt *statement);
/* Bind, run to the end, reset. */
int sql_run_values(struct ledger *l, enum sql sql, const struct value *values, size_t n);
#define sql_run(l, sql, ...) sql_run_values((l), (sql), VALUES(__VA_ARGS__))
#define sql_run0(l, sql)     sql_run_values((l), (sql), NULL, 0)
void sql_resetp(sqlite3_stmt **statement);
void sql_finalize_all(struct ledger *l);
/* Columns: a length that does not fit is -EBADMSG, and the ledger corrupt. */
int sql_get_blob(struct ledger *l, sqlite3_stmt *statement, int column, void *buf, size_t len);
int sql_get_text(struct ledger *l, sqlite3_stmt *statement, int column, char *buf, size_t size);
uint64_t sql_get_u64(sqlite3_stmt *statement, int column);
uint32_t sql_get_u32(sqlite3_stmt *statement, int column);

/* ------------------------------------------- state, transactions (ledger.c) */

/* A state is only ever left by opening again, but for LEDGER_FULL. */
void ledger_set_state(struct ledger *l, enum ledger_state state, const char *format, ...)
	_printf_(3, 4);
/* What a result code of SQLite means: sets the state, returns the errno. */
int ledger_sqlite_error(struct ledger *l, int rc);
/* The errno of a state that forbids writing (or, for reading, of no database). */
int ledger_writable(const struct ledger *l);
int ledger_readable(const struct ledger *l);
int ledger_begin(struct ledger *l);
/* Commits if r >= 0, rolls back otherwise; returns r or why the commit failed. */
int ledger_end(struct ledger *l, int r);
/* After a transaction of what has happened already met a full disk: is there room for it now? */
bool ledger_make_room(struct ledger *l, int r);

/* ------------------------------------------------- chain (ledger_chain.c) */

struct head {
	uint64_t number;
	uint8_t hash[LEDGER_HASH_LEN];
};

int chain_get_head(struct ledger *l, struct head *ret);
/* 1 the chain has that number with a hash that starts so, 0 not */
int chain_contains(struct ledger *l, uint64_t number, const uint8_t *hash, size_t len);
/**
 * chain_append() - record a fact, within a transaction
 * @values: the fact's columns but for its number
 * @ret_number: may be NULL
 */
int chain_append_values(struct ledger *l, int64_t now_s, enum fact fact, int64_t *ret_number,
			const struct value *values, size_t n);
#define chain_append(l, now_s, fact, ret_number, ...) \
	chain_append_values((l), (now_s), (fact), (ret_number), VALUES(__VA_ARGS__))
/* Check hashes from number @after + 1 to the end. */
int chain_verify(struct ledger *l, uint64_t after, struct ledger_report *report);
/* SHA-256 of a few pieces, each with its length. */
int chain_digest(struct ledger *l, const struct value *pieces, size_t n,
		 uint8_t ret[LEDGER_HASH_LEN]);

/* ----------------------------------------------- migration (ledger_migrate.c) */

/* Bring a file that was checked as version 1 to version 2, having left a copy of it beside it.  An error
 * leaves the file as it was, and the state tells why it may not be written. */
int ledger_migrate(struct ledger *l, const char *vfs, int64_t now_s);

/* ------------------------------------------------- time (ledger_clock.c) */

/* -ETIME the clock is behind the mark by more than the tolerance */
int clock_check(struct ledger *l, int64_t now_s);
/* The later of the clock and the mark: what happens now is not dated before what has happened. */
int clock_latest(struct ledger *l, int64_t now_s, int64_t *ret);

/* --------------------------------------------------- mark (ledger_mark.c) */

struct mark {
	struct ledger_id id;
	uint64_t number;
	uint8_t hash[LEDGER_HASH_LEN];
	bool clean; /* written at a clean close: the database file has this digest */
	uint8_t digest[LEDGER_HASH_LEN];
};

/* 1 read, 0 there is none, -EBADMSG malformed, or an errno. */
int mark_read(const char *path, struct mark *ret);
/* Atomic and durable: the old one or the new one. */
int mark_write(const struct ledger_io *io, const char *path, const struct mark *mark);
/* SHA-256 of a whole file.  By path only while SQLite has not opened it: who closes any descriptor of a
 * file takes the process's locks on it. */
int mark_digest_fd(int fd, uint8_t ret[LEDGER_HASH_LEN]);
int mark_digest_file(const char *path, uint8_t ret[LEDGER_HASH_LEN]);
/* Make a new name in a directory durable. */
int mark_sync_directory(const char *path);

/* ------------------------------------------------ digest (ledger_digest.c) */

/* Compare the file with the digest in the mark, or begin to.  0, whatever the state is then; -ENOMEM */
int digest_check(struct ledger *l, const struct mark *mark);
/* Once the database is open: while it is compared only its log is written. */
int digest_hold_file(struct ledger *l);
/* Wait for the answer, if it is not there yet.  Return: as ledger_writable() says then. */
int digest_settle(struct ledger *l);
/* Take note of the answer if it is there. */
void digest_look(struct ledger *l);

/* -------------------------------------------------- aside (ledger_aside.c) */

struct aside;

/* Have a second connection looked through by a thread, until aside_end(): nobody writes before.  NULL: the
 * file is small, its log cannot be emptied, or there is no thread; then it is done without. */
struct aside *aside_start(struct ledger *l, int (*look)(struct ledger *l, struct ledger_report *));
/* What it returned; its problem into @report, unless that is NULL. */
int aside_end(struct aside *aside, struct ledger *l, struct ledger_report *report);

/* -------------------------------- beside the database (ledger_io.c, _ballast.c) */

extern const struct ledger_io ledger_io_system;

int io_write_all(const struct ledger_io *io, int fd, const char *data, size_t len);

/* Where it is and how large; nothing is made.  0, -EINVAL, -ENOMEM */
int ballast_init(struct ledger *l, uint64_t bytes);
/* It is there, whole, or is made; otherwise the ledger is LEDGER_FULL: -ENOSPC. */
int ballast_hold(struct ledger *l);
/* Its room is free now.  false: there was none. */
bool ballast_give_up(struct ledger *l);

/* --------------------------------------------- restore (ledger_review.c, _open.c) */

/* What the newest restore says, into l->restored. */
int restored_load(struct ledger *l);
/* -EOWNERDEAD the patient is blocked */
int review_check(struct ledger *l, const uint8_t patient[LEDGER_ID_LEN]);
/* A gun's mark is not in the chain: 1 a restore explains it, and it is recorded; 0 not.  In a transaction. */
int restored_accept_mark(struct ledger *l, int64_t now_s, const struct ledger_gun *gun,
			 const struct meso_host_mark *mark);
/* One process at a time, whatever becomes of the database file.  The descriptor; -EBUSY */
int ledger_lock(const struct ledger_io *io, const char *path);
/* The head of a file that is left as it is, write-ahead log included. */
int ledger_look_at_head(const struct ledger_options *options, struct head *ret);
/* Take all names out of a file that is nobody's ledger any more, and out of its log. */
int ledger_strip_names(const char *path);

/* ------------------------------------------- checks of text (ledger_text.c) */

int text_check_name(const char *text,
		    size_t max); /* not empty, fits, UTF-8, no control characters */
int text_check_date(const char *text);
int text_check_serial(const char *serial);
int text_check_id(const char *id);                 /* as in the formulary: see FORMULARY_ID_MAX */
int text_check_tokens(const char *tokens);         /* ids, one space between two; "" none */
int text_date_day(const char *date, int32_t *ret); /* days from 1970-01-01 */
void text_hex(const uint8_t *bytes, size_t len, char *buf);
int text_unhex(const char *text, uint8_t *ret, size_t len);
int random_bytes(void *buf, size_t len);

/* --------------------------------- reservations (ledger_reserve.c, _guns.c) */

struct reservation {
	int64_t n;
	int64_t time_s;
	int64_t session;
	struct ledger_id patient;
	char serial[MESO_SERIAL_LEN];
	uint64_t epoch;
	uint64_t boot_id;
	uint64_t sequence;
	uint32_t kind;
	uint64_t reserved_nl;
	uint32_t tolerance_nl;
	uint64_t shot_count;
	uint64_t total_nl;
	/* account */
	uint64_t delivered_nl;
	uint64_t spent_nl;
	uint64_t shots;
	uint32_t state; /* enum ledger_outcome */
};

/* More than reserved, beyond what so many shots can be misread by: the larger of three readings is
 * counted, so that reading errors add up. */
bool reservation_overrun(const struct reservation *v, uint64_t delivered_nl, uint64_t shots);
/* -ENOENT */
int reservation_by_lease(struct ledger *l, const uint8_t lease_id[MESO_LEASE_ID_LEN],
			 struct reservation *ret);

struct incident {
	const char *kind;
	const char *serial;                    /* NULL: about no gun */
	const struct reservation *reservation; /* NULL: about none */
	const uint8_t *lease_id;               /* NULL */
	bool quarantine;
};

/* Records an incident, and quarantines the gun if asked and not so already; the same incident about a
 * gun that is in quarantine is recorded once.  @ret counts and explains; may be NULL. */
int incident_add(struct ledger *l, int64_t now_s, const struct incident *incident,
		 struct ledger_settlement *ret, const char *format, ...) _printf_(5, 6);

/* The newest numbers that the ledger has of a gun.  -ENOENT never seen. */
int gun_known(struct ledger *l, const char *serial, struct ledger_gun *ret);
/* Records a new gun; quarantines one whose numbers do not follow.  Return: 1 in quarantine, 0 not. */
int gun_follow(struct ledger *l, int64_t now_s, const struct ledger_gun *gun);

/* ------------------------------------------- settlement (ledger_settle.c) */

/* Both within a transaction; @ret is counted up. */
int settle_lease(struct ledger *l, int64_t now_s, const struct ledger_evidence *evidence,
		 struct ledger_settlement *ret);
/* A shot turned up under a lease that was settled: what is spent rises, and a release is revoked. */
int settle_late_shot(struct ledger *l, int64_t now_s, struct reservation *r,
		     struct ledger_settlement *ret);

/* Settle without evidence: all that was reserved stays spent.  @ret_settlement: its number */
int settle_as_lost(struct ledger *l, int64_t now_s, const struct reservation *v,
		   struct ledger_settlement *ret, int64_t *ret_settlement);
/* Settle once more what was settled with a date after @now_s: the same figures, dated @now_s. */
int settle_date_anew(struct ledger *l, int64_t now_s, int64_t reservation);

/* ----------------------------------------------- erasure (ledger_erase.c) */

/* Ends the interrupted session with that key, if there is one.  -EBUSY it is not interrupted */
int sessions_make_way(struct ledger *l, int64_t now_s, enum sql sql, struct value key);
/* Who has resumed it last; untouched if nobody has. */
int sessions_operator(struct ledger *l, int64_t session, uint32_t *ret);

/* 0 there is such a patient, -ENOENT, -EIDRM who was erased */
int erase_check_patient(struct ledger *l, struct value id);

/* ---------------------------------------------- recovery (ledger_recover.c) */

/* 1 an administrator closed it without the gun, 0 not */
int recover_is_lost(struct ledger *l, int64_t reservation);
/* Shots of nobody: -EUNATCH if there are any, or, if @discard, recorded as nobody's. */
int recover_discard(struct ledger *l, int64_t now_s, const char *serial, bool discard, uint32_t uid,
		    const char *reason);

/* ----------------------------------------- clinical facts (ledger_clinic.c) */

/* -ENOENT no such patient (NULL: nobody asks), -EPERM no such operator */
int clinic_check_people(struct ledger *l, const struct ledger_id *patient, uint32_t uid);
/* The first row of a statement that has a course's columns.  -ENOENT */
int clinic_find_course(struct ledger *l, enum sql sql, struct value key, struct ledger_course *ret);
/* The session's, if it has one already, otherwise the patient's current one.  -ENOENT; @session: 0 none */
int clinic_session_course(struct ledger *l, int64_t session, const struct ledger_id *patient,
			  struct ledger_course *ret);
/* What a preparation is made of, in its order.  -EINVAL no such one, or nothing that can be recorded */
int clinic_components(const struct formulary *formulary, size_t preparation,
		      struct ledger_substance list[FORMULARY_COMPONENTS]);
/* Has the patient a reservation that is not settled? */
int clinic_is_live(struct ledger *l, const struct ledger_id *patient, bool *ret);
/* Where the session's reservations are from now on, recorded if that is new.  @area: "" or NULL none */
int clinic_use_area(struct ledger *l, const struct ledger_moment *now, int64_t session,
		    const char *area, uint32_t size_mm2);

/* ------------------------------------------------- substances (ledger_doses.c) */

#define SUBSTANCES_TEXT_MAX ((size_t)FORMULARY_COMPONENTS * (FORMULARY_ID_MAX + 26))
#define DOSE_UNKNOWN        2 /* dose.unit: nL of nobody knows what */

/* Ids, units, amounts from 1 to INT64_MAX, none twice, 1 to FORMULARY_COMPONENTS of them. */
int substances_check(const struct ledger_substance *list, size_t n);
/* As they are recorded, "lidocaine:ng:20000000 epinephrine:ng:10000". */
void substances_format(const struct ledger_substance *list, size_t n,
		       char buf[SUBSTANCES_TEXT_MAX]);
int substances_read(struct ledger *l, sqlite3_stmt *row, int column,
		    struct ledger_substance list[FORMULARY_COMPONENTS], size_t *ret_n);

/* Each within the transaction that made or changed the dose, and after that. */
int doses_of_lease(struct ledger *l, int64_t reservation);
int doses_of_attribution(struct ledger *l, int64_t attribution);
int doses_of_hand(struct ledger *l, int64_t hand_dose);
int doses_verify(struct ledger *l, struct ledger_report *report);

/* --------------------------------------------------- history (ledger_history.c) */

/* What is read beside what the policy is given. */
struct history_session {
	char serial[MESO_SERIAL_LEN]; /* "" outside a session */
	size_t preparation; /* of the newest load; FORMULARY_UNKNOWN none, or not as it was loaded */
	const char *area;   /* the id of the request's, the formulary's; NULL none */
};

/**
 * history_read() - all that is known of the request's patient, and of the session
 * @session: 0 outside of any
 * @ret: its doses are the ledger's, until the next history
 * Return: 0; -ENOENT the session is not open.
 */
int history_read(struct ledger *l, const struct ledger_moment *now,
		 const struct policy_basis *basis, int64_t session,
		 const struct policy_request *request, struct policy_history *ret,
		 struct history_session *ret_session);
/* The volumes alone: doses and outstanding_nl.  Needs now_s. */
int history_read_volumes(struct ledger *l, const struct ledger_id *patient,
			 struct policy_history *history);

#endif /* MESOD_LEDGER_INTERNAL_H */
