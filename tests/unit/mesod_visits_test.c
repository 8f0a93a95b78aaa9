// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the bus tells of sessions and of how the skin took them, and whose licence is
 * good for how long: each field, and each refusal by name.
 */
#include <check.h>
#include <signal.h>
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

static void setup(void)
{
	rules_start(&f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

static size_t sessions(const char *patient)
{
	sd_bus_message *reply = NULL;
	size_t n;

	ck_assert_int_ge(
		mesod_call(f.bus, ROOT, MANAGER, "ListSessions", NULL, &reply, "s", patient), 0);
	n = told_read_all(reply, several, 8);
	sd_bus_message_unref(reply);
	return n;
}

static void get_patient(const char *patient)
{
	sd_bus_message *reply = NULL;

	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "GetPatient", NULL, &reply, "s", patient),
			 0);
	told_read(reply, told);
	sd_bus_message_unref(reply);
}

static int64_t react(const char *said)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int64_t number = said_record(f.bus, "RecordReaction", FIXTURE_PATIENT, said, &error);

	ck_assert_msg(number > 0, "%s: %s", error.name, error.message);
	return number;
}

static void refuse(const char *patient, const char *said, const char *name, const char *part)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	said_assert_refused(said_record(f.bus, "RecordReaction", patient, said, &error), &error,
			    said, name, part);
}

static uint64_t records(void)
{
	struct fixture_ledger ledger;

	mesod_fixture_ledger(&f, &ledger);
	return ledger.records;
}

/* ---- sessions ------------------------------------------------------------------------------- */

START_TEST(a_session_is_told_field_by_field_while_it_goes_and_when_it_is_over)
{
	struct fixture_ledger ledger;
	char today[16], wanted[40];
	char *serial;

	ck_assert_uint_eq(sessions(FIXTURE_PATIENT), 0);
	serial = mesod_fixture_text(&f, f.gun_path, GUN, "Serial");
	mesod_fixture_open_session(&f);
	ck_assert_uint_eq(sessions(FIXTURE_PATIENT), 1);
	ck_assert_told(several[0], "open=yes");
	ck_assert_told(several[0], "preparation=");
	ck_assert_told(several[0], "shots=0");
	ck_assert_told(several[0], "spent_nl=0");
	ck_assert_told(several[0], "reactions=[]");
	ck_assert_int_eq(told_number(several[0], "operator"), (long long)getuid());
	ck_assert_int_le(llabs(told_number(several[0], "opened") - (long long)time(NULL)), 30);
	ck_assert_msg(strstr(several[0], serial) != NULL, "%s", several[0]);
	get_patient(FIXTURE_PATIENT);
	ck_assert_msg(strstr(told, f.session) != NULL, "%s", told);
	free(serial);

	mesod_fixture_load(&f);
	mesod_fixture_prime(&f, 60000);
	mesod_fixture_arm(&f, 20000, 3);
	mesod_fixture_shoot(&f);
	/* all of the lease is spent as long as it is live */
	sessions(FIXTURE_PATIENT);
	ck_assert_told(several[0], "preparation=test");
	ck_assert_int_eq(told_number(several[0], "outstanding_nl"), (long long)f.reserved_nl);
	mesod_fixture_ledger(&f, &ledger);
	ck_assert_int_eq(told_number(several[0], "primed_nl"), (long long)ledger.primes_nl);
	get_patient(FIXTURE_PATIENT);
	ck_assert_int_eq(told_number(told, "outstanding_nl"), (long long)f.reserved_nl);

	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Disarm", NULL, NULL, ""), 0);
	mesod_fixture_close_session(&f);
	mesod_fixture_ledger(&f, &ledger);
	sessions(FIXTURE_PATIENT);
	ck_assert_told(several[0], "open=no");
	ck_assert_told(several[0], "outstanding_nl=0");
	ck_assert_told(several[0], "incidents=0");
	ck_assert_told(several[0], "shots=1");
	ck_assert_int_eq(told_number(several[0], "delivered_nl"),
			 (long long)(ledger.delivered_nl - ledger.primes_nl));
	ck_assert_int_ge(told_number(several[0], "spent_nl"),
			 told_number(several[0], "delivered_nl"));
	get_patient(FIXTURE_PATIENT);
	ck_assert_told(told, "session=/");
	ck_assert_told(told, "outstanding_nl=0");
	ck_assert_int_eq(told_number(told, "delivered_24h_nl"),
			 told_number(several[0], "spent_nl"));
	rules_date(0, today);
	snprintf(wanted, sizeof(wanted), "\nlast_treatment=%s\n", today);
	ck_assert_msg(strstr(told, wanted) != NULL, "%s", told);
}
END_TEST

