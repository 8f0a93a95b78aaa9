// SPDX-License-Identifier: GPL-2.0-only
/*
 * See rules_fixture.h.
 */
#include "rules_fixture.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEEN_MAX 128

/* One of each sort of substance, with round bounds. */
static const char rules_formulary[] =
	"[substance water]\nname = Water\nmeasured-in = mass\nno-limit = yes; tests\n"
	"[substance tonic]\nname = Tonic\nmeasured-in = mass\nallergies = herbs\n"
	"conditions = gout\n"
	"shot-soft = 100 ug; tests\nshot-hard = 200 ug; tests\n"
	"session-soft = 1 mg; tests\nsession-hard = 2 mg; tests\n"
	"24h-soft = 3 mg; tests\n24h-hard = 4 mg; tests\n"
	"course-soft = 5 mg; tests\ncourse-hard = 6 mg; tests\n"
	"interval = 10 d; tests\ncourse-sessions = 2 sessions; tests\n"
	"[substance lidocaine]\nname = Lidocaine\nmeasured-in = mass\nanaesthetic = yes\n"
	"24h-soft = 240 mg; label\n24h-hard = 300 mg; label\n"
	"24h-per-kg-soft = 3.6 mg/kg; label\n24h-per-kg-hard = 4.5 mg/kg; label\n"
	"[substance lidocaine-epinephrine]\nname = Lidocaine with epinephrine\nmeasured-in = mass\n"
	"anaesthetic = yes\nvasoconstrictor = yes\nplain = lidocaine\n"
	"24h-soft = 400 mg; label\n24h-hard = 500 mg; label\n"
	"24h-per-kg-soft = 5.6 mg/kg; label\n24h-per-kg-hard = 7 mg/kg; label\n"
	"[substance procaine]\nname = Procaine\nmeasured-in = mass\nanaesthetic = yes\n"
	"24h-soft = 480 mg; label\n24h-hard = 600 mg; label\n"
	"24h-per-kg-soft = 5.6 mg/kg; label\n24h-per-kg-hard = 7 mg/kg; label\n"
	"[substance hyaluronidase]\nname = Hyaluronidase\nmeasured-in = activity\nspreading = yes\n"
	"session-soft = 150 IU; label\nsession-hard = 300 IU; label\n"
	"[substance deoxycholate]\nname = Deoxycholate\nmeasured-in = mass\nby-hand-only = yes\n"
	"unmixed = yes\nsession-hard = 100 mg; label\ninterval = 1 month; label\n"
	"course-sessions = 6 sessions; label\n"
	"[preparation test]\nname = Water\ncomponents = water 10 mg/mL; tests\ncartridge = 1\n"
	"viscosity = 1 mPa.s; tests\n"
	"[preparation wide]\nname = Water for pain\ncomponents = water 10 mg/mL; tests\n"
	"cartridge = 2\nviscosity = 1 mPa.s; tests\n"
	"shot-volume-soft = 100 uL; tests\nshot-volume-hard = 200 uL; tests\n"
	"[preparation tonic]\nname = Tonic\ncomponents = tonic 1 mg/mL; tests\ncartridge = 3\n"
	"viscosity = 1 mPa.s; tests\n"
	"[preparation lido]\nname = Lidocaine\ncomponents = lidocaine 20 mg/mL; tests\n"
	"cartridge = 4\nviscosity = 1 mPa.s; tests\n"
	"[preparation lido-epi]\nname = Lidocaine with epinephrine\n"
	"components = lidocaine-epinephrine 20 mg/mL; tests\ncartridge = 5\n"
	"viscosity = 1 mPa.s; tests\n"
	"[preparation proc]\nname = Procaine\ncomponents = procaine 20 mg/mL; tests\n"
	"cartridge = 6\nviscosity = 1 mPa.s; tests\n"
	"[preparation hyal]\nname = Hyaluronidase\ncomponents = hyaluronidase 150 IU/mL; tests\n"
	"cartridge = 7\nviscosity = 1 mPa.s; tests\n"
	"[preparation deoxy]\nname = Deoxycholate\ncomponents = deoxycholate 10 mg/mL; tests\n"
	"cartridge = 8\nviscosity = 1 mPa.s; tests\n"
	"[substance strong]\nname = Strong\nmeasured-in = mass\n"
	"shot-soft = 10 ug; tests\nshot-hard = 20 ug; tests\n"
	"[preparation strong]\nname = Strong\ncomponents = strong 1 mg/mL; tests\ncartridge = 9\n"
	"viscosity = 1 mPa.s; tests\n"
	"[area field]\nname = A field\ndepth = 1 mm to 4 mm; tests\nsize = 1000 cm2; tests\n"
	"[area face]\nname = Face\ndepth = 1 mm to 2 mm; tests\nsize = 1 cm2; tests\n";

