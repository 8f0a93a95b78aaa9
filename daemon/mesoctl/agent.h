/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is asked for a password on a text terminal: polkit's own program for that,
 * for as long as mesoctl runs.  Without it polkit has nobody to ask, and says so.
 */
#ifndef MESOCTL_AGENT_H
#define MESOCTL_AGENT_H

#include <sys/types.h>

/* Returns when it may be asked; does nothing for root, without a terminal, or if it is not installed.  On a
 * desktop the desktop's goes first.  Return: its pid for agent_end(), 0 if there is none. */
pid_t agent_begin(void);
void agent_end(pid_t pid);

#endif /* MESOCTL_AGENT_H */
