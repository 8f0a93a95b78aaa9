// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl status, watch: what a gun says of itself, once or live.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/signalfd.h>
#include <signal.h>
#include <poll.h>

#include "mesoctl.h"

static const char *flag_names(uint64_t flags, char *buf, size_t size)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ MESO_STATUS_CONTACT, "contact" },
		{ MESO_STATUS_TRIGGER, "trigger" },
		{ MESO_STATUS_PEDAL, "pedal" },
		{ MESO_STATUS_PRIMED, "primed" },
		{ MESO_STATUS_MOVING, "moving" },
		{ MESO_STATUS_LEASE_OPEN, "lease-open" },
		{ MESO_STATUS_OWNED, "owned" },
		{ MESO_STATUS_CONTACT_SEEN, "contact-seen" },
		{ MESO_STATUS_RECONCILED, "reconciled" },
	};
	size_t length = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (!(flags & names[i].bit))
			continue;
		snprintf(buf + length, size - length, "%s%s", length ? " " : "", names[i].name);
		length += strlen(buf + length);
	}
	return buf;
}

static void print_status(const json_t *gun, const json_t *status)
{
	static const struct {
		const char *label;
		const char *field;
	} fields[] = {
		{ "plunger", "plunger_nm" },
		{ "second encoder", "plunger2_nm" },
		{ "depth", "depth_um" },
		{ "depth set", "depth_set_um" },
		{ "pressure", "pressure_pa" },
		{ "pressure limit", "pressure_limit_pa" },
		{ "vacuum", "vacuum_pa" },
		{ "syringe left", "reservoir_nl" },
		{ "dose per shot", "dose_nl" },
		{ "lease left", "lease_left_nl" },
		{ "lease shots left", "lease_shots_left" },
		{ "shots ever", "shot_count" },
		{ "volume ever", "total_nl" },
		{ "temperature", "temperature_mc" },
		{ "battery", "battery_percent" },
	};
	char text[INJ_TEXT_MAX];

	printf("%-17s %s (%s, firmware %s, %s)\n", "gun", ctl_text(gun, "Serial"),
	       ctl_text(gun, "Model"), ctl_text(gun, "Firmware"), ctl_text(gun, "Uri"));
	printf("%-17s %s%s%s\n", "state", ctl_text(status, "state_name"),
	       ctl_true(status, "fresh") ? "" : " (NOT FRESH: do not believe the values below)",
	       ctl_true(gun, "Quarantined") ? " (quarantined: an administrator must look)" : "");
	printf("%-17s %s\n", "faults",
	       ctl_join(json_object_get(status, "fault_names"), "none", text, sizeof(text)));
	printf("%-17s %s\n", "flags",
	       flag_names((uint64_t)ctl_number(status, "flags"), text, sizeof(text)));
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		printf("%-17s %s\n", fields[i].label,
		       ctl_format_field(fields[i].field, ctl_number(status, fields[i].field),
					text));
	printf("%-17s %s\n", "age of this",
	       ctl_format_field("age_ns", ctl_number(status, "age_ns"), text));
}

static bool is_hexadecimal(const char *name)
{
	static const char *const names[] = {
		"magic",        "epoch",  "boot-id", "capabilities",
		"cartridge-id", "status", "faults",  "firmware-version"
	};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* a(stt): the value is two's complement, so it is not read as JSON's integer. */
static int read_registers(struct ctl *ctl, sd_bus_message *reply, json_t *registers)
{
	char text[INJ_TEXT_MAX];
	const char *name;
	uint64_t value, age;
	int r = sd_bus_message_enter_container(reply, 'a', "(stt)");

	while (r >= 0 && (r = sd_bus_message_read(reply, "(stt)", &name, &value, &age)) > 0) {
		json_t *shown;

		if (is_hexadecimal(name)) {
			snprintf(text, sizeof(text), "0x%" PRIx64, value);
			shown = json_string(text);
		} else {
			shown = json_integer((json_int_t)value);
		}
		json_array_append_new(registers, json_pack("{s:s, s:o, s:I}", "name", name, "value",
							   shown, "age_ns", (json_int_t)age));
	}
	return r < 0 ? ctl_fail(ctl, CTL_FAILED, "mesod's registers make no sense") : CTL_OK;
}

static int show_registers(struct ctl *ctl, const json_t *gun)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(ctl_json_decrefp) json_t *registers = json_array();
	char text[INJ_TEXT_MAX];
	const json_t *reg;
	size_t i;
	int code = ctl_call(ctl, ctl_text(gun, "path"), MESOD_GUN, "GetRegisters", &reply, "");

	if (code == CTL_OK)
		code = read_registers(ctl, reply, registers);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		return ctl_print_json(registers);
	json_array_foreach(registers, i, reg) {
		const json_t *value = json_object_get(reg, "value");
		const char *name = ctl_text(reg, "name");

		printf("%-20s %s\n", name,
		       json_is_string(value)
			       ? json_string_value(value)
			       : ctl_format_field(name, json_integer_value(value), text));
	}
	return CTL_OK;
}

