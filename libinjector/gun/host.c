// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Plays the kernel for one gun: carries bytes between it and the interlock,
 * does what the interlock asks for, and answers ioctls as /dev/mesoN does.
 * Decides nothing about doses; that is the interlock's, and it is the same code
 * as in the kernel.
 */
#include "host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void emit(void *ctx, const struct meso_event *event)
{
	struct mg_host *host = ctx;
	u64 mono = event->timestamp_ns;

	mono -= min_t(u64, mono, host->mono_behind);
	host->emit(host->ctx, event, mono);
}

static void read_log(struct mg_host *host, u32 *act)
{
	u8 bytes[MESO_SHOTS_MAX * MESO_RECORD_SIZE];
	struct meso_shot shots[MESO_SHOTS_MAX];
	u64 from;
	int n, i;

	do {
		from = meso_interlock_log_from(&host->il);
		if (!from)
			return;
		n = mg_machine_log(host->machine, from, bytes, MESO_SHOTS_MAX);
		for (i = 0; i < n; i++) {
			int r = meso_record_decode(&shots[i], bytes + (size_t)i * MESO_RECORD_SIZE,
						   MESO_RECORD_SIZE);

			if (r < 0) {
				n = i ? i : r;
				break;
			}
		}
		meso_interlock_records(&host->il, shots, n, host->now, act);
	} while (n > 0);
}

/* Does what the interlock asked for, and what that leads to. */
static void perform(struct mg_host *host, u32 act)
{
	while (act & (MESO_ACT_ABORT | MESO_ACT_HEARTBEAT | MESO_ACT_READ_LOG)) {
		u32 more = 0;

		if (act & MESO_ACT_ABORT)
			mg_machine_abort(host->machine, host->now);
		if (act & MESO_ACT_HEARTBEAT)
			mg_machine_heartbeat(host->machine, host->now, host->il.lease.id);
		if (act & MESO_ACT_READ_LOG)
			read_log(host, &more);
		act = more;
	}
}

static void publish(struct mg_host *host)
{
	struct meso_snapshot snapshot;

	if (!host->page)
		return;
	meso_interlock_snapshot(&host->il, &snapshot);
	inj_latch_write(&host->page->latch, host->page->copies, &snapshot, sizeof(snapshot));
}

static void receive_frame(struct mg_host *host)
{
	struct meso_frame frame;
	u8 bytes[MESO_FRAME_SIZE];
	u64 mono = host->now;
	u32 act = 0;

	if (mg_machine_frame(host->machine, host->now, bytes) < 0 || !host->present)
		return;
	mono -= min_t(u64, mono, host->mono_behind);
	if (meso_frame_decode(&frame, bytes, sizeof(bytes)) < 0)
		meso_interlock_bad_frame(&host->il);
	else
		meso_interlock_frame(&host->il, &frame, host->now, mono, &act);
	perform(host, act);
}

u64 mg_host_next_ns(const struct mg_host *host)
{
	u64 next = mg_machine_next_ns(host->machine);

	if (host->present)
		next = min_t(u64, next, meso_interlock_deadline(&host->il));
	return next;
}

void mg_host_run(struct mg_host *host, u64 now)
{
	/* A gun that is behind by more than this is not caught up with in one go: requests, and
	 * above all a stop, must not wait for that. */
	int steps = 10000;

	while (steps--) {
		u64 next = mg_host_next_ns(host);
		u32 act = 0;

		if (next > now)
			break;
		host->now = max_t(u64, host->now, next);
		mg_machine_advance(host->machine, host->now);
		receive_frame(host);
		if (!host->present)
			continue;
		meso_interlock_tick(&host->il, host->now, &act);
		perform(host, act);
	}
	if (steps >= 0 && now > host->now) {
		host->now = now;
		mg_machine_advance(host->machine, now);
	}
	publish(host);
}

/* ---- plugging ------------------------------------------------------------------ */

static void drop_page(struct mg_host *host)
{
	if (host->page)
		munmap(host->page, sizeof(*host->page));
	if (host->page_fd >= 0)
		close(host->page_fd);
	host->page = NULL;
	host->page_fd = -1;
}

/* Ours to write, because it is mapped before the seal; everybody else's to read. */
static int make_page(struct mg_host *host)
{
	struct inj_sim_page *page;
	int fd, r;

	drop_page(host);
	fd = memfd_create("meso-status", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*page)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		r = -errno;
		close(fd);
		return r;
	}
	if (fcntl(fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
		r = -errno;
		munmap(page, sizeof(*page));
		close(fd);
		return r;
	}
	page->magic = INJ_SIM_MAGIC;
	page->version = INJ_SIM_VERSION;
	host->page = page;
	host->page_fd = fd;
	return 0;
}

