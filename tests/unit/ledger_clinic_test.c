// SPDX-License-Identifier: GPL-2.0-only
/*
 * Assessment, course, load, area and reaction: recorded as they were told, one
 * commit each, or not at all.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_clinic_fixture.h"

static struct clinic c;

static void setup(void)
{
	clinic_start(&c);
}

static void teardown(void)
{
	clinic_stop(&c);
}

static const struct ledger_id nobody = { { 1 } };

/* ------------------------------------------------------------- assessment */

START_TEST(the_newest_assessment_is_the_one_that_is_read)
{
	struct ledger_assessment a = bench_assessment(&c.b.patient), got;
	int64_t number;

	a.consent = false;
	a.mass_g = 65500;
	snprintf(a.allergies, sizeof(a.allergies), "amides hyaluronidase");
	snprintf(a.conditions, sizeof(a.conditions), "nsaid");
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0 + 5, &a, &number, NULL), 0);
	ck_assert_int_eq(ledger_get_assessment(c.b.ledger, &c.b.patient, &got), 0);
	ck_assert_int_eq(got.number, number);
	ck_assert_int_eq(got.time_s, T0 + 5);
	ck_assert_uint_eq(got.uid, OPERATOR);
	ck_assert(!got.consent && got.elsewhere_asked);
	ck_assert_uint_eq(got.mass_g, 65500);
	ck_assert_str_eq(got.allergies, "amides hyaluronidase");
	ck_assert_str_eq(got.conditions, "nsaid");
	ck_assert_uint_eq(count_records(c.b.ledger, "assessment"), 2);
}
END_TEST

static const char *const malformed_tokens[] = { " ",   " a", "a ",  "a  b",    "A",
						"a_b", "9a", "a,b", "\xc3\xa4" };

START_TEST(an_assessment_with_malformed_tokens_is_refused)
{
	struct ledger_assessment a = bench_assessment(&c.b.patient);
	uint64_t before = chain_length(c.b.ledger);

	snprintf(a.allergies, sizeof(a.allergies), "%s", malformed_tokens[_i]);
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), -EINVAL);
	a = bench_assessment(&c.b.patient);
	snprintf(a.conditions, sizeof(a.conditions), "%s", malformed_tokens[_i]);
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), -EINVAL);
	memset(a.conditions, 'a', sizeof(a.conditions)); /* without an end */
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), -EINVAL);
	ck_assert_uint_eq(chain_length(c.b.ledger), before);
}
END_TEST

START_TEST(a_record_about_nobody_or_by_nobody_is_refused)
{
	struct ledger_assessment a = bench_assessment(&nobody), got;
	struct ledger_course p = bench_course(&nobody, 7), course;
	struct ledger_reaction r = {
		.session = c.b.session, .uid = 7, .kind = "itch", .severity = LEDGER_MILD
	};
	uint64_t before = chain_length(c.b.ledger);

	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), -ENOENT);
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, NULL), -ENOENT);
	a = bench_assessment(&c.b.patient);
	p = bench_course(&c.b.patient, 7);
	a.uid = p.uid = 7;
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), -EPERM);
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, NULL), -EPERM);
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), -EPERM);
	ck_assert_int_eq(ledger_get_assessment(c.b.ledger, &nobody, &got), -ENOENT);
	ck_assert_int_eq(ledger_get_course(c.b.ledger, &nobody, &course), -ENOENT);
	ck_assert_uint_eq(chain_length(c.b.ledger), before);
}
END_TEST

START_TEST(a_record_says_whether_a_gun_may_be_armed_for_the_patient)
{
	struct ledger_assessment a = bench_assessment(&c.b.patient);
	struct ledger_course p = bench_course(&c.b.patient, 7);
	struct ledger_hand_dose d = clinic_hand_dose(&c, 1000, 0);
	struct ledger_evidence e;
	struct ledger_reservation v;
	int64_t number;
	bool live = true;

	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, &live), 0);
	ck_assert(!live);
	clinic_reserve(&c, FACE, 20000, 1, &v);
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, &live), 0);
	ck_assert(live);
	live = false;
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, &live), 0);
	ck_assert(live);
	live = false;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, &number, &live), 0);
	ck_assert(live);
	live = false;
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, NULL, OPERATOR, "twice",
						  NULL, &live),
			 0);
	ck_assert(live);
	e = evidence_of(&c.b.gun, v.lease_id);
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, NULL, 0, &e, NULL), 0);
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, &live), 0);
	ck_assert(!live);
}
END_TEST

/* ----------------------------------------------------------- course, load */

