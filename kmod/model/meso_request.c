// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The codec of requests and answers: see meso_request.h.  It decides nothing;
 * what a request does is the firmware's, what an answer means the interlock's.
 */
#include "meso_request.h"
#include "meso_wire_internal.h"

#define KIND_INFO	0x4953454dU	/* "MESI" */
#define KIND_REGISTERS	0x5653454dU	/* "MESV" */
#define KIND_CONFIGURE	0x4353454dU	/* "MESC" */
#define KIND_HEARTBEAT	0x4853454dU	/* "MESH" */
#define KIND_FIRE	0x5853454dU	/* "MESX" */
#define KIND_ACK	0x4b53454dU	/* "MESK" */
#define KIND_CLEAR	0x4c53454dU	/* "MESL" */
#define KIND_RESULT	0x5453454dU	/* "MEST" */

int meso_request_out_size(u8 request)
{
	switch (request) {
	case MESO_REQ_CONFIGURE:
		return MESO_CONFIGURE_SIZE;
	case MESO_REQ_ARM:
		return MESO_ARM_SIZE;
	case MESO_REQ_HEARTBEAT:
		return MESO_HEARTBEAT_SIZE;
	case MESO_REQ_FIRE:
		return MESO_FIRE_SIZE;
	case MESO_REQ_ABORT:
		return 0;
	case MESO_REQ_ACK:
		return MESO_ACK_SIZE;
	case MESO_REQ_CLEAR:
		return MESO_CLEAR_SIZE;
	}
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(meso_request_out_size);

/* ---- what the gun is ---------------------------------------------------------- */

#define INFO_USED	164

void meso_info_encode(const struct meso_info *info, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_INFO, MESO_INFO_SIZE);

	put_bytes(&p, info->serial, sizeof(info->serial));
	put_bytes(&p, info->model, sizeof(info->model));
	put_bytes(&p, info->firmware, sizeof(info->firmware));
	put64(&p, info->epoch);
	put64(&p, info->boot_id);
	put32(&p, info->capabilities);
	put32(&p, info->hardware_version);
	put32(&p, info->dose_min_nl);
	put32(&p, info->dose_max_nl);
	put32(&p, info->dose_step_nl);
	put32(&p, info->depth_max_um);
	put32(&p, info->capacity_max_nl);
	put32(&p, info->rate_max_mhz);
	put32(&p, info->lease_max_nl);
	put32(&p, info->lease_max_shots);
	put32(&p, info->gun_log_size);
	put32(&p, (u32)info->pressure_max_pa);
	put32(&p, info->overshoot_nl);
	put64(&p, info->last_sequence);
	meso_message_close(buf, MESO_INFO_SIZE);
}
EXPORT_SYMBOL_GPL(meso_info_encode);

/* It ends, and nothing stands behind its end. */
static bool text_ends(const char *text, size_t size)
{
	size_t i = 0;

	while (i < size && text[i])
		i++;
	if (i == size)
		return false;
	while (i < size && !text[i])
		i++;
	return i == size;
}

int meso_info_decode(struct meso_info *info, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	struct meso_info i;
	int r;

	r = meso_message_check(buf, len, KIND_INFO, MESO_INFO_SIZE, INFO_USED);
	if (r)
		return r;
	memset(&i, 0, sizeof(i));
	get_bytes(&p, i.serial, sizeof(i.serial));
	get_bytes(&p, i.model, sizeof(i.model));
	get_bytes(&p, i.firmware, sizeof(i.firmware));
	i.epoch = get64(&p);
	i.boot_id = get64(&p);
	i.capabilities = get32(&p);
	i.hardware_version = get32(&p);
	i.dose_min_nl = get32(&p);
	i.dose_max_nl = get32(&p);
	i.dose_step_nl = get32(&p);
	i.depth_max_um = get32(&p);
	i.capacity_max_nl = get32(&p);
	i.rate_max_mhz = get32(&p);
	i.lease_max_nl = get32(&p);
	i.lease_max_shots = get32(&p);
	i.gun_log_size = get32(&p);
	i.pressure_max_pa = get_s32(&p);
	i.overshoot_nl = get32(&p);
	i.last_sequence = get64(&p);
	if (!text_ends(i.serial, sizeof(i.serial)) || !text_ends(i.model, sizeof(i.model)) ||
	    !text_ends(i.firmware, sizeof(i.firmware)))
		return -EINVAL;
	*info = i;
	return 0;
}
EXPORT_SYMBOL_GPL(meso_info_decode);

