// SPDX-License-Identifier: GPL-2.0-only
/*
 * org.mesod1.Session: for its opener alone.  It reads arguments, and hands them
 * to session.h; it owns no state.
 */
#include <injector.h>
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_errors.h"
#include "dict.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"
#include "verdicts.h"

#define DEFAULT_RATE_MHZ  5000
#define DEFAULT_EXPIRY_MS 120000
#define DEFAULT_VISCOSITY 1000    /* uPa s; water-like */
#define AREA_MAX_MM2      2000000 /* the whole skin */

/* The session door: its opener, known by a name that the bus gives to one connection only. */
static int check_opener(const struct session *session, sd_bus_message *call, sd_bus_error *error)
{
	const char *sender = sd_bus_message_get_sender(call);

	if (!sender || strcmp(sender, session->opener) != 0)
		return bus_fail(error, ERROR_DENIED, "only who opened the session may do that");
	return 0;
}

/* The same for what gives a dose: the licence must be valid still. */
static int check_operator(const struct session *session, sd_bus_message *call, sd_bus_error *error)
{
	struct caller caller;
	int r = check_opener(session, call, error);

	if (r < 0)
		return r;
	authority_describe(session->mesod, session->uid, &caller);
	return authority_decide(&caller, ACTION_OPERATE, error);
}

static int check_idle(const struct session *session, sd_bus_error *error)
{
	if (session->closing)
		return bus_fail(error, ERROR_NO_SUCH_SESSION, "the session is closing");
	if (session->gun->stage == GUN_GONE)
		return bus_fail(error, ERROR_GUN_GONE, "the gun was unplugged");
	if (session->arming || session->gun->lease)
		return bus_fail(error, ERROR_BUSY, "the gun is %s", session_state_name(session));
	return 0;
}

/* ---- properties ------------------------------------------------------------------- */

static int get_gun(sd_bus *bus, const char *path, const char *interface, const char *property,
		   sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct session *session = userdata;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append_basic(reply, 'o', session->gun->path);
}

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append_basic(reply, 's', session_state_name(userdata));
}

/* ---- load, prime, arm ----------------------------------------------------------------- */

static int method_load(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct session *session = userdata;
	struct meso_config syringe = {
		.bore_um = 12060,
		.capacity_nl = 5000000,
		.viscosity_upas = DEFAULT_VISCOSITY,
		.needle_um = 108,
		.needle_length_um = 4000,
		.needles = 1,
	};
	char preparation[FORMULARY_ID_MAX] = "";
	uint32_t viscosity = 0;
	/* The bounds of struct meso_config. */
	const struct dict_entry entries[] = {
		{ .key = "preparation",
		  .type = DICT_TEXT,
		  .required = true,
		  .value = preparation,
		  .size = sizeof(preparation) },
		{ .key = "bore_um",
		  .type = DICT_U32,
		  .value = &syringe.bore_um,
		  .min = 1000,
		  .max = 20000 },
		{ .key = "capacity_nl",
		  .type = DICT_U32,
		  .value = &syringe.capacity_nl,
		  .min = 100000,
		  .max = session->gun->info.capacity_max_nl },
		{ .key = "viscosity_upas",
		  .type = DICT_U32,
		  .value = &viscosity,
		  .min = 500,
		  .max = 50000 },
		{ .key = "needle_um",
		  .type = DICT_U32,
		  .value = &syringe.needle_um,
		  .min = 50,
		  .max = 500 },
		{ .key = "needle_length_um",
		  .type = DICT_U32,
		  .value = &syringe.needle_length_um,
		  .min = 1000,
		  .max = 20000 },
		{ .key = "needles",
		  .type = DICT_U32,
		  .value = &syringe.needles,
		  .min = 1,
		  .max = 9 },
	};
	int r;

	r = check_operator(session, call, error);
	if (r >= 0)
		r = dict_read(call, entries, ARRAY_LENGTH(entries), error);
	if (r >= 0)
		r = check_idle(session, error);
	if (r < 0)
		return r;
	if (viscosity)
		syringe.viscosity_upas = viscosity;
	return session_load(session, call, &syringe, preparation, viscosity != 0, error);
}

