// SPDX-License-Identifier: GPL-2.0-only
/*
 * See bus_ledger.h.  A job gathers plain memory in the worker's thread; messages
 * are made in the loop, where the bus lives.
 */
#include "bus_ledger.h"

#include <stdio.h>
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_errors.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"
#include "verdicts.h"

#define FIELD_KEY_MAX 64

void question_free(struct question *q)
{
	if (q->forget)
		q->forget(q);
	sd_bus_message_unref(q->call);
	free(q);
}

int question_ask(struct question *q, struct mesod *mesod, sd_bus_message *call, worker_run_fn run,
		 worker_done_fn done, sd_bus_error *error)
{
	int r;

	if (!q)
		return bus_fail_internal(error, -ENOMEM);
	q->mesod = mesod;
	q->call = sd_bus_message_ref(call);
	q->now_s = wall_now_s(mesod);
	r = mesod_submit_client(mesod, run, done, q);
	if (r >= 0)
		return 1;
	question_free(q);
	return bus_fail_busy_worker(error, r);
}

void question_failed(const struct question *q, int r)
{
	switch (-r) {
	case ENOENT:
		bus_reply_error(q->call, ERROR_NO_SUCH_PATIENT,
				"no patient with that id or reference");
		return;
	case EIDRM:
		bus_reply_error(q->call, ERROR_NO_SUCH_PATIENT,
				"that patient was erased, and cannot be treated any more");
		return;
	case EEXIST:
		bus_reply_error(q->call, ERROR_ALREADY_EXISTS,
				"that uid or reference is registered already");
		return;
	case EINVAL:
		bus_reply_error(q->call, ERROR_INVALID_ARGUMENT,
				"the ledger does not take that: a name, "
				"licence or reference, or a date that does not exist");
		return;
	case EOWNERDEAD:
		bus_reply_blocked(q->call, ledger_restored_since(q->mesod->ledger));
		return;
	case EALREADY:
		bus_reply_error(q->call, ERROR_ALREADY_EXISTS,
				"this patient is not blocked: there is nothing to review");
		return;
	default:
		bus_reply_error(q->call, ERROR_LEDGER, "the ledger is %s: %s",
				ledger_state_name(mesod_ledger_state(q->mesod)),
				strerrordesc_np(-r));
	}
}

/* ---- what would be allowed ------------------------------------------------------------------ */

struct check_question {
	struct question q;
	char asked[LEDGER_NAME_MAX];
	struct ledger_patient patient;
	struct policy_request request;
	char preparation[FORMULARY_ID_MAX];
	char area[FORMULARY_ID_MAX];
	struct policy_verdict verdicts[POLICY_RULES];
	int worst;
	bool has_reason; /* for what is soft */
};

static int check_run(void *owned, void *userdata)
{
	struct check_question *p = userdata;
	const struct ledger_moment now = moment_at(p->q.now_s);
	int64_t session;
	int r;

	r = ledger_get_patient(owned, p->asked, &p->patient);
	if (r < 0)
		return r;
	memcpy(p->request.patient, p->patient.id.bytes, sizeof(p->request.patient));
	p->request.preparation = formulary_preparation(p->q.mesod->basis.formulary, p->preparation);
	p->request.area = formulary_area(p->q.mesod->basis.formulary, p->area);
	/* Who opens a session now goes on with one that was interrupted. */
	session = ledger_get_resumable(owned, p->q.now_s,
				       (int64_t)p->q.mesod->basis.limits->session_s.hard,
				       &p->patient.id);
	if (session < 0 && session != -ENOENT)
		return (int)session;
	p->worst = ledger_check(owned, &now, &p->q.mesod->basis, session > 0 ? session : 0,
				&p->request, p->verdicts);
	return p->worst < 0 ? p->worst : 0;
}

static void check_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct check_question *p = userdata;

	if (r < 0) {
		question_failed(&p->q, r);
		question_free(&p->q);
		return;
	}
	r = sd_bus_message_new_method_return(p->q.call, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "b",
					  p->worst == POLICY_OK ||
						  (p->worst == POLICY_SOFT && p->has_reason));
	if (r >= 0)
		r = verdicts_append(reply, p->verdicts);
	bus_send_reply(p->q.call, reply, r);
	question_free(&p->q);
}

int bus_answer_check(struct mesod *mesod, sd_bus_message *call, const char *patient,
		     const struct arm_request *request, sd_bus_error *error)
{
	struct check_question *p = calloc(1, sizeof(*p));

	if (p) {
		TEXT_COPY(p->asked, patient);
		p->has_reason = *request->override;
		p->request = (struct policy_request){
			.mode = request->mode,
			.dose_nl = request->dose_nl,
			.shots = request->shots,
			.depth_um = request->depth_um,
			.rate_mhz = request->rate_mhz,
			.needles = 1,
			.expiry_s = (request->expiry_ms + 999) / 1000,
			.area_mm2 = request->area_mm2,
		};
		TEXT_COPY(p->preparation, request->preparation);
		TEXT_COPY(p->area, request->area);
	}
	return question_ask(p ? &p->q : NULL, mesod, call, check_run, check_done, error);
}

