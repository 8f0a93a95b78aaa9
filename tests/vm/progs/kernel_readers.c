// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever asks a gun for its status shares no lock with anybody else who does:
 * lockdep's statistics of all the kernel's locks, while many ask at once, know of
 * none that is taken as often as they ask.  That they would is seen by asking for
 * what does take one.  Wants the debug kernel (CONFIG_LOCK_STAT).
 */
#include <ctype.h>
#include <sys/wait.h>

#include "ways.h"

#define READERS 4
#define ASKED   2000 /* by each */

/* Each with a process and a file of its own. */
static void ask_at_once(unsigned long cmd)
{
	pid_t child[READERS];
	int status;

	for (int i = 0; i < READERS; i++) {
		child[i] = fork();
		require(child[i] >= 0);
		if (child[i] == 0) {
			static char answer[16384];
			int fd = open_gun(NODE, O_RDONLY);

			for (int j = 0; j < ASKED; j++)
				require_eq(ask(fd, cmd, answer), 0);
			exit(0);
		}
	}
	for (int i = 0; i < READERS; i++) {
		require_eq(waitpid(child[i], &status, 0), child[i]);
		require_eq(status, 0);
	}
}

/*
 * A line of /proc/lock_stat is a class and twelve numbers; the eighth is how often it was taken.  Return: that, or 0
 * for another line.
 */
static unsigned long taken(const char *line, char name[static 128])
{
	const char *colon = strrchr(line, ':'), *at;
	double times = 0, number;
	char *end;
	size_t len;

	if (!colon)
		return 0;
	at = colon + 1;
	for (int i = 1; i <= 12; i++, at = end) {
		number = strtod(at, &end);
		if (end == at)
			return 0;
		if (i == 8)
			times = number;
	}
	while (isspace((unsigned char)*line))
		line++;
	len = (size_t)(colon - line);
	snprintf(name, 128, "%.*s", (int)(len < 127 ? len : 127), line);
	return (unsigned long)times;
}

/*
 * A sequence counter is known to lockdep, but its readers write nothing.  The hash of DEBUG_OBJECTS is there only because
 * this kernel looks for mistakes.
 */
static bool is_a_lock(const char *name)
{
	return !strstr(name, "seq") && !strstr(name, "obj_hash");
}

/* Return: how many locks are taken as often as @cmd is asked. */
static unsigned int shared_by(const char *what, unsigned long cmd)
{
	char line[1024], name[128];
	unsigned int shared = 0, classes = 0;
	FILE *stat;

	write_text("/proc/lock_stat", "0");
	write_text("/sys/module/lockdep/parameters/lock_stat", "1");
	ask_at_once(cmd);
	write_text("/sys/module/lockdep/parameters/lock_stat", "0");
	stat = fopen("/proc/lock_stat", "re");
	require(stat);
	while (fgets(line, sizeof(line), stat)) {
		unsigned long times = taken(line, name);

		classes += times > 0;
		if (times < (unsigned long)READERS * ASKED / 2)
			continue;
		printf("%s, %d times: %s, %lu times\n", what, READERS * ASKED, name, times);
		shared += is_a_lock(name);
	}
	fclose(stat);
	require(classes > 10);
	printf("%s: %u locks of %u\n", what, shared, classes);
	return shared;
}

int main(void)
{
	close(ready_gun(NODE));
	require_eq(shared_by("GET_STATUS", MESO_IOC_GET_STATUS), 0);
	require(shared_by("GET_REGISTERS", MESO_IOC_GET_REGISTERS) >= 1);
	return 0;
}
