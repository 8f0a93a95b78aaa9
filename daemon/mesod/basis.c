// SPDX-License-Identifier: GPL-2.0-only
/*
 * See basis.h.
 */
#include "basis.h"

#include <stdio.h>
#include <string.h>

#include "bus.h"
#include "bus_errors.h"
#include "gun.h"
#include "lease.h"
#include "mesod.h"

/* Limits and formulary as the files have them, before they are anybody's. */
struct reading {
	struct limits limits;
	struct formulary *formulary;
	char error[FORMULARY_ERROR_MAX];
};

static int read_files(const struct options *options, struct reading *reading)
{
	char why[LIMITS_TEXT_MAX] = "";
	int r;

	r = limits_load(&options->config, 1, &reading->limits, why);
	if (r < 0) {
		text_copy(reading->error, sizeof(reading->error), *why ? why : strerrordesc_np(-r));
		formulary_make_text(reading->error);
		return r;
	}
	return formulary_load(options->formulary, options->n_formulary, &reading->formulary,
			      reading->error);
}

/* Once, at the start: no pedal changes hands while guns may be armed. */
static int load_pedal(const struct options *options, struct pedal_config *ret, char *error)
{
	char why[CONF_TEXT_MAX] = "";
	int r = pedal_config_load(options->config, ret, why);

	if (r < 0) {
		text_copy(error, FORMULARY_ERROR_MAX, *why ? why : strerrordesc_np(-r));
		formulary_make_text(error);
	}
	return r;
}

/* ------------------------------------------------- the beginning */

int basis_load(struct mesod *mesod)
{
	char hash[FORMULARY_HASH_TEXT_MAX];
	struct reading reading = { 0 };
	int r;

	r = read_files(&mesod->options, &reading);
	if (r < 0) {
		/* Numbers that somebody meant and that are not understood: rather no dose at all. */
		log_main_id(mesod, LOG_ERR, MESSAGE_BAD_CONFIG, "%s", reading.error);
		return r;
	}
	r = load_pedal(&mesod->options, &mesod->pedal, reading.error);
	if (r < 0) {
		log_main_id(mesod, LOG_ERR, MESSAGE_BAD_CONFIG, "%s", reading.error);
		formulary_free(reading.formulary);
		return r;
	}
	mesod->limits = reading.limits;
	mesod->formulary = reading.formulary;
	mesod->basis = (struct policy_basis){ &mesod->limits, mesod->formulary };
	if (!mesod->formulary->n_preparations)
		log_main(mesod, LOG_WARNING,
			 "the formulary has no preparation: nothing can be given");
	log_main(mesod, LOG_INFO, "formulary %s: %zu substances, %zu preparations, %zu areas",
		 formulary_hash_text(mesod->formulary, hash), mesod->formulary->n_substances,
		 mesod->formulary->n_preparations, mesod->formulary->n_areas);
	return 0;
}

void basis_free(struct mesod *mesod)
{
	mesod->formulary = formulary_free(mesod->formulary);
	mesod->basis.formulary = NULL;
}

/* ------------------------------------------------- read again */

struct reload {
	struct mesod *mesod;
	sd_bus_message *call;
	uint32_t uid;
	struct reading reading;
};

static void reload_free(struct reload *reload)
{
	formulary_free(reload->reading.formulary);
	sd_bus_message_unref(reload->call);
	free(reload);
}

/* In the worker: the loop never waits for a disk. */
static int reload_run(void *owned, void *userdata)
{
	struct reload *reload = userdata;

	(void)owned;
	return read_files(&reload->mesod->options, &reload->reading);
}

static bool is_same(const struct mesod *mesod, const struct reading *reading)
{
	return memcmp(mesod->formulary->hash, reading->formulary->hash, FORMULARY_HASH_LEN) == 0 &&
	       limits_is_tighter(&mesod->limits, &reading->limits, NULL) &&
	       limits_is_tighter(&reading->limits, &mesod->limits, NULL);
}

static bool is_tighter(const struct mesod *mesod, const struct reading *reading,
		       char reason[static FORMULARY_ERROR_MAX])
{
	_Static_assert(LIMITS_TEXT_MAX <= FORMULARY_ERROR_MAX, "either's sentence fits");
	return limits_is_tighter(&mesod->limits, &reading->limits, reason) &&
	       formulary_is_tighter(mesod->formulary, reading->formulary, reason);
}

/* A lease that was granted by what is in force no more. */
struct cut_short {
	struct mesod *mesod;
	int64_t now_s;
	char serial[MESO_SERIAL_LEN];
	uint8_t lease[MESO_LEASE_ID_LEN];
	char text[LEDGER_REASON_MAX];
};

static int cut_short_run(void *owned, void *userdata)
{
	struct cut_short *c = userdata;

	return ledger_add_incident(owned, c->now_s, "limits-changed", c->serial, c->lease, c->text,
				   false);
}

static void cut_short_done(void *userdata, int r)
{
	struct cut_short *c = userdata;

	if (r < 0 && r != -ECANCELED)
		log_main(c->mesod, LOG_ERR, "that gun %s was disarmed is not recorded: %s",
			 c->serial, strerrordesc_np(-r));
	free(c);
}

