// SPDX-License-Identifier: GPL-2.0-only
/*
 * See starting.h.
 */
#include "starting.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_errors.h"
#include "hotplug.h"
#include "macros.h"
#include "mesod.h"
#include "pedal.h"
#include "sleep.h"

/* The worker's first job: it fills this in. */
struct start {
	struct mesod *mesod;
	int64_t now_s;
	struct ledger *ledger;
	/* the sessions that a daemon which died left open */
	int64_t *numbers;
	size_t n;
	int interrupted; /* 0, or the errno for which they could not be */
	struct ledger_operator *operators;
	size_t n_operators;
	int operators_read;
};

/* ---- in the worker ------------------------------------------------------------------------ */

static int open_ledger(struct start *s)
{
	_cleanup_(freep) char *path = NULL;
	const struct options *options = &s->mesod->options;
	struct ledger_options o = { .mark_path = options->mark, .now_s = s->now_s };

	if (asprintf(&path, "%s/ledger.db", options->state) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	o.path = path;
	return ledger_open(&o, &s->ledger);
}

static int gather_leftover(const struct ledger_session *session, void *userdata)
{
	struct start *s = userdata;
	int64_t *more;

	if (session->interrupted)
		return 0;
	more = reallocarray(s->numbers, s->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->numbers = more;
	more[s->n++] = session->session;
	return 0;
}

static int interrupt_leftovers(struct start *s)
{
	int r;

	r = ledger_foreach_open_session(s->ledger, gather_leftover, s);
	for (size_t i = 0; r >= 0 && i < s->n; i++)
		r = ledger_interrupt_session(s->ledger, s->now_s, s->numbers[i],
					     "daemon restarted");
	return r;
}

static int collect_operator(const struct ledger_operator *op, void *userdata)
{
	struct start *s = userdata;
	struct ledger_operator *more;

	more = reallocarray(s->operators, s->n_operators + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->operators = more;
	more[s->n_operators++] = *op;
	return 0;
}

static int start_run(void *owned, void *userdata)
{
	struct start *s = userdata;
	int r;

	(void)owned;
	r = open_ledger(s);
	if (r < 0)
		return r;
	worker_own(s->mesod->worker, s->ledger);
	(void)timekeeping_run(s->ledger, &s->mesod->clock_job);
	s->interrupted = interrupt_leftovers(s);
	s->operators_read = ledger_foreach_operator(s->ledger, collect_operator, s);
	return 0;
}

/* A daemon that waits for a gun keeps nothing that only its start wanted. */
static int give_back_run(void *owned, void *userdata)
{
	(void)userdata;
	ledger_give_memory_back(owned);
	(void)malloc_trim(0);
	return 0;
}

/* ---- in the loop -------------------------------------------------------------------------- */

static void guns_and_name(struct mesod *mesod)
{
	int r;

	r = hotplug_new(mesod, &mesod->hotplug);
	if (r < 0)
		log_main(mesod, LOG_ERR, "cannot look for guns: %s", strerrordesc_np(-r));
	if (r >= 0 && mesod->pedal.wanted) {
		r = pedals_new(mesod, &mesod->pedals);
		if (r < 0)
			log_main(mesod, LOG_ERR, "cannot look for the pedal: %s",
				 strerrordesc_np(-r));
	}
	if (r >= 0) {
		r = sleep_new(mesod, &mesod->sleep);
		if (r < 0)
			log_main(mesod, LOG_ERR, "cannot listen to logind: %s",
				 strerrordesc_np(-r));
	}
	if (r >= 0) {
		r = bus_take_name(mesod);
		if (r < 0)
			log_main(mesod, LOG_ERR, "cannot ask for the name %s: %s", BUS_NAME,
				 strerrordesc_np(-r));
	}
	if (r < 0)
		sd_event_exit(mesod->event, r);
}

/* The ledger is the loop's to know of. */
static int take_over(struct start *s)
{
	struct mesod *mesod = s->mesod;
	struct ledger_id id;

	mesod->ledger = TAKE_PTR(s->ledger);
	ledger_get_id(mesod->ledger, &id);
	ledger_id_format(&id, mesod->ledger_id);
	mesod->problem = strdup(ledger_get_problem(mesod->ledger));
	return mesod->problem ? mesod_opened(mesod) : -ENOMEM;
}

static void tell(struct start *s)
{
	struct mesod *mesod = s->mesod;

	timekeeping_done(mesod, &mesod->clock_job);
	if (s->interrupted < 0)
		log_main(mesod, LOG_ERR, "sessions of before could not be closed: %s",
			 strerrordesc_np(-s->interrupted));
	else if (s->n)
		log_main_id(
			mesod, LOG_NOTICE, MESSAGE_LEFT_OPEN,
			"%zu sessions were open when the last daemon ended: they can be resumed",
			s->n);
	if (s->operators_read < 0)
		log_main(mesod, LOG_ERR, "operators cannot be read: %s",
			 strerrordesc_np(-s->operators_read));
	else
		authority_set_operators(mesod->authority, TAKE_PTR(s->operators), s->n_operators);
}

static void start_done(void *userdata, int r)
{
	struct start *s = userdata;
	struct mesod *mesod = s->mesod;

	if (r >= 0)
		r = take_over(s);
	if (r >= 0 && !mesod->stopping) {
		tell(s);
		guns_and_name(mesod);
		(void)worker_submit(mesod->worker, give_back_run, NULL, NULL);
	} else if (r < 0 && r != -ECANCELED) {
		log_main(mesod, LOG_ERR, "cannot start: %s", strerrordesc_np(-r));
		sd_event_exit(mesod->event, r);
	}
	free(s->numbers);
	free(s->operators);
	free(s);
}

int starting_begin(struct mesod *mesod)
{
	struct start *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->mesod = mesod;
	s->now_s = wall_now_s(mesod);
	r = worker_submit(mesod->worker, start_run, start_done, s);
	if (r < 0)
		free(s);
	return r;
}
