// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon's formulary and limits: what it does not understand it does not
 * start with, it tells what is in force, and it reads them again as far as that is
 * safe.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formulary_fixture.h"
#include "mesod_fixture.h"

static struct mesod_fixture f;

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f.dir, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

/* ---- the start ------------------------------------------------------------------------ */

/* Runs mesod with these arguments, with both of its outputs as one text. */
static int run(const char *arguments, char *out, size_t size)
{
	const char *build = getenv("BUILD");
	char command[600];
	size_t n;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "timeout 10 %s/mesod %s 2>&1", build ? build : "build",
		 arguments);
	pipe = popen(command, "re"); /* NOLINT(cert-env33-c) */
	ck_assert_ptr_nonnull(pipe);
	n = fread(out, 1, size - 1, pipe);
	out[n] = '\0';
	status = pclose(pipe);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(a_formulary_that_is_not_understood_starts_no_daemon)
{
	static const char *const modes[] = { "--check-formulary",
					     "--address unix:path=/nonexistent --sim /nonexistent "
					     "--state /nonexistent --mark /nonexistent" };
	char arguments[400], out[2000];

	formulary_put("a.conf", LIDOCAINE);
	formulary_put("b.conf", "# ours\n[substance lidocaine]\n24h-hard = 301 mg; ours\n");
	for (int i = 0; i < 2; i++) {
		snprintf(arguments, sizeof(arguments),
			 "%s --config /nonexistent --formulary %s --formulary %s", modes[i],
			 formulary_path("a.conf"), formulary_path("b.conf"));
		ck_assert_int_eq(run(arguments, out, sizeof(out)), EXIT_FAILURE);
		ck_assert_says(out, formulary_path("b.conf:3: "));
		ck_assert_says(out, "24h-hard = 301 mg");
		ck_assert_says(out, "at most 300 mg");
	}
}
END_TEST

START_TEST(limits_that_are_not_understood_are_found_by_looking_too)
{
	char arguments[400], out[2000];

	formulary_put("mesod.conf", "[limits]\nshot-volume-hard = 101 uL\n");
	snprintf(arguments, sizeof(arguments), "--check-formulary --config %s --formulary " SHIPPED,
		 formulary_path("mesod.conf"));
	ck_assert_int_eq(run(arguments, out, sizeof(out)), EXIT_FAILURE);
	ck_assert_says(out, formulary_path("mesod.conf:2: "));
}
END_TEST

START_TEST(a_pedal_that_is_not_understood_starts_no_daemon)
{
	static const char *const modes[] = { "--check-formulary",
					     "--address unix:path=/nonexistent --sim /nonexistent "
					     "--state /nonexistent --mark /nonexistent" };
	char arguments[400], out[2000];

	formulary_put("mesod.conf", "[pedal]\nname = Foot\nkey = KEY_FOOT\n");
	for (int i = 0; i < 2; i++) {
		snprintf(arguments, sizeof(arguments), "%s --config %s --formulary " SHIPPED,
			 modes[i], formulary_path("mesod.conf"));
		ck_assert_int_eq(run(arguments, out, sizeof(out)), EXIT_FAILURE);
		ck_assert_says(out, formulary_path("mesod.conf:3: "));
		ck_assert_says(out, "key = KEY_FOOT");
		ck_assert_says(out, "KEY_B");
	}
}
END_TEST

START_TEST(looking_at_one_that_is_in_order_says_what_it_has)
{
	char out[2000];

	ck_assert_int_eq(run("--check-formulary --config /nonexistent --formulary " SHIPPED, out,
			     sizeof(out)),
			 EXIT_SUCCESS);
	ck_assert_says(out, "substances");
	ck_assert_says(out, "preparations");
}
END_TEST

START_TEST(more_layers_than_there_is_room_for_are_refused)
{
	char arguments[600], out[2000];
	int n = snprintf(arguments, sizeof(arguments), "--check-formulary");

	for (int i = 0; i < 17; i++)
		n += snprintf(arguments + n, sizeof(arguments) - (size_t)n,
			      " --formulary /nonexistent");
	ck_assert_int_eq(run(arguments, out, sizeof(out)), EXIT_FAILURE);
	ck_assert_says(out, "16 are allowed");
}
END_TEST

/* ---- in force ------------------------------------------------------------------------- */

#define BASE  LIDOCAINE WATER PLASTER FACE
#define TIGHT "[limits]\nshot-volume-soft = 30 uL\n"

static void start(void)
{
	mesod_fixture_start_bare(&f, NULL, NULL);
	mesod_fixture_signal(&f, SIGTERM);
	f.formulary = BASE;
	f.config = "[limits]\n";
	mesod_fixture_run_daemon(&f);
	mesod_fixture_register(&f);
}

