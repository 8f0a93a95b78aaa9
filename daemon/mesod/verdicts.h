/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A policy's verdicts as clients see them.  It words nothing itself: the
 * sentence is the policy's.
 */
#ifndef MESOD_VERDICTS_H
#define MESOD_VERDICTS_H

#include <systemd/sd-bus.h>

#include "policy.h"

/* A sentence, four quantities and the names. */
#define VERDICTS_TEXT_MAX 1440

/* Appends an aa{sv}, worst first. */
int verdicts_append(sd_bus_message *message, const struct policy_verdict verdicts[POLICY_RULES]);
/*
 * verdicts_word() - "rule=<id> what=<substance> limit=<q> spent=<q> asked=<q> allowed=<q> when=<time>: <sentence>"
 * @buf: VERDICTS_TEXT_MAX bytes
 * The bound is the one that is passed; `what` only if the verdict is about a substance.
 */
void verdicts_word(const struct policy_verdict *worst, char *buf);
/* Answers a call with DoseLimit for the worst of them. */
void verdicts_refuse(sd_bus_message *call, const struct policy_verdict *worst);

#endif /* MESOD_VERDICTS_H */
