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

enum dict_type {
	DICT_U32,  /* u: uint32_t, within min and max */
	DICT_BOOL, /* b: int */
	DICT_TIME, /* x: int64_t */
	DICT_TEXT, /* s: copied into a buffer of `size` bytes */
	DICT_WORDS, /* as: into such a buffer with one space between two; no word has one, or is there twice */
	DICT_SUMS, /* a{st}: struct dict_sums; no key is there twice */
};

#define DICT_SUMS_MAX     8
#define DICT_SUMS_KEY_MAX 40

struct dict_sums {
	size_t n;
	struct {
		char key[DICT_SUMS_KEY_MAX];
		uint64_t value;
	} sums[DICT_SUMS_MAX];
};

struct dict_entry {
	const char *key;
	enum dict_type type;
	bool required;
	void *value;
	size_t size;
	uint32_t min, max;
};

#define DICT_ENTRIES_MAX 16

/* What is absent keeps its value. */
int dict_read(sd_bus_message *message, const struct dict_entry *entries, size_t n_entries,
	      sd_bus_error *error);

/* A text from a client is printable, of 1 to size - 1 bytes (0 too if it may be empty). */
int text_check(const char *name, const char *text, size_t size, bool may_be_empty,
	       sd_bus_error *error);

#endif /* MESOD_DICT_H */
