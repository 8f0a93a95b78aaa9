// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens during a treatment, and every reason to stop it: a signal of
 * mesod or of the terminal, silence, a lost bus.
 *
 * It only ever notes a doubt; cmd_treat.c does the stopping, in one place.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "treat.h"

#define KEEP_ALIVE_USEC    500000ULL
/* mesod wants a keep-alive at least every 2 s; by then it has disarmed anyway. */
#define SILENT_DAEMON_USEC 2000000ULL
/* Telemetry is due at 10 Hz while armed. */
#define SILENT_GUN_USEC    3000000ULL
/* mesod tells the end of a lease within 2 s, settled or not. */
#define UNTOLD_END_USEC    6000000ULL
#define HANGUP_GRACE_USEC  200000ULL

static uint64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void treat_doubt(struct treat *t, enum ctl_exit code, const char *format, ...)
{
	char sentence[512];
	va_list args;

	if (t->doubt)
		return;
	t->doubt = true;
	t->code = code;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	treat_end_line(t);
	ctl_fail(t->ctl, code, "%s", sentence);
}

static void note_status(struct treat *t, const json_t *status)
{
	const char *state = ctl_text(status, "state_name");

	t->heard_usec = now_usec();
	if (strcmp(state, "armed") == 0 || strcmp(state, "firing") == 0 ||
	    strcmp(state, "disarming") == 0)
		t->idle_usec = 0;
	else if (!t->idle_usec)
		t->idle_usec = t->heard_usec;
	/* Primed with another syringe is not primed. */
	t->primed = (uint64_t)ctl_number(status, "flags") & MESO_STATUS_PRIMED &&
		    ctl_number(status, "bore_um") == t->o->syringe.bore_um &&
		    ctl_number(status, "capacity_nl") == t->o->syringe.capacity_nl;
}

static int on_telemetry(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(ctl_json_decrefp) json_t *status = ctl_read_json(m);
	struct treat *t = userdata;

	(void)error;
	if (!status)
		return 0;
	note_status(t, status);
	treat_print_telemetry(t, status);
	return 0;
}

static int on_shot(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(ctl_json_decrefp) json_t *shot = ctl_read_json(m);
	struct treat *t = userdata;

	(void)error;
	if (!shot)
		return 0;
	if (t->phase != TREAT_PRIMING)
		t->shots++;
	t->session_nl = (uint64_t)ctl_number(shot, "session_nl");
	treat_print_shot(t, shot);
	return 0;
}

static int on_lease_ended(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *lease, *reason;
	struct treat *t = userdata;
	uint64_t delivered;
	int settled;

	(void)error;
	if (sd_bus_message_read(m, "ssbt", &lease, &reason, &settled, &delivered) < 0)
		return 0;
	/* One that was settled late is of an earlier lease. */
	if (!t->lease || strcmp(lease, t->lease) != 0)
		return 0;
	free(t->lease_reason);
	t->lease_reason = strdup(reason);
	t->lease_settled = settled;
	t->lease_live = false;
	return 0;
}

static int on_closed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *reason = "";

	(void)error;
	sd_bus_message_read(m, "s", &reason);
	treat_doubt(userdata, CTL_INTERLOCK, "mesod closed the session: %s", reason);
	return 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	(void)m;
	(void)error;
	treat_doubt(
		userdata, CTL_NO_DAEMON,
		"mesod vanished: the gun disarms by itself within half a second; what it has delivered "
		"is settled when mesod is back");
	return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	(void)m;
	(void)error;
	treat_doubt(userdata, CTL_NO_DAEMON, "the bus went away: mesod disarms the gun");
	return 0;
}

static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct treat *t = userdata;
	const char *path;

	(void)error;
	if (sd_bus_message_read(m, "o", &path) > 0 && strcmp(path, t->gun_path) == 0)
		treat_doubt(
			t, CTL_NO_GUN,
			"the gun is gone: plug it in again; what it has delivered is settled then");
	return 0;
}

