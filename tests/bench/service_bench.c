// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesod as a service, with no gun and no client, beside upowerd: from exec to its name on the bus, what is resident
 * then, and how often it wakes up by itself.  Run by service.sh, on a bus of its own.
 *
 *   service_bench DIRECTORY SECONDS    DIRECTORY is empty and ours; SECONDS of idleness
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS     21
#define LIMIT_NS   UINT64_C(10000000000)
#define SETTLED_US 500000

struct service {
	const char *name; /* on the bus */
	char *const *argv;
	pid_t pid;
	uint64_t start_ns[ROUNDS];
	uint64_t resident_kib[ROUNDS];
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "service_bench: %s\n", what);
	exit(EXIT_FAILURE);
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *name, *before, *after;

	(void)error;
	if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0)
		*(bool *)userdata = *after != '\0';
	return 0;
}

static void start(sd_bus *bus, struct service *service, uint64_t *ret_ns)
{
	const uint64_t begin = bench_now_ns();
	sd_bus_slot *slot = NULL;
	bool there = false;
	char match[160];

	snprintf(match, sizeof(match),
		 "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
		 service->name);
	if (sd_bus_add_match(bus, &slot, match, on_owner, &there) < 0)
		fail("the bus does not tell who comes");
	*ret_ns = bench_now_ns();
	service->pid = fork();
	if (service->pid == 0) {
		execvp(service->argv[0], service->argv);
		_exit(127);
	}
	while (!there) {
		if (bench_now_ns() - begin > LIMIT_NS ||
		    waitpid(service->pid, NULL, WNOHANG) == service->pid)
			fail(service->argv[0]);
		if (sd_bus_process(bus, NULL) <= 0)
			sd_bus_wait(bus, 100000);
	}
	*ret_ns = bench_now_ns() - *ret_ns;
	sd_bus_slot_unref(slot);
}

static void stop(struct service *service)
{
	kill(service->pid, SIGTERM);
	waitpid(service->pid, NULL, 0);
}

/* A number of /proc/PID/status, or of that of a thread. */
static uint64_t status_of(const char *path, const char *field)
{
	char line[256];
	uint64_t value = 0;
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtoull(line + strlen(field) + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static uint64_t resident_kib(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return status_of(path, "VmRSS:");
}

/* A thread that blocks has woken up before. */
static uint64_t wakeups(pid_t pid)
{
	struct dirent *entry;
	uint64_t sum = 0;
	char path[320];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, entry->d_name);
		sum += status_of(path, "voluntary_ctxt_switches:");
	}
	if (dir)
		closedir(dir);
	return sum;
}

static void measure_start(sd_bus *bus, struct service *ours, struct service *peer)
{
	uint64_t ratio[ROUNDS], resident[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		struct service *both[] = { ours, peer };

		for (int s = 0; s < 2; s++) {
			start(bus, both[s], &both[s]->start_ns[i]);
			usleep(SETTLED_US);
			both[s]->resident_kib[i] = resident_kib(both[s]->pid);
			stop(both[s]);
		}
		if (!peer->start_ns[i] || !peer->resident_kib[i])
			fail("the peer ended");
		ratio[i] = ours->start_ns[i] * 1000 / peer->start_ns[i];
		resident[i] = ours->resident_kib[i] * 1000 / peer->resident_kib[i];
	}
	bench_print("mesod-start", "host", 1000, ours->start_ns, peer->start_ns, ratio, ROUNDS);
	printf("bench name=mesod-resident ours=%" PRIu64 "KiB peer=%" PRIu64 "KiB",
	       bench_median(ours->resident_kib, ROUNDS), bench_median(peer->resident_kib, ROUNDS));
	printf(" ratio=%.3f bar=1.000 where=host\n", (double)bench_median(resident, ROUNDS) / 1000);
}

static void measure_idle(sd_bus *bus, struct service *ours, struct service *peer,
			 unsigned int seconds)
{
	uint64_t mine, theirs;

	start(bus, ours, &mine);
	start(bus, peer, &theirs);
	/* Threads of both that only begin are gone by then. */
	sleep(20);
	mine = wakeups(ours->pid);
	theirs = wakeups(peer->pid);
	sleep(seconds);
	mine = wakeups(ours->pid) - mine;
	theirs = wakeups(peer->pid) - theirs;
	stop(ours);
	stop(peer);
	printf("bench name=mesod-idle-wakeups ours=%" PRIu64 " peer=%" PRIu64
	       " ratio=%.3f bar=0.000 where=host\n",
	       mine, theirs, (double)mine / (double)(theirs ? theirs : 1));
}

int main(int argc, char **argv)
{
	static char sim[200], state[200], mark[200], mesod[200];
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"), *build = getenv("BUILD");
	char *const ours_argv[] = { mesod,
				    (char *)"--sim",
				    sim,
				    (char *)"--address",
				    (char *)address,
				    (char *)"--state",
				    state,
				    (char *)"--mark",
				    mark,
				    (char *)"--formulary",
				    (char *)"daemon/data/formulary/formulary.conf",
				    NULL };
	char *const peer_argv[] = { (char *)"/usr/libexec/upowerd", NULL };
	struct service ours = { .name = "org.mesod1", .argv = ours_argv };
	struct service peer = { .name = "org.freedesktop.UPower", .argv = peer_argv };
	sd_bus *bus = NULL;

	if (argc != 3 || !address)
		fail("say: service_bench DIRECTORY SECONDS, on a bus of its own");
	snprintf(sim, sizeof(sim), "%s/guns", argv[1]);
	snprintf(state, sizeof(state), "%s/state", argv[1]);
	snprintf(mark, sizeof(mark), "%s/mark", argv[1]);
	snprintf(mesod, sizeof(mesod), "%s/mesod", build ? build : "build");
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	if (sd_bus_open_user(&bus) < 0)
		fail("no bus");
	measure_start(bus, &ours, &peer);
	measure_idle(bus, &ours, &peer, (unsigned int)strtoul(argv[2], NULL, 10));
	sd_bus_close_unref(bus);
	return EXIT_SUCCESS;
}
