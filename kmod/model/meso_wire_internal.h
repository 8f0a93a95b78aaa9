/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * How a message is put together and taken apart, for the two files of the
 * codec (meso_wire.c, meso_request.c) and nobody else.
 */
#ifndef MESO_WIRE_INTERNAL_H
#define MESO_WIRE_INTERNAL_H

#include "meso_wire.h"

#ifdef __KERNEL__
#include <linux/export.h>
#else
#define EXPORT_SYMBOL_GPL(symbol) static_assert(1, "userspace exports nothing here")
#endif

static inline void put32(u8 **p, u32 value)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		*(*p)++ = (u8)(value >> (8 * i));
}

static inline void put64(u8 **p, u64 value)
{
	put32(p, (u32)value);
	put32(p, (u32)(value >> 32));
}

static inline void put_bytes(u8 **p, const void *bytes, size_t len)
{
	memcpy(*p, bytes, len);
	*p += len;
}

static inline u32 get32(const u8 **p)
{
	u32 value = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		value |= (u32)*(*p)++ << (8 * i);
	return value;
}

static inline s32 get_s32(const u8 **p)
{
	return (s32)get32(p);
}

static inline u64 get64(const u8 **p)
{
	u64 low = get32(p);

	return low | (u64)get32(p) << 32;
}

static inline void get_bytes(const u8 **p, void *bytes, size_t len)
{
	memcpy(bytes, *p, len);
	*p += len;
}

static inline bool between(s64 value, s64 low, s64 high)
{
	return value >= low && value <= high;
}

/* Every message: kind, version, size, payload, zeros, CRC-32 of all before it */
u8 *meso_message_open(u8 *buf, u32 kind, size_t size);
void meso_message_close(u8 *buf, size_t size);
/* CRC first: what is damaged is said to be damaged, not of a strange version.
 * Bytes from @used on must be zero.
 */
int meso_message_check(const u8 *buf, size_t len, u32 kind, size_t size, size_t used);

#endif /* MESO_WIRE_INTERNAL_H */
