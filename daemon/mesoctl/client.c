// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way to mesod: the connection, calls, and what an error means for somebody
 * at a terminal and for a script.
 *
 * Owns the map from errors to exit codes.  Never repeats a call: a request that
 * got no answer may have been done.
 */
#include <stdarg.h>
#include <string.h>

#include "agent.h"
#include "mesoctl.h"

/* A stop, a settlement on a slow disk and a registration all fit; a hung daemon is told apart soon. */
#define CALL_TIMEOUT_USEC (15 * 1000000ULL)
/* Longer than polkit may take to have somebody asked for a password. */
#define PASSWORD_USEC     (130 * 1000000ULL)

enum ctl_exit ctl_exit_of_error(const char *name, int r)
{
	static const struct {
		const char *name;
		enum ctl_exit code;
	} errors[] = {
		{ MESOD_ERROR_PREFIX "InvalidArgument", CTL_USAGE },
		{ MESOD_ERROR_PREFIX "NoSuchPatient", CTL_USAGE },
		{ MESOD_ERROR_PREFIX "NoSuchRecord", CTL_USAGE },
		{ MESOD_ERROR_PREFIX "AlreadyExists", CTL_USAGE },
		{ MESOD_ERROR_PREFIX "NoSuchGun", CTL_NO_GUN },
		{ MESOD_ERROR_PREFIX "GunGone", CTL_NO_GUN },
		{ MESOD_ERROR_PREFIX "Denied", CTL_DENIED },
		{ MESOD_ERROR_PREFIX "NotOperator", CTL_DENIED },
		{ MESOD_ERROR_PREFIX "DoseLimit", CTL_DOSE_LIMIT },
		{ MESOD_ERROR_PREFIX "Interlock", CTL_INTERLOCK },
		{ MESOD_ERROR_PREFIX "Busy", CTL_INTERLOCK },
		{ MESOD_ERROR_PREFIX "NoSuchSession", CTL_INTERLOCK },
		{ MESOD_ERROR_PREFIX "Quarantined", CTL_INTERLOCK },
		{ MESOD_ERROR_PREFIX "Blocked", CTL_INTERLOCK },
		{ MESOD_ERROR_PREFIX "Timeout", CTL_INTERLOCK },
		{ MESOD_ERROR_PREFIX "Ledger", CTL_LEDGER },
		{ MESOD_ERROR_PREFIX "Limit", CTL_FAILED },
		{ SD_BUS_ERROR_SERVICE_UNKNOWN, CTL_NO_DAEMON },
		{ SD_BUS_ERROR_NAME_HAS_NO_OWNER, CTL_NO_DAEMON },
		{ SD_BUS_ERROR_NO_SERVER, CTL_NO_DAEMON },
		{ SD_BUS_ERROR_NO_REPLY, CTL_NO_DAEMON },
		{ SD_BUS_ERROR_TIMEOUT, CTL_NO_DAEMON },
		{ SD_BUS_ERROR_DISCONNECTED, CTL_NO_DAEMON },
		{ SD_BUS_ERROR_UNKNOWN_OBJECT, CTL_NO_GUN },
		{ SD_BUS_ERROR_ACCESS_DENIED, CTL_DENIED },
		{ SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, CTL_DENIED },
	};

	for (size_t i = 0; name && i < ARRAY_LENGTH(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].code;
	switch (-r) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOTCONN:
	case ENOENT:
	case EPIPE:
	case ETIMEDOUT:
		return CTL_NO_DAEMON;
	case EACCES:
	case EPERM:
		return CTL_DENIED;
	default:
		return CTL_FAILED;
	}
}

static int say(struct ctl *ctl, enum ctl_exit code, const char *name, const char *message)
{
	static const char *const fields[] = { "rule",  "what",    "limit", "spent",
					      "asked", "allowed", "when" };
	_cleanup_(ctl_json_decrefp) json_t *error = NULL;
	const char *sentence = ctl_refusal_sentence(message);
	char value[INJ_TEXT_MAX];

	if (!ctl->json) {
		fprintf(stderr, "mesoctl: %s\n", sentence);
		if (sentence != message)
			fprintf(stderr, "  %.*s\n", (int)(sentence - message - 2), message);
		return code;
	}
	error = json_pack("{s:s, s:s, s:i}", "error", name, "message", sentence, "exit", (int)code);
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		if (ctl_refusal_field(message, fields[i], value, sizeof(value)))
			json_object_set_new(error, fields[i], json_string(value));
	ctl_print_json(error);
	return code;
}

int ctl_fail(struct ctl *ctl, enum ctl_exit code, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return say(ctl, code, "mesoctl", message);
}

static const char *short_name(const char *name)
{
	size_t length = strlen(MESOD_ERROR_PREFIX);

	return strncmp(name, MESOD_ERROR_PREFIX, length) == 0 ? name + length : name;
}

