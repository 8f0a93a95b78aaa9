// SPDX-License-Identifier: GPL-2.0-only
/*
 * See verdicts.h.
 */
#include "verdicts.h"

#include <injector.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bus_errors.h"
#include "macros.h"

#define WHEN_MAX 32

int verdicts_append(sd_bus_message *message, const struct policy_verdict verdicts[POLICY_RULES])
{
	int r = sd_bus_message_open_container(message, 'a', "a{sv}");

	for (size_t i = 0; r >= 0 && i < POLICY_RULES; i++) {
		const struct policy_verdict *v = &verdicts[i];

		r = sd_bus_message_append(message, "a{sv}", 11, "rule", "s", v->rule, "severity",
					  "s", policy_severity_name(v->severity), "unit", "s",
					  v->unit, "what", "s", v->what, "limit", "t", v->limit,
					  "soft_limit", "t", v->soft_limit, "spent", "t", v->spent,
					  "asked", "t", v->asked, "allowed", "t", v->allowed,
					  "when", "x", v->when, "text", "s", v->text);
	}
	return r < 0 ? r : sd_bus_message_close_container(message);
}

/* A figure with its unit, as people read it. */
static const char *quantity(const struct policy_verdict *verdict, uint64_t value,
			    char buf[static INJ_TEXT_MAX])
{
	static const struct {
		const char *unit;
		enum inj_dimension dimension;
		int64_t factor; /* of the dimension's base unit */
	} units[] = {
		{ "nL", INJ_VOLUME, 1 }, { "um", INJ_LENGTH, 1 },    { "mHz", INJ_RATE, 1 },
		{ "ng", INJ_MASS, 1 },   { "mIU", INJ_ACTIVITY, 1 }, { "s", INJ_TIME, 1000 },
	};
	int64_t scaled;

	for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
		if (strcmp(units[i].unit, verdict->unit) == 0 &&
		    !__builtin_mul_overflow(value, units[i].factor, &scaled))
			return inj_format(units[i].dimension, scaled, buf);
	snprintf(buf, INJ_TEXT_MAX, "%llu%s%s", (unsigned long long)value,
		 *verdict->unit ? " " : "", verdict->unit);
	return buf;
}

static const char *moment(int64_t when, char buf[static WHEN_MAX])
{
	const time_t seconds = (time_t)when;
	struct tm tm;

	if (when == POLICY_NEVER)
		return "never";
	if (when == 0)
		return "now";
	if (!gmtime_r(&seconds, &tm) || !strftime(buf, WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "never";
	return buf;
}

void verdicts_word(const struct policy_verdict *worst, char *buf)
{
	char limit[INJ_TEXT_MAX], spent[INJ_TEXT_MAX], asked[INJ_TEXT_MAX], allowed[INJ_TEXT_MAX];
	const uint64_t bound = worst->severity == POLICY_SOFT ? worst->soft_limit : worst->limit;
	char when[WHEN_MAX];

	snprintf(buf, VERDICTS_TEXT_MAX,
		 "rule=%s%s%s limit=%s spent=%s asked=%s allowed=%s when=%s: %s", worst->rule,
		 *worst->what ? " what=" : "", worst->what, quantity(worst, bound, limit),
		 quantity(worst, worst->spent, spent), quantity(worst, worst->asked, asked),
		 quantity(worst, worst->allowed, allowed), moment(worst->when, when), worst->text);
}

void verdicts_refuse(sd_bus_message *call, const struct policy_verdict *worst)
{
	char text[VERDICTS_TEXT_MAX];

	verdicts_word(worst, text);
	bus_reply_error(call, ERROR_DOSE_LIMIT, "%s", text);
}
