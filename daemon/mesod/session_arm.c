// SPDX-License-Identifier: GPL-2.0-only
/*
 * From "I want to give this" to a live lease.  The order is the whole point:
 * configure the gun, so that its overshoot is known; let the ledger judge and
 * reserve in one commit; look again whether all is as it was; only then ARM.
 * What fails after the reservation is settled by evidence, never by hope.
 */
#include "session.h"

#include <string.h>

#include "bus_errors.h"
#include "collect.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "verdicts.h"

#define PRIME_RATE_MHZ  5000
#define PRIME_EXPIRY_MS 120000
#define AREA_MAX        64
#define REST_PA         25000 /* a gun arms below 30,000 Pa (docs/gun-protocol.md); frames are old */
#define WAIT_US         20000
#define WAIT_LIMIT_NS   3000000000ULL

struct arming {
	struct mesod *mesod;
	uint64_t session; /* on the bus: looked up anew */
	struct gun *gun;
	sd_bus_message *call;
	int64_t now_s;
	struct ledger_order order;
	char serial[MESO_SERIAL_LEN];
	char area[AREA_MAX];
	char override[LEDGER_REASON_MAX];
	uint32_t interval_ms;
	struct ledger_reservation reservation;
	struct policy_verdict verdicts[POLICY_RULES];
};

/* ---- before the reservation -------------------------------------------------------- */

static int check_session(const struct session *session, sd_bus_error *error)
{
	const struct gun *gun = session->gun;
	enum ledger_state state = mesod_ledger_state(session->mesod);

	if (session->closing)
		return bus_fail(error, ERROR_NO_SUCH_SESSION, "the session is closing");
	if (gun->stage == GUN_GONE)
		return bus_fail(error, ERROR_GUN_GONE, "the gun was unplugged");
	if (gun->quarantined)
		return bus_fail(error, ERROR_QUARANTINED,
				"gun %s: its numbers disagree with the ledger", gun->serial);
	if (state != LEDGER_OK)
		return bus_fail(error, ERROR_LEDGER, "the ledger is %s; nothing arms",
				ledger_state_name(state));
	if (!mesod_worker_answers(session->mesod))
		return bus_fail(error, ERROR_LEDGER, "the ledger does not answer; nothing arms");
	if (session->arming || session->disarm_call)
		return bus_fail(error, ERROR_BUSY, "another request is under way");
	if (gun->lease && gun->lease->stage == LEASE_LIVE)
		return bus_fail(error, ERROR_BUSY, "the gun is armed");
	if (gun->lease)
		return bus_fail(error, ERROR_BUSY, "the last lease is not settled yet");
	if (!session->loaded)
		return bus_fail(error, ERROR_INTERLOCK,
				"not loaded: say what is in the gun first (Load)");
	return 0;
}

static int check_status(const struct meso_status *status, uint32_t kind, sd_bus_error *error)
{
	if (!(status->flags & MESO_STATUS_FRESH) || status->state == MESO_STATE_STALE)
		return bus_fail(error, ERROR_INTERLOCK, "stale: the gun does not report");
	if (status->state == MESO_STATE_FAULT)
		return bus_fail(error, ERROR_INTERLOCK, "fault: 0x%x must be cleared first",
				status->faults);
	if (!gun_status_is_quiet(status))
		return bus_fail(error, ERROR_BUSY, "the gun is %s", gun_state_name(status->state));
	if (kind == MESO_KIND_TREAT && !(status->flags & MESO_STATUS_PRIMED))
		return bus_fail(error, ERROR_INTERLOCK, "not primed with this syringe");
	if (kind == MESO_KIND_PRIME && (status->flags & MESO_STATUS_CONTACT))
		return bus_fail(error, ERROR_INTERLOCK, "contact: prime off the skin");
	return 0;
}

