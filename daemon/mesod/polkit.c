// SPDX-License-Identifier: GPL-2.0-only
/*
 * See polkit.h.  The interface is polkit's own:
 * org.freedesktop.PolicyKit1.Authority, "Authority" in its reference manual.
 */
#include "polkit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus_errors.h"
#include "macros.h"
#include "peer.h"

#define POLKIT           "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define ALLOW_INTERACTION 1u

#define RULES "/etc/polkit-1/rules.d"

/* Nobody types a password in less, nor is worth waiting for any longer. */
#define INTERACTIVE_USEC (120 * 1000000ULL)
#define SILENT_USEC      (10 * 1000000ULL)

struct polkit_question {
	sd_bus *bus;
	sd_bus_slot *slot;
	struct peer *sender;
	polkit_answered_fn answered;
	void *userdata;
	const char *action;
	char id[96];
};

static struct polkit_question *question_free(struct polkit_question *q)
{
	sd_bus_slot_unref(q->slot);
	peer_free(q->sender);
	sd_bus_unref(q->bus);
	free(q);
	return NULL;
}

/* A window that asks for a password goes away as well. */
static void take_back(struct polkit_question *q)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

	q->slot = sd_bus_slot_unref(q->slot);
	if (sd_bus_message_new_method_call(q->bus, &message, POLKIT, POLKIT_PATH, POLKIT_INTERFACE,
					   "CancelCheckAuthorization") < 0)
		return;
	(void)sd_bus_message_set_expect_reply(message, 0);
	/* It is not started for this. */
	(void)sd_bus_message_set_auto_start(message, 0);
	if (sd_bus_message_append(message, "s", q->id) >= 0)
		(void)sd_bus_send(q->bus, message, NULL);
}

static void finish(struct polkit_question *q, int r, const sd_bus_error *error)
{
	q->answered(q->userdata, r, error);
	question_free(q);
}

static int judge(const char *action, sd_bus_message *answer, sd_bus_error *error)
{
	int authorized, challenge;

	if (sd_bus_message_is_method_error(answer, NULL))
		return bus_fail(error, ERROR_DENIED,
				"%s: polkit, which says who may do that, does not answer: %s",
				action, sd_bus_message_get_error(answer)->message);
	if (sd_bus_message_enter_container(answer, 'r', "bba{ss}") < 0 ||
	    sd_bus_message_read(answer, "bb", &authorized, &challenge) < 0)
		return bus_fail(error, ERROR_DENIED, "%s: polkit's answer is not understood",
				action);
	if (authorized)
		return 0;
	if (challenge)
		return bus_fail(
			error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			"%s: polkit wants a password for that, and there was nobody to ask: do it at a "
			"terminal, or have a rule in " RULES " allow it",
			action);
	return bus_fail(error, ERROR_DENIED,
			"%s: polkit does not allow that to you; a rule in " RULES " can", action);
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct polkit_question *q = userdata;
	const sd_bus_error *failed = sd_bus_message_get_error(answer);
	int r;

	(void)ret_error;
	r = judge(q->action, answer, &error);
	/* Ours, for want of an answer: whoever asks for a password may stop. */
	if (failed && sd_bus_error_has_name(failed, SD_BUS_ERROR_NO_REPLY))
		take_back(q);
	finish(q, r, &error);
	return 1;
}

static void on_left(void *userdata)
{
	struct polkit_question *q = userdata;

	take_back(q);
	finish(q, -ECANCELED, NULL);
}

static int send_question(struct polkit_question *q, sd_bus_message *call, const char *action)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
	bool interactive = sd_bus_message_get_allow_interactive_authorization(call) > 0;
	int r;

	r = sd_bus_message_new_method_call(q->bus, &message, POLKIT, POLKIT_PATH, POLKIT_INTERFACE,
					   "CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(message, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name",
					  "s", sd_bus_message_get_sender(call), action, 0,
					  interactive ? ALLOW_INTERACTION : 0, q->id);
	if (r >= 0)
		r = sd_bus_call_async(q->bus, &q->slot, message, on_answer, q,
				      interactive ? INTERACTIVE_USEC : SILENT_USEC);
	return r < 0 ? r : 0;
}

int polkit_ask(sd_bus *bus, sd_bus_message *call, const char *action, polkit_answered_fn answered,
	       void *userdata, struct polkit_question **ret)
{
	const char *sender = sd_bus_message_get_sender(call);
	struct polkit_question *q;
	uint64_t cookie;
	int r;

	r = sd_bus_message_get_cookie(call, &cookie);
	if (r < 0)
		return r;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->bus = sd_bus_ref(bus);
	q->answered = answered;
	q->action = action;
	q->userdata = userdata;
	/* Unlike any other: who calls numbers the calls. */
	snprintf(q->id, sizeof(q->id), "%.64s-%llu", sender, (unsigned long long)cookie);
	r = peer_new(bus, sender, on_left, q, &q->sender);
	if (r >= 0)
		r = send_question(q, call, action);
	if (r < 0) {
		question_free(q);
		return r;
	}
	*ret = q;
	return 0;
}

struct polkit_question *polkit_forget(struct polkit_question *question)
{
	if (!question)
		return NULL;
	take_back(question);
	return question_free(question);
}
