// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hash that says which formulary was in force.
 *
 * Owns the canonical form: each thing as formulary_describe() tells it, groups in
 * their order, things by their ids.  So neither the files' number, layout and order
 * nor the indices count, and every number, unit, source and name does.
 */
#include <errno.h>
#include <gcrypt.h>
#include <stdio.h>
#include <stdlib.h>

#include "formulary_internal.h"
#include "gcrypt_start.h"

static void add(gcry_md_hd_t md, const char *text, const char *end)
{
	gcry_md_write(md, text, strlen(text));
	gcry_md_write(md, end, 1);
}

static int add_line(const char *key, const char *value, const char *source, void *userdata)
{
	gcry_md_hd_t md = userdata;

	/* No text has a control character, so none of these can be taken for another. */
	add(md, key, "=");
	add(md, value, ";");
	add(md, source, "\n");
	return 0;
}

/* The thing whose id comes next after @last, or FORMULARY_UNKNOWN. */
static size_t next_id(const struct formulary *f, enum formulary_group group, const char *last)
{
	size_t found = FORMULARY_UNKNOWN;

	for (size_t i = 0; i < formulary_count(f, group); i++) {
		const char *id = formulary_id(f, group, i);

		if (strcmp(id, last) > 0 &&
		    (found == FORMULARY_UNKNOWN || strcmp(id, formulary_id(f, group, found)) < 0))
			found = i;
	}
	return found;
}

int formulary_fill_hash(struct formulary *f)
{
	gcry_md_hd_t md;

	gcrypt_start();
	if (gcry_md_open(&md, GCRY_MD_SHA256, 0))
		return -ENOMEM;
	for (enum formulary_group group = 0; group < FORMULARY_GROUPS; group++) {
		const char *last = "";

		for (size_t i; (i = next_id(f, group, last)) != FORMULARY_UNKNOWN;) {
			last = formulary_id(f, group, i);
			add(md, formulary_group_name(group), " ");
			add(md, last, "\n");
			(void)formulary_describe(f, group, i, add_line, md);
		}
	}
	memcpy(f->hash, gcry_md_read(md, GCRY_MD_SHA256), sizeof(f->hash));
	gcry_md_close(md);
	return 0;
}

char *formulary_hash_text(const struct formulary *f, char buf[static FORMULARY_HASH_TEXT_MAX])
{
	for (size_t i = 0; i < sizeof(f->hash); i++)
		snprintf(buf + 2 * i, 3, "%02x", f->hash[i]);
	return buf;
}
