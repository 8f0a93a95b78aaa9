// SPDX-License-Identifier: GPL-2.0-only
/*
 * Years of history: what is asked while a patient waits goes by index, and costs what
 * it would if nobody else had ever been treated.
 */
#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_maker.h"
#include "macros.h"

#define MANY 20u /* patients: 20,000 shots */

/* What is done, and told apart by what it costs. */
static struct bench b;
static struct ledger_reservation v;
static struct meso_shot shots[MAKER_SHOTS];

static void start(unsigned int patients)
{
	bench_prepare(&b);
	place_make(&b.place);
	b.ledger = place_open(&b.place);
	maker_start(&b, patients);
	/* As after a start of mesod, which has read the clock's mark. */
	bench_reopen(&b);
	ck_assert_int_eq(ledger_clock_behind(b.ledger, T0), 0);
}

static void see(void)
{
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, NULL), 0);
}

static void check(void)
{
	struct ledger_order o = bench_order(&b, 20000, MAKER_SHOTS);
	const struct ledger_moment now = moment(T0);

	ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, b.session, &o.request, b.verdicts),
			 POLICY_SOFT);
	ck_assert_int_ge(ledger_check(b.ledger, &now, &b.basis, 0, &o.request, b.verdicts), 0);
}

static void spent(void)
{
	struct ledger_session session;

	ck_assert_uint_eq(settled_of(&b), 0);
	ck_assert_int_eq(ledger_get_session(b.ledger, b.session, &session), 0);
}

static void assess(void)
{
	struct ledger_hand_dose dose = { .patient = b.patient,
					 .n_substances = 1,
					 .substances = { { "lidocaine", FORMULARY_NG, 5000 } },
					 .given_s = T0,
					 .day = moment(T0).day,
					 .uid = OPERATOR };

	bench_assess(&b);
	bench_load(&b, LIDO);
	ck_assert_int_eq(ledger_add_hand_dose(b.ledger, T0, &dose, NULL, NULL), 0);
}

static void reserve(void)
{
	int r = maker_reserve(&b, 20000, MAKER_SHOTS, &v);

	ck_assert_msg(r == 0, "%d: %s", r, b.verdicts[0].text);
	b.gun.last_sequence = v.sequence;
	for (size_t i = 0; i < MAKER_SHOTS; i++)
		shots[i] = gun_fires(&b.gun, v.lease_id, 20000);
}

static void record(void)
{
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, shots, MAKER_SHOTS / 2, NULL, NULL),
			 0);
}

static void settle(void)
{
	struct ledger_evidence e = evidence_of(&b.gun, v.lease_id);
	struct ledger_settlement s;

	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, shots, MAKER_SHOTS, &e, &s), 0);
	ck_assert_msg(s.outcome == LEDGER_RELEASED, "%s", s.problem);
}

static void confuse(void)
{
	struct meso_shot shot = gun_fires(&b.gun, (const uint8_t[MESO_LEASE_ID_LEN]){ 7 }, 20000);
	struct ledger_settlement s;

	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, &s), 0);
	ck_assert(s.quarantined);
}

static void accept(void)
{
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &b.gun, 0, "looked at it", true), 0);
}

static void end(void)
{
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} steps[] = {
	{ "a gun appears", see },
	{ "check", check },
	{ "what is spent", spent },
	{ "assessment, load, dose by hand", assess },
	{ "reserve", reserve },
	{ "record", record },
	{ "settle", settle },
	{ "a foreign shot", confuse },
	{ "a quarantine is lifted", accept },
	{ "a gun appears that was in quarantine", see },
	{ "reserve after a quarantine", reserve },
	{ "settle after a quarantine", settle },
	{ "the session ends", end },
};

#define STEPS ARRAY_LENGTH(steps)

START_TEST(no_statement_scans_a_table_of_twenty_thousand_shots)
{
	const char *worst = "";

	start(MANY);
	for (size_t i = 0; i < STEPS; i++) {
		maker_reset(b.ledger, SQLITE_STMTSTATUS_FULLSCAN_STEP);
		steps[i].run();
		ck_assert_msg(maker_count(b.ledger, SQLITE_STMTSTATUS_FULLSCAN_STEP, &worst) == 0,
			      "%s: %s", steps[i].name, worst);
	}
	bench_stop(&b);
}
END_TEST

START_TEST(what_others_were_given_is_not_walked_through_either)
{
	uint64_t few[STEPS], many;
	const char *worst = "";

	start(1);
	for (size_t i = 0; i < STEPS; i++) {
		maker_reset(b.ledger, SQLITE_STMTSTATUS_VM_STEP);
		steps[i].run();
		few[i] = maker_count(b.ledger, SQLITE_STMTSTATUS_VM_STEP, NULL);
	}
	bench_stop(&b);
	start(MANY);
	for (size_t i = 0; i < STEPS; i++) {
		maker_reset(b.ledger, SQLITE_STMTSTATUS_VM_STEP);
		steps[i].run();
		many = maker_count(b.ledger, SQLITE_STMTSTATUS_VM_STEP, &worst);
		ck_assert_msg(many <= few[i] + few[i] / 20, "%s: %u and %u steps, most in %s",
			      steps[i].name, (unsigned int)few[i], (unsigned int)many, worst);
	}
	bench_stop(&b);
}
END_TEST

START_TEST(what_was_made_up_verifies_and_is_the_same_for_one_patient)
{
	struct ledger_report report;
	struct ledger_shots sum;

	start(2);
	ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
	ck_assert_msg(report.ok, "%s", report.problem);
	ck_assert_int_eq(ledger_get_shots(b.ledger, SERIAL, EPOCH, &sum), 0);
	ck_assert_uint_eq(sum.count, UINT64_C(2) * MAKER_SESSIONS * MAKER_SHOTS);
	bench_stop(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_scan");
	TCase *t = tcase_create("scan");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, what_was_made_up_verifies_and_is_the_same_for_one_patient);
	tcase_add_test(t, no_statement_scans_a_table_of_twenty_thousand_shots);
	tcase_add_test(t, what_others_were_given_is_not_walked_through_either);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
