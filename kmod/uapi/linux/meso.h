/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The /dev/mesoN contract: what a program may ask of a mesotherapy injector
 * gun, and what it is told.
 *
 * Units are in the names: _nl nanolitre, _um micrometre, _nm nanometre, _pa
 * pascal (signed, relative to ambient), _ns and _ms time, _mc millidegree
 * Celsius, _mv millivolt, _mhz millihertz.  Every structure is a multiple of
 * eight bytes, has no implicit padding and the same layout for 32-bit callers.
 *
 * Any number of files may be open for writing, and 64 for reading only (then
 * open() fails with -EMFILE): every event goes to every file.
 *
 * Extension is by size: the size encoded in the ioctl number is the caller's.
 * A larger caller must leave what this kernel does not know zero (-E2BIG
 * otherwise); a smaller caller gets and gives what it knows, the rest is zero.
 * Reserved fields must be zero on the way in (-EINVAL) and are zero on the way
 * out.
 */
#ifndef _UAPI_LINUX_MESO_H
#define _UAPI_LINUX_MESO_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Device states, struct meso_status.state */
#define MESO_STATE_IDLE		0	/* disarmed; may be configured and armed */
#define MESO_STATE_ARMED	1	/* a lease is live; the trigger fires */
#define MESO_STATE_FIRING	2	/* the plunger moves under a live lease */
#define MESO_STATE_DISARMING	3	/* stop sent, gun has not confirmed yet */
#define MESO_STATE_FAULT	4	/* disarmed, a latched fault forbids arming */
#define MESO_STATE_STALE	5	/* no fresh frame from the gun; disarmed */
#define MESO_STATE_ASLEEP	6	/* disarmed, and its bus sleeps because nobody uses it */

/* Flags, struct meso_status.flags */
#define MESO_STATUS_VALID	(1u << 0)	/* a frame has been seen at all */
#define MESO_STATUS_FRESH	(1u << 1)	/* newest frame younger than 1 s (100 ms armed) */
#define MESO_STATUS_TRIGGER	(1u << 2)	/* trigger held */
#define MESO_STATUS_PEDAL	(1u << 3)	/* gun's own pedal jack held */
#define MESO_STATUS_CONTACT	(1u << 4)	/* needle plate touches skin */
#define MESO_STATUS_CONTACT_SEEN (1u << 5)	/* contact switch has worked since the gun booted */
#define MESO_STATUS_PRIMED	(1u << 6)	/* fluid path primed with this syringe */
#define MESO_STATUS_MOVING	(1u << 7)	/* plunger in motion */
#define MESO_STATUS_LEASE_OPEN	(1u << 8)	/* the gun itself says its lease is open */
#define MESO_STATUS_OWNED	(1u << 9)	/* some open file is the controller */
#define MESO_STATUS_RECONCILED	(1u << 10)	/* the shot journal covers the gun's log */

/* Faults, bits of struct meso_status.faults; they latch in the gun */
#define MESO_FAULT_OCCLUSION		(1u << 0)
#define MESO_FAULT_AIR			(1u << 1)
#define MESO_FAULT_EMPTY		(1u << 2)
#define MESO_FAULT_OVER_TRAVEL		(1u << 3)
#define MESO_FAULT_ENCODER_MISMATCH	(1u << 4)
#define MESO_FAULT_DEPTH_MISMATCH	(1u << 5)
#define MESO_FAULT_STUCK_TRIGGER	(1u << 6)
#define MESO_FAULT_OVER_TEMPERATURE	(1u << 7)
#define MESO_FAULT_LOW_BATTERY		(1u << 8)
#define MESO_FAULT_HEARTBEAT_LOST	(1u << 9)	/* gun's dead man acted; only informs */
#define MESO_FAULT_OVERRUN		(1u << 10)	/* more delivered than the lease allows */
#define MESO_FAULT_MEMORY		(1u << 11)	/* memory corrupt */
/* Found by the kernel, not by the gun; latched in the kernel until cleared */
#define MESO_FAULT_HOST_OVERRUN		(1u << 16)	/* kernel saw the lease exceeded */
#define MESO_FAULT_HOST_IMPLAUSIBLE	(1u << 17)	/* reports contradict each other */
#define MESO_FAULT_HOST_UNRESPONSIVE	(1u << 18)	/* gun did not obey a stop */
#define MESO_FAULT_HOST_ENCODER		(1u << 19)	/* the two encoders disagree */
#define MESO_FAULT_GUN_MASK		0x00000fffu
#define MESO_FAULT_HOST_MASK		0x000f0000u
#define MESO_FAULT_ALL_MASK		(MESO_FAULT_GUN_MASK | MESO_FAULT_HOST_MASK)