int ctl_complain(struct ctl *ctl, const sd_bus_error *error, int r)
{
	const char *name = sd_bus_error_is_set(error) ? error->name : NULL;
	enum ctl_exit code = ctl_exit_of_error(name, r);

	if (code == CTL_NO_DAEMON && name && strcmp(name, SD_BUS_ERROR_NO_REPLY) != 0 &&
	    strcmp(name, SD_BUS_ERROR_TIMEOUT) != 0)
		return ctl_fail(
			ctl, code,
			"mesod is not running on this bus: start it with `systemctl start mesod`, "
			"or try everything out with `mesoctl simulate`");
	if (code == CTL_NO_DAEMON)
		return ctl_fail(
			ctl, code,
			"mesod gives no answer (%s): a gun that was armed disarms by itself; "
			"see `mesoctl doctor`",
			name ? short_name(name) : strerrordesc_np(-r));
	if (!name)
		return ctl_fail(ctl, code, "the call to mesod failed: %s", strerrordesc_np(-r));
	return say(ctl, code, short_name(name), error->message ? error->message : short_name(name));
}

static int open_bus(const char *address, sd_bus **ret_bus)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	int r;

	if (!address)
		return sd_bus_open_system(ret_bus);
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret_bus = bus;
	bus = NULL;
	return 0;
}

int ctl_open_bus(struct ctl *ctl)
{
	const char *unique;
	int r;

	if (ctl->bus)
		return 0;
	r = open_bus(ctl->address, &ctl->bus);
	/* Starting is not waiting: this is where a bus that refuses us is found out. */
	if (r >= 0)
		r = sd_bus_get_unique_name(ctl->bus, &unique);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(ctl->bus, CALL_TIMEOUT_USEC);
	if (r < 0)
		ctl->bus = sd_bus_unref(ctl->bus);
	return r;
}

int ctl_connect(struct ctl *ctl)
{
	int r = ctl_open_bus(ctl);

	if (r >= 0)
		return CTL_OK;
	if (r == -EACCES || r == -EPERM)
		return ctl_fail(ctl, CTL_DENIED, "the bus does not let you in: %s",
				strerrordesc_np(-r));
	if (r == -EINVAL && ctl->address)
		return ctl_fail(
			ctl, CTL_USAGE,
			"\"%.80s\" is no bus address: expected one such as unix:path=/run/meso/bus",
			ctl->address);
	return ctl_fail(
		ctl, CTL_NO_DAEMON,
		"no bus at %.200s (%s): is mesod's bus running? `mesoctl simulate` starts one to "
		"try things out",
		ctl->address ? ctl->address : "the system's address", strerrordesc_np(-r));
}

int ctl_message(struct ctl *ctl, const char *path, const char *interface, const char *method,
		sd_bus_message **ret_call)
{
	int r, code = ctl_connect(ctl);

	if (code != CTL_OK)
		return code;
	r = sd_bus_message_new_method_call(ctl->bus, ret_call, MESOD_NAME, path, interface, method);
	if (r < 0)
		return ctl_fail(ctl, CTL_FAILED, "cannot ask mesod for %s: %s", method,
				strerrordesc_np(-r));
	/* Somebody sits here and may be asked by polkit for a password. */
	sd_bus_message_set_allow_interactive_authorization(*ret_call, isatty(STDIN_FILENO));
	return CTL_OK;
}

/* Anybody may read a gun, and a stop asks nobody. */
static bool may_be_asked_about(sd_bus_message *call)
{
	const char *method = sd_bus_message_get_member(call);

	if (strcmp(sd_bus_message_get_interface(call), MESOD_MANAGER) == 0)
		return strcmp(method, "Stop") != 0 && strcmp(method, "Formulary") != 0;
	return strcmp(method, "Arm") == 0 || strcmp(method, "Prime") == 0 ||
	       strcmp(method, "ClearFaults") == 0;
}

uint64_t ctl_patience(struct ctl *ctl, sd_bus_message *call)
{
	/* On a private bus there is no polkit. */
	if (ctl->address || geteuid() == 0 || !isatty(STDIN_FILENO) || !may_be_asked_about(call))
		return 0;
	if (!ctl->agent)
		ctl->agent = agent_begin();
	return PASSWORD_USEC;
}

int ctl_send(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(ctl->bus, call, ctl_patience(ctl, call), &error, ret_reply);

	return r < 0 ? ctl_complain(ctl, &error, r) : CTL_OK;
}

