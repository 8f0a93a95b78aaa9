// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl as a program, against a mesod that behaves, misbehaves or is not there:
 * what it prints, what it asks for, and how it exits.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mock_mesod.h"

#define WHAT  "--preparation saline --area scalp"
#define TREAT "treat --patient REF-7 " WHAT " --dose '20 uL' --shots 3 --depth '2 mm'"

static struct mock mock;
static struct run run;

static void go(enum mock_mode mode, const char *arguments)
{
	mock_start(&mock, mode);
	mesoctl_run(&mock, &run, arguments);
}

static void clean_up(void)
{
	mock_stop(&mock);
}

#define ck_assert_has(text, part)   ck_assert_msg(strstr(text, part), "no \"%s\" in:\n%s", part, text)
#define ck_assert_lacks(text, part) ck_assert_msg(!strstr(text, part), "\"%s\" in:\n%s", part, text)
#define ck_assert_exit(wanted)                                                                 \
	ck_assert_msg(run.status == (wanted), "exit %d, wanted %d:\n%s%s", run.status, wanted, \
		      run.out, run.err)

static const struct {
	const char *arguments;
	const char *sentence; /* part of what is said */
} mistakes[] = {
	{ "", "which command" },
	{ "fly", "is no command" },
	{ "treat --patient X " WHAT " --dose 20 --shots 3 --depth '2 mm'", "has no unit" },
	{ "treat --patient X " WHAT " --dose '20,5 uL' --shots 3 --depth '2 mm'", "comma" },
	{ "treat --patient X " WHAT " --dose '20 mm' --shots 3 --depth '2 mm'", "wrong unit" },
	{ "treat --patient X " WHAT " --dose '20 uL' --shots 3 --depth '2 uL'", "wrong unit" },
	{ "treat --patient X " WHAT " --dose '-20 uL' --shots 3 --depth '2 mm'", "sign" },
	{ "treat --patient X " WHAT " --dose '20 uL' --shots '3 uL' --depth '2 mm'",
	  "whole number" },
	{ "treat --patient X " WHAT " --dose '20 uL' --shots 0 --depth '2 mm'", "above zero" },
	{ "treat --patient X " WHAT " --dose '20 uL' --shots 3", "--depth LENGTH is missing" },
	{ "treat " WHAT " --dose '20 uL' --shots 3 --depth '2 mm'", "--patient ID is missing" },
	{ "treat --patient X " WHAT " --dose '20 uL' --dose '30 uL' --shots 3 --depth '2 mm'",
	  "given twice" },
	{ "treat --patient X " WHAT " --dose '20 uL' --shots 3 --depth '2 mm' --mode fast",
	  "single or repeat" },
	{ "treat --patient X " WHAT " --dose '20 uL' --shots 3 --depth '2 mm' --syringe '2 mL'",
	  "5 mL" },
	{ "treat --patient X " WHAT " --dose '20 uL' --shots 3 --depth '2 mm' face",
	  "belongs to no option" },
	{ "treat --patient X " WHAT
	  " --dose '20 uL' --shots 3 --depth '2 mm' --no-prime --prime '50 uL'",
	  "contradict" },
	{ "treat --patient X --area scalp --dose '20 uL' --shots 3 --depth '2 mm'",
	  "--preparation ID is missing" },
	{ "treat --patient X --preparation saline --dose '20 uL' --shots 3 --depth '2 mm'",
	  "--area AREA is missing" },
	{ "treat --patient X " WHAT " --area-size 120 --dose '20 uL' --shots 3 --depth '2 mm'",
	  "has no unit" },
	{ "treat --patient", "lacks its value" },
	{ "treat --haste", "no option" },
	{ "check --patient X " WHAT " --dose '20 ML' --shots 3 --depth '2 mm'", "wrong unit" },
	{ "patient", "which" },
	{ "patient add --reference A --birth-date 31.12.1980", "year-month-day" },
	{ "patient add --reference A --name B --birth-date 1980-12-31 --mass 70", "has no unit" },
	{ "patient add --reference A --birth-date 1980-12-31", "--name TEXT is missing" },
	{ "patient show", "which patient" },
	{ "operator add --name A --licence B --expires 2025-02-29", "year-month-day" },
	{ "list all", "no arguments" },
	{ "stop one two", "one gun" },
	{ "ledger burn", "is no command" },
	{ "patient erase --reason x --yes", "which patient" },
	{ "patient erase P-1 --yes", "--reason TEXT is missing" },
	{ "patient erase P-1 --reason x", "say --yes" },
	{ "operator erase bob --reason x --yes", "is no uid" },
	{ "recover", "which" },
	{ "recover everything", "is no command" },
	{ "recover list all", "no arguments" },
	{ "recover close-lost --reason x", "which lease" },
	{ "recover close-lost 0123", "--reason TEXT is missing" },
	{ "recover attribute --lease x --patient y --reason z", "whose shots" },
	{ "recover attribute G-1 --lease x --reason z", "--patient ID is missing" },
	{ "recover lift --reason x", "which gun" },
	{ "recover lift G-1", "--reason TEXT is missing" },
	{ "clear-fault one two", "one gun" },
	{ "clock confirm --reason x", "what time is it" },
	{ "clock confirm noon --reason x", "what time is it" },
	{ "clock confirm '2026-02-30 10:00' --reason x", "what time is it" },
	{ "clock confirm '2026-11-25 14:05'", "--reason TEXT is missing" },
	{ "clock show now", "no arguments" },
	{ "watch --count many", "whole number" },
};

