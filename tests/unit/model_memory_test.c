// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Non-volatile memory against the world: power cut at every tick of a shot,
 * a write that fails at every place, a byte flipped anywhere.  Whatever
 * happens, the fluid truth never exceeds what is on record.
 */
#include "meso_nvram.h"
#include "model_rig.h"

/* All that is on record as delivered, as a host counts it */
static u64 recorded_fl(const struct rig *r)
{
	return (rig_log_sum_nl(r) + 1) * 1000000;
}

START_TEST(power_lost_at_any_tick_of_a_shot_leaves_no_dose_unrecorded)
{
	unsigned ms, unknown = 0, complete = 0;

	for (ms = 0;; ms++) {
		struct rig *r = rig_ready(100000, 5);
		u64 number = r->m.fw.head.shot_count + 1;
		struct meso_shot shot;
		struct meso_frame f;

		ck_assert_int_eq(rig_fire(r), 0);
		rig_run(r, ms);
		rig_power_cycle(r);
		f = rig_frame(r);
		ck_assert_uint_eq(f.lease_end, MESO_END_REBOOT);
		ck_assert(!(f.status & MESO_STATUS_LEASE_OPEN));
		ck_assert_uint_eq(f.shot_count, number);
		rig_drain(r);
		shot = rig_shot(r, number);
		ck_assert_mem_eq(shot.lease_id, r->lease.id, sizeof(shot.lease_id));
		ck_assert_uint_le(rig_truth(r).lease_fl, recorded_fl(r));
		if (shot.result == MESO_SHOT_UNKNOWN) {
			ck_assert_uint_eq(shot.reported_nl, shot.asked_nl);
			unknown++;
		} else {
			ck_assert_uint_eq(shot.result, MESO_SHOT_COMPLETE);
			complete++;
		}
		/* and the gun goes on counting where it was */
		ck_assert_uint_eq(f.epoch, RIG_EPOCH);
		rig_free(r);
		if (complete == 3)
			break;
		ck_assert_uint_lt(ms, 2000);
	}
	/* 181 ms of motion, and the settling after it */
	ck_assert_uint_gt(unknown, 181);
}
END_TEST

START_TEST(a_gun_started_from_its_saved_memory_knows_the_unfinished_shot)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_model_params params;
	struct meso_shot shot;
	static struct meso_model other;

	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 50);
	meso_model_params_default(&params);
	ck_assert_int_eq(meso_model_init(&other, &params, &r->durable, 77, NULL, NULL), 0);
	meso_model_power_on(&other, 99, r->now);
	ck_assert_int_eq(meso_model_log_read(&other, 4, &shot, 1), 1);
	ck_assert_uint_eq(shot.number, 4);
	ck_assert_uint_eq(shot.result, MESO_SHOT_UNKNOWN);
	ck_assert_uint_eq(rig_larger_nl(&shot), 20000);
	ck_assert_uint_eq(other.fw.head.epoch, RIG_EPOCH);
	ck_assert_uint_eq(other.fw.head.last_sequence, r->lease.sequence);
	rig_free(r);
}
END_TEST

/* A whole treatment with a memory that fails at the n-th write (and, if
 * @rest, ever after); returns whether it failed at all */