int ctl_call(struct ctl *ctl, const char *path, const char *interface, const char *method,
	     sd_bus_message **ret_reply, const char *types, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	va_list args;
	int r = 0, code = ctl_message(ctl, path, interface, method, &call);

	if (code != CTL_OK)
		return code;
	if (*types) {
		va_start(args, types);
		r = sd_bus_message_appendv(call, types, args);
		va_end(args);
	}
	if (r < 0)
		return ctl_fail(ctl, CTL_USAGE,
				"mesod cannot be told that: is it valid UTF-8 text?");
	return ctl_send(ctl, call, ret_reply);
}

static int read_all(struct ctl *ctl, sd_bus_message *reply, json_t **ret)
{
	json_t *all = json_array(), *value;

	while ((value = ctl_read_json(reply)))
		json_array_append_new(all, value);
	if (json_array_size(all) == 0 || sd_bus_message_at_end(reply, true) <= 0) {
		json_decref(all);
		return ctl_fail(ctl, CTL_FAILED,
				"mesod's answer makes no sense: is it of this version?");
	}
	*ret = all;
	if (json_array_size(all) == 1) {
		*ret = json_incref(json_array_get(all, 0));
		json_decref(all);
	}
	return CTL_OK;
}

int ctl_call_json(struct ctl *ctl, const char *path, const char *interface, const char *method,
		  json_t **ret, const char *types, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	va_list args;
	int r = 0, code = ctl_message(ctl, path, interface, method, &call);

	if (code != CTL_OK)
		return code;
	if (*types) {
		va_start(args, types);
		r = sd_bus_message_appendv(call, types, args);
		va_end(args);
	}
	if (r < 0)
		return ctl_fail(ctl, CTL_USAGE,
				"mesod cannot be told that: is it valid UTF-8 text?");
	code = ctl_send(ctl, call, &reply);
	return code == CTL_OK ? read_all(ctl, reply, ret) : code;
}

int ctl_properties(struct ctl *ctl, const char *path, const char *interface, json_t **ret)
{
	return ctl_call_json(ctl, path, "org.freedesktop.DBus.Properties", "GetAll", ret, "s",
			     interface);
}

int ctl_guns(struct ctl *ctl, json_t **ret)
{
	_cleanup_(ctl_json_decrefp) json_t *objects = NULL;
	json_t *guns, *interfaces, *gun;
	const char *path;
	int code = ctl_call_json(ctl, MESOD_PATH, "org.freedesktop.DBus.ObjectManager",
				 "GetManagedObjects", &objects, "");

	if (code != CTL_OK)
		return code;
	guns = json_array();
	json_object_foreach(objects, path, interfaces) {
		gun = json_object_get(interfaces, MESOD_GUN);
		if (!gun)
			continue;
		json_object_set_new(gun, "path", json_string(path));
		json_array_append(guns, gun);
	}
	*ret = guns;
	return CTL_OK;
}

static bool names_gun(const json_t *gun, const char *wanted)
{
	const char *uri = ctl_text(gun, "Uri"), *colon = strchr(uri, ':');

	return strcmp(ctl_text(gun, "Serial"), wanted) == 0 || strcmp(uri, wanted) == 0 ||
	       (colon && strcmp(colon + 1, wanted) == 0);
}

static int no_such_gun(struct ctl *ctl, const json_t *guns, const char *wanted)
{
	_cleanup_(ctl_json_decrefp) json_t *serials = json_array();
	char list[256];
	size_t i;
	json_t *gun;

	if (json_array_size(guns) == 0)
		return ctl_fail(
			ctl, CTL_NO_GUN,
			"no gun is connected: plug one in and switch it on; `mesoctl doctor` looks "
			"for what is in the way");
	json_array_foreach(guns, i, gun)
		json_array_append(serials, json_object_get(gun, "Serial"));
	ctl_join(serials, "", list, sizeof(list));
	if (wanted)
		return ctl_fail(ctl, CTL_NO_GUN, "there is no gun \"%.64s\": the guns here are %s",
				wanted, list);
	return ctl_fail(ctl, CTL_NO_GUN, "there are several guns, name one of them: %s", list);
}

int ctl_gun(struct ctl *ctl, const char *wanted, json_t **ret)
{
	_cleanup_(ctl_json_decrefp) json_t *guns = NULL;
	json_t *gun;
	size_t i;
	int code = ctl_guns(ctl, &guns);

	if (code != CTL_OK)
		return code;
	json_array_foreach(guns, i, gun) {
		if (wanted ? !names_gun(gun, wanted) : json_array_size(guns) != 1)
			continue;
		*ret = json_incref(gun);
		return CTL_OK;
	}
	return no_such_gun(ctl, guns, wanted);
}

int ctl_append_u32(sd_bus_message *m, const char *key, uint32_t value)
{
	return sd_bus_message_append(m, "{sv}", key, "u", value);
}

int ctl_append_text(sd_bus_message *m, const char *key, const char *value)
{
	return sd_bus_message_append(m, "{sv}", key, "s", value);
}
