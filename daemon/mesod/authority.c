// SPDX-License-Identifier: GPL-2.0-only
/*
 * See authority.h.
 *
 * Operators are kept in memory, so that a stop needs neither disk nor worker.
 */
#include "authority.h"

#include <string.h>
#include <systemd/sd-login.h>

#include "bus_errors.h"
#include "callers.h"
#include "macros.h"
#include "mesod.h"
#include "polkit.h"

#define ASKS_MAX  256 /* of all callers together; stops are not counted */
#define ASKS_EACH 4   /* of one caller */
#define DOUBT_US  1000

#define UID_UNKNOWN UINT32_MAX /* nobody's: it is -1 to setuid(2) */

struct authority {
	struct mesod *mesod;
	struct ask *asks;
	size_t n_asks;
	struct ledger_operator *operators;
	size_t n_operators;
};

/* A call that waits: for the bus to say who made it, then for polkit. */
struct ask {
	struct ask *next;
	struct authority *authority;
	sd_bus_message *call;
	struct polkit_question *question;
	bool met; /* the uid is known */
	uint32_t uid;
	enum action action;
	authorized_fn then;
	sd_event_source *doubt; /* of a stop, while nobody knows whose it is */
	stop_fn stop;           /* of a stop */
	bool stopped;           /* in doubt */
};

int authority_decide(const struct caller *caller, enum action action, sd_bus_error *error)
{
	switch (action) {
	case ACTION_ADMINISTER:
	case ACTION_CONFIGURE:
		if (caller->root || caller->judged)
			return 0;
		return bus_fail(error, ERROR_DENIED, "uid=%u: only root may do that", caller->uid);
	case ACTION_READ_LEDGER:
		if (caller->root || caller->licensed || caller->judged)
			return 0;
		return bus_fail(error, ERROR_DENIED,
				"uid=%u: only root and registered operators may read that",
				caller->uid);
	case ACTION_OPERATE:
	case ACTION_CLEAR_FAULT:
	case ACTION_OVERRIDE:
		if (caller->licensed)
			return 0;
		if (caller->registered)
			return bus_fail(
				error, ERROR_NOT_OPERATOR,
				"uid=%u: the operator's licence has expired; root enters the new "
				"one with `mesoctl operator renew`",
				caller->uid);
		return bus_fail(error, ERROR_NOT_OPERATOR,
				"uid=%u is no registered operator; root registers one with "
				"`mesoctl operator add`",
				caller->uid);
	case ACTION_STOP:
		if (caller->root || caller->registered || caller->seated)
			return 0;
		return bus_fail(
			error, ERROR_DENIED,
			"uid=%u: only root, registered operators and who sits at this machine "
			"may stop",
			caller->uid);
	}
	return bus_fail(error, ERROR_DENIED, "nobody may do that");
}

void authority_describe(const struct mesod *mesod, uint32_t uid, struct caller *ret)
{
	const struct authority *authority = mesod->authority;
	char today[LEDGER_DATE_MAX];

	*ret = (struct caller){
		.uid = uid,
		.root = mesod->options.address ? uid == mesod->options.owner : uid == 0,
	};
	ret->judged = !ret->root && (!mesod->options.address || mesod->options.polkit);
	local_date(wall_now_s(mesod), today);
	for (size_t i = 0; i < authority->n_operators; i++) {
		const struct ledger_operator *op = &authority->operators[i];

		if (op->uid != uid || op->erased)
			continue;
		ret->registered = true;
		/* Dates as YYYY-MM-DD compare as text. */
		ret->licensed = strcmp(today, op->expires) <= 0;
		ledger_id_format(&op->id, ret->operator_text);
	}
}

static void ask_free(struct ask *ask)
{
	struct authority *authority = ask->authority;

	for (struct ask **p = &authority->asks; *p; p = &(*p)->next) {
		if (*p != ask)
			continue;
		*p = ask->next;
		authority->n_asks -= ask->action != ACTION_STOP;
		break;
	}
	sd_event_source_disable_unref(ask->doubt);
	polkit_forget(ask->question);
	sd_bus_message_unref(ask->call);
	free(ask);
}

