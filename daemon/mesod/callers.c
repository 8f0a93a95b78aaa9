// SPDX-License-Identifier: GPL-2.0-only
/*
 * See callers.h.
 *
 * A unique name on a bus is never given to another connection, so what is known of one stays true; the table of names
 * is bounded and forgets the oldest.
 */
#include "callers.h"

#include <stdlib.h>
#include <string.h>

#include "macros.h"

#define NAMES_MAX   256 /* as many connections as the system bus lets one user have */
#define NAME_LENGTH 32  /* a longer one is not remembered */
#define AHEAD_MAX   128 /* questions under way, above which nobody is asked about ahead */

#define THE_BUS "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"

struct known_name {
	char name[NAME_LENGTH];
	uint32_t uid;
};

struct question {
	struct question *next;
	struct callers *callers;
	sd_bus_slot *slot;
	char name[]; /* NUL-terminated */
};

struct callers {
	sd_bus *bus;
	callers_told_fn told;
	void *userdata;
	struct known_name names[NAMES_MAX];
	size_t next_name; /* where the next one is written */
	struct question *questions;
	unsigned int n_questions;
	sd_bus_slot *arrivals; /* NULL: not watching */
	sd_bus_slot *listing;
};

bool callers_find(const struct callers *callers, const char *name, uint32_t *ret_uid)
{
	for (size_t i = 0; i < NAMES_MAX; i++) {
		if (strcmp(callers->names[i].name, name) != 0)
			continue;
		*ret_uid = callers->names[i].uid;
		return true;
	}
	return false;
}

static void remember(struct callers *callers, const char *name, uint32_t uid)
{
	struct known_name *known = &callers->names[callers->next_name];

	if (strlen(name) >= NAME_LENGTH)
		return;
	TEXT_COPY(known->name, name);
	known->uid = uid;
	callers->next_name = (callers->next_name + 1) % NAMES_MAX;
}

static struct question *find_question(const struct callers *callers, const char *name)
{
	for (struct question *question = callers->questions; question; question = question->next)
		if (strcmp(question->name, name) == 0)
			return question;
	return NULL;
}

static void question_unlink(struct question *question)
{
	struct callers *callers = question->callers;

	for (struct question **p = &callers->questions; *p; p = &(*p)->next) {
		if (*p != question)
			continue;
		*p = question->next;
		callers->n_questions--;
		return;
	}
}

static void question_free(struct question *question)
{
	question_unlink(question);
	sd_bus_slot_unref(question->slot);
	free(question);
}

static int on_uid(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct question *question = userdata;
	struct callers *callers = question->callers;
	uint32_t uid = UINT32_MAX;
	int r;

	(void)error;
	r = -sd_bus_message_get_errno(answer);
	if (r == 0)
		r = sd_bus_message_read_basic(answer, 'u', &uid);
	if (r >= 0)
		remember(callers, question->name, uid);
	/* Who asks again from within is asked about again. */
	question_unlink(question);
	callers->told(callers->userdata, question->name, r, uid);
	question_free(question);
	return 1;
}

int callers_ask(struct callers *callers, const char *name)
{
	const size_t size = strlen(name) + 1;
	struct question *question;
	int r;

	if (find_question(callers, name))
		return 0;
	question = calloc(1, sizeof(*question) + size);
	if (!question)
		return -ENOMEM;
	question->callers = callers;
	memcpy(question->name, name, size);
	question->next = callers->questions;
	callers->questions = question;
	callers->n_questions++;
	r = sd_bus_call_method_async(callers->bus, &question->slot, THE_BUS,
				     "GetConnectionUnixUser", on_uid, question, "s", name);
	if (r < 0)
		question_free(question);
	return r < 0 ? r : 0;
}

/* Whoever it is: should it call, that is known. */
static void ask_ahead(struct callers *callers, const char *name)
{
	uint32_t uid;

	if (*name == ':' && callers->n_questions < AHEAD_MAX && !callers_find(callers, name, &uid))
		(void)callers_ask(callers, name);
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *name, *before, *after;

	(void)error;
	if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0 && *after)
		ask_ahead(userdata, name);
	return 0;
}

static int on_names(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct callers *callers = userdata;
	const char *name;

	(void)error;
	if (sd_bus_message_is_method_error(answer, NULL) ||
	    sd_bus_message_enter_container(answer, 'a', "s") < 0)
		return 1;
	while (sd_bus_message_read_basic(answer, 's', &name) > 0)
		ask_ahead(callers, name);
	return 1;
}

void callers_watch(struct callers *callers, bool watch)
{
	if (watch == !!callers->arrivals)
		return;
	callers->arrivals = sd_bus_slot_unref(callers->arrivals);
	callers->listing = sd_bus_slot_unref(callers->listing);
	if (!watch)
		return;
	/* Who arrives had no owner before: who leaves wakes nobody up. */
	(void)sd_bus_add_match_async(callers->bus, &callers->arrivals,
				     "type='signal',sender='org.freedesktop.DBus',"
				     "path='/org/freedesktop/DBus',"
				     "interface='org.freedesktop.DBus',"
				     "member='NameOwnerChanged',arg1=''",
				     on_owner_changed, NULL, callers);
	(void)sd_bus_call_method_async(callers->bus, &callers->listing, THE_BUS, "ListNames",
				       on_names, callers, "");
}

int callers_new(sd_bus *bus, callers_told_fn told, void *userdata, struct callers **ret)
{
	struct callers *callers = calloc(1, sizeof(*callers));

	if (!callers)
		return -ENOMEM;
	callers->bus = bus;
	callers->told = told;
	callers->userdata = userdata;
	*ret = callers;
	return 0;
}

struct callers *callers_free(struct callers *callers)
{
	if (!callers)
		return NULL;
	callers_watch(callers, false);
	for (struct question *question = callers->questions, *next; question; question = next) {
		next = question->next;
		question_free(question);
	}
	callers->bus = sd_bus_close_unref(callers->bus);
	free(callers);
	return NULL;
}
