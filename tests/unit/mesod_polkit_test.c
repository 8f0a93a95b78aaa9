// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what where polkit is asked: nothing without its yes, a stop without
 * asking anybody, and a polkit that denies, hangs, babbles or dies is at nobody
 * else's cost.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesod_fixture.h"
#include "mock_polkit.h"

static struct mesod_fixture f;
static struct mock_polkit polkit;

static void setup(void)
{
	mesod_fixture_start_judged(&f);
}

static void teardown(void)
{
	mock_polkit_stop(&polkit);
	mesod_fixture_stop(&f);
}

static void judge(enum polkit_mode mode)
{
	polkit.facts->mode = mode;
}

static void with_polkit(enum polkit_mode mode)
{
	mock_polkit_start(&polkit, f.address, mode);
}

/* An operator and a patient, by a polkit that says yes to all. */
static void registered(void)
{
	with_polkit(POLKIT_YES);
	mesod_fixture_register(&f);
}

#define wait_until(condition)                                                                 \
	do {                                                                                  \
		const int64_t until_ = gun_fixture_now_ms() + 5000;                           \
                                                                                              \
		while (!(condition)) {                                                        \
			ck_assert_msg(gun_fixture_now_ms() < until_, "in vain: " #condition); \
			mesod_fixture_process_for(&f, 5);                                     \
		}                                                                             \
	} while (0)

/* ---- every method -------------------------------------------------------------------- */

/* The first complete type of a signature. */
static size_t type_length(const char *signature)
{
	size_t depth = 0, i = 0;

	while (signature[i] == 'a')
		i++;
	do {
		if (signature[i] == '(' || signature[i] == '{')
			depth++;
		if (signature[i] == ')' || signature[i] == '}')
			depth--;
		i++;
	} while (depth);
	return i;
}

/* Arguments of the right types that say nothing. */
static void append_nothing(sd_bus_message *call, const char *signature)
{
	static const uint64_t zero;

	while (*signature) {
		const size_t len = type_length(signature);
		char type[32];

		snprintf(type, sizeof(type), "%.*s", (int)len, signature);
		if (*type == 'a') {
			ck_assert_int_ge(sd_bus_message_open_container(call, 'a', type + 1), 0);
			ck_assert_int_ge(sd_bus_message_close_container(call), 0);
		} else if (*type == 'o' || *type == 's') {
			ck_assert_int_ge(sd_bus_message_append_basic(call, *type,
								     *type == 'o' ? "/" : ""),
					 0);
		} else {
			ck_assert_int_ge(sd_bus_message_append_basic(call, *type, &zero), 0);
		}
		signature += len;
	}
}

static bool anybody_may(const char *interface, const char *method)
{
	static const char *const open[] = { "Formulary", "GetStatus", "GetSnapshot", "GetRegisters",
					    "Watch",     "Unwatch",   "OpenStream" };

	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		if (strcmp(method, open[i]) == 0)
			return strcmp(interface, SESSION) != 0;
	return false;
}

static void assert_refused(sd_bus *bus, const char *path, const char *interface, const char *method,
			   const char *signature)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;

	ck_assert_int_ge(sd_bus_message_new_method_call(bus, &call, "org.mesod1", path, interface,
							method),
			 0);
	append_nothing(call, signature);
	ck_assert_msg(sd_bus_call(bus, call, 0, &error, NULL) < 0, "%s.%s was not refused",
		      interface, method);
	ck_assert_msg(strcmp(error.name, "org.mesod1.Error.Denied") == 0 ||
			      strcmp(error.name, "org.mesod1.Error.NotOperator") == 0,
		      "%s.%s: %s: %s", interface, method, error.name, error.message);
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
}

/* What the object itself says that it has; returns how many methods were refused. */
static unsigned int every_method_is_refused(sd_bus *bus, const char *path, const char *interface)
{
	char wanted[64], name[64] = "", signature[64] = "", type[32];
	sd_bus_message *reply = NULL;
	bool inside = false;
	unsigned int n = 0;
	const char *xml;

	ck_assert_int_ge(sd_bus_call_method(bus, "org.mesod1", path,
					    "org.freedesktop.DBus.Introspectable", "Introspect",
					    NULL, &reply, ""),
			 0);
	ck_assert_int_ge(sd_bus_message_read(reply, "s", &xml), 0);
	snprintf(wanted, sizeof(wanted), "<interface name=\"%s\"", interface);
	for (const char *line = xml; line; line = strchr(line, '\n')) {
		char text[256];
		bool closed;

		line += *line == '\n';
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
		if (strstr(text, "<interface "))
			inside = strstr(text, wanted);
		if (!inside)
			continue;
		closed = strstr(text, "</method>");
		if (sscanf(text, " <method name=\"%63[^\"]\"", name) == 1) {
			*signature = '\0';
			closed = strstr(text, "/>");
		} else if (strstr(text, "direction=\"in\"") &&
			   sscanf(text, " <arg type=\"%31[^\"]\"", type) == 1) {
			const size_t len = strlen(signature);

			snprintf(signature + len, sizeof(signature) - len, "%s", type);
		}
		if (!closed || !*name)
			continue;
		if (!anybody_may(interface, name)) {
			assert_refused(bus, path, interface, name, signature);
			n++;
		}
		*name = '\0';
	}
	sd_bus_message_unref(reply);
	return n;
}

