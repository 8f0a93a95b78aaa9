// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backup in the ledger's place: only a whole one, only as an act that is
 * recorded, never at the price of the file that was there; and what nobody knows
 * any more blocks patients and guns until somebody has looked.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "ledger_fixture.h"
#include "ledger_internal.h"

#define DAY INT64_C(86400)

static struct bench b;
static struct place backup;
static uint64_t backup_head, lost_head;
static struct meso_host_mark backup_mark, lost_mark;
static struct ledger_restore_report report;

/* A treatment, the backup, and another treatment that the backup does not know. */
static void setup(void)
{
	bench_start(&b);
	bench_treat(&b, 20000, 3);
	backup_head = chain_length(b.ledger);
	ck_assert_int_eq(ledger_get_host_mark(b.ledger, &backup_mark), 0);
	b.ledger = ledger_close(b.ledger);
	place_make(&backup);
	place_copy(&b.place, &backup);
	b.ledger = place_open(&b.place);
	b.now_s += 1800;
	bench_treat(&b, 30000, 2);
	lost_head = chain_length(b.ledger);
	ck_assert_int_eq(ledger_get_host_mark(b.ledger, &lost_mark), 0);
	b.ledger = ledger_close(b.ledger);
}

static void teardown(void)
{
	ledger_close(b.ledger);
	place_remove(&b.place);
	place_remove(&backup);
}

static int restore_from(const char *path, const char *vfs)
{
	struct ledger_restore_options o = { .path = b.place.path,
					    .mark_path = b.place.mark,
					    .backup_fd = open(path, O_RDONLY | O_CLOEXEC),
					    .uid = 77,
					    .reason = "the disk broke",
					    .vfs = vfs,
					    .io = vfs ? &fault_io : NULL,
					    .ballast = FIXTURE_BALLAST,
					    .now_s = b.now_s };
	char wal[120];
	int r;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	o.backup_wal_fd = open(wal, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(o.backup_fd, 0);
	r = ledger_restore(&o, &report);
	close(o.backup_fd);
	closep(&o.backup_wal_fd);
	return r;
}

static void restore(void)
{
	ck_assert_msg(restore_from(backup.path, NULL) == 0, "%s", report.problem);
	b.ledger = place_open(&b.place);
}

static void expect_state(enum ledger_state state)
{
	ck_assert_msg(ledger_get_state(b.ledger) == state, "%s: %s",
		      ledger_state_name(ledger_get_state(b.ledger)), ledger_get_problem(b.ledger));
}

static void digest(const char *path, uint8_t ret[LEDGER_HASH_LEN])
{
	ck_assert_msg(mark_digest_file(path, ret) == 0, "%s", path);
}

/* Files of the ledger's directory whose names begin so. */
static unsigned int count_files(const char *prefix)
{
	DIR *dir = opendir(b.place.directory);
	struct dirent *entry;
	unsigned int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return n;
}

/* ------------------------------------------------------------------- the act */

static int find_restore(const struct ledger_record *record, void *userdata)
{
	(void)userdata;
	if (strcmp(record->type, "restore") != 0)
		return 0;
	ck_assert_uint_eq(record->number, backup_head + 1);
	ck_assert_int_eq(record->time_s, b.now_s);
	ck_assert_uint_eq(record->n_fields, 8);
	ck_assert_int_eq(record->fields[0].integer, (int64_t)backup_head);
	ck_assert_int_eq(record->fields[2].integer, (int64_t)lost_head);
	ck_assert_int_eq(record->fields[4].integer, (int64_t)lost_head);
	ck_assert_int_eq(record->fields[6].integer, 77);
	ck_assert_str_eq(record->fields[7].text, "the disk broke");
	return 1;
}

START_TEST(a_restored_ledger_is_ok_and_tells_what_was_lost_and_keeps_it)
{
	uint8_t before[LEDGER_HASH_LEN], after[LEDGER_HASH_LEN];
	struct ledger_report verified;

	digest(b.place.path, before);
	restore();
	expect_state(LEDGER_OK);
	ck_assert_uint_eq(report.head, backup_head);
	ck_assert_uint_eq(report.lost, lost_head);
	ck_assert_uint_eq(report.mark, lost_head);
	ck_assert_int_eq(report.since_s, T0);
	ck_assert_int_eq(ledger_restored_since(b.ledger), T0);
	ck_assert_int_eq(ledger_verify(b.ledger, &verified), 0);
	ck_assert_msg(verified.ok, "%s", verified.problem);
	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, UINT32_MAX, find_restore, NULL), 1);
	digest(report.kept, after);
	ck_assert_mem_eq(before, after, sizeof(before));
	ck_assert_uint_eq(count_files("ledger.db.restoring"), 0);
	/* and once more, without replacing what is kept */
	b.ledger = ledger_close(b.ledger);
	restore();
	expect_state(LEDGER_OK);
	ck_assert_uint_eq(count_files("ledger.db.lost-"), 2);
}
END_TEST