/* ---- the chain -------------------------------------------------------------------------------- */

/* Memory that grows by one element at a time; @size is an element's. */
static void *grow(void **array, size_t *n, size_t size)
{
	void *more = reallocarray(*array, *n + 1, size);

	if (!more)
		return NULL;
	*array = more;
	return (char *)more + size * (*n)++;
}

struct record_copy {
	struct ledger_record record;
	char *texts[LEDGER_FIELDS_MAX];
};

struct records_question {
	struct question q;
	uint64_t after;
	uint32_t max;
	void *records;
	size_t n;
};

static void forget_records(struct question *q)
{
	struct records_question *l = (struct records_question *)q;
	struct record_copy *records = l->records;

	for (size_t i = 0; i < l->n; i++)
		for (size_t f = 0; f < LEDGER_FIELDS_MAX; f++)
			free(records[i].texts[f]);
	free(records);
}

static int gather_record(const struct ledger_record *record, void *userdata)
{
	struct records_question *l = userdata;
	struct record_copy *copy = grow(&l->records, &l->n, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memset(copy, 0, sizeof(*copy));
	copy->record = *record;
	for (size_t f = 0; f < record->n_fields; f++) {
		if (!record->fields[f].text)
			continue;
		copy->texts[f] = strdup(record->fields[f].text);
		if (!copy->texts[f])
			return -ENOMEM;
		copy->record.fields[f].text = copy->texts[f];
	}
	return 0;
}

static int list_records_run(void *owned, void *userdata)
{
	struct records_question *l = userdata;

	return ledger_foreach_record(owned, l->after, l->max, gather_record, l);
}

static void hash_format(const uint8_t hash[LEDGER_HASH_LEN],
			char text[static 2 * LEDGER_HASH_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < LEDGER_HASH_LEN; i++) {
		text[2 * i] = digits[hash[i] >> 4];
		text[2 * i + 1] = digits[hash[i] & 15];
	}
	text[(size_t)2 * LEDGER_HASH_LEN] = '\0';
}

/* A column that has the name of what every record has gets its table's before it. */
static const char *field_key(const struct ledger_record *record, const struct ledger_field *field,
			     char buf[static FIELD_KEY_MAX])
{
	static const char *const taken[] = { "number", "time", "type", "hash" };

	for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
		if (strcmp(field->name, taken[i]) != 0)
			continue;
		snprintf(buf, FIELD_KEY_MAX, "%s_%s", record->type, field->name);
		return buf;
	}
	return field->name;
}

static int append_record(sd_bus_message *reply, const struct ledger_record *record)
{
	char hash[2 * LEDGER_HASH_LEN + 1];
	int r;

	hash_format(record->hash, hash);
	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "number", "t", record->number,
					  "time", "x", record->time_s, "type", "s", record->type,
					  "hash", "s", hash);
	for (size_t f = 0; r >= 0 && f < record->n_fields; f++) {
		const struct ledger_field *field = &record->fields[f];
		char buf[FIELD_KEY_MAX];
		const char *key = field_key(record, field, buf);

		if (field->type == LEDGER_INTEGER)
			r = sd_bus_message_append(reply, "{sv}", key, "x", field->integer);
		else if (field->type != LEDGER_NULL && field->text)
			r = sd_bus_message_append(reply, "{sv}", key, "s", field->text);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void list_records_done(void *userdata, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct records_question *l = userdata;
	const struct record_copy *records = l->records;

	if (r < 0) {
		question_failed(&l->q, r);
		question_free(&l->q);
		return;
	}
	r = sd_bus_message_new_method_return(l->q.call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	for (size_t i = 0; r >= 0 && i < l->n; i++)
		r = append_record(reply, &records[i].record);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_send_reply(l->q.call, reply, r);
	question_free(&l->q);
}

int bus_list_records(struct mesod *mesod, sd_bus_message *call, uint64_t after, uint32_t max,
		     sd_bus_error *error)
{
	struct records_question *l = calloc(1, sizeof(*l));

	if (l) {
		l->after = after;
		l->max = max;
		l->q.forget = forget_records;
	}
	return question_ask(l ? &l->q : NULL, mesod, call, list_records_run, list_records_done,
			    error);
}

struct verify_question {
	struct question q;
	struct ledger_report report;
};

static int verify_run(void *owned, void *userdata)
{
	struct verify_question *v = userdata;

	return ledger_verify(owned, &v->report);
}

static void verify_done(void *userdata, int r)
{
	struct verify_question *v = userdata;
	char head[2 * LEDGER_HASH_LEN + 1];

	if (r < 0) {
		question_failed(&v->q, r);
	} else {
		hash_format(v->report.head, head);
		(void)sd_bus_reply_method_return(v->q.call, "btss", v->report.ok, v->report.records,
						 head, v->report.problem);
	}
	question_free(&v->q);
}

int bus_answer_verify(struct mesod *mesod, sd_bus_message *call, sd_bus_error *error)
{
	struct verify_question *v = calloc(1, sizeof(*v));

	return question_ask(v ? &v->q : NULL, mesod, call, verify_run, verify_done, error);
}
