/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real parts for a test: a private bus, a meso-gun and a mesod as processes,
 * and a client's connection.  Everything here fails the running test when it
 * does not work; what it judges by is the gun's fluid truth.
 */
#ifndef MESOD_FIXTURE_H
#define MESOD_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "gun_fixture.h"
#include "ledger.h"

#define MANAGER         "org.mesod1.Manager"
#define GUN             "org.mesod1.Gun"
#define SESSION         "org.mesod1.Session"
#define ROOT            "/org/mesod1"
#define FIXTURE_PATIENT "P-1"

/* Of the formulary that mesod has unless a suite brings its own. */
#define FIXTURE_PREPARATION "test"
#define FIXTURE_AREA        "field"

struct mesod_fixture {
	struct gun_fixture gun;
	char dir[64];
	char address[112];
	char mark[96];
	const char *state; /* where the ledger is, NULL: in dir */
	pid_t bus_pid;
	pid_t mesod_pid;
	const char *config; /* mesod.conf's text, NULL: none */
	const char *
		formulary; /* its text, or the file named so if it has no newline; NULL: a plain one */
	const char *owner; /* --owner, NULL: not given */
	bool polkit;       /* --polkit */
	char clock[96];    /* --clock, "": the machine's */
	int days;          /* by so many days that clock is ahead */
	/* sockets of further guns that mesod serves, ended by NULL, or NULL */
	const char *const *more_guns;
	sd_bus *bus;
	unsigned int patients; /* FIXTURE_PATIENT and those after it; the last is who is treated */
	char who[16];
	char gun_path[96];
	char session[64];
	int lease_fd;
	char lease[40]; /* newest lease's id */
	uint64_t reserved_nl;
	/* what the session told us */
	unsigned int shots_told;
	unsigned int leases_ended;
	char ended[40]; /* newest lease told to have ended */
	bool last_settled;
	unsigned int closed;
	unsigned int telemetry;
};

/* All of it: gun, bus, daemon, and this uid as an operator, and one patient. */
void mesod_fixture_start(struct mesod_fixture *f, const char *const *gun_extra);
/* The same without operator and patient. */
void mesod_fixture_start_bare(struct mesod_fixture *f, const char *const *gun_extra,
			      const char *owner);
/* As bare; nobody here is root to mesod, and polkit is asked: no other test does that. */
void mesod_fixture_start_judged(struct mesod_fixture *f);
/* A sound assessment by this uid. */
void mesod_fixture_assess(struct mesod_fixture *f, const char *patient);
/* Another patient, assessed, who is treated from now on: a session that was closed is followed by a week. */
void mesod_fixture_next_patient(struct mesod_fixture *f);
/* This uid as an operator and the patient, assessed, in a ledger that has neither. */
void mesod_fixture_register(struct mesod_fixture *f);
void mesod_fixture_stop(struct mesod_fixture *f);

void mesod_fixture_remove_directory(const char *path);

/* The daemon alone: start returns when its name is taken; signals KILL and TERM are waited for. */
void mesod_fixture_run_daemon(struct mesod_fixture *f);
/* Waits for nothing. */
pid_t mesod_fixture_spawn_daemon(struct mesod_fixture *f);
void mesod_fixture_signal(struct mesod_fixture *f, int sig);
bool mesod_fixture_daemon_lives(struct mesod_fixture *f);

/* The bus dies; another one comes in its place.  Nothing but these, and the gun, works between them. */
void mesod_fixture_lose_bus(struct mesod_fixture *f);
void mesod_fixture_renew_bus(struct mesod_fixture *f);

/* The daemon's clocks, from its next start on, or now if it has such clocks: a boot, numbered, and by how
 * many seconds the wall clock is ahead. */
void mesod_fixture_set_clock(struct mesod_fixture *f, unsigned int boot, int64_t shift_s);

/* Another connection to the bus. */
sd_bus *mesod_fixture_connect(const struct mesod_fixture *f);
/* Another client, on @gun: a connection, a session and leases of its own, so that the steps of a treatment
 * can be taken by it; may be used by another thread. */
void mesod_fixture_client(const struct mesod_fixture *f, const struct gun_fixture *gun,
			  struct mesod_fixture *ret);
/* Leaves the bus; the session, if it has one, ends with that. */
void mesod_fixture_client_leave(struct mesod_fixture *client);

