/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * Formulas of syringe and needle, as pure functions in integers.  Both the
 * physics (with the true fluid) and the firmware (with the configured one)
 * compute with them.  Volumes in femtolitres (1 fl = 1 um^3), flow in fl per
 * sub-step of 100 us (1 uL/s = 100,000).
 */
#ifndef MESO_FLUID_H
#define MESO_FLUID_H

#include "meso_model_types.h"

/* 1e-8 Pa, the unit of struct meso_needle */
#define MESO_FLUID_SCALE	100000000ULL

u64 meso_fluid_sqrt(u64 x);
/* Area of a bore, um^2 */
u64 meso_fluid_area(u32 bore_um);
/* Volume displaced by @nm of travel (rounded down), and the travel that
 * displaces @fl (rounded down)
 */
u64 meso_fluid_volume(u64 area_um2, s64 nm);
s64 meso_fluid_travel(u64 area_um2, u64 fl);

/* Hagen-Poiseuille and the inlet and outlet loss of @needles in parallel */
void meso_fluid_needle(struct meso_needle *needle, u32 viscosity_upas, u32 diameter_um,
		       u32 length_um, u32 needles);
/* Flow at a pressure, solving R.Q + k.Q^2 = dP; @extra is added to R */
u64 meso_fluid_flow(const struct meso_needle *needle, u64 pressure_mpa, u64 extra);
u64 meso_fluid_pressure_pa(const struct meso_needle *needle, u64 flow);

/* The flow and the motor speed at which the firmware drives a shot */
u64 meso_fluid_shot_flow(const struct meso_config *config, const struct meso_needle *needle);
u32 meso_fluid_speed(u64 area_um2, u64 flow);

#endif /* MESO_FLUID_H */
