// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/* A gun on the bench: see model_rig.h.  Shared by the model's suites. */
#include "model_rig.h"

static int commit(void *ctx, const struct meso_nvram *nv)
{
	struct rig *r = ctx;

	r->commits++;
	if (r->fail_at && (r->commits == r->fail_at || (r->fail_rest && r->commits > r->fail_at)))
		return -EIO;
	r->durable = *nv;
	return 0;
}

struct meso_config rig_config(void)
{
	return (struct meso_config){
		.bore_um = 12060,
		.capacity_nl = 5000000,
		.dose_nl = 20000,
		.depth_um = 2000,
		.mode = MESO_MODE_SINGLE,
		.rate_mhz = 2000,
		.viscosity_upas = 1000,
		.needle_um = 108,
		.needle_length_um = 4000,
		.needles = 1,
	};
}

struct rig *rig_new_with(struct meso_config c)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct meso_model_params params;

	ck_assert_ptr_nonnull(r);
	meso_model_params_default(&params);
	r->now = 5000 * MS;
	r->boot_id = RIG_BOOT;
	r->config = c;
	ck_assert_int_eq(meso_model_init(&r->m, &params, NULL, RIG_EPOCH, commit, r), 0);
	r->durable = r->m.nv;
	meso_model_power_on(&r->m, r->boot_id, r->now);
	rig_run(r, 2);
	ck_assert_int_eq(meso_model_configure(&r->m, r->now, &c), 0);
	rig_run(r, 2);
	return r;
}

struct rig *rig_new(void)
{
	return rig_new_with(rig_config());
}

void rig_free(struct rig *r)
{
	free(r);
}

struct meso_lease rig_lease(struct rig *r, u32 kind, u32 volume_nl, u32 shots)
{
	struct meso_lease lease = {
		.sequence = ++r->sequence,
		.boot_id = r->boot_id,
		.volume_nl = volume_nl,
		.shots = shots,
		.kind = kind,
		.min_interval_ms = 112,
		.expiry_ms = 600000,
		.heartbeat_ms = 100,
		.mark = { .sequence = r->sequence },
	};

	lease.id[0] = 0x4c;
	for (unsigned i = 0; i < 8; i++)
		lease.id[8 + i] = (u8)(r->sequence >> (8 * i));
	return lease;
}

int rig_arm(struct rig *r, u32 kind, u32 volume_nl, u32 shots)
{
	int err;

	r->lease = rig_lease(r, kind, volume_nl, shots);
	err = meso_model_arm(&r->m, r->now, &r->lease);
	r->beating = err == 0;
	return err;
}

void rig_run(struct rig *r, u64 ms)
{
	while (ms--) {
		r->now += MS;
		meso_model_advance(&r->m, r->now);
		if (r->beating && r->now / MS % 20 == 0)
			meso_model_heartbeat(&r->m, r->now, r->lease.id);
	}
}

void rig_drain(struct rig *r)
{
	struct meso_truth t;
	unsigned ms = 0;

	do {
		rig_run(r, 1);
		t = rig_truth(r);
		ck_assert_uint_lt(ms++, 600000);
	} while (t.moving || (t.stored_fl && !r->m.physics.occluded) ||
		 r->m.fw.job.phase == MESO_PHASE_MOVING ||
		 r->m.fw.job.phase == MESO_PHASE_SETTLING || r->m.fw.relieving);
}

void rig_hand(struct rig *r, enum meso_hand what, s64 value)
{
	ck_assert_int_eq(meso_model_hand(&r->m, r->now, what, value), 0);
}

void rig_press(struct rig *r)
{
	rig_run(r, 2);
	rig_hand(r, MESO_HAND_TRIGGER, 1);
	rig_run(r, 20);
	rig_hand(r, MESO_HAND_TRIGGER, 0);
	rig_run(r, 2);
}

int rig_fire(struct rig *r)
{
	return meso_model_fire(&r->m, r->now, r->lease.id, r->m.fw.head.shot_count + 1);
}

void rig_prime(struct rig *r)
{
	u32 shots = (MESO_DEAD_VOLUME_NL + r->config.dose_nl - 1) / r->config.dose_nl;

	int err;

	rig_hand(r, MESO_HAND_CONTACT, 0);
	rig_run(r, 2);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_PRIME, shots * r->config.dose_nl, shots), 0);
	for (u32 i = 0; i < shots; i++) {
		while ((err = rig_fire(r)) == -EAGAIN)
			rig_run(r, 10);
		ck_assert_int_eq(err, 0);
		rig_drain(r);
	}
	ck_assert(rig_frame(r).status & MESO_STATUS_PRIMED);
	ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
	r->beating = false;
	ck_assert_int_eq(
		meso_model_log_ack(&r->m, r->now, r->m.fw.head.epoch, r->m.fw.head.shot_count), 0);
	rig_run(r, 200);
}

void rig_make_ready(struct rig *r, u32 volume_nl, u32 shots)
{
	rig_prime(r);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, volume_nl, shots), 0);
	rig_run(r, 5);
}

struct rig *rig_ready(u32 volume_nl, u32 shots)
{
	struct rig *r = rig_new();

	rig_make_ready(r, volume_nl, shots);
	return r;
}

void rig_power_cycle(struct rig *r)
{
	meso_model_power_off(&r->m, r->now);
	rig_run(r, 5);
	r->beating = false;
	meso_model_power_on(&r->m, ++r->boot_id, r->now);
	rig_run(r, 5);
}

struct meso_truth rig_truth(const struct rig *r)
{
	struct meso_truth t;

	meso_model_truth(&r->m, &t);
	return t;
}

struct meso_frame rig_frame(struct rig *r)
{
	struct meso_frame f;
	int err;

	do {
		rig_run(r, 1);
		err = meso_model_frame(&r->m, r->now, &f);
	} while (err == -EAGAIN);
	ck_assert_int_eq(err, 0);
	return f;
}

int rig_clear(struct rig *r, u32 mask)
{
	return meso_model_clear_faults(&r->m, r->now, mask, r->boot_id, r->m.fw.head.fault_counter);
}

struct meso_shot rig_shot(const struct rig *r, u64 number)
{
	struct meso_shot shot;

	ck_assert_int_eq(meso_model_log_read(&r->m, number, &shot, 1), 1);
	ck_assert_uint_eq(shot.number, number);
	return shot;
}

u64 rig_larger_nl(const struct meso_shot *shot)
{
	u64 nl = shot->reported_nl;

	if (shot->displaced_nl > nl)
		nl = shot->displaced_nl;
	return shot->displaced2_nl > nl ? shot->displaced2_nl : nl;
}

u64 rig_log_sum_nl(const struct rig *r)
{
	struct meso_shot *shots = calloc(MESO_LOG_SIZE, sizeof(*shots));
	u64 sum = 0;
	int n;

	ck_assert_ptr_nonnull(shots);
	n = meso_model_log_read(&r->m, 0, shots, MESO_LOG_SIZE);
	ck_assert_int_ge(n, 0);
	for (int i = 0; i < n; i++)
		sum += rig_larger_nl(&shots[i]);
	free(shots);
	return sum;
}

#ifndef __KERNEL__ /* which has no floating point */
double rig_step_nl(const struct rig *r)
{
	double bore_mm = r->config.bore_um / 1000.0;

	return 3.14159265358979 / 4 * bore_mm * bore_mm * 0.3125e-3 * 1000;
}
#endif
