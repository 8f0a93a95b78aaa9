/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every benchmark needs: a clock, a median, and the one line of output.
 *
 * Ours and the peer are always measured in alternating batches of one run, and
 * what is printed is the median of the batches' ratios: a machine that slows
 * down half-way slows down both.
 */
#ifndef MESO_BENCH_H
#define MESO_BENCH_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_ROUNDS 101

static inline uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static inline uint64_t bench_median(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), bench_compare);
	return values[count / 2];
}

/* The line: medians of so many rounds, whose values are put in order.  bar and ratios in thousandths. */
static inline void bench_print(const char *name, const char *where, unsigned int bar_milli,
			       uint64_t *ours_ns, uint64_t *peer_ns, uint64_t *ratio_milli,
			       size_t rounds)
{
	uint64_t r = bench_median(ratio_milli, rounds);

	printf("bench name=%s ours=%" PRIu64 "ns peer=%" PRIu64 "ns ratio=%" PRIu64 ".%03" PRIu64
	       " bar=%u.%03u where=%s\n",
	       name, bench_median(ours_ns, rounds), bench_median(peer_ns, rounds), r / 1000,
	       r % 1000, bar_milli / 1000, bar_milli % 1000, where);
}

/* Runs batches of both in turn; prints the line. `per_batch` calls of each; bar in thousandths. */
static inline int bench_compare_times(const char *name, const char *where, unsigned int bar_milli,
				      unsigned int per_batch, int (*ours)(void *),
				      int (*peer)(void *), void *userdata)
{
	uint64_t a[BENCH_ROUNDS], b[BENCH_ROUNDS], ratio[BENCH_ROUNDS];

	for (size_t round = 0; round < BENCH_ROUNDS; round++) {
		uint64_t start = bench_now_ns(), middle, end;

		for (unsigned int i = 0; i < per_batch; i++)
			if (ours(userdata) < 0)
				return -1;
		middle = bench_now_ns();
		for (unsigned int i = 0; i < per_batch; i++)
			if (peer(userdata) < 0)
				return -1;
		end = bench_now_ns();
		a[round] = (middle - start) / per_batch;
		b[round] = (end - middle) / per_batch;
		ratio[round] = b[round] ? a[round] * 1000 / b[round] : 0;
	}
	bench_print(name, where, bar_milli, a, b, ratio, BENCH_ROUNDS);
	return 0;
}

#endif /* MESO_BENCH_H */