START_TEST(a_backup_that_was_taken_while_the_ledger_was_open_brings_its_log)
{
	uint64_t head;

	b.ledger = place_open(&b.place);
	ck_assert_int_eq(add_operator(b.ledger, 9), 0);
	head = chain_length(b.ledger);
	place_copy(&b.place, &backup);
	b.ledger = ledger_close(b.ledger);
	restore();
	expect_state(LEDGER_OK);
	ck_assert_uint_eq(report.head, head);
}
END_TEST

START_TEST(what_a_killed_daemon_left_in_its_log_is_kept_and_is_not_played_into_the_backup)
{
	struct place crashed;
	char wal[4200], target[120];
	uint64_t head;

	b.ledger = place_open(&b.place);
	for (uint32_t uid = 100; uid < 110; uid++)
		ck_assert_int_eq(add_operator(b.ledger, uid), 0);
	head = chain_length(b.ledger);
	place_make(&crashed);
	place_copy(&b.place, &crashed);
	b.ledger = ledger_close(b.ledger);
	place_copy(&crashed, &b.place);
	restore();
	expect_state(LEDGER_OK);
	ck_assert_uint_eq(report.lost, head);
	ck_assert_uint_eq(chain_length(b.ledger), backup_head + 1);
	/* Put back together, it is what it was. */
	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(rename(report.kept, crashed.path), 0);
	snprintf(wal, sizeof(wal), "%s-wal", report.kept);
	snprintf(target, sizeof(target), "%s-wal", crashed.path);
	ck_assert_int_eq(rename(wal, target), 0);
	b.ledger = place_open(&crashed);
	expect_state(LEDGER_OK);
	ck_assert_uint_eq(chain_length(b.ledger), head);
	b.ledger = ledger_close(b.ledger);
	place_remove(&crashed);
}
END_TEST

START_TEST(a_ledger_that_is_open_is_not_restored)
{
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(restore_from(backup.path, NULL), -EBUSY);
	ck_assert_ptr_nonnull(strstr(report.problem, "stop mesod first"));
	/* also one that could not be read, and is looked at all the same */
	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(unlink(b.place.path), 0);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_FAILED);
	ck_assert_int_eq(restore_from(backup.path, NULL), -EBUSY);
}
END_TEST

static void flip_byte(const char *path, long offset)
{
	FILE *file = fopen(path, "r+e");
	int byte;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, offset, SEEK_SET), 0);
	byte = fgetc(file);
	ck_assert_int_eq(fseek(file, offset, SEEK_SET), 0);
	fputc(byte ^ 1, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void make_no_ledger(void)
{
	FILE *file = fopen(backup.path, "we");

	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 9000; i++)
		fputc('x', file);
	ck_assert_int_eq(fclose(file), 0);
}

static void make_empty(void)
{
	ck_assert_int_eq(truncate(backup.path, 0), 0);
}