/* What systemd-logind wrote down: no question, and nothing to wait for. */
static bool has_a_seat(const struct mesod *mesod, uint32_t uid)
{
	return !mesod->options.address && sd_uid_is_on_seat(uid, 1, "seat0") > 0;
}

static void describe_for(const struct mesod *mesod, uint32_t uid, enum action action,
			 struct caller *ret)
{
	authority_describe(mesod, uid, ret);
	ret->seated =
		action == ACTION_STOP && !ret->root && !ret->registered && has_a_seat(mesod, uid);
}

/* polkit's id for it; NULL: polkit is not asked. */
static const char *polkit_action(const struct caller *caller, enum action action)
{
	if (!caller->judged)
		return NULL;
	switch (action) {
	case ACTION_ADMINISTER:
		return "org.mesod1.administer";
	case ACTION_CONFIGURE:
		return "org.mesod1.configure";
	case ACTION_READ_LEDGER:
		return caller->licensed ? "org.mesod1.operate" : "org.mesod1.read-ledger";
	case ACTION_OPERATE:
		return "org.mesod1.operate";
	case ACTION_CLEAR_FAULT:
		return "org.mesod1.clear-fault";
	case ACTION_OVERRIDE:
		return "org.mesod1.override";
	case ACTION_STOP:
		break;
	}
	return NULL;
}

static int proceed(struct mesod *mesod, sd_bus_message *call, enum action action,
		   authorized_fn then, uint32_t uid, sd_bus_error *error)
{
	struct caller caller;
	int r;

	/* Anew: while polkit was asked a licence may have run out. */
	describe_for(mesod, uid, action, &caller);
	r = authority_decide(&caller, action, error);
	return r < 0 ? r : then(mesod, call, &caller, error);
}

/* Answers the call, when nothing else did. */
static void conclude(struct ask *ask, int r, sd_bus_error *error)
{
	if (r < 0) {
		if (!sd_bus_error_is_set(error))
			bus_fail_internal(error, r);
		(void)sd_bus_reply_method_error(ask->call, error);
	}
	ask_free(ask);
}

static void on_judged(void *userdata, int r, const sd_bus_error *judgement)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct ask *ask = userdata;

	ask->question = NULL;  /* it frees itself */
	if (r == -ECANCELED) { /* nobody is there to be answered */
		ask_free(ask);
		return;
	}
	if (r >= 0)
		r = proceed(ask->authority->mesod, ask->call, ask->action, ask->then, ask->uid,
			    &error);
	else
		(void)sd_bus_error_copy(&error, judgement);
	conclude(ask, r, &error);
}

/* The caller is known.  Return: 1 polkit has been asked; otherwise as @then does. */
static int with_uid(struct ask *ask, sd_bus_error *error)
{
	struct mesod *mesod = ask->authority->mesod;
	const char *action;
	struct caller caller;
	int r;

	describe_for(mesod, ask->uid, ask->action, &caller);
	/* Nobody is asked for a password for what is not allowed anyway. */
	r = authority_decide(&caller, ask->action, error);
	if (r < 0)
		return r;
	action = polkit_action(&caller, ask->action);
	if (!action)
		return ask->then(mesod, ask->call, &caller, error);
	r = polkit_ask(mesod->bus, ask->call, action, on_judged, ask, &ask->question);
	return r < 0 ? bus_fail_internal(error, r) : 1;
}

/* A stop waits for nothing: when the bus is too busy to say whose it is, that is found out afterwards. */
static int on_doubt(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct ask *ask = userdata;

	(void)source;
	(void)usec;
	ask->stopped = true;
	ask->stop(ask->authority->mesod, ask->call);
	return 0;
}

