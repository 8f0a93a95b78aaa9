// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is entered about patients over the bus: each field comes back as it was said
 * and where it belongs, each that makes no sense is refused by name, and what was
 * refused left no record.  What mesoctl says of it is in mesoctl_clinic_test.c.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rules_fixture.h"
#include "said.h"
#include "told.h"

#define OURS "org.mesod1.Error."

static struct mesod_fixture f;
static char told[TOLD_MAX];
static char several[8][TOLD_MAX];
static char today[16];

static void setup(void)
{
	rules_start(&f);
	rules_date(0, today);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* ---- saying it ---------------------------------------------------------------------------- */

static int64_t granted(int64_t number, const sd_bus_error *error)
{
	ck_assert_msg(number > 0, "%s: %s", error->name, error->message);
	return number;
}

static int64_t say(const char *member, const char *said)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	return granted(said_record(f.bus, member, FIXTURE_PATIENT, said, &error), &error);
}

static int64_t correct(int64_t number, const char *said)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	return granted(said_correct(f.bus, FIXTURE_PATIENT, (uint64_t)number, said, "misread",
				    &error),
		       &error);
}

static uint64_t records(void)
{
	struct fixture_ledger ledger;

	mesod_fixture_ledger(&f, &ledger);
	return ledger.records;
}

struct bad {
	const char *said;
	const char *part; /* of the sentence: what is named */
};

/* Each is refused by name, and none leaves a record. */
static void refuse_all(const char *member, const struct bad *bad, size_t n)
{
	const uint64_t before = records();
	sd_bus_error error = SD_BUS_ERROR_NULL;

	for (size_t i = 0; i < n; i++)
		said_assert_refused(said_record(f.bus, member, FIXTURE_PATIENT, bad[i].said,
						&error),
				    &error, bad[i].said, OURS "InvalidArgument", bad[i].part);
	ck_assert_uint_eq(records(), before);
}

#define refuse(member, bad) refuse_all(member, bad, sizeof(bad) / sizeof((bad)[0]))

static void get_patient(const char *patient)
{
	sd_bus_message *reply = NULL;

	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "GetPatient", NULL, &reply, "s", patient),
			 0);
	told_read(reply, told);
	sd_bus_message_unref(reply);
}

/* ListDoses, ListSessions: in @several. */
static size_t list(const char *member, const char *patient)
{
	sd_bus_message *reply = NULL;
	size_t n;

	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, member, NULL, &reply, "s", patient), 0);
	n = told_read_all(reply, several, 8);
	sd_bus_message_unref(reply);
	return n;
}

static void assert_told_number(const char *text, const char *key, long long number)
{
	ck_assert_msg(told_number(text, key) == number, "%s is not %lld in:%s", key, number, text);
}

static void assert_recent(const char *text, const char *key)
{
	const long long ago = (long long)time(NULL) - told_number(text, key);

	ck_assert_msg(ago >= 0 && ago < 60, "%s is not now in:%s", key, text);
}

/* ---- assessment ------------------------------------------------------------------------------ */

START_TEST(who_was_never_assessed_has_nothing_but_what_was_registered)
{
	char patient[16], id[40] = "";

	rules_patient(&f, "1970-01-31", 60000, true, patient);
	get_patient(patient);
	ck_assert_told(told, "name=Rosa Rule");
	ck_assert_told(told, "birth_date=1970-01-31");
	ck_assert_told(told, "mass_g=60000");
	ck_assert_told(told, "erased=no");
	ck_assert_told(told, "blocked=no");
	ck_assert_told(told, "delivered_24h_nl=0");
	ck_assert_told(told, "outstanding_nl=0");
	ck_assert_told(told, "session=/");
	ck_assert_told(told, "last_treatment=");
	ck_assert_msg(strstr(told, today) != NULL, "%s", told);
	ck_assert_untold(told, "assessed");
	ck_assert_untold(told, "consent");
	ck_assert_untold(told, "elsewhere_asked");
	ck_assert_untold(told, "allergies");
	ck_assert_untold(told, "conditions");
	ck_assert_untold(told, "course");
	ck_assert_untold(told, "indication");
	/* and the same by the id */
	ck_assert_int_eq(sscanf(strstr(told, "\nid="), "\nid=%39s", id), 1);
	get_patient(id);
	ck_assert_msg(strstr(told, patient) != NULL, "%s", told);
	ck_assert_refused(f.bus, "NoSuchPatient", ROOT, MANAGER, "GetPatient", "s", "R-0");
}
END_TEST

