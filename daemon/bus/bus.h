/* The bus side of the manager: objects on /org/left4me, signals for what changes. The only code, with the
 * rest of this folder, that sees D-Bus messages; it holds no logic of the domain. */
#pragma once

#include <systemd/sd-bus.h>

#include "core/manager.h"
#include "host/authority.h"

#define BUS_NAME "org.left4me.Manager"
#define BUS_ROOT "/org/left4me"
#define BUS_MANAGER_PATH BUS_ROOT "/Manager"
#define BUS_INSTALLATION_PATH BUS_ROOT "/installation"
#define BUS_INTERNAL_PATH BUS_ROOT "/internal"

#define API_VERSION 1U

typedef struct Bus Bus;

/* Puts all objects on the bus, observes the manager, then takes the name. */
int bus_new(sd_bus *connection, Manager *m, Bus **ret);
Bus *bus_free(Bus *b); /* takes NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bus, bus_free)

/* Prints the introspection of one of the public interfaces, as the vtables have it; -ENOENT for an unknown
 * one, and the list of all for NULL. */
int bus_print_introspection(const char *interface);

/* Object path of a server, blueprint, overlay, job (by its id), or of the one manager or installation. */
char *bus_object_path(ObjectKind kind, const char *name);
