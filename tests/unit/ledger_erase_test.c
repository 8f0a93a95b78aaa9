// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is erased is gone from every byte of every file, and what happened stays.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "ledger_fixture.h"
#include "ledger_internal.h"
#include "ledger_v1.h"

static struct bench b;

static void setup(void)
{
	bench_start(&b);
	bench_treat(&b, 20000, 2);
}

static void teardown(void)
{
	bench_stop(&b);
}

static void close_session(void)
{
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
}

/* In how many files of the ledger's directory these bytes are. */
static unsigned int files_with(const char *text)
{
	DIR *dir = opendir(b.place.directory);
	struct dirent *entry;
	unsigned int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		int fd = openat(dirfd(dir), entry->d_name, O_RDONLY);
		struct stat st;
		char *bytes;

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fstat(fd, &st), 0);
		if (S_ISREG(st.st_mode) && st.st_size > 0) {
			bytes = malloc((size_t)st.st_size);
			ck_assert_ptr_nonnull(bytes);
			ck_assert_int_eq(read(fd, bytes, (size_t)st.st_size), st.st_size);
			n += memmem(bytes, (size_t)st.st_size, text, strlen(text)) != NULL;
			free(bytes);
		}
		close(fd);
	}
	closedir(dir);
	return n;
}

static int erase(void)
{
	return ledger_erase_patient(b.ledger, T0, &b.patient, 77, "asked for it");
}

START_TEST(an_erased_patient_is_in_no_file_any_more_and_the_doses_stay)
{
	char id[LEDGER_ID_TEXT_MAX];
	struct ledger_patient p;

	close_session();
	ck_assert_uint_gt(files_with("Zoë Sample"), 0);
	ck_assert_int_eq(erase(), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(files_with("Zoë Sample"), 0);
		ck_assert_uint_eq(files_with("1980-02-29"), 0);
		ck_assert_int_eq(ledger_get_patient(b.ledger, "P-1", &p), -ENOENT);
		ck_assert_int_eq(ledger_get_patient(b.ledger, ledger_id_format(&b.patient, id), &p),
				 0);
		ck_assert(p.erased);
		ck_assert_str_eq(p.name, "");
		ck_assert_str_eq(p.reference, "");
		ck_assert_str_eq(p.birth_date, "");
		ck_assert_uint_eq(settled_of(&b), 2 * UINT64_C(20020));
		bench_reopen(&b);
	}
	ck_assert_uint_eq(count_records(b.ledger, "erasure"), 1);
	ck_assert_int_eq(erase(), -EALREADY);
	/* the reference is free for somebody else */
	ck_assert_int_eq(add_patient(b.ledger, "P-1", NULL), 0);
}
END_TEST

START_TEST(who_was_erased_is_not_treated_any_more)
{
	const struct ledger_moment now = moment(T0);
	struct policy_verdict verdicts[POLICY_RULES];
	struct ledger_order o;
	int64_t session;

	close_session();
	o = bench_order(&b, 20000, 1);
	ck_assert_int_eq(erase(), 0);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &b.patient, SERIAL,
					     OPERATOR, &session),
			 -EIDRM);
	ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, 0, &o.request, verdicts), -EIDRM);
}
END_TEST

START_TEST(nobody_is_erased_in_a_session_or_before_all_is_settled)
{
	struct ledger_reservation v;
	struct ledger_evidence e;

	ck_assert_int_eq(erase(), -EBUSY);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, OPERATOR, 77, "x"), -EBUSY);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	close_session();
	ck_assert_int_eq(erase(), -EBUSY);
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, NULL, 0, &e, NULL), 0);
	ck_assert_int_eq(erase(), 0);
}
END_TEST

START_TEST(who_does_not_exist_or_for_no_reason_is_not_erased)
{
	struct ledger_id nobody = { { 9 } };

	close_session();
	ck_assert_int_eq(ledger_erase_patient(b.ledger, T0, &nobody, 77, "x"), -ENOENT);
	ck_assert_int_eq(ledger_erase_patient(b.ledger, T0, &b.patient, 77, ""), -EINVAL);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, 4242, 77, "x"), -ENOENT);
	ck_assert_uint_eq(count_records(b.ledger, "erasure"), 0);
}
END_TEST

