// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl ledger export: every record once, in a form that other programs read,
 * and a file that is there whole or not at all.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesod_fixture.h"
#include "mock_mesod.h"

static struct mock mock;
static struct run run;
static char directory[32], file[64];

static void set_up(void)
{
	strcpy(directory, "/tmp/export-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/ledger", directory);
}

static void clean_up(void)
{
	unlink(file);
	ck_assert_msg(rmdir(directory) == 0, "something is left in %s", directory);
	if (mock.bus)
		mock_stop(&mock);
}

static void export_to_file(const char *options)
{
	char arguments[160];

	snprintf(arguments, sizeof(arguments), "ledger export --output %s %s", file, options);
	mesoctl_run(&mock, &run, arguments);
}

#define ck_assert_exit(wanted) \
	ck_assert_msg(run.status == (wanted), "exit %d, wanted %d: %s", run.status, wanted, run.err)

/* To be freed. */
static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(getdelim(&text, &size, '\0', f), 0);
	fclose(f);
	return text;
}

static void write_whole(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(every_record_is_one_json_object_a_line_with_units_in_its_names)
{
	unsigned int n = 0;
	char *text, *rest, *line;

	mock_start(&mock, MOCK_WELL);
	export_to_file("");
	ck_assert_exit(0);
	ck_assert_str_eq(run.out, "");
	rest = text = read_whole(file);
	while ((line = strsep(&rest, "\n")) && *line) {
		json_t *record = json_loads(line, 0, NULL);

		ck_assert_msg(record, "line %u is no JSON: %s", n + 1, line);
		ck_assert_int_eq(json_integer_value(json_object_get(record, "number")), ++n);
		ck_assert_int_eq(json_integer_value(json_object_get(record, "time[s]")),
				 1800000000 + (int)n);
		if (n == 4) {
			ck_assert_str_eq(json_string_value(json_object_get(record, "time")),
					 "2027-01-15T08:00:04Z");
			ck_assert_str_eq(json_string_value(json_object_get(record, "hash")),
					 "ef01");
			ck_assert_str_eq(json_string_value(json_object_get(record, "epoch")),
					 "0xfffffffffffffffe");
			ck_assert_int_eq(
				json_integer_value(json_object_get(record, "delivered[nL]")),
				20000);
			ck_assert_int_eq(json_integer_value(json_object_get(record, "peak[Pa]")),
					 -5);
		} else if (n == 5) {
			ck_assert_str_eq(json_string_value(json_object_get(record, "detail")),
					 "=SUM(A1), \"or\" worse");
		}
		json_decref(record);
	}
	ck_assert_uint_eq(n, MOCK_RECORDS);
	free(text);
}
END_TEST

START_TEST(a_table_has_a_column_for_every_name_and_no_formula)
{
	static const char *const first[] = {
		"number,time,time[s],type,hash,kind,detail,epoch,delivered[nL],peak[Pa]",
		"1,2027-01-15T08:00:01Z,1800000001,incident,abcd,overrun,plain,,,",
		"2,2027-01-15T08:00:02Z,1800000002,shot,ef01,,,0xfffffffffffffffe,20000,-5",
		"3,2027-01-15T08:00:03Z,1800000003,incident,abcd,overrun,plain,,,",
		"4,2027-01-15T08:00:04Z,1800000004,shot,ef01,,,0xfffffffffffffffe,20000,-5",
		("5,2027-01-15T08:00:05Z,1800000005,incident,abcd,overrun,"
		 "\"'=SUM(A1), \"\"or\"\" worse\",,,"),
	};
	unsigned int n = 0;
	char *text, *line;

	mock_start(&mock, MOCK_WELL);
	export_to_file("--format csv");
	ck_assert_exit(0);
	text = read_whole(file);
	for (line = text; *line; n++) {
		char *end = strstr(line, "\r\n");

		ck_assert_ptr_nonnull(end);
		*end = '\0';
		if (n < 6)
			ck_assert_str_eq(line, first[n]);
		line = end + 2;
	}
	ck_assert_uint_eq(n, MOCK_RECORDS + 1);
	free(text);
}
END_TEST

START_TEST(what_is_after_a_number_can_be_had_alone)
{
	mock_start(&mock, MOCK_WELL);
	mesoctl_run(&mock, &run, "ledger export --after 1201");
	ck_assert_exit(0);
	ck_assert_ptr_eq(strstr(run.out, "\"number\""), run.out + 1);
	ck_assert_ptr_nonnull(strstr(run.out, "\"number\":1202,"));
	ck_assert_ptr_nonnull(strstr(run.out, "\"number\":1203,"));
	mesoctl_run(&mock, &run, "ledger export --after 1203");
	ck_assert_exit(0);
	ck_assert_str_eq(run.out, "");
	mesoctl_run(&mock, &run, "ledger export --format xml");
	ck_assert_exit(2);
	mesoctl_run(&mock, &run, "ledger export --output /dev/null");
	ck_assert_exit(2);
	ck_assert_ptr_nonnull(strstr(run.err, "no regular file"));
}
END_TEST

START_TEST(what_cannot_be_exported_whole_leaves_the_file_as_it_was)
{
	static const struct {
		enum mock_mode mode;
		int status;
		const char *options;
		const char *sentence;
	} troubles[] = {
		{ MOCK_LEDGER_VANISHES, 3, "", "mesod gives no answer" },
		{ MOCK_LEDGER_VANISHES, 3, "--format csv", "mesod gives no answer" },
		{ MOCK_LEDGER_GAP, 8, "", "record 701 after record 699" },
		{ MOCK_LEDGER_GAP, 8, "--format csv", "record 701 after record 699" },
		{ MOCK_NO_MESOD, 3, "", "systemctl start mesod" },
	};
	char *text;

	write_whole(file, "yesterday");
	mock_start(&mock, troubles[_i].mode);
	export_to_file(troubles[_i].options);
	ck_assert_exit(troubles[_i].status);
	ck_assert_msg(strstr(run.err, troubles[_i].sentence), "%s", run.err);
	text = read_whole(file);
	ck_assert_str_eq(text, "yesterday");
	free(text);
}
END_TEST

START_TEST(a_disk_that_takes_no_more_leaves_no_half_file)
{
	const struct rlimit little = { 65536, 65536 };
	char *text;

	write_whole(file, "yesterday");
	mock_start(&mock, MOCK_WELL);
	/* Inherited by mesoctl: the 65537th byte is refused. */
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
	export_to_file("");
	ck_assert_exit(1);
	ck_assert_ptr_nonnull(strstr(run.err, "cannot be written: File too large"));
	text = read_whole(file);
	ck_assert_str_eq(text, "yesterday");
	free(text);
}
END_TEST

/* Standard output: 0 a full disk, 1 a pipe that nobody reads. */
static int export_to(int kind, const char *format)
{
	const char *build = getenv("BUILD");
	char program[256];
	int fds[2], status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		snprintf(program, sizeof(program), "%s/mesoctl", build ? build : "build");
		if (kind == 0) {
			dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		} else {
			if (pipe2(fds, O_CLOEXEC) < 0)
				_exit(126);
			dup2(fds[1], STDOUT_FILENO);
			close(fds[0]);
		}
		signal(SIGPIPE, SIG_DFL);
		setenv("MESO_BUS_ADDRESS", mock.address, 1);
		execl(program, "mesoctl", "ledger", "export", "--format", format, NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

START_TEST(output_that_is_full_or_that_nobody_reads_is_a_failure)
{
	mock_start(&mock, MOCK_WELL);
	ck_assert_int_eq(export_to(_i / 2, _i % 2 ? "csv" : "ndjson"), 1);
}
END_TEST

static uint64_t sum_of_shots(const char *path, const char *of, unsigned int *ret_count)
{
	char *text = read_whole(path), *rest = text, *line;
	uint64_t sum = 0;

	*ret_count = 0;
	while ((line = strsep(&rest, "\n")) && *line) {
		json_t *record = json_loads(line, 0, NULL);

		ck_assert_ptr_nonnull(record);
		if (strcmp(json_string_value(json_object_get(record, "type")), "shot") == 0)
			sum += (uint64_t)json_integer_value(json_object_get(record, of));
		++*ret_count;
		json_decref(record);
	}
	free(text);
	return sum;
}

START_TEST(a_real_treatment_is_exported_to_the_nanolitre_and_without_names)
{
	struct mesod_fixture f;
	struct fixture_ledger ledger;
	char arguments[256], *text;
	unsigned int records;

	mesod_fixture_start(&f, NULL);
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 2);
	mesod_fixture_shoot(&f);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_close_session(&f);
	snprintf(arguments, sizeof(arguments), "--address %s ledger export --output %s", f.address,
		 file);
	mesoctl_run(NULL, &run, arguments);
	ck_assert_exit(0);
	mesod_fixture_ledger(&f, &ledger);
	ck_assert_uint_eq(sum_of_shots(file, "delivered[nL]", &records), ledger.delivered_nl);
	ck_assert_uint_gt(ledger.delivered_nl, 0);
	ck_assert_uint_eq(records, ledger.records);
	text = read_whole(file);
	ck_assert(!strstr(text, FIXTURE_PATIENT));
	free(text);
	mesod_fixture_stop(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesoctl export");
	TCase *t = tcase_create("export");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, clean_up);
	tcase_add_test(t, every_record_is_one_json_object_a_line_with_units_in_its_names);
	tcase_add_test(t, a_table_has_a_column_for_every_name_and_no_formula);
	tcase_add_test(t, what_is_after_a_number_can_be_had_alone);
	tcase_add_loop_test(t, what_cannot_be_exported_whole_leaves_the_file_as_it_was, 0, 5);
	tcase_add_test(t, a_disk_that_takes_no_more_leaves_no_half_file);
	tcase_add_loop_test(t, output_that_is_full_or_that_nobody_reads_is_a_failure, 0, 4);
	tcase_add_test(t, a_real_treatment_is_exported_to_the_nanolitre_and_without_names);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
