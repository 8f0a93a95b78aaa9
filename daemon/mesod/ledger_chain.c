// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chain: each fact's hash covers the fact and the hash before it.
 *
 * Owns what is hashed and in what form.  What is hashed is what the database
 * gives back, column by column with type and length, so that appending and
 * verifying run the same code.  Never knows what a fact means.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

/* What is to be hashed: gathered, since hashing costs far less than being told byte by byte. */
struct message {
	struct ledger *l;
	bool spilled; /* the beginning is in l->md */
	size_t used;
	uint8_t bytes[2048];
};

static void begin(struct message *m, struct ledger *l)
{
	m->l = l;
	m->spilled = false;
	m->used = 0;
}

static void add(struct message *m, const void *bytes, size_t len)
{
	if (len > sizeof(m->bytes) - m->used) {
		if (!m->spilled)
			gcry_md_reset(m->l->md);
		gcry_md_write(m->l->md, m->bytes, m->used);
		m->spilled = true;
		m->used = 0;
	}
	if (len > sizeof(m->bytes)) {
		gcry_md_write(m->l->md, bytes, len);
		return;
	}
	if (len > 0)
		memcpy(m->bytes + m->used, bytes, len);
	m->used += len;
}

static void finish(struct message *m, uint8_t ret[LEDGER_HASH_LEN])
{
	if (!m->spilled) {
		gcry_md_hash_buffer(GCRY_MD_SHA256, ret, m->bytes, m->used);
		return;
	}
	gcry_md_write(m->l->md, m->bytes, m->used);
	memcpy(ret, gcry_md_read(m->l->md, GCRY_MD_SHA256), LEDGER_HASH_LEN);
}

static void add_u64(struct message *m, uint64_t value)
{
	value = htobe64(value);
	add(m, &value, sizeof(value));
}

static void add_bytes(struct message *m, char type, const void *bytes, size_t len)
{
	add(m, &type, 1);
	add_u64(m, len);
	add(m, bytes, len);
}

/* The value itself costs half of what asking for type and content by column does; it is this thread's. */
static int add_column(struct message *m, sqlite3_stmt *row, int column)
{
	sqlite3_value *value = sqlite3_column_value(row, column);
	const void *bytes;

	switch (sqlite3_value_type(value)) {
	case SQLITE_NULL:
		add_bytes(m, '0', NULL, 0);
		return 0;
	case SQLITE_INTEGER:
		add(m, "i", 1);
		add_u64(m, (uint64_t)sqlite3_value_int64(value));
		return 0;
	case SQLITE_TEXT:
		bytes = sqlite3_value_text(value);
		if (!bytes)
			return -ENOMEM;
		add_bytes(m, 't', bytes, (size_t)sqlite3_value_bytes(value));
		return 0;
	case SQLITE_BLOB:
		bytes = sqlite3_value_blob(value);
		add_bytes(m, 'b', bytes, (size_t)sqlite3_value_bytes(value));
		return 0;
	default:
		/* No column of ours holds a floating point number. */
		return -EBADMSG;
	}
}

/* Hash of fact @number with its row in @row. */
static int hash_fact(struct ledger *l, const uint8_t previous[LEDGER_HASH_LEN], uint64_t number,
		     int64_t time_s, enum fact fact, sqlite3_stmt *row,
		     uint8_t ret[LEDGER_HASH_LEN])
{
	const int columns = sqlite3_column_count(row);
	struct message m;
	int r;

	begin(&m, l);
	add(&m, previous, LEDGER_HASH_LEN);
	add_u64(&m, number);
	add_u64(&m, (uint64_t)time_s);
	add_u64(&m, (uint64_t)fact);
	for (int column = 0; column < columns; column++) {
		r = add_column(&m, row, column);
		if (r < 0)
			return r;
	}
	finish(&m, ret);
	return 0;
}

int chain_digest(struct ledger *l, const struct value *pieces, size_t n,
		 uint8_t ret[LEDGER_HASH_LEN])
{
	struct message m;

	begin(&m, l);
	for (size_t i = 0; i < n; i++) {
		const struct value *p = &pieces[i];

		if (p->type != VALUE_TEXT && p->type != VALUE_BLOB)
			return -EINVAL;
		add_bytes(&m, p->type == VALUE_TEXT ? 't' : 'b', p->pointer,
			  p->type == VALUE_TEXT ? strlen(p->pointer) : (size_t)p->length);
	}
	finish(&m, ret);
	return 0;
}

