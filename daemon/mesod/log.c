// SPDX-License-Identifier: GPL-2.0-only
/*
 * See log.h.  One line a message, so that a line can be trusted to be one event.
 */
#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define LINE_LENGTH 512

void log_open(struct logger *log, int max_priority)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	char *end;

	*log = (struct logger){ .max_priority = max_priority };
	if (!stream)
		return;
	device = strtoumax(stream, &end, 10);
	if (*end != ':')
		return;
	inode = strtoumax(end + 1, &end, 10);
	if (*end)
		return;
	if (fstat(STDERR_FILENO, &st) == 0)
		log->journal = st.st_dev == device && st.st_ino == inode;
}

void log_message(const struct logger *log, int priority, const char *gun, const char *id,
		 const char *format, ...)
{
	char line[LINE_LENGTH], fields[4][LINE_LENGTH + 32];
	struct iovec iov[4];
	va_list args;
	int n = 0;

	if (priority > log->max_priority)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);

	if (!log->journal) {
		dprintf(STDERR_FILENO, "mesod: %s%s%s\n", gun ? gun : "", gun ? ": " : "", line);
		return;
	}
	snprintf(fields[n++], sizeof(fields[0]), "PRIORITY=%i", priority);
	snprintf(fields[n++], sizeof(fields[0]), "MESSAGE=%s%s%s", gun ? gun : "", gun ? ": " : "",
		 line);
	if (gun)
		snprintf(fields[n++], sizeof(fields[0]), "MESO_GUN=%s", gun);
	if (id)
		snprintf(fields[n++], sizeof(fields[0]), "MESSAGE_ID=%s", id);
	for (int i = 0; i < n; i++)
		iov[i] = (struct iovec){ fields[i], strlen(fields[i]) };
	sd_journal_sendv(iov, n);
}
