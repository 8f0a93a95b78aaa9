// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trigger as an input device: BTN_TRIGGER goes down and up at the very
 * instants (CLOCK_MONOTONIC) that the MESO_EVENT_TRIGGER records carry.
 *
 * For onlookers.  Nothing fires from it, and what is written into its node
 * moves no gun.  A gun that falls silent or goes away lets go of the key; if
 * the trigger is still held when the gun is back, only the next press counts.
 */
#include <linux/input.h>

#include "meso_gun.h"

/* By way of deliver(): gun->lock is held, interrupts are off. */
void meso_input_event(struct meso_gun *gun, const struct meso_event *event)
{
	bool pressed = false;

	if (!gun->trigger)
		return;
	switch (event->type) {
	case MESO_EVENT_TRIGGER:
		pressed = event->value[0];
		break;
	case MESO_EVENT_STATE:
		if (event->value[0] != MESO_STATE_STALE && event->value[0] != MESO_STATE_ASLEEP)
			return;
		break;
	case MESO_EVENT_REMOVED:
		break;
	default:
		return;
	}
	/* Without this the input core would look at the clock by itself, later.
	 * It drops what changes nothing.
	 */
	input_set_timestamp(gun->trigger, ns_to_ktime(gun->mono_ns));
	input_report_key(gun->trigger, BTN_TRIGGER, pressed);
	input_sync(gun->trigger);
}

static void set_trigger(struct meso_gun *gun, struct input_dev *trigger)
{
	unsigned long irq;

	spin_lock_irqsave(&gun->lock, irq);
	gun->trigger = trigger;
	spin_unlock_irqrestore(&gun->lock, irq);
}

int meso_input_add(struct meso_gun *gun)
{
	struct input_dev *trigger = input_allocate_device();
	int err;

	if (!trigger)
		return -ENOMEM;
	snprintf(gun->trigger_phys, sizeof(gun->trigger_phys), "%s/trigger", dev_name(&gun->dev));
	trigger->name = "Mesotherapy gun trigger";
	trigger->phys = gun->trigger_phys;
	/* Constant since registration, and checked then. */
	trigger->uniq = gun->il.info.serial;
	trigger->dev.parent = &gun->dev;
	input_set_capability(trigger, EV_KEY, BTN_TRIGGER);
	err = input_register_device(trigger);
	if (err) {
		input_free_device(trigger);
		return err;
	}
	set_trigger(gun, trigger);
	return 0;
}

/* `removed` has been told, so the key is up. */
void meso_input_remove(struct meso_gun *gun)
{
	struct input_dev *trigger = gun->trigger;

	if (!trigger)
		return;
	set_trigger(gun, NULL);	/* no event from here on */
	input_unregister_device(trigger);
}
