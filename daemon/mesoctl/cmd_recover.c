// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl recover, clear-fault: what somebody has to decide after something went
 * wrong.  Decides nothing itself, and asks for a reason whenever one is recorded.
 */
#include <inttypes.h>
#include <string.h>

#include "mesoctl.h"

static int done(struct ctl *ctl, int code, const char *sentence)
{
	_cleanup_(ctl_json_decrefp) json_t *object = NULL;

	if (code != CTL_OK)
		return code;
	if (!ctl->json) {
		printf("%s\n", sentence);
		return CTL_OK;
	}
	object = json_pack("{s:s}", "done", sentence);
	return ctl_print_json(object);
}

/* ---- recover list ----------------------------------------------------------------------- */

static void print_item(const json_t *item)
{
	const char *kind = ctl_text(item, "kind"), *serial = ctl_text(item, "serial");
	char when[INJ_TEXT_MAX], volume[INJ_TEXT_MAX];

	ctl_format_when(ctl_number(item, "since"), when);
	ctl_format_field("nl", ctl_number(item, "volume_nl"), volume);
	if (strcmp(kind, "lease") == 0) {
		printf("lease %s of gun %s, since %s: %s reserved for patient %s and not settled\n",
		       ctl_text(item, "lease"), serial, when, volume, ctl_text(item, "patient"));
		printf("  -> %s\n",
		       ctl_true(item, "present")
			       ? "its gun is here, and is being asked"
			       : "plug the gun in; if it never comes back: mesoctl recover close-lost");
	} else if (strcmp(kind, "quarantine") == 0) {
		printf("gun %s, in quarantine since %s: %s\n", serial, when,
		       ctl_text(item, "reason"));
		printf("  -> find out why (mesoctl ledger list), %sthen: mesoctl recover lift\n",
		       ctl_true(item, "present") ? "" : "plug it in, ");
	} else {
		printf("%" PRId64
		       " shots of gun %s under lease %s, last recorded %s: %s of nobody\n",
		       ctl_number(item, "shots"), serial, ctl_text(item, "lease"), when, volume);
		printf("  -> say whose they were: mesoctl recover attribute\n");
	}
}

static int recover_list(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *items = NULL;
	const json_t *item;
	char **arguments;
	size_t i;
	int count, code;

	code = ctl_options(ctl, argc, argv, "recover list", NULL, 0, NULL, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "recover list takes no arguments");
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "ListRecovery", &items, "");
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		return ctl_print_json(items);
	if (json_array_size(items) == 0)
		printf("nothing waits for an administrator\n");
	json_array_foreach(items, i, item)
		print_item(item);
	return CTL_OK;
}

/* ---- the acts ----------------------------------------------------------------------------- */

struct recover {
	const char *reason;
	const char *lease;
	const char *patient;
	bool discard;
};

#define REASON                                                                         \
	{                                                                              \
		"reason", CTL_TEXT, 0, true, offsetof(struct recover, reason), "TEXT", \
			"why; recorded with your account"                              \
	}

static int recover_close_lost(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = { REASON };
	struct recover o = { 0 };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "recover close-lost LEASE --reason TEXT", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && count != 1)
		code = ctl_fail(ctl, CTL_USAGE,
				"which lease? Name one, as `mesoctl recover list` shows it");
	if (code == CTL_OK)
		code = ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "CloseLost", NULL, "ss",
				arguments[0], o.reason);
	return done(ctl, code, "closed: all that was reserved counts as delivered");
}

static int recover_attribute(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "lease", CTL_TEXT, 0, true, offsetof(struct recover, lease), "LEASE",
		  "the lease that the shots name, as `mesoctl recover list` shows it" },
		{ "patient", CTL_TEXT, 0, true, offsetof(struct recover, patient), "ID",
		  "who had them, by id or by the clinic's reference" },
		REASON,
	};
	struct recover o = { 0 };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv,
			   "recover attribute GUN --lease LEASE --patient ID --reason TEXT",
			   options, ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && count != 1)
		code = ctl_fail(ctl, CTL_USAGE, "whose shots? Name a gun by its serial number");
	if (code == CTL_OK)
		code = ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "AttributeShots", NULL, "ssss",
				arguments[0], o.lease, o.patient, o.reason);
	return done(ctl, code, "attributed: the shots count for that patient from now on");
}

