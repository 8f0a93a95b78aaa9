/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mesod made of cardboard, for the tests of mesoctl: a private bus and a
 * process with mesod's name that answers as it was told, misbehaviour included.
 *
 * It judges nothing; what mesoctl asked of it is in a list.
 */
#ifndef MOCK_MESOD_H
#define MOCK_MESOD_H

#include <stdbool.h>
#include <sys/types.h>

enum mock_mode {
	MOCK_WELL,
	MOCK_NO_MESOD, /* a bus and nobody there */
	MOCK_NO_GUN,
	MOCK_TWO_GUNS,
	MOCK_DENIES,        /* every control call: Denied */
	MOCK_CHECK_REFUSES, /* Check: not allowed */
	MOCK_ARM_REFUSES,   /* Arm: DoseLimit */
	MOCK_SECOND_ARM_REFUSES,
	MOCK_FAULT,        /* the lease ends with a fault after two shots */
	MOCK_UNSETTLED,    /* the lease ends and does not settle */
	MOCK_CRASH,        /* it dies after two shots */
	MOCK_HANG,         /* it stops in its tracks after two shots */
	MOCK_GUN_GONE,     /* the gun's object goes after two shots */
	MOCK_CLOSES,       /* it closes the session after two shots */
	MOCK_WAITS,        /* armed, and nobody pulls the trigger */
	MOCK_ENDS_UNTOLD,  /* the gun disarms, and nobody says why */
	MOCK_NEVER_PRIMED, /* nobody pulls the trigger at the prime */
	MOCK_PRIMED,       /* the syringe is primed already */
	MOCK_BAD_LEDGER,
	MOCK_INCIDENT,        /* the summary tells of one */
	MOCK_LEDGER_VANISHES, /* it dies when asked for records after number 500 */
	MOCK_LEDGER_GAP,      /* record 700 is left out */
	MOCK_COMPARES,        /* the gun is not ready before it was asked for that three times */
	MOCK_TENTH,           /* the patient had 2 uL a shot last time */
};

/* Records of its ledger: number n is a shot if even, an incident if odd. */
#define MOCK_RECORDS 1203u

struct mock {
	char directory[64];
	char address[96];
	char calls[96];
	pid_t bus;
	pid_t service;
};

void mock_start(struct mock *mock, enum mock_mode mode);
void mock_stop(struct mock *mock);
/* How often a method was called; "lease-closed" counts ends of the session's descriptor. */
int mock_calls(const struct mock *mock, const char *method);
/* Waits until that method was called; false after 5 s. */
bool mock_wait_call(const struct mock *mock, const char *method);

struct run {
	int status; /* exit status, or 128 + signal */
	char out[32768];
	char err[8192];
};

/* Runs `mesoctl ARGUMENTS` to its end, split at spaces but within '...'; @mock's bus unless NULL. */
void mesoctl_run(const struct mock *mock, struct run *run, const char *arguments);
/* The same in two halves; @ret_input: where its standard input can be written, NULL: it has ended. */
pid_t mesoctl_begin(const struct mock *mock, const char *arguments, const char *directory,
		    int *ret_input);
void mesoctl_end(pid_t pid, const char *directory, struct run *run);

#endif /* MOCK_MESOD_H */
