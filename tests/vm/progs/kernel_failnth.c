// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and copy to or from its caller fails once, the first, the
 * second and so on until none is left, in everything that a user or an
 * administrator can ask of the driver: loading it, plugging a gun in, opening
 * it, every ioctl, read, poll.  What fails has one errno and leaves nothing
 * behind; what was asked once more, without a failure, succeeds.  Wants the
 * debug kernel (CONFIG_FAULT_INJECTION); leaks are found by the scenario.
 */
#include <sys/epoll.h>

#include "ways.h"

static const char
	*modules;   /* where they are, small: every page that the loader takes may fail too */
static int fail_fd; /* /proc/self/fail-nth */
static int fd = -1; /* a user of the gun, open between steps that want one */
static struct meso_lease lease;
static struct meso_info info_before;
static struct meso_status status_before;

/* A failure is allowed to be any of these, or what its step may say besides, and nothing else. */
static bool is_a_refusal(int r, int besides)
{
	return r == -ENOMEM || r == -EFAULT || r == -ENOSPC || r == -ENODEV || r == -EIO ||
	       r == -EAGAIN || r == besides;
}

static void fail_at(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	require_eq(pwrite(fail_fd, text, (size_t)len, 0), len);
}

/* Disarms it; true if the failure has happened.  Asking is a copy too, and may be what fails. */
static bool has_failed(void)
{
	char text[16] = "";
	ssize_t n = pread(fail_fd, text, sizeof(text) - 1, 0);
	bool asking = n < 0 && errno == EFAULT;

	require(n > 0 || asking);
	require(pwrite(fail_fd, "0", 1, 0) == 1 || errno == EFAULT);
	return !asking && strtoul(text, NULL, 10) == 0;
}

/* ---- what is asked ----------------------------------------------------------------- */

static int open_it(void)
{
	int user = open(NODE, O_RDWR | O_CLOEXEC);

	if (user < 0)
		return -errno;
	close(user);
	return 0;
}

static int get_info(void)
{
	struct meso_info info;

	return ask(fd, MESO_IOC_GET_INFO, &info);
}

static int get_status(void)
{
	struct meso_status status;

	return ask(fd, MESO_IOC_GET_STATUS, &status);
}

static int get_registers(void)
{
	struct meso_registers regs;

	return ask(fd, MESO_IOC_GET_REGISTERS, &regs);
}

static int get_shots(void)
{
	struct meso_shots shots = { .from = 0 };

	return ask(fd, MESO_IOC_GET_SHOTS, &shots);
}

/* Another depth each time: new storage. */
static int set_events(void)
{
	static uint32_t depth = 100;
	struct meso_event_config config = { .mask = MESO_EVENT_DEFAULT_MASK, .depth = depth };

	depth++;
	return ask(fd, MESO_IOC_SET_EVENTS, &config);
}

static int configure(void)
{
	struct meso_config config = usual_config();

	return ask(fd, MESO_IOC_CONFIGURE, &config);
}

static int ack_shots(void)
{
	struct meso_ack ack = { .epoch = info_before.epoch };

	return ask(fd, MESO_IOC_ACK_SHOTS, &ack);
}

static int clear_faults(void)
{
	struct meso_clear clear = { .mask = MESO_FAULT_AIR,
				    .counter = status_before.fault_counter,
				    .boot_id = status_before.boot_id };

	return ask(fd, MESO_IOC_CLEAR_FAULTS, &clear);
}

static int arm(void)
{
	int r = ask(fd, MESO_IOC_ARM, &lease);

	return r == -EBUSY || r == -ESTALE ? 0 : r; /* it got through the time before */
}

static int heartbeat(void)
{
	int r = beat(fd, &lease);

	return r == -ESTALE ? 0 : r;
}

static int fire(void)
{
	struct meso_fire fire = { .expect = status_before.shot_count + 1 };
	int r;

	memcpy(fire.id, lease.id, sizeof(fire.id));
	r = ask(fd, MESO_IOC_FIRE, &fire);
	return r == -ESTALE ? 0 : r;
}

static int disarm(void)
{
	return ask(fd, MESO_IOC_DISARM, NULL);
}

static int acquire_and_release(void)
{
	int r = ask(fd, MESO_IOC_RELEASE, NULL);

	return r ? r : ask(fd, MESO_IOC_ACQUIRE, NULL);
}

/* There is none: O_NONBLOCK. */
static int read_it(void)
{
	char buf[512];

	return read(fd, buf, sizeof(buf)) < 0 && errno != EAGAIN ? -errno : 0;
}

static int poll_it(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) < 0 ? -errno : 0;
}

static int epoll_it(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int r = 0;

	if (epoll < 0)
		return -errno;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		r = -errno;
	close(epoll);
	return r;
}

/* ---- before and after ------------------------------------------------------------------ */

static void nothing(void)
{
}

/* No lease, whatever became of the ARM before. */
static void ready(void)
{
	struct meso_config config = usual_config();

	require_eq(ask(fd, MESO_IOC_DISARM, NULL), 0);
	wait_idle(fd);
	ask(fd, MESO_IOC_ACQUIRE, NULL);
	require_eq(ask(fd, MESO_IOC_CONFIGURE, &config), 0);
	lease = usual_lease(fd, MESO_KIND_PRIME, 60000, 3);
	info_before = info_of(fd);
	status_before = status_of(fd);
}

static void armed(void)
{
	ready();
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	status_before = status_of(fd);
}

/* In doubt it is stopped: within the time that a stop has. */
static void stopped_if_refused(void)
{
	sleep_ms(300);
	wait_idle(fd);
	require_stopped(&(struct way){ .gun_lives = true });
}

struct step {
	const char *name;
	void (*before)(void);
	int (*run)(void);
	void (*refused)(void);
};

