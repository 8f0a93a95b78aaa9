// SPDX-License-Identifier: GPL-2.0-only
/*
 * See bus.h.
 */
#include "bus.h"

#include <injector.h>
#include <string.h>

#include "authority.h"
#include "bus_errors.h"
#include "bus_log.h"
#include "callers.h"
#include "gun.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"

/* ---- calls that are not formed as their method wants ---------------------------- */

static const sd_bus_vtable *vtable_of(const char *interface)
{
	if (strcmp(interface, INTERFACE_GUN) == 0)
		return gun_vtable;
	if (strcmp(interface, INTERFACE_SESSION) == 0)
		return session_vtable;
	if (strcmp(interface, INTERFACE_MANAGER) == 0)
		return manager_vtable;
	return NULL;
}

static const char *signature_of(const sd_bus_vtable *vtable, const char *member)
{
	for (const sd_bus_vtable *v = vtable; v->type != _SD_BUS_VTABLE_END; v++)
		if (v->type == _SD_BUS_VTABLE_METHOD && strcmp(v->x.method.member, member) == 0)
			return v->x.method.signature ? v->x.method.signature : "";
	return NULL;
}

static int check_object(struct mesod *mesod, const char *interface, const char *path,
			sd_bus_error *error)
{
	if (strcmp(interface, INTERFACE_GUN) == 0 && !gun_find_path(mesod, path))
		return bus_fail(error, ERROR_NO_SUCH_GUN, "no gun at %s", path);
	if (strcmp(interface, INTERFACE_SESSION) == 0 && !session_find_path(mesod, path))
		return bus_fail(error, ERROR_NO_SUCH_SESSION, "no session at %s", path);
	return 0;
}

/* Runs before the method does, so that every refusal is one of ours, with a name and a sentence. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *interface, *path, *member, *wanted, *got;
	struct mesod *mesod = userdata;
	const sd_bus_vtable *vtable;
	uint8_t type;

	(void)ret_error;
	if (sd_bus_message_get_type(message, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL)
		return 0;
	interface = sd_bus_message_get_interface(message);
	path = sd_bus_message_get_path(message);
	member = sd_bus_message_get_member(message);
	got = sd_bus_message_get_signature(message, true);
	if (!path || !member || strncmp(path, BUS_ROOT, strlen(BUS_ROOT)) != 0)
		return 0;
	if (!interface) {
		bus_fail(&error, ERROR_INVALID_ARGUMENT, "%s: name the interface too", member);
		return sd_bus_reply_method_error(message, &error) < 0 ? 0 : 1;
	}
	vtable = vtable_of(interface);
	wanted = vtable ? signature_of(vtable, member) : NULL;
	if (!wanted)
		return 0; /* sd-bus answers: no such method, or one of its own */
	if (!mesod->ledger) {
		bus_fail(&error, ERROR_BUSY, "mesod is starting: its ledger is not open yet");
		return sd_bus_reply_method_error(message, &error) < 0 ? 0 : 1;
	}
	if (check_object(mesod, interface, path, &error) < 0)
		return sd_bus_reply_method_error(message, &error) < 0 ? 0 : 1;
	if (strcmp(wanted, got ? got : "") == 0)
		return 0;
	bus_fail(&error, ERROR_INVALID_ARGUMENT, "%s takes '%s', got '%.64s'", member, wanted,
		 got ? got : "");
	return sd_bus_reply_method_error(message, &error) < 0 ? 0 : 1;
}

/* ---- the connection ---------------------------------------------------------------- */

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)message;
	(void)error;
	mesod_stop(userdata, -ECONNRESET, "the bus is gone");
	return 0;
}

static int connect_to(const struct mesod *mesod, const char *description, sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	int r;

	if (!mesod->options.address)
		return sd_bus_open_system_with_description(ret, description);
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, mesod->options.address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		*ret = TAKE_PTR(bus);
	return r;
}

static int connect_bus(struct mesod *mesod, const char *description, int priority, sd_bus **bus)
{
	int r;

	r = connect_to(mesod, description, bus);
	if (r >= 0)
		r = sd_bus_attach_event(*bus, mesod->event, priority);
	if (r >= 0)
		r = sd_bus_match_signal_async(*bus, NULL, "org.freedesktop.DBus.Local", NULL,
					      "org.freedesktop.DBus.Local", "Disconnected",
					      on_disconnected, NULL, mesod);
	return r;
}

