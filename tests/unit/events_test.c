// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event queue of one client: order, numbering, losses told in their place,
 * nothing lost by looking, room for the last record.
 */
#include <check.h>
#include <stdlib.h>

#include "meso_events.h"

#define DEPTH 8

static struct meso_events q;
static u64 gun_seq;

/* Padding included: what is meant is byte for byte. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size);
}

static void setup(void)
{
	gun_seq = 0;
	meso_events_init(&q, calloc(MESO_EVENTS_SLOTS(DEPTH), sizeof(union meso_event_any)), DEPTH);
	ck_assert_ptr_nonnull(q.slot);
}

static void teardown(void)
{
	free(q.slot);
}

/* The gun's events carry their number as value, so that a reader can be checked. */
static bool push(u32 type)
{
	struct meso_event event;

	gun_seq++;
	event = (struct meso_event){
		.type = type,
		.size = sizeof(event),
		.gun_seq = gun_seq,
		.timestamp_ns = 1000 + gun_seq,
		.value = { gun_seq },
	};

	return meso_events_push(&q, &event, 5000 + gun_seq);
}

static void push_many(unsigned int count)
{
	while (count--)
		push(MESO_EVENT_TRIGGER);
}

static union meso_event_any take(void)
{
	union meso_event_any record;

	memset(&record, 0, sizeof(record));
	ck_assert_uint_eq(meso_events_peek(&q, &record), record.head.size);
	ck_assert_uint_ne(record.head.size, 0);
	meso_events_drop(&q);
	return record;
}

static void assert_empty(void)
{
	union meso_event_any record;

	ck_assert(meso_events_empty(&q));
	ck_assert_uint_eq(meso_events_peek(&q, &record), 0);
}

START_TEST(records_come_in_order_and_numbered_from_one)
{
	unsigned int i;

	push_many(5);
	for (i = 1; i <= 5; i++) {
		union meso_event_any record = take();

		ck_assert_uint_eq(record.head.seq, i);
		ck_assert_uint_eq(record.head.gun_seq, i);
		ck_assert_uint_eq(record.head.value[0], i);
	}
	assert_empty();
}
END_TEST

START_TEST(looking_takes_nothing_away)
{
	union meso_event_any a, b;

	push_many(2);
	meso_events_peek(&q, &a);
	push_many(20);
	meso_events_peek(&q, &b);
	ck_assert(same_bytes(&a, &b, sizeof(struct meso_event)));
	ck_assert_uint_eq(take().head.seq, 1);
}
END_TEST

START_TEST(what_does_not_fit_is_counted_where_it_was_lost)
{
	union meso_event_any record;
	unsigned int i;

	push_many(DEPTH + 3);
	for (i = 1; i <= DEPTH; i++)
		ck_assert_uint_eq(take().head.seq, i);
	ck_assert(!meso_events_empty(&q));
	push_many(1);
	record = take();
	ck_assert_uint_eq(record.head.type, MESO_EVENT_OVERFLOW);
	ck_assert_uint_eq(record.head.value[0], 3);
	ck_assert_uint_eq(record.head.seq, DEPTH + 3 + 1);
	ck_assert_uint_eq(record.head.gun_seq, DEPTH + 3);
	record = take();
	ck_assert_uint_eq(record.head.gun_seq, DEPTH + 4);
	ck_assert_uint_eq(record.head.seq, DEPTH + 3 + 2);
	assert_empty();
}
END_TEST

START_TEST(a_loss_is_told_even_if_nothing_follows)
{
	unsigned int i;

	push_many(DEPTH + 2);
	for (i = 0; i < DEPTH; i++)
		take();
	ck_assert_uint_eq(take().head.type, MESO_EVENT_OVERFLOW);
	assert_empty();
}
END_TEST

START_TEST(every_number_is_accounted_for_whatever_the_reader_does)
{
	u64 seq = 0, lost = 0, got = 0;
	u32 random = 1;
	unsigned int i;

	for (i = 0; i < 100000; i++) {
		union meso_event_any record;

		random = random * 1103515245 + 12345;
		if (random >> 16 & 1) {
			push(MESO_EVENT_TRIGGER);
			ck_assert_uint_le(q.count, DEPTH);
			continue;
		}
		if (!meso_events_peek(&q, &record))
			continue;
		meso_events_drop(&q);
		if (record.head.type == MESO_EVENT_OVERFLOW) {
			lost += record.head.value[0];
			seq += record.head.value[0];
		} else {
			got++;
			ck_assert_uint_eq(record.head.gun_seq, got + lost);
		}
		ck_assert_uint_eq(record.head.seq, ++seq);
	}
	while (!meso_events_empty(&q)) {
		union meso_event_any record = take();

		if (record.head.type == MESO_EVENT_OVERFLOW)
			lost += record.head.value[0];
		else
			got++;
	}
	ck_assert_uint_eq(got + lost, gun_seq);
	ck_assert_uint_gt(lost, 0);
}
END_TEST

START_TEST(removed_always_fits_and_is_the_last)
{
	unsigned int i;

	push_many(DEPTH + 5);
	ck_assert(push(MESO_EVENT_REMOVED));
	ck_assert(!push(MESO_EVENT_REMOVED));
	for (i = 0; i < DEPTH; i++)
		ck_assert_uint_eq(take().head.type, MESO_EVENT_TRIGGER);
	ck_assert_uint_eq(take().head.type, MESO_EVENT_OVERFLOW);
	ck_assert_uint_eq(take().head.type, MESO_EVENT_REMOVED);
	assert_empty();
}
END_TEST

