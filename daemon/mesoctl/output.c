// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people read: quantities by the unit in a field's name, verdicts, live
 * values, and the hiding of who somebody is.
 *
 * Every number goes through inj_format() or, for units that library does not
 * speak (nm, degrees, volts), through the one printer of thousandths here.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "mesoctl.h"

int ctl_print_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	int r;

	if (!text)
		return CTL_FAILED;
	r = puts(text);
	free(text);
	/* Who reads a pipe wants each line when it happens. */
	return r < 0 || fflush(stdout) != 0 ? CTL_FAILED : CTL_OK;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* value / 10^decimals, exactly, without needless zeros */
static void format_scaled(int64_t value, unsigned int decimals, const char *unit,
			  char buf[INJ_TEXT_MAX])
{
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, scale = 1;
	char digits[24];

	for (unsigned int i = 0; i < decimals; i++)
		scale *= 10;
	/* The one in front keeps the zeros behind the point. */
	snprintf(digits, sizeof(digits), "%" PRIu64, scale + magnitude % scale);
	while (decimals > 0 && digits[decimals] == '0')
		decimals--;
	digits[decimals + 1] = '\0';
	snprintf(buf, INJ_TEXT_MAX, "%s%" PRIu64 "%s%s %s", value < 0 ? "-" : "", magnitude / scale,
		 decimals > 0 ? "." : "", digits + 1, unit);
}