#define REGISTERS_USED	(8 + 8 + 40 + 8 * MESO_REG_COUNT)

/* docs/gun-protocol.md, "Registers".  Those of 64 bits that may be anything are
 * not here: their bounds are both zero.
 */
static const struct {
	s64 low;
	s64 high;
} ranges[MESO_REG_COUNT] = {
	[MESO_REG_HARDWARE_VERSION] = { 0, U32_MAX },
	[MESO_REG_FIRMWARE_VERSION] = { 0, U32_MAX },
	[MESO_REG_CAPABILITIES] = { 0, MESO_CAP_ALL_MASK },
	[MESO_REG_PLUNGER_NM] = { 0, 61000000 },
	[MESO_REG_PLUNGER2_NM] = { 0, 61000000 },
	[MESO_REG_TARGET_NM] = { 0, 61000000 },
	[MESO_REG_BORE_UM] = { 0, 20000 },
	[MESO_REG_CAPACITY_NL] = { 0, 10000000 },
	[MESO_REG_RESERVOIR_NL] = { 0, 10000000 },
	[MESO_REG_DOSE_NL] = { 0, 200000 },
	[MESO_REG_DEPTH_SET_UM] = { 0, 13000 },
	[MESO_REG_DEPTH_UM] = { 0, 13000 },
	[MESO_REG_PRESSURE_PA] = { -100000, 1000000 },
	[MESO_REG_PRESSURE_LIMIT_PA] = { 0, 1000000 },
	[MESO_REG_VACUUM_PA] = { -90000, 0 },
	[MESO_REG_MODE] = { 0, MESO_MODE_REPEAT },
	[MESO_REG_RATE_MHZ] = { 0, MESO_RATE_MAX_MHZ },
	[MESO_REG_TEMPERATURE_MC] = { -40000, 125000 },
	[MESO_REG_BATTERY_PERCENT] = { 0, 100 },
	[MESO_REG_BATTERY_MV] = { 0, 20000 },
	[MESO_REG_STATUS] = { 0, 0x1ff },
	[MESO_REG_FAULTS] = { 0, MESO_FAULT_GUN_MASK },
	[MESO_REG_FAULT_COUNTER] = { 0, U32_MAX },
	[MESO_REG_LEASE_LEFT_NL] = { 0, U32_MAX },
	[MESO_REG_LEASE_SHOTS_LEFT] = { 0, U32_MAX },
};

void meso_registers_encode(const struct meso_registers *regs, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_REGISTERS, MESO_REGISTERS_SIZE);
	u32 i;

	put32(&p, MESO_REG_COUNT);
	put32(&p, 0);
	put_bytes(&p, regs->mark.ledger, sizeof(regs->mark.ledger));
	put64(&p, regs->mark.sequence);
	put_bytes(&p, regs->mark.head, sizeof(regs->mark.head));
	for (i = 0; i < MESO_REG_COUNT; i++)
		put64(&p, regs->reg[i].value);
	meso_message_close(buf, MESO_REGISTERS_SIZE);
}
EXPORT_SYMBOL_GPL(meso_registers_encode);

static int check_values(const u8 *p)
{
	u32 id;

	for (id = 0; id < MESO_REG_COUNT; id++) {
		u64 value = get64(&p);

		if (id == MESO_REG_MAGIC && value != MESO_MAGIC)
			return -EPROTO;
		if ((ranges[id].low || ranges[id].high) &&
		    !between((s64)value, ranges[id].low, ranges[id].high))
			return -ERANGE;
	}
	return 0;
}