static void record_cut_short(struct gun *gun, const char *hash)
{
	struct cut_short *c = calloc(1, sizeof(*c));

	if (c) {
		c->mesod = gun->mesod;
		c->now_s = wall_now_s(gun->mesod);
		TEXT_COPY(c->serial, gun->serial);
		memcpy(c->lease, gun->lease->id, sizeof(c->lease));
		snprintf(c->text, sizeof(c->text),
			 "disarmed: formulary or limits have changed, now %s", hash);
		if (worker_submit(gun->mesod->worker, cut_short_run, cut_short_done, c) >= 0)
			return;
	}
	free(c);
	log_gun(gun, LOG_ERR, "disarmed because limits have changed; not recorded");
}

/* First nothing is armed any more, and no attempt to arm that is under way will succeed. */
static void disarm_all(struct mesod *mesod, const char *hash)
{
	for (struct gun *gun = mesod->guns; gun; gun = gun->next) {
		const bool live = gun->lease && gun->lease->stage == LEASE_LIVE;

		gun_disarm(gun);
		if (live)
			record_cut_short(gun, hash);
	}
}

/* No job of the worker that looks at the basis is under way: those of before are done with, and clients'
 * are not taken since. */
static void put_in_force(struct mesod *mesod, struct reading *reading)
{
	char hash[FORMULARY_HASH_TEXT_MAX];

	formulary_hash_text(reading->formulary, hash);
	disarm_all(mesod, hash);
	/* Sessions remember things by their indices. */
	if (mesod->sessions)
		formulary_align(reading->formulary, mesod->formulary);
	formulary_free(mesod->formulary);
	mesod->formulary = TAKE_PTR(reading->formulary);
	mesod->limits = reading->limits;
	mesod->basis.formulary = mesod->formulary;
	bus_formulary_changed(mesod);
}

static void answer_reload(const struct reload *reload, bool changed)
{
	char hash[FORMULARY_HASH_TEXT_MAX];
	struct mesod *mesod = reload->mesod;

	formulary_hash_text(mesod->formulary, hash);
	log_main(mesod, LOG_NOTICE, "formulary %s and limits were read again by uid %u: %s", hash,
		 reload->uid, changed ? "changed" : "as before");
	if (reload->call)
		(void)sd_bus_reply_method_return(reload->call, "sb", hash, changed);
}

static void refuse_reload(const struct reload *reload, const char *name, const char *before,
			  const char *reason)
{
	log_main_id(reload->mesod, LOG_ERR, MESSAGE_BAD_CONFIG,
		    "formulary and limits stay as they are: %s%s", before, reason);
	if (reload->call)
		bus_reply_error(reload->call, name, "%s%s", before, reason);
}

static void reload_done(void *userdata, int r)
{
	char reason[FORMULARY_ERROR_MAX] = "";
	struct reload *reload = userdata;
	struct mesod *mesod = reload->mesod;

	mesod->reloads--;
	if (r == -ECANCELED) {
		reload_free(reload);
		return;
	}
	if (r < 0) {
		refuse_reload(reload, ERROR_INVALID_ARGUMENT, "", reload->reading.error);
	} else if (is_same(mesod, &reload->reading)) {
		answer_reload(reload, false);
	} else if (mesod->sessions && !is_tighter(mesod, &reload->reading, reason)) {
		refuse_reload(
			reload, ERROR_INTERLOCK,
			"a session is open, and only what is tighter may come in force: ", reason);
	} else {
		put_in_force(mesod, &reload->reading);
		answer_reload(reload, true);
	}
	reload_free(reload);
}

int basis_reload(struct mesod *mesod, sd_bus_message *call, uint32_t uid, sd_bus_error *error)
{
	struct reload *reload = calloc(1, sizeof(*reload));
	int r = -ENOMEM;

	if (reload) {
		reload->mesod = mesod;
		reload->call = sd_bus_message_ref(call);
		reload->uid = uid;
		r = worker_submit(mesod->worker, reload_run, reload_done, reload);
	}
	if (r >= 0) {
		mesod->reloads++;
		return 1;
	}
	if (reload)
		reload_free(reload);
	log_main(mesod, LOG_ERR, "formulary and limits cannot be read again: %s",
		 strerrordesc_np(-r));
	return error ? bus_fail_busy_worker(error, r) : r;
}

/* ------------------------------------------------- looked at only */

int basis_check(const struct options *options)
{
	char hash[FORMULARY_HASH_TEXT_MAX];
	struct reading reading = { 0 };
	struct pedal_config pedal;
	int r;

	r = load_pedal(options, &pedal, reading.error);
	if (r >= 0)
		r = read_files(options, &reading);
	if (r < 0) {
		fprintf(stderr, "mesod: %s\n", reading.error);
		return r;
	}
	printf("formulary %s: %zu substances, %zu preparations, %zu areas\n",
	       formulary_hash_text(reading.formulary, hash), reading.formulary->n_substances,
	       reading.formulary->n_preparations, reading.formulary->n_areas);
	formulary_free(reading.formulary);
	return 0;
}
