// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The handle: reference count, checks that hold for every backend, and the
 * delivery of events.  Owns what a caller may rely on whatever the gun is; never
 * talks to one itself.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A flag that is set here and zero in every forked child. */
static const unsigned int *here_new(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	unsigned int *here;

	here = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (here == MAP_FAILED)
		return NULL;
	if (madvise(here, size, MADV_WIPEONFORK) < 0) {
		munmap(here, size);
		return NULL;
	}
	*here = 1;
	return here;
}

static void here_free(const unsigned int *here)
{
	if (here)
		munmap((void *)(uintptr_t)here, (size_t)sysconf(_SC_PAGESIZE));
}

int inj_gun_new(const struct inj_backend *backend, void *self, const char *uri, unsigned int flags,
		struct inj_gun **ret_gun)
{
	struct inj_gun *gun = calloc(1, sizeof(*gun));

	if (gun) {
		gun->backend = backend;
		gun->self = self;
		gun->refs = 1;
		gun->flags = flags;
		gun->uri = strdup(uri);
		gun->here = here_new();
	}
	if (!gun || !gun->uri || !gun->here) {
		if (gun) {
			here_free(gun->here);
			free(gun->uri);
		}
		free(gun);
		backend->close(self);
		return -ENOMEM;
	}
	*ret_gun = gun;
	return 0;
}

static int take_first(const char *uri, void *userdata)
{
	char **first = userdata;

	*first = strdup(uri);
	return *first ? 1 : -ENOMEM;
}

/* Which gun is meant by @uri; the caller frees @ret_uri. */
static int resolve(const char *uri, char **ret_uri)
{
	const char *wanted = uri ? uri : secure_getenv("INJECTOR_GUN");
	char *resolved = NULL;
	int r;

	if (!wanted || (!uri && !*wanted)) {
		r = inj_enumerate(take_first, &resolved);
		if (r < 0)
			return r;
		if (!resolved)
			return -ENOENT;
	} else if (wanted[0] == '/') {
		size_t size = strlen("kernel:") + strlen(wanted) + 1;

		resolved = malloc(size);
		if (!resolved)
			return -ENOMEM;
		memcpy(resolved, "kernel:", strlen("kernel:"));
		memcpy(resolved + strlen("kernel:"), wanted, strlen(wanted) + 1);
	} else {
		resolved = strdup(wanted);
		if (!resolved)
			return -ENOMEM;
	}
	*ret_uri = resolved;
	return 0;
}

int inj_gun_open(const char *uri, unsigned int flags, inj_gun **ret_gun)
{
	const struct inj_backend *backend;
	char *resolved;
	void *self;
	int r;

	if (!ret_gun || flags & ~INJ_OPEN_READ_ONLY)
		return -EINVAL;
	r = resolve(uri, &resolved);
	if (r < 0)
		return r;
	if (strncmp(resolved, "kernel:", 7) == 0)
		r = inj_kernel_open(NULL, resolved + 7, flags, &backend, &self);
	else if (strncmp(resolved, "sim:", 4) == 0)
		r = inj_sim_open(resolved + 4, flags, &backend, &self);
	else
		r = -EINVAL;
	if (r >= 0)
		r = inj_gun_new(backend, self, resolved, flags, ret_gun);
	free(resolved);
	return r;
}

inj_gun *inj_gun_ref(inj_gun *gun)
{
	if (gun)
		gun->refs++;
	return gun;
}

inj_gun *inj_gun_unref(inj_gun *gun)
{
	if (!gun || --gun->refs)
		return NULL;
	gun->backend->close(gun->self);
	here_free(gun->here);
	free(gun->uri);
	free(gun);
	return NULL;
}

void inj_gun_unrefp(inj_gun **gun)
{
	if (gun)
		*gun = inj_gun_unref(*gun);
}

const char *inj_gun_get_uri(const inj_gun *gun)
{
	return gun ? gun->uri : NULL;
}

static int request(inj_gun *gun, unsigned int op, void *arg)
{
	if (!*gun->here)
		return -ECHILD;
	return gun->backend->request(gun->self, op, arg);
}

