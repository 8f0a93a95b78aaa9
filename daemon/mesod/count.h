/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counted things as people write them in a file: "10 sessions", "7 d".
 *
 * Owns the form of a whole number with a word behind it.  Quantities with a
 * physical unit are inj_parse()'s; nothing here knows a limit.
 */
#ifndef MESOD_COUNT_H
#define MESOD_COUNT_H

#include <stdint.h>

#define COUNT_MAX 1000000000u

/**
 * count_parse() - read a whole number and its word
 * @one: the word for 1, such as "session"
 * @many: the word for the others, which is taken for 1 as well
 * @reason: INJ_TEXT_MAX bytes for a sentence that names the text, what is wrong
 *	with it and what was expected; may be NULL
 * Return: 0; -EINVAL no whole number, a sign, a needless zero, another word;
 * -ERANGE above COUNT_MAX.
 */
int count_parse(const char *text, const char *one, const char *many, uint32_t *ret, char *reason);

#endif /* MESOD_COUNT_H */
