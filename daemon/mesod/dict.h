/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads an a{sv} that a client sent, strictly: an unknown key, a wrong type, a
 * key said twice or one missing is an error that names it.  Nothing is clamped,
 * rounded or ignored.
 */
#ifndef MESOD_DICT_H
#define MESOD_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

struct dict_entry {
	const char *key;
	char type; /* 'u', 'b' (int), 's' (copied into a buffer) */
	bool required;
	void *value;       /* uint32_t *, int *, char * */
	size_t size;       /* of the buffer of an 's' */
	uint32_t min, max; /* of a 'u' */
};

#define DICT_ENTRIES_MAX 16

/* What is absent keeps its value. */
int dict_read(sd_bus_message *message, const struct dict_entry *entries, size_t n_entries,
	      sd_bus_error *error);

/* A text from a client is printable, of 1 to size - 1 bytes (0 too if it may be empty). */
int text_check(const char *name, const char *text, size_t size, bool may_be_empty,
	       sd_bus_error *error);

#endif /* MESOD_DICT_H */