struct status_options {
	bool registers;
};

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "registers", CTL_FLAG, 0, false, offsetof(struct status_options, registers), NULL,
		  "show all registers instead" },
	};
	_cleanup_(ctl_json_decrefp) json_t *gun = NULL, *status = NULL;
	struct status_options o = { 0 };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "status [GUN] [--registers]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && count > 1)
		code = ctl_fail(ctl, CTL_USAGE, "status takes one gun");
	if (code == CTL_OK)
		code = ctl_gun(ctl, count ? arguments[0] : NULL, &gun);
	if (code == CTL_OK && o.registers)
		return show_registers(ctl, gun);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, ctl_text(gun, "path"), MESOD_GUN, "GetStatus", &status,
				     "");
	if (code != CTL_OK)
		return code;
	if (!ctl->json) {
		print_status(gun, status);
		return CTL_OK;
	}
	json_object_update_missing(status, gun);
	return ctl_print_json(status);
}

struct watch {
	struct ctl *ctl;
	const char *path; /* the gun's */
	uint32_t wanted;
	uint32_t seen;
	bool gone;
	bool failed;
};

static int on_telemetry(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct watch *watch = userdata;
	_cleanup_(ctl_json_decrefp) json_t *status = ctl_read_json(m);
	char line[512];

	(void)error;
	if (!status || (watch->wanted && watch->seen >= watch->wanted))
		return 0;
	watch->seen++;
	if (watch->ctl->json) {
		watch->failed = ctl_print_json(status) != CTL_OK;
	} else {
		watch->failed =
			printf("%s\n", ctl_format_telemetry(status, line, sizeof(line))) < 0 ||
			fflush(stdout) != 0;
	}
	return 0;
}

static int on_gone(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct watch *watch = userdata;
	const char *path;

	(void)error;
	/* mesod's name has changed hands, or a gun left: perhaps another one. */
	if (!sd_bus_message_is_signal(m, NULL, "InterfacesRemoved"))
		watch->gone = true;
	else if (sd_bus_message_read(m, "o", &path) > 0)
		watch->gone = watch->gone || strcmp(path, watch->path) == 0;
	return 0;
}

static int subscribe(struct ctl *ctl, struct watch *watch)
{
	int r = sd_bus_match_signal(ctl->bus, NULL, MESOD_NAME, watch->path, MESOD_GUN, "Telemetry",
				    on_telemetry, watch);

	if (r >= 0)
		r = sd_bus_add_match(
			ctl->bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
			"arg0='" MESOD_NAME "'",
			on_gone, watch);
	if (r >= 0)
		r = sd_bus_match_signal(ctl->bus, NULL, MESOD_NAME, MESOD_PATH,
					"org.freedesktop.DBus.ObjectManager", "InterfacesRemoved",
					on_gone, watch);
	if (r < 0)
		return ctl_fail(ctl, CTL_FAILED, "cannot listen to mesod: %s", strerrordesc_np(-r));
	return ctl_call(ctl, watch->path, MESOD_GUN, "Watch", NULL, "");
}

static int watch_loop(struct ctl *ctl, struct watch *watch, int signals)
{
	while (!watch->gone && !watch->failed && (!watch->wanted || watch->seen < watch->wanted)) {
		struct pollfd fds[] = { { .fd = sd_bus_get_fd(ctl->bus), .events = POLLIN },
					{ .fd = signals, .events = POLLIN } };
		int r = sd_bus_process(ctl->bus, NULL);

		if (r > 0)
			continue;
		if (r < 0)
			return ctl_fail(ctl, CTL_NO_DAEMON, "the bus went away: %s",
					strerrordesc_np(-r));
		if (poll(fds, ARRAY_LENGTH(fds), -1) < 0 && errno != EINTR)
			return CTL_FAILED;
		if (fds[1].revents)
			return CTL_OK;
	}
	if (watch->gone)
		return ctl_fail(ctl, CTL_NO_GUN, "the gun or mesod went away");
	return watch->failed ? CTL_FAILED : CTL_OK;
}

struct watch_options {
	uint32_t count;
};

int cmd_watch(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "count", CTL_NUMBER, 0, false, offsetof(struct watch_options, count), "N",
		  "end after so many lines" },
	};
	_cleanup_(ctl_json_decrefp) json_t *gun = NULL;
	_cleanup_(ctl_closep) int signals = -1;
	struct watch_options o = { 0 };
	struct watch watch = { .ctl = ctl };
	char **arguments;
	sigset_t mask;
	int count, code;

	code = ctl_options(ctl, argc, argv, "watch [GUN] [--count N]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && count > 1)
		code = ctl_fail(ctl, CTL_USAGE, "watch takes one gun");
	if (code == CTL_OK)
		code = ctl_gun(ctl, count ? arguments[0] : NULL, &gun);
	if (code != CTL_OK)
		return code;
	watch.wanted = o.count;
	watch.path = ctl_text(gun, "path");
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	if (signals < 0)
		return ctl_fail(ctl, CTL_FAILED, "no signal descriptor: %s",
				strerrordesc_np(errno));
	code = subscribe(ctl, &watch);
	return code == CTL_OK ? watch_loop(ctl, &watch, signals) : code;
}
