/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes out of org.mesod1.Gun.OpenStream: one of these a message.  See
 * docs/stream.md.  It holds measurements of the gun and nothing about a person.
 */
#ifndef MESO_STREAM_H
#define MESO_STREAM_H

#include <stdint.h>

#define MESO_STREAM_VERSION 1u

/**
 * struct meso_stream_frame - one frame of the gun
 * @version: MESO_STREAM_VERSION; another one is another layout
 * @size: bytes of this message; a later mesod of the same version may add
 *	fields at the end, never change those that are here
 * @seq: number of this frame in this stream, from 1; counts dropped frames too,
 *	so that a gap is what was dropped
 * @dropped: how many frames of this stream were dropped so far, because the
 *	reader was slow or mesod could not keep up
 * @timestamp_ns: CLOCK_BOOTTIME
 * @frame_seq: the gun's frame number
 * @state: MESO_STATE_*
 * @flags: MESO_STATUS_*
 * @plunger_nm: primary encoder
 * @plunger2_nm: second encoder
 * @pressure_pa: fluid pressure
 * @depth_um: needle depth
 * @vacuum_pa: skin vacuum
 * @lease_left_nl: left under the lease
 * @reservoir_nl: left in the syringe
 * @reserved: zero
 */
struct meso_stream_frame {
	uint32_t version;
	uint32_t size;
	uint64_t seq;
	uint64_t dropped;
	uint64_t timestamp_ns;
	uint64_t frame_seq;
	uint32_t state;
	uint32_t flags;
	int32_t plunger_nm;
	int32_t plunger2_nm;
	int32_t pressure_pa;
	uint32_t depth_um;
	int32_t vacuum_pa;
	uint32_t lease_left_nl;
	uint32_t reservoir_nl;
	uint32_t reserved;
};

#endif /* MESO_STREAM_H */
