// SPDX-License-Identifier: GPL-2.0-only
/*
 * See restore.h.
 *
 * Root opens the backup, which may be anywhere, and then becomes the owner of the
 * state directory, as whom mesod runs: what is left there must be that user's.
 */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ledger.h"
#include "macros.h"
#include "options.h"

static int fail(int r, const char *what, const char *which)
{
	fprintf(stderr, "mesod: %s %s: %s\n", what, which, strerror(-r));
	return r;
}

static int open_backup(const char *path, int *ret_fd, int *ret_wal_fd)
{
	_cleanup_(freep) char *wal = NULL;

	if (asprintf(&wal, "%s-wal", path) < 0) {
		wal = NULL;
		return -ENOMEM;
	}
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*ret_fd < 0)
		return fail(-errno, "the backup cannot be opened:", path);
	*ret_wal_fd = open(wal, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*ret_wal_fd < 0 && errno != ENOENT)
		return fail(-errno, "the backup's log cannot be opened:", wal);
	return 0;
}

static int become_owner(const char *directory)
{
	struct stat st;

	if (stat(directory, &st) < 0)
		return fail(-errno, "there is no state directory", directory);
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
		return fail(-errno, "cannot become the owner of", directory);
	return 0;
}

static void tell(const struct ledger_restore_report *report)
{
	const time_t since = (time_t)report->since_s;
	char when[32] = "?";
	struct tm tm;

	if (gmtime_r(&since, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("The ledger is restored up to record %" PRIu64 " of %s.\n", report->head, when);
	if (report->lost)
		printf("The file that was replaced ended at record %" PRIu64 ".\n", report->lost);
	if (report->kept[0])
		printf("It is kept as %s.\n", report->kept);
	printf("What was given since is unknown: every patient is blocked until root has reviewed\n"
	       "that patient (mesoctl patient review), and guns that were used since are\n"
	       "quarantined until their shots are attributed. Start mesod now.\n");
}

int restore_run(const struct options *options)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closep) int fd = -1, wal_fd = -1;
	struct ledger_restore_report report;
	struct ledger_restore_options o = {
		.mark_path = options->mark,
		.uid = geteuid(),
		.reason = options->reason,
		.now_s = (int64_t)time(NULL),
	};
	int r;

	/* On a private bus, which only tests and simulations have, the owner counts as root. */
	if (geteuid() != 0 && !(options->address && geteuid() == options->owner)) {
		fprintf(stderr, "mesod: only root restores a ledger\n");
		return -EPERM;
	}
	if (asprintf(&path, "%s/ledger.db", options->state) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = open_backup(options->restore, &fd, &wal_fd);
	if (r >= 0)
		r = become_owner(options->state);
	if (r < 0)
		return r;
	o.path = path;
	o.backup_fd = fd;
	o.backup_wal_fd = wal_fd;
	r = ledger_restore(&o, &report);
	if (r == -EINVAL && !report.problem[0])
		fprintf(stderr,
			"mesod: --reason is no text of 1 to %d bytes without control characters\n",
			LEDGER_REASON_MAX - 1);
	else if (r < 0)
		fprintf(stderr, "mesod: %s\n", report.problem);
	else
		tell(&report);
	return r;
}
