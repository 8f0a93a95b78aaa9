/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the reference limiter tell each other; see reference_limiter.h.
 */
#ifndef TEST_REFERENCE_INTERNAL_H
#define TEST_REFERENCE_INTERNAL_H

#include "reference_limiter.h"

__extension__ typedef unsigned __int128 big; /* no sum of what there can be leaves it */

#define DAY_S      ((int64_t)86400)
#define REF_VOLUME ((size_t)-2) /* instead of a substance: volume */

enum window {
	IN_SESSION,
	IN_AREA, /* of the session, that the request names */
	IN_24H,
	IN_COURSE,
};

/* reference_facts.c: what has happened */
bool ref_lease_is_settled(const struct ref *ref, uint64_t lease, big *ret_nl, int64_t *ret_s);
const struct ref_event *ref_newest(const struct ref *ref, enum ref_what what, uint64_t patient);
const struct ref_event *ref_session(const struct ref *ref, uint64_t session);
bool ref_session_is_over(const struct ref *ref, uint64_t session);
uint64_t ref_course(const struct ref *ref, const struct ref_question *q);
/* A time, or a day, that @event has: as it is now that a clock was confirmed since. */
int64_t ref_dated(const struct ref *ref, const struct ref_event *event, int64_t time_s);
int32_t ref_dated_day(const struct ref *ref, const struct ref_event *event, int32_t day);
uint64_t ref_course_of_dose(const struct ref *ref, const struct ref_event *dose);
uint64_t ref_course_of_session(const struct ref *ref, uint64_t session);
bool ref_is_corrected(const struct ref *ref, const struct ref_event *hand);
big ref_hand_amount(const struct ref_event *hand, size_t substance);
big ref_amount(const struct formulary *f, size_t preparation, size_t substance, big nl);
big ref_spent(const struct ref *ref, const struct ref_question *q, enum window window,
	      size_t substance);
big ref_asked_nl(const struct ref_question *q);
const struct formulary_preparation *ref_preparation(const struct ref_question *q);
const struct formulary_area *ref_area(const struct ref_question *q);
uint32_t ref_mass(const struct ref *ref, uint64_t patient);

/* answers, in reference_limiter.c */
void ref_judge(struct ref_answer *a, size_t substance, big spent, big asked, big soft, big hard);
void ref_judge_least(struct ref_answer *a, int64_t have, int64_t soft, int64_t hard);
void ref_refuse_if(struct ref_answer *a, bool bad);

/* reference_substances.c */
void ref_ask_substances(const struct ref *ref, const struct ref_question *q, size_t scope,
			struct ref_answer *a);
void ref_ask_anaesthetics(const struct ref *ref, const struct ref_question *q,
			  struct ref_answer *a);
void ref_ask_spreading(const struct ref *ref, const struct ref_question *q, struct ref_answer *a);
/* Is it asked for; does the patient have it in this session or the last 24 h, or may have? */
bool ref_asks_for(const struct ref_question *q, size_t substance);
bool ref_has_about(const struct ref *ref, const struct ref_question *q, size_t substance);

/* reference_days.c */
void ref_ask_interval(const struct ref *ref, const struct ref_question *q, bool late,
		      struct ref_answer *a);
void ref_ask_course_gap(const struct ref *ref, const struct ref_question *q, struct ref_answer *a);
void ref_ask_substance_days(const struct ref *ref, const struct ref_question *q, bool interval,
			    struct ref_answer *a);
uint32_t ref_sessions_of_course(const struct ref *ref, const struct ref_question *q);
int32_t ref_last_session_day(const struct ref *ref, const struct ref_question *q);
int32_t ref_previous_course_day(const struct ref *ref, const struct ref_question *q);
int32_t ref_last_day_of(const struct ref *ref, const struct ref_question *q, size_t substance);
uint32_t ref_sessions_with(const struct ref *ref, const struct ref_question *q, size_t substance);
const struct ref_event *ref_plan(const struct ref *ref, const struct ref_question *q);
bool ref_months_have_passed(int32_t from, int32_t to, int64_t months, bool birthday);

/* reference_words.c */
bool ref_is_allergic(const struct ref_question *q, const struct ref_event *assessment);
bool ref_has_condition(const struct ref_question *q, const struct ref_event *assessment);
bool ref_is_adult(const struct ref *ref, const struct ref_question *q);
bool ref_needs_weight(const struct ref *ref, const struct ref_question *q);
bool ref_unknown_given(const struct ref *ref, const struct ref_question *q);
bool ref_component_is(const struct ref_question *q, bool by_hand_only);
bool ref_has_word(const char *words, const char *word);
bool ref_open_elsewhere(const struct ref *ref, const struct ref_question *q, bool patients);
uint32_t ref_fault_stops(const struct ref *ref, const struct ref_question *q);
big ref_primed(const struct ref *ref, const struct ref_question *q);
bool ref_gun_cannot(const struct policy_request *r);

#endif /* TEST_REFERENCE_INTERNAL_H */
