// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a clinician enters and reads with mesoctl, against the real mesod with the
 * formulary that meso comes with: what is said, how it exits, and what counts from
 * then on.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mesod_fixture.h"
#include "mock_mesod.h"

/* From the source tree that tests are run in. */
#define SHIPPED "daemon/data/formulary/formulary.conf"
#define ASSESS  "--consent yes --elsewhere asked --today %s"
#define SALINE  "--preparation saline --area scalp --depth '2 mm'"

static struct mesod_fixture f;
static struct run run;
static char today[16];

__attribute__((format(printf, 1, 2))) static void go(const char *format, ...)
{
	char arguments[1000];
	va_list args;
	int n = snprintf(arguments, sizeof(arguments), "--address %s ", f.address);

	va_start(args, format);
	vsnprintf(arguments + n, sizeof(arguments) - (size_t)n, format, args);
	va_end(args);
	mesoctl_run(NULL, &run, arguments);
}

#define ck_assert_has(text, part) ck_assert_msg(strstr(text, part), "no \"%s\" in:\n%s", part, text)
#define ck_assert_exit(wanted)                                                                 \
	ck_assert_msg(run.status == (wanted), "exit %d, wanted %d:\n%s%s", run.status, wanted, \
		      run.out, run.err)

static void write_today(int64_t ahead_s, char text[static 16])
{
	const time_t when = time(NULL) + ahead_s;
	struct tm tm;

	ck_assert_ptr_nonnull(localtime_r(&when, &tm));
	ck_assert_uint_gt(strftime(text, 16, "%Y-%m-%d", &tm), 0);
}

