// SPDX-License-Identifier: GPL-2.0-only
/*
 * See ledger_fixture.h.
 */
#include "ledger_fixture.h"

#include "fault_vfs.h"
#include "macros.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void place_make(struct place *place)
{
	/* Memory if there is some that looks like a disk: thousands of syncs are waited for. */
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(place->directory, sizeof(place->directory), "%s/meso-ledger-XXXXXX", where);
	ck_assert_ptr_nonnull(mkdtemp(place->directory));
	snprintf(place->path, sizeof(place->path), "%s/ledger.db", place->directory);
	snprintf(place->mark, sizeof(place->mark), "%s/mark", place->directory);
}

static void for_each_file(const char *directory,
			  void (*act)(const char *path, const char *name, const void *),
			  const void *userdata)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[400];

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		act(path, entry->d_name, userdata);
	}
	closedir(dir);
}

static void remove_file(const char *path, const char *name, const void *userdata)
{
	(void)name;
	(void)userdata;
	ck_assert_int_eq(unlink(path), 0);
}

static void copy_file(const char *path, const char *name, const void *userdata)
{
	const struct place *to = userdata;
	char target[400], piece[65536];
	int in, out;
	ssize_t n;

	snprintf(target, sizeof(target), "%s/%s", to->directory, name);
	in = open(path, O_RDONLY);
	out = open(target, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert(in >= 0 && out >= 0);
	while ((n = read(in, piece, sizeof(piece))) > 0)
		ck_assert_int_eq(write(out, piece, (size_t)n), n);
	close(in);
	close(out);
}

void place_remove(struct place *place)
{
	for_each_file(place->directory, remove_file, NULL);
	ck_assert_int_eq(rmdir(place->directory), 0);
}

void place_copy(const struct place *from, const struct place *to)
{
	for_each_file(to->directory, remove_file, NULL);
	for_each_file(from->directory, copy_file, to);
}

struct ledger *place_open_vfs(const struct place *place, const char *vfs)
{
	struct ledger_options options = { .path = place->path,
					  .mark_path = place->mark,
					  .vfs = vfs,
					  .io = vfs ? &fault_io : NULL,
					  .min_free = 1,
					  .ballast = FIXTURE_BALLAST,
					  .now_s = T0 };
	struct ledger *l = NULL;

	ck_assert_int_eq(ledger_open(&options, &l), 0);
	return l;
}

struct ledger *place_open(const struct place *place)
{
	return place_open_vfs(place, NULL);
}

int add_operator(struct ledger *l, uint32_t uid)
{
	struct ledger_operator op = {
		.uid = uid, .name = "Dr. Ada Example", .licence = "L-77", .expires = "2031-12-31"
	};

	return ledger_add_operator(l, T0, &op, NULL);
}

int add_patient(struct ledger *l, const char *reference, struct ledger_id *ret)
{
	struct ledger_patient p = { .name = "Zoë Sample",
				    .birth_date = "1980-02-29",
				    .mass_g = 70000 };

	snprintf(p.reference, sizeof(p.reference), "%s", reference);
	return ledger_add_patient(l, T0, &p, ret);
}

struct ledger_moment moment(int64_t now_s)
{
	return (struct ledger_moment){ now_s, (int32_t)(now_s / 86400), now_s / 86400 * 86400 };
}

static void no_bounds(struct formulary_substance *s)
{
	for (size_t i = 0; i < SCOPES; i++) {
		s->fixed[i].soft = s->fixed[i].hard = FORMULARY_NO_BOUND;
		s->per_kg[i] = s->fixed[i];
	}
}

static void make_formulary(struct formulary *f)
{
	static const struct {
		const char *id;
		enum formulary_unit unit;
	} substances[] = {
		[LIDOCAINE] = { "lidocaine", FORMULARY_NG },
		[HYALURONIDASE] = { "hyaluronidase", FORMULARY_MIU },
		[HYALURONIC_ACID] = { "hyaluronic-acid", FORMULARY_NG },
	};
	static const struct {
		const char *id;
		size_t n;
		struct formulary_component components[2];
	} preparations[] = {
		[LIDO] = { "lido", 1, { { LIDOCAINE, LIDO_PG_NL } } },
		[MIX] = { "mix", 2, { { LIDOCAINE, MIX_PG_NL }, { HYALURONIDASE, MIX_UIU_NL } } },
		[FILLER] = { "filler", 1, { { HYALURONIC_ACID, 15000 } } },
	};
	static const char *const areas[] = { [FACE] = "face", [SCALP] = "scalp" };

	memset(f, 0, sizeof(*f));
	for (; f->n_substances < ARRAY_LENGTH(substances); f->n_substances++) {
		struct formulary_substance *s = &f->substances[f->n_substances];

		snprintf(s->id, sizeof(s->id), "%s", substances[f->n_substances].id);
		snprintf(s->name, sizeof(s->name), "%s", substances[f->n_substances].id);
		s->unit = substances[f->n_substances].unit;
		no_bounds(s);
	}
	for (; f->n_preparations < ARRAY_LENGTH(preparations); f->n_preparations++) {
		struct formulary_preparation *p = &f->preparations[f->n_preparations];

		snprintf(p->id, sizeof(p->id), "%s", preparations[f->n_preparations].id);
		p->cartridge = 100 + f->n_preparations;
		p->n_components = preparations[f->n_preparations].n;
		memcpy(p->components, preparations[f->n_preparations].components,
		       sizeof(preparations[0].components));
	}
	for (; f->n_areas < ARRAY_LENGTH(areas); f->n_areas++) {
		struct formulary_area *a = &f->areas[f->n_areas];

		*a = (struct formulary_area){ .depth_min_um = 1000,
					      .depth_max_um = 4000,
					      .size_mm2 = FACE_MM2 };
		snprintf(a->id, sizeof(a->id), "%s", areas[f->n_areas]);
	}
	memset(f->hash, 0xf0, sizeof(f->hash));
}

struct ledger_assessment bench_assessment(const struct ledger_id *patient)
{
	return (struct ledger_assessment){ .patient = *patient,
					   .uid = OPERATOR,
					   .consent = true,
					   .elsewhere_asked = true,
					   .mass_g = MASS_G };
}

struct ledger_course bench_course(const struct ledger_id *patient, uint32_t interval_d)
{
	return (struct ledger_course){ .patient = *patient,
				       .uid = OPERATOR,
				       .interval_d = interval_d,
				       .sessions = 8,
				       .indication = "hair-loss" };
}

void bench_prepare(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	limits_default(&b->limits);
	make_formulary(&b->formulary);
	b->basis = (struct policy_basis){ .limits = &b->limits, .formulary = &b->formulary };
	b->now_s = T0;
	b->gun = (struct ledger_gun){ .serial = SERIAL,
				      .epoch = EPOCH,
				      .boot_id = BOOT,
				      .shot_count = 40,
				      .total_nl = 800000 };
}

void bench_assess(struct bench *b)
{
	struct ledger_assessment a = bench_assessment(&b->patient);

	ck_assert_int_eq(ledger_add_assessment(b->ledger, b->now_s, &a, NULL, NULL), 0);
}

void bench_load(struct bench *b, size_t preparation)
{
	const struct ledger_moment now = moment(b->now_s);

	ck_assert_int_eq(ledger_add_load(b->ledger, &now, b->session, &b->formulary, preparation,
					 100 + preparation, 60000, NULL),
			 0);
}

void bench_open_session(struct bench *b)
{
	ck_assert_int_eq(ledger_open_session(b->ledger, b->now_s, "2027-01-15", &b->patient,
					     b->gun.serial, OPERATOR, &b->session),
			 0);
	bench_load(b, LIDO);
}

void bench_begin(struct bench *b)
{
	struct ledger_course course;

	ck_assert_int_eq(ledger_get_state(b->ledger), LEDGER_OK);
	ck_assert_int_eq(add_operator(b->ledger, OPERATOR), 0);
	ck_assert_int_eq(add_patient(b->ledger, "P-1", &b->patient), 0);
	bench_assess(b);
	course = bench_course(&b->patient, 7);
	ck_assert_int_eq(ledger_add_course(b->ledger, T0, &course, NULL, NULL), 0);
	ck_assert_int_eq(ledger_see_gun(b->ledger, T0, &b->gun, NULL), 0);
	bench_open_session(b);
}

void bench_start(struct bench *b)
{
	bench_prepare(b);
	place_make(&b->place);
	b->ledger = place_open(&b->place);
	bench_begin(b);
}

void bench_stop(struct bench *b)
{
	struct ledger_report report;

	/* Whatever a test did, the books must balance. */
	if (ledger_get_state(b->ledger) == LEDGER_OK) {
		ck_assert_int_eq(ledger_verify(b->ledger, &report), 0);
		ck_assert_msg(report.ok, "%s", report.problem);
	}
	b->ledger = ledger_close(b->ledger);
	place_remove(&b->place);
}

void bench_reopen(struct bench *b)
{
	ledger_close(b->ledger);
	b->ledger = place_open(&b->place);
}

/* Whatever cannot be read is left out of it. */
static int make_order(const struct bench *b, uint32_t dose_nl, uint32_t shots,
		      struct ledger_order *ret)
{
	struct ledger_load load;
	int r;

	*ret = (struct ledger_order){
		.session = b->session,
		.gun = b->gun,
		.tolerance_nl = 100,
		.expiry_ms = 60000,
		.request = {
			.kind = MESO_KIND_TREAT, .mode = MESO_MODE_SINGLE, .dose_nl = dose_nl,
			.shots = shots, .depth_um = 2000, .needles = 1, .overshoot_nl = 1000,
			.preparation = FORMULARY_UNKNOWN, /* the ledger's to say */
			.area = FACE, .area_mm2 = FACE_MM2, .has_gun = true,
			.gun = {
				.dose_min_nl = 1000, .dose_max_nl = 200000, .dose_step_nl = 100,
				.lease_max_nl = 10000000, .lease_max_shots = 200,
				.depth_max_um = 13000, .rate_max_mhz = 9000, .reservoir_nl = 10000000,
			},
		},
	};

	memcpy(ret->request.patient, b->patient.bytes, sizeof(ret->request.patient));
	r = ledger_get_load(b->ledger, b->session, &load);
	if (r >= 0)
		ret->request.gun.cartridge = load.cartridge;
	return r == -ENOENT ? 0 : r;
}

struct ledger_order bench_order(const struct bench *b, uint32_t dose_nl, uint32_t shots)
{
	struct ledger_order o;

	(void)make_order(b, dose_nl, shots, &o);
	return o;
}

int bench_reserve(struct bench *b, uint32_t dose_nl, uint32_t shots, struct ledger_reservation *ret)
{
	const struct ledger_moment now = moment(b->now_s);
	struct ledger_order o;
	int r;

	/* Without memory there is no cartridge either, which is another refusal. */
	r = make_order(b, dose_nl, shots, &o);
	if (r == -ENOMEM)
		return r;
	return ledger_reserve(b->ledger, &now, &b->basis, &o, ret, b->verdicts);
}

struct meso_shot gun_fires(struct ledger_gun *gun, const uint8_t *lease_id, uint32_t dose_nl)
{
	struct meso_shot shot = {
		.epoch = gun->epoch,
		.number = ++gun->shot_count,
		.asked_nl = dose_nl,
		.reported_nl = dose_nl,
		.displaced_nl = dose_nl + 20,
		.displaced2_nl = dose_nl - 30,
		.depth_um = 2010,
		.peak_pa = -5,
		.result = MESO_SHOT_COMPLETE,
		.kind = MESO_KIND_TREAT,
		.flags = MESO_STATUS_CONTACT,
		.duration_us = 90000,
		.received_ns = 77,
	};

	memcpy(shot.lease_id, lease_id, sizeof(shot.lease_id));
	gun->total_nl += dose_nl;
	shot.total_nl = gun->total_nl;
	return shot;
}

struct ledger_evidence evidence_of(const struct ledger_gun *gun, const uint8_t *lease_id)
{
	struct ledger_evidence e = {
		.closed = true, .log_read = true, .gun = *gun, .end = MESO_END_SPENT
	};

	memcpy(e.lease_id, lease_id, sizeof(e.lease_id));
	return e;
}

void bench_treat(struct bench *b, uint32_t dose_nl, uint32_t shots)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot *fired = calloc(shots, sizeof(*fired));
	int r;

	ck_assert_ptr_nonnull(fired);
	r = bench_reserve(b, dose_nl, shots, &v);
	ck_assert_msg(r == 0, "%d: %s", r, b->verdicts[0].text);
	b->gun.last_sequence = v.sequence;
	for (uint32_t i = 0; i < shots; i++)
		fired[i] = gun_fires(&b->gun, v.lease_id, dose_nl);
	e = evidence_of(&b->gun, v.lease_id);
	ck_assert_int_eq(ledger_record(b->ledger, b->now_s, SERIAL, fired, shots, &e, &s), 0);
	ck_assert_msg(s.outcome == LEDGER_RELEASED, "%s", s.problem);
	free(fired);
}

