/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Formulary files for a test: written, loaded, and looked into.  Everything here
 * fails the running test when it does not work.
 */
#ifndef FORMULARY_FIXTURE_H
#define FORMULARY_FIXTURE_H

#include <check.h>
#include <stddef.h>

#include "formulary.h"

/* The shipped file, from the source tree that tests are run in. */
#define SHIPPED "daemon/data/formulary/formulary.conf"

/* Each whole, and of as many lines as it says. */
#define WATER /* 4 */                       \
	"[substance water]\nname = Water\n" \
	"measured-in = mass\n"              \
	"no-limit = yes; it is water\n"
#define LIDOCAINE /* 6 */                           \
	"[substance lidocaine]\nname = Lidocaine\n" \
	"measured-in = mass\nanaesthetic = yes\n"   \
	"24h-hard = 300 mg; label\n"                \
	"24h-per-kg-hard = 4.5 mg/kg; label\n"
#define PLASTER /* 5; of water */                 \
	"[preparation plaster]\nname = Plaster\n" \
	"components = water 900 mg/mL; label\n"   \
	"cartridge = 17\nviscosity = 1 mPa.s; as water\n"
#define FACE /* 4 */                    \
	"[area face]\nname = Face\n"    \
	"depth = 1 mm to 2 mm; table\n" \
	"size = 100 cm2; a palm\n"

/* A directory of its own for each test. */
void formulary_setup(void);
void formulary_teardown(void);
/* Where that file is, or would be. */
const char *formulary_path(const char *name);
void formulary_put(const char *name, const char *text);

/* The layers, files of that directory, with a space between two of them. */
int formulary_try(struct formulary **ret, char *error, const char *names);
/* One text, which must be in order; to be freed. */
struct formulary *formulary_of(const char *text);

#define ck_assert_says(text, part) ck_assert_msg(strstr(text, part), "no \"%s\" in: %s", part, text)

int formulary_run(const char *name, void (*add)(TCase *t));

#endif /* FORMULARY_FIXTURE_H */
