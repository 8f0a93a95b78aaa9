// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ledger that somebody changed by hand, or a disk by itself: each forged fact
 * and each flipped byte is found.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger_fixture.h"

static struct bench b;

static void setup(void)
{
	bench_start(&b);
	bench_treat(&b, 20000, 2);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
}

static void teardown(void)
{
	bench_stop(&b);
}

static void expect_state(enum ledger_state state)
{
	ck_assert_msg(ledger_get_state(b.ledger) == state, "%s: %s",
		      ledger_state_name(ledger_get_state(b.ledger)), ledger_get_problem(b.ledger));
	ck_assert(state == LEDGER_OK || ledger_get_problem(b.ledger)[0]);
}

/* Every function that writes. */
static void expect_no_writing(int error)
{
	struct ledger_reservation v;
	struct meso_host_mark mark;
	struct meso_shot shot = { .epoch = EPOCH, .number = 1 };
	int64_t session;

	ck_assert_int_eq(add_operator(b.ledger, 7), error);
	ck_assert_int_eq(add_patient(b.ledger, "P-7", NULL), error);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &b.patient, SERIAL,
					     OPERATOR, &session),
			 error);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, 1, "x"), error);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), error);
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, NULL), error);
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, NULL), error);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &b.gun, 0, "x", false), error);
	ck_assert_int_eq(ledger_add_incident(b.ledger, T0, "x", SERIAL, NULL, "x", false), error);
	ck_assert_int_eq(ledger_get_host_mark(b.ledger, &mark), error);
	ck_assert_int_eq(ledger_write_mark(b.ledger), error);
}

/* --------------------------------------------------------------- tampering */

static const char *const forgeries[] = {
	/* facts */
	"UPDATE shot SET delivered_nl = 1, reported_nl = 1 WHERE number = 41",
	"DELETE FROM shot WHERE number = 41",
	"UPDATE shot SET lease_id = zeroblob(16)",
	"UPDATE patient SET mass_g = 1",
	"UPDATE reservation SET area = ''",
	"UPDATE reservation SET area = x'00' WHERE 0; UPDATE settlement SET problem = ''",
	"UPDATE gun SET serial = 'G-2'",
	("INSERT INTO shot SELECT n + 100, reservation, lease_id, serial, epoch, number + 100, 1, 1,"
	 " 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 FROM shot LIMIT 1"),
	/* the chain itself */
	"UPDATE chain SET time = time + 1 WHERE n = 3",
	"UPDATE chain SET type = 9 WHERE n = 3",
	"UPDATE chain SET hash = zeroblob(32) WHERE n = 3",
	"DELETE FROM chain WHERE n = (SELECT max(n) FROM chain)",
	"DELETE FROM session_end; DELETE FROM chain WHERE n = (SELECT max(n) FROM chain)",
	/* what is derived */
	"UPDATE account SET spent_nl = 0",
	"UPDATE account SET delivered_nl = 0",
	"UPDATE account SET dose_time = 0",
	"UPDATE account SET state = 0",
	"UPDATE account SET patient = zeroblob(16)",
	"DELETE FROM account",
	"UPDATE dose SET amount = 0",
	"UPDATE dose SET outstanding = 1",
	"DELETE FROM dose",
	"INSERT INTO dose SELECT source, 'x', patient, session, course, day, dose_time, 0, 0, 1, 0, 0 FROM dose",
	"INSERT INTO live_session VALUES(5, zeroblob(16), 'G-9')",
	/* names */
	"UPDATE patient_name SET name = 'Somebody Else'",
	"UPDATE patient_name SET birth_date = '2015-01-01'",
	"UPDATE patient_name SET salt = zeroblob(16)",
	"UPDATE operator_name SET licence = 'L-78'",
	/* tables */
	"DROP INDEX account_outstanding",
	"ALTER TABLE incident ADD COLUMN x TEXT",
	"CREATE TRIGGER x AFTER INSERT ON shot BEGIN SELECT 1; END",
	"CREATE TABLE x(y)",
};

START_TEST(a_change_by_hand_is_found_at_opening)
{
	b.ledger = ledger_close(b.ledger);
	tamper(&b.place, forgeries[_i]);
	/* with the digest of the closed file, and by the chain alone */
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_CORRUPT);
	b.ledger = ledger_close(b.ledger);
	forget_digest(b.place.mark);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_CORRUPT);
	expect_no_writing(-EBADMSG);
}
END_TEST