START_TEST(an_assessment_comes_back_as_it_was_said_and_the_newest_counts)
{
	int64_t first, second;

	first = say("Assess", "s today TODAY|b consent y|b elsewhere_asked n|u mass_g 62500|"
			      "w allergies herbs,tonic|w conditions gout,nsaid,infection");
	get_patient(FIXTURE_PATIENT);
	assert_recent(told, "assessed");
	ck_assert_told(told, "consent=yes");
	ck_assert_told(told, "elsewhere_asked=no");
	ck_assert_told(told, "mass_g=62500");
	ck_assert_told(told, "allergies=[herbs tonic]");
	ck_assert_told(told, "conditions=[gout nsaid infection]");
	/* what is not said is none, but for the mass: it is what was last weighed */
	second = say("Assess", "b elsewhere_asked y|b consent n|s today TODAY");
	ck_assert_int_gt(second, first);
	get_patient(FIXTURE_PATIENT);
	ck_assert_told(told, "consent=no");
	ck_assert_told(told, "elsewhere_asked=yes");
	ck_assert_told(told, "mass_g=62500");
	ck_assert_told(told, "allergies=[]");
	ck_assert_told(told, "conditions=[]");
	say("Assess", "s today TODAY|b consent y|b elsewhere_asked y|u mass_g 20000");
	say("Assess", "s today TODAY|b consent y|b elsewhere_asked y|u mass_g 700000");
	get_patient(FIXTURE_PATIENT);
	ck_assert_told(told, "mass_g=700000");
}
END_TEST

#define SOUND "s today TODAY|b consent y|b elsewhere_asked y|"

static const struct bad bad_assessments[] = {
	{ "b consent y|b elsewhere_asked y", "today is missing" },
	{ "s today TODAY|b elsewhere_asked y", "consent is missing" },
	{ "s today TODAY|b consent y", "elsewhere_asked is missing" },
	{ "b today y|b consent y|b elsewhere_asked y", "today has type 'b', 's' is needed" },
	{ "s today TODAY|s consent yes|b elsewhere_asked y", "consent has type 's'" },
	{ "s today TODAY|b consent y|u elsewhere_asked 1", "elsewhere_asked has type 'u'" },
	{ "s today |b consent y|b elsewhere_asked y", "today is empty" },
	{ "s today 2026-1-1|b consent y|b elsewhere_asked y", "is not the date here" },
	{ "s today 2026-01-01T10|b consent y|b elsewhere_asked y", "limit=10" },
	{ SOUND "u mass_g 1", "mass_g=1 is out of range, limit=20000 to 700000" },
	{ SOUND "u mass_g 19999", "mass_g=19999 is out of range" },
	{ SOUND "u mass_g 700001", "mass_g=700001 is out of range" },
	{ SOUND "x mass_g 60000", "mass_g has type 'x', 'u' is needed" },
	{ SOUND "s allergies herbs", "allergies has type 's', 'as' is needed" },
	{ SOUND "w allergies herb", "allergies: \"herb\" is unknown" },
	{ SOUND "w allergies herbs,herb", "allergies: \"herb\" is unknown" },
	{ SOUND "w allergies herbs tonic", "allergies: \"herbs tonic\" is no id" },
	{ SOUND "w allergies herbs,herbs", "allergies: \"herbs\" is there twice" },
	{ SOUND "w allergies ", "allergies is empty" },
	{ SOUND "w conditions Gout", "conditions: \"Gout\" is unknown" },
	{ SOUND "w conditions herbs", "conditions: \"herbs\" is unknown" },
	{ SOUND "b consent n", "consent is there twice" },
	{ SOUND "s weight 60", "unknown key \"weight\"" },
};