static void stop(void)
{
	mesod_fixture_stop(&f);
}

static void hash(char ret[static 80])
{
	char *text = mesod_fixture_text(&f, ROOT, MANAGER, "FormularyHash");

	snprintf(ret, 80, "%s", text);
	free(text);
}

/* What Formulary says of one value, "" if nothing. */
static void told(const char *group, const char *id, const char *key, char ret[static 200])
{
	const char *at_group, *at_id, *at_key, *value, *source, *of, *name;
	sd_bus_message *reply = NULL;
	int r;

	*ret = '\0';
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Formulary", NULL, &reply, ""), 0);
	ck_assert_int_ge(sd_bus_message_read(reply, "s", &of), 0);
	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "a{sv}"), 0);
	while (sd_bus_message_enter_container(reply, 'a', "{sv}") > 0) {
		r = sd_bus_message_read(reply, "{sv}{sv}", &name, "s", &at_group, &name, "s",
					&at_id);
		ck_assert_int_ge(r, 0);
		ck_assert_int_ge(sd_bus_message_enter_container(reply, 'e', "sv"), 0);
		ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &name), 0);
		ck_assert_str_eq(name, "values");
		ck_assert_int_ge(sd_bus_message_enter_container(reply, 'v', "a(sss)"), 0);
		ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "(sss)"), 0);
		while (sd_bus_message_read(reply, "(sss)", &at_key, &value, &source) > 0)
			if (strcmp(at_group, group) == 0 && strcmp(at_id, id) == 0 &&
			    strcmp(at_key, key) == 0)
				snprintf(ret, 200, "%s|%s", value, source);
		for (int i = 0; i < 4; i++)
			ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
	sd_bus_message_unref(reply);
}

/* 0, or negative with the error set. */
static int reload(sd_bus_error *error, bool *ret_changed)
{
	sd_bus_message *reply = NULL;
	const char *text;
	char now[80];
	int changed, r;

	r = mesod_call(f.bus, ROOT, MANAGER, "ReloadFormulary", error, &reply, "");
	if (r >= 0) {
		ck_assert_int_ge(sd_bus_message_read(reply, "sb", &text, &changed), 0);
		hash(now);
		ck_assert_str_eq(text, now);
		*ret_changed = changed;
	}
	sd_bus_message_unref(reply);
	return r;
}

static void expect_reload(bool changed)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	bool has = !changed;
	int r = reload(&error, &has);

	ck_assert_msg(r >= 0, "%s", error.message);
	ck_assert_int_eq(has, changed);
}

static void expect_refused(const char *name, const char *words)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	bool changed;

	ck_assert_int_lt(reload(&error, &changed), 0);
	ck_assert_str_eq(error.name, name);
	ck_assert_says(error.message, words);
	sd_bus_error_free(&error);
}