static void begin_doubt(struct ask *ask)
{
	int r;

	r = sd_event_add_time_relative(ask->authority->mesod->event, &ask->doubt, CLOCK_MONOTONIC,
				       DOUBT_US, 1, on_doubt, ask);
	if (r >= 0)
		r = sd_event_source_set_priority(ask->doubt, PRIORITY_STOP);
	if (r < 0)
		on_doubt(NULL, 0, ask);
}

/* The bus has answered about who asked for this stop, and it was done or, by @error, was not to be. */
static void end_doubt(struct ask *ask, sd_bus_error *error)
{
	struct mesod *mesod = ask->authority->mesod;

	ask->doubt = sd_event_source_disable_unref(ask->doubt);
	if (!ask->stopped || !sd_bus_error_has_name(error, ERROR_DENIED))
		return;
	sd_bus_error_free(error);
	if (ask->uid == UID_UNKNOWN) {
		log_main(mesod, LOG_WARNING, "stopped by somebody of whom the bus says nothing");
		bus_fail(error, ERROR_DENIED,
			 "the bus does not say who the caller is, but it was done");
		return;
	}
	log_main(mesod, LOG_WARNING,
		 "stopped by uid %u, who may not: the bus did not say in %d ms who that was",
		 ask->uid, DOUBT_US / 1000);
	bus_fail(error, ERROR_DENIED,
		 "uid=%u: you may not stop, but it was done: the bus did not say in %d ms who asks",
		 ask->uid, DOUBT_US / 1000);
}

/* The first call of @name that waits for the bus to say who made it. */
static struct ask *find_unmet(struct authority *authority, const char *name)
{
	struct ask *first = NULL;

	/* The newest stands at the head. */
	for (struct ask *ask = authority->asks; ask; ask = ask->next)
		if (!ask->met && strcmp(sd_bus_message_get_sender(ask->call), name) == 0)
			first = ask;
	return first;
}

void authority_told(void *userdata, const char *name, int told, uint32_t uid)
{
	struct mesod *mesod = userdata;
	struct ask *ask;

	/* One at a time: what is done for one may withdraw another. */
	while ((ask = find_unmet(mesod->authority, name))) {
		_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
		int r;

		ask->met = true;
		ask->uid = told < 0 ? UID_UNKNOWN : uid;
		r = told < 0 ? bus_fail(&error, ERROR_DENIED,
					"the bus does not say who the caller is")
			     : with_uid(ask, &error);
		if (ask->stop)
			end_doubt(ask, &error);
		if (!ask->question)
			conclude(ask, r, &error);
	}
}

/* One caller's burst is at nobody else's cost, and nothing stands before a stop: the bus itself
 * bounds how many calls of a connection may be unanswered. */
static int check_room(const struct authority *authority, const char *name, enum action action,
		      sd_bus_error *error)
{
	unsigned int mine = 0;

	if (action == ACTION_STOP)
		return 0;
	for (const struct ask *ask = authority->asks; ask; ask = ask->next)
		mine += ask->action != ACTION_STOP &&
			strcmp(sd_bus_message_get_sender(ask->call), name) == 0;
	if (mine >= ASKS_EACH)
		return bus_fail(
			error, ERROR_LIMIT,
			"limit=%d: too many calls of yours wait for the bus or polkit to answer",
			ASKS_EACH);
	if (authority->n_asks >= ASKS_MAX)
		return bus_fail(error, ERROR_LIMIT, "limit=%d: too many callers are waiting",
				ASKS_MAX);
	return 0;
}

