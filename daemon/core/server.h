/* A server: its definition, what systemd says of its units, and what runs. Owns the database table server,
 * the identities on the host, and the files in /run/left4me/plans. */
#pragma once

#include "core/manager.h"
#include "plan/definition.h"
#include "plan/mount-plan.h"

typedef enum ServerState {
        SERVER_STOPPED,
        SERVER_STARTING,
        SERVER_RUNNING,
        SERVER_STOPPING,
        SERVER_FAILED,
        _SERVER_STATE_MAX,
} ServerState;
const char *server_state_to_string(ServerState state);

/* A unit that becomes active so soon after a failure was most likely restarted by systemd: what went wrong
 * stays of interest. Starts that left4me was asked for clear the last error themselves. */
#define SERVER_RESTART_USEC (30ULL * G_USEC_PER_SEC)

struct Server {
        Manager *manager;
        char *name;
        char *owner;
        Blueprint *blueprint;
        uint16_t port;
        uint32_t slot; /* uid - UID_RANGE_FIRST */
        char *rcon_password;
        uint32_t revision; /* grows with every change to what the next start would use */
        char *unit, *mount_unit;
        UnitActive active, mount_active; /* of the two units */
        char *sub;
        uint64_t started;
        bool autostart;
        char *last_error; /* never NULL */
        SystemdRequest *failure_request;
        bool failure_of_mount;     /* what failure_request asks about */
        uint64_t failed_at;        /* CLOCK_REALTIME; 0: not since the manager began */
        uint32_t running_revision; /* 0: nothing was handed out, or it is down again */
        char **running_layers;     /* commits that are in use while running_revision is not 0 */
};

bool servers_load(Manager *m, GError **error);
Server *server_free(Server *s); /* takes NULL, returns NULL */

/* port 0: the lowest free one. L4_ERROR_EXISTS, L4_ERROR_PORT_IN_USE, L4_ERROR_NO_FREE_PORT,
 * L4_ERROR_LIMIT_REACHED. The identity is on the host when it returns. */
Server *server_create(Manager *m, const char *name, const char *owner, Blueprint *b, uint16_t port,
                      GError **error);
/* Creates or changes a server and the blueprint of its own in one transaction; d has passed
 * blueprint_check(). */
Server *server_apply_spec(Manager *m, const char *name, const char *owner, uint16_t port, const Definition *d,
                          GError **error);
/* Removes the definition, the blueprint of its own, and the identity; nothing of it runs any more. Frees it.
 */
bool server_delete(Server *s, GError **error);
bool server_set_blueprint(Server *s, Blueprint *b, GError **error);
bool server_set_port(Server *s, uint16_t port, GError **error);

/* From the units' states, however they came about. */
ServerState server_state(const Server *s);
bool server_is_down(const Server *s);
/* systemd said something about one of its units. Returns false if the unit is no server's. */
bool servers_unit_changed(Manager *m, const char *unit, const UnitState *state);
/* Enablement may have changed: of this one, of any. */
void server_unit_file_changed(Server *s);
void servers_unit_files_changed(Manager *m);
/* After the first look at systemd's units: what went down while no manager ran is not loaded any more. */
void servers_settle(Manager *m);
void server_set_last_error(Server *s, const char *text);

/* In the transaction that is open: the next start of each of these differs now. servers: set of Server *.
 * servers_touched() does the same in memory, after it. */
bool servers_touch(Manager *m, GHashTable *servers, GError **error);
void servers_touched(GHashTable *servers);

uint32_t server_uid(const Server *s);
