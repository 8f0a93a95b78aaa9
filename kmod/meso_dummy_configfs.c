// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/config/meso_dummy/<name>/: make a directory, set what the gun is,
 * write 1 to `live`.  Errors come back from that write.  Writing 0 pulls the
 * cable; 1 plugs the same gun in again, with all it remembers.  Removing the
 * directory destroys the gun.
 *
 * What the gun is cannot be changed once it has been made: -EBUSY.
 */
#include <linux/configfs.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "meso_dummy.h"

struct dummy_item {
	struct config_item item;
	struct mutex lock;		/* all below */
	struct meso_model_params params;
	struct meso_dummy *dummy;	/* NULL until it has been live */
};

static struct dummy_item *to_dummy_item(struct config_item *item)
{
	return container_of(item, struct dummy_item, item);
}

static ssize_t serial_show(struct config_item *item, char *page)
{
	struct dummy_item *di = to_dummy_item(item);
	ssize_t len;

	mutex_lock(&di->lock);
	len = sysfs_emit(page, "%s\n", di->params.serial);
	mutex_unlock(&di->lock);
	return len;
}

static ssize_t serial_store(struct config_item *item, const char *page, size_t count)
{
	struct dummy_item *di = to_dummy_item(item);
	size_t len = strcspn(page, "\n");
	ssize_t ret = count;

	if (!len || len >= sizeof(di->params.serial))
		return -EINVAL;
	mutex_lock(&di->lock);
	if (di->dummy) {
		ret = -EBUSY;
	} else {
		memset(di->params.serial, 0, sizeof(di->params.serial));
		memcpy(di->params.serial, page, len);
	}
	mutex_unlock(&di->lock);
	return ret;
}

static ssize_t number_show(struct dummy_item *di, const void *field, char *page)
{
	ssize_t len;

	mutex_lock(&di->lock);
	len = sysfs_emit(page, "%d\n", *(const s32 *)field);
	mutex_unlock(&di->lock);
	return len;
}

static ssize_t number_store(struct dummy_item *di, void *field, const char *page, size_t count)
{
	ssize_t ret = count;
	s32 value;
	int err = kstrtos32(page, 0, &value);

	if (err)
		return err;
	mutex_lock(&di->lock);
	if (di->dummy)
		ret = -EBUSY;
	else
		*(s32 *)field = value;
	mutex_unlock(&di->lock);
	return ret;
}

/* All are 32 bits wide; what is out of range is refused when the gun is made. */
#define NUMBER(name)								\
static_assert(sizeof_field(struct meso_model_params, name) == sizeof(s32));	\
static ssize_t name##_show(struct config_item *item, char *page)		\
{										\
	struct dummy_item *di = to_dummy_item(item);				\
										\
	return number_show(di, &di->params.name, page);				\
}										\
static ssize_t name##_store(struct config_item *item, const char *page, size_t count) \
{										\
	struct dummy_item *di = to_dummy_item(item);				\
										\
	return number_store(di, &di->params.name, page, count);			\
}										\
CONFIGFS_ATTR(, name)

NUMBER(backlash_nm);
NUMBER(compliance_nl_per_mpa);
NUMBER(temperature_mc);
NUMBER(battery_mv);
NUMBER(mutants);

static ssize_t live_show(struct config_item *item, char *page)
{
	struct dummy_item *di = to_dummy_item(item);
	bool live;

	mutex_lock(&di->lock);
	live = di->dummy && meso_dummy_connected(di->dummy);
	mutex_unlock(&di->lock);
	return sysfs_emit(page, "%d\n", live);
}

static int set_live(struct dummy_item *di, bool live)
{
	struct meso_dummy *dummy;

	if (!di->dummy && !live)
		return 0;
	if (!di->dummy) {
		dummy = meso_dummy_create(&di->params);
		if (IS_ERR(dummy))
			return PTR_ERR(dummy);
		di->dummy = dummy;
	}
	return meso_dummy_connect(di->dummy, live);
}

static ssize_t live_store(struct config_item *item, const char *page, size_t count)
{
	struct dummy_item *di = to_dummy_item(item);
	bool live;
	int err = kstrtobool(page, &live);

	if (err)
		return err;
	mutex_lock(&di->lock);
	err = set_live(di, live);
	mutex_unlock(&di->lock);
	return err ? err : count;
}

CONFIGFS_ATTR(, serial);
CONFIGFS_ATTR(, live);

static struct configfs_attribute *dummy_attrs[] = {
	&attr_serial,
	&attr_live,
	&attr_backlash_nm,
	&attr_compliance_nl_per_mpa,
	&attr_temperature_mc,
	&attr_battery_mv,
	&attr_mutants,
	NULL
};

static void dummy_release(struct config_item *item)
{
	struct dummy_item *di = to_dummy_item(item);

	if (di->dummy)
		meso_dummy_destroy(di->dummy);
	kfree(di);
}

static struct configfs_item_operations dummy_item_ops = {
	.release = dummy_release,
};

static const struct config_item_type dummy_item_type = {
	.ct_item_ops = &dummy_item_ops,
	.ct_attrs = dummy_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *dummy_make(struct config_group *group, const char *name)
{
	struct dummy_item *di = kzalloc(sizeof(*di), GFP_KERNEL);

	if (!di)
		return ERR_PTR(-ENOMEM);
	mutex_init(&di->lock);
	meso_model_params_default(&di->params);
	/* Its name is its serial, unless another one is written. */
	strscpy_pad(di->params.serial, name, sizeof(di->params.serial));
	config_item_init_type_name(&di->item, name, &dummy_item_type);
	return &di->item;
}

static struct configfs_group_operations dummy_group_ops = {
	.make_item = dummy_make,
};

static const struct config_item_type dummy_group_type = {
	.ct_group_ops = &dummy_group_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem dummy_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "meso_dummy",
			.ci_type = &dummy_group_type,
		},
	},
};

int meso_dummy_configfs_init(void)
{
	config_group_init(&dummy_subsystem.su_group);
	mutex_init(&dummy_subsystem.su_mutex);
	return configfs_register_subsystem(&dummy_subsystem);
}

void meso_dummy_configfs_exit(void)
{
	configfs_unregister_subsystem(&dummy_subsystem);
}
