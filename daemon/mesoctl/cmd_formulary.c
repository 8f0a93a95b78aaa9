// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl formulary: what may be injected and how much of it, as mesod has it in
 * force; and whether files are in order, by the very code that mesod reads them
 * with, so that no daemon is needed.  Judges no dose.
 */
#include <string.h>

#include "formulary.h"
#include "mesoctl.h"

/* ---- what mesod has in force ---------------------------------------------------------- */

/* @ret: the answer of Formulary, an array of hash and things. */
static int ask(struct ctl *ctl, json_t **ret)
{
	return ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "Formulary", ret, "");
}

/* The value of one key of a thing, or "". */
static const char *value_of(const json_t *thing, const char *key)
{
	const json_t *values = json_object_get(thing, "values"), *value;
	size_t i;

	json_array_foreach(values, i, value) {
		const char *name = json_string_value(json_array_get(value, 0));
		const char *text = json_string_value(json_array_get(value, 1));

		if (name && text && strcmp(name, key) == 0)
			return text;
	}
	return "";
}

/* What tells one thing of a group from another at a glance. */
static const char *gist_of(const json_t *thing)
{
	const char *group = ctl_text(thing, "group");

	if (strcmp(group, "preparation") == 0)
		return value_of(thing, "components");
	if (strcmp(group, "area") == 0)
		return value_of(thing, "depth");
	if (*value_of(thing, "by-hand-only"))
		return "by hand only";
	return "";
}

static int formulary_list(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *answer = NULL;
	const json_t *thing;
	char **arguments;
	size_t i;
	int count, code;

	code = ctl_options(ctl, argc, argv, "formulary list", NULL, 0, NULL, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "formulary list takes no arguments");
	if (code == CTL_OK)
		code = ask(ctl, &answer);
	if (code != CTL_OK)
		return code;
	if (ctl->json) {
		_cleanup_(ctl_json_decrefp) json_t *object =
			json_pack("{s:O, s:O}", "hash", json_array_get(answer, 0), "things",
				  json_array_get(answer, 1));

		return ctl_print_json(object);
	}
	json_array_foreach(json_array_get(answer, 1), i, thing) {
		const char *id = ctl_text(thing, "id"), *gist = gist_of(thing);

		if (!*id)
			continue;
		printf("%-12s %-24s %s%s%s%s\n", ctl_text(thing, "group"), id,
		       value_of(thing, "name"), *gist ? " (" : "", gist, *gist ? ")" : "");
	}
	printf("formulary %s\n", json_string_value(json_array_get(answer, 0)));
	return CTL_OK;
}

/* As a file would say it. */
static void print_thing(const json_t *thing)
{
	const json_t *values = json_object_get(thing, "values"), *value;
	const char *id = ctl_text(thing, "id");
	size_t i;

	printf("[%s%s%s]\n", ctl_text(thing, "group"), *id ? " " : "", id);
	json_array_foreach(values, i, value) {
		const char *key = json_string_value(json_array_get(value, 0));
		const char *text = json_string_value(json_array_get(value, 1));
		const char *source = json_string_value(json_array_get(value, 2));

		if (key && text && source)
			printf("%s = %s%s%s\n", key, text, *source ? "; " : "", source);
	}
}

static bool is_asked(const json_t *thing, const char *wanted)
{
	return strcmp(ctl_text(thing, "id"), wanted) == 0 ||
	       (strcmp(wanted, "limits") == 0 && strcmp(ctl_text(thing, "group"), wanted) == 0);
}

static int formulary_show(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *answer = NULL, *found = NULL;
	json_t *thing;
	char **arguments;
	size_t i;
	int count, code;

	code = ctl_options(ctl, argc, argv, "formulary show ID", NULL, 0, NULL, &arguments, &count);
	if (code == CTL_OK && count != 1)
		code = ctl_fail(ctl, CTL_USAGE,
				"of what? Say the id of a substance, a preparation or an area, or"
				" limits; `mesoctl formulary list` has them");
	if (code == CTL_OK)
		code = ask(ctl, &answer);
	if (code != CTL_OK)
		return code;
	found = json_array();
	json_array_foreach(json_array_get(answer, 1), i, thing)
		if (is_asked(thing, arguments[0]))
			(void)json_array_append(found, thing);
	if (json_array_size(found) == 0)
		return ctl_fail(
			ctl, CTL_USAGE,
			"the formulary has no \"%.40s\": `mesoctl formulary list` shows what"
			" there is",
			arguments[0]);
	if (ctl->json)
		return ctl_print_json(found);
	json_array_foreach(found, i, thing) {
		if (i)
			printf("\n");
		print_thing(thing);
	}
	return CTL_OK;
}

