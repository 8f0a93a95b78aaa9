/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a client says to mesod about a patient, written as one line, so that a table
 * of mistakes can be read.  It judges nothing but whether a refusal is the wanted one.
 */
#ifndef SAID_H
#define SAID_H

#include <stdint.h>
#include <systemd/sd-bus.h>

/* A dictionary: "type key value|type key value"; type b (y or n), u, x ("now-60" too), s ("TODAY" too), w: words
 * with commas between, m: substances and how much, "a 1 b 2". */
void said_append(sd_bus_message *call, const char *said);
/* Assess, StartCourse, RecordDose, RecordReaction: the record's number, or negative errno with @error. */
int64_t said_record(sd_bus *bus, const char *member, const char *patient, const char *said,
		    sd_bus_error *error);
int64_t said_correct(sd_bus *bus, const char *patient, uint64_t number, const char *said,
		     const char *reason, sd_bus_error *error);
/* @r, and the error that it is with: that name, and @part in the sentence.  Frees @error. */
void said_assert_refused(int64_t r, sd_bus_error *error, const char *said, const char *name,
			 const char *part);

#endif /* SAID_H */
