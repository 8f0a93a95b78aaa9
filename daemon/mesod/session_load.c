// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in the gun: named by who put it there, compared with what the gun reads
 * from the cartridge, recorded, and only then the session is loaded.
 */
#include "session.h"

#include <string.h>

#include "arming.h"
#include "bus_errors.h"
#include "gun.h"
#include "ledger_clinic.h"
#include "macros.h"
#include "mesod.h"

#define DEAD_NL       50000u /* of needle and its path (docs/gun-protocol.md, "Primed") */
#define VISCOSITY_MIN 500u   /* struct meso_config's bounds */
#define VISCOSITY_MAX 50000u

struct loading {
	struct mesod *mesod;
	uint64_t session; /* on the bus: looked up anew */
	int64_t number;
	sd_bus_message *call;
	struct ledger_moment now;
	struct meso_config syringe;
	char preparation[FORMULARY_ID_MAX];
	uint64_t cartridge;
	int known; /* what is loaded is in the formulary that is in force */
};

static int loading_run(void *owned, void *userdata)
{
	struct loading *w = userdata;
	const struct formulary *f = w->mesod->basis.formulary;
	size_t i = formulary_preparation(f, w->preparation);

	/* The formulary may have been loaded anew since the call was read. */
	w->known = i != FORMULARY_UNKNOWN;
	if (!w->known)
		return -EINVAL;
	return ledger_add_load(owned, &w->now, w->number, f, i, w->cartridge, DEAD_NL, NULL);
}

static void answer_failed(const struct loading *w, int r)
{
	switch (-r) {
	case EINVAL:
		bus_reply_error(w->call, ERROR_INVALID_ARGUMENT,
				"preparation=\"%s\" is not in the formulary", w->preparation);
		return;
	case EBUSY:
		bus_reply_error(w->call, ERROR_BUSY,
				"not loaded: the last lease is not settled yet");
		return;
	case ENOENT:
		bus_reply_error(w->call, ERROR_NO_SUCH_SESSION, "the session is not open");
		return;
	default:
		bus_reply_error(w->call, ERROR_LEDGER, "not loaded, nothing was recorded: %s",
				strerrordesc_np(-r));
	}
}

static void loading_done(void *userdata, int r)
{
	struct loading *w = userdata;
	struct session *session = session_find_number(w->mesod, w->session);

	if (session)
		session->arming = false;
	if (r < 0) {
		answer_failed(w, r);
	} else if (!session) {
		bus_reply_error(w->call, ERROR_NO_SUCH_SESSION, "the session is closed");
	} else {
		session->syringe = w->syringe;
		TEXT_COPY(session->preparation, w->preparation);
		session->loaded = true;
		(void)sd_bus_reply_method_return(w->call, NULL);
	}
	if (session)
		arming_over(session);
	sd_bus_message_unref(w->call);
	free(w);
}

/* The gun reads the cartridge of what is said to be in it. */
static int check_cartridge(const struct session *session,
			   const struct formulary_preparation *preparation, uint64_t *ret,
			   sd_bus_error *error)
{
	struct meso_status status;
	int r;

	r = inj_gun_get_status(session->gun->handle, &status);
	if (r < 0)
		return bus_fail_gun(error, r, "not loaded");
	if (!(status.flags & MESO_STATUS_FRESH))
		return bus_fail(error, ERROR_INTERLOCK,
				"stale: the gun does not report what is in it");
	if (status.cartridge_id == 0)
		return bus_fail(
			error, ERROR_INTERLOCK,
			"not loaded: the gun reads no cartridge; %s comes in cartridge %llu",
			preparation->id, (unsigned long long)preparation->cartridge);
	if (status.cartridge_id != preparation->cartridge)
		return bus_fail(
			error, ERROR_INTERLOCK,
			"not loaded: the gun reads cartridge %llu, %s comes in cartridge %llu",
			(unsigned long long)status.cartridge_id, preparation->id,
			(unsigned long long)preparation->cartridge);
	*ret = status.cartridge_id;
	return 0;
}

static uint32_t viscosity(const struct formulary_preparation *preparation, uint32_t usual)
{
	const uint32_t said = preparation->viscosity_upas;

	return said >= VISCOSITY_MIN && said <= VISCOSITY_MAX ? said : usual;
}

int session_load(struct session *session, sd_bus_message *call, const struct meso_config *syringe,
		 const char *preparation, bool viscosity_said, sd_bus_error *error)
{
	const struct formulary *f = session->mesod->formulary;
	const size_t i = formulary_preparation(f, preparation);
	struct loading *w;
	uint64_t cartridge = 0;
	int r;

	if (i == FORMULARY_UNKNOWN)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"preparation=\"%s\" is not in the formulary (`mesoctl formulary "
				"list` has what is)",
				preparation);
	r = check_cartridge(session, &f->preparations[i], &cartridge, error);
	if (r < 0)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w)
		return bus_fail_internal(error, -ENOMEM);
	w->mesod = session->mesod;
	w->session = session->n;
	w->number = session->number;
	w->call = sd_bus_message_ref(call);
	w->now = moment_at(wall_now_s(session->mesod));
	w->syringe = *syringe;
	if (!viscosity_said)
		w->syringe.viscosity_upas = viscosity(&f->preparations[i], syringe->viscosity_upas);
	TEXT_COPY(w->preparation, preparation);
	w->cartridge = cartridge;
	session->arming = true;
	session->loaded = false; /* whatever was in it is not any more */
	r = mesod_submit_client(session->mesod, loading_run, loading_done, w);
	if (r >= 0)
		return 1;
	session->arming = false;
	sd_bus_message_unref(w->call);
	free(w);
	return bus_fail_busy_worker(error, r);
}
