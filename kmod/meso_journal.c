// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The shot journal: the records of the gun's log that nobody has acknowledged
 * yet.  It owns their order, that none is taken twice, that none is missing
 * without a fault, and that they agree with each other and with the lease.
 *
 * It never forgets a record that was not acknowledged: when it is full, the
 * newer ones stay in the gun.
 */
#include "meso_lease_internal.h"

static struct meso_shot *slot(struct meso_journal *journal, u32 index)
{
	return &journal->shot[(journal->head + index) % MESO_JOURNAL_SIZE];
}

static const struct meso_shot *const_slot(const struct meso_journal *journal, u32 index)
{
	return &journal->shot[(journal->head + index) % MESO_JOURNAL_SIZE];
}

u64 meso_journal_first(const struct meso_journal *journal)
{
	return journal->count ? const_slot(journal, 0)->number : 0;
}

void meso_journal_start(struct meso_interlock *il, const struct meso_frame *frame)
{
	il->journal.epoch = frame->epoch;
	il->journal.next = frame->log_acked + 1;
	il->journal.total_known = 0;
	il->journal.tries = 0;
	il->journal.retry_ns = 0;
	il->journal.gap = 0;
}

u64 meso_interlock_log_from(const struct meso_interlock *il)
{
	const struct meso_journal *journal = &il->journal;

	if (il->gone || !journal->next || journal->retry_ns || il->frame.epoch != journal->epoch ||
	    journal->count == MESO_JOURNAL_SIZE || journal->next > il->frame.shot_count)
		return 0;
	return journal->next;
}

bool meso_journal_complete(const struct meso_interlock *il)
{
	return il->journal.next && !il->journal.gap && il->frame.epoch == il->journal.epoch &&
	       il->journal.next > il->frame.shot_count;
}

void meso_journal_frame(struct meso_interlock *il, u32 *act)
{
	if (meso_interlock_log_from(il))
		*act |= MESO_ACT_READ_LOG;
}

u32 meso_journal_free(const struct meso_interlock *il)
{
	const struct meso_journal *journal = &il->journal;
	u64 shots = il->frame.shot_count;
	u64 unread = journal->next && shots >= journal->next ? shots - journal->next + 1 : 0;
	u64 here = journal->count + unread;
	u64 there = shots - min_t(u64, shots, il->frame.log_acked);
	u64 most = min_t(u64, MESO_JOURNAL_SIZE, il->info.gun_log_size);
	u64 used = max_t(u64, here, there);

	if (!journal->next)
		return 0;
	return used < most ? (u32)(most - used) : 0;
}

static u32 delivered_nl(const struct meso_shot *shot)
{
	u32 displaced_nl = max_t(u32, shot->displaced_nl, shot->displaced2_nl);

	return max_t(u32, shot->reported_nl, displaced_nl);
}

static bool same_record(const struct meso_shot *a, const struct meso_shot *b)
{
	struct meso_shot x = *a;
	struct meso_shot y = *b;

	x.received_ns = 0;
	y.received_ns = 0;
	return !memcmp(&x, &y, sizeof(x));
}

/* What one record must fulfil beside its neighbours. */
static bool plausible(const struct meso_interlock *il, const struct meso_shot *shot)
{
	const struct meso_journal *journal = &il->journal;

	if (shot->result > MESO_SHOT_UNKNOWN || shot->kind > MESO_KIND_PRIME)
		return false;
	if (shot->result == MESO_SHOT_UNKNOWN && delivered_nl(shot) < shot->asked_nl)
		return false;
	return !journal->total_known || shot->total_nl == journal->total_nl + delivered_nl(shot);
}

static void to_account(struct meso_interlock *il, const struct meso_shot *shot, u64 now, u32 *act)
{
	struct meso_account *account = &il->account;

	if (!il->lease.sequence ||
	    memcmp(shot->lease_id, il->lease.id, sizeof(shot->lease_id)))
		return;
	account->recorded++;
	account->recorded_nl += delivered_nl(shot);
	account->reported_nl += shot->reported_nl;
	if (shot->kind != il->lease.kind)
		meso_interlock_fault(il, MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT, now, act);
	if (account->recorded > il->lease.shots ||
	    account->recorded_nl > il->lease.volume_nl +
				   account->recorded * MESO_SHOT_SLACK_NL)
		meso_interlock_fault(il, MESO_FAULT_HOST_OVERRUN, MESO_END_OVERRUN, now, act);
}

