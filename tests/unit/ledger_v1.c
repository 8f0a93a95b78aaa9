// SPDX-License-Identifier: GPL-2.0-only
/*
 * See ledger_v1.h.
 */
#include "ledger_v1.h"

#include <check.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger_internal.h"

/* clang-format off */
static const char *const content =
	"PRAGMA journal_mode = WAL; BEGIN; PRAGMA defer_foreign_keys = ON;"
	"INSERT INTO chain VALUES(1,1800000000,1,x'46b4e71027b748e91f16d2984f61d895aaeef6decb4387d5e719dc263d"
	"8cf1e0');"
	"INSERT INTO chain VALUES(2,1800000000,2,x'6d6932739a99f85806d5fd428955f18e0519ba9abe4f66c774870434d5"
	"0a2749');"
	"INSERT INTO chain VALUES(3,1800000000,3,x'5322456774bf48fc29331f1b8c80a5a9985e17b978ddf05e47e2e2bfa6"
	"a3544c');"
	"INSERT INTO chain VALUES(4,1800000000,11,x'7490fc6390ad257d9b603b0adddabfea2f473bb0a378ebf00a5f683e0"
	"8008e56');"
	"INSERT INTO chain VALUES(5,1800000000,4,x'8c9bda2f1d387025ae8637abf5eb1be9139e7e7acf269fd9a0dc8961bd"
	"fe08f8');"
	"INSERT INTO chain VALUES(6,1800000000,6,x'd232aff9992938e4344626b2f8277e143932b6f4086fcb2aabaaed0e36"
	"bacbcc');"
	"INSERT INTO chain VALUES(7,1800000000,7,x'd5203921809fa55f04e196244b0c8be9367661228cd6ac4478e92d17cc"
	"2b28e0');"
	"INSERT INTO chain VALUES(8,1800000000,7,x'ad78d5bd0d9f63758685538ca4591b3fe0a3237eb2246bc1da3ac10f36"
	"5b16c1');"
	"INSERT INTO chain VALUES(9,1800000000,8,x'000f8f2962d8a990a5d68f9bc4f76c0faf8d258b9dd99e57e37583e9d0"
	"ea6a22');"
	"INSERT INTO chain VALUES(10,1800000000,6,x'766677707ba7fd33ea4e14d63b7a33e77b558449676831012d83bbba6"
	"cbc1c0b');"
	"INSERT INTO chain VALUES(11,1800000000,7,x'6f2218a46dfb40510c131290db1524b83a92e3ccf848bc0a3e16292d4"
	"ef009f6');"
	"INSERT INTO chain VALUES(12,1800000000,9,x'25a329a9f111a945a4382237132052125527951584786b246e439024e"
	"bb6ffc6');"
	"INSERT INTO chain VALUES(13,1800000000,10,x'53741008d690d4559296998028109456033631c6c16cb204f15da464"
	"834656ee');"
	"INSERT INTO chain VALUES(14,1800000000,5,x'62dde6e107e7e227a396e89c625e6b312ce49a9e2e5fa814632b35a30"
	"08673d8');"
	"INSERT INTO ledger VALUES(1,x'75b78ad21469c7b13d3575f5d25f849b',1);"
	"INSERT INTO operator VALUES(2,x'a465785fab17ca60e9adeb932011cbcc',1000,'2031-12-31',x'6e353cfd3f522c"
	"bbc4df1c93741a2d7ed9ef3a5b5cbc3ea686b281b2e5a7d3ce');"
	"INSERT INTO patient VALUES(3,x'9d8380732128499c05387b5840800f54',70000,x'38222a47926eee8f7db9e959496"
	"e182123e75b63d63ba1916b6aa5eeccbfcf44');"
	"INSERT INTO session VALUES(5,x'9d8380732128499c05387b5840800f54','G-1',1000);"
	"INSERT INTO session_end VALUES(14,5,'done');"
	"INSERT INTO reservation VALUES(6,x'75b78ad21469c7b1319d7c2979b70c1a',5,x'9d8380732128499c05387b58408"
	"00f54','G-1',-81985529216486896,-9223372036854775807,1,0,0,20000,2,2000,0,1,40000,41000,100,60000,40"
	",800000,NULL,NULL,NULL);"
	"INSERT INTO reservation VALUES(10,x'75b78ad21469c7b14dd99758b7470ff4',5,x'9d8380732128499c05387b5840"
	"800f54','G-1',-81985529216486896,-9223372036854775807,2,0,0,20000,2,2000,0,1,40000,41000,100,60000,4"
	"2,840000,NULL,NULL,NULL);"
	"INSERT INTO shot VALUES(7,6,x'75b78ad21469c7b1319d7c2979b70c1a','G-1',-81985529216486896,41,20000,20"
	"000,20020,19970,20020,2010,-5,0,0,16,90000,820000);"
	"INSERT INTO shot VALUES(8,6,x'75b78ad21469c7b1319d7c2979b70c1a','G-1',-81985529216486896,42,20000,20"
	"000,20020,19970,20020,2010,-5,0,0,16,90000,840000);"
	"INSERT INTO shot VALUES(11,10,x'75b78ad21469c7b14dd99758b7470ff4','G-1',-81985529216486896,43,20000,"
	"20000,20020,19970,20020,2010,-5,0,0,16,90000,860000);"
	"INSERT INTO settlement VALUES(9,6,NULL,1,2,40040,40040,0,1800000000,2,-81985529216486896,42,840000,N"
	"ULL);"
	"INSERT INTO incident VALUES(12,'test','G-9',NULL,NULL,'something happened');"
	"INSERT INTO quarantine VALUES(13,'G-9',1,NULL,'test');"
	"INSERT INTO gun VALUES(4,'G-1',-81985529216486896,-9223372036854775807,40,800000,0);"
	"INSERT INTO operator_name VALUES(x'a465785fab17ca60e9adeb932011cbcc',x'2ec2a38aefaa2c24dc7afc06552b7"
	"68d','Dr. Ada Example','L-77');"
	"INSERT INTO patient_name VALUES(x'9d8380732128499c05387b5840800f54',x'7c426ae56e0092d636c428b1dd9646"
	"ad','P-1','Zoë Sample','1980-02-29');"
	"INSERT INTO account VALUES(6,5,x'9d8380732128499c05387b5840800f54','G-1',0,40040,2,40040,0,1,1800000"
	"000);"
	"INSERT INTO account VALUES(10,5,x'9d8380732128499c05387b5840800f54','G-1',0,20020,1,41000,0,0,922337"
	"2036854775807);"
	"COMMIT;";
/* clang-format on */

void place_make_v1(const struct place *place)
{
	struct mark mark = { .clean = true, .number = V1_RECORDS };
	char *error = NULL;
	sqlite3_stmt *row;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(place->path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, ledger_schema, NULL, NULL, &error), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, content, NULL, NULL, &error), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db,
					    "SELECT (SELECT id FROM ledger), hash FROM chain"
					    " ORDER BY n DESC LIMIT 1",
					    -1, &row, NULL),
			 SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
	memcpy(mark.id.bytes, sqlite3_column_blob(row, 0), sizeof(mark.id.bytes));
	memcpy(mark.hash, sqlite3_column_blob(row, 1), sizeof(mark.hash));
	sqlite3_finalize(row);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	ck_assert_int_eq(chmod(place->path, 0600), 0);
	ck_assert_int_eq(mark_digest_file(place->path, mark.digest), 0);
	ck_assert_int_eq(mark_write(&ledger_io_system, place->mark, &mark), 0);
}
