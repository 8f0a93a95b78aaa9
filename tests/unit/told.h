/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a reply of mesod says, as text that a test can compare: each key of a
 * dictionary a line of its own.  It calls nothing, and knows none of the keys.
 */
#ifndef TOLD_H
#define TOLD_H

#include <check.h>
#include <stddef.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define TOLD_MAX 4000

/*
 * The a{sv} that comes next in @reply: "\nkey=value" for each key, as it comes, and a newline at the end.
 * Lists are [a b], sums {a=1 b=2}, dictionaries in a list (key=value; key=value; ).
 */
void told_read(sd_bus_message *reply, char text[TOLD_MAX]);
/* One after the other of the aa{sv} that comes next, at most @max; returns how many there are. */
size_t told_read_all(sd_bus_message *reply, char texts[][TOLD_MAX], size_t max);
/* The number that @key has; fails the test if it is not there. */
long long told_number(const char *text, const char *key);

/* It says so, in full. */
#define ck_assert_told(text, line) \
	ck_assert_msg(strstr(text, "\n" line "\n") != NULL, "no \"%s\" in:%s", line, text)
/* It says nothing of it. */
#define ck_assert_untold(text, key) \
	ck_assert_msg(strstr(text, "\n" key "=") == NULL, "%s is in:%s", key, text)

#endif /* TOLD_H */
