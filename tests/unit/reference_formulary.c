// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formulary and the limits of the random histories: one of each sort of substance, with
 * bounds in every scope, and mixtures of them.  Not what a clinic has: the bounds are
 * such that a short history passes them.
 */
#include "reference_world.h"

#define NONE                                                   \
	{                                                      \
		FORMULARY_NO_BOUND, FORMULARY_NO_BOUND, "", "" \
	}
#define NO_KG                          \
	{                              \
		NONE, NONE, NONE, NONE \
	}
#define MG UINT64_C(1000000)
#define IU UINT64_C(1000)
#define UP_TO(s, h)                      \
	{                                \
		(s), (h), "test", "test" \
	}

static const struct formulary formulary = {
	.n_substances = 7,
	.substances = {
		{ .id = "lidocaine", .name = "Lidocaine", .allergies = "amide",
		  .fixed = { NONE, NONE, UP_TO(24 * MG, 30 * MG), NONE },
		  .per_kg = { NONE, NONE, UP_TO(360000, 450000), NONE },
		  .anaesthetic = true },
		{ .id = "lidocaine-epinephrine", .name = "Lidocaine with epinephrine",
		  .allergies = "amide sulfite", .conditions = "asthma",
		  .fixed = { NONE, NONE, UP_TO(40 * MG, 50 * MG), NONE },
		  .per_kg = { NONE, NONE, UP_TO(560000, 700000), NONE },
		  .anaesthetic = true, .vasoconstrictor = true, .plain = "lidocaine" },
		{ .id = "procaine", .name = "Procaine", .allergies = "ester",
		  .fixed = { UP_TO(2 * MG, 3 * MG), NONE, UP_TO(48 * MG, 60 * MG), NONE },
		  .per_kg = { NONE, NONE, NONE, UP_TO(900000, 2000000) },
		  .anaesthetic = true },
		{ .id = "hyaluronidase", .name = "Hyaluronidase", .unit = FORMULARY_MIU,
		  .allergies = "bee",
		  .fixed = { NONE, UP_TO(15 * IU, 30 * IU), NONE, NONE }, .per_kg = NO_KG,
		  .spreading = true },
		{ .id = "vitamin-c", .name = "Vitamin C", .conditions = "oxalosis",
		  .fixed = { UP_TO(4 * MG, 9 * MG), UP_TO(50 * MG, 60 * MG),
			     UP_TO(70 * MG, FORMULARY_NO_BOUND), UP_TO(90 * MG, 150 * MG) },
		  .per_kg = NO_KG, .interval_days = 2, .course_sessions = 3 },
		{ .id = "deoxycholate", .name = "Deoxycholate",
		  .fixed = { NONE, UP_TO(100 * MG, 100 * MG), NONE, NONE }, .per_kg = NO_KG,
		  .interval_months = 1, .course_sessions = 6, .by_hand_only = true,
		  .unmixed = true },
		{ .id = "water", .name = "Water", .fixed = { NONE, NONE, NONE, NONE },
		  .per_kg = NO_KG, .interval_months = 1 },
	},
	.n_preparations = 11,
	.preparations = {
		{ .id = "lidocaine-2", .name = "Lidocaine 2 %", .cartridge = 101,
		  .n_components = 1, .components = { { 0, 20000 } } },
		{ .id = "lidocaine-epinephrine-2", .name = "Lidocaine 2 % with epinephrine",
		  .cartridge = 102, .n_components = 1, .components = { { 1, 20000 } } },
		{ .id = "procaine-1", .name = "Procaine 1 %", .cartridge = 103,
		  .n_components = 1, .components = { { 2, 10001 } } },
		{ .id = "hyaluronidase-150", .name = "Hyaluronidase 150 IU/mL", .cartridge = 104,
		  .n_components = 1, .components = { { 3, 150 } } },
		{ .id = "vitamin", .name = "Vitamin C 10 %", .cartridge = 105,
		  .n_components = 1, .components = { { 4, 100000 } } },
		{ .id = "deoxycholate-1", .name = "Deoxycholate 1 %", .cartridge = 106,
		  .n_components = 1, .components = { { 5, 10000 } } },
		{ .id = "both", .name = "Lidocaine and procaine", .cartridge = 107,
		  .n_components = 2, .components = { { 0, 9999 }, { 2, 3333 } } },
		{ .id = "cocktail", .name = "Procaine, vitamin C, hyaluronidase", .cartridge = 108,
		  .n_components = 3, .components = { { 2, 7001 }, { 4, 33333 }, { 3, 37 } },
		  .shot_nl = { 120000, 200000 } },
		{ .id = "wrong", .name = "Deoxycholate and water", .cartridge = 109,
		  .n_components = 2, .components = { { 5, 10 }, { 6, 1000000 } } },
		{ .id = "water-and-vitamin", .name = "Water and vitamin C", .cartridge = 110,
		  .n_components = 2, .components = { { 6, 900000 }, { 4, 1 } } },
		{ .id = "spread", .name = "Lidocaine with epinephrine and hyaluronidase",
		  .cartridge = 111, .n_components = 2, .components = { { 1, 5000 }, { 3, 20 } } },
	},
	.n_areas = 3,
	.areas = {
		{ .id = "face", .name = "the face", .depth_min_um = 1000, .depth_max_um = 2000,
		  .size_mm2 = 300 },
		{ .id = "scalp", .name = "the scalp", .depth_min_um = 1500, .depth_max_um = 4000,
		  .size_mm2 = 500 },
		{ .id = "hands", .name = "the hands", .depth_min_um = 1000, .depth_max_um = 2000,
		  .size_mm2 = 15000 },
	},
};

const struct formulary *world_formulary(void)
{
	return &formulary;
}

/* Most limits are far from what a short history reaches: some of them are drawn nearer. */
void world_limits(struct limits *l, uint64_t seed)
{
	*l = (struct limits){
		.shot_nl = { 50000, 100000 },
		.depth_um = { 4000, 4000 },
		.rate_mhz = { 5000, 9000 },
		.session_nl = { 6000000, 10000000 },
		.patient_24h_nl = { 6000000, 10000000 },
		.area_nl_per_mm2 = { 1000, 2000 },
		.prime_nl = { 200000, 400000 },
		.session_s = { 2700, 3600 },
		.course_sessions = { 10, 15 },
		.interval_d = { 7, 7 },
		.late_interval_d = { 28, 7 },
		.course_gap_d = { 90, 0 },
		.fault_stops = 3,
	};
	if (seed % 3 && seed % 9) {
		l->session_nl = (struct limit){ 600000, 1000000 };
		l->patient_24h_nl = (struct limit){ 900000, 1200000 };
		l->course_sessions = (struct limit){ 2, 4 };
	}
	if (seed % 5 < 2)
		l->interval_d = (struct least){ 1, 1 };
	if (seed % 7 == 0)
		l->fault_stops = 1;
}
