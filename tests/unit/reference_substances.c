// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference limiter on substances: bounds by body mass, anaesthetics
 * together, what does not go with hyaluronidase.
 */
#include "reference_internal.h"

#include <string.h>

/* The lesser of the fixed bound and that by body mass.  Without a mass the latter is REF_WEIGHT's affair. */
static void bounds_of(const struct formulary_substance *s, size_t scope, uint32_t mass_g,
		      big *ret_soft, big *ret_hard)
{
	*ret_soft = s->fixed[scope].soft;
	*ret_hard = s->fixed[scope].hard;
	if (mass_g > 0 && s->per_kg[scope].soft != FORMULARY_NO_BOUND &&
	    (big)s->per_kg[scope].soft * mass_g / 1000 < *ret_soft)
		*ret_soft = (big)s->per_kg[scope].soft * mass_g / 1000;
	if (mass_g > 0 && s->per_kg[scope].hard != FORMULARY_NO_BOUND &&
	    (big)s->per_kg[scope].hard * mass_g / 1000 < *ret_hard)
		*ret_hard = (big)s->per_kg[scope].hard * mass_g / 1000;
	if (*ret_soft > *ret_hard)
		*ret_soft = *ret_hard;
}

bool ref_asks_for(const struct ref_question *q, size_t substance)
{
	const struct formulary_preparation *p = ref_preparation(q);

	for (size_t i = 0; p && i < p->n_components; i++)
		if (p->components[i].substance == substance)
			return true;
	return false;
}

bool ref_has_about(const struct ref *ref, const struct ref_question *q, size_t substance)
{
	return ref_spent(ref, q, IN_SESSION, substance) > 0 ||
	       ref_spent(ref, q, IN_24H, substance) > 0;
}

static size_t plain_of(const struct formulary *f, size_t substance)
{
	for (size_t i = 0; i < f->n_substances; i++)
		if (strcmp(f->substances[i].id, f->substances[substance].plain) == 0)
			return i;
	return substance;
}

void ref_ask_substances(const struct ref *ref, const struct ref_question *q, size_t scope,
			struct ref_answer *a)
{
	const struct formulary_preparation *p = ref_preparation(q);
	const uint32_t mass_g = ref_mass(ref, q->patient);

	for (size_t i = 0; p && i < p->n_components; i++) {
		const size_t substance = p->components[i].substance;
		big soft, hard, spent = 0;
		big nl = ref_asked_nl(q) + q->request.overshoot_nl;

		bounds_of(&q->formulary->substances[substance], scope, mass_g, &soft, &hard);
		if (scope == SCOPE_SHOT)
			nl = q->request.dose_nl;
		else if (scope == SCOPE_SESSION)
			spent = ref_spent(ref, q, IN_SESSION, substance);
		else if (scope == SCOPE_24H)
			spent = ref_spent(ref, q, IN_24H, substance);
		else
			spent = ref_spent(ref, q, IN_COURSE, substance);
		ref_judge(a, substance, spent,
			  ref_amount(q->formulary, q->request.preparation, substance, nl), soft,
			  hard);
	}
}

static big parts_per_million(big amount, big limit)
{
	big ppm;

	if (limit == 0)
		return amount ? UINT64_MAX : 0;
	ppm = amount * 1000000 / limit;
	return amount * 1000000 % limit ? ppm + 1 : ppm;
}

/* Each anaesthetic's 24 h as a share of its limit, or of the plain one's if that is less: together no more than
 * one. */
static void add_shares(const struct ref *ref, const struct ref_question *q, bool plain,
		       struct ref_answer *a)
{
	const struct formulary *f = q->formulary;
	const uint32_t mass_g = ref_mass(ref, q->patient);
	big spent = 0, total = 0;

	for (size_t i = 0; i < f->n_substances; i++) {
		big soft, hard, plains, before, after;

		if (!f->substances[i].anaesthetic)
			continue;
		bounds_of(&f->substances[i], SCOPE_24H, mass_g, &soft, &hard);
		bounds_of(&f->substances[plain_of(f, i)], SCOPE_24H, mass_g, &soft, &plains);
		if (plain && plains < hard)
			hard = plains;
		before = ref_spent(ref, q, IN_24H, i);
		after = before + ref_amount(f, q->request.preparation, i,
					    ref_asked_nl(q) + q->request.overshoot_nl);
		spent += parts_per_million(before, hard);
		total += parts_per_million(after, hard);
	}
	/* SAFETY's table has no soft bound here; a reason is asked for at 80 %, as with each of them alone */
	ref_judge(a, REF_NOTHING, spent, total - spent, 800000, 1000000);
}

static bool is_sort(const struct formulary_substance *s, char sort)
{
	return sort == 'a' ? s->anaesthetic : sort == 's' ? s->spreading : s->vasoconstrictor;
}

static bool any_asked(const struct ref_question *q, char sort)
{
	for (size_t i = 0; i < q->formulary->n_substances; i++)
		if (is_sort(&q->formulary->substances[i], sort) && ref_asks_for(q, i))
			return true;
	return false;
}

static bool any_about(const struct ref *ref, const struct ref_question *q, char sort)
{
	for (size_t i = 0; i < q->formulary->n_substances; i++)
		if (is_sort(&q->formulary->substances[i], sort) &&
		    (ref_asks_for(q, i) || ref_has_about(ref, q, i)))
			return true;
	return false;
}

void ref_ask_anaesthetics(const struct ref *ref, const struct ref_question *q, struct ref_answer *a)
{
	if (any_asked(q, 'a'))
		add_shares(ref, q, false, a);
}

/* With a vasoconstrictor never; with an anaesthetic the plain limits hold.  Whichever comes second is asked. */
void ref_ask_spreading(const struct ref *ref, const struct ref_question *q, struct ref_answer *a)
{
	if ((any_asked(q, 's') && any_about(ref, q, 'v')) ||
	    (any_asked(q, 'v') && any_about(ref, q, 's')))
		ref_refuse_if(a, true);
	else if ((any_asked(q, 's') && any_about(ref, q, 'a')) ||
		 (any_asked(q, 'a') && any_about(ref, q, 's')))
		add_shares(ref, q, true, a);
}
