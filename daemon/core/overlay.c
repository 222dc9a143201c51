#include "overlay.h"

#include <string.h>

#include "base/error.h"
#include "core/blueprint.h"
#include "core/job-kinds.h"
#include "plan/names.h"

static Overlay *overlay_new(Manager *m, const char *name, const char *type, const char *owner, bool global)
{
        Overlay *o = g_new0(Overlay, 1);

        o->manager = m;
        o->name = g_strdup(name);
        o->type = g_strdup(type);
        o->owner = g_strdup(owner);
        o->global = global;
        content_init(&o->content, g_strdup_printf("overlay/%s", name));
        o->blueprints = g_hash_table_new(g_direct_hash, g_direct_equal);
        g_hash_table_insert(m->overlays, o->name, o);
        return o;
}

Overlay *overlay_free(Overlay *o)
{
        if (!o)
                return NULL;
        g_free(o->name);
        g_free(o->type);
        g_free(o->owner);
        content_clear(&o->content);
        g_hash_table_unref(o->blueprints);
        g_free(o);
        return NULL;
}

static bool load_row(DatabaseRow *row, void *userdata, GError **error)
{
        Overlay *o = overlay_new(userdata, database_row_text(row, 0), database_row_text(row, 1),
                                 database_row_text(row, 2), database_row_int(row, 3) != 0);

        (void)error;
        o->content.current = (uint32_t)database_row_int(row, 4);
        o->content.last = (uint32_t)database_row_int(row, 5);
        return true;
}

bool overlays_load(Manager *m, GError **error)
{
        GHashTableIter iter;
        gpointer o;

        if (!database_query(m->database, error, load_row, m,
                            "SELECT name, type, owner, is_global, current, last FROM overlay", ""))
                return false;
        g_hash_table_iter_init(&iter, m->overlays);
        while (g_hash_table_iter_next(&iter, NULL, &o))
                if (!content_load(&((Overlay *)o)->content, m->database, error))
                        return false;
        return true;
}

Overlay *overlay_create(Manager *m, const char *name, const char *type, const char *owner, bool global,
                        GError **error)
{
        Overlay *o;

        if (!name_check(name, "overlay", error))
                return NULL;
        if (strcmp(type, "files") != 0) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "unknown overlay type (known: files)");
                return NULL;
        }
        if (g_hash_table_contains(m->overlays, name)) {
                g_set_error(error, L4_ERROR, L4_ERROR_EXISTS, "there is an overlay '%s' already", name);
                return NULL;
        }
        if (!database_run(
                    m->database, error,
                    "INSERT INTO overlay (name, type, owner, is_global, created) VALUES (?, ?, ?, ?, ?)",
                    "sssii", name, type, owner, (int64_t)global, (int64_t)now_realtime()))
                return NULL;
        o = overlay_new(m, name, type, owner, global);
        manager_added(m, OBJECT_OVERLAY, name);
        return o;
}

static char *user_names(GHashTable *blueprints)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        GHashTableIter iter;
        gpointer b;

        g_hash_table_iter_init(&iter, blueprints);
        while (g_hash_table_iter_next(&iter, &b, NULL))
                g_ptr_array_add(names, ((Blueprint *)b)->name);
        g_ptr_array_add(names, NULL);
        return g_strjoinv(", ", (char **)names->pdata);
}

static bool delete_rows(Overlay *o, GError **error)
{
        Database *db = o->manager->database;
        bool ok;

        if (!database_begin(db, error))
                return false;
        ok = content_delete(&o->content, db, error) &&
             database_run(db, error, "DELETE FROM overlay WHERE name = ?", "s", o->name);
        return database_end(db, ok, error);
}

bool overlay_delete(Overlay *o, const char *principal, GError **error)
{
        g_autofree char *name = g_strdup(o->name);
        Manager *m = o->manager;

        if (g_hash_table_size(o->blueprints) > 0) {
                g_autofree char *users = user_names(o->blueprints);

                g_set_error(error, L4_ERROR, L4_ERROR_IN_USE, "overlay '%s' is used by: %s", o->name, users);
                return false;
        }
        if (jobs_subject_busy(m, o->content.subject)) {
                g_set_error(error, L4_ERROR, L4_ERROR_BUSY, "overlay '%s' is being changed", o->name);
                return false;
        }
        if (!delete_rows(o, error))
                return false;
        g_hash_table_remove(m->overlays, name);
        manager_removed(m, OBJECT_OVERLAY, name);
        store_prune_later(m, principal);
        return true;
}

const char *overlay_state(const Overlay *o)
{
        if (jobs_subject_busy(o->manager, o->content.subject))
                return "changing";
        return o->content.current ? "ready" : "empty";
}

bool overlay_is_usable_by(const Overlay *o, const char *principal)
{
        return o->global || strcmp(o->owner, principal) == 0;
}
