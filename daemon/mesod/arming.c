// SPDX-License-Identifier: GPL-2.0-only
/*
 * See arming.h.  What fails after the reservation is settled by evidence, never
 * by hope.
 */
#include "arming.h"

#include <string.h>

#include "bus_errors.h"
#include "collect.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "verdicts.h"

/* How long a frame may be on its way from the gun. */
#define FRAME_DELAY_NS 50000000ULL

static int fault_first(uint32_t faults, sd_bus_error *error)
{
	/* The longest of all names together are some 250 characters. */
	char names[512] = "";
	size_t len = 0;

	for (unsigned int bit = 0; bit < 32; bit++) {
		const char *name = faults & (1u << bit) ? inj_fault_name(1u << bit) : NULL;

		if (name && len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						len ? ", " : "", name);
	}
	return bus_fail(error, ERROR_INTERLOCK, "fault: %s must be cleared first (0x%x)",
			len ? names : "one without a name", faults);
}

int arming_check_status(const struct meso_status *status, uint32_t kind, sd_bus_error *error)
{
	if (!(status->flags & MESO_STATUS_FRESH) || status->state == MESO_STATE_STALE)
		return bus_fail(error, ERROR_INTERLOCK, "stale: the gun does not report");
	if (status->state == MESO_STATE_FAULT)
		return fault_first(status->faults, error);
	if (!gun_status_is_quiet(status))
		return bus_fail(error, ERROR_BUSY, "the gun is %s", gun_state_name(status->state));
	if (kind == MESO_KIND_TREAT && !(status->flags & MESO_STATUS_PRIMED))
		return bus_fail(error, ERROR_INTERLOCK, "not primed with this syringe");
	if (kind == MESO_KIND_PRIME && (status->flags & MESO_STATUS_CONTACT))
		return bus_fail(error, ERROR_INTERLOCK, "contact: prime off the skin");
	return 0;
}

const char *arming_config_difference(const struct meso_config *given,
				     const struct meso_status *status)
{
	if (status->dose_nl != given->dose_nl)
		return "dose";
	if (status->depth_set_um != given->depth_um)
		return "depth";
	if (status->mode != given->mode)
		return "mode";
	if (status->rate_mhz != given->rate_mhz)
		return "rate";
	if (status->bore_um != given->bore_um)
		return "syringe bore";
	if (status->capacity_nl != given->capacity_nl)
		return "syringe capacity";
	return NULL;
}

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
	const char *other,
		*silence = session ? session_silence_reason(session) : "the session is closed";
	int r;

	if (a->gun->stage == GUN_GONE)
		return bus_fail(error, ERROR_GUN_GONE, "the gun was unplugged");
	if (silence || a->mesod->stopping)
		return bus_fail(error, ERROR_NO_SUCH_SESSION, "not armed: %s",
				silence ? silence : "mesod is ending");
	if (session->disarm_call)
		return bus_fail(error, ERROR_INTERLOCK, "not armed: disarmed meanwhile");
	if (a->gun->stops != a->stops)
		return bus_fail(error, ERROR_INTERLOCK, "not armed: stopped meanwhile");
	if (!mesod_worker_answers(a->mesod))
		return bus_fail(error, ERROR_LEDGER, "not armed: the ledger does not answer");
	r = timekeeping_check(a->mesod, error);
	if (r < 0)
		return r;
	r = inj_gun_get_status(a->gun->handle, status);
	if (r < 0)
		return bus_fail_gun(error, r, "not armed");
	if (status->boot_id != a->order.gun.boot_id)
		return bus_fail(error, ERROR_INTERLOCK, "not armed: the gun has restarted");
	if (status->shot_count != a->order.gun.shot_count || a->gun->quarantined)
		return bus_fail(error, ERROR_INTERLOCK, "not armed: the gun's counters moved");
	/* A frame from before says nothing of what the gun was given since. */
	other = status->frame_ns > a->configured_ns + FRAME_DELAY_NS
			? arming_config_difference(&a->config, status)
			: NULL;
	if (other)
		return bus_fail(error, ERROR_INTERLOCK,
				"not armed: the gun has another %s than it was given", other);
	return arming_check_status(status, a->order.request.kind, error);
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
	case EOWNERDEAD:
		bus_reply_blocked(a->call, ledger_restored_since(a->mesod->ledger));
		return;
	case EUCLEAN:
		bus_reply_error(a->call, ERROR_QUARANTINED,
				"gun %s: its numbers disagree with the ledger", a->serial);
		return;
	case ETIME:
		bus_reply_error(
			a->call, ERROR_LEDGER,
			"nothing was reserved: the clock went backwards, it is %lld s "
			"before the newest time that the ledger has seen (limit=%d s): " CLOCK_WHAT_NOW,
			(long long)a->behind_s, LEDGER_CLOCK_TOLERANCE_S);
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

static int arming_run(void *owned, void *userdata)
{
	struct arming *a = userdata;
	int r;

	a->order.request.area = formulary_area(a->mesod->basis.formulary, a->area);
	r = ledger_reserve(owned, &a->now, &a->mesod->basis, &a->order, &a->reservation,
			   a->verdicts);
	if (r == -ETIME)
		a->behind_s = ledger_clock_behind(owned, a->now.s);
	return r;
}

/* The reservation is durable. */
static void reserved(struct arming *a, struct session *session)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct lease *lease = NULL;
	int r;

	if (a->gun->stage == GUN_GONE) {
		/* Nobody is left to settle it: it stays reserved until the gun is back and is compared. */
		bus_reply_error(a->call, ERROR_GUN_GONE, "not armed: the gun was unplugged");
		return;
	}
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

void arming_over(struct session *session)
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
	struct session *session = session_find_number(a->mesod, a->session);

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
		arming_over(session);
	sd_bus_message_unref(a->call);
	gun_unref(a->gun);
	free(a);
}

int arming_submit(struct session *session, sd_bus_message *call, const struct arming *draft,
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
	a->now = moment_at(wall_now_s(session->mesod));
	TEXT_COPY(a->serial, session->gun->serial);
	a->order.session = session->number;
	a->order.gun.serial = a->serial;
	a->order.area = a->area;
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