static void every_gate_is_shut(sd_bus *bus)
{
	ck_assert_uint_ge(every_method_is_refused(bus, ROOT, MANAGER), 25);
	ck_assert_uint_ge(every_method_is_refused(bus, f.gun_path, GUN), 2);
}

START_TEST(a_stranger_may_call_nothing_where_there_is_no_polkit)
{
	every_gate_is_shut(f.bus);
}
END_TEST

START_TEST(a_stranger_may_call_nothing_to_which_polkit_says_no)
{
	with_polkit(POLKIT_NO);
	every_gate_is_shut(f.bus);
	ck_assert_uint_ge(polkit.facts->asked, 10);
}
END_TEST

START_TEST(a_stranger_may_call_nothing_of_a_session_even_if_polkit_says_yes_to_all)
{
	sd_bus *other;

	registered();
	mesod_fixture_open_session(&f);
	other = mesod_fixture_connect(&f);
	ck_assert_uint_ge(every_method_is_refused(other, f.session, SESSION), 8);
	sd_bus_close_unref(other);
}
END_TEST

/* ---- what polkit is asked ------------------------------------------------------------- */

static void assert_asked(const char *action)
{
	const char *name;

	ck_assert_str_eq(polkit.facts->action, action);
	ck_assert_int_ge(sd_bus_get_unique_name(f.bus, &name), 0);
	ck_assert_str_eq(polkit.facts->subject, name);
}

START_TEST(polkit_is_asked_about_the_connection_that_called_and_for_the_right_thing)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	unsigned int asked;

	with_polkit(POLKIT_YES);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "RegisterOperator", NULL, NULL, "usss",
				    (uint32_t)getuid(), "Dr. Test", "L-1", "2999-12-31"),
			 0);
	assert_asked("org.mesod1.administer");
	mesod_fixture_next_patient(&f);
	assert_asked("org.mesod1.operate");
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "ReloadFormulary", NULL, NULL, ""), 0);
	assert_asked("org.mesod1.configure");
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "VerifyLedger", NULL, NULL, ""), 0);
	assert_asked("org.mesod1.operate");
	/* Refused for want of a fault, but it was asked for. */
	(void)mesod_call(f.bus, f.gun_path, GUN, "ClearFaults", &error, NULL, "astu", 0,
			 (uint64_t)0, 0u);
	sd_bus_error_free(&error);
	assert_asked("org.mesod1.clear-fault");

	/* Once for a session: what belongs to it asks no more. */
	mesod_fixture_open_session(&f);
	assert_asked("org.mesod1.operate");
	asked = polkit.facts->asked;
	mesod_fixture_load(&f);
	mesod_fixture_prime(&f, 60000);
	mesod_fixture_arm(&f, 20000, 2);
	mesod_fixture_shoot(&f);
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Disarm", NULL, NULL, ""), 0);
	ck_assert_uint_eq(polkit.facts->asked, asked);
	mesod_fixture_assert_covered(&f);
}
END_TEST

START_TEST(who_is_no_operator_may_read_the_ledger_if_polkit_says_so_and_nothing_else)
{
	with_polkit(POLKIT_YES);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "VerifyLedger", NULL, NULL, ""), 0);
	assert_asked("org.mesod1.read-ledger");
	ck_assert_refused(f.bus, "NotOperator", ROOT, MANAGER, "AddPatient", "sssu", "P-1",
			  "Jane Doe", "1940-02-29", 70000u);
	ck_assert_refused(f.bus, "Denied", ROOT, MANAGER, "Stop", "");
}
END_TEST

START_TEST(a_password_is_asked_for_only_if_the_caller_allows_that)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;

	with_polkit(POLKIT_CHALLENGE);
	ck_assert_int_lt(mesod_call(f.bus, ROOT, MANAGER, "VerifyLedger", &error, NULL, ""), 0);
	ck_assert_str_eq(error.name, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
	ck_assert_uint_eq(polkit.facts->flags, 0);
	sd_bus_error_free(&error);
	ck_assert_int_ge(sd_bus_message_new_method_call(f.bus, &call, "org.mesod1", ROOT, MANAGER,
							"VerifyLedger"),
			 0);
	ck_assert_int_ge(sd_bus_message_set_allow_interactive_authorization(call, 1), 0);
	ck_assert_int_ge(sd_bus_call(f.bus, call, 0, NULL, NULL), 0);
	ck_assert_uint_eq(polkit.facts->flags, 1);
	sd_bus_message_unref(call);
}
END_TEST

