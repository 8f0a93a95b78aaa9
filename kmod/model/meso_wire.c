// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The wire codec: the one place that knows at which byte a value travels.
 * docs/gun-protocol.md shows the same layout and tests/unit/wire_test.c pins
 * it.  It never decides what a value means for safety; it only refuses what
 * no sound gun or host can have sent.
 */
#include "meso_wire_internal.h"

#define KIND_FRAME	0x4653454dU	/* "MESF" */
#define KIND_ARM	0x4153454dU	/* "MESA" */
#define KIND_RECORD	0x5253454dU	/* "MESR" */

#define STATUS_OF_GUN (MESO_STATUS_TRIGGER | MESO_STATUS_PEDAL | MESO_STATUS_CONTACT | \
		       MESO_STATUS_CONTACT_SEEN | MESO_STATUS_PRIMED | MESO_STATUS_MOVING | \
		       MESO_STATUS_LEASE_OPEN)

/* CRC-32 (IEEE 802.3), four bits at a time: small, and fast enough for 1 kHz */
u32 meso_wire_crc32(const u8 *data, size_t len)
{
	static const u32 table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	u32 crc = 0xffffffff;
	size_t i;

	for (i = 0; i < len; i++) {
		crc ^= data[i];
		crc = (crc >> 4) ^ table[crc & 15];
		crc = (crc >> 4) ^ table[crc & 15];
	}
	return ~crc;
}
EXPORT_SYMBOL_GPL(meso_wire_crc32);

u8 *meso_message_open(u8 *buf, u32 kind, size_t size)
{
	u8 *p = buf;

	memset(buf, 0, size);
	put32(&p, kind);
	put32(&p, MESO_WIRE_VERSION | (u32)size << 16);
	return p;
}

void meso_message_close(u8 *buf, size_t size)
{
	u8 *p = buf + size - 4;

	put32(&p, meso_wire_crc32(buf, size - 4));
}

int meso_message_check(const u8 *buf, size_t len, u32 kind, size_t size, size_t used)
{
	const u8 *p = buf + size - 4;
	size_t i;

	if (len != size)
		return -EINVAL;
	if (get32(&p) != meso_wire_crc32(buf, size - 4))
		return -EBADMSG;
	p = buf;
	if (get32(&p) != kind || get32(&p) != (MESO_WIRE_VERSION | (u32)size << 16))
		return -EINVAL;
	for (i = used; i < size - 4; i++)
		if (buf[i])
			return -EINVAL;
	return 0;
}

#define FRAME_USED	196

void meso_frame_encode(const struct meso_frame *f, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_FRAME, MESO_FRAME_SIZE);

	put64(&p, f->seq);
	put64(&p, f->boot_id);
	put64(&p, f->epoch);
	put64(&p, f->uptime_us);
	put32(&p, f->state);
	put32(&p, f->status);
	put32(&p, f->faults);
	put32(&p, f->fault_counter);
	put32(&p, f->trigger_edges);
	put32(&p, (u32)f->plunger_nm);
	put32(&p, (u32)f->plunger2_nm);
	put32(&p, (u32)f->target_nm);
	put32(&p, f->depth_um);
	put32(&p, f->depth_set_um);
	put32(&p, (u32)f->pressure_pa);
	put32(&p, (u32)f->pressure_limit_pa);
	put32(&p, (u32)f->vacuum_pa);
	put32(&p, f->reservoir_nl);
	put32(&p, f->battery_percent);
	put32(&p, f->battery_mv);
	put32(&p, (u32)f->temperature_mc);
	put32(&p, f->dose_nl);
	put32(&p, f->mode);
	put32(&p, f->rate_mhz);
	put32(&p, f->bore_um);
	put32(&p, f->capacity_nl);
	put64(&p, f->shot_count);
	put64(&p, f->total_nl);
	put64(&p, f->log_acked);
	put64(&p, f->cartridge_id);
	put_bytes(&p, f->lease_id, sizeof(f->lease_id));
	put64(&p, f->last_sequence);
	put32(&p, f->lease_left_nl);
	put32(&p, f->lease_shots_left);
	put32(&p, f->lease_end);
	meso_message_close(buf, MESO_FRAME_SIZE);
}
EXPORT_SYMBOL_GPL(meso_frame_encode);

