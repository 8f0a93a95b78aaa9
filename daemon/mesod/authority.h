/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may do what.  The one door that every call goes through: it finds out the
 * caller's uid from the bus itself, never from a message, compares it with who
 * is registered, and has polkit asked about whoever is not root.  It never
 * blocks: an answer that is not known yet comes later, and the state is judged
 * anew then.
 *
 * A private bus (--address) is its owner's, who counts as root there; polkit is
 * asked on it only with --polkit.
 */
#ifndef MESOD_AUTHORITY_H
#define MESOD_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "ledger.h"

struct mesod;
struct authority;

enum action {
	ACTION_ADMINISTER,  /* root, and whom polkit allows it */
	ACTION_CONFIGURE,   /* the same */
	ACTION_READ_LEDGER, /* root, operators, and whom polkit allows it */
	ACTION_OPERATE, /* operators with a valid licence; as all of them, if polkit allows it */
	ACTION_CLEAR_FAULT, /* the same */
	ACTION_OVERRIDE,    /* the same */
	ACTION_STOP, /* root, operators whatever their licence, who sits there; polkit is not asked */
};

struct caller {
	uint32_t uid;
	bool root;
	bool registered; /* as an operator */
	bool licensed;   /* and the licence is valid today */
	bool seated;     /* has the active session of a seat of this machine; of a stop alone */
	bool judged;     /* by polkit, too, before anything is done */
	char operator_text[LEDGER_ID_TEXT_MAX];
};

/* Continues a call whose caller may do it.  The arguments are not read yet, and everything that was
 * known about objects before must be looked up again.  Returns as a method handler does. */
typedef int (*authorized_fn)(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			     sd_bus_error *error);

int authority_new(struct mesod *mesod, struct authority **ret);
struct authority *authority_free(struct authority *authority);

/* Calls @then now or later, or answers with an error.  Returns as a method handler does. */
int authority_ask(struct mesod *mesod, sd_bus_message *call, enum action action, authorized_fn then,
		  sd_bus_error *error);

/* Stops what @call wants stopped, and answers nothing. */
typedef void (*stop_fn)(struct mesod *mesod, sd_bus_message *call);

/*
 * The same for ACTION_STOP. A bus that is too busy to say within 1 ms who calls holds up no stop: @stop is called
 * then, and whether the caller might do that is found out afterwards: @then is called, or the answer is Denied, and
 * who it was stands in the log. A stop too many harms nobody.
 */
int authority_ask_stop(struct mesod *mesod, sd_bus_message *call, stop_fn stop, authorized_fn then,
		       sd_bus_error *error);

/* A callers_told_fn of struct mesod: the bus has said whose a name is, or does not. Whoever waited for that goes on. */
void authority_told(void *userdata, const char *name, int told, uint32_t uid);

/* Calls to the object at @path that wait to be allowed @action are not done any more: answered with an
 * Interlock error that says @why.  Bounded, and waits for nothing. */
void authority_withdraw(struct authority *authority, enum action action, const char *path,
			const char *why);

/* Pure: may this caller do that, as far as we are to say?  0, or a negative number with the error set. */
int authority_decide(const struct caller *caller, enum action action, sd_bus_error *error);

/* What is known of a uid now. */
void authority_describe(const struct mesod *mesod, uint32_t uid, struct caller *ret);
/* Who was erased may do nothing any more. */
void authority_forget_operator(struct authority *authority, uint32_t uid);

/* The registered operators as the ledger has them; takes over the array. */
void authority_set_operators(struct authority *authority, struct ledger_operator *operators,
			     size_t n);
/* One more, just registered. -ENOMEM */
int authority_add_operator(struct authority *authority, const struct ledger_operator *op,
			   const struct ledger_id *id);
/* A licence is another one, or valid until another day, just recorded. */
void authority_renew_operator(struct authority *authority, const struct ledger_renewal *renewal);

#endif /* MESOD_AUTHORITY_H */