START_TEST(facts_cannot_be_changed_deleted_or_replaced_in_the_database)
{
	static const char *const tables[] = { "chain",      "ledger",      "operator",    "patient",
					      "session",    "session_end", "reservation", "shot",
					      "settlement", "gun" };
	char sql[100];
	sqlite3 *db;

	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(sqlite3_open(b.place.path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "PRAGMA recursive_triggers = ON", NULL, NULL, NULL),
			 SQLITE_OK);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE %s SET n = n", tables[i]);
		ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_CONSTRAINT);
		snprintf(sql, sizeof(sql), "DELETE FROM %s", tables[i]);
		ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_CONSTRAINT);
		snprintf(sql, sizeof(sql), "REPLACE INTO %s SELECT * FROM %s LIMIT 1", tables[i],
			 tables[i]);
		ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_CONSTRAINT);
	}
	sqlite3_close(db);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_OK);
}
END_TEST

/* -------------------------------------------------------- the chain's form */

struct follower {
	gcry_md_hd_t md;
	uint8_t previous[32];
};

static void add_number(gcry_md_hd_t md, uint64_t number)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> (56 - 8 * i));
	gcry_md_write(md, bytes, sizeof(bytes));
}

static void add_text(gcry_md_hd_t md, char type, const void *text, size_t length)
{
	gcry_md_write(md, &type, 1);
	add_number(md, length);
	gcry_md_write(md, text, length);
}

static void add_field(gcry_md_hd_t md, const struct ledger_field *f)
{
	uint8_t bytes[256];
	size_t length = 0;

	switch (f->type) {
	case LEDGER_INTEGER:
		gcry_md_write(md, "i", 1);
		add_number(md, (uint64_t)f->integer);
		break;
	case LEDGER_TEXT:
		add_text(md, 't', f->text, strlen(f->text));
		break;
	case LEDGER_BYTES:
		for (const char *p = f->text; *p; p += 2) {
			char digits[3] = { p[0], p[1], '\0' };

			bytes[length++] = (uint8_t)strtoul(digits, NULL, 16);
		}
		add_text(md, 'b', bytes, length);
		break;
	case LEDGER_NULL:
		add_text(md, '0', "", 0);
		break;
	}
}

static int follow_chain(const struct ledger_record *record, void *userdata)
{
	static const char *const types[] = { "",
					     "ledger",
					     "operator",
					     "patient",
					     "session",
					     "session-end",
					     "reservation",
					     "shot",
					     "settlement",
					     "incident",
					     "quarantine",
					     "gun",
					     [20] = "assessment",
					     "course",
					     "load",
					     "area" };
	struct follower *f = userdata;
	size_t type = 1;

	while (!types[type] || strcmp(types[type], record->type) != 0) {
		type++;
		ck_assert_uint_lt(type, sizeof(types) / sizeof(types[0]));
	}
	gcry_md_reset(f->md);
	gcry_md_write(f->md, f->previous, sizeof(f->previous));
	add_number(f->md, record->number);
	add_number(f->md, (uint64_t)record->time_s);
	add_number(f->md, type);
	gcry_md_write(f->md, "i", 1);
	add_number(f->md, record->number);
	for (size_t i = 0; i < record->n_fields; i++)
		add_field(f->md, &record->fields[i]);
	memcpy(f->previous, gcry_md_read(f->md, GCRY_MD_SHA256), sizeof(f->previous));
	ck_assert_mem_eq(record->hash, f->previous, sizeof(f->previous));
	return 0;
}

/* Whoever has the records can check the chain without this ledger's code. */
START_TEST(each_hash_covers_the_record_its_place_its_time_and_the_hash_before)
{
	struct follower f = { 0 };

	ck_assert_int_eq(ledger_add_incident(b.ledger, T0 + 9, "test", SERIAL, NULL, "x", true), 0);
	ck_assert_int_eq((int)gcry_md_open(&f.md, GCRY_MD_SHA256, 0), 0);
	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, UINT32_MAX, follow_chain, &f), 0);
	gcry_md_close(f.md);
}
END_TEST

/* Everything that can be read from the ledger, as a hash. */
static int hash_record(const struct ledger_record *record, void *userdata)
{
	gcry_md_hd_t md = userdata;

	gcry_md_write(md, &record->number, sizeof(record->number));
	gcry_md_write(md, &record->time_s, sizeof(record->time_s));
	gcry_md_write(md, record->hash, sizeof(record->hash));
	for (size_t i = 0; i < record->n_fields; i++) {
		const struct ledger_field *f = &record->fields[i];

		gcry_md_write(md, &f->integer, sizeof(f->integer));
		if (f->text)
			gcry_md_write(md, f->text, strlen(f->text) + 1);
	}
	return 0;
}

