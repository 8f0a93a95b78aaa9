// SPDX-License-Identifier: GPL-2.0-only
/*
 * See basis.h.
 */
#include "basis.h"

#include <stdio.h>
#include <string.h>

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
		return r;
	}
	return formulary_load(options->formulary, options->n_formulary, &reading->formulary,
			      reading->error);
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
		log_main(mesod, LOG_ERR, "%s", reading.error);
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

/* ------------------------------------------------- looked at only */

int basis_check(const struct options *options)
{
	char hash[FORMULARY_HASH_TEXT_MAX];
	struct reading reading = { 0 };
	int r;

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
