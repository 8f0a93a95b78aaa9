/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the ledger costs with years of history.
 *
 * `ledger_bench make DIR PATIENTS` leaves a ledger in DIR, with 1000 shots of history
 * for each patient.  `ledger_bench compare MANY FEW EMPTY` counts and times what arming,
 * settling, opening and verifying cost there, beside a ledger with little history and
 * an empty one; the directories are on the disk that is to be measured.
 * `ledger_bench arm DIR` opens the ledger and reserves, nothing else, for a tracer that
 * counts instructions in reserve_traced(); `ledger_bench verify DIR` verifies it.
 */
#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "../unit/ledger_maker.h"
#include "bench.h"
#include "ledger_internal.h"

#define TRACED_ARMS   16
#define ARM_ROUNDS    31 /* as many leases as a long session has */
#define VERIFY_ROUNDS 3
#define OPEN_ROUNDS   21
#define SETTLED_SHOTS 100u

/* A ledger in a directory that stays, with all that mesod has by default. */
static int place_at(struct place *place, const char *directory)
{
	if (snprintf(place->directory, sizeof(place->directory), "%s", directory) >=
	    (int)sizeof(place->directory))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/ledger.db", directory);
	snprintf(place->mark, sizeof(place->mark), "%s/mark", directory);
	return 0;
}

static int open_at(const struct place *place, struct ledger **ret)
{
	const struct ledger_options o = { .path = place->path,
					  .mark_path = place->mark,
					  .now_s = T0 };

	if (ledger_open(&o, ret) < 0)
		return -1;
	if (ledger_get_state(*ret) == LEDGER_OK)
		return 0;
	fprintf(stderr, "ledger_bench: %s: %s\n", place->path, ledger_get_problem(*ret));
	return -1;
}

static int make(const char *directory, unsigned int patients)
{
	struct bench b;

	bench_prepare(&b);
	if (place_at(&b.place, directory) < 0 || open_at(&b.place, &b.ledger) < 0)
		return -1;
	if (patients > 0)
		maker_start(&b, patients);
	ledger_close(b.ledger);
	return 0;
}

/* The bench that maker_start() has left in a closed ledger. */
static int resume(struct bench *b, const char *directory)
{
	struct ledger_patient patient;
	struct ledger_spent spent;

	bench_prepare(b);
	if (place_at(&b->place, directory) < 0 || open_at(&b->place, &b->ledger) < 0 ||
	    ledger_get_patient(b->ledger, "M-0", &patient) < 0 ||
	    ledger_get_spent(b->ledger, T0, &patient.id, &spent) < 0 ||
	    gun_known(b->ledger, SERIAL, &b->gun) < 0)
		return -1;
	b->patient = patient.id;
	b->session = spent.session;
	return 0;
}

/* ------------------------------------------------------------ what is counted */

static int note_commit(void *userdata)
{
	++*(uint64_t *)userdata;
	return 0;
}

static int reserve(struct bench *b, struct ledger_reservation *v)
{
	int r = maker_reserve(b, 20000, SETTLED_SHOTS, v);

	if (r < 0)
		fprintf(stderr, "ledger_bench: not reserved: %d: %s\n", r, b->verdicts[0].text);
	return r;
}

/* A lease that the gun never got: the next one is judged as this one was. */
static int give_back(struct bench *b, const struct ledger_reservation *v)
{
	struct ledger_evidence e = { .never_armed = true };

	memcpy(e.lease_id, v->lease_id, sizeof(e.lease_id));
	return ledger_record(b->ledger, T0, SERIAL, NULL, 0, &e, NULL);
}

struct arm_cost {
	uint64_t commits, fullscans, vmsteps;
};

static int count_arm(struct bench *b, struct arm_cost *ret)
{
	struct ledger_reservation v;

	/* The first one reads what is remembered from then on, and prepares statements. */
	if (reserve(b, &v) < 0 || give_back(b, &v) < 0)
		return -1;
	maker_reset(b->ledger, SQLITE_STMTSTATUS_FULLSCAN_STEP);
	maker_reset(b->ledger, SQLITE_STMTSTATUS_VM_STEP);
	*ret = (struct arm_cost){ 0 };
	sqlite3_commit_hook(b->ledger->db, note_commit, &ret->commits);
	if (reserve(b, &v) < 0)
		return -1;
	sqlite3_commit_hook(b->ledger->db, NULL, NULL);
	ret->fullscans = maker_count(b->ledger, SQLITE_STMTSTATUS_FULLSCAN_STEP, NULL);
	ret->vmsteps = maker_count(b->ledger, SQLITE_STMTSTATUS_VM_STEP, NULL);
	return give_back(b, &v);
}

