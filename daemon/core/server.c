#include "server.h"

#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/log.h"
#include "core/blueprint.h"
#include "core/running.h"
#include "core/server-port.h"
#include "host/identity.h"
#include "plan/names.h"

#define RCON_PASSWORD_BYTES 16

static const char *const state_names[_SERVER_STATE_MAX] = {
        [SERVER_STOPPED] = "stopped",   [SERVER_STARTING] = "starting", [SERVER_RUNNING] = "running",
        [SERVER_STOPPING] = "stopping", [SERVER_FAILED] = "failed",
};

const char *server_state_to_string(ServerState state)
{
        return state_names[state];
}

static Server *server_new(Manager *m, const char *name, const char *owner, Blueprint *b)
{
        Server *s = g_new0(Server, 1);

        s->manager = m;
        s->name = g_strdup(name);
        s->owner = g_strdup(owner);
        s->blueprint = b;
        s->unit = g_strdup_printf("left4me-server@%s.service", name);
        s->mount_unit = g_strdup_printf("left4me-mount@%s.service", name);
        s->sub = g_strdup("dead");
        s->last_error = g_strdup("");
        g_hash_table_add(b->servers, s);
        g_hash_table_insert(m->servers, s->name, s);
        return s;
}

Server *server_free(Server *s)
{
        if (!s)
                return NULL;
        systemd_request_forget(s->failure_request);
        g_free(s->name);
        g_free(s->owner);
        g_free(s->rcon_password);
        g_free(s->unit);
        g_free(s->mount_unit);
        g_free(s->sub);
        g_free(s->last_error);
        g_strfreev(s->running_layers);
        g_free(s);
        return NULL;
}

uint32_t server_uid(const Server *s)
{
        return UID_RANGE_FIRST + s->slot;
}

static bool write_identity(Server *s, uint16_t port, bool *ret_changed, GError **error)
{
        Identity identity = {s->name, server_uid(s), port};

        return identity_write(&identity, ret_changed, error);
}

static bool load_row(DatabaseRow *row, void *userdata, GError **error)
{
        Manager *m = userdata;
        const char *name = database_row_text(row, 0);
        Blueprint *b = g_hash_table_lookup(m->blueprints, database_row_text(row, 2));
        Server *s;

        if (!b) {
                g_set_error(error, L4_ERROR, L4_ERROR_FAILED,
                            "the database is damaged: server '%s' has no blueprint", name);
                return false;
        }
        s = server_new(m, name, database_row_text(row, 1), b);
        s->port = (uint16_t)database_row_int(row, 3);
        s->slot = (uint32_t)database_row_int(row, 4);
        s->rcon_password = g_strdup(database_row_text(row, 5));
        s->revision = (uint32_t)database_row_int(row, 6);
        return true;
}

/* The database is what should exist: what a crash kept from the host is written now. Where that is impossible
 * this server cannot start, and systemd says so; the others are none the worse. */
static void repair(Server *s, bool *reload)
{
        g_autoptr(GError) error = NULL;
        bool changed = false;

        if (!write_identity(s, s->port, &changed, &error))
                log_error("server %s: %s", s->name, error->message);
        *reload = *reload || changed;
        s->autostart = systemd_is_enabled(s->unit);
        running_load(s);
}

static void on_reloaded(const GError *error, void *userdata)
{
        (void)userdata;
        if (error)
                log_warning("cannot make systemd read unit files again: %s", error->message);
}

bool servers_load(Manager *m, GError **error)
{
        GHashTableIter iter;
        bool reload = false;
        gpointer s;

        if (!database_query(m->database, error, load_row, m,
                            "SELECT name, owner, blueprint, port, slot, rcon_password, revision FROM server",
                            ""))
                return false;
        g_hash_table_iter_init(&iter, m->servers);
        while (g_hash_table_iter_next(&iter, NULL, &s))
                repair(s, &reload);
        if (reload)
                (void)systemd_reload(m->systemd, on_reloaded, m);
        return true;
}

