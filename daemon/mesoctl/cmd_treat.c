// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl treat: one session from its opening to its summary, line by line.
 *
 * Owns the order: check, open, load, prime, arm, shots, close.  Whatever happens
 * in between, the end is always the same: disarm, close, and if mesod does not
 * answer, close the lease's descriptor, which disarms as well.
 */
#include <fcntl.h>
#include <string.h>

#include "treat.h"

#define SYRINGE_DEFAULT        \
	{                      \
		5000000, 12060 \
	}
#define PRIME_DEFAULT_NL 50000u /* the dead volume of the needle's path */
#define PRIME_TIMEOUT_MS 60000u
#define READY_LOOKS      100
#define READY_LOOK_USEC  100000

/* A call without arguments.  With @quiet, only the exit code tells: enough has been said. */
static int session_call(struct treat *t, const char *method, json_t **ret, bool quiet)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r, code = ctl_message(t->ctl, t->session, MESOD_SESSION, method, &call);

	if (code != CTL_OK)
		return code;
	treat_end_line(t);
	r = sd_bus_call(t->ctl->bus, call, 0, &error, &reply);
	if (r < 0)
		return quiet ? (int)ctl_exit_of_error(error.name, r)
			     : ctl_complain(t->ctl, &error, r);
	if (ret)
		*ret = ctl_read_json(reply);
	return CTL_OK;
}

/* mesod has compared the gun with its ledger; one that does not say has, or says why not when the session is opened. */
static bool is_ready(const struct treat *t)
{
	int ready;

	return sd_bus_get_property_trivial(t->ctl->bus, MESOD_NAME, t->gun_path, MESOD_GUN, "Ready",
					   NULL, 'b', &ready) < 0 ||
	       ready;
}

static bool never(const struct treat *t)
{
	(void)t;
	return false;
}

/* A gun that was plugged in a moment ago. */
static int await_ready(struct treat *t)
{
	for (unsigned int i = 0; i < READY_LOOKS && !is_ready(t); i++) {
		if (i == 0)
			treat_say(t, "waiting", "until gun %s has been compared with the ledger",
				  ctl_text(t->gun, "Serial"));
		if (!treat_wait(t, never, READY_LOOK_USEC) && t->doubt)
			return t->code;
	}
	return CTL_OK;
}

static int open_session(struct treat *t)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *path;
	int fd, r,
		code = ctl_call(t->ctl, MESOD_PATH, MESOD_MANAGER, "OpenSession", &reply, "osa{sv}",
				t->gun_path, t->o->request.patient, 1, "keep_alive", "b", 1);

	if (code != CTL_OK)
		return code;
	r = sd_bus_message_read(reply, "oh", &path, &fd);
	if (r < 0)
		return ctl_fail(t->ctl, CTL_FAILED,
				"mesod's answer makes no sense: is it of this version?");
	t->session = strdup(path);
	t->lease_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (!t->session || t->lease_fd < 0)
		return ctl_fail(t->ctl, CTL_FAILED, "no room for the session's descriptor");
	treat_say(t, "session", "open on gun %s", ctl_text(t->gun, "Serial"));
	return treat_listen_session(t);
}

static int load(struct treat *t)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	const struct treat_options *o = t->o;
	char volume[INJ_TEXT_MAX], bore[INJ_TEXT_MAX];
	int r, code = ctl_message(t->ctl, t->session, MESOD_SESSION, "Load", &call);

	if (code != CTL_OK)
		return code;
	r = sd_bus_message_open_container(call, 'a', "{sv}");
	if (r >= 0)
		r = ctl_append_text(call, "preparation", o->request.preparation);
	if (r >= 0)
		r = ctl_append_u32(call, "bore_um", o->syringe.bore_um);
	if (r >= 0)
		r = ctl_append_u32(call, "capacity_nl", o->syringe.capacity_nl);
	if (r >= 0 && o->viscosity_upas)
		r = ctl_append_u32(call, "viscosity_upas", o->viscosity_upas);
	if (r >= 0 && o->needle_um)
		r = ctl_append_u32(call, "needle_um", o->needle_um);
	if (r >= 0 && o->needle_length_um)
		r = ctl_append_u32(call, "needle_length_um", o->needle_length_um);
	if (r >= 0 && o->needles)
		r = ctl_append_u32(call, "needles", o->needles);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	if (r < 0)
		return ctl_fail(t->ctl, CTL_FAILED, "cannot load: %s", strerrordesc_np(-r));
	code = ctl_send(t->ctl, call, &reply);
	if (code == CTL_OK)
		treat_say(t, "load", "%s in a %s syringe, bore %s", o->request.preparation,
			  inj_format(INJ_VOLUME, o->syringe.capacity_nl, volume),
			  inj_format(INJ_LENGTH, o->syringe.bore_um, bore));
	return code;
}