START_TEST(anybody_is_told_what_is_in_force_with_units_and_sources)
{
	char text[200];

	told("substance", "lidocaine", "24h-hard", text);
	ck_assert_str_eq(text, "300 mg|label");
	told("preparation", "plaster", "components", text);
	ck_assert_str_eq(text, "water 900 mg/mL|label");
	told("area", "face", "depth", text);
	ck_assert_str_eq(text, "1 mm to 2 mm|table");
	told("limits", "", "shot-volume-hard", text);
	ck_assert_str_eq(text, "100 uL|");
	told("substance", "lidocaine", "vasoconstrictor", text);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(without_a_session_anything_in_order_comes_in_force)
{
	char before[80], after[80], text[200];

	hash(before);
	expect_reload(false);
	put("formulary.conf", BASE "[area neck]\nname = N\ndepth = 1 mm to 2 mm; s\n"
				   "size = 50 cm2; s\n");
	expect_reload(true);
	hash(after);
	ck_assert_str_ne(before, after);
	told("area", "neck", "size", text);
	ck_assert_str_eq(text, "50 cm2|s");
	put("formulary.conf", BASE);
	expect_reload(true);
	hash(after);
	ck_assert_str_eq(before, after);
	put("mesod.conf", TIGHT);
	expect_reload(true);
	told("limits", "", "shot-volume-soft", text);
	ck_assert_str_eq(text, "30 uL|");
	expect_reload(false);
}
END_TEST

START_TEST(what_is_not_in_order_leaves_the_old_in_force)
{
	char before[80], after[80], text[200];

	hash(before);
	put("formulary.conf", BASE "24h-hard = 3; x\n");
	expect_refused("org.mesod1.Error.InvalidArgument", "/formulary.conf:20: ");
	put("formulary.conf", BASE);
	put("mesod.conf", "[limits]\nshot-volume-soft = 51 uL\n");
	expect_refused("org.mesod1.Error.InvalidArgument", "/mesod.conf:2: ");
	hash(after);
	ck_assert_str_eq(before, after);
	told("limits", "", "shot-volume-soft", text);
	ck_assert_str_eq(text, "50 uL|");
	ck_assert(mesod_fixture_daemon_lives(&f));
}
END_TEST

START_TEST(while_a_session_is_open_only_what_is_tighter_comes_in_force)
{
	char text[200];

	mesod_fixture_open_session(&f);
	/* looser, new, gone */
	put("formulary.conf",
	    LIDOCAINE WATER PLASTER "[area face]\nname = Face\ndepth = 1 mm to 2 mm; s\n"
				    "size = 101 cm2; s\n");
	expect_refused("org.mesod1.Error.Interlock", "[area face] size would be 101 cm2");
	put("formulary.conf", BASE "[substance new]\nname = N\nmeasured-in = mass\n"
				   "no-limit = yes; s\n");
	expect_refused("org.mesod1.Error.Interlock", "[substance new] would be new");
	put("formulary.conf", LIDOCAINE WATER PLASTER);
	expect_refused("org.mesod1.Error.Interlock", "[area face] would be gone");
	/* limits as well: tighter and back */
	put("formulary.conf", BASE);
	put("mesod.conf", TIGHT);
	expect_reload(true);
	put("mesod.conf", "");
	expect_refused("org.mesod1.Error.Interlock", "shot-volume-soft would be 50 uL");
	told("limits", "", "shot-volume-soft", text);
	ck_assert_str_eq(text, "30 uL|");
	/* tighter, and in another order */
	put("mesod.conf", TIGHT);
	put("formulary.conf", FACE PLASTER WATER LIDOCAINE "shot-hard = 5 mg; s\n");
	expect_reload(true);
	told("substance", "lidocaine", "shot-hard", text);
	ck_assert_str_eq(text, "5 mg|s");
	mesod_fixture_close_session(&f);
	put("formulary.conf", BASE);
	expect_reload(true);
}
END_TEST

START_TEST(a_hangup_reads_them_again)
{
	const int64_t until = gun_fixture_now_ms() + 5000;
	char text[200];

	put("mesod.conf", TIGHT);
	mesod_fixture_signal(&f, SIGHUP);
	do {
		ck_assert_msg(gun_fixture_now_ms() < until, "not read again");
		gun_fixture_sleep_ms(10);
		told("limits", "", "shot-volume-soft", text);
	} while (strcmp(text, "30 uL|") != 0);
	/* and a bad one does not end the daemon */
	put("formulary.conf", "nonsense\n");
	mesod_fixture_signal(&f, SIGHUP);
	gun_fixture_sleep_ms(100);
	ck_assert(mesod_fixture_daemon_lives(&f));
	told("substance", "lidocaine", "24h-hard", text);
	ck_assert_str_eq(text, "300 mg|label");
}
END_TEST

/* ---- while somebody is treated ------------------------------------------------------------ */

/* What the fixture treats with, and a little more to be tightened. */
#define FLUID "[substance test-fluid]\nname = Test fluid\nmeasured-in = mass\nno-limit = yes; s\n"
#define SYRINGE                                                      \
	"[preparation " FIXTURE_PREPARATION "]\nname = Test fluid\n" \
	"components = test-fluid 10 mg/mL; s\ncartridge = 1\nviscosity = 1 mPa.s; s\n"
#define FIELD \
	"[area " FIXTURE_AREA "]\nname = A field\ndepth = 1 mm to 4 mm; s\nsize = 1000 cm2; s\n"

static void start_treatment(void)
{
	mesod_fixture_start_bare(&f, NULL, NULL);
	mesod_fixture_signal(&f, SIGTERM);
	f.formulary = WATER FACE FLUID SYRINGE FIELD;
	f.config = "[limits]\n";
	mesod_fixture_run_daemon(&f);
	mesod_fixture_register(&f);
	mesod_fixture_ready_to_arm(&f);
}

START_TEST(a_reload_that_changes_anything_disarms_and_is_recorded)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct fixture_ledger before, after;

	mesod_fixture_arm(&f, 20000, 10);
	mesod_fixture_shoot(&f);
	mesod_fixture_ledger(&f, &before);
	put("mesod.conf", TIGHT);
	expect_reload(true);
	gun_fixture_wait_disarmed(&f.gun, 100);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	mesod_fixture_ledger(&f, &after);
	ck_assert_uint_eq(after.incidents, before.incidents + 1);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	/* from now on it is judged by the new: 31 uL is above soft */
	ck_assert_int_lt(mesod_fixture_try_arm(&f, 31000, 2, 2000, &error), 0);
	ck_assert_str_eq(error.name, "org.mesod1.Error.DoseLimit");
	ck_assert_says(error.message, "rule=shot-volume");
	sd_bus_error_free(&error);
	mesod_fixture_arm(&f, 30000, 2);
	mesod_fixture_shoot(&f);
}
END_TEST

