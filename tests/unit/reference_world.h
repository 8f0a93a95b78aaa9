/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random histories of a small clinic: two patients, two guns, a formulary with
 * one of each sort of substance.
 *
 * Owns how a history is drawn from a seed, played, compared, shrunk and printed.
 * A history is a list of steps; a step that makes no sense when it is played (a shot
 * without a lease) does nothing, so that steps can be dropped.  Never knows what
 * is right: the reference limiter does.
 */
#ifndef TEST_REFERENCE_WORLD_H
#define TEST_REFERENCE_WORLD_H

#include "reference_history.h"

#define WORLD_PATIENTS 2
#define WORLD_GUNS     2
#define WORLD_STEPS    110
#define WORLD_TEXT     512
#define WORLD_LOG      65536

enum step_kind {
	STEP_WAIT,
	STEP_ASSESS,
	STEP_COURSE,
	STEP_OPEN,
	STEP_CLOSE,
	STEP_LOAD,
	STEP_REQUEST,
	STEP_SETTLE,
	STEP_HAND,
	STEP_CORRECT,
	STEP_ATTRIBUTE,
	STEP_CLOCK,
	STEP_CRASH,
	STEPS
};

/* All that is random about a step; what it means is read from it when it is played. */
struct step {
	enum step_kind kind;
	uint32_t v[10];
};

struct history {
	uint64_t seed;
	size_t n;
	struct step steps[WORLD_STEPS];
};

struct world_gun {
	uint64_t session; /* open; 0 none */
	size_t patient;
	size_t preparation; /* loaded; REF_NOTHING */
	uint64_t lease;     /* not settled; 0 none */
	uint64_t lease_nl, overshoot_nl;
	uint32_t dose_nl, shots;
	bool prime;
	int64_t lease_s;
};

struct world {
	const struct history *history;
	const struct world_backend *backend; /* NULL: policy alone */
	void *state;                         /* the backend's */
	struct limits limits;
	const struct formulary *formulary;
	struct ref ref;
	int64_t now_s;
	int64_t mark_s; /* the newest time of what was recorded, or what was confirmed since */
	struct world_gun guns[WORLD_GUNS];
	uint64_t last;         /* number given: to sessions, courses, leases, doses */
	size_t judged;         /* requests compared */
	size_t counts[3];      /* and how severe they were */
	char text[WORLD_TEXT]; /* what disagrees; "" nothing */
	char *log;             /* WORLD_LOG bytes for what was played, or NULL */
};

/*
 * What a ledger does with a step, after the world has told the reference.  Each
 * returns false with world->text filled if it did something else than it should.
 * A number is the world's; the backend remembers its own for it.
 */
struct world_backend {
	bool (*begin)(struct world *w, const int32_t birth_days[WORLD_PATIENTS]);
	bool (*assess)(struct world *w, size_t patient, const struct ref_event *e, uint32_t mass_g);
	bool (*course)(struct world *w, size_t patient, const struct ref_event *e);
	bool (*open)(struct world *w, size_t gun, uint64_t session);
	bool (*close)(struct world *w, size_t gun);
	bool (*load)(struct world *w, size_t gun, uint64_t cartridge);
	/* @reserve: false asks only.  The verdicts, and what was granted. */
	bool (*judge)(struct world *w, size_t gun, const struct ref_question *q, bool reserve,
		      bool reason, struct policy_verdict verdicts[POLICY_RULES], bool *ret_granted);
	/* @ret_nl: what counts from now on */
	/* @nl, @since_s: what counts from now on, and since when; not for what is not @ret_settled */
	bool (*settle)(struct world *w, size_t gun, const uint32_t how[], uint64_t *ret_nl,
		       bool *ret_settled, bool *ret_fault, int64_t *ret_since_s);
	bool (*hand)(struct world *w, const struct ref_event *e);
	bool (*attribute)(struct world *w, size_t patient, const uint32_t how[],
			  struct ref_event *e);
	/* An administrator says that world->now_s is right. */
	bool (*confirm)(struct world *w);
	bool (*crash)(struct world *w);
	void (*end)(struct world *w);
};

/* Draws a history. */
void history_draw(struct history *history, uint64_t seed);
/* Plays it; false: it disagrees, and w->text says how.  w->log is kept.  world_free() frees. */
bool history_play(const struct history *history, const struct world_backend *backend, void *state,
		  struct world *w);
/* Drops steps for as long as it still disagrees. */
void history_shrink(struct history *history, const struct world_backend *backend, void *state);
void world_free(struct world *w);

/* Says what disagrees; returns false. */
bool world_disagree(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
const struct formulary *world_formulary(void);
/* Some of them nearer than they are in a clinic. */
void world_limits(struct limits *ret, uint64_t seed);

#endif /* TEST_REFERENCE_WORLD_H */