static bool lease_is_over(const struct treat *t)
{
	return !t->lease_live;
}

static bool is_primed(const struct treat *t)
{
	return t->primed;
}

/* mesod has granted a lease: from here on its end is awaited. */
static int begin_lease(struct treat *t, sd_bus_message *reply, enum treat_phase phase)
{
	const char *lease;
	uint64_t reserved;

	if (sd_bus_message_read(reply, "st", &lease, &reserved) < 0)
		return ctl_fail(t->ctl, CTL_FAILED,
				"mesod's answer makes no sense: is it of this version?");
	free(t->lease);
	t->lease = strdup(lease);
	if (!t->lease)
		return ctl_fail(t->ctl, CTL_FAILED, "out of memory");
	t->lease_live = true;
	t->idle_usec = 0;
	t->lease_settled = false;
	t->phase = phase;
	return CTL_OK;
}

/* What the end of a lease means for the exit status. */
static int judge_end(struct treat *t)
{
	static const struct {
		const char *reason;
		enum ctl_exit code;
		const char *text;
	} ends[] = {
		{ "spent", CTL_OK, "" },
		{ "disarm", CTL_FAILED,
		  "disarmed from elsewhere (`mesoctl stop`, or mesod itself)" },
		{ "expired", CTL_FAILED, "its time ran out" },
		{ "removed", CTL_NO_GUN, "the gun was unplugged" },
		{ "close", CTL_NO_DAEMON, "mesod let go of the gun" },
		{ "fault", CTL_INTERLOCK, "a fault stopped the gun: `mesoctl status` names it" },
		{ "heartbeat", CTL_INTERLOCK, "the gun heard no heartbeat" },
		{ "suspend", CTL_INTERLOCK, "the machine goes to sleep" },
		{ "overrun", CTL_INTERLOCK, "the gun delivered more than it was allowed" },
		{ "stale", CTL_INTERLOCK, "the gun stopped reporting" },
		{ "reboot", CTL_INTERLOCK, "the gun restarted" },
		{ "reset", CTL_INTERLOCK, "the USB bus that the gun is on was reset" },
		{ "contact", CTL_INTERLOCK, "the gun touched skin during the prime" },
	};
	const char *reason = t->lease_reason ? t->lease_reason : "";

	enum ctl_exit code = CTL_INTERLOCK;
	const char *text = reason;

	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
		if (strcmp(ends[i].reason, reason) != 0)
			continue;
		code = ends[i].code;
		text = ends[i].text;
	}
	if (t->lease_settled)
		return code == CTL_OK ? CTL_OK
				      : ctl_fail(t->ctl, code, "the lease ended early: %s", text);
	/* What is wrong with the gun says more than that the books are open because of it. */
	if (code == CTL_OK || code == CTL_FAILED)
		code = CTL_LEDGER;
	return ctl_fail(
		t->ctl, code,
		"the lease ended (%s) and is not settled: what it reserved counts as given until the "
		"gun's log proves otherwise",
		*text ? text : reason);
}

static int prime(struct treat *t)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	uint32_t volume = t->o->prime_nl ? t->o->prime_nl : PRIME_DEFAULT_NL;
	char text[INJ_TEXT_MAX];
	int r, code;

	if (t->o->no_prime)
		return CTL_OK;
	/* Before the first telemetry nothing is known of the needle. */
	treat_wait(t, is_primed, 300000);
	if (t->doubt)
		return t->code;
	if (t->primed && !t->o->prime_nl) {
		treat_say(t, "prime", "this syringe is primed already");
		return CTL_OK;
	}
	code = ctl_message(t->ctl, t->session, MESOD_SESSION, "Prime", &call);
	if (code != CTL_OK)
		return code;
	r = sd_bus_message_append(call, "u", volume);
	if (r >= 0)
		r = ctl_request_append_place(call, &t->o->request);
	if (r < 0)
		return ctl_fail(t->ctl, CTL_USAGE,
				"mesod cannot be told that: is it valid UTF-8 text?");
	code = treat_send(t, call, &reply);
	if (code == CTL_OK)
		code = begin_lease(t, reply, TREAT_PRIMING);
	if (code != CTL_OK)
		return code;
	treat_say(t, "prime", "%s: hold the gun off the skin, needle up, and pull the trigger",
		  inj_format(INJ_VOLUME, volume, text));
	if (!treat_wait(t, lease_is_over, t->o->prime_timeout_ms * 1000ULL)) {
		if (t->doubt)
			return t->code;
		return ctl_fail(
			t->ctl, CTL_INTERLOCK,
			"the trigger was not pulled in %s: not primed, not armed. Run it again when "
			"you are ready",
			inj_format(INJ_TIME, t->o->prime_timeout_ms, text));
	}
	code = judge_end(t);
	if (code != CTL_OK)
		return code;
	/* The flag is in the next frame. */
	if (!treat_wait(t, is_primed, 2000000))
		return t->doubt
			       ? t->code
			       : ctl_fail(
					 t->ctl, CTL_INTERLOCK,
					 "the gun does not say that it is primed: look at the needle, and "
					 "prime with more, as in --prime '100 uL'");
	t->phase = TREAT_READY;
	treat_say(t, "primed", "let go of the trigger");
	return CTL_OK;
}

