// SPDX-License-Identifier: GPL-2.0-only
/*
 * See clock.h.
 */
#include "clock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "macros.h"

#define NS_PER_S   1000000000LL
#define BOOT_ID    "/proc/sys/kernel/random/boot_id"
#define UUID_CHARS 36

static int64_t read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int read_text(const char *path, char *buf, size_t size)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)c));

	return c && at ? (int)(at - digits) : -1;
}

/* Returns where the text goes on, NULL if it is no id. */
static const char *parse_boot_id(const char *text, uint8_t ret[LEDGER_ID_LEN])
{
	size_t digits = 0;

	memset(ret, 0, LEDGER_ID_LEN);
	for (size_t i = 0; i < UUID_CHARS; i++) {
		int digit;

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return NULL;
			continue;
		}
		digit = hex_digit(text[i]);
		if (digit < 0)
			return NULL;
		ret[digits / 2] = (uint8_t)(ret[digits / 2] << 4 | digit);
		digits++;
	}
	return text + UUID_CHARS;
}

static int parse_shift(const char *text, int64_t *ret)
{
	char *end;
	long long shift;

	errno = 0;
	shift = strtoll(text, &end, 10);
	/* A century either way is no reason to calculate with care everywhere. */
	if (errno || end == text || (*end && *end != '\n') || shift > 3155760000 ||
	    shift < -3155760000)
		return -EBADMSG;
	*ret = shift;
	return 0;
}

/* The boot's id, and by how many seconds the time of day is wrong. */
static int read_source(const char *file, uint8_t boot_id[LEDGER_ID_LEN], int64_t *ret_shift_s)
{
	const char *rest;
	char text[128] = "";
	int r;

	r = read_text(file ? file : BOOT_ID, text, sizeof(text));
	if (r < 0)
		return r;
	rest = parse_boot_id(text, boot_id);
	if (!rest)
		return -EBADMSG;
	*ret_shift_s = 0;
	return file ? parse_shift(rest, ret_shift_s) : 0;
}

int clock_read(const char *file, struct ledger_clock *ret)
{
	struct ledger_clock now = { 0 };
	int64_t shift_s, wall_ns;
	int r;

	r = read_source(file, now.boot_id, &shift_s);
	if (r < 0)
		return r;
	wall_ns = read_ns(CLOCK_REALTIME) + shift_s * NS_PER_S;
	now.boottime_ns = read_ns(CLOCK_BOOTTIME);
	now.offset_ns = wall_ns - now.boottime_ns;
	now.wall_s = wall_ns / NS_PER_S;
	*ret = now;
	return 0;
}

int64_t clock_wall_s(const char *file)
{
	uint8_t boot_id[LEDGER_ID_LEN];
	int64_t shift_s = 0;

	if (file && read_source(file, boot_id, &shift_s) < 0)
		shift_s = 0;
	return read_ns(CLOCK_REALTIME) / NS_PER_S + shift_s;
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