START_TEST(a_mistake_at_the_keyboard_is_told_and_asks_nothing_of_mesod)
{
	go(MOCK_WELL, mistakes[_i].arguments);
	ck_assert_exit(2);
	ck_assert_has(run.err, mistakes[_i].sentence);
	ck_assert_str_eq(run.out, "");
	ck_assert_int_eq(mock_calls(&mock, "OpenSession"), 0);
	ck_assert_int_eq(mock_calls(&mock, "Stop"), 0);
}
END_TEST

static const char *const asking[] = {
	"list",          "status",
	"watch",         TREAT,
	"stop",          "patient list",
	"ledger verify", "check --patient X " WHAT " --dose '20 uL' --shots 1 --depth '2 mm'"
};

START_TEST(without_mesod_each_command_says_how_to_start_it)
{
	go(MOCK_NO_MESOD, asking[_i]);
	ck_assert_exit(3);
	ck_assert_has(run.err, "systemctl start mesod");
}
END_TEST

START_TEST(without_a_bus_each_command_says_which_one_it_missed)
{
	char arguments[256];

	mock_start(&mock, MOCK_NO_MESOD);
	snprintf(arguments, sizeof(arguments), "--address unix:path=/nowhere/bus %s", asking[_i]);
	mesoctl_run(NULL, &run, arguments);
	ck_assert_exit(3);
	ck_assert_has(run.err, "/nowhere/bus");
}
END_TEST

START_TEST(without_a_gun_it_says_what_to_do)
{
	static const char *const commands[] = { "list", "status", "watch", TREAT };

	go(MOCK_NO_GUN, commands[_i]);
	ck_assert_exit(4);
	ck_assert_has(run.err, "plug one in");
	ck_assert_int_eq(mock_calls(&mock, "OpenSession"), 0);
}
END_TEST

START_TEST(with_two_guns_one_must_be_named)
{
	go(MOCK_TWO_GUNS, TREAT);
	ck_assert_exit(4);
	ck_assert_has(run.err, "MOCK-1");
	ck_assert_has(run.err, "MOCK-2");
	ck_assert_int_eq(mock_calls(&mock, "OpenSession"), 0);
	mesoctl_run(&mock, &run, "status MOCK-2");
	ck_assert_exit(0);
	mesoctl_run(&mock, &run, "status /dev/meso1");
	ck_assert_exit(0);
	ck_assert_has(run.out, "MOCK-2");
	mesoctl_run(&mock, &run, "status MOCK-3");
	ck_assert_exit(4);
}
END_TEST

