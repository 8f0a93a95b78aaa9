// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a foot pedal says and what of it may fire: every rule at its bounds, and
 * random sequences against rules that are written another way.
 */
#include <check.h>
#include <stdlib.h>

#include "pedal_judge.h"

#define MS       1000000ULL
#define DEBOUNCE (30 * MS)
#define START    (100000 * MS)

static struct pedal_judge judge;

/* Up since START, seen. */
static void setup(void)
{
	pedal_judge_init(&judge, DEBOUNCE);
	pedal_judge_seen(&judge, false, START);
}

static enum pedal_verdict key(int value, uint64_t time_ns)
{
	return pedal_judge_key(&judge, value, time_ns, time_ns, START);
}

START_TEST(a_press_fires_once_and_its_release_does_nothing)
{
	ck_assert_int_eq(key(1, START + 100 * MS), PEDAL_PRESS);
	ck_assert_int_eq(key(0, START + 200 * MS), PEDAL_NOTHING);
	ck_assert_int_eq(key(1, START + 300 * MS), PEDAL_PRESS);
	ck_assert_int_eq(key(0, START + 400 * MS), PEDAL_NOTHING);
}
END_TEST

START_TEST(a_key_that_repeats_is_no_press)
{
	ck_assert_int_eq(key(1, START + 100 * MS), PEDAL_PRESS);
	for (uint64_t ms = 350; ms < 2000; ms += 33)
		ck_assert_int_eq(key(2, START + ms * MS), PEDAL_NOTHING);
	ck_assert_int_eq(key(1, START + 2100 * MS), PEDAL_NOTHING);
}
END_TEST

START_TEST(a_repeat_whose_press_nobody_saw_is_a_pedal_that_is_held)
{
	ck_assert_int_eq(key(2, START + 100 * MS), PEDAL_NOTHING);
	ck_assert_int_eq(key(1, START + 200 * MS), PEDAL_NOTHING);
	key(0, START + 300 * MS);
	ck_assert_int_eq(key(1, START + 400 * MS), PEDAL_PRESS);
}
END_TEST

START_TEST(contact_bounce_of_a_press_and_of_a_release_fires_nothing)
{
	ck_assert_int_eq(key(1, START + 100 * MS), PEDAL_PRESS);
	key(0, START + 103 * MS);
	ck_assert_int_eq(key(1, START + 104 * MS), PEDAL_BOUNCE);
	key(0, START + 109 * MS);
	ck_assert_int_eq(key(1, START + 111 * MS), PEDAL_BOUNCE);
	key(0, START + 400 * MS);
	ck_assert_int_eq(key(1, START + 402 * MS), PEDAL_BOUNCE);
	key(0, START + 405 * MS);
	ck_assert_int_eq(key(1, START + 500 * MS), PEDAL_PRESS);
}
END_TEST

START_TEST(a_tap_shorter_than_the_debounce_time_is_seen_to_end)
{
	ck_assert_int_eq(key(1, START + 100 * MS), PEDAL_PRESS);
	key(0, START + 110 * MS);
	ck_assert_int_eq(key(1, START + 200 * MS), PEDAL_PRESS);
}
END_TEST

START_TEST(just_the_debounce_time_is_long_enough)
{
	key(1, START + 100 * MS);
	key(0, START + 200 * MS);
	ck_assert_int_eq(key(1, START + 200 * MS + DEBOUNCE - 1), PEDAL_BOUNCE);
	key(0, START + 300 * MS);
	ck_assert_int_eq(key(1, START + 300 * MS + DEBOUNCE), PEDAL_PRESS);
}
END_TEST

START_TEST(time_that_runs_backwards_is_a_bounce)
{
	key(1, START + 100 * MS);
	key(0, START + 200 * MS);
	ck_assert_int_eq(key(1, START + 150 * MS), PEDAL_BOUNCE);
	key(0, 0);
	ck_assert_int_eq(key(1, START + 300 * MS), PEDAL_PRESS);
}
END_TEST

START_TEST(a_press_older_than_50_ms_is_dropped_and_not_kept)
{
	const uint64_t time = START + 100 * MS;

	ck_assert_int_eq(pedal_judge_key(&judge, 1, time, time + PEDAL_STALE_NS, START),
			 PEDAL_PRESS);
	key(0, START + 200 * MS);
	ck_assert_int_eq(pedal_judge_key(&judge, 1, START + 300 * MS,
					 START + 300 * MS + PEDAL_STALE_NS + 1, START),
			 PEDAL_STALE);
	ck_assert_int_eq(key(2, START + 400 * MS), PEDAL_NOTHING);
	ck_assert_int_eq(key(1, START + 401 * MS), PEDAL_NOTHING);
	key(0, START + 500 * MS);
	ck_assert_int_eq(key(1, START + 600 * MS), PEDAL_PRESS);
}
END_TEST

START_TEST(a_press_from_the_future_is_dropped)
{
	ck_assert_int_eq(pedal_judge_key(&judge, 1, START + 100 * MS + 1, START + 100 * MS, START),
			 PEDAL_STALE);
}
END_TEST

