// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The library against a running meso-gun: what each call answers, and what
 * happens when the gun, its process or its controller goes away or hangs.
 */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gun_fixture.h"
#include "internal.h"
#include "sim_protocol.h"

static struct gun_fixture gun;
static inj_gun *handle;

static void set_up(void)
{
	gun_fixture_start(&gun, NULL);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
}

static void tear_down(void)
{
	handle = inj_gun_unref(handle);
	gun_fixture_stop(&gun);
}

/* Armed without a treatment's ceremony: a prime lease, nothing fires by itself. */
static void arm_prime(inj_gun *who, struct meso_lease *lease)
{
	struct meso_config config;

	gun_fixture_config(&config);
	ck_assert_int_eq(inj_gun_acquire(who), 0);
	ck_assert_int_eq(inj_gun_configure(who, &config), 0);
	gun_fixture_lease(who, MESO_KIND_PRIME, 100000, 5, lease);
	ck_assert_int_eq(inj_gun_arm(who, lease), 0);
}

struct seen {
	int count;
	uint64_t lost;
	uint64_t last_seq;
	uint32_t last_type;
	bool gap; /* a number is missing and no loss was told */
};

static int see(inj_gun *who, const struct meso_event *event, void *userdata)
{
	struct seen *seen = userdata;

	(void)who;
	seen->count++;
	if (event->type == MESO_EVENT_OVERFLOW)
		seen->lost += event->value[0];
	if (event->seq != (uint64_t)seen->count + seen->lost)
		seen->gap = true;
	seen->last_seq = event->seq;
	seen->last_type = event->type;
	return 0;
}

/* ---- opening ----------------------------------------------------------------------- */

START_TEST(what_does_not_answer_as_a_gun_is_not_opened)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	inj_gun *other = NULL;
	char uri[256];
	int fd;

	ck_assert_int_eq(inj_gun_open("sim:/nonexistent/gun", 0, &other), -ENOENT);
	ck_assert_int_eq(inj_gun_open("sim:", 0, &other), -EINVAL);
	ck_assert_int_eq(inj_gun_open("sim:/dev/null", 0, &other), -ENODEV);
	memset(uri, 'x', sizeof(uri));
	memcpy(uri, "sim:/", 5);
	uri[sizeof(uri) - 1] = '\0';
	ck_assert_int_eq(inj_gun_open(uri, 0, &other), -EINVAL);

	/* somebody listens and never answers */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/mute", gun.dir);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(uri, sizeof(uri), "sim:%s", address.sun_path);
	ck_assert_int_eq(inj_gun_open(uri, 0, &other), -ENODEV);
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(inj_gun_open(uri, 0, &other), -ETIMEDOUT);
	close(fd);
	ck_assert_ptr_null(other);
}
END_TEST

/* Answers one hello with @welcome of @size bytes, carrying @fd (or -1) twice. */
static pid_t fake_server(const char *path, const void *welcome, size_t size, int fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct iovec iov = { .iov_base = (void *)(uintptr_t)welcome, .iov_len = size };
		char control[CMSG_SPACE(2 * sizeof(int))] = { 0 }, hello[64];
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
		int client = accept(listener, NULL, NULL), fds[2] = { fd, fd };

		if (fd >= 0) {
			struct cmsghdr *header;

			message.msg_control = control;
			message.msg_controllen = sizeof(control);
			header = CMSG_FIRSTHDR(&message);
			header->cmsg_level = SOL_SOCKET;
			header->cmsg_type = SCM_RIGHTS;
			header->cmsg_len = CMSG_LEN(sizeof(fds));
			memcpy(CMSG_DATA(header), fds, sizeof(fds));
		}
		if (recv(client, hello, sizeof(hello), 0) < 0 || sendmsg(client, &message, 0) < 0)
			_exit(1);
		recv(client, hello, sizeof(hello), 0);
		_exit(0);
	}
	close(listener);
	return pid;
}