static int recover_lift(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "discard", CTL_FLAG, 0, false, offsetof(struct recover, discard), NULL,
		  "shots under leases of nobody here were nobody's dose; recorded" },
		REASON,
	};
	_cleanup_(ctl_json_decrefp) json_t *gun = NULL;
	struct recover o = { 0 };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "recover lift GUN --reason TEXT [--discard]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	/* It is a decision about one gun: it is named, even if there is no other. */
	if (code == CTL_OK && count != 1)
		code = ctl_fail(ctl, CTL_USAGE, "which gun? Name one by its serial number");
	if (code == CTL_OK)
		code = ctl_gun(ctl, arguments[0], &gun);
	if (code == CTL_OK)
		code = ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "LiftQuarantine", NULL, "ssb",
				ctl_text(gun, "Serial"), o.reason, o.discard);
	return done(ctl, code, "lifted: the gun may be used again");
}

int cmd_recover(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "list", recover_list, "", "what waits for an administrator" },
		{ "close-lost", recover_close_lost, "LEASE --reason TEXT",
		  "its gun never comes back: all of it counts as delivered; root only" },
		{ "attribute", recover_attribute, "GUN --lease LEASE --patient ID --reason TEXT",
		  "whose the shots of another ledger's lease were; root only" },
		{ "lift", recover_lift, "GUN --reason TEXT [--discard]",
		  "let a gun out of quarantine; root only" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl recover", commands,
			    ARRAY_LENGTH(commands));
}

/* ---- faults --------------------------------------------------------------------------------- */

/* Names what is cleared, and the generation that was seen: a newer fault is not cleared unseen. */
static int send_clear(struct ctl *ctl, const char *path, const json_t *names, uint64_t boot_id,
		      uint32_t counter)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	const json_t *name;
	size_t i;
	int r, code;

	code = ctl_message(ctl, path, MESOD_GUN, "ClearFaults", &call);
	if (code != CTL_OK)
		return code;
	r = sd_bus_message_open_container(call, 'a', "s");
	json_array_foreach(names, i, name)
		if (r >= 0)
			r = sd_bus_message_append(call, "s", json_string_value(name));
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	if (r >= 0)
		r = sd_bus_message_append(call, "tu", boot_id, counter);
	if (r < 0)
		return ctl_fail(ctl, CTL_FAILED, "cannot ask mesod for that: %s",
				strerrordesc_np(-r));
	return ctl_send(ctl, call, NULL);
}

int cmd_clear_fault(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *gun = NULL, *status = NULL;
	char **arguments, faults[256], sentence[320];
	const json_t *names;
	uint64_t boot_id;
	int count, code;

	code = ctl_options(ctl, argc, argv, "clear-fault [GUN]", NULL, 0, NULL, &arguments, &count);
	if (code == CTL_OK && count > 1)
		code = ctl_fail(ctl, CTL_USAGE, "name one gun");
	if (code == CTL_OK)
		code = ctl_gun(ctl, count ? arguments[0] : NULL, &gun);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, ctl_text(gun, "path"), MESOD_GUN, "GetStatus", &status,
				     "");
	if (code != CTL_OK)
		return code;
	names = json_object_get(status, "fault_names");
	if (json_array_size(names) == 0)
		return done(ctl, CTL_OK, "the gun has no fault");
	ctl_join(names, "", faults, sizeof(faults));
	boot_id = strtoull(ctl_text(status, "boot_id"), NULL, 16);
	code = send_clear(ctl, ctl_text(gun, "path"), names, boot_id,
			  (uint32_t)ctl_number(status, "fault_counter"));
	snprintf(sentence, sizeof(sentence), "cleared: %s", faults);
	return done(ctl, code, sentence);
}