int bus_read_arm_request(sd_bus_message *call, bool check, struct arm_request *request,
			 sd_bus_error *error)
{
	char mode[16] = "single";
	const struct dict_entry entries[] = {
		{ .key = "dose_nl",
		  .type = DICT_U32,
		  .required = true,
		  .value = &request->dose_nl,
		  .min = 1,
		  .max = UINT32_MAX },
		{ .key = "shots",
		  .type = DICT_U32,
		  .required = true,
		  .value = &request->shots,
		  .min = 1,
		  .max = UINT32_MAX },
		{ .key = "depth_um",
		  .type = DICT_U32,
		  .required = true,
		  .value = &request->depth_um,
		  .min = 0,
		  .max = UINT32_MAX },
		{ .key = "mode", .type = DICT_TEXT, .value = mode, .size = sizeof(mode) },
		{ .key = "rate_mhz",
		  .type = DICT_U32,
		  .value = &request->rate_mhz,
		  .min = 100,
		  .max = MESO_RATE_MAX_MHZ },
		{ .key = "expiry_ms",
		  .type = DICT_U32,
		  .value = &request->expiry_ms,
		  .min = 1,
		  .max = MESO_EXPIRY_MAX_MS },
		{ .key = "area",
		  .type = DICT_TEXT,
		  .required = true,
		  .value = request->area,
		  .size = sizeof(request->area) },
		{ .key = "area_mm2",
		  .type = DICT_U32,
		  .value = &request->area_mm2,
		  .min = 1,
		  .max = AREA_MAX_MM2 },
		{ .key = "override",
		  .type = DICT_TEXT,
		  .value = request->override,
		  .size = sizeof(request->override) },
		/* Arm's is what is loaded: the last entry is Check's alone. */
		{ .key = "preparation",
		  .type = DICT_TEXT,
		  .required = true,
		  .value = request->preparation,
		  .size = sizeof(request->preparation) },
	};
	int r;

	*request = (struct arm_request){
		.mode = MESO_MODE_SINGLE,
		.rate_mhz = DEFAULT_RATE_MHZ,
		.expiry_ms = DEFAULT_EXPIRY_MS,
	};
	r = dict_read(call, entries, ARRAY_LENGTH(entries) - !check, error);
	if (r < 0)
		return r;
	if (strcmp(mode, "repeat") == 0)
		request->mode = MESO_MODE_REPEAT;
	else if (strcmp(mode, "single") != 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"mode=\"%s\" is unknown, single or repeat is needed", mode);
	return 0;
}

/* To pass a soft limit is another thing to be allowed than to treat.  @then gets the message from its beginning. */
static int ask_override(const struct session *session, sd_bus_message *call, authorized_fn then,
			sd_bus_error *error)
{
	int r = sd_bus_message_rewind(call, 1);

	return r < 0 ? bus_fail_internal(error, r)
		     : authority_ask(session->mesod, call, ACTION_OVERRIDE, then, error);
}

/* The session of a call that had to wait, if it is still there. */
static struct session *session_of(struct mesod *mesod, sd_bus_message *call, sd_bus_error *error)
{
	struct session *session = session_find_path(mesod, sd_bus_message_get_path(call));

	if (!session)
		bus_fail(error, ERROR_NO_SUCH_SESSION, "the session is closed");
	return session;
}

static int prime_overriding(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			    sd_bus_error *error);

static int prime(struct session *session, sd_bus_message *call, bool may_override,
		 sd_bus_error *error)
{
	struct arm_request request = { 0 };
	const struct dict_entry entries[] = {
		{ .key = "area",
		  .type = DICT_TEXT,
		  .required = true,
		  .value = request.area,
		  .size = sizeof(request.area) },
		{ .key = "area_mm2",
		  .type = DICT_U32,
		  .value = &request.area_mm2,
		  .min = 1,
		  .max = AREA_MAX_MM2 },
		{ .key = "override",
		  .type = DICT_TEXT,
		  .value = request.override,
		  .size = sizeof(request.override) },
	};
	uint32_t volume_nl;
	int r;

	r = check_operator(session, call, error);
	if (r < 0)
		return r;
	r = sd_bus_message_read_basic(call, 'u', &volume_nl);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "volume_nl cannot be read");
	r = dict_read(call, entries, ARRAY_LENGTH(entries), error);
	if (r < 0)
		return r;
	if (*request.override && !may_override)
		return ask_override(session, call, prime_overriding, error);
	return session_prime(session, call, volume_nl, &request, error);
}

