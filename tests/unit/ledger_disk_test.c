// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk fails or is full at every single operation of a treatment, one after
 * the other, until there is none left.
 *
 * What is asked each time: what was acknowledged is there, what was not is there
 * whole or not at all, and the books balance.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "fault_vfs.h"
#include "ledger_treatment.h"

static const struct {
	enum fault fault;
	bool for_ever;
	const char *name;
} disk_faults[] = {
	{ FAULT_IO, false, "EIO once" },
	{ FAULT_IO, true, "EIO for ever" },
	{ FAULT_FULL, false, "ENOSPC once" },
	{ FAULT_FULL, true, "ENOSPC for ever" },
	{ FAULT_SHORT, false, "short write once" },
	{ FAULT_SHORT, true, "short writes for ever" },
	{ FAULT_TORN, false, "torn write once" },
	{ FAULT_TORN, true, "torn writes for ever" },
	{ FAULT_READ_ONLY, false, "EROFS once" },
	{ FAULT_READ_ONLY, true, "EROFS for ever" },
};

#define DISK_FAULTS ((int)(sizeof(disk_faults) / sizeof(disk_faults[0])))

/* One that stays is met again and again: fewer beginnings of it tell as much. */
static unsigned int next_operation(unsigned int n, bool for_ever)
{
	return treatment_next(n, for_ever ? 29 : 9);
}

START_TEST(a_failing_disk_loses_nothing_acknowledged_and_leaves_nothing_half)
{
	struct place place, empty;
	unsigned int n, failed = 0;
	struct treatment t;

	fault_vfs_register();
	place_make(&empty);
	ledger_close(place_open(&empty));
	for (n = 0;; n = next_operation(n, disk_faults[_i].for_ever)) {
		size_t acknowledged;
		int error;
		bool hit;

		place_make(&place);
		place_copy(&empty, &place);
		fault_vfs_arm(FAULT_NONE, 0, false);
		treatment_prepare(&t, &place);
		t.b.ledger = place_open_vfs(&place, FAULT_VFS);
		fault_vfs_arm(disk_faults[_i].fault, n, disk_faults[_i].for_ever);
		acknowledged = treatment_run(&t, &error, NULL);
		failed += error < 0;
		ck_assert_msg(error == 0 || error == -EIO || error == -ENOSPC, "error %d", error);
		if (error == -EIO) {
			/* What was in doubt is not built upon. */
			ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_FAILED);
			ck_assert_int_eq(add_operator(t.b.ledger, 7), -EIO);
		} else if (error == -ENOSPC) {
			ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_FULL);
		}
		ledger_close(t.b.ledger);
		hit = fault_vfs_hit();
		fault_vfs_arm(FAULT_NONE, 0, false);
		treatment_judge(&place, acknowledged, error == 0, disk_faults[_i].name, n);
		place_remove(&place);
		if (!hit)
			break;
		ck_assert_uint_lt(n, 2000);
	}
	ck_assert_uint_gt(failed, 0);
	place_remove(&empty);
}
END_TEST

START_TEST(a_disk_that_has_room_again_is_used_again)
{
	struct treatment t;
	struct place place;
	int error;

	fault_vfs_register();
	place_make(&place);
	treatment_prepare(&t, &place);
	fault_vfs_arm(FAULT_NONE, 0, false);
	t.b.ledger = place_open_vfs(&place, FAULT_VFS);
	fault_vfs_arm(FAULT_FULL, 0, true);
	ck_assert_uint_eq(treatment_run(&t, &error, NULL), 0);
	ck_assert_int_eq(error, -ENOSPC);
	ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_FULL);
	fault_vfs_arm(FAULT_NONE, 0, false);
	ck_assert_uint_eq(treatment_run(&t, &error, NULL), TREATMENT_STEPS);
	ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_OK);
	ledger_close(t.b.ledger);
	treatment_judge(&place, TREATMENT_STEPS, true, "room again", 0);
	place_remove(&place);
}
END_TEST

START_TEST(a_ledger_whose_opening_fails_is_not_used_and_is_whole_afterwards)
{
	unsigned int n, bad = 0;
	struct treatment t;
	struct place place;
	int error;

	fault_vfs_register();
	for (n = 0;; n = next_operation(n, disk_faults[_i].for_ever)) {
		struct ledger *l;
		bool hit;

		place_make(&place);
		treatment_prepare(&t, &place);
		fault_vfs_arm(disk_faults[_i].fault, n, disk_faults[_i].for_ever);
		l = place_open_vfs(&place, FAULT_VFS);
		hit = fault_vfs_hit();
		if (ledger_get_state(l) == LEDGER_FULL) {
			/* only the ballast is missing */
			bad++;
			ck_assert_int_eq(ledger_look_for_room(l),
					 disk_faults[_i].for_ever ? -ENOSPC : 0);
		} else if (ledger_get_state(l) != LEDGER_OK) {
			bad++;
			ck_assert_int_lt(add_operator(l, 7), 0);
		}
		fault_vfs_arm(FAULT_NONE, 0, false);
		ledger_close(l);
		/* nobody was told of anything yet: the next one may begin anew */
		t.b.ledger = place_open(&place);
		ck_assert_msg(treatment_run(&t, &error, NULL) == TREATMENT_STEPS,
			      "%s at %u: %d, %s", disk_faults[_i].name, n, error,
			      ledger_get_problem(t.b.ledger));
		ledger_close(t.b.ledger);
		treatment_judge(&place, TREATMENT_STEPS, true, disk_faults[_i].name, n);
		place_remove(&place);
		if (!hit)
			break;
	}
	ck_assert_uint_gt(bad, 0);
}
END_TEST

START_TEST(each_step_is_one_sync)
{
	struct treatment t;
	struct place place;

	fault_vfs_register();
	place_make(&place);
	treatment_prepare(&t, &place);
	fault_vfs_arm(FAULT_NONE, 0, false);
	t.b.ledger = place_open_vfs(&place, FAULT_VFS);
	for (size_t i = 0; i < TREATMENT_STEPS; i++) {
		fault_vfs_arm(FAULT_NONE, 0, false);
		ck_assert_int_eq(treatment_step(&t, i), 0);
		ck_assert_uint_eq(fault_vfs_syncs(), 1);
	}
	/* and what is told again is none */
	fault_vfs_arm(FAULT_NONE, 0, false);
	ck_assert_int_eq(treatment_repeat(&t), 0);
	ck_assert_uint_eq(fault_vfs_count(), 0);
	ledger_close(t.b.ledger);
	place_remove(&place);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_disk");
	TCase *t = tcase_create("disk");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, a_failing_disk_loses_nothing_acknowledged_and_leaves_nothing_half, 0,
			    DISK_FAULTS);
	tcase_add_test(t, a_disk_that_has_room_again_is_used_again);
	tcase_add_loop_test(t, a_ledger_whose_opening_fails_is_not_used_and_is_whole_afterwards, 0,
			    DISK_FAULTS);
	tcase_add_test(t, each_step_is_one_sync);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
