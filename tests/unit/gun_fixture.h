/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A meso-gun process of a test's own, in a directory of its own: started,
 * stopped, killed, frozen, told what to do by its console, and judged by the
 * fluid truth.  Everything here fails the running test when it does not work.
 *
 *	struct gun_fixture gun;
 *
 *	gun_fixture_start(&gun, NULL);
 *	gun_fixture_ask(&gun, "hand contact 1");
 *	... inj_gun_open(gun.uri, 0, &handle) ...
 *	gun_fixture_stop(&gun);
 */
#ifndef GUN_FIXTURE_H
#define GUN_FIXTURE_H

#include <injector.h>
#include <sys/types.h>

#include "meso_model_types.h"

struct gun_fixture {
	pid_t pid;    /* 0 while it does not run */
	char dir[64]; /* in memory if possible: a test does not wait for a disk */
	char socket[96];
	char control[96];
	char memory[96];
	char truth[96];
	char uri[112];     /* for inj_gun_open() */
	int64_t pulled_ms; /* when the trigger was last pulled */
};

/* @extra: further arguments for meso-gun, ended by NULL, or NULL.  Returns once the gun reports. */
void gun_fixture_start(struct gun_fixture *gun, const char *const *extra);
/* Ends it, and removes its directory. */
void gun_fixture_stop(struct gun_fixture *gun);
/* Starts it again with the same files; it must not be running. */
void gun_fixture_restart(struct gun_fixture *gun, const char *const *extra);
/* SIGSTOP, SIGCONT; SIGKILL and SIGTERM are waited for. */
void gun_fixture_signal(struct gun_fixture *gun, int sig);

/* Says a line to the console; it must be answered by "ok". */
void gun_fixture_ask(const struct gun_fixture *gun, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, but what it answers is given back (@size bytes). */
void gun_fixture_ask_answer(const struct gun_fixture *gun, const char *line, char *answer,
			    size_t size);

/* What truly happened up to now; works on dead and frozen guns too. */
void gun_fixture_truth(const struct gun_fixture *gun, struct meso_truth *truth);
/* Waits until the truth's firmware is disarmed; returns after how many ms, fails after @limit. */
int gun_fixture_wait_disarmed(const struct gun_fixture *gun, int limit_ms);

/* ---- a controller's side, for tests that want a gun under way ----------------------- */

/* 5 mL syringe, 20 uL at 2 mm, single shots, like water through one 32G needle */
void gun_fixture_config(struct meso_config *config);
/* A lease that the gun will take now: next sequence, its boot id, a new id, heartbeat 300 ms,
 * expiry 60 s, least interval. */
void gun_fixture_lease(inj_gun *handle, uint32_t kind, uint32_t volume_nl, uint32_t shots,
		       struct meso_lease *lease);
/* Sleeps so long while the lease's heart beats. */
void gun_fixture_beat(inj_gun *handle, const struct meso_lease *lease, int ms);
/* Pulls and lets go of the trigger, not before the least interval has passed, and waits, beating,
 * until that shot is recorded. */
void gun_fixture_shoot(struct gun_fixture *gun, inj_gun *handle, const struct meso_lease *lease);
/* Acquires, configures and primes @handle's gun, so that it can be armed for a treatment. */
void gun_fixture_prime(struct gun_fixture *gun, inj_gun *handle, const struct meso_config *config);
/* Waits until the host says that the gun is idle and all its records are read. */
void gun_fixture_wait_idle(inj_gun *handle);
void gun_fixture_sleep_ms(int ms);
int64_t gun_fixture_now_ms(void);

#endif /* GUN_FIXTURE_H */