bool server_is_down(const Server *s)
{
        return (s->active == UNIT_INACTIVE || s->active == UNIT_FAILED) &&
               (s->mount_active == UNIT_INACTIVE || s->mount_active == UNIT_FAILED);
}

ServerState server_state(const Server *s)
{
        switch (s->active) {
        case UNIT_ACTIVATING:
                return SERVER_STARTING;
        case UNIT_ACTIVE:
        case UNIT_RELOADING:
                return SERVER_RUNNING;
        case UNIT_DEACTIVATING:
                return SERVER_STOPPING;
        case UNIT_FAILED:
                return SERVER_FAILED;
        default:
                break;
        }
        /* The game is not there: is its tree coming, going, or was it impossible? */
        switch (s->mount_active) {
        case UNIT_ACTIVATING:
                return SERVER_STARTING;
        case UNIT_ACTIVE:
        case UNIT_DEACTIVATING:
                return SERVER_STOPPING;
        case UNIT_FAILED:
                return SERVER_FAILED;
        default:
                return SERVER_STOPPED;
        }
}

void server_set_last_error(Server *s, const char *text)
{
        if (strcmp(s->last_error, text) == 0)
                return;
        g_free(s->last_error);
        s->last_error = g_strdup(text);
        manager_changed(s->manager, OBJECT_SERVER, s->name, "LastError", NULL);
}

static Server *server_of_unit(Manager *m, const char *unit, bool *ret_is_mount)
{
        const char *at = strchr(unit, '@');
        g_autofree char *name = NULL;
        Server *s;

        if (!at || !g_str_has_suffix(unit, ".service"))
                return NULL;
        name = g_strndup(at + 1, strlen(at + 1) - strlen(".service"));
        s = g_hash_table_lookup(m->servers, name);
        if (!s || (strcmp(unit, s->unit) != 0 && strcmp(unit, s->mount_unit) != 0))
                return NULL;
        *ret_is_mount = strcmp(unit, s->mount_unit) == 0;
        return s;
}

static void take_unit_state(Server *s, bool of_mount, const UnitState *state)
{
        if (of_mount) {
                s->mount_active = state->active;
                return;
        }
        if (state->active == UNIT_FAILED || g_str_has_prefix(state->sub, "auto-restart"))
                s->failed_at = now_realtime();
        if (state->active == UNIT_ACTIVE && s->active != UNIT_ACTIVE) {
                s->started = state->active_enter ? state->active_enter : now_realtime();
                if (s->started > s->failed_at + SERVER_RESTART_USEC)
                        server_set_last_error(s, "");
        }
        s->active = state->active;
        if (strcmp(s->sub, state->sub) == 0)
                return;
        g_free(s->sub);
        s->sub = g_strdup(state->sub);
}

/* systemd tells of each unit several times a start, mostly what clients were told already. */
bool servers_unit_changed(Manager *m, const char *unit, const UnitState *state)
{
        const char *changed[5] = {NULL};
        unsigned n = 0;
        bool is_mount;
        Server *s = server_of_unit(m, unit, &is_mount);

        if (!s)
                return false;
        const ServerState was = server_state(s);
        const uint64_t started = s->started;
        const uint32_t running = s->running_revision;
        const bool same_sub = is_mount || strcmp(s->sub, state->sub) == 0;

        take_unit_state(s, is_mount, state);
        if (server_is_down(s))
                running_forget(s);
        if (was != SERVER_FAILED && server_state(s) == SERVER_FAILED)
                running_explain_failure(s);

        if (server_state(s) != was)
                changed[n++] = "State";
        if (!same_sub)
                changed[n++] = "SubState";
        if (s->started != started)
                changed[n++] = "StartedAt";
        if (s->running_revision != running)
                changed[n++] = "RunningRevision";
        manager_changed_strv(m, OBJECT_SERVER, s->name, changed);
        return true;
}