int chain_get_head(struct ledger *l, struct head *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct head head = { 0 };
	int r;

	r = sql_start0(l, SQL_HEAD, &row);
	if (r >= 0)
		r = sql_step(l, row);
	if (r > 0) {
		head.number = sql_get_u64(row, 0);
		r = sql_get_blob(l, row, 1, head.hash, sizeof(head.hash));
	}
	if (r < 0)
		return r;
	*ret = head;
	return 0;
}

int chain_contains(struct ledger *l, uint64_t number, const uint8_t *hash, size_t len)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	uint8_t ours[LEDGER_HASH_LEN];
	int r;

	if (number > INT64_MAX)
		return 0;
	r = sql_start(l, SQL_CHAIN_HASH, &row, INTEGER(number));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	r = sql_get_blob(l, row, 0, ours, sizeof(ours));
	return r < 0 ? r : memcmp(ours, hash, len) == 0;
}

static int insert_fact(struct ledger *l, enum fact fact, uint64_t number,
		       const struct value *values, size_t n)
{
	_cleanup_(sql_resetp) sqlite3_stmt *insert = NULL;
	struct value all[LEDGER_FIELDS_MAX];
	int r;

	if (n + 1 > ARRAY_LENGTH(all))
		return -EINVAL;
	all[0] = INTEGER(number);
	memcpy(all + 1, values, n * sizeof(*values));
	r = sql_fact_insert(l, fact, &insert);
	if (r >= 0)
		r = sql_bind(l, insert, all, n + 1);
	if (r >= 0)
		r = sql_step(l, insert);
	return r;
}

int chain_append_values(struct ledger *l, int64_t now_s, enum fact fact, int64_t *ret_number,
			const struct value *values, size_t n)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	uint8_t hash[LEDGER_HASH_LEN];
	struct head head;
	int r;

	r = chain_get_head(l, &head);
	if (r < 0)
		return r;
	head.number++;
	r = insert_fact(l, fact, head.number, values, n);
	if (r < 0)
		return r;
	r = sql_fact_select(l, fact, &row);
	if (r >= 0)
		r = sql_bind(l, row, VALUES(INTEGER(head.number)));
	if (r >= 0)
		r = sql_step(l, row);
	if (r == 0)
		r = -EBADMSG;
	if (r >= 0)
		r = hash_fact(l, head.hash, head.number, now_s, fact, row, hash);
	if (r >= 0)
		r = sql_run(l, SQL_CHAIN_INSERT, INTEGER(head.number), INTEGER(now_s),
			    INTEGER(fact), BLOB(hash, sizeof(hash)));
	if (r < 0)
		return r;
	if (now_s > l->newest_s)
		l->newest_s = now_s; /* even if it is rolled back: that time was seen */
	if (ret_number)
		*ret_number = (int64_t)head.number;
	return 0;
}

/* Each table's next row, in step with the chain: to look each of them up would take several times as long. */
struct walk {
	uint64_t after;
	sqlite3_stmt *rows[FACTS]; /* NULL: not begun */
};

static void walk_end(struct walk *walk)
{
	for (size_t i = 0; i < FACTS; i++)
		sql_resetp(&walk->rows[i]);
}

/* The row of fact @number.  1 it is the table's next one, 0 not */
static int walk_to(struct ledger *l, struct walk *walk, enum fact fact, uint64_t number)
{
	int r = 0;

	if (!walk->rows[fact])
		r = sql_fact_walk(l, fact, walk->after, &walk->rows[fact]);
	if (r >= 0)
		r = sql_step(l, walk->rows[fact]);
	return r <= 0 ? r : sql_get_u64(walk->rows[fact], 0) == number;
}

/* Check the fact that @link, a row of SQL_CHAIN_AFTER, names.  1 good, 0 not. */
static int verify_link(struct ledger *l, sqlite3_stmt *link, struct walk *walk, struct head *head)
{
	uint8_t stored[LEDGER_HASH_LEN], computed[LEDGER_HASH_LEN];
	uint64_t number = sql_get_u64(link, 0), fact = sql_get_u64(link, 2);
	int r;

	if (number != head->number + 1 || !fact_name(l, fact))
		return 0;
	r = sql_get_blob(l, link, 3, stored, sizeof(stored));
	if (r >= 0)
		r = walk_to(l, walk, (enum fact)fact, number);
	if (r <= 0)
		return r;
	r = hash_fact(l, head->hash, number, sqlite3_column_int64(link, 1), (enum fact)fact,
		      walk->rows[fact], computed);
	if (r < 0)
		return r;
	if (memcmp(stored, computed, sizeof(stored)) != 0)
		return 0;
	head->number = number;
	memcpy(head->hash, computed, sizeof(head->hash));
	return 1;
}

