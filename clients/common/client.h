/* The connection of a command to the manager, here or on another host, and the calls it makes on it. Touches
 * the bus, and starts the password agent at the first call that may need it. */
#pragma once

#include "common/agent.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define L4_BUS_NAME "org.left4me.Manager"
#define L4_PATH "/org/left4me"
#define L4_PATH_MANAGER L4_PATH "/Manager"
#define L4_PATH_INSTALLATION L4_PATH "/installation"
#define L4_IFACE "org.left4me."
#define L4_IFACE_MANAGER L4_IFACE "Manager"
#define L4_IFACE_SERVER L4_IFACE "Server"
#define L4_IFACE_BLUEPRINT L4_IFACE "Blueprint"
#define L4_IFACE_OVERLAY L4_IFACE "Overlay"
#define L4_IFACE_INSTALLATION L4_IFACE "Installation"
#define L4_IFACE_JOB L4_IFACE "Job"

/* Long enough for a person to find and type a password, and for a call that waits for a write to the disk. */
#define CLIENT_CALL_USEC (10 * 60 * G_USEC_PER_SEC)

typedef enum Transport {
        TRANSPORT_LOCAL,
        TRANSPORT_REMOTE,  /* ssh, host is "user@host" */
        TRANSPORT_MACHINE, /* a container of this host */
} Transport;

typedef struct Client {
        sd_bus *bus;
        sd_event *event; /* the bus is attached to it */
        Transport transport;
        bool may_ask; /* a password may be asked for */
        bool asked;   /* the agent was tried already */
        Agent *agent; /* NULL where there is none */
} Client;

/* Connects; negative errno. host is for the transports that need one. */
int client_new(Transport transport, const char *host, bool may_ask, Client **ret);
Client *client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/* A call of a method that needs no authorisation (client_new_read) or does (client_new_call: this one lets
 * the manager ask for a password, and starts the agent). Negative errno. */
int client_new_read(Client *client, const char *path, const char *interface, const char *member,
                    sd_bus_message **ret);
int client_new_call(Client *client, const char *path, const char *interface, const char *member,
                    sd_bus_message **ret);

/* Sends and waits. ret_reply may be NULL. */
int client_call(Client *client, sd_bus_message *call, sd_bus_error *error, sd_bus_message **ret_reply);

/* What an error says to a human (g_free): where nothing answered, that it was the manager. */
char *client_error_text(const sd_bus_error *error);

/* Path of the object that the manager knows by a name: method is GetServer, GetBlueprint or GetOverlay. */
int client_resolve(Client *client, const char *method, const char *name, sd_bus_error *error,
                   char **ret_path);
