/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mesod tells the administrator: the journal if there is one, else
 * standard error.  It never carries patient data: callers name guns, leases and
 * numbers, never people.
 */
#ifndef MESOD_LOG_H
#define MESOD_LOG_H

#include <stdbool.h>
#include <syslog.h>

#include "macros.h"

struct logger {
	bool journal;      /* standard error is the journal: speak to it properly */
	int max_priority;  /* LOG_*: what is less urgent is dropped */
	int fd;            /* to the journal, or negative */
	const char *place; /* the journal's socket */
	unsigned int lost; /* since the last message that was taken */
};

/**
 * log_open() - find out where standard error goes
 * @place: the journal's socket, LOG_JOURNAL but in a test
 *
 * Every other function here takes a logger that was opened, and one thread's.
 */
void log_open(struct logger *log, int max_priority, const char *place);
void log_close(struct logger *log);

/**
 * log_message() - say it, and never wait for anybody to listen
 * @gun: its serial, or NULL when the message is about none
 * @id: one of MESSAGE_*, or NULL
 *
 * A journal or a reader of standard error that is slow, or hangs, loses messages: how
 * many is said once it listens again.
 */
void log_message(struct logger *log, int priority, const char *gun, const char *id,
		 const char *format, ...) _printf_(5, 6);

#define LOG_JOURNAL "/run/systemd/journal/socket"

/*
 * Messages that want somebody to act.  The journal's catalog (daemon/data/catalog/meso.catalog,
 * `journalctl -x`) says for each what it means and what to do.
 */
#define MESSAGE_QUARANTINED  "f98ca142d4d54948bd7c8e26658f1593"
#define MESSAGE_FAULT        "f8bc63442dc24c7581f4abf3934e96bd"
#define MESSAGE_LEDGER       "0b77753f619c43d5a2191a84855b5e72"
#define MESSAGE_NOT_RECORDED "48679b9cf0894782af2cde2e4e433c68"
#define MESSAGE_UNPLUGGED    "2c3ad9df8cf64bcd9772a61434517f0a"
#define MESSAGE_UNSETTLED    "d0ff3be252ea4bc39979314693318a75"
#define MESSAGE_BAD_CONFIG   "b9aab36f64494422aa3d0b9c6a5ab98a"
#define MESSAGE_SAME_SERIAL  "f853db7880aa48718622dab446f8fdf5"
#define MESSAGE_NO_NAME      "add37b59f3d3473883d390c023af80cd"
#define MESSAGE_LEFT_OPEN    "eba322aad20a483a8c3954bf70fd498f"

#define log_gun_id(gun, priority, id, ...) \
	log_message(&(gun)->mesod->log, (priority), (gun)->serial, (id), __VA_ARGS__)
#define log_gun(gun, priority, ...) log_gun_id(gun, priority, NULL, __VA_ARGS__)
#define log_main_id(mesod, priority, id, ...) \
	log_message(&(mesod)->log, (priority), NULL, (id), __VA_ARGS__)
#define log_main(mesod, priority, ...) log_main_id(mesod, priority, NULL, __VA_ARGS__)

#endif /* MESOD_LOG_H */