char *ctl_format_field(const char *name, int64_t value, char buf[INJ_TEXT_MAX])
{
	static const struct {
		const char *end;
		enum inj_dimension dimension;
	} quantities[] = {
		{ "nl", INJ_VOLUME },      { "um", INJ_LENGTH }, { "pa", INJ_PRESSURE },
		{ "ms", INJ_TIME },        { "mhz", INJ_RATE },  { "_g", INJ_BODY_MASS },
		{ "upas", INJ_VISCOSITY },
	};
	static const struct {
		const char *end;
		unsigned int decimals;
		const char *unit;
	} scaled[] = {
		{ "nm", 6, "mm" },   { "_ns", 6, "ms" }, { "_us", 3, "ms" },    { "_mc", 3, "Cel" },
		{ "-mc", 3, "Cel" }, { "mv", 3, "V" },   { "percent", 0, "%" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(quantities); i++)
		if (ends_with(name, quantities[i].end))
			return inj_format(quantities[i].dimension, value, buf);
	for (size_t i = 0; i < ARRAY_LENGTH(scaled); i++) {
		if (!ends_with(name, scaled[i].end))
			continue;
		format_scaled(value, scaled[i].decimals, scaled[i].unit, buf);
		return buf;
	}
	snprintf(buf, INJ_TEXT_MAX, "%" PRId64, value);
	return buf;
}

char *ctl_format_unit(const char *unit, const json_t *value, char buf[INJ_TEXT_MAX])
{
	static const struct {
		const char *unit;
		int64_t factor; /* of the dimension's base unit */
		enum inj_dimension dimension;
		bool large; /* what counts finely has no bound of 32 bits */
	} units[] = {
		{ "nL", 1, INJ_VOLUME, false },   { "um", 1, INJ_LENGTH, false },
		{ "mHz", 1, INJ_RATE, false },    { "ms", 1, INJ_TIME, false },
		{ "s", 1000, INJ_TIME, false },   { "Pa", 1, INJ_PRESSURE, false },
		{ "ng", 1, INJ_MASS, true },      { "mIU", 1, INJ_ACTIVITY, true },
		{ "g", 1, INJ_BODY_MASS, false },
	};
	const json_int_t number = json_integer_value(value);
	bool large = false;
	int64_t scaled;

	/* A rule that does not count anything has no unit. */
	if (!*unit) {
		snprintf(buf, INJ_TEXT_MAX, "-");
		return buf;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
		large = large || (units[i].large && strcmp(units[i].unit, unit) == 0);
	/* mesod says "no bound" with the largest number that there is. */
	if (!json_is_integer(value) || number >= (large ? INT64_MAX : UINT32_MAX)) {
		snprintf(buf, INJ_TEXT_MAX, "none");
		return buf;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
		if (strcmp(units[i].unit, unit) == 0 &&
		    !__builtin_mul_overflow(number, units[i].factor, &scaled))
			return inj_format(units[i].dimension, scaled, buf);
	if (strcmp(unit, "ppm") == 0)
		format_scaled(number, 4, "%", buf);
	else
		snprintf(buf, INJ_TEXT_MAX, "%" JSON_INTEGER_FORMAT " %s", number, unit);
	return buf;
}

char *ctl_format_when(int64_t unix_seconds, char buf[INJ_TEXT_MAX])
{
	time_t seconds = (time_t)unix_seconds;
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    strftime(buf, INJ_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(buf, INJ_TEXT_MAX, "%" PRId64, unix_seconds);
	return buf;
}

void ctl_redact(const struct ctl *ctl, json_t *value)
{
	static const char *const identifiers[] = { "name", "reference", "birth_date", "licence" };
	json_t *element;
	size_t i;

	if (ctl->show_identifiers)
		return;
	if (json_is_array(value))
		json_array_foreach(value, i, element)
			ctl_redact(ctl, element);
	for (i = 0; json_is_object(value) && i < ARRAY_LENGTH(identifiers); i++)
		/* that somebody was erased identifies nobody */
		if (json_object_get(value, identifiers[i]) &&
		    strcmp(ctl_text(value, identifiers[i]), "(erased)") != 0)
			json_object_set_new(value, identifiers[i], json_string("(hidden)"));
}

char *ctl_join(const json_t *array, const char *none, char *buf, size_t size)
{
	size_t i, length = 0;
	json_t *element;

	snprintf(buf, size, "%s", json_array_size(array) ? "" : none);
	json_array_foreach(array, i, element) {
		const char *text = json_string_value(element);
		int n = snprintf(buf + length, size - length, "%s%s", i ? ", " : "",
				 text ? text : "?");

		if (n < 0 || (size_t)n >= size - length)
			break;
		length += (size_t)n;
	}
	return buf;
}

const char *ctl_answer(bool allowed, const json_t *verdicts)
{
	if (allowed)
		return "allowed";
	/* The worst comes first. */
	return strcmp(ctl_text(json_array_get(verdicts, 0), "severity"), "hard") == 0
		       ? "REFUSED"
		       : "REFUSED unless you give a reason (--override)";
}

/* What is refused, or wants a reason: the sentence, and the numbers behind it. */
static void print_objection(const json_t *verdict, bool hard)
{
	char asked[INJ_TEXT_MAX], spent[INJ_TEXT_MAX], limit[INJ_TEXT_MAX], left[INJ_TEXT_MAX];
	const char *unit = ctl_text(verdict, "unit"), *what = ctl_text(verdict, "what");
	const int64_t when = ctl_number(verdict, "when");

	printf("  %-12s %s%s%s: %s\n", hard ? "REFUSED" : "NEEDS REASON", ctl_text(verdict, "rule"),
	       *what ? ", " : "", what, ctl_text(verdict, "text"));
	if (*unit)
		printf("  %-12s asked %s, had %s, %s %s, possible now %s\n", "",
		       ctl_format_unit(unit, json_object_get(verdict, "asked"), asked),
		       ctl_format_unit(unit, json_object_get(verdict, "spent"), spent),
		       hard ? "limit" : "usual limit",
		       ctl_format_unit(unit,
				       json_object_get(verdict, hard ? "limit" : "soft_limit"),
				       limit),
		       ctl_format_unit(unit, json_object_get(verdict, "allowed"), left));
	if (when > 0)
		printf("  %-12s not before %s\n", "", ctl_format_when(when, limit));
}

static void print_row(const json_t *verdict)
{
	char asked[INJ_TEXT_MAX], spent[INJ_TEXT_MAX], limit[INJ_TEXT_MAX], left[INJ_TEXT_MAX];
	const char *unit = ctl_text(verdict, "unit");

	printf("  %-12s %-19s %12s %12s %12s %12s\n", "ok", ctl_text(verdict, "rule"),
	       ctl_format_unit(unit, json_object_get(verdict, "asked"), asked),
	       ctl_format_unit(unit, json_object_get(verdict, "spent"), spent),
	       ctl_format_unit(unit, json_object_get(verdict, "limit"), limit),
	       ctl_format_unit(unit, json_object_get(verdict, "allowed"), left));
}

void ctl_print_verdicts(const json_t *verdicts, bool all)
{
	size_t i, objections = 0, rows = 0, count = json_array_size(verdicts);
	const json_t *verdict;

	json_array_foreach(verdicts, i, verdict) {
		const char *severity = ctl_text(verdict, "severity");

		if (strcmp(severity, "ok") == 0)
			continue;
		objections++;
		print_objection(verdict, strcmp(severity, "hard") == 0);
	}
	/* Of the others, those of which something is used up. */
	json_array_foreach(verdicts, i, verdict) {
		if (strcmp(ctl_text(verdict, "severity"), "ok") != 0 ||
		    (!all && (ctl_number(verdict, "spent") == 0 || !*ctl_text(verdict, "unit"))))
			continue;
		if (rows++ == 0)
			printf("  %-12s %-19s %12s %12s %12s %12s\n", "", "rule", "asked", "had",
			       "limit", "possible");
		print_row(verdict);
	}
	if (count - objections > rows)
		printf("  %zu %srules allow it%s\n", count - objections - rows, rows ? "more " : "",
		       all ? "" : " (--all lists them)");
}

static const char *flag(int64_t flags, uint32_t bit, const char *yes)
{
	return (uint64_t)flags & bit ? yes : "";
}

char *ctl_format_telemetry(const json_t *status, char *buf, size_t size)
{
	char plunger[INJ_TEXT_MAX], depth[INJ_TEXT_MAX], pressure[INJ_TEXT_MAX];
	char reservoir[INJ_TEXT_MAX], left[INJ_TEXT_MAX], faults[INJ_TEXT_MAX];
	int64_t flags = ctl_number(status, "flags");

	ctl_join(json_object_get(status, "fault_names"), "", faults, sizeof(faults));
	snprintf(buf, size,
		 "%-10s plunger %-12s depth %-8s pressure %-11s syringe %-10s left %-8s%s%s%s%s%s",
		 ctl_text(status, "state_name"),
		 ctl_format_field("plunger_nm", ctl_number(status, "plunger_nm"), plunger),
		 ctl_format_field("depth_um", ctl_number(status, "depth_um"), depth),
		 ctl_format_field("pressure_pa", ctl_number(status, "pressure_pa"), pressure),
		 ctl_format_field("reservoir_nl", ctl_number(status, "reservoir_nl"), reservoir),
		 ctl_format_field("lease_left_nl", ctl_number(status, "lease_left_nl"), left),
		 flag(flags, MESO_STATUS_CONTACT, " contact"),
		 flag(flags, MESO_STATUS_TRIGGER, " trigger"),
		 ctl_true(status, "fresh") ? "" : " NOT FRESH", *faults ? " FAULT: " : "", faults);
	return buf;
}
