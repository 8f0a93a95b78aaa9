// SPDX-License-Identifier: GPL-2.0-only
/*
 * See clock.h.
 */
#include "clock.h"

#include <time.h>

#define NS_PER_S 1000000000LL

static int64_t read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_offset_ns(void)
{
	return read_ns(CLOCK_REALTIME) - read_ns(CLOCK_BOOTTIME);
}

int64_t clock_step_s(int64_t start_ns, int64_t now_ns)
{
	int64_t step;

	/* What does not even fit is a step, too. */
	if (__builtin_sub_overflow(now_ns, start_ns, &step))
		step = now_ns > start_ns ? INT64_MAX : INT64_MIN;
	if (step >= -CLOCK_TOLERANCE_S * NS_PER_S && step <= CLOCK_TOLERANCE_S * NS_PER_S)
		return 0;
	return step / NS_PER_S;
}
