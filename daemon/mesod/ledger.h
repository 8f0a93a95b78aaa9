/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ledger: every fact about every dose, durable before it is acted on.
 *
 * Owns the database, its mark file, and what a settlement releases.  Never talks
 * to a gun or the bus, never reads a clock (the caller passes wall time), never
 * changes or forgets a fact, and never makes a ledger anew where one has been.
 *
 * Facts are rows of a hash chain.  Names, references and birth dates are not
 * facts: they live beside the chain, can be erased, and the chain holds random
 * ids and salted digests.  The chain detects corruption and rollback; it does not
 * stop somebody who can write the file.
 *
 * A struct ledger is used by one thread at a time (mesod: the worker's);
 * ledger_get_state() alone may be called from any.
 *
 * Errors that any function may return besides its own, each before or instead of
 * any change: -ENOMEM, -EINVAL malformed argument, and by the ledger's state
 * -ENOSPC full, -EBADMSG corrupt, -EROFS rolled back, -EIO failed.  An error of a
 * function that writes means that nothing was written, but for -EIO and -ENOSPC:
 * then this ledger goes on as if nothing had been, and the next opening may find
 * that it was (never half of it).  So nothing is done upon an error.
 */
#ifndef MESOD_LEDGER_H
#define MESOD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/meso.h>

#include "dose_limits.h"
#include "policy.h"

struct ledger;

#define LEDGER_ID_LEN      16
#define LEDGER_ID_TEXT_MAX 33 /* hex digits and NUL */
#define LEDGER_HASH_LEN    32
#define LEDGER_NAME_MAX    128 /* names, references, licences, reasons: bytes with NUL, UTF-8 */
#define LEDGER_REASON_MAX  256
#define LEDGER_DATE_MAX    11 /* YYYY-MM-DD and NUL */
#define LEDGER_TEXT_MAX    320

/* Random, of a ledger, a patient or an operator. */
struct ledger_id {
	uint8_t bytes[LEDGER_ID_LEN];
};

/* 32 lower-case hex digits; buf: LEDGER_ID_TEXT_MAX bytes; returns buf. */
char *ledger_id_format(const struct ledger_id *id, char *buf);
int ledger_id_parse(const char *text, struct ledger_id *ret); /* -EINVAL */

/* A moment: wall clock, and what local calendar day it falls on. */
struct ledger_moment {
	int64_t s;          /* unix seconds */
	int32_t day;        /* local date, in days from 1970-01-01 */
	int64_t midnight_s; /* unix seconds at which that day began */
};

/* ----------------------------------------------------------- open, state */

enum ledger_state {
	LEDGER_OK,
	LEDGER_FULL, /* no room, or no mark can be left: nothing is reserved; what there is room for is still recorded */
	LEDGER_CORRUPT,     /* its content contradicts itself; read only */
	LEDGER_ROLLED_BACK, /* older than what was seen of it; read only */
	LEDGER_FAILED,      /* missing, unreadable, or the disk failed; open again to know more */
};

const char *ledger_state_name(enum ledger_state state); /* "rolled-back" */

/* How the files beside the database are written: as the system calls of these names, but that an error
 * is returned as a negative errno. */
struct ledger_io {
	int (*open)(const char *path, int flags);
	ssize_t (*write)(int fd, const void *data, size_t len);
	int (*sync)(int fd);
	int (*rename)(const char *from, const char *to);
	int (*allocate)(int fd, uint64_t len); /* posix_fallocate() from the start */
	int (*truncate)(int fd);               /* to nothing */
};

struct ledger_options {
	const char *path; /* the database; its directory must exist */
	const char *
		mark_path; /* where the chain's head is left too, on another file system if possible; NULL: nowhere */
	const char *vfs;            /* SQLite VFS by name, for tests; NULL: the default */
	const struct ledger_io *io; /* for tests; NULL: the system's */
	uint64_t min_free; /* bytes that must be free on the disk for a reservation; 0: a default */
	uint64_t ballast;  /* bytes of the file given up when the disk is full; 0: a default */
	bool restoring;    /* ledger_restore()'s copy: no lock, no ballast, and never made anew */
	int64_t now_s;     /* wall clock */
};

/**
 * ledger_open() - open the ledger, or make it if there never was one
 *
 * Succeeds in whatever state the ledger is found (see ledger_get_state()), since
 * telemetry must go on; checks the file, the schema and the chain's newest
 * records, all of them when the file is small.  A database that is missing or
 * empty while its mark exists is not made anew: it is LEDGER_FAILED.
 *
 * A file of version 1 is checked whole, copied to <path>.v1-backup, and brought to
 * version 2 in one transaction; if that fails it is as it was, and LEDGER_FAILED.
 * A file of a version above 2 is LEDGER_FAILED.
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int ledger_open(const struct ledger_options *options, struct ledger **ret);
/* Gives back the memory that makes it faster: it comes again with what is asked.  Not while anything is being read. */
void ledger_give_memory_back(struct ledger *ledger);
/* Writes the mark and closes; always returns NULL. */
struct ledger *ledger_close(struct ledger *ledger);
void ledger_closep(struct ledger **ledger);

enum ledger_state ledger_get_state(const struct ledger *ledger);
/* Why it is not LEDGER_OK, one sentence; "" if it is. */
const char *ledger_get_problem(const struct ledger *ledger);
void ledger_get_id(const struct ledger *ledger, struct ledger_id *ret);
/* Transactions committed since it was opened. */
uint64_t ledger_get_commits(const struct ledger *ledger);

/* The chain's head, to be left in the gun with ARM. */
int ledger_get_host_mark(struct ledger *ledger, struct meso_host_mark *ret);
/* Leave the chain's head in the mark file, if it is not there yet.  Lazily: once a second is plenty.
 * If that cannot be done the ledger is LEDGER_FULL until it can: an old copy would not be noticed. */
int ledger_write_mark(struct ledger *ledger);

struct ledger_report {
	bool ok;
	uint64_t records; /* of the chain, up to the first that is wrong */
	uint8_t head[LEDGER_HASH_LEN];
	char problem[LEDGER_TEXT_MAX]; /* "" if ok */
};

/* Check everything: every hash, every derived figure, the file's structure.  A problem makes the
 * state LEDGER_CORRUPT.  Return: 0 if it could be checked, whatever was found. */
int ledger_verify(struct ledger *ledger, struct ledger_report *ret);

/* One column of a record. */
struct ledger_field {
	const char *name;
	enum { LEDGER_INTEGER, LEDGER_TEXT, LEDGER_BYTES, LEDGER_NULL } type;
	int64_t integer;  /* unsigned 64-bit values (epoch, boot_id) are two's complement */
	const char *text; /* LEDGER_TEXT; LEDGER_BYTES as lower-case hex */
};

#define LEDGER_FIELDS_MAX 28

struct ledger_record {
	uint64_t number;
	int64_t time_s;
	const char *
		type; /* ledger operator patient session session-end reservation shot settlement incident quarantine gun
			 migration clock lost attribution erasure restore review
			 assessment course load area hand-dose reaction renewal */
	uint8_t hash[LEDGER_HASH_LEN];
	size_t n_fields;
	struct ledger_field fields[LEDGER_FIELDS_MAX];
};

/* Calls back for at most @max records after number @after, in order; everything is valid during the
 * call only.  A non-zero return ends the walk and is returned.  No names, ever. */
int ledger_foreach_record(struct ledger *ledger, uint64_t after, uint32_t max,
			  int (*found)(const struct ledger_record *record, void *userdata),
			  void *userdata);

/* ----------------------------------------------------------------- restore */

struct ledger_restore_options {
	const char *path;
	const char *mark_path; /* needed */
	int backup_fd;         /* a database file; borrowed */
	int backup_wal_fd;     /* the write-ahead log that belongs to it, -1: none */
	uint32_t uid;          /* who restores */
	const char *reason;    /* no names of people */
	const char *vfs;
	const struct ledger_io *io;
	uint64_t ballast;
	int64_t now_s;
};

struct ledger_restore_report {
	uint64_t head;   /* the newest record that is restored */
	int64_t since_s; /* its time: what was given since is not known */
	uint64_t
		lost; /* the newest record of the file that was replaced, 0: it could not be read */
	uint64_t mark;                     /* the newest record of its mark, 0: there was none */
	char kept[4096];                   /* the file that was replaced, "" if there was none */
	char problem[2 * LEDGER_TEXT_MAX]; /* why not; "" it is done */
};

/**
 * ledger_restore() - put a backup in the ledger's place; nobody may have it open
 *
 * The backup is verified whole first.  The present file is kept under another name.
 * The restored ledger has a new fact, restore, and a mark that agrees with it.
 * From then on patients are blocked: see ledger_is_blocked().
 *
 * Return: 0; -EBUSY the ledger is open; -EBADMSG the backup is no whole ledger;
 * -EXDEV it is another ledger's; -ETIME the clock is before the backup's newest
 * record; -EINVAL; or an errno of the disk.
 */
int ledger_restore(const struct ledger_restore_options *options, struct ledger_restore_report *ret);

/* When the newest restored record was made: what was given since is unknown.  0: never restored.  May be
 * called from any thread. */
int64_t ledger_restored_since(const struct ledger *ledger);
/* 1: a restore has lost what this patient may have been given, and nobody has reviewed that; 0 not */
int ledger_is_blocked(struct ledger *ledger, const struct ledger_id *patient);
/* An administrator's act.  -ENOENT no such patient; -EALREADY not blocked */
int ledger_review_patient(struct ledger *ledger, int64_t now_s, const char *id_or_reference,
			  uint32_t uid, const char *reason);

/* ---------------------------------------------------- operators, patients */

struct ledger_operator {
	struct ledger_id id;
	uint32_t uid;
	char name[LEDGER_NAME_MAX];
	char licence[LEDGER_NAME_MAX];
	char expires[LEDGER_DATE_MAX]; /* the licence's last valid day */
	bool erased;                   /* name and licence are "", and may not treat any more */
};

/* id is ignored.  -EEXIST the uid is registered: see ledger_renew_operator(), -EINVAL empty or malformed text or date. */
int ledger_add_operator(struct ledger *ledger, int64_t now_s, const struct ledger_operator *op,
			struct ledger_id *ret_id);

struct ledger_renewal {
	uint32_t operator_uid;         /* whose licence it is */
	char licence[LEDGER_NAME_MAX]; /* as it is called now: it may be the same */
	char expires[LEDGER_DATE_MAX]; /* its last valid day from now on, an earlier one too */
	uint32_t uid;                  /* who has seen it */
};

/**
 * ledger_renew_operator() - a licence was renewed, or ends earlier
 *
 * The newest counts, also in sessions that are open; what was before stays recorded.
 *
 * Return: 0; -ENOENT no such operator; -EIDRM who was erased; -EINVAL empty or
 * malformed text or date.
 */
int ledger_renew_operator(struct ledger *ledger, int64_t now_s,
			  const struct ledger_renewal *renewal);
/* As renewed last.  -ENOENT */
int ledger_get_operator(struct ledger *ledger, uint32_t uid, struct ledger_operator *ret);
int ledger_foreach_operator(struct ledger *ledger,
			    int (*found)(const struct ledger_operator *op, void *userdata),
			    void *userdata);

struct ledger_patient {
	struct ledger_id id;
	char reference[LEDGER_NAME_MAX];
	char name[LEDGER_NAME_MAX];
	char birth_date[LEDGER_DATE_MAX];
	uint32_t mass_g; /* 0 unknown */
	bool erased;     /* the three texts are "", and cannot be treated any more */
};

/* id is ignored.  -EEXIST the reference is taken, -EINVAL empty or malformed text or date. */
int ledger_add_patient(struct ledger *ledger, int64_t now_s, const struct ledger_patient *patient,
		       struct ledger_id *ret_id);
/* By id in hex, or by reference.  -ENOENT */
int ledger_get_patient(struct ledger *ledger, const char *id_or_reference,
		       struct ledger_patient *ret);
int ledger_foreach_patient(struct ledger *ledger,
			   int (*found)(const struct ledger_patient *patient, void *userdata),
			   void *userdata);

/**
 * ledger_erase_patient(), ledger_erase_operator() - forget who somebody is
 * @uid, @reason: recorded, with the id; the reason should name nobody
 *
 * Name, reference, birth date, licence and the salt of their digest are gone from
 * the database, its log and the copy of a version 1 ledger; the chain still
 * verifies.  A patient stays known by id, an operator's uid stays taken.  From files
 * that a restore has put aside all names are taken: they are evidence of doses, and
 * nobody can say whom they call by which id.  Such a file cannot be restored any more.
 *
 * Return: 0; -ENOENT there is no such; -EALREADY; -EBUSY a session is open, or a
 * reservation is not settled; -ENOTEMPTY a file that a restore has put aside
 * (<path>.lost-*) cannot be read, so that its names cannot be taken from it: nothing
 * is erased before somebody has removed it.  After -EIO the name may be in the log
 * until the next opening.
 */
int ledger_erase_patient(struct ledger *ledger, int64_t now_s, const struct ledger_id *patient,
			 uint32_t uid, const char *reason);
int ledger_erase_operator(struct ledger *ledger, int64_t now_s, uint32_t operator_uid, uint32_t uid,
			  const char *reason);

struct ledger_spent {
	uint64_t settled_24h_nl; /* in the last 24 h */
	uint64_t outstanding_nl; /* reserved and not settled, whenever */
	int64_t session;         /* open session, 0 none */
};

int ledger_get_spent(struct ledger *ledger, int64_t now_s, const struct ledger_id *patient,
		     struct ledger_spent *ret);

/* --------------------------------------------------------------- sessions */

struct ledger_session;

/**
 * ledger_open_session() - one patient on one gun
 * @today: the local date, YYYY-MM-DD; the operator's licence must be valid on it
 * @ret_session: number of the session, its record's in the chain
 * One that is interrupted is in nobody's way: it ends.
 *
 * Return: 0; -EBUSY patient or gun has an open one; -ENOENT no such patient;
 * -EIDRM the patient was erased; -EPERM no such operator; -EKEYEXPIRED licence;
 * -EUCLEAN gun quarantined; -EOWNERDEAD the patient is blocked, see
 * ledger_is_blocked().
 */
int ledger_open_session(struct ledger *ledger, int64_t now_s, const char *today,
			const struct ledger_id *patient, const char *serial, uint32_t operator_uid,
			int64_t *ret_session);
/**
 * ledger_interrupt_session() - it ends before its operator said so
 *
 * It stays open for ledger_resume_session(), and ends for good when patient or gun
 * are wanted for something else.  What is outstanding stays so.
 *
 * Return: 0; -ENOENT not open; -EALREADY it is interrupted.
 */
int ledger_interrupt_session(struct ledger *ledger, int64_t now_s, int64_t session,
			     const char *reason);
/**
 * ledger_resume_session() - an interrupted session of this patient on this gun goes on
 * @limit_s: how long after it was opened, limits.session_s.hard
 * @operator_uid: its operator from now on; conditions as for ledger_open_session()
 * @ret: the session as it is; may be NULL
 * Return: 0; -ENOENT there is none, or its time is over; otherwise as ledger_open_session().
 */
int ledger_resume_session(struct ledger *ledger, int64_t now_s, const char *today, int64_t limit_s,
			  const struct ledger_id *patient, const char *serial,
			  uint32_t operator_uid, struct ledger_session *ret);
/* What ledger_resume_session() would find: its number, or -ENOENT. */
int64_t ledger_get_resumable(struct ledger *ledger, int64_t now_s, int64_t limit_s,
			     const struct ledger_id *patient);
/* Reservations stay outstanding until they are settled.  -ENOENT not open. */
int ledger_close_session(struct ledger *ledger, int64_t now_s, int64_t session, const char *reason);

struct ledger_session {
	int64_t session;
	struct ledger_id patient;
	char serial[MESO_SERIAL_LEN];
	uint32_t operator_uid; /* who resumed it last, or opened it */
	int64_t opened_s;
	bool open;
	bool interrupted; /* and open still */
	/* account */
	uint64_t
		delivered_nl; /* into skin, as far as is known: shots of treatments, and primes not credited */
	uint64_t spent_nl;       /* settled, counts as dose */
	uint64_t outstanding_nl; /* reserved and not settled */
	uint64_t primed_nl;      /* proven to have gone into the air */
	uint32_t shots;          /* of treatments */
	uint32_t incidents;      /* about this session's leases */
};

int ledger_get_session(struct ledger *ledger, int64_t session,
		       struct ledger_session *ret); /* -ENOENT */
/* A patient's, oldest first.  A non-zero return ends the walk and is returned. */
int ledger_foreach_session(struct ledger *ledger, const struct ledger_id *patient,
			   int (*found)(const struct ledger_session *session, void *userdata),
			   void *userdata);
/* The newest calendar day on which anything was given to the patient, by whatever path; POLICY_NO_DAY
 * never, or the ledger cannot tell.  */
int ledger_get_last_day(struct ledger *ledger, const struct ledger_id *patient, int32_t *ret);
/* Open ones: after a crash somebody must close or resume them. */
int ledger_foreach_open_session(struct ledger *ledger,
				int (*found)(const struct ledger_session *session, void *userdata),
				void *userdata);

/* ----------------------------------------------------------- reservations */

/* What the gun says of itself now. */
struct ledger_gun {
	const char *serial;
	uint64_t epoch;
	uint64_t boot_id;
	uint64_t shot_count;
	uint64_t total_nl;
	uint64_t last_sequence;
};

struct ledger_order {
	int64_t session;
	struct policy_request request; /* has_gun must be set; its patient must be the session's */
	struct ledger_gun gun;
	uint32_t
		tolerance_nl; /* what the two encoders and the report may differ by in a shot: a motor step or two */
	uint32_t expiry_ms;
	const char *area; /* recorded if the request names none of the formulary's; may be NULL */
	const char *override; /* reason to pass soft limits; NULL or "" none */
};

struct ledger_reservation {
	uint8_t lease_id[MESO_LEASE_ID_LEN]; /* 8 bytes of the ledger's id, 8 random */
	uint64_t sequence;          /* above any that the gun or the ledger has seen for it */
	uint64_t volume_nl;         /* for the lease */
	uint64_t reserved_nl;       /* and the overshoot */
	struct meso_host_mark mark; /* for the lease: the chain's head, this reservation included */
};

/**
 * ledger_reserve() - judge, and if nothing forbids it, reserve; one transaction
 * @ret_verdicts: every rule's, filled whenever 0 or -EDQUOT is returned
 *
 * When this returns 0 the reservation is durable and the gun may be armed.
 *
 * Return: 0; -EDQUOT a rule refuses (hard, or soft without a reason); -ENOENT the
 * session is not open; -EXDEV the session is on another gun; -EBUSY the gun has a
 * reservation that is not settled; -EUCLEAN gun quarantined, now or before;
 * -EOWNERDEAD the patient is blocked, see ledger_is_blocked();
 * -ENOSPC no room on the disk for this and what must follow it; -ETIME the clock
 * went backwards (see ledger_clock_behind()), so no window can be judged.
 */
int ledger_reserve(struct ledger *ledger, const struct ledger_moment *now,
		   const struct policy_basis *basis, const struct ledger_order *order,
		   struct ledger_reservation *ret,
		   struct policy_verdict ret_verdicts[POLICY_RULES]);

/* A clock that is behind the chain by no more than this is one that was set right. */
#define LEDGER_CLOCK_TOLERANCE_S 120

/* How many seconds @now_s is before the mark: the newest time in the chain, or what was confirmed since;
 * 0 if it is not. */
int64_t ledger_clock_behind(struct ledger *ledger, int64_t now_s);

/* What the clocks of the machine say. */
struct ledger_clock {
	uint8_t boot_id[LEDGER_ID_LEN];
	int64_t wall_s;
	int64_t boottime_ns; /* since boot, suspended time included; nobody can set it */
	int64_t offset_ns;   /* wall clock minus boottime_ns */
};

struct ledger_clock_state {
	bool accepted;     /* this boot has an offset to compare with */
	int64_t offset_ns; /* which is this one */
	int64_t mark_s;    /* highest wall time seen, or as confirmed */
};

/* Look up the offset that was accepted first in this boot (or confirmed last); if there is none, and the
 * clock is not behind the mark, @now is it, and is recorded. */
int ledger_accept_clock(struct ledger *ledger, const struct ledger_clock *now,
			struct ledger_clock_state *ret);
/**
 * ledger_confirm_clock() - an administrator says that @now is right
 * @reason: recorded with @uid
 *
 * From now on this boot's offset is @now's, and the mark is its wall time, even if
 * it was higher; what was dated later than that is dated anew.
 */
int ledger_confirm_clock(struct ledger *ledger, const struct ledger_clock *now, uint32_t uid,
			 const char *reason, struct ledger_clock_state *ret);

/* A ledger that was LEDGER_FULL is LEDGER_OK again if the disk has room now, the ballast included, and
 * the mark can be left; a write that found room proves nothing of what a reservation needs.  -ENOSPC */
int ledger_look_for_room(struct ledger *ledger);

/**
 * ledger_check() - what ledger_reserve() would say, without any effect
 * @session: 0 for a question outside a session
 * Return: the worst policy_severity; -ENOENT no such patient or session; -EIDRM
 * the patient was erased; -EOWNERDEAD the patient is blocked, see
 * ledger_is_blocked().
 */
int ledger_check(struct ledger *ledger, const struct ledger_moment *now,
		 const struct policy_basis *basis, int64_t session,
		 const struct policy_request *request,
		 struct policy_verdict ret_verdicts[POLICY_RULES]);

struct ledger_outstanding {
	uint8_t lease_id[MESO_LEASE_ID_LEN];
	int64_t session;
	struct ledger_id patient;
	uint64_t sequence;
	uint32_t kind;
	uint64_t volume_nl;
	uint64_t reserved_nl;
	uint64_t delivered_nl; /* by the shots recorded so far */
	int64_t time_s;
	uint64_t epoch;
	uint64_t boot_id;
	uint64_t shot_count; /* the gun's counters when it was reserved */
	uint64_t total_nl;
};

/* The gun's reservation that is not settled.  -ENOENT there is none. */
int ledger_get_outstanding(struct ledger *ledger, const char *serial,
			   struct ledger_outstanding *ret);

/* ------------------------------------------------------ shots, settlement */

/* What is known of the gun after a lease: read when it was closed, after its log was read whole. */
struct ledger_evidence {
	uint8_t lease_id[MESO_LEASE_ID_LEN];
	bool never_armed; /* ARM was never sent, or was refused with an error that proves it */
	bool closed;      /* the gun itself says that this lease is over */
	bool log_read; /* every record the gun and the kernel had has been recorded or is passed along */
	struct ledger_gun gun;
	uint32_t end;    /* MESO_END_* */
	uint32_t faults; /* MESO_FAULT_*, latched when the lease was over */
	/* primes: what earns the credit */
	bool no_contact;    /* every frame from ARM to close was seen, none showed contact */
	bool contact_works; /* MESO_STATUS_CONTACT_SEEN in this boot of the gun */
};

enum ledger_outcome {
	LEDGER_NOT_SETTLED, /* no evidence was given, or not enough yet: all stays outstanding */
	LEDGER_RELEASED,    /* evidence agrees: delivered is spent, the rest is free again */
	LEDGER_UNCERTAIN, /* evidence contradicts: the largest figure stays spent, with an incident */
};

struct ledger_settlement {
	enum ledger_outcome outcome;
	uint64_t delivered_nl;         /* sum over the lease's shots */
	uint64_t spent_nl;             /* what counts from now on */
	bool credited;                 /* a prime that counts as no dose */
	uint32_t new_shots;            /* records that were not known before */
	uint32_t incidents;            /* recorded by this call */
	bool quarantined;              /* the gun is, now */
	char problem[LEDGER_TEXT_MAX]; /* why it is uncertain, or what happened; "" nothing */
};

/**
 * ledger_record() - record shots, and settle a lease if evidence is given
 * @shots: from the gun's log, in any order, known ones among them; may be NULL
 * @evidence: NULL to record only
 * @ret: may be NULL
 *
 * One transaction, one commit, none if nothing is new.  On a full disk the room
 * that was set aside for it is used.  Once it has returned 0
 * the shots may be acknowledged to the gun.  A known shot changes nothing; the
 * same key with other content, a shot under a lease that is not this ledger's and
 * this gun's, an overrun, and numbers that contradict each other are incidents
 * and quarantine the gun.  Evidence that came too early (not closed, log not
 * read) settles nothing.  A lease settled as uncertain may be settled again when
 * better evidence exists; one that was released stays so unless a shot turns up
 * that was hidden.
 *
 * Return: 0; -ENOENT no such lease (the shots are recorded all the same).
 */
int ledger_record(struct ledger *ledger, int64_t now_s, const char *serial,
		  const struct meso_shot *shots, size_t n_shots,
		  const struct ledger_evidence *evidence, struct ledger_settlement *ret);

/* What the ledger has of one gun's shots. */
struct ledger_shots {
	uint64_t newest; /* number; 0 none */
	uint64_t count;
	uint64_t sum_nl; /* of the larger of report and displacement */
	uint64_t sum_reported_nl;
};

int ledger_get_shots(struct ledger *ledger, const char *serial, uint64_t epoch,
		     struct ledger_shots *ret);

/* ---------------------------------------------- guns, incidents, quarantine */

/**
 * ledger_see_gun() - a gun appeared: do its numbers follow from what is known?
 * @mark: the host mark it holds
 *
 * Records a gun never seen before.  A known gun whose epoch changed, or whose
 * counters went backwards, is quarantined with an incident.  A mark of this
 * ledger that is ahead of it, or not in its chain, makes it LEDGER_ROLLED_BACK, but
 * for a mark that a restore explains (ledger_review.c): that quarantines the gun.
 *
 * Return: 0, -EUCLEAN the gun is quarantined, -EROFS rolled back.
 */
int ledger_see_gun(struct ledger *ledger, int64_t now_s, const struct ledger_gun *gun,
		   const struct meso_host_mark *mark);

int ledger_is_quarantined(struct ledger *ledger, const char *serial); /* 0, 1 */
/* An administrator's act; the gun's present numbers become what is known of it.  Its shots under leases of
 * nobody here are attributed before, or, if @discard, recorded as nobody's dose.  -ENOENT it is not
 * quarantined, -EUNATCH it has such shots */
int ledger_lift_quarantine(struct ledger *ledger, int64_t now_s, const struct ledger_gun *gun,
			   uint32_t uid, const char *reason, bool discard);

/**
 * ledger_add_incident() - record something that should not have happened
 * @kind: short stable name, "overrun"
 * @serial: the gun, NULL none
 * @lease_id: the lease, NULL none
 * @text: no names of people
 * @quarantine: and quarantine the gun
 */
int ledger_add_incident(struct ledger *ledger, int64_t now_s, const char *kind, const char *serial,
			const uint8_t *lease_id, const char *text, bool quarantine);

/* --------------------------------------------- recovery by an administrator */

/* Which gun a lease is on.  -ENOENT */
int ledger_lease_gun(struct ledger *ledger, const uint8_t lease_id[MESO_LEASE_ID_LEN],
		     char ret_serial[MESO_SERIAL_LEN]);
/**
 * ledger_close_lost() - the gun of this reservation never comes back
 * @uid, @reason: recorded
 * @ret: may be NULL
 *
 * All that was reserved is spent from now on, and stays so even if the gun comes
 * back: its shots are recorded then, and may raise what is spent.
 *
 * Return: 0; -ENOENT no such lease; -EALREADY it is settled.
 */
int ledger_close_lost(struct ledger *ledger, int64_t now_s,
		      const uint8_t lease_id[MESO_LEASE_ID_LEN], uint32_t uid, const char *reason,
		      struct ledger_settlement *ret);
/**
 * ledger_attribute_shots() - shots under a lease of nobody here went into this patient
 *
 * @ret_live: whether the patient has a reservation that is not settled: a gun may be
 *	armed for it on what was known before, and the caller disarms it.  May be NULL
 *
 * All of the gun's that are recorded and not attributed; they count in full from
 * @now_s, since nobody knows when they were fired.
 *
 * Return: 0; -ENOENT no such patient; -ENODATA no such shots.
 */
int ledger_attribute_shots(struct ledger *ledger, int64_t now_s, const char *serial,
			   const uint8_t lease_id[MESO_LEASE_ID_LEN],
			   const struct ledger_id *patient, uint32_t uid, const char *reason,
			   bool *ret_live);

enum ledger_recovery_kind {
	LEDGER_RECOVER_LEASE, /* reserved and not settled */
	LEDGER_RECOVER_GUN,   /* in quarantine */
	LEDGER_RECOVER_SHOTS, /* under a lease of nobody here, and nobody's */
};

struct ledger_recovery {
	enum ledger_recovery_kind kind;
	char serial[MESO_SERIAL_LEN];
	uint8_t lease_id[MESO_LEASE_ID_LEN]; /* of a lease, and of shots */
	struct ledger_id patient;            /* of a lease */
	uint64_t volume_nl;                  /* what is reserved, or was delivered */
	uint64_t shots;
	int64_t time_s;                 /* since when, or the newest shot's record */
	char reason[LEDGER_REASON_MAX]; /* of a quarantine */
};

/* What may need an administrator: a lease only if its gun does not come back. */
int ledger_foreach_recovery(struct ledger *ledger,
			    int (*found)(const struct ledger_recovery *item, void *userdata),
			    void *userdata);

#endif /* MESOD_LEDGER_H */
