// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk fails, the process dies, the power goes, memory runs out: at every
 * single operation of a treatment, one after the other, until there is none left.
 *
 * What is asked each time: what was acknowledged is there, what was not is there
 * whole or not at all, and the books balance.
 */
#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "ledger_fixture.h"

/* ------------------------------------------------ a treatment, step by step */

struct treatment {
	struct bench b;
	struct ledger_reservation v;
	struct meso_shot shots[4];
};

static int step_operator(struct treatment *t)
{
	return add_operator(t->b.ledger, OPERATOR);
}

static int step_patient(struct treatment *t)
{
	return add_patient(t->b.ledger, "P-1", &t->b.patient);
}

static int step_gun(struct treatment *t)
{
	return ledger_see_gun(t->b.ledger, T0, &t->b.gun, NULL);
}

static int step_session(struct treatment *t)
{
	return ledger_open_session(t->b.ledger, T0, "2027-01-15", &t->b.patient, SERIAL, OPERATOR,
				   &t->b.session);
}

static int step_reserve(struct treatment *t)
{
	return bench_reserve(&t->b, 20000, 4, &t->v);
}

static int step_shot(struct treatment *t)
{
	return ledger_record(t->b.ledger, T0, SERIAL, t->shots, 1, NULL, NULL);
}

static int step_settle(struct treatment *t)
{
	struct ledger_evidence e = evidence_of(&t->b.gun, t->v.lease_id);
	struct ledger_settlement s;
	int r;

	r = ledger_record(t->b.ledger, T0, SERIAL, t->shots, 4, &e, &s);
	ck_assert(r < 0 || s.outcome == LEDGER_RELEASED);
	return r;
}

static int step_incident(struct treatment *t)
{
	return ledger_add_incident(t->b.ledger, T0, "test", SERIAL, t->v.lease_id, "nothing happened", true);
}

static int step_close(struct treatment *t)
{
	return ledger_close_session(t->b.ledger, T0, t->b.session, "done");
}