static int on_late_hangup(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	treat_doubt(userdata, CTL_NO_DAEMON, "mesod let go of the session: the gun is disarmed");
	return 0;
}

static int on_hangup(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct treat *t = userdata;

	(void)fd;
	(void)events;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	/* mesod's own words, or the bus's about its end, may be on the way: they say more. */
	if (sd_event_add_time_relative(t->event, NULL, CLOCK_BOOTTIME, HANGUP_GRACE_USEC, 0,
				       on_late_hangup, t) < 0)
		on_late_hangup(NULL, 0, t);
	return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	treat_doubt(userdata, CTL_FAILED, "stopped by you (%s)", strsignal((int)info->ssi_signo));
	return 0;
}

static int on_alive_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);
	struct treat *t = userdata;

	(void)error;
	t->alive_usec = 0;
	if (e && !t->doubt) {
		treat_end_line(t);
		t->code = ctl_complain(t->ctl, e, 0);
		t->doubt = true;
	}
	return 0;
}

static void keep_alive(struct treat *t, uint64_t now)
{
	if (t->alive_usec) {
		if (now - t->alive_usec > SILENT_DAEMON_USEC)
			treat_doubt(
				t, CTL_NO_DAEMON,
				"mesod gives no answer any more: the gun disarms by itself within half a "
				"second");
		return;
	}
	t->alive_usec = now;
	if (sd_bus_call_method_async(t->ctl->bus, NULL, MESOD_NAME, t->session, MESOD_SESSION,
				     "KeepAlive", on_alive_reply, t, "") < 0)
		treat_doubt(t, CTL_NO_DAEMON, "the bus takes no more messages");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct treat *t = userdata;
	uint64_t now = now_usec();

	(void)usec;
	if (t->session)
		keep_alive(t, now);
	if (t->phase == TREAT_ARMED && t->lease_live && now - t->heard_usec > SILENT_GUN_USEC)
		treat_doubt(t, CTL_INTERLOCK, "the gun's telemetry fell silent");
	if (t->lease_live && t->idle_usec && now - t->idle_usec > UNTOLD_END_USEC)
		treat_doubt(t, CTL_INTERLOCK,
			    "the gun is disarmed, and mesod does not say how the lease ended: see "
			    "`mesoctl status`");
	sd_event_source_set_time_relative(source, KEEP_ALIVE_USEC);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct treat *t = userdata;
	char line[64];
	ssize_t n = read(fd, line, sizeof(line));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* The end of input answers nothing with yes, neither now nor later. */
	if (n <= 0) {
		t->input_ended = true;
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	}
	t->answer = t->asked && n > 0 && (line[0] == 'y' || line[0] == 'Y');
	t->answered = true;
	return 0;
}

static int add_matches(struct treat *t)
{
	sd_bus *bus = t->ctl->bus;
	int r = sd_bus_match_signal(bus, NULL, MESOD_NAME, t->gun_path, MESOD_GUN, "Telemetry",
				    on_telemetry, t);

	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, MESOD_NAME, MESOD_PATH,
					"org.freedesktop.DBus.ObjectManager", "InterfacesRemoved",
					on_removed, t);
	if (r >= 0)
		r = sd_bus_add_match(
			bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
			"arg0='" MESOD_NAME "'",
			on_owner_changed, t);
	if (r >= 0)
		r = sd_bus_add_match(bus, NULL,
				     "type='signal',sender='org.freedesktop.DBus.Local',"
				     "interface='org.freedesktop.DBus.Local',member='Disconnected'",
				     on_disconnected, t);
	return r;
}