static int prime_overriding(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			    sd_bus_error *error)
{
	struct session *session = session_of(mesod, call, error);

	(void)caller;
	return session ? prime(session, call, true, error) : -ENOENT;
}

static int method_prime(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return prime(userdata, call, false, error);
}

static int arm_overriding(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			  sd_bus_error *error);

static int arm(struct session *session, sd_bus_message *call, bool may_override,
	       sd_bus_error *error)
{
	struct arm_request request;
	int r;

	r = check_operator(session, call, error);
	if (r >= 0)
		r = bus_read_arm_request(call, false, &request, error);
	if (r < 0)
		return r;
	if (*request.override && !may_override)
		return ask_override(session, call, arm_overriding, error);
	return session_arm(session, call, &request, error);
}

static int arm_overriding(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			  sd_bus_error *error)
{
	struct session *session = session_of(mesod, call, error);

	(void)caller;
	return session ? arm(session, call, true, error) : -ENOENT;
}

static int method_arm(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return arm(userdata, call, false, error);
}

/* ---- while armed -------------------------------------------------------------------------- */

static int method_disarm(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct session *session = userdata;
	const struct lease *lease = session->gun->lease;
	int r = check_opener(session, call, error);

	if (r < 0)
		return r;
	gun_disarm(session->gun);
	if (!lease && !session->arming)
		return sd_bus_reply_method_return(call, NULL);
	if (lease && lease->overdue)
		return bus_fail(
			error, ERROR_TIMEOUT,
			"the gun was told to stop, but has not yet confirmed what it delivered");
	if (session->disarm_call)
		return bus_fail(error, ERROR_BUSY,
				"another Disarm waits already; the gun was told to stop");
	session->disarm_call = sd_bus_message_ref(call);
	return 1;
}

static int method_fire(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct session *session = userdata;
	const struct lease *lease = session->gun->lease;
	uint64_t expect;
	int r;

	r = check_operator(session, call, error);
	if (r < 0)
		return r;
	if (sd_bus_message_read_basic(call, 't', &expect) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "expect cannot be read");
	if (!lease || lease->stage != LEASE_LIVE || session->closing)
		return bus_fail(error, ERROR_INTERLOCK, "the gun is not armed");
	r = inj_gun_fire(session->gun->handle, lease->id, expect);
	return r < 0 ? bus_fail_gun(error, r, "not fired") : sd_bus_reply_method_return(call, NULL);
}

static int method_keep_alive(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct session *session = userdata;
	int r = check_opener(session, call, error);

	if (r < 0)
		return r;
	session->alive_ns = monotonic_now_ns();
	return sd_bus_reply_method_return(call, NULL);
}

/* ---- details ------------------------------------------------------------------------------- */

int session_append_summary(sd_bus_message *message, const struct session *session,
			   const struct ledger_session *account)
{
	const struct lease *lease = session->gun->lease;
	struct meso_status status = { 0 };
	const char *text = "";

	if (lease && session_of_lease(lease) == session) {
		text = lease->text;
		if (lease->stage == LEASE_LIVE)
			(void)inj_gun_get_status(session->gun->handle, &status);
	}
	return sd_bus_message_append(
		message, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "number", "x",
		session->number, "preparation", "s", session->loaded ? session->preparation : "",
		"patient", "s", session->patient_text, "gun", "o", session->gun->path, "operator",
		"s", session->operator_text, "opened", "x", session->opened_s, "delivered_nl", "t",
		account->delivered_nl, "outstanding_nl", "t", account->outstanding_nl, "shots", "u",
		account->shots, "primed_nl", "t", account->primed_nl, "lease", "s", text,
		"lease_left_nl", "u", status.lease_left_nl, "lease_shots_left", "u",
		status.lease_shots_left, "incidents", "u", account->incidents);
}

struct looking {
	struct mesod *mesod;
	uint64_t session;
	int64_t number;
	struct ledger_moment now;
	sd_bus_message *call;
	bool asked; /* something was: there are limits to be shown */
	struct policy_request request;
	char area[FORMULARY_ID_MAX];
	struct ledger_session account;
	struct policy_verdict verdicts[POLICY_RULES];
};