int meso_registers_decode(struct meso_registers *regs, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	u32 id;
	int r;

	r = meso_message_check(buf, len, KIND_REGISTERS, MESO_REGISTERS_SIZE, REGISTERS_USED);
	if (r)
		return r;
	if (get32(&p) != MESO_REG_COUNT || get32(&p))
		return -EINVAL;
	r = check_values(p + sizeof(regs->mark));
	if (r)
		return r;
	memset(regs, 0, sizeof(*regs));
	regs->count = MESO_REG_COUNT;
	get_bytes(&p, regs->mark.ledger, sizeof(regs->mark.ledger));
	regs->mark.sequence = get64(&p);
	get_bytes(&p, regs->mark.head, sizeof(regs->mark.head));
	for (id = 0; id < MESO_REG_COUNT; id++) {
		regs->reg[id].id = id;
		regs->reg[id].value = get64(&p);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(meso_registers_decode);

/* ---- what the host wants --------------------------------------------------------- */

#define CONFIGURE_USED	48

void meso_configure_encode(const struct meso_config *config, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_CONFIGURE, MESO_CONFIGURE_SIZE);

	put32(&p, config->bore_um);
	put32(&p, config->capacity_nl);
	put32(&p, config->dose_nl);
	put32(&p, config->depth_um);
	put32(&p, config->mode);
	put32(&p, config->rate_mhz);
	put32(&p, config->viscosity_upas);
	put32(&p, config->needle_um);
	put32(&p, config->needle_length_um);
	put32(&p, config->needles);
	meso_message_close(buf, MESO_CONFIGURE_SIZE);
}
EXPORT_SYMBOL_GPL(meso_configure_encode);

int meso_configure_decode(struct meso_config *config, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	struct meso_config c;
	int r;

	r = meso_message_check(buf, len, KIND_CONFIGURE, MESO_CONFIGURE_SIZE, CONFIGURE_USED);
	if (r)
		return r;
	memset(&c, 0, sizeof(c));
	c.bore_um = get32(&p);
	c.capacity_nl = get32(&p);
	c.dose_nl = get32(&p);
	c.depth_um = get32(&p);
	c.mode = get32(&p);
	c.rate_mhz = get32(&p);
	c.viscosity_upas = get32(&p);
	c.needle_um = get32(&p);
	c.needle_length_um = get32(&p);
	c.needles = get32(&p);
	if (c.mode > MESO_MODE_REPEAT)
		return -EINVAL;
	*config = c;
	return 0;
}
EXPORT_SYMBOL_GPL(meso_configure_decode);

#define HEARTBEAT_USED	24

void meso_heartbeat_encode(const u8 *lease_id, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_HEARTBEAT, MESO_HEARTBEAT_SIZE);

	put_bytes(&p, lease_id, MESO_LEASE_ID_LEN);
	meso_message_close(buf, MESO_HEARTBEAT_SIZE);
}
EXPORT_SYMBOL_GPL(meso_heartbeat_encode);

int meso_heartbeat_decode(u8 *lease_id, const u8 *buf, size_t len)
{
	int r = meso_message_check(buf, len, KIND_HEARTBEAT, MESO_HEARTBEAT_SIZE, HEARTBEAT_USED);

	if (!r)
		memcpy(lease_id, buf + 8, MESO_LEASE_ID_LEN);
	return r;
}
EXPORT_SYMBOL_GPL(meso_heartbeat_decode);

#define FIRE_USED	32

void meso_fire_encode(const struct meso_fire *fire, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_FIRE, MESO_FIRE_SIZE);

	put_bytes(&p, fire->id, sizeof(fire->id));
	put64(&p, fire->expect);
	meso_message_close(buf, MESO_FIRE_SIZE);
}
EXPORT_SYMBOL_GPL(meso_fire_encode);

int meso_fire_decode(struct meso_fire *fire, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	int r;

	r = meso_message_check(buf, len, KIND_FIRE, MESO_FIRE_SIZE, FIRE_USED);
	if (r)
		return r;
	get_bytes(&p, fire->id, sizeof(fire->id));
	fire->expect = get64(&p);
	return 0;
}
EXPORT_SYMBOL_GPL(meso_fire_decode);