START_TEST(the_newest_course_is_the_current_one)
{
	struct ledger_course p = bench_course(&c.b.patient, 10), got;
	int64_t number;

	p.late_interval_d = 28;
	p.sessions = 12;
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0 + 1, &p, &number, NULL), 0);
	ck_assert_int_eq(ledger_get_course(c.b.ledger, &c.b.patient, &got), 0);
	ck_assert_int_eq(got.number, number);
	ck_assert_int_eq(got.time_s, T0 + 1);
	ck_assert_mem_eq(got.patient.bytes, c.b.patient.bytes, LEDGER_ID_LEN);
	ck_assert_uint_eq(got.interval_d, 10);
	ck_assert_uint_eq(got.late_interval_d, 28);
	ck_assert_uint_eq(got.sessions, 12);
	ck_assert_str_eq(got.indication, "hair-loss");
	p.sessions = 0;
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, NULL), -EINVAL);
	p.sessions = 1;
	snprintf(p.indication, sizeof(p.indication), "Hair loss");
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(a_load_records_what_the_preparation_was_made_of_on_that_day)
{
	const struct ledger_moment now = moment(T0 + DAY_S);
	struct ledger_load load, got;

	ck_assert_int_eq(ledger_add_load(c.b.ledger, &now, c.b.session, &c.b.formulary, MIX, 101,
					 7000, &load),
			 0);
	ck_assert_int_eq(ledger_get_load(c.b.ledger, c.b.session, &got), 0);
	ck_assert_int_eq(got.number, load.number);
	ck_assert_int_eq(got.session, c.b.session);
	ck_assert_int_eq(got.course, c.course);
	ck_assert_str_eq(got.preparation, "mix");
	ck_assert_uint_eq(got.n_components, 2);
	ck_assert_str_eq(got.components[0].id, "lidocaine");
	ck_assert_int_eq(got.components[0].unit, FORMULARY_NG);
	ck_assert_uint_eq(got.components[0].amount, MIX_PG_NL);
	ck_assert_str_eq(got.components[1].id, "hyaluronidase");
	ck_assert_int_eq(got.components[1].unit, FORMULARY_MIU);
	ck_assert_uint_eq(got.components[1].amount, MIX_UIU_NL);
	ck_assert_uint_eq(got.cartridge, 101);
	ck_assert_mem_eq(got.formulary, c.b.formulary.hash, FORMULARY_HASH_LEN);
	ck_assert_int_eq(got.day, now.day);
	ck_assert_uint_eq(got.dead_nl, 7000);
	ck_assert_uint_eq(count_records(c.b.ledger, "load"), 2);
}
END_TEST

START_TEST(nothing_is_loaded_without_a_session_a_preparation_or_with_a_lease_that_is_open)
{
	const struct ledger_moment now = moment(T0);
	struct ledger_reservation v;
	struct ledger_load load;

	ck_assert_int_eq(ledger_add_load(c.b.ledger, &now, 999, &c.b.formulary, LIDO, 1, 1, NULL),
			 -ENOENT);
	ck_assert_int_eq(ledger_get_load(c.b.ledger, 999, &load), -ENOENT);
	ck_assert_int_eq(ledger_add_load(c.b.ledger, &now, c.b.session, &c.b.formulary, 3, 1, 1,
					 NULL),
			 -EINVAL);
	ck_assert_int_eq(ledger_add_load(c.b.ledger, &now, c.b.session, &c.b.formulary,
					 FORMULARY_UNKNOWN, 1, 1, NULL),
			 -EINVAL);
	ck_assert_int_eq(ledger_add_load(c.b.ledger, &now, c.b.session, NULL, LIDO, 1, 1, NULL),
			 -EINVAL);
	c.b.formulary.preparations[MIX].n_components = 0;
	ck_assert_int_eq(ledger_add_load(c.b.ledger, &now, c.b.session, &c.b.formulary, MIX, 1, 1,
					 NULL),
			 -EINVAL);
	c.b.formulary.preparations[MIX].n_components = 2;
	c.b.formulary.preparations[MIX].components[1].concentration = 0;
	ck_assert_int_eq(ledger_add_load(c.b.ledger, &now, c.b.session, &c.b.formulary, MIX, 1, 1,
					 NULL),
			 -EINVAL);
	clinic_reserve(&c, FACE, 20000, 1, &v);
	ck_assert_int_eq(ledger_add_load(c.b.ledger, &now, c.b.session, &c.b.formulary, LIDO, 1, 1,
					 NULL),
			 -EBUSY);
	ck_assert_uint_eq(count_records(c.b.ledger, "load"), 1);
}
END_TEST

START_TEST(a_session_stays_in_the_course_in_which_it_was_loaded_first)
{
	struct ledger_course p = bench_course(&c.b.patient, 7);
	struct ledger_load load;
	int64_t later;

	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, &later, NULL), 0);
	bench_load(&c.b, MIX);
	ck_assert_int_eq(ledger_get_load(c.b.ledger, c.b.session, &load), 0);
	ck_assert_int_eq(load.course, c.course);
	clinic_next_session(&c);
	bench_load(&c.b, MIX);
	ck_assert_int_eq(ledger_get_load(c.b.ledger, c.b.session, &load), 0);
	ck_assert_int_eq(load.course, later);
}
END_TEST

