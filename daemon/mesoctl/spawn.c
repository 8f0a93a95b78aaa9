// SPDX-License-Identifier: GPL-2.0-only
/*
 * See spawn.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn.h"

#define END_STEPS 300 /* of 10 ms */

char *spawn_beside(const char *name)
{
	char self[4096], *path, *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	if (asprintf(&path, "%s%s", self, name) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *spawn_find(const char *name)
{
	static const char *const beside[] = { "", "../sbin/", "../bin/" };

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		char relative[128], *path;

		snprintf(relative, sizeof(relative), "%s%s", beside[i], name);
		path = spawn_beside(relative);
		if (path && access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return strdup(name);
}

/* In the child, before exec: an own process group, so that a Ctrl-C at the terminal is not for it. */
static void become_service(pid_t parent, const char *log)
{
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
}

pid_t spawn_service(char *const argv[], const char *log)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0)
		return pid;
	become_service(parent, log);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerrordesc_np(errno));
	_exit(127);
}

bool spawn_is_dead(pid_t *pid)
{
	if (*pid > 0 && waitpid(*pid, NULL, WNOHANG) != *pid)
		return false;
	*pid = 0;
	return true;
}

void spawn_end(pid_t *pid)
{
	if (*pid <= 0 || spawn_is_dead(pid))
		return;
	kill(*pid, SIGTERM);
	for (int i = 0; i < END_STEPS; i++) {
		if (spawn_is_dead(pid))
			return;
		usleep(10000);
	}
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int spawn_run(char *const argv[])
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	pid_t parent = getpid(), pid;
	int status = 0;

	/* Ctrl-C is for the command, as it is in a shell; what comes after it is still to be done. */
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	pid = fork();
	if (pid == 0) {
		sigaction(SIGINT, &old_int, NULL);
		sigaction(SIGQUIT, &old_quit, NULL);
		/* Without what was set up for it, it has nothing more to do. */
		prctl(PR_SET_PDEATHSIG, SIGHUP);
		if (getppid() != parent)
			_exit(126);
		execvp(argv[0], argv);
		fprintf(stderr, "mesoctl: %s: %s\n", argv[0], strerrordesc_np(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	return pid < 0 ? 126 : status_of(status);
}
