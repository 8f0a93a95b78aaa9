// SPDX-License-Identifier: GPL-2.0-only
/*
 * See session.h.
 */
#include "session.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "bus.h"
#include "bus_errors.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "peer.h"

#define UNDO_RETRY_US 1000000

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
		log_gun(session->gun, LOG_ERR, "the end of the session was not recorded: %s",
			strerrordesc_np(-r));
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

/* ---- the beginning -------------------------------------------------------------------- */

static int on_hangup(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	session_end(userdata, "lease descriptor closed");
	return 0;
}

static void on_opener_gone(void *userdata)
{
	session_end(userdata, "opener left the bus");
}

struct opening {
	struct mesod *mesod;
	struct gun *gun;
	sd_bus_message *call;
	uint32_t uid;
	bool keep_alive;
	int64_t now_s;
	char operator_text[LEDGER_ID_TEXT_MAX];
	char today[LEDGER_DATE_MAX];
	char serial[MESO_SERIAL_LEN];
	char asked[LEDGER_NAME_MAX];
	bool no_patient;
	struct ledger_patient patient;
	int64_t number;
	int64_t opened_s;      /* by whoever opened it */
	uint64_t delivered_nl; /* before it was interrupted */
	uint32_t shots;
	bool resumed;
};

static int opening_run(void *owned, void *userdata)
{
	struct opening *o = userdata;
	struct ledger_session before;
	int r;

	r = ledger_get_patient(owned, o->asked, &o->patient);
	if (r < 0) {
		o->no_patient = r == -ENOENT;
		return r;
	}
	o->opened_s = o->now_s;
	r = ledger_resume_session(owned, o->now_s, o->today,
				  (int64_t)o->mesod->basis.limits->session_s.hard, &o->patient.id,
				  o->serial, o->uid, &before);
	if (r >= 0) {
		o->number = before.session;
		o->opened_s = before.opened_s;
		o->delivered_nl = before.delivered_nl;
		o->shots = before.shots;
		o->resumed = true;
	}
	return r != -ENOENT ? r
			    : ledger_open_session(owned, o->now_s, o->today, &o->patient.id,
						  o->serial, o->uid, &o->number);
}

static void answer_opening_failed(const struct opening *o, int r)
{
	switch (-r) {
	case ENOENT:
		bus_reply_error(o->call, ERROR_NO_SUCH_PATIENT,
				"no patient with that id or reference");
		return;
	case EIDRM:
		bus_reply_error(o->call, ERROR_NO_SUCH_PATIENT,
				"that patient was erased, and cannot be treated any more");
		return;
	case EBUSY:
		bus_reply_error(o->call, ERROR_BUSY, "the gun or the patient has a session");
		return;
	case EPERM:
		bus_reply_error(o->call, ERROR_NOT_OPERATOR, "uid=%u is no registered operator",
				o->uid);
		return;
	case EKEYEXPIRED:
		bus_reply_error(o->call, ERROR_NOT_OPERATOR, "uid=%u: the licence has expired",
				o->uid);
		return;
	case EOWNERDEAD:
		bus_reply_blocked(o->call, ledger_restored_since(o->mesod->ledger));
		return;
	case EUCLEAN:
		bus_reply_error(o->call, ERROR_QUARANTINED,
				"gun %s: its numbers disagree with the ledger", o->serial);
		return;
	default:
		bus_reply_error(o->call, ERROR_LEDGER, "the ledger did not open a session: %s",
				strerrordesc_np(-r));
	}
}

/* Both ends of the pipe that says that the opener lives. */
static int make_lease_fd(struct session *session, int *ret_theirs)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	session->lease_fd = ends[0];
	*ret_theirs = ends[1];
	/* No event but the end: what the opener may write means nothing. */
	r = sd_event_add_io(session->mesod->event, &session->hangup, ends[0], 0, on_hangup,
			    session);
	return r < 0 ? r : sd_event_source_set_priority(session->hangup, PRIORITY_STOP);
}

static int session_new(const struct opening *o, struct session **ret, int *ret_theirs)
{
	struct session *session = calloc(1, sizeof(*session));
	struct mesod *mesod = o->mesod;
	int r;

	if (!session)
		return -ENOMEM;
	session->mesod = mesod;
	session->gun = gun_ref(o->gun);
	session->lease_fd = -1;
	session->number = o->number;
	session->patient = o->patient.id;
	ledger_id_format(&o->patient.id, session->patient_text);
	TEXT_COPY(session->operator_text, o->operator_text);
	session->opened_s = o->opened_s;
	session->delivered_nl = o->delivered_nl;
	session->shots = o->shots;
	session->uid = o->uid;
	session->keep_alive = o->keep_alive;
	session->alive_ns = monotonic_now_ns();
	session->n = ++mesod->last_session;
	session->next = mesod->sessions;
	mesod->sessions = session;
	mesod->n_sessions++;

	session->opener = strdup(sd_bus_message_get_sender(o->call));
	r = session->opener && asprintf(&session->path, BUS_SESSIONS "/%llu",
					(unsigned long long)session->n) > 0
		    ? 0
		    : -ENOMEM;
	if (r >= 0)
		r = make_lease_fd(session, ret_theirs);
	if (r >= 0)
		r = bus_session_added(session);
	if (r >= 0)
		r = peer_new(mesod->bus, session->opener, on_opener_gone, session, &session->peer);
	if (r < 0) {
		closep(ret_theirs);
		*ret_theirs = -1;
		session_free(session);
		return r;
	}
	*ret = session;
	return 0;
}

