// SPDX-License-Identifier: GPL-2.0-only
/*
 * See log.h.  One line a message, so that a line can be trusted to be one event.
 */
#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

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

void log_message(const struct logger *log, int priority, const char *gun, const char *format, ...)
{
	char line[LINE_LENGTH];
	va_list args;

	if (priority > log->max_priority)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);

	if (!log->journal)
		dprintf(STDERR_FILENO, "mesod: %s%s%s\n", gun ? gun : "", gun ? ": " : "", line);
	else if (gun)
		sd_journal_send("PRIORITY=%i", priority, "MESO_GUN=%s", gun, "MESSAGE=%s: %s", gun,
				line, NULL);
	else
		sd_journal_send("PRIORITY=%i", priority, "MESSAGE=%s", line, NULL);
}
