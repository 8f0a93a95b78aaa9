// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See mischief.h.
 */
#include "mischief.h"

static const char *const names[] = {
	[MG_SPOIL_FLIP] = "flip",   [MG_SPOIL_FORGE] = "forge", [MG_SPOIL_SHORT] = "short",
	[MG_SPOIL_EMPTY] = "empty", [MG_SPOIL_NOISE] = "noise", [MG_SPOIL_VERSION] = "version",
};

int mg_spoil_by_name(const char *name, enum mg_spoil *ret)
{
	for (int i = MG_SPOIL_FLIP; i < MG_SPOIL_COUNT; i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum mg_spoil)i;
			return 0;
		}
	return -ENOENT;
}

const char *mg_spoil_names(void)
{
	return "flip forge short empty noise version";
}

/* xorshift64*: repeatable, and good enough to wander about */
static u64 draw(struct mg_mischief *m)
{
	m->seed ^= m->seed >> 12;
	m->seed ^= m->seed << 25;
	m->seed ^= m->seed >> 27;
	return m->seed * 0x2545f4914f6cdd1du;
}

static void sign(u8 *buf, size_t size)
{
	u32 crc;

	if (size < 4)
		return;
	crc = meso_wire_crc32(buf, size - 4);
	for (size_t i = 0; i < 4; i++)
		buf[size - 4 + i] = (u8)(crc >> (8 * i));
}

size_t mg_mischief_spoil(struct mg_mischief *m, u8 *buf, size_t size)
{
	u64 many;

	if (!m->count || !size)
		return size;
	m->count--;
	many = 1 + draw(m) % 8;
	switch (m->kind) {
	case MG_SPOIL_FLIP:
		while (many--) {
			u64 bit = draw(m) % (size * 8);

			buf[bit / 8] = (u8)(buf[bit / 8] ^ (1u << (bit % 8)));
		}
		break;
	case MG_SPOIL_FORGE:
		while (many--)
			buf[draw(m) % size] = (u8)draw(m);
		sign(buf, size);
		break;
	case MG_SPOIL_SHORT:
		return draw(m) % size;
	case MG_SPOIL_EMPTY:
		return 0;
	case MG_SPOIL_NOISE:
		for (size_t i = 0; i < size; i++)
			buf[i] = (u8)draw(m);
		break;
	case MG_SPOIL_VERSION:
		if (size > 4)
			buf[4] = MESO_WIRE_VERSION + 1;
		sign(buf, size);
		break;
	case MG_SPOIL_NONE:
	case MG_SPOIL_COUNT:
		break;
	}
	return size;
}
