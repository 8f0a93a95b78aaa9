// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mesod_trace.h.
 */
#include "mesod_trace.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gun_fixture.h"

#define THREADS_MAX 16
#define OPTIONS     (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)

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
		ck_assert_int_eq((int)ptrace(PTRACE_SEIZE, tids[i], NULL, (void *)OPTIONS), 0);
		ck_assert_int_eq((int)ptrace(PTRACE_INTERRUPT, tids[i], NULL, NULL), 0);
	}
}

/* ---- what a call is about -------------------------------------------------------------- */

static const char *peer_of(pid_t pid, int fd, char path[static 256])
{
	struct sockaddr_un address = { 0 };
	socklen_t size = sizeof(address);
	int process, copy;

	*path = '\0';
	process = pidfd_open(pid, 0);
	copy = process >= 0 ? pidfd_getfd(process, fd, 0) : -1;
	if (copy >= 0 && getpeername(copy, (struct sockaddr *)&address, &size) == 0 &&
	    address.sun_family == AF_UNIX)
		snprintf(path, 256, "%.*s", (int)sizeof(address.sun_path), address.sun_path);
	if (copy >= 0)
		close(copy);
	if (process >= 0)
		close(process);
	return path;
}

const char *mesod_trace_file(pid_t pid, int fd, char path[static 256])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, fd);
	n = readlink(link, path, 255);
	path[n > 0 ? n : 0] = '\0';
	return strncmp(path, "socket:", 7) == 0 ? peer_of(pid, fd, path) : path;
}

const char *mesod_trace_path(pid_t pid, uint64_t address, char path[static 256])
{
	struct iovec here = { .iov_base = path, .iov_len = 255 };
	struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = 255 };
	ssize_t n;

	/* The end of its page may be all there is to read. */
	n = process_vm_readv(pid, &here, 1, &there, 1, 0);
	if (n < 0) {
		there.iov_len = 4096 - address % 4096;
		n = process_vm_readv(pid, &here, 1, &there, 1, 0);
	}
	path[n > 0 ? n : 0] = '\0';
	return path;
}

/* ---- lies about a call ------------------------------------------------------------------- */

#ifdef __x86_64__
static void change(pid_t tid, const unsigned long long *number, const unsigned long long *third,
		   const unsigned long long *result)
{
	struct user_regs_struct registers;

	ck_assert_int_eq((int)ptrace(PTRACE_GETREGS, tid, NULL, &registers), 0);
	if (number)
		registers.orig_rax = *number;
	if (third)
		registers.rdx = *third;
	if (result)
		registers.rax = *result;
	ck_assert_int_eq((int)ptrace(PTRACE_SETREGS, tid, NULL, &registers), 0);
}
#else
static void change(pid_t tid, const unsigned long long *number, const unsigned long long *third,
		   const unsigned long long *result)
{
	(void)tid;
	(void)number;
	(void)third;
	(void)result;
	ck_abort_msg("how registers are changed on this machine is not known");
}
#endif

static void skip_call(pid_t tid)
{
	const unsigned long long none = (unsigned long long)-1;

	change(tid, &none, NULL, NULL);
}

static void set_result(pid_t tid, int error)
{
	const unsigned long long result = (unsigned long long)-error;

	change(tid, NULL, NULL, &result);
}

static void halve(pid_t tid, uint64_t length)
{
	const unsigned long long half = length / 2;

	change(tid, NULL, &half, NULL);
}

static bool is_write(uint64_t number)
{
	return number == SYS_write || number == SYS_pwrite64;
}

/* ---- the loop ------------------------------------------------------------------------------- */

struct tracing {
	pid_t pid;
	const struct trace_plan *plan;
	struct trace_result result;
	pid_t tids[THREADS_MAX];
	size_t n_tids;
	pid_t failing; /* its call is not made, and returns the error */
	pid_t dying;   /* when its call returns, the process is killed */
	bool fail_next;
};

/* Its other threads are told first, and only to who asks for them. */
static void wait_dead(pid_t pid)
{
	const int64_t until = gun_fixture_now_ms() + 5000;
	int status;

	for (;;) {
		pid_t who = waitpid(-1, &status, __WALL | WNOHANG);

		if (who == pid && (WIFSIGNALED(status) || WIFEXITED(status)))
			return;
		/* Stopped by its own end, or by a signal that does not matter any more. */
		if (who > 0 && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, who, NULL, NULL);
		ck_assert_msg(gun_fixture_now_ms() < until, "the process does not die");
		if (who <= 0)
			gun_fixture_sleep_ms(1);
	}
}

