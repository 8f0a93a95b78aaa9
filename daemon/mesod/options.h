/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the command line and the environment ask for.  It owns these strings; it
 * opens and changes nothing.
 */
#ifndef MESOD_OPTIONS_H
#define MESOD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SIM_PLACES_MAX       32
#define FORMULARY_PLACES_MAX 16

struct options {
	const char *address; /* of a private bus; NULL: the system bus */
	char *state;         /* directory of the ledger */
	char *mark;          /* file that the chain's head is left in too */
	const char *config;
	const char
		*clock; /* with simulated guns: a file that stands in for the clocks; see clock.h */
	const char *restore; /* a backup to put in the ledger's place, instead of serving */
	const char *reason;  /* for that */
	const char *sim[SIM_PLACES_MAX]; /* sockets of meso-gun, or directories of such */
	size_t n_sim;
	const char *formulary[FORMULARY_PLACES_MAX]; /* its layers: files, directories of such */
	size_t n_formulary;
	bool check_formulary; /* say whether it is in order, instead of serving */
	uid_t owner;          /* on a private bus: who counts as root */
	bool polkit;          /* on a private bus: polkit is asked there, as on the system bus */
	int log_level;
};

/**
 * options_parse() - read argv
 * @ret: to be freed with options_free(), also after a failure
 * Return: 0 go on; 1 help or version was printed, end with success; -EINVAL a
 * sentence was printed, end with failure; -ENOMEM.
 */
int options_parse(int argc, char **argv, struct options *ret);
void options_free(struct options *options);

#endif /* MESOD_OPTIONS_H */