void servers_settle(Manager *m)
{
        GHashTableIter iter;
        gpointer s;

        g_hash_table_iter_init(&iter, m->servers);
        while (g_hash_table_iter_next(&iter, NULL, &s))
                if (server_is_down(s))
                        running_forget(s);
}

static void set_autostart(Server *s, bool enabled)
{
        if (enabled == s->autostart)
                return;
        s->autostart = enabled;
        manager_changed(s->manager, OBJECT_SERVER, s->name, "Autostart", NULL);
}

void server_unit_file_changed(Server *s)
{
        set_autostart(s, systemd_is_enabled(s->unit));
}

/* systemd does not say which, and says it at every enable and disable: one directory is read, not a path
 * looked up per server. */
void servers_unit_files_changed(Manager *m)
{
        g_autoptr(GHashTable) enabled = NULL;
        GHashTableIter iter;
        gpointer p;
        int r = systemd_list_enabled(&enabled);

        if (r < 0) {
                log_warning("cannot see which servers are enabled at boot: %s", g_strerror(-r));
                return;
        }
        g_hash_table_iter_init(&iter, m->servers);
        while (g_hash_table_iter_next(&iter, NULL, &p)) {
                Server *s = p;

                set_autostart(s, g_hash_table_contains(enabled, s->unit));
        }
}

static bool choose_slot(Manager *m, uint32_t *ret, GError **error)
{
        g_autofree uint8_t *taken = g_new0(uint8_t, m->settings.servers_max + 1);
        GHashTableIter iter;
        gpointer s;

        if (g_hash_table_size(m->servers) >= m->settings.servers_max) {
                g_set_error(error, L4_ERROR, L4_ERROR_LIMIT_REACHED,
                            "there are %u servers, the most that servers-max allows",
                            m->settings.servers_max);
                return false;
        }
        g_hash_table_iter_init(&iter, m->servers);
        while (g_hash_table_iter_next(&iter, NULL, &s))
                if (((Server *)s)->slot < m->settings.servers_max)
                        taken[((Server *)s)->slot] = 1;
        *ret = 0;
        while (taken[*ret])
                (*ret)++;
        return true;
}

static char *random_password(void)
{
        static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
        uint8_t bytes[RCON_PASSWORD_BYTES];
        char *text = g_new0(char, RCON_PASSWORD_BYTES + 1);

        if (getentropy(bytes, sizeof(bytes)) < 0)
                g_error("getentropy: %s",
                        g_strerror(errno)); /* cannot fail for 256 bytes or less, getentropy(3) */
        for (unsigned i = 0; i < RCON_PASSWORD_BYTES; i++)
                text[i] = digits[bytes[i] % 32];
        return text;
}

static bool insert_row(Manager *m, const char *name, const char *owner, const char *blueprint, uint16_t port,
                       uint32_t slot, const char *password, GError **error)
{
        return database_run(
                m->database, error,
                "INSERT INTO server (name, owner, blueprint, port, slot, rcon_password, revision, created)"
                " VALUES (?, ?, ?, ?, ?, ?, 1, ?)",
                "sssiisi", name, owner, blueprint, (int64_t)port, (int64_t)slot, password,
                (int64_t)now_realtime());
}

/* After the row is in the database: the object, and what it needs on the host. */
static Server *server_inserted(Manager *m, const char *name, const char *owner, Blueprint *b, uint16_t port,
                               uint32_t slot, const char *password, GError **error)
{
        Server *s = server_new(m, name, owner, b);
        bool changed;

        s->port = port;
        s->slot = slot;
        s->rcon_password = g_strdup(password);
        s->revision = 1;
        s->autostart = systemd_is_enabled(s->unit);
        manager_added(m, OBJECT_SERVER, s->name);
        manager_changed(m, OBJECT_BLUEPRINT, b->name, "UsedBy", NULL);
        if (write_identity(s, port, &changed, error))
                return s;
        (void)server_delete(s, NULL);
        return NULL;
}

