// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guns behind /dev/mesoN.  Owns the file descriptor and how the kernel's
 * answers become ours; every rule about guns is the kernel's.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

struct kernel_gun {
	const struct inj_sys *sys;
	int fd;
};

static int sys_open(void *ctx, const char *path, int flags)
{
	(void)ctx;
	return open(path, flags);
}

static int sys_fstat(void *ctx, int fd, struct stat *st)
{
	(void)ctx;
	return fstat(fd, st);
}

static int sys_ioctl(void *ctx, int fd, unsigned long op, void *arg)
{
	(void)ctx;
	return ioctl(fd, op, arg);
}

static ssize_t sys_read(void *ctx, int fd, void *buf, size_t size)
{
	(void)ctx;
	return read(fd, buf, size);
}

static int sys_close(void *ctx, int fd)
{
	(void)ctx;
	return close(fd);
}

static const struct inj_sys real_sys = {
	.open = sys_open,
	.fstat = sys_fstat,
	.ioctl = sys_ioctl,
	.read = sys_read,
	.close = sys_close,
};

/* A signal may end the kernel's wait for the gun; what was asked may have been done.  So only
 * requests that change nothing are repeated. */
static bool may_repeat(unsigned int op)
{
	return op == MESO_IOC_GET_INFO || op == MESO_IOC_GET_STATUS ||
	       op == MESO_IOC_GET_REGISTERS || op == MESO_IOC_DISARM;
}

static int kernel_request(void *self, unsigned int op, void *arg)
{
	struct kernel_gun *gun = self;
	int r;

	do
		r = gun->sys->ioctl(gun->sys->ctx, gun->fd, op, arg);
	while (r < 0 && errno == EINTR && may_repeat(op));
	return r < 0 ? -errno : r;
}

static int kernel_status(void *self, struct meso_status *ret_status)
{
	struct meso_status status;
	int r;

	memset(&status, 0, sizeof(status));
	r = kernel_request(self, MESO_IOC_GET_STATUS, &status);
	if (r < 0)
		return r;
	*ret_status = status;
	return 0;
}

static ssize_t kernel_events(void *self, void *buf, size_t size)
{
	struct kernel_gun *gun = self;
	ssize_t n;

	do
		n = gun->sys->read(gun->sys->ctx, gun->fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ENODEV : n;
}

static int kernel_get_fd(const void *self)
{
	return ((const struct kernel_gun *)self)->fd;
}

static void kernel_close(void *self)
{
	struct kernel_gun *gun = self;

	gun->sys->close(gun->sys->ctx, gun->fd);
	free(gun);
}

static const struct inj_backend kernel_backend = {
	.request = kernel_request,
	.status = kernel_status,
	.events = kernel_events,
	.get_fd = kernel_get_fd,
	.close = kernel_close,
};

/* Any file may be named: what is not a gun must not be written to. */
static int check_is_gun(struct kernel_gun *gun)
{
	struct meso_info info;
	struct stat st;
	int r;

	if (gun->sys->fstat(gun->sys->ctx, gun->fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	memset(&info, 0, sizeof(info));
	r = kernel_request(gun, MESO_IOC_GET_INFO, &info);
	return r == -ENOTTY || r == -EINVAL ? -ENODEV : r;
}

int inj_kernel_open(const struct inj_sys *sys, const char *path, unsigned int flags,
		    const struct inj_backend **ret_backend, void **ret_self)
{
	int mode = flags & INJ_OPEN_READ_ONLY ? O_RDONLY : O_RDWR;
	struct kernel_gun *gun;
	int r;

	gun = calloc(1, sizeof(*gun));
	if (!gun)
		return -ENOMEM;
	gun->sys = sys ? sys : &real_sys;
	do
		gun->fd = gun->sys->open(gun->sys->ctx, path,
					 mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	while (gun->fd < 0 && errno == EINTR);
	if (gun->fd < 0) {
		r = errno == ENXIO || errno == EISDIR ? -ENODEV : -errno;
		free(gun);
		return r;
	}
	r = check_is_gun(gun);
	if (r < 0) {
		kernel_close(gun);
		return r;
	}
	*ret_backend = &kernel_backend;
	*ret_self = gun;
	return 0;
}