/* Why a lease ended, struct meso_status.lease_end and lease events */
#define MESO_END_NONE		0	/* it has not ended, or there was none */
#define MESO_END_DISARM		1	/* DISARM or RELEASE */
#define MESO_END_SPENT		2	/* volume or shots used up */
#define MESO_END_EXPIRED	3	/* its time ran out */
#define MESO_END_HEARTBEAT	4	/* controller went silent */
#define MESO_END_CLOSE		5	/* controller's last close */
#define MESO_END_SUSPEND	6	/* the machine goes to sleep */
#define MESO_END_FAULT		7	/* a fault in the gun or seen by the kernel */
#define MESO_END_REMOVED	8	/* unplugged */
#define MESO_END_OVERRUN	9	/* the gun exceeded the lease */
#define MESO_END_STALE		10	/* the gun stopped reporting */
#define MESO_END_REBOOT		11	/* the gun restarted under the lease */
#define MESO_END_CONTACT	12	/* skin contact during a prime */
#define MESO_END_RESET		13	/* the bus that the gun is on was reset */

/* Kinds of lease */
#define MESO_KIND_TREAT		0
#define MESO_KIND_PRIME		1

/* Modes, struct meso_config.mode */
#define MESO_MODE_SINGLE	0	/* one shot for each press */
#define MESO_MODE_REPEAT	1	/* shots at rate_mhz while held (nappage) */

/* Capabilities, struct meso_info.capabilities */
#define MESO_CAP_SECOND_ENCODER	(1u << 0)
#define MESO_CAP_CONTACT	(1u << 1)
#define MESO_CAP_VACUUM		(1u << 2)
#define MESO_CAP_PRESSURE	(1u << 3)
#define MESO_CAP_CARTRIDGE_ID	(1u << 4)
#define MESO_CAP_REPEAT		(1u << 5)
#define MESO_CAP_ALL_MASK	0x3fu

/* Results of a shot, struct meso_shot.result */
#define MESO_SHOT_COMPLETE	0	/* asked volume reached */
#define MESO_SHOT_STOPPED	1	/* ended early by a stop, release or lost contact */
#define MESO_SHOT_FAULT		2	/* ended early by a fault */
#define MESO_SHOT_UNKNOWN	3	/* power was lost on the way: delivered = asked */

#define MESO_SERIAL_LEN		32	/* with terminating NUL; [A-Za-z0-9._-] */
#define MESO_MODEL_LEN		32
#define MESO_FIRMWARE_LEN	16
#define MESO_LEASE_ID_LEN	16

#define MESO_HEARTBEAT_MIN_MS	50
#define MESO_HEARTBEAT_MAX_MS	300
#define MESO_EXPIRY_MAX_MS	600000
#define MESO_RATE_MAX_MHZ	9000