START_TEST(an_assessment_that_makes_no_sense_is_refused_by_name)
{
	const uint64_t before = records();
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char said[100], yesterday[16];

	refuse("Assess", bad_assessments);
	rules_date(-1, yesterday);
	snprintf(said, sizeof(said), "s today %s|b consent y|b elsewhere_asked y", yesterday);
	said_assert_refused(said_record(f.bus, "Assess", FIXTURE_PATIENT, said, &error), &error,
			    said, OURS "InvalidArgument", today);
	said_assert_refused(said_record(f.bus, "Assess", "R-0", SOUND, &error), &error, "nobody",
			    OURS "NoSuchPatient", "patient");
	said_assert_refused(said_record(f.bus, "Assess", "", SOUND, &error), &error,
			    "nobody's name", OURS "InvalidArgument", "patient is empty");
	ck_assert_uint_eq(records(), before);
}
END_TEST

/* ---- course -------------------------------------------------------------------------------------- */

START_TEST(a_course_comes_back_as_it_was_said_and_the_newest_counts)
{
	int64_t first, second;

	first = say("StartCourse", "u sessions 100|u interval_d 366|u late_interval_d 365|"
				   "s indication hair-loss-2");
	get_patient(FIXTURE_PATIENT);
	assert_told_number(told, "course", first);
	assert_recent(told, "course_started");
	ck_assert_told(told, "course_sessions=100");
	ck_assert_told(told, "course_interval_d=366");
	ck_assert_told(told, "course_late_interval_d=365");
	ck_assert_told(told, "indication=hair-loss-2");
	second = say("StartCourse", "u sessions 1");
	get_patient(FIXTURE_PATIENT);
	assert_told_number(told, "course", second);
	ck_assert_told(told, "course_sessions=1");
	ck_assert_told(told, "course_interval_d=0");
	ck_assert_told(told, "course_late_interval_d=0");
	ck_assert_told(told, "indication=");
}
END_TEST

static const struct bad bad_courses[] = {
	{ "", "sessions is missing" },
	{ "u interval_d 7", "sessions is missing" },
	{ "u sessions 0", "sessions=0 is out of range, limit=1 to 100" },
	{ "u sessions 101", "sessions=101 is out of range" },
	{ "x sessions 8", "sessions has type 'x', 'u' is needed" },
	{ "u sessions 8|u interval_d 367", "interval_d=367 is out of range, limit=0 to 366" },
	{ "u sessions 8|u late_interval_d 367", "late_interval_d=367 is out of range" },
	{ "u sessions 8|s interval_d 7", "interval_d has type 's'" },
	{ "u sessions 8|s indication Hair", "indication=\"Hair\" is no id" },
	{ "u sessions 8|s indication 2-hair", "is no id" },
	{ "u sessions 8|s indication hair loss", "is no id" },
	{ "u sessions 8|s indication ", "indication is empty" },
	{ "u sessions 8|s indication a234567890123456789012345678901234567890", "limit=39" },
	{ "u sessions 8|u sessions 9", "sessions is there twice" },
	{ "u sessions 8|u interval 9", "unknown key \"interval\"" },
};

START_TEST(a_course_that_makes_no_sense_is_refused_by_name)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	refuse("StartCourse", bad_courses);
	said_assert_refused(said_record(f.bus, "StartCourse", "R-0", "u sessions 8", &error),
			    &error, "nobody", OURS "NoSuchPatient", "patient");
	get_patient(FIXTURE_PATIENT);
	ck_assert_untold(told, "course");
}
END_TEST

/* ---- doses ------------------------------------------------------------------------------------------ */

