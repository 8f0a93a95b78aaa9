// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Quantities as people type and read them: the one parser and the one printer.
 *
 * Owns which spellings of a unit are accepted and which one is printed.  Never
 * rounds, never guesses, never uses floating point or the locale.
 *
 * Spelling: µ (U+00B5 or U+03BC) is taken for u, and a lower-case l for L,
 * because neither can be mistaken for another unit here; every other letter's
 * case counts (mL is not ML).  "mcg" is taken for ug, as prescriptions write
 * it.  A number needs a digit on both sides of its point (".5" is misread as
 * 5) and no needless leading zero.
 */
#include "injector.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor; /* base units in one of it */
	bool printed;   /* or only understood */
};

struct dimension {
	const char *expected; /* for the sentence that says what was wrong */
	struct unit units[6]; /* from small to large */
};

static const struct dimension dimensions[INJ_DIMENSIONS] = {
	[INJ_VOLUME] = {
		"nL, uL or mL, as in \"10 uL\"",
		{ { "nL", 1, true }, { "uL", 1000, true }, { "mL", 1000000, true } },
	},
	/* The field says 14.5 mm and never 1.45 cm. */
	[INJ_LENGTH] = {
		"um, mm or cm, as in \"1.5 mm\"",
		{ { "um", 1, true }, { "mm", 1000, true }, { "cm", 10000, false } },
	},
	[INJ_MASS] = {
		"ng, ug, mg or g, as in \"2 mg\"",
		{ { "ng", 1, true }, { "ug", 1000, true }, { "mcg", 1000, false },
		  { "mg", 1000000, true }, { "g", 1000000000, true } },
	},
	[INJ_ACTIVITY] = { "IU, as in \"150 IU\"", { { "IU", 1000, true } } },
	[INJ_BODY_MASS] = {
		"g or kg, as in \"70 kg\"",
		{ { "g", 1, true }, { "kg", 1000, true } },
	},
	[INJ_RATE] = { "/s, as in \"5 /s\"", { { "/s", 1000, true } } },
	[INJ_TIME] = {
		"ms, s, min or h, as in \"30 s\"",
		{ { "ms", 1, true }, { "s", 1000, true }, { "min", 60000, true },
		  { "h", 3600000, true } },
	},
	[INJ_PRESSURE] = {
		"Pa or kPa, as in \"300 kPa\"",
		{ { "Pa", 1, true }, { "kPa", 1000, true } },
	},
	[INJ_AREA] = {
		"mm2 or cm2, as in \"25 cm2\"",
		{ { "mm2", 1, true }, { "cm2", 100, true } },
	},
	[INJ_VISCOSITY] = { "mPa.s, as in \"5 mPa.s\"", { { "mPa.s", 1000, true } } },
};

/* Longest piece of the typed text that a sentence repeats. */
#define ECHO_MAX 40

