// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gun's battery as a power supply, /sys/class/power_supply/mesoN-battery/:
 * charge, voltage and (as the power supply class has hwmon, also there) the
 * temperature of the gun.
 *
 * Everything is from the newest frame and read without a lock; nothing here
 * asks the gun.  What has never been measured, or not lately, is -ENODATA.
 */
#include <linux/power_supply.h>
#include <linux/timekeeping.h>

#include "meso_gun.h"

/* A gun that cannot make up its mind floods nobody with uevents. */
#define MESO_BATTERY_TELL_NS	1000000000ULL

static const enum power_supply_property properties[] = {
	POWER_SUPPLY_PROP_PRESENT,
	POWER_SUPPLY_PROP_ONLINE,
	POWER_SUPPLY_PROP_STATUS,
	POWER_SUPPLY_PROP_CAPACITY,
	POWER_SUPPLY_PROP_CAPACITY_LEVEL,
	POWER_SUPPLY_PROP_VOLTAGE_NOW,
	POWER_SUPPLY_PROP_TEMP,
	POWER_SUPPLY_PROP_SCOPE,
	POWER_SUPPLY_PROP_MODEL_NAME,
	POWER_SUPPLY_PROP_SERIAL_NUMBER,
};

static int get_measured(const struct meso_status *status, enum power_supply_property property,
			union power_supply_propval *value)
{
	switch (property) {
	case POWER_SUPPLY_PROP_CAPACITY:
		value->intval = status->battery_percent;
		return 0;
	case POWER_SUPPLY_PROP_CAPACITY_LEVEL:
		/* The gun's own opinion; like all its faults it latches. */
		value->intval = status->faults & MESO_FAULT_LOW_BATTERY ?
				POWER_SUPPLY_CAPACITY_LEVEL_LOW :
				POWER_SUPPLY_CAPACITY_LEVEL_NORMAL;
		return 0;
	case POWER_SUPPLY_PROP_VOLTAGE_NOW:
		value->intval = status->battery_mv * 1000;	/* frames say 20 V at most */
		return 0;
	case POWER_SUPPLY_PROP_TEMP:
		value->intval = DIV_ROUND_CLOSEST(status->temperature_mc, 100);
		return 0;
	default:
		return -EINVAL;
	}
}

static int get_property(struct power_supply *psy, enum power_supply_property property,
			union power_supply_propval *value)
{
	struct meso_gun *gun = power_supply_get_drvdata(psy);
	struct meso_status status;
	bool known;

	meso_gun_status(gun, &status, NULL);
	known = status.flags & MESO_STATUS_VALID && status.state != MESO_STATE_STALE &&
		status.state != MESO_STATE_ASLEEP;

	switch (property) {
	case POWER_SUPPLY_PROP_PRESENT:
		value->intval = 1;
		return 0;
	case POWER_SUPPLY_PROP_ONLINE:
		value->intval = known;
		return 0;
	case POWER_SUPPLY_PROP_STATUS:
		/* No gun says whether it is being charged. */
		value->intval = POWER_SUPPLY_STATUS_UNKNOWN;
		return 0;
	case POWER_SUPPLY_PROP_SCOPE:
		value->intval = POWER_SUPPLY_SCOPE_DEVICE;
		return 0;
	case POWER_SUPPLY_PROP_MODEL_NAME:
		/* Constant since registration, and checked then, as the serial. */
		value->strval = gun->il.info.model;
		return *value->strval ? 0 : -ENODATA;
	case POWER_SUPPLY_PROP_SERIAL_NUMBER:
		value->strval = gun->il.info.serial;
		return 0;
	default:
		return known ? get_measured(&status, property, value) : -ENODATA;
	}
}

/* Tells the world what is worth an uevent.  The caller holds gun->lock and has
 * published the status: who reads because of the uevent reads what caused it.
 */
void meso_battery_tell(struct meso_gun *gun, u64 now)
{
	const struct meso_status *status = &gun->snapshot.status;
	bool low = status->faults & MESO_FAULT_LOW_BATTERY;
	struct meso_battery *battery = &gun->battery;

	if (!battery->psy || !(status->flags & MESO_STATUS_VALID))
		return;
	if (status->battery_percent == battery->percent && low == battery->low)
		return;
	if (now < battery->quiet_until_ns)
		return;		/* a later frame will tell */
	battery->percent = status->battery_percent;
	battery->low = low;
	battery->quiet_until_ns = now + MESO_BATTERY_TELL_NS;
	power_supply_changed(battery->psy);
}

static void set_psy(struct meso_gun *gun, struct power_supply *psy)
{
	unsigned long irq;

	spin_lock_irqsave(&gun->lock, irq);
	gun->battery.psy = psy;
	spin_unlock_irqrestore(&gun->lock, irq);
}

int meso_battery_add(struct meso_gun *gun)
{
	struct meso_battery *battery = &gun->battery;
	struct power_supply_config config = { .drv_data = gun };
	struct power_supply *psy;

	snprintf(battery->name, sizeof(battery->name), "%s-battery", dev_name(&gun->dev));
	battery->desc = (struct power_supply_desc) {
		.name = battery->name,
		.type = POWER_SUPPLY_TYPE_BATTERY,
		.properties = properties,
		.num_properties = ARRAY_SIZE(properties),
		.get_property = get_property,
		/* Nobody cools this machine because a gun is warm. */
		.no_thermal = true,
	};
	battery->percent = U32_MAX;	/* nothing told yet */
	/* No wakeup source: a gun's battery keeps no machine awake. */
	psy = power_supply_register_no_ws(&gun->dev, &battery->desc, &config);
	if (IS_ERR(psy))
		return PTR_ERR(psy);
	set_psy(gun, psy);
	return 0;
}

void meso_battery_remove(struct meso_gun *gun)
{
	struct power_supply *psy = gun->battery.psy;

	if (!psy)
		return;
	set_psy(gun, NULL);	/* nothing is told from here on */
	power_supply_unregister(psy);
}
