/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ledger's clinical facts: assessment, course, what is loaded, doses given by
 * hand or elsewhere, reactions.
 *
 * Owns what such a record may look like and that a correction comes after what it
 * corrects: nothing is rewritten.  Never judges a dose (policy.h) and never asks
 * whether a token is in the formulary: who calls has looked that up.  Names of
 * people have no place in any text here.
 *
 * What ledger.h says of threads, transactions and errors holds here too: each
 * function that writes is one transaction and one commit.
 *
 * On a full disk what has happened is recorded all the same, by the room that was set
 * aside (ledger_ballast.c): doses by hand, their corrections, reactions, and an
 * assessment of a patient who has a reservation that is not settled, since it may say
 * that nothing may be given.  Other assessments, courses and loads wait: -ENOSPC.
 *
 * A record about a patient may take what is spent over a limit, or say that nothing
 * may be given.  Such a function says in @ret_live whether the patient has a
 * reservation that is not settled: a gun may be armed for it, and the caller disarms
 * it at once.  @ret_live may be NULL; it is filled if 0 is returned.
 */
#ifndef MESOD_LEDGER_CLINIC_H
#define MESOD_LEDGER_CLINIC_H

#include "formulary.h"
#include "ledger.h"

/* ------------------------------------------------------------- assessment */

struct ledger_assessment {
	int64_t number; /* its record's; set by reading */
	int64_t time_s; /* when it was recorded; set by reading */
	struct ledger_id patient;
	uint32_t uid; /* the operator */
	bool consent;
	bool elsewhere_asked;                 /* treatment elsewhere was asked about, and entered */
	uint32_t mass_g;                      /* 0 not weighed: what is known already counts */
	char allergies[FORMULARY_TOKENS_MAX]; /* ids, separated by one space; "" none */
	char conditions[FORMULARY_TOKENS_MAX]; /* likewise */
};

/**
 * ledger_add_assessment() - the newest counts, and corrects those before it
 * @ret_number: may be NULL
 * Return: 0; -ENOENT no such patient; -EPERM no such operator; -EINVAL malformed tokens.
 */
int ledger_add_assessment(struct ledger *ledger, int64_t now_s,
			  const struct ledger_assessment *assessment, int64_t *ret_number,
			  bool *ret_live);
/* The newest.  -ENOENT there is none */
int ledger_get_assessment(struct ledger *ledger, const struct ledger_id *patient,
			  struct ledger_assessment *ret);

/* The newest body mass that is known of a patient, in g; 0 none is.  -ENOENT a file of version 1 */
int ledger_get_mass(struct ledger *ledger, const struct ledger_id *patient, uint32_t *ret);

/* ----------------------------------------------------------------- course */

struct ledger_course {
	int64_t number; /* its record's; set by reading */
	int64_t time_s; /* set by reading */
	struct ledger_id patient;
	uint32_t uid;                      /* the operator */
	uint32_t interval_d;               /* from one session to the next, 0 not said */
	uint32_t late_interval_d;          /* after POLICY_LATE_SESSIONS of them, 0 not said */
	uint32_t sessions;                 /* planned, 1 or more */
	char indication[FORMULARY_ID_MAX]; /* "hair-loss"; "" not said */
};

/**
 * ledger_add_course() - the newest is the patient's current one
 *
 * A session belongs to the course that is current when something is loaded in it;
 * if it has one it keeps it.
 *
 * Return: 0; -ENOENT no such patient; -EPERM no such operator; -EINVAL malformed.
 */
int ledger_add_course(struct ledger *ledger, int64_t now_s, const struct ledger_course *course,
		      int64_t *ret_number, bool *ret_live);
/* The patient's current one.  -ENOENT there is none */
int ledger_get_course(struct ledger *ledger, const struct ledger_id *patient,
		      struct ledger_course *ret);

/* ------------------------------------------------------------------- load */

/* One substance of a preparation (pg or uIU per nL) or of a dose (ng or mIU). */
struct ledger_substance {
	char id[FORMULARY_ID_MAX];
	enum formulary_unit unit;
	uint64_t amount; /* a concentration, or how much; 1 or more */
};

struct ledger_load {
	int64_t number; /* its record's */
	int64_t session;
	int64_t course; /* the record of the session's course; 0 none */
	char preparation[FORMULARY_ID_MAX];
	size_t n_components;
	struct ledger_substance components[FORMULARY_COMPONENTS];
	uint64_t cartridge; /* as the gun read it */
	uint8_t formulary[FORMULARY_HASH_LEN];
	int32_t day;
	uint32_t dead_nl; /* dead volume of syringe and needle */
};

/**
 * ledger_add_load() - a preparation is in the gun of this session
 * @preparation: index in @formulary, whose hash is recorded
 * @cartridge: what the gun reads
 * @ret: the load as recorded; may be NULL
 *
 * Reservations after it are of this preparation.  A session may load again.
 *
 * Return: 0; -ENOENT the session is not open; -EBUSY it has a reservation that is
 * not settled; -EINVAL no such preparation, or one without components.
 */