static void complain(char *error, const char *text, const char *wrong, const char *expected)
{
	char echo[ECHO_MAX + 4];
	size_t i;

	if (!error)
		return;
	/* What was typed may hold anything; it must not reach a terminal as control codes, nor cut
	 * in the middle of a UTF-8 character. */
	for (i = 0; i < ECHO_MAX && text[i]; i++)
		echo[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
	if (text[i]) {
		while (i > 0 && ((unsigned char)text[i] & 0xc0) == 0x80)
			i--;
		memcpy(echo + i, "...", 3);
		i += 3;
	}
	echo[i] = '\0';
	snprintf(error, INJ_TEXT_MAX, "\"%s\" %s: expected %s", echo, wrong, expected);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One character of a typed unit in the table's spelling; advances @text. */
static char unit_char(const char **text)
{
	const unsigned char *t = (const unsigned char *)*text;

	if ((t[0] == 0xc2 && t[1] == 0xb5) || (t[0] == 0xce && t[1] == 0xbc)) {
		*text += 2;
		return 'u';
	}
	*text += 1;
	return (char)t[0];
}

static bool unit_matches(const char *typed, const char *name)
{
	while (*typed && *name) {
		char c = unit_char(&typed);

		if (c != *name && !(c == 'l' && *name == 'L'))
			return false;
		name++;
	}
	return !*typed && !*name;
}

static const struct unit *find_unit(const struct dimension *dimension, const char *typed)
{
	for (size_t i = 0; i < sizeof(dimension->units) / sizeof(dimension->units[0]); i++)
		if (dimension->units[i].name && unit_matches(typed, dimension->units[i].name))
			return &dimension->units[i];
	return NULL;
}

/* A number as typed: @whole + @fraction / 10^@decimals */
struct number {
	uint64_t whole;
	uint64_t fraction;
	unsigned int decimals;
	bool too_large;
	bool too_fine;
};

#define DECIMALS_MAX 18 /* no unit here has an exact nineteenth decimal */

/* Returns where the number ends, or NULL with @ret_wrong. */
static const char *scan_number(const char *text, struct number *n, const char **ret_wrong)
{
	const char *p = text, *last;

	*n = (struct number){ 0 };
	if (*p == '-' || *p == '+') {
		*ret_wrong = "has a sign";
		return NULL;
	}
	if (*p == '.' && is_digit(p[1])) {
		*ret_wrong = "lacks the zero before the point";
		return NULL;
	}
	if (!is_digit(*p)) {
		*ret_wrong = *p ? "does not start with a number" : "is empty";
		return NULL;
	}
	if (*p == '0' && is_digit(p[1])) {
		*ret_wrong = "starts with a needless zero";
		return NULL;
	}
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(n->whole, 10u, &n->whole) ||
		    __builtin_add_overflow(n->whole, (uint64_t)(*p - '0'), &n->whole))
			n->too_large = true;
	if (*p == ',') {
		*ret_wrong = "has a comma, which some read as a point and some as thousands";
		return NULL;
	}
	if (*p != '.')
		return p;
	if (!is_digit(*++p)) {
		*ret_wrong = "has no digit after the point";
		return NULL;
	}
	for (last = p; is_digit(*last); last++)
		;
	text = last;
	while (last > p && last[-1] == '0')
		last--;
	if (last - p > DECIMALS_MAX) {
		n->too_fine = true;
		return text;
	}
	for (; p < last; p++, n->decimals++)
		n->fraction = n->fraction * 10 + (uint64_t)(*p - '0');
	return text;
}

static int to_base(const struct number *n, int64_t factor, int64_t *ret_value)
{
	uint64_t scale = 1, value;
	unsigned __int128 part;

	for (unsigned int i = 0; i < n->decimals; i++)
		scale *= 10;
	part = (unsigned __int128)n->fraction * (uint64_t)factor;
	if (n->too_fine || part % scale)
		return -EINVAL;
	if (n->too_large || __builtin_mul_overflow(n->whole, (uint64_t)factor, &value) ||
	    __builtin_add_overflow(value, (uint64_t)(part / scale), &value) || value > INT64_MAX)
		return -ERANGE;
	*ret_value = (int64_t)value;
	return 0;
}

int inj_parse(enum inj_dimension dimension, const char *text, int64_t *ret_value, char *error)
{
	const struct dimension *d;
	const struct unit *unit;
	const char *wrong, *p;
	struct number number;
	int r;

	if ((unsigned int)dimension >= INJ_DIMENSIONS || !text || !ret_value)
		return -EINVAL;
	d = &dimensions[dimension];
	p = scan_number(text, &number, &wrong);
	if (!p) {
		complain(error, text, wrong, d->expected);
		return -EINVAL;
	}
	while (*p == ' ')
		p++;
	unit = find_unit(d, p);
	if (!unit) {
		complain(error, text, *p ? "has a wrong unit" : "has no unit", d->expected);
		return -EINVAL;
	}
	r = to_base(&number, unit->factor, ret_value);
	if (r == -EINVAL)
		complain(error, text, "is finer than can be told apart", d->expected);
	else if (r < 0)
		complain(error, text, "is too large", d->expected);
	return r;
}

char *inj_format(enum inj_dimension dimension, int64_t value, char *buf)
{
	const struct unit *unit = NULL;
	uint64_t magnitude, factor, whole, fraction;
	unsigned int decimals = 0;

	if (!buf)
		return NULL;
	buf[0] = '\0';
	if ((unsigned int)dimension >= INJ_DIMENSIONS)
		return buf;
	magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	for (size_t i = 0; i < sizeof(dimensions[0].units) / sizeof(dimensions[0].units[0]); i++) {
		const struct unit *u = &dimensions[dimension].units[i];

		if (!u->name || !u->printed)
			continue;
		factor = (uint64_t)u->factor;
		/* Thousandths are exact if they are whole; no factor is above 10^9. */
		if (!unit ||
		    (magnitude >= factor && (unsigned __int128)magnitude * 1000 % factor == 0))
			unit = u;
	}
	factor = (uint64_t)unit->factor;
	whole = magnitude / factor;
	fraction = magnitude % factor * 1000 / factor;
	if (!fraction) {
		snprintf(buf, INJ_TEXT_MAX, "%s%llu %s", value < 0 ? "-" : "",
			 (unsigned long long)whole, unit->name);
		return buf;
	}
	for (decimals = 3; fraction % 10 == 0; decimals--)
		fraction /= 10;
	snprintf(buf, INJ_TEXT_MAX, "%s%llu.%0*llu %s", value < 0 ? "-" : "",
		 (unsigned long long)whole, (int)decimals, (unsigned long long)fraction,
		 unit->name);
	return buf;
}
