// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl doctor: looks at everything between a clinician and a gun, from the
 * kernel up, and says of each thing what is wrong and how to mend it.
 *
 * Changes nothing, and goes on when a thing is wrong: the next line may be the
 * cause.
 */
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "mesoctl.h"

struct doctor {
	struct ctl *ctl;
	json_t *findings;
	int code; /* of the first problem */
};

static void finding(struct doctor *d, const char *check, enum ctl_exit problem, const char *detail,
		    const char *fix)
{
	bool ok = problem == CTL_OK;

	json_array_append_new(d->findings, json_pack("{s:s, s:b, s:s, s:s}", "check", check, "ok",
						     ok, "detail", detail, "fix", ok ? "" : fix));
	if (d->code == CTL_OK)
		d->code = problem;
	if (d->ctl->json)
		return;
	printf("%-8s %-12s %s\n", ok ? "ok" : "PROBLEM", check, detail);
	if (!ok)
		printf("%-8s %-12s -> %s\n", "", "", fix);
}

static void check_module(struct doctor *d)
{
	char detail[128], version[32] = "";
	FILE *f;

	if (access("/sys/class/meso", F_OK) < 0) {
		finding(d, "module", CTL_NO_GUN, "the kernel module meso is not loaded",
			"plug in the gun, or try `modprobe meso_dummy` for a gun made of software");
		return;
	}
	f = fopen("/sys/module/meso/version", "re");
	if (f) {
		if (fgets(version, sizeof(version), f))
			version[strcspn(version, "\n")] = '\0';
		fclose(f);
	}
	if (*version && strcmp(version, MESO_VERSION) != 0) {
		snprintf(detail, sizeof(detail), "meso.ko is version %s, mesoctl is %s", version,
			 MESO_VERSION);
		finding(d, "module", CTL_FAILED, detail,
			"install one version of both, and load the module anew");
		return;
	}
	finding(d, "module", CTL_OK, "meso is loaded", "");
}

static void check_node(struct doctor *d, const char *node)
{
	char detail[128];
	struct stat st;

	if (stat(node, &st) < 0 || !S_ISCHR(st.st_mode)) {
		snprintf(detail, sizeof(detail), "%.64s is no device", node);
		finding(d, "node", CTL_NO_GUN, detail, "remove it and plug the gun in again");
		return;
	}
	snprintf(detail, sizeof(detail), "%.64s has mode %04o, owner %u, group %u", node,
		 (unsigned int)st.st_mode & 07777, st.st_uid, st.st_gid);
	if (st.st_mode & 0007)
		finding(d, "node", CTL_DENIED, detail,
			"everybody may reach the gun: install the udev rules, then `udevadm trigger`");
	else
		finding(d, "node", CTL_OK, detail, "");
}

static void check_nodes(struct doctor *d)
{
	glob_t nodes;

	if (glob("/dev/meso[0-9]*", 0, NULL, &nodes) != 0) {
		finding(d, "node", CTL_NO_GUN, "there is no /dev/meso0",
			"plug the gun in and switch it on; `dmesg` says what the kernel thinks of it");
		return;
	}
	for (size_t i = 0; i < nodes.gl_pathc; i++)
		check_node(d, nodes.gl_pathv[i]);
	globfree(&nodes);
}

/* The complaints of client.c are for a command that failed; here they are findings. */
static json_t *ask_quietly(struct doctor *d, const char *path, const char *interface,
			   sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

	if (sd_bus_call_method(d->ctl->bus, MESOD_NAME, path, "org.freedesktop.DBus.Properties",
			       "GetAll", error, &reply, "s", interface) < 0)
		return NULL;
	return ctl_read_json(reply);
}

static bool check_bus(struct doctor *d)
{
	char detail[256];

	if (ctl_open_bus(d->ctl) >= 0) {
		snprintf(detail, sizeof(detail), "%.200s",
			 d->ctl->address ? d->ctl->address : "the system bus");
		finding(d, "bus", CTL_OK, detail, "");
		return true;
	}
	snprintf(detail, sizeof(detail), "no bus at %.200s",
		 d->ctl->address ? d->ctl->address : "the system's address");
	finding(d, "bus", CTL_NO_DAEMON, detail,
		d->ctl->address ? "look at --address and $MESO_BUS_ADDRESS, or start that bus"
				: "start the system bus: `systemctl start dbus`");
	return false;
}