START_TEST(a_status_shows_plunger_depth_and_pressure)
{
	go(MOCK_WELL, "status");
	ck_assert_exit(0);
	ck_assert_has(run.out, "12.345678 mm");
	ck_assert_has(run.out, "2 mm");
	ck_assert_has(run.out, "-1.5 kPa");
	mesoctl_run(&mock, &run, "status --json");
	ck_assert_exit(0);
	ck_assert_has(run.out, "\"plunger_nm\":12345678");
	ck_assert_has(run.out, "\"boot_id\":\"0xfedcba9876543210\"");
	ck_assert_has(run.out, "\"Serial\":\"MOCK-1\"");
}
END_TEST

START_TEST(registers_keep_their_sign_and_all_their_bits)
{
	go(MOCK_WELL, "status --registers");
	ck_assert_exit(0);
	ck_assert_has(run.out, "-1.5 kPa");
	ck_assert_has(run.out, "0xfedcba9876543210");
	mesoctl_run(&mock, &run, "--json status --registers");
	ck_assert_has(run.out, "{\"name\":\"pressure-pa\",\"value\":-1500,");
}
END_TEST

START_TEST(watch_ends_after_as_many_lines_as_asked)
{
	go(MOCK_WELL, "watch --count 2 --json");
	ck_assert_exit(0);
	ck_assert_ptr_nonnull(strchr(run.out, '\n'));
	ck_assert_str_eq(strchr(strchr(run.out, '\n') + 1, '\n'), "\n");
}
END_TEST

START_TEST(people_are_hidden_unless_asked_for)
{
	go(MOCK_WELL, "patient list");
	ck_assert_exit(0);
	ck_assert_has(run.out, "0123");
	ck_assert_lacks(run.out, "Ada");
	ck_assert_lacks(run.out, "REF-7");
	mesoctl_run(&mock, &run, "patient show REF-7 --json");
	ck_assert_lacks(run.out, "Ada");
	ck_assert_has(run.out, "400000");
	mesoctl_run(&mock, &run, "--show-identifiers patient show REF-7");
	ck_assert_has(run.out, "Ada Lovelace");
}
END_TEST

START_TEST(a_new_patient_is_told_by_id)
{
	go(MOCK_WELL,
	   "patient add --reference REF-8 --name Ben --birth-date 1980-12-31 --mass '70 kg'");
	ck_assert_exit(0);
	ck_assert_str_eq(run.out, "0123\n");
	mesoctl_run(&mock, &run, "operator add --name A --licence B --expires 2099-01-01 --json");
	ck_assert_str_eq(run.out, "{\"operator\":\"0123\"}\n");
}
END_TEST

START_TEST(what_mesod_denies_is_exit_5)
{
	static const char *const commands[] = {
		"operator add --name A --licence B --expires 2099-01-01", "stop", TREAT
	};

	go(MOCK_DENIES, commands[_i]);
	ck_assert_exit(5);
}
END_TEST

START_TEST(a_check_tells_each_verdict)
{
	go(MOCK_WELL, "check --patient X " WHAT " --dose '20 uL' --shots 3 --depth '2 mm'");
	ck_assert_exit(0);
	ck_assert_has(run.out, "session-volume");
	ck_assert_has(run.out, "9.6 mL");
}
END_TEST

