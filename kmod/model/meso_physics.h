/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The world: screw, plunger, fluid, needle, skin, and the travel limiter,
 * which is hardware of its own.  See meso_physics.c.
 */
#ifndef MESO_PHYSICS_H
#define MESO_PHYSICS_H

#include "meso_model_types.h"

void meso_physics_init(struct meso_physics *ph, const struct meso_model_params *params);

/* Put in a syringe of that bore and capacity, filled with @fill_nl; 0 takes
 * it out.  The holder brings the screw to the plunger.
 */
void meso_physics_syringe(struct meso_physics *ph, u32 bore_um, u32 capacity_nl, u32 fill_nl);
u32 meso_physics_fill_nl(const struct meso_physics *ph);
/* Put on needles; set the true fluid */
void meso_physics_needle(struct meso_physics *ph, u32 viscosity_upas, u32 diameter_um,
			 u32 length_um, u32 needles);
void meso_physics_viscosity(struct meso_physics *ph, u32 true_upas);

/* One MESO_TICK_NS of truth.  @motor is consumed: one-time requests to the
 * limiter are taken and cleared.
 */
void meso_physics_tick(struct meso_physics *ph, struct meso_motor *motor);
/* Nothing would change in a tick? */
bool meso_physics_quiet(const struct meso_physics *ph, const struct meso_motor *motor);

void meso_physics_sense(const struct meso_physics *ph, struct meso_sensors *in);
/* A lease of @volume_nl begins: what is delivered from now on is beyond it
 * when more.  For the truth only.
 */
void meso_physics_lease(struct meso_physics *ph, u32 volume_nl);

#endif /* MESO_PHYSICS_H */
