// SPDX-License-Identifier: GPL-2.0-only
/*
 * org.mesod1.Gun: what a gun measures, for anybody who may call; stop and faults
 * for those who are allowed.  It owns no state.
 */
#include <injector.h>
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_errors.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"
#include "stream.h"
#include "telemetry.h"

static int get_status(struct gun *gun, struct meso_status *status, sd_bus_error *error)
{
	int r = gun->handle ? inj_gun_get_status(gun->handle, status) : -ENODEV;

	return r < 0 ? bus_fail_gun(error, r, "its status cannot be read") : 0;
}

/* ---- properties ----------------------------------------------------------------- */

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct gun *gun = userdata;
	const char *value = gun->serial;

	(void)bus;
	(void)path;
	(void)interface;
	(void)error;
	if (strcmp(property, "Model") == 0)
		value = gun->info.model;
	else if (strcmp(property, "Firmware") == 0)
		value = gun->info.firmware;
	else if (strcmp(property, "Uri") == 0)
		value = gun->uri;
	return sd_bus_message_append_basic(reply, 's', value);
}

static int get_flag(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct gun *gun = userdata;
	const int value = strcmp(property, "Quarantined") == 0 ? gun->quarantined
			  : strcmp(property, "Ready") == 0     ? gun->stage == GUN_READY
							       : gun->session != NULL;

	(void)bus;
	(void)path;
	(void)interface;
	(void)error;
	return sd_bus_message_append_basic(reply, 'b', &value);
}

static int get_measurement(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error)
{
	struct meso_status status = { 0 };
	int r = get_status(userdata, &status, error);

	(void)bus;
	(void)path;
	(void)interface;
	if (r < 0)
		return r;
	if (strcmp(property, "State") == 0)
		return sd_bus_message_append_basic(reply, 's', gun_state_name(status.state));
	if (strcmp(property, "Faults") == 0)
		return bus_append_fault_names(reply, status.faults);
	if (strcmp(property, "PlungerNm") == 0)
		return sd_bus_message_append_basic(reply, 'i', &status.plunger_nm);
	if (strcmp(property, "DepthUm") == 0)
		return sd_bus_message_append_basic(reply, 'u', &status.depth_um);
	if (strcmp(property, "PressurePa") == 0)
		return sd_bus_message_append_basic(reply, 'i', &status.pressure_pa);
	return sd_bus_message_append_basic(reply, 'u', &status.reservoir_nl);
}

/* ---- looking --------------------------------------------------------------------- */

static int method_get_status(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct meso_status status = { 0 };
	int r = get_status(userdata, &status, error);

	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = telemetry_append_status(reply, &status);
	return r < 0 ? bus_fail_internal(error, r) : sd_bus_send(NULL, reply, NULL);
}

/* The cheap one: a program that polls asks for this. */
static int method_get_snapshot(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct meso_status status = { 0 };
	int r = get_status(userdata, &status, error);

	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_append_array(reply, 'y', &status, sizeof(status));
	return r < 0 ? bus_fail_internal(error, r) : sd_bus_send(NULL, reply, NULL);
}

static int method_get_registers(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct meso_registers registers = { 0 };
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct gun *gun = userdata;
	int r;

	r = gun->handle ? inj_gun_get_registers(gun->handle, &registers) : -ENODEV;
	if (r < 0)
		return bus_fail_gun(error, r, "its registers cannot be read");
	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(stt)");
	for (uint32_t i = 0; r >= 0 && i < registers.count && i < MESO_REGISTERS_MAX; i++) {
		const struct meso_register *reg = &registers.reg[i];
		const char *name = inj_register_name(reg->id);

		r = sd_bus_message_append(reply, "(stt)", name ? name : "unknown", reg->value,
					  reg->age_ns);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? bus_fail_internal(error, r) : sd_bus_send(NULL, reply, NULL);
}

static int method_watch(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return telemetry_watch(userdata, call, error);
}

static int method_unwatch(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return telemetry_unwatch(userdata, call, error);
}

static int method_open_stream(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return streams_open(userdata, call, error);
}

/* ---- acting ------------------------------------------------------------------------ */

/* The caller's gun, looked up anew: it may have gone while the bus was asked who calls. */
static struct gun *gun_of_call(struct mesod *mesod, sd_bus_message *call, sd_bus_error *error)
{
	struct gun *gun = gun_find_path(mesod, sd_bus_message_get_path(call));

	if (!gun)
		bus_fail(error, ERROR_GUN_GONE, "the gun was unplugged");
	return gun;
}

static void stop(struct mesod *mesod, sd_bus_message *call)
{
	struct gun *gun = gun_find_path(mesod, sd_bus_message_get_path(call));

	if (gun)
		gun_disarm(gun);
}

static int stop_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			   sd_bus_error *error)
{
	struct gun *gun = gun_of_call(mesod, call, error);

	if (!gun)
		return -EINVAL;
	gun_disarm(gun);
	log_gun(gun, LOG_NOTICE, "stopped by uid %u", caller->uid);
	return sd_bus_reply_method_return(call, NULL);
}

