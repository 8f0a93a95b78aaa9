/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libinjector's `sim` backend and a meso-gun process say to each other.
 *
 * A Unix SOCK_SEQPACKET connection stands for one open file description of
 * /dev/mesoN.  The client says hello; the server answers with a welcome that
 * carries two descriptors:
 *
 *   1. the events: a SEQPACKET socket; each message is one or more whole
 *      records of <linux/meso.h>, as read() of the device would give them;
 *      end of file means that the gun is gone
 *   2. the page: a sealed memory file with the newest snapshot of the gun, so
 *      that a status costs no question
 *
 * After that each request is answered by one reply with the request's number,
 * in order.  A request carries the instant after which nobody waits for it: the
 * server then does nothing and says -ETIMEDOUT, so that what sat in the socket
 * of a frozen simulator never fires late.  DISARM and RELEASE are always done.
 *
 * Same machine, same build of these structures: integers are in host order, and
 * the version must be equal.  Both sides check every length; neither believes
 * the other.
 */
#ifndef INJ_SIM_PROTOCOL_H
#define INJ_SIM_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/meso.h>

#include "latch.h"
#include "meso_lease.h"

#define INJ_SIM_MAGIC   0x4d49536du
#define INJ_SIM_VERSION 1u

#define INJ_SIM_OPEN_TIMEOUT_MS 1000
#define INJ_SIM_TIMEOUT_MS      250

#define INJ_SIM_PAYLOAD_MAX sizeof(struct meso_shots)
#define INJ_SIM_EVENTS_MAX  2048 /* bytes of records in one message */

#define INJ_SIM_HELLO_READ_ONLY (1u << 0)

struct inj_sim_hello {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t reserved;
};

struct inj_sim_welcome {
	uint32_t magic;
	uint32_t version;
	int32_t result; /* 0, or why not: -EPROTO version, -EMFILE too many clients */
	uint32_t page_size;
};

struct inj_sim_request {
	uint64_t number;      /* rising */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	uint32_t op;          /* MESO_IOC_* */
	uint32_t size;        /* of the payload: what the ioctl copies in */
	uint8_t payload[INJ_SIM_PAYLOAD_MAX];
};

struct inj_sim_reply {
	uint64_t number; /* the request's */
	int32_t result;
	uint32_t size; /* of the payload: what the ioctl copies out */
	uint8_t payload[INJ_SIM_PAYLOAD_MAX];
};

#define INJ_SIM_REQUEST_HEAD offsetof(struct inj_sim_request, payload)
#define INJ_SIM_REPLY_HEAD   offsetof(struct inj_sim_reply, payload)

struct inj_sim_page {
	uint32_t magic;
	uint32_t version;
	struct inj_latch latch;
	struct meso_snapshot copies[2];
};

_Static_assert(MESO_REGISTERS_MAX * sizeof(struct meso_register) < INJ_SIM_PAYLOAD_MAX,
	       "every ioctl's argument fits");

#endif /* INJ_SIM_PROTOCOL_H */
