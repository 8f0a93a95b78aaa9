// SPDX-License-Identifier: GPL-2.0-only
/*
 * The built-in limits, and the files that tighten them.
 *
 * Owns the list of keys.  A limit that nobody wrote down with its unit does not
 * exist; one that is looser than the built-in does not pass.
 */
#include "dose_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <injector.h>

#include "conf.h"
#include "count.h"
#include "macros.h"

#define INTERVAL_MAX_D 3650 /* ten years: what is longer was mistyped */

void limits_default(struct limits *ret)
{
	*ret = (struct limits){
		/* "a tiny drop" each; 10-50 uL a point is traditional, 100 is given for pain */
		.shot_nl = { 50000, 100000 },
		/* 1-4 mm deep, the mesoderm; areas with thinner skin get their own soft bound */
		.depth_um = { 4000, 4000 },
		/* the fastest gun found does 9 a second */
		.rate_mhz = { 5000, 9000 },
		/* 2-6 mL a session is typical */
		.session_nl = { 6000000, 10000000 },
		/* no two sessions' worth into one patient in a day, whatever gun or session */
		.patient_24h_nl = { 6000000, 10000000 },
		/* 100 and 200 uL/cm2: labels that give 0.2 mL a square centimetre */
		.area_nl_per_mm2 = { 1000, 2000 },
		/* twice the dead volume of 50 uL (docs/gun-protocol.md): more is no prime */
		.prime_nl = { 100000, 100000 },
		/* 20-45 min is a session */
		.session_s = { 2700, 3600 },
		/* courses are of 3-15, mostly 6-10 */
		.course_sessions = { 10, 15 },
		/* every 7-10 days, or weekly */
		.interval_d = { 7, 7 },
		/* monthly after the sixth */
		.late_interval_d = { 28, 7 },
		/* three months before another course */
		.course_gap_d = { 90, 0 },
		/* as the Open PCA pump's requirements have it */
		.fault_stops = 3,
	};
}

/* How a bound is written. */
enum kind {
	KIND_QUANTITY, /* inj_parse(), base unit */
	KIND_SECONDS,  /* the same, whole seconds */
	KIND_PER_AREA, /* a volume, "/cm2" or "/mm2" */
	KIND_SESSIONS,
	KIND_DAYS,
	KIND_STOPS,
};

static const struct key {
	const char *name;
	size_t offset; /* of the number in struct limits */
	enum kind kind;
	enum inj_dimension dimension;
	bool least;  /* a bound from below: tighter is more */
	bool narrow; /* the number has 32 bits */
} keys[] = {
/* Soft and hard are neighbours, for limits_load() to compare.  Members cannot be parenthesized.
 * NOLINTBEGIN(bugprone-macro-parentheses) */
#define MOST(name, kind, dimension, member)                                                       \
	{ name "-soft", offsetof(struct limits, member.soft), kind, dimension, false, false },    \
	{                                                                                         \
		name "-hard", offsetof(struct limits, member.hard), kind, dimension, false, false \
	}
#define LEAST(name, member)                                                                  \
	{ name "-soft", offsetof(struct limits, member.soft), KIND_DAYS, 0, true, true },    \
	{                                                                                    \
		name "-hard", offsetof(struct limits, member.hard), KIND_DAYS, 0, true, true \
	}
	/* NOLINTEND(bugprone-macro-parentheses) */
	MOST("shot-volume", KIND_QUANTITY, INJ_VOLUME, shot_nl),
	MOST("depth", KIND_QUANTITY, INJ_LENGTH, depth_um),
	MOST("rate", KIND_QUANTITY, INJ_RATE, rate_mhz),
	MOST("session-volume", KIND_QUANTITY, INJ_VOLUME, session_nl),
	MOST("patient-24h-volume", KIND_QUANTITY, INJ_VOLUME, patient_24h_nl),
	MOST("area-volume", KIND_PER_AREA, INJ_VOLUME, area_nl_per_mm2),
	MOST("prime-volume", KIND_QUANTITY, INJ_VOLUME, prime_nl),
	MOST("session-length", KIND_SECONDS, INJ_TIME, session_s),
	MOST("course-sessions", KIND_SESSIONS, 0, course_sessions),
	LEAST("interval", interval_d),
	LEAST("late-interval", late_interval_d),
	LEAST("course-gap", course_gap_d),
	{ "fault-stops", offsetof(struct limits, fault_stops), KIND_STOPS, 0, false, true },
#undef LEAST
#undef MOST
};

