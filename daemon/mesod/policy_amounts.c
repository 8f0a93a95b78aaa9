// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a request is to the formulary: its preparation, how much of each
 * substance that is, and which bound holds for this patient.
 *
 * Owns the way from a volume to amounts and from mg/kg to a bound, and that no
 * index leads out of the formulary.  Judges nothing.
 */
#include "policy_rules.h"

#define G_PER_KG 1000

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

const struct formulary_preparation *preparation_of(const struct policy_case *c)
{
	const struct formulary *f = c->basis->formulary;

	if (!f || c->request->preparation >= at_most(f->n_preparations, FORMULARY_PREPARATIONS))
		return NULL;
	return &f->preparations[c->request->preparation];
}

const struct formulary_area *area_of(const struct policy_case *c)
{
	const struct formulary *f = c->basis->formulary;

	if (!f || c->request->area >= at_most(f->n_areas, FORMULARY_AREAS))
		return NULL;
	return &f->areas[c->request->area];
}

size_t count_substances(const struct policy_case *c)
{
	const struct formulary *f = c->basis->formulary;

	return f ? at_most(f->n_substances, FORMULARY_SUBSTANCES) : 0;
}

bool is_asked(const struct policy_case *c, size_t substance)
{
	const struct formulary_preparation *p = preparation_of(c);

	for (size_t i = 0; p && i < at_most(p->n_components, FORMULARY_COMPONENTS); i++)
		if (p->components[i].substance == substance)
			return true;
	return false;
}

uint64_t amount_of(const struct policy_case *c, size_t substance, uint64_t volume_nl)
{
	const struct formulary_preparation *p = preparation_of(c);
	uint64_t amount = 0;

	for (size_t i = 0; p && i < at_most(p->n_components, FORMULARY_COMPONENTS); i++)
		if (p->components[i].substance == substance)
			amount = policy_add(amount,
					    formulary_amount(volume_nl,
							     p->components[i].concentration));
	return amount;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Rounded down: a fraction of a nanogram is not allowed. */
static uint64_t scale(uint64_t per_kg, uint32_t mass_g)
{
	unsigned __int128 bound;

	if (per_kg == NO_BOUND || mass_g == 0)
		return NO_BOUND;
	bound = (unsigned __int128)per_kg * mass_g / G_PER_KG;
	return bound < NO_BOUND ? (uint64_t)bound : NO_BOUND;
}

struct limit bound_for(const struct policy_case *c, size_t substance, enum formulary_scope scope)
{
	const struct formulary_substance *s = &c->basis->formulary->substances[substance];
	const uint32_t mass_g = c->history->mass_g;
	struct limit bound;

	bound.hard = lesser(s->fixed[scope].hard, scale(s->per_kg[scope].hard, mass_g));
	bound.soft = lesser(s->fixed[scope].soft, scale(s->per_kg[scope].soft, mass_g));
	return bound;
}

bool has_per_kg(const struct formulary_substance *substance)
{
	for (size_t i = 0; i < SCOPES; i++)
		if (substance->per_kg[i].hard != NO_BOUND || substance->per_kg[i].soft != NO_BOUND)
			return true;
	return false;
}

uint64_t given_24h(const struct policy_case *c, size_t substance, int64_t at_s)
{
	const struct policy_substance *past = &c->history->substances[substance];

	return policy_add(past->outstanding, window_sum(past->doses, past->n_doses, at_s));
}

enum inj_dimension dimension_of(const struct formulary_substance *substance)
{
	return substance->unit == FORMULARY_MIU ? INJ_ACTIVITY : INJ_MASS;
}

const char *unit_of(const struct formulary_substance *substance)
{
	return substance->unit == FORMULARY_MIU ? "mIU" : "ng";
}