/* What the gun itself would refuse is refused before anything is reserved. */
static int check_request(const struct meso_info *info, const struct meso_config *config,
			 uint64_t volume_nl, uint32_t shots, uint32_t free_slots,
			 sd_bus_error *error)
{
	const uint32_t step = info->dose_step_nl ? info->dose_step_nl : 1;

	if (config->dose_nl < info->dose_min_nl || config->dose_nl > info->dose_max_nl)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "dose_nl=%u limit=%u to %u",
				config->dose_nl, info->dose_min_nl, info->dose_max_nl);
	if (config->dose_nl % step)
		return bus_fail(
			error, ERROR_INVALID_ARGUMENT,
			"dose_nl=%u is off the gun's step of %u: its neighbours are %u and %u",
			config->dose_nl, step, config->dose_nl / step * step,
			(config->dose_nl / step + 1) * step);
	if (config->depth_um > info->depth_max_um)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "depth_um=%u limit=%u",
				config->depth_um, info->depth_max_um);
	if (config->rate_mhz > info->rate_max_mhz)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "rate_mhz=%u limit=%u",
				config->rate_mhz, info->rate_max_mhz);
	if (config->capacity_nl > info->capacity_max_nl)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "capacity_nl=%u limit=%u",
				config->capacity_nl, info->capacity_max_nl);
	if (volume_nl > info->lease_max_nl)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"volume of the lease: %llu nl, limit=%u nl",
				(unsigned long long)volume_nl, info->lease_max_nl);
	if (shots > info->lease_max_shots || shots > free_slots)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "shots=%u limit=%u", shots,
				info->lease_max_shots < free_slots ? info->lease_max_shots
								   : free_slots);
	return 0;
}

static int configure(struct session *session, const struct meso_config *config, sd_bus_error *error)
{
	int r;

	if (session->configured && memcmp(&session->given, config, sizeof(*config)) == 0)
		return 0;
	session->configured = false;
	r = inj_gun_configure(session->gun->handle, config);
	if (r < 0)
		return bus_fail_gun(error, r, "the gun does not take this configuration");
	session->given = *config;
	session->configured = true;
	return 0;
}

/* What encoders and report of one shot may differ by: two motor steps of 0.3125 um. */
static uint32_t tolerance_nl(uint32_t bore_um)
{
	const uint64_t area_um2 = (uint64_t)bore_um * bore_um * 7854 / 10000;

	return (uint32_t)(area_um2 * 625 / 1000 / 1000000 + 1);
}

static void fill_request(struct policy_request *request, const struct session *session,
			 const struct meso_config *config, uint32_t kind, uint32_t shots,
			 const struct meso_info *info, const struct meso_status *status)
{
	*request = (struct policy_request){
		.kind = kind,
		.mode = config->mode,
		.dose_nl = config->dose_nl,
		.shots = shots,
		.depth_um = config->depth_um,
		.rate_mhz = config->rate_mhz,
		.needles = config->needles,
		.overshoot_nl = info->overshoot_nl,
		.has_gun = true,
		.gun = {
			.dose_min_nl = info->dose_min_nl,
			.dose_max_nl = info->dose_max_nl,
			.dose_step_nl = info->dose_step_nl,
			.lease_max_nl = info->lease_max_nl,
			.lease_max_shots = info->lease_max_shots,
			.depth_max_um = info->depth_max_um,
			.rate_max_mhz = info->rate_max_mhz,
			.reservoir_nl = status->reservoir_nl,
		},
	};
	memcpy(request->patient, session->patient.bytes, sizeof(request->patient));
}

/* ---- after the reservation ---------------------------------------------------------- */

/* An error that says for certain that the gun has no such lease (injector.h). */
static bool refusal_is_certain(int r)
{
	switch (-r) {
	case EACCES:
	case EBUSY:
	case ESTALE:
	case ERANGE:
	case ENOSPC:
	case ENODATA:
		return true;
	default:
		return false;
	}
}

/* The reservation was for nothing: given back by the evidence that ARM was never accepted. */
static void take_back(struct gun *gun, struct lease *lease)
{
	lease->never_armed = true;
	lease_close(lease, MESO_END_NONE);
	collect_settle_unarmed(gun);
}

