// SPDX-License-Identifier: GPL-2.0-only
/*
 * A clinical record is there whole, with what is derived from it, or not at all:
 * whoever dies and whatever fails at any single operation on the way.
 *
 * What is asked each time: what was acknowledged is there, what was not is there
 * whole or not at all, and the books balance.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "ledger_clinic_fixture.h"
#include "ledger_treatment.h"

static struct clinic c;
static struct ledger_reservation lease;
static struct meso_shot shots[2];
static int64_t dose;

static int assess(void)
{
	struct ledger_assessment a = bench_assessment(&c.b.patient);

	return ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL);
}

static int plan(void)
{
	struct ledger_course p = bench_course(&c.b.patient, 7);

	return ledger_add_course(c.b.ledger, T0, &p, NULL, NULL);
}

static int load(void)
{
	const struct ledger_moment now = moment(T0);

	return ledger_add_load(c.b.ledger, &now, c.b.session, &c.b.formulary, MIX, 101, 60000,
			       NULL);
}

static int give_by_hand(void)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 5000, 1000);

	return ledger_add_hand_dose(c.b.ledger, T0, &d, &dose, NULL);
}

static int correct(void)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 6000, 1000);

	return ledger_correct_hand_dose(c.b.ledger, T0, dose, &d, OPERATOR, "misread", &dose, NULL);
}

static int reserve(void)
{
	const struct ledger_moment now = moment(T0);
	struct ledger_order o = clinic_order(&c, FACE, 20000, 2);

	return ledger_reserve(c.b.ledger, &now, &c.b.basis, &o, &lease, c.b.verdicts);
}

static int settle(void)
{
	struct ledger_evidence e = evidence_of(&c.b.gun, lease.lease_id);

	return ledger_record(c.b.ledger, T0, SERIAL, shots, 2, &e, NULL);
}

static int take_back(void)
{
	return ledger_correct_hand_dose(c.b.ledger, T0, dose, NULL, OPERATOR, "not given", NULL,
					NULL);
}

static int react(void)
{
	struct ledger_reaction r = {
		.session = c.b.session, .uid = OPERATOR, .kind = "itch", .severity = LEDGER_MILD
	};

	return ledger_add_reaction(c.b.ledger, T0, &r, NULL);
}

/* Each is one transaction: so many records, so many amounts of substances, how much of lidocaine. */
static const struct {
	int (*run)(void);
	unsigned int records, amounts;
	uint64_t lidocaine_ng;
} steps[] = {
	{ assess, 1, 0, 0 },
	{ plan, 1, 0, 0 },
	{ give_by_hand, 1, 1, 5000 },
	{ load, 1, 1, 5000 },
	{ reserve, 2, 3, 5000 + 136653 }, /* 41,000 nL of 3,333 pg */
	{ correct, 1, 3, 6000 + 136653 },
	{ settle, 3, 3, 6000 + 133454 }, /* 40,040 nL */
	{ take_back, 1, 2, 133454 },
	{ react, 1, 2, 133454 },
};

#define STEPS ARRAY_LENGTH(steps)

/* A ledger with people, a gun and a session, closed: what each attempt begins with. */
static struct place start;
static uint64_t start_records;
static struct bench begun;

static void setup(void)
{
	fault_vfs_register();
	bench_start(&begun);
	start_records = chain_length(begun.ledger);
	begun.ledger = ledger_close(begun.ledger);
	start = begun.place;
	memset(&c, 0, sizeof(c));
}

static void teardown(void)
{
	fault_vfs_arm(FAULT_NONE, 0, false);
	place_remove(&start);
}

static void begin(const struct place *place)
{
	place_copy(&start, place);
	c.b = begun;
	c.b.place = *place;
	c.b.basis = (struct policy_basis){ .limits = &c.b.limits, .formulary = &c.b.formulary };
}

static int step(size_t i)
{
	int r = steps[i].run();

	if (r >= 0 && steps[i].run == reserve)
		for (size_t k = 0; k < 2; k++)
			shots[k] = gun_fires(&c.b.gun, lease.lease_id, 20000);
	return r;
}

static size_t run(int *ret_error, int acknowledge_fd)
{
	for (size_t i = 0; i < STEPS; i++) {
		*ret_error = step(i);
		if (*ret_error < 0)
			return i;
		if (acknowledge_fd >= 0)
			ck_assert_int_eq(write(acknowledge_fd, "+", 1), 1);
	}
	*ret_error = 0;
	return STEPS;
}

static uint64_t records_after(size_t done)
{
	uint64_t n = start_records;

	for (size_t i = 0; i < done; i++)
		n += steps[i].records;
	return n;
}