/* Each step is one transaction, and so many records. */
static const struct {
	int (*run)(struct treatment *t);
	unsigned int records;
} steps[] = {
	{ step_operator, 1 }, { step_patient, 1 }, { step_gun, 1 }, { step_session, 1 },
	{ step_reserve, 1 }, { step_shot, 1 }, { step_settle, 4 }, { step_incident, 2 }, { step_close, 1 },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* How long the chain is after so many steps: the ledger's own record comes first. */
static unsigned int records_after(size_t n)
{
	unsigned int records = 1;

	for (size_t i = 0; i < n; i++)
		records += steps[i].records;
	return records;
}

static void prepare(struct treatment *t, const struct place *place)
{
	memset(t, 0, sizeof(*t));
	t->b.place = *place;
	t->b.now_s = T0;
	t->b.gun = (struct ledger_gun){ .serial = SERIAL, .epoch = EPOCH, .boot_id = BOOT, .shot_count = 40,
					.total_nl = 800000 };
	limits_default(&t->b.limits);
}

/* What the gun does between reservation and report. */
static void fire(struct treatment *t)
{
	for (size_t i = 0; i < 4; i++)
		t->shots[i] = gun_fires(&t->b.gun, t->v.lease_id, 20000);
}

/* Does steps until one fails; returns how many were acknowledged. */
static size_t run(struct treatment *t, int *ret_error, void (*acknowledged)(void))
{
	for (size_t i = 0; i < STEPS; i++) {
		*ret_error = steps[i].run(t);
		if (*ret_error < 0)
			return i;
		if (acknowledged)
			acknowledged();
		if (steps[i].run == step_reserve)
			fire(t);
	}
	*ret_error = 0;
	return STEPS;
}

/* The judge.  @exact: the step that failed must not be there; otherwise it is there whole or not. */
static void judge(const struct place *place, size_t acknowledged, bool exact, const char *what, unsigned int n)
{
	struct ledger *l = place_open(place);
	struct ledger_report report;
	uint64_t length;

	ck_assert_msg(ledger_get_state(l) == LEDGER_OK, "%s at %u: %s: %s", what, n,
		      ledger_state_name(ledger_get_state(l)), ledger_get_problem(l));
	ck_assert_int_eq(ledger_verify(l, &report), 0);
	ck_assert_msg(report.ok, "%s at %u: %s", what, n, report.problem);
	length = chain_length(l);
	ck_assert_msg(length == records_after(acknowledged) ||
		      (!exact && acknowledged < STEPS && length == records_after(acknowledged + 1)),
		      "%s at %u: %zu steps were acknowledged, the chain has %u records", what, n,
		      acknowledged, (unsigned int)length);
	ledger_close(l);
}

/* ---------------------------------------------------------- the disk fails */

static const struct {
	enum fault fault;
	bool for_ever;
	const char *name;
} disk_faults[] = {
	{ FAULT_IO, false, "EIO once" },	  { FAULT_IO, true, "EIO for ever" },
	{ FAULT_FULL, false, "ENOSPC once" },	  { FAULT_FULL, true, "ENOSPC for ever" },
	{ FAULT_SHORT, false, "short write once" },{ FAULT_SHORT, true, "short writes for ever" },
	{ FAULT_TORN, false, "torn write once" }, { FAULT_TORN, true, "torn writes for ever" },
};

START_TEST(a_failing_disk_loses_nothing_acknowledged_and_leaves_nothing_half)
{
	unsigned int n, failed = 0;
	struct treatment t;
	struct place place;

	fault_vfs_register();
	for (n = 0;; n++) {
		size_t acknowledged;
		int error;
		bool hit;

		place_make(&place);
		fault_vfs_arm(FAULT_NONE, 0, false);
		prepare(&t, &place);
		t.b.ledger = place_open_vfs(&place, FAULT_VFS);
		fault_vfs_arm(disk_faults[_i].fault, n, disk_faults[_i].for_ever);
		acknowledged = run(&t, &error, NULL);
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
		judge(&place, acknowledged, error == 0, disk_faults[_i].name, n);
		place_remove(&place);
		if (!hit)
			break;
		ck_assert_uint_lt(n, 2000);
	}
	ck_assert_uint_gt(failed, 20);
}
END_TEST

START_TEST(a_disk_that_has_room_again_is_used_again)
{
	struct treatment t;
	struct place place;
	int error;

	fault_vfs_register();
	place_make(&place);
	prepare(&t, &place);
	fault_vfs_arm(FAULT_NONE, 0, false);
	t.b.ledger = place_open_vfs(&place, FAULT_VFS);
	fault_vfs_arm(FAULT_FULL, 0, true);
	ck_assert_uint_eq(run(&t, &error, NULL), 0);
	ck_assert_int_eq(error, -ENOSPC);
	ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_FULL);
	fault_vfs_arm(FAULT_NONE, 0, false);
	ck_assert_uint_eq(run(&t, &error, NULL), STEPS);
	ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_OK);
	ledger_close(t.b.ledger);
	judge(&place, STEPS, true, "room again", 0);
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
	for (n = 0;; n++) {
		struct ledger *l;
		bool hit;

		place_make(&place);
		prepare(&t, &place);
		fault_vfs_arm(disk_faults[_i].fault, n, disk_faults[_i].for_ever);
		l = place_open_vfs(&place, FAULT_VFS);
		hit = fault_vfs_hit();
		if (ledger_get_state(l) != LEDGER_OK) {
			bad++;
			ck_assert_int_lt(add_operator(l, 7), 0);
		}
		fault_vfs_arm(FAULT_NONE, 0, false);
		ledger_close(l);
		/* nobody was told of anything yet: the next one may begin anew */
		t.b.ledger = place_open(&place);
		ck_assert_msg(run(&t, &error, NULL) == STEPS, "%s at %u: %d, %s", disk_faults[_i].name, n,
			      error, ledger_get_problem(t.b.ledger));
		ledger_close(t.b.ledger);
		judge(&place, STEPS, true, disk_faults[_i].name, n);
		place_remove(&place);
		if (!hit)
			break;
	}
	ck_assert_uint_gt(bad, 3);
}
END_TEST

START_TEST(each_step_is_one_sync)
{
	struct treatment t;
	struct place place;

	fault_vfs_register();
	place_make(&place);
	prepare(&t, &place);
	fault_vfs_arm(FAULT_NONE, 0, false);
	t.b.ledger = place_open_vfs(&place, FAULT_VFS);
	for (size_t i = 0; i < STEPS; i++) {
		fault_vfs_arm(FAULT_NONE, 0, false);
		ck_assert_int_eq(steps[i].run(&t), 0);
		ck_assert_uint_eq(fault_vfs_syncs(), 1);
		if (steps[i].run == step_reserve)
			fire(&t);
	}
	/* and what is told again is none */
	fault_vfs_arm(FAULT_NONE, 0, false);
	ck_assert_int_eq(step_settle(&t), 0);
	ck_assert_uint_eq(fault_vfs_count(), 0);
	ledger_close(t.b.ledger);
	place_remove(&place);
}
END_TEST

/* --------------------------------------------------------- somebody dies */

static int acknowledge_fd;

