// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Formulas of syringe and needle.  Owns no state; knows neither the firmware
 * nor the world.  Every product below is shown to fit 64 bits for the whole
 * range that meso_model_configure() and the hand accept.
 */
#include "meso_fluid.h"
#include "meso_datasheet.h"

u64 meso_fluid_sqrt(u64 x)
{
	u64 bit = 1ULL << 62;
	u64 root = 0;

	while (bit > x)
		bit >>= 2;
	while (bit) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
		bit >>= 2;
	}
	return root;
}

/* pi / 4 = 0.785398163; 20,000^2 * 785,398,163 = 3.2e17 */
u64 meso_fluid_area(u32 bore_um)
{
	return div64_u64((u64)bore_um * bore_um * 785398163ULL, 1000000000ULL);
}

/* um^2 * nm = 1e-3 fl; 3.2e8 * 6.1e7 = 2e16 */
u64 meso_fluid_volume(u64 area_um2, s64 nm)
{
	return nm > 0 ? div64_u64(area_um2 * (u64)nm, 1000) : 0;
}

/* 1e13 fl (10 ml) * 1,000 = 1e16 */
s64 meso_fluid_travel(u64 area_um2, u64 fl)
{
	return area_um2 ? (s64)div64_u64(fl * 1000, area_um2) : 0;
}

/*
 * R = 128 u L / (pi d^4 n): with u in uPa s, L and d in um, and flow in
 * 1e-14 m^3/s, R in 1e-8 Pa is 128e6/pi * u L / (d^4 n); 128e6/pi = 40,743,665.
 * Largest product: 40,743,665 * 200,000 * 20,000 = 1.6e17.
 *
 * k = 1.15 rho (4 / (pi d^2 n))^2 with rho = 1,000 kg/m^3: 4 k in 1e-16 Pa is
 * 7.457246e15 / (d^4 n^2).
 */
void meso_fluid_needle(struct meso_needle *needle, u32 viscosity_upas, u32 diameter_um,
		       u32 length_um, u32 needles)
{
	u64 d4 = (u64)diameter_um * diameter_um * diameter_um * diameter_um;

	needle->linear = div64_u64(40743665ULL * viscosity_upas * length_um, d4 * needles);
	needle->square = div64_u64(7457246000000000ULL, d4 * needles * needles);
}

/*
 * Q = 2 p / (R + sqrt(R^2 + 4 k p)), which loses no digits when k is small.
 * 4 k <= 1.2e9 and p <= 1.5e9 mPa: 1.8e18.  Above R = 2^31 (21 Pa per fl per
 * sub-step) the square term is nothing and R^2 would not fit.
 */
u64 meso_fluid_flow(const struct meso_needle *needle, u64 pressure_mpa, u64 extra)
{
	u64 r = needle->linear + extra;
	u64 root = r;

	if (!r)
		return 0;
	if (r < 1ULL << 31)
		root = meso_fluid_sqrt(r * r + div64_u64(needle->square * pressure_mpa, 1000));
	return div64_u64(pressure_mpa * 200000, r + root);
}

/* flow <= 25,000,000: 1.2e9 / 4 * 2.5e7 / 1e8 * 2.5e7 = 1.9e15 */
u64 meso_fluid_pressure_pa(const struct meso_needle *needle, u64 flow)
{
	u64 k_flow = div64_u64((needle->square >> 2) * flow, MESO_FLUID_SCALE);

	return div64_u64(needle->linear * flow, MESO_FLUID_SCALE) +
	       div64_u64(k_flow * flow, MESO_FLUID_SCALE);
}

/*
 * As slow as the shot rate leaves time for (a gentle shot hurts less and
 * stores less), but never faster than the target pressure allows.
 */
u64 meso_fluid_shot_flow(const struct meso_config *config, const struct meso_needle *needle)
{
	u32 interval_ms = max_t(u32, 1000000 / config->rate_mhz, GUN_INTERVAL_MIN_MS);
	u32 move_ms = min_t(u32, interval_ms * 6 / 10, GUN_MOVE_MS);
	u64 wanted = div64_u64((u64)config->dose_nl * 1000000, move_ms * GUN_SUBSTEPS);
	u64 gentle = meso_fluid_flow(needle, GUN_PRESSURE_TARGET_PA * 1000ULL, 0);

	return max_t(u64, 1, min_t(u64, wanted, min_t(u64, gentle, GUN_FLOW_MAX)));
}

/* A step of 312.5 nm displaces area * 0.3125 fl; 2.5e7 * 3.2e6 = 8e13 */
u32 meso_fluid_speed(u64 area_um2, u64 flow)
{
	u64 speed = area_um2 ? div64_u64(flow * 3200000, area_um2) : 0;

	return (u32)clamp_t(u64, speed, 1, GUN_SPEED_MAX);
}