START_TEST(a_peer_of_another_version_or_with_strange_descriptors_is_refused)
{
	struct inj_sim_welcome good = { INJ_SIM_MAGIC, INJ_SIM_VERSION, 0,
					sizeof(struct inj_sim_page) };
	struct inj_sim_welcome other_magic = good, other_version = good, other_size = good,
			       refused = good, nonsense = good;
	int unsealed = memfd_create("page", MFD_CLOEXEC);
	struct {
		const struct inj_sim_welcome *welcome;
		size_t size;
		int fd;
		int result;
	} cases[] = {
		{ &other_magic, sizeof(good), -1, -EPROTO },
		{ &other_version, sizeof(good), -1, -EPROTO },
		{ &other_size, sizeof(good), unsealed, -EPROTO },
		{ &refused, sizeof(good), -1, -EMFILE },
		{ &nonsense, sizeof(good), -1, -EPROTO },
		{ &good, sizeof(good) - 1, unsealed, -EPROTO },
		{ &good, sizeof(good), -1, -EPROTO },       /* no descriptors */
		{ &good, sizeof(good), unsealed, -EPROTO }, /* could be cut under our feet */
	};
	char path[100], uri[160];

	other_magic.magic++;
	other_version.version++;
	other_size.page_size--;
	refused.result = -EMFILE;
	nonsense.result = INT32_MIN;
	ck_assert_int_eq(ftruncate(unsealed, sizeof(struct inj_sim_page)), 0);
	snprintf(path, sizeof(path), "%s/fake", gun.dir);
	snprintf(uri, sizeof(uri), "sim:%s", path);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = fake_server(path, cases[i].welcome, cases[i].size, cases[i].fd);
		inj_gun *other = NULL;
		int r = inj_gun_open(uri, 0, &other);

		ck_assert_msg(r == cases[i].result, "case %zu: %d", i, r);
		ck_assert_ptr_null(other);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	close(unsealed);
}
END_TEST

/* ---- looking ------------------------------------------------------------------------- */

START_TEST(anybody_may_look_and_sees_a_fresh_and_coherent_gun)
{
	struct meso_registers registers;
	struct meso_status status;
	struct meso_info info;
	inj_gun *looker;

	ck_assert_int_eq(inj_gun_open(gun.uri, INJ_OPEN_READ_ONLY, &looker), 0);
	ck_assert_str_eq(inj_gun_get_uri(looker), gun.uri);
	ck_assert_int_eq(inj_gun_get_info(looker, &info), 0);
	ck_assert_uint_ne(info.boot_id, 0);
	ck_assert_uint_ne(info.epoch, 0);
	ck_assert_int_eq(inj_gun_get_status(looker, &status), 0);
	ck_assert_uint_eq(status.flags & (MESO_STATUS_VALID | MESO_STATUS_FRESH),
			  MESO_STATUS_VALID | MESO_STATUS_FRESH);
	ck_assert_uint_eq(status.state, MESO_STATE_IDLE);
	ck_assert_uint_eq(status.boot_id, info.boot_id);
	ck_assert_uint_lt(status.age_ns, 1000000000);
	ck_assert_int_eq(inj_gun_get_registers(looker, &registers), 0);
	ck_assert_uint_eq(registers.count, MESO_REG_COUNT);
	for (uint32_t i = 0; i < registers.count; i++)
		ck_assert_uint_eq(registers.reg[i].id, i);
	ck_assert_uint_eq(registers.reg[MESO_REG_MAGIC].value, MESO_MAGIC);
	ck_assert_uint_eq(registers.reg[MESO_REG_EPOCH].value, info.epoch);
	ck_assert_int_eq(inj_gun_acquire(looker), -EPERM);
	ck_assert_int_eq(inj_gun_disarm(looker), -EPERM);
	inj_gun_unref(looker);
}
END_TEST

START_TEST(the_library_and_the_interlock_age_a_snapshot_alike)
{
	uint64_t edges[] = {
		0, 1, 999999, 1000000, 5000000000, 5100000000, 6000000000, UINT64_MAX
	};
	size_t count = sizeof(edges) / sizeof(edges[0]);

	for (size_t i = 0; i < count * count * count; i++)
		for (size_t j = 0; j < count; j++) {
			struct meso_snapshot snapshot = {
				.status = { .state = MESO_STATE_ARMED,
					    .flags = MESO_STATUS_VALID,
					    .plunger_nm = 5,
					    .lease_left_nl = 7 },
				.frame_ns = edges[i % count],
				.expires_ns = edges[i / count % count],
				.fresh_until_ns = edges[i / count / count],
				.stale_from_ns = edges[(i + j) % count],
			};
			struct meso_status ours, theirs;

			memset(&ours, 0, sizeof(ours));
			memset(&theirs, 0, sizeof(theirs));
			inj_sim_status_at(&snapshot, edges[j], &ours);
			meso_snapshot_status(&snapshot, edges[j], &theirs);
			ck_assert_mem_eq(&ours, &theirs, sizeof(ours));
		}
}
END_TEST