START_TEST(an_erased_operator_is_in_no_file_any_more_and_treats_nobody)
{
	struct ledger_operator op;
	int64_t session;

	struct ledger_renewal renewal = { OPERATOR, "Renewed 4711", "2036-12-31", 77 };

	close_session();
	ck_assert_int_eq(ledger_renew_operator(b.ledger, T0, &renewal), 0);
	ck_assert_uint_gt(files_with("Dr. Ada Example"), 0);
	ck_assert_uint_gt(files_with("Renewed 4711"), 0);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, OPERATOR, 77, "left"), 0);
	ck_assert_uint_eq(files_with("Dr. Ada Example"), 0);
	ck_assert_uint_eq(files_with("Renewed 4711"), 0);
	ck_assert_int_eq(ledger_get_operator(b.ledger, OPERATOR, &op), 0);
	ck_assert(op.erased);
	ck_assert_str_eq(op.name, "");
	ck_assert_str_eq(op.licence, "");
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &b.patient, SERIAL,
					     OPERATOR, &session),
			 -EPERM);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, OPERATOR, 77, "again"), -EALREADY);
	/* nor does anybody else under that account */
	ck_assert_int_eq(add_operator(b.ledger, OPERATOR), -EEXIST);
}
END_TEST

/* Restores what was there before P-2 came, so that the name of P-2 is only in what is kept. */
static void restore_over(bool killed)
{
	struct ledger_restore_report report;
	struct place backup, lost;
	char path[120];
	struct ledger_restore_options o = { .path = b.place.path,
					    .mark_path = b.place.mark,
					    .backup_wal_fd = -1,
					    .uid = 77,
					    .reason = "the disk broke",
					    .ballast = FIXTURE_BALLAST,
					    .now_s = T0 };

	close_session();
	b.ledger = ledger_close(b.ledger);
	place_make(&backup);
	place_copy(&b.place, &backup);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_add_patient(b.ledger, T0,
					    &(struct ledger_patient){ .reference = "P-2",
								      .name = "Xaver Lost",
								      .birth_date = "1970-01-01" },
					    NULL),
			 0);
	place_make(&lost);
	if (killed)
		place_copy(&b.place, &lost);
	b.ledger = ledger_close(b.ledger);
	if (killed)
		place_copy(&lost, &b.place);
	place_remove(&lost);
	snprintf(path, sizeof(path), "%s", backup.path);
	o.backup_fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(ledger_restore(&o, &report), 0);
	close(o.backup_fd);
	place_remove(&backup);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_OK);
}

START_TEST(what_a_restore_has_put_aside_forgets_all_names)
{
	struct ledger_report report;

	/* closed, or killed so that its name is in a log */
	restore_over(_i == 1);
	ck_assert_uint_eq(files_with("Xaver Lost"), 1);
	ck_assert_uint_ge(files_with("Zoë Sample"), 2);
	ck_assert_int_eq(erase(), 0);
	ck_assert_uint_eq(files_with("Xaver Lost"), 0);
	ck_assert_uint_eq(files_with("Zoë Sample"), 0);
	/* whoever else is in the ledger is there still */
	ck_assert_uint_gt(files_with("Dr. Ada Example"), 0);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, OPERATOR, 77, "left"), 0);
	ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
	ck_assert_msg(report.ok, "%s", report.problem);
}
END_TEST

START_TEST(nothing_is_erased_while_what_was_put_aside_cannot_be_read)
{
	static const char *const names[] = { "", "-wal" };
	char path[120], id[LEDGER_ID_TEXT_MAX];
	struct ledger_patient p;
	FILE *file;

	close_session();
	snprintf(path, sizeof(path), "%s.lost-20270115T080000Z-1%s", b.place.path, names[_i]);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "This is no database, but who knows: Zoë Sample");
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(erase(), -ENOTEMPTY);
	ck_assert_int_eq(ledger_get_patient(b.ledger, ledger_id_format(&b.patient, id), &p), 0);
	ck_assert(!p.erased);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, OPERATOR, 77, "left"), -ENOTEMPTY);
	ck_assert_uint_eq(count_records(b.ledger, "erasure"), 0);
	/* an empty one holds nothing, and one that was removed neither */
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(erase(), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, OPERATOR, 77, "left"), 0);
}
END_TEST