static bool check_new_name(Manager *m, const char *name, GError **error)
{
        if (!name_check(name, "server", error))
                return false;
        if (!g_hash_table_contains(m->servers, name))
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_EXISTS, "there is a server '%s' already", name);
        return false;
}

Server *server_create(Manager *m, const char *name, const char *owner, Blueprint *b, uint16_t port,
                      GError **error)
{
        g_autofree char *password = random_password();
        uint32_t slot;

        if (!check_new_name(m, name, error) || !choose_slot(m, &slot, error) ||
            !server_choose_port(m, &port, NULL, error))
                return NULL;
        if (!insert_row(m, name, owner, b->name, port, slot, password, error))
                return NULL;
        return server_inserted(m, name, owner, b, port, slot, password, error);
}

static Server *create_with_blueprint(Manager *m, const char *name, const char *owner, uint16_t port,
                                     const Definition *d, GError **error)
{
        g_autofree char *password = random_password();
        uint32_t slot;
        Blueprint *b;
        bool ok;

        if (g_hash_table_contains(m->blueprints, name)) {
                g_set_error(error, L4_ERROR, L4_ERROR_EXISTS,
                            "there is a blueprint '%s' that is not this server's own", name);
                return NULL;
        }
        if (!choose_slot(m, &slot, error) || !server_choose_port(m, &port, NULL, error))
                return NULL;
        if (!database_begin(m->database, error))
                return NULL;
        ok = blueprint_insert(m, name, owner, name, d, error) &&
             insert_row(m, name, owner, name, port, slot, password, error);
        if (!database_end(m->database, ok, error))
                return NULL;
        b = blueprint_inserted(m, name, owner, name, d);
        return server_inserted(m, name, owner, b, port, slot, password, error);
}

static void on_port_reloaded(const GError *error, void *userdata)
{
        on_reloaded(error, userdata);
}

/* A unit that is loaded keeps its old drop-in until systemd reads it again. */
static bool move_identity(Server *s, uint16_t port, GError **error)
{
        bool changed = false;

        if (!write_identity(s, port, &changed, error))
                return false;
        if (changed)
                (void)systemd_reload(s->manager->systemd, on_port_reloaded, s->manager);
        return true;
}

static bool update_with_blueprint(Server *s, uint16_t port, const Definition *d, GError **error)
{
        Manager *m = s->manager;
        Blueprint *b = s->blueprint;
        bool ok;

        if (g_strcmp0(b->own_of, s->name) != 0) {
                g_set_error(
                        error, L4_ERROR, L4_ERROR_EXISTS,
                        "server '%s' uses blueprint '%s', which is not its own: change that, or give it one",
                        s->name, b->name);
                return false;
        }
        if (!server_choose_port(m, &port, s, error) || !move_identity(s, port, error))
                return false;
        ok = database_begin(m->database, error) && blueprint_rewrite(b, d, error) &&
             servers_touch(m, b->servers, error) &&
             database_run(m->database, error, "UPDATE server SET port = ? WHERE name = ?", "is",
                          (int64_t)port, s->name);
        if (!database_end(m->database, ok, error)) {
                (void)move_identity(s, s->port, NULL);
                return false;
        }
        blueprint_rewritten(b, d);
        s->port = port;
        servers_touched(b->servers);
        manager_changed(m, OBJECT_SERVER, s->name, "Port", NULL);
        return true;
}

Server *server_apply_spec(Manager *m, const char *name, const char *owner, uint16_t port, const Definition *d,
                          GError **error)
{
        Server *s = g_hash_table_lookup(m->servers, name);

        if (!name_check(name, "server", error))
                return NULL;
        if (!s)
                return create_with_blueprint(m, name, owner, port, d, error);
        return update_with_blueprint(s, port, d, error) ? s : NULL;
}

static bool delete_rows(Server *s, Blueprint *own, GError **error)
{
        Database *db = s->manager->database;
        bool ok;

        if (!database_begin(db, error))
                return false;
        ok = database_run(db, error, "DELETE FROM server WHERE name = ?", "s", s->name) &&
             (!own || blueprint_remove(own, error));
        return database_end(db, ok, error);
}