/* ---- every call's refusals ---------------------------------------------------------- */

START_TEST(nobody_but_the_controller_may_control_and_anybody_may_stop)
{
	uint8_t id[MESO_LEASE_ID_LEN] = { 1 };
	struct meso_config config;
	struct meso_lease lease;
	struct meso_shot shot;
	struct meso_info info;

	gun_fixture_config(&config);
	gun_fixture_lease(handle, MESO_KIND_PRIME, 20000, 1, &lease);
	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	ck_assert_int_eq(inj_gun_configure(handle, &config), -EPERM);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), -EPERM);
	ck_assert_int_eq(inj_gun_heartbeat(handle, id), -EPERM);
	ck_assert_int_eq(inj_gun_fire(handle, id, 1), -EPERM);
	ck_assert_int_eq(inj_gun_get_shots(handle, 0, &shot, 1, NULL), 0);
	ck_assert_int_eq(inj_gun_ack_shots(handle, info.epoch, 0), -EPERM);
	ck_assert_int_eq(inj_gun_clear_faults(handle, MESO_FAULT_AIR, info.boot_id, 0), -EPERM);
	ck_assert_int_eq(inj_gun_release(handle), -EPERM);
	ck_assert_int_eq(inj_gun_disarm(handle), 0);
	ck_assert_int_eq(inj_gun_disarm(handle), 0);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
	struct meso_event_config events = { 0 };
	struct meso_status status;
	struct meso_info info;
	struct meso_registers registers;
	struct seen seen = { 0 };

	ck_assert_int_eq(inj_gun_get_info(NULL, &info), -EINVAL);
	ck_assert_int_eq(inj_gun_get_info(handle, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_get_status(NULL, &status), -EINVAL);
	ck_assert_int_eq(inj_gun_get_status(handle, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_get_registers(NULL, &registers), -EINVAL);
	ck_assert_int_eq(inj_gun_get_registers(handle, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_set_events(NULL, &events, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_set_events(handle, NULL, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_dispatch(NULL, see, &seen), -EINVAL);
	ck_assert_int_eq(inj_gun_dispatch(handle, NULL, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_get_fd(NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_get_poll_events(NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_acquire(NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_release(NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_disarm(NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_configure(handle, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_arm(handle, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_heartbeat(handle, NULL), -EINVAL);
	ck_assert_int_eq(inj_gun_fire(handle, NULL, 1), -EINVAL);
	ck_assert_int_eq(inj_gun_get_shots(handle, 0, NULL, 1, NULL), -EINVAL);
	ck_assert_ptr_null(inj_gun_get_uri(NULL));
	ck_assert_ptr_null(inj_gun_ref(NULL));
	ck_assert_ptr_null(inj_gun_unref(NULL));
	inj_gun_unrefp(NULL);
}
END_TEST

START_TEST(the_controllers_mistakes_are_named_and_change_nothing)
{
	struct meso_event_config events = { .mask = MESO_EVENT_ALL_MASK + 1 };
	struct meso_config config, bad_config;
	struct meso_lease lease, bad;
	struct meso_truth truth;
	struct meso_info info;
	uint8_t id[MESO_LEASE_ID_LEN] = { 9 };

	ck_assert_int_eq(inj_gun_set_events(handle, &events, NULL), -EINVAL);
	events = (struct meso_event_config){ .depth = MESO_QUEUE_MIN - 1 };
	ck_assert_int_eq(inj_gun_set_events(handle, &events, NULL), -EINVAL);
	events = (struct meso_event_config){ .depth = MESO_QUEUE_MAX + 1 };
	ck_assert_int_eq(inj_gun_set_events(handle, &events, NULL), -EINVAL);
	events = (struct meso_event_config){ .clock = 2 };
	ck_assert_int_eq(inj_gun_set_events(handle, &events, NULL), -EINVAL);

	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	gun_fixture_config(&config);
	gun_fixture_lease(handle, MESO_KIND_PRIME, 20000, 1, &lease);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), -ENODATA);

	bad_config = config;
	bad_config.dose_nl = 20001;
	ck_assert_int_eq(inj_gun_configure(handle, &bad_config), -EINVAL);
	bad_config.dose_nl = 200100;
	ck_assert_int_eq(inj_gun_configure(handle, &bad_config), -ERANGE);
	bad_config = config;
	bad_config.depth_um = 13001;
	ck_assert_int_eq(inj_gun_configure(handle, &bad_config), -ERANGE);
	bad_config = config;
	bad_config.rate_mhz = MESO_RATE_MAX_MHZ + 1;
	ck_assert_int_eq(inj_gun_configure(handle, &bad_config), -ERANGE);
	bad_config = config;
	bad_config.reserved[2] = 1;
	ck_assert_int_eq(inj_gun_configure(handle, &bad_config), -EINVAL);
	ck_assert_int_eq(inj_gun_configure(handle, &config), 0);

	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	bad = lease;
	bad.boot_id++;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -ESTALE);
	bad = lease;
	bad.sequence = info.last_sequence;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -ESTALE);
	bad = lease;
	bad.volume_nl = info.lease_max_nl + 1;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -ERANGE);
	bad = lease;
	bad.volume_nl = 0;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -ERANGE);
	bad = lease;
	bad.shots = info.lease_max_shots + 1;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -ERANGE);
	bad = lease;
	bad.heartbeat_ms = MESO_HEARTBEAT_MAX_MS + 1;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -ERANGE);
	bad = lease;
	bad.expiry_ms = MESO_EXPIRY_MAX_MS + 1;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -ERANGE);
	bad = lease;
	bad.kind = 2;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -EINVAL);
	bad = lease;
	memset(bad.id, 0, sizeof(bad.id));
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -EINVAL);
	bad = lease;
	bad.kind = MESO_KIND_TREAT;
	ck_assert_int_eq(inj_gun_arm(handle, &bad), -ENODATA); /* not primed */

	ck_assert_int_eq(inj_gun_heartbeat(handle, id), -ESTALE);
	ck_assert_int_eq(inj_gun_fire(handle, id, 1), -ESTALE);
	ck_assert_int_eq(inj_gun_ack_shots(handle, info.epoch + 1, 0), -ESTALE);
	ck_assert_int_eq(inj_gun_ack_shots(handle, info.epoch, 1), -ERANGE);
	ck_assert_int_eq(inj_gun_clear_faults(handle, 0, info.boot_id, 0), -EINVAL);
	ck_assert_int_eq(inj_gun_clear_faults(handle, 1u << 31, info.boot_id, 0), -EINVAL);
	ck_assert_int_eq(inj_gun_clear_faults(handle, MESO_FAULT_AIR, info.boot_id + 1, 0),
			 -ESTALE);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.armed_ns, 0);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), 0);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), -EBUSY);
	ck_assert_int_eq(inj_gun_configure(handle, &config), -EBUSY);
}
END_TEST

