// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is so, of the gun, of mesod and of its ledger: see mesod_fixture.h.
 */
#include "mesod_fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

void mesod_fixture_status(struct mesod_fixture *f, struct meso_status *status)
{
	sd_bus_message *reply = NULL;
	const void *bytes;
	size_t size;

	ck_assert_int_ge(mesod_call(f->bus, f->gun_path, GUN, "GetSnapshot", NULL, &reply, ""), 0);
	ck_assert_int_ge(sd_bus_message_read_array(reply, 'y', &bytes, &size), 0);
	ck_assert_uint_eq(size, sizeof(*status));
	memcpy(status, bytes, size);
	sd_bus_message_unref(reply);
}

void mesod_fixture_assert_answers(struct mesod_fixture *f)
{
	struct meso_status status;

	mesod_fixture_status(f, &status);
	ck_assert(status.flags & MESO_STATUS_FRESH);
}

char *mesod_fixture_text(struct mesod_fixture *f, const char *path, const char *interface,
			 const char *property)
{
	char *text = NULL;

	ck_assert_int_ge(sd_bus_get_property_string(f->bus, "org.mesod1", path, interface, property,
						    NULL, &text),
			 0);
	return text;
}

static void add_patient(struct mesod_fixture *f, const char *patient, struct fixture_patient *sum)
{
	sd_bus_message *reply = NULL;
	uint64_t volume_nl;
	const char *key;

	ck_assert_int_ge(
		mesod_call(f->bus, ROOT, MANAGER, "GetPatient", NULL, &reply, "s", patient), 0);
	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &key), 0);
		if (strcmp(key, "delivered_24h_nl") == 0) {
			ck_assert_int_ge(sd_bus_message_read(reply, "v", "t", &volume_nl), 0);
			sum->settled_nl += volume_nl;
		} else if (strcmp(key, "outstanding_nl") == 0) {
			ck_assert_int_ge(sd_bus_message_read(reply, "v", "t", &volume_nl), 0);
			sum->outstanding_nl += volume_nl;
		} else {
			ck_assert_int_ge(sd_bus_message_skip(reply, "v"), 0);
		}
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
	sd_bus_message_unref(reply);
}

void mesod_fixture_patient(struct mesod_fixture *f, struct fixture_patient *ret)
{
	char patient[16] = FIXTURE_PATIENT;

	memset(ret, 0, sizeof(*ret));
	add_patient(f, patient, ret);
	for (unsigned int i = 2; i <= f->patients; i++) {
		snprintf(patient, sizeof(patient), "P-%u", i);
		add_patient(f, patient, ret);
	}
}

struct record {
	uint64_t number;
	char type[32];
	int64_t delivered;
	int64_t kind;
};

static void read_record(sd_bus_message *reply, struct record *record)
{
	const char *key, *contents, *text;
	char type;

	memset(record, 0, sizeof(*record));
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &key), 0);
		ck_assert_int_ge(sd_bus_message_peek_type(reply, &type, &contents), 0);
		if (strcmp(key, "type") == 0) {
			ck_assert_int_ge(sd_bus_message_read(reply, "v", "s", &text), 0);
			snprintf(record->type, sizeof(record->type), "%s", text);
		} else if (strcmp(key, "number") == 0 && strcmp(contents, "t") == 0) {
			ck_assert_int_ge(sd_bus_message_read(reply, "v", "t", &record->number), 0);
		} else if (strcmp(contents, "x") == 0) {
			int64_t value;

			ck_assert_int_ge(sd_bus_message_read(reply, "v", "x", &value), 0);
			if (strcmp(key, "delivered_nl") == 0)
				record->delivered = value;
			else if (strcmp(key, "kind") == 0)
				record->kind = value;
		} else {
			ck_assert_int_ge(sd_bus_message_skip(reply, "v"), 0);
		}
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
}

static void count_record(const struct record *record, struct fixture_ledger *ret)
{
	ret->records++;
	if (strcmp(record->type, "incident") == 0)
		ret->incidents++;
	if (strcmp(record->type, "settlement") == 0)
		ret->settlements++;
	if (strcmp(record->type, "reservation") == 0)
		ret->reservations++;
	if (strcmp(record->type, "shot") != 0)
		return;
	ret->shots++;
	ret->delivered_nl += (uint64_t)record->delivered;
	if (record->kind == MESO_KIND_PRIME)
		ret->primes_nl += (uint64_t)record->delivered;
}

void mesod_fixture_ledger(struct mesod_fixture *f, struct fixture_ledger *ret)
{
	uint64_t after = 0, before;

	memset(ret, 0, sizeof(*ret));
	do {
		sd_bus_message *reply = NULL;
		struct record record;

		before = after;
		ck_assert_int_ge(mesod_call(f->bus, ROOT, MANAGER, "ListLedger", NULL, &reply, "tu",
					    after, 1000u),
				 0);
		ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "a{sv}"), 0);
		while (sd_bus_message_enter_container(reply, 'a', "{sv}") > 0) {
			read_record(reply, &record);
			count_record(&record, ret);
			after = record.number;
			ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
		}
		sd_bus_message_unref(reply);
	} while (after != before);
}

void mesod_fixture_assert_covered(struct mesod_fixture *f)
{
	struct fixture_patient patient;
	struct meso_truth truth;

	/* The truth first: what is delivered after it was read must not count against the ledger. */
	gun_fixture_truth(&f->gun, &truth);
	mesod_fixture_patient(f, &patient);
	ck_assert_msg(truth.delivered_contact_fl <=
			      (patient.settled_nl + patient.outstanding_nl) * 1000000,
		      "in the skin %llu nl, settled %llu nl, outstanding %llu nl",
		      (unsigned long long)truth.delivered_contact_fl / 1000000,
		      (unsigned long long)patient.settled_nl,
		      (unsigned long long)patient.outstanding_nl);
}

void mesod_fixture_assert_equal(struct mesod_fixture *f)
{
	struct fixture_ledger ledger;
	struct meso_status status;

	mesod_fixture_status(f, &status);
	mesod_fixture_ledger(f, &ledger);
	ck_assert_uint_eq(ledger.shots, status.shot_count);
	ck_assert_uint_eq(ledger.delivered_nl, status.total_nl);
}