START_TEST(ten_times_what_the_patient_had_last_must_be_meant)
{
	go(MOCK_TENTH, "check --patient X " WHAT " --dose '20 uL' --shots 3 --depth '2 mm'");
	ck_assert_exit(0);
	ck_assert_has(run.out, "WARNING: 20 uL a shot is ten times the last session's 1.999 uL");
	mesoctl_run(&mock, &run, TREAT " --no-prime");
	ck_assert_exit(2);
	ck_assert_has(run.err, "say --yes if you mean it");
	ck_assert_int_eq(mock_calls(&mock, "OpenSession"), 0);
	mesoctl_run(&mock, &run, TREAT " --no-prime --yes");
	ck_assert_exit(0);
	ck_assert_int_eq(mock_calls(&mock, "OpenSession"), 1);
	/* all of them together */
	mesoctl_run(&mock, &run,
		    "check --patient X " WHAT " --dose '2 uL' --shots 100 --depth '2 mm'");
	ck_assert_has(run.out, "WARNING: 200 uL in all are ten times");
	mesoctl_run(&mock, &run,
		    "check --patient X " WHAT " --dose '2 uL' --shots 90 --depth '2 mm'");
	ck_assert(!strstr(run.out, "WARNING"));
}
END_TEST

START_TEST(a_check_that_refuses_is_exit_6)
{
	go(MOCK_CHECK_REFUSES,
	   "check --patient X " WHAT " --dose '20 uL' --shots 3 --depth '2 mm'");
	ck_assert_exit(6);
	ck_assert_has(run.out, "REFUSED");
	ck_assert_has(run.out, "the session would come to more than its limit");
}
END_TEST

START_TEST(a_broken_ledger_is_exit_8)
{
	go(MOCK_BAD_LEDGER, "ledger verify");
	ck_assert_exit(8);
	ck_assert_has(run.err, "record 7 was changed");
	mesoctl_run(&mock, &run, "doctor");
	ck_assert_exit(8);
	ck_assert_has(run.out, "PROBLEM  ledger");
}
END_TEST

START_TEST(doctor_is_content_when_all_is_well)
{
	go(MOCK_WELL, "doctor");
	ck_assert_exit(0);
	ck_assert_has(run.out, "all is well");
	ck_assert_lacks(run.out, "PROBLEM");
}
END_TEST

START_TEST(doctor_finds_what_is_missing_and_says_the_fix)
{
	go(MOCK_NO_MESOD, "doctor");
	ck_assert_exit(3);
	ck_assert_has(run.out, "PROBLEM  mesod");
	ck_assert_has(run.out, "systemctl start mesod");
	mock_stop(&mock);
	go(MOCK_NO_GUN, "doctor");
	ck_assert_exit(6);
	ck_assert_has(run.out, "PROBLEM  formulary");
	ck_assert_has(run.out, "mesoctl formulary check");
	ck_assert_has(run.out, "mesod knows no gun");
}
END_TEST

START_TEST(a_treatment_goes_from_check_to_summary)
{
	go(MOCK_WELL, TREAT);
	ck_assert_exit(0);
	ck_assert_has(run.out, "shot        3  20 uL");
	ck_assert_has(run.out, "session closed");
	ck_assert_int_eq(mock_calls(&mock, "Check"), 1);
	ck_assert_int_eq(mock_calls(&mock, "Load"), 1);
	ck_assert_int_eq(mock_calls(&mock, "Prime"), 1);
	ck_assert_int_eq(mock_calls(&mock, "Arm"), 1);
	ck_assert_int_eq(mock_calls(&mock, "Close"), 1);
	ck_assert(mock_wait_call(&mock, "lease-closed"));
}
END_TEST

START_TEST(a_treatment_in_json_is_one_object_a_line)
{
	go(MOCK_WELL, TREAT " --json");
	ck_assert_exit(0);
	ck_assert_has(run.out, "{\"event\":\"shot\",\"number\":3,");
	ck_assert_has(run.out, "{\"event\":\"summary\",");
	ck_assert_lacks(run.out, "telemetry");
}
END_TEST

START_TEST(a_gun_that_was_just_plugged_in_is_waited_for)
{
	go(MOCK_COMPARES, "list");
	ck_assert_exit(0);
	ck_assert_has(run.out, "comparing");
	mesoctl_run(&mock, &run, TREAT);
	ck_assert_exit(0);
	ck_assert_has(run.out, "until gun MOCK-1 has been compared with the ledger");
	ck_assert_int_eq(mock_calls(&mock, "Get"), 4);
	ck_assert_int_eq(mock_calls(&mock, "OpenSession"), 1);
}
END_TEST

