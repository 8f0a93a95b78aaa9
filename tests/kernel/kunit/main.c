// SPDX-License-Identifier: GPL-2.0-only
/*
 * The suites of tests/unit that test what the kernel and userspace share, as
 * KUnit suites of one module: the same sentences, of the code as the kernel's
 * compiler and sanitizers have it.
 */
#define CHECK_NO_SUITE
#include <linux/module.h>
#include <linux/sched.h>
#include "check.h"

void check_failed(const char *file, int line, const char *format, ...)
{
	struct va_format text = { .fmt = format };
	va_list args;

	va_start(args, format);
	text.va = &args;
	KUNIT_FAIL(current->kunit_test, "%s:%d: %pV", kbasename(file), line, &text);
	va_end(args);
	kunit_try_catch_throw(&current->kunit_test->try_catch);
}

MODULE_DESCRIPTION("Suites of the interlock and the gun model");
MODULE_LICENSE("GPL");
