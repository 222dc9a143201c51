#include "blueprint.h"

#include <string.h>

#include "base/error.h"
#include "core/overlay.h"
#include "core/server.h"
#include "plan/names.h"

static Blueprint *blueprint_new(Manager *m, const char *name, const char *owner, const char *own_of)
{
        Blueprint *b = g_new0(Blueprint, 1);

        b->manager = m;
        b->name = g_strdup(name);
        b->owner = g_strdup(owner);
        b->own_of = g_strdup(own_of);
        b->revision = 1;
        b->definition = definition_new();
        b->servers = g_hash_table_new(g_direct_hash, g_direct_equal);
        g_hash_table_insert(m->blueprints, b->name, b);
        return b;
}

Blueprint *blueprint_free(Blueprint *b)
{
        if (!b)
                return NULL;
        g_free(b->name);
        g_free(b->owner);
        g_free(b->own_of);
        definition_free(b->definition);
        g_hash_table_unref(b->servers);
        g_free(b);
        return NULL;
}

/* Keeps Overlay.blueprints in step with the definition. */
static void link_overlays(Blueprint *b, bool linked)
{
        for (char **name = b->definition->overlays; *name; name++) {
                Overlay *o = g_hash_table_lookup(b->manager->overlays, *name);

                if (!o)
                        continue;
                if (linked)
                        g_hash_table_add(o->blueprints, b);
                else
                        g_hash_table_remove(o->blueprints, b);
                manager_changed(b->manager, OBJECT_OVERLAY, o->name, "UsedBy", NULL);
        }
}

static void set_definition(Blueprint *b, const Definition *d)
{
        link_overlays(b, false);
        definition_free(b->definition);
        b->definition = definition_copy(d);
        link_overlays(b, true);
}

static bool load_row(DatabaseRow *row, void *userdata, GError **error)
{
        Blueprint *b = blueprint_new(userdata, database_row_text(row, 0), database_row_text(row, 1),
                                     database_row_text(row, 2));

        (void)error;
        b->revision = (uint32_t)database_row_int(row, 3);
        return true;
}

static bool append_row(DatabaseRow *row, void *userdata, GError **error)
{
        (void)error;
        g_ptr_array_add(userdata, g_strdup(database_row_text(row, 0)));
        return true;
}

static bool load_list(Blueprint *b, char ***list, const char *sql, const char *kind, GError **error)
{
        GPtrArray *items = g_ptr_array_new();
        bool ok = database_query(b->manager->database, error, append_row, items, sql, kind ? "ss" : "s",
                                 b->name, kind);

        g_ptr_array_add(items, NULL);
        g_strfreev(*list);
        *list = (char **)g_ptr_array_free(items, FALSE);
        return ok;
}

static bool load_definition(Blueprint *b, GError **error)
{
        static const char lines[] =
                "SELECT text FROM blueprint_line WHERE blueprint = ? AND kind = ? ORDER BY position";

        if (!load_list(b, &b->definition->overlays,
                       "SELECT overlay FROM blueprint_overlay WHERE blueprint = ? ORDER BY position", NULL,
                       error) ||
            !load_list(b, &b->definition->arguments, lines, "argument", error) ||
            !load_list(b, &b->definition->config, lines, "config", error))
                return false;
        link_overlays(b, true);
        return true;
}

bool blueprints_load(Manager *m, GError **error)
{
        GHashTableIter iter;
        gpointer b;

        if (!database_query(m->database, error, load_row, m,
                            "SELECT name, owner, own_of, revision FROM blueprint", ""))
                return false;
        g_hash_table_iter_init(&iter, m->blueprints);
        while (g_hash_table_iter_next(&iter, NULL, &b))
                if (!load_definition(b, error))
                        return false;
        return true;
}

bool blueprint_check(Manager *m, const Definition *d, GError **error)
{
        if (!definition_check(d, error))
                return false;
        for (char **name = d->overlays; *name; name++)
                if (!manager_overlay(m, *name, error))
                        return false;
        return true;
}

static bool insert_lines(Database *db, const char *name, const char *kind, char **lines, GError **error)
{
        for (int64_t i = 0; lines[i]; i++)
                if (!database_run(db, error,
                                  "INSERT INTO blueprint_line (blueprint, kind, position, text) VALUES (?, "
                                  "?, ?, ?)",
                                  "ssis", name, kind, i, lines[i]))
                        return false;
        return true;
}