START_TEST(a_name_that_is_put_back_or_taken_away_by_hand_is_found)
{
	static const char *const forgeries[] = {
		"INSERT INTO patient_name SELECT id, zeroblob(16), 'P', 'X', '1980-01-01' FROM patient",
		"DELETE FROM erasure",
		"DELETE FROM operator_name",
	};

	close_session();
	ck_assert_int_eq(erase(), 0);
	b.ledger = ledger_close(b.ledger);
	forget_digest(b.place.mark);
	tamper(&b.place, forgeries[_i]);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_CORRUPT);
}
END_TEST

START_TEST(the_copy_of_a_version_1_ledger_does_not_remember_either)
{
	struct ledger_patient p;

	ledger_close(b.ledger);
	place_remove(&b.place);
	place_make(&b.place);
	place_make_v1(&b.place);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_get_patient(b.ledger, "P-1", &p), 0);
	ck_assert_uint_ge(files_with("Zoë Sample"), 2);
	/* the lease that is open is in the way */
	ck_assert_int_eq(ledger_erase_patient(b.ledger, T0, &p.id, 77, "asked for it"), -EBUSY);
	{
		struct ledger_outstanding o;

		ck_assert_int_eq(ledger_get_outstanding(b.ledger, SERIAL, &o), 0);
		ck_assert_int_eq(ledger_close_lost(b.ledger, T0, o.lease_id, 77, "x", NULL), 0);
	}
	ck_assert_int_eq(ledger_erase_patient(b.ledger, T0, &p.id, 77, "asked for it"), 0);
	ck_assert_uint_eq(files_with("Zoë Sample"), 0);
}
END_TEST

START_TEST(an_erasure_that_the_disk_refuses_is_done_whole_or_not_at_all)
{
	static const enum fault faults[] = { FAULT_IO, FAULT_FULL, FAULT_TORN };
	unsigned int n, failed = 0;
	struct place original;
	bool hit;

	fault_vfs_register();
	close_session();
	b.ledger = ledger_close(b.ledger);
	place_make(&original);
	place_copy(&b.place, &original);
	for (n = 0;; n++) {
		struct ledger_report report;
		struct ledger_patient p;
		char id[LEDGER_ID_TEXT_MAX];
		int r;

		place_copy(&original, &b.place);
		b.ledger = place_open_vfs(&b.place, FAULT_VFS);
		fault_vfs_arm(faults[_i], n, true);
		r = erase();
		hit = fault_vfs_hit();
		fault_vfs_arm(FAULT_NONE, 0, false);
		ledger_close(b.ledger);
		b.ledger = place_open(&b.place);
		ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
		ck_assert_msg(report.ok, "at %u: %s", n, report.problem);
		ck_assert_int_eq(ledger_get_patient(b.ledger, ledger_id_format(&b.patient, id), &p),
				 0);
		ck_assert(r < 0 || p.erased);
		ck_assert_uint_eq(count_records(b.ledger, "erasure"), p.erased);
		failed += r < 0;
		if (p.erased) {
			ledger_close(b.ledger);
			b.ledger = place_open(&b.place);
			ck_assert_uint_eq(files_with("Zoë Sample"), 0);
		}
		if (!hit)
			break;
		b.ledger = ledger_close(b.ledger);
		ck_assert_uint_lt(n, 200);
	}
	ck_assert_uint_gt(failed, 0);
	place_remove(&original);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_erase");
	TCase *t = tcase_create("erase");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, an_erased_patient_is_in_no_file_any_more_and_the_doses_stay);
	tcase_add_test(t, who_was_erased_is_not_treated_any_more);
	tcase_add_test(t, nobody_is_erased_in_a_session_or_before_all_is_settled);
	tcase_add_test(t, who_does_not_exist_or_for_no_reason_is_not_erased);
	tcase_add_test(t, an_erased_operator_is_in_no_file_any_more_and_treats_nobody);
	tcase_add_loop_test(t, what_a_restore_has_put_aside_forgets_all_names, 0, 2);
	tcase_add_loop_test(t, nothing_is_erased_while_what_was_put_aside_cannot_be_read, 0, 2);
	tcase_add_loop_test(t, a_name_that_is_put_back_or_taken_away_by_hand_is_found, 0, 3);
	tcase_add_test(t, the_copy_of_a_version_1_ledger_does_not_remember_either);
	tcase_add_loop_test(t, an_erasure_that_the_disk_refuses_is_done_whole_or_not_at_all, 0, 3);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
