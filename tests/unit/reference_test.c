// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesod's policy, alone and behind its ledger, against a limiter that was written
 * a second time from SAFETY's table: over random histories they agree on every
 * verdict of every request.
 *
 * MESO_TEST_SEED=n plays that one history and prints it; MESO_TEST_HISTORIES=n plays so many
 * (the long tier: 100,000); otherwise some seconds' worth are played, from a fixed
 * seed and from one of the clock's.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "reference_ledger.h"

#define FIXED_SEED UINT64_C(20240229)

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* Shrinks what disagrees, prints it and fails. */
static void fail_with(uint64_t seed, const struct world_backend *backend, void *state)
{
	struct history history;
	struct world w = { .log = calloc(1, WORLD_LOG) };

	history_draw(&history, seed);
	history_shrink(&history, backend, state);
	history_play(&history, backend, state, &w);
	ck_abort_msg("MESO_TEST_SEED=%" PRIu64 " disagrees; of its steps these are enough:\n%s%s",
		     seed, w.log ? w.log : "", w.text);
}

struct score {
	uint64_t histories;
	uint64_t judged;
	uint64_t counts[3];
};

static void play_one(uint64_t seed, const struct world_backend *backend, void *state,
		     struct score *score, bool print)
{
	struct history history;
	struct world w = { .log = print ? calloc(1, WORLD_LOG) : NULL };
	bool agrees;

	history_draw(&history, seed);
	agrees = history_play(&history, backend, state, &w);
	score->histories++;
	score->judged += w.judged;
	for (size_t i = 0; i < 3; i++)
		score->counts[i] += w.counts[i];
	if (w.log) {
		printf("%s", w.log);
		fflush(stdout);
	}
	free(w.log);
	world_free(&w);
	if (!agrees)
		fail_with(seed, backend, state);
}

/* @ms: how long, if no number of histories is asked for */
static void play_many(const struct world_backend *backend, void *state, int64_t ms,
		      struct score *score)
{
	const uint64_t many = from_environment("MESO_TEST_HISTORIES", 0);
	const uint64_t one = from_environment("MESO_TEST_SEED", 0);
	const uint64_t random = (uint64_t)time(NULL) * 1000003;
	const int64_t start = now_ms();

	*score = (struct score){ 0 };
	if (one) {
		play_one(one, backend, state, score, true);
		return;
	}
	printf("random histories from %" PRIu64 " and from %" PRIu64 " on\n", FIXED_SEED, random);
	for (uint64_t i = 0; many ? i < many : now_ms() - start < ms; i++)
		play_one(i % 2 ? random + i : FIXED_SEED + i, backend, state, score, false);
	printf("%" PRIu64 " histories, %" PRIu64 " requests: %" PRIu64 " free, %" PRIu64
	       " soft, %" PRIu64 " hard\n",
	       score->histories, score->judged, score->counts[0], score->counts[1],
	       score->counts[2]);
	/* if hardly anything is granted nothing is compared */
	fflush(stdout);
	ck_assert_uint_gt(score->counts[0], score->histories / 4);
	ck_assert_uint_gt(score->counts[1], score->histories / 4);
	ck_assert_uint_gt(score->counts[2], score->histories / 4);
}

START_TEST(policy_agrees_with_the_reference_over_random_histories)
{
	struct score score;

	play_many(NULL, NULL, 4000, &score);
}
END_TEST

START_TEST(ledger_and_policy_agree_with_the_reference_over_random_histories)
{
	struct reference_ledger state;
	struct score score;

	reference_ledger_start(&state);
	play_many(&reference_ledger_backend, &state, 5000, &score);
	reference_ledger_stop(&state);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reference");
	TCase *t = tcase_create("reference");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, from_environment("MESO_TEST_HISTORIES", 0) ? 7200 : 110);
	tcase_add_test(t, policy_agrees_with_the_reference_over_random_histories);
	tcase_add_test(t, ledger_and_policy_agree_with_the_reference_over_random_histories);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
