// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process dies, the power goes, memory runs out: at every single operation of
 * a treatment, one after the other, until there is none left.
 *
 * What is asked each time: what was acknowledged is there, what was not is there
 * whole or not at all, and the books balance.
 */
#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "ledger_treatment.h"

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
static int die_at(const struct place *place, enum fault fault, unsigned int n,
		  size_t *ret_acknowledged)
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
		treatment_prepare(&t, place);
		fault_vfs_arm(fault, n, false);
		t.b.ledger = place_open_vfs(place, FAULT_VFS);
		treatment_run(&t, &error, acknowledge);
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
	for (n = treatment_first(9);; n = treatment_next(n, 9)) {
		struct place place;
		size_t acknowledged;

		place_make(&place);
		status = die_at(&place, deaths[_i].fault, n, &acknowledged);
		ck_assert_msg(status == FAULT_EXIT || status == 0, "%s at %u: exit %d",
			      deaths[_i].name, n, status);
		treatment_judge(&place, acknowledged, false, deaths[_i].name, n);
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

/* There are thousands of allocations: some of them are tried, at other places each time. */
static unsigned int next_allocation(unsigned int n)
{
	return treatment_next(n, 7 + (n > 100 ? 41 + n % 13 : 0));
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
		treatment_prepare(&t, &place);
		t.b.ledger = place_open(&place);
		memory.count = 0;
		memory.after = n;
		memory.hit = false;
		memory.armed = true;
		acknowledged = treatment_run(&t, &error, NULL);
		memory.armed = false;
		ck_assert_msg(error == 0 || error == -ENOMEM, "at %u: error %d: %s", n, error,
			      ledger_get_problem(t.b.ledger));
		ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_OK);
		if (error < 0) {
			failed++;
			ck_assert_uint_eq(chain_length(t.b.ledger),
					  treatment_records(acknowledged));
			ck_assert_int_eq(treatment_step(&t, acknowledged), 0);
			acknowledged++;
		}
		ledger_close(t.b.ledger);
		treatment_judge(&place, acknowledged, true, "no memory", n);
		place_remove(&place);
		if (!memory.hit)
			break;
	}
	ck_assert_uint_gt(failed, 10);
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
	treatment_prepare(&t, &place);
	t.b.ledger = place_open(&place);
	ck_assert_uint_eq(treatment_run(&t, &error, NULL), TREATMENT_STEPS);
	ledger_close(t.b.ledger);
	for (n = 0;; n = next_allocation(n)) {
		struct ledger_options o = { .path = place.path,
					    .mark_path = place.mark,
					    .min_free = 1 };
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
	treatment_judge(&place, TREATMENT_STEPS, true, "no memory", n);
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
	tcase_add_loop_test(
		t, who_dies_at_any_operation_leaves_all_that_was_acknowledged_and_nothing_half, 0,
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
