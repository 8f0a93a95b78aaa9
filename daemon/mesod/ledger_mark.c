// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mark file: what the ledger's head was, kept apart from the ledger.
 *
 * Owns the file's form and its replacement.  It says that a ledger existed (so
 * that a missing one is not made anew), how far its chain had come (so that an
 * older copy is noticed), and, after a clean close, the digest of the whole
 * database file (so that any changed byte is).  Never judges: ledger.c does.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger_internal.h"

/* meso-ledger-mark 1 <ledger> <number> <hash> <digest or ->\n */
#define MARK_FORMAT "meso-ledger-mark 1 %s %" PRIu64 " %s %s\n"
#define MARK_MAX    256

static int sync_directory(const struct ledger_io *io, const char *path)
{
	_cleanup_(closep) int fd = -1;
	char directory[PATH_MAX];
	char *slash;

	if (strlen(path) >= sizeof(directory))
		return -ENAMETOOLONG;
	memcpy(directory, path, strlen(path) + 1);
	slash = strrchr(directory, '/');
	if (slash)
		slash[slash == directory ? 1 : 0] = '\0';
	fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : io->sync(fd);
}

int mark_sync_directory(const char *path)
{
	return sync_directory(&ledger_io_system, path);
}

int mark_write(const struct ledger_io *io, const char *path, const struct mark *mark)
{
	char text[MARK_MAX], id[LEDGER_ID_TEXT_MAX], hash[2 * LEDGER_HASH_LEN + 1];
	char digest[2 * LEDGER_HASH_LEN + 1] = "-";
	_cleanup_(freep) char *temporary = NULL;
	_cleanup_(closep) int fd = -1;
	int len, r;

	ledger_id_format(&mark->id, id);
	text_hex(mark->hash, sizeof(mark->hash), hash);
	if (mark->clean)
		text_hex(mark->digest, sizeof(mark->digest), digest);
	len = snprintf(text, sizeof(text), MARK_FORMAT, id, mark->number, hash, digest);
	if (asprintf(&temporary, "%s.new", path) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	/* What a crash left here was never the mark. */
	if (unlink(temporary) < 0 && errno != ENOENT)
		return -errno;
	fd = io->open(temporary, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	r = io_write_all(io, fd, text, (size_t)len);
	if (r >= 0)
		r = io->sync(fd);
	if (r >= 0)
		r = io->rename(temporary, path);
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	return sync_directory(io, path);
}

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;
	unsigned long long number;

	if (text[0] < '0' || text[0] > '9')
		return -EBADMSG;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return -EBADMSG;
	*ret = number;
	return 0;
}

static int parse(char *text, struct mark *ret)
{
	struct mark mark = { 0 };
	char *words[6], *rest = text;
	size_t n = 0;

	if (!text[0] || text[strlen(text) - 1] != '\n')
		return -EBADMSG;
	text[strlen(text) - 1] = '\0';
	while (n < ARRAY_LENGTH(words) && (words[n] = strsep(&rest, " ")))
		n++;
	if (n != ARRAY_LENGTH(words) || rest || strcmp(words[0], "meso-ledger-mark") != 0 ||
	    strcmp(words[1], "1") != 0 || ledger_id_parse(words[2], &mark.id) < 0 ||
	    parse_number(words[3], &mark.number) < 0 ||
	    text_unhex(words[4], mark.hash, sizeof(mark.hash)) < 0)
		return -EBADMSG;
	mark.clean = strcmp(words[5], "-") != 0;
	if (mark.clean && text_unhex(words[5], mark.digest, sizeof(mark.digest)) < 0)
		return -EBADMSG;
	*ret = mark;
	return 1;
}

int mark_read(const char *path, struct mark *ret)
{
	_cleanup_(closep) int fd = -1;
	char text[MARK_MAX + 1];
	size_t len = 0;
	ssize_t n;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	do {
		n = read(fd, text + len, MARK_MAX - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && len < MARK_MAX);
	text[len] = '\0';
	if (len == MARK_MAX || strlen(text) != len)
		return -EBADMSG;
	return parse(text, ret);
}

int mark_digest_fd(int fd, uint8_t ret[LEDGER_HASH_LEN])
{
	uint8_t piece[16384];
	gcry_md_hd_t md;
	off_t offset = 0;
	ssize_t n;

	if (gcry_md_open(&md, GCRY_MD_SHA256, 0))
		return -ENOMEM;
	while ((n = pread(fd, piece, sizeof(piece), offset)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		gcry_md_write(md, piece, (size_t)n);
		offset += n;
	}
	if (n == 0)
		memcpy(ret, gcry_md_read(md, GCRY_MD_SHA256), LEDGER_HASH_LEN);
	gcry_md_close(md);
	return n == 0 ? 0 : -EIO;
}

int mark_digest_file(const char *path, uint8_t ret[LEDGER_HASH_LEN])
{
	_cleanup_(closep) int fd = -1;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : mark_digest_fd(fd, ret);
}