/* Anybody may ask polkit about themselves; nobody is asked for a password by that. */
static void check_polkit(struct doctor *d)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int authorized, challenge, r;
	const char *name;
	char detail[256];

	/* A private bus has none, and root needs none. */
	if (d->ctl->address || geteuid() == 0)
		return;
	r = sd_bus_get_unique_name(d->ctl->bus, &name);
	if (r >= 0)
		r = sd_bus_call_method(d->ctl->bus, "org.freedesktop.PolicyKit1",
				       "/org/freedesktop/PolicyKit1/Authority",
				       "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization",
				       &error, &reply, "(sa{sv})sa{ss}us", "system-bus-name", 1,
				       "name", "s", name, "org.mesod1.operate", 0, 0u, "");
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
	if (r >= 0)
		r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
	if (r < 0) {
		snprintf(detail, sizeof(detail), "it does not say who may treat: %.180s",
			 error.message ? error.message : strerrordesc_np(-r));
		finding(d, "polkit", CTL_DENIED, detail,
			"without it nobody but root may do more than look and stop: install polkitd, and "
			"mesod's /usr/share/polkit-1/actions/org.mesod1.policy");
		return;
	}
	snprintf(detail, sizeof(detail), "an operator with uid %u %s", geteuid(),
		 authorized  ? "may treat"
		 : challenge ? "may treat after giving a password"
			     : "may not treat (org.mesod1.operate)");
	finding(d, "polkit", authorized || challenge ? CTL_OK : CTL_DENIED, detail,
		"an administrator can allow it by a rule in /etc/polkit-1/rules.d");
}

static void check_ledger(struct doctor *d, const json_t *manager)
{
	const char *state = ctl_text(manager, "LedgerState");
	char detail[128];

	snprintf(detail, sizeof(detail), "%.32s, id %.40s", state, ctl_text(manager, "LedgerId"));
	if (strcmp(state, "ok") == 0)
		finding(d, "ledger", CTL_OK, detail, "");
	else if (strcmp(state, "full") == 0)
		finding(d, "ledger", CTL_LEDGER, detail,
			"nothing arms: make room on the disk of the ledger");
	else
		finding(d, "ledger", CTL_LEDGER, detail,
			"nothing arms: keep the file as it is, look at `mesoctl ledger verify` and the journal of "
			"mesod, and have an administrator restore it");
}

static void check_clock(struct doctor *d, const json_t *manager)
{
	char detail[128];
	bool ok = strcmp(ctl_text(manager, "ClockState"), "ok") == 0;

	/* A mesod of before knows nothing of it. */
	if (!json_object_get(manager, "ClockState"))
		return;
	finding(d, "clock", ok ? CTL_OK : CTL_INTERLOCK,
		ctl_clock_sentence(manager, detail, sizeof(detail)),
		"nothing arms: set the clock right (`timedatectl`), then look again; if it stays so, root says what "
		"time it is with `mesoctl clock confirm`");
}

/* What is unknown is refused: without preparations and areas nothing is ever armed. */
static void check_formulary(struct doctor *d)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(ctl_json_decrefp) json_t *hash = NULL, *things = NULL;
	size_t i, preparations = 0, areas = 0;
	const json_t *thing;
	char detail[160];

	if (sd_bus_call_method(d->ctl->bus, MESOD_NAME, MESOD_PATH, MESOD_MANAGER, "Formulary",
			       NULL, &reply, "") < 0) {
		finding(d, "formulary", CTL_FAILED, "mesod does not tell it",
			"is mesod of this version?");
		return;
	}
	hash = ctl_read_json(reply);
	things = ctl_read_json(reply);
	json_array_foreach(things, i, thing) {
		preparations += strcmp(ctl_text(thing, "group"), "preparation") == 0;
		areas += strcmp(ctl_text(thing, "group"), "area") == 0;
	}
	snprintf(detail, sizeof(detail), "%zu preparations, %zu areas, %.12s", preparations, areas,
		 json_is_string(hash) ? json_string_value(hash) : "");
	if (preparations == 0 || areas == 0)
		finding(d, "formulary", CTL_DOSE_LIMIT, detail,
			"what it does not know is refused: it is read from "
			"/usr/share/meso/formulary.conf and /etc/meso/formulary.conf; `mesoctl "
			"formulary check` looks whether they are in order, `mesoctl formulary reload` "
			"has mesod read them again");
	else
		finding(d, "formulary", CTL_OK, detail, "");
}

