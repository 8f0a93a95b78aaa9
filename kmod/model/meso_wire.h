/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What crosses the wire between a gun and its host: frames, arm blocks and
 * shot records, in host order (struct meso_frame, ...) and as little-endian
 * bytes (meso_*_encode, meso_*_decode).  One codec for the kernel, meso-gun
 * and the tests.  A decoder accepts nothing that docs/gun-protocol.md does not
 * allow; it never trusts a length, an enumeration or a range.
 */
#ifndef MESO_WIRE_H
#define MESO_WIRE_H

#include "meso_port.h"
#include <linux/meso.h>

#define MESO_WIRE_VERSION	1
#define MESO_FRAME_SIZE		256	/* bytes on the wire, CRC-32 in the last four */
#define MESO_ARM_SIZE		128
#define MESO_RECORD_SIZE	128

/* Gun firmware states, struct meso_frame.state */
#define MESO_GUN_IDLE		0
#define MESO_GUN_ARMED		1
#define MESO_GUN_FIRING		2
#define MESO_GUN_RELIEVING	3	/* backing off pressure after a stop */
#define MESO_GUN_FAULT		4
#define MESO_GUN_STATES		5

/*
 * struct meso_frame - one telemetry frame: every measurement of GET_STATUS
 *
 * Fields are as in struct meso_status.  @status holds the MESO_STATUS_* bits
 * that a gun can know: TRIGGER, PEDAL, CONTACT, CONTACT_SEEN, PRIMED, MOVING,
 * LEASE_OPEN.  @trigger_edges counts presses since power-up.
 */
struct meso_frame {
	u64 seq;
	u64 boot_id;
	u64 epoch;
	u64 uptime_us;
	u32 state;
	u32 status;
	u32 faults;
	u32 fault_counter;
	u32 trigger_edges;
	s32 plunger_nm;
	s32 plunger2_nm;
	s32 target_nm;
	u32 depth_um;
	u32 depth_set_um;
	s32 pressure_pa;
	s32 pressure_limit_pa;
	s32 vacuum_pa;
	u32 reservoir_nl;
	u32 battery_percent;
	u32 battery_mv;
	s32 temperature_mc;
	u32 dose_nl;
	u32 mode;
	u32 rate_mhz;
	u32 bore_um;
	u32 capacity_nl;
	u64 shot_count;
	u64 total_nl;
	u64 log_acked;
	u64 cartridge_id;
	u8 lease_id[MESO_LEASE_ID_LEN];
	u64 last_sequence;
	u32 lease_left_nl;
	u32 lease_shots_left;
	u32 lease_end;		/* MESO_END_* as the gun sees it */
};

/* struct meso_lease is the arm block in host order; on the wire it has a CRC */

u32 meso_wire_crc32(const u8 *data, size_t len);

/*
 * meso_frame_encode() - write a frame as MESO_FRAME_SIZE bytes
 * meso_frame_decode() - check and read a frame
 * Return (decode): 0, -EINVAL (length, version, reserved bytes, enumeration),
 * -EBADMSG (CRC), -ERANGE (a measurement outside its register's range).
 * @frame is untouched on failure.
 */
void meso_frame_encode(const struct meso_frame *frame, u8 *buf);
int meso_frame_decode(struct meso_frame *frame, const u8 *buf, size_t len);

void meso_arm_encode(const struct meso_lease *arm, u8 *buf);
int meso_arm_decode(struct meso_lease *arm, const u8 *buf, size_t len);

/* received_ns of a shot is the host's and does not cross the wire */
void meso_record_encode(const struct meso_shot *shot, u8 *buf);
int meso_record_decode(struct meso_shot *shot, const u8 *buf, size_t len);

#endif /* MESO_WIRE_H */