/* Between <action id="ID"> and </action>; to be freed. */
static char *action_text(const char *policy, const char *id)
{
	char opening[80];
	const char *begin, *end;

	snprintf(opening, sizeof(opening), "<action id=\"%s\">", id);
	begin = strstr(policy, opening);
	ck_assert_msg(begin, "the policy does not know %s", id);
	end = strstr(begin, "</action>");
	ck_assert_ptr_nonnull(end);
	return strndup(begin, (size_t)(end - begin));
}

START_TEST(every_action_has_a_policy_that_gives_nothing_away_and_is_mesods_own)
{
	static const char *const ids[] = { "org.mesod1.operate",     "org.mesod1.read-ledger",
					   "org.mesod1.clear-fault", "org.mesod1.override",
					   "org.mesod1.configure",   "org.mesod1.administer" };
	static char policy[16384];
	FILE *file = fopen("daemon/data/org.mesod1.policy", "r");

	ck_assert_ptr_nonnull(file);
	policy[fread(policy, 1, sizeof(policy) - 1, file)] = '\0';
	fclose(file);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char *text = action_text(policy, ids[i]);

		/* polkit answers only root and owners about others, and mesod is not root. */
		ck_assert_ptr_nonnull(strstr(
			text,
			"<annotate key=\"org.freedesktop.policykit.owner\">unix-user:mesod<"));
		ck_assert_ptr_null(strstr(text, ">yes<"));
		ck_assert_ptr_nonnull(strstr(text, "<allow_any>auth_"));
		free(text);
	}
}
END_TEST

/* ---- a stop ------------------------------------------------------------------------------ */

START_TEST(a_stop_asks_nobody)
{
	registered();
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	mesod_fixture_shoot(&f);
	mock_polkit_stop(&polkit);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	gun_fixture_wait_disarmed(&f.gun, 500);
	with_polkit(POLKIT_YES); /* for what is looked up */
	mesod_fixture_assert_covered(&f);
}
END_TEST

START_TEST(a_reason_to_pass_a_soft_limit_is_another_thing_to_be_allowed)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	registered();
	mesod_fixture_ready_to_arm(&f);
	judge(POLKIT_NO);
	ck_assert_int_lt(mesod_call(f.bus, f.session, SESSION, "Arm", &error, NULL, "a{sv}", 5,
				    "dose_nl", "u", 60000u, "shots", "u", 2u, "depth_um", "u",
				    2000u, "area", "s", FIXTURE_AREA, "override", "s", "a scar"),
			 0);
	ck_assert_str_eq(error.name, "org.mesod1.Error.Denied");
	assert_asked("org.mesod1.override");
	sd_bus_error_free(&error);
	judge(POLKIT_YES);
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Arm", &error, NULL, "a{sv}", 5,
				    "dose_nl", "u", 60000u, "shots", "u", 2u, "depth_um", "u",
				    2000u, "area", "s", FIXTURE_AREA, "override", "s", "a scar"),
			 0);
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Disarm", NULL, NULL, ""), 0);
}
END_TEST

static int on_refusal(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	char *name = userdata;

	(void)error;
	snprintf(name, 80, "%s",
		 sd_bus_message_is_method_error(answer, NULL)
			 ? sd_bus_message_get_error(answer)->name
			 : "done");
	return 1;
}

static void call_later(sd_bus *bus, const char *method, char *name)
{
	*name = '\0';
	ck_assert_int_ge(sd_bus_call_method_async(bus, NULL, "org.mesod1", ROOT, MANAGER, method,
						  on_refusal, name, ""),
			 0);
	ck_assert_int_ge(sd_bus_flush(bus), 0);
}

START_TEST(an_arm_that_waits_for_polkit_is_not_done_after_a_stop)
{
	struct meso_status status;
	char name[80] = "";

	registered();
	mesod_fixture_ready_to_arm(&f);
	judge(POLKIT_HANGS);
	ck_assert_int_ge(sd_bus_call_method_async(f.bus, NULL, "org.mesod1", f.session, SESSION,
						  "Arm", on_refusal, name, "a{sv}", 5, "dose_nl",
						  "u", 60000u, "shots", "u", 2u, "depth_um", "u",
						  2000u, "area", "s", FIXTURE_AREA, "override", "s",
						  "a scar"),
			 0);
	wait_until(polkit.facts->kept == 1);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	wait_until(*name);
	ck_assert_str_eq(name, "org.mesod1.Error.Interlock");
	wait_until(polkit.facts->taken_back == 1);
	judge(POLKIT_YES);
	/* It says yes to what is not asked any more. */
	wait_until(!polkit.facts->kept);
	mesod_fixture_process_for(&f, 200);
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.state, MESO_STATE_IDLE);
}
END_TEST