START_TEST(a_load_without_a_course_is_in_none_until_there_is_one)
{
	struct ledger_course p;
	struct ledger_load load;
	int64_t course;

	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &c.b.patient), 0);
	clinic_next_session(&c);
	bench_load(&c.b, LIDO);
	ck_assert_int_eq(ledger_get_load(c.b.ledger, c.b.session, &load), 0);
	ck_assert_int_eq(load.course, 0);
	p = bench_course(&c.b.patient, 7);
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, &course, NULL), 0);
	bench_load(&c.b, LIDO);
	ck_assert_int_eq(ledger_get_load(c.b.ledger, c.b.session, &load), 0);
	ck_assert_int_eq(load.course, course);
}
END_TEST

START_TEST(an_area_is_recorded_at_first_use_and_when_its_size_changes)
{
	struct ledger_order o;
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct ledger_moment now;

	clinic_treat(&c, FACE, 20000, 1);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_uint_eq(count_records(c.b.ledger, "area"), 1);
	clinic_treat(&c, SCALP, 20000, 1);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_uint_eq(count_records(c.b.ledger, "area"), 2);
	o = clinic_order(&c, FACE, 20000, 1);
	o.request.area_mm2++;
	now = moment(c.b.now_s);
	ck_assert_int_eq(ledger_reserve(c.b.ledger, &now, &c.b.basis, &o, &v, c.b.verdicts), 0);
	e = evidence_of(&c.b.gun, v.lease_id);
	e.never_armed = true;
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, NULL, 0, &e, NULL), 0);
	ck_assert_uint_eq(count_records(c.b.ledger, "area"), 3);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_uint_eq(count_records(c.b.ledger, "area"), 4);
}
END_TEST

START_TEST(an_area_is_recorded_again_after_midnight)
{
	int64_t midnight_s = moment(T0).midnight_s + DAY_S;

	c.b.now_s = midnight_s - 1;
	clinic_next_session(&c);
	bench_load(&c.b, LIDO);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_uint_eq(count_records(c.b.ledger, "area"), 1);
	c.b.now_s = midnight_s;
	clinic_treat(&c, FACE, 20000, 1);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_uint_eq(count_records(c.b.ledger, "area"), 2);
}
END_TEST

/* --------------------------------------------------------------- reactions */

static int find_reaction(const struct ledger_reaction *reaction, void *userdata)
{
	struct ledger_reaction *ret = userdata;

	*ret = *reaction;
	return 0;
}

START_TEST(a_reaction_is_recorded_with_its_session_long_after_it)
{
	char kinds[] = LEDGER_REACTIONS, *next = kinds, *kind;
	struct ledger_reaction r = { .session = c.b.session,
				     .uid = OPERATOR,
				     .severity = LEDGER_SEVERE };
	struct ledger_reaction got = { 0 };
	unsigned int n = 0;

	clinic_next_session(&c);
	while ((kind = strsep(&next, " "))) {
		snprintf(r.kind, sizeof(r.kind), "%s", kind);
		snprintf(r.note, sizeof(r.note), n % 2 ? "left cheek" : "");
		ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0 + 99, &r, &r.number), 0);
		ck_assert_int_eq(
			ledger_foreach_reaction(c.b.ledger, r.session, find_reaction, &got), 0);
		ck_assert_int_eq(got.number, r.number);
		ck_assert_int_eq(got.time_s, T0 + 99);
		ck_assert_int_eq(got.session, r.session);
		ck_assert_uint_eq(got.uid, OPERATOR);
		ck_assert_str_eq(got.kind, kind);
		ck_assert_int_eq(got.severity, LEDGER_SEVERE);
		ck_assert_str_eq(got.note, r.note);
		n++;
	}
	ck_assert_uint_eq(n, 13);
	ck_assert_uint_eq(count_records(c.b.ledger, "reaction"), n);
}
END_TEST

START_TEST(a_reaction_that_is_none_is_refused)
{
	struct ledger_reaction good = {
		.session = c.b.session, .uid = OPERATOR, .kind = "itch", .severity = LEDGER_MILD
	};
	struct ledger_reaction r = good;

	r.session = 999;
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), -ENOENT);
	r = good;
	r.severity = 0;
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), -EINVAL);
	r.severity = LEDGER_SEVERE + 1;
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), -EINVAL);
	r = good;
	snprintf(r.kind, sizeof(r.kind), "itc");
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), -EINVAL);
	snprintf(r.kind, sizeof(r.kind), "itch pain");
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), -EINVAL);
	r = good;
	snprintf(r.note, sizeof(r.note), "a\nb");
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), -EINVAL);
	ck_assert_uint_eq(count_records(c.b.ledger, "reaction"), 0);
}
END_TEST

