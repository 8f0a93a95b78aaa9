/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One patient on one gun: open, load, prime, arm, shots, settle, close.  It owns
 * the opener's lease descriptor and what was loaded; the ledger owns the facts.
 * It never tells anybody but the opener.
 */
#ifndef MESOD_SESSION_H
#define MESOD_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "authority.h"
#include "ledger.h"

#define SESSION_KEEP_ALIVE_NS 2000000000ULL

struct gun;
struct lease;
struct mesod;
struct peer;

struct session {
	struct session *next;
	struct mesod *mesod;
	struct gun *gun; /* a reference; may have gone */
	uint64_t n;
	char *path;
	sd_bus_slot *slot;

	int64_t number; /* in the ledger */
	struct ledger_id patient;
	char patient_text[LEDGER_ID_TEXT_MAX];
	char operator_text[LEDGER_ID_TEXT_MAX];
	int64_t opened_s;

	char *opener; /* unique name on the bus */
	uint32_t uid;
	struct peer *peer;
	int lease_fd; /* ours; the other end is the opener's */
	sd_event_source *hangup;
	uint64_t alive_ns; /* newest keep-alive */

	struct meso_config syringe;         /* what was loaded: no dose in it yet */
	char preparation[FORMULARY_ID_MAX]; /* likewise */
	struct policy_request asked;        /* newest request, for the limits shown */
	char asked_area[FORMULARY_ID_MAX];

	const char *close_reason;
	sd_bus_message *disarm_call; /* to be answered when the lease is settled */
	sd_bus_message *close_call;

	uint64_t delivered_nl;
	uint32_t shots;

	bool keep_alive;
	bool loaded;
	bool asked_valid;
	bool arming; /* a reservation or a load is under way */
	bool closing;
	bool close_submitted;
};

/* Answers OpenSession, now or later.  @call's arguments are already read. */
int session_open(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
		 struct gun *gun, const char *patient, bool keep_alive, sd_bus_error *error);
/* It shall end: disarms at once, settles, closes.  Idempotent.  @reason is static. */
void session_end(struct session *session, const char *reason);
/* At the daemon's end: without waiting for anything. */
void session_free(struct session *session);

/* The session that this lease belongs to, or NULL. */
struct session *session_of_lease(const struct lease *lease);
struct session *session_find_path(struct mesod *mesod, const char *path);
/* By its number on the bus. */
struct session *session_find_number(struct mesod *mesod, uint64_t n);
/* "open", "armed", "settling", "closed" */
const char *session_state_name(const struct session *session);
/* Why the gun's heart may not beat for this session, or NULL.  A NULL session is a reason. */
const char *session_silence_reason(const struct session *session);

/* What its gun's lease came to; called by lease.c and collect.c. */
void session_shot(struct session *session, const struct meso_shot *shot);
void session_lease_settled(struct session *session, const struct lease *lease, bool released,
			   uint64_t delivered_nl);
void session_lease_overdue(struct session *session);
/* Goes on with an end that waits for something. */
void session_continue(struct session *session);
/* The gun was unplugged. */
void session_gun_gone(struct session *session);

/* Starts Load (session_load.c): answers @call, now or later.  @viscosity_said: it is in @syringe and need
 * not be looked up. */
int session_load(struct session *session, sd_bus_message *call, const struct meso_config *syringe,
		 const char *preparation, bool viscosity_said, sd_bus_error *error);

/* What Arm, Prime and Check are asked for. */
struct arm_request {
	uint32_t dose_nl;
	uint32_t shots;
	uint32_t depth_um;
	uint32_t mode;
	uint32_t rate_mhz;
	uint32_t expiry_ms;
	uint32_t area_mm2; /* 0: the formulary's */
	char area[FORMULARY_ID_MAX];
	char override[LEDGER_REASON_MAX];
	char preparation[FORMULARY_ID_MAX]; /* Check's */
};

/* Reads Arm's a{sv}; for @check Check's. */
int bus_read_arm_request(sd_bus_message *call, bool check, struct arm_request *request,
			 sd_bus_error *error);
/* Starts Prime (session_arm.c): answers @call, now or later.  Of @request area, size and override count. */
int session_prime(struct session *session, sd_bus_message *call, uint32_t volume_nl,
		  const struct arm_request *request, sd_bus_error *error);
/* Starts Arm: answers @call, now or later. */
int session_arm(struct session *session, sd_bus_message *call, const struct arm_request *request,
		sd_bus_error *error);

/* Begins a signal of this session to its opener; @ret to be filled and sent. */
int session_new_signal(struct session *session, const char *member, sd_bus_message **ret);

/* GetDetails: answers later. */
int session_details(struct session *session, sd_bus_message *call, sd_bus_error *error);
int session_append_summary(sd_bus_message *message, const struct session *session,
			   const struct ledger_session *account);

#endif /* MESOD_SESSION_H */