/**
 * struct meso_info - what this gun is; constant while it is plugged in, but for
 *	what says otherwise and for @epoch and @boot_id, which a restart of the gun
 *	under a host that stays changes
 * @serial: serial number, NUL-terminated and NUL-padded
 * @model: model name
 * @firmware: firmware version
 * @epoch: counter epoch: random, in the gun's non-volatile memory, renewed if
 *	that memory is ever reset
 * @boot_id: random, new each time the gun powers up
 * @capabilities: MESO_CAP_*
 * @hardware_version: board revision
 * @dose_min_nl: least dose per shot
 * @dose_max_nl: largest dose per shot
 * @dose_step_nl: doses are whole multiples of this
 * @depth_max_um: greatest needle depth
 * @capacity_max_nl: largest syringe
 * @rate_max_mhz: fastest shot rate, shots per 1000 s
 * @lease_max_nl: largest volume of one lease
 * @lease_max_shots: most shots of one lease
 * @journal_size: shot records that fit in the kernel's journal
 * @gun_log_size: shot records that fit in the gun's own log
 * @pressure_max_pa: absolute pressure at which the gun stops by itself
 * @last_sequence: highest lease sequence that the gun has accepted, at the
 *	time of the call; a lease must carry a higher one
 * @overshoot_nl: the most that can be delivered beyond a lease with the
 *	present configuration, struct meso_config included; see
 *	docs/gun-protocol.md, "Overshoot bound"
 * @reserved: zero
 */
struct meso_info {
	char  serial[MESO_SERIAL_LEN];
	char  model[MESO_MODEL_LEN];
	char  firmware[MESO_FIRMWARE_LEN];
	__u64 epoch;
	__u64 boot_id;
	__u32 capabilities;
	__u32 hardware_version;
	__u32 dose_min_nl;
	__u32 dose_max_nl;
	__u32 dose_step_nl;
	__u32 depth_max_um;
	__u32 capacity_max_nl;
	__u32 rate_max_mhz;
	__u32 lease_max_nl;
	__u32 lease_max_shots;
	__u32 journal_size;
	__u32 gun_log_size;
	__s32 pressure_max_pa;
	__u32 overshoot_nl;
	__u64 last_sequence;
	__u64 reserved[4];
};

/**
 * struct meso_host_mark - head of the ledger's hash chain, left in the gun
 * @ledger: UUID of the ledger
 * @sequence: number of the chain's newest record
 * @head: first 16 bytes of that record's hash
 */
struct meso_host_mark {
	__u8  ledger[16];
	__u64 sequence;
	__u8  head[16];
};

/**
 * struct meso_status - one coherent snapshot, from the newest frame
 * @frame_ns: when the frame was received, CLOCK_MONOTONIC
 * @age_ns: how long ago that was at the time of the call
 * @frame_seq: the gun's frame number
 * @state: MESO_STATE_*
 * @flags: MESO_STATUS_*
 * @faults: MESO_FAULT_*, gun's and kernel's
 * @fault_counter: low half of the fault generation (with @boot_id), rises
 *	with each new fault
 * @boot_id: the gun's boot id
 * @plunger_nm: plunger position, primary encoder, 0 to 61,000,000
 * @plunger2_nm: the same from the second, independent encoder
 * @target_nm: where the plunger is driven to
 * @depth_um: actual needle depth
 * @depth_set_um: configured needle depth
 * @pressure_pa: fluid pressure, -100,000 to 1,000,000
 * @pressure_limit_pa: occlusion limit in force
 * @vacuum_pa: skin vacuum, -90,000 to 0
 * @reservoir_nl: fluid left in the syringe
 * @battery_percent: 0 to 100
 * @battery_mv: battery voltage
 * @temperature_mc: gun temperature
 * @shot_count: shots ever fired in this epoch (number of the newest shot)
 * @total_nl: volume ever delivered in this epoch
 * @cartridge_id: 0 when none is inserted
 * @lease_id: newest lease, all zero when none since the gun was registered
 * @lease_sequence: its sequence
 * @lease_left_nl: what may still be delivered under it, the smaller of the
 *	gun's and the kernel's account
 * @lease_shots_left: likewise in shots
 * @lease_end: MESO_END_*; MESO_END_NONE while it is live
 * @lease_left_ms: until it expires, 0 when it has ended
 * @dose_nl: configured dose per shot
 * @journal_first: number of the oldest unacknowledged shot record, 0 if none
 * @journal_count: unacknowledged shot records
 * @mode: MESO_MODE_*
 * @rate_mhz: configured shot rate
 * @bore_um: configured syringe bore
 * @capacity_nl: configured syringe capacity
 * @reserved: zero
 */
