// SPDX-License-Identifier: GPL-2.0-only
/*
 * See authority.h.
 *
 * A unique name on a bus is never given to another connection, so what is known
 * of one stays true; the table of names is bounded and forgets the oldest.
 * Operators are kept in memory, so that a stop needs neither disk nor worker.
 */
#include "authority.h"

#include <string.h>

#include "bus_errors.h"
#include "macros.h"
#include "mesod.h"

#define NAMES_MAX   128
#define NAME_LENGTH 64
#define ASKS_MAX    256 /* of all callers together; stops are not counted */
#define ASKS_EACH   4   /* of one caller */

struct known_name {
	char name[NAME_LENGTH];
	uint32_t uid;
};

struct authority {
	struct mesod *mesod;
	struct known_name names[NAMES_MAX];
	size_t next_name; /* where the next one is written */
	struct ask *asks;
	size_t n_asks;
	struct ledger_operator *operators;
	size_t n_operators;
};

/* A call that waits for the bus to say who made it. */
struct ask {
	struct ask *next;
	struct authority *authority;
	sd_bus_message *call;
	sd_bus_slot *slot;
	enum action action;
	authorized_fn then;
};

int authority_decide(const struct caller *caller, enum action action, sd_bus_error *error)
{
	switch (action) {
	case ACTION_ADMINISTER:
	case ACTION_CONFIGURE:
		if (caller->root)
			return 0;
		return bus_fail(error, ERROR_DENIED, "uid=%u: only root may do that", caller->uid);
	case ACTION_READ_LEDGER:
		if (caller->root || caller->licensed)
			return 0;
		return bus_fail(error, ERROR_DENIED,
				"uid=%u: only root and registered operators may read that",
				caller->uid);
	case ACTION_OPERATE:
		if (caller->licensed)
			return 0;
		if (caller->registered)
			return bus_fail(error, ERROR_NOT_OPERATOR,
					"uid=%u: the operator's licence has expired", caller->uid);
		return bus_fail(error, ERROR_NOT_OPERATOR, "uid=%u is no registered operator",
				caller->uid);
	case ACTION_STOP:
		if (caller->root || caller->registered)
			return 0;
		return bus_fail(error, ERROR_DENIED,
				"uid=%u: only root and registered operators may stop", caller->uid);
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

static const struct known_name *find_name(const struct authority *authority, const char *name)
{
	for (size_t i = 0; i < NAMES_MAX; i++)
		if (strcmp(authority->names[i].name, name) == 0)
			return &authority->names[i];
	return NULL;
}

static void remember_name(struct authority *authority, const char *name, uint32_t uid)
{
	struct known_name *known = &authority->names[authority->next_name];

	/* A burst asks more than once for the same name. */
	if (strlen(name) >= NAME_LENGTH || find_name(authority, name))
		return;
	TEXT_COPY(known->name, name);
	known->uid = uid;
	authority->next_name = (authority->next_name + 1) % NAMES_MAX;
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
	sd_bus_slot_unref(ask->slot);
	sd_bus_message_unref(ask->call);
	free(ask);
}

static int proceed(struct mesod *mesod, sd_bus_message *call, enum action action,
		   authorized_fn then, uint32_t uid, sd_bus_error *error)
{
	struct caller caller;
	int r;

	authority_describe(mesod, uid, &caller);
	r = authority_decide(&caller, action, error);
	return r < 0 ? r : then(mesod, call, &caller, error);
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct ask *ask = userdata;
	struct mesod *mesod = ask->authority->mesod;
	uint32_t uid;
	int r;

	(void)ret_error;
	if (sd_bus_message_is_method_error(answer, NULL) ||
	    sd_bus_message_read_basic(answer, 'u', &uid) < 0) {
		r = bus_fail(&error, ERROR_DENIED, "the bus does not say who the caller is");
	} else {
		remember_name(ask->authority, sd_bus_message_get_sender(ask->call), uid);
		r = proceed(mesod, ask->call, ask->action, ask->then, uid, &error);
	}
	if (r < 0) {
		if (!sd_bus_error_is_set(&error))
			bus_fail_internal(&error, r);
		(void)sd_bus_reply_method_error(ask->call, &error);
	}
	ask_free(ask);
	return 1;
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
			"limit=%d: too many calls of yours wait for the bus to say who you are",
			ASKS_EACH);
	if (authority->n_asks >= ASKS_MAX)
		return bus_fail(error, ERROR_LIMIT, "limit=%d: too many callers are waiting",
				ASKS_MAX);
	return 0;
}

int authority_ask(struct mesod *mesod, sd_bus_message *call, enum action action, authorized_fn then,
		  sd_bus_error *error)
{
	struct authority *authority = mesod->authority;
	const char *name = sd_bus_message_get_sender(call);
	const struct known_name *known;
	struct ask *ask;
	int r;

	if (!name || *name != ':')
		return bus_fail(error, ERROR_DENIED, "a caller without a name may do nothing");
	known = find_name(authority, name);
	if (known)
		return proceed(mesod, call, action, then, known->uid, error);
	r = check_room(authority, name, action, error);
	if (r < 0)
		return r;

	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return bus_fail_internal(error, -ENOMEM);
	ask->authority = authority;
	ask->call = sd_bus_message_ref(call);
	ask->action = action;
	ask->then = then;
	ask->next = authority->asks;
	authority->asks = ask;
	authority->n_asks += action != ACTION_STOP;
	r = sd_bus_call_method_async(mesod->bus, &ask->slot, "org.freedesktop.DBus",
				     "/org/freedesktop/DBus", "org.freedesktop.DBus",
				     "GetConnectionUnixUser", on_answer, ask, "s", name);
	if (r < 0) {
		ask_free(ask);
		return bus_fail_internal(error, r);
	}
	return 1;
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

struct reload {
	struct mesod *mesod;
	struct ledger_operator *operators;
	size_t n;
	void (*then)(struct mesod *mesod);
};

static int collect_operator(const struct ledger_operator *op, void *userdata)
{
	struct reload *reload = userdata;
	struct ledger_operator *more;

	more = reallocarray(reload->operators, reload->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	reload->operators = more;
	more[reload->n++] = *op;
	return 0;
}

static int reload_run(void *owned, void *userdata)
{
	return ledger_foreach_operator(owned, collect_operator, userdata);
}

static void reload_done(void *userdata, int r)
{
	struct reload *reload = userdata;
	struct mesod *mesod = reload->mesod;

	if (r < 0) {
		if (r != -ECANCELED)
			log_main(mesod, LOG_ERR, "operators cannot be read: %s",
				 strerrordesc_np(-r));
		free(reload->operators);
	} else {
		authority_set_operators(mesod->authority, reload->operators, reload->n);
	}
	if (reload->then && r != -ECANCELED)
		reload->then(mesod);
	free(reload);
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

int authority_reload(struct mesod *mesod, void (*then)(struct mesod *mesod))
{
	struct reload *reload = calloc(1, sizeof(*reload));
	int r;

	if (!reload)
		return -ENOMEM;
	reload->mesod = mesod;
	reload->then = then;
	r = worker_submit(mesod->worker, reload_run, reload_done, reload);
	if (r < 0)
		free(reload);
	return r;
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
