/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * A gun on the bench: the model with a clock, a host that keeps its heart
 * beating, and a memory that can be made to fail.  Never judges; the suites
 * do, by the fluid truth.
 */
#ifndef MODEL_RIG_H
#define MODEL_RIG_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "meso_model.h"

#define RIG_EPOCH 0x1122334455667788ULL
#define RIG_BOOT  0xb007ULL
#define MS        1000000ULL

struct rig {
	struct meso_model m;
	struct meso_nvram durable; /* as the last successful commit left it */
	struct meso_config config;
	struct meso_lease lease; /* newest asked for */
	u64 now;
	u64 sequence;
	u64 boot_id;
	bool beating;
	unsigned commits; /* attempts */
	unsigned fail_at; /* the attempt that fails; 0: none */
	bool fail_rest;   /* and all later ones */
};

struct rig *rig_new(void);                       /* powered, 5 ml syringe, 20 ul, not primed */
struct rig *rig_new_with(struct meso_config c);  /* powered and so configured */
struct rig *rig_ready(u32 volume_nl, u32 shots); /* primed, on skin, treat lease live */
void rig_free(struct rig *r);

struct meso_config rig_config(void);
struct meso_lease rig_lease(struct rig *r, u32 kind, u32 volume_nl, u32 shots);
int rig_arm(struct rig *r, u32 kind, u32 volume_nl, u32 shots);
void rig_prime(struct rig *r); /* until PRIMED; leaves no contact, disarmed */
void rig_make_ready(struct rig *r, u32 volume_nl, u32 shots);

void rig_run(struct rig *r, u64 ms); /* in steps of 1 ms, with heartbeats */
void rig_drain(struct rig *r);       /* until nothing moves and nothing is stored */
void rig_hand(struct rig *r, enum meso_hand what, s64 value);
void rig_press(struct rig *r); /* pull for 20 ms, let go */
int rig_fire(struct rig *r);   /* the next number */
void rig_power_cycle(struct rig *r);

struct meso_truth rig_truth(const struct rig *r);
struct meso_frame rig_frame(struct rig *r); /* a fresh one */
int rig_clear(struct rig *r, u32 mask);     /* the generation that is there now */
struct meso_shot rig_shot(const struct rig *r, u64 number);
u64 rig_larger_nl(const struct meso_shot *shot);
u64 rig_log_sum_nl(const struct rig *r); /* the larger figure of each record */
#ifndef __KERNEL__
double rig_step_nl(const struct rig *r); /* volume of a motor step */
#endif

#endif /* MODEL_RIG_H */