/* A patient whom nobody has assessed. */
static void setup(void)
{
	mesod_fixture_start_bare(&f, NULL, NULL);
	mesod_fixture_signal(&f, SIGTERM);
	f.formulary = SHIPPED;
	mesod_fixture_run_daemon(&f);
	write_today(0, today);
	go("operator add --name 'Dr. Test' --licence L-1 --expires 2999-12-31");
	ck_assert_exit(0);
	go("patient add --reference P-1 --name 'Jane Doe' --birth-date 1980-02-29 --mass '61 kg'");
	ck_assert_exit(0);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* ---- assess -------------------------------------------------------------------------------- */

START_TEST(without_an_assessment_check_says_what_is_missing)
{
	go("check --patient P-1 " SALINE " --dose '20 uL' --shots 20");
	ck_assert_exit(6);
	ck_assert_has(run.out, "REFUSED\n");
	ck_assert_has(run.out, "The patient has not been assessed: assess before treatment.");
	ck_assert_has(run.out, "records no consent of the patient");
	ck_assert_has(run.out, "not asked about treatment elsewhere");
}
END_TEST

START_TEST(an_assessment_is_entered_shown_and_counts)
{
	go("assess P-1 " ASSESS " --mass '62 kg' --allergies 'sulfites, soy' --conditions nsaid",
	   today);
	ck_assert_exit(0);
	ck_assert_has(run.out, "recorded: assessment ");
	go("report P-1");
	ck_assert_exit(0);
	ck_assert_has(run.out, "62 kg");
	ck_assert_has(run.out, "sulfites, soy");
	ck_assert_has(run.out, "nsaid");
	ck_assert_has(run.out, "no sessions yet");
	ck_assert(!strstr(run.out, "Jane"));
	go("--json report P-1 --show-identifiers");
	ck_assert_exit(0);
	ck_assert_has(run.out, "\"allergies\":[\"sulfites\",\"soy\"]");
	ck_assert_has(run.out, "Jane");
	/* what it says wants a reason, or refuses */
	go("check --patient P-1 " SALINE " --dose '20 uL' --shots 20");
	ck_assert_exit(6);
	ck_assert_has(run.out, "REFUSED unless you give a reason (--override)");
	ck_assert_has(run.out, "NEEDS REASON nsaid: The patient has taken aspirin");
	go("check --patient P-1 " SALINE " --dose '20 uL' --shots 20 --override 'low dose'");
	ck_assert_exit(0);
	ck_assert_has(run.out, "allowed\n");
	go("check --patient P-1 --preparation lidocaine-epinephrine-1 --area scalp --depth '2 mm' "
	   "--dose '20 uL' --shots 2 --override x");
	ck_assert_exit(6);
	ck_assert_has(run.out, "REFUSED      allergy");
	/* the newest counts */
	go("--json assess P-1 " ASSESS, today);
	ck_assert_exit(0);
	ck_assert_has(run.out, "{\"number\":");
	go("check --patient P-1 " SALINE " --dose '20 uL' --shots 20");
	ck_assert_exit(0);
}
END_TEST

static const struct {
	const char *arguments;
	const char *error;
} bad_assessments[] = {
	{ "P-1 --elsewhere asked --today 2026-01-01", "--consent yes|no is missing" },
	{ "P-1 --consent maybe --elsewhere asked --today 2026-01-01", "expected yes or no" },
	{ "P-1 --consent yes --elsewhere no --today 2026-01-01", "expected asked or not-asked" },
	{ "P-1 --consent yes --elsewhere asked", "--today DATE is missing" },
	{ "P-1 --consent yes --elsewhere asked --today 1.1.2026", "year-month-day" },
	{ "P-1 --consent yes --elsewhere asked --today 2020-01-01", "is not the date here" },
	{ "P-1 --consent yes --elsewhere asked --today TODAY --mass 61", "has no unit" },
	{ "P-1 --consent yes --elsewhere asked --today TODAY --mass '61 g'", "limit=20000" },
	{ "P-1 --consent yes --elsewhere asked --today TODAY --allergies sulfits",
	  "\"sulfits\" is unknown" },
	{ "P-1 --consent yes --elsewhere asked --today TODAY --allergies soy,soy", "there twice" },
	{ "P-1 --consent yes --elsewhere asked --today TODAY --conditions pregnant",
	  "\"pregnant\" is unknown" },
	{ "P-9 --consent yes --elsewhere asked --today TODAY", "no patient" },
	{ "--consent yes --elsewhere asked --today TODAY", "which patient" },
};

START_TEST(an_assessment_that_would_protect_nobody_is_refused_with_the_reason)
{
	char arguments[200];
	const char *date = strstr(bad_assessments[_i].arguments, "TODAY");

	if (date)
		snprintf(arguments, sizeof(arguments), "%.*s%s%s",
			 (int)(date - bad_assessments[_i].arguments), bad_assessments[_i].arguments,
			 today, date + strlen("TODAY"));
	else
		snprintf(arguments, sizeof(arguments), "%s", bad_assessments[_i].arguments);
	go("assess %s", arguments);
	ck_assert_exit(2);
	ck_assert_has(run.err, bad_assessments[_i].error);
	go("report P-1");
	ck_assert_has(run.out, "not assessed yet");
}
END_TEST

/* ---- course ----------------------------------------------------------------------------------- */

START_TEST(a_course_is_started_and_shown)
{
	go("course show P-1");
	ck_assert_exit(2);
	ck_assert_has(run.err, "mesoctl course start");
	go("course start P-1 --sessions 8 --interval-days 10 --late-interval-days 28 "
	   "--indication hair-loss");
	ck_assert_exit(0);
	go("course show P-1");
	ck_assert_exit(0);
	ck_assert_has(run.out, "sessions planned       8\n");
	ck_assert_has(run.out, "interval               10 d\n");
	ck_assert_has(run.out, "after the sixth        28 d\n");
	ck_assert_has(run.out, "hair-loss");
	go("--json course show P-1");
	ck_assert_has(run.out, "\"interval_d\":10");
	go("course start P-1 --sessions 0");
	ck_assert_exit(2);
	ck_assert_has(run.err, "sessions=0 is out of range, limit=1 to 100");
	go("course start P-1 --sessions 8 --indication 'Hair loss'");
	ck_assert_exit(2);
	ck_assert_has(run.err, "is no id");
	go("course show P-1");
	ck_assert_has(run.out, "sessions planned       8\n");
}
END_TEST

/* ---- doses ---------------------------------------------------------------------------------------- */

START_TEST(what_was_given_by_hand_or_elsewhere_counts_in_full)
{
	go("assess P-1 " ASSESS, today);
	ck_assert_exit(0);
	/* 61 kg: 274.5 mg of lidocaine in 24 h */
	go("dose add P-1 --by-hand --preparation lidocaine-2 --volume '5 mL'");
	ck_assert_exit(0);
	go("dose add P-1 --elsewhere --substances 'lidocaine 100 mg, hyaluronidase 75 IU'");
	ck_assert_exit(0);
	go("dose list P-1");
	ck_assert_exit(0);
	ck_assert_has(run.out, "by-hand   lidocaine-2 5 mL, lidocaine 100 mg");
	ck_assert_has(run.out, "elsewhere -, lidocaine 100 mg, hyaluronidase 75 IU");
	go("--json dose list P-1");
	ck_assert_has(run.out, "\"masses_ng\":{\"lidocaine\":100000000}");
	ck_assert_has(run.out, "\"activities_miu\":{\"hyaluronidase\":75000}");
	go("check --patient P-1 --preparation lidocaine-2 --area scalp --depth '2 mm' "
	   "--dose '50 uL' --shots 80 --override numb");
	ck_assert_exit(6);
	ck_assert_has(run.out, "REFUSED      substance-24h, lidocaine");
	ck_assert_has(run.out, "asked 80 mg, had 200 mg, limit 274.5 mg, possible now 74.5 mg");
	ck_assert_has(run.out, "not before ");
	go("report P-1");
	ck_assert_has(run.out, "given by hand, or elsewhere");
}
END_TEST

static long dose_number(void)
{
	const char *at = strstr(run.out, "recorded: dose ");

	ck_assert_msg(at != NULL, "%s%s", run.out, run.err);
	return strtol(at + strlen("recorded: dose "), NULL, 10);
}

START_TEST(a_wrong_dose_is_followed_by_its_correction_and_never_rewritten)
{
	long first;

	go("assess P-1 " ASSESS, today);
	go("dose add P-1 --by-hand --preparation lidocaine-2 --volume '15 mL'");
	first = dose_number();
	/* a decimal point that was one */
	go("dose correct P-1 %ld --by-hand --preparation lidocaine-2 --volume '1.5 mL' "
	   "--reason 'read wrongly'",
	   first);
	ck_assert_exit(0);
	ck_assert_has(run.out, "recorded: correction ");
	go("dose list P-1");
	ck_assert_has(run.out, "1.5 mL, lidocaine 30 mg");
	ck_assert(!strstr(run.out, "300 mg"));
	/* what was corrected is not corrected again */
	go("dose correct P-1 %ld --not-given --reason 'again'", first);
	ck_assert_exit(2);
	ck_assert_has(run.err, "correct the correction");
	go("ledger list");
	ck_assert_has(run.out, "hand-dose");
	ck_assert_has(run.out, "read wrongly");
	go("dose list P-1");
	first = strtol(run.out, NULL, 10);
	go("dose correct P-1 %ld --not-given --reason 'another patient'", first);
	ck_assert_exit(0);
	go("dose list P-1");
	ck_assert_has(run.out, "nothing was given by hand or elsewhere");
	go("ledger verify");
	ck_assert_exit(0);
}
END_TEST

static const struct {
	const char *arguments;
	const char *error;
} bad_doses[] = {
	{ "add P-1 --preparation saline --volume '1 mL'", "who gave it?" },
	{ "add P-1 --by-hand --elsewhere --preparation saline --volume '1 mL'", "who gave it?" },
	{ "add P-1 --by-hand", "what was given?" },
	{ "add P-1 --by-hand --preparation saline", "how much of saline?" },
	{ "add P-1 --by-hand --preparation saline --volume 1", "has no unit" },
	{ "add P-1 --by-hand --preparation saline --volume '1,5 mL'", "comma" },
	{ "add P-1 --by-hand --preparation salin --volume '1 mL'", "not in the formulary" },
	{ "add P-1 --by-hand --substances 'lidocaine'", "a substance and how much" },
	{ "add P-1 --by-hand --substances 'lidocaine 20 mL'", "wrong unit" },
	{ "add P-1 --by-hand --substances 'lidocaine 0 mg'", "nothing was given of it" },
	{ "add P-1 --by-hand --substances 'lidocain 20 mg'", "not in the formulary" },
	{ "add P-1 --by-hand --substances 'lidocaine 20 IU'", "measured by its mass" },
	{ "add P-1 --by-hand --substances 'hyaluronidase 20 mg'", "measured by its activity" },
	{ "add P-1 --by-hand --substances 'lidocaine 1 mg, lidocaine 2 mg'", "there twice" },
	{ "add P-1 --by-hand --preparation saline --volume '1 mL' --given yesterday",
	  "expected a local time" },
	{ "add P-1 --by-hand --preparation saline --volume '1 mL' --given '2026-02-30 10:00'",
	  "expected a local time" },
	{ "add P-1 --by-hand --preparation saline --volume '1 mL' --given '2199-01-01 10:00'",
	  "in the future" },
	{ "add P-9 --by-hand --preparation saline --volume '1 mL'", "no patient" },
	{ "correct P-1 --not-given --reason x", "which dose?" },
	{ "correct P-1 x --not-given --reason x", "no number" },
	{ "correct P-1 4000 --not-given --reason x", "no record with that number" },
	{ "correct P-1 2 --not-given --reason x", "no record with that number" },
	{ "correct P-1 2 --not-given", "--reason TEXT is missing" },
	{ "correct P-1 2 --not-given --by-hand --reason x", "nothing else belongs to it" },
	{ "correct P-1 2 --reason x", "who gave it?" },
};

START_TEST(a_dose_that_makes_no_sense_is_refused_with_the_reason)
{
	go("dose %s", bad_doses[_i].arguments);
	ck_assert_exit(2);
	ck_assert_has(run.err, bad_doses[_i].error);
	go("dose list P-1");
	ck_assert_has(run.out, "nothing was given");
}
END_TEST

/* ---- reactions, licence ------------------------------------------------------------------------------ */

START_TEST(a_reaction_belongs_to_a_session)
{
	go("reaction add P-1 --kind itch --severity mild");
	ck_assert_exit(2);
	ck_assert_has(run.err, "has had no session yet");
	mesod_fixture_open_session(&f);
	mesod_fixture_close_session(&f);
	go("reaction add P-1 --kind itch --severity mild --note 'for an hour'");
	ck_assert_exit(0);
	go("report P-1");
	ck_assert_has(run.out, "reaction, mild: itch, for an hour");
	go("reaction add P-1 --kind ache --severity mild");
	ck_assert_exit(2);
	ck_assert_has(run.err, "edema erythema");
	go("reaction add P-1 --kind itch --severity bad");
	ck_assert_exit(2);
	ck_assert_has(run.err, "mild, moderate or severe");
	go("reaction add P-1 --kind itch --severity mild --session 4000");
	ck_assert_exit(2);
	ck_assert_has(run.err, "no record with that number");
}
END_TEST

START_TEST(a_licence_that_has_run_out_is_renewed)
{
	const unsigned int uid = getuid();

	go("operator renew %u --licence L-1 --expires 2001-01-01", uid);
	ck_assert_exit(0);
	go("assess P-1 " ASSESS, today);
	ck_assert_exit(5);
	ck_assert_has(run.err, "licence");
	go("operator renew %u --licence L-2 --expires 2999-12-31", uid);
	ck_assert_exit(0);
	go("operator list --show-identifiers");
	ck_assert_has(run.out, "L-2  2999-12-31");
	go("assess P-1 " ASSESS, today);
	ck_assert_exit(0);
	go("operator renew 4242 --licence L-2 --expires 2999-12-31");
	ck_assert_exit(2);
	ck_assert_has(run.err, "uid=4242 is no registered operator");
	go("operator renew x --licence L-2 --expires 2999-12-31");
	ck_assert_exit(2);
	/* also after a restart */
	mesod_fixture_signal(&f, SIGTERM);
	mesod_fixture_run_daemon(&f);
	go("operator list --show-identifiers");
	ck_assert_has(run.out, "L-2  2999-12-31");
	go("ledger verify");
	ck_assert_exit(0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesoctl clinic");
	TCase *tcase = tcase_create("clinic");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, without_an_assessment_check_says_what_is_missing);
	tcase_add_test(tcase, an_assessment_is_entered_shown_and_counts);
	tcase_add_loop_test(tcase,
			    an_assessment_that_would_protect_nobody_is_refused_with_the_reason, 0,
			    (int)(sizeof(bad_assessments) / sizeof(bad_assessments[0])));
	tcase_add_test(tcase, a_course_is_started_and_shown);
	tcase_add_test(tcase, what_was_given_by_hand_or_elsewhere_counts_in_full);
	tcase_add_test(tcase, a_wrong_dose_is_followed_by_its_correction_and_never_rewritten);
	tcase_add_loop_test(tcase, a_dose_that_makes_no_sense_is_refused_with_the_reason, 0,
			    (int)(sizeof(bad_doses) / sizeof(bad_doses[0])));
	tcase_add_test(tcase, a_reaction_belongs_to_a_session);
	tcase_add_test(tcase, a_licence_that_has_run_out_is_renewed);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
