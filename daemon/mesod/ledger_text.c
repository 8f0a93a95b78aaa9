// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text that goes into the ledger, and ids that come out of it: checked and
 * converted.
 *
 * Owns what a name, a date, a serial number and an id may look like.  Never
 * repairs what it refuses.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "ledger_internal.h"

/* Length of the UTF-8 character at @p, 0 if it is none: overlong forms, surrogates and what is above
 * U+10FFFF are none. */
static size_t utf8_length(const unsigned char *p)
{
	static const struct {
		unsigned char first, last, low, high; /* first byte's range, second byte's range */
		size_t length;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (p[0] < 0x80)
		return 1;
	for (size_t f = 0; f < ARRAY_LENGTH(forms); f++) {
		if (p[0] < forms[f].first || p[0] > forms[f].last)
			continue;
		if (p[1] < forms[f].low || p[1] > forms[f].high)
			return 0;
		for (size_t i = 2; i < forms[f].length; i++)
			if ((p[i] & 0xc0) != 0x80)
				return 0;
		return forms[f].length;
	}
	return 0;
}

int text_check_name(const char *text, size_t max)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t length;

	if (!text || !text[0] || strnlen(text, max) >= max)
		return -EINVAL;
	while (*p) {
		if (*p < 0x20 || *p == 0x7f)
			return -EINVAL;
		length = utf8_length(p);
		if (length == 0)
			return -EINVAL;
		p += length;
	}
	return 0;
}

int text_check_date(const char *text)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day, last;

	if (!text || strnlen(text, LEDGER_DATE_MAX) != 10)
		return -EINVAL;
	for (int i = 0; i < 10; i++)
		if (i == 4 || i == 7 ? text[i] != '-' : !isdigit((unsigned char)text[i]))
			return -EINVAL;
	year = (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] -
	       '0';
	month = (text[5] - '0') * 10 + text[6] - '0';
	day = (text[8] - '0') * 10 + text[9] - '0';
	if (year < 1 || month < 1 || month > 12)
		return -EINVAL;
	last = days[month - 1];
	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		last++;
	return day >= 1 && day <= last ? 0 : -EINVAL;
}

int text_check_serial(const char *serial)
{
	size_t len = serial ? strnlen(serial, MESO_SERIAL_LEN) : 0;

	if (len == 0 || len >= MESO_SERIAL_LEN)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)serial[i]) && !strchr("._-", serial[i]))
			return -EINVAL;
	return 0;
}

int text_check_id(const char *id)
{
	size_t len = id ? strnlen(id, FORMULARY_ID_MAX) : 0;

	if (len == 0 || len >= FORMULARY_ID_MAX || id[0] < 'a' || id[0] > 'z')
		return -EINVAL;
	for (size_t i = 1; i < len; i++)
		if (id[i] != '-' && (id[i] < '0' || id[i] > '9') && (id[i] < 'a' || id[i] > 'z'))
			return -EINVAL;
	return 0;
}

int text_check_tokens(const char *tokens)
{
	char copy[FORMULARY_TOKENS_MAX], *next = copy, *token;
	size_t len = strnlen(tokens, sizeof(copy));

	if (len >= sizeof(copy))
		return -EINVAL;
	if (len == 0)
		return 0;
	memcpy(copy, tokens, len + 1);
	while ((token = strsep(&next, " ")))
		if (text_check_id(token) < 0)
			return -EINVAL;
	return 0;
}

int text_date_day(const char *date, int32_t *ret)
{
	int year, month, day, era;

	if (text_check_date(date) < 0)
		return -EINVAL;
	year = (date[0] - '0') * 1000 + (date[1] - '0') * 100 + (date[2] - '0') * 10 + date[3] -
	       '0';
	month = (date[5] - '0') * 10 + date[6] - '0';
	day = (date[8] - '0') * 10 + date[9] - '0';
	/* Years that begin in March have their leap day at the end. */
	if (month < 3)
		year--;
	month = (month + 9) % 12;
	era = 365 * year + year / 4 - year / 100 + year / 400;
	*ret = era + (153 * month + 2) / 5 + day - 1 - 719468;
	return 0;
}

void text_hex(const uint8_t *bytes, size_t len, char *buf)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		buf[2 * i] = digits[bytes[i] >> 4];
		buf[2 * i + 1] = digits[bytes[i] & 15];
	}
	buf[2 * len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -EINVAL;
}

int text_unhex(const char *text, uint8_t *ret, size_t len)
{
	uint8_t bytes[LEDGER_HASH_LEN];

	if (len > sizeof(bytes) || strnlen(text, 2 * len + 1) != 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, bytes, len);
	return 0;
}

char *ledger_id_format(const struct ledger_id *id, char *buf)
{
	text_hex(id->bytes, sizeof(id->bytes), buf);
	return buf;
}

int ledger_id_parse(const char *text, struct ledger_id *ret)
{
	return text ? text_unhex(text, ret->bytes, sizeof(ret->bytes)) : -EINVAL;
}

int random_bytes(void *buf, size_t len)
{
	/* Up to 256 bytes come whole or not at all. */
	ssize_t n = getrandom(buf, len, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}