static void make_forged_chain(void)
{
	tamper(&backup, "UPDATE shot SET delivered_nl = 1 WHERE n = (SELECT max(n) FROM shot)");
}

static void make_forged_account(void)
{
	tamper(&backup, "UPDATE account SET spent_nl = spent_nl - 1");
}

static void make_damaged(void)
{
	flip_byte(backup.path, 3 * 4096 + 2000);
	flip_byte(backup.path, 2 * 4096 + 3);
}

static void make_cut(void)
{
	ck_assert_int_eq(truncate(backup.path, 20480), 0);
}

static void make_anothers(void)
{
	struct ledger *l;

	ck_assert_int_eq(unlink(backup.path), 0);
	ck_assert_int_eq(unlink(backup.mark), 0);
	l = place_open(&backup);
	ck_assert_int_eq(ledger_get_state(l), LEDGER_OK);
	ledger_close(l);
}

static void make_later(void)
{
	b.now_s = T0 - 121;
}

static void make_itself(void)
{
	ck_assert_int_eq(unlink(backup.path), 0);
	ck_assert_int_eq(link(b.place.path, backup.path), 0);
}

START_TEST(a_backup_that_is_not_whole_or_not_ours_changes_nothing)
{
	static const struct {
		void (*make)(void);
		int error;
		const char *sentence;
	} backups[] = {
		{ make_no_ledger, -EBADMSG, "no whole ledger" },
		{ make_empty, -EBADMSG, "empty" },
		{ make_forged_chain, -EBADMSG, "is not what was recorded" },
		{ make_forged_account, -EBADMSG, "what a lease spent" },
		{ make_damaged, -EBADMSG, "no whole ledger" },
		{ make_cut, -EBADMSG, "no whole ledger" },
		{ make_anothers, -EXDEV, "is of ledger" },
		{ make_itself, -EINVAL, "itself" },
		{ make_later, -ETIME, "the clock is 121 s before" },
	};
	uint8_t before[LEDGER_HASH_LEN], after[LEDGER_HASH_LEN];
	unsigned int files = count_files("");

	backups[_i].make();
	digest(b.place.path, before);
	ck_assert_int_eq(restore_from(backup.path, NULL), backups[_i].error);
	ck_assert_msg(strstr(report.problem, backups[_i].sentence), "%s", report.problem);
	digest(b.place.path, after);
	ck_assert_mem_eq(before, after, sizeof(before));
	ck_assert_uint_eq(count_files(""), files);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_OK);
	ck_assert_uint_eq(chain_length(b.ledger), lost_head);
}
END_TEST

START_TEST(what_was_lost_may_be_missing_or_unreadable_and_so_may_the_mark)
{
	if (_i & 1)
		ck_assert_int_eq(unlink(b.place.path), 0);
	else
		flip_byte(b.place.path, 3);
	if (_i & 2)
		ck_assert_int_eq(unlink(b.place.mark), 0);
	restore();
	expect_state(LEDGER_OK);
	ck_assert_uint_eq(report.lost, 0);
	ck_assert_uint_eq(report.mark, _i & 2 ? 0 : lost_head);
	ck_assert_int_eq(report.kept[0] != '\0', !(_i & 1));
	ck_assert_int_eq(ledger_is_blocked(b.ledger, &b.patient), 1);
	/* A gun of the lost range is known as that, with whatever there is to know it by. */
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &lost_mark), -EUCLEAN);
	expect_state(LEDGER_OK);
}
END_TEST

