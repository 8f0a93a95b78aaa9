// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger_judge LEDGER MARK SECONDS: opens the ledger that a power cut left as mesod
 * would at that time, and says what it is: "STATE records reservations shots
 * settlements", and after a colon what is wrong with it.
 *
 * It is the ledger's own code that opens; whether what it finds is right, the caller
 * knows, who has counted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

struct counts {
	uint64_t records, reservations, shots, settlements;
};

static int count(const struct ledger_record *record, void *userdata)
{
	struct counts *c = userdata;

	c->records++;
	c->reservations += strcmp(record->type, "reservation") == 0;
	c->shots += strcmp(record->type, "shot") == 0;
	c->settlements += strcmp(record->type, "settlement") == 0;
	return 0;
}

int main(int argc, char **argv)
{
	struct ledger_options options = { .min_free = 1 };
	struct ledger *ledger = NULL;
	struct ledger_report report;
	struct counts counts = { 0 };
	const char *problem;
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: ledger_judge LEDGER MARK SECONDS\n");
		return EXIT_FAILURE;
	}
	options.path = argv[1];
	options.mark_path = argv[2];
	options.now_s = strtoll(argv[3], NULL, 10);
	r = ledger_open(&options, &ledger);
	if (r >= 0 && ledger_get_state(ledger) == LEDGER_OK)
		r = ledger_verify(ledger, &report);
	if (r >= 0)
		r = ledger_foreach_record(ledger, 0, UINT32_MAX, count, &counts);
	if (r < 0) {
		fprintf(stderr, "ledger_judge: %s: %s\n", argv[1], strerror(-r));
		ledger_close(ledger);
		return EXIT_FAILURE;
	}
	problem = ledger_get_problem(ledger);
	printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 ":%s%s\n",
	       ledger_state_name(ledger_get_state(ledger)), counts.records, counts.reservations,
	       counts.shots, counts.settlements, *problem ? " " : "", problem);
	ledger_close(ledger);
	return EXIT_SUCCESS;
}
