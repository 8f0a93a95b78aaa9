// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules about what is asked for as a thing: is it known, is it what the gun has
 * loaded, and may a gun give it?
 *
 * Amounts are policy_substances.c's.
 */
#include <inttypes.h>
#include <linux/meso.h>

#include "policy_rules.h"

/* Unknown is unsafe: each component has to be a substance at a concentration. */
static bool is_whole(const struct policy_case *c, const struct formulary_preparation *p)
{
	if (p->n_components == 0 || p->n_components > FORMULARY_COMPONENTS)
		return false;
	for (size_t i = 0; i < p->n_components; i++)
		if (p->components[i].substance >= count_substances(c) ||
		    p->components[i].concentration == 0)
			return false;
	return true;
}

void judge_preparation_known(const struct policy_case *c, struct policy_verdict *v)
{
	const struct formulary_preparation *p = preparation_of(c);

	if (p && is_whole(c, p) && !c->history->unknown_substance) {
		explain(v, "What is asked for is %s.", p->name);
		return;
	}
	refuse(v);
	if (!c->basis->formulary)
		explain(v, "There is no formulary, so nothing is known of what would be given.");
	else if (!p)
		explain(v, "What is asked for is not a preparation that the formulary has.");
	else if (!is_whole(c, p))
		explain(v,
			"The formulary does not say of every component of %s what and how much it"
			" is.",
			p->name);
	else
		explain(v,
			"The patient was given something of which nobody knows what it was, or that "
			"the formulary has no more: it"
			" cannot be counted.");
}

void judge_cartridge(const struct policy_case *c, struct policy_verdict *v)
{
	const struct formulary_preparation *p = preparation_of(c);

	if (!c->request->has_gun) {
		explain(v, "No gun is named, so no cartridge was looked at.");
		return;
	}
	if (!p) {
		refuse(v);
		explain(v, "What is asked for is not known, so the cartridge cannot be its.");
		return;
	}
	if (c->request->gun.cartridge != 0 && c->request->gun.cartridge == p->cartridge) {
		explain(v, "The cartridge is that of %s.", p->name);
		return;
	}
	refuse(v);
	if (c->request->gun.cartridge == 0)
		explain(v, "The gun reads no cartridge; it must be %016" PRIx64 ", of %s.",
			p->cartridge, p->name);
	else
		explain(v, "The cartridge is %016" PRIx64 ", and %s comes in %016" PRIx64 ".",
			c->request->gun.cartridge, p->name, p->cartridge);
}

void judge_by_gun(const struct policy_case *c, struct policy_verdict *v)
{
	/* Every lease is a gun's, whether Check has named one or not. */
	const bool by_gun = c->request->has_gun || c->request->kind == MESO_KIND_TREAT ||
			    c->request->kind == MESO_KIND_PRIME;

	for (size_t i = 0; by_gun && i < count_substances(c); i++) {
		const struct formulary_substance *s = &c->basis->formulary->substances[i];

		if (!s->by_hand_only || !is_asked(c, i))
			continue;
		refuse(v);
		v->what = s->id;
		explain(v, "%s is not given by gun: by hand only, into the depth it needs.",
			s->name);
		return;
	}
	explain(v, "Nothing in it has to be given by hand.");
}

void judge_unmixed(const struct policy_case *c, struct policy_verdict *v)
{
	const struct formulary_preparation *p = preparation_of(c);

	for (size_t i = 0; p && p->n_components > 1 && i < count_substances(c); i++) {
		const struct formulary_substance *s = &c->basis->formulary->substances[i];

		if (!s->unmixed || !is_asked(c, i))
			continue;
		refuse(v);
		v->what = s->id;
		explain(v, "%s is not mixed with anything, and %s is a mixture.", s->name, p->name);
		return;
	}
	explain(v, "Nothing in it has to stay unmixed.");
}