static int arm(struct treat *t)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	const struct ctl_request *request = &t->o->request;
	char dose[INJ_TEXT_MAX], depth[INJ_TEXT_MAX];
	int r, code = ctl_message(t->ctl, t->session, MESOD_SESSION, "Arm", &call);

	if (code != CTL_OK)
		return code;
	r = ctl_request_append(call, request, false);
	if (r < 0)
		return ctl_fail(t->ctl, CTL_USAGE,
				"mesod cannot be told that: is it valid UTF-8 text?");
	treat_end_line(t);
	code = treat_send(t, call, &reply);
	if (code == CTL_OK)
		code = begin_lease(t, reply, TREAT_ARMED);
	if (code == CTL_OK)
		treat_say(t, "ARMED", "%u shots of %s at %s: the trigger fires now", request->shots,
			  inj_format(INJ_VOLUME, request->dose_nl, dose),
			  inj_format(INJ_LENGTH, request->depth_um, depth));
	return code;
}

/* What is left under every limit, after a lease. */
static void show_limits(struct treat *t)
{
	_cleanup_(ctl_json_decrefp) json_t *details = NULL;

	if (session_call(t, "GetDetails", &details, false) == CTL_OK)
		treat_print_limits(t, json_object_get(details, "limits"));
}

static int treat_lease(struct treat *t)
{
	int code = arm(t);

	if (code != CTL_OK)
		return code;
	treat_wait(t, lease_is_over, 0);
	if (t->doubt)
		return t->code;
	t->phase = TREAT_READY;
	code = judge_end(t);
	if (code != CTL_OK)
		return code;
	treat_say(t, "spent", "the lease is used up, the gun is disarmed");
	show_limits(t);
	return CTL_OK;
}

static int treat_leases(struct treat *t)
{
	uint32_t repeats = t->o->repeat_lease;
	char question[64];

	for (;;) {
		int code = treat_lease(t);

		if (code != CTL_OK)
			return code;
		if (repeats > 0) {
			repeats--;
			continue;
		}
		if (!t->o->ask)
			return CTL_OK;
		snprintf(question, sizeof(question), "arm %u more shots?", t->o->request.shots);
		if (!treat_ask(t, question))
			return t->doubt ? t->code : CTL_OK;
	}
}

/* Whatever happened: disarm, settle, close.  Returns what the summary says about it. */
static int close_session(struct treat *t, bool failed)
{
	_cleanup_(ctl_json_decrefp) json_t *summary = NULL;
	int code = CTL_OK;

	if (!t->session)
		return CTL_OK;
	if (t->code == CTL_NO_DAEMON && t->doubt) {
		/* Nobody is there to be asked. */
		close(t->lease_fd);
		t->lease_fd = -1;
		return CTL_OK;
	}
	if (t->lease_live)
		code = session_call(t, "Disarm", NULL, failed);
	if (code == CTL_OK || code == CTL_INTERLOCK)
		code = session_call(t, "Close", &summary, failed);
	close(t->lease_fd);
	t->lease_fd = -1;
	if (code != CTL_OK)
		return code;
	treat_print_summary(t, summary);
	if (ctl_number(summary, "incidents") > 0 || ctl_number(summary, "outstanding_nl") > 0)
		return CTL_LEDGER;
	return CTL_OK;
}