START_TEST(a_dose_comes_back_as_it_was_said_with_what_is_in_it)
{
	const int64_t before = (int64_t)time(NULL);
	int64_t given[3], session;

	given[0] = say("RecordDose", "s kind elsewhere|s preparation lido|u volume_nl 150001|"
				     "x given now-7200");
	given[1] = say("RecordDose", "s kind elsewhere|m masses_ng lidocaine 5 tonic 7|"
				     "m activities_miu hyaluronidase 9|u volume_nl 12");
	ck_assert_uint_eq(list("ListDoses", FIXTURE_PATIENT), 2);
	assert_told_number(several[0], "number", given[0]);
	ck_assert_told(several[0], "kind=elsewhere");
	ck_assert_int_le(llabs(told_number(several[0], "given") - (before - 7200)), 30);
	ck_assert_told(several[0], "preparation=lido");
	ck_assert_told(several[0], "volume_nl=150001");
	ck_assert_told(several[0], "masses_ng={lidocaine=3000020}");
	ck_assert_told(several[0], "activities_miu={}");
	ck_assert_told(several[0], "session=0");
	assert_told_number(several[0], "operator", (long long)getuid());
	assert_told_number(several[1], "number", given[1]);
	assert_recent(several[1], "given");
	ck_assert_told(several[1], "preparation=");
	ck_assert_told(several[1], "volume_nl=12");
	ck_assert_told(several[1], "masses_ng={lidocaine=5 tonic=7}");
	ck_assert_told(several[1], "activities_miu={hyaluronidase=9}");
	/* in a session that is open: by hand, and not before it was opened */
	mesod_fixture_open_session(&f);
	ck_assert_uint_eq(list("ListSessions", FIXTURE_PATIENT), 1);
	session = told_number(several[0], "number");
	say("RecordDose", "s kind by-hand|m activities_miu hyaluronidase 1");
	say("RecordDose", "s kind by-hand|s preparation test|u volume_nl 1|x given now-600");
	given[2] = say("RecordDose", "s kind elsewhere|s preparation test|u volume_nl 1000000000");
	ck_assert_uint_eq(list("ListDoses", FIXTURE_PATIENT), 5);
	ck_assert_told(several[2], "kind=by-hand");
	ck_assert_told(several[2], "volume_nl=0");
	assert_told_number(several[2], "session", session);
	ck_assert_told(several[3], "session=0");
	assert_told_number(several[4], "number", given[2]);
	ck_assert_told(several[4], "session=0");
	/* nobody else's */
	rules_patient(&f, NULL, 60000, true, told);
	ck_assert_uint_eq(list("ListDoses", told), 0);
	ck_assert_refused(f.bus, "NoSuchPatient", ROOT, MANAGER, "ListDoses", "s", "R-0");
}
END_TEST

#define GAVE "s kind elsewhere|"

static const struct bad bad_doses[] = {
	{ "", "kind is missing" },
	{ "s preparation test|u volume_nl 1", "kind is missing" },
	{ "s kind by-mouth|s preparation test|u volume_nl 1", "kind=\"by-mouth\" is unknown" },
	{ "u kind 1|s preparation test|u volume_nl 1", "kind has type 'u'" },
	{ GAVE "u volume_nl 1", "what was given?" },
	{ GAVE "s preparation test", "volume_nl is missing: how much of test" },
	{ GAVE "s preparation test|u volume_nl 0", "volume_nl=0 is out of range" },
	{ GAVE "s preparation test|u volume_nl 1000000001",
	  "volume_nl=1000000001 is out of range" },
	{ GAVE "s preparation tets|u volume_nl 1", "preparation=\"tets\" is not in the formulary" },
	{ GAVE "s preparation |u volume_nl 1", "preparation is empty" },
	{ GAVE "s preparation test|u volume_nl 1|m masses_ng tonic 1", "either preparation" },
	{ GAVE "m masses_ng ", "what was given?" },
	{ GAVE "m masses_ng tonic 0", "tonic=0 is out of range, limit=1 to" },
	{ GAVE "m masses_ng tonic 9223372036854775808", "tonic=9223372036854775808" },
	{ GAVE "m masses_ng tinic 1", "masses_ng: \"tinic\" is not in the formulary" },
	{ GAVE "m masses_ng hyaluronidase 1", "hyaluronidase is measured by its activity" },
	{ GAVE "m activities_miu tonic 1", "tonic is measured by its mass" },
	{ GAVE "m masses_ng tonic 1 tonic 2", "tonic is there twice" },
	{ GAVE "s masses_ng tonic", "masses_ng has type 's', 'a{st}' is needed" },
	{ GAVE "m masses_ng a 1 b 1 c 1 d 1 e 1 f 1 g 1 h 1 i 1", "too many keys, limit=8" },
	{ GAVE "m masses_ng tonic 1|x given now+300", "nothing is given in the future" },
	{ GAVE "m masses_ng tonic 1|x given 9223372036854775807",
	  "nothing is given in the future" },
	{ GAVE "m masses_ng tonic 1|s given yesterday", "given has type 's', 'x' is needed" },
	{ GAVE "m masses_ng tonic 1|s operator 7", "unknown key \"operator\"" },
	{ GAVE "m masses_ng tonic 1|x session 7", "unknown key \"session\"" },
};