/* Calls; negative errno with @error set if it was refused.  @reply may be NULL. */
int mesod_call(sd_bus *bus, const char *path, const char *interface, const char *member,
	       sd_bus_error *error, sd_bus_message **reply, const char *types, ...);
/* The call must be refused with org.mesod1.Error.<name>, and a sentence. */
#define ck_assert_refused(bus, which, path, interface, member, ...)                                \
	do {                                                                                       \
		sd_bus_error e_ = SD_BUS_ERROR_NULL;                                               \
		int r_ = mesod_call((bus), (path), (interface), (member), &e_, NULL, __VA_ARGS__); \
		ck_assert_msg(r_ < 0, "%s was not refused", (member));                             \
		ck_assert_str_eq(e_.name, "org.mesod1.Error." which);                              \
		ck_assert_int_gt((int)strlen(e_.message), 8);                                      \
		sd_bus_error_free(&e_);                                                            \
	} while (0)

/* ---- a treatment, step by step ------------------------------------------------------ */

/* Waits until mesod has reconciled the gun, opens a session on it. */
void mesod_fixture_open_session(struct mesod_fixture *f);
/* Asks once, and waits for nothing; 0 or negative errno with @error. */
int mesod_fixture_try_open_session(struct mesod_fixture *f, sd_bus_error *error);
void mesod_fixture_load(struct mesod_fixture *f);
/* In a new session: the syringe that the last one left in, primed as it is. */
void mesod_fixture_load_again(struct mesod_fixture *f);
/* Off the skin, trigger held until the lease has ended and is settled. */
void mesod_fixture_prime(struct mesod_fixture *f, uint32_t volume_nl);
/* Presses to the skin and arms single shots; 0 or negative errno with @error. */
int mesod_fixture_try_arm(struct mesod_fixture *f, uint32_t dose_nl, uint32_t shots,
			  uint32_t depth_um, sd_bus_error *error);
void mesod_fixture_arm(struct mesod_fixture *f, uint32_t dose_nl, uint32_t shots);
/* The call that this is made by, for who sends it by themselves. */
sd_bus_message *mesod_fixture_new_arm(struct mesod_fixture *f, uint32_t dose_nl, uint32_t shots,
				      uint32_t depth_um);
/* One press of the trigger, until the gun has counted the shot. */
void mesod_fixture_shoot(struct mesod_fixture *f);
/* Session open, loaded, primed. */
void mesod_fixture_ready_to_arm(struct mesod_fixture *f);
void mesod_fixture_close_session(struct mesod_fixture *f);
/* Until the lease has ended and its settlement was told; fails after 5 s. */
void mesod_fixture_wait_lease_ended(struct mesod_fixture *f);
/* Reads what the bus has for us. */
void mesod_fixture_process(struct mesod_fixture *f);
void mesod_fixture_process_for(struct mesod_fixture *f, int ms);

/* ---- what is so ------------------------------------------------------------------------- */

void mesod_fixture_status(struct mesod_fixture *f, struct meso_status *status);
/* The gun's status can be read and is fresh. */
void mesod_fixture_assert_answers(struct mesod_fixture *f);
char *mesod_fixture_text(struct mesod_fixture *f, const char *path, const char *interface,
			 const char *property);

struct fixture_patient {
	uint64_t settled_nl;
	uint64_t outstanding_nl;
};
/* All of them together. */
void mesod_fixture_patient(struct mesod_fixture *f, struct fixture_patient *ret);

struct fixture_ledger {
	uint64_t shots;
	uint64_t delivered_nl; /* sum over all shots, primes too */
	uint64_t primes_nl;
	uint64_t newest;
	uint64_t incidents;
	uint64_t settlements;
	uint64_t reservations; /* primes too */
	uint64_t records;
};
/* By walking the chain over the bus. */
void mesod_fixture_ledger(struct mesod_fixture *f, struct fixture_ledger *ret);

/* Invariant 1: what went into skin is settled or reserved. */
void mesod_fixture_assert_covered(struct mesod_fixture *f);
/* The ledger has each of the gun's shots once and the sum is the gun's own. */
void mesod_fixture_assert_equal(struct mesod_fixture *f);
/* Waits until mesod can open sessions on the gun: reconciled. */
void mesod_fixture_wait_reconciled(struct mesod_fixture *f);

#endif /* MESOD_FIXTURE_H */