START_TEST(sessions_are_told_oldest_first_and_to_nobody_elses_name)
{
	char other[16];
	long long first;

	rules_patient(&f, NULL, 60000, false, other);
	mesod_fixture_open_session(&f);
	mesod_fixture_close_session(&f);
	mesod_fixture_open_session(&f);
	mesod_fixture_close_session(&f);
	ck_assert_uint_eq(sessions(FIXTURE_PATIENT), 2);
	first = told_number(several[0], "number");
	ck_assert_int_lt(first, told_number(several[1], "number"));
	ck_assert_uint_eq(sessions(other), 0);
	ck_assert_refused(f.bus, "NoSuchPatient", ROOT, MANAGER, "ListSessions", "s", "R-0");
	ck_assert_refused(f.bus, "InvalidArgument", ROOT, MANAGER, "ListSessions", "s", "");
}
END_TEST

/* ---- reactions -------------------------------------------------------------------------------- */

static const char *const kinds[] = {
	"edema",         "erythema", "bruising",     "swelling", "itch",      "pain", "rash",
	"hyperesthesia", "nodules",  "pigmentation", "nausea",   "infection", "scar",
};

START_TEST(a_reaction_is_told_with_its_session_the_newest_unless_it_is_said)
{
	char said[100], wanted[200];
	long long first;
	int64_t number;

	refuse(FIXTURE_PATIENT, "s kind itch|s severity mild", OURS "NoSuchRecord", "no session");
	mesod_fixture_open_session(&f);
	mesod_fixture_close_session(&f);
	sessions(FIXTURE_PATIENT);
	first = told_number(several[0], "number");
	mesod_fixture_open_session(&f);
	number = react("s kind rash|s severity severe|s note red, warm");
	sessions(FIXTURE_PATIENT);
	ck_assert_told(several[0], "reactions=[]");
	snprintf(wanted, sizeof(wanted), "(number=%lld; time=", (long long)number);
	ck_assert_msg(strstr(several[1], wanted) != NULL, "%s", several[1]);
	snprintf(wanted, sizeof(wanted),
		 "kind=rash; severity=severe; note=red, warm; operator=%u; )", getuid());
	ck_assert_msg(strstr(several[1], wanted) != NULL, "%s", several[1]);
	/* to the one before, which is closed; every kind there is */
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(said, sizeof(said), "s kind %s|s severity moderate|x session %lld",
			 kinds[i], first);
		react(said);
	}
	sessions(FIXTURE_PATIENT);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(wanted, sizeof(wanted), "kind=%s; severity=moderate; note=; ", kinds[i]);
		ck_assert_msg(strstr(several[0], wanted) != NULL, "no %s in:%s", kinds[i],
			      several[0]);
	}
	ck_assert_msg(!strstr(several[1], "moderate"), "%s", several[1]);
}
END_TEST

#define ITCH "s kind itch|s severity mild|"

static const struct {
	const char *said;
	const char *name;
	const char *part;
} bad_reactions[] = {
	{ "s severity mild", OURS "InvalidArgument", "kind is missing" },
	{ "s kind itch", OURS "InvalidArgument", "severity is missing" },
	{ "s kind itching|s severity mild", OURS "InvalidArgument", "kind=\"itching\" is unknown" },
	{ "s kind edema erythema|s severity mild", OURS "InvalidArgument", "is unknown" },
	{ "s kind itch|s severity 1", OURS "InvalidArgument", "severity=\"1\" is unknown" },
	{ "s kind itch|u severity 1", OURS "InvalidArgument", "severity has type 'u'" },
	{ ITCH "s note ", OURS "InvalidArgument", "note is empty" },
	{ ITCH "s note a\nb", OURS "InvalidArgument", "note has a control character" },
	{ ITCH "u session 1", OURS "InvalidArgument", "session has type 'u', 'x' is needed" },
	{ ITCH "s severity mild", OURS "InvalidArgument", "severity is there twice" },
	{ ITCH "s since today", OURS "InvalidArgument", "unknown key \"since\"" },
	{ ITCH "x session 1", OURS "NoSuchRecord", "number" },
	{ ITCH "x session -1", OURS "NoSuchRecord", "number" },
	{ ITCH "x session 9223372036854775807", OURS "NoSuchRecord", "number" },
};

