// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Non-volatile memory: a head (counters, intent, faults, lease, host mark) and
 * a ring of shot records, each under a CRC that covers all its bytes.  Owns
 * the image's layout and its checks; never decides what is written into it.
 *
 * A commit is whole or not at all: struct meso_nvram is changed, handed to the
 * caller to be made durable (who replaces the old image by the new in one
 * step, never overwrites it in place), and put back if that failed.
 */
#include "meso_datasheet.h"
#include "meso_nvram.h"

#define NV_MAGIC	0x564e534dU	/* "MSNV" */

/* Every byte is named, so that every byte is under a CRC */
static_assert(sizeof(struct meso_nv_head) == 208, "padding in struct meso_nv_head");
static_assert(sizeof(struct meso_nv_slot) == 104, "padding in struct meso_nv_slot");
static_assert(sizeof(struct meso_nvram) == 208 + MESO_LOG_SIZE * 104, "padding in the image");

static u32 head_crc(const struct meso_nv_head *head)
{
	return meso_wire_crc32((const u8 *)head, offsetof(struct meso_nv_head, crc));
}

static u32 slot_crc(const struct meso_nv_slot *slot)
{
	return meso_wire_crc32((const u8 *)slot, offsetof(struct meso_nv_slot, crc));
}

void meso_nv_format(struct meso_nvram *nv, u64 epoch)
{
	unsigned int i;

	memset(nv, 0, sizeof(*nv));
	nv->head.magic = NV_MAGIC;
	nv->head.version = MESO_NV_VERSION;
	nv->head.epoch = epoch;
	nv->head.bore_um = GUN_DEFAULT_BORE_UM;
	nv->head.capacity_nl = GUN_DEFAULT_CAPACITY_NL;
	nv->head.syringe_in = 1;
	nv->head.cartridge_id = GUN_DEFAULT_CARTRIDGE;
	nv->head.crc = head_crc(&nv->head);
	for (i = 0; i < MESO_LOG_SIZE; i++)
		nv->log[i].crc = slot_crc(&nv->log[i]);
}

/* The newest number up to @count that belongs in @slot; 0 if there is none */
static u64 number_in_slot(u64 count, u32 slot)
{
	u64 back = (count - slot) & (MESO_LOG_SIZE - 1);

	return back < count ? count - back : 0;
}

int meso_nv_check(const struct meso_nvram *nv)
{
	const struct meso_nv_head *head = &nv->head;
	u32 i;

	if (head->magic != NV_MAGIC || head->version != MESO_NV_VERSION ||
	    head->crc != head_crc(head) || !head->epoch || head->log_acked > head->shot_count)
		return -EBADMSG;
	for (i = 0; i < MESO_LOG_SIZE; i++) {
		const struct meso_nv_slot *slot = &nv->log[i];

		if (slot->crc != slot_crc(slot) ||
		    slot->shot.number != number_in_slot(head->shot_count, i))
			return -EBADMSG;
	}
	return 0;
}

int meso_nv_write(struct meso_model *m, const struct meso_nv_head *head,
		  const struct meso_shot *record)
{
	struct meso_nv_slot *slot = &m->nv.log[record ? record->number & (MESO_LOG_SIZE - 1) : 0];
	struct meso_nv_head old_head = m->nv.head;
	struct meso_nv_slot old_slot = *slot;
	int r = 0;

	m->nv.head = *head;
	m->nv.head.commits = old_head.commits + 1;
	m->nv.head.crc = head_crc(&m->nv.head);
	if (record) {
		memset(slot, 0, sizeof(*slot));
		slot->shot = *record;
		slot->crc = slot_crc(slot);
	}
	if (m->fail_commits) {
		m->fail_commits--;
		r = -EIO;
	} else if (m->commit) {
		r = m->commit(m->ctx, &m->nv);
	}
	if (r >= 0)
		return 0;
	m->nv.head = old_head;
	*slot = old_slot;
	return -EIO;
}

const struct meso_shot *meso_nv_record(const struct meso_nvram *nv, u64 number)
{
	const struct meso_shot *shot = &nv->log[number & (MESO_LOG_SIZE - 1)].shot;

	return number && shot->number == number ? shot : NULL;
}