START_TEST(a_dose_that_cannot_have_been_given_is_refused_by_name)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	refuse("RecordDose", bad_doses);
	said_assert_refused(said_record(f.bus, "RecordDose", "R-0", GAVE "m masses_ng tonic 1",
					&error),
			    &error, "nobody", OURS "NoSuchPatient", "patient");
	/* what two clocks may differ by is no future */
	say("RecordDose", GAVE "m masses_ng tonic 1|x given now+60");
	say("RecordDose", GAVE "m masses_ng tonic 9223372036854775807");
}
END_TEST

START_TEST(a_correction_keeps_what_it_does_not_say_and_the_corrected_counts_no_more)
{
	int64_t first, second, third, session;

	mesod_fixture_open_session(&f);
	ck_assert_uint_eq(list("ListSessions", FIXTURE_PATIENT), 1);
	session = told_number(several[0], "number");
	first = say("RecordDose", "s kind by-hand|s preparation test|u volume_nl 15000");
	mesod_fixture_close_session(&f);
	say("RecordDose", GAVE "m masses_ng tonic 1|x given now-90000");
	list("ListDoses", FIXTURE_PATIENT);
	second = told_number(several[0], "given");
	/* when, and in which session, it was given stays */
	third = correct(first, "s kind by-hand|s preparation test|u volume_nl 1500");
	ck_assert_uint_eq(list("ListDoses", FIXTURE_PATIENT), 2);
	assert_told_number(several[1], "number", third);
	assert_told_number(several[1], "session", session);
	assert_told_number(several[1], "given", second);
	ck_assert_told(several[1], "volume_nl=1500");
	get_patient(FIXTURE_PATIENT);
	ck_assert_told(told, "delivered_24h_nl=1500");
	/* it was somebody else, two days ago */
	second = correct(third, "s kind elsewhere|s preparation lido|u volume_nl 10|"
				"x given now-172800");
	list("ListDoses", FIXTURE_PATIENT);
	assert_told_number(several[1], "number", second);
	ck_assert_told(several[1], "kind=elsewhere");
	ck_assert_told(several[1], "session=0");
	ck_assert_told(several[1], "masses_ng={lidocaine=200}");
	get_patient(FIXTURE_PATIENT);
	ck_assert_told(told, "delivered_24h_nl=0");
	/* it was nobody at all */
	correct(second, "");
	ck_assert_uint_eq(list("ListDoses", FIXTURE_PATIENT), 1);
	ck_assert_told(several[0], "masses_ng={tonic=1}");
}
END_TEST

static const struct {
	const char *said;
	const char *reason;
	const char *part;
} bad_corrections[] = {
	{ "", "", "reason is empty" },
	{ "", "a\tb", "reason has a control character at byte 1" },
	{ "s preparation test|u volume_nl 1", "x", "kind is missing" },
	{ "x given now", "x", "kind is missing" },
	{ "s kind elsewhere", "x", "what was given?" },
	{ "s kind elsewhere|s preparation test", "x", "volume_nl is missing" },
	{ "s kind elsewhere|m masses_ng tonic 1|x given now+300", "x", "in the future" },
};

