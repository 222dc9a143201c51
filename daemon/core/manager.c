#include "manager.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "base/layout.h"
#include "base/log.h"
#include "core/blueprint.h"
#include "core/installation.h"
#include "core/job.h"
#include "core/overlay.h"
#include "core/server.h"
#include "plan/names.h"

#define PROPERTIES_MAX 16

static void free_server(gpointer p)
{
        server_free(p);
}

static void free_blueprint(gpointer p)
{
        blueprint_free(p);
}

static void free_overlay(gpointer p)
{
        overlay_free(p);
}

Manager *manager_new(sd_event *event)
{
        Manager *m = g_new0(Manager, 1);

        m->event = event ? sd_event_ref(event) : NULL;
        settings_defaults(&m->settings);
        m->servers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_server);
        m->blueprints = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_blueprint);
        m->overlays = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_overlay);
        m->installation = installation_new(m);
        m->jobs = jobs_new(m);
        return m;
}

Manager *manager_free(Manager *m)
{
        if (!m)
                return NULL;
        m->observer = NULL;
        m->jobs = jobs_free(m->jobs);
        g_hash_table_unref(m->servers);
        g_hash_table_unref(m->blueprints);
        g_hash_table_unref(m->overlays);
        installation_free(m->installation);
        store_lane_free(m->store);
        systemd_free(m->systemd);
        database_close(m->database);
        sd_event_unref(m->event);
        g_free(m);
        return NULL;
}

static void on_unit_changed(const char *unit, const UnitState *state, void *userdata)
{
        Manager *m = userdata;

        if (!servers_unit_changed(m, unit, state))
                store_lane_unit_changed(m->store, unit, state);
}

static void on_unit_files_changed(void *userdata)
{
        servers_unit_files_changed(userdata);
}

static bool load_settings(Manager *m, const char *path, GError **error)
{
        g_autofree char *text = NULL;
        size_t size = 0;
        int r = file_read_all(AT_FDCWD, path, SETTINGS_SIZE_MAX, &text, &size);

        if (r == -ENOENT)
                return true;
        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, r, "%s", path), false;
        if (settings_parse(text, size, &m->settings, error))
                return true;
        g_prefix_error(error, "%s: ", path);
        return false;
}

bool manager_load(Manager *m, sd_bus *bus, const char *settings_path, GError **error)
{
        static const SystemdEvents events = {on_unit_changed, on_unit_files_changed};
        int r;

        if (!load_settings(m, settings_path, error))
                return false;
        r = systemd_new(bus, &events, m, &m->systemd);
        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, r, "cannot reach systemd"), false;
        m->store = store_lane_new(m->systemd, m->event);
        if (!database_open(L4_DATABASE, &m->database, error))
                return false;
        if (!overlays_load(m, error) || !installation_load(m->installation, error) ||
            !blueprints_load(m, error) || !servers_load(m, error))
                return false;
        if (systemd_list_units_sync(m->systemd, error) < 0)
                return false;
        servers_settle(m);
        return jobs_load(m, error);
}

void manager_observe(Manager *m, const ManagerObserver *observer, void *userdata)
{
        m->observer = observer;
        m->observer_data = userdata;
}

void manager_added(Manager *m, ObjectKind kind, const char *name)
{
        if (m->observer)
                m->observer->added(kind, name, m->observer_data);
}

void manager_removed(Manager *m, ObjectKind kind, const char *name)
{
        if (m->observer)
                m->observer->removed(kind, name, m->observer_data);
}

void manager_changed(Manager *m, ObjectKind kind, const char *name, ...)
{
        const char *properties[PROPERTIES_MAX + 1] = {NULL};
        va_list ap;

        if (!m->observer)
                return;
        va_start(ap, name);
        for (unsigned i = 0; i < PROPERTIES_MAX; i++) {
                properties[i] = va_arg(ap, const char *);
                if (!properties[i])
                        break;
        }
        va_end(ap);
        manager_changed_strv(m, kind, name, properties);
}

void manager_changed_strv(Manager *m, ObjectKind kind, const char *name, const char *const *properties)
{
        if (m->observer && properties[0])
                m->observer->changed(kind, name, properties, m->observer_data);
}

static void *look_up(GHashTable *table, const char *name, const char *what, L4Error missing, GError **error)
{
        void *object;

        if (!name_check(name, what, error))
                return NULL;
        object = g_hash_table_lookup(table, name);
        if (!object)
                g_set_error(error, L4_ERROR, (gint)missing, "there is no %s '%s'", what, name);
        return object;
}

Server *manager_server(Manager *m, const char *name, GError **error)
{
        return look_up(m->servers, name, "server", L4_ERROR_NO_SUCH_SERVER, error);
}

Blueprint *manager_blueprint(Manager *m, const char *name, GError **error)
{
        return look_up(m->blueprints, name, "blueprint", L4_ERROR_NO_SUCH_BLUEPRINT, error);
}

Overlay *manager_overlay(Manager *m, const char *name, GError **error)
{
        return look_up(m->overlays, name, "overlay", L4_ERROR_NO_SUCH_OVERLAY, error);
}

uint64_t now_realtime(void)
{
        return (uint64_t)g_get_real_time();
}
