// SPDX-License-Identifier: GPL-2.0-only
/*
 * See session.h; how one begins is in session_open.c.
 */
#include "session.h"

#include <string.h>

#include "bus.h"
#include "bus_errors.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "peer.h"

const char *session_state_name(const struct session *session)
{
	const struct lease *lease = session->gun->lease;

	if (session->close_submitted)
		return "closed";
	if (!lease)
		return session->closing ? "settling" : "open";
	return lease->stage == LEASE_LIVE ? "armed" : "settling";
}

struct session *session_find_path(struct mesod *mesod, const char *path)
{
	for (struct session *s = mesod->sessions; s; s = s->next)
		if (strcmp(s->path, path) == 0)
			return s;
	return NULL;
}

struct session *session_find_number(struct mesod *mesod, uint64_t n)
{
	for (struct session *s = mesod->sessions; s; s = s->next)
		if (s->n == n)
			return s;
	return NULL;
}

struct session *session_of_lease(const struct lease *lease)
{
	struct session *session = lease->gun->session;

	return session && session->n == lease->session ? session : NULL;
}

const char *session_silence_reason(const struct session *session)
{
	if (!session)
		return "nobody has a session";
	if (session->closing)
		return "the session is closing";
	if (session->lease_fd < 0)
		return "its opener is gone";
	if (session->keep_alive && monotonic_now_ns() - session->alive_ns > SESSION_KEEP_ALIVE_NS)
		return "its opener sends no keep-alive";
	return NULL;
}

/* ---- signals to the opener ------------------------------------------------------ */

int session_new_signal(struct session *session, const char *member, sd_bus_message **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
	int r;

	if (sd_bus_is_open(session->mesod->bus) <= 0)
		return -ENOTCONN;
	r = sd_bus_message_new_signal(session->mesod->bus, &signal, session->path,
				      INTERFACE_SESSION, member);
	if (r >= 0)
		r = sd_bus_message_set_destination(signal, session->opener);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(signal);
	return 0;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void session_shot(struct session *session, const struct meso_shot *shot)
{
	const uint32_t delivered =
		larger(shot->reported_nl, larger(shot->displaced_nl, shot->displaced2_nl));
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
	const char *result = inj_result_name(shot->result);
	struct meso_status status = { 0 };
	int r;

	if (shot->kind == MESO_KIND_TREAT) {
		session->delivered_nl += delivered;
		session->shots++;
	}
	if (session->gun->handle)
		(void)inj_gun_get_status(session->gun->handle, &status);
	r = session_new_signal(session, "Shot", &signal);
	if (r >= 0)
		r = sd_bus_message_append(signal, "a{sv}", 9, "number", "t", shot->number,
					  "asked_nl", "u", shot->asked_nl, "delivered_nl", "u",
					  delivered, "depth_um", "u", shot->depth_um, "peak_pa",
					  "i", shot->peak_pa, "result", "s",
					  result ? result : "unknown", "session_nl", "t",
					  session->delivered_nl, "left_nl", "u",
					  status.lease_left_nl, "shots_left", "u",
					  status.lease_shots_left);
	if (r >= 0)
		r = sd_bus_send(NULL, signal, NULL);
	if (r < 0)
		log_gun(session->gun, LOG_DEBUG, "shot not told: %s", strerrordesc_np(-r));
}

static void tell_lease_ended(struct session *session, const struct lease *lease, bool settled,
			     uint64_t delivered_nl)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
	const char *reason = inj_end_name(lease->end);

	if (session_new_signal(session, "LeaseEnded", &signal) >= 0 &&
	    sd_bus_message_append(signal, "ssbt", lease->text, reason ? reason : "unknown", settled,
				  delivered_nl) >= 0)
		(void)sd_bus_send(NULL, signal, NULL);
}

static void tell_closed(struct session *session)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;

	if (session_new_signal(session, "Closed", &signal) >= 0 &&
	    sd_bus_message_append(signal, "s", session->close_reason) >= 0)
		(void)sd_bus_send(NULL, signal, NULL);
}

/* ---- the end ----------------------------------------------------------------------- */

void session_free(struct session *session)
{
	struct mesod *mesod = session->mesod;

	for (struct session **p = &mesod->sessions; *p; p = &(*p)->next) {
		if (*p != session)
			continue;
		*p = session->next;
		mesod->n_sessions--;
		break;
	}
	if (session->gun->session == session) {
		session->gun->session = NULL;
		bus_gun_changed(session->gun, "InSession");
	}
	bus_session_removed(session);
	sd_event_source_disable_unref(session->hangup);
	closep(&session->lease_fd);
	peer_free(session->peer);
	sd_bus_message_unref(session->disarm_call);
	sd_bus_message_unref(session->close_call);
	gun_unref(session->gun);
	free(session->opener);
	free(session->path);
	free(session);
}

