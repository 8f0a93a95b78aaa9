// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading a formulary when memory runs out: at each allocation in turn, until none
 * fails any more.  Not with the sanitizers, whose allocator it would have to replace.
 */
#include "formulary_fixture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef __has_feature
#define HAS_SANITIZER __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif

static long allocations_left = -1; /* -1: never fails */

#if !HAS_SANITIZER
/* glibc's own, under the names that stay when these are replaced. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static bool fails(void)
{
	if (allocations_left < 0)
		return false;
	if (allocations_left > 0) {
		allocations_left--;
		return false;
	}
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	return fails() || __builtin_mul_overflow(n, size, &bytes) ? NULL : __libc_realloc(p, bytes);
}
#endif

START_TEST(each_allocation_that_fails_refuses_the_whole_and_says_so)
{
	char error[FORMULARY_ERROR_MAX];
	struct formulary *f = NULL;
	const char *paths[2];
	long n;
	int r;

	if (HAS_SANITIZER)
		return;
	formulary_put("clinic.d/a.conf", WATER PLASTER);
	formulary_put("clinic.d/b.conf", FACE LIDOCAINE);
	paths[0] = SHIPPED;
	paths[1] = formulary_path("clinic.d");
	/* what is only done once */
	ck_assert_int_eq(formulary_load(paths, 2, &f, error), 0);
	f = formulary_free(f);
	for (n = 0;; n++) {
		allocations_left = n;
		r = formulary_load(paths, 2, &f, error);
		allocations_left = -1;
		if (r == 0)
			break;
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_ptr_null(f);
		ck_assert_says(error, strerrordesc_np(ENOMEM));
	}
	ck_assert_int_gt(n, 20);
	ck_assert_uint_ne(formulary_area(f, "face"), FORMULARY_UNKNOWN);
	formulary_free(f);
}
END_TEST

static void add(TCase *t)
{
	tcase_add_test(t, each_allocation_that_fails_refuses_the_whole_and_says_so);
}

int main(void)
{
	return formulary_run("formulary memory", add);
}
