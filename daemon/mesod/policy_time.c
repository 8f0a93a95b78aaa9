// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time as rules count it: calendar days and months, and windows that roll.
 *
 * Owns the arithmetic of both.  Reads no clock, knows no time zone and no rule.
 */
#include "policy_rules.h"

#define DAYS_400_YEARS 146097
#define DAY_S          ((int64_t)24 * 60 * 60)

/* Days from 0000-03-01, where years that begin in March put the odd day last, to 1970-01-01. */
#define DAYS_TO_1970 719468

static int64_t divide_down(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct date date_of(int64_t day)
{
	const int64_t days = day + DAYS_TO_1970;
	const int64_t era = divide_down(days, DAYS_400_YEARS);
	const int64_t in_era = days - era * DAYS_400_YEARS;
	const int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	const int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	const int64_t month = (5 * in_year + 2) / 153; /* from March */

	return (struct date){
		.year = era * 400 + year + (month >= 10),
		.month = (unsigned int)(month < 10 ? month + 3 : month - 9),
		.day = (unsigned int)(in_year - (153 * month + 2) / 5 + 1),
	};
}

int64_t day_of(const struct date *date)
{
	const int64_t year = date->year - (date->month <= 2);
	const int64_t era = divide_down(year, 400);
	const int64_t in_era = year - era * 400;
	const int64_t month = date->month > 2 ? date->month - 3 : date->month + 9;
	const int64_t in_year = (153 * month + 2) / 5 + date->day - 1;

	return era * DAYS_400_YEARS + in_era * 365 + in_era / 4 - in_era / 100 + in_year -
	       DAYS_TO_1970;
}

int64_t add_months(int64_t day, uint32_t months)
{
	const struct date from = date_of(day);
	const int64_t count = (int64_t)from.month - 1 + months;
	struct date to = { from.year + count / 12, (unsigned int)(count % 12) + 1, 1 };
	struct date next = { to.year + (to.month == 12), to.month % 12 + 1, 1 };
	const int64_t first = day_of(&to), length = day_of(&next) - first;

	return first + (from.day <= length ? from.day : length) - 1;
}

int64_t day_begins(const struct policy_history *history, int64_t day)
{
	int64_t begins;

	/* No two days that rules know are so far apart that their seconds do not fit. */
	if (__builtin_add_overflow(history->midnight_s, (day - history->today) * DAY_S, &begins))
		return POLICY_NEVER;
	return begins;
}

/* False: never, its date is beyond all clocks. */
static bool get_leave(const struct policy_dose *dose, int64_t *ret_leave)
{
	return !__builtin_add_overflow(dose->when_s, POLICY_WINDOW_S, ret_leave);
}

uint64_t window_sum(const struct policy_dose *doses, size_t n_doses, int64_t at_s)
{
	uint64_t sum = 0;
	int64_t leaves;

	for (size_t i = 0; i < n_doses; i++)
		if (!get_leave(&doses[i], &leaves) || leaves > at_s)
			sum = policy_add(sum, doses[i].amount);
	return sum;
}

int64_t window_end(const struct policy_dose *doses, size_t n_doses, int64_t at_s)
{
	int64_t leaves;

	for (size_t i = 0; i < n_doses; i++)
		if (get_leave(&doses[i], &leaves) && leaves > at_s)
			at_s = leaves;
	return at_s;
}

int64_t first_fit(int64_t now_s, int64_t end_s, fits_at *fits, const void *context)
{
	int64_t before = now_s, at = end_s;

	if (end_s <= now_s || !fits(context, end_s))
		return POLICY_NEVER;
	while (at - 1 > before) {
		/* Half of an unsigned difference fits whatever the two are. */
		int64_t middle = before + (int64_t)(((uint64_t)at - (uint64_t)before) / 2);

		if (fits(context, middle))
			at = middle;
		else
			before = middle;
	}
	return at;
}
