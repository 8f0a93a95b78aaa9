/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which input device is the foot pedal, and which of its keys: the [pedal] group
 * of mesod.conf.
 *
 * Owns its keys and what they mean.  Without the group there is no pedal.  Never
 * looks at a device.
 */
#ifndef MESOD_PEDAL_CONFIG_H
#define MESOD_PEDAL_CONFIG_H

#include <linux/meso.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf.h"

#define PEDAL_NAME_MAX            80
#define PEDAL_DEBOUNCE_MS         30
#define PEDAL_DEBOUNCE_LEAST_MS   5
#define PEDAL_DEBOUNCE_LONGEST_MS 500

struct pedal_config {
	bool wanted;               /* there is such a group */
	char name[PEDAL_NAME_MAX]; /* "": any; likewise uniq */
	char uniq[PEDAL_NAME_MAX];
	char vendor[5]; /* four lower-case hexadecimal digits; "": any */
	char product[5];
	unsigned int key; /* KEY_* */
	char key_name[PEDAL_NAME_MAX];
	uint32_t debounce_ms;
	char gun[MESO_SERIAL_LEN]; /* "": the one that is armed */
};

/**
 * pedal_config_load() - read the group
 * @ret: untouched on failure
 * @error: CONF_TEXT_MAX bytes for a sentence that names file, line and value; may
 *	be NULL
 * Return: as conf_read(); -EINVAL also unknown key, value that is not understood, no
 * key, nothing to know the device by; -ERANGE a debounce time out of its range.
 */
int pedal_config_load(const char *path, struct pedal_config *ret, char *error);

/* What an input device says of itself; NULL counts as "". */
struct pedal_device {
	const char *name;
	const char *uniq;
	const char *vendor;
	const char *product;
};

/* Is it the device that the group is about? */
bool pedal_config_matches(const struct pedal_config *config, const struct pedal_device *device);

#endif /* MESOD_PEDAL_CONFIG_H */