/* ------------------------------------------------------------------ all */

static int find_name(const struct ledger_record *record, void *userdata)
{
	static const char *const names[] = { "Zo\xc3\xab", "Sample", "P-1", "1980", "Ada", "L-77" };

	(void)userdata;
	for (size_t f = 0; f < record->n_fields; f++)
		for (size_t i = 0; record->fields[f].text && i < ARRAY_LENGTH(names); i++)
			ck_assert_msg(!strstr(record->fields[f].text, names[i]), "%s in a %s",
				      names[i], record->type);
	return 0;
}

START_TEST(each_record_is_one_commit_and_has_no_name_in_it)
{
	struct ledger_assessment a = bench_assessment(&c.b.patient);
	struct ledger_course p = bench_course(&c.b.patient, 7);
	struct ledger_hand_dose d = clinic_hand_dose(&c, 1000, 0);
	struct ledger_reaction r = {
		.session = c.b.session, .uid = OPERATOR, .kind = "itch", .severity = LEDGER_MILD
	};
	uint64_t before = ledger_get_commits(c.b.ledger);
	struct ledger_reservation v;
	int64_t number;

	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), 0);
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, NULL), 0);
	bench_load(&c.b, MIX);
	number = clinic_give(&c, &d);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, &d, OPERATOR, "twice",
						  NULL, NULL),
			 0);
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), 0);
	clinic_reserve(&c, FACE, 20000, 1, &v);
	ck_assert_uint_eq(ledger_get_commits(c.b.ledger), before + 7);
	ck_assert_int_eq(ledger_foreach_record(c.b.ledger, 0, UINT32_MAX, find_name, NULL), 0);
}
END_TEST

START_TEST(facts_of_the_clinic_cannot_be_changed_deleted_or_replaced)
{
	static const char *const tables[] = { "assessment", "course",    "load",
					      "area",       "hand_dose", "reaction" };
	struct ledger_reaction r = {
		.session = c.b.session, .uid = OPERATOR, .kind = "itch", .severity = LEDGER_MILD
	};
	struct ledger_hand_dose d = clinic_hand_dose(&c, 1000, 0);
	char sql[100];
	sqlite3 *db;

	clinic_treat(&c, FACE, 20000, 1);
	clinic_give(&c, &d);
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), 0);
	c.b.ledger = ledger_close(c.b.ledger);
	ck_assert_int_eq(sqlite3_open(c.b.place.path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "PRAGMA recursive_triggers = ON", NULL, NULL, NULL),
			 SQLITE_OK);
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		snprintf(sql, sizeof(sql), "UPDATE %s SET n = n", tables[i]);
		ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_CONSTRAINT);
		snprintf(sql, sizeof(sql), "DELETE FROM %s", tables[i]);
		ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_CONSTRAINT);
		snprintf(sql, sizeof(sql), "REPLACE INTO %s SELECT * FROM %s LIMIT 1", tables[i],
			 tables[i]);
		ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_CONSTRAINT);
	}
	sqlite3_close(db);
	c.b.ledger = place_open(&c.b.place);
	ck_assert_int_eq(ledger_get_state(c.b.ledger), LEDGER_OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_clinic");
	TCase *t = tcase_create("facts");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_newest_assessment_is_the_one_that_is_read);
	tcase_add_loop_test(t, an_assessment_with_malformed_tokens_is_refused, 0,
			    ARRAY_LENGTH(malformed_tokens));
	tcase_add_test(t, a_record_about_nobody_or_by_nobody_is_refused);
	tcase_add_test(t, a_record_says_whether_a_gun_may_be_armed_for_the_patient);
	tcase_add_test(t, the_newest_course_is_the_current_one);
	tcase_add_test(t, a_load_records_what_the_preparation_was_made_of_on_that_day);
	tcase_add_test(
		t, nothing_is_loaded_without_a_session_a_preparation_or_with_a_lease_that_is_open);
	tcase_add_test(t, a_session_stays_in_the_course_in_which_it_was_loaded_first);
	tcase_add_test(t, a_load_without_a_course_is_in_none_until_there_is_one);
	tcase_add_test(t, an_area_is_recorded_at_first_use_and_when_its_size_changes);
	tcase_add_test(t, an_area_is_recorded_again_after_midnight);
	tcase_add_test(t, a_reaction_is_recorded_with_its_session_long_after_it);
	tcase_add_test(t, a_reaction_that_is_none_is_refused);
	tcase_add_test(t, each_record_is_one_commit_and_has_no_name_in_it);
	tcase_add_test(t, facts_of_the_clinic_cannot_be_changed_deleted_or_replaced);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