static int64_t ask(const char *sql)
{
	sqlite3_stmt *row;
	int64_t value;

	ck_assert_int_eq(sqlite3_prepare_v2(c.b.ledger->db, sql, -1, &row, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
	value = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return value;
}

static void judge(const struct place *place, size_t done, bool exact, const char *what,
		  unsigned int n)
{
	struct ledger_report report;
	uint64_t records;

	c.b.ledger = place_open(place);
	ck_assert_msg(ledger_get_state(c.b.ledger) == LEDGER_OK, "%s at %u: %s", what, n,
		      ledger_get_problem(c.b.ledger));
	ck_assert_int_eq(ledger_verify(c.b.ledger, &report), 0);
	ck_assert_msg(report.ok, "%s at %u: %s", what, n, report.problem);
	records = chain_length(c.b.ledger);
	if (!exact && done < STEPS && records == records_after(done + 1))
		done++;
	ck_assert_msg(records == records_after(done), "%s at %u: %zu steps, %u records", what, n,
		      done, (unsigned int)records);
	ck_assert_int_eq(ask("SELECT count(*) FROM dose"), done ? steps[done - 1].amounts : 0);
	ck_assert_int_eq(ask("SELECT coalesce(sum(amount), 0) FROM dose"
			     " WHERE substance = 'lidocaine'"),
			 done ? (int64_t)steps[done - 1].lidocaine_ng : 0);
	c.b.ledger = ledger_close(c.b.ledger);
}

static const struct {
	enum fault fault;
	const char *name;
} deaths[] = {
	{ FAULT_DIES, "killed" },
	{ FAULT_POWER, "power cut" },
	{ FAULT_POWER_SOME, "power cut, half of the cache written" },
	{ FAULT_POWER_TORN, "power cut in the middle of a write" },
};

/* The child's exit status. */
static int die_at(const struct place *place, enum fault fault, unsigned int n, size_t *ret_done)
{
	int ends[2], status;
	char mark;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int error;

		fault_vfs_arm(fault, n, false);
		c.b.ledger = place_open_vfs(place, FAULT_VFS);
		run(&error, ends[1]);
		ledger_close(c.b.ledger);
		_exit(error == 0 ? 0 : 1);
	}
	close(ends[1]);
	*ret_done = 0;
	while (read(ends[0], &mark, 1) == 1)
		(*ret_done)++;
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(who_dies_at_any_operation_leaves_each_record_whole_or_not_at_all)
{
	struct place place;
	unsigned int n;
	int status;

	place_make(&place);
	for (n = treatment_first(17);; n = treatment_next(n, 17)) {
		size_t done;

		begin(&place);
		status = die_at(&place, deaths[_i].fault, n, &done);
		ck_assert_msg(status == FAULT_EXIT || status == 0, "%s at %u: exit %d",
			      deaths[_i].name, n, status);
		judge(&place, done, false, deaths[_i].name, n);
		if (status == 0)
			break;
	}
	ck_assert_uint_gt(n, 50);
	place_remove(&place);
}
END_TEST

static const struct {
	enum fault fault;
	const char *name;
} disk_faults[] = {
	{ FAULT_IO, "EIO" },          { FAULT_FULL, "ENOSPC" },     { FAULT_SHORT, "short write" },
	{ FAULT_TORN, "torn write" }, { FAULT_READ_ONLY, "EROFS" },
};

START_TEST(a_failing_disk_leaves_each_record_whole_or_not_at_all)
{
	unsigned int n, failed = 0;
	struct place place;
	bool hit = true;

	place_make(&place);
	for (n = treatment_first(4); hit; n = treatment_next(n, 4)) {
		size_t done;
		int error;

		fault_vfs_arm(FAULT_NONE, 0, false);
		begin(&place);
		c.b.ledger = place_open_vfs(&place, FAULT_VFS);
		fault_vfs_arm(disk_faults[_i].fault, n, false);
		done = run(&error, -1);
		failed += error < 0;
		ck_assert_msg(error == 0 || error == -EIO || error == -ENOSPC, "error %d", error);
		ledger_close(c.b.ledger);
		hit = fault_vfs_hit();
		fault_vfs_arm(FAULT_NONE, 0, false);
		judge(&place, done, error == 0, disk_faults[_i].name, n);
		ck_assert_uint_lt(n, 2000);
	}
	ck_assert_uint_gt(failed, 0);
	place_remove(&place);
}
END_TEST

START_TEST(each_record_is_one_sync)
{
	struct place place;

	place_make(&place);
	fault_vfs_arm(FAULT_NONE, 0, false);
	begin(&place);
	c.b.ledger = place_open_vfs(&place, FAULT_VFS);
	/* The first one of an opening also begins the log. */
	ck_assert_int_eq(react(), 0);
	for (size_t i = 0; i < STEPS; i++) {
		fault_vfs_arm(FAULT_NONE, 0, false);
		ck_assert_int_eq(step(i), 0);
		ck_assert_uint_eq(fault_vfs_syncs(), 1);
	}
	ledger_close(c.b.ledger);
	place_remove(&place);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_clinic_fault");
	TCase *t = tcase_create("faults");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, who_dies_at_any_operation_leaves_each_record_whole_or_not_at_all, 0,
			    (int)ARRAY_LENGTH(deaths));
	tcase_add_loop_test(t, a_failing_disk_leaves_each_record_whole_or_not_at_all, 0,
			    (int)ARRAY_LENGTH(disk_faults));
	tcase_add_test(t, each_record_is_one_sync);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
