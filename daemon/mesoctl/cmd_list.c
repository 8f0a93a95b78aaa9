// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl list, stop: the guns there are, and all of them off.
 */
#include <string.h>

#include "mesoctl.h"

/* A mesod that does not say whether a gun is ready has it ready. */
static const char *state_of(json_t *gun)
{
	const char *state = ctl_text(gun, "State");

	if (ctl_true(gun, "Quarantined"))
		return "quarantined";
	return json_is_false(json_object_get(gun, "Ready")) && strcmp(state, "idle") == 0
		       ? "comparing"
		       : state;
}

int cmd_list(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *guns = NULL;
	char **arguments, faults[INJ_TEXT_MAX];
	json_t *gun;
	size_t i;
	int count, code = ctl_options(ctl, argc, argv, "list", NULL, 0, NULL, &arguments, &count);

	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE,
				"list takes no arguments: `mesoctl status %.40s` shows one gun",
				arguments[0]);
	if (code == CTL_OK)
		code = ctl_guns(ctl, &guns);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		return ctl_print_json(guns);
	if (json_array_size(guns) == 0)
		return ctl_fail(
			ctl, CTL_NO_GUN,
			"no gun is connected: plug one in and switch it on; `mesoctl doctor` looks "
			"for what is in the way");
	printf("%-20s %-18s %-9s %-11s %-8s %s\n", "SERIAL", "MODEL", "FIRMWARE", "STATE",
	       "SESSION", "FAULTS");
	json_array_foreach(guns, i, gun)
		printf("%-20s %-18s %-9s %-11s %-8s %s\n", ctl_text(gun, "Serial"),
		       ctl_text(gun, "Model"), ctl_text(gun, "Firmware"), state_of(gun),
		       ctl_true(gun, "InSession") ? "yes" : "no",
		       ctl_join(json_object_get(gun, "Faults"), "none", faults, sizeof(faults)));
	return CTL_OK;
}

int cmd_stop(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *gun = NULL;
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "stop [GUN]", NULL, 0, NULL, &arguments, &count);
	if (code != CTL_OK)
		return code;
	if (count > 1)
		return ctl_fail(ctl, CTL_USAGE, "stop takes one gun, or none for all of them");
	if (count == 0) {
		code = ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "Stop", NULL, "");
	} else {
		code = ctl_gun(ctl, arguments[0], &gun);
		if (code == CTL_OK)
			code = ctl_call(ctl, ctl_text(gun, "path"), MESOD_GUN, "Stop", NULL, "");
	}
	if (code != CTL_OK || !ctl->json) {
		if (code == CTL_OK)
			printf("stopped\n");
		return code;
	}
	printf("{\"stopped\":true}\n");
	return CTL_OK;
}
