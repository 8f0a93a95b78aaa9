// SPDX-License-Identifier: GPL-2.0-only
/*
 * A formulary's values: text to exact integers, and why not.
 *
 * Owns which spellings a value may have.  Quantities are inj_parse()'s; what is
 * added here is what only a formulary says: a mass or an activity, by body mass or
 * by volume, ids, flags.  Never knows a limit.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "count.h"
#include "formulary_internal.h"

#define INTERVAL_MAX_D              3650
#define INTERVAL_MAX_MONTHS         120
/* Nothing that is injected is twice as heavy as water: what says more has its point misplaced. */
#define CONCENTRATION_MAX_PG_PER_NL 2000000

static int because(char *reason, int r, const char *format, ...) _printf_(3, 4);
static int because(char *reason, int r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(reason, INJ_TEXT_MAX, format, ap);
	va_end(ap);
	return r;
}

bool formulary_id_is_good(const char *id)
{
	size_t n = 0;

	if (*id < 'a' || *id > 'z')
		return false;
	for (; id[n]; n++)
		if ((id[n] < 'a' || id[n] > 'z') && (id[n] < '0' || id[n] > '9') && id[n] != '-')
			return false;
	return n < FORMULARY_ID_MAX && id[n - 1] != '-';
}

static bool ends_with(const char *text, const char *end)
{
	const size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

int formulary_read_amount(const char *text, uint64_t *ret, enum formulary_unit *ret_unit,
			  char *reason)
{
	const bool activity = ends_with(text, "IU");
	int64_t value;
	char *expected;
	int r;

	r = inj_parse(activity ? INJ_ACTIVITY : INJ_MASS, text, &value, reason);
	if (r < 0) {
		/* Its sentence knows one dimension, and here both would do. */
		expected = strstr(reason, ": expected ");
		if (expected)
			snprintf(expected, INJ_TEXT_MAX - (size_t)(expected - reason),
				 ": expected ng, ug, mg, g or IU, as in \"300 mg\"");
		return r;
	}
	*ret = (uint64_t)value;
	*ret_unit = activity ? FORMULARY_MIU : FORMULARY_NG;
	return 0;
}

/* The amount before @by, which must be there. */
static int read_amount_by(const char *text, const char *by, const char *example, uint64_t *ret,
			  enum formulary_unit *ret_unit, char *reason)
{
	char amount[64];

	if (!ends_with(text, by))
		return because(
			reason, -EINVAL,
			"\"%.40s\" does not end with %s: expected an amount and %s, as in \"%s\"",
			text, by, by, example);
	if (strlen(text) - strlen(by) >= sizeof(amount))
		return because(reason, -EINVAL, "\"%.40s\" is too long: expected as in \"%s\"",
			       text, example);
	text_copy(amount, strlen(text) - strlen(by) + 1, text);
	return formulary_read_amount(amount, ret, ret_unit, reason);
}

int formulary_read_per_kg(const char *text, uint64_t *ret, enum formulary_unit *ret_unit,
			  char *reason)
{
	return read_amount_by(text, "/kg", "4.5 mg/kg", ret, ret_unit, reason);
}

int formulary_read_component(const char *text, struct named_component *ret, char *reason)
{
	const size_t length = strcspn(text, " ");
	struct named_component component = { 0 };
	uint64_t per_ml = 0;
	int r;

	if (length < sizeof(component.id))
		text_copy(component.id, length + 1, text);
	if (!formulary_id_is_good(component.id))
		return because(reason, -EINVAL,
			       "\"%.40s\" does not begin with the id of a substance: expected as in"
			       " \"lidocaine 20 mg/mL\"",
			       text);
	text += length;
	text += strspn(text, " ");
	r = read_amount_by(text, "/mL", "20 mg/mL", &per_ml, &component.unit, reason);
	if (r < 0)
		return r;
	/* 1000000 nL in a mL, 1000 pg in a ng */
	if (per_ml % 1000)
		return because(reason, -EINVAL, "\"%.40s\" is finer than can be told apart", text);
	component.concentration = per_ml / 1000;
	if (!component.concentration)
		return because(reason, -ERANGE, "\"%.40s\" is nothing", text);
	if (component.unit == FORMULARY_NG && component.concentration > CONCENTRATION_MAX_PG_PER_NL)
		return because(reason, -ERANGE,
			       "\"%.40s\" is more than fits into a mL: at most 2 g/mL", text);
	*ret = component;
	return 0;
}

int formulary_read_interval(const char *text, uint32_t *ret_days, uint32_t *ret_months,
			    char *reason)
{
	const bool months = ends_with(text, "month") || ends_with(text, "months");
	uint32_t count;
	int r;

	r = count_parse(text, months ? "month" : "d", months ? "months" : "d", &count, reason);
	if (r < 0)
		return r;
	if (count < 1 || count > (months ? INTERVAL_MAX_MONTHS : INTERVAL_MAX_D))
		return because(reason, -ERANGE,
			       "\"%.40s\" is out of range: 1 d to %d d, or 1 to %d months", text,
			       INTERVAL_MAX_D, INTERVAL_MAX_MONTHS);
	*ret_days = months ? 0 : count;
	*ret_months = months ? count : 0;
	return 0;
}

int formulary_read_cartridge(const char *text, uint64_t *ret, char *reason)
{
	const bool hex = text[0] == '0' && text[1] == 'x';
	const char *const digits = hex ? text + 2 : text;
	uint64_t value = 0, digit;
	bool good = *digits != '\0' && (hex || *digits != '0');

	for (const char *p = digits; good && *p; p++) {
		if (*p >= '0' && *p <= '9')
			digit = (uint64_t)(*p - '0');
		else if (hex && *p >= 'a' && *p <= 'f')
			digit = (uint64_t)(*p - 'a') + 10;
		else
			good = false;
		good = good && !__builtin_mul_overflow(value, hex ? 16u : 10u, &value) &&
		       !__builtin_add_overflow(value, digit, &value);
	}
	if (!good || !value)
		return because(reason, -EINVAL,
			       "\"%.40s\" is no cartridge: expected a number of 1 to 64 bits, as in"
			       " \"17\" or \"0x11\", not 0",
			       text);
	*ret = value;
	return 0;
}

int formulary_read_flag(const char *text, bool *ret, char *reason)
{
	const bool yes = strcmp(text, "yes") == 0;

	if (!yes && strcmp(text, "no") != 0)
		return because(reason, -EINVAL, "\"%.40s\" is neither yes nor no", text);
	*ret = yes;
	return 0;
}

static int compare_tokens(const void *a, const void *b)
{
	return strcmp(a, b);
}

int formulary_read_tokens(const char *text, char ret[FORMULARY_TOKENS_MAX], char *reason)
{
	char tokens[FORMULARY_TOKENS_MAX / 2][FORMULARY_ID_MAX];
	size_t n = 0, length, used = 0;
	const char *p = text;

	if (strlen(text) >= FORMULARY_TOKENS_MAX)
		return because(reason, -EINVAL, "\"%.40s...\" is longer than %d bytes", text,
			       FORMULARY_TOKENS_MAX - 1);
	for (p += strspn(p, " "); *p; p += length, p += strspn(p, " ")) {
		length = strcspn(p, " ");
		tokens[n][0] = '\0';
		if (length < FORMULARY_ID_MAX)
			text_copy(tokens[n], length + 1, p);
		if (!formulary_id_is_good(tokens[n]))
			return because(reason, -EINVAL,
				       "\"%.*s\" is no id: lower-case letters, digits and '-', a"
				       " letter first, with a space between two ids",
				       length < 40 ? (int)length : 40, p);
		n++;
	}
	qsort(tokens, n, sizeof(tokens[0]), compare_tokens);
	ret[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(tokens[i - 1], tokens[i]) == 0)
			return because(reason, -EINVAL, "%s is there twice", tokens[i]);
		used += (size_t)snprintf(ret + used, FORMULARY_TOKENS_MAX - used, "%s%s",
					 i ? " " : "", tokens[i]);
	}
	return 0;
}