bool server_delete(Server *s, GError **error)
{
        g_autofree char *name = g_strdup(s->name);
        Manager *m = s->manager;
        Identity identity = {s->name, server_uid(s), s->port};
        Blueprint *b = s->blueprint;
        bool own = g_strcmp0(b->own_of, s->name) == 0 && g_hash_table_size(b->servers) == 1;

        if (!identity_remove(&identity, error))
                return false;
        if (!delete_rows(s, own ? b : NULL, error)) {
                bool changed;

                (void)write_identity(s, s->port, &changed, NULL);
                return false;
        }
        /* A unit that was enabled may still be loaded, with the identity that is free now: the next server of
         * this name would run as the next owner of that. */
        (void)systemd_reload(m->systemd, on_reloaded, m);
        running_forget(s);
        g_hash_table_remove(b->servers, s);
        g_hash_table_remove(m->servers, name);
        manager_removed(m, OBJECT_SERVER, name);
        if (own)
                blueprint_removed(b);
        else
                manager_changed(m, OBJECT_BLUEPRINT, b->name, "UsedBy", NULL);
        return true;
}

bool server_set_blueprint(Server *s, Blueprint *b, GError **error)
{
        Manager *m = s->manager;
        Blueprint *old = s->blueprint;
        bool own = g_strcmp0(old->own_of, s->name) == 0 && g_hash_table_size(old->servers) == 1;
        bool ok;

        if (old == b)
                return true;
        if (!database_begin(m->database, error))
                return false;
        ok = database_run(m->database, error,
                          "UPDATE server SET blueprint = ?, revision = revision + 1 WHERE name = ?", "ss",
                          b->name, s->name) &&
             (!own || blueprint_remove(old, error));
        if (!database_end(m->database, ok, error))
                return false;
        g_hash_table_remove(old->servers, s);
        g_hash_table_add(b->servers, s);
        s->blueprint = b;
        s->revision++;
        if (own)
                blueprint_removed(old);
        else
                manager_changed(m, OBJECT_BLUEPRINT, old->name, "UsedBy", NULL);
        manager_changed(m, OBJECT_BLUEPRINT, b->name, "UsedBy", NULL);
        manager_changed(m, OBJECT_SERVER, s->name, "Blueprint", "DesiredRevision", NULL);
        return true;
}

bool server_set_port(Server *s, uint16_t port, GError **error)
{
        Manager *m = s->manager;

        if (port == 0)
                return g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "port 0 is none"), false;
        if (port == s->port)
                return true;
        if (!server_choose_port(m, &port, s, error) || !move_identity(s, port, error))
                return false;
        if (!database_run(m->database, error,
                          "UPDATE server SET port = ?, revision = revision + 1 WHERE name = ?", "is",
                          (int64_t)port, s->name)) {
                (void)move_identity(s, s->port, NULL);
                return false;
        }
        s->port = port;
        s->revision++;
        manager_changed(m, OBJECT_SERVER, s->name, "Port", "DesiredRevision", NULL);
        return true;
}

bool servers_touch(Manager *m, GHashTable *servers, GError **error)
{
        GHashTableIter iter;
        gpointer s;

        g_hash_table_iter_init(&iter, servers);
        while (g_hash_table_iter_next(&iter, &s, NULL))
                if (!database_run(m->database, error,
                                  "UPDATE server SET revision = revision + 1 WHERE name = ?", "s",
                                  ((Server *)s)->name))
                        return false;
        return true;
}

void servers_touched(GHashTable *servers)
{
        GHashTableIter iter;
        gpointer p;

        g_hash_table_iter_init(&iter, servers);
        while (g_hash_table_iter_next(&iter, &p, NULL)) {
                Server *s = p;

                s->revision++;
                manager_changed(s->manager, OBJECT_SERVER, s->name, "DesiredRevision", NULL);
        }
}