static int count_settle(struct bench *b, uint64_t *ret_commits)
{
	struct meso_shot shots[SETTLED_SHOTS];
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	int r;

	if (reserve(b, &v) < 0)
		return -1;
	b->gun.last_sequence = v.sequence;
	for (size_t i = 0; i < SETTLED_SHOTS; i++)
		shots[i] = gun_fires(&b->gun, v.lease_id, 20000);
	e = evidence_of(&b->gun, v.lease_id);
	sqlite3_commit_hook(b->ledger->db, note_commit, ret_commits);
	r = ledger_record(b->ledger, T0, SERIAL, shots, SETTLED_SHOTS, &e, &s);
	sqlite3_commit_hook(b->ledger->db, NULL, NULL);
	return r < 0 || s.outcome != LEDGER_RELEASED ? -1 : 0;
}

static void print_count(const char *name, uint64_t ours, uint64_t peer, unsigned int bar_milli)
{
	uint64_t ratio = peer ? ours * 1000 / peer : ours * 1000;

	printf("bench name=%s ours=%" PRIu64 " peer=%" PRIu64 " ratio=%" PRIu64 ".%03" PRIu64
	       " bar=%u.%03u where=host\n",
	       name, ours, peer, ratio / 1000, ratio % 1000, bar_milli / 1000, bar_milli % 1000);
}

/* -------------------------------------------------------------- what is timed */

/* A commit of nothing but a row, with the ledger's pragmas. */
static int open_bare(const char *directory, sqlite3 **ret_db, sqlite3_stmt **ret_insert)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/bare.db", directory);
	if (sqlite3_open(path, ret_db) != SQLITE_OK ||
	    sqlite3_exec(*ret_db,
			 "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
			 "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
			 "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 1000;"
			 "CREATE TABLE IF NOT EXISTS row(n INTEGER PRIMARY KEY, content BLOB)",
			 NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(*ret_db, "INSERT INTO row VALUES(NULL, randomblob(300))", -1,
			       ret_insert, NULL) != SQLITE_OK)
		return -1;
	return 0;
}

static int ping(sd_bus *bus)
{
	return sd_bus_call_method(bus, "org.mesod1", "/org/mesod1", "org.freedesktop.DBus.Peer",
				  "Ping", NULL, NULL, "");
}

/* What a call to mesod takes and does nothing, or 0 without one. */
static int time_round_trip(uint64_t *ret_ns)
{
	const char *address = getenv("MESO_BUS_ADDRESS");
	uint64_t times[BENCH_ROUNDS];
	sd_bus *bus = NULL;
	int r = 0;

	*ret_ns = 0;
	if (!address)
		return 0;
	if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address) < 0 ||
	    sd_bus_set_bus_client(bus, 1) < 0 || sd_bus_start(bus) < 0)
		return -1;
	for (size_t i = 0; i < BENCH_ROUNDS && r >= 0; i++) {
		uint64_t start = bench_now_ns();

		r = ping(bus);
		times[i] = bench_now_ns() - start;
	}
	sd_bus_flush_close_unref(bus);
	if (r >= 0)
		*ret_ns = bench_median(times, BENCH_ROUNDS);
	return r;
}

/* Arm is a call that reserves: the round trip is in both. */
static int time_arm(struct bench *b)
{
	uint64_t ours[ARM_ROUNDS], peer[ARM_ROUNDS], ratio[ARM_ROUNDS], round_trip;
	struct ledger_reservation v;
	sqlite3_stmt *insert;
	sqlite3 *bare;

	if (open_bare(b->place.directory, &bare, &insert) < 0 || time_round_trip(&round_trip) < 0)
		return -1;
	for (size_t i = 0; i < ARM_ROUNDS; i++) {
		uint64_t start = bench_now_ns(), middle;

		if (sqlite3_step(insert) != SQLITE_DONE || sqlite3_reset(insert) != SQLITE_OK)
			return -1;
		middle = bench_now_ns();
		if (reserve(b, &v) < 0)
			return -1;
		ours[i] = bench_now_ns() - middle + round_trip;
		peer[i] = middle - start + round_trip;
		ratio[i] = ours[i] * 1000 / peer[i];
		if (give_back(b, &v) < 0)
			return -1;
	}
	sqlite3_finalize(insert);
	sqlite3_close(bare);
	bench_print(round_trip ? "arm/bare-commit+round-trip" : "ledger-arm/bare-commit", "host",
		    1300, ours, peer, ratio, ARM_ROUNDS);
	return 0;
}

static int time_open(const struct place *place, uint64_t *ret_ns)
{
	struct ledger *l = NULL;
	uint64_t start = bench_now_ns();

	if (open_at(place, &l) < 0)
		return -1;
	*ret_ns = bench_now_ns() - start;
	ledger_close(l);
	return 0;
}