/* Whether all is still as it was when the ledger was asked. */
static int check_again(const struct arming *a, const struct session *session,
		       struct meso_status *status, sd_bus_error *error)
{
	const char *silence = session ? session_silence_reason(session) : "the session is closed";
	int r;

	if (a->gun->stage == GUN_GONE)
		return bus_fail(error, ERROR_GUN_GONE, "the gun was unplugged");
	if (silence || a->mesod->stopping)
		return bus_fail(error, ERROR_NO_SUCH_SESSION, "not armed: %s",
				silence ? silence : "mesod is ending");
	if (session->disarm_call)
		return bus_fail(error, ERROR_INTERLOCK, "not armed: disarmed meanwhile");
	if (!mesod_worker_answers(a->mesod))
		return bus_fail(error, ERROR_LEDGER, "not armed: the ledger does not answer");
	r = inj_gun_get_status(a->gun->handle, status);
	if (r < 0)
		return bus_fail_gun(error, r, "not armed");
	if (status->boot_id != a->order.gun.boot_id)
		return bus_fail(error, ERROR_INTERLOCK, "not armed: the gun has restarted");
	if (status->shot_count != a->order.gun.shot_count || a->gun->quarantined)
		return bus_fail(error, ERROR_INTERLOCK, "not armed: the gun's counters moved");
	return check_status(status, a->order.request.kind, error);
}

static int arm(struct arming *a, struct session *session, struct lease *lease, sd_bus_error *error)
{
	struct gun *gun = a->gun;
	struct meso_status status = { 0 };
	struct meso_lease wanted = {
		.sequence = a->reservation.sequence,
		.boot_id = a->order.gun.boot_id,
		.volume_nl = (uint32_t)a->reservation.volume_nl,
		.shots = a->order.request.shots,
		.kind = a->order.request.kind,
		.min_interval_ms = a->interval_ms,
		.expiry_ms = a->order.expiry_ms,
		.heartbeat_ms = LEASE_HEARTBEAT_MS,
		.mark = a->reservation.mark,
	};
	int r;

	r = check_again(a, session, &status, error);
	if (r < 0) {
		take_back(gun, lease);
		return r;
	}
	memcpy(wanted.id, lease->id, sizeof(wanted.id));
	lease->armed_boot_id = status.boot_id;
	lease->contact = (status.flags & MESO_STATUS_CONTACT) != 0;
	lease->events_lost = false;
	r = inj_gun_arm(gun->handle, &wanted);
	if (r < 0) {
		/* Whatever it was, the gun may have forgotten how it was configured. */
		if (session)
			session->configured = false;
		log_gun(gun, LOG_WARNING, "lease %s: not armed: %s", lease->text,
			strerrordesc_np(-r));
		if (refusal_is_certain(r)) {
			take_back(gun, lease);
		} else {
			gun_disarm(gun);
			lease_close(lease, MESO_END_NONE);
		}
		return bus_fail_gun(error, r, "not armed");
	}
	r = lease_begin(lease);
	if (r < 0) {
		lease_close(lease, MESO_END_DISARM);
		return bus_fail_internal(error, r);
	}
	log_gun(gun, LOG_INFO, "lease %s: armed, %llu nl reserved for %u shots", lease->text,
		(unsigned long long)a->reservation.reserved_nl, wanted.shots);
	return 0;
}

static void answer_refused(const struct arming *a, int r)
{
	switch (-r) {
	case EDQUOT:
		verdicts_refuse(a->call, &a->verdicts[0]);
		return;
	case EBUSY:
		bus_reply_error(a->call, ERROR_BUSY,
				"the gun has a reservation that is not settled");
		return;
	case EUCLEAN:
		bus_reply_error(a->call, ERROR_QUARANTINED,
				"gun %s: its numbers disagree with the ledger", a->serial);
		return;
	case ENOENT:
	case EXDEV:
		bus_reply_error(a->call, ERROR_NO_SUCH_SESSION,
				"the session is not open on this gun");
		return;
	default:
		bus_reply_error(a->call, ERROR_LEDGER, "nothing was reserved: %s",
				strerrordesc_np(-r));
	}
}

