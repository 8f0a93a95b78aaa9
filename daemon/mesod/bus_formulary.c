// SPDX-License-Identifier: GPL-2.0-only
/*
 * See bus_formulary.h.
 */
#include "bus_formulary.h"

#include "authority.h"
#include "basis.h"
#include "bus.h"
#include "bus_errors.h"
#include "macros.h"
#include "mesod.h"

/* ------------------------------------------------- told */

static int append_line(const char *key, const char *value, const char *source, void *userdata)
{
	return sd_bus_message_append(userdata, "(sss)", key, value, source);
}

static int append_limit(const char *key, const char *value, void *userdata)
{
	return append_line(key, value, "", userdata);
}

/* Begins one a{sv}, with "values" open: an a(sss). */
static int open_thing(sd_bus_message *reply, const char *group, const char *id)
{
	int r;

	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}{sv}", "group", "s", group, "id", "s", id);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(reply, 's', "values");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'v', "a(sss)");
	return r < 0 ? r : sd_bus_message_open_container(reply, 'a', "(sss)");
}

static int close_thing(sd_bus_message *reply)
{
	int r = 0;

	/* array, variant, entry, dictionary */
	for (int i = 0; i < 4 && r >= 0; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

static int append_group(const struct formulary *f, enum formulary_group group,
			sd_bus_message *reply)
{
	int r = 0;

	for (size_t i = 0; i < formulary_count(f, group) && r >= 0; i++) {
		r = open_thing(reply, formulary_group_name(group), formulary_id(f, group, i));
		if (r >= 0)
			r = formulary_describe(f, group, i, append_line, reply);
		if (r >= 0)
			r = close_thing(reply);
	}
	return r;
}

static int append_limits(const struct limits *limits, sd_bus_message *reply)
{
	int r = open_thing(reply, "limits", "");

	if (r >= 0)
		r = limits_describe(limits, append_limit, reply);
	return r < 0 ? r : close_thing(reply);
}

/* No patient is in it: anyone may know what this machine would give. */
int method_formulary(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const struct mesod *mesod = userdata;
	char hash[FORMULARY_HASH_TEXT_MAX];
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", formulary_hash_text(mesod->formulary, hash));
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (enum formulary_group group = 0; group < FORMULARY_GROUPS && r >= 0; group++)
		r = append_group(mesod->formulary, group, reply);
	if (r >= 0)
		r = append_limits(&mesod->limits, reply);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r < 0)
		return bus_fail_internal(error, r);
	return sd_bus_send(NULL, reply, NULL);
}

int formulary_get_hash(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct mesod *mesod = userdata;
	char hash[FORMULARY_HASH_TEXT_MAX];

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append_basic(reply, 's', formulary_hash_text(mesod->formulary, hash));
}

void bus_formulary_changed(struct mesod *mesod)
{
	if (sd_bus_is_open(mesod->bus) > 0)
		(void)sd_bus_emit_properties_changed(mesod->bus, BUS_ROOT, INTERFACE_MANAGER,
						     "FormularyHash", NULL);
}

/* ------------------------------------------------- read again */

static int reload_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			     sd_bus_error *error)
{
	return basis_reload(mesod, call, caller->uid, error);
}

int method_reload_formulary(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_CONFIGURE, reload_authorized, error);
}
