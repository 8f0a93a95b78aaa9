// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Joins the gun model to the files that outlive this process: its non-volatile
 * memory, its body (where the plunger is, what is in the syringe) and the truth.
 *
 * A process that ends, however, is a gun that lost its power; the body stays as
 * it was, and what compliance had stored still comes out.
 */
#include "machine.h"
#include "memory.h"
#include "truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* What the truth file keeps of a gun */
struct body {
	u64 now;
	struct meso_model model; /* its pointers mean nothing to another process */
};

struct mg_machine {
	struct meso_model model;
	struct mg_memory memory;
	struct mg_truth *truth;
	struct body body; /* too large for the stack */
};

/* How long fluid goes on flowing after the power went, before the gun is started again */
#define DRAIN_NS 5000000000ull

static const struct {
	const char *name;
	u32 mutant;
} mutants[] = {
	{ "no-budget", MESO_MUTANT_NO_BUDGET }, { "no-heartbeat", MESO_MUTANT_NO_HEARTBEAT },
	{ "lying-log", MESO_MUTANT_LYING_LOG }, { "runaway", MESO_MUTANT_RUNAWAY },
	{ "no-abort", MESO_MUTANT_NO_ABORT },   { "double-shot", MESO_MUTANT_DOUBLE_SHOT },
	{ "no-expiry", MESO_MUTANT_NO_EXPIRY }, { "replay", MESO_MUTANT_REPLAY },
	{ "skip-log", MESO_MUTANT_SKIP_LOG },   { "auto-rearm", MESO_MUTANT_AUTO_REARM },
};

int mg_mutant_by_name(const char *name, u32 *ret_mutant)
{
	for (size_t i = 0; i < ARRAY_SIZE(mutants); i++)
		if (strcmp(name, mutants[i].name) == 0) {
			*ret_mutant = mutants[i].mutant;
			return 0;
		}
	return -ENOENT;
}

const char *mg_mutant_names(void)
{
	return "no-budget no-heartbeat lying-log runaway no-abort double-shot no-expiry replay "
	       "skip-log auto-rearm";
}

static int random_u64(u64 *ret)
{
	do
		if (getrandom(ret, sizeof(*ret), 0) != sizeof(*ret))
			return -EIO;
	while (!*ret);
	return 0;
}

static int commit(void *ctx, const struct meso_nvram *nv)
{
	struct mg_machine *m = ctx;

	return mg_memory_store(&m->memory, nv);
}

static void save(struct mg_machine *m, u64 now)
{
	struct meso_truth truth;

	if (!m->truth)
		return;
	meso_model_truth(&m->model, &truth);
	m->body.now = now;
	m->body.model = m->model;
	mg_truth_save(m->truth, &truth, &m->body);
}

static int open_files(struct mg_machine *m, const struct mg_machine_options *o, char *error)
{
	int r;

	r = mg_memory_open(&m->memory, o->memory);
	if (r < 0) {
		snprintf(error, MG_TEXT_MAX,
			 r == -EBUSY ? "%s: another meso-gun uses this memory"
				     : "%s: cannot open the gun's memory: %s",
			 o->memory, strerror(-r));
		return r;
	}
	if (!o->truth)
		return 0;
	r = mg_truth_open(o->truth, sizeof(struct body), &m->truth);
	if (r < 0)
		snprintf(error, MG_TEXT_MAX,
			 r == -EPROTO  ? "%s: not a truth file of this version of meso-gun; remove "
					 "it to start with a new gun"
			 : r == -EBUSY ? "%s: another meso-gun uses this truth file"
				       : "%s: cannot open the truth file: %s",
			 o->truth, strerror(-r));
	return r;
}

/* Time has passed since the body was saved, and its clock may have started anew with the
 * computer: only the body is taken over, and the fluid is given the time to settle. */
static void restore_body(struct mg_machine *m, u64 now)
{
	m->model.physics = m->body.model.physics;
	m->model.armed_ticks = m->body.model.armed_ticks;
	meso_model_power_off(&m->model, now > DRAIN_NS ? now - DRAIN_NS : 0);
	meso_model_advance(&m->model, now);
}

static int start(struct mg_machine *m, const struct mg_machine_options *o, u64 now)
{
	struct meso_model_params params;
	struct meso_nvram nv;
	u64 epoch, boot_id;
	int known, r;

	if (random_u64(&epoch) < 0 || random_u64(&boot_id) < 0)
		return -EIO;
	meso_model_params_default(&params);
	if (o->serial) {
		if (strlen(o->serial) >= sizeof(params.serial))
			return -EINVAL;
		memset(params.serial, 0, sizeof(params.serial));
		memcpy(params.serial, o->serial, strlen(o->serial));
	}
	params.mutants = o->mutants;
	known = mg_memory_load(&m->memory, &nv);
	if (known < 0)
		return known;
	r = meso_model_init(&m->model, &params, known ? &nv : NULL, epoch, commit, m);
	if (r < 0)
		return r;
	if (m->truth && mg_truth_load_body(m->truth, &m->body)) {
		if (o->keep_power && m->body.now <= now) {
			m->model = m->body.model;
			m->model.commit = commit;
			m->model.ctx = m;
			meso_model_advance(&m->model, now);
			return 0;
		}
		restore_body(m, now);
	}
	meso_model_power_on(&m->model, boot_id, now);
	return 0;
}

