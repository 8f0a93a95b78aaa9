// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl ledger export: the whole chain for somebody else's tools.
 *
 * Owns the two forms.  Both: one record a line, its number, its time in UTC (RFC
 * 3339) and in seconds since 1970, its type, its hash, and what it carries.  A
 * quantity is a whole number, and its UCUM code is in its name: "volume_nl" of
 * the ledger is "volume[nL]" here.
 *
 * NDJSON: an object a line, texts to the letter.  CSV (RFC 4180): one table with
 * a column for every name that occurs, because that is what a spreadsheet
 * filters by type and sums up.  The columns are known only after the whole chain
 * was read, so that it is read twice; the second time ends where the first did.
 * A text that a spreadsheet would take for a formula gets an apostrophe before
 * it.
 *
 * Never holds more than a page of records, never leaves half a file, and never
 * passes over a record: numbers that do not follow are an error.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "mesoctl.h"
#include "save_file.h"

#define PAGE        500 /* records a call; mesod gives at most 1000 */
#define COLUMNS_MAX 512 /* far more than the ledger's tables have */
#define NAME_LEN    80
#define WHEN_MAX    32

struct export
{
	struct ctl *ctl;
	FILE *out;
	const char *where; /* for sentences */
	const char *format;
	const char *output;
	uint32_t after;
	json_t *columns; /* CSV: an object, so that looking up is quick; in order of appearance */
	uint64_t last;   /* number of the newest record read */
	uint64_t until;  /* do not read beyond; UINT64_MAX: to the end */
};

typedef int (*record_fn)(struct export *e, const json_t *record);

/* "volume_nl" becomes "volume[nL]"; what has no unit stays. */
static const char *ucum_name(const char *name, char buf[NAME_LEN])
{
	static const struct {
		const char *end;
		const char *code;
	} units[] = {
		{ "_nl", "nL" },     { "_um", "um" }, { "_nm", "nm" },   { "_pa", "Pa" },
		{ "_ns", "ns" },     { "_us", "us" }, { "_ms", "ms" },   { "_s", "s" },
		{ "_ng", "ng" },     { "_g", "g" },   { "_mhz", "mHz" }, { "_miu", "m[IU]" },
		{ "_percent", "%" }, { "_pl", "pL" }, { "_mm2", "mm2" },
	};
	size_t length = strlen(name);

	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		size_t tail = strlen(units[i].end);

		if (length <= tail || strcmp(name + length - tail, units[i].end) != 0)
			continue;
		snprintf(buf, NAME_LEN, "%.*s[%s]", (int)(length - tail), name, units[i].code);
		return buf;
	}
	return name;
}

/* "" for a time that RFC 3339 has no way to write. */
static const char *rfc3339(int64_t seconds, char buf[WHEN_MAX])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900 ||
	    strftime(buf, WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

/* What every record has; the rest is its type's. */
static bool is_head(const char *key)
{
	static const char *const head[] = { "number", "time", "type", "hash" };

	for (size_t i = 0; i < ARRAY_LENGTH(head); i++)
		if (strcmp(head[i], key) == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------------ NDJSON */

static int write_ndjson(struct export *e, const json_t *record)
{
	_cleanup_(ctl_json_decrefp) json_t *line = json_object();
	const int64_t time_s = ctl_number(record, "time");
	char name[NAME_LEN], when[WHEN_MAX];
	const char *key;
	json_t *value;
	int r;

	rfc3339(time_s, when);
	r = json_object_set_new(line, "number", json_integer(ctl_number(record, "number")));
	r |= json_object_set_new(line, "time", *when ? json_string(when) : json_null());
	r |= json_object_set_new(line, "time[s]", json_integer(time_s));
	r |= json_object_set(line, "type", json_object_get(record, "type"));
	r |= json_object_set(line, "hash", json_object_get(record, "hash"));
	json_object_foreach((json_t *)record, key, value) {
		if (!is_head(key))
			r |= json_object_set(line, ucum_name(key, name), value);
	}
	if (r < 0)
		return ctl_fail(e->ctl, CTL_FAILED, "there is no memory for a record");
	if (json_dumpf(line, e->out, JSON_COMPACT) < 0)
		return CTL_FAILED;
	return fputc('\n', e->out) == EOF ? CTL_FAILED : CTL_OK;
}

/* --------------------------------------------------------------------- CSV */

static void write_text(FILE *out, const char *text)
{
	/* What a spreadsheet calculates is not what was recorded. */
	const char *formula = *text && strchr("=+-@\t\r", *text) ? "'" : "";

	if (!*formula && !strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fprintf(out, "\"%s", formula);
	for (; *text; text++)
		fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
	fputc('"', out);
}

static void write_cell(FILE *out, const json_t *value)
{
	if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "1" : "0", out);
	else if (json_is_string(value))
		write_text(out, json_string_value(value));
}

static int gather_columns(struct export *e, const json_t *record)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)record, key, value) {
		if (is_head(key) || json_object_get(e->columns, key))
			continue;
		if (json_object_size(e->columns) == COLUMNS_MAX)
			return ctl_fail(e->ctl, CTL_FAILED,
					"the ledger has more than %d kinds of fields: is mesod of "
					"this version?",
					COLUMNS_MAX);
		if (json_object_set_new(e->columns, key, json_true()) < 0)
			return ctl_fail(e->ctl, CTL_FAILED, "there is no memory for a column");
	}
	return CTL_OK;
}

