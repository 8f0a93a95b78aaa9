/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What a host asks of a gun by control transfers, and how a gun answers:
 * docs/gun-protocol.md, "Requests".  The same codec for meso_usb.ko, meso-gun
 * and the tests, built on meso_wire.h's messages and with the same promise: a
 * decoder takes nothing that the protocol does not allow, and leaves its result
 * untouched when it refuses.
 */
#ifndef MESO_REQUEST_H
#define MESO_REQUEST_H

#include "meso_wire.h"

/* bRequest.  Those that carry data to the gun are answered by RESULT. */
#define MESO_REQ_INFO		0x01	/* in: what this gun is */
#define MESO_REQ_REGISTERS	0x02	/* in: all registers */
#define MESO_REQ_CONFIGURE	0x03	/* out */
#define MESO_REQ_ARM		0x04	/* out: the arm block */
#define MESO_REQ_HEARTBEAT	0x05	/* out */
#define MESO_REQ_FIRE		0x06	/* out */
#define MESO_REQ_ABORT		0x07	/* out, no data */
#define MESO_REQ_LOG		0x08	/* in: records; wValue: low half of the first's number */
#define MESO_REQ_ACK		0x09	/* out */
#define MESO_REQ_CLEAR		0x0a	/* out */
#define MESO_REQ_RESULT		0x0b	/* in: what became of request wValue */
#define MESO_REQ_END		0x0c

/* Bytes on the wire */
#define MESO_INFO_SIZE		192
#define MESO_REGISTERS_SIZE	336
#define MESO_CONFIGURE_SIZE	64
#define MESO_HEARTBEAT_SIZE	32
#define MESO_FIRE_SIZE		40
#define MESO_ACK_SIZE		32
#define MESO_CLEAR_SIZE		32
#define MESO_RESULT_SIZE	24

/* Results, docs/gun-protocol.md; each stands for one errno */
#define MESO_RESULT_DONE	0	/* 0 */
#define MESO_RESULT_INVALID	1	/* -EINVAL */
#define MESO_RESULT_RANGE	2	/* -ERANGE */
#define MESO_RESULT_STALE	3	/* -ESTALE */
#define MESO_RESULT_BUSY	4	/* -EBUSY */
#define MESO_RESULT_FORBIDDEN	5	/* -EACCES */
#define MESO_RESULT_UNPREPARED	6	/* -ENODATA */
#define MESO_RESULT_FULL	7	/* -ENOSPC */
#define MESO_RESULT_MEMORY	8	/* -EIO */
#define MESO_RESULT_EARLY	9	/* -EAGAIN */
#define MESO_RESULT_DAMAGED	10	/* -EBADMSG */
#define MESO_RESULT_COUNT	11

/*
 * struct meso_result - what became of the newest request of one kind
 * @request: MESO_REQ_*
 * @tag: the wValue it came with
 * @err: 0 or the negative errno that MESO_RESULT_* stands for
 */
struct meso_result {
	u32 request;
	u32 tag;
	int err;
};

/* How many bytes go with this request to the gun; -EINVAL for one that is not
 * the host's to send, or unknown.
 */
int meso_request_out_size(u8 request);

/* journal_size of an info is the host's and does not cross the wire. */
void meso_info_encode(const struct meso_info *info, u8 *buf);
/* -EINVAL also for a text that does not end; what it says is the interlock's to judge */
int meso_info_decode(struct meso_info *info, const u8 *buf, size_t len);

/* Exactly the registers MESO_REG_* in order; their age does not cross the wire. */
void meso_registers_encode(const struct meso_registers *regs, u8 *buf);
/* -ERANGE a value outside its register's range, -EPROTO another magic */
int meso_registers_decode(struct meso_registers *regs, const u8 *buf, size_t len);

void meso_configure_encode(const struct meso_config *config, u8 *buf);
/* Limits are the firmware's to judge. */
int meso_configure_decode(struct meso_config *config, const u8 *buf, size_t len);

void meso_heartbeat_encode(const u8 *lease_id, u8 *buf);
int meso_heartbeat_decode(u8 *lease_id, const u8 *buf, size_t len);

void meso_fire_encode(const struct meso_fire *fire, u8 *buf);
int meso_fire_decode(struct meso_fire *fire, const u8 *buf, size_t len);

void meso_ack_encode(const struct meso_ack *ack, u8 *buf);
int meso_ack_decode(struct meso_ack *ack, const u8 *buf, size_t len);

void meso_clear_encode(const struct meso_clear *clear, u8 *buf);
int meso_clear_decode(struct meso_clear *clear, const u8 *buf, size_t len);

/* An errno that no result stands for travels as MESO_RESULT_INVALID. */
void meso_result_encode(const struct meso_result *result, u8 *buf);
int meso_result_decode(struct meso_result *result, const u8 *buf, size_t len);

/* The record that LOG's @value names, of those from @acked + 1 to @newest: the
 * first whose low 16 bits it is; 0 if there is none.
 */
u64 meso_log_first(u16 value, u64 acked, u64 newest);

#endif /* MESO_REQUEST_H */