struct meso_status {
	__u64 frame_ns;
	__u64 age_ns;
	__u64 frame_seq;
	__u32 state;
	__u32 flags;
	__u32 faults;
	__u32 fault_counter;
	__u64 boot_id;
	__s32 plunger_nm;
	__s32 plunger2_nm;
	__s32 target_nm;
	__u32 depth_um;
	__u32 depth_set_um;
	__s32 pressure_pa;
	__s32 pressure_limit_pa;
	__s32 vacuum_pa;
	__u32 reservoir_nl;
	__u32 battery_percent;
	__u32 battery_mv;
	__s32 temperature_mc;
	__u64 shot_count;
	__u64 total_nl;
	__u64 cartridge_id;
	__u8  lease_id[MESO_LEASE_ID_LEN];
	__u64 lease_sequence;
	__u32 lease_left_nl;
	__u32 lease_shots_left;
	__u32 lease_end;
	__u32 lease_left_ms;
	__u64 journal_first;
	__u32 journal_count;
	__u32 dose_nl;
	__u32 mode;
	__u32 rate_mhz;
	__u32 bore_um;
	__u32 capacity_nl;
	__u64 reserved[4];
};

/* Register ids, struct meso_register.id.  Values are sign-extended to 64 bit. */
#define MESO_REG_MAGIC			0x00
#define MESO_REG_HARDWARE_VERSION	0x01
#define MESO_REG_FIRMWARE_VERSION	0x02	/* major << 16 | minor << 8 | patch */
#define MESO_REG_EPOCH			0x03
#define MESO_REG_BOOT_ID		0x04
#define MESO_REG_CAPABILITIES		0x05
#define MESO_REG_PLUNGER_NM		0x06
#define MESO_REG_PLUNGER2_NM		0x07
#define MESO_REG_TARGET_NM		0x08
#define MESO_REG_BORE_UM		0x09
#define MESO_REG_CAPACITY_NL		0x0a
#define MESO_REG_CARTRIDGE_ID		0x0b
#define MESO_REG_RESERVOIR_NL		0x0c
#define MESO_REG_DOSE_NL		0x0d
#define MESO_REG_DEPTH_SET_UM		0x0e
#define MESO_REG_DEPTH_UM		0x0f
#define MESO_REG_PRESSURE_PA		0x10
#define MESO_REG_PRESSURE_LIMIT_PA	0x11
#define MESO_REG_VACUUM_PA		0x12
#define MESO_REG_MODE			0x13
#define MESO_REG_RATE_MHZ		0x14
#define MESO_REG_SHOT_COUNT		0x15
#define MESO_REG_TOTAL_NL		0x16
#define MESO_REG_TEMPERATURE_MC		0x17
#define MESO_REG_BATTERY_PERCENT	0x18
#define MESO_REG_BATTERY_MV		0x19
#define MESO_REG_STATUS			0x1a	/* MESO_STATUS_* that the gun knows */
#define MESO_REG_FAULTS			0x1b
#define MESO_REG_FAULT_COUNTER		0x1c
#define MESO_REG_LEASE_LEFT_NL		0x1d
#define MESO_REG_LEASE_SHOTS_LEFT	0x1e
#define MESO_REG_LAST_SEQUENCE		0x1f
#define MESO_REG_LOG_ACKED		0x20	/* newest shot number the host has acknowledged */
#define MESO_REG_MARK_SEQUENCE		0x21	/* host mark */
#define MESO_REG_COUNT			0x22

#define MESO_MAGIC			0x4f53454dULL	/* "MESO" */

/**
 * struct meso_register - one of the gun's registers
 * @id: MESO_REG_*
 * @flags: zero
 * @value: its value, sign-extended
 * @age_ns: age of the value
 */
struct meso_register {
	__u32 id;
	__u32 flags;
	__u64 value;
	__u64 age_ns;
};

#define MESO_REGISTERS_MAX		64