static int write_header(struct export *e)
{
	char name[NAME_LEN];
	const char *key;
	json_t *value;

	fputs("number,time,time[s],type,hash", e->out);
	json_object_foreach(e->columns, key, value) {
		fputc(',', e->out);
		write_text(e->out, ucum_name(key, name));
	}
	fputs("\r\n", e->out);
	return ferror(e->out) ? CTL_FAILED : CTL_OK;
}

static int write_csv(struct export *e, const json_t *record)
{
	const int64_t time_s = ctl_number(record, "time");
	char when[WHEN_MAX];
	const char *key;
	json_t *value;

	fprintf(e->out, "%" PRId64 ",%s,%" PRId64 ",%s,%s", ctl_number(record, "number"),
		rfc3339(time_s, when), time_s, ctl_text(record, "type"), ctl_text(record, "hash"));
	json_object_foreach(e->columns, key, value) {
		fputc(',', e->out);
		write_cell(e->out, json_object_get(record, key));
	}
	fputs("\r\n", e->out);
	return ferror(e->out) ? CTL_FAILED : CTL_OK;
}

/* ------------------------------------------------------------------ reading */

static int take_record(struct export *e, const json_t *record, record_fn take)
{
	const uint64_t number = (uint64_t)ctl_number(record, "number");

	if (number != e->last + 1 || !*ctl_text(record, "type") || !*ctl_text(record, "hash"))
		return ctl_fail(e->ctl, CTL_LEDGER,
				"mesod gave record %" PRIu64 " after record %" PRIu64
				": the export would not be the chain",
				number, e->last);
	e->last = number;
	return take(e, record);
}

/* Calls back for every record after e->after up to e->until; what is read is let go page by page. */
static int walk(struct export *e, record_fn take)
{
	int code = CTL_OK;

	e->last = e->after;
	while (code == CTL_OK && e->last < e->until) {
		_cleanup_(ctl_json_decrefp) json_t *page = NULL;
		const uint64_t left = e->until - e->last;
		const uint32_t wanted = left < PAGE ? (uint32_t)left : PAGE;
		const json_t *record;
		size_t i;

		code = ctl_call_json(e->ctl, MESOD_PATH, MESOD_MANAGER, "ListLedger", &page, "tu",
				     e->last, wanted);
		if (code != CTL_OK)
			return code;
		json_array_foreach(page, i, record) {
			code = take_record(e, record, take);
			if (code != CTL_OK)
				return code;
		}
		if (json_array_size(page) < wanted)
			break;
	}
	return code;
}

static int export_csv(struct export *e)
{
	int code;

	e->columns = json_object();
	if (!e->columns)
		return ctl_fail(e->ctl, CTL_FAILED, "there is no memory for the columns");
	code = walk(e, gather_columns);
	if (code == CTL_OK)
		code = write_header(e);
	e->until = e->last;
	return code == CTL_OK ? walk(e, write_csv) : code;
}

/* -------------------------------------------------------------------- where */

static int cannot_write(const struct export *e, int error)
{
	return ctl_fail(e->ctl, CTL_FAILED, "%.200s cannot be written: %s", e->where,
			strerrordesc_np(error ? error : EIO));
}

static int export_all(struct export *e)
{
	int code;

	errno = 0;
	code = strcmp(e->format, "csv") == 0 ? export_csv(e) : walk(e, write_ndjson);
	/* Whoever failed to write has not said so. */
	if (code == CTL_FAILED && ferror(e->out))
		return cannot_write(e, errno);
	if (code == CTL_OK && fflush(e->out) != 0)
		return cannot_write(e, errno);
	return code;
}

static int export_to_file(struct export *e)
{
	_cleanup_(save_file_drop) struct save_file file = { 0 };
	int code, r;

	r = save_file_begin(&file, e->output);
	if (r == -ENOTTY)
		return ctl_fail(e->ctl, CTL_USAGE,
				"--output %.200s is no regular file: leave --output out to write "
				"to a pipe or device",
				e->output);
	if (r < 0)
		return cannot_write(e, -r);
	e->out = file.out;
	code = export_all(e);
	if (code != CTL_OK)
		return code;
	r = save_file_end(&file);
	return r < 0 ? cannot_write(e, -r) : CTL_OK;
}

int ctl_ledger_export(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "format", CTL_TEXT, 0, false, offsetof(struct export, format), "FORM",
		  "ndjson (default) or csv" },
		{ "after", CTL_NUMBER, 0, false, offsetof(struct export, after), "N",
		  "only records after number N" },
		{ "output", CTL_TEXT, 0, false, offsetof(struct export, output), "FILE",
		  "write FILE, whole or not at all, instead of standard output" },
	};
	struct export e = { .ctl = ctl, .format = "ndjson", .until = UINT64_MAX };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "ledger export [OPTION...]", options,
			   ARRAY_LENGTH(options), &e, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "\"%.40s\" belongs to no option", arguments[0]);
	if (code == CTL_OK && strcmp(e.format, "ndjson") != 0 && strcmp(e.format, "csv") != 0)
		code = ctl_fail(ctl, CTL_USAGE,
				"--format: \"%.40s\" is wrong: expected ndjson or csv", e.format);
	if (code != CTL_OK)
		return code;
	/* A reader that goes away is an error to be told, not a death. */
	signal(SIGPIPE, SIG_IGN);
	e.where = e.output ? e.output : "standard output";
	e.out = stdout;
	code = e.output ? export_to_file(&e) : export_all(&e);
	json_decref(e.columns);
	return code;
}
