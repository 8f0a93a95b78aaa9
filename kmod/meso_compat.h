/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows which kernel it is built for (6.1 to 6.12).
 */
#ifndef MESO_COMPAT_H
#define MESO_COMPAT_H

#include <linux/version.h>

/* 6.2 made the device const that a class names a node for. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define MESO_DEVNODE_CONST const
#else
#define MESO_DEVNODE_CONST
#endif

/* 6.13 made the namespace of a symbol a string. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define MESO_SYMBOLS "MESO"
#else
#define MESO_SYMBOLS MESO
#endif

#endif /* MESO_COMPAT_H */