START_TEST(a_file_put_back_by_hand_after_a_restore_is_refused)
{
	uint8_t lost[LEDGER_HASH_LEN], now[LEDGER_HASH_LEN];

	restore();
	b.ledger = ledger_close(b.ledger);
	digest(report.kept, lost);
	if (_i == 0)
		ck_assert_int_eq(rename(report.kept, b.place.path), 0);
	else
		ck_assert_int_eq(rename(backup.path, b.place.path), 0);
	forget_digest(b.place.mark);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_ROLLED_BACK);
	ck_assert_int_eq(add_operator(b.ledger, 7), -EROFS);
	b.ledger = ledger_close(b.ledger);
	if (_i == 0) {
		digest(b.place.path, now);
		ck_assert_mem_eq(lost, now, sizeof(now));
	} else {
		place_copy(&b.place, &backup);
	}
}
END_TEST

/* ------------------------------------------------------------------- patients */

START_TEST(a_patient_is_blocked_until_that_patient_is_reviewed)
{
	struct ledger_reservation v;
	struct ledger_order order;
	struct ledger_id other, late;
	struct ledger_moment now, later;
	int64_t session;

	restore();
	now = moment(b.now_s);
	later = moment(b.now_s + 8 * DAY);
	/* the session that was open at the time of the backup as well */
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -EOWNERDEAD);
	order = bench_order(&b, 20000, 1);
	ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, 0, &order.request, b.verdicts),
			 -EOWNERDEAD);
	ck_assert_int_eq(ledger_close_session(b.ledger, b.now_s, b.session, "restored"), 0);
	ck_assert_int_eq(ledger_open_session(b.ledger, b.now_s, "2027-01-15", &b.patient, SERIAL,
					     OPERATOR, &session),
			 -EOWNERDEAD);
	/* who is registered now may have been so in what was lost; a week later nobody is */
	ck_assert_int_eq(add_patient(b.ledger, "P-2", &other), 0);
	ck_assert_int_eq(ledger_is_blocked(b.ledger, &other), 1);
	{
		struct ledger_patient p = { .reference = "P-3",
					    .name = "New",
					    .birth_date = "1980-02-29" };

		ck_assert_int_eq(ledger_add_patient(b.ledger, b.now_s + 7 * DAY, &p, &late), 0);
	}
	ck_assert_int_eq(ledger_is_blocked(b.ledger, &late), 0);

	ck_assert_int_eq(ledger_review_patient(b.ledger, b.now_s, "P-9", 0, "asked"), -ENOENT);
	ck_assert_int_eq(ledger_review_patient(b.ledger, b.now_s, "P-1", 0, ""), -EINVAL);
	ck_assert_int_eq(ledger_review_patient(b.ledger, b.now_s, "P-1", 0, "asked"), 0);
	ck_assert_int_eq(ledger_review_patient(b.ledger, b.now_s, "P-1", 0, "asked"), -EALREADY);
	ck_assert_uint_eq(count_records(b.ledger, "review"), 1);
	bench_reopen(&b);
	ck_assert_int_eq(ledger_is_blocked(b.ledger, &b.patient), 0);
	ck_assert_int_eq(ledger_is_blocked(b.ledger, &other), 1);
	/* an answer, whatever it is without a syringe */
	ck_assert_int_ge(ledger_check(b.ledger, &later, &b.basis, 0, &order.request, b.verdicts),
			 0);
	ck_assert_int_eq(ledger_open_session(b.ledger, b.now_s, "2027-01-15", &b.patient, SERIAL,
					     OPERATOR, &session),
			 0);
	/* the next restore blocks anew */
	b.ledger = ledger_close(b.ledger);
	restore();
	ck_assert_int_eq(ledger_is_blocked(b.ledger, &b.patient), 1);
}
END_TEST

START_TEST(without_a_restore_nobody_is_blocked)
{
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_is_blocked(b.ledger, &b.patient), 0);
	ck_assert_int_eq(ledger_restored_since(b.ledger), 0);
	ck_assert_int_eq(ledger_review_patient(b.ledger, b.now_s, "P-1", 0, "asked"), -EALREADY);
}
END_TEST

/* ----------------------------------------------------------------------- guns */

