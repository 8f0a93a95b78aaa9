// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operators and patients.
 *
 * Owns the split between the fact (a random id, a digest) and the name (erasable,
 * beside the chain), and that a licence which is renewed is one more fact: the newest
 * counts.  The digest is salted and the salt is erased with the name,
 * so that what stays in the chain cannot be tried out against a list of names.
 */
#include <errno.h>
#include <string.h>

#include "ledger_internal.h"

static int add_operator(struct ledger *l, int64_t now_s, const struct ledger_operator *op,
			const struct ledger_id *id)
{
	uint8_t salt[LEDGER_SALT_LEN], identity[LEDGER_HASH_LEN];
	int r;

	r = random_bytes(salt, sizeof(salt));
	if (r >= 0)
		r = chain_digest(
			l, VALUES(BLOB(salt, sizeof(salt)), TEXT(op->name), TEXT(op->licence)),
			identity);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_OPERATOR, NULL, BLOB(id->bytes, LEDGER_ID_LEN),
				 INTEGER(op->uid), TEXT(op->expires),
				 BLOB(identity, sizeof(identity)));
	if (r >= 0)
		r = sql_run(l, SQL_OPERATOR_NAME_INSERT, BLOB(id->bytes, LEDGER_ID_LEN),
			    BLOB(salt, sizeof(salt)), TEXT(op->name), TEXT(op->licence));
	return r;
}

int ledger_add_operator(struct ledger *l, int64_t now_s, const struct ledger_operator *op,
			struct ledger_id *ret_id)
{
	struct ledger_id id;
	int r;

	if (!op || text_check_name(op->name, sizeof(op->name)) < 0 ||
	    text_check_name(op->licence, sizeof(op->licence)) < 0 ||
	    text_check_date(op->expires) < 0)
		return -EINVAL;
	r = random_bytes(id.bytes, sizeof(id.bytes));
	if (r >= 0)
		r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, add_operator(l, now_s, op, &id));
	if (r >= 0 && ret_id)
		*ret_id = id;
	return r;
}

static int renew_operator(struct ledger *l, int64_t now_s, const struct ledger_renewal *v)
{
	uint8_t salt[LEDGER_SALT_LEN], identity[LEDGER_HASH_LEN];
	struct ledger_operator op;
	int64_t number;
	int r;

	r = ledger_get_operator(l, v->operator_uid, &op);
	if (r >= 0 && op.erased)
		r = -EIDRM;
	if (r >= 0)
		r = random_bytes(salt, sizeof(salt));
	if (r >= 0)
		r = chain_digest(l, VALUES(BLOB(salt, sizeof(salt)), TEXT(v->licence)), identity);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_RENEWAL, &number, BLOB(op.id.bytes, LEDGER_ID_LEN),
				 TEXT(v->expires), BLOB(identity, sizeof(identity)),
				 INTEGER(v->uid));
	if (r >= 0)
		r = sql_run(l, SQL_RENEWAL_NAME_INSERT, INTEGER(number), BLOB(salt, sizeof(salt)),
			    TEXT(v->licence));
	return r;
}

int ledger_renew_operator(struct ledger *l, int64_t now_s, const struct ledger_renewal *renewal)
{
	int r;

	if (!renewal || text_check_name(renewal->licence, sizeof(renewal->licence)) < 0 ||
	    text_check_date(renewal->expires) < 0)
		return -EINVAL;
	r = ledger_begin(l);
	return r < 0 ? r : ledger_end(l, renew_operator(l, now_s, renewal));
}

static int read_operator(struct ledger *l, sqlite3_stmt *row, struct ledger_operator *ret)
{
	struct ledger_operator op = { .uid = sql_get_u32(row, 1),
				      .erased = sqlite3_column_type(row, 2) == SQLITE_NULL };
	int r;

	r = sql_get_blob(l, row, 0, op.id.bytes, sizeof(op.id.bytes));
	if (r >= 0)
		r = sql_get_text(l, row, 2, op.name, sizeof(op.name));
	if (r >= 0)
		r = sql_get_text(l, row, 3, op.licence, sizeof(op.licence));
	if (r >= 0)
		r = sql_get_text(l, row, 4, op.expires, sizeof(op.expires));
	if (r >= 0)
		*ret = op;
	return r;
}

int ledger_get_operator(struct ledger *l, uint32_t uid, struct ledger_operator *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = ledger_readable(l);
	if (r >= 0)
		r = sql_start(l, l->schema >= 2 ? SQL_OPERATOR_BY_UID : SQL_OPERATOR_BY_UID_1, &row,
			      INTEGER(uid));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return read_operator(l, row, ret);
}