START_TEST(a_primed_syringe_is_not_primed_again)
{
	go(MOCK_PRIMED, TREAT);
	ck_assert_exit(0);
	ck_assert_int_eq(mock_calls(&mock, "Prime"), 0);
	mesoctl_run(&mock, &run, TREAT " --prime '60 uL'");
	ck_assert_int_eq(mock_calls(&mock, "Prime"), 1);
}
END_TEST

START_TEST(another_syringe_is_primed_even_if_the_last_one_was)
{
	go(MOCK_PRIMED, TREAT " --syringe '10 mL' --prime-timeout '200 ms'");
	ck_assert_int_eq(mock_calls(&mock, "Prime"), 1);
}
END_TEST

START_TEST(a_prime_that_nobody_pulls_is_given_up_and_disarmed)
{
	go(MOCK_NEVER_PRIMED, TREAT " --prime-timeout '300 ms'");
	ck_assert_exit(7);
	ck_assert_has(run.err, "was not pulled");
	ck_assert_int_eq(mock_calls(&mock, "Arm"), 0);
	ck_assert_int_eq(mock_calls(&mock, "Disarm"), 1);
	ck_assert_int_eq(mock_calls(&mock, "Close"), 1);
}
END_TEST

START_TEST(a_dose_that_the_check_refuses_opens_no_session)
{
	go(MOCK_CHECK_REFUSES, TREAT);
	ck_assert_exit(6);
	ck_assert_int_eq(mock_calls(&mock, "OpenSession"), 0);
}
END_TEST

START_TEST(a_refused_arm_is_told_with_its_numbers_and_the_session_closed)
{
	go(MOCK_ARM_REFUSES, TREAT);
	ck_assert_exit(6);
	ck_assert_has(run.err, "the session has had enough");
	ck_assert_has(run.err, "limit=500 uL");
	ck_assert_int_eq(mock_calls(&mock, "Close"), 1);
	mesoctl_run(&mock, &run, TREAT " --json");
	ck_assert_has(run.out, "\"rule\":\"session-volume\"");
	ck_assert_has(run.out, "\"allowed\":\"60 uL\"");
}
END_TEST

START_TEST(a_lease_is_repeated_as_often_as_asked)
{
	go(MOCK_WELL, TREAT " --repeat-lease 2");
	ck_assert_exit(0);
	ck_assert_int_eq(mock_calls(&mock, "Arm"), 3);
	ck_assert_has(run.out, "shot        9");
}
END_TEST

START_TEST(a_refused_repetition_is_exit_6_and_keeps_the_summary)
{
	go(MOCK_SECOND_ARM_REFUSES, TREAT " --repeat-lease 5");
	ck_assert_exit(6);
	ck_assert_int_eq(mock_calls(&mock, "Arm"), 2);
	ck_assert_has(run.out, "session closed");
}
END_TEST

/* mesoctl prints a line for each thing that happens; wait for one. */
static void wait_for_output(const char *part)
{
	char path[128], text[8192];

	snprintf(path, sizeof(path), "%s/out", mock.directory);
	for (int i = 0; i < 500; i++) {
		FILE *f = fopen(path, "re");
		size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

		if (f)
			fclose(f);
		text[n] = '\0';
		if (strstr(text, part))
			return;
		usleep(10000);
	}
	ck_abort_msg("no \"%s\" in 5 s:\n%s", part, text);
}

static const struct {
	const char *input;
	int arms;
} answers[] = { { "n\n", 1 }, { "\n", 1 }, { "maybe\n", 1 }, { "y\n", 2 }, { "Yes\n", 2 } };

