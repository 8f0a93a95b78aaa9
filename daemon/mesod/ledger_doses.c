// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of each substance a dose was: the derived table `dose`, one row for each
 * dose (a lease, attributed shots, a dose given by hand or elsewhere) and substance.
 *
 * Owns how a row follows from the facts.  Writing and verifying run the same code:
 * whatever changes a dose has its rows computed anew from the facts, so that no row
 * can differ from them.  What a lease spent is rounded up once, for the whole lease.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

/* What SQL gives of one dose. */
struct source {
	int64_t n;
	uint8_t patient[LEDGER_ID_LEN];
	struct value session;
	struct value course;
	int64_t day;
	int64_t dose_time;
	uint64_t volume_nl;
	bool known; /* by substance, otherwise the volume is all that is known */
	bool outstanding;
	bool dated;
	bool by_volume; /* amounts below are concentrations */
	size_t n_substances;
	struct ledger_substance substances[FORMULARY_COMPONENTS];
};

struct row {
	const char *substance;
	int64_t unit;
	int64_t concentration;
	int64_t amount;
};

/* ------------------------------------------------- substances written down */

static const char *const units[] = { [FORMULARY_NG] = "ng", [FORMULARY_MIU] = "miu" };

int substances_check(const struct ledger_substance *list, size_t n)
{
	if (n == 0 || n > FORMULARY_COMPONENTS)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (text_check_id(list[i].id) < 0 || (size_t)list[i].unit >= ARRAY_LENGTH(units) ||
		    list[i].amount == 0 || list[i].amount > INT64_MAX)
			return -EINVAL;
		for (size_t k = 0; k < i; k++)
			if (strcmp(list[k].id, list[i].id) == 0)
				return -EINVAL;
	}
	return 0;
}

void substances_format(const struct ledger_substance *list, size_t n, char buf[SUBSTANCES_TEXT_MAX])
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n && used < SUBSTANCES_TEXT_MAX; i++)
		used += (size_t)snprintf(buf + used, SUBSTANCES_TEXT_MAX - used, "%s%s:%s:%" PRIu64,
					 i ? " " : "", list[i].id, units[list[i].unit],
					 list[i].amount);
}

static int parse_one(char *text, struct ledger_substance *ret)
{
	char *unit = strchr(text, ':'), *amount = unit ? strchr(unit + 1, ':') : NULL, *end;
	size_t u = 0;

	if (!amount)
		return -EBADMSG;
	*unit++ = *amount++ = '\0';
	while (u < ARRAY_LENGTH(units) && strcmp(units[u], unit) != 0)
		u++;
	if (u == ARRAY_LENGTH(units) || text_check_id(text) < 0 || *amount < '0' || *amount > '9')
		return -EBADMSG;
	*ret = (struct ledger_substance){ .unit = (enum formulary_unit)u };
	snprintf(ret->id, sizeof(ret->id), "%s", text);
	errno = 0;
	ret->amount = strtoull(amount, &end, 10);
	return *end || errno ? -EBADMSG : 0;
}

int substances_read(struct ledger *l, sqlite3_stmt *row, int column,
		    struct ledger_substance list[FORMULARY_COMPONENTS], size_t *ret_n)
{
	char text[SUBSTANCES_TEXT_MAX], *next = text, *one;
	size_t n = 0;
	int r;

	r = sql_get_text(l, row, column, text, sizeof(text));
	while (r >= 0 && (one = strsep(&next, " "))) {
		r = n < FORMULARY_COMPONENTS ? parse_one(one, &list[n]) : -EBADMSG;
		n++;
	}
	if (r == -EBADMSG)
		ledger_set_state(l, LEDGER_CORRUPT,
				 "the ledger's column %s has substances that nobody wrote",
				 sqlite3_column_name(row, column));
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

/* ------------------------------------------------------------ rows of a dose */

static struct value same_integer(sqlite3_stmt *row, int column)
{
	if (sqlite3_column_type(row, column) != SQLITE_INTEGER)
		return (struct value){ .type = VALUE_NULL };
	return INTEGER(sqlite3_column_int64(row, column));
}

static int read_source(struct ledger *l, sqlite3_stmt *row, struct source *ret)
{
	int r;

	*ret = (struct source){
		.n = sqlite3_column_int64(row, 0),
		.session = same_integer(row, 2),
		.course = same_integer(row, 3),
		.day = sqlite3_column_int64(row, 4),
		.dose_time = sqlite3_column_int64(row, 5),
		.volume_nl = sql_get_u64(row, 6),
		.known = sqlite3_column_type(row, 7) == SQLITE_TEXT,
		.outstanding = sqlite3_column_int(row, 8) != 0,
		.dated = sqlite3_column_int(row, 9) != 0,
		.by_volume = sqlite3_column_int(row, 10) != 0,
	};
	r = sql_get_blob(l, row, 1, ret->patient, sizeof(ret->patient));
	if (r >= 0 && ret->known)
		r = substances_read(l, row, 7, ret->substances, &ret->n_substances);
	return r;
}

static int64_t bounded(uint64_t amount)
{
	return amount > INT64_MAX ? INT64_MAX : (int64_t)amount;
}

/* At least one, so that every dose is seen. */
static size_t expand(const struct source *s, struct row rows[FORMULARY_COMPONENTS])
{
	if (!s->known) {
		rows[0] = (struct row){ "", DOSE_UNKNOWN, 0, bounded(s->volume_nl) };
		return 1;
	}
	for (size_t i = 0; i < s->n_substances; i++) {
		const struct ledger_substance *v = &s->substances[i];

		rows[i] = (struct row){ v->id, v->unit, 0, bounded(v->amount) };
		if (!s->by_volume)
			continue;
		rows[i].concentration = bounded(v->amount);
		rows[i].amount = bounded(formulary_amount(s->volume_nl, v->amount));
	}
	return s->n_substances;
}

static int write_rows(struct ledger *l, const struct source *s)
{
	struct row rows[FORMULARY_COMPONENTS];
	size_t n = expand(s, rows);
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = sql_run(l, SQL_DOSE_WRITE, INTEGER(s->n), TEXT(rows[i].substance),
			    BLOB(s->patient, sizeof(s->patient)), s->session, s->course,
			    INTEGER(s->day), INTEGER(s->dose_time), INTEGER(rows[i].unit),
			    INTEGER(rows[i].concentration), INTEGER(rows[i].amount),
			    INTEGER(s->outstanding), INTEGER(s->dated));
	return r;
}

/* 1 it is a dose that counts, 0 not (any more) */
static int find_source(struct ledger *l, enum sql sql, int64_t n, struct source *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, sql, &row, INTEGER(n));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	r = read_source(l, row, ret);
	return r < 0 ? r : 1;
}