static bool treat_with_failing_memory(unsigned n, bool rest)
{
	struct rig *r = rig_new();
	u64 durable_nl = 0, claimed;
	bool failed;

	r->fail_at = r->commits + n;
	r->fail_rest = rest;
	rig_arm(r, MESO_KIND_PRIME, 60000, 3);
	for (unsigned i = 0; i < 3; i++) {
		rig_run(r, 150);
		rig_fire(r);
		rig_drain(r);
		if (rest && r->commits > r->fail_at + 3)
			break;
	}
	rig_run(r, 50);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	rig_arm(r, MESO_KIND_TREAT, 60000, 3);
	for (unsigned i = 0; i < 3; i++) {
		rig_run(r, 150);
		rig_fire(r);
		rig_run(r, 90);
		if (i == 2)
			meso_model_abort(&r->m, r->now);
		rig_run(r, 600);
	}
	failed = r->commits >= r->fail_at;
	ck_assert(!failed || (r->m.fw.head.faults & MESO_FAULT_MEMORY));
	if (failed && rest)
		ck_assert_int_ne(rig_arm(r, MESO_KIND_PRIME, 20000, 1), 0);

	/* a write that failed has left no trace in the gun's own memory either */
	ck_assert_mem_eq(&r->m.nv, &r->durable, sizeof(r->durable));

	/* what the memory holds, were power lost now: records, and the intent */
	ck_assert_int_eq(meso_nv_check(&r->durable), 0);
	for (u64 i = 1; i <= r->durable.head.shot_count; i++)
		durable_nl += rig_larger_nl(meso_nv_record(&r->durable, i));
	if (r->durable.head.intent.number)
		durable_nl += r->durable.head.intent.asked_nl;
	ck_assert_msg(rig_truth(r).delivered_fl <= (durable_nl + 1) * 1000000,
		      "write %u fails: %llu fl delivered, %llu nl on record", n,
		      (unsigned long long)rig_truth(r).delivered_fl,
		      (unsigned long long)durable_nl);
	claimed = r->m.fw.head.total_nl;
	ck_assert_uint_le(claimed, durable_nl);
	rig_free(r);
	return failed;
}

START_TEST(a_write_that_fails_anywhere_never_lets_an_unrecorded_dose_out)
{
	unsigned n;

	for (n = 1; treat_with_failing_memory(n, false); n++)
		ck_assert_uint_lt(n, 1000);
	ck_assert_uint_gt(n, 12);
}
END_TEST

START_TEST(a_memory_that_fails_for_good_stops_the_gun)
{
	unsigned n;

	for (n = 1; treat_with_failing_memory(n, true); n++)
		ck_assert_uint_lt(n, 1000);
	ck_assert_uint_gt(n, 12);
}
END_TEST

START_TEST(a_record_that_could_not_be_written_is_published_only_once_it_is)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_shot shot;

	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 50);
	rig_hand(r, MESO_HAND_FAIL_COMMIT, 1000000);
	ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
	rig_run(r, 500);
	ck_assert_uint_eq(rig_frame(r).shot_count, 3);
	ck_assert(rig_frame(r).faults & MESO_FAULT_MEMORY);
	ck_assert_int_eq(meso_model_log_read(&r->m, 4, &shot, 1), 0);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_MEMORY), -EBUSY);
	rig_hand(r, MESO_HAND_FAIL_COMMIT, 0);
	rig_run(r, 50);
	ck_assert_uint_eq(rig_shot(r, 4).result, MESO_SHOT_STOPPED);
	ck_assert_uint_eq(r->durable.head.shot_count, 4);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_MEMORY), 0);
	rig_free(r);
}
END_TEST

START_TEST(every_flipped_byte_of_the_image_is_found)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_nvram *nv = &r->durable;
	u8 *bytes = (u8 *)nv;

	ck_assert_int_eq(rig_fire(r), 0);
	rig_drain(r);
	ck_assert_int_eq(meso_nv_check(nv), 0);
	for (size_t i = 0; i < sizeof(*nv); i++) {
		bytes[i] ^= (u8)(1 << (i & 7));
		ck_assert_int_eq(meso_nv_check(nv), -EBADMSG);
		bytes[i] ^= (u8)(1 << (i & 7));
	}
	ck_assert_int_eq(meso_nv_check(nv), 0);
	rig_free(r);
}
END_TEST

START_TEST(an_image_of_another_version_or_slots_out_of_place_is_not_trusted)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_nv_slot slot = r->durable.log[1];

	/* each whole in itself, but not where it belongs */
	r->durable.log[1] = r->durable.log[2];
	r->durable.log[2] = slot;
	ck_assert_int_eq(meso_nv_check(&r->durable), -EBADMSG);
	rig_free(r);
}
END_TEST

