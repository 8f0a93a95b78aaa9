// SPDX-License-Identifier: GPL-2.0-only
/*
 * See agent.h.
 */
#include "agent.h"
#include "mesoctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#define AGENT    "/usr/bin/pkttyagent"
#define READY_MS 5000

/*
 * An agent that somebody's desktop has goes before ours.  polkit looks for one in
 * the session that it takes for ours, and where there is none heeds no fallback.
 */
static bool have_session(void)
{
	_cleanup_(ctl_freep) char *session = NULL;

	return sd_pid_get_session(0, &session) >= 0 || sd_uid_get_display(geteuid(), &session) >= 0;
}

/* In the child.  It says that it is ready by closing @ready. */
static _Noreturn void become_agent(int ready)
{
	const char *fallback = have_session() ? "--fallback" : NULL;
	char number[16];

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* Interrupting mesoctl is not interrupting it: it is ended in order. */
	signal(SIGINT, SIG_IGN);
	snprintf(number, sizeof(number), "%d", ready);
	(void)fcntl(ready, F_SETFD, 0);
	execl(AGENT, AGENT, "--notify-fd", number, fallback, (char *)NULL);
	_exit(127);
}

pid_t agent_begin(void)
{
	struct pollfd ready = { .events = POLLIN };
	int ends[2];
	pid_t pid;

	if (geteuid() == 0 || !isatty(STDIN_FILENO) || access(AGENT, X_OK) < 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return 0;
	pid = fork();
	if (pid == 0)
		become_agent(ends[1]);
	close(ends[1]);
	ready.fd = ends[0];
	if (pid > 0)
		(void)poll(&ready, 1, READY_MS);
	close(ends[0]);
	return pid > 0 ? pid : 0;
}

void agent_end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	/* Stopped by the shell it would not hear that. */
	kill(pid, SIGCONT);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