START_TEST(without_a_lease_nothing_fires_nor_later)
{
	const uint64_t time = START + 100 * MS;

	ck_assert_int_eq(pedal_judge_key(&judge, 1, time, time, 0), PEDAL_NOT_ARMED);
	ck_assert_int_eq(key(2, time + 1 * MS), PEDAL_NOTHING);
	ck_assert_int_eq(key(1, time + 2 * MS), PEDAL_NOTHING);
}
END_TEST

START_TEST(a_press_from_before_the_lease_was_armed_is_dropped)
{
	const uint64_t time = START + 100 * MS;

	ck_assert_int_eq(pedal_judge_key(&judge, 1, time, time + 10 * MS, time + 1),
			 PEDAL_BEFORE_ARM);
	key(0, time + 100 * MS);
	ck_assert_int_eq(pedal_judge_key(&judge, 1, time + 200 * MS, time + 200 * MS,
					 time + 200 * MS),
			 PEDAL_PRESS);
}
END_TEST

START_TEST(a_pedal_that_is_held_when_the_gun_is_armed_must_be_let_go_first)
{
	const uint64_t armed = START + 200 * MS;

	ck_assert_int_eq(pedal_judge_key(&judge, 1, START + 100 * MS, START + 100 * MS, 0),
			 PEDAL_NOT_ARMED);
	ck_assert_int_eq(pedal_judge_key(&judge, 2, armed + 1, armed + 1, armed), PEDAL_NOTHING);
	ck_assert_int_eq(pedal_judge_key(&judge, 1, armed + 2, armed + 2, armed), PEDAL_NOTHING);
	key(0, armed + 100 * MS);
	ck_assert_int_eq(pedal_judge_key(&judge, 1, armed + 200 * MS, armed + 200 * MS, armed),
			 PEDAL_PRESS);
}
END_TEST

START_TEST(a_pedal_of_which_nothing_is_known_fires_only_after_a_release)
{
	pedal_judge_init(&judge, DEBOUNCE);
	ck_assert_int_eq(key(1, START + 100 * MS), PEDAL_UNSEEN);
	key(0, START + 200 * MS);
	ck_assert_int_eq(key(1, START + 300 * MS), PEDAL_PRESS);
}
END_TEST

START_TEST(a_pedal_that_is_plugged_in_held_fires_only_after_a_release)
{
	pedal_judge_init(&judge, DEBOUNCE);
	pedal_judge_seen(&judge, true, START);
	ck_assert_int_eq(key(1, START + 100 * MS), PEDAL_NOTHING);
	key(0, START + 200 * MS);
	ck_assert_int_eq(key(1, START + 300 * MS), PEDAL_PRESS);
}
END_TEST

START_TEST(lost_events_count_as_released_until_it_is_seen_released)
{
	ck_assert_int_eq(key(1, START + 100 * MS), PEDAL_PRESS);
	pedal_judge_lost(&judge);
	ck_assert_int_ne(judge.contact, PEDAL_DOWN);
	pedal_judge_seen(&judge, true, START + 200 * MS);
	ck_assert_int_eq(key(1, START + 300 * MS), PEDAL_NOTHING);
	key(0, START + 400 * MS);
	ck_assert_int_eq(key(1, START + 500 * MS), PEDAL_PRESS);
	/* Pressed among what was lost: no edge that anybody saw. */
	key(0, START + 600 * MS);
	pedal_judge_lost(&judge);
	ck_assert_int_eq(key(1, START + 700 * MS), PEDAL_UNSEEN);
}
END_TEST

START_TEST(after_lost_events_a_pedal_seen_up_is_debounced_from_then_on)
{
	pedal_judge_lost(&judge);
	pedal_judge_seen(&judge, false, START + 100 * MS);
	ck_assert_int_eq(key(1, START + 100 * MS + DEBOUNCE - 1), PEDAL_BOUNCE);
	pedal_judge_lost(&judge);
	pedal_judge_seen(&judge, false, START + 200 * MS);
	ck_assert_int_eq(key(1, START + 200 * MS + DEBOUNCE), PEDAL_PRESS);
}
END_TEST

START_TEST(held_for_more_than_10_s_is_stuck_and_told_once)
{
	const uint64_t time = START + 100 * MS;

	ck_assert(!pedal_judge_stuck(&judge, time + 2 * PEDAL_HELD_NS));
	key(1, time);
	ck_assert(!pedal_judge_stuck(&judge, time - 1));
	ck_assert(!pedal_judge_stuck(&judge, time + PEDAL_HELD_NS));
	ck_assert(pedal_judge_stuck(&judge, time + PEDAL_HELD_NS + 1));
	ck_assert(!pedal_judge_stuck(&judge, time + PEDAL_HELD_NS + 2));
	ck_assert_int_eq(key(1, time + PEDAL_HELD_NS + 3), PEDAL_NOTHING);
}
END_TEST

