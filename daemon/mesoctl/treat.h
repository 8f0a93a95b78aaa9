/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One treatment at the command line: what its parts share.
 *
 * cmd_treat.c is the order of things, treat_loop.c what happens meanwhile,
 * treat_print.c the words.  None of them decides about a dose; any of them may
 * stop it.
 */
#ifndef MESOCTL_TREAT_H
#define MESOCTL_TREAT_H

#include <systemd/sd-event.h>

#include "mesoctl.h"

struct treat_options {
	struct ctl_request request;
	const char *gun;
	struct ctl_syringe syringe;
	uint32_t viscosity_upas;
	uint32_t needle_um;
	uint32_t needle_length_um;
	uint32_t needles;
	uint32_t prime_nl;
	bool no_prime;
	uint32_t prime_timeout_ms;
	uint32_t repeat_lease;
	bool ask;
	bool yes;
	bool telemetry;
};

enum treat_phase { TREAT_BEFORE, TREAT_PRIMING, TREAT_READY, TREAT_ARMED };

struct treat {
	struct ctl *ctl;
	const struct treat_options *o;
	sd_event *event;
	json_t *gun;
	const char *gun_path;
	char *session; /* object path, NULL before it is open */
	int lease_fd;  /* closed by whatever end of ours: mesod disarms */

	enum treat_phase phase;
	char *lease; /* id of the newest lease */
	bool lease_live;
	char *lease_reason; /* why it ended */
	bool lease_settled;
	bool primed;
	uint32_t shots; /* of the treatment, as told so far */
	uint64_t session_nl;

	bool asked; /* a question is on the screen */
	bool answered;
	bool input_ended; /* nobody answers any more */
	sd_event_source *input;
	bool answer;
	bool line_open; /* a telemetry line without its end is on the terminal */

	uint64_t idle_usec;  /* since when the gun is disarmed though a lease is live, 0 is not */
	uint64_t heard_usec; /* newest telemetry */
	uint64_t alive_usec; /* when the keep-alive without an answer was sent, 0 none */

	bool doubt; /* stop: the reason has been said */
	int code;   /* what will be the exit status */

	bool replied; /* to the call under way */
	sd_bus_message *reply;
};

/* treat_loop.c */

/* Signals, timers, and what mesod may tell, from here on. */
int treat_listen(struct treat *t);
int treat_listen_session(struct treat *t);
/*
 * Lets things happen until @done, @timeout_usec (0: none) or a doubt.
 * Return: true if @done.
 */
bool treat_wait(struct treat *t, bool (*done)(const struct treat *t), uint64_t timeout_usec);
/*
 * ctl_send() while the session is kept alive: polkit may ask somebody for a
 * password meanwhile, to whom the terminal's input belongs until then.
 */
int treat_send(struct treat *t, sd_bus_message *call, sd_bus_message **ret_reply);
/* Something is not as it should be: say it, remember the first, stop everything that waits. */
void treat_doubt(struct treat *t, enum ctl_exit code, const char *format, ...) _printf_(3, 4);
/* Puts a question that is answered with y or n on standard input. */
bool treat_ask(struct treat *t, const char *question);

/* treat_print.c: each prints a line of text, or of JSON */

void treat_say(struct treat *t, const char *event, const char *format, ...) _printf_(3, 4);
void treat_print_verdicts(struct treat *t, bool allowed, json_t *verdicts);
void treat_print_shot(struct treat *t, const json_t *shot);
void treat_print_telemetry(struct treat *t, const json_t *status);
void treat_print_limits(struct treat *t, const json_t *limits);
void treat_print_summary(struct treat *t, const json_t *summary);
void treat_end_line(struct treat *t);

#endif /* MESOCTL_TREAT_H */
