/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A value in shared memory that one process writes and others read whole.
 *
 * Two copies: the writer fills the one that is not the newest, so that a writer
 * that dies or is stopped half way leaves the other intact.  Owns the order of
 * the memory accesses; knows nothing of the value.  Readers never write, never
 * wait and never loop without bound.
 */
#ifndef INJ_LATCH_H
#define INJ_LATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct inj_latch {
	uint64_t newest; /* generation, 0 before the first write; odd ones are in the second copy */
	uint64_t seq[2]; /* 2 * generation of a whole copy; odd while it is written */
};

#define INJ_LATCH_TRIES 64 /* each means that two whole writes have happened meanwhile */

/* Writes @size bytes; @copies is room for two values, each @size. */
static inline void inj_latch_write(struct inj_latch *latch, void *copies, const void *value,
				   size_t size)
{
	uint64_t generation = latch->newest + 1;
	size_t which = generation & 1;

	__atomic_store_n(&latch->seq[which], 2 * generation - 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy((char *)copies + which * size, value, size);
	__atomic_store_n(&latch->seq[which], 2 * generation, __ATOMIC_RELEASE);
	__atomic_store_n(&latch->newest, generation, __ATOMIC_RELEASE);
}

/* Copies the newest whole value; false if there is none, or the writer is implausibly busy (a
 * hostile one). */
static inline bool inj_latch_read(const struct inj_latch *latch, const void *copies, void *value,
				  size_t size)
{
	for (int i = 0; i < INJ_LATCH_TRIES; i++) {
		uint64_t generation = __atomic_load_n(&latch->newest, __ATOMIC_ACQUIRE);
		size_t which = generation & 1;

		if (!generation)
			return false;
		if (__atomic_load_n(&latch->seq[which], __ATOMIC_ACQUIRE) != 2 * generation)
			continue;
		memcpy(value, (const char *)copies + which * size, size);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&latch->seq[which], __ATOMIC_RELAXED) == 2 * generation)
			return true;
	}
	return false;
}

#endif /* INJ_LATCH_H */
