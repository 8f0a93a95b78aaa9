// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's part of time: what it accepts in a boot, its mark, and what an
 * administrator's confirmation changes.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault_vfs.h"
#include "ledger_fixture.h"
#include "ledger_internal.h"

#define DAY  INT64_C(86400)
#define YEAR (365 * DAY)
#define S    1000000000LL

static struct bench b;

static void setup(void)
{
	bench_start(&b);
}

static void teardown(void)
{
	bench_stop(&b);
}

/* Boot @boot began at @began by the wall clock as it is now, which says @now_s. */
static struct ledger_clock clock_of(uint8_t boot, int64_t began_s, int64_t now_s)
{
	struct ledger_clock c = { .wall_s = now_s,
				  .boottime_ns = (now_s - began_s) * S,
				  .offset_ns = began_s * S };

	memset(c.boot_id, boot, sizeof(c.boot_id));
	return c;
}

static struct ledger_clock_state accept(struct ledger_clock c)
{
	struct ledger_clock_state state;

	ck_assert_int_eq(ledger_accept_clock(b.ledger, &c, &state), 0);
	return state;
}

static struct ledger_clock_state confirm(struct ledger_clock c)
{
	struct ledger_clock_state state;

	ck_assert_int_eq(ledger_confirm_clock(b.ledger, &c, 0, "looked at the wall", &state), 0);
	return state;
}

START_TEST(a_boot_is_compared_with_what_was_accepted_first_in_it_and_recorded_once)
{
	struct ledger_clock_state state = accept(clock_of(1, T0 - 60, T0 + 10));

	ck_assert(state.accepted);
	ck_assert_int_eq(state.offset_ns, (T0 - 60) * S);
	ck_assert_int_eq(state.mark_s, T0 + 10);
	/* whatever the clock says later in that boot, before and after a start */
	for (int i = 0; i < 2; i++) {
		state = accept(clock_of(1, T0 - 60 + YEAR, T0 + YEAR));
		ck_assert(state.accepted);
		ck_assert_int_eq(state.offset_ns, (T0 - 60) * S);
		bench_reopen(&b);
	}
	ck_assert_uint_eq(count_records(b.ledger, "clock"), 1);
	state = accept(clock_of(2, T0 + 300, T0 + 400));
	ck_assert_int_eq(state.offset_ns, (T0 + 300) * S);
	ck_assert_uint_eq(count_records(b.ledger, "clock"), 2);
}
END_TEST

START_TEST(a_clock_behind_the_mark_is_not_accepted_but_for_the_tolerance)
{
	struct ledger_clock_state state;

	state = accept(clock_of(1, T0 - 600, T0 - 121));
	ck_assert(!state.accepted);
	ck_assert_int_eq(state.mark_s, T0);
	ck_assert_uint_eq(count_records(b.ledger, "clock"), 0);
	state = accept(clock_of(1, T0 - 600, T0 - 120));
	ck_assert(state.accepted);
	/* that it is a little behind does not lower the mark, now or after a start */
	ck_assert_int_eq(state.mark_s, T0);
	bench_reopen(&b);
	ck_assert_int_eq(ledger_clock_behind(b.ledger, T0 - 50), 50);
}
END_TEST

START_TEST(what_was_recorded_by_a_fast_clock_is_confirmed_away_and_then_it_reserves)
{
	struct ledger_reservation v;
	struct ledger_clock_state state;

	(void)accept(clock_of(1, T0 - 60, T0));
	ck_assert_int_eq(ledger_add_incident(b.ledger, T0 + YEAR, "test", NULL, NULL, "x", false),
			 0);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -ETIME);
	state = confirm(clock_of(1, T0 - 60, T0 + 5));
	ck_assert(state.accepted);
	ck_assert_int_eq(state.mark_s, T0 + 5);
	b.now_s = T0 + 5;
	bench_reopen(&b);
	/* only the mark of then is gone: from now on it rises as ever */
	ck_assert_int_eq(ledger_clock_behind(b.ledger, T0 + 5), 0);
	ck_assert_int_eq(ledger_clock_behind(b.ledger, T0 - 100), 105);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	b.now_s = T0 + 5 - 121;
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -ETIME);
}
END_TEST

static int look(const struct ledger_record *record, void *userdata)
{
	unsigned int *seen = userdata;

	if (strcmp(record->type, "clock") != 0)
		return 0;
	ck_assert_int_eq(record->time_s, T0 + 50);
	ck_assert_str_eq(record->fields[0].name, "confirmed");
	ck_assert_int_eq(record->fields[0].integer, 1);
	ck_assert_str_eq(record->fields[2].name, "wall_s");
	ck_assert_int_eq(record->fields[2].integer, T0 + 50);
	ck_assert_str_eq(record->fields[5].name, "mark_s");
	ck_assert_int_eq(record->fields[5].integer, T0 + 50);
	ck_assert_str_eq(record->fields[6].name, "before_s");
	ck_assert_int_eq(record->fields[6].integer, T0 + YEAR);
	ck_assert_str_eq(record->fields[7].name, "uid");
	ck_assert_int_eq(record->fields[7].integer, 77);
	ck_assert_str_eq(record->fields[8].text, "looked at the wall");
	(*seen)++;
	return 0;
}

