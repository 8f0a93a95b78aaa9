// SPDX-License-Identifier: GPL-2.0-only
/*
 * From mesod's receipt of a Stop to the gun's being told, while the disk hangs and a hundred clients flood the bus; beside
 * the same with nothing else to do.  Each Stop comes from somebody whom mesod has not met.
 */
#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "../unit/mesod_fixture.h"
#include "../unit/mesod_trace.h"

#define STOPS     1000
#define FLOODERS  4
#define CLIENTS   25 /* of each */
#define IN_FLIGHT 8  /* of each */

static struct mesod_fixture f;

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	(void)answer;
	(void)error;
	--*(unsigned int *)userdata;
	return 0;
}

static _Noreturn void flood(void)
{
	static sd_bus *clients[CLIENTS];
	static unsigned int waiting[CLIENTS];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = mesod_fixture_connect(&f);
	for (;;)
		for (int i = 0; i < CLIENTS; i++) {
			for (; waiting[i] < IN_FLIGHT; waiting[i]++)
				if (sd_bus_call_method_async(clients[i], NULL, "org.mesod1",
							     f.gun_path, GUN, "GetSnapshot",
							     on_answer, &waiting[i], "") < 0)
					_exit(1);
			while (sd_bus_process(clients[i], NULL) > 0)
				;
		}
}

/* The times of so many Stops, in order. */
static void stops(const char *log, uint64_t took[STOPS])
{
	FILE *file;

	unlink(log);
	for (int i = 0; i < STOPS; i++) {
		sd_bus *bus = mesod_fixture_connect(&f);

		ck_assert_int_ge(mesod_call(bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
		sd_bus_close_unref(bus);
	}
	file = fopen(log, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(took, sizeof(took[0]), STOPS, file), STOPS);
	fclose(file);
	qsort(took, STOPS, sizeof(took[0]), bench_compare);
}

static void report(const char *which, uint64_t ours, uint64_t peer)
{
	printf("bench name=stop-to-disarm-%s ours=%" PRIu64 "ns peer=%" PRIu64
	       "ns ratio=%.3f bar=5000000ns where=host\n",
	       which, ours, peer, (double)ours / (double)peer);
}

START_TEST(measured)
{
	static uint64_t alone[STOPS], flooded[STOPS];
	pid_t flooders[FLOODERS], worker;
	char log[96], shim[256];

	snprintf(shim, sizeof(shim), "%s/bench/stop_shim.so", getenv("BUILD"));
	ck_assert_int_eq(access(shim, R_OK), 0);
	mesod_fixture_start(&f, NULL);
	mesod_fixture_signal(&f, SIGTERM);
	snprintf(log, sizeof(log), "%s/stops", f.dir);
	setenv("STOP_SHIM", log, 1);
	setenv("LD_PRELOAD", shim, 1);
	mesod_fixture_run_daemon(&f);
	unsetenv("LD_PRELOAD");
	/* As mesod.service has it. */
	if (setpriority(PRIO_PROCESS, (id_t)f.mesod_pid, -10) < 0)
		fputs("mesod is not preferred to others, as it is when installed: root may do that\n",
		      stderr);
	mesod_fixture_wait_reconciled(&f);

	stops(log, alone);
	for (int i = 0; i < FLOODERS; i++) {
		flooders[i] = fork();
		if (flooders[i] == 0)
			flood();
	}
	worker = mesod_trace_freeze_worker(f.mesod_pid);
	gun_fixture_sleep_ms(500);
	stops(log, flooded);
	mesod_trace_thaw(worker);
	for (int i = 0; i < FLOODERS; i++) {
		kill(flooders[i], SIGKILL);
		waitpid(flooders[i], NULL, 0);
	}
	report("p999", flooded[STOPS - 1 - STOPS / 1000], alone[STOPS - 1 - STOPS / 1000]);
	report("median", flooded[STOPS / 2], alone[STOPS / 2]);
	mesod_fixture_stop(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stop");
	TCase *tcase = tcase_create("stop");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, measured);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	if (failed)
		srunner_print(runner, CK_NORMAL);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