START_TEST(a_corrupt_memory_is_another_epoch_with_a_fault_and_no_leases)
{
	static const u32 bits[] = { 0, 64, 300, 8 * 207, 8 * 208 + 5, 8 * 5000 };

	for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
		struct rig *r = rig_ready(100000, 5);
		struct meso_frame f;

		meso_model_power_off(&r->m, r->now);
		rig_hand(r, MESO_HAND_CORRUPT_MEMORY, bits[i]);
		rig_power_cycle(r);
		f = rig_frame(r);
		ck_assert_uint_ne(f.epoch, RIG_EPOCH);
		ck_assert_uint_ne(f.epoch, 0);
		ck_assert_uint_eq(f.faults, MESO_FAULT_MEMORY);
		ck_assert_uint_eq(f.state, MESO_GUN_FAULT);
		ck_assert_uint_eq(f.shot_count, 0);
		ck_assert_int_eq(meso_model_configure(&r->m, r->now, &r->config), 0);
		ck_assert_int_eq(rig_arm(r, MESO_KIND_PRIME, 60000, 3), -EACCES);
		ck_assert_int_eq(rig_clear(r, MESO_FAULT_MEMORY), 0);
		rig_hand(r, MESO_HAND_CONTACT, 0);
		rig_run(r, 2);
		ck_assert_int_eq(rig_arm(r, MESO_KIND_PRIME, 60000, 3), 0);
		/* and the new memory is a good one */
		ck_assert_int_eq(meso_nv_check(&r->durable), 0);
		rig_free(r);
	}
}
END_TEST

START_TEST(a_reset_memory_has_the_new_epoch_and_counts_from_nothing)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_frame f;

	rig_hand(r, MESO_HAND_RESET_MEMORY, 4242);
	f = rig_frame(r);
	ck_assert_uint_eq(f.epoch, 4242);
	ck_assert_uint_eq(f.shot_count, 0);
	ck_assert_uint_eq(f.total_nl, 0);
	ck_assert_uint_eq(f.last_sequence, 0);
	ck_assert(!(f.status & MESO_STATUS_LEASE_OPEN));
	rig_power_cycle(r);
	ck_assert_uint_eq(rig_frame(r).epoch, 4242);
	rig_free(r);
}
END_TEST

START_TEST(counters_faults_and_the_host_mark_survive_a_power_cycle)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_registers regs;
	struct meso_frame before, after;

	ck_assert_int_eq(rig_fire(r), 0);
	rig_drain(r);
	rig_hand(r, MESO_HAND_TEMPERATURE, 50000);
	before = rig_frame(r);
	ck_assert_uint_eq(before.faults, MESO_FAULT_OVER_TEMPERATURE);
	rig_hand(r, MESO_HAND_TEMPERATURE, 25000);
	rig_power_cycle(r);
	after = rig_frame(r);
	ck_assert_uint_eq(after.faults, before.faults);
	ck_assert_uint_eq(after.fault_counter, before.fault_counter);
	ck_assert_uint_eq(after.shot_count, before.shot_count);
	ck_assert_uint_eq(after.total_nl, before.total_nl);
	ck_assert_uint_eq(after.last_sequence, r->lease.sequence);
	ck_assert_uint_eq(after.log_acked, 3);
	ck_assert_mem_eq(after.lease_id, r->lease.id, sizeof(after.lease_id));
	ck_assert_int_eq(meso_model_registers(&r->m, &regs), 0);
	ck_assert_uint_eq(regs.mark.sequence, r->lease.mark.sequence);
	ck_assert_uint_eq(rig_shot(r, 4).number, 4);
	ck_assert_uint_ne(after.boot_id, before.boot_id);
	rig_free(r);
}
END_TEST

START_TEST(number_and_intent_are_in_memory_before_the_plunger_moves)
{
	struct rig *r = rig_ready(100000, 5);

	ck_assert_uint_eq(r->durable.head.intent.number, 0);
	ck_assert_int_eq(rig_fire(r), 0);
	/* no time has passed: nothing can have moved */
	ck_assert_uint_eq(r->durable.head.intent.number, 4);
	ck_assert_uint_eq(r->durable.head.intent.asked_nl, 20000);
	ck_assert_mem_eq(r->durable.head.intent.lease_id, r->lease.id, MESO_LEASE_ID_LEN);
	ck_assert_int_eq(r->durable.head.intent.start_nm, rig_truth(r).plunger_nm);
	rig_drain(r);
	ck_assert_uint_eq(r->durable.head.intent.number, 0);
	ck_assert_uint_eq(r->durable.head.shot_count, 4);
	rig_free(r);
}
END_TEST

