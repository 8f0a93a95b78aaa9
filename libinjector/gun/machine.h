/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gun as the host sees it: something at the other end of a wire.  What
 * crosses it does so as bytes.  Errors are the gun model's (kmod/model/).
 *
 * @now is CLOCK_BOOTTIME in ns and never goes backwards.
 */
#ifndef MG_MACHINE_H
#define MG_MACHINE_H

#include "meso_wire.h"

#define MG_TEXT_MAX 256

struct mg_machine;

struct mg_machine_options {
	const char *memory; /* file of its non-volatile memory */
	const char *truth;  /* file of its body and of what truly happened, or NULL */
	const char *serial; /* or NULL for the default */
	u32 mutants;
	bool keep_power; /* its power was never lost since the last run */
};

/* On failure @error (MG_TEXT_MAX bytes) is a sentence for people. */
int mg_machine_new(const struct mg_machine_options *options, u64 now,
		   struct mg_machine **ret_machine, char *error);
struct mg_machine *mg_machine_free(struct mg_machine *m);

/* Frames */
u64 mg_machine_next_ns(const struct mg_machine *m);
void mg_machine_advance(struct mg_machine *m, u64 now);
int mg_machine_frame(struct mg_machine *m, u64 now, u8 buf[MESO_FRAME_SIZE]);

/* Requests of the host */
int mg_machine_info(struct mg_machine *m, struct meso_info *info);
int mg_machine_registers(struct mg_machine *m, struct meso_registers *regs);
int mg_machine_configure(struct mg_machine *m, u64 now, const struct meso_config *config);
int mg_machine_arm(struct mg_machine *m, u64 now, const u8 block[MESO_ARM_SIZE]);
int mg_machine_heartbeat(struct mg_machine *m, u64 now, const u8 *lease_id);
int mg_machine_fire(struct mg_machine *m, u64 now, const struct meso_fire *fire);
void mg_machine_abort(struct mg_machine *m, u64 now);
int mg_machine_clear(struct mg_machine *m, u64 now, const struct meso_clear *clear);
/* Records of MESO_RECORD_SIZE bytes each from number @from on; returns how many */
int mg_machine_log(struct mg_machine *m, u64 from, u8 *records, u32 max);
int mg_machine_log_ack(struct mg_machine *m, u64 now, const struct meso_ack *ack);

/* The hand.  -ENOENT no such name, -EINVAL value. */
int mg_machine_hand(struct mg_machine *m, u64 now, const char *name, s64 value);
/* Power off and on again with a new boot id. */
int mg_machine_power(struct mg_machine *m, u64 now, bool on);
/* @name: of a mutant, or "none" for all.  -ENOENT */
int mg_machine_mutate(struct mg_machine *m, u64 now, const char *name);
int mg_mutant_by_name(const char *name, u32 *ret_mutant);
const char *mg_mutant_names(void);
/* "name value" lines; returns @buf */
char *mg_machine_print_truth(struct mg_machine *m, char *buf, size_t size);
char *mg_hand_names(char *buf, size_t size);

#endif /* MG_MACHINE_H */
