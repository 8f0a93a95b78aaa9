// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The only door to the gun model.  Being written: every entry says -ENODEV.
 */
#include "meso_model.h"

int meso_model_init(struct meso_model *m, const struct meso_model_params *params,
		    const struct meso_nvram *nv, u64 epoch,
		    int (*commit)(void *ctx, const struct meso_nvram *nv), void *ctx)
{ (void)params; (void)nv; (void)epoch; memset(m, 0, sizeof(*m)); m->commit = commit; m->ctx = ctx; return 0; }
void meso_model_params_default(struct meso_model_params *p) { memset(p, 0, sizeof(*p)); }
void meso_model_power_on(struct meso_model *m, u64 boot_id, u64 now_ns) { (void)m; (void)boot_id; (void)now_ns; }
void meso_model_power_off(struct meso_model *m, u64 now_ns) { (void)m; (void)now_ns; }
void meso_model_advance(struct meso_model *m, u64 now_ns) { (void)m; (void)now_ns; }
u64 meso_model_next_ns(const struct meso_model *m) { (void)m; return U64_MAX; }
int meso_model_frame(struct meso_model *m, u64 now_ns, struct meso_frame *frame) { (void)m; (void)now_ns; (void)frame; return -ENODEV; }
int meso_model_info(const struct meso_model *m, struct meso_info *info) { (void)m; (void)info; return -ENODEV; }
int meso_model_registers(const struct meso_model *m, struct meso_registers *regs) { (void)m; (void)regs; return -ENODEV; }
int meso_model_configure(struct meso_model *m, u64 now_ns, const struct meso_config *c) { (void)m; (void)now_ns; (void)c; return -ENODEV; }
int meso_model_arm(struct meso_model *m, u64 now_ns, const struct meso_lease *arm) { (void)m; (void)now_ns; (void)arm; return -ENODEV; }
int meso_model_heartbeat(struct meso_model *m, u64 now_ns, const u8 *lease_id) { (void)m; (void)now_ns; (void)lease_id; return -ENODEV; }
int meso_model_fire(struct meso_model *m, u64 now_ns, const u8 *lease_id, u64 expect) { (void)m; (void)now_ns; (void)lease_id; (void)expect; return -ENODEV; }
int meso_model_abort(struct meso_model *m, u64 now_ns) { (void)m; (void)now_ns; return -ENODEV; }
int meso_model_clear_faults(struct meso_model *m, u64 now_ns, u32 mask, u64 boot_id, u32 counter) { (void)m; (void)now_ns; (void)mask; (void)boot_id; (void)counter; return -ENODEV; }
int meso_model_log_read(const struct meso_model *m, u64 from, struct meso_shot *shots, u32 max) { (void)m; (void)from; (void)shots; (void)max; return -ENODEV; }
int meso_model_log_ack(struct meso_model *m, u64 now_ns, u64 upto) { (void)m; (void)now_ns; (void)upto; return -ENODEV; }
int meso_model_hand(struct meso_model *m, u64 now_ns, enum meso_hand what, s64 value) { (void)m; (void)now_ns; (void)what; (void)value; return -ENODEV; }
int meso_hand_by_name(const char *name) { (void)name; return -ENOENT; }
const char *meso_hand_name(enum meso_hand what) { (void)what; return "?"; }
void meso_model_truth(const struct meso_model *m, struct meso_truth *truth) { (void)m; memset(truth, 0, sizeof(*truth)); }
u32 meso_model_overshoot_nl(const struct meso_config *config) { (void)config; return 0; }