static int formulary_reload(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *answer = NULL, *object = NULL;
	char **arguments;
	int count, code;
	bool changed;

	code = ctl_options(ctl, argc, argv, "formulary reload", NULL, 0, NULL, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "formulary reload takes no arguments");
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "ReloadFormulary", &answer,
				     "");
	if (code != CTL_OK)
		return code;
	changed = json_is_true(json_array_get(answer, 1));
	if (ctl->json) {
		object = json_pack("{s:O, s:b}", "hash", json_array_get(answer, 0), "changed",
				   changed);
		return ctl_print_json(object);
	}
	printf("formulary and limits were read again: %s\nformulary %s\n",
	       changed ? "changed" : "nothing has changed",
	       json_string_value(json_array_get(answer, 0)));
	return CTL_OK;
}

/* ---- files -------------------------------------------------------------------------------- */

static int say_checked(const struct ctl *ctl, const struct formulary *f)
{
	_cleanup_(ctl_json_decrefp) json_t *object = NULL;
	char hash[FORMULARY_HASH_TEXT_MAX];

	formulary_hash_text(f, hash);
	if (!ctl->json) {
		printf("in order: %zu substances, %zu preparations, %zu areas\nformulary %s\n",
		       f->n_substances, f->n_preparations, f->n_areas, hash);
		return CTL_OK;
	}
	object = json_pack("{s:b, s:s, s:I, s:I, s:I}", "ok", 1, "hash", hash, "substances",
			   (json_int_t)f->n_substances, "preparations",
			   (json_int_t)f->n_preparations, "areas", (json_int_t)f->n_areas);
	return ctl_print_json(object);
}

struct check {
	const char *config;
};

static int formulary_check(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "config", CTL_TEXT, 0, false, offsetof(struct check, config), "FILE",
		  "the limits (" LIMITS_DEFAULT_PATH ")" },
	};
	_cleanup_(formulary_freep) struct formulary *f = NULL;
	struct check o = { LIMITS_DEFAULT_PATH };
	char error[FORMULARY_ERROR_MAX] = "";
	const char *const *layers;
	struct limits limits;
	char **arguments;
	int count, code, r;

	code = ctl_options(ctl, argc, argv, "formulary check [LAYER...] [--config FILE]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code != CTL_OK)
		return code;
	/* mesod takes an absent layer for an empty one; who names it here means it. */
	for (int i = 0; i < count; i++)
		if (access(arguments[i], F_OK) < 0)
			return ctl_fail(ctl, CTL_USAGE, "%s: %s", arguments[i],
					strerrordesc_np(errno));
	layers = count ? (const char *const *)arguments : formulary_default_paths;
	r = limits_load(&o.config, 1, &limits, error);
	if (r >= 0)
		r = formulary_load(layers, count ? (size_t)count : FORMULARY_DEFAULT_PATHS, &f,
				   error);
	if (r < 0) {
		formulary_make_text(error);
		return ctl_fail(ctl, CTL_FAILED, "%s", *error ? error : strerrordesc_np(-r));
	}
	return say_checked(ctl, f);
}

int cmd_formulary(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "list", formulary_list, "", "what mesod knows: substances, preparations, areas" },
		{ "show", formulary_show, "ID",
		  "all that is said of one, with units and sources; `show limits`: the limits" },
		{ "check", formulary_check, "[LAYER...] [--config FILE]",
		  "are files in order? Without LAYER those that mesod reads (exit status 1 if not)" },
		{ "reload", formulary_reload, "",
		  "have mesod read formulary and limits again; root only" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl formulary", commands,
			    ARRAY_LENGTH(commands));
}
