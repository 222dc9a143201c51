#include "content.h"

#include <string.h>

Generation *generation_free(Generation *g)
{
        if (!g)
                return NULL;
        g_free(g->commit);
        g_free(g->build_id);
        g_free(g->created_by);
        g_free(g);
        return NULL;
}

static void free_generation(gpointer g)
{
        generation_free(g);
}

void content_init(Content *c, char *subject)
{
        *c = (Content){.subject = subject, .generations = g_ptr_array_new_with_free_func(free_generation)};
}

void content_clear(Content *c)
{
        g_free(c->subject);
        g_ptr_array_unref(c->generations);
}

static bool load_row(DatabaseRow *row, void *userdata, GError **error)
{
        Content *c = userdata;
        Generation *g = g_new0(Generation, 1);

        (void)error;
        g->number = (uint32_t)database_row_int(row, 0);
        g->commit = g_strdup(database_row_text(row, 1));
        g->size = (uint64_t)database_row_int(row, 2);
        g->files = (uint32_t)database_row_int(row, 3);
        g->build_id = g_strdup(database_row_text(row, 4));
        g->created = (uint64_t)database_row_int(row, 5);
        g->created_by = g_strdup(database_row_text(row, 6));
        g_ptr_array_add(c->generations, g);
        return true;
}

bool content_load(Content *c, Database *db, GError **error)
{
        return database_query(
                db, error, load_row, c,
                "SELECT number, commit_id, size, files, build_id, created, created_by FROM generation"
                " WHERE subject = ? ORDER BY number",
                "s", c->subject);
}

const Generation *content_find(const Content *c, uint32_t number)
{
        for (guint i = 0; i < c->generations->len; i++) {
                const Generation *g = g_ptr_array_index(c->generations, i);

                if (g->number == number)
                        return g;
        }
        return NULL;
}

const Generation *content_current(const Content *c)
{
        return c->current ? content_find(c, c->current) : NULL;
}

char *content_ref(const Content *c, uint32_t number)
{
        return g_strdup_printf("%s/%u", c->subject, number);
}

static bool is_overlay(const Content *c)
{
        return g_str_has_prefix(c->subject, "overlay/");
}

static bool write_pointers(Content *c, Database *db, uint32_t current, uint32_t last, GError **error)
{
        if (is_overlay(c))
                return database_run(db, error, "UPDATE overlay SET current = ?, last = ? WHERE name = ?",
                                    "iis", (int64_t)current, (int64_t)last, strchr(c->subject, '/') + 1);
        return database_run(db, error, "UPDATE installation SET current = ?, last = ?", "ii",
                            (int64_t)current, (int64_t)last);
}

/* Of the generations before the one that is added, the newest keep - 1 stay. */
static guint count_expired(const Content *c, unsigned keep)
{
        return c->generations->len >= keep ? c->generations->len - (keep - 1) : 0;
}

bool content_add(Content *c, Database *db, const Generation *g, unsigned keep, GError **error)
{
        guint expired = count_expired(c, keep);

        if (!database_run(
                    db, error,
                    "INSERT INTO generation (subject, number, commit_id, size, files, build_id, created,"
                    " created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    "sisiisis", c->subject, (int64_t)g->number, g->commit, (int64_t)g->size,
                    (int64_t)g->files, g->build_id, (int64_t)g->created, g->created_by))
                return false;
        for (guint i = 0; i < expired; i++) {
                const Generation *old = g_ptr_array_index(c->generations, i);

                if (!database_run(db, error, "DELETE FROM generation WHERE subject = ? AND number = ?", "si",
                                  c->subject, (int64_t)old->number))
                        return false;
        }
        return write_pointers(c, db, g->number, g->number, error);
}

void content_added(Content *c, Generation *g, unsigned keep)
{
        guint expired = count_expired(c, keep);

        if (expired > 0)
                g_ptr_array_remove_range(c->generations, 0, expired);
        c->current = c->last = g->number;
        g_ptr_array_add(c->generations, g);
}

bool content_set_current(Content *c, Database *db, uint32_t number, GError **error)
{
        return write_pointers(c, db, number, c->last, error);
}

bool content_delete(Content *c, Database *db, GError **error)
{
        return database_run(db, error, "DELETE FROM generation WHERE subject = ?", "s", c->subject);
}