static uint64_t get_bound(const struct limits *limits, const struct key *key)
{
	const char *at = (const char *)limits + key->offset;
	uint64_t wide;
	uint32_t narrow;

	if (key->narrow) {
		memcpy(&narrow, at, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, at, sizeof(wide));
	return wide;
}

static void set_bound(struct limits *limits, const struct key *key, uint64_t bound)
{
	char *at = (char *)limits + key->offset;
	const uint32_t narrow = (uint32_t)bound;

	if (key->narrow)
		memcpy(at, &narrow, sizeof(narrow));
	else
		memcpy(at, &bound, sizeof(bound));
}

static int parse_per_area(const char *text, uint64_t *ret, char *reason)
{
	const char *slash = strchr(text, '/');
	char volume[64], why[INJ_TEXT_MAX];
	uint64_t mm2 = 0;
	int64_t nl;
	int r;

	if (slash && strcmp(slash, "/cm2") == 0)
		mm2 = 100;
	else if (slash && strcmp(slash, "/mm2") == 0)
		mm2 = 1;
	if (!mm2 || (size_t)(slash - text) >= sizeof(volume)) {
		snprintf(reason, INJ_TEXT_MAX,
			 "\"%.40s\" %s: expected a volume by area, as in \"100 uL/cm2\"", text,
			 slash ? "has a wrong unit" : "has no area in its unit");
		return -EINVAL;
	}
	text_copy(volume, (size_t)(slash - text) + 1, text);
	r = inj_parse(INJ_VOLUME, volume, &nl, why);
	if (r < 0) {
		memcpy(reason, why, sizeof(why));
		return r;
	}
	if ((uint64_t)nl % mm2) {
		snprintf(reason, INJ_TEXT_MAX,
			 "\"%.40s\" is finer than can be told apart: whole nL/mm2 are", text);
		return -EINVAL;
	}
	*ret = (uint64_t)nl / mm2;
	return 0;
}

static int parse_count(const struct key *key, const char *text, uint64_t *ret, char *reason)
{
	const char *const one = key->kind == KIND_SESSIONS ? "session"
				: key->kind == KIND_DAYS   ? "d"
							   : "stop";
	const char *const many = key->kind == KIND_SESSIONS ? "sessions"
				 : key->kind == KIND_DAYS   ? "d"
							    : "stops";
	uint32_t count;
	int r = count_parse(text, one, many, &count, reason);

	if (r < 0)
		return r;
	*ret = count;
	return 0;
}

static int parse_bound(const struct key *key, const char *text, uint64_t *ret, char *reason)
{
	int64_t value;
	int r;

	switch (key->kind) {
	case KIND_PER_AREA:
		return parse_per_area(text, ret, reason);
	case KIND_SESSIONS:
	case KIND_DAYS:
	case KIND_STOPS:
		return parse_count(key, text, ret, reason);
	case KIND_QUANTITY:
	case KIND_SECONDS:
		break;
	}
	r = inj_parse(key->dimension, text, &value, reason);
	if (r < 0)
		return r;
	if (key->kind == KIND_SECONDS && value % 1000) {
		snprintf(reason, INJ_TEXT_MAX,
			 "\"%.40s\" is finer than can be told apart: whole seconds are", text);
		return -EINVAL;
	}
	*ret = (uint64_t)value / (key->kind == KIND_SECONDS ? 1000 : 1);
	return 0;
}

static const char *format_bound(const struct key *key, uint64_t bound, char buf[INJ_TEXT_MAX])
{
	char volume[INJ_TEXT_MAX];

	switch (key->kind) {
	case KIND_QUANTITY:
		return inj_format(key->dimension, (int64_t)bound, buf);
	case KIND_SECONDS:
		return inj_format(key->dimension, (int64_t)bound * 1000, buf);
	case KIND_PER_AREA:
		inj_format(INJ_VOLUME, (int64_t)bound * 100, volume);
		snprintf(buf, INJ_TEXT_MAX, "%.64s/cm2", volume);
		return buf;
	case KIND_SESSIONS:
	case KIND_DAYS:
	case KIND_STOPS:
		break;
	}
	snprintf(buf, INJ_TEXT_MAX, "%" PRIu64 " %s", bound,
		 key->kind == KIND_SESSIONS ? "sessions"
		 : key->kind == KIND_DAYS   ? "d"
					    : "stops");
	return buf;
}

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* Is @bound no looser than the built-in @ceiling, and of any sense? */
static bool is_allowed(const struct key *key, uint64_t bound, uint64_t ceiling)
{
	if (key->least)
		return bound >= ceiling && bound <= INTERVAL_MAX_D;
	return bound > 0 && bound <= ceiling;
}

static int read_key(const struct conf_line *line, void *userdata, char *error)
{
	char reason[INJ_TEXT_MAX], ceiling_text[INJ_TEXT_MAX];
	const struct key *key = find_key(line->name);
	struct limits *limits = userdata, built_in;
	uint64_t bound, ceiling;
	int r;

	if (!key)
		return conf_refuse(line, error, -EINVAL, "\"%s\" is no limit that mesod knows",
				   line->name);
	r = parse_bound(key, line->text, &bound, reason);
	if (r < 0)
		return conf_refuse(line, error, r, "%s: %s", line->name, reason);
	limits_default(&built_in);
	ceiling = get_bound(&built_in, key);
	if (!is_allowed(key, bound, ceiling))
		return conf_refuse(line, error, -ERANGE,
				   "%s = %s: a file may only tighten; it must be %s %s%s",
				   line->name, line->text,
				   key->least ? "at least" : "above nothing and at most",
				   format_bound(key, ceiling, ceiling_text),
				   key->least ? " and at most 3650 d" : "");
	set_bound(limits, key, bound);
	return 0;
}

int limits_load(const char *const *paths, size_t n_paths, struct limits *ret, char *error)
{
	struct limits limits;
	int r;

	limits_default(&limits);
	for (size_t i = 0; i < n_paths; i++) {
		r = conf_read(paths[i], CONF_LIMITS, read_key, &limits, error);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i + 1 < ARRAY_LENGTH(keys); i += 2) {
		const struct key *soft = &keys[i], *hard = &keys[i + 1];
		const uint64_t s = get_bound(&limits, soft), h = get_bound(&limits, hard);
		char soft_text[INJ_TEXT_MAX], hard_text[INJ_TEXT_MAX];

		if (soft->least ? s < h : s > h)
			return conf_complain(error, -EINVAL, "%s is %s, %s %s, which is %s",
					     soft->name, format_bound(soft, s, soft_text),
					     soft->least ? "below" : "above", hard->name,
					     format_bound(hard, h, hard_text));
	}
	*ret = limits;
	return 0;
}

bool limits_is_tighter(const struct limits *now, const struct limits *next, char *reason)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		const uint64_t was = get_bound(now, &keys[i]), is = get_bound(next, &keys[i]);
		char was_text[INJ_TEXT_MAX], is_text[INJ_TEXT_MAX];

		if (keys[i].least ? is >= was : is <= was)
			continue;
		(void)conf_complain(reason, 0, "%s would be %s, which is no tighter than %s",
				    keys[i].name, format_bound(&keys[i], is, is_text),
				    format_bound(&keys[i], was, was_text));
		return false;
	}
	return true;
}

int limits_describe(const struct limits *limits, limits_line_fn *line, void *userdata)
{
	char text[INJ_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(keys) && r >= 0; i++)
		r = line(keys[i].name, format_bound(&keys[i], get_bound(limits, &keys[i]), text),
			 userdata);
	return r < 0 ? r : 0;
}
