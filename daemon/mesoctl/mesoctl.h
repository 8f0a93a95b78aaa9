/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands of mesoctl share: the context, exit codes, options, the bus
 * and the printer.
 *
 * mesoctl owns the words that a clinician types and reads.  It never decides
 * about a dose, never opens a gun itself and never touches the ledger: all of
 * that is mesod's, over D-Bus.
 */
#ifndef MESOCTL_H
#define MESOCTL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <jansson.h>
#include <systemd/sd-bus.h>
#include <injector.h>

#ifndef _cleanup_
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#endif
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LENGTH(a)     (sizeof(a) / sizeof((a)[0]))

#define MESOD_NAME         "org.mesod1"
#define MESOD_PATH         "/org/mesod1"
#define MESOD_MANAGER      "org.mesod1.Manager"
#define MESOD_GUN          "org.mesod1.Gun"
#define MESOD_SESSION      "org.mesod1.Session"
#define MESOD_ERROR_PREFIX "org.mesod1.Error."

/* Exit codes: scripts rest on them (docs/mesoctl.1); a number once given never changes. */
enum ctl_exit {
	CTL_DONE = -1, /* --help was printed: leave with success */
	CTL_OK = 0,
	CTL_FAILED = 1,    /* what the others do not say: stopped early, internal trouble */
	CTL_USAGE = 2,     /* what was typed is wrong, or names nothing that there is */
	CTL_NO_DAEMON = 3, /* no bus, no mesod, or it went away or fell silent */
	CTL_NO_GUN = 4,    /* no gun, not that gun, several to choose from, or it was unplugged */
	CTL_DENIED = 5,
	CTL_DOSE_LIMIT = 6,
	CTL_INTERLOCK = 7, /* the gun or its session does not allow it now */
	CTL_LEDGER = 8,    /* the ledger cannot be trusted, or a lease did not settle */
};

struct ctl {
	const char *address; /* NULL: the system bus */
	bool json;
	bool show_identifiers;
	sd_bus *bus;
	pid_t agent; /* agent.h */
};

static inline void ctl_freep(void *p)
{
	free(*(void **)p);
}

/* A cleanup handler is given a plain pointer. */
static inline void ctl_closep(int *fd) /* NOLINT(readability-non-const-parameter) */
{
	if (*fd >= 0)
		close(*fd);
}

static inline void ctl_json_decrefp(json_t **json)
{
	json_decref(*json);
}

/* ---------------------------------------------------------------- options.c */

enum ctl_kind {
	CTL_FLAG,     /* bool */
	CTL_TEXT,     /* const char * */
	CTL_NUMBER,   /* uint32_t, a bare whole number */
	CTL_DATE,     /* const char *, YYYY-MM-DD */
	CTL_QUANTITY, /* uint32_t in the base unit of `dimension` */
	CTL_SYRINGE,  /* struct ctl_syringe */
};

struct ctl_syringe {
	uint32_t capacity_nl;
	uint32_t bore_um;
};

struct ctl_option {
	const char *name;
	enum ctl_kind kind;
	enum inj_dimension dimension;
	bool needed;
	size_t offset;        /* of the value in the command's own structure */
	const char *argument; /* how --help names it, NULL for a flag */
	const char *help;
};

struct ctl_command {
	const char *name;
	int (*run)(struct ctl *ctl, int argc, char **argv);
	const char *usage;
	const char *help;
};

/*
 * Reads options and fills @values (zeroed by the caller, or holding defaults).
 * What stays are the positional arguments, argv[0] to argv[*ret_count - 1].
 * Return: CTL_OK, CTL_USAGE (it has been said), or CTL_DONE.
 */
int ctl_options(struct ctl *ctl, int argc, char **argv, const char *usage,
		const struct ctl_option *options, size_t count, void *values, char ***ret_arguments,
		int *ret_count);
