/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one object that ties the rooms together: who exists, and in which order
 * things begin and end.  It owns the loop, the bus connection and the worker's
 * life; it decides nothing about doses.
 */
#ifndef MESOD_MESOD_H
#define MESOD_MESOD_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "ledger.h"
#include "dose_limits.h"
#include "log.h"
#include "options.h"
#include "pedal_config.h"
#include "timekeeping.h"
#include "worker.h"

/* Of the loop's sources: a flood on the bus never stands before a stop or a heartbeat. */
#define PRIORITY_STOP      (-100)
#define PRIORITY_HEARTBEAT (-90)
#define PRIORITY_PEDAL     (-85)
#define PRIORITY_GUN       (-80)
#define PRIORITY_WORKER    (-70)
#define PRIORITY_CALLERS   (-60)
#define PRIORITY_BUS       0
#define PRIORITY_TELEMETRY 50

/* Jobs of the ledger's worker: what a client may cause leaves room for what a gun needs. */
#define WORKER_DEPTH       64
#define WORKER_CLIENTS_MAX 40
/* How old the worker's last answer may be while a gun is armed. */
#define WORKER_SILENCE_NS  2000000000ULL

#define SESSIONS_MAX 32

struct authority;
struct callers;
struct gun;
struct hotplug;
struct pedals;
struct session;
struct sleep;

struct mesod {
	struct options options;
	struct logger log;
	struct limits limits;
	struct pedal_config pedal;
	struct formulary *formulary;
	struct policy_basis basis; /* both of these; the worker's to read, but between its jobs */
	unsigned int reloads;      /* of them, under way: no client's job until they are over */

	sd_event *event;
	sd_bus *bus;
	struct callers *callers; /* who calls; has a connection of its own to the same bus */
	struct ledger *ledger;   /* the worker's alone, but for its state; NULL: not open yet */
	char ledger_id[LEDGER_ID_TEXT_MAX];
	char *problem;                /* of the ledger when it was opened */
	enum ledger_state told_state; /* newest that clients were told of */
	struct worker *worker;
	sd_event_source *worker_io;
	sd_event_source *upkeep; /* once a second while there is something to look after */

	struct authority *authority;
	struct hotplug *hotplug;
	struct pedals *pedals; /* NULL: none is configured */
	struct sleep *sleep;   /* NULL: not yet */
	struct gun *guns;
	struct session *sessions;
	uint64_t last_session; /* number of the newest, in this daemon's life */
	unsigned int n_sessions;
	unsigned int n_watchers;
	unsigned int n_streams;

	bool named; /* org.mesod1 is ours */
	bool stopping;
	bool memory_locked; /* or tried to be */
	int stop_result;
	uint64_t stop_limit_ns;
	struct ledger_clock_state clock;  /* what the time is compared with; see timekeeping.h */
	struct timekeeping_job clock_job; /* the worker's while upkeep is under way */
};

/**
 * mesod_run() - serve until told to end
 * Return: 0, or a negative errno; what went wrong was logged.
 */
int mesod_run(const struct options *options);

/* The ledger is open: it can be looked after, and SIGHUP be heard. */
int mesod_opened(struct mesod *mesod);
/* The bus has given us the name: systemd may know. */
void mesod_named(struct mesod *mesod);
/* Nothing arms any more, every gun is disarmed, what can be settled is; then the loop ends, and mesod_run() with
 * @result: 0, or a negative errno to be started anew by systemd. */
void mesod_stop(struct mesod *mesod, int result, const char *why);

int64_t wall_now_s(const struct mesod *mesod);
uint64_t monotonic_now_ns(void);
/* CLOCK_BOOTTIME, which goes on while the machine sleeps. */
uint64_t boottime_now_ns(void);
/* The wall clock and its local calendar day. */
struct ledger_moment moment_at(int64_t now_s);
/* The local date as YYYY-MM-DD. */
char *local_date(int64_t now_s, char buf[static LEDGER_DATE_MAX]);

/* A calendar day as YYYY-MM-DD, "" for POLICY_NO_DAY. */
char *day_format(int32_t day, char buf[static LEDGER_DATE_MAX]);

/* There may be something to look after now: a gun, a session, a ledger in trouble. */
void mesod_keep_up(struct mesod *mesod);
/* A page fault while armed would be time that the heart does not beat; without a gun memory is others'. */
void mesod_lock_memory(struct mesod *mesod);
/* The worker has answered lately. */
bool mesod_worker_answers(struct mesod *mesod);
enum ledger_state mesod_ledger_state(const struct mesod *mesod);
/* ok, degraded, failed */
const char *mesod_state_name(const struct mesod *mesod);

/* A job that a client caused: -ENOBUFS when there are too many, -EBUSY while what doses are judged by is read
 * again. */
int mesod_submit_client(struct mesod *mesod, worker_run_fn run, worker_done_fn done,
			void *userdata);

#endif /* MESOD_MESOD_H */