int formulary_read_quantity(enum inj_dimension dimension, const char *text, uint32_t least,
			    uint32_t most, uint32_t *ret, char *reason)
{
	char least_text[INJ_TEXT_MAX], most_text[INJ_TEXT_MAX];
	int64_t value;
	int r;

	r = inj_parse(dimension, text, &value, reason);
	if (r < 0)
		return r;
	if (value < (int64_t)least || value > (int64_t)most)
		return because(reason, -ERANGE, "it must be at least %.40s and at most %.40s",
			       inj_format(dimension, least, least_text),
			       inj_format(dimension, most, most_text));
	*ret = (uint32_t)value;
	return 0;
}

int formulary_read_depths(const char *text, uint32_t *ret_min_um, uint32_t *ret_max_um,
			  char *reason)
{
	const char *to = strstr(text, " to ");
	uint32_t least = 0, most = 0;
	char first[64];
	int r;

	if (!to || (size_t)(to - text) >= sizeof(first))
		return because(reason, -EINVAL,
			       "\"%.40s\" is no range of depths: expected as in \"1 mm to 2 mm\"",
			       text);
	text_copy(first, (size_t)(to - text) + 1, text);
	to += strlen(" to ");
	r = formulary_read_quantity(INJ_LENGTH, first, 1, FORMULARY_DEPTH_MAX_UM, &least, reason);
	if (r >= 0)
		r = formulary_read_quantity(INJ_LENGTH, to + strspn(to, " "), 1,
					    FORMULARY_DEPTH_MAX_UM, &most, reason);
	if (r < 0)
		return r;
	if (least > most)
		return because(reason, -EINVAL, "\"%.40s\" ends before it begins", text);
	*ret_min_um = least;
	*ret_max_um = most;
	return 0;
}

char *formulary_format_amount(enum formulary_unit unit, uint64_t amount, char buf[INJ_TEXT_MAX])
{
	if (amount > INT64_MAX) {
		snprintf(buf, INJ_TEXT_MAX, "no bound");
		return buf;
	}
	return inj_format(unit == FORMULARY_MIU ? INJ_ACTIVITY : INJ_MASS, (int64_t)amount, buf);
}
