#include "bus.h"

#include "base/error.h"
#include "base/log.h"
#include "bus/handlers.h"
#include "bus/log-control.h"
#include "core/blueprint.h"
#include "core/job.h"
#include "core/overlay.h"
#include "core/server.h"

/* What an enumerator lists. Its own prefix is not what sd-bus passes when it walks a subtree. */
typedef struct Family {
        Manager *manager;
        ObjectKind kind;
} Family;

struct Bus {
        Family families[_OBJECT_KIND_MAX];
        sd_bus *connection;
        Manager *manager;
        Calls *calls;
};

/* Where objects of a kind live; those with a prefix have a name behind it. */
static const struct {
        const char *prefix, *path;
        const char *interface;
} kinds[_OBJECT_KIND_MAX] = {
        [OBJECT_MANAGER] = {NULL, BUS_MANAGER_PATH, INTERFACE_MANAGER},
        [OBJECT_SERVER] = {BUS_ROOT "/server", NULL, INTERFACE_SERVER},
        [OBJECT_BLUEPRINT] = {BUS_ROOT "/blueprint", NULL, INTERFACE_BLUEPRINT},
        [OBJECT_OVERLAY] = {BUS_ROOT "/overlay", NULL, INTERFACE_OVERLAY},
        [OBJECT_INSTALLATION] = {NULL, BUS_INSTALLATION_PATH, INTERFACE_INSTALLATION},
        [OBJECT_JOB] = {BUS_ROOT "/job", NULL, INTERFACE_JOB},
};

char *bus_object_path(ObjectKind kind, const char *name)
{
        char *path = NULL;

        if (kinds[kind].path)
                return g_strdup(kinds[kind].path);
        if (sd_bus_path_encode(kinds[kind].prefix, name, &path) < 0)
                g_error("out of memory"); /* as GLib does everywhere */
        return path;
}

static int find_in(GHashTable *table, const char *prefix, const char *path, void **ret)
{
        g_autofree char *name = NULL;
        int r = sd_bus_path_decode(path, prefix, &name);

        if (r <= 0)
                return r;
        *ret = g_hash_table_lookup(table, name);
        return *ret != NULL;
}

static int find_server(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                       sd_bus_error *error)
{
        (void)bus;
        (void)interface;
        (void)error;
        return find_in(((Manager *)userdata)->servers, kinds[OBJECT_SERVER].prefix, path, ret);
}

static int find_blueprint(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                          sd_bus_error *error)
{
        (void)bus;
        (void)interface;
        (void)error;
        return find_in(((Manager *)userdata)->blueprints, kinds[OBJECT_BLUEPRINT].prefix, path, ret);
}

static int find_overlay(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                        sd_bus_error *error)
{
        (void)bus;
        (void)interface;
        (void)error;
        return find_in(((Manager *)userdata)->overlays, kinds[OBJECT_OVERLAY].prefix, path, ret);
}

static int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                    sd_bus_error *error)
{
        g_autofree char *id = NULL;
        guint64 number;
        int r = sd_bus_path_decode(path, kinds[OBJECT_JOB].prefix, &id);

        (void)bus;
        (void)interface;
        (void)error;
        if (r <= 0)
                return r;
        if (!g_ascii_string_to_unsigned(id, 10, 1, UINT32_MAX, &number, NULL))
                return 0;
        *ret = jobs_find(userdata, (uint32_t)number);
        return *ret != NULL;
}

static void add_node(GPtrArray *nodes, ObjectKind kind, const char *name)
{
        g_ptr_array_add(nodes, bus_object_path(kind, name));
}

static void add_job_node(Job *job, void *userdata)
{
        g_autofree char *id = g_strdup_printf("%u", job->id);

        add_node(userdata, OBJECT_JOB, id);
}

static GHashTable *objects_of(const Manager *m, ObjectKind kind)
{
        switch (kind) {
        case OBJECT_SERVER:
                return m->servers;
        case OBJECT_BLUEPRINT:
                return m->blueprints;
        case OBJECT_OVERLAY:
                return m->overlays;
        default:
                return NULL;
        }
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error)
{
        const Family *family = userdata;
        GHashTable *objects = objects_of(family->manager, family->kind);
        GPtrArray *nodes = g_ptr_array_new();
        GHashTableIter iter;
        gpointer name;

        (void)bus;
        (void)prefix;
        (void)error;
        if (objects) {
                g_hash_table_iter_init(&iter, objects);
                while (g_hash_table_iter_next(&iter, &name, NULL))
                        add_node(nodes, family->kind, name);
        } else {
                jobs_foreach(family->manager, add_job_node, nodes);
        }
        g_ptr_array_add(nodes, NULL);
        *ret = (char **)g_ptr_array_free(nodes, FALSE);
        return 0;
}