START_TEST(a_reaction_that_makes_no_sense_or_is_anothers_is_refused_by_name)
{
	char other[16], said[400];
	uint64_t before;

	mesod_fixture_open_session(&f);
	mesod_fixture_close_session(&f);
	rules_patient(&f, NULL, 60000, false, other);
	sessions(FIXTURE_PATIENT);
	before = records();
	for (size_t i = 0; i < sizeof(bad_reactions) / sizeof(bad_reactions[0]); i++)
		refuse(FIXTURE_PATIENT, bad_reactions[i].said, bad_reactions[i].name,
		       bad_reactions[i].part);
	snprintf(said, sizeof(said), ITCH "s note %0256d", 0);
	refuse(FIXTURE_PATIENT, said, OURS "InvalidArgument", "note has 256 bytes, limit=255");
	/* the session is another patient's */
	snprintf(said, sizeof(said), ITCH "x session %lld", told_number(several[0], "number"));
	refuse(other, said, OURS "NoSuchRecord", "this patient");
	refuse("R-0", ITCH, OURS "NoSuchPatient", "patient");
	ck_assert_uint_eq(records(), before);
}
END_TEST

START_TEST(who_was_erased_is_read_by_the_id_and_not_treated_any_more)
{
	char id[40] = "";

	mesod_fixture_open_session(&f);
	mesod_fixture_close_session(&f);
	get_patient(FIXTURE_PATIENT);
	ck_assert_int_eq(sscanf(strstr(told, "\nid="), "\nid=%39s", id), 1);
	ck_assert_int_ge(
		mesod_call(f.bus, ROOT, MANAGER, "ErasePatient", NULL, NULL, "ss", id, "asked"), 0);
	get_patient(id);
	ck_assert_told(told, "erased=yes");
	ck_assert_told(told, "name=(erased)");
	ck_assert_told(told, "reference=(erased)");
	ck_assert_told(told, "birth_date=(erased)");
	ck_assert_uint_eq(sessions(id), 1);
	ck_assert_refused(f.bus, "NoSuchPatient", ROOT, MANAGER, "GetPatient", "s",
			  FIXTURE_PATIENT);
	ck_assert_refused(f.bus, "NoSuchPatient", ROOT, MANAGER, "OpenSession", "osa{sv}",
			  f.gun_path, id, 0);
}
END_TEST

/* ---- licences ---------------------------------------------------------------------------------- */

static const struct {
	uint32_t uid; /* 0: this one's */
	const char *licence;
	const char *expires;
	const char *part;
} bad_renewals[] = {
	{ 0, "", "2999-12-31", "licence is empty" },
	{ 0, "L\a", "2999-12-31", "licence has a control character at byte 1" },
	{ 0, "L-2", "", "expires=\"\" is no date" },
	{ 0, "L-2", "31.12.2999", "expires=\"31.12.2999\" is no date" },
	{ 0, "L-2", "2999-12-31 ", "is no date" },
	{ 0, "L-2", "2999-02-30", "a date that does not exist" },
	{ 0, "L-2", "2999-13-01", "a date that does not exist" },
	{ 4242, "L-2", "2999-12-31", "uid=4242 is no registered operator" },
	{ UINT32_MAX, "L-2", "2999-12-31", "is no registered operator" },
};

static int renew(uint32_t uid, const char *licence, const char *expires, sd_bus_error *error)
{
	return mesod_call(f.bus, ROOT, MANAGER, "RenewOperator", error, NULL, "uss", uid, licence,
			  expires);
}

/* What ListOperators says of this uid: "licence expires". */
static void read_licence(char text[200])
{
	const char *id, *name, *licence, *expires;
	sd_bus_message *reply = NULL;
	uint32_t uid;

	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "ListOperators", NULL, &reply, ""), 0);
	ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "(susss)"), 0);
	while (sd_bus_message_read(reply, "(susss)", &id, &uid, &name, &licence, &expires) > 0)
		if (uid == getuid())
			snprintf(text, 200, "%s %s", licence, expires);
	sd_bus_message_unref(reply);
}