/* A syringe by its capacity ("5 mL"); false with a sentence for one that is unknown. */
bool ctl_parse_syringe(const char *text, struct ctl_syringe *ret, char error[INJ_TEXT_MAX]);
bool ctl_parse_number(const char *text, uint32_t *ret);
bool ctl_parse_date(const char *text);
/* For commands with sub-commands: finds argv[0] in @commands and runs it. */
int ctl_dispatch(struct ctl *ctl, int argc, char **argv, const char *of,
		 const struct ctl_command *commands, size_t count);

/* ----------------------------------------------------------------- client.c */

/* Silently; negative errno. */
int ctl_open_bus(struct ctl *ctl);
/* All of these say what went wrong and return an exit code. */
int ctl_connect(struct ctl *ctl);
int ctl_call(struct ctl *ctl, const char *path, const char *interface, const char *method,
	     sd_bus_message **ret_reply, const char *types, ...);
/* How long to wait for the answer, 0: as for any.  If somebody may be asked for a password, that can be
 * done from now on. */
uint64_t ctl_patience(struct ctl *ctl, sd_bus_message *call);
/* The same for a message made by ctl_message(). */
int ctl_send(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply);
int ctl_message(struct ctl *ctl, const char *path, const char *interface, const char *method,
		sd_bus_message **ret_call);
/* A call whose whole answer is wanted as JSON: one value as itself, several as an array. */
int ctl_call_json(struct ctl *ctl, const char *path, const char *interface, const char *method,
		  json_t **ret, const char *types, ...);
int ctl_properties(struct ctl *ctl, const char *path, const char *interface, json_t **ret);
/* All guns: an array of objects, the properties of Gun and "path". */
int ctl_guns(struct ctl *ctl, json_t **ret);
/* The gun that @wanted names by serial, device or URI; NULL: the only one there is. */
int ctl_gun(struct ctl *ctl, const char *wanted, json_t **ret);
/* Says what an error of a call means; ctl_exit_of_error() is the table behind it. */
int ctl_complain(struct ctl *ctl, const sd_bus_error *error, int r);
enum ctl_exit ctl_exit_of_error(const char *name, int r);
/* A refusal that mesod did not make. */
int ctl_fail(struct ctl *ctl, enum ctl_exit code, const char *format, ...) _printf_(3, 4);
/* Appends a{sv} entries. */
int ctl_append_u32(sd_bus_message *m, const char *key, uint32_t value);
int ctl_append_text(sd_bus_message *m, const char *key, const char *value);

/* ------------------------------------------------------------------ reply.c */

/*
 * One complete value of a message as JSON.  Dictionaries become objects, byte
 * arrays and 64-bit identities ("boot_id", "epoch", ...) hexadecimal strings,
 * because no JSON reader keeps 64 bits of a number.  NULL when there is none.
 */
json_t *ctl_read_json(sd_bus_message *m);
const char *ctl_text(const json_t *object, const char *key); /* "" when absent */
int64_t ctl_number(const json_t *object, const char *key);   /* 0 when absent */
bool ctl_true(const json_t *object, const char *key);
/* What stands behind "name=" in a refusal's numbers; false when it is not there. */
bool ctl_refusal_field(const char *message, const char *name, char *ret, size_t size);
/* The sentence of a refusal, behind its numbers. */
const char *ctl_refusal_sentence(const char *message);

/* ----------------------------------------------------------------- output.c */

/* With --json: prints the value as one line (steals nothing). */
int ctl_print_json(const json_t *value);
/* Writes a field's value as people read it, by the unit at the end of its name. */
char *ctl_format_field(const char *name, int64_t value, char buf[INJ_TEXT_MAX]);
/* A number of a verdict in mesod's unit; what has no bound is "none". */
char *ctl_format_unit(const char *unit, const json_t *value, char buf[INJ_TEXT_MAX]);
char *ctl_format_when(int64_t unix_seconds, char buf[INJ_TEXT_MAX]);
/* Replaces names and references in place unless they were asked for. */
void ctl_redact(const struct ctl *ctl, json_t *value);
/* "a, b" of an array of strings, or @none; cut when it does not fit. */
char *ctl_join(const json_t *array, const char *none, char *buf, size_t size);
/* Allowed, refused, or refused unless there is a reason. */
const char *ctl_answer(bool allowed, const json_t *verdicts);
/* What stands in the way, worst first, each with its sentence and numbers; then what is used up of other
 * bounds, or with @all every rule. */
