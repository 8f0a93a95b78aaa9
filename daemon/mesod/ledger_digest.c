// SPDX-License-Identifier: GPL-2.0-only
/*
 * The digest that a clean close leaves in the mark: what every byte of the file must
 * be when it is opened again.
 *
 * Owns when it is compared.  A small file is, before anything else.  A large one is
 * read by a thread of its own, so that telemetry and the bus do not wait for it; but
 * no dose is judged or reserved, and the file is not written (only its log is), before
 * the answer is there.  Never repairs.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger_internal.h"

/* mesod's memory is locked, its threads' stacks too. */
#define STACK (128u << 10)

struct digest {
	pthread_t thread;
	int fd; /* the ledger's */
	uint8_t expected[LEDGER_HASH_LEN];
	int result; /* 1 the same, 0 not, or an errno */
	atomic_bool done;
};

static int compare(int fd, const uint8_t expected[LEDGER_HASH_LEN])
{
	uint8_t digest[LEDGER_HASH_LEN];
	int r = mark_digest_fd(fd, digest);

	return r < 0 ? r : memcmp(digest, expected, sizeof(digest)) == 0;
}

static int judge(struct ledger *l, int r)
{
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s cannot be read: %s", l->path,
				 strerror(-r));
	else if (r == 0)
		ledger_set_state(l, LEDGER_CORRUPT,
				 "the ledger's file changed after it was closed");
	return 0;
}

static void *run(void *userdata)
{
	struct digest *d = userdata;

	d->result = compare(d->fd, d->expected);
	atomic_store(&d->done, true);
	return NULL;
}

static int start(struct digest *d)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	int r;

	r = pthread_attr_init(&attributes);
	if (r != 0)
		return -r;
	r = pthread_attr_setstacksize(&attributes, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r == 0)
		r = pthread_create(&d->thread, &attributes, run, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

/* The log goes into the file no more (@on false), or as before. */
static int let_checkpoint(struct ledger *l, bool on)
{
	int rc = sqlite3_wal_autocheckpoint(l->db, on ? LEDGER_LOG_PAGES : 0);

	return rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
}

int digest_check(struct ledger *l, const struct mark *mark)
{
	_cleanup_(freep) char *wal = NULL;
	struct stat st;

	if (asprintf(&wal, "%s-wal", l->path) < 0) {
		wal = NULL;
		return -ENOMEM;
	}
	if (stat(wal, &st) == 0 && st.st_size > 0) {
		ledger_set_state(l, LEDGER_CORRUPT,
				 "the ledger was closed, but %s was written since", wal);
		return 0;
	}
	if (fstat(l->file_fd, &st) < 0 || st.st_size <= LEDGER_SMALL_BYTES)
		return judge(l, compare(l->file_fd, mark->digest));
	l->digest = calloc(1, sizeof(*l->digest));
	if (!l->digest)
		return -ENOMEM;
	l->digest->fd = l->file_fd;
	memcpy(l->digest->expected, mark->digest, sizeof(l->digest->expected));
	if (start(l->digest) >= 0)
		return 0;
	/* Without a thread it is waited for. */
	free(l->digest);
	l->digest = NULL;
	return judge(l, compare(l->file_fd, mark->digest));
}

int digest_hold_file(struct ledger *l)
{
	return l->digest ? let_checkpoint(l, false) : 0;
}

int digest_settle(struct ledger *l)
{
	int result, r;

	if (!l->digest)
		return 0;
	pthread_join(l->digest->thread, NULL);
	result = l->digest->result;
	/* Without memory nothing was compared: that is done once more, here. */
	if (result == -ENOMEM)
		result = compare(l->file_fd, l->digest->expected);
	free(l->digest);
	l->digest = NULL;
	r = judge(l, result);
	if (r < 0)
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s cannot be compared: %s", l->path,
				 strerror(-r));
	if (l->db && ledger_writable(l) >= 0)
		(void)let_checkpoint(l, true);
	return ledger_writable(l);
}

void digest_look(struct ledger *l)
{
	if (l->digest && atomic_load(&l->digest->done))
		(void)digest_settle(l);
}