START_TEST(a_confirmation_records_who_when_before_after_and_why)
{
	struct ledger_clock c = clock_of(1, T0, T0 + 50);
	struct ledger_clock_state state;
	unsigned int seen = 0;

	ck_assert_int_eq(ledger_add_incident(b.ledger, T0 + YEAR, "test", NULL, NULL, "x", false),
			 0);
	ck_assert_int_eq(ledger_confirm_clock(b.ledger, &c, 77, "", &state), -EINVAL);
	ck_assert_int_eq(ledger_confirm_clock(b.ledger, &c, 77, "a\nb", &state), -EINVAL);
	ck_assert_int_eq(ledger_confirm_clock(b.ledger, &c, 77, "looked at the wall", &state), 0);
	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, UINT32_MAX, look, &seen), 0);
	ck_assert_uint_eq(seen, 1);
}
END_TEST

static void treat_in_a_year(void)
{
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
	b.now_s = T0 + YEAR;
	bench_assess(&b);
	bench_open_session(&b);
	bench_treat(&b, 20000, 2);
}

START_TEST(a_dose_of_a_fast_clock_counts_from_the_confirmation_and_not_for_a_year)
{
	treat_in_a_year();
	b.now_s = T0 + 60;
	ck_assert_uint_eq(settled_of(&b), 2 * UINT64_C(20020));
	(void)confirm(clock_of(1, T0, T0 + 60));
	bench_reopen(&b);
	ck_assert_uint_eq(settled_of(&b), 2 * UINT64_C(20020));
	b.now_s = T0 + 60 + DAY - 1;
	ck_assert_uint_eq(settled_of(&b), 2 * UINT64_C(20020));
	b.now_s = T0 + 60 + DAY + 1;
	ck_assert_uint_eq(settled_of(&b), 0);
}
END_TEST

START_TEST(a_dose_of_a_clock_that_was_set_back_is_in_the_window_of_the_right_one)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shot;

	/* armed at the right time; the machine comes back in 1970 and settles */
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	b.gun.last_sequence = v.sequence;
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	e.log_read = _i == 0; /* and a release as well as an uncertain outcome */
	if (_i == 1) {
		e.log_read = true;
		e.gun.total_nl += 7;
	}
	ck_assert_int_eq(ledger_record(b.ledger, 1000, SERIAL, &shot, 1, &e, &s), 0);
	ck_assert_int_ne(s.outcome, LEDGER_NOT_SETTLED);
	b.now_s = T0 + 3600;
	ck_assert_uint_ge(settled_of(&b), 20020);
	ck_assert_uint_eq(outstanding_of(&b), 0);
}
END_TEST

START_TEST(a_confirmation_that_the_disk_refuses_changes_nothing)
{
	struct ledger_clock c = clock_of(1, T0, T0 + 60);
	struct ledger_clock_state state;
	bool hit;

	fault_vfs_register();
	treat_in_a_year();
	for (unsigned int n = 0;; n++) {
		int r;

		ledger_close(b.ledger);
		b.ledger = place_open_vfs(&b.place, FAULT_VFS);
		fault_vfs_arm(FAULT_FULL, n, true);
		r = ledger_confirm_clock(b.ledger, &c, 0, "x", &state);
		hit = fault_vfs_hit();
		fault_vfs_arm(FAULT_NONE, 0, false);
		if (!hit)
			break;
		ck_assert_int_eq(r, -ENOSPC);
		ck_assert_int_eq(ledger_clock_behind(b.ledger, T0 + 60), YEAR - 60);
		ck_assert_uint_lt(n, 100);
	}
	ck_assert_int_eq(ledger_clock_behind(b.ledger, T0 + 60), 0);
	ledger_close(b.ledger);
	b.ledger = place_open(&b.place);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_clock");
	TCase *t = tcase_create("clock");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_boot_is_compared_with_what_was_accepted_first_in_it_and_recorded_once);
	tcase_add_test(t, a_clock_behind_the_mark_is_not_accepted_but_for_the_tolerance);
	tcase_add_test(t, what_was_recorded_by_a_fast_clock_is_confirmed_away_and_then_it_reserves);
	tcase_add_test(t, a_confirmation_records_who_when_before_after_and_why);
	tcase_add_test(t, a_dose_of_a_fast_clock_counts_from_the_confirmation_and_not_for_a_year);
	tcase_add_loop_test(
		t, a_dose_of_a_clock_that_was_set_back_is_in_the_window_of_the_right_one, 0, 2);
	tcase_add_test(t, a_confirmation_that_the_disk_refuses_changes_nothing);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
