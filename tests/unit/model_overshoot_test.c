// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The bound that reservations rest on, measured: over the range of bore,
 * dose, rate, viscosity and needle, with the firmware that fires on and the
 * one that runs away, and a stop that lands as late as is documented.  The
 * fluid truth must stay below the bound, and the bound near the truth.
 */
#include "model_rig.h"

#define DISARM_MS 100 /* from the record that spends a lease to the abort */

static const struct {
	u32 bore_um, capacity_nl;
} syringes[] = { { 1500, 100000 },   { 4780, 1000000 },   { 8660, 3000000 },
		 { 12060, 5000000 }, { 14500, 10000000 }, { 20000, 10000000 } };
static const u32 doses[] = { 1000, 10000, 100000 };
static const u32 rates[] = { 2000, 9000 };
static const u32 viscosities[] = { 500, 1000, 5000, 50000 };
static const struct {
	u32 um, length_um, count;
} needles[] = { { 108, 4000, 1 }, { 127, 13000, 1 }, { 260, 4000, 9 } };

struct worst {
	double ratio; /* beyond / bound */
	double loose; /* bound / (5 * beyond + one shot) */
	unsigned measured;
	u64 beyond_nl;
	u32 bound_nl;
};

/* A lease that was stopped in mid-shot leaves all the pressure it may */
static void leave_pressure(struct rig *r)
{
	int err;

	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, r->config.dose_nl, 1), 0);
	rig_run(r, 10);
	ck_assert_int_eq(rig_fire(r), 0);
	while (r->m.fw.job.phase == MESO_PHASE_MOVING)
		rig_run(r, 1);
	ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
	while ((err = rig_arm(r, MESO_KIND_TREAT, r->config.dose_nl, 1)) == -EBUSY) {
		r->sequence--;
		rig_run(r, 1);
	}
	ck_assert_int_eq(err, 0);
}

/* Returns the volume truly delivered beyond the lease, in nl */
static u64 overshoot(struct meso_config c, u32 mutants)
{
	struct rig *r = rig_new_with(c);
	u64 count, beyond_fl;
	unsigned ms;

	/* priming is not what is measured here */
	r->m.fw.primed_nl = MESO_DEAD_VOLUME_NL;
	rig_hand(r, MESO_HAND_CONTACT, 1);
	rig_run(r, 5);
	leave_pressure(r);
	rig_hand(r, MESO_HAND_MUTANTS, mutants);
	count = r->m.fw.head.shot_count;
	rig_run(r, 5);
	rig_hand(r, MESO_HAND_TRIGGER, 1);
	for (ms = 0; ms < 9000 && r->m.fw.head.shot_count == count; ms++)
		rig_run(r, 1);
	rig_run(r, DISARM_MS);
	ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
	rig_drain(r);
	beyond_fl = rig_truth(r).max_beyond_lease_fl;
	rig_free(r);
	return beyond_fl / 1000000;
}

static void measure(struct worst *w, const struct meso_config *c)
{
	static const u32 mutants[] = { MESO_MUTANT_NO_BUDGET,
				       MESO_MUTANT_NO_BUDGET | MESO_MUTANT_DOUBLE_SHOT,
				       MESO_MUTANT_RUNAWAY };
	u32 bound = meso_model_overshoot_nl(c);
	u64 most = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(mutants); i++) {
		u64 beyond = overshoot(*c, mutants[i]);

		ck_assert_msg(beyond <= bound,
			      "mutant %#x, bore %u, dose %u, rate %u, %u uPas, needle %u: "
			      "%llu nl beyond, bound %u nl",
			      mutants[i], c->bore_um, c->dose_nl, c->rate_mhz, c->viscosity_upas,
			      c->needle_um, (unsigned long long)beyond, bound);
		most = beyond > most ? beyond : most;
	}
	ck_assert_msg(bound <= 5 * most + c->dose_nl,
		      "bore %u, dose %u, rate %u, %u uPas, needle %u: bound %u nl is loose, "
		      "worst measured %llu nl",
		      c->bore_um, c->dose_nl, c->rate_mhz, c->viscosity_upas, c->needle_um, bound,
		      (unsigned long long)most);
	w->measured++;
	if ((double)most / bound > w->ratio) {
		w->ratio = (double)most / bound;
		w->beyond_nl = most;
		w->bound_nl = bound;
	}
	if ((double)bound / (5 * (double)most + c->dose_nl) > w->loose)
		w->loose = (double)bound / (5 * (double)most + c->dose_nl);
}

START_TEST(no_faulty_gun_delivers_beyond_its_lease_more_than_the_bound)
{
	struct worst w = { 0 };

	for (unsigned s = 0; s < ARRAY_SIZE(syringes); s++)
		for (unsigned i = 0; i < 3 * 2 * 4 * 3; i++) {
			struct meso_config c = rig_config();

			c.bore_um = syringes[s].bore_um;
			c.capacity_nl = syringes[s].capacity_nl;
			c.mode = MESO_MODE_REPEAT;
			c.dose_nl = doses[i % 3];
			c.rate_mhz = rates[i / 3 % 2];
			c.viscosity_upas = viscosities[i / 6 % 4];
			c.needle_um = needles[i / 24].um;
			c.needle_length_um = needles[i / 24].length_um;
			c.needles = needles[i / 24].count;
			/* the smallest syringe holds no three of the largest dose */
			if (c.dose_nl * 4 > c.capacity_nl)
				continue;
			/* a shot of more than 9 s would be a stuck trigger here */
			if (c.viscosity_upas == 50000 && c.dose_nl == 100000 && c.needles == 1)
				continue;
			measure(&w, &c);
		}
	ck_assert_uint_gt(w.measured, 300);
	printf("overshoot: %u configurations, worst %llu nl of %u nl (%.0f %%), "
	       "looseness at most %.0f %% of what is allowed\n",
	       w.measured, (unsigned long long)w.beyond_nl, w.bound_nl, 100 * w.ratio,
	       100 * w.loose);
}
END_TEST

START_TEST(a_sound_gun_stays_within_its_lease)
{
	struct rig *r = rig_ready(400000, 20);

	for (unsigned i = 0; i < 25; i++) {
		rig_run(r, 400);
		rig_press(r);
	}
	rig_drain(r);
	ck_assert_uint_eq(rig_truth(r).max_beyond_lease_fl, 0);
	ck_assert_uint_gt(rig_truth(r).lease_fl, 399000000000);
	rig_free(r);
}
END_TEST

START_TEST(an_unknown_configuration_has_the_widest_bound)
{
	struct meso_config none = { 0 };
	u32 widest = meso_model_overshoot_nl(&none);

	for (unsigned s = 0; s < ARRAY_SIZE(syringes); s++) {
		struct meso_config c = rig_config();

		c.bore_um = syringes[s].bore_um;
		c.dose_nl = 200000;
		c.rate_mhz = 9000;
		c.needles = 9;
		ck_assert_uint_le(meso_model_overshoot_nl(&c), widest);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model overshoot");
	TCase *t = tcase_create("overshoot");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 300);
	tcase_add_test(t, no_faulty_gun_delivers_beyond_its_lease_more_than_the_bound);
	tcase_add_test(t, a_sound_gun_stays_within_its_lease);
	tcase_add_test(t, an_unknown_configuration_has_the_widest_bound);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