START_TEST(only_a_yes_to_the_question_arms_again)
{
	const char *input = answers[_i].input;
	pid_t pid;
	int fd;

	mock_start(&mock, MOCK_WELL);
	pid = mesoctl_begin(&mock, TREAT " --ask --no-prime", mock.directory, &fd);
	wait_for_output("arm 3 more shots?");
	ck_assert_int_eq(write(fd, input, strlen(input)), (ssize_t)strlen(input));
	if (answers[_i].arms == 2)
		wait_for_output("shot        6");
	/* The end of input is a no as well. */
	close(fd);
	mesoctl_end(pid, mock.directory, &run);
	ck_assert_exit(0);
	ck_assert_int_eq(mock_calls(&mock, "Arm"), answers[_i].arms);
}
END_TEST

START_TEST(what_was_typed_before_the_question_answers_nothing)
{
	pid_t pid;
	int fd;

	mock_start(&mock, MOCK_WELL);
	pid = mesoctl_begin(&mock, TREAT " --ask --prime '50 uL'", mock.directory, &fd);
	ck_assert_int_eq(write(fd, "y\n", 2), 2);
	wait_for_output("arm 3 more shots?");
	usleep(300000);
	close(fd);
	mesoctl_end(pid, mock.directory, &run);
	ck_assert_exit(0);
	ck_assert_int_eq(mock_calls(&mock, "Arm"), 1);
}
END_TEST

START_TEST(without_anybody_to_ask_there_is_one_lease)
{
	go(MOCK_WELL, TREAT " --ask --no-prime");
	ck_assert_exit(0);
	ck_assert_int_eq(mock_calls(&mock, "Arm"), 1);
}
END_TEST

static const struct {
	enum mock_mode mode;
	int status;
	const char *sentence;
	bool closes; /* mesod is there to be told */
} troubles[] = {
	{ MOCK_FAULT, 7, "a fault stopped the gun", true },
	{ MOCK_UNSETTLED, 8, "is not settled", true },
	{ MOCK_CRASH, 3, "mesod vanished", false },
	{ MOCK_HANG, 3, "gives no answer", false },
	{ MOCK_ENDS_UNTOLD, 7, "", true },
	{ MOCK_GUN_GONE, 4, "the gun is gone", true },
	{ MOCK_CLOSES, 7, "a later fact forbids it", true },
	{ MOCK_INCIDENT, 8, "", true },
};

START_TEST(every_trouble_stops_the_treatment_and_is_told)
{
	go(troubles[_i].mode, TREAT " --no-prime --repeat-lease 9");
	ck_assert_exit(troubles[_i].mode == MOCK_INCIDENT ? 8 : troubles[_i].status);
	ck_assert_has(run.err, troubles[_i].sentence);
	ck_assert_int_eq(mock_calls(&mock, "Arm"), troubles[_i].mode == MOCK_INCIDENT ? 10 : 1);
	ck_assert_int_eq(mock_calls(&mock, "Close"), troubles[_i].closes);
	if (troubles[_i].closes)
		ck_assert(mock_wait_call(&mock, "lease-closed"));
}
END_TEST

START_TEST(a_signal_disarms_and_closes)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	pid_t pid;

	mock_start(&mock, MOCK_WAITS);
	pid = mesoctl_begin(&mock, TREAT " --no-prime", mock.directory, NULL);
	ck_assert(mock_wait_call(&mock, "Arm"));
	usleep(100000);
	kill(pid, signals[_i]);
	mesoctl_end(pid, mock.directory, &run);
	ck_assert_exit(1);
	ck_assert_has(run.err, "stopped by you");
	ck_assert_has(run.out, "session closed");
	ck_assert_int_eq(mock_calls(&mock, "Disarm"), 1);
	ck_assert_int_eq(mock_calls(&mock, "Close"), 1);
}
END_TEST

START_TEST(a_killed_mesoctl_lets_go_of_the_lease)
{
	pid_t pid;

	mock_start(&mock, MOCK_WAITS);
	pid = mesoctl_begin(&mock, TREAT " --no-prime", mock.directory, NULL);
	ck_assert(mock_wait_call(&mock, "Arm"));
	kill(pid, SIGKILL);
	mesoctl_end(pid, mock.directory, &run);
	ck_assert(mock_wait_call(&mock, "lease-closed"));
}
END_TEST