static int compare_open(const struct place *many, const struct place *empty)
{
	uint64_t ours[OPEN_ROUNDS], peer[OPEN_ROUNDS], ratio[OPEN_ROUNDS];

	for (size_t i = 0; i < OPEN_ROUNDS; i++) {
		if (time_open(many, &ours[i]) < 0 || time_open(empty, &peer[i]) < 0)
			return -1;
		ratio[i] = ours[i] * 1000 / peer[i];
	}
	bench_print("ledger-open/empty", "host", 1500, ours, peer, ratio, OPEN_ROUNDS);
	return 0;
}

static int sha256sum(const char *path)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		execlp("sha256sum", "sha256sum", path, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status == 0 ? 0 : -1;
}

static int time_verify(struct bench *b)
{
	uint64_t ours[VERIFY_ROUNDS], peer[VERIFY_ROUNDS], ratio[VERIFY_ROUNDS];
	struct ledger_report report;

	for (size_t i = 0; i < VERIFY_ROUNDS; i++) {
		uint64_t start = bench_now_ns(), middle;

		if (sha256sum(b->place.path) < 0)
			return -1;
		middle = bench_now_ns();
		if (ledger_verify(b->ledger, &report) < 0 || !report.ok) {
			fprintf(stderr, "ledger_bench: %s\n", report.problem);
			return -1;
		}
		ours[i] = bench_now_ns() - middle;
		peer[i] = middle - start;
		ratio[i] = ours[i] * 1000 / peer[i];
	}
	bench_print("ledger-verify/sha256sum", "host", 3000, ours, peer, ratio, VERIFY_ROUNDS);
	return 0;
}

/* ------------------------------------------------------------------- the rest */

static int compare(const char *many, const char *few, const char *empty)
{
	struct arm_cost of_many, of_few;
	uint64_t settle_commits = 0;
	struct place none;
	struct bench b;
	int r;

	if (resume(&b, few) < 0 || count_arm(&b, &of_few) < 0)
		return -1;
	ledger_close(b.ledger);
	if (resume(&b, many) < 0 || count_arm(&b, &of_many) < 0)
		return -1;
	print_count("ledger-arm-commits", of_many.commits, 1, 1000);
	print_count("ledger-arm-fullscans", of_many.fullscans, 0, 0);
	print_count("ledger-arm-vmsteps", of_many.vmsteps, of_few.vmsteps, 1150);
	if (count_settle(&b, &settle_commits) < 0)
		return -1;
	print_count("ledger-settle-commits", settle_commits, 1, 2000);
	r = time_arm(&b);
	if (r >= 0)
		r = time_verify(&b);
	ledger_close(b.ledger);
	if (r >= 0 && place_at(&none, empty) >= 0)
		r = compare_open(&b.place, &none);
	return r;
}

/* A name for the tracer, whatever the compiler thinks of it. */
__attribute__((noinline)) int reserve_traced(struct bench *b, struct ledger_reservation *v);
int reserve_traced(struct bench *b, struct ledger_reservation *v)
{
	return reserve(b, v);
}

static int arm(const char *directory)
{
	struct ledger_reservation v;
	struct bench b;

	/* What the first one reads and prepares, once after opening, is not what each of them costs. */
	if (resume(&b, directory) < 0 || reserve(&b, &v) < 0 || give_back(&b, &v) < 0)
		return -1;
	for (int i = 0; i < TRACED_ARMS; i++)
		if (reserve_traced(&b, &v) < 0 || give_back(&b, &v) < 0)
			return -1;
	ledger_close(b.ledger);
	return 0;
}

static int verify(const char *directory)
{
	struct ledger_report report = { 0 };
	struct bench b;
	int r;

	if (resume(&b, directory) < 0)
		return -1;
	r = ledger_verify(b.ledger, &report);
	ledger_close(b.ledger);
	return r < 0 || !report.ok ? -1 : 0;
}

/* What is shared with the suites asserts, which only a test may. */
static int count_of_arguments;
static char **arguments;

START_TEST(measure)
{
	const int n = count_of_arguments;
	char **a = arguments;
	int r = -1;

	if (n == 4 && strcmp(a[1], "make") == 0)
		r = make(a[2], (unsigned int)strtoul(a[3], NULL, 10));
	else if (n == 5 && strcmp(a[1], "compare") == 0)
		r = compare(a[2], a[3], a[4]);
	else if (n == 3 && strcmp(a[1], "arm") == 0)
		r = arm(a[2]);
	else if (n == 3 && strcmp(a[1], "verify") == 0)
		r = verify(a[2]);
	else
		fprintf(stderr, "usage: ledger_bench make DIR PATIENTS | compare MANY FEW EMPTY |"
				" arm DIR | verify DIR\n");
	ck_assert_msg(r >= 0, "%s failed", n > 1 ? a[1] : "nothing");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("ledger_bench");
	TCase *t = tcase_create("bench");
	SRunner *runner;
	int failed;

	count_of_arguments = argc;
	arguments = argv;
	tcase_add_test(t, measure);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	if (failed)
		srunner_print(runner, CK_NORMAL);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
