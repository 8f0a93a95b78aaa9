// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * meso-gun: an injector gun made of software, as a process.  Here is only its
 * command line.
 */
#include "server.h"
#include "truth.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: meso-gun --socket=PATH|--usb[=UDC] --memory=FILE [OPTION]...\n"
		"       meso-gun --ask=PATH [LINE...]\n"
		"       meso-gun --print-truth=FILE\n"
		"\n"
		"A mesotherapy injector gun made of software.  Programs reach it by libinjector as\n"
		"sim:PATH; it needs no kernel module and no privileges.  It delivers nothing real.\n"
		"\n"
		"  --socket=PATH       where programs reach the gun\n"
		"  --usb[=UDC]         be a gun on USB instead (FunctionFS, needs root): UDC is a\n"
		"                      device controller, such as dummy_udc.0 of dummy_hcd\n"
		"  --memory=FILE       its non-volatile memory; made when it does not exist\n"
		"  --truth=FILE        its body (plunger, syringe) and what truly happened; with it\n"
		"                      a gun that is started again is as the last one left it\n"
		"  --serial=TEXT       its serial number\n"
		"  --usb-serial=TEXT   the USB plug says another one, for tests\n"
		"  --control=PATH      where its console listens: try  --ask=PATH help\n"
		"  --mutant=NAME       firmware that misbehaves, for tests; may be repeated\n"
		"                      (%s)\n"
		"  --no-power-loss     it kept its power since the last run (needs --truth);\n"
		"                      otherwise a start is a power-up\n"
		"\n"
		"  --ask=PATH LINE...  say LINE to the console of a running gun, print the answer;\n"
		"                      without LINE: each line of the input, and after each answer\n"
		"                      a line \"ok\" or \"error\"\n"
		"  --print-truth=FILE  print what truly happened, from the file of a running or\n"
		"                      dead gun\n"
		"  --help, --version\n"
		"\n"
		"Example:\n"
		"  meso-gun --socket=/tmp/gun --memory=/tmp/gun.nv --control=/tmp/gun.ctl &\n"
		"  meso-gun --ask=/tmp/gun.ctl hand syringe 5000000\n",
		mg_mutant_names());
}

static int complain(const char *what)
{
	fprintf(stderr, "meso-gun: %s; see meso-gun --help\n", what);
	return 2;
}

static int print_truth(const char *path)
{
	struct meso_truth truth;
	char text[2048];
	int r = mg_truth_read(path, &truth);

	if (r < 0) {
		fprintf(stderr, "meso-gun: %s: %s\n", path,
			r == -EPROTO    ? "not a truth file of this version"
			: r == -ENODATA ? "nothing has happened yet"
					: strerror(-r));
		return EXIT_FAILURE;
	}
	fputs(mg_truth_print(&truth, text, sizeof(text)), stdout);
	return EXIT_SUCCESS;
}

/* The words of the command line as one line. */
static int ask(const char *path, char **words, int count)
{
	char line[MG_LINE_MAX] = "";
	size_t used = 0;

	if (!count)
		return mg_console_talk(path, stdin);
	for (int i = 0; i < count; i++) {
		int n = snprintf(line + used, sizeof(line) - used, "%s%s", i ? " " : "", words[i]);

		if (n < 0 || (size_t)n >= sizeof(line) - used)
			return complain("that is too long a line");
		used += (size_t)n;
	}
	return mg_console_ask(path, line);
}

static int run(const struct mg_machine_options *gun, const struct mg_server_options *server)
{
	struct mg_machine *machine;
	char error[MG_TEXT_MAX];
	int r;

	r = mg_machine_new(gun, mg_boottime_ns(), &machine, error);
	if (r >= 0) {
		r = mg_server_run(server, machine, error);
		mg_machine_free(machine);
	}
	if (r >= 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "meso-gun: %s\n", error);
	return EXIT_FAILURE;
}

enum {
	SOCKET = 256,
	USB,
	USB_SERIAL,
	MEMORY,
	TRUTH,
	SERIAL,
	CONTROL,
	MUTANT,
	KEEP_POWER,
	ASK,
	PRINT,
	HELP,
	VERSION
};

static const struct option options[] = {
	{ "socket", required_argument, NULL, SOCKET },
	{ "usb", optional_argument, NULL, USB },
	{ "usb-serial", required_argument, NULL, USB_SERIAL },
	{ "memory", required_argument, NULL, MEMORY },
	{ "truth", required_argument, NULL, TRUTH },
	{ "serial", required_argument, NULL, SERIAL },
	{ "control", required_argument, NULL, CONTROL },
	{ "mutant", required_argument, NULL, MUTANT },
	{ "no-power-loss", no_argument, NULL, KEEP_POWER },
	{ "ask", required_argument, NULL, ASK },
	{ "print-truth", required_argument, NULL, PRINT },
	{ "help", no_argument, NULL, HELP },
	{ "version", no_argument, NULL, VERSION },
	{ 0 },
};

int main(int argc, char **argv)
{
	struct mg_machine_options gun = { 0 };
	struct mg_server_options server = { 0 };
	int c;

	/* "+": what follows --ask=PATH are words, not options. */
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		u32 mutant;

		switch (c) {
		case SOCKET:
			server.socket_path = optarg;
			break;
		case USB:
			server.udc = optarg ? optarg : "";
			break;
		case USB_SERIAL:
			server.serial = optarg;
			break;
		case MEMORY:
			gun.memory = optarg;
			break;
		case TRUTH:
			gun.truth = optarg;
			break;
		case SERIAL:
			gun.serial = optarg;
			break;
		case CONTROL:
			server.control_path = optarg;
			break;
		case MUTANT:
			if (mg_mutant_by_name(optarg, &mutant) < 0)
				return complain("no such mutant");
			gun.mutants |= mutant;
			break;
		case KEEP_POWER:
			gun.keep_power = true;
			break;
		case ASK:
			return ask(optarg, argv + optind, argc - optind);
		case PRINT:
			return print_truth(optarg);
		case HELP:
			usage(stdout);
			return EXIT_SUCCESS;
		case VERSION:
			puts("meso-gun " MESO_VERSION);
			return EXIT_SUCCESS;
		default:
			return 2; /* getopt has said what */
		}
	}
	if (optind < argc)
		return complain("too many arguments");
	if (!server.socket_path == !server.udc || !gun.memory)
		return complain("--memory and one of --socket and --usb are needed");
	if (server.serial && !server.udc)
		return complain("--usb-serial needs --usb");
	if (gun.keep_power && !gun.truth)
		return complain("--no-power-loss needs --truth");
	return run(&gun, &server);
}
