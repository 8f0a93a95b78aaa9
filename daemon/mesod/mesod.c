// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mesod.h.
 *
 * Beginning: loop, worker, bus connection, formulary; the rest is starting.c's.  End: everything disarms first, what can
 * be settled in a short time is, the rest stays reserved for the next start.
 */
#include "mesod.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "authority.h"
#include "basis.h"
#include "bus.h"
#include "bus_errors.h"
#include "clock.h"
#include "gcrypt_start.h"
#include "gun.h"
#include "hotplug.h"
#include "lease.h"
#include "macros.h"
#include "pedal.h"
#include "session.h"
#include "sleep.h"
#include "starting.h"

#define UPKEEP_US     1000000
#define STOP_LOOK_US  10000
#define STOP_LIMIT_NS 4000000000ULL

/* ---- small services ------------------------------------------------------------------ */

int64_t wall_now_s(const struct mesod *mesod)
{
	return clock_wall_s(mesod->options.clock);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

uint64_t monotonic_now_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t boottime_now_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

struct ledger_moment moment_at(int64_t now_s)
{
	struct ledger_moment moment = { .s = now_s, .day = INT32_MAX, .midnight_s = now_s };
	const time_t now = (time_t)now_s;
	struct tm tm, date;
	time_t midnight, day_s;

	/* A date that cannot be told is later than any: every calendar interval has passed, every licence too. */
	if (!localtime_r(&now, &tm))
		return moment;
	date = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday };
	day_s = timegm(&date);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	midnight = mktime(&tm);
	if (midnight != (time_t)-1)
		moment.midnight_s = midnight;
	moment.day = (int32_t)(day_s / 86400 - (day_s % 86400 < 0));
	return moment;
}

char *local_date(int64_t now_s, char buf[static LEDGER_DATE_MAX])
{
	const time_t now = (time_t)now_s;
	struct tm tm;

	/* A date that cannot be told is later than any licence: nothing is licensed then. */
	if (!localtime_r(&now, &tm) || !strftime(buf, LEDGER_DATE_MAX, "%Y-%m-%d", &tm))
		text_copy(buf, LEDGER_DATE_MAX, "9999-99-99");
	return buf;
}

char *day_format(int32_t day, char buf[static LEDGER_DATE_MAX])
{
	const time_t time = (time_t)day * 86400;
	struct tm tm;

	if (day == POLICY_NO_DAY || !gmtime_r(&time, &tm) ||
	    !strftime(buf, LEDGER_DATE_MAX, "%Y-%m-%d", &tm))
		buf[0] = '\0';
	return buf;
}

bool mesod_worker_answers(struct mesod *mesod)
{
	return worker_answer_age_ns(mesod->worker, monotonic_now_ns()) <= WORKER_SILENCE_NS;
}

enum ledger_state mesod_ledger_state(const struct mesod *mesod)
{
	return mesod->ledger ? ledger_get_state(mesod->ledger) : LEDGER_FAILED;
}

const char *mesod_state_name(const struct mesod *mesod)
{
	switch (mesod_ledger_state(mesod)) {
	case LEDGER_OK:
		return "ok";
	case LEDGER_FULL:
		return "degraded";
	default:
		return "failed";
	}
}

int mesod_submit_client(struct mesod *mesod, worker_run_fn run, worker_done_fn done, void *userdata)
{
	if (mesod->reloads)
		return -EBUSY;
	if (worker_pending(mesod->worker) >= WORKER_CLIENTS_MAX)
		return -ENOBUFS;
	return worker_submit(mesod->worker, run, done, userdata);
}

/* ---- upkeep ----------------------------------------------------------------------------- */

static int upkeep_run(void *owned, void *userdata)
{
	struct mesod *mesod = userdata;

	/* A clock that was not accepted may be right by now; failing is for those who ask to arm. */
	(void)timekeeping_run(owned, &mesod->clock_job);
	/* Nobody else asks a full disk again: a session that could is not even opened. */
	if (ledger_get_state(owned) == LEDGER_FULL && ledger_look_for_room(owned) < 0)
		return 0;
	return ledger_write_mark(owned);
}

static void upkeep_done(void *userdata, int r)
{
	struct mesod *mesod = userdata;

	if (r != -ECANCELED)
		timekeeping_done(mesod, &mesod->clock_job);
}