int ledger_add_load(struct ledger *ledger, const struct ledger_moment *now, int64_t session,
		    const struct formulary *formulary, size_t preparation, uint64_t cartridge,
		    uint32_t dead_nl, struct ledger_load *ret);
/* The session's newest.  -ENOENT nothing was loaded */
int ledger_get_load(struct ledger *ledger, int64_t session, struct ledger_load *ret);

/* ------------------------------------------------ doses by hand, elsewhere */

enum ledger_hand_kind {
	LEDGER_BY_HAND,   /* here, with a syringe in the hand: a numbing injection */
	LEDGER_ELSEWHERE, /* by somebody else, as far as is known */
};

struct ledger_hand_dose {
	int64_t number; /* its record's; set by reading */
	struct ledger_id patient;
	int64_t session; /* in which it was given, open or not; 0 outside of any */
	enum ledger_hand_kind kind;
	char preparation[FORMULARY_ID_MAX]; /* "" none that the formulary knows */
	size_t n_substances;                /* 1 or more */
	struct ledger_substance substances[FORMULARY_COMPONENTS]; /* how much of each */
	uint64_t volume_nl;                                       /* 0 not known */
	int64_t given_s;
	int32_t day;  /* calendar day of given_s */
	uint32_t uid; /* the operator who entered it */
};

/* Set preparation, volume_nl and the amounts of a volume of a preparation.  -EINVAL no such preparation */
int ledger_hand_dose_fill(struct ledger_hand_dose *dose, const struct formulary *formulary,
			  size_t preparation, uint64_t volume_nl);
/**
 * ledger_add_hand_dose() - it counts in full, from when it was given
 *
 * In a session it counts as the session's; outside of one as the patient's and as
 * the current course's.
 *
 * Return: 0; -ENOENT no such patient, or no such session of this patient; -EPERM no
 * such operator; -ERANGE given after now; -EINVAL malformed, no substance, one
 * twice, or given elsewhere in a session.
 */
int ledger_add_hand_dose(struct ledger *ledger, int64_t now_s, const struct ledger_hand_dose *dose,
			 int64_t *ret_number, bool *ret_live);
/**
 * ledger_correct_hand_dose() - it was entered wrongly
 * @number: which one
 * @dose: as it should have been, of the same patient; NULL: it was not given at all
 * @uid: the operator who corrects; @dose's is not looked at
 * @reason: recorded; no names of people
 * @ret_number: the number of the correction; may be NULL
 *
 * The record stays and counts no more; the correction does.
 *
 * Return: as above; -ENOENT no such dose; -EALREADY it was corrected already: correct
 * the correction; -EXDEV another patient's.
 */
int ledger_correct_hand_dose(struct ledger *ledger, int64_t now_s, int64_t number,
			     const struct ledger_hand_dose *dose, uint32_t uid, const char *reason,
			     int64_t *ret_number, bool *ret_live);
/* Is that number a dose of this patient that counts?  0; -ENOENT no such dose; -EXDEV another patient's; -EALREADY
 * it was corrected.  Who voids a dose asks this first: a void names no patient. */
int ledger_find_hand_dose(struct ledger *ledger, const struct ledger_id *patient, int64_t number);
/* Those that count, oldest record first.  A non-zero return ends the walk and is returned. */
int ledger_foreach_hand_dose(struct ledger *ledger, const struct ledger_id *patient,
			     int (*found)(const struct ledger_hand_dose *dose, void *userdata),
			     void *userdata);

/* --------------------------------------------------------------- reactions */

enum ledger_severity { LEDGER_MILD = 1, LEDGER_MODERATE, LEDGER_SEVERE };

/* Kinds of reactions, separated by one space. */
#define LEDGER_REACTIONS                                                    \
	"edema erythema bruising swelling itch pain hyperesthesia nodules " \
	"rash pigmentation nausea infection scar"

struct ledger_reaction {
	int64_t number; /* its record's; set by reading */
	int64_t time_s; /* set by reading */
	int64_t session;
	uint32_t uid; /* the operator */
	char kind[FORMULARY_ID_MAX];
	enum ledger_severity severity;
	char note[LEDGER_REASON_MAX]; /* no names of people; "" none */
};

/* To a session, open or long closed.  -ENOENT no such session; -EPERM no such operator; -EINVAL a kind that is
 * not in LEDGER_REACTIONS, malformed */
int ledger_add_reaction(struct ledger *ledger, int64_t now_s,
			const struct ledger_reaction *reaction, int64_t *ret_number);
int ledger_foreach_reaction(struct ledger *ledger, int64_t session,
			    int (*found)(const struct ledger_reaction *reaction, void *userdata),
			    void *userdata);

#endif /* MESOD_LEDGER_CLINIC_H */