START_TEST(a_second_client_is_refused_control_until_the_first_is_gone)
{
	inj_gun *second;

	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &second), 0);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	ck_assert_int_eq(inj_gun_acquire(second), -EBUSY);
	ck_assert_int_eq(inj_gun_release(second), -EPERM);
	handle = inj_gun_unref(handle);
	for (int i = 0; inj_gun_acquire(second) == -EBUSY; i++) {
		ck_assert_int_lt(i, 1000);
		gun_fixture_sleep_ms(1);
	}
	ck_assert_int_eq(inj_gun_release(second), 0);
	inj_gun_unref(second);
}
END_TEST

START_TEST(a_repeated_fire_is_never_a_second_shot)
{
	struct meso_status status;
	struct meso_truth truth;
	struct meso_lease lease;

	arm_prime(handle, &lease);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_int_eq(inj_gun_fire(handle, lease.id, status.shot_count + 2), -ESTALE);
	gun_fixture_beat(handle, &lease, 5);
	ck_assert_int_eq(inj_gun_fire(handle, lease.id, status.shot_count + 1), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_lt(inj_gun_fire(handle, lease.id, status.shot_count + 1), 0);
	gun_fixture_beat(handle, &lease, 500);
	ck_assert_int_eq(inj_gun_fire(handle, lease.id, status.shot_count + 1), -ESTALE);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.shots, 1);
}
END_TEST