START_TEST(an_armed_session_is_kept_alive)
{
	pid_t pid;

	mock_start(&mock, MOCK_WAITS);
	pid = mesoctl_begin(&mock, TREAT " --no-prime", mock.directory, NULL);
	ck_assert(mock_wait_call(&mock, "KeepAlive"));
	usleep(1800000);
	ck_assert_int_ge(mock_calls(&mock, "KeepAlive"), 3);
	kill(pid, SIGTERM);
	mesoctl_end(pid, mock.directory, &run);
}
END_TEST

static TCase *new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 40);
	tcase_add_checked_fixture(tcase, NULL, clean_up);
	suite_add_tcase(suite, tcase);
	return tcase;
}

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("mesoctl commands");
	TCase *looking = new_case(suite, "looking"), *treating = new_case(suite, "treating");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(looking, a_mistake_at_the_keyboard_is_told_and_asks_nothing_of_mesod, 0,
			    COUNT(mistakes));
	tcase_add_loop_test(looking, without_mesod_each_command_says_how_to_start_it, 0,
			    COUNT(asking));
	tcase_add_loop_test(looking, without_a_bus_each_command_says_which_one_it_missed, 0,
			    COUNT(asking));
	tcase_add_loop_test(looking, without_a_gun_it_says_what_to_do, 0, 4);
	tcase_add_test(looking, with_two_guns_one_must_be_named);
	tcase_add_test(looking, a_status_shows_plunger_depth_and_pressure);
	tcase_add_test(looking, registers_keep_their_sign_and_all_their_bits);
	tcase_add_test(looking, watch_ends_after_as_many_lines_as_asked);
	tcase_add_test(looking, people_are_hidden_unless_asked_for);
	tcase_add_test(looking, a_new_patient_is_told_by_id);
	tcase_add_loop_test(looking, what_mesod_denies_is_exit_5, 0, 3);
	tcase_add_test(looking, a_check_tells_each_verdict);
	tcase_add_test(looking, ten_times_what_the_patient_had_last_must_be_meant);
	tcase_add_test(looking, a_check_that_refuses_is_exit_6);
	tcase_add_test(looking, a_broken_ledger_is_exit_8);
	tcase_add_test(looking, doctor_is_content_when_all_is_well);
	tcase_add_test(looking, doctor_finds_what_is_missing_and_says_the_fix);

	tcase_add_test(treating, a_treatment_goes_from_check_to_summary);
	tcase_add_test(treating, a_treatment_in_json_is_one_object_a_line);
	tcase_add_test(treating, a_gun_that_was_just_plugged_in_is_waited_for);
	tcase_add_test(treating, a_primed_syringe_is_not_primed_again);
	tcase_add_test(treating, another_syringe_is_primed_even_if_the_last_one_was);
	tcase_add_test(treating, a_prime_that_nobody_pulls_is_given_up_and_disarmed);
	tcase_add_test(treating, a_dose_that_the_check_refuses_opens_no_session);
	tcase_add_test(treating, a_refused_arm_is_told_with_its_numbers_and_the_session_closed);
	tcase_add_test(treating, a_lease_is_repeated_as_often_as_asked);
	tcase_add_test(treating, a_refused_repetition_is_exit_6_and_keeps_the_summary);
	tcase_add_loop_test(treating, only_a_yes_to_the_question_arms_again, 0, COUNT(answers));
	tcase_add_test(treating, what_was_typed_before_the_question_answers_nothing);
	tcase_add_test(treating, without_anybody_to_ask_there_is_one_lease);
	tcase_add_loop_test(treating, every_trouble_stops_the_treatment_and_is_told, 0,
			    COUNT(troubles));
	tcase_add_loop_test(treating, a_signal_disarms_and_closes, 0, 3);
	tcase_add_test(treating, a_killed_mesoctl_lets_go_of_the_lease);
	tcase_add_test(treating, an_armed_session_is_kept_alive);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
