/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection to the bus and the objects on it.  It owns names, paths and the
 * check that a call is formed as its method wants; what methods do is in
 * bus_manager.c, bus_gun.c and bus_session.c.
 */
#ifndef MESOD_BUS_H
#define MESOD_BUS_H

#include <stdint.h>
#include <systemd/sd-bus.h>

#define BUS_NAME          "org.mesod1"
#define BUS_ROOT          "/org/mesod1"
#define BUS_GUNS          BUS_ROOT "/gun"
#define BUS_SESSIONS      BUS_ROOT "/session"
#define INTERFACE_MANAGER "org.mesod1.Manager"
#define INTERFACE_GUN     "org.mesod1.Gun"
#define INTERFACE_SESSION "org.mesod1.Session"

struct gun;
struct mesod;
struct session;

/* Connects and offers the manager; nobody finds us yet. */
int bus_open(struct mesod *mesod);
/* Asks for the name; without it the daemon ends. */
int bus_take_name(struct mesod *mesod);
void bus_close(struct mesod *mesod);

void bus_gun_added(struct gun *gun);
void bus_gun_removed(struct gun *gun);
/* One of its properties that are told of: State, Faults, Quarantined, Ready, InSession. */
void bus_gun_changed(struct gun *gun, const char *property);
int bus_session_added(struct session *session);
void bus_session_removed(struct session *session);
void bus_manager_changed(struct mesod *mesod);
/* FormularyHash has. */
void bus_formulary_changed(struct mesod *mesod);

/* Appends an `as`. */
int bus_append_fault_names(sd_bus_message *message, uint32_t faults);

/* Sends a reply that was built by @r's chain of appends, or an error in its stead. */
void bus_send_reply(sd_bus_message *call, sd_bus_message *reply, int r);

extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable gun_vtable[];
extern const sd_bus_vtable session_vtable[];

#endif /* MESOD_BUS_H */