/* ---- the gun goes away --------------------------------------------------------------- */

START_TEST(a_poller_wakes_at_unplug_reads_to_the_last_record_and_then_gets_enodev)
{
	struct seen seen = { 0 };
	struct pollfd pfd = { .fd = inj_gun_get_fd(handle) };
	struct meso_status status;
	struct meso_lease lease;
	inj_gun *again;
	int r;

	pfd.events = (short)inj_gun_get_poll_events(handle);
	arm_prime(handle, &lease);
	gun_fixture_ask(&gun, "unplug");
	do {
		ck_assert_int_eq(poll(&pfd, 1, 1000), 1);
		r = inj_gun_dispatch(handle, see, &seen);
	} while (r >= 0);
	ck_assert_int_eq(r, -ENODEV);
	ck_assert_uint_eq(seen.last_type, MESO_EVENT_REMOVED);
	ck_assert(!seen.gap);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), -ENODEV);
	ck_assert_int_eq(inj_gun_heartbeat(handle, lease.id), -ENODEV);
	ck_assert_int_eq(inj_gun_disarm(handle), -ENODEV);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &again), -ENOENT);
	/* no cable, no abort: the gun's own dead man */
	gun_fixture_wait_disarmed(&gun, 500);
	gun_fixture_ask(&gun, "plug");
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &again), 0);
	ck_assert_int_eq(inj_gun_acquire(again), 0);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), -ENODEV);
	inj_gun_unref(again);
}
END_TEST

START_TEST(a_dead_gun_process_is_a_gun_that_is_gone)
{
	struct pollfd pfd = { .fd = inj_gun_get_fd(handle), .events = POLLIN };
	struct seen seen = { 0 };
	struct meso_status status;
	struct meso_info info;
	int r;

	gun_fixture_signal(&gun, SIGKILL);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), -ENODEV);
	ck_assert_int_eq(inj_gun_get_info(handle, &info), -ENODEV);
	ck_assert_int_eq(inj_gun_acquire(handle), -ENODEV);
	ck_assert_int_eq(poll(&pfd, 1, 1000), 1);
	do
		r = inj_gun_dispatch(handle, see, &seen);
	while (r > 0);
	ck_assert_int_eq(r, -ENODEV);
}
END_TEST

START_TEST(a_host_that_crashes_drops_its_clients_and_its_gun_disarms_itself)
{
	struct meso_status status;
	struct meso_lease lease;
	inj_gun *again;

	arm_prime(handle, &lease);
	gun_fixture_ask(&gun, "kernel-crash");
	ck_assert_int_eq(inj_gun_get_status(handle, &status), -ENODEV);
	gun_fixture_wait_disarmed(&gun, 500);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &again), 0);
	gun_fixture_wait_idle(again);
	inj_gun_unref(again);
}
END_TEST

/* ---- hanging --------------------------------------------------------------------------- */

START_TEST(a_frozen_gun_is_stale_within_a_second_and_nobody_hangs_on_it)
{
	struct meso_status status;
	struct meso_info before, info;
	int64_t start;

	ck_assert_int_eq(inj_gun_get_info(handle, &before), 0);
	gun_fixture_signal(&gun, SIGSTOP);
	start = gun_fixture_now_ms();
	ck_assert_int_eq(inj_gun_acquire(handle), -ETIMEDOUT);
	ck_assert_int_lt(gun_fixture_now_ms() - start, 400);
	/* the second caller does not wait for what the first has found out */
	start = gun_fixture_now_ms();
	ck_assert_int_eq(inj_gun_get_info(handle, &info), -ETIMEDOUT);
	ck_assert_int_eq(inj_gun_disarm(handle), -ETIMEDOUT);
	ck_assert_int_lt(gun_fixture_now_ms() - start, 100);
	gun_fixture_sleep_ms(1000);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_eq(status.flags & MESO_STATUS_FRESH, 0);
	ck_assert_uint_eq(status.state, MESO_STATE_STALE);
	ck_assert_uint_ge(status.age_ns, 1000000000);
	gun_fixture_signal(&gun, SIGCONT);

	/* the late answers belong to the late questions */
	for (int i = 0; inj_gun_get_info(handle, &info) == -ETIMEDOUT; i++) {
		ck_assert_int_lt(i, 1000);
		gun_fixture_sleep_ms(1);
	}
	ck_assert_mem_eq(&info, &before, sizeof(info));
	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	ck_assert_mem_eq(&info, &before, sizeof(info));
	ck_assert_int_eq(inj_gun_release(handle), -EPERM); /* the late ACQUIRE was not done */
	gun_fixture_wait_idle(handle);
}
END_TEST