START_TEST(a_correction_that_makes_no_sense_is_refused_and_the_dose_counts_on)
{
	const int64_t dose = say("RecordDose", GAVE "m masses_ng tonic 5"),
		      course = say("StartCourse", "u sessions 8");
	sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t before = records();
	char reason[300];

	for (size_t i = 0; i < sizeof(bad_corrections) / sizeof(bad_corrections[0]); i++)
		said_assert_refused(said_correct(f.bus, FIXTURE_PATIENT, (uint64_t)dose,
						 bad_corrections[i].said, bad_corrections[i].reason,
						 &error),
				    &error, bad_corrections[i].said, OURS "InvalidArgument",
				    bad_corrections[i].part);
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	said_assert_refused(said_correct(f.bus, FIXTURE_PATIENT, (uint64_t)dose, "", reason,
					 &error),
			    &error, "long", OURS "InvalidArgument", "limit=255");
	/* a record that is no dose, and none at all */
	for (size_t i = 0; i < 3; i++) {
		const uint64_t none[] = { 0, (uint64_t)course, UINT64_MAX };

		said_assert_refused(said_correct(f.bus, FIXTURE_PATIENT, none[i], "", "x", &error),
				    &error, "not given", OURS "NoSuchRecord", "number");
		said_assert_refused(said_correct(f.bus, FIXTURE_PATIENT, none[i],
						 GAVE "m masses_ng tonic 1", "x", &error),
				    &error, "less", OURS "NoSuchRecord", "number");
	}
	said_assert_refused(said_correct(f.bus, "R-0", (uint64_t)dose, "", "x", &error), &error,
			    "nobody", OURS "NoSuchPatient", "patient");
	ck_assert_uint_eq(records(), before);
	ck_assert_uint_eq(list("ListDoses", FIXTURE_PATIENT), 1);
	/* once */
	correct(dose, GAVE "m masses_ng tonic 4");
	before = records();
	said_assert_refused(said_correct(f.bus, FIXTURE_PATIENT, (uint64_t)dose, "", "x", &error),
			    &error, "again", OURS "AlreadyExists", "correct the correction");
	said_assert_refused(said_correct(f.bus, FIXTURE_PATIENT, (uint64_t)dose,
					 GAVE "m masses_ng tonic 1", "x", &error),
			    &error, "again", OURS "AlreadyExists", "correct the correction");
	ck_assert_uint_eq(records(), before);
}
END_TEST

START_TEST(a_dose_is_not_taken_from_one_patient_by_a_correction_of_another)
{
	const int64_t dose = say("RecordDose", GAVE "s preparation test|u volume_nl 5000");
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const uint64_t before = records() + 1;
	char other[16];

	rules_patient(&f, NULL, 60000, true, other);
	said_assert_refused(said_correct(f.bus, other, (uint64_t)dose, GAVE "m masses_ng tonic 1",
					 "x", &error),
			    &error, "less", OURS "NoSuchRecord", "this patient");
	said_assert_refused(said_correct(f.bus, other, (uint64_t)dose, "", "x", &error), &error,
			    "not given", OURS "NoSuchRecord", "this patient");
	/* nor is it told whether another's was corrected */
	correct(dose, GAVE "s preparation test|u volume_nl 4000");
	said_assert_refused(said_correct(f.bus, other, (uint64_t)dose, "", "x", &error), &error,
			    "not given", OURS "NoSuchRecord", "this patient");
	ck_assert_uint_eq(records(), before + 1);
	get_patient(FIXTURE_PATIENT);
	ck_assert_told(told, "delivered_24h_nl=4000");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod clinic");
	TCase *tcase = tcase_create("clinic");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, who_was_never_assessed_has_nothing_but_what_was_registered);
	tcase_add_test(tcase, an_assessment_comes_back_as_it_was_said_and_the_newest_counts);
	tcase_add_test(tcase, an_assessment_that_makes_no_sense_is_refused_by_name);
	tcase_add_test(tcase, a_course_comes_back_as_it_was_said_and_the_newest_counts);
	tcase_add_test(tcase, a_course_that_makes_no_sense_is_refused_by_name);
	tcase_add_test(tcase, a_dose_comes_back_as_it_was_said_with_what_is_in_it);
	tcase_add_test(tcase, a_dose_that_cannot_have_been_given_is_refused_by_name);
	tcase_add_test(tcase,
		       a_correction_keeps_what_it_does_not_say_and_the_corrected_counts_no_more);
	tcase_add_test(tcase, a_correction_that_makes_no_sense_is_refused_and_the_dose_counts_on);
	tcase_add_test(tcase, a_dose_is_not_taken_from_one_patient_by_a_correction_of_another);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