/* @besides: an errno that a failure may have here only.  Return: how many failures it took until there was none left. */
static unsigned int drive(const struct step *step, int besides)
{
	for (unsigned int n = 1;; n++) {
		bool failed_once;
		int r;

		step->before();
		fail_at(n);
		r = step->run();
		failed_once = has_failed();
		if (!failed_once) {
			if (r)
				failed(__FILE__, __LINE__, "%s, with no failure after %u: %s",
				       step->name, n - 1, strerror(-r));
			printf("%-24s %4u\n", step->name, n - 1);
			return n - 1;
		}
		if (r && !is_a_refusal(r, besides))
			failed(__FILE__, __LINE__, "%s, failure %u: %s", step->name, n,
			       strerror(-r));
		if (r)
			step->refused();
		if (n % 50 == 0)
			printf("%-24s %4u and on\n", step->name, n);
	}
}

/* ---- plugging in, loading ---------------------------------------------------------------- */

static void have_no_directory(void)
{
	rmdir(DUMMY_DIR);
}

static int plug_in_by_configfs(void)
{
	int dir, r = 0;

	if (mkdir(DUMMY_DIR, 0755))
		return -errno;
	dir = open(DUMMY_DIR "/live", O_WRONLY | O_CLOEXEC);
	if (dir < 0 || write(dir, "1", 1) != 1)
		r = -errno;
	if (dir >= 0)
		close(dir);
	return r;
}

/* Bound or not, and enrolled or not yet. */
static void have_no_node(void)
{
	char path[512];

	snprintf(path, sizeof(path), USB_DRIVER "/%s", usb_interface);
	if (access(path, F_OK) == 0)
		write_text(USB_DRIVER "/unbind", usb_interface);
	wait_until(5000, access(NODE, F_OK) != 0);
}

/* Probed in this process, as far as the gun answers at once. */
static int plug_in_by_bind(void)
{
	int file = open(USB_DRIVER "/bind", O_WRONLY | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(usb_interface);
	int r;

	if (file < 0)
		return -errno;
	r = write(file, usb_interface, (size_t)len) == len ? 0 : -errno;
	close(file);
	return r;
}

static int load_once(const char *name, const char *arguments)
{
	char path[256];
	int file, r;

	snprintf(path, sizeof(path), "%s/%s.ko", modules, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	r = syscall(SYS_finit_module, file, arguments, 0) ? -errno : 0;
	close(file);
	return r;
}

static void have_no_transport(void)
{
	syscall(SYS_delete_module, getenv("GUNS") ? "meso_usb" : "meso_dummy", O_NONBLOCK);
}

static void have_no_module(void)
{
	have_no_transport();
	syscall(SYS_delete_module, "meso", O_NONBLOCK);
}

static int load_meso(void)
{
	return load_once("meso", "");
}

static int load_transport(void)
{
	return getenv("GUNS") ? load_once("meso_usb", "") : load_once("meso_dummy", "guns=1");
}

static const struct step uses[] = {
	{ "open", nothing, open_it, nothing },
	{ "GET_INFO", nothing, get_info, nothing },
	{ "GET_STATUS", nothing, get_status, nothing },
	{ "GET_REGISTERS", nothing, get_registers, nothing },
	{ "GET_SHOTS", nothing, get_shots, nothing },
	{ "SET_EVENTS", nothing, set_events, nothing },
	{ "RELEASE, ACQUIRE", ready, acquire_and_release, nothing },
	{ "CONFIGURE", ready, configure, nothing },
	{ "ACK_SHOTS", ready, ack_shots, nothing },
	{ "CLEAR_FAULTS", ready, clear_faults, nothing },
	{ "ARM", ready, arm, stopped_if_refused },
	{ "HEARTBEAT", armed, heartbeat, nothing },
	{ "FIRE", armed, fire, nothing },
	{ "DISARM", armed, disarm, nothing },
	{ "read", nothing, read_it, nothing },
	{ "poll", nothing, poll_it, nothing },
	{ "epoll", nothing, epoll_it, nothing },
};

static const struct step by_configfs = { "plugged in by configfs", have_no_directory,
					 plug_in_by_configfs, nothing };
static const struct step by_bind = { "plugged in, bound", have_no_node, plug_in_by_bind, nothing };
static const struct step module = { "meso.ko loaded", have_no_module, load_meso, nothing };
static const struct step transport = { "its transport loaded", have_no_transport, load_transport,
				       nothing };

/* kernel_failnth DIRECTORY: of the modules */
int main(int argc, char **argv)
{
	bool usb = getenv("GUNS");
	unsigned int all = 0;

	require_eq(argc, 2);
	modules = argv[1];

	setlinebuf(stdout);
	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	require(fail_fd >= 0);
	wait_until(5000, access(NODE, R_OK) == 0);
	fd = open_gun(NODE, O_RDWR | O_NONBLOCK);
	/* A doubt: the gun has taken a configuration, and what it says of itself then does not come. */
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		all += drive(&uses[i], uses[i].run == configure ? -ETIMEDOUT : 0);
	require_eq(ask(fd, MESO_IOC_DISARM, NULL), 0);
	close(fd);

	if (usb)
		find_interface();
	/*
	 * The kernel's input_allocate_device() goes on when there was no memory for the name, and device_add() then
	 * refuses a device without.
	 */
	all += drive(usb ? &by_bind : &by_configfs, -EINVAL);
	if (!usb)
		have_no_directory();
	all += drive(&module, 0);
	all += drive(&transport, -EINVAL);
	if (usb)
		write_text(USB_DRIVER "/new_id", "1209 0001 ff");
	wait_until(5000, access(NODE, R_OK) == 0);
	close(ready_gun(NODE));
	printf("%u failures\n", all);
	return 0;
}