START_TEST(a_full_log_takes_no_lease_and_acknowledging_frees_slots_for_ever)
{
	struct meso_config c = rig_config();
	struct meso_shot shots[4];
	struct rig *r;

	c.dose_nl = 1000;
	r = rig_new_with(c);
	rig_make_ready(r, 256000, MESO_LOG_SIZE);
	for (unsigned i = 0; i < MESO_LOG_SIZE; i++) {
		rig_run(r, 200);
		ck_assert_int_eq(rig_fire(r), 0);
	}
	rig_drain(r);
	ck_assert_uint_eq(r->m.fw.head.shot_count - r->m.fw.head.log_acked, MESO_LOG_SIZE);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 1000, 1), -ENOSPC);
	ck_assert_int_eq(meso_model_log_ack(&r->m, r->now, r->m.fw.head.epoch,
					    50 + MESO_LOG_SIZE + 1),
			 -ERANGE);
	ck_assert_int_eq(meso_model_log_ack(&r->m, r->now, r->m.fw.head.epoch, 50 + 2), 0);
	ck_assert_int_eq(meso_model_log_read(&r->m, 0, shots, 4), 4);
	ck_assert_uint_eq(shots[0].number, 53);
	ck_assert_int_eq(meso_model_log_ack(&r->m, r->now, r->m.fw.head.epoch, 1), 0);
	ck_assert_uint_eq(rig_frame(r).log_acked, 52);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 3000, 3), -ENOSPC);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 2000, 2), 0);
	rig_power_cycle(r);
	ck_assert_uint_eq(rig_frame(r).log_acked, 52);
	ck_assert_uint_eq(rig_frame(r).epoch, RIG_EPOCH);
	rig_free(r);
}
END_TEST

START_TEST(parameters_out_of_range_make_no_gun)
{
	static struct meso_model m;
	struct meso_model_params good, p;

	meso_model_params_default(&good);
	ck_assert_int_eq(meso_model_init(&m, &good, NULL, 1, NULL, NULL), 0);
	ck_assert_int_eq(meso_model_init(&m, &good, NULL, 0, NULL, NULL), -EINVAL);
	p = good, p.serial[0] = '\0';
	ck_assert_int_eq(meso_model_init(&m, &p, NULL, 1, NULL, NULL), -EINVAL);
	p = good, p.serial[0] = '/';
	ck_assert_int_eq(meso_model_init(&m, &p, NULL, 1, NULL, NULL), -EINVAL);
	p = good, memset(p.serial, 'a', sizeof(p.serial));
	ck_assert_int_eq(meso_model_init(&m, &p, NULL, 1, NULL, NULL), -EINVAL);
	p = good, p.backlash_nm = -1;
	ck_assert_int_eq(meso_model_init(&m, &p, NULL, 1, NULL, NULL), -EINVAL);
	p = good, p.compliance_nl_per_mpa = 0;
	ck_assert_int_eq(meso_model_init(&m, &p, NULL, 1, NULL, NULL), -EINVAL);
	p = good, p.compliance_nl_per_mpa = 20001;
	ck_assert_int_eq(meso_model_init(&m, &p, NULL, 1, NULL, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model memory");
	TCase *t = tcase_create("memory");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, power_lost_at_any_tick_of_a_shot_leaves_no_dose_unrecorded);
	tcase_add_test(t, a_gun_started_from_its_saved_memory_knows_the_unfinished_shot);
	tcase_add_test(t, a_write_that_fails_anywhere_never_lets_an_unrecorded_dose_out);
	tcase_add_test(t, a_memory_that_fails_for_good_stops_the_gun);
	tcase_add_test(t, a_record_that_could_not_be_written_is_published_only_once_it_is);
	tcase_add_test(t, every_flipped_byte_of_the_image_is_found);
	tcase_add_test(t, an_image_of_another_version_or_slots_out_of_place_is_not_trusted);
	tcase_add_test(t, a_corrupt_memory_is_another_epoch_with_a_fault_and_no_leases);
	tcase_add_test(t, a_reset_memory_has_the_new_epoch_and_counts_from_nothing);
	tcase_add_test(t, counters_faults_and_the_host_mark_survive_a_power_cycle);
	tcase_add_test(t, number_and_intent_are_in_memory_before_the_plunger_moves);
	tcase_add_test(t, a_full_log_takes_no_lease_and_acknowledging_frees_slots_for_ever);
	tcase_add_test(t, parameters_out_of_range_make_no_gun);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
