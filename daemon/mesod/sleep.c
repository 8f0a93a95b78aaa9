// SPDX-License-Identifier: GPL-2.0-only
/*
 * See sleep.h.  The interface is systemd-logind's: org.freedesktop.login1(5),
 * "Inhibit" and "PrepareForSleep".
 */
#include "sleep.h"

#include <fcntl.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "reconcile.h"

#define LOGIND           "org.freedesktop.login1"
#define LOGIND_PATH      "/org/freedesktop/login1"
#define LOGIND_INTERFACE "org.freedesktop.login1.Manager"

/* How often it is looked whether all is settled. */
#define LOOK_US  20000ULL
/* logind waits 5 s unless it is told otherwise (InhibitDelayMaxSec): an answer of ours comes before. */
#define LIMIT_NS 4000000000ULL

struct sleep {
	struct mesod *mesod;
	sd_bus_slot *signal;
	sd_bus_slot *question;
	sd_event_source *look;
	int fd; /* while it is open logind waits; -1 */
	bool near;
	uint64_t limit_ns;
};

static void let_go(struct sleep *sleep)
{
	if (sleep->fd >= 0)
		close(sleep->fd);
	sleep->fd = -1;
}

static int on_inhibited(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct sleep *sleep = userdata;
	int fd;

	(void)error;
	sleep->question = sd_bus_slot_unref(sleep->question);
	if (sd_bus_message_is_method_error(answer, NULL)) {
		/* On a private bus, or on a machine without it, nobody is there. */
		log_main(sleep->mesod, LOG_DEBUG, "logind will not wait for us: %s",
			 sd_bus_message_get_error(answer)->message);
		return 0;
	}
	if (sd_bus_message_read_basic(answer, 'h', &fd) < 0)
		return 0;
	let_go(sleep);
	/* The message's own is closed with it.  Without one the kernel's disarming is what is left. */
	sleep->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (sleep->fd < 0)
		log_main(sleep->mesod, LOG_WARNING, "logind will not wait for us: %s",
			 strerrordesc_np(errno));
	return 0;
}

static int inhibit(struct sleep *sleep)
{
	sleep->question = sd_bus_slot_unref(sleep->question);
	return sd_bus_call_method_async(sleep->mesod->bus, &sleep->question, LOGIND, LOGIND_PATH,
					LOGIND_INTERFACE, "Inhibit", on_inhibited, sleep, "ssss",
					"sleep", "mesod", "Injector guns are disarmed first",
					"delay");
}

/* What is overdue does not answer, and is accounted for when it does. */
static bool is_settled(const struct mesod *mesod)
{
	for (const struct gun *gun = mesod->guns; gun; gun = gun->next)
		if (gun->lease && !gun->lease->overdue)
			return false;
	return true;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct sleep *sleep = userdata;
	const bool settled = is_settled(sleep->mesod);

	(void)usec;
	if (settled || monotonic_now_ns() > sleep->limit_ns) {
		log_main(sleep->mesod, settled ? LOG_INFO : LOG_WARNING,
			 settled ? "every gun is disarmed: the machine may sleep"
				 : "the machine sleeps before all is settled: that follows");
		let_go(sleep);
		return sd_event_source_set_enabled(source, SD_EVENT_OFF);
	}
	(void)sd_event_source_set_time_relative(source, LOOK_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void before(struct sleep *sleep)
{
	struct mesod *mesod = sleep->mesod;

	log_main(mesod, LOG_NOTICE, "the machine is about to sleep: every gun is disarmed");
	sleep->near = true;
	sleep->limit_ns = monotonic_now_ns() + LIMIT_NS;
	for (struct gun *gun = mesod->guns; gun; gun = gun->next)
		gun_disarm(gun);
	(void)sd_event_source_set_time_relative(sleep->look, 0);
	(void)sd_event_source_set_enabled(sleep->look, SD_EVENT_ONESHOT);
}

static void after(struct sleep *sleep)
{
	struct mesod *mesod = sleep->mesod;

	log_main(mesod, LOG_NOTICE, "the machine is awake");
	sleep->near = false;
	(void)sd_event_source_set_enabled(sleep->look, SD_EVENT_OFF);
	/* Whatever a gun went through: what it counts is compared anew. */
	for (struct gun *gun = mesod->guns; gun; gun = gun->next)
		reconcile_continue(gun);
	if (sleep->fd < 0)
		(void)inhibit(sleep);
}

static int on_prepare(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	struct sleep *sleep = userdata;
	int near;

	(void)error;
	if (sd_bus_message_read_basic(signal, 'b', &near) < 0 || sleep->near == !!near)
		return 0;
	if (near)
		before(sleep);
	else
		after(sleep);
	return 0;
}

int sleep_new(struct mesod *mesod, struct sleep **ret)
{
	struct sleep *sleep = calloc(1, sizeof(*sleep));
	int r;

	if (!sleep)
		return -ENOMEM;
	sleep->mesod = mesod;
	sleep->fd = -1;
	r = sd_event_add_time_relative(mesod->event, &sleep->look, CLOCK_MONOTONIC, 0, 1000,
				       on_look, sleep);
	if (r >= 0)
		r = sd_event_source_set_enabled(sleep->look, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_bus_match_signal_async(mesod->bus, &sleep->signal, LOGIND, LOGIND_PATH,
					      LOGIND_INTERFACE, "PrepareForSleep", on_prepare, NULL,
					      sleep);
	if (r >= 0)
		r = inhibit(sleep);
	if (r < 0) {
		sleep_free(sleep);
		return r;
	}
	*ret = sleep;
	return 0;
}

struct sleep *sleep_free(struct sleep *sleep)
{
	if (!sleep)
		return NULL;
	let_go(sleep);
	sd_bus_slot_unref(sleep->signal);
	sd_bus_slot_unref(sleep->question);
	sd_event_source_disable_unref(sleep->look);
	free(sleep);
	return NULL;
}

bool sleep_is_near(const struct sleep *sleep)
{
	return sleep && sleep->near;
}