/**
 * struct meso_registers - all registers at once, from the cache
 * @count: out: how many entries of @reg are valid
 * @reserved: zero
 * @mark: the host mark that the gun holds
 * @reg: the registers, in order of id
 */
struct meso_registers {
	__u32 count;
	__u32 reserved;
	struct meso_host_mark mark;
	struct meso_register reg[MESO_REGISTERS_MAX];
};

/* Event types, struct meso_event.type, and bits 1 << type of a mask */
#define MESO_EVENT_STATE	0	/* value: u32 new state, u32 old state */
#define MESO_EVENT_TRIGGER	1	/* value: 1 pressed, 0 released */
#define MESO_EVENT_CONTACT	2	/* value: 1 made, 0 lost */
#define MESO_EVENT_SHOT		3	/* struct meso_event_shot */
#define MESO_EVENT_FAULT	4	/* struct meso_event_fault */
#define MESO_EVENT_LEASE	5	/* struct meso_event_lease */
#define MESO_EVENT_SAMPLE	6	/* struct meso_event_sample */
#define MESO_EVENT_OVERFLOW	7	/* value: records lost; always enabled */
#define MESO_EVENT_REMOVED	8	/* the last record; always enabled */
#define MESO_EVENT_TYPES	9
#define MESO_EVENT_DEFAULT_MASK	0x1bfu	/* all but sample */
#define MESO_EVENT_ALL_MASK	0x1ffu

#define MESO_CLOCK_MONOTONIC	0
#define MESO_CLOCK_BOOTTIME	1

#define MESO_QUEUE_DEFAULT	64
#define MESO_QUEUE_MIN		8
#define MESO_QUEUE_MAX		4096

/**
 * struct meso_event - head of every record that read() returns
 * @type: MESO_EVENT_*; skip by @size what you do not know
 * @size: of the whole record, a multiple of 8
 * @seq: number of this record for this file, without gaps but for overflow
 * @gun_seq: number of the event for this gun, the same for every reader
 * @timestamp_ns: in the clock chosen with MESO_IOC_SET_EVENTS
 * @value: by type
 */
struct meso_event {
	__u32 type;
	__u32 size;
	__u64 seq;
	__u64 gun_seq;
	__u64 timestamp_ns;
	__u64 value[2];
};

/**
 * struct meso_shot - one shot, as recorded by the gun
 * @epoch: counter epoch
 * @number: of the shot, from 1, without gaps in an epoch
 * @lease_id: under which lease
 * @asked_nl: configured dose
 * @reported_nl: what the gun says was delivered
 * @displaced_nl: what plunger displacement says, from the first encoder
 * @displaced2_nl: likewise from the second encoder
 * @depth_um: actual depth at the start
 * @peak_pa: highest pressure
 * @result: MESO_SHOT_*
 * @kind: MESO_KIND_*
 * @flags: MESO_STATUS_CONTACT if there was contact at any time of the shot
 * @total_nl: the gun's total counter after this shot
 * @duration_us: plunger moving
 * @reserved: zero
 * @received_ns: when the kernel learnt of it, CLOCK_BOOTTIME
 */
struct meso_shot {
	__u64 epoch;
	__u64 number;
	__u8  lease_id[MESO_LEASE_ID_LEN];
	__u32 asked_nl;
	__u32 reported_nl;
	__u32 displaced_nl;
	__u32 displaced2_nl;
	__u32 depth_um;
	__s32 peak_pa;
	__u32 result;
	__u32 kind;
	__u32 flags;
	__u32 duration_us;
	__u64 total_nl;
	__u64 received_ns;
	__u64 reserved;
};

/** struct meso_event_shot - a shot has been recorded */
struct meso_event_shot {
	struct meso_event head;
	struct meso_shot shot;
};

/**
 * struct meso_event_fault - the set of faults changed
 * @head: value[0] is the new set, value[1] the old one
 * @boot_id: with @counter, the generation
 * @counter: with @boot_id, the generation
 * @reserved: zero
 */
struct meso_event_fault {
	struct meso_event head;
	__u64 boot_id;
	__u32 counter;
	__u32 reserved;
};