struct asking plain_asking(void)
{
	return (struct asking){ .preparation = "test",
				.area = "field",
				.dose_nl = 20000,
				.shots = 1,
				.depth_um = 2000 };
}

void rules_start(struct mesod_fixture *f)
{
	mesod_fixture_start_bare(f, NULL, NULL);
	mesod_fixture_signal(f, SIGTERM);
	f->formulary = rules_formulary;
	/* a rate that the message itself may have, and the rule refuses */
	f->config = "[limits]\nrate-hard = 8 /s\n";
	mesod_fixture_run_daemon(f);
	mesod_fixture_register(f);
}

void rules_date(int64_t days, char text[16])
{
	const time_t now = time(NULL);
	struct tm tm;

	ck_assert_ptr_nonnull(localtime_r(&now, &tm));
	tm.tm_mday += (int)days;
	tm.tm_hour = 12;
	tm.tm_isdst = -1;
	ck_assert(mktime(&tm) != (time_t)-1);
	ck_assert_uint_gt(strftime(text, 16, "%Y-%m-%d", &tm), 0);
}

static sd_bus_message *new_call(const struct mesod_fixture *f, const char *path,
				const char *interface, const char *member)
{
	sd_bus_message *call = NULL;

	ck_assert_int_ge(sd_bus_message_new_method_call(f->bus, &call, "org.mesod1", path,
							interface, member),
			 0);
	return call;
}

static void append_word(sd_bus_message *call, const char *key, const char *word)
{
	if (word)
		ck_assert_int_ge(sd_bus_message_append(call, "{sv}", key, "as", 1, word), 0);
}

void rules_assess(struct mesod_fixture *f, const char *patient, bool consent, bool elsewhere,
		  const char *allergy, const char *condition)
{
	sd_bus_message *call = new_call(f, ROOT, MANAGER, "Assess");
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char today[16];

	rules_date(f->days, today);
	ck_assert_int_ge(sd_bus_message_append(call, "s", patient), 0);
	ck_assert_int_ge(sd_bus_message_open_container(call, 'a', "{sv}"), 0);
	ck_assert_int_ge(sd_bus_message_append(call, "{sv}{sv}{sv}", "today", "s", today, "consent",
					       "b", (int)consent, "elsewhere_asked", "b",
					       (int)elsewhere),
			 0);
	append_word(call, "allergies", allergy);
	append_word(call, "conditions", condition);
	ck_assert_int_ge(sd_bus_message_close_container(call), 0);
	ck_assert_msg(sd_bus_call(f->bus, call, 0, &error, NULL) >= 0, "%s", error.message);
	sd_bus_message_unref(call);
}

void rules_patient(struct mesod_fixture *f, const char *birth_date, uint32_t mass_g, bool bare,
		   char ret[16])
{
	static unsigned int count;

	snprintf(ret, 16, "R-%u", ++count);
	ck_assert_int_ge(mesod_call(f->bus, ROOT, MANAGER, "AddPatient", NULL, NULL, "sssu", ret,
				    "Rosa Rule", birth_date ? birth_date : "1970-01-31", mass_g),
			 0);
	if (!bare)
		rules_assess(f, ret, true, true, NULL, NULL);
}

void rules_gave(struct mesod_fixture *f, const char *patient, const char *preparation,
		uint32_t volume_nl, int64_t ago_s)
{
	ck_assert_int_ge(mesod_call(f->bus, ROOT, MANAGER, "RecordDose", NULL, NULL, "sa{sv}",
				    patient, 4, "kind", "s", "elsewhere", "preparation", "s",
				    preparation, "volume_nl", "u", volume_nl, "given", "x",
				    (int64_t)time(NULL) + (int64_t)f->days * 86400 - ago_s),
			 0);
}