static void tell_state(struct mesod *mesod)
{
	const enum ledger_state state = mesod_ledger_state(mesod);

	if (state == mesod->told_state)
		return;
	mesod->told_state = state;
	log_main_id(mesod, state == LEDGER_OK ? LOG_NOTICE : LOG_ERR,
		    state == LEDGER_OK ? NULL : MESSAGE_LEDGER, "the ledger is %s",
		    ledger_state_name(state));
	bus_manager_changed(mesod);
}

/* With nothing to look after mesod sleeps until something comes. */
static bool has_upkeep(const struct mesod *mesod)
{
	return mesod->guns || mesod->sessions || mesod_ledger_state(mesod) != LEDGER_OK;
}

void mesod_keep_up(struct mesod *mesod)
{
	int enabled;

	if (!mesod->upkeep || !has_upkeep(mesod) ||
	    sd_event_source_get_enabled(mesod->upkeep, &enabled) < 0 || enabled)
		return;
	/* At once: the worker's last answer is old. */
	(void)sd_event_source_set_time_relative(mesod->upkeep, 0);
	(void)sd_event_source_set_enabled(mesod->upkeep, SD_EVENT_ONESHOT);
}

static int on_upkeep(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct mesod *mesod = userdata;
	const enum ledger_state state = mesod_ledger_state(mesod);
	struct session *next;

	(void)usec;
	tell_state(mesod);
	pedals_check(mesod->pedals);
	/* Also keeps the worker answering, so that its silence means something. */
	if (!worker_pending(mesod->worker) && (state == LEDGER_OK || state == LEDGER_FULL))
		(void)worker_submit(mesod->worker, upkeep_run, upkeep_done, mesod);
	worker_ping(mesod->worker);
	for (struct session *session = mesod->sessions; session; session = next) {
		next = session->next;
		session_continue(session);
	}
	if (!has_upkeep(mesod))
		return 0;
	(void)sd_event_source_set_time_relative(source, UPKEEP_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_worker(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct mesod *mesod = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	worker_dispatch(mesod->worker);
	/* What was just done may have found the ledger's disk full. */
	mesod_keep_up(mesod);
	return 0;
}

/* ---- the beginning ---------------------------------------------------------------------- */

void mesod_named(struct mesod *mesod)
{
	unsigned int guns = 0;

	for (const struct gun *gun = mesod->guns; gun; gun = gun->next)
		guns++;
	mesod->told_state = mesod_ledger_state(mesod);
	sd_notifyf(false, "READY=1\nSTATUS=%u guns, ledger %s", guns,
		   ledger_state_name(mesod->told_state));
	log_main(mesod, LOG_INFO, "serving %s: %u guns, ledger %s%s%s", BUS_NAME, guns,
		 ledger_state_name(mesod->told_state), mesod->told_state == LEDGER_OK ? "" : ": ",
		 mesod->told_state == LEDGER_OK ? "" : mesod->problem);
}

void mesod_lock_memory(struct mesod *mesod)
{
	struct rlimit limit;

	if (mesod->memory_locked)
		return;
	mesod->memory_locked = true;
	/* With a limit, what is allocated later could fail: rather none at all. */
	if (geteuid() != 0 &&
	    (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur != RLIM_INFINITY))
		log_main(mesod, LOG_INFO, "memory is not locked: no permission");
	else if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_main(mesod, LOG_INFO, "memory is not locked: %s", strerrordesc_np(errno));
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	mesod_stop(userdata, 0, "asked to end");
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	(void)basis_reload(userdata, NULL, 0, NULL);
	return 0;
}

int mesod_opened(struct mesod *mesod)
{
	int r;

	r = sd_event_add_time_relative(mesod->event, &mesod->upkeep, CLOCK_MONOTONIC, UPKEEP_US,
				       100000, on_upkeep, mesod);
	/* One that has come meanwhile has waited. */
	if (r >= 0)
		r = sd_event_add_signal(mesod->event, NULL, SIGHUP, on_hangup, mesod);
	return r < 0 ? r : 0;
}

static int open_loop(struct mesod *mesod)
{
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	r = sd_event_new(&mesod->event);
	if (r >= 0)
		r = sd_event_add_signal(mesod->event, NULL, SIGTERM, on_signal, mesod);
	if (r >= 0)
		r = sd_event_add_signal(mesod->event, NULL, SIGINT, on_signal, mesod);
	if (r >= 0)
		r = sd_event_set_watchdog(mesod->event, true);
	return r < 0 ? r : 0;
}

/* The ledger is opened by the worker, while the rest comes up here; nothing is heard or said before the loop runs. */
static int begin_ledger(struct mesod *mesod)
{
	int r;

	gcrypt_start();
	r = worker_new(WORKER_DEPTH, &mesod->worker);
	if (r >= 0)
		r = sd_event_add_io(mesod->event, &mesod->worker_io, worker_get_fd(mesod->worker),
				    EPOLLIN, on_worker, mesod);
	if (r >= 0)
		r = sd_event_source_set_priority(mesod->worker_io, PRIORITY_WORKER);
	if (r >= 0)
		r = starting_begin(mesod);
	return r;
}

static int begin(struct mesod *mesod)
{
	int r;

	r = open_loop(mesod);
	if (r >= 0)
		r = begin_ledger(mesod);
	if (r >= 0)
		r = authority_new(mesod, &mesod->authority);
	if (r < 0) {
		log_main(mesod, LOG_ERR, "cannot start: %s", strerrordesc_np(-r));
		return r;
	}
	r = basis_load(mesod);
	if (r < 0)
		return r;
	r = bus_open(mesod);
	if (r < 0)
		log_main(mesod, LOG_ERR, "cannot reach the bus: %s", strerrordesc_np(-r));
	return r;
}

/* ---- the end -------------------------------------------------------------------------------- */

static int on_stop_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct mesod *mesod = userdata;
	bool busy = mesod->sessions || worker_pending(mesod->worker);

	(void)usec;
	for (const struct gun *gun = mesod->guns; gun; gun = gun->next)
		busy = busy || (gun->lease && !gun->lease->overdue);
	if (!busy || monotonic_now_ns() > mesod->stop_limit_ns)
		return sd_event_exit(mesod->event, mesod->stop_result);
	(void)sd_event_source_set_time_relative(source, STOP_LOOK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Nothing may stay armed on our account; what another controls is not for us to end. */
static void disarm_ours(struct mesod *mesod)
{
	for (struct gun *gun = mesod->guns; gun; gun = gun->next)
		if (gun->controlled)
			gun_disarm(gun);
}

void mesod_stop(struct mesod *mesod, int result, const char *why)
{
	struct session *next;

	disarm_ours(mesod);
	if (mesod->stopping)
		return;
	mesod->stopping = true;
	mesod->stop_result = result;
	mesod->stop_limit_ns = monotonic_now_ns() + STOP_LIMIT_NS;
	log_main(mesod, LOG_NOTICE, "ending: %s", why);
	sd_notify(false, "STOPPING=1");
	for (struct session *session = mesod->sessions; session; session = next) {
		next = session->next;
		session_end(session, "daemon ended");
	}
	if (sd_event_add_time_relative(mesod->event, NULL, CLOCK_MONOTONIC, 0, 1000, on_stop_look,
				       mesod) < 0)
		sd_event_exit(mesod->event, result);
}

static void end(struct mesod *mesod)
{
	mesod->stopping = true;
	/* The worker first: what it still has refers to sessions and guns. */
	if (mesod->worker)
		worker_stop(mesod->worker);
	sd_event_source_disable_unref(mesod->worker_io);
	mesod->pedals = pedals_free(mesod->pedals);
	mesod->sleep = sleep_free(mesod->sleep);
	mesod->hotplug = hotplug_free(mesod->hotplug);
	mesod->worker = worker_free(mesod->worker);
	while (mesod->sessions)
		session_free(mesod->sessions);
	while (mesod->guns)
		gun_detach(mesod->guns);
	mesod->authority = authority_free(mesod->authority);
	bus_close(mesod);
	sd_event_source_disable_unref(mesod->upkeep);
	mesod->event = sd_event_unref(mesod->event);
	mesod->ledger = ledger_close(mesod->ledger);
	free(mesod->problem);
	basis_free(mesod);
}

int mesod_run(const struct options *options)
{
	struct mesod mesod = { .options = *options,
			       .told_state = LEDGER_OK,
			       .clock_job = { .clock_file = options->clock } };
	int r;

	/* Two threads that seldom allocate at once need no heap each: it would be resident twice. */
	(void)mallopt(M_ARENA_MAX, 1);
	log_open(&mesod.log, options->log_level, LOG_JOURNAL);
	r = begin(&mesod);
	if (r >= 0)
		r = sd_event_loop(mesod.event);
	/* Whatever ended the loop. */
	disarm_ours(&mesod);
	end(&mesod);
	log_close(&mesod.log);
	return r;
}
