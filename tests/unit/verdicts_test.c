// SPDX-License-Identifier: GPL-2.0-only
/*
 * A refusal in one line, as clients get it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "verdicts.h"

static char line[VERDICTS_TEXT_MAX];

static const char *word(const struct policy_verdict *verdict)
{
	verdicts_word(verdict, line);
	return line;
}

START_TEST(a_refusal_names_the_substance_and_speaks_in_its_unit)
{
	const struct policy_verdict verdict = {
		.rule = "substance-24h",
		.severity = POLICY_HARD,
		.unit = "ng",
		.what = "lidocaine",
		.limit = 270000000,
		.soft_limit = 216000000,
		.spent = 250000000,
		.asked = 24500000,
		.allowed = 20000000,
		.when = 1800000000,
		.text = "Too much.",
	};

	ck_assert_str_eq(word(&verdict),
			 "rule=substance-24h what=lidocaine limit=270 mg spent=250 mg asked=24.5 mg"
			 " allowed=20 mg when=2027-01-15T08:00:00Z: Too much.");
}
END_TEST

START_TEST(a_verdict_about_no_substance_names_none_and_a_soft_one_its_soft_bound)
{
	const struct policy_verdict verdict = {
		.rule = "session-length",
		.severity = POLICY_SOFT,
		.unit = "s",
		.what = "",
		.limit = 3600,
		.soft_limit = 2700,
		.spent = 2690,
		.asked = 60,
		.allowed = 910,
		.when = POLICY_NEVER,
		.text = "Long.",
	};

	ck_assert_str_eq(word(&verdict), "rule=session-length limit=45 min spent=2690 s asked=1 min"
					 " allowed=910 s when=never: Long.");
}
END_TEST

START_TEST(every_unit_has_words_and_no_number_is_too_large)
{
	static const struct {
		const char *unit, *words;
	} units[] = {
		{ "nL", "limit=1.5 uL" },        { "um", "limit=1.5 mm" },
		{ "mHz", "limit=1.5 /s" },       { "ng", "limit=1.5 ug" },
		{ "mIU", "limit=1.5 IU" },       { "s", "limit=25 min" },
		{ "d", "limit=1500 d" },         { "ppm", "limit=1500 ppm" },
		{ "stops", "limit=1500 stops" }, { "", "limit=1500 " },
	};
	struct policy_verdict verdict = { .rule = "x", .what = "", .severity = POLICY_HARD };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		verdict.unit = units[i].unit;
		verdict.limit = 1500;
		ck_assert_msg(strstr(word(&verdict), units[i].words) != NULL, "%s", line);
		verdict.limit = UINT64_MAX;
		ck_assert_ptr_nonnull(strstr(word(&verdict), "limit=18446744073709551615"));
	}
}
END_TEST

START_TEST(the_longest_names_and_sentence_fit)
{
	char what[FORMULARY_ID_MAX];
	struct policy_verdict verdict = {
		.rule = "patient-24h-volume",
		.severity = POLICY_HARD,
		.unit = "sessions",
		.what = what,
		.limit = UINT64_MAX,
		.soft_limit = UINT64_MAX,
		.spent = UINT64_MAX,
		.asked = UINT64_MAX,
		.allowed = UINT64_MAX,
		.when = INT64_MAX,
	};

	memset(what, 'w', sizeof(what) - 1);
	what[sizeof(what) - 1] = '\0';
	memset(verdict.text, 't', sizeof(verdict.text) - 2);
	verdict.text[sizeof(verdict.text) - 2] = '.';
	verdict.text[sizeof(verdict.text) - 1] = '\0';
	word(&verdict);
	ck_assert_int_eq(line[strlen(line) - 1], '.');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verdicts");
	TCase *t = tcase_create("words");
	SRunner *runner;
	int failed;

	tcase_add_test(t, a_refusal_names_the_substance_and_speaks_in_its_unit);
	tcase_add_test(t, a_verdict_about_no_substance_names_none_and_a_soft_one_its_soft_bound);
	tcase_add_test(t, every_unit_has_words_and_no_number_is_too_large);
	tcase_add_test(t, the_longest_names_and_sentence_fit);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
