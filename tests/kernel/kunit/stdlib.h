/* SPDX-License-Identifier: GPL-2.0-only */
/* What the suites of tests/unit want of it, by the kernel's means. */
#ifndef KUNIT_STDLIB_H
#define KUNIT_STDLIB_H

#include <linux/slab.h>

#define malloc(size)	kmalloc(size, GFP_KERNEL)
#define calloc(n, size) kcalloc(n, size, GFP_KERNEL)
#define free(p)		kfree(p)

#endif /* KUNIT_STDLIB_H */
