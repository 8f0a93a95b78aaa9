/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libinjector share: the handle, and the table through which
 * it reaches a gun.  Never installed.
 */
#ifndef INJ_INTERNAL_H
#define INJ_INTERNAL_H

#include "injector.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* What a dispatch has taken from the gun at once.  Room for any record. */
#define INJ_EVENTS_BYTES 4096

struct inj_backend {
	/* One of MESO_IOC_*, with its argument; 0 or more, or -errno. */
	int (*request)(void *self, unsigned int op, void *arg);
	/* As MESO_IOC_GET_STATUS, without asking the gun. */
	int (*status)(void *self, struct meso_status *ret_status);
	/* Whole records into @buf: bytes, -EAGAIN none, -ENODEV no more ever. */
	ssize_t (*events)(void *self, void *buf, size_t size);
	int (*get_fd)(const void *self);
	/* Closes without asking anything of the gun. */
	void (*close)(void *self);
};

struct inj_gun {
	const struct inj_backend *backend;
	void *self; /* the backend's own */
	unsigned int refs;
	unsigned int flags;
	bool dispatching;
	char *uri;
	/* On a page that a forked child sees wiped: tells parent from child without a system
	 * call. */
	const unsigned int *here;
	size_t pending_at; /* records taken over from the gun, not delivered yet */
	size_t pending_end;
	union {
		struct meso_event align;
		unsigned char pending[INJ_EVENTS_BYTES];
	};
};

/* The system calls that the kernel backend makes, so that a test can fail each of them. */
struct inj_sys {
	int (*open)(void *ctx, const char *path, int flags);
	int (*fstat)(void *ctx, int fd, struct stat *st);
	int (*ioctl)(void *ctx, int fd, unsigned long op, void *arg);
	ssize_t (*read)(void *ctx, int fd, void *buf, size_t size);
	int (*close)(void *ctx, int fd);
	void *ctx;
};

int inj_kernel_open(const struct inj_sys *sys, const char *path, unsigned int flags,
		    const struct inj_backend **ret_backend, void **ret_self);
int inj_sim_open(const char *path, unsigned int flags, const struct inj_backend **ret_backend,
		 void **ret_self);
struct meso_snapshot;
void inj_sim_status_at(const struct meso_snapshot *snapshot, uint64_t now,
		       struct meso_status *ret_status);
/* A handle on an opened backend; owns it from now on, even if this fails. */
int inj_gun_new(const struct inj_backend *backend, void *self, const char *uri, unsigned int flags,
		struct inj_gun **ret_gun);
/* The walk of inj_enumerate() with the class directory and the device directory given. */
int inj_enumerate_in(const char *class_dir, const char *dev_dir,
		     int (*found)(const char *uri, void *userdata), void *userdata);

#endif /* INJ_INTERNAL_H */
