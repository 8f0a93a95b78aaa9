// SPDX-License-Identifier: GPL-2.0-only
/*
 * See count.h.
 */
#include "count.h"

#include <errno.h>
#include <injector.h>
#include <stdio.h>
#include <string.h>

static int wrong(char *reason, int r, const char *text, const char *what, const char *many)
{
	if (reason)
		snprintf(reason, INJ_TEXT_MAX,
			 "\"%.40s\" %s: expected a whole number of %s, as in \"2 %s\"", text, what,
			 many, many);
	return r;
}

int count_parse(const char *text, const char *one, const char *many, uint32_t *ret, char *reason)
{
	uint64_t value = 0;
	const char *p = text;

	if (*p < '0' || *p > '9')
		return wrong(reason, -EINVAL, text,
			     *p ? "does not start with a number" : "is empty", many);
	if (*p == '0' && p[1] >= '0' && p[1] <= '9')
		return wrong(reason, -EINVAL, text, "starts with a needless zero", many);
	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint64_t)(*p - '0');
		if (value > COUNT_MAX)
			return wrong(reason, -ERANGE, text, "is too large", many);
	}
	if (*p == '.' || *p == ',')
		return wrong(reason, -EINVAL, text, "is no whole number", many);
	while (*p == ' ')
		p++;
	if (strcmp(p, many) != 0 && (value != 1 || strcmp(p, one) != 0))
		return wrong(reason, -EINVAL, text, *p ? "has a wrong unit" : "has no unit", many);
	*ret = (uint32_t)value;
	return 0;
}