int mg_host_plug(struct mg_host *host)
{
	struct meso_registers *registers;
	struct meso_info info;
	int r;

	if (host->present)
		return -EBUSY;
	r = mg_machine_info(host->machine, &info);
	if (r < 0)
		return r;
	registers = calloc(1, sizeof(*registers));
	if (!registers)
		return -ENOMEM;
	r = mg_machine_registers(host->machine, registers);
	if (r == 0)
		r = meso_interlock_init(&host->il, &info, registers, emit, host, host->now);
	free(registers);
	if (r == 0)
		r = make_page(host);
	if (r < 0)
		return r;
	host->present = true;
	/* So that the first client sees a gun and not an empty page. */
	receive_frame(host);
	publish(host);
	return 0;
}

void mg_host_unplug(struct mg_host *host)
{
	u32 act = 0;

	if (!host->present)
		return;
	meso_interlock_removed(&host->il, host->now, &act);
	/* The cable is out: nothing reaches the gun any more, its own dead man has to act. */
	publish(host);
	host->present = false;
}

int mg_host_crash(struct mg_host *host)
{
	if (!host->present)
		return -ENODEV;
	host->present = false;
	return mg_host_plug(host);
}

void mg_host_init(struct mg_host *host, struct mg_machine *machine, u64 now)
{
	*host = (struct mg_host){ .machine = machine, .now = now, .page_fd = -1 };
}

void mg_host_done(struct mg_host *host)
{
	drop_page(host);
}

/* ---- open files ---------------------------------------------------------------- */

static union meso_event_any *make_slots(u32 depth)
{
	return calloc(MESO_EVENTS_SLOTS(depth), sizeof(union meso_event_any));
}

int mg_file_open(struct mg_file *file, u64 owner, bool writable)
{
	union meso_event_any *slots = make_slots(MESO_QUEUE_DEFAULT);

	if (!slots)
		return -ENOMEM;
	file->owner = owner;
	file->writable = writable;
	meso_events_init(&file->events, slots, MESO_QUEUE_DEFAULT);
	return 0;
}

void mg_file_close(struct mg_host *host, struct mg_file *file)
{
	u32 act = 0;

	if (host->present) {
		meso_interlock_close(&host->il, file->owner, host->now, &act);
		perform(host, act);
		publish(host);
	}
	free(file->events.slot);
	file->events.slot = NULL;
}

bool mg_file_controls(const struct mg_host *host, const struct mg_file *file)
{
	return host->present && host->il.owner == file->owner;
}

void mg_host_samples(struct mg_host *host, bool wanted)
{
	if (host->present)
		meso_interlock_want_samples(&host->il, wanted);
}

/* ---- ioctls -------------------------------------------------------------------- */

static int get_info(struct mg_host *host, struct meso_info *info)
{
	meso_interlock_info(&host->il, info);
	return 0;
}

static int get_status(struct mg_host *host, struct meso_status *status)
{
	struct meso_snapshot snapshot;

	meso_interlock_snapshot(&host->il, &snapshot);
	meso_snapshot_status(&snapshot, host->now, status);
	return 0;
}

static int get_registers(struct mg_host *host, struct meso_registers *registers)
{
	meso_interlock_registers(&host->il, host->now, registers);
	return 0;
}

static int set_events(struct mg_file *file, struct meso_event_config *config)
{
	union meso_event_any *slots = NULL;
	int r = meso_event_config_check(config);

	if (r < 0)
		return r;
	if (config->depth && config->depth != file->events.depth) {
		slots = make_slots(config->depth);
		if (!slots)
			return -ENOMEM;
	}
	free(meso_events_configure(&file->events, config, slots));
	return 0;
}

static int configure(struct mg_host *host, u64 owner, const struct meso_config *config, u32 *act)
{
	struct meso_info info;
	int r, err;

	r = meso_interlock_configure_begin(&host->il, owner, config);
	if (r < 0)
		return r;
	err = mg_machine_configure(host->machine, host->now, config);
	if (err == 0)
		err = mg_machine_info(host->machine, &info);
	meso_interlock_configure_done(&host->il, config, err, err ? NULL : &info, host->now, act);
	return err;
}

