// SPDX-License-Identifier: GPL-2.0-only
/*
 * A slip by a factor of ten, or of a thousand: uL taken for mL, a point in the wrong
 * place.  What is asked for is compared with what this patient had last time.
 *
 * Owns when somebody is asked whether it is meant.  Decides about no dose: mesod's
 * limits hold whatever the answer is.
 */
#include <string.h>

#include "mesoctl.h"

bool ctl_is_tenfold(uint64_t asked_nl, uint64_t before_nl)
{
	/* A shot of 20 uL is recorded as some nL less: what rounds to ten times is ten times. */
	return before_nl > 0 && asked_nl / 10 >= before_nl - before_nl / 20;
}

/* The newest session in which something was given, NULL none. */
static const json_t *last_session(const json_t *sessions)
{
	for (size_t i = json_array_size(sessions); i > 0; i--) {
		const json_t *session = json_array_get(sessions, i - 1);

		if (ctl_number(session, "shots") > 0 && ctl_number(session, "delivered_nl") > 0)
			return session;
	}
	return NULL;
}

int ctl_tenfold_warning(struct ctl *ctl, const struct ctl_request *request, char *buf, size_t size)
{
	_cleanup_(ctl_json_decrefp) json_t *sessions = NULL;
	char asked[INJ_TEXT_MAX], before[INJ_TEXT_MAX];
	uint64_t shots, delivered_nl, all_nl;
	const json_t *last;
	int code;

	buf[0] = '\0';
	code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "ListSessions", &sessions, "s",
			     request->patient);
	if (code != CTL_OK)
		return code;
	last = last_session(sessions);
	if (!last)
		return CTL_OK;
	shots = (uint64_t)ctl_number(last, "shots");
	delivered_nl = (uint64_t)ctl_number(last, "delivered_nl");
	all_nl = (uint64_t)request->dose_nl * request->shots;
	if (ctl_is_tenfold(request->dose_nl, delivered_nl / shots))
		snprintf(buf, size, "%s a shot is ten times the last session's %s, or more",
			 inj_format(INJ_VOLUME, request->dose_nl, asked),
			 inj_format(INJ_VOLUME, (int64_t)(delivered_nl / shots), before));
	else if (ctl_is_tenfold(all_nl, delivered_nl))
		snprintf(buf, size, "%s in all are ten times the last session's %s, or more",
			 inj_format(INJ_VOLUME, (int64_t)all_nl, asked),
			 inj_format(INJ_VOLUME, (int64_t)delivered_nl, before));
	return CTL_OK;
}

int ctl_tenfold_confirm(struct ctl *ctl, const struct ctl_request *request, bool yes)
{
	char warning[2 * INJ_TEXT_MAX + 80], answer[16];
	int code = ctl_tenfold_warning(ctl, request, warning, sizeof(warning));

	if (code != CTL_OK || !*warning)
		return code;
	if (yes) {
		fprintf(stderr, "mesoctl: %s\n", warning);
		return CTL_OK;
	}
	if (!isatty(STDIN_FILENO) || ctl->json)
		return ctl_fail(ctl, CTL_USAGE, "nothing was given: %s; say --yes if you mean it",
				warning);
	printf("%s. Do you mean it? [y/N] ", warning);
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return CTL_OK;
	return ctl_fail(ctl, CTL_USAGE, "nothing was given");
}
