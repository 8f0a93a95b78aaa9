// SPDX-License-Identifier: GPL-2.0-only
/*
 * A loaded formulary asked for things: by id, by token, by amount.  Pure; reads
 * no file and judges nothing.
 */
#include <string.h>

#include "formulary.h"

#define PG_PER_NG 1000

size_t formulary_substance(const struct formulary *formulary, const char *id)
{
	for (size_t i = 0; i < formulary->n_substances; i++)
		if (strcmp(formulary->substances[i].id, id) == 0)
			return i;
	return FORMULARY_UNKNOWN;
}

size_t formulary_preparation(const struct formulary *formulary, const char *id)
{
	for (size_t i = 0; i < formulary->n_preparations; i++)
		if (strcmp(formulary->preparations[i].id, id) == 0)
			return i;
	return FORMULARY_UNKNOWN;
}

size_t formulary_area(const struct formulary *formulary, const char *id)
{
	for (size_t i = 0; i < formulary->n_areas; i++)
		if (strcmp(formulary->areas[i].id, id) == 0)
			return i;
	return FORMULARY_UNKNOWN;
}

bool formulary_has_token(const char *tokens, const char *id)
{
	const size_t length = strlen(id);

	while (length > 0 && *(tokens += strspn(tokens, " ")) != '\0') {
		size_t token = strcspn(tokens, " ");

		if (token == length && memcmp(tokens, id, length) == 0)
			return true;
		tokens += token;
	}
	return false;
}

uint64_t formulary_amount(uint64_t volume_nl, uint64_t concentration)
{
	/* pg or uIU, of which a part of a thousand is one more of the base unit */
	const unsigned __int128 fine = (unsigned __int128)volume_nl * concentration;
	const unsigned __int128 amount = fine / PG_PER_NG + (fine % PG_PER_NG != 0);

	return amount < UINT64_MAX ? (uint64_t)amount : UINT64_MAX;
}

bool formulary_knows_allergy(const struct formulary *formulary, const char *id)
{
	for (size_t i = 0; i < formulary->n_substances; i++)
		if (strcmp(formulary->substances[i].id, id) == 0 ||
		    formulary_has_token(formulary->substances[i].allergies, id))
			return true;
	return false;
}

bool formulary_knows_condition(const struct formulary *formulary, const char *id)
{
	for (size_t i = 0; i < formulary->n_substances; i++)
		if (formulary_has_token(formulary->substances[i].conditions, id))
			return true;
	return false;
}
