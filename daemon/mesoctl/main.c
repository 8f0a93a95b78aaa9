// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl: the command line of mesod.
 *
 * Owns the table of commands and the options that stand before one.  Never
 * does a command's work.
 */
#include <getopt.h>
#include <locale.h>
#include <string.h>

#include "agent.h"
#include "mesoctl.h"

static const struct ctl_command commands[] = {
	{ "list", cmd_list, "", "the guns there are" },
	{ "status", cmd_status, "[GUN] [--registers]", "one gun now, or all its registers" },
	{ "watch", cmd_watch, "[GUN] [--count N]", "one gun, live" },
	{ "patient", cmd_patient, "add|show|list|erase", "who is treated" },
	{ "operator", cmd_operator, "add|renew|list|erase", "who may treat" },
	{ "assess", cmd_assess, "PATIENT --consent yes|no --elsewhere asked|not-asked",
	  "the assessment before a treatment" },
	{ "course", cmd_course, "start|show", "how many sessions, and how far apart" },
	{ "dose", cmd_dose, "add|list|correct", "what was given by hand, or elsewhere" },
	{ "check", cmd_check,
	  "--patient ID --preparation ID --area AREA --dose VOLUME --shots N --depth LENGTH",
	  "what would be allowed now, and why not" },
	{ "treat", cmd_treat,
	  "--patient ID --preparation ID --area AREA --dose VOLUME --shots N --depth LENGTH",
	  "one session: prime, arm, shots, summary" },
	{ "reaction", cmd_reaction, "add", "how the skin took it" },
	{ "report", cmd_report, "PATIENT", "all that was given to a patient, and what followed" },
	{ "stop", cmd_stop, "[GUN]", "disarm every gun, or one, now" },
	{ "ledger", cmd_ledger, "list|verify", "what has been recorded" },
	{ "formulary", cmd_formulary, "list|show|check|reload",
	  "what may be injected, and how much" },
	{ "clear-fault", cmd_clear_fault, "[GUN]", "the cause of a fault is gone" },
	{ "recover", cmd_recover, "list|close-lost|attribute|lift",
	  "what somebody has to decide after something went wrong" },
	{ "clock", cmd_clock, "show|confirm", "whether the time is believed" },
	{ "doctor", cmd_doctor, "", "what is not as it should be, and how to mend it" },
	{ "simulate", cmd_simulate, "[-- COMMAND]",
	  "mesod and a simulated gun, to try things out" },
};

static void print_help(void)
{
	printf("usage: mesoctl [--json] [--address ADDRESS] [--show-identifiers] COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		printf("  %-11s %s\n", commands[i].name, commands[i].help);
	printf("\n"
	       "  --json              print JSON\n"
	       "  --address ADDRESS   mesod's bus, if it is not the system bus (or $MESO_BUS_ADDRESS)\n"
	       "  --show-identifiers  print names and references of people, hidden otherwise\n"
	       "  --version\n"
	       "\n"
	       "Quantities carry their unit: '20 uL', '2 mm', '5 mL', '3 /s'. `mesoctl COMMAND --help` says more.\n"
	       "Exit status: 0 done, 1 failed or stopped early, 2 usage, 3 no daemon, 4 no gun, 5 denied,\n"
	       "6 dose limit, 7 interlock, 8 ledger.\n");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "address", required_argument, NULL, 'a' },
		{ "show-identifiers", no_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl ctl = { .address = getenv("MESO_BUS_ADDRESS") };
	int c, code;

	/* A clinician's µ is two bytes; numbers and dates stay as they are everywhere. */
	setlocale(LC_CTYPE, "");
	if (ctl.address && !*ctl.address)
		ctl.address = NULL;
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			ctl.json = true;
			break;
		case 'a':
			ctl.address = optarg;
			break;
		case 'i':
			ctl.show_identifiers = true;
			break;
		case 'h':
			print_help();
			return CTL_OK;
		case 'v':
			printf("mesoctl %s\n", MESO_VERSION);
			return CTL_OK;
		default:
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		fprintf(stderr, "mesoctl: which command? `mesoctl --help` lists them.\n");
		return CTL_USAGE;
	}
	code = ctl_dispatch(&ctl, argc - optind, argv + optind, "mesoctl", commands,
			    ARRAY_LENGTH(commands));
	sd_bus_flush_close_unref(ctl.bus);
	agent_end(ctl.agent);
	if (fflush(stdout) != 0 && code == CTL_OK)
		code = CTL_FAILED;
	return code;
}