static void check_gun(struct doctor *d, const json_t *gun)
{
	char detail[256], faults[128];
	const char *state = ctl_text(gun, "State");

	ctl_join(json_object_get(gun, "Faults"), "no faults", faults, sizeof(faults));
	snprintf(detail, sizeof(detail), "%.32s at %.100s: %.16s, %.60s", ctl_text(gun, "Serial"),
		 ctl_text(gun, "Uri"), state, faults);
	if (ctl_true(gun, "Quarantined"))
		finding(d, "gun", CTL_INTERLOCK, detail,
			"quarantined, its numbers disagree with the ledger: an administrator must look at "
			"`mesoctl ledger list`, then `mesoctl recover list`");
	else if (strcmp(state, "stale") == 0)
		finding(d, "gun", CTL_INTERLOCK, detail,
			"it does not report: switch it off and on, look at the cable");
	else if (strcmp(state, "fault") == 0)
		finding(d, "gun", CTL_INTERLOCK, detail,
			"remove the cause, then have an operator clear it: `mesoctl clear-fault`");
	else
		finding(d, "gun", CTL_OK, detail, "");
}

static void check_guns(struct doctor *d)
{
	_cleanup_(ctl_json_decrefp) json_t *guns = NULL;
	const json_t *gun;
	size_t i;

	if (ctl_guns(d->ctl, &guns) != CTL_OK || json_array_size(guns) == 0)
		finding(d, "gun", CTL_NO_GUN, "mesod knows no gun", "plug one in and switch it on");
	json_array_foreach(guns, i, gun)
		check_gun(d, gun);
}

static void check_daemon(struct doctor *d)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(ctl_json_decrefp) json_t *manager = NULL;
	char detail[160];

	manager = ask_quietly(d, MESOD_PATH, MESOD_MANAGER, &error);
	if (!json_is_object(manager)) {
		finding(d, "mesod", CTL_NO_DAEMON,
			error.name && strcmp(error.name, SD_BUS_ERROR_ACCESS_DENIED) == 0
				? "the bus does not let you ask mesod"
				: "it is not running, or does not answer",
			"`systemctl start mesod`; `journalctl -u mesod` says why it does not");
		return;
	}
	snprintf(detail, sizeof(detail), "version %.32s, %.32s%s", ctl_text(manager, "Version"),
		 ctl_text(manager, "State"),
		 ctl_true(manager, "Simulated") ? ", with simulated guns" : "");
	if (strcmp(ctl_text(manager, "Version"), MESO_VERSION) != 0)
		finding(d, "mesod", CTL_FAILED, detail,
			"mesoctl is version " MESO_VERSION ": install one of both");
	else
		finding(d, "mesod", CTL_OK, detail, "");
	if (!ctl_true(manager, "Simulated")) {
		check_module(d);
		check_nodes(d);
	}
	check_ledger(d, manager);
	check_clock(d, manager);
	check_formulary(d);
	check_guns(d);
}

int cmd_doctor(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *findings = json_array();
	struct doctor d = { .ctl = ctl, .findings = findings };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "doctor", NULL, 0, NULL, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "doctor takes no arguments");
	if (code != CTL_OK)
		return code;
	if (check_bus(&d)) {
		check_daemon(&d);
		check_polkit(&d);
	}
	if (d.code == CTL_NO_DAEMON && !ctl->address) {
		/* Without mesod's word, the kernel's part is still worth a look. */
		check_module(&d);
		check_nodes(&d);
	}
	if (ctl->json)
		ctl_print_json(findings);
	else
		printf("%s\n", d.code == CTL_OK ? "all is well" : "there are problems: see above");
	return d.code;
}