static struct session *find_session(struct mesod *mesod, uint64_t n)
{
	for (struct session *s = mesod->sessions; s; s = s->next)
		if (s->n == n)
			return s;
	return NULL;
}

static int arming_run(void *owned, void *userdata)
{
	struct arming *a = userdata;

	return ledger_reserve(owned, a->now_s, &a->mesod->limits, &a->order, &a->reservation,
			      a->verdicts);
}

/* The reservation is durable. */
static void reserved(struct arming *a, struct session *session)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct lease *lease = NULL;
	int r;

	r = lease_new(a->gun, a->reservation.lease_id, a->reservation.sequence,
		      a->order.request.kind, &lease);
	if (r < 0) {
		/* It stays reserved; the next comparison of this gun with the ledger finds it. */
		bus_reply_error(a->call, ERROR_LIMIT, "not armed: %s", strerrordesc_np(-r));
		return;
	}
	lease->session = a->session;
	lease->shot_count = a->order.gun.shot_count;
	lease->total_nl = a->order.gun.total_nl;
	a->gun->lease = lease;
	r = arm(a, session, lease, &error);
	if (r < 0)
		(void)sd_bus_reply_method_error(a->call, &error);
	else
		(void)sd_bus_reply_method_return(a->call, "st", lease->text,
						 a->reservation.reserved_nl);
}

/* What waited for the end of an attempt goes on. */
static void session_not_arming(struct session *session)
{
	if (session->disarm_call && !session->gun->lease) {
		(void)sd_bus_reply_method_return(session->disarm_call, NULL);
		session->disarm_call = sd_bus_message_unref(session->disarm_call);
	}
	session_continue(session);
}

static void arming_done(void *userdata, int r)
{
	struct arming *a = userdata;
	struct session *session = find_session(a->mesod, a->session);

	if (session)
		session->arming = false;
	if (r < 0) {
		answer_refused(a, r);
		if (r == -EUCLEAN)
			gun_set_quarantined(a->gun, "its numbers disagree with the ledger");
	} else {
		reserved(a, session);
	}
	if (session)
		session_not_arming(session);
	sd_bus_message_unref(a->call);
	gun_unref(a->gun);
	free(a);
}

/* ---- waiting for pressure ------------------------------------------------------------ */

static int start(struct session *session, sd_bus_message *call, const struct meso_config *config,
		 uint32_t kind, uint32_t shots, struct arming *draft, sd_bus_error *error);

/* After a lease fluid is still pressed together, and a gun does not arm over stored pressure.  It
 * comes out in a moment: better a late answer than a reservation for nothing. */
struct waiting {
	struct mesod *mesod;
	uint64_t session;
	sd_bus_message *call;
	struct meso_config config;
	uint32_t kind;
	uint32_t shots;
	struct arming draft;
	uint64_t until_ns;
	sd_event_source *timer;
};

static void waiting_free(struct waiting *w)
{
	sd_event_source_disable_unref(w->timer);
	sd_bus_message_unref(w->call);
	free(w);
}

static bool pressure_holds(const struct session *session)
{
	struct meso_status status;

	return session->gun->handle && inj_gun_get_status(session->gun->handle, &status) >= 0 &&
	       (status.pressure_pa > REST_PA || (status.flags & MESO_STATUS_MOVING));
}