START_TEST(an_arm_that_times_out_is_never_done_later)
{
	struct meso_config config;
	struct meso_lease lease;
	struct meso_truth truth;

	gun_fixture_config(&config);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	ck_assert_int_eq(inj_gun_configure(handle, &config), 0);
	gun_fixture_lease(handle, MESO_KIND_PRIME, 20000, 1, &lease);
	gun_fixture_ask(&gun, "hand trigger 1");
	gun_fixture_signal(&gun, SIGSTOP);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), -ETIMEDOUT);
	ck_assert_int_eq(inj_gun_fire(handle, lease.id, 1), -ETIMEDOUT);
	gun_fixture_signal(&gun, SIGCONT);
	gun_fixture_sleep_ms(300);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.armed_ns, 0);
	ck_assert_uint_eq(truth.delivered_fl, 0);
}
END_TEST

START_TEST(an_armed_gun_whose_process_freezes_is_stale_in_a_tenth_of_a_second)
{
	struct meso_status status;
	struct meso_lease lease;

	arm_prime(handle, &lease);
	gun_fixture_beat(handle, &lease, 20);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_ne(status.flags & MESO_STATUS_FRESH, 0);
	gun_fixture_signal(&gun, SIGSTOP);
	gun_fixture_sleep_ms(120);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_eq(status.flags & MESO_STATUS_FRESH, 0);
	gun_fixture_sleep_ms(1000);
	gun_fixture_signal(&gun, SIGCONT);
	gun_fixture_wait_disarmed(&gun, 500);
	gun_fixture_wait_idle(handle);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_eq(status.lease_end, MESO_END_HEARTBEAT);
}
END_TEST

/* ---- the controller goes away ---------------------------------------------------------- */

/* A process of its own that arms and beats until it is told otherwise. */
static pid_t start_owner(void)
{
	int ready[2];
	pid_t pid;
	char c;

	handle = inj_gun_unref(handle);
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct meso_lease lease;
		inj_gun *own;

		if (inj_gun_open(gun.uri, 0, &own) < 0)
			_exit(1);
		arm_prime(own, &lease);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			gun_fixture_beat(own, &lease, 100);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void assert_still_armed(void)
{
	struct meso_truth truth;

	gun_fixture_sleep_ms(400);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.armed, 1);
}

START_TEST(a_controller_that_is_killed_is_disarmed_within_half_a_second)
{
	struct meso_status status;
	pid_t owner = start_owner();

	assert_still_armed();
	ck_assert_int_eq(kill(owner, SIGKILL), 0);
	ck_assert_int_lt(gun_fixture_wait_disarmed(&gun, 500), 500);
	ck_assert_int_eq(waitpid(owner, NULL, 0), owner);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	gun_fixture_wait_idle(handle);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_eq(status.lease_end, MESO_END_CLOSE);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
}
END_TEST

START_TEST(a_controller_that_hangs_is_disarmed_and_loses_the_gun)
{
	struct meso_status status;
	pid_t owner = start_owner();

	assert_still_armed();
	ck_assert_int_eq(kill(owner, SIGSTOP), 0);
	ck_assert_int_lt(gun_fixture_wait_disarmed(&gun, 500), 500);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	gun_fixture_wait_idle(handle);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_eq(status.lease_end, MESO_END_HEARTBEAT);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	ck_assert_int_eq(kill(owner, SIGKILL), 0);
	ck_assert_int_eq(waitpid(owner, NULL, 0), owner);
}
END_TEST

/* ---- events ------------------------------------------------------------------------------ */