void ctl_print_verdicts(const json_t *verdicts, bool all);
/* One line of live values. */
char *ctl_format_telemetry(const json_t *status, char *buf, size_t size);

/* ----------------------------------------------------------------- record.c */

/* @code, or the sentence that says that there is not exactly one argument. */
int ctl_one_patient(struct ctl *ctl, int code, int count);
/* A call of the Manager about @patient, in which an a{sv} is open to be filled. */
int ctl_begin_dict(struct ctl *ctl, const char *method, const char *patient, sd_bus_message **ret);
/* Why it could not be filled. */
int ctl_not_told(struct ctl *ctl);
int ctl_append_bool(sd_bus_message *m, const char *key, bool value);
/* As an array of texts: what stands between commas or spaces. */
int ctl_append_words(sd_bus_message *m, const char *key, const char *list);
/* Sends it and prints the number of what was recorded. */
int ctl_record(struct ctl *ctl, sd_bus_message *call, const char *what);

/* ----------------------------------------------------------------- commands */

/* What a dose request consists of; shared by check and treat. */
struct ctl_request {
	const char *patient;
	uint32_t dose_nl;
	uint32_t shots;
	uint32_t depth_um;
	uint32_t rate_mhz;
	uint32_t expiry_ms;
	const char *mode;
	const char *preparation;
	const char *area;
	uint32_t area_mm2;
	const char *override;
};