static int ask_for(struct mesod *mesod, sd_bus_message *call, enum action action, stop_fn stop,
		   authorized_fn then, sd_bus_error *error)
{
	struct authority *authority = mesod->authority;
	const char *name = sd_bus_message_get_sender(call);
	struct caller caller;
	uint32_t uid = 0;
	struct ask *ask;
	bool met;
	int r;

	if (!name || *name != ':')
		return bus_fail(error, ERROR_DENIED, "a caller without a name may do nothing");
	met = callers_find(mesod->callers, name, &uid);
	if (met) {
		authority_describe(mesod, uid, &caller);
		if (!polkit_action(&caller, action))
			return proceed(mesod, call, action, then, uid, error);
	}
	r = check_room(authority, name, action, error);
	if (r < 0)
		return r;

	ask = calloc(1, sizeof(*ask));
	if (!ask) {
		if (stop)
			stop(mesod, call);
		return bus_fail_internal(error, -ENOMEM);
	}
	ask->authority = authority;
	ask->call = sd_bus_message_ref(call);
	ask->action = action;
	ask->stop = stop;
	ask->then = then;
	ask->next = authority->asks;
	authority->asks = ask;
	authority->n_asks += action != ACTION_STOP;
	ask->met = met;
	ask->uid = uid;
	if (met) {
		r = with_uid(ask, error);
		if (!ask->question)
			ask_free(ask);
		return r;
	}
	r = callers_ask(mesod->callers, name);
	if (r < 0) {
		/* Who cannot be asked about may be somebody who may. */
		if (stop)
			stop(mesod, call);
		ask_free(ask);
		return bus_fail_internal(error, r);
	}
	if (stop)
		begin_doubt(ask);
	return 1;
}

int authority_ask(struct mesod *mesod, sd_bus_message *call, enum action action, authorized_fn then,
		  sd_bus_error *error)
{
	return ask_for(mesod, call, action, NULL, then, error);
}

int authority_ask_stop(struct mesod *mesod, sd_bus_message *call, stop_fn stop, authorized_fn then,
		       sd_bus_error *error)
{
	return ask_for(mesod, call, ACTION_STOP, stop, then, error);
}

void authority_withdraw(struct authority *authority, enum action action, const char *path,
			const char *why)
{
	for (struct ask *ask = authority->asks, *next; ask; ask = next) {
		next = ask->next;
		if (ask->action != action || strcmp(sd_bus_message_get_path(ask->call), path) != 0)
			continue;
		bus_reply_error(ask->call, ERROR_INTERLOCK, "%s", why);
		ask_free(ask);
	}
}

void authority_set_operators(struct authority *authority, struct ledger_operator *operators,
			     size_t n)
{
	free(authority->operators);
	authority->operators = operators;
	authority->n_operators = n;
}

int authority_add_operator(struct authority *authority, const struct ledger_operator *op,
			   const struct ledger_id *id)
{
	struct ledger_operator *more;

	more = reallocarray(authority->operators, authority->n_operators + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	authority->operators = more;
	more[authority->n_operators] = *op;
	more[authority->n_operators++].id = *id;
	return 0;
}

void authority_forget_operator(struct authority *authority, uint32_t uid)
{
	for (size_t i = 0; i < authority->n_operators; i++) {
		struct ledger_operator *op = &authority->operators[i];

		if (op->uid != uid)
			continue;
		op->erased = true;
		memset(op->name, 0, sizeof(op->name));
		memset(op->licence, 0, sizeof(op->licence));
	}
}

void authority_renew_operator(struct authority *authority, const struct ledger_renewal *renewal)
{
	for (size_t i = 0; i < authority->n_operators; i++) {
		struct ledger_operator *op = &authority->operators[i];

		if (op->uid != renewal->operator_uid)
			continue;
		TEXT_COPY(op->licence, renewal->licence);
		TEXT_COPY(op->expires, renewal->expires);
	}
}

int authority_new(struct mesod *mesod, struct authority **ret)
{
	struct authority *authority = calloc(1, sizeof(*authority));

	if (!authority)
		return -ENOMEM;
	authority->mesod = mesod;
	*ret = authority;
	return 0;
}

struct authority *authority_free(struct authority *authority)
{
	if (!authority)
		return NULL;
	for (struct ask *ask = authority->asks, *next; ask; ask = next) {
		next = ask->next;
		ask_free(ask);
	}
	free(authority->operators);
	free(authority);
	return NULL;
}