static bool insert_definition(Database *db, const char *name, const Definition *d, GError **error)
{
        for (int64_t i = 0; d->overlays[i]; i++)
                if (!database_run(
                            db, error,
                            "INSERT INTO blueprint_overlay (blueprint, position, overlay) VALUES (?, ?, ?)",
                            "sis", name, i, d->overlays[i]))
                        return false;
        return insert_lines(db, name, "argument", d->arguments, error) &&
               insert_lines(db, name, "config", d->config, error);
}

bool blueprint_insert(Manager *m, const char *name, const char *owner, const char *own_of,
                      const Definition *d, GError **error)
{
        return database_run(m->database, error,
                            "INSERT INTO blueprint (name, owner, own_of, revision, created) VALUES (?, ?, ?, "
                            "1, ?)",
                            "sssi", name, owner, own_of, (int64_t)now_realtime()) &&
               insert_definition(m->database, name, d, error);
}

bool blueprint_rewrite(Blueprint *b, const Definition *d, GError **error)
{
        Database *db = b->manager->database;

        return database_run(db, error, "DELETE FROM blueprint_overlay WHERE blueprint = ?", "s", b->name) &&
               database_run(db, error, "DELETE FROM blueprint_line WHERE blueprint = ?", "s", b->name) &&
               database_run(db, error, "UPDATE blueprint SET revision = revision + 1 WHERE name = ?", "s",
                            b->name) &&
               insert_definition(db, b->name, d, error);
}

bool blueprint_remove(Blueprint *b, GError **error)
{
        return database_run(b->manager->database, error, "DELETE FROM blueprint WHERE name = ?", "s",
                            b->name);
}

Blueprint *blueprint_inserted(Manager *m, const char *name, const char *owner, const char *own_of,
                              const Definition *d)
{
        Blueprint *b = blueprint_new(m, name, owner, own_of);

        set_definition(b, d);
        manager_added(m, OBJECT_BLUEPRINT, b->name);
        return b;
}

void blueprint_rewritten(Blueprint *b, const Definition *d)
{
        b->revision++;
        set_definition(b, d);
        manager_changed(b->manager, OBJECT_BLUEPRINT, b->name, "Overlays", "Revision", NULL);
}

void blueprint_removed(Blueprint *b)
{
        g_autofree char *name = g_strdup(b->name);
        Manager *m = b->manager;

        link_overlays(b, false);
        g_hash_table_remove(m->blueprints, name);
        manager_removed(m, OBJECT_BLUEPRINT, name);
}

Blueprint *blueprint_create(Manager *m, const char *name, const char *owner, const Definition *d,
                            GError **error)
{
        if (!name_check(name, "blueprint", error))
                return NULL;
        if (g_hash_table_contains(m->blueprints, name)) {
                g_set_error(error, L4_ERROR, L4_ERROR_EXISTS, "there is a blueprint '%s' already", name);
                return NULL;
        }
        if (!database_begin(m->database, error) ||
            !database_end(m->database, blueprint_insert(m, name, owner, NULL, d, error), error))
                return NULL;
        return blueprint_inserted(m, name, owner, NULL, d);
}

bool blueprint_update(Blueprint *b, const Definition *d, GError **error)
{
        Database *db = b->manager->database;
        bool ok;

        if (!database_begin(db, error))
                return false;
        ok = blueprint_rewrite(b, d, error) && servers_touch(b->manager, b->servers, error);
        if (!database_end(db, ok, error))
                return false;
        blueprint_rewritten(b, d);
        servers_touched(b->servers);
        return true;
}

static char *server_names(GHashTable *servers)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        GHashTableIter iter;
        gpointer s;

        g_hash_table_iter_init(&iter, servers);
        while (g_hash_table_iter_next(&iter, &s, NULL))
                g_ptr_array_add(names, ((Server *)s)->name);
        g_ptr_array_add(names, NULL);
        return g_strjoinv(", ", (char **)names->pdata);
}

bool blueprint_delete(Blueprint *b, GError **error)
{
        if (g_hash_table_size(b->servers) > 0) {
                g_autofree char *users = server_names(b->servers);

                g_set_error(error, L4_ERROR, L4_ERROR_IN_USE, "blueprint '%s' is used by: %s", b->name,
                            users);
                return false;
        }
        if (!blueprint_remove(b, error))
                return false;
        blueprint_removed(b);
        return true;
}
