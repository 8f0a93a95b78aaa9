// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/meso/mesoN/: what a shell wants to know, read-only.  `state` and
 * `faults` can be polled.  Nothing here does I/O or changes anything.
 */
#include <linux/sysfs.h>

#include "meso_gun.h"

static const char * const state_names[] = {
	[MESO_STATE_IDLE] = "idle",
	[MESO_STATE_ARMED] = "armed",
	[MESO_STATE_FIRING] = "firing",
	[MESO_STATE_DISARMING] = "disarming",
	[MESO_STATE_FAULT] = "fault",
	[MESO_STATE_STALE] = "stale",
	[MESO_STATE_ASLEEP] = "asleep",
};

static struct meso_gun *to_gun(struct device *dev)
{
	return container_of(dev, struct meso_gun, dev);
}

/* A measurement that has never been made is no zero. */
static int measured(struct device *dev, struct meso_status *status)
{
	meso_gun_status(to_gun(dev), status, NULL);
	return status->flags & MESO_STATUS_VALID ? 0 : -ENODATA;
}

static ssize_t plunger_nm_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct meso_status status;
	int err = measured(dev, &status);

	return err ? err : sysfs_emit(buf, "%d\n", status.plunger_nm);
}
static DEVICE_ATTR_RO(plunger_nm);

static ssize_t depth_um_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct meso_status status;
	int err = measured(dev, &status);

	return err ? err : sysfs_emit(buf, "%u\n", status.depth_um);
}
static DEVICE_ATTR_RO(depth_um);

static ssize_t pressure_pa_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct meso_status status;
	int err = measured(dev, &status);

	return err ? err : sysfs_emit(buf, "%d\n", status.pressure_pa);
}
static DEVICE_ATTR_RO(pressure_pa);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct meso_status status;

	meso_gun_status(to_gun(dev), &status, NULL);
	return sysfs_emit(buf, "%s\n", state_names[status.state]);
}
static DEVICE_ATTR_RO(state);

static ssize_t faults_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct meso_status status;

	meso_gun_status(to_gun(dev), &status, NULL);
	return sysfs_emit(buf, "0x%08x\n", status.faults);
}
static DEVICE_ATTR_RO(faults);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	/* Constant since registration, and checked then. */
	return sysfs_emit(buf, "%s\n", to_gun(dev)->il.info.serial);
}
static DEVICE_ATTR_RO(serial);

static struct attribute *meso_attrs[] = {
	&dev_attr_plunger_nm.attr,
	&dev_attr_depth_um.attr,
	&dev_attr_pressure_pa.attr,
	&dev_attr_state.attr,
	&dev_attr_faults.attr,
	&dev_attr_serial.attr,
	NULL
};

static const struct attribute_group meso_group = {
	.attrs = meso_attrs,
};

const struct attribute_group *meso_groups[] = {
	&meso_group,
	NULL
};

void meso_sysfs_add(struct meso_gun *gun)
{
	struct kernfs_node *state = sysfs_get_dirent(gun->dev.kobj.sd, "state");
	struct kernfs_node *faults = sysfs_get_dirent(gun->dev.kobj.sd, "faults");
	unsigned long irq;

	spin_lock_irqsave(&gun->lock, irq);
	gun->state_attr = state;
	gun->faults_attr = faults;
	spin_unlock_irqrestore(&gun->lock, irq);
}

void meso_sysfs_remove(struct meso_gun *gun)
{
	struct kernfs_node *state = gun->state_attr;
	struct kernfs_node *faults = gun->faults_attr;
	unsigned long irq;

	spin_lock_irqsave(&gun->lock, irq);
	gun->state_attr = NULL;
	gun->faults_attr = NULL;
	spin_unlock_irqrestore(&gun->lock, irq);
	sysfs_put(state);
	sysfs_put(faults);
}

/* Caller holds gun->lock. */
void meso_sysfs_notify(struct meso_gun *gun, u32 act)
{
	if (act & MESO_ACT_STATE && gun->state_attr)
		sysfs_notify_dirent(gun->state_attr);
	if (act & MESO_ACT_FAULTS && gun->faults_attr)
		sysfs_notify_dirent(gun->faults_attr);
}
