// SPDX-License-Identifier: GPL-2.0-only
/*
 * See options.h.
 */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "formulary.h"
#include "macros.h"

static const char usage[] =
	"Usage: mesod [OPTION]... [--sim SOCKET|DIR...]\n"
	"Enforces dose limits between injector guns and whoever asks for a dose.\n"
	"\n"
	"  --sim PLACE...     serve simulated guns (meso-gun sockets, or directories of them)\n"
	"                     instead of /dev/mesoN\n"
	"  --address ADDRESS  serve on this private bus instead of the system bus\n"
	"  --owner UID        with --address: who counts as root (default: who runs mesod)\n"
	"  --polkit           with --address: ask polkit there, as on the system bus\n"
	"  --state DIR        where the ledger is (default: $STATE_DIRECTORY or /var/lib/meso)\n"
	"  --mark FILE        where the ledger's head is left too, best on another disk\n"
	"                     (default: meso-ledger.mark in $CACHE_DIRECTORY or /var/cache/meso)\n"
	"  --clock FILE       with --sim, for tests: a boot id and by how many seconds the\n"
	"                     wall clock is wrong, instead of the machine's\n"
	"  --config FILE      tightened limits, the foot pedal (default: /etc/meso/mesod.conf)\n"
	"  --formulary PATH   what may be injected; repeatable, in rising precedence, a directory\n"
	"                     stands for its *.conf (default: /usr/share/meso/formulary.conf,\n"
	"                     /usr/local/share/meso/formulary.conf, /etc/meso/formulary.conf and\n"
	"                     /etc/meso/formulary.d)\n"
	"  --check-formulary  serve nothing: say whether formulary, limits and pedal are in order\n"
	"  --restore BACKUP   serve nothing: put this copy of the ledger in its place; root only,\n"
	"                     while no mesod runs\n"
	"  --reason TEXT      with --restore: why, as recorded (no names of patients)\n"
	"  --debug            log more\n"
	"  --help, --version\n";

static const struct option long_options[] = {
	{ "sim", required_argument, NULL, 's' },
	{ "address", required_argument, NULL, 'a' },
	{ "owner", required_argument, NULL, 'o' },
	{ "polkit", no_argument, NULL, 'p' },
	{ "state", required_argument, NULL, 'S' },
	{ "mark", required_argument, NULL, 'm' },
	{ "config", required_argument, NULL, 'c' },
	{ "formulary", required_argument, NULL, 'f' },
	{ "check-formulary", no_argument, NULL, 'F' },
	{ "clock", required_argument, NULL, 'C' },
	{ "restore", required_argument, NULL, 'r' },
	{ "reason", required_argument, NULL, 'R' },
	{ "debug", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static int refuse(const char *what, const char *value)
{
	fprintf(stderr, "mesod: %s%s%s. See mesod --help.\n", what, value ? ": " : "",
		value ? value : "");
	return -EINVAL;
}

static int add_sim(struct options *options, const char *place)
{
	/* The longest path a Unix socket may have, and the "sim:" before it. */
	if (!*place || strlen(place) > 107)
		return refuse("a socket or directory of 1 to 107 bytes is needed", place);
	if (options->n_sim == SIM_PLACES_MAX)
		return refuse("too many places of simulated guns, 32 are allowed", place);
	options->sim[options->n_sim++] = place;
	return 0;
}

static int add_formulary(struct options *options, const char *path)
{
	if (options->n_formulary == FORMULARY_PLACES_MAX)
		return refuse("too many layers of the formulary, 16 are allowed", path);
	options->formulary[options->n_formulary++] = path;
	return 0;
}

static int parse_uid(const char *text, uid_t *ret)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > 0xfffffffeUL)
		return refuse("a numeric uid is needed", text);
	*ret = (uid_t)value;
	return 0;
}

static int set_option(struct options *options, int letter, const char *value)
{
	switch (letter) {
	case 's':
		return add_sim(options, value);
	case 'a':
		options->address = value;
		return 0;
	case 'o':
		return parse_uid(value, &options->owner);
	case 'p':
		options->polkit = true;
		return 0;
	case 'S':
		free(options->state);
		options->state = strdup(value);
		return options->state ? 0 : -ENOMEM;
	case 'm':
		free(options->mark);
		options->mark = strdup(value);
		return options->mark ? 0 : -ENOMEM;
	case 'c':
		options->config = value;
		return 0;
	case 'f':
		return add_formulary(options, value);
	case 'F':
		options->check_formulary = true;
		return 0;
	case 'C':
		options->clock = value;
		return 0;
	case 'r':
		options->restore = value;
		return 0;
	case 'R':
		options->reason = value;
		return 0;
	case 'd':
		options->log_level = LOG_DEBUG;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'v':
		puts("mesod " MESO_VERSION);
		return 1;
	default:
		fputs("mesod: see mesod --help.\n", stderr);
		return -EINVAL;
	}
}

/* systemd may list several directories; the first is ours. */
static char *directory_of(const char *variable, const char *fallback)
{
	const char *value = getenv(variable);

	if (!value || !*value)
		return strdup(fallback);
	return strndup(value, strcspn(value, ":"));
}

static int set_defaults(struct options *options)
{
	if (!options->state)
		options->state = directory_of("STATE_DIRECTORY", "/var/lib/meso");
	if (!options->n_formulary)
		for (size_t i = 0; i < FORMULARY_DEFAULT_PATHS; i++)
			options->formulary[options->n_formulary++] = formulary_default_paths[i];
	if (!options->mark) {
		char *directory = directory_of("CACHE_DIRECTORY", "/var/cache/meso");

		if (!directory || asprintf(&options->mark, "%s/meso-ledger.mark", directory) < 0)
			options->mark = NULL;
		free(directory);
	}
	return options->state && options->mark ? 0 : -ENOMEM;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	int letter, r;

	*ret = (struct options){
		.config = LIMITS_DEFAULT_PATH,
		.owner = geteuid(),
		.log_level = LOG_INFO,
	};
	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		r = set_option(ret, letter, optarg);
		if (r)
			return r;
	}
	for (int i = optind; i < argc; i++) {
		if (!ret->n_sim)
			return refuse("an argument that nothing asked for", argv[i]);
		r = add_sim(ret, argv[i]);
		if (r < 0)
			return r;
	}
	/* Nobody's dose is counted by a clock that somebody wrote into a file. */
	if (ret->clock && !ret->n_sim)
		return refuse("--clock needs --sim", NULL);
	if (!ret->restore != !ret->reason)
		return refuse("--restore and --reason belong together", NULL);
	return set_defaults(ret);
}

void options_free(struct options *options)
{
	free(options->state);
	free(options->mark);
	options->state = options->mark = NULL;
}