START_TEST(only_what_is_wanted_is_queued)
{
	struct meso_event_config config = { .mask = BIT(MESO_EVENT_SHOT) };

	meso_events_configure(&q, &config, NULL);
	ck_assert_uint_eq(config.mask, BIT(MESO_EVENT_SHOT) | BIT(MESO_EVENT_OVERFLOW) |
					       BIT(MESO_EVENT_REMOVED));
	ck_assert(!push(MESO_EVENT_TRIGGER));
	ck_assert(!push(MESO_EVENT_TYPES));
	ck_assert(push(MESO_EVENT_SHOT));
	ck_assert_uint_eq(take().head.type, MESO_EVENT_SHOT);
	assert_empty();
}
END_TEST

START_TEST(samples_come_only_when_asked_for)
{
	ck_assert(!push(MESO_EVENT_SAMPLE));
	assert_empty();
}
END_TEST

START_TEST(time_is_told_by_the_chosen_clock)
{
	struct meso_event_config config = {
		.mask = MESO_EVENT_DEFAULT_MASK,
		.clock = MESO_CLOCK_BOOTTIME,
	};

	push_many(1);
	ck_assert_uint_eq(take().head.timestamp_ns, 5001);
	meso_events_configure(&q, &config, NULL);
	push_many(1);
	ck_assert_uint_eq(take().head.timestamp_ns, 1002);
}
END_TEST

static void resize(u32 depth)
{
	struct meso_event_config config = { .mask = MESO_EVENT_DEFAULT_MASK, .depth = depth };

	free(meso_events_configure(&q, &config,
				   calloc(MESO_EVENTS_SLOTS(depth), sizeof(union meso_event_any))));
	ck_assert_uint_eq(config.depth, depth);
	ck_assert_uint_eq(q.depth, depth);
}

START_TEST(a_deeper_queue_keeps_what_was_queued)
{
	unsigned int i;

	push_many(DEPTH);
	take();
	resize(64);
	push_many(30);
	for (i = 2; i <= DEPTH + 30; i++)
		ck_assert_uint_eq(take().head.seq, i);
	assert_empty();
}
END_TEST

START_TEST(a_shallower_queue_counts_what_it_drops)
{
	unsigned int i;
	union meso_event_any record;

	resize(64);
	push_many(20);
	resize(DEPTH);
	for (i = 1; i <= DEPTH; i++)
		ck_assert_uint_eq(take().head.seq, i);
	record = take();
	ck_assert_uint_eq(record.head.type, MESO_EVENT_OVERFLOW);
	ck_assert_uint_eq(record.head.value[0], 20 - DEPTH);
	ck_assert_uint_eq(record.head.seq, 21);
	assert_empty();
}
END_TEST

START_TEST(a_shallower_queue_keeps_removed)
{
	unsigned int i;

	resize(64);
	push_many(20);
	push(MESO_EVENT_REMOVED);
	resize(DEPTH);
	for (i = 1; i <= DEPTH; i++)
		take();
	ck_assert_uint_eq(take().head.type, MESO_EVENT_OVERFLOW);
	ck_assert_uint_eq(take().head.type, MESO_EVENT_REMOVED);
	assert_empty();
}
END_TEST

START_TEST(another_depth_leaves_no_gap_where_nothing_was_lost)
{
	push_many(3);
	push(MESO_EVENT_REMOVED);
	resize(64);
	push_many(1);
	ck_assert_uint_eq(take().head.seq, 1);
	ck_assert_uint_eq(take().head.seq, 2);
	ck_assert_uint_eq(take().head.seq, 3);
	ck_assert_uint_eq(take().head.seq, 4);
}
END_TEST

START_TEST(a_configuration_that_cannot_be_is_refused)
{
	static const struct meso_event_config bad[] = {
		{ .mask = 0x200 },
		{ .clock = 2 },
		{ .depth = MESO_QUEUE_MIN - 1 },
		{ .depth = MESO_QUEUE_MAX + 1 },
		{ .reserved = 1 },
	};
	static const struct meso_event_config good[] = {
		{ .mask = MESO_EVENT_ALL_MASK },
		{ .mask = 0 },
		{ .depth = MESO_QUEUE_MIN },
		{ .depth = MESO_QUEUE_MAX, .clock = MESO_CLOCK_BOOTTIME },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(meso_event_config_check(&bad[i]), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(good); i++)
		ck_assert_int_eq(meso_event_config_check(&good[i]), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("events");
	TCase *c = tcase_create("queue");
	SRunner *runner;
	int failures;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, records_come_in_order_and_numbered_from_one);
	tcase_add_test(c, looking_takes_nothing_away);
	tcase_add_test(c, what_does_not_fit_is_counted_where_it_was_lost);
	tcase_add_test(c, a_loss_is_told_even_if_nothing_follows);
	tcase_add_test(c, every_number_is_accounted_for_whatever_the_reader_does);
	tcase_add_test(c, removed_always_fits_and_is_the_last);
	tcase_add_test(c, only_what_is_wanted_is_queued);
	tcase_add_test(c, samples_come_only_when_asked_for);
	tcase_add_test(c, time_is_told_by_the_chosen_clock);
	tcase_add_test(c, a_deeper_queue_keeps_what_was_queued);
	tcase_add_test(c, a_shallower_queue_counts_what_it_drops);
	tcase_add_test(c, a_shallower_queue_keeps_removed);
	tcase_add_test(c, another_depth_leaves_no_gap_where_nothing_was_lost);
	tcase_add_test(c, a_configuration_that_cannot_be_is_refused);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