/* ---- verdicts -------------------------------------------------------------------------- */

static struct {
	char rule[RULES_ID_MAX];
	char severity[8];
} seen[SEEN_MAX];

void rules_saw(const struct verdict *v)
{
	for (size_t i = 0; i < SEEN_MAX; i++) {
		if (!*seen[i].rule) {
			snprintf(seen[i].rule, sizeof(seen[i].rule), "%s", v->rule);
			snprintf(seen[i].severity, sizeof(seen[i].severity), "%s", v->severity);
			return;
		}
		if (strcmp(seen[i].rule, v->rule) == 0 &&
		    strcmp(seen[i].severity, v->severity) == 0)
			return;
	}
	ck_abort_msg("no room for what was seen");
}

bool rules_seen(const char *rule, const char *severity)
{
	for (size_t i = 0; i < SEEN_MAX && *seen[i].rule; i++)
		if (strcmp(seen[i].rule, rule) == 0 && strcmp(seen[i].severity, severity) == 0)
			return true;
	return false;
}

static void append_asking(sd_bus_message *call, const struct asking *a, bool check)
{
	ck_assert_int_ge(sd_bus_message_open_container(call, 'a', "{sv}"), 0);
	ck_assert_int_ge(sd_bus_message_append(call, "{sv}{sv}{sv}{sv}", "dose_nl", "u", a->dose_nl,
					       "shots", "u", a->shots, "depth_um", "u", a->depth_um,
					       "area", "s", a->area),
			 0);
	if (check)
		ck_assert_int_ge(
			sd_bus_message_append(call, "{sv}", "preparation", "s", a->preparation), 0);
	if (a->area_mm2)
		ck_assert_int_ge(sd_bus_message_append(call, "{sv}", "area_mm2", "u", a->area_mm2),
				 0);
	if (a->mode)
		ck_assert_int_ge(sd_bus_message_append(call, "{sv}", "mode", "s", a->mode), 0);
	if (a->rate_mhz)
		ck_assert_int_ge(sd_bus_message_append(call, "{sv}", "rate_mhz", "u", a->rate_mhz),
				 0);
	if (a->expiry_ms)
		ck_assert_int_ge(
			sd_bus_message_append(call, "{sv}", "expiry_ms", "u", a->expiry_ms), 0);
	if (a->override)
		ck_assert_int_ge(sd_bus_message_append(call, "{sv}", "override", "s", a->override),
				 0);
	ck_assert_int_ge(sd_bus_message_close_container(call), 0);
}

static void read_text(sd_bus_message *reply, char *buf, size_t size)
{
	const char *text;

	ck_assert_int_ge(sd_bus_message_read(reply, "v", "s", &text), 0);
	snprintf(buf, size, "%s", text);
}

static void read_entry(sd_bus_message *reply, struct verdict *v)
{
	const struct {
		const char *key;
		uint64_t *value;
	} numbers[] = {
		{ "limit", &v->limit }, { "soft_limit", &v->soft_limit }, { "spent", &v->spent },
		{ "asked", &v->asked }, { "allowed", &v->allowed },
	};
	const char *key;

	ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &key), 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(key, numbers[i].key) != 0)
			continue;
		ck_assert_int_ge(sd_bus_message_read(reply, "v", "t", numbers[i].value), 0);
		return;
	}
	if (strcmp(key, "when") == 0)
		ck_assert_int_ge(sd_bus_message_read(reply, "v", "x", &v->when), 0);
	else if (strcmp(key, "rule") == 0)
		read_text(reply, v->rule, sizeof(v->rule));
	else if (strcmp(key, "severity") == 0)
		read_text(reply, v->severity, sizeof(v->severity));
	else if (strcmp(key, "unit") == 0)
		read_text(reply, v->unit, sizeof(v->unit));
	else if (strcmp(key, "what") == 0)
		read_text(reply, v->what, sizeof(v->what));
	else
		read_text(reply, v->text, sizeof(v->text));
}

