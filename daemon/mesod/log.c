// SPDX-License-Identifier: GPL-2.0-only
/*
 * See log.h.  One line a message, so that a line can be trusted to be one event.
 *
 * The journal is told by its own protocol ("Native Journal Protocol", systemd.io), because
 * sd_journal_sendv() waits as long as the journal does not read, and a gun's heart does not
 * beat meanwhile.
 */
#include "log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_LENGTH 512

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	char *end;

	if (!stream)
		return false;
	device = strtoumax(stream, &end, 10);
	if (*end != ':')
		return false;
	inode = strtoumax(end + 1, &end, 10);
	return !*end && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(struct logger *log, int max_priority, const char *place)
{
	*log = (struct logger){
		.journal = stderr_is_journal(),
		.max_priority = max_priority,
		.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.place = place,
	};
}

void log_close(struct logger *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

/* Return: whether it was taken. */
static bool tell_journal(struct logger *log, int priority, const char *gun, const char *id,
			 const char *line)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[2 * LINE_LENGTH];
	int n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", log->place);
	n = snprintf(text, sizeof(text),
		     "PRIORITY=%d\nSYSLOG_IDENTIFIER=mesod\nMESSAGE=%s%s%s\n%s%s%s%s%s%s", priority,
		     gun ? gun : "", gun ? ": " : "", line, gun ? "MESO_GUN=" : "", gun ? gun : "",
		     gun ? "\n" : "", id ? "MESSAGE_ID=" : "", id ? id : "", id ? "\n" : "");
	if (n < 0 || (size_t)n >= sizeof(text))
		return false;
	return sendto(log->fd, text, (size_t)n, MSG_NOSIGNAL, (const struct sockaddr *)&address,
		      sizeof(address)) == n;
}

/* A pipe that can be written to at all takes a whole line. */
static bool tell_console(const char *gun, const char *line)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&pfd, 1, 0) != 1 || pfd.revents != POLLOUT)
		return false;
	return dprintf(STDERR_FILENO, "mesod: %s%s%s\n", gun ? gun : "", gun ? ": " : "", line) > 0;
}

static bool tell(struct logger *log, int priority, const char *gun, const char *id,
		 const char *line)
{
	return log->journal ? tell_journal(log, priority, gun, id, line) : tell_console(gun, line);
}

static bool tell_lost(struct logger *log)
{
	char line[LINE_LENGTH];

	snprintf(line, sizeof(line), "%u messages before this one were lost: nobody read them",
		 log->lost);
	return tell(log, LOG_WARNING, NULL, NULL, line);
}

void log_message(struct logger *log, int priority, const char *gun, const char *id,
		 const char *format, ...)
{
	char line[LINE_LENGTH];
	va_list args;

	if (priority > log->max_priority)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* What others have said may be quoted in it. */
	for (char *p = line; (p = strpbrk(p, "\r\n")); p++)
		*p = ' ';

	if (log->lost && tell_lost(log))
		log->lost = 0;
	if (log->lost || !tell(log, priority, gun, id, line))
		log->lost++;
}