static int method_stop(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct gun *gun = userdata;

	return authority_ask_stop(gun->mesod, call, stop, stop_authorized, error);
}

static int read_faults(sd_bus_message *call, uint32_t *ret_mask, sd_bus_error *error)
{
	const char *name;
	int r;

	*ret_mask = 0;
	r = sd_bus_message_enter_container(call, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read_basic(call, 's', &name)) > 0) {
		uint32_t bit = 0;

		for (unsigned int i = 0; !bit && i < 32; i++) {
			const char *known = inj_fault_name(1u << i);

			if (known && strcmp(known, name) == 0)
				bit = 1u << i;
		}
		if (!bit)
			return bus_fail(error, ERROR_INVALID_ARGUMENT, "unknown fault \"%.64s\"",
					name);
		*ret_mask |= bit;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(call);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed list of faults");
	if (!*ret_mask)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"faults is empty: name what to clear");
	return 0;
}

static int clear_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			    sd_bus_error *error)
{
	struct gun *gun = gun_of_call(mesod, call, error);
	uint32_t mask, counter;
	uint64_t boot_id;
	int r;

	if (!gun)
		return -EINVAL;
	r = read_faults(call, &mask, error);
	if (r < 0)
		return r;
	if (sd_bus_message_read(call, "tu", &boot_id, &counter) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed generation");
	if (gun->session && strcmp(gun->session->opener, sd_bus_message_get_sender(call)) != 0)
		return bus_fail(error, ERROR_BUSY, "the gun is in somebody else's session");
	/* They are evidence until the lease they ended is settled. */
	if (gun->lease)
		return bus_fail(error, ERROR_BUSY, "lease %s is not settled yet", gun->lease->text);
	r = inj_gun_clear_faults(gun->handle, mask, boot_id, counter);
	if (r < 0)
		return bus_fail_gun(error, r, "faults were not cleared");
	log_gun(gun, LOG_NOTICE, "faults 0x%x cleared by uid %u", mask, caller->uid);
	return sd_bus_reply_method_return(call, NULL);
}

static int method_clear_faults(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct gun *gun = userdata;

	return authority_ask(gun->mesod, call, ACTION_CLEAR_FAULT, clear_authorized, error);
}

#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable gun_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Serial", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Model", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Firmware", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Uri", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_measurement, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Faults", "as", get_measurement, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Quarantined", "b", get_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Ready", "b", get_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("InSession", "b", get_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("PlungerNm", "i", get_measurement, 0, 0),
	SD_BUS_PROPERTY("DepthUm", "u", get_measurement, 0, 0),
	SD_BUS_PROPERTY("PressurePa", "i", get_measurement, 0, 0),
	SD_BUS_PROPERTY("ReservoirNl", "u", get_measurement, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status),
				method_get_status, OPEN),
	SD_BUS_METHOD_WITH_ARGS("GetSnapshot", SD_BUS_NO_ARGS, SD_BUS_RESULT("ay", status),
				method_get_snapshot, OPEN),
	SD_BUS_METHOD_WITH_ARGS("GetRegisters", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(stt)", registers),
				method_get_registers, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Watch", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_watch, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Unwatch", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_unwatch, OPEN),
	SD_BUS_METHOD_WITH_ARGS("OpenStream", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", stream),
				method_open_stream, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_stop, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ClearFaults",
				SD_BUS_ARGS("as", faults, "t", boot_id, "u", counter),
				SD_BUS_NO_RESULT, method_clear_faults, OPEN),
	SD_BUS_SIGNAL_WITH_ARGS("Telemetry", SD_BUS_ARGS("a{sv}", status), 0),
	SD_BUS_VTABLE_END,
};
