#include "installation.h"

#include "core/job.h"

Installation *installation_new(Manager *m)
{
        Installation *i = g_new0(Installation, 1);

        i->manager = m;
        i->branch = g_strdup("public");
        content_init(&i->content, g_strdup("installation"));
        return i;
}

Installation *installation_free(Installation *i)
{
        if (!i)
                return NULL;
        g_free(i->branch);
        content_clear(&i->content);
        g_free(i);
        return NULL;
}

static bool load_row(DatabaseRow *row, void *userdata, GError **error)
{
        Installation *i = userdata;

        (void)error;
        g_free(i->branch);
        i->branch = g_strdup(database_row_text(row, 0));
        i->content.current = (uint32_t)database_row_int(row, 1);
        i->content.last = (uint32_t)database_row_int(row, 2);
        return true;
}

bool installation_load(Installation *i, GError **error)
{
        return database_query(i->manager->database, error, load_row, i,
                              "SELECT branch, current, last FROM installation", "") &&
               content_load(&i->content, i->manager->database, error);
}

const char *installation_state(const Installation *i)
{
        if (jobs_subject_busy(i->manager, i->content.subject))
                return "changing";
        return i->content.current ? "ready" : "empty";
}