START_TEST(a_reader_that_is_too_slow_is_told_how_much_it_lost)
{
	struct meso_event_config wanted = { .mask = MESO_EVENT_ALL_MASK, .depth = MESO_QUEUE_MIN };
	struct meso_event_config granted;
	struct seen seen = { 0 };
	struct pollfd pfd = { .fd = inj_gun_get_fd(handle), .events = POLLIN };
	struct meso_lease lease;

	ck_assert_int_eq(inj_gun_set_events(handle, &wanted, &granted), 0);
	ck_assert_uint_eq(granted.depth, MESO_QUEUE_MIN);
	arm_prime(handle, &lease);
	gun_fixture_beat(handle, &lease, 300);
	ck_assert_int_eq(inj_gun_disarm(handle), 0);
	while (poll(&pfd, 1, 50) > 0)
		ck_assert_int_ge(inj_gun_dispatch(handle, see, &seen), 0);
	ck_assert_uint_gt(seen.lost, 100);
	ck_assert(!seen.gap);
	ck_assert_uint_eq(seen.last_seq, (uint64_t)seen.count + seen.lost);
}
END_TEST

START_TEST(a_reader_that_keeps_up_loses_nothing_at_one_kilohertz)
{
	struct meso_event_config wanted = { .mask = MESO_EVENT_ALL_MASK, .depth = 1024 };
	struct pollfd pfd = { .fd = inj_gun_get_fd(handle), .events = POLLIN };
	int64_t until = gun_fixture_now_ms() + 500;
	struct seen seen = { 0 };
	struct meso_lease lease;

	ck_assert_int_eq(inj_gun_set_events(handle, &wanted, NULL), 0);
	arm_prime(handle, &lease);
	while (gun_fixture_now_ms() < until) {
		ck_assert_int_eq(inj_gun_heartbeat(handle, lease.id), 0);
		ck_assert_int_eq(poll(&pfd, 1, 1000), 1);
		ck_assert_int_ge(inj_gun_dispatch(handle, see, &seen), 0);
	}
	ck_assert_uint_eq(seen.lost, 0);
	ck_assert(!seen.gap);
	ck_assert_int_gt(seen.count, 350);
}
END_TEST

START_TEST(a_forked_child_is_refused_and_the_parent_keeps_its_gun)
{
	struct meso_lease lease;
	int status;
	pid_t pid;

	arm_prime(handle, &lease);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct meso_status gun_status;
		int bad = inj_gun_get_status(handle, &gun_status) != -ECHILD;

		bad += inj_gun_heartbeat(handle, lease.id) != -ECHILD;
		inj_gun_unref(handle);
		_exit(bad);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_eq(inj_gun_heartbeat(handle, lease.id), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("injector_sim");
	TCase *tcase = tcase_create("sim");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, what_does_not_answer_as_a_gun_is_not_opened);
	tcase_add_test(tcase, a_peer_of_another_version_or_with_strange_descriptors_is_refused);
	tcase_add_test(tcase, anybody_may_look_and_sees_a_fresh_and_coherent_gun);
	tcase_add_test(tcase, the_library_and_the_interlock_age_a_snapshot_alike);
	tcase_add_test(tcase, nobody_but_the_controller_may_control_and_anybody_may_stop);
	tcase_add_test(tcase, null_arguments_are_refused);
	tcase_add_test(tcase, the_controllers_mistakes_are_named_and_change_nothing);
	tcase_add_test(tcase, a_second_client_is_refused_control_until_the_first_is_gone);
	tcase_add_test(tcase, a_repeated_fire_is_never_a_second_shot);
	tcase_add_test(tcase,
		       a_poller_wakes_at_unplug_reads_to_the_last_record_and_then_gets_enodev);
	tcase_add_test(tcase, a_dead_gun_process_is_a_gun_that_is_gone);
	tcase_add_test(tcase, a_host_that_crashes_drops_its_clients_and_its_gun_disarms_itself);
	tcase_add_test(tcase, a_frozen_gun_is_stale_within_a_second_and_nobody_hangs_on_it);
	tcase_add_test(tcase, an_arm_that_times_out_is_never_done_later);
	tcase_add_test(tcase, an_armed_gun_whose_process_freezes_is_stale_in_a_tenth_of_a_second);
	tcase_add_test(tcase, a_controller_that_is_killed_is_disarmed_within_half_a_second);
	tcase_add_test(tcase, a_controller_that_hangs_is_disarmed_and_loses_the_gun);
	tcase_add_test(tcase, a_reader_that_is_too_slow_is_told_how_much_it_lost);
	tcase_add_test(tcase, a_reader_that_keeps_up_loses_nothing_at_one_kilohertz);
	tcase_add_test(tcase, a_forked_child_is_refused_and_the_parent_keeps_its_gun);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