/* The ranges are those of docs/gun-protocol.md, "Registers" */
static int check_frame(const struct meso_frame *f)
{
	if (f->state >= MESO_GUN_STATES || f->status & ~STATUS_OF_GUN ||
	    f->faults & ~MESO_FAULT_GUN_MASK || f->mode > MESO_MODE_REPEAT ||
	    f->lease_end > MESO_END_CONTACT)
		return -EINVAL;
	if (!between(f->plunger_nm, 0, 61000000) || !between(f->plunger2_nm, 0, 61000000) ||
	    !between(f->target_nm, 0, 61000000) || f->depth_um > 13000 ||
	    f->depth_set_um > 13000 || !between(f->pressure_pa, -100000, 1000000) ||
	    !between(f->pressure_limit_pa, 0, 1000000) || !between(f->vacuum_pa, -90000, 0) ||
	    f->reservoir_nl > 10000000 || f->battery_percent > 100 || f->battery_mv > 20000 ||
	    !between(f->temperature_mc, -40000, 125000) || f->dose_nl > 200000 ||
	    f->rate_mhz > MESO_RATE_MAX_MHZ || f->bore_um > 20000 || f->capacity_nl > 10000000)
		return -ERANGE;
	return 0;
}

int meso_frame_decode(struct meso_frame *frame, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	struct meso_frame f;
	int r;

	r = meso_message_check(buf, len, KIND_FRAME, MESO_FRAME_SIZE, FRAME_USED);
	if (r)
		return r;
	memset(&f, 0, sizeof(f));
	f.seq = get64(&p);
	f.boot_id = get64(&p);
	f.epoch = get64(&p);
	f.uptime_us = get64(&p);
	f.state = get32(&p);
	f.status = get32(&p);
	f.faults = get32(&p);
	f.fault_counter = get32(&p);
	f.trigger_edges = get32(&p);
	f.plunger_nm = get_s32(&p);
	f.plunger2_nm = get_s32(&p);
	f.target_nm = get_s32(&p);
	f.depth_um = get32(&p);
	f.depth_set_um = get32(&p);
	f.pressure_pa = get_s32(&p);
	f.pressure_limit_pa = get_s32(&p);
	f.vacuum_pa = get_s32(&p);
	f.reservoir_nl = get32(&p);
	f.battery_percent = get32(&p);
	f.battery_mv = get32(&p);
	f.temperature_mc = get_s32(&p);
	f.dose_nl = get32(&p);
	f.mode = get32(&p);
	f.rate_mhz = get32(&p);
	f.bore_um = get32(&p);
	f.capacity_nl = get32(&p);
	f.shot_count = get64(&p);
	f.total_nl = get64(&p);
	f.log_acked = get64(&p);
	f.cartridge_id = get64(&p);
	get_bytes(&p, f.lease_id, sizeof(f.lease_id));
	f.last_sequence = get64(&p);
	f.lease_left_nl = get32(&p);
	f.lease_shots_left = get32(&p);
	f.lease_end = get32(&p);
	r = check_frame(&f);
	if (r)
		return r;
	*frame = f;
	return 0;
}
EXPORT_SYMBOL_GPL(meso_frame_decode);

#define ARM_USED	104

