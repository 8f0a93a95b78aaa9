/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of the table as a client meets them: patients with a history, requests
 * that differ in one thing, and the verdict of one rule, all through D-Bus.
 */
#ifndef RULES_FIXTURE_H
#define RULES_FIXTURE_H

#include "mesod_fixture.h"

/* Which suite tests which rule at its bounds; together they are the table. */
#define RULES_ASKED                                                                        \
	"shot-volume depth rate session-volume area-volume area-known patient-24h-volume " \
	"substance-shot substance-session substance-24h anaesthetics-sum hyaluronidase "   \
	"mass-known by-gun unmixed preparation-known assessment consent elsewhere adult "  \
	"pregnancy breastfeeding infection allergy condition nsaid lease-shape"
#define RULES_LIVED                                                                       \
	"reservoir one-patient prime-volume session-length fault-stops session-interval " \
	"late-interval course-sessions course-gap substance-course substance-interval "   \
	"substance-sessions cartridge operator"

#define RULES_ID_MAX 24

struct verdict {
	char rule[RULES_ID_MAX];
	char severity[8];
	char unit[16];
	char what[48];
	uint64_t limit, soft_limit, spent, asked, allowed;
	int64_t when;
	char text[512];
};

/* As Arm's and Check's a{sv}; what is 0 or NULL is left out. */
struct asking {
	const char *preparation;
	const char *area;
	uint32_t area_mm2;
	uint32_t dose_nl;
	uint32_t shots;
	uint32_t depth_um;
	const char *mode;
	uint32_t rate_mhz;
	uint32_t expiry_ms;
	const char *override;
};

/* 20 uL of the plain preparation into the field, 2 mm deep. */
struct asking plain_asking(void);

/* A mesod with the formulary of these suites, an operator, and patient FIXTURE_PATIENT, assessed. */
void rules_start(struct mesod_fixture *f);
/* One more patient of 60 kg, born on that date (NULL: grown up); assessed unless @bare.  @ret: the reference */
void rules_patient(struct mesod_fixture *f, const char *birth_date, uint32_t mass_g, bool bare,
		   char ret[16]);
/* Assess with what stands in @allergies and @conditions: one word each, or NULL. */
void rules_assess(struct mesod_fixture *f, const char *patient, bool consent, bool elsewhere,
		  const char *allergy, const char *condition);
/* A dose elsewhere, ended so long ago. */
void rules_gave(struct mesod_fixture *f, const char *patient, const char *preparation,
		uint32_t volume_nl, int64_t ago_s);
/* The local date that mesod goes by, so many days from today. */
void rules_date(int64_t days, char text[16]);

/* What Check says of that rule; fails the test if it says nothing.  @ret_allowed may be NULL. */
struct verdict rules_check(struct mesod_fixture *f, const char *patient,
			   const struct asking *asking, const char *rule, bool *ret_allowed);
/* The same of the newest request of the session that is open: GetDetails. */
struct verdict rules_in_session(struct mesod_fixture *f, const char *rule);
/* Arm in the open session: "" it was granted (and is disarmed again), or what rule refused, or the error. */
void rules_arm(struct mesod_fixture *f, const struct asking *asking, char ret[64]);

/* Was every rule of that list seen in each severity that it is said to have? */
void rules_saw(const struct verdict *v);
bool rules_seen(const char *rule, const char *severity);
/* All ids that Check reports, with spaces between. */
void rules_list(struct mesod_fixture *f, char *buf, size_t size);

#define expect(v, wanted)                                                                    \
	do {                                                                                 \
		const struct verdict v_ = (v);                                               \
		ck_assert_msg(strcmp(v_.severity, (wanted)) == 0, "%s is %s, wanted %s: %s", \
			      v_.rule, v_.severity, (wanted), v_.text);                      \
	} while (0)

#endif /* RULES_FIXTURE_H */