struct closing {
	struct session *session;
	int64_t number;
	int64_t now_s;
	const char *reason;
	bool interrupted; /* not by its operator: it may be resumed */
	struct ledger_session account;
};

static int closing_run(void *owned, void *userdata)
{
	struct closing *c = userdata;
	int r;

	if (c->interrupted)
		r = ledger_interrupt_session(owned, c->now_s, c->number, c->reason);
	else
		r = ledger_close_session(owned, c->now_s, c->number, c->reason);
	return r < 0 ? r : ledger_get_session(owned, c->number, &c->account);
}

static void answer_close(struct session *session, int r, const struct ledger_session *account)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	sd_bus_message *call = session->close_call;

	if (r < 0) {
		bus_reply_error(call, ERROR_LEDGER, "the ledger did not record the end: %s",
				strerrordesc_np(-r));
		return;
	}
	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = session_append_summary(reply, session, account);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_send_reply(call, reply, r);
}

static void closing_done(void *userdata, int r)
{
	struct closing *c = userdata;
	struct session *session = c->session;

	if (r < 0 && r != -ECANCELED)
		log_gun_id(session->gun, LOG_ERR, MESSAGE_NOT_RECORDED,
			   "the end of the session was not recorded: %s", strerrordesc_np(-r));
	if (session->close_call)
		answer_close(session, r, &c->account);
	if (session->disarm_call)
		bus_reply_error(session->disarm_call, ERROR_NO_SUCH_SESSION,
				"the session is closed");
	log_gun(session->gun, LOG_INFO, "session %lld closed: %s", (long long)session->number,
		session->close_reason);
	tell_closed(session);
	session_free(session);
	free(c);
}

/* Closes as soon as nothing is in the way: a lease is settled first, unless that takes too long or
 * the gun is not there to tell. */
static void try_close(struct session *session)
{
	const struct gun *gun = session->gun;
	struct closing *c;

	if (!session->closing || session->close_submitted || session->arming)
		return;
	if (gun->lease && !gun->lease->overdue && gun->stage != GUN_GONE)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return; /* upkeep tries again */
	c->session = session;
	c->number = session->number;
	c->now_s = wall_now_s(session->mesod);
	c->reason = session->close_reason;
	c->interrupted = !session->close_call;
	if (worker_submit(session->mesod->worker, closing_run, closing_done, c) < 0) {
		free(c);
		return;
	}
	session->close_submitted = true;
}

void session_end(struct session *session, const char *reason)
{
	if (!session->closing) {
		session->closing = true;
		session->close_reason = reason;
		session->hangup = sd_event_source_disable_unref(session->hangup);
		closep(&session->lease_fd);
		session->lease_fd = -1;
		gun_disarm(session->gun);
	}
	try_close(session);
}

void session_lease_settled(struct session *session, const struct lease *lease, bool released,
			   uint64_t delivered_nl)
{
	tell_lease_ended(session, lease, released, delivered_nl);
	if (session->disarm_call) {
		(void)sd_bus_reply_method_return(session->disarm_call, NULL);
		session->disarm_call = sd_bus_message_unref(session->disarm_call);
	}
}

void session_lease_overdue(struct session *session)
{
	/* The opener must not wait for a settlement that may never come; it is told of that, too. */
	if (session->gun->lease && session->gun->lease->session == session->n)
		tell_lease_ended(session, session->gun->lease, false, session->delivered_nl);
	if (session->disarm_call) {
		bus_reply_error(
			session->disarm_call, ERROR_TIMEOUT,
			"the gun was told to stop, but has not yet confirmed what it delivered");
		session->disarm_call = sd_bus_message_unref(session->disarm_call);
	}
	try_close(session);
}

void session_gun_gone(struct session *session)
{
	struct gun *gun = session->gun;

	if (gun->lease && gun->lease->session == session->n) {
		gun->lease->end = MESO_END_REMOVED;
		tell_lease_ended(session, gun->lease, false, session->delivered_nl);
	}
	if (session->disarm_call) {
		bus_reply_error(session->disarm_call, ERROR_GUN_GONE, "the gun was unplugged");
		session->disarm_call = sd_bus_message_unref(session->disarm_call);
	}
	session_end(session, "gun unplugged");
}

void session_continue(struct session *session)
{
	try_close(session);
}