static void acknowledge(void)
{
	ck_assert_int_eq(write(acknowledge_fd, "+", 1), 1);
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

/* The child treats and dies at operation @n; its opening counts too.  Returns its exit status. */
static int die_at(const struct place *place, enum fault fault, unsigned int n, size_t *ret_acknowledged)
{
	int ends[2], status;
	char mark;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct treatment t;
		int error;

		acknowledge_fd = ends[1];
		prepare(&t, place);
		fault_vfs_arm(fault, n, false);
		t.b.ledger = place_open_vfs(place, FAULT_VFS);
		run(&t, &error, acknowledge);
		ledger_close(t.b.ledger);
		_exit(error == 0 ? 0 : 1);
	}
	close(ends[1]);
	*ret_acknowledged = 0;
	while (read(ends[0], &mark, 1) == 1)
		(*ret_acknowledged)++;
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(who_dies_at_any_operation_leaves_all_that_was_acknowledged_and_nothing_half)
{
	unsigned int n;
	int status;

	fault_vfs_register();
	for (n = 0;; n++) {
		struct place place;
		size_t acknowledged;

		place_make(&place);
		status = die_at(&place, deaths[_i].fault, n, &acknowledged);
		ck_assert_msg(status == FAULT_EXIT || status == 0, "%s at %u: exit %d", deaths[_i].name, n,
			      status);
		judge(&place, acknowledged, false, deaths[_i].name, n);
		place_remove(&place);
		if (status == 0)
			break;
	}
	ck_assert_uint_gt(n, 50);
}
END_TEST

/* --------------------------------------------------------- no more memory */

static struct {
	sqlite3_mem_methods real;
	unsigned int count, after;
	bool armed, hit;
} memory;

static bool memory_fails(void)
{
	if (!memory.armed || memory.count++ != memory.after)
		return false;
	memory.hit = true;
	return true;
}

static void *failing_malloc(int size)
{
	return memory_fails() ? NULL : memory.real.xMalloc(size);
}

static void *failing_realloc(void *p, int size)
{
	return memory_fails() ? NULL : memory.real.xRealloc(p, size);
}

/*
 * Opening allocates thousands of times: some of them are tried, at other places
 * each time; MESO_TEST_EVERY=1 tries all.
 */
static unsigned int next_allocation(unsigned int n)
{
	return getenv("MESO_TEST_EVERY") ? n + 1 : n + 1 + (n > 100 ? 17 + n % 13 : 0);
}

START_TEST(without_memory_a_step_is_not_done_and_can_be_done_again)
{
	sqlite3_mem_methods methods;
	unsigned int n, failed = 0;

	/* before anything has used SQLite in this process */
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real), SQLITE_OK);
	methods = memory.real;
	methods.xMalloc = failing_malloc;
	methods.xRealloc = failing_realloc;
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);

	for (n = 0;; n = next_allocation(n)) {
		struct treatment t;
		struct place place;
		size_t acknowledged;
		int error;

		place_make(&place);
		prepare(&t, &place);
		t.b.ledger = place_open(&place);
		memory.count = 0;
		memory.after = n;
		memory.hit = false;
		memory.armed = true;
		acknowledged = run(&t, &error, NULL);
		memory.armed = false;
		ck_assert_msg(error == 0 || error == -ENOMEM, "at %u: error %d: %s", n, error,
			      ledger_get_problem(t.b.ledger));
		ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_OK);
		if (error < 0) {
			failed++;
			ck_assert_uint_eq(chain_length(t.b.ledger), records_after(acknowledged));
			ck_assert_int_eq(steps[acknowledged].run(&t), 0);
			acknowledged++;
		}
		ledger_close(t.b.ledger);
		judge(&place, acknowledged, true, "no memory", n);
		place_remove(&place);
		if (!memory.hit)
			break;
	}
	ck_assert_uint_gt(failed, 50);
}
END_TEST

START_TEST(without_memory_opening_fails_or_works_and_judges_nothing_wrongly)
{
	sqlite3_mem_methods methods;
	struct treatment t;
	struct place place;
	unsigned int n;
	int error;

	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real), SQLITE_OK);
	methods = memory.real;
	methods.xMalloc = failing_malloc;
	methods.xRealloc = failing_realloc;
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
	place_make(&place);
	prepare(&t, &place);
	t.b.ledger = place_open(&place);
	ck_assert_uint_eq(run(&t, &error, NULL), STEPS);
	ledger_close(t.b.ledger);
	for (n = 0;; n = next_allocation(n)) {
		struct ledger_options o = { .path = place.path, .mark_path = place.mark, .min_free = 1 };
		struct ledger *l = NULL;
		int r;

		memory.count = 0;
		memory.after = n;
		memory.hit = false;
		memory.armed = true;
		r = ledger_open(&o, &l);
		memory.armed = false;
		ck_assert_msg(r == 0 || r == -ENOMEM, "at %u: %d", n, r);
		ck_assert_msg(r < 0 || ledger_get_state(l) == LEDGER_OK, "at %u: %s", n,
			      ledger_get_problem(l));
		ledger_close(l);
		if (!memory.hit)
			break;
	}
	judge(&place, STEPS, true, "no memory", n);
	place_remove(&place);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_crash");
	TCase *t = tcase_create("crash");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, a_failing_disk_loses_nothing_acknowledged_and_leaves_nothing_half, 0, 8);
	tcase_add_test(t, a_disk_that_has_room_again_is_used_again);
	tcase_add_loop_test(t, a_ledger_whose_opening_fails_is_not_used_and_is_whole_afterwards, 0, 8);
	tcase_add_test(t, each_step_is_one_sync);
	tcase_add_loop_test(t, who_dies_at_any_operation_leaves_all_that_was_acknowledged_and_nothing_half, 0,
			    4);
	tcase_add_test(t, without_memory_a_step_is_not_done_and_can_be_done_again);
	tcase_add_test(t, without_memory_opening_fails_or_works_and_judges_nothing_wrongly);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