int doses_of_lease(struct ledger *l, int64_t reservation)
{
	struct source source;
	int r;

	r = find_source(l, SQL_DOSE_OF_LEASE, reservation, &source);
	return r <= 0 ? r : write_rows(l, &source);
}

int doses_of_attribution(struct ledger *l, int64_t attribution)
{
	struct source source;
	int r;

	r = find_source(l, SQL_DOSE_OF_ATTRIBUTION, attribution, &source);
	return r <= 0 ? r : write_rows(l, &source);
}

int doses_of_hand(struct ledger *l, int64_t hand_dose)
{
	struct source source;
	int r;

	r = find_source(l, SQL_DOSE_OF_HAND, hand_dose, &source);
	if (r == 0)
		return sql_run(l, SQL_DOSE_DELETE, INTEGER(hand_dose));
	return r < 0 ? r : write_rows(l, &source);
}

/* ------------------------------------------------------------- verification */

static bool is_value(sqlite3_stmt *row, int column, const struct value *v)
{
	int type = sqlite3_column_type(row, column);

	if (v->type == VALUE_NULL)
		return type == SQLITE_NULL;
	return type == SQLITE_INTEGER && sqlite3_column_int64(row, column) == v->integer;
}

/* 1 the row is there and as it must be, 0 not */
static int is_row(struct ledger *l, const struct source *s, const struct row *v)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	const void *patient;
	int r;

	r = sql_start(l, SQL_DOSE_ROW, &row, INTEGER(s->n), TEXT(v->substance));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	patient = sqlite3_column_blob(row, 0);
	return patient && sqlite3_column_bytes(row, 0) == LEDGER_ID_LEN &&
	       memcmp(patient, s->patient, LEDGER_ID_LEN) == 0 && is_value(row, 1, &s->session) &&
	       is_value(row, 2, &s->course) && sqlite3_column_int64(row, 3) == s->day &&
	       sqlite3_column_int64(row, 4) == s->dose_time &&
	       sqlite3_column_int64(row, 5) == v->unit &&
	       sqlite3_column_int64(row, 6) == v->concentration &&
	       sqlite3_column_int64(row, 7) == v->amount &&
	       (sqlite3_column_int64(row, 8) != 0) == s->outstanding &&
	       (sqlite3_column_int64(row, 9) != 0) == s->dated;
}

/* How many rows a source has, or -EBADMSG and which one is wrong. */
static int verify_source(struct ledger *l, const struct source *s, struct ledger_report *report)
{
	struct row rows[FORMULARY_COMPONENTS];
	size_t n = expand(s, rows);
	int r;

	for (size_t i = 0; i < n; i++) {
		r = is_row(l, s, &rows[i]);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		snprintf(report->problem, sizeof(report->problem),
			 "what record %" PRId64 " gave of %s is not what the facts say", s->n,
			 rows[i].substance[0] ? rows[i].substance : "an unknown substance");
		return -EBADMSG;
	}
	return (int)n;
}

static int verify_count(struct ledger *l, uint64_t expected, struct ledger_report *report)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start0(l, SQL_DOSE_COUNT, &row);
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	if (sql_get_u64(row, 0) == expected)
		return 0;
	snprintf(report->problem, sizeof(report->problem),
		 "there are %" PRIu64 " amounts of substances, the facts say %" PRIu64,
		 sql_get_u64(row, 0), expected);
	return -EBADMSG;
}

int doses_verify(struct ledger *l, struct ledger_report *report)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct source source;
	uint64_t count = 0;
	int r;

	r = sql_start0(l, SQL_DOSE_SOURCES, &row);
	while (r >= 0 && (r = sql_step(l, row)) > 0) {
		r = read_source(l, row, &source);
		if (r >= 0)
			r = verify_source(l, &source, report);
		if (r >= 0)
			count += (uint64_t)r;
	}
	return r < 0 ? r : verify_count(l, count, report);
}
