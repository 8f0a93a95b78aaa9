// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl check: what would be allowed now, and the request that check and
 * treat have in common.
 *
 * Whether a dose is allowed is mesod's answer and no one else's: what is refused
 * here already is only what cannot be a request at all.
 */
#include <string.h>

#include "mesoctl.h"

int ctl_request_check(struct ctl *ctl, const struct ctl_request *request)
{
	if (request->mode && strcmp(request->mode, "single") != 0 &&
	    strcmp(request->mode, "repeat") != 0)
		return ctl_fail(ctl, CTL_USAGE,
				"--mode: \"%.40s\" is wrong: expected single or repeat",
				request->mode);
	if (request->shots == 0 || request->dose_nl == 0)
		return ctl_fail(ctl, CTL_USAGE,
				"nothing is asked for: --shots and --dose must be above zero");
	return CTL_OK;
}

static int append_place(sd_bus_message *m, const struct ctl_request *request)
{
	int r = ctl_append_text(m, "area", request->area);

	if (r >= 0 && request->area_mm2)
		r = ctl_append_u32(m, "area_mm2", request->area_mm2);
	if (r >= 0 && request->override)
		r = ctl_append_text(m, "override", request->override);
	return r;
}

int ctl_request_append_place(sd_bus_message *m, const struct ctl_request *request)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = append_place(m, request);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int ctl_request_append(sd_bus_message *m, const struct ctl_request *request, bool check)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = ctl_append_u32(m, "dose_nl", request->dose_nl);
	if (r >= 0)
		r = ctl_append_u32(m, "shots", request->shots);
	if (r >= 0)
		r = ctl_append_u32(m, "depth_um", request->depth_um);
	if (r >= 0 && request->mode)
		r = ctl_append_text(m, "mode", request->mode);
	if (r >= 0 && request->rate_mhz)
		r = ctl_append_u32(m, "rate_mhz", request->rate_mhz);
	if (r >= 0 && request->expiry_ms)
		r = ctl_append_u32(m, "expiry_ms", request->expiry_ms);
	if (r >= 0 && check)
		r = ctl_append_text(m, "preparation", request->preparation);
	if (r >= 0)
		r = append_place(m, request);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int ctl_request_verdicts(struct ctl *ctl, const struct ctl_request *request, bool *ret_allowed,
			 json_t **ret_verdicts)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	json_t *allowed, *verdicts;
	int r, code = ctl_message(ctl, MESOD_PATH, MESOD_MANAGER, "Check", &call);

	if (code != CTL_OK)
		return code;
	r = sd_bus_message_append(call, "s", request->patient);
	if (r >= 0)
		r = ctl_request_append(call, request, true);
	if (r < 0)
		return ctl_fail(ctl, CTL_USAGE,
				"mesod cannot be told that: is it valid UTF-8 text?");
	code = ctl_send(ctl, call, &reply);
	if (code != CTL_OK)
		return code;
	allowed = ctl_read_json(reply);
	verdicts = ctl_read_json(reply);
	*ret_allowed = json_is_true(allowed);
	json_decref(allowed);
	if (!json_is_array(verdicts)) {
		json_decref(verdicts);
		return ctl_fail(ctl, CTL_FAILED,
				"mesod's verdicts make no sense: is it of this version?");
	}
	*ret_verdicts = verdicts;
	return CTL_OK;
}

struct check_options {
	struct ctl_request request;
	bool all;
};

int cmd_check(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		CTL_REQUEST_OPTIONS(struct check_options, request),
		{ "all", CTL_FLAG, 0, false, offsetof(struct check_options, all), NULL,
		  "list the rules that allow it, too" },
	};
	_cleanup_(ctl_json_decrefp) json_t *verdicts = NULL, *answer = NULL;
	struct check_options o = { 0 };
	char **arguments, warning[2 * INJ_TEXT_MAX + 80] = "";
	bool allowed = false;
	int count = 0, code;

	code = ctl_options(ctl, argc, argv, "check [OPTION...]", options, ARRAY_LENGTH(options), &o,
			   &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "\"%.40s\" belongs to no option", arguments[0]);
	if (code == CTL_OK)
		code = ctl_request_check(ctl, &o.request);
	if (code == CTL_OK)
		code = ctl_request_verdicts(ctl, &o.request, &allowed, &verdicts);
	if (code == CTL_OK)
		code = ctl_tenfold_warning(ctl, &o.request, warning, sizeof(warning));
	if (code != CTL_OK)
		return code;
	if (ctl->json) {
		answer = json_pack("{s:b, s:O, s:s}", "allowed", allowed, "verdicts", verdicts,
				   "warning", warning);
		code = ctl_print_json(answer);
	} else {
		if (*warning)
			printf("WARNING: %s\n", warning);
		printf("%s\n", ctl_answer(allowed, verdicts));
		ctl_print_verdicts(verdicts, o.all);
	}
	return code == CTL_OK && !allowed ? CTL_DOSE_LIMIT : code;
}