START_TEST(a_reload_that_changes_nothing_or_is_refused_does_not_disarm)
{
	mesod_fixture_arm(&f, 20000, 10);
	expect_reload(false);
	mesod_fixture_shoot(&f);
	put("formulary.conf", WATER FACE FLUID SYRINGE);
	expect_refused("org.mesod1.Error.Interlock", "gone");
	mesod_fixture_shoot(&f);
	put("formulary.conf", "nonsense\n");
	expect_refused("org.mesod1.Error.InvalidArgument", "nonsense");
	mesod_fixture_shoot(&f);
	ck_assert_uint_eq(f.leases_ended, 1); /* the prime's */
}
END_TEST

START_TEST(what_is_loaded_is_the_same_thing_in_a_formulary_of_another_order)
{
	struct fixture_patient patient;

	put("formulary.conf", FIELD SYRINGE FLUID FACE WATER "unmixed = yes\n");
	expect_reload(true);
	mesod_fixture_arm(&f, 20000, 2);
	mesod_fixture_shoot(&f);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_ge(patient.settled_nl, 39900);
	mesod_fixture_assert_covered(&f);
}
END_TEST

static unsigned int answers;

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error)
{
	const sd_bus_error *error = sd_bus_message_get_error(answer);

	(void)userdata;
	(void)ret_error;
	/* only while it is read: nobody is told that nothing is there */
	ck_assert_msg(!error || strcmp(error->name, "org.mesod1.Error.Busy") == 0 ||
			      strcmp(error->name, "org.mesod1.Error.Interlock") == 0,
		      "%s", error->message);
	answers++;
	return 0;
}

START_TEST(questions_are_answered_while_it_is_read_again)
{
	const int64_t until = gun_fixture_now_ms() + 10000;
	char text[200];

	answers = 0;
	for (int i = 0; i < 40; i++) {
		put("mesod.conf", i % 8 < 4 ? TIGHT : "[limits]\nshot-volume-soft = 29 uL\n");
		ck_assert_int_ge(sd_bus_call_method_async(f.bus, NULL, "org.mesod1", ROOT, MANAGER,
							  i % 4 ? "ListPatients"
								: "ReloadFormulary",
							  on_answer, NULL, ""),
				 0);
		mesod_fixture_process(&f);
	}
	while (answers < 40) {
		ck_assert_msg(gun_fixture_now_ms() < until, "%u answers", answers);
		mesod_fixture_process(&f);
		gun_fixture_sleep_ms(1);
	}
	put("mesod.conf", "[limits]\nshot-volume-soft = 28 uL\n");
	expect_reload(true);
	told("limits", "", "shot-volume-soft", text);
	ck_assert_str_eq(text, "28 uL|");
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "ListPatients", NULL, NULL, ""), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod formulary");
	TCase *look = tcase_create("start"), *t = tcase_create("in force");
	TCase *treated = tcase_create("treated");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(look, formulary_setup, formulary_teardown);
	tcase_set_timeout(look, 60);
	tcase_add_test(look, a_formulary_that_is_not_understood_starts_no_daemon);
	tcase_add_test(look, limits_that_are_not_understood_are_found_by_looking_too);
	tcase_add_test(look, a_pedal_that_is_not_understood_starts_no_daemon);
	tcase_add_test(look, looking_at_one_that_is_in_order_says_what_it_has);
	tcase_add_test(look, more_layers_than_there_is_room_for_are_refused);
	suite_add_tcase(suite, look);
	tcase_add_checked_fixture(t, start, stop);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, anybody_is_told_what_is_in_force_with_units_and_sources);
	tcase_add_test(t, without_a_session_anything_in_order_comes_in_force);
	tcase_add_test(t, what_is_not_in_order_leaves_the_old_in_force);
	tcase_add_test(t, while_a_session_is_open_only_what_is_tighter_comes_in_force);
	tcase_add_test(t, a_hangup_reads_them_again);
	suite_add_tcase(suite, t);
	tcase_add_checked_fixture(treated, start_treatment, stop);
	tcase_set_timeout(treated, 60);
	tcase_add_test(treated, a_reload_that_changes_anything_disarms_and_is_recorded);
	tcase_add_test(treated, a_reload_that_changes_nothing_or_is_refused_does_not_disarm);
	tcase_add_test(treated, what_is_loaded_is_the_same_thing_in_a_formulary_of_another_order);
	tcase_add_test(treated, questions_are_answered_while_it_is_read_again);
	suite_add_tcase(suite, treated);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
