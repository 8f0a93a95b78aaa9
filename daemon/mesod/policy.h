/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * May this dose be given?  A pure function of the limits, the patient's history
 * and the request; the only place where that question is answered.
 *
 * Owns the table of rules and the wording of verdicts.  Never does I/O, reads a
 * clock, allocates, or keeps state: the ledger calls it inside the transaction
 * that reserves, and `Check` calls it for an answer without consequence, so both
 * get the same one.
 *
 * Every rule runs every time and every verdict is reported, worst first.  A sum
 * that does not fit counts as the largest number there is, which refuses.
 */
#ifndef MESOD_POLICY_H
#define MESOD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dose_limits.h"
#include "formulary.h"

#define POLICY_RULES    41                             /* rows in the table; one verdict each */
#define POLICY_ID_MAX   20                             /* of a rule, with NUL */
#define POLICY_IDS_MAX  (POLICY_RULES * POLICY_ID_MAX) /* all ids, separated by spaces */
#define POLICY_TEXT_MAX 480
#define POLICY_WINDOW_S ((int64_t)24 * 60 * 60)
#define POLICY_NEVER    ((int64_t)-1) /* policy_verdict.when: no passing of time helps */

enum policy_severity {
	POLICY_OK,
	POLICY_SOFT, /* a reason and an identity override it, this once */
	POLICY_HARD, /* nothing at the bedside does */
};

/* Conditions of a patient that mesod itself knows: tokens of an assessment.  The first three refuse, the last
 * asks for a reason.  A formulary may know more (formulary_substance.conditions). */
#define POLICY_PREGNANCY     "pregnancy"
#define POLICY_BREASTFEEDING "breastfeeding"
#define POLICY_INFECTION     "infection" /* at the site */
#define POLICY_NSAID         "nsaid"     /* aspirin or NSAID within 7 days */
#define POLICY_CONDITIONS    "pregnancy breastfeeding infection nsaid"

#define POLICY_ASSESSMENT_S  ((int64_t)24 * 60 * 60) /* how long an assessment is good for */
#define POLICY_FAULT_STOPS_S ((int64_t)10 * 60)
#define POLICY_ADULT_YEARS   18
#define POLICY_LATE_SESSIONS 6 /* after so many of a course the longer interval counts */
#define POLICY_NO_DAY        INT32_MIN

/* What a verdict is reached by. */
struct policy_basis {
	const struct limits *limits;
	const struct formulary *formulary;
};

/* Something given that counts against the patient, and since when. */
struct policy_dose {
	int64_t when_s;  /* wall clock; it leaves the window POLICY_WINDOW_S later */
	uint64_t amount; /* nL, ng or mIU */
};

/* Of one substance, by every path: leases, doses given by hand or elsewhere, attributed shots. */
struct policy_substance {
	uint64_t session;                /* settled and outstanding in this session, base units */
	uint64_t course;                 /* of this course, this session included */
	uint64_t outstanding;            /* the patient's unsettled reservations */
	const struct policy_dose *doses; /* settled, oldest first; some may have left the window */
	size_t n_doses;
	int32_t last_day; /* newest calendar day it was given on, outside this session; POLICY_NO_DAY never */
	uint32_t sessions; /* of this course with it, without this one */
};

/*
 * What is already so.  Every amount is settled + outstanding: a reservation
 * counts in full, overshoot included, until evidence has settled it.
 *
 * A calendar day is the number of days from 1970-01-01 to a local date.
 */
struct policy_history {
	int64_t now_s;
	int32_t today;      /* calendar day */
	int64_t midnight_s; /* unix seconds at which today began */
	bool has_session;   /* the request is made in an open session */
	int64_t session_opened_s;
	uint8_t session_patient[16]; /* whose it is */
	bool patient_elsewhere;      /* the patient has an open session other than this one */
	bool gun_elsewhere;          /* the gun has an open session other than this one */
	uint64_t session_nl;         /* spent in this session */
	uint64_t area_nl;            /* of it, into the area that the request names */
	uint64_t primed_nl;          /* primed with this syringe, asked volumes, credited or not */
	uint32_t fault_stops; /* leases of this gun ended by a fault in POLICY_FAULT_STOPS_S */
	uint64_t
		outstanding_nl; /* the patient's unsettled reservations: in no window, so never out of it */
	const struct policy_dose *doses; /* the patient's settled volumes, oldest first */
	size_t n_doses;                  /* those that have left the window may be among them */
	struct policy_substance substances[FORMULARY_SUBSTANCES]; /* as in the formulary */
	bool unknown_substance; /* something in these windows is not in the formulary any more */