int mg_machine_new(const struct mg_machine_options *options, u64 now,
		   struct mg_machine **ret_machine, char *error)
{
	struct mg_machine *m;
	int r;

	snprintf(error, MG_TEXT_MAX, "out of memory");
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->memory.fd = -1;
	r = open_files(m, options, error);
	if (r == 0) {
		r = start(m, options, now);
		if (r < 0)
			snprintf(error, MG_TEXT_MAX,
				 r == -EINVAL && options->serial
					 ? "%s: a serial number has 1 to 31 of A-Z a-z 0-9 . _ -"
					 : "%s: cannot start the gun: %s",
				 r == -EINVAL && options->serial ? options->serial
								 : options->memory,
				 strerror(-r));
	}
	if (r < 0) {
		mg_machine_free(m);
		return r;
	}
	save(m, now);
	*ret_machine = m;
	return 0;
}

struct mg_machine *mg_machine_free(struct mg_machine *m)
{
	if (m) {
		mg_truth_close(m->truth);
		mg_memory_close(&m->memory);
		free(m);
	}
	return NULL;
}

u64 mg_machine_next_ns(const struct mg_machine *m)
{
	return meso_model_next_ns(&m->model);
}

void mg_machine_advance(struct mg_machine *m, u64 now)
{
	meso_model_advance(&m->model, now);
	save(m, now);
}

int mg_machine_frame(struct mg_machine *m, u64 now, u8 buf[MESO_FRAME_SIZE])
{
	struct meso_frame frame;
	int r = meso_model_frame(&m->model, now, &frame);

	if (r == 0)
		meso_frame_encode(&frame, buf);
	return r;
}

int mg_machine_info(struct mg_machine *m, struct meso_info *info)
{
	return meso_model_info(&m->model, info);
}

int mg_machine_registers(struct mg_machine *m, struct meso_registers *regs)
{
	return meso_model_registers(&m->model, regs);
}

int mg_machine_configure(struct mg_machine *m, u64 now, const struct meso_config *config)
{
	int r = meso_model_configure(&m->model, now, config);

	save(m, now);
	return r;
}

int mg_machine_arm(struct mg_machine *m, u64 now, const u8 block[MESO_ARM_SIZE])
{
	struct meso_lease lease;
	int r = meso_arm_decode(&lease, block, MESO_ARM_SIZE);

	if (r == 0)
		r = meso_model_arm(&m->model, now, &lease);
	save(m, now);
	return r;
}

int mg_machine_heartbeat(struct mg_machine *m, u64 now, const u8 *lease_id)
{
	int r = meso_model_heartbeat(&m->model, now, lease_id);

	save(m, now);
	return r;
}

int mg_machine_fire(struct mg_machine *m, u64 now, const struct meso_fire *fire)
{
	int r = meso_model_fire(&m->model, now, fire->id, fire->expect);

	save(m, now);
	return r;
}

void mg_machine_abort(struct mg_machine *m, u64 now)
{
	meso_model_abort(&m->model, now);
	save(m, now);
}

int mg_machine_clear(struct mg_machine *m, u64 now, const struct meso_clear *clear)
{
	int r = meso_model_clear_faults(&m->model, now, clear->mask, clear->boot_id,
					clear->counter);

	save(m, now);
	return r;
}

int mg_machine_log(struct mg_machine *m, u64 from, u8 *records, u32 max)
{
	struct meso_shot shots[MESO_SHOTS_MAX];
	int n;

	n = meso_model_log_read(&m->model, from, shots, min_t(u32, max, ARRAY_SIZE(shots)));
	for (int i = 0; i < n; i++)
		meso_record_encode(&shots[i], records + (size_t)i * MESO_RECORD_SIZE);
	return n;
}

int mg_machine_log_ack(struct mg_machine *m, u64 now, const struct meso_ack *ack)
{
	int r = meso_model_log_ack(&m->model, now, ack->epoch, ack->upto);

	save(m, now);
	return r;
}

int mg_machine_hand(struct mg_machine *m, u64 now, const char *name, s64 value)
{
	int what = meso_hand_by_name(name), r;

	if (what < 0)
		return what;
	r = meso_model_hand(&m->model, now, (enum meso_hand)what, value);
	save(m, now);
	return r;
}

int mg_machine_power(struct mg_machine *m, u64 now, bool on)
{
	u64 boot_id;

	if (on) {
		if (random_u64(&boot_id) < 0)
			return -EIO;
		meso_model_power_on(&m->model, boot_id, now);
	} else {
		meso_model_power_off(&m->model, now);
	}
	save(m, now);
	return 0;
}

int mg_machine_mutate(struct mg_machine *m, u64 now, const char *name)
{
	u32 mutant = 0;
	int r = strcmp(name, "none") == 0 ? 0 : mg_mutant_by_name(name, &mutant);

	if (r < 0)
		return r;
	r = meso_model_hand(&m->model, now, MESO_HAND_MUTANTS,
			    mutant ? (s64)(m->model.params.mutants | mutant) : 0);
	save(m, now);
	return r;
}

char *mg_machine_print_truth(struct mg_machine *m, char *buf, size_t size)
{
	struct meso_truth truth;

	meso_model_truth(&m->model, &truth);
	return mg_truth_print(&truth, buf, size);
}

char *mg_hand_names(char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < MESO_HAND_COUNT && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? " " : "",
					 meso_hand_name((enum meso_hand)i));
	return buf;
}