struct undoing {
	struct mesod *mesod;
	int64_t number;
	int64_t now_s;
};

static int undoing_run(void *owned, void *userdata)
{
	const struct undoing *u = userdata;

	return ledger_interrupt_session(owned, u->now_s, u->number, "could not be opened");
}

static void undoing_try(struct undoing *u, uint64_t usec);

static void undoing_done(void *userdata, int r)
{
	struct undoing *u = userdata;

	if (r >= 0 || r == -ENOENT || r == -ECANCELED || u->mesod->stopping)
		free(u);
	else
		undoing_try(u, UNDO_RETRY_US);
}

static void undoing_freed(void *userdata)
{
	free(userdata);
}

static int on_undo(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct undoing *u = userdata;

	(void)usec;
	u->now_s = wall_now_s(u->mesod);
	if (worker_submit(u->mesod->worker, undoing_run, undoing_done, u) < 0) {
		(void)sd_event_source_set_time_relative(source, UNDO_RETRY_US);
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	/* It is the worker's now. */
	(void)sd_event_source_set_destroy_callback(source, NULL);
	sd_event_source_disable_unref(source);
	return 0;
}

/* The timer is the loop's own: it goes with it, and takes @u along. */
static void undoing_try(struct undoing *u, uint64_t usec)
{
	sd_event_source *timer = NULL;

	if (sd_event_add_time_relative(u->mesod->event, &timer, CLOCK_MONOTONIC, usec, 1000,
				       on_undo, u) < 0) {
		free(u);
		return;
	}
	(void)sd_event_source_set_destroy_callback(timer, undoing_freed);
	(void)sd_event_source_set_floating(timer, true);
	sd_event_source_unref(timer);
}

/* The ledger opened it, but nobody can have it any more: neither gun nor patient may stay taken.  It
 * is tried until it is done; when mesod ends before, the next one does it with what it finds open. */
static void undo(struct mesod *mesod, int64_t number)
{
	struct undoing *u = calloc(1, sizeof(*u));

	if (!u)
		return;
	u->mesod = mesod;
	u->number = number;
	undoing_try(u, 0);
}

static void opened(struct opening *o)
{
	_cleanup_(closep) int theirs = -1;
	struct session *session = NULL;
	int r;

	if (o->gun->stage == GUN_GONE || o->mesod->stopping || o->gun->session) {
		bus_reply_error(o->call, o->gun->session ? ERROR_BUSY : ERROR_GUN_GONE,
				"the gun is not there any more");
		undo(o->mesod, o->number);
		return;
	}
	r = session_new(o, &session, &theirs);
	if (r < 0) {
		bus_reply_error(o->call, ERROR_LIMIT, "the session could not be made: %s",
				strerrordesc_np(-r));
		undo(o->mesod, o->number);
		return;
	}
	o->gun->session = session;
	bus_gun_changed(o->gun, "InSession");
	log_gun(o->gun, LOG_INFO, "session %lld %s by uid %u", (long long)o->number,
		o->resumed ? "resumed" : "opened", o->uid);
	r = sd_bus_reply_method_return(o->call, "oh", session->path, theirs);
	if (r < 0)
		session_end(session, "its opener could not be answered");
}

static void opening_done(void *userdata, int r)
{
	struct opening *o = userdata;

	if (r < 0)
		answer_opening_failed(o, r);
	else
		opened(o);
	sd_bus_message_unref(o->call);
	gun_unref(o->gun);
	free(o);
}

int session_open(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
		 struct gun *gun, const char *patient, bool keep_alive, sd_bus_error *error)
{
	const enum ledger_state state = mesod_ledger_state(mesod);
	struct opening *o;
	int r;

	if (state != LEDGER_OK)
		return bus_fail(error, ERROR_LEDGER, "the ledger is %s; nothing arms",
				ledger_state_name(state));
	if (gun->quarantined)
		return bus_fail(error, ERROR_QUARANTINED,
				"gun %s: its numbers disagree with the ledger", gun->serial);
	if (gun->session)
		return bus_fail(error, ERROR_BUSY, "gun %s has a session", gun->serial);
	if (gun->stage != GUN_READY)
		return bus_fail(error, ERROR_INTERLOCK,
				"gun %s is still being compared with the ledger; try again",
				gun->serial);
	if (mesod->n_sessions >= SESSIONS_MAX)
		return bus_fail(error, ERROR_LIMIT, "sessions=%u limit=%u", mesod->n_sessions,
				SESSIONS_MAX);
	o = calloc(1, sizeof(*o));
	if (!o)
		return bus_fail_internal(error, -ENOMEM);
	o->mesod = mesod;
	o->gun = gun_ref(gun);
	o->call = sd_bus_message_ref(call);
	o->uid = caller->uid;
	o->keep_alive = keep_alive;
	o->now_s = wall_now_s(mesod);
	local_date(o->now_s, o->today);
	TEXT_COPY(o->operator_text, caller->operator_text);
	TEXT_COPY(o->serial, gun->serial);
	TEXT_COPY(o->asked, patient);
	r = mesod_submit_client(mesod, opening_run, opening_done, o);
	if (r >= 0)
		return 1;
	sd_bus_message_unref(o->call);
	gun_unref(o->gun);
	free(o);
	return bus_fail_busy_worker(error, r);
}