	/* the patient */
	int32_t birth_day;   /* POLICY_NO_DAY unknown: erased */
	uint32_t mass_g;     /* newest, 0 unknown */
	bool operator_valid; /* registered, and the licence has not expired */

	/* the newest assessment */
	bool assessed;
	int64_t assessed_s;
	bool consent;
	bool elsewhere_asked;                 /* treatment elsewhere was asked about, and entered */
	char allergies[FORMULARY_TOKENS_MAX]; /* groups and substances */
	char conditions[FORMULARY_TOKENS_MAX];

	/* the course that this session belongs to */
	bool has_course;
	uint32_t course_sessions; /* with this one */
	uint32_t plan_interval_d; /* 0: the plan says nothing */
	bool plan_late;           /* the plan says the interval after the sixth session, too */
	int32_t last_session_day; /* newest session other than this one in which anything was given */
	int32_t previous_course_day; /* last day of the course before; POLICY_NO_DAY none */
};

/* What the gun can do; all zero without has_gun, as for a Check that names none. */
struct policy_gun {
	uint32_t dose_min_nl;
	uint32_t dose_max_nl;
	uint32_t dose_step_nl;
	uint32_t lease_max_nl;
	uint32_t lease_max_shots; /* free slots of journal and log considered */
	uint32_t depth_max_um;
	uint32_t rate_max_mhz;
	uint32_t reservoir_nl;
	uint64_t cartridge; /* what it reads now, 0 none */
};

struct policy_request {
	uint8_t patient[16];
	uint32_t kind;    /* MESO_KIND_* */
	uint32_t mode;    /* MESO_MODE_*; the rate counts in repeat mode only */
	uint32_t dose_nl; /* per shot, all needles together */
	uint32_t shots;
	uint32_t depth_um;
	uint32_t rate_mhz;
	uint32_t needles;      /* the shot's volume is judged per needle */
	uint32_t overshoot_nl; /* the most the gun can deliver beyond the lease */
	uint32_t expiry_s;     /* how long the lease may last */
	size_t preparation;    /* index in the formulary, FORMULARY_UNKNOWN */
	size_t area;           /* index, FORMULARY_UNKNOWN */
	uint32_t area_mm2;     /* as entered, 0: the area's own */
	bool has_gun;
	struct policy_gun gun;
};

struct policy_verdict {
	const char *rule; /* stable id, "shot-volume"; static */
	enum policy_severity severity;
	const char *unit;    /* of the numbers: "nL", "um", "mHz", "ng", "mIU", "s", "d", "years",
			      * "ppm", "shots", "sessions", "stops", "" none; static */
	const char *what;    /* substance that the verdict is about, or ""; the formulary's */
	uint64_t limit;      /* hard bound; UINT64_MAX there is none */
	uint64_t soft_limit; /* equal to limit when there is no softer one */
	uint64_t spent;      /* of it, settled and outstanding */
	uint64_t asked;      /* on top, overshoot included where a volume is summed up */
	uint64_t allowed; /* the most that `asked` may be now without passing the hard bound; of a
			      * bound from below (days, years, depth of an area) the least */
	int64_t when;     /* unix seconds at which `asked` comes below the bound it passes; 0 now.
			      * Calendar days count 24 h each: a change to or from summer time in
			      * between moves it by that hour; the sentence names the day.  Of
			      * fault stops it is the latest moment. */
	char text[POLICY_TEXT_MAX]; /* a sentence that a clinician can read */
};

/* dose times shots: what a lease for this request may deliver.  Saturates. */
uint64_t policy_volume_nl(const struct policy_request *request);
/* The same and the overshoot: what has to be reserved.  Saturates. */
uint64_t policy_reserve_nl(const struct policy_request *request);

/**
 * policy_check() - run all rules
 * @ret_verdicts: one per rule, worst first, then in the table's order
 * Return: the worst severity.
 */
enum policy_severity policy_check(const struct policy_basis *basis,
				  const struct policy_history *history,
				  const struct policy_request *request,
				  struct policy_verdict ret_verdicts[POLICY_RULES]);

/* "ok", "soft", "hard" */
const char *policy_severity_name(enum policy_severity severity);

#endif /* MESOD_POLICY_H */