int ledger_foreach_operator(struct ledger *l,
			    int (*found)(const struct ledger_operator *op, void *userdata),
			    void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_operator op;
	int r;

	r = ledger_readable(l);
	if (r >= 0)
		r = sql_start0(l, l->schema >= 2 ? SQL_OPERATORS : SQL_OPERATORS_1, &row);
	while (r >= 0) {
		r = sql_step(l, row);
		if (r <= 0)
			return r;
		r = read_operator(l, row, &op);
		if (r < 0)
			return r;
		r = found(&op, userdata);
		if (r != 0)
			return r;
	}
	return r;
}

static int add_patient(struct ledger *l, int64_t now_s, const struct ledger_patient *p,
		       const struct ledger_id *id)
{
	uint8_t salt[LEDGER_SALT_LEN], identity[LEDGER_HASH_LEN];
	int r;

	r = random_bytes(salt, sizeof(salt));
	if (r >= 0)
		r = chain_digest(l,
				 VALUES(BLOB(salt, sizeof(salt)), TEXT(p->reference), TEXT(p->name),
					TEXT(p->birth_date)),
				 identity);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_PATIENT, NULL, BLOB(id->bytes, LEDGER_ID_LEN),
				 INTEGER(p->mass_g), BLOB(identity, sizeof(identity)));
	if (r >= 0)
		r = sql_run(l, SQL_PATIENT_NAME_INSERT, BLOB(id->bytes, LEDGER_ID_LEN),
			    BLOB(salt, sizeof(salt)), TEXT(p->reference), TEXT(p->name),
			    TEXT(p->birth_date));
	return r;
}

int ledger_add_patient(struct ledger *l, int64_t now_s, const struct ledger_patient *p,
		       struct ledger_id *ret_id)
{
	struct ledger_id id;
	int r;

	if (!p || text_check_name(p->reference, sizeof(p->reference)) < 0 ||
	    text_check_name(p->name, sizeof(p->name)) < 0 || text_check_date(p->birth_date) < 0)
		return -EINVAL;
	/* A reference that reads as an id could name two patients. */
	if (ledger_id_parse(p->reference, &id) >= 0)
		return -EINVAL;
	r = random_bytes(id.bytes, sizeof(id.bytes));
	if (r >= 0)
		r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, add_patient(l, now_s, p, &id));
	if (r >= 0 && ret_id)
		*ret_id = id;
	return r;
}

static int read_patient(struct ledger *l, sqlite3_stmt *row, struct ledger_patient *ret)
{
	struct ledger_patient p = { .mass_g = sql_get_u32(row, 4),
				    .erased = sqlite3_column_type(row, 1) == SQLITE_NULL };
	int r;

	r = sql_get_blob(l, row, 0, p.id.bytes, sizeof(p.id.bytes));
	if (r >= 0)
		r = sql_get_text(l, row, 1, p.reference, sizeof(p.reference));
	if (r >= 0)
		r = sql_get_text(l, row, 2, p.name, sizeof(p.name));
	if (r >= 0)
		r = sql_get_text(l, row, 3, p.birth_date, sizeof(p.birth_date));
	if (r >= 0)
		*ret = p;
	return r;
}

int ledger_get_patient(struct ledger *l, const char *id_or_reference, struct ledger_patient *ret)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_id id;
	int r;

	if (!id_or_reference)
		return -EINVAL;
	r = ledger_readable(l);
	if (r < 0)
		return r;
	if (ledger_id_parse(id_or_reference, &id) >= 0)
		r = sql_start(l, SQL_PATIENT_BY_ID, &row, BLOB(id.bytes, sizeof(id.bytes)));
	else
		r = sql_start(l, SQL_PATIENT_BY_REFERENCE, &row, TEXT(id_or_reference));
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return read_patient(l, row, ret);
}

int ledger_foreach_patient(struct ledger *l,
			   int (*found)(const struct ledger_patient *patient, void *userdata),
			   void *userdata)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	struct ledger_patient p;
	int r;

	r = ledger_readable(l);
	if (r >= 0)
		r = sql_start0(l, SQL_PATIENTS, &row);
	while (r >= 0) {
		r = sql_step(l, row);
		if (r <= 0)
			return r;
		r = read_patient(l, row, &p);
		if (r < 0)
			return r;
		r = found(&p, userdata);
		if (r != 0)
			return r;
	}
	return r;
}
