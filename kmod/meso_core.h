/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a transport (meso_dummy, meso_usb) meets the core: one table of
 * operations, one upcall for a frame, and two for a bus that sleeps.  A
 * transport carries bytes and requests; it judges nothing, keeps no lease, and
 * knows no user.
 */
#ifndef MESO_CORE_H
#define MESO_CORE_H

#include <linux/device.h>
#include <linux/meso.h>
#include <linux/types.h>

struct meso_gun;

/**
 * struct meso_gun_ops - what a transport can do for the core
 * @get_info: read the gun's description
 * @get_registers: read the gun's registers; may be missing
 * @configure: CONFIGURE as one transfer
 * @arm: ARM as one transfer with a CRC, never repeated by the transport
 * @clear_faults: clear latched faults of this generation
 * @read_log: read up to @max shot records from number @from on, oldest first;
 *	returns how many
 * @ack_log: let the gun forget records up to this number of this epoch
 * @heartbeat: relay one heartbeat
 * @fire: pull the trigger
 * @abort: disarm and stop; must get through before anything that is queued
 * @use: the first file has been opened, or will be: be awake; may be missing
 * @leave: the last one is closed: may sleep; may be missing, with @use
 *
 * @use and @leave may sleep, come in pairs (also when the gun goes while it is
 * used), and are called one at a time with each other; what @use returns ends
 * the open().  Those down to @ack_log may sleep, for 100 ms at most, and are
 * never called two at a time.  @heartbeat, @fire and @abort never sleep and may be called
 * from any context, at any time, also while another operation is under way;
 * they return what is known at once.  All return 0 (@read_log: a count) or a
 * negative errno: the gun's own answer where it gave one, -ETIMEDOUT where it
 * gave none, -ENODEV where there is no gun.  @arm returns -EBUSY, -EACCES,
 * -ESTALE, -ERANGE, -ENOSPC, -ENODATA or -EINVAL only if the gun has refused,
 * because everything else is treated as armed.
 */
struct meso_gun_ops {
	int (*get_info)(void *priv, struct meso_info *info);
	int (*get_registers)(void *priv, struct meso_registers *regs);
	int (*configure)(void *priv, const struct meso_config *config);
	int (*arm)(void *priv, const struct meso_lease *lease);
	int (*clear_faults)(void *priv, u32 mask, u64 boot_id, u32 counter);
	int (*read_log)(void *priv, u64 from, struct meso_shot *shots, u32 max);
	int (*ack_log)(void *priv, const struct meso_ack *ack);
	int (*heartbeat)(void *priv, const u8 *lease_id);
	int (*fire)(void *priv, const u8 *lease_id, u64 expect);
	int (*abort)(void *priv);
	int (*use)(void *priv);
	void (*leave)(void *priv);
};

struct meso_gun *meso_gun_register(struct device *parent, const struct meso_gun_ops *ops,
				   void *priv);
void meso_gun_unregister(struct meso_gun *gun);
void meso_gun_frame(struct meso_gun *gun, const u8 *buf, size_t len);
int meso_gun_sleep(struct meso_gun *gun, u32 reason);
void meso_gun_wake(struct meso_gun *gun);
const char *meso_gun_name(const struct meso_gun *gun);

#endif /* MESO_CORE_H */
