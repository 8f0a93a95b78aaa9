// SPDX-License-Identifier: GPL-2.0-only
/*
 * See reference_world.h.  Here: how a history is drawn from a seed, and shrunk.
 */
#include "reference_world.h"

#include <string.h>

#define ANY        UINT32_MAX
#define SPAN_VISIT 6 /* of step_wait()'s spans */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* How often each step is drawn. */
static const struct {
	enum step_kind kind;
	uint32_t weight;
} weights[] = {
	{ STEP_WAIT, 14 }, { STEP_ASSESS, 9 },  { STEP_COURSE, 3 },    { STEP_OPEN, 8 },
	{ STEP_CLOSE, 5 }, { STEP_LOAD, 9 },    { STEP_REQUEST, 28 },  { STEP_SETTLE, 18 },
	{ STEP_HAND, 7 },  { STEP_CORRECT, 3 }, { STEP_ATTRIBUTE, 1 }, { STEP_CLOCK, 1 },
	{ STEP_CRASH, 1 },
};

static enum step_kind draw_kind(uint64_t *random)
{
	uint32_t total = 0, pick;

	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		total += weights[i].weight;
	pick = (uint32_t)(next_random(random) % total);
	for (size_t i = 0;; i++) {
		if (pick < weights[i].weight)
			return weights[i].kind;
		pick -= weights[i].weight;
	}
}

static void push(struct history *history, uint64_t *random, enum step_kind kind, uint32_t v0,
		 uint32_t v1)
{
	struct step *s = &history->steps[history->n];

	if (history->n == WORLD_STEPS)
		return;
	history->n++;
	s->kind = kind;
	for (size_t i = 0; i < 10; i++)
		s->v[i] = (uint32_t)next_random(random);
	/* whose and on which gun, where it is to be so */
	if (v0 != ANY)
		s->v[0] = v0;
	if (v1 != ANY)
		s->v[1] = v1;
}

/* As a clinic does it: so that more than refusals happens. */
static void push_visit(struct history *history, uint64_t *random, uint32_t patient, uint32_t gun)
{
	push(history, random, STEP_CLOSE, gun, ANY);
	push(history, random, STEP_WAIT, SPAN_VISIT, ANY);
	push(history, random, STEP_ASSESS, patient, ANY);
	push(history, random, STEP_OPEN, gun, patient);
	push(history, random, STEP_LOAD, gun, ANY);
	push(history, random, STEP_REQUEST, gun, ANY);
	push(history, random, STEP_SETTLE, gun, ANY);
	push(history, random, STEP_REQUEST, gun, ANY);
}

void history_draw(struct history *history, uint64_t seed)
{
	uint64_t random = seed;
	const size_t n = 8 + next_random(&random) % (64 - 8);

	*history = (struct history){ .seed = seed };
	if (seed % 4)
		push(history, &random, STEP_COURSE, 0, ANY);
	/* and some are the whole course of one patient */
	for (size_t i = 0; seed % 9 == 0 && i < 9; i++)
		push_visit(history, &random, 0, 0);
	while (history->n < n) {
		if (next_random(&random) % 12 == 0)
			push_visit(history, &random, next_random(&random) % WORLD_PATIENTS,
				   next_random(&random) % WORLD_GUNS);
		else
			push(history, &random, draw_kind(&random), ANY, ANY);
		if (history->n < 5)
			push_visit(history, &random, 0, 0);
	}
}

void history_shrink(struct history *history, const struct world_backend *backend, void *state)
{
	bool shrunk;

	do {
		shrunk = false;
		for (size_t i = history->n; i-- > 0;) {
			struct history shorter = *history;
			struct world w = { .log = NULL };

			memmove(&shorter.steps[i], &shorter.steps[i + 1],
				(shorter.n - i - 1) * sizeof(shorter.steps[0]));
			shorter.n--;
			if (!history_play(&shorter, backend, state, &w)) {
				*history = shorter;
				shrunk = true;
			}
			world_free(&w);
		}
	} while (shrunk);
}