static int looking_run(void *owned, void *userdata)
{
	struct looking *l = userdata;
	int r;

	r = ledger_get_session(owned, l->number, &l->account);
	if (r < 0 || !l->asked)
		return r;
	l->request.area = formulary_area(l->mesod->basis.formulary, l->area);
	return ledger_check(owned, &l->now, &l->mesod->basis, l->number, &l->request, l->verdicts);
}

static int build_details(const struct looking *l, const struct session *session,
			 sd_bus_message **ret_reply)
{
	sd_bus_message *reply;
	int r;

	r = sd_bus_message_new_method_return(l->call, &reply);
	if (r < 0)
		return r;
	*ret_reply = reply;
	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = session_append_summary(reply, session, &l->account);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(reply, 's', "limits");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'v', "aa{sv}");
	if (r >= 0)
		r = l->asked ? verdicts_append(reply, l->verdicts)
			     : sd_bus_message_append(reply, "aa{sv}", 0);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

static void looking_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct looking *l = userdata;
	struct session *session = session_find_number(l->mesod, l->session);

	if (!session) {
		bus_reply_error(l->call, ERROR_NO_SUCH_SESSION, "the session is closed");
	} else if (r < 0) {
		bus_reply_error(l->call, ERROR_LEDGER, "the session cannot be read: %s",
				strerrordesc_np(-r));
	} else {
		r = build_details(l, session, &reply);
		bus_send_reply(l->call, reply, r);
	}
	sd_bus_message_unref(l->call);
	free(l);
}

int session_details(struct session *session, sd_bus_message *call, sd_bus_error *error)
{
	struct looking *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return bus_fail_internal(error, -ENOMEM);
	l->mesod = session->mesod;
	l->session = session->n;
	l->number = session->number;
	l->now = moment_at(wall_now_s(session->mesod));
	l->call = sd_bus_message_ref(call);
	/* Before the first request there is nothing to judge. */
	l->asked = session->asked_valid;
	l->request = session->asked;
	TEXT_COPY(l->area, session->asked_area);
	r = mesod_submit_client(session->mesod, looking_run, looking_done, l);
	if (r >= 0)
		return 1;
	sd_bus_message_unref(l->call);
	free(l);
	return bus_fail_busy_worker(error, r);
}

static int method_get_details(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	int r = check_opener(userdata, call, error);

	return r < 0 ? r : session_details(userdata, call, error);
}

static int method_close(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct session *session = userdata;
	int r = check_opener(session, call, error);

	if (r < 0)
		return r;
	if (session->close_call || session->closing)
		return bus_fail(error, ERROR_NO_SUCH_SESSION, "the session is closing");
	session->close_call = sd_bus_message_ref(call);
	session_end(session, "closed by its operator");
	return 1;
}

#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable session_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Gun", "o", get_gun, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_state, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("Load", SD_BUS_ARGS("a{sv}", syringe), SD_BUS_NO_RESULT,
				method_load, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Prime", SD_BUS_ARGS("u", volume_nl, "a{sv}", request),
				SD_BUS_RESULT("s", lease, "t", reserved_nl), method_prime, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Arm", SD_BUS_ARGS("a{sv}", request),
				SD_BUS_RESULT("s", lease, "t", reserved_nl), method_arm, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Disarm", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_disarm, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Fire", SD_BUS_ARGS("t", expect), SD_BUS_NO_RESULT, method_fire,
				OPEN),
	SD_BUS_METHOD_WITH_ARGS("KeepAlive", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_keep_alive,
				OPEN),
	SD_BUS_METHOD_WITH_ARGS("GetDetails", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", details),
				method_get_details, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Close", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", summary),
				method_close, OPEN),
	SD_BUS_SIGNAL_WITH_ARGS("Shot", SD_BUS_ARGS("a{sv}", shot), 0),
	SD_BUS_SIGNAL_WITH_ARGS(
		"LeaseEnded", SD_BUS_ARGS("s", lease, "s", reason, "b", settled, "t", delivered_nl),
		0),
	SD_BUS_SIGNAL_WITH_ARGS("Closed", SD_BUS_ARGS("s", reason), 0),
	SD_BUS_VTABLE_END,
};