static int arm(struct mg_host *host, u64 owner, const struct meso_lease *lease, u32 *act)
{
	u8 block[MESO_ARM_SIZE];
	int r;

	r = meso_interlock_arm_begin(&host->il, owner, lease, host->now, act);
	if (r < 0)
		return r;
	meso_arm_encode(lease, block);
	r = mg_machine_arm(host->machine, host->now, block);
	return meso_interlock_arm_done(&host->il, r, host->now, act);
}

static int fire(struct mg_host *host, u64 owner, const struct meso_fire *what)
{
	int r;

	r = meso_interlock_fire_begin(&host->il, owner, what, host->now);
	if (r < 0)
		return r;
	r = mg_machine_fire(host->machine, host->now, what);
	meso_interlock_fire_done(&host->il, r);
	return r;
}

static int ack_shots(struct mg_host *host, u64 owner, const struct meso_ack *ack, u32 *act)
{
	int r;

	r = meso_interlock_ack_begin(&host->il, owner, ack);
	if (r <= 0)
		return r;
	r = mg_machine_log_ack(host->machine, host->now, ack);
	if (r == 0)
		meso_interlock_ack_done(&host->il, ack, host->now, act);
	return r;
}

static int clear_faults(struct mg_host *host, u64 owner, const struct meso_clear *clear, u32 *act)
{
	struct meso_clear gun;
	int r;

	r = meso_interlock_clear_begin(&host->il, owner, clear, host->now, &gun);
	if (r < 0)
		return r;
	if (gun.mask)
		r = mg_machine_clear(host->machine, host->now, &gun);
	return r < 0 ? r : meso_interlock_clear_done(&host->il, clear, host->now, act);
}

static int look(struct mg_host *host, struct mg_file *file, u32 op, void *payload)
{
	switch (op) {
	case MESO_IOC_GET_INFO:
		return get_info(host, payload);
	case MESO_IOC_GET_STATUS:
		return get_status(host, payload);
	case MESO_IOC_GET_REGISTERS:
		return get_registers(host, payload);
	case MESO_IOC_SET_EVENTS:
		return set_events(file, payload);
	case MESO_IOC_GET_SHOTS:
		return meso_interlock_get_shots(&host->il, payload);
	default:
		return -ENOTTY;
	}
}

static bool is_control(u32 op)
{
	return op == MESO_IOC_ACQUIRE || op == MESO_IOC_RELEASE || op == MESO_IOC_CONFIGURE ||
	       op == MESO_IOC_ARM || op == MESO_IOC_HEARTBEAT || op == MESO_IOC_FIRE ||
	       op == MESO_IOC_DISARM || op == MESO_IOC_ACK_SHOTS || op == MESO_IOC_CLEAR_FAULTS;
}

static int control(struct mg_host *host, u64 owner, u32 op, void *payload, u32 *act)
{
	switch (op) {
	case MESO_IOC_ACQUIRE:
		return meso_interlock_acquire(&host->il, owner, act);
	case MESO_IOC_RELEASE:
		return meso_interlock_release(&host->il, owner, host->now, act);
	case MESO_IOC_CONFIGURE:
		return configure(host, owner, payload, act);
	case MESO_IOC_ARM:
		return arm(host, owner, payload, act);
	case MESO_IOC_HEARTBEAT:
		return meso_interlock_heartbeat(&host->il, owner,
						((const struct meso_lease_ref *)payload)->id,
						host->now, act);
	case MESO_IOC_FIRE:
		return fire(host, owner, payload);
	case MESO_IOC_DISARM:
		return meso_interlock_disarm(&host->il, MESO_END_DISARM, host->now, act);
	case MESO_IOC_ACK_SHOTS:
		return ack_shots(host, owner, payload, act);
	case MESO_IOC_CLEAR_FAULTS:
		return clear_faults(host, owner, payload, act);
	default:
		return -ENOTTY;
	}
}

int mg_file_ioctl(struct mg_host *host, struct mg_file *file, u32 op, void *payload)
{
	u32 act = 0;
	int r;

	if (!host->present)
		return -ENODEV;
	r = look(host, file, op, payload);
	if (r == -ENOTTY && _IOC_TYPE(op) == MESO_IOC_MAGIC) {
		r = file->writable   ? control(host, file->owner, op, payload, &act)
		    : is_control(op) ? -EPERM
				     : -ENOTTY;
		perform(host, act);
		publish(host);
	}
	return r;
}