/* ---- a polkit that is ill ------------------------------------------------------------------- */

START_TEST(a_polkit_that_dies_or_babbles_is_a_no)
{
	with_polkit(POLKIT_BABBLES);
	ck_assert_refused(f.bus, "Denied", ROOT, MANAGER, "VerifyLedger", "");
	judge(POLKIT_DIES);
	ck_assert_refused(f.bus, "Denied", ROOT, MANAGER, "VerifyLedger", "");
	ck_assert_refused(f.bus, "Denied", ROOT, MANAGER, "VerifyLedger", "");
}
END_TEST

START_TEST(a_polkit_that_hangs_is_at_nobody_elses_cost)
{
	char name[5][80];
	sd_bus *other;

	registered();
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	other = mesod_fixture_connect(&f);
	judge(POLKIT_HANGS);
	for (int i = 0; i < 4; i++)
		call_later(other, "VerifyLedger", name[i]);
	wait_until(polkit.facts->kept == 4);
	/* One more of the same caller is too many; the lease lives, and shots are counted. */
	ck_assert_refused(other, "Limit", ROOT, MANAGER, "VerifyLedger", "");
	mesod_fixture_shoot(&f);
	mesod_fixture_shoot(&f);
	/* Nobody waits for it in order to stop. */
	ck_assert_int_ge(mesod_call(other, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	gun_fixture_wait_disarmed(&f.gun, 500);
	/* Who leaves takes the questions along. */
	sd_bus_close_unref(other);
	wait_until(polkit.facts->taken_back == 4);
	judge(POLKIT_YES);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "VerifyLedger", NULL, NULL, ""), 0);
	mesod_fixture_assert_covered(&f);
}
END_TEST

START_TEST(who_is_no_operator_any_more_when_polkit_answers_may_not)
{
	char first[80] = "", second[80];

	registered();
	judge(POLKIT_HANGS);
	ck_assert_int_ge(sd_bus_call_method_async(f.bus, NULL, "org.mesod1", ROOT, MANAGER,
						  "AddPatient", on_refusal, first, "sssu", "P-9",
						  "Jane Doe", "1940-02-29", 70000u),
			 0);
	wait_until(polkit.facts->kept == 1);
	ck_assert_int_ge(sd_bus_call_method_async(f.bus, NULL, "org.mesod1", ROOT, MANAGER,
						  "EraseOperator", on_refusal, second, "us",
						  (uint32_t)getuid(), "has left"),
			 0);
	*second = '\0';
	wait_until(polkit.facts->kept == 2);
	judge(POLKIT_YES_TO_ONE);
	wait_until(*second);
	ck_assert_str_eq(second, "done");
	judge(POLKIT_YES);
	wait_until(*first);
	ck_assert_str_eq(first, "org.mesod1.Error.NotOperator");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod_polkit");
	TCase *tests = tcase_create("polkit");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_stranger_may_call_nothing_where_there_is_no_polkit);
	tcase_add_test(tests, a_stranger_may_call_nothing_to_which_polkit_says_no);
	tcase_add_test(tests,
		       a_stranger_may_call_nothing_of_a_session_even_if_polkit_says_yes_to_all);
	tcase_add_test(tests,
		       polkit_is_asked_about_the_connection_that_called_and_for_the_right_thing);
	tcase_add_test(tests,
		       who_is_no_operator_may_read_the_ledger_if_polkit_says_so_and_nothing_else);
	tcase_add_test(tests, a_password_is_asked_for_only_if_the_caller_allows_that);
	tcase_add_test(tests, every_action_has_a_policy_that_gives_nothing_away_and_is_mesods_own);
	tcase_add_test(tests, a_stop_asks_nobody);
	tcase_add_test(tests, a_reason_to_pass_a_soft_limit_is_another_thing_to_be_allowed);
	tcase_add_test(tests, an_arm_that_waits_for_polkit_is_not_done_after_a_stop);
	tcase_add_test(tests, a_polkit_that_dies_or_babbles_is_a_no);
	tcase_add_test(tests, a_polkit_that_hangs_is_at_nobody_elses_cost);
	tcase_add_test(tests, who_is_no_operator_any_more_when_polkit_answers_may_not);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
