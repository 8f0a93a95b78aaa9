/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small words that every room of mesod uses: scope-bound clean-up and the like.
 * It owns nothing and never does I/O.
 */
#ifndef MESOD_MACROS_H
#define MESOD_MACROS_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef _cleanup_
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#endif
#define _printf_(text, first) __attribute__((format(printf, text, first)))

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Into a buffer whose size was checked before; cut off rather than written past its end. */
static inline void text_copy(char *to, size_t size, const char *from)
{
	const size_t length = strnlen(from, size - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}
#define TEXT_COPY(array, from) text_copy((array), sizeof(array), (from))

/* Takes the value out of a variable that a clean-up watches. */
#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})
#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

#endif /* MESOD_MACROS_H */
