// SPDX-License-Identifier: GPL-2.0-only
/*
 * From "I want to give this" to a live lease.  The order is the whole point:
 * configure the gun, so that its overshoot is known; let the ledger judge and
 * reserve in one commit; look again whether all is as it was; only then ARM (the
 * latter three in arming.c).
 */
#include "session.h"

#include <string.h>

#include "arming.h"
#include "bus_errors.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "sleep.h"

#define PRIME_RATE_MHZ  5000
#define PRIME_EXPIRY_MS 120000
#define REST_PA         25000 /* a gun arms below 30,000 Pa (docs/gun-protocol.md); frames are old */
#define WAIT_US         20000
#define WAIT_LIMIT_NS   3000000000ULL

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
	if (timekeeping_check(session->mesod, error) < 0)
		return -EINVAL;
	if (sleep_is_near(session->mesod->sleep))
		return bus_fail(error, ERROR_INTERLOCK,
				"the machine is about to sleep; nothing arms");
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

/* Each time anew: what was given before may have been replaced by whoever had control meanwhile. */
static int configure(struct session *session, const struct meso_config *config,
		     struct arming *draft, sd_bus_error *error)
{
	int r;

	r = inj_gun_configure(session->gun->handle, config);
	if (r < 0)
		return bus_fail_gun(error, r, "the gun does not take this configuration");
	draft->config = *config;
	draft->configured_ns = monotonic_now_ns();
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
			.cartridge = status->cartridge_id,
		},
		/* The ledger knows what was loaded; the area is looked up where it is judged. */
		.preparation = FORMULARY_UNKNOWN,
		.area = FORMULARY_UNKNOWN,
	};
	memcpy(request->patient, session->patient.bytes, sizeof(request->patient));
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
	struct session *session = session_find_number(w->mesod, w->session);
	int r;

	(void)usec;
	if (session && !session->closing && session->gun->stops == w->draft.stops &&
	    pressure_holds(session) && monotonic_now_ns() < w->until_ns) {
		(void)sd_event_source_set_time_relative(source, WAIT_US);
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	if (session)
		session->arming = false;
	if (!session)
		r = bus_fail(&error, ERROR_NO_SUCH_SESSION, "the session is closed");
	else if (session->disarm_call)
		r = bus_fail(&error, ERROR_INTERLOCK, "not armed: disarmed meanwhile");
	else if (session->gun->stops != w->draft.stops)
		r = bus_fail(&error, ERROR_INTERLOCK, "not armed: stopped meanwhile");
	else
		r = check_session(session, &error);
	if (r >= 0)
		r = start(session, w->call, &w->config, w->kind, w->shots, &w->draft, &error);
	if (r < 0)
		(void)sd_bus_reply_method_error(w->call, &error);
	if (session && !session->arming)
		arming_over(session);
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
	if (r == -EBUSY)
		return bus_fail(error, ERROR_BUSY, "somebody else controls the gun");
	if (r >= 0)
		r = inj_gun_get_status(gun->handle, &status);
	if (r >= 0)
		r = inj_gun_get_info(gun->handle, &info);
	if (r < 0)
		return bus_fail_gun(error, r, "the gun cannot be controlled and read");
	r = check_request(&info, config, volume_nl, shots, info.journal_size - status.journal_count,
			  error);
	if (r >= 0)
		r = arming_check_status(&status, kind, error);
	if (r >= 0)
		r = configure(session, config, draft, error);
	if (r < 0)
		return r;
	/* The overshoot follows the configuration: asked again, and it must be what was judged. */
	r = inj_gun_get_info(gun->handle, &info);
	if (r < 0)
		return bus_fail_gun(error, r, "the gun cannot be read");

	fill_request(&draft->order.request, session, config, kind, shots, &info, &status);
	draft->order.request.area_mm2 = draft->area_mm2;
	draft->order.request.expiry_s = (draft->order.expiry_ms + 999) / 1000;
	session->asked = draft->order.request;
	TEXT_COPY(session->asked_area, draft->area);
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
	return arming_submit(session, call, draft, error);
}

/* Where it goes, and why a soft limit may be passed. */
static void note_place(struct arming *draft, const struct arm_request *request)
{
	TEXT_COPY(draft->area, request->area);
	TEXT_COPY(draft->override, request->override);
	draft->area_mm2 = request->area_mm2;
}

int session_arm(struct session *session, sd_bus_message *call, const struct arm_request *request,
		sd_bus_error *error)
{
	struct meso_config config = session->syringe;
	struct arming draft = { .stops = session->gun->stops };
	int r;

	r = check_session(session, error);
	if (r < 0)
		return r;
	config.dose_nl = request->dose_nl;
	config.depth_um = request->depth_um;
	config.mode = request->mode;
	config.rate_mhz = request->rate_mhz;
	note_place(&draft, request);
	draft.order.expiry_ms = request->expiry_ms;
	if (pressure_holds(session))
		return wait_for_rest(session, call, &config, MESO_KIND_TREAT, request->shots,
				     &draft, error);
	return start(session, call, &config, MESO_KIND_TREAT, request->shots, &draft, error);
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
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

/* What is in the gun may have a bound of its own for a shot, and so may each substance in it. */
static uint64_t largest_shot_nl(const struct session *session, uint64_t most)
{
	const struct formulary *f = session->mesod->formulary;
	const size_t index = formulary_preparation(f, session->preparation);
	const struct formulary_preparation *p;

	if (index == FORMULARY_UNKNOWN)
		return most; /* the policy refuses it */
	p = &f->preparations[index];
	if (p->shot_nl.hard)
		most = lesser(most, p->shot_nl.soft);
	for (size_t i = 0; i < p->n_components; i++) {
		const struct formulary_component *c = &p->components[i];
		const struct formulary_bound *shot = &f->substances[c->substance].fixed[SCOPE_SHOT];
		const uint64_t bound = lesser(shot->soft, shot->hard);
		uint64_t fine; /* pg or uIU */

		if (c->concentration && !__builtin_mul_overflow(bound, (uint64_t)1000, &fine))
			most = lesser(most, fine / c->concentration);
	}
	return most;
}

int session_prime(struct session *session, sd_bus_message *call, uint32_t volume_nl,
		  const struct arm_request *request, sd_bus_error *error)
{
	struct meso_config config = session->syringe;
	struct arming draft = { .stops = session->gun->stops };
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
	most = (uint32_t)lesser(largest_shot_nl(session, session->mesod->limits.shot_nl.soft),
				info.dose_max_nl);
	if (!volume_nl || volume_nl > info.lease_max_nl ||
	    !divide(volume_nl, info.dose_step_nl ? info.dose_step_nl : 1,
		    info.dose_min_nl ? info.dose_min_nl : 1, most, &config.dose_nl, &shots))
		return bus_fail(
			error, ERROR_INVALID_ARGUMENT,
			"volume_nl=%u cannot be given in whole shots of %u to %u nl, limit=%u",
			volume_nl, info.dose_min_nl, most, info.lease_max_nl);
	config.depth_um = 0;
	config.mode = MESO_MODE_REPEAT;
	/* Nor is it faster than a clinic wants its doses. */
	config.rate_mhz = (uint32_t)lesser(lesser(PRIME_RATE_MHZ, info.rate_max_mhz),
					   session->mesod->limits.rate_mhz.soft);
	note_place(&draft, request);
	draft.order.expiry_ms = PRIME_EXPIRY_MS;
	if (pressure_holds(session))
		return wait_for_rest(session, call, &config, MESO_KIND_PRIME, shots, &draft, error);
	return start(session, call, &config, MESO_KIND_PRIME, shots, &draft, error);
}
