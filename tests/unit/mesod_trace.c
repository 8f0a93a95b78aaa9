// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mesod_trace.h.
 */
#include "mesod_trace.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "gun_fixture.h"

#define THREADS_MAX 16

static size_t threads_of(pid_t pid, pid_t tids[static THREADS_MAX])
{
	char path[64];
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) && n < THREADS_MAX)
		if (entry->d_name[0] != '.')
			tids[n++] = (pid_t)strtol(entry->d_name, NULL, 10);
	closedir(dir);
	return n;
}

void mesod_trace_begin(pid_t pid)
{
	pid_t tids[THREADS_MAX];
	const size_t n = threads_of(pid, tids);

	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq((int)ptrace(PTRACE_SEIZE, tids[i], NULL,
					     (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)),
				 0);
		ck_assert_int_eq((int)ptrace(PTRACE_INTERRUPT, tids[i], NULL, NULL), 0);
	}
}

/* Its other threads are told first, and only to who asks for them. */
static void kill_and_wait(pid_t pid)
{
	const int64_t until = gun_fixture_now_ms() + 5000;
	int status;

	kill(pid, SIGKILL);
	for (;;) {
		pid_t who = waitpid(-1, &status, __WALL | WNOHANG);

		if (who == pid && (WIFSIGNALED(status) || WIFEXITED(status)))
			return;
		ck_assert_msg(gun_fixture_now_ms() < until, "the daemon does not die");
		if (who == 0)
			gun_fixture_sleep_ms(1);
	}
}

/* Counts the entries of calls: each call stops twice. */
bool mesod_trace_kill_at(pid_t pid, unsigned int n, int limit_ms)
{
	const int64_t until = gun_fixture_now_ms() + limit_ms;
	unsigned int stops = 0;

	while (gun_fixture_now_ms() < until) {
		pid_t tids[THREADS_MAX];
		const size_t threads = threads_of(pid, tids);
		bool idle = true;

		for (size_t i = 0; i < threads; i++) {
			int status;

			if (waitpid(tids[i], &status, __WALL | WNOHANG) != tids[i])
				continue;
			ck_assert(WIFSTOPPED(status));
			idle = false;
			if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ++stops >= 2 * n) {
				kill_and_wait(pid);
				return true;
			}
			ptrace(PTRACE_SYSCALL, tids[i], NULL, NULL);
		}
		if (idle)
			gun_fixture_sleep_ms(0);
	}
	kill_and_wait(pid);
	return false;
}

pid_t mesod_trace_freeze_worker(pid_t pid)
{
	pid_t tids[THREADS_MAX], worker = 0;
	const size_t n = threads_of(pid, tids);
	int status;

	ck_assert_uint_eq(n, 2);
	worker = tids[0] == pid ? tids[1] : tids[0];
	ck_assert_int_eq((int)ptrace(PTRACE_SEIZE, worker, NULL, NULL), 0);
	ck_assert_int_eq((int)ptrace(PTRACE_INTERRUPT, worker, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(worker, &status, __WALL), worker);
	return worker;
}

void mesod_trace_thaw(pid_t tid)
{
	ck_assert_int_eq((int)ptrace(PTRACE_DETACH, tid, NULL, NULL), 0);
}