/* Two shots of 30 uL were lost. */
static int find_lost_range(const struct ledger_record *record, void *userdata)
{
	(void)userdata;
	if (strcmp(record->type, "incident") != 0)
		return 0;
	ck_assert_str_eq(record->fields[0].text, "lost-range");
	ck_assert_msg(strstr(record->fields[4].text, "it counts 45 shots and 920000 nL, recorded "
						     "are 43 and 860000 nL"),
		      "%s", record->fields[4].text);
	return 1;
}

START_TEST(a_gun_that_was_armed_in_the_lost_range_is_quarantined_once)
{
	const uint8_t lease[MESO_LEASE_ID_LEN] = { 1, 2, 3 };
	struct ledger_settlement s;
	struct meso_shot shot;

	restore();
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &lost_mark), -EUCLEAN);
	expect_state(LEDGER_OK);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 1);
	ck_assert_uint_eq(count_records(b.ledger, "incident"), 1);
	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, UINT32_MAX, find_lost_range, NULL), 1);
	/* Plugged in again it tells the same again. */
	bench_reopen(&b);
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &lost_mark), -EUCLEAN);
	ck_assert_uint_eq(count_records(b.ledger, "incident"), 1);
	/* Its log: shots under a lease that nobody here knows. */
	shot = gun_fires(&b.gun, lease, 20000);
	ck_assert_int_eq(ledger_record(b.ledger, b.now_s, SERIAL, &shot, 1, NULL, &s), 0);
	ck_assert(s.quarantined);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, b.now_s, &b.gun, 0, "looked", false),
			 -EUNATCH);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 1);
}
END_TEST

START_TEST(a_gun_whose_quarantine_was_lifted_may_keep_the_lost_mark_until_it_is_armed)
{
	restore();
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &lost_mark), -EUCLEAN);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, b.now_s, &b.gun, 0, "looked", false), 0);
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &lost_mark), 0);
	expect_state(LEDGER_OK);
	/* But the lost ledger is not used any further. */
	lost_mark.head[0] ^= 1;
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &lost_mark), -EROFS);
	expect_state(LEDGER_ROLLED_BACK);
}
END_TEST

START_TEST(a_mark_that_no_restore_explains_still_says_rolled_back)
{
	struct meso_host_mark mark = backup_mark;

	restore();
	/* Of before the backup, and armed by nobody since. */
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &mark), 0);
	if (_i == 0)
		mark.head[0] ^= 1; /* another past */
	else
		mark.sequence = lost_head + 1; /* further than the lost ledger ever came */
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &mark), -EROFS);
	expect_state(LEDGER_ROLLED_BACK);
}
END_TEST

/* ------------------------------------------------------------- at every failure */

/* Whatever happened: nothing, or nothing that is written to, or all of it; and nothing is gone. */
static void judge(const char *what, unsigned int n)
{
	b.ledger = place_open(&b.place);
	if (ledger_writable(b.ledger) >= 0) {
		uint64_t length = chain_length(b.ledger);
		bool restored = ledger_restored_since(b.ledger) != 0;

		ck_assert_msg(restored ? length == backup_head + 1 : length == lost_head,
			      "%s at %u: %u records", what, n, (unsigned int)length);
		ck_assert_int_eq(ledger_is_blocked(b.ledger, &b.patient), restored);
	}
	b.ledger = ledger_close(b.ledger);
	b.now_s++;
	ck_assert_msg(restore_from(backup.path, NULL) == 0, "%s at %u: %s", what, n,
		      report.problem);
	b.ledger = place_open(&b.place);
	ck_assert_msg(ledger_get_state(b.ledger) == LEDGER_OK, "%s at %u: %s", what, n,
		      ledger_get_problem(b.ledger));
	ck_assert_int_eq(ledger_is_blocked(b.ledger, &b.patient), 1);
	b.ledger = ledger_close(b.ledger);
}