START_TEST(a_renewal_replaces_licence_and_date_and_counts_at_once)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char licence[200] = "", yesterday[16];
	uint64_t before;

	ck_assert_int_ge(renew((uint32_t)getuid(), "L-2", "2998-12-31", &error), 0);
	read_licence(licence);
	ck_assert_str_eq(licence, "L-2 2998-12-31");
	before = records();
	for (size_t i = 0; i < sizeof(bad_renewals) / sizeof(bad_renewals[0]); i++)
		said_assert_refused(renew(bad_renewals[i].uid ? bad_renewals[i].uid
							      : (uint32_t)getuid(),
					  bad_renewals[i].licence, bad_renewals[i].expires, &error),
				    &error, bad_renewals[i].expires, OURS "InvalidArgument",
				    bad_renewals[i].part);
	ck_assert_uint_eq(records(), before);
	read_licence(licence);
	ck_assert_str_eq(licence, "L-2 2998-12-31");
	/* it may end earlier, too: nothing is entered by who has none */
	rules_date(-1, yesterday);
	ck_assert_int_ge(renew((uint32_t)getuid(), "L-2", yesterday, &error), 0);
	said_assert_refused(said_record(f.bus, "Assess", FIXTURE_PATIENT,
					"s today TODAY|b consent y|b elsewhere_asked y", &error),
			    &error, "Assess", OURS "NotOperator", "licence");
	refuse(FIXTURE_PATIENT, ITCH, OURS "NotOperator", "licence");
	ck_assert_int_ge(renew((uint32_t)getuid(), "L-3", "2999-12-31", &error), 0);
	mesod_fixture_assess(&f, FIXTURE_PATIENT);
}
END_TEST

/* Entries and reading, by somebody who is neither an operator nor root. */
START_TEST(who_is_nobody_enters_and_reads_nothing_about_patients)
{
	static const struct {
		const char *member;
		const char *said;
	} entries[] = {
		{ "Assess", "s today TODAY|b consent y|b elsewhere_asked y" },
		{ "StartCourse", "u sessions 8" },
		{ "RecordDose", "s kind elsewhere|m masses_ng tonic 1" },
		{ "RecordReaction", ITCH },
	};
	sd_bus_error error = SD_BUS_ERROR_NULL;

	mesod_fixture_signal(&f, SIGTERM);
	f.owner = "64999";
	mesod_fixture_run_daemon(&f);
	ck_assert_refused(f.bus, "Denied", ROOT, MANAGER, "RenewOperator", "uss",
			  (uint32_t)getuid(), "L-9", "2999-12-31");
	/* an operator still, until that is gone as well */
	ck_assert_uint_eq(sessions(FIXTURE_PATIENT), 0);
	mesod_fixture_stop(&f);
	mesod_fixture_start_bare(&f, NULL, "64999");
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		said_assert_refused(said_record(f.bus, entries[i].member, FIXTURE_PATIENT,
						entries[i].said, &error),
				    &error, entries[i].member, OURS "NotOperator", "");
	said_assert_refused(said_correct(f.bus, FIXTURE_PATIENT, 1, "", "x", &error), &error,
			    "CorrectDose", OURS "NotOperator", "");
	ck_assert_refused(f.bus, "Denied", ROOT, MANAGER, "ListDoses", "s", FIXTURE_PATIENT);
	ck_assert_refused(f.bus, "Denied", ROOT, MANAGER, "ListSessions", "s", FIXTURE_PATIENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod visits");
	TCase *tcase = tcase_create("visits");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_session_is_told_field_by_field_while_it_goes_and_when_it_is_over);
	tcase_add_test(tcase, sessions_are_told_oldest_first_and_to_nobody_elses_name);
	tcase_add_test(tcase, a_reaction_is_told_with_its_session_the_newest_unless_it_is_said);
	tcase_add_test(tcase, a_reaction_that_makes_no_sense_or_is_anothers_is_refused_by_name);
	tcase_add_test(tcase, who_was_erased_is_read_by_the_id_and_not_treated_any_more);
	tcase_add_test(tcase, a_renewal_replaces_licence_and_date_and_counts_at_once);
	tcase_add_test(tcase, who_is_nobody_enters_and_reads_nothing_about_patients);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