/* @each: called with all of them, worst first */
static void read_verdicts(sd_bus_message *reply, void (*each)(const struct verdict *v, void *),
			  void *userdata)
{
	struct verdict v;

	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "a{sv}"), 0);
	while (sd_bus_message_enter_container(reply, 'a', "{sv}") > 0) {
		memset(&v, 0, sizeof(v));
		while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
			read_entry(reply, &v);
			ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
		}
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
		each(&v, userdata);
	}
	ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

struct wanted {
	const char *rule;
	struct verdict v;
};

static void pick(const struct verdict *v, void *userdata)
{
	struct wanted *w = userdata;

	if (strcmp(v->rule, w->rule) == 0)
		w->v = *v;
}

static struct verdict picked(const struct wanted *w)
{
	ck_assert_msg(*w->v.rule != '\0', "nothing is said of %s", w->rule);
	rules_saw(&w->v);
	return w->v;
}

struct verdict rules_check(struct mesod_fixture *f, const char *patient,
			   const struct asking *asking, const char *rule, bool *ret_allowed)
{
	sd_bus_message *call = new_call(f, ROOT, MANAGER, "Check"), *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct wanted w = { .rule = rule };
	int allowed;

	ck_assert_int_ge(sd_bus_message_append(call, "s", patient), 0);
	append_asking(call, asking, true);
	ck_assert_msg(sd_bus_call(f->bus, call, 0, &error, &reply) >= 0, "%s", error.message);
	ck_assert_int_ge(sd_bus_message_read(reply, "b", &allowed), 0);
	read_verdicts(reply, pick, &w);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(call);
	if (ret_allowed)
		*ret_allowed = allowed;
	return picked(&w);
}

struct verdict rules_in_session(struct mesod_fixture *f, const char *rule)
{
	struct wanted w = { .rule = rule };
	sd_bus_message *reply = NULL;
	const char *key;

	ck_assert_int_ge(mesod_call(f->bus, f->session, SESSION, "GetDetails", NULL, &reply, ""),
			 0);
	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &key), 0);
		if (strcmp(key, "limits") == 0) {
			ck_assert_int_ge(sd_bus_message_enter_container(reply, 'v', "aa{sv}"), 0);
			read_verdicts(reply, pick, &w);
			ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
		} else {
			ck_assert_int_ge(sd_bus_message_skip(reply, "v"), 0);
		}
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
	sd_bus_message_unref(reply);
	return picked(&w);
}

void rules_arm(struct mesod_fixture *f, const struct asking *asking, char ret[64])
{
	sd_bus_message *call = new_call(f, f->session, SESSION, "Arm");
	sd_bus_error error = SD_BUS_ERROR_NULL;

	append_asking(call, asking, false);
	ret[0] = '\0';
	if (sd_bus_call(f->bus, call, 0, &error, NULL) >= 0) {
		ck_assert_int_ge(mesod_call(f->bus, f->session, SESSION, "Disarm", NULL, NULL, ""),
				 0);
	} else if (strcmp(error.name, "org.mesod1.Error.DoseLimit") == 0) {
		ck_assert_int_eq(sscanf(error.message, "rule=%63s", ret), 1);
	} else {
		snprintf(ret, 64, "%s", error.name + strlen("org.mesod1.Error."));
	}
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
}

struct listing {
	char *buf;
	size_t size;
};

static void list_one(const struct verdict *v, void *userdata)
{
	const struct listing *l = userdata;
	size_t used = strlen(l->buf);

	snprintf(l->buf + used, l->size - used, "%s%s", used ? " " : "", v->rule);
}

void rules_list(struct mesod_fixture *f, char *buf, size_t size)
{
	sd_bus_message *call = new_call(f, ROOT, MANAGER, "Check"), *reply = NULL;
	const struct asking asking = plain_asking();
	struct listing listing = { buf, size };
	int allowed;

	buf[0] = '\0';
	ck_assert_int_ge(sd_bus_message_append(call, "s", FIXTURE_PATIENT), 0);
	append_asking(call, &asking, true);
	ck_assert_int_ge(sd_bus_call(f->bus, call, 0, NULL, &reply), 0);
	ck_assert_int_ge(sd_bus_message_read(reply, "b", &allowed), 0);
	read_verdicts(reply, list_one, &listing);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(call);
}