START_TEST(what_was_stuck_fires_again_after_it_was_let_go_and_can_be_stuck_again)
{
	const uint64_t again = START + 2 * PEDAL_HELD_NS;

	key(1, START + 100 * MS);
	ck_assert(pedal_judge_stuck(&judge, again - 200 * MS));
	key(0, again - 100 * MS);
	ck_assert(!pedal_judge_stuck(&judge, again));
	ck_assert_int_eq(key(1, again), PEDAL_PRESS);
	ck_assert(pedal_judge_stuck(&judge, again + PEDAL_HELD_NS + 1));
}
END_TEST

START_TEST(each_verdict_has_its_words)
{
	for (int v = PEDAL_NOTHING; v <= PEDAL_BEFORE_ARM; v++) {
		ck_assert_str_ne(pedal_verdict_text((enum pedal_verdict)v), "unknown");
		for (int w = PEDAL_NOTHING; w < v; w++)
			ck_assert_str_ne(pedal_verdict_text((enum pedal_verdict)v),
					 pedal_verdict_text((enum pedal_verdict)w));
	}
}
END_TEST

/* Half the time a millisecond or two, else up to 90. */
static uint64_t random_pause(unsigned int *seed)
{
	const unsigned int ms = (unsigned int)rand_r(seed);

	return (ms & 1 ? ms / 2 % 3 : ms / 2 % 90) * MS;
}

/* Of a random foot, cable and lease: whatever is taken for a press is an edge of its own, while armed, after a
 * release that was seen and long enough, and fresh; and each of those is one. */
START_TEST(of_any_sequence_only_true_presses_fire_and_every_true_press_does)
{
	unsigned int seed = (unsigned int)_i + 1;
	uint64_t time = START, armed = 0, up_since = 0, presses = 0, edges = 0;
	bool down = false, seen_up = false;

	pedal_judge_init(&judge, DEBOUNCE);
	for (int step = 0; step < 20000; step++) {
		const uint64_t now = (time += random_pause(&seed)) + random_pause(&seed);
		const int what = rand_r(&seed) % 16;

		if (what == 0) {
			armed = armed ? 0 : time;
		} else if (what == 1) {
			pedal_judge_lost(&judge);
			down = seen_up = false;
		} else if (what == 2) {
			const bool held = rand_r(&seed) & 1;

			if (!held)
				up_since = time;
			pedal_judge_seen(&judge, held, time);
			down = held;
			seen_up = !held;
		} else if (what < 9) {
			ck_assert_int_eq(pedal_judge_key(&judge, 0, time, now, armed),
					 PEDAL_NOTHING);
			if (down || !seen_up)
				up_since = time;
			down = false;
			seen_up = true;
		} else {
			const int value = what == 9 ? 2 : 1;
			const bool edge = !down && value == 1;
			const bool wanted = edge && seen_up && time - up_since >= DEBOUNCE &&
					    now - time <= 50 * MS && armed && time >= armed;

			ck_assert_int_eq(pedal_judge_key(&judge, value, time, now, armed) ==
						 PEDAL_PRESS,
					 wanted);
			presses += wanted;
			edges += edge;
			down = true;
		}
	}
	ck_assert_uint_gt(presses, 50);
	ck_assert_uint_lt(presses, edges);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pedal_judge");
	TCase *t = tcase_create("rules");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_press_fires_once_and_its_release_does_nothing);
	tcase_add_test(t, a_key_that_repeats_is_no_press);
	tcase_add_test(t, a_repeat_whose_press_nobody_saw_is_a_pedal_that_is_held);
	tcase_add_test(t, contact_bounce_of_a_press_and_of_a_release_fires_nothing);
	tcase_add_test(t, a_tap_shorter_than_the_debounce_time_is_seen_to_end);
	tcase_add_test(t, just_the_debounce_time_is_long_enough);
	tcase_add_test(t, time_that_runs_backwards_is_a_bounce);
	tcase_add_test(t, a_press_older_than_50_ms_is_dropped_and_not_kept);
	tcase_add_test(t, a_press_from_the_future_is_dropped);
	tcase_add_test(t, without_a_lease_nothing_fires_nor_later);
	tcase_add_test(t, a_press_from_before_the_lease_was_armed_is_dropped);
	tcase_add_test(t, a_pedal_that_is_held_when_the_gun_is_armed_must_be_let_go_first);
	tcase_add_test(t, a_pedal_of_which_nothing_is_known_fires_only_after_a_release);
	tcase_add_test(t, a_pedal_that_is_plugged_in_held_fires_only_after_a_release);
	tcase_add_test(t, lost_events_count_as_released_until_it_is_seen_released);
	tcase_add_test(t, after_lost_events_a_pedal_seen_up_is_debounced_from_then_on);
	tcase_add_test(t, held_for_more_than_10_s_is_stuck_and_told_once);
	tcase_add_test(t, what_was_stuck_fires_again_after_it_was_let_go_and_can_be_stuck_again);
	tcase_add_test(t, each_verdict_has_its_words);
	tcase_add_loop_test(t, of_any_sequence_only_true_presses_fire_and_every_true_press_does, 0,
			    16);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