/**
 * struct meso_event_lease - a lease began, ended, or was confirmed closed
 * @head: value[0] is MESO_END_* (NONE: it began), value[1] is 1 once the gun
 *	itself has confirmed that the lease is closed
 * @lease_id: which
 * @sequence: its sequence
 * @left_nl: what had not been delivered
 * @shots_left: likewise
 */
struct meso_event_lease {
	struct meso_event head;
	__u8  lease_id[MESO_LEASE_ID_LEN];
	__u64 sequence;
	__u32 left_nl;
	__u32 shots_left;
};

/**
 * struct meso_event_sample - one frame
 * @head: value[0] is the frame number, value[1] the MESO_STATUS_* flags
 * @plunger_nm: primary encoder
 * @plunger2_nm: second encoder
 * @pressure_pa: fluid pressure
 * @depth_um: needle depth
 * @vacuum_pa: skin vacuum
 * @lease_left_nl: left under the lease
 * @reservoir_nl: left in the syringe
 * @state: MESO_STATE_*
 */
struct meso_event_sample {
	struct meso_event head;
	__s32 plunger_nm;
	__s32 plunger2_nm;
	__s32 pressure_pa;
	__u32 depth_um;
	__s32 vacuum_pa;
	__u32 lease_left_nl;
	__u32 reservoir_nl;
	__u32 state;
};

#define MESO_EVENT_MAX_SIZE	(sizeof(struct meso_event_shot))

/**
 * struct meso_event_config - in: wanted; out: granted
 * @mask: bits 1 << MESO_EVENT_*; overflow and removed are always added
 * @clock: MESO_CLOCK_*
 * @depth: queue depth in records, MESO_QUEUE_MIN to MESO_QUEUE_MAX; 0 keeps
 *	the present one.  Records already queued are kept if they fit; what
 *	does not is counted in an overflow record.
 * @reserved: zero
 */
struct meso_event_config {
	__u32 mask;
	__u32 clock;
	__u32 depth;
	__u32 reserved;
};

/**
 * struct meso_config - what a shot is
 * @bore_um: syringe bore, 1,000 to 20,000
 * @capacity_nl: syringe capacity, 100,000 to meso_info.capacity_max_nl
 * @dose_nl: volume per shot, dose_min_nl to dose_max_nl, whole steps (-EINVAL
 *	off the step, -ERANGE out of bounds)
 * @depth_um: needle depth, 0 to depth_max_um
 * @mode: MESO_MODE_*
 * @rate_mhz: shots per 1000 s in repeat mode, 100 to rate_max_mhz
 * @viscosity_upas: fluid viscosity, micropascal second, 500 to 50,000; the
 *	gun's occlusion limit and speed rest on it
 * @needle_um: needle's inner diameter, 50 to 500
 * @needle_length_um: needle length, 1,000 to 20,000
 * @needles: 1 to 9
 * @reserved: zero
 */
struct meso_config {
	__u32 bore_um;
	__u32 capacity_nl;
	__u32 dose_nl;
	__u32 depth_um;
	__u32 mode;
	__u32 rate_mhz;
	__u32 viscosity_upas;
	__u32 needle_um;
	__u32 needle_length_um;
	__u32 needles;
	__u64 reserved[3];
};

/**
 * struct meso_lease - permission to deliver, within bounds
 * @id: 128 bits, never used before; carries the ledger's UUID: the first 8
 *	bytes are the ledger's, the last 8 are random
 * @sequence: strictly greater than any the gun has accepted (-ESTALE)
 * @boot_id: the gun's boot id that the caller saw (-ESTALE)
 * @volume_nl: the most that may be delivered, 1 to lease_max_nl
 * @shots: the most shots, 1 to lease_max_shots (-ENOSPC when the journal or
 *	the gun's log has not that many free slots)
 * @kind: MESO_KIND_*
 * @min_interval_ms: least time from the start of a shot to the next start, at
 *	least 1,000,000 / rate_max_mhz
 * @expiry_ms: the lease ends after that, 1 to MESO_EXPIRY_MAX_MS
 * @heartbeat_ms: and when no heartbeat came for that long,
 *	MESO_HEARTBEAT_MIN_MS to MESO_HEARTBEAT_MAX_MS
 * @reserved: zero
 * @mark: left in the gun with the lease
 */
