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

int lease_main(void);
int events_main(void);
int request_main(void);
int wire_main(void);
int model_fault_main(void);
int model_memory_main(void);

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

/* KUnit runs what it finds when this has returned. */
static int __init meso_kunit_init(void)
{
	return lease_main() || events_main() || request_main() || wire_main() ||
	       model_fault_main() || model_memory_main();
}
module_init(meso_kunit_init);

static void __exit meso_kunit_exit(void)
{
}
module_exit(meso_kunit_exit);

MODULE_DESCRIPTION("Suites of the interlock and the gun model");
MODULE_LICENSE("GPL");