#define ACK_USED	24

void meso_ack_encode(const struct meso_ack *ack, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_ACK, MESO_ACK_SIZE);

	put64(&p, ack->epoch);
	put64(&p, ack->upto);
	meso_message_close(buf, MESO_ACK_SIZE);
}
EXPORT_SYMBOL_GPL(meso_ack_encode);

int meso_ack_decode(struct meso_ack *ack, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	int r;

	r = meso_message_check(buf, len, KIND_ACK, MESO_ACK_SIZE, ACK_USED);
	if (r)
		return r;
	ack->epoch = get64(&p);
	ack->upto = get64(&p);
	return 0;
}
EXPORT_SYMBOL_GPL(meso_ack_decode);

#define CLEAR_USED	24

void meso_clear_encode(const struct meso_clear *clear, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_CLEAR, MESO_CLEAR_SIZE);

	put32(&p, clear->mask);
	put32(&p, clear->counter);
	put64(&p, clear->boot_id);
	meso_message_close(buf, MESO_CLEAR_SIZE);
}
EXPORT_SYMBOL_GPL(meso_clear_encode);

int meso_clear_decode(struct meso_clear *clear, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	int r;

	r = meso_message_check(buf, len, KIND_CLEAR, MESO_CLEAR_SIZE, CLEAR_USED);
	if (r)
		return r;
	clear->mask = get32(&p);
	clear->counter = get32(&p);
	clear->boot_id = get64(&p);
	return 0;
}
EXPORT_SYMBOL_GPL(meso_clear_decode);

/* ---- what became of it ------------------------------------------------------------- */

#define RESULT_USED	20

/* An errno has another number on another machine: it travels as a number of its own. */
static const int errors[MESO_RESULT_COUNT] = {
	[MESO_RESULT_DONE] = 0,
	[MESO_RESULT_INVALID] = -EINVAL,
	[MESO_RESULT_RANGE] = -ERANGE,
	[MESO_RESULT_STALE] = -ESTALE,
	[MESO_RESULT_BUSY] = -EBUSY,
	[MESO_RESULT_FORBIDDEN] = -EACCES,
	[MESO_RESULT_UNPREPARED] = -ENODATA,
	[MESO_RESULT_FULL] = -ENOSPC,
	[MESO_RESULT_MEMORY] = -EIO,
	[MESO_RESULT_EARLY] = -EAGAIN,
	[MESO_RESULT_DAMAGED] = -EBADMSG,
};

void meso_result_encode(const struct meso_result *result, u8 *buf)
{
	u8 *p = meso_message_open(buf, KIND_RESULT, MESO_RESULT_SIZE);
	u32 code = MESO_RESULT_INVALID;
	u32 i;

	for (i = 0; i < MESO_RESULT_COUNT; i++)
		if (errors[i] == result->err)
			code = i;
	put32(&p, result->request);
	put32(&p, result->tag);
	put32(&p, code);
	meso_message_close(buf, MESO_RESULT_SIZE);
}
EXPORT_SYMBOL_GPL(meso_result_encode);

int meso_result_decode(struct meso_result *result, const u8 *buf, size_t len)
{
	const u8 *p = buf + 8;
	u32 request;
	u32 code;
	u32 tag;
	int r;

	r = meso_message_check(buf, len, KIND_RESULT, MESO_RESULT_SIZE, RESULT_USED);
	if (r)
		return r;
	request = get32(&p);
	tag = get32(&p);
	code = get32(&p);
	if (!request || request >= MESO_REQ_END || tag > 0xffff || code >= MESO_RESULT_COUNT)
		return -EINVAL;
	result->request = request;
	result->tag = tag;
	result->err = errors[code];
	return 0;
}
EXPORT_SYMBOL_GPL(meso_result_decode);

u64 meso_log_first(u16 value, u64 acked, u64 newest)
{
	u64 first = acked + 1;
	u64 number = first + (u16)(value - (u16)first);

	return first && number <= newest ? number : 0;
}
EXPORT_SYMBOL_GPL(meso_log_first);