static int add_objects(Bus *b)
{
        static const struct {
                ObjectKind kind;
                const sd_bus_vtable *vtable;
                sd_bus_object_find_t find;
        } families[] = {
                {OBJECT_SERVER, server_vtable, find_server},
                {OBJECT_BLUEPRINT, blueprint_vtable, find_blueprint},
                {OBJECT_OVERLAY, overlay_vtable, find_overlay},
                {OBJECT_JOB, job_vtable, find_job},
        };
        int r = sd_bus_add_object_manager(b->connection, NULL, BUS_ROOT);

        if (r >= 0)
                r = sd_bus_add_object_vtable(b->connection, NULL, BUS_MANAGER_PATH, INTERFACE_MANAGER,
                                             manager_vtable, b->manager);
        if (r >= 0)
                r = sd_bus_add_object_vtable(b->connection, NULL, BUS_INSTALLATION_PATH,
                                             INTERFACE_INSTALLATION, installation_vtable,
                                             b->manager->installation);
        if (r >= 0)
                r = sd_bus_add_object_vtable(b->connection, NULL, BUS_INTERNAL_PATH, INTERFACE_INTERNAL,
                                             internal_vtable, b->manager);
        for (unsigned i = 0; r >= 0 && i < G_N_ELEMENTS(families); i++) {
                const char *prefix = kinds[families[i].kind].prefix;
                Family *family = &b->families[families[i].kind];

                *family = (Family){b->manager, families[i].kind};
                r = sd_bus_add_fallback_vtable(b->connection, NULL, prefix, kinds[families[i].kind].interface,
                                               families[i].vtable, families[i].find, b->manager);
                if (r >= 0)
                        r = sd_bus_add_node_enumerator(b->connection, NULL, prefix, enumerate, family);
        }
        return r < 0 ? r : log_control_add(b->connection);
}

static void on_added(ObjectKind kind, const char *name, void *userdata)
{
        g_autofree char *path = bus_object_path(kind, name);

        (void)sd_bus_emit_object_added(((Bus *)userdata)->connection, path);
}

/* Not sd_bus_emit_object_removed(): that looks the interfaces up, and the object is gone already. */
static void on_removed(ObjectKind kind, const char *name, void *userdata)
{
        g_autofree char *path = bus_object_path(kind, name);

        calls_object_removed(((Bus *)userdata)->calls, path);
        (void)sd_bus_emit_signal(((Bus *)userdata)->connection, BUS_ROOT,
                                 "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas", path, 4,
                                 kinds[kind].interface, "org.freedesktop.DBus.Introspectable",
                                 "org.freedesktop.DBus.Peer", "org.freedesktop.DBus.Properties");
}

static void on_changed(ObjectKind kind, const char *name, const char *const *properties, void *userdata)
{
        g_autofree char *path = bus_object_path(kind, name);

        (void)sd_bus_emit_properties_changed_strv(((Bus *)userdata)->connection, path, kinds[kind].interface,
                                                  (char **)(uintptr_t)properties);
}

static void on_job_new(Job *job, void *userdata)
{
        g_autofree char *id = g_strdup_printf("%u", job->id);
        g_autofree char *path = bus_object_path(OBJECT_JOB, id);
        Bus *b = userdata;

        on_added(OBJECT_JOB, id, b);
        (void)sd_bus_emit_signal(b->connection, BUS_MANAGER_PATH, INTERFACE_MANAGER, "JobNew", "uo", job->id,
                                 path);
}

static void on_job_ended(Job *job, void *userdata)
{
        g_autofree char *id = g_strdup_printf("%u", job->id);
        g_autofree char *path = bus_object_path(OBJECT_JOB, id);
        Bus *b = userdata;

        (void)sd_bus_emit_signal(b->connection, BUS_MANAGER_PATH, INTERFACE_MANAGER, "JobRemoved", "uoss",
                                 job->id, path, job->subject, job_state_to_string(job->state));
        calls_job_ended(b->calls, job);
}

int bus_new(sd_bus *connection, Manager *m, Bus **ret)
{
        static const ManagerObserver observer = {on_added, on_removed, on_changed, on_job_new, on_job_ended};
        g_autoptr(Bus) b = g_new0(Bus, 1);
        int r;

        b->connection = sd_bus_ref(connection);
        b->manager = m;
        b->calls = calls_new(connection, m);
        call_set_instance(b->calls);
        r = add_objects(b);
        if (r < 0)
                return r;
        manager_observe(m, &observer, b);
        r = sd_bus_request_name(connection, BUS_NAME, 0);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&b);
        return 0;
}

Bus *bus_free(Bus *b)
{
        if (!b)
                return NULL;
        manager_observe(b->manager, NULL, NULL);
        calls_free(b->calls);
        sd_bus_unref(b->connection);
        g_free(b);
        return NULL;
}