/* Types and members cannot be parenthesized. NOLINTBEGIN(bugprone-macro-parentheses) */
#define CTL_REQUEST_OPTIONS(type, member)                                                              \
	{ "patient",                                                                                   \
	  CTL_TEXT,                                                                                    \
	  0,                                                                                           \
	  true,                                                                                        \
	  offsetof(type, member.patient),                                                              \
	  "ID",                                                                                        \
	  "the patient, by id or by the clinic's reference" },                                         \
		{ "dose",                                                                              \
		  CTL_QUANTITY,                                                                        \
		  INJ_VOLUME,                                                                          \
		  true,                                                                                \
		  offsetof(type, member.dose_nl),                                                      \
		  "VOLUME",                                                                            \
		  "volume of a shot, as in '20 uL'" },                                                 \
		{ "shots", CTL_NUMBER, 0, true, offsetof(type, member.shots), "N", "how many shots" }, \
		{ "depth",                                                                             \
		  CTL_QUANTITY,                                                                        \
		  INJ_LENGTH,                                                                          \
		  true,                                                                                \
		  offsetof(type, member.depth_um),                                                     \
		  "LENGTH",                                                                            \
		  "needle depth, as in '2 mm'" },                                                      \
		{ "mode",                                                                              \
		  CTL_TEXT,                                                                            \
		  0,                                                                                   \
		  false,                                                                               \
		  offsetof(type, member.mode),                                                         \
		  "MODE",                                                                              \
		  "single: a shot for each press (default); repeat: shots while held" },               \
		{ "rate",                                                                              \
		  CTL_QUANTITY,                                                                        \
		  INJ_RATE,                                                                            \
		  false,                                                                               \
		  offsetof(type, member.rate_mhz),                                                     \
		  "RATE",                                                                              \
		  "shots a second in repeat mode, as in '3 /s'" },                                     \
		{ "expiry",                                                                            \
		  CTL_QUANTITY,                                                                        \
		  INJ_TIME,                                                                            \
		  false,                                                                               \
		  offsetof(type, member.expiry_ms),                                                    \
		  "TIME",                                                                              \
		  "the lease ends by itself after this, as in '5 min'" },                              \
		{ "preparation",                                                                       \
		  CTL_TEXT,                                                                            \
		  0,                                                                                   \
		  true,                                                                                \
		  offsetof(type, member.preparation),                                                  \
		  "ID",                                                                                \
		  "what is in the gun; `mesoctl formulary list` has what there is" },                  \
		{ "area",                                                                              \
		  CTL_TEXT,                                                                            \
		  0,                                                                                   \
		  true,                                                                                \
		  offsetof(type, member.area),                                                         \
		  "AREA",                                                                              \
		  "where it goes, as in scalp" },                                                      \
		{ "area-size",                                                                         \
		  CTL_QUANTITY,                                                                        \
		  INJ_AREA,                                                                            \
		  false,                                                                               \
		  offsetof(type, member.area_mm2),                                                     \
		  "SIZE",                                                                              \
		  "how much skin, as in '120 cm2'; the formulary's if it is not said" },               \
	{                                                                                              \
		"override", CTL_TEXT, 0, false, offsetof(type, member.override), "REASON",             \
			"why a soft limit is passed; recorded with your name"                          \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

/* Says what is wrong with a request before mesod has to; CTL_OK when nothing is. */
int ctl_request_check(struct ctl *ctl, const struct ctl_request *request);
/* As Arm's argument, or Check's, which says what is in the gun as well. */
int ctl_request_append(sd_bus_message *m, const struct ctl_request *request, bool check);
/* As Prime's: where it goes. */
int ctl_request_append_place(sd_bus_message *m, const struct ctl_request *request);
/* Asks Manager.Check. */
int ctl_request_verdicts(struct ctl *ctl, const struct ctl_request *request, bool *ret_allowed,
			 json_t **ret_verdicts);

/* ---------------------------------------------------------------- tenfold.c */

/* Is it ten times as much as before, or more?  Nothing is, of nothing. */
bool ctl_is_tenfold(uint64_t asked_nl, uint64_t before_nl);
/* The sentence that says so of a request and the patient's last session, or "". */
int ctl_tenfold_warning(struct ctl *ctl, const struct ctl_request *request, char *buf, size_t size);
/* Asks whether it is meant, unless @yes; CTL_OK if it is, or if there is nothing to ask. */
int ctl_tenfold_confirm(struct ctl *ctl, const struct ctl_request *request, bool yes);

int cmd_list(struct ctl *ctl, int argc, char **argv);
int cmd_status(struct ctl *ctl, int argc, char **argv);
int cmd_watch(struct ctl *ctl, int argc, char **argv);
int cmd_patient(struct ctl *ctl, int argc, char **argv);
int cmd_operator(struct ctl *ctl, int argc, char **argv);
int cmd_assess(struct ctl *ctl, int argc, char **argv);
int cmd_course(struct ctl *ctl, int argc, char **argv);
/* One line of what ListDoses tells. */
void ctl_print_dose(const json_t *dose);
int cmd_dose(struct ctl *ctl, int argc, char **argv);
int cmd_reaction(struct ctl *ctl, int argc, char **argv);
int cmd_report(struct ctl *ctl, int argc, char **argv);
int cmd_check(struct ctl *ctl, int argc, char **argv);
int cmd_treat(struct ctl *ctl, int argc, char **argv);
int cmd_stop(struct ctl *ctl, int argc, char **argv);
int cmd_ledger(struct ctl *ctl, int argc, char **argv);
int cmd_clock(struct ctl *ctl, int argc, char **argv);
/* How the clock stands, by the Manager's properties. */
const char *ctl_clock_sentence(const json_t *manager, char *buf, size_t size);
int cmd_formulary(struct ctl *ctl, int argc, char **argv);
int cmd_recover(struct ctl *ctl, int argc, char **argv);
int cmd_clear_fault(struct ctl *ctl, int argc, char **argv);
/* `ledger export` (cmd_export.c) */
int ctl_ledger_export(struct ctl *ctl, int argc, char **argv);
int cmd_doctor(struct ctl *ctl, int argc, char **argv);
int cmd_simulate(struct ctl *ctl, int argc, char **argv);

#endif /* MESOCTL_H */
