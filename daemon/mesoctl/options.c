// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of a command, by a table: every value that is typed is read here and
 * nowhere else, so that a quantity means the same in each command.
 *
 * Never talks to the bus.
 */
#include <getopt.h>
#include <string.h>

#include "mesoctl.h"

/* Options that every command takes, as their place behind the command's own. */
enum { COMMON_JSON, COMMON_ADDRESS, COMMON_IDENTIFIERS, COMMON_HELP, COMMON_COUNT };

#define OPTIONS_MAX 32
#define FIRST_CODE  256 /* above every character, so that no option has a letter by accident */

/* Syringes of the field and their bores. */
static const struct ctl_syringe syringes[] = {
	{ 1000000, 4780 },
	{ 3000000, 8660 },
	{ 5000000, 12060 },
	{ 10000000, 14500 },
};

bool ctl_parse_syringe(const char *text, struct ctl_syringe *ret, char error[INJ_TEXT_MAX])
{
	int64_t value;

	if (inj_parse(INJ_VOLUME, text, &value, error) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(syringes); i++) {
		if (syringes[i].capacity_nl != value)
			continue;
		*ret = syringes[i];
		return true;
	}
	snprintf(error, INJ_TEXT_MAX,
		 "no syringe has that capacity: expected 1 mL, 3 mL, 5 mL or 10 mL");
	return false;
}