void meso_arm_encode(const struct meso_lease *a, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_ARM, MESO_ARM_SIZE);

	put_bytes(&p, a->id, sizeof(a->id));
	put64(&p, a->sequence);
	put64(&p, a->boot_id);
	put32(&p, a->volume_nl);
	put32(&p, a->shots);
	put32(&p, a->kind);
	put32(&p, a->min_interval_ms);
	put32(&p, a->expiry_ms);
	put32(&p, a->heartbeat_ms);
	put_bytes(&p, a->mark.ledger, sizeof(a->mark.ledger));
	put64(&p, a->mark.sequence);
	put_bytes(&p, a->mark.head, sizeof(a->mark.head));
	meso_message_close(buf, MESO_ARM_SIZE);
}
EXPORT_SYMBOL_GPL(meso_arm_encode);

/* Limits are the firmware's to judge (it answers with a reason); here only
 * what makes no sense at all
 */
int meso_arm_decode(struct meso_lease *arm, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	struct meso_lease a;
	int r;

	r = meso_message_check(buf, len, KIND_ARM, MESO_ARM_SIZE, ARM_USED);
	if (r)
		return r;
	memset(&a, 0, sizeof(a));
	get_bytes(&p, a.id, sizeof(a.id));
	a.sequence = get64(&p);
	a.boot_id = get64(&p);
	a.volume_nl = get32(&p);
	a.shots = get32(&p);
	a.kind = get32(&p);
	a.min_interval_ms = get32(&p);
	a.expiry_ms = get32(&p);
	a.heartbeat_ms = get32(&p);
	get_bytes(&p, a.mark.ledger, sizeof(a.mark.ledger));
	a.mark.sequence = get64(&p);
	get_bytes(&p, a.mark.head, sizeof(a.mark.head));
	if (a.kind > MESO_KIND_PRIME)
		return -EINVAL;
	*arm = a;
	return 0;
}
EXPORT_SYMBOL_GPL(meso_arm_decode);

#define RECORD_USED	88

void meso_record_encode(const struct meso_shot *s, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_RECORD, MESO_RECORD_SIZE);

	put64(&p, s->epoch);
	put64(&p, s->number);
	put_bytes(&p, s->lease_id, sizeof(s->lease_id));
	put32(&p, s->asked_nl);
	put32(&p, s->reported_nl);
	put32(&p, s->displaced_nl);
	put32(&p, s->displaced2_nl);
	put32(&p, s->depth_um);
	put32(&p, (u32)s->peak_pa);
	put32(&p, s->result);
	put32(&p, s->kind);
	put32(&p, s->flags);
	put32(&p, s->duration_us);
	put64(&p, s->total_nl);
	meso_message_close(buf, MESO_RECORD_SIZE);
}
EXPORT_SYMBOL_GPL(meso_record_encode);

int meso_record_decode(struct meso_shot *shot, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	struct meso_shot s;
	int r;

	r = meso_message_check(buf, len, KIND_RECORD, MESO_RECORD_SIZE, RECORD_USED);
	if (r)
		return r;
	memset(&s, 0, sizeof(s));
	s.epoch = get64(&p);
	s.number = get64(&p);
	get_bytes(&p, s.lease_id, sizeof(s.lease_id));
	s.asked_nl = get32(&p);
	s.reported_nl = get32(&p);
	s.displaced_nl = get32(&p);
	s.displaced2_nl = get32(&p);
	s.depth_um = get32(&p);
	s.peak_pa = get_s32(&p);
	s.result = get32(&p);
	s.kind = get32(&p);
	s.flags = get32(&p);
	s.duration_us = get32(&p);
	s.total_nl = get64(&p);
	if (!s.epoch || !s.number || s.result > MESO_SHOT_UNKNOWN || s.kind > MESO_KIND_PRIME ||
	    s.flags & ~MESO_STATUS_CONTACT)
		return -EINVAL;
	/* no syringe holds more than 10 ml */
	if (s.asked_nl > 200000 || s.reported_nl > 10000000 || s.displaced_nl > 10000000 ||
	    s.displaced2_nl > 10000000 || s.depth_um > 13000 ||
	    !between(s.peak_pa, -100000, 1000000))
		return -ERANGE;
	*shot = s;
	return 0;
}
EXPORT_SYMBOL_GPL(meso_record_decode);