int bus_open(struct mesod *mesod)
{
	_cleanup_(sd_bus_close_unrefp) sd_bus *callers_bus = NULL;
	int r;

	r = connect_bus(mesod, "mesod", PRIORITY_BUS, &mesod->bus);
	if (r >= 0)
		r = connect_bus(mesod, "mesod-callers", PRIORITY_CALLERS, &callers_bus);
	if (r >= 0)
		r = callers_new(callers_bus, authority_told, mesod, &mesod->callers);
	if (r >= 0)
		(void)TAKE_PTR(callers_bus);
	if (r >= 0)
		r = sd_bus_add_filter(mesod->bus, NULL, on_message, mesod);
	if (r >= 0)
		r = sd_bus_add_object_manager(mesod->bus, NULL, BUS_ROOT);
	if (r >= 0)
		r = sd_bus_add_object_vtable(mesod->bus, NULL, BUS_ROOT, INTERFACE_MANAGER,
					     manager_vtable, mesod);
	if (r >= 0)
		r = bus_log_add(mesod);
	return r < 0 ? r : 0;
}

static int on_name(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct mesod *mesod = userdata;
	uint32_t result;

	(void)error;
	if (sd_bus_message_is_method_error(answer, NULL) ||
	    sd_bus_message_read_basic(answer, 'u', &result) < 0 || (result != 1 && result != 4)) {
		const sd_bus_error *why = sd_bus_message_get_error(answer);

		log_main_id(mesod, LOG_ERR, MESSAGE_NO_NAME, "cannot have the name %s: %s",
			    BUS_NAME, why ? why->message : "somebody else has it");
		sd_event_exit(mesod->event, -EEXIST);
		return 0;
	}
	mesod->named = true;
	mesod_named(mesod);
	return 0;
}

int bus_take_name(struct mesod *mesod)
{
	return sd_bus_request_name_async(mesod->bus, NULL, BUS_NAME, 0, on_name, mesod);
}

void bus_close(struct mesod *mesod)
{
	mesod->callers = callers_free(mesod->callers);
	if (!mesod->bus)
		return;
	if (sd_bus_is_open(mesod->bus) > 0)
		sd_bus_flush(mesod->bus);
	mesod->bus = sd_bus_close_unref(mesod->bus);
}

/* ---- objects -------------------------------------------------------------------------- */

void bus_gun_added(struct gun *gun)
{
	struct mesod *mesod = gun->mesod;
	int r;

	r = sd_bus_add_object_vtable(mesod->bus, &gun->slot, gun->path, INTERFACE_GUN, gun_vtable,
				     gun);
	if (r >= 0)
		r = sd_bus_emit_object_added(mesod->bus, gun->path);
	if (r < 0)
		log_gun(gun, LOG_ERR, "not on the bus: %s", strerrordesc_np(-r));
}

void bus_gun_removed(struct gun *gun)
{
	if (sd_bus_is_open(gun->mesod->bus) > 0)
		(void)sd_bus_emit_object_removed(gun->mesod->bus, gun->path);
	gun->slot = sd_bus_slot_unref(gun->slot);
}

void bus_gun_changed(struct gun *gun, const char *property)
{
	if (gun->slot && sd_bus_is_open(gun->mesod->bus) > 0)
		(void)sd_bus_emit_properties_changed(gun->mesod->bus, gun->path, INTERFACE_GUN,
						     property, NULL);
}

int bus_session_added(struct session *session)
{
	sd_bus *bus = session->mesod->bus;
	int r;

	r = sd_bus_add_object_vtable(bus, &session->slot, session->path, INTERFACE_SESSION,
				     session_vtable, session);
	return r < 0 ? r : sd_bus_emit_object_added(bus, session->path);
}

void bus_session_removed(struct session *session)
{
	if (session->slot && sd_bus_is_open(session->mesod->bus) > 0)
		(void)sd_bus_emit_object_removed(session->mesod->bus, session->path);
	session->slot = sd_bus_slot_unref(session->slot);
}

void bus_manager_changed(struct mesod *mesod)
{
	if (sd_bus_is_open(mesod->bus) > 0)
		(void)sd_bus_emit_properties_changed(mesod->bus, BUS_ROOT, INTERFACE_MANAGER,
						     "State", "LedgerState", NULL);
}

int bus_append_fault_names(sd_bus_message *message, uint32_t faults)
{
	int r = sd_bus_message_open_container(message, 'a', "s");

	for (unsigned int bit = 0; r >= 0 && bit < 32; bit++) {
		const char *name = faults & (1u << bit) ? inj_fault_name(1u << bit) : NULL;

		if (name)
			r = sd_bus_message_append_basic(message, 's', name);
	}
	return r < 0 ? r : sd_bus_message_close_container(message);
}

void bus_send_reply(sd_bus_message *call, sd_bus_message *reply, int r)
{
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	if (r < 0 && r != -ENOTCONN)
		bus_reply_error(call, ERROR_LIMIT, "the answer could not be made: %s",
				strerrordesc_np(-r));
}