static bool is_kept(const uint8_t wanted[LEDGER_HASH_LEN])
{
	DIR *dir = opendir(b.place.directory);
	struct dirent *entry;
	bool found = false;

	while ((entry = readdir(dir))) {
		uint8_t hash[LEDGER_HASH_LEN];
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", b.place.directory, entry->d_name);
		if (strncmp(entry->d_name, "ledger.db.lost-", 15) == 0 &&
		    mark_digest_file(path, hash) == 0)
			found = found || memcmp(hash, wanted, sizeof(hash)) == 0;
	}
	closedir(dir);
	return found;
}

/* 0 it went through, 1 the fault was met */
static int restore_with(enum fault fault, unsigned int n)
{
	int status, r;
	pid_t pid;

	fault_vfs_arm(fault, n, false);
	if (fault < FAULT_DIES) {
		r = restore_from(backup.path, FAULT_VFS);
		ck_assert(r == 0 || report.problem[0]);
		r = fault_vfs_hit();
		fault_vfs_arm(FAULT_NONE, 0, false);
		return r;
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(restore_from(backup.path, FAULT_VFS) == 0 ? 0 : 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	fault_vfs_arm(FAULT_NONE, 0, false);
	ck_assert(WIFEXITED(status) &&
		  (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT));
	return WEXITSTATUS(status) == FAULT_EXIT;
}

START_TEST(whatever_fails_or_dies_a_restore_is_done_or_arms_nothing_and_can_be_run_again)
{
	static const struct {
		enum fault fault;
		const char *name;
	} faults[] = { { FAULT_IO, "EIO" },
		       { FAULT_FULL, "ENOSPC" },
		       { FAULT_SHORT, "short write" },
		       { FAULT_READ_ONLY, "EROFS" },
		       { FAULT_DIES, "death" } };
	struct place before;
	uint8_t lost[LEDGER_HASH_LEN];
	unsigned int n;

	fault_vfs_register();
	place_make(&before);
	place_copy(&b.place, &before);
	for (n = 0; n < 2000; n++) {
		int64_t now_s = b.now_s;
		int met;

		place_copy(&before, &b.place);
		met = restore_with(faults[_i].fault, n);
		digest(before.path, lost);
		judge(faults[_i].name, n);
		ck_assert_msg(is_kept(lost), "%s at %u: what was lost is gone", faults[_i].name, n);
		b.now_s = now_s;
		if (!met)
			break;
	}
	ck_assert_uint_gt(n, 20);
	ck_assert_uint_lt(n, 2000);
	place_remove(&before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_restore");
	TCase *t = tcase_create("restore");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 100);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_restored_ledger_is_ok_and_tells_what_was_lost_and_keeps_it);
	tcase_add_test(t, a_backup_that_was_taken_while_the_ledger_was_open_brings_its_log);
	tcase_add_test(
		t, what_a_killed_daemon_left_in_its_log_is_kept_and_is_not_played_into_the_backup);
	tcase_add_test(t, a_ledger_that_is_open_is_not_restored);
	tcase_add_loop_test(t, a_backup_that_is_not_whole_or_not_ours_changes_nothing, 0, 9);
	tcase_add_loop_test(t, what_was_lost_may_be_missing_or_unreadable_and_so_may_the_mark, 0,
			    4);
	tcase_add_loop_test(t, a_file_put_back_by_hand_after_a_restore_is_refused, 0, 2);
	tcase_add_test(t, a_patient_is_blocked_until_that_patient_is_reviewed);
	tcase_add_test(t, without_a_restore_nobody_is_blocked);
	tcase_add_test(t, a_gun_that_was_armed_in_the_lost_range_is_quarantined_once);
	tcase_add_test(t,
		       a_gun_whose_quarantine_was_lifted_may_keep_the_lost_mark_until_it_is_armed);
	tcase_add_loop_test(t, a_mark_that_no_restore_explains_still_says_rolled_back, 0, 2);
	tcase_add_loop_test(
		t, whatever_fails_or_dies_a_restore_is_done_or_arms_nothing_and_can_be_run_again, 0,
		5);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