static void kill_it(struct tracing *t)
{
	kill(t->pid, SIGKILL);
	wait_dead(t->pid);
	t->result.hit = true;
	t->result.end = TRACE_HIT;
}

static bool shall_fail(struct tracing *t, const struct trace_call *call)
{
	if (t->fail_next) {
		t->fail_next = false;
		return true;
	}
	if (t->plan->deed == TRACE_FAIL)
		return t->result.calls == t->plan->n ||
		       (t->plan->for_ever && t->result.calls > t->plan->n);
	return t->plan->deed == TRACE_SHORT && t->result.calls == t->plan->n &&
	       (!is_write(call->number) || call->arguments[2] < 2);
}

/* The call is about to be made.  True: the process is dead. */
static bool on_entry(struct tracing *t, const struct trace_call *call)
{
	const struct trace_plan *plan = t->plan;

	if (plan->counts && !plan->counts(call, plan->userdata))
		return false;
	t->result.calls++;
	if (shall_fail(t, call)) {
		t->failing = call->tid;
		t->result.hit = true;
		skip_call(call->tid);
		return false;
	}
	if (t->result.calls != plan->n)
		return false;
	if (plan->deed == TRACE_KILL) {
		kill_it(t);
		return true;
	}
	if (plan->deed == TRACE_KILL_AFTER)
		t->dying = call->tid;
	if (plan->deed == TRACE_SHORT) {
		halve(call->tid, call->arguments[2]);
		t->result.hit = true;
		t->fail_next = true;
	}
	return false;
}

static bool on_call(struct tracing *t, pid_t tid)
{
	struct __ptrace_syscall_info info = { 0 };
	struct trace_call call = { .tid = tid };

	/* A thread that another one's end kills may be gone already. */
	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) < 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		call.number = info.entry.nr;
		memcpy(call.arguments, info.entry.args, sizeof(call.arguments));
		return on_entry(t, &call);
	}
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && tid == t->dying) {
		kill_it(t);
		return true;
	}
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && tid == t->failing) {
		set_result(tid, t->plan->error);
		t->failing = 0;
	}
	return false;
}

/* True: the process is gone. */
static bool on_stop(struct tracing *t, pid_t tid, int status)
{
	int deliver = 0;

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		if (tid != t->pid) {
			t->n_tids = threads_of(t->pid, t->tids);
			return false;
		}
		t->result.end = TRACE_ENDED;
		return true;
	}
	if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		if (on_call(t, tid))
			return true;
	} else if (status >> 16 == PTRACE_EVENT_CLONE) {
		t->n_tids = threads_of(t->pid, t->tids);
	} else if (status >> 16 == 0) {
		deliver = WSTOPSIG(status);
	}
	ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(uintptr_t)(unsigned int)deliver);
	return false;
}

/* True: somebody stopped.  Sets *ret_gone. */
static bool look_around(struct tracing *t, bool *ret_gone)
{
	bool busy = false;

	for (size_t i = 0; i < t->n_tids; i++) {
		int status;
		const pid_t tid = waitpid(t->tids[i], &status, __WALL | WNOHANG);

		if (tid <= 0)
			continue;
		busy = true;
		*ret_gone = on_stop(t, tid, status);
		if (*ret_gone)
			break;
	}
	return busy;
}

struct trace_result mesod_trace_run(pid_t pid, const struct trace_plan *plan)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };
	const int64_t until = gun_fixture_now_ms() + plan->limit_ms;
	struct tracing t = { .pid = pid, .plan = plan };
	sigset_t child, before;
	bool gone = false;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &child, &before), 0);
	t.n_tids = threads_of(pid, t.tids);
	for (;;) {
		if (look_around(&t, &gone)) {
			if (gone)
				break;
			continue;
		}
		if (plan->over && plan->over(plan->userdata)) {
			t.result.end = TRACE_OVER;
			break;
		}
		if (gun_fixture_now_ms() > until) {
			t.result.end = TRACE_LATE;
			break;
		}
		/* Every stop is told by this signal. */
		sigtimedwait(&child, NULL, &moment);
	}
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	return t.result;
}

void mesod_trace_end(pid_t pid)
{
	pid_t tids[THREADS_MAX];
	const size_t n = threads_of(pid, tids);

	for (size_t i = 0; i < n; i++) {
		int status;

		/* One that has stopped already, and was not let go on, does not stop for this. */
		ptrace(PTRACE_INTERRUPT, tids[i], NULL, NULL);
		if (waitpid(tids[i], &status, __WALL) != tids[i])
			continue;
		if (ptrace(PTRACE_DETACH, tids[i], NULL, NULL) < 0)
			ck_assert_int_eq(errno, ESRCH);
	}
}

/* ---- one thread ------------------------------------------------------------------------------- */

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
