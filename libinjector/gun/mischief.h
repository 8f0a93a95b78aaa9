/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A gun that speaks badly, for tests: what happens to its messages on the way
 * out.  Owns the ways in which bytes are spoilt; knows nothing of where they go.
 */
#ifndef MG_MISCHIEF_H
#define MG_MISCHIEF_H

#include "meso_wire.h"

enum mg_spoil {
	MG_SPOIL_NONE,
	MG_SPOIL_FLIP,    /* some bits flipped, the CRC left as it was */
	MG_SPOIL_FORGE,   /* some bytes other ones, and the CRC right */
	MG_SPOIL_SHORT,   /* cut off somewhere */
	MG_SPOIL_EMPTY,   /* nothing at all */
	MG_SPOIL_NOISE,   /* random bytes */
	MG_SPOIL_VERSION, /* of a version that nobody knows, and the CRC right */
	MG_SPOIL_COUNT
};

struct mg_mischief {
	enum mg_spoil kind;
	u32 count; /* messages still to be spoilt */
	u64 seed;  /* state of the generator, never 0: the same seed spoils alike */
};

/* -ENOENT */
int mg_spoil_by_name(const char *name, enum mg_spoil *ret);
const char *mg_spoil_names(void);
/* Spoils @buf if there is one left to spoil; returns its new size, at most @size. */
size_t mg_mischief_spoil(struct mg_mischief *mischief, u8 *buf, size_t size);

#endif /* MG_MISCHIEF_H */