int treat_listen(struct treat *t)
{
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	/* Who reads our lines may go away; that ends nothing by itself. */
	signal(SIGPIPE, SIG_IGN);

	r = sd_event_new(&t->event);
	if (r >= 0)
		r = sd_event_add_signal(t->event, NULL, SIGINT, on_signal, t);
	if (r >= 0)
		r = sd_event_add_signal(t->event, NULL, SIGTERM, on_signal, t);
	if (r >= 0)
		r = sd_event_add_signal(t->event, NULL, SIGHUP, on_signal, t);
	if (r >= 0)
		r = sd_event_add_time_relative(t->event, NULL, CLOCK_BOOTTIME, KEEP_ALIVE_USEC,
					       100000, on_timer, t);
	/* Without somebody to ask, standard input is none of ours (and may be a file, which cannot
	 * be waited for). */
	if (r >= 0 && t->o->ask)
		r = sd_event_add_io(t->event, &t->input, STDIN_FILENO, EPOLLIN, on_answer, t);
	if (r >= 0)
		r = sd_bus_attach_event(t->ctl->bus, t->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = add_matches(t);
	if (r < 0)
		return ctl_fail(t->ctl, CTL_FAILED, "cannot listen to mesod: %s",
				strerrordesc_np(-r));
	t->heard_usec = now_usec();
	return CTL_OK;
}

int treat_listen_session(struct treat *t)
{
	sd_bus *bus = t->ctl->bus;
	int r = sd_bus_match_signal(bus, NULL, MESOD_NAME, t->session, MESOD_SESSION, "Shot",
				    on_shot, t);

	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, MESOD_NAME, t->session, MESOD_SESSION,
					"LeaseEnded", on_lease_ended, t);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, MESOD_NAME, t->session, MESOD_SESSION, "Closed",
					on_closed, t);
	if (r >= 0)
		r = sd_event_add_io(t->event, NULL, t->lease_fd, EPOLLHUP | EPOLLERR | EPOLLRDHUP,
				    on_hangup, t);
	if (r < 0)
		return ctl_fail(t->ctl, CTL_FAILED, "cannot listen to the session: %s",
				strerrordesc_np(-r));
	return CTL_OK;
}

bool treat_wait(struct treat *t, bool (*done)(const struct treat *t), uint64_t timeout_usec)
{
	uint64_t now, end = timeout_usec ? now_usec() + timeout_usec : UINT64_MAX;

	while (!t->doubt && !done(t)) {
		now = now_usec();
		if (now >= end)
			return false;
		if (sd_event_run(t->event, end == UINT64_MAX ? UINT64_MAX : end - now) < 0)
			treat_doubt(t, CTL_FAILED, "the event loop failed");
	}
	return !t->doubt;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct treat *t = userdata;

	(void)error;
	t->replied = true;
	t->reply = sd_bus_message_ref(reply);
	return 0;
}

static bool is_replied(const struct treat *t)
{
	return t->replied;
}

int treat_send(struct treat *t, sd_bus_message *call, sd_bus_message **ret_reply)
{
	_cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const bool listens = t->input && !t->input_ended;
	int r;

	t->replied = false;
	r = sd_bus_call_async(t->ctl->bus, &slot, call, on_reply, t, ctl_patience(t->ctl, call));
	if (r < 0)
		return ctl_complain(t->ctl, NULL, r);
	if (listens)
		sd_event_source_set_enabled(t->input, SD_EVENT_OFF);
	(void)treat_wait(t, is_replied, 0);
	if (listens)
		sd_event_source_set_enabled(t->input, SD_EVENT_ON);
	reply = t->reply;
	t->reply = NULL;
	if (!reply)
		return t->code; /* a doubt, which has been said */
	if (sd_bus_message_is_method_error(reply, NULL))
		return ctl_complain(t->ctl, sd_bus_message_get_error(reply),
				    -sd_bus_message_get_errno(reply));
	*ret_reply = reply;
	reply = NULL;
	return CTL_OK;
}

static bool is_answered(const struct treat *t)
{
	return t->answered || t->input_ended;
}

bool treat_ask(struct treat *t, const char *question)
{
	treat_end_line(t);
	t->answered = t->answer = false;
	t->asked = true;
	treat_say(t, "question", "%s [y/n]", question);
	treat_wait(t, is_answered, 0);
	t->asked = false;
	return !t->doubt && t->answer;
}