/* A request that changes something. */
static int control(inj_gun *gun, unsigned int op, void *arg)
{
	int r;

	if (!gun)
		return -EINVAL;
	if (!*gun->here)
		return -ECHILD;
	if (gun->flags & INJ_OPEN_READ_ONLY)
		return -EPERM;
	r = request(gun, op, arg);
	return r < 0 ? r : 0;
}

int inj_gun_get_info(inj_gun *gun, struct meso_info *ret_info)
{
	struct meso_info info;
	int r;

	if (!gun || !ret_info)
		return -EINVAL;
	memset(&info, 0, sizeof(info));
	r = request(gun, MESO_IOC_GET_INFO, &info);
	if (r < 0)
		return r;
	/* Callers print these: whoever sent them, they end. */
	info.serial[sizeof(info.serial) - 1] = '\0';
	info.model[sizeof(info.model) - 1] = '\0';
	info.firmware[sizeof(info.firmware) - 1] = '\0';
	*ret_info = info;
	return 0;
}

int inj_gun_get_status(inj_gun *gun, struct meso_status *ret_status)
{
	if (!gun || !ret_status)
		return -EINVAL;
	if (!*gun->here)
		return -ECHILD;
	return gun->backend->status(gun->self, ret_status);
}

int inj_gun_get_registers(inj_gun *gun, struct meso_registers *ret_registers)
{
	struct meso_registers registers;
	int r;

	if (!gun || !ret_registers)
		return -EINVAL;
	memset(&registers, 0, sizeof(registers));
	r = request(gun, MESO_IOC_GET_REGISTERS, &registers);
	if (r < 0)
		return r;
	if (registers.count > MESO_REGISTERS_MAX)
		return -EPROTO;
	*ret_registers = registers;
	return 0;
}

int inj_gun_set_events(inj_gun *gun, const struct meso_event_config *wanted,
		       struct meso_event_config *ret_granted)
{
	struct meso_event_config config;
	int r;

	if (!gun || !wanted)
		return -EINVAL;
	config = *wanted;
	r = request(gun, MESO_IOC_SET_EVENTS, &config);
	if (r < 0)
		return r;
	if (ret_granted)
		*ret_granted = config;
	return 0;
}

int inj_gun_get_fd(const inj_gun *gun)
{
	if (!gun)
		return -EINVAL;
	if (!*gun->here)
		return -ECHILD;
	return gun->backend->get_fd(gun->self);
}

int inj_gun_get_poll_events(const inj_gun *gun)
{
	/* Faults are events too, so nothing needs POLLPRI; HUP and ERR always come. */
	return gun ? POLLIN : -EINVAL;
}

/* The next record; NULL when what has been taken over is used up, or is not a record. */
static const struct meso_event *next_record(inj_gun *gun)
{
	const struct meso_event *event = (const void *)(gun->pending + gun->pending_at);
	size_t left = gun->pending_end - gun->pending_at;

	if (left < sizeof(*event) || event->size < sizeof(*event) || event->size > left ||
	    event->size % 8)
		return NULL;
	return event;
}

static int deliver(inj_gun *gun, inj_event_handler handler, void *userdata, int *count)
{
	const struct meso_event *event;
	int r;

	while ((event = next_record(gun))) {
		gun->pending_at += event->size;
		(*count)++;
		r = handler(gun, event, userdata);
		if (r)
			return r;
	}
	r = gun->pending_at == gun->pending_end ? 0 : -EPROTO;
	gun->pending_at = 0;
	gun->pending_end = 0;
	return r;
}

/* Bounds one dispatch: a gun at 1 kHz must not keep its caller here for ever. */
#define DISPATCH_MAX MESO_QUEUE_MAX

int inj_gun_dispatch(inj_gun *gun, inj_event_handler handler, void *userdata)
{
	int count = 0, r;

	if (!gun || !handler)
		return -EINVAL;
	if (!*gun->here)
		return -ECHILD;
	if (gun->dispatching)
		return -EBUSY;
	gun->dispatching = true;
	inj_gun_ref(gun); /* the handler may drop the caller's */
	for (;;) {
		ssize_t n;

		r = deliver(gun, handler, userdata, &count);
		if (r || count >= DISPATCH_MAX)
			break;
		n = gun->backend->events(gun->self, gun->pending, sizeof(gun->pending));
		if (n < 0) {
			r = n == -EAGAIN || (n == -ENODEV && count) ? 0 : (int)n;
			break;
		}
		gun->pending_end = (size_t)n;
	}
	gun->dispatching = false;
	inj_gun_unref(gun);
	return r ? r : count;
}