static int run(struct treat *t)
{
	_cleanup_(ctl_json_decrefp) json_t *verdicts = NULL;
	bool allowed;
	int code = ctl_request_verdicts(t->ctl, &t->o->request, &allowed, &verdicts);

	if (code != CTL_OK)
		return code;
	treat_print_verdicts(t, allowed, verdicts);
	if (!allowed)
		return ctl_fail(t->ctl, CTL_DOSE_LIMIT,
				"this dose is not allowed: see the rules above");
	code = ctl_tenfold_confirm(t->ctl, &t->o->request, t->o->yes);
	if (code == CTL_OK)
		code = treat_listen(t);
	if (code == CTL_OK)
		code = await_ready(t);
	if (code == CTL_OK)
		code = open_session(t);
	if (code == CTL_OK)
		code = ctl_call(t->ctl, t->gun_path, MESOD_GUN, "Watch", NULL, "");
	if (code == CTL_OK)
		code = load(t);
	if (code == CTL_OK)
		code = prime(t);
	if (code == CTL_OK)
		code = treat_leases(t);
	return code;
}

static int treat(struct ctl *ctl, const struct treat_options *o)
{
	struct treat t = { .ctl = ctl, .o = o, .lease_fd = -1 };
	int code, closed;

	code = ctl_gun(ctl, o->gun, &t.gun);
	if (code == CTL_OK) {
		t.gun_path = ctl_text(t.gun, "path");
		code = run(&t);
		closed = close_session(&t, code != CTL_OK);
		if (code == CTL_OK)
			code = closed;
	}
	sd_bus_detach_event(ctl->bus);
	sd_event_source_unref(t.input);
	sd_event_unref(t.event);
	json_decref(t.gun);
	free(t.session);
	free(t.lease);
	free(t.lease_reason);
	return code;
}

int cmd_treat(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		CTL_REQUEST_OPTIONS(struct treat_options, request),
		{ "gun", CTL_TEXT, 0, false, offsetof(struct treat_options, gun), "GUN",
		  "by serial or device, if there are several" },
		{ "syringe", CTL_SYRINGE, 0, false, offsetof(struct treat_options, syringe),
		  "VOLUME", "1, 3, 5 (default) or 10 mL, as in '5 mL'" },
		{ "viscosity", CTL_QUANTITY, INJ_VISCOSITY, false,
		  offsetof(struct treat_options, viscosity_upas), "VISCOSITY", "as in '1 mPa.s'" },
		{ "needle", CTL_QUANTITY, INJ_LENGTH, false,
		  offsetof(struct treat_options, needle_um), "LENGTH",
		  "needle's inner diameter, as in '108 um'" },
		{ "needle-length", CTL_QUANTITY, INJ_LENGTH, false,
		  offsetof(struct treat_options, needle_length_um), "LENGTH", "as in '4 mm'" },
		{ "needles", CTL_NUMBER, 0, false, offsetof(struct treat_options, needles), "N",
		  "how many needles at once" },
		{ "prime", CTL_QUANTITY, INJ_VOLUME, false,
		  offsetof(struct treat_options, prime_nl), "VOLUME",
		  "prime with so much ('50 uL'), also if primed already" },
		{ "no-prime", CTL_FLAG, 0, false, offsetof(struct treat_options, no_prime), NULL,
		  "do not prime: it is primed" },
		{ "prime-timeout", CTL_QUANTITY, INJ_TIME, false,
		  offsetof(struct treat_options, prime_timeout_ms), "TIME",
		  "give up when the trigger is not pulled ('60 s')" },
		{ "repeat-lease", CTL_NUMBER, 0, false,
		  offsetof(struct treat_options, repeat_lease), "N",
		  "arm so many times more when the shots are spent" },
		{ "ask", CTL_FLAG, 0, false, offsetof(struct treat_options, ask), NULL,
		  "ask on standard input whether to arm again (default at a terminal)" },
		{ "yes", CTL_FLAG, 0, false, offsetof(struct treat_options, yes), NULL,
		  "it is ten times what this patient had last time, and you mean it" },
		{ "telemetry", CTL_FLAG, 0, false, offsetof(struct treat_options, telemetry), NULL,
		  "print live values also when this is no terminal" },
	};
	struct treat_options o = { .syringe = SYRINGE_DEFAULT,
				   .prime_timeout_ms = PRIME_TIMEOUT_MS };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "treat [OPTION...]", options, ARRAY_LENGTH(options), &o,
			   &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "\"%.40s\" belongs to no option", arguments[0]);
	if (code == CTL_OK && o.no_prime && o.prime_nl)
		code = ctl_fail(ctl, CTL_USAGE, "--prime and --no-prime contradict each other");
	if (code == CTL_OK)
		code = ctl_request_check(ctl, &o.request);
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !ctl->json)
		o.ask = true;
	return code == CTL_OK ? treat(ctl, &o) : code;
}
