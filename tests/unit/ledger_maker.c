// SPDX-License-Identifier: GPL-2.0-only
/*
 * See ledger_maker.h.
 */
#include "ledger_maker.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_internal.h"

#define WEEK_S  ((int64_t)7 * 24 * 60 * 60)
#define DOSE_NL 20000u
#define EACH_S  600 /* a week has room for a thousand of them */

/* As ck_assert_int_ge((r), 0), which leaves a note each time, millions of them. */
#define EXPECT(r)                                      \
	do {                                           \
		int made = (r);                        \
                                                       \
		if (made < 0)                          \
			ck_abort_msg(#r ": %d", made); \
	} while (0)

struct maker {
	struct bench *b;
	struct ledger *l;
	uint64_t sequence;
	struct ledger_id *patients;
	int64_t *courses;
};

static void register_one(struct maker *m, unsigned int i, int64_t now_s)
{
	struct ledger_patient p = { .name = "Zoë Sample",
				    .birth_date = "1980-02-29",
				    .mass_g = MASS_G };
	struct ledger_assessment a;
	struct ledger_course course;

	snprintf(p.reference, sizeof(p.reference), "M-%u", i);
	EXPECT(ledger_add_patient(m->l, now_s, &p, &m->patients[i]));
	a = bench_assessment(&m->patients[i]);
	EXPECT(ledger_add_assessment(m->l, now_s, &a, NULL, NULL));
	course = bench_course(&m->patients[i], 7);
	course.sessions = MAKER_SESSIONS;
	EXPECT(ledger_add_course(m->l, now_s, &course, &m->courses[i], NULL));
}

/* What ledger_reserve() appends. */
static int64_t reserve(struct maker *m, const struct ledger_moment *now, int64_t session,
		       struct value patient, struct ledger_reservation *v)
{
	const struct ledger_gun *gun = &m->b->gun;
	int64_t n;

	memcpy(v->lease_id, m->l->id.bytes, 8);
	EXPECT(random_bytes(v->lease_id + 8, 8));
	v->sequence = ++m->sequence;
	v->volume_nl = (uint64_t)MAKER_SHOTS * DOSE_NL;
	v->reserved_nl = v->volume_nl + 1000;
	EXPECT(clinic_use_area(m->l, now, session, "face", FACE_MM2));
	EXPECT(chain_append(
		m->l, now->s, FACT_RESERVATION, &n, BLOB(v->lease_id, MESO_LEASE_ID_LEN),
		INTEGER(session), patient, TEXT(gun->serial), INTEGER(gun->epoch),
		INTEGER(gun->boot_id), INTEGER(v->sequence), INTEGER(MESO_KIND_TREAT),
		INTEGER(MESO_MODE_SINGLE), INTEGER(DOSE_NL), INTEGER(MAKER_SHOTS), INTEGER(2000),
		INTEGER(0), INTEGER(1), INTEGER(v->volume_nl), INTEGER(v->reserved_nl),
		INTEGER(100), INTEGER(60000), INTEGER(gun->shot_count), INTEGER(gun->total_nl),
		TEXT("face"), TEXT(NULL), TEXT(NULL)));
	EXPECT(sql_run(m->l, SQL_ACCOUNT_INSERT, INTEGER(n), INTEGER(session), patient,
		       TEXT(gun->serial), INTEGER(MESO_KIND_TREAT), INTEGER(v->reserved_nl)));
	EXPECT(doses_of_lease(m->l, n));
	return n;
}

/* What ledger_record() appends.  Returns what was delivered. */
static uint64_t fire(struct maker *m, int64_t now_s, int64_t lease, const uint8_t *lease_id)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < MAKER_SHOTS; i++) {
		struct meso_shot s = gun_fires(&m->b->gun, lease_id, DOSE_NL);

		sum += s.displaced_nl;
		EXPECT(chain_append(m->l, now_s, FACT_SHOT, NULL, INTEGER(lease),
				    BLOB(s.lease_id, MESO_LEASE_ID_LEN), TEXT(m->b->gun.serial),
				    INTEGER(s.epoch), INTEGER(s.number), INTEGER(s.asked_nl),
				    INTEGER(s.reported_nl), INTEGER(s.displaced_nl),
				    INTEGER(s.displaced2_nl), INTEGER(s.displaced_nl),
				    INTEGER(s.depth_um), INTEGER(s.peak_pa), INTEGER(s.result),
				    INTEGER(s.kind), INTEGER(s.flags), INTEGER(s.duration_us),
				    INTEGER(s.total_nl)));
		EXPECT(sql_run(m->l, SQL_ACCOUNT_DELIVERED, INTEGER(lease), INTEGER(sum),
			       INTEGER(MAKER_SHOTS * (DOSE_NL + 10u) + 1000)));
	}
	return sum;
}