int inj_gun_acquire(inj_gun *gun)
{
	return control(gun, MESO_IOC_ACQUIRE, NULL);
}

int inj_gun_release(inj_gun *gun)
{
	return control(gun, MESO_IOC_RELEASE, NULL);
}

int inj_gun_configure(inj_gun *gun, const struct meso_config *config)
{
	struct meso_config copy;

	if (!config)
		return -EINVAL;
	copy = *config;
	return control(gun, MESO_IOC_CONFIGURE, &copy);
}

/* The gun, or who speaks for it, has said no: it is not armed by this. */
static bool arm_refused(int r)
{
	return r == -EPERM || r == -EACCES || r == -EBUSY || r == -ESTALE || r == -ERANGE ||
	       r == -ENOSPC || r == -ENODATA || r == -EINVAL || r == -ECHILD || r == -ENODEV;
}

int inj_gun_arm(inj_gun *gun, const struct meso_lease *lease)
{
	struct meso_lease copy;
	int r;

	if (!lease)
		return -EINVAL;
	copy = *lease;
	r = control(gun, MESO_IOC_ARM, &copy);
	/* In doubt: whatever became of the lease, it must not live. */
	if (r < 0 && !arm_refused(r))
		control(gun, MESO_IOC_DISARM, NULL);
	return r;
}

int inj_gun_heartbeat(inj_gun *gun, const uint8_t lease_id[MESO_LEASE_ID_LEN])
{
	struct meso_lease_ref ref;

	if (!lease_id)
		return -EINVAL;
	memcpy(ref.id, lease_id, sizeof(ref.id));
	return control(gun, MESO_IOC_HEARTBEAT, &ref);
}

int inj_gun_fire(inj_gun *gun, const uint8_t lease_id[MESO_LEASE_ID_LEN], uint64_t expect)
{
	struct meso_fire fire = { .expect = expect };

	if (!lease_id)
		return -EINVAL;
	memcpy(fire.id, lease_id, sizeof(fire.id));
	return control(gun, MESO_IOC_FIRE, &fire);
}

int inj_gun_disarm(inj_gun *gun)
{
	return control(gun, MESO_IOC_DISARM, NULL);
}

int inj_gun_get_shots(inj_gun *gun, uint64_t from, struct meso_shot *ret_shots, size_t max,
		      size_t *ret_remaining)
{
	struct meso_shots shots;
	size_t count = 0, remaining;
	int r;

	if (!gun || !ret_shots || max == 0 || max > INT32_MAX)
		return -EINVAL;
	do {
		size_t take;

		memset(&shots, 0, offsetof(struct meso_shots, shot));
		shots.from = from;
		r = request(gun, MESO_IOC_GET_SHOTS, &shots);
		/* What was read before is the caller's to settle and still in the journal. */
		if (r < 0)
			return r;
		if (shots.count > MESO_SHOTS_MAX)
			return -EPROTO;
		take = shots.count < max - count ? shots.count : max - count;
		memcpy(ret_shots + count, shots.shot, take * sizeof(shots.shot[0]));
		count += take;
		remaining = (size_t)shots.remaining + (shots.count - take);
		if (take)
			from = ret_shots[count - 1].number + 1;
	} while (shots.count && shots.remaining && count < max);
	if (ret_remaining)
		*ret_remaining = remaining;
	return (int)count;
}

int inj_gun_ack_shots(inj_gun *gun, uint64_t epoch, uint64_t upto)
{
	struct meso_ack ack = { .epoch = epoch, .upto = upto };

	return control(gun, MESO_IOC_ACK_SHOTS, &ack);
}

int inj_gun_clear_faults(inj_gun *gun, uint32_t mask, uint64_t boot_id, uint32_t counter)
{
	struct meso_clear clear = { .mask = mask, .counter = counter, .boot_id = boot_id };

	return control(gun, MESO_IOC_CLEAR_FAULTS, &clear);
}