static int on_waited(sd_event_source *source, uint64_t usec, void *userdata)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct waiting *w = userdata;
	struct session *session = find_session(w->mesod, w->session);
	int r;

	(void)usec;
	if (session && !session->closing && !session->disarm_call && pressure_holds(session) &&
	    monotonic_now_ns() < w->until_ns) {
		(void)sd_event_source_set_time_relative(source, WAIT_US);
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	if (session)
		session->arming = false;
	if (!session)
		r = bus_fail(&error, ERROR_NO_SUCH_SESSION, "the session is closed");
	else if (session->disarm_call)
		r = bus_fail(&error, ERROR_INTERLOCK, "not armed: disarmed meanwhile");
	else
		r = check_session(session, &error);
	if (r >= 0)
		r = start(session, w->call, &w->config, w->kind, w->shots, &w->draft, &error);
	if (r < 0)
		(void)sd_bus_reply_method_error(w->call, &error);
	if (session && !session->arming)
		session_not_arming(session);
	waiting_free(w);
	return 0;
}

static int wait_for_rest(struct session *session, sd_bus_message *call,
			 const struct meso_config *config, uint32_t kind, uint32_t shots,
			 const struct arming *draft, sd_bus_error *error)
{
	struct waiting *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return bus_fail_internal(error, -ENOMEM);
	w->mesod = session->mesod;
	w->session = session->n;
	w->call = sd_bus_message_ref(call);
	w->config = *config;
	w->kind = kind;
	w->shots = shots;
	w->draft = *draft;
	w->until_ns = monotonic_now_ns() + WAIT_LIMIT_NS;
	r = sd_event_add_time_relative(session->mesod->event, &w->timer, CLOCK_MONOTONIC, WAIT_US,
				       1000, on_waited, w);
	if (r < 0) {
		waiting_free(w);
		return bus_fail_internal(error, r);
	}
	session->arming = true;
	session->alive_ns = monotonic_now_ns();
	return 1;
}

/* ---- the way there ------------------------------------------------------------------- */

static int submit(struct session *session, sd_bus_message *call, const struct arming *draft,
		  sd_bus_error *error)
{
	struct arming *a = malloc(sizeof(*a));
	int r;

	if (!a)
		return bus_fail_internal(error, -ENOMEM);
	*a = *draft;
	a->mesod = session->mesod;
	a->session = session->n;
	a->gun = gun_ref(session->gun);
	a->call = sd_bus_message_ref(call);
	a->now_s = wall_now_s();
	TEXT_COPY(a->serial, session->gun->serial);
	a->order.session = session->number;
	a->order.gun.serial = a->serial;
	a->order.area = *a->area ? a->area : NULL;
	a->order.override = *a->override ? a->override : NULL;
	session->arming = true;
	session->alive_ns = monotonic_now_ns(); /* who arms is alive */
	r = mesod_submit_client(session->mesod, arming_run, arming_done, a);
	if (r >= 0)
		return 1;
	session->arming = false;
	sd_bus_message_unref(a->call);
	gun_unref(a->gun);
	free(a);
	return bus_fail_busy_worker(error, r);
}

static int start(struct session *session, sd_bus_message *call, const struct meso_config *config,
		 uint32_t kind, uint32_t shots, struct arming *draft, sd_bus_error *error)
{
	const uint64_t volume_nl = (uint64_t)config->dose_nl * shots;
	struct gun *gun = session->gun;
	struct meso_status status;
	struct meso_info info;
	uint32_t fastest;
	int r;

	/* A heart that missed a beat has lost control as well: taken again, if nobody else has it. */
	r = inj_gun_acquire(gun->handle);
	if (r >= 0)
		r = inj_gun_get_status(gun->handle, &status);
	if (r >= 0)
		r = inj_gun_get_info(gun->handle, &info);
	if (r < 0)
		return bus_fail_gun(error, r, "the gun cannot be controlled and read");
	r = check_request(&info, config, volume_nl, shots, info.journal_size - status.journal_count,
			  error);
	if (r >= 0)
		r = check_status(&status, kind, error);
	if (r >= 0)
		r = configure(session, config, error);
	if (r < 0)
		return r;
	/* The overshoot follows the configuration: asked again, and it must be what was judged. */
	r = inj_gun_get_info(gun->handle, &info);
	if (r < 0)
		return bus_fail_gun(error, r, "the gun cannot be read");

	fill_request(&draft->order.request, session, config, kind, shots, &info, &status);
	session->asked = draft->order.request;
	session->asked_valid = true;
	draft->order.tolerance_nl = tolerance_nl(config->bore_um);
	draft->order.gun = (struct ledger_gun){
		.epoch = info.epoch,
		.boot_id = status.boot_id,
		.shot_count = status.shot_count,
		.total_nl = status.total_nl,
		.last_sequence = info.last_sequence,
	};
	fastest = config->mode == MESO_MODE_REPEAT ? config->rate_mhz : info.rate_max_mhz;
	draft->interval_ms = (1000000 + fastest - 1) / fastest;
	return submit(session, call, draft, error);
}