static void treat(struct maker *m, unsigned int i, int64_t now_s)
{
	const struct value none = { .type = VALUE_NULL };
	const struct value patient = BLOB(m->patients[i].bytes, LEDGER_ID_LEN);
	const struct ledger_moment now = moment(now_s);
	const struct ledger_gun *gun = &m->b->gun;
	char components[SUBSTANCES_TEXT_MAX];
	struct ledger_substance lido = { "lidocaine", FORMULARY_NG, LIDO_PG_NL };
	struct ledger_reservation v;
	int64_t session, lease;
	uint64_t spent_nl;

	substances_format(&lido, 1, components);
	EXPECT(chain_append(m->l, now_s, FACT_SESSION, &session, patient, TEXT(gun->serial),
			    INTEGER(OPERATOR)));
	EXPECT(chain_append(m->l, now_s, FACT_LOAD, NULL, INTEGER(session), INTEGER(m->courses[i]),
			    TEXT("lido"), TEXT(components), INTEGER(100),
			    BLOB(m->b->formulary.hash, FORMULARY_HASH_LEN), INTEGER(now.day),
			    INTEGER(60000)));
	lease = reserve(m, &now, session, patient, &v);
	spent_nl = fire(m, now_s, lease, v.lease_id);
	EXPECT(chain_append(m->l, now_s, FACT_SETTLEMENT, NULL, INTEGER(lease), none,
			    INTEGER(LEDGER_RELEASED), INTEGER(MAKER_SHOTS), INTEGER(spent_nl),
			    INTEGER(spent_nl), INTEGER(0), INTEGER(now_s), INTEGER(MESO_END_SPENT),
			    INTEGER(gun->epoch), INTEGER(gun->shot_count), INTEGER(gun->total_nl),
			    none));
	EXPECT(sql_run(m->l, SQL_ACCOUNT_SETTLED, INTEGER(lease), INTEGER(LEDGER_RELEASED),
		       INTEGER(spent_nl), INTEGER(0), INTEGER(now_s)));
	EXPECT(doses_of_lease(m->l, lease));
	EXPECT(chain_append(m->l, now_s, FACT_SESSION_END, NULL, INTEGER(session), TEXT("done")));
}

/* Weeks are waited for by nobody: what a power cut would leave of them does not matter here. */
static void hurry(struct ledger *l, bool on)
{
	ck_assert_int_eq(sqlite3_exec(l->db,
				      on ? "PRAGMA synchronous = OFF; PRAGMA cache_size = -65536"
					 : "PRAGMA synchronous = FULL; PRAGMA cache_size = -2000",
				      NULL, NULL, NULL),
			 SQLITE_OK);
}

/* The workstation is started once a week. */
static void boot(struct maker *m, unsigned int week, int64_t now_s)
{
	struct ledger_clock clock = { .boot_id = { (uint8_t)week, 1 },
				      .wall_s = now_s,
				      .boottime_ns = 1000000000,
				      .offset_ns = (now_s - 1) * 1000000000 };
	struct ledger_clock_state state;

	/* The ledger was made today, and then the clock was set back to when it all began. */
	if (week == 0)
		EXPECT(ledger_confirm_clock(m->l, &clock, 0, "years ago", &state));
	else
		EXPECT(ledger_accept_clock(m->l, &clock, &state));
	ck_assert(state.accepted);
}

static void make(struct maker *m, unsigned int patients)
{
	const int64_t begin_s = T0 - (MAKER_SESSIONS + 1) * WEEK_S;

	hurry(m->l, true);
	EXPECT(add_operator(m->l, OPERATOR));
	boot(m, 0, begin_s);
	EXPECT(ledger_see_gun(m->l, begin_s, &m->b->gun, NULL));
	for (unsigned int i = 0; i < patients; i++)
		register_one(m, i, begin_s);
	for (unsigned int week = 0; week < MAKER_SESSIONS; week++) {
		if (week > 0)
			boot(m, week, begin_s + week * WEEK_S);
		EXPECT(ledger_begin(m->l));
		for (unsigned int i = 0; i < patients; i++)
			treat(m, i, begin_s + week * WEEK_S + (int64_t)i * EACH_S);
		EXPECT(ledger_end(m->l, 0));
	}
	hurry(m->l, false);
}

void maker_start(struct bench *b, unsigned int patients)
{
	struct maker m = { .b = b,
			   .l = b->ledger,
			   .patients = calloc(patients, sizeof(*m.patients)),
			   .courses = calloc(patients, sizeof(*m.courses)) };

	ck_assert(m.patients && m.courses);
	ck_assert_int_le((int64_t)patients * EACH_S, WEEK_S);
	ck_assert_int_eq(ledger_get_state(m.l), LEDGER_OK);
	make(&m, patients);
	b->gun.last_sequence = m.sequence;
	b->patient = m.patients[0];
	bench_assess(b);
	bench_open_session(b);
	free(m.patients);
	free(m.courses);
}

int maker_reserve(struct bench *b, uint32_t dose_nl, uint32_t shots, struct ledger_reservation *ret)
{
	struct ledger_order o = bench_order(b, dose_nl, shots);
	const struct ledger_moment now = moment(b->now_s);

	o.override = "the history is what is looked at";
	return ledger_reserve(b->ledger, &now, &b->basis, &o, ret, b->verdicts);
}

uint64_t maker_count(struct ledger *l, int counter, const char **worst)
{
	uint64_t sum = 0;
	int most = 0;

	for (sqlite3_stmt *s = sqlite3_next_stmt(l->db, NULL); s; s = sqlite3_next_stmt(l->db, s)) {
		int n = sqlite3_stmt_status(s, counter, 0);

		sum += (uint64_t)n;
		if (n > most && worst)
			*worst = sqlite3_sql(s);
		most = n > most ? n : most;
	}
	return sum;
}

void maker_reset(struct ledger *l, int counter)
{
	for (sqlite3_stmt *s = sqlite3_next_stmt(l->db, NULL); s; s = sqlite3_next_stmt(l->db, s))
		(void)sqlite3_stmt_status(s, counter, 1);
}