static void append(struct meso_interlock *il, const struct meso_shot *shot, u64 now, u32 *act)
{
	struct meso_journal *journal = &il->journal;
	struct meso_event_shot event = {
		.head = {
			.type = MESO_EVENT_SHOT,
			.size = sizeof(event),
		},
		.shot = *shot,
	};

	event.shot.received_ns = now;
	event.shot.reserved = 0;
	if (!plausible(il, shot))
		meso_interlock_fault(il, MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT, now, act);
	journal->total_nl = shot->total_nl;
	journal->total_known = 1;
	journal->next = shot->number + 1;
	journal->tries = 0;
	*slot(journal, journal->count++) = event.shot;
	meso_interlock_emit(il, &event.head, now);
	to_account(il, shot, now, act);
}

/* A record that we have had: the same again changes nothing, another one under
 * the same number is a lie.
 */
static void repeated(struct meso_interlock *il, const struct meso_shot *shot, u64 now, u32 *act)
{
	u32 i;

	for (i = 0; i < il->journal.count; i++) {
		const struct meso_shot *known = const_slot(&il->journal, i);

		if (known->number == shot->number && !same_record(known, shot))
			meso_interlock_fault(il, MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT, now,
					     act);
	}
}

/* The record wanted did not come.  Ask again for a while, then say so and go
 * on with the next one: what is missing stays reserved in the ledger.
 */
static void missing(struct meso_interlock *il, u64 now, u32 *act)
{
	struct meso_journal *journal = &il->journal;

	if (++journal->tries < MESO_LOG_TRIES) {
		journal->retry_ns = now + MESO_LOG_RETRY_NS;
		return;
	}
	journal->tries = 0;
	journal->gap = 1;
	journal->total_known = 0;
	journal->next++;
	meso_interlock_fault(il, MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT, now, act);
}

void meso_interlock_records(struct meso_interlock *il, const struct meso_shot *shots, int count,
			    u64 now, u32 *act)
{
	struct meso_journal *journal = &il->journal;
	int i;

	if (il->gone || !journal->next)
		return;
	il->stats.log_reads++;
	for (i = 0; i < count; i++) {
		if (shots[i].epoch != journal->epoch) {
			meso_interlock_fault(il, MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT, now,
					     act);
			break;
		}
		if (shots[i].number > journal->next || journal->count == MESO_JOURNAL_SIZE)
			break;
		if (shots[i].number < journal->next)
			repeated(il, &shots[i], now, act);
		else
			append(il, &shots[i], now, act);
	}
	/* A log that cannot be read is asked again and never called a liar. */
	if (count < 0)
		journal->retry_ns = now + MESO_LOG_RETRY_NS;
	else if ((i < count || !count) && meso_interlock_log_from(il))
		missing(il, now, act);
	meso_interlock_refresh(il, now, act);
}

int meso_interlock_get_shots(const struct meso_interlock *il, struct meso_shots *shots)
{
	const struct meso_journal *journal = &il->journal;
	u32 i;

	if (il->gone)
		return -ENODEV;
	shots->count = 0;
	shots->remaining = 0;
	memset(shots->shot, 0, sizeof(shots->shot));
	for (i = 0; i < journal->count; i++) {
		const struct meso_shot *shot = const_slot(journal, i);

		if (shot->number < shots->from)
			continue;
		if (shots->count < MESO_SHOTS_MAX)
			shots->shot[shots->count++] = *shot;
		else
			shots->remaining++;
	}
	return 0;
}

int meso_interlock_ack_begin(const struct meso_interlock *il, u64 owner, const struct meso_ack *ack)
{
	const struct meso_journal *journal = &il->journal;

	if (il->gone)
		return -ENODEV;
	if (!owner || il->owner != owner)
		return -EPERM;
	if (ack->epoch != journal->epoch || il->frame.epoch != journal->epoch)
		return -ESTALE;
	if (ack->upto >= journal->next)
		return -ERANGE;
	return journal->count && ack->upto >= meso_journal_first(journal);
}

void meso_interlock_ack_done(struct meso_interlock *il, const struct meso_ack *ack, u64 now,
			     u32 *act)
{
	struct meso_journal *journal = &il->journal;

	if (il->gone || ack->epoch != journal->epoch)
		return;
	while (journal->count && meso_journal_first(journal) <= ack->upto) {
		memset(slot(journal, 0), 0, sizeof(struct meso_shot));
		journal->head = (journal->head + 1) % MESO_JOURNAL_SIZE;
		journal->count--;
	}
	meso_journal_frame(il, act);	/* there may be room again */
	meso_interlock_refresh(il, now, act);
}