int session_arm(struct session *session, sd_bus_message *call, const struct arm_request *request,
		sd_bus_error *error)
{
	struct meso_config config = session->syringe;
	struct arming draft = { 0 };
	int r;

	r = check_session(session, error);
	if (r < 0)
		return r;
	config.dose_nl = request->dose_nl;
	config.depth_um = request->depth_um;
	config.mode = request->mode;
	config.rate_mhz = request->rate_mhz;
	TEXT_COPY(draft.area, request->area);
	TEXT_COPY(draft.override, request->override);
	draft.order.expiry_ms = request->expiry_ms;
	if (pressure_holds(session))
		return wait_for_rest(session, call, &config, MESO_KIND_TREAT, request->shots,
				     &draft, error);
	return start(session, call, &config, MESO_KIND_TREAT, request->shots, &draft, error);
}

/* The fewest equal shots, each of whole steps and no larger than @most. */
static bool divide(uint32_t volume_nl, uint32_t step, uint32_t least, uint32_t most,
		   uint32_t *ret_dose, uint32_t *ret_shots)
{
	for (uint32_t shots = 1; volume_nl / shots >= least && shots <= volume_nl; shots++) {
		if (volume_nl % shots || volume_nl / shots > most || (volume_nl / shots) % step)
			continue;
		*ret_dose = volume_nl / shots;
		*ret_shots = shots;
		return true;
	}
	return false;
}

int session_prime(struct session *session, sd_bus_message *call, uint32_t volume_nl,
		  sd_bus_error *error)
{
	struct meso_config config = session->syringe;
	struct arming draft = { 0 };
	struct meso_info info;
	uint32_t shots, most;
	int r;

	r = check_session(session, error);
	if (r < 0)
		return r;
	r = inj_gun_get_info(session->gun->handle, &info);
	if (r < 0)
		return bus_fail_gun(error, r, "the gun cannot be read");
	/* A prime is judged as a dose, so its shots are as small as a dose's. */
	most = (uint32_t)session->mesod->limits.shot_nl.soft;
	if (most > info.dose_max_nl)
		most = info.dose_max_nl;
	if (!volume_nl || volume_nl > info.lease_max_nl ||
	    !divide(volume_nl, info.dose_step_nl ? info.dose_step_nl : 1,
		    info.dose_min_nl ? info.dose_min_nl : 1, most, &config.dose_nl, &shots))
		return bus_fail(
			error, ERROR_INVALID_ARGUMENT,
			"volume_nl=%u cannot be given in whole shots of %u to %u nl, limit=%u",
			volume_nl, info.dose_min_nl, most, info.lease_max_nl);
	config.depth_um = 0;
	config.mode = MESO_MODE_REPEAT;
	config.rate_mhz = PRIME_RATE_MHZ < info.rate_max_mhz ? PRIME_RATE_MHZ : info.rate_max_mhz;
	draft.order.expiry_ms = PRIME_EXPIRY_MS;
	if (pressure_holds(session))
		return wait_for_rest(session, call, &config, MESO_KIND_PRIME, shots, &draft, error);
	return start(session, call, &config, MESO_KIND_PRIME, shots, &draft, error);
}