struct meso_lease {
	__u8  id[MESO_LEASE_ID_LEN];
	__u64 sequence;
	__u64 boot_id;
	__u32 volume_nl;
	__u32 shots;
	__u32 kind;
	__u32 min_interval_ms;
	__u32 expiry_ms;
	__u32 heartbeat_ms;
	struct meso_host_mark mark;
	__u64 reserved[2];
};

/** struct meso_lease_ref - names a live lease; another one is -ESTALE */
struct meso_lease_ref {
	__u8  id[MESO_LEASE_ID_LEN];
};

/**
 * struct meso_fire - pull the trigger from here (a pedal)
 * @id: the live lease
 * @expect: the number that this shot will have, so that a repeated call is
 *	-ESTALE and never a second shot
 */
struct meso_fire {
	__u8  id[MESO_LEASE_ID_LEN];
	__u64 expect;
};

#define MESO_SHOTS_MAX		32

/**
 * struct meso_shots - read unacknowledged shot records
 * @from: in: first number wanted, 0 for the oldest
 * @count: out: how many entries of @shot are valid
 * @remaining: out: how many more there are after these
 * @shot: records in rising order of number
 */
struct meso_shots {
	__u64 from;
	__u32 count;
	__u32 remaining;
	struct meso_shot shot[MESO_SHOTS_MAX];
};

/**
 * struct meso_ack - forget shot records; only after they are committed
 * @epoch: must be the gun's (-ESTALE)
 * @upto: newest number that is safe elsewhere; above the journal -ERANGE
 */
struct meso_ack {
	__u64 epoch;
	__u64 upto;
};

/**
 * struct meso_clear - clear latched faults
 * @mask: which, MESO_FAULT_*
 * @counter: generation seen (-ESTALE if a newer fault exists)
 * @boot_id: generation seen
 */
struct meso_clear {
	__u32 mask;
	__u32 counter;
	__u64 boot_id;
};

#define MESO_IOC_MAGIC		0xBD
#define MESO_IOC_GET_INFO	_IOR(MESO_IOC_MAGIC, 0x00, struct meso_info)
#define MESO_IOC_GET_STATUS	_IOR(MESO_IOC_MAGIC, 0x01, struct meso_status)
#define MESO_IOC_GET_REGISTERS	_IOR(MESO_IOC_MAGIC, 0x02, struct meso_registers)
#define MESO_IOC_SET_EVENTS	_IOWR(MESO_IOC_MAGIC, 0x03, struct meso_event_config)
#define MESO_IOC_ACQUIRE	_IO(MESO_IOC_MAGIC, 0x04)
#define MESO_IOC_RELEASE	_IO(MESO_IOC_MAGIC, 0x05)
#define MESO_IOC_CONFIGURE	_IOW(MESO_IOC_MAGIC, 0x06, struct meso_config)
#define MESO_IOC_ARM		_IOW(MESO_IOC_MAGIC, 0x07, struct meso_lease)
#define MESO_IOC_HEARTBEAT	_IOW(MESO_IOC_MAGIC, 0x08, struct meso_lease_ref)
#define MESO_IOC_FIRE		_IOW(MESO_IOC_MAGIC, 0x09, struct meso_fire)
#define MESO_IOC_DISARM		_IO(MESO_IOC_MAGIC, 0x0a)
#define MESO_IOC_GET_SHOTS	_IOWR(MESO_IOC_MAGIC, 0x0b, struct meso_shots)
#define MESO_IOC_ACK_SHOTS	_IOW(MESO_IOC_MAGIC, 0x0c, struct meso_ack)
#define MESO_IOC_CLEAR_FAULTS	_IOW(MESO_IOC_MAGIC, 0x0d, struct meso_clear)

#endif /* _UAPI_LINUX_MESO_H */