uint64_t outstanding_of(struct bench *b)
{
	struct ledger_spent spent;

	ck_assert_int_eq(ledger_get_spent(b->ledger, b->now_s, &b->patient, &spent), 0);
	return spent.outstanding_nl;
}

uint64_t settled_of(struct bench *b)
{
	struct ledger_spent spent;

	ck_assert_int_eq(ledger_get_spent(b->ledger, b->now_s, &b->patient, &spent), 0);
	return spent.settled_24h_nl;
}

static int count_one(const struct ledger_record *record, void *userdata)
{
	struct {
		const char *type;
		unsigned int count;
	} *counter = userdata;

	if (!counter->type || strcmp(record->type, counter->type) == 0)
		counter->count++;
	return 0;
}

unsigned int count_records(struct ledger *l, const char *type)
{
	struct {
		const char *type;
		unsigned int count;
	} counter = { type, 0 };

	ck_assert_int_eq(ledger_foreach_record(l, 0, UINT32_MAX, count_one, &counter), 0);
	return counter.count;
}

uint64_t chain_length(struct ledger *l)
{
	return count_records(l, NULL);
}

/* The statements that remove, or make, all triggers, one after the other; to be freed. */
static char *trigger_script(sqlite3 *db, const char *column)
{
	char *script = calloc(1, 65536), query[200];
	sqlite3_stmt *row;

	ck_assert_ptr_nonnull(script);
	snprintf(query, sizeof(query), "SELECT %s || ';' FROM sqlite_schema WHERE type = 'trigger'",
		 column);
	ck_assert_int_eq(sqlite3_prepare_v2(db, query, -1, &row, NULL), SQLITE_OK);
	while (sqlite3_step(row) == SQLITE_ROW) {
		size_t used = strlen(script);

		snprintf(script + used, 65536 - used, "%s",
			 (const char *)sqlite3_column_text(row, 0));
	}
	sqlite3_finalize(row);
	return script;
}

void tamper(const struct place *place, const char *sql)
{
	char *error = NULL, *drop, *make;
	sqlite3 *db;

	/* The triggers are back afterwards: what finds the forgery must be its content. */
	ck_assert_int_eq(sqlite3_open(place->path, &db), SQLITE_OK);
	drop = trigger_script(db, "'DROP TRIGGER ' || name");
	make = trigger_script(db, "sql");
	ck_assert_int_eq(sqlite3_exec(db, drop, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_exec(db, sql, NULL, NULL, &error);
	ck_assert_msg(!error, "%s", error);
	ck_assert_int_eq(sqlite3_exec(db, make, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	free(drop);
	free(make);
}

void forget_digest(const char *path)
{
	char text[512] = "", *space;
	FILE *file = fopen(path, "r+");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	space = strrchr(text, ' ');
	ck_assert_ptr_nonnull(space);
	ck_assert_int_eq(ftruncate(fileno(file), 0), 0);
	rewind(file);
	fprintf(file, "%.*s -\n", (int)(space - text), text);
	ck_assert_int_eq(fclose(file), 0);
}