static void hash_content(struct ledger *l, uint8_t hash[32])
{
	struct ledger_spent spent = { 0 };
	struct ledger_patient p;
	gcry_md_hd_t md;

	memset(&p, 0, sizeof(p));
	ck_assert_int_eq((int)gcry_md_open(&md, GCRY_MD_SHA256, 0), 0);
	ck_assert_int_eq(ledger_foreach_record(l, 0, UINT32_MAX, hash_record, md), 0);
	ck_assert_int_eq(ledger_get_patient(l, "P-1", &p), 0);
	ck_assert_int_eq(ledger_get_spent(l, T0, &p.id, &spent), 0);
	gcry_md_write(md, &p, sizeof(p));
	gcry_md_write(md, &spent, sizeof(spent));
	memcpy(hash, gcry_md_read(md, GCRY_MD_SHA256), 32);
	gcry_md_close(md);
}

static void flip(const char *path, off_t at, uint8_t mask)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= mask;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/*
 * MESO_TEST_FLIP_STRIDE=1 flips every byte.  The stride is a prime, so that over
 * the pages it hits every place of a page.
 */
static off_t stride(off_t usual)
{
	const char *text = getenv("MESO_TEST_FLIP_STRIDE");

	return text ? strtol(text, NULL, 10) : usual;
}

START_TEST(each_flipped_byte_of_a_closed_ledger_is_found)
{
	struct place good;
	struct stat st;

	place_make(&good);
	b.ledger = ledger_close(b.ledger);
	place_copy(&b.place, &good);
	ck_assert_int_eq(stat(b.place.path, &st), 0);
	for (off_t at = 0; at < st.st_size; at += stride(503)) {
		flip(b.place.path, at, (uint8_t)(1 << (at % 8)));
		b.ledger = place_open(&b.place);
		ck_assert_msg(ledger_get_state(b.ledger) != LEDGER_OK, "byte %ld", (long)at);
		b.ledger = ledger_close(b.ledger);
		place_copy(&good, &b.place);
	}
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_OK);
	place_remove(&good);
}
END_TEST

START_TEST(each_flipped_byte_after_a_crash_is_found_or_changes_nothing_that_is_read)
{
	uint8_t before[32], after[32];
	unsigned int harmless = 0, found = 0;
	struct place good;
	struct stat st;

	/* Without a clean close there is no digest: the chain and the file's structure must do. */
	place_make(&good);
	b.ledger = ledger_close(b.ledger);
	b.ledger = place_open(&b.place);
	hash_content(b.ledger, before);
	place_copy(&b.place, &good);
	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(stat(good.path, &st), 0);
	for (off_t at = 0; at < st.st_size; at += stride(1021)) {
		place_copy(&good, &b.place);
		flip(b.place.path, at, (uint8_t)(1 << (at % 8)));
		b.ledger = place_open(&b.place);
		if (ledger_get_state(b.ledger) == LEDGER_OK) {
			hash_content(b.ledger, after);
			ck_assert_msg(memcmp(before, after, sizeof(before)) == 0, "byte %ld",
				      (long)at);
			harmless++;
		} else {
			found++;
		}
		b.ledger = ledger_close(b.ledger);
	}
	ck_assert_uint_gt(found, 0);
	printf("flips: %u found, %u in unused space\n", found, harmless);
	place_copy(&good, &b.place);
	b.ledger = place_open(&b.place);
	place_remove(&good);
}
END_TEST

START_TEST(a_truncated_ledger_is_found)
{
	struct place good;
	struct stat st;

	place_make(&good);
	b.ledger = ledger_close(b.ledger);
	place_copy(&b.place, &good);
	ck_assert_int_eq(stat(good.path, &st), 0);
	for (off_t size = 1; size < st.st_size; size += 1777) {
		place_copy(&good, &b.place);
		ck_assert_int_eq(truncate(b.place.path, size), 0);
		/* by the digest, and by the pages that are missing */
		b.ledger = place_open(&b.place);
		expect_state(LEDGER_CORRUPT);
		b.ledger = ledger_close(b.ledger);
		if (size > st.st_size - 4096)
			continue;
		forget_digest(b.place.mark);
		b.ledger = place_open(&b.place);
		ck_assert_msg(ledger_get_state(b.ledger) != LEDGER_OK, "%ld bytes", (long)size);
		b.ledger = ledger_close(b.ledger);
	}
	place_copy(&good, &b.place);
	b.ledger = place_open(&b.place);
	place_remove(&good);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_tamper");
	TCase *t = tcase_create("content");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 3600);
	tcase_add_test(t, each_hash_covers_the_record_its_place_its_time_and_the_hash_before);
	tcase_add_loop_test(t, a_change_by_hand_is_found_at_opening, 0,
			    sizeof(forgeries) / sizeof(forgeries[0]));
	tcase_add_test(t, facts_cannot_be_changed_deleted_or_replaced_in_the_database);
	tcase_add_test(t, each_flipped_byte_of_a_closed_ledger_is_found);
	tcase_add_test(t, each_flipped_byte_after_a_crash_is_found_or_changes_nothing_that_is_read);
	tcase_add_test(t, a_truncated_ledger_is_found);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