bool ctl_parse_number(const char *text, uint32_t *ret)
{
	uint64_t value = 0;
	const char *p = text;

	/* strtoul takes signs, spaces and a minus for a huge number. */
	if (!*p || (*p == '0' && p[1]))
		return false;
	for (; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		value = value * 10 + (uint64_t)(*p - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*ret = (uint32_t)value;
	return true;
}

static uint32_t digits(const char *text, int count)
{
	uint32_t value = 0;

	for (int i = 0; i < count; i++)
		value = value * 10 + (uint32_t)(text[i] - '0');
	return value;
}

bool ctl_parse_date(const char *text)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	uint32_t year, month, day;
	bool leap;

	if (strlen(text) != 10)
		return false;
	for (int i = 0; i < 10; i++)
		if (i == 4 || i == 7 ? text[i] != '-' : text[i] < '0' || text[i] > '9')
			return false;
	year = digits(text, 4);
	month = digits(text + 5, 2);
	day = digits(text + 8, 2);
	if (month < 1 || month > 12 || day < 1)
		return false;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static int wrong_value(struct ctl *ctl, const struct ctl_option *option, const char *text,
		       const char *expected)
{
	return ctl_fail(ctl, CTL_USAGE, "--%s: \"%.40s\" is wrong: expected %s", option->name, text,
			expected);
}

static int parse_value(struct ctl *ctl, const struct ctl_option *option, char *text, void *values)
{
	void *value = (char *)values + option->offset;
	char error[INJ_TEXT_MAX];
	int64_t quantity;

	switch (option->kind) {
	case CTL_FLAG:
		*(bool *)value = true;
		return CTL_OK;
	case CTL_TEXT:
		if (!*text)
			return wrong_value(ctl, option, text, "some text");
		*(const char **)value = text;
		return CTL_OK;
	case CTL_DATE:
		if (!ctl_parse_date(text))
			return wrong_value(ctl, option, text,
					   "a date as year-month-day, as in 1980-12-31");
		*(const char **)value = text;
		return CTL_OK;
	case CTL_NUMBER:
		if (!ctl_parse_number(text, value))
			return wrong_value(ctl, option, text,
					   "a whole number without a unit, as in 20");
		return CTL_OK;
	case CTL_QUANTITY:
		if (inj_parse(option->dimension, text, &quantity, error) < 0)
			return ctl_fail(ctl, CTL_USAGE, "--%s: %s", option->name, error);
		if (quantity > UINT32_MAX)
			return ctl_fail(ctl, CTL_USAGE, "--%s: \"%.40s\" is too large",
					option->name, text);
		*(uint32_t *)value = (uint32_t)quantity;
		return CTL_OK;
	case CTL_SYRINGE:
		if (!ctl_parse_syringe(text, value, error))
			return ctl_fail(ctl, CTL_USAGE, "--%s: %s", option->name, error);
		return CTL_OK;
	}
	return CTL_USAGE;
}

static void print_help(const char *usage, const struct ctl_option *options, size_t count)
{
	char head[64];

	printf("usage: mesoctl %s\n", usage);
	for (size_t i = 0; i < count; i++) {
		snprintf(head, sizeof(head), "--%s%s%s", options[i].name,
			 options[i].argument ? " " : "",
			 options[i].argument ? options[i].argument : "");
		printf("  %-24s %s%s\n", head, options[i].help,
		       options[i].needed ? " (needed)" : "");
	}
	printf("  %-24s %s\n", "--json", "print JSON");
}

static void common_options(struct option *table)
{
	table[COMMON_JSON] = (struct option){ "json", no_argument, NULL, 0 };
	table[COMMON_ADDRESS] = (struct option){ "address", required_argument, NULL, 0 };
	table[COMMON_IDENTIFIERS] = (struct option){ "show-identifiers", no_argument, NULL, 0 };
	table[COMMON_HELP] = (struct option){ "help", no_argument, NULL, 0 };
}

static int take_common(struct ctl *ctl, size_t which, const char *text)
{
	switch (which) {
	case COMMON_JSON:
		ctl->json = true;
		return CTL_OK;
	case COMMON_ADDRESS:
		ctl->address = text;
		return CTL_OK;
	case COMMON_IDENTIFIERS:
		ctl->show_identifiers = true;
		return CTL_OK;
	default:
		return CTL_DONE;
	}
}

static int check_needed(struct ctl *ctl, const struct ctl_option *options, size_t count,
			uint32_t seen)
{
	for (size_t i = 0; i < count; i++)
		if (options[i].needed && !(seen & 1u << i))
			return ctl_fail(ctl, CTL_USAGE, "--%s %s is missing: %s", options[i].name,
					options[i].argument, options[i].help);
	return CTL_OK;
}

int ctl_options(struct ctl *ctl, int argc, char **argv, const char *usage,
		const struct ctl_option *options, size_t count, void *values, char ***ret_arguments,
		int *ret_count)
{
	struct option table[OPTIONS_MAX + 1] = { 0 };
	uint32_t seen = 0;
	int c, code;

	if (count + COMMON_COUNT > OPTIONS_MAX)
		return ctl_fail(ctl, CTL_FAILED, "%s has too many options", argv[0]);
	for (size_t i = 0; i < count; i++) {
		table[i].name = options[i].name;
		table[i].has_arg = options[i].kind == CTL_FLAG ? no_argument : required_argument;
	}
	common_options(table + count);
	for (size_t i = 0; i < count + COMMON_COUNT; i++)
		table[i].val = FIRST_CODE + (int)i;

	optind = 0; /* starts getopt anew: main() has used it */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		size_t which = (size_t)(c - FIRST_CODE);

		if (c < FIRST_CODE)
			return ctl_fail(ctl, CTL_USAGE,
					"%.40s %s: `mesoctl %s --help` lists the options",
					argv[optind - 1],
					c == ':' ? "lacks its value" : "is no option here",
					argv[0]);
		if (which >= count) {
			code = take_common(ctl, which - count, optarg);
			if (code == CTL_DONE)
				print_help(usage, options, count);
		} else if (seen & 1u << which) {
			code = ctl_fail(ctl, CTL_USAGE, "--%s is given twice", options[which].name);
		} else {
			seen |= 1u << which;
			code = parse_value(ctl, &options[which], optarg, values);
		}
		if (code != CTL_OK)
			return code;
	}
	code = check_needed(ctl, options, count, seen);
	if (code != CTL_OK)
		return code;
	*ret_arguments = argv + optind;
	*ret_count = argc - optind;
	return CTL_OK;
}

int ctl_dispatch(struct ctl *ctl, int argc, char **argv, const char *of,
		 const struct ctl_command *commands, size_t count)
{
	int code;

	for (size_t i = 0; argc > 0 && i < count; i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		code = commands[i].run(ctl, argc, argv);
		return code == CTL_DONE ? CTL_OK : code;
	}
	if (argc > 0 && strcmp(argv[0], "--help") == 0) {
		for (size_t i = 0; i < count; i++)
			printf("  %s %s %s\n      %s\n", of, commands[i].name, commands[i].usage,
			       commands[i].help);
		return CTL_OK;
	}
	if (argc > 0)
		return ctl_fail(ctl, CTL_USAGE, "\"%.40s\" is no command: `%s --help` lists them",
				argv[0], of);
	return ctl_fail(ctl, CTL_USAGE, "which? `%s --help` lists what there is", of);
}
