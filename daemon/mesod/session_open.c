// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a session begins, or goes on: the ledger opens it or finds the one that was
 * interrupted, and only then somebody is given it.  What nobody can be given is undone.
 */
#include "session.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bus.h"
#include "bus_errors.h"
#include "gun.h"
#include "macros.h"
#include "mesod.h"
#include "peer.h"

#define UNDO_RETRY_US 1000000

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
