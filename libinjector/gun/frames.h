/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gun's interrupt endpoint: frames on their way to the host, by asynchronous
 * writes, because a host that does not fetch them must not stop the gun.  Owns
 * how many wait and for how long; what they say is not its matter.
 */
#ifndef MG_FRAMES_H
#define MG_FRAMES_H

#include "meso_wire.h"

struct mg_frames;

/* @fd: the endpoint's, kept by the caller until mg_frames_free() */
int mg_frames_new(int fd, struct mg_frames **ret_frames);
struct mg_frames *mg_frames_free(struct mg_frames *frames);
/* Becomes readable when some have gone; then call mg_frames_reap(). */
int mg_frames_fd(const struct mg_frames *frames);
void mg_frames_reap(struct mg_frames *frames);
/* Copies and sends.  When too many wait, or one for too long, what waits is taken back: a host
 * that fetches again shall not be told what was. */
void mg_frames_send(struct mg_frames *frames, const u8 *buf, size_t size, u64 now);
/* Takes back all that wait. */
void mg_frames_cancel(struct mg_frames *frames);

#endif /* MG_FRAMES_H */