static int start_after(struct ledger *l, uint64_t after, struct head *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	*ret = (struct head){ .number = after };
	if (after == 0)
		return 1;
	r = sql_start(l, SQL_CHAIN_HASH, &row, INTEGER(after));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	r = sql_get_blob(l, row, 0, ret->hash, sizeof(ret->hash));
	return r < 0 ? r : 1;
}

int chain_verify(struct ledger *l, uint64_t after, struct ledger_report *report)
{
	_cleanup_(walk_end) struct walk walk = { .after = after };
	_cleanup_(sql_resetp) sqlite3_stmt *link = NULL;
	struct head head;
	int r;

	r = start_after(l, after, &head);
	if (r > 0)
		r = sql_start(l, SQL_CHAIN_AFTER, &link, INTEGER(after), INTEGER(-1));
	else if (r == 0)
		r = -EBADMSG;
	while (r >= 0) {
		r = sql_step(l, link);
		if (r <= 0)
			break;
		r = verify_link(l, link, &walk, &head);
		if (r == 0)
			r = -EBADMSG;
	}
	report->records = head.number;
	memcpy(report->head, head.hash, sizeof(report->head));
	if (r == -EBADMSG)
		snprintf(report->problem, sizeof(report->problem),
			 "record %" PRIu64 " is not what was recorded", head.number + 1);
	return r;
}

/* ------------------------------------------------------------- reading it */

struct hex_space {
	size_t used;
	char text[512];
};

static int read_field(sqlite3_stmt *row, int column, struct hex_space *space,
		      struct ledger_field *ret)
{
	const void *bytes;
	size_t len;

	*ret = (struct ledger_field){ .name = sqlite3_column_name(row, column),
				      .type = LEDGER_NULL };
	switch (sqlite3_column_type(row, column)) {
	case SQLITE_INTEGER:
		ret->type = LEDGER_INTEGER;
		ret->integer = sqlite3_column_int64(row, column);
		break;
	case SQLITE_TEXT:
		ret->type = LEDGER_TEXT;
		ret->text = (const char *)sqlite3_column_text(row, column);
		if (!ret->text)
			return -ENOMEM;
		break;
	case SQLITE_BLOB:
		bytes = sqlite3_column_blob(row, column);
		len = (size_t)sqlite3_column_bytes(row, column);
		if (2 * len + 1 > sizeof(space->text) - space->used)
			return -EBADMSG;
		ret->type = LEDGER_BYTES;
		ret->text = space->text + space->used;
		text_hex(bytes, len, space->text + space->used);
		space->used += 2 * len + 1;
		break;
	default:
		break;
	}
	return ret->name ? 0 : -ENOMEM;
}

static int read_record(struct ledger *l, sqlite3_stmt *link,
		       int (*found)(const struct ledger_record *record, void *userdata),
		       void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct hex_space space = { 0 };
	struct ledger_record record = { 0 };
	uint64_t fact = sql_get_u64(link, 2);
	int r;

	record.type = fact_name(l, fact);
	if (!record.type)
		return -EBADMSG;
	record.number = sql_get_u64(link, 0);
	record.time_s = sqlite3_column_int64(link, 1);
	r = sql_get_blob(l, link, 3, record.hash, sizeof(record.hash));
	if (r >= 0)
		r = sql_fact_select(l, (enum fact)fact, &row);
	if (r >= 0)
		r = sql_bind(l, row, VALUES(INTEGER(record.number)));
	if (r >= 0)
		r = sql_step(l, row);
	if (r == 0)
		r = -EBADMSG;
	/* The first column is the number again. */
	for (int column = 1; r >= 0 && column < sqlite3_column_count(row); column++)
		r = read_field(row, column, &space, &record.fields[record.n_fields++]);
	return r < 0 ? r : found(&record, userdata);
}

int ledger_foreach_record(struct ledger *l, uint64_t after, uint32_t max,
			  int (*found)(const struct ledger_record *record, void *userdata),
			  void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *link = NULL;
	int r;

	r = ledger_readable(l);
	if (r < 0 || after > INT64_MAX)
		return r;
	r = sql_start(l, SQL_CHAIN_AFTER, &link, INTEGER(after), INTEGER(max));
	while (r >= 0) {
		r = sql_step(l, link);
		if (r <= 0)
			return r;
		r = read_record(l, link, found, userdata);
		if (r != 0)
			return r;
	}
	return r;
}
