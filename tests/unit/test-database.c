/* The database: what is shipped once stays readable, what is damaged or newer is refused, and a transaction
 * is all or nothing. Files in a temporary folder. */
#include "host/database.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

typedef struct Fixture {
        char *folder, *path;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        (void)data;
        f->folder = g_dir_make_tmp("test-database-XXXXXX", NULL);
        g_assert_nonnull(f->folder);
        f->path = g_build_filename(f->folder, "manager.db", NULL);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        (void)data;
        (void)g_unlink(f->path);
        g_assert_cmpint(g_rmdir(f->folder), ==, 0); /* nothing but the database was left there */
        g_free(f->folder);
        g_free(f->path);
}

static Database *open_ok(const Fixture *f)
{
        g_autoptr(GError) error = NULL;
        Database *db = NULL;

        g_assert_true(database_open(f->path, &db, &error));
        g_assert_no_error(error);
        return db;
}

/* Returns why it was refused. */
static char *open_refused(const Fixture *f)
{
        g_autoptr(GError) error = NULL;
        Database *db = NULL;

        g_assert_false(database_open(f->path, &db, &error));
        g_assert_null(db);
        g_assert_error(error, L4_ERROR, L4_ERROR_FAILED);
        return g_strdup(error->message);
}

static void raw(const Fixture *f, const char *sql)
{
        sqlite3 *handle = NULL;
        char *message = NULL;

        g_assert_cmpint(sqlite3_open(f->path, &handle), ==, SQLITE_OK);
        (void)sqlite3_exec(handle, sql, NULL, NULL, &message);
        g_assert_cmpstr(message, ==, NULL);
        g_assert_cmpint(sqlite3_close(handle), ==, SQLITE_OK);
}

static bool add_text(DatabaseRow *row, void *userdata, GError **error)
{
        (void)error;
        g_ptr_array_add(userdata, g_strdup(database_row_text(row, 0)));
        return true;
}

static GPtrArray *texts(Database *db, const char *sql)
{
        GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;

        g_assert_true(database_query(db, &error, add_text, found, sql, ""));
        g_assert_no_error(error);
        return found;
}

static char *text(Database *db, const char *sql)
{
        g_autoptr(GPtrArray) found = texts(db, sql);

        g_assert_cmpuint(found->len, ==, 1);
        return g_strdup(g_ptr_array_index(found, 0));
}

#define assert_text(db, sql, expected)                                                                       \
        do {                                                                                                 \
                g_autofree char *value = text(db, sql);                                                      \
                g_assert_cmpstr(value, ==, expected);                                                        \
        } while (0)

/* A statement without the white space that means nothing. */
static char *squeeze(const char *sql)
{
        GString *out = g_string_new(NULL);

        for (const char *p = sql; *p; p++) {
                if (!g_ascii_isspace(*p))
                        g_string_append_c(out, *p);
                else if (out->len > 0 &&
                         (g_ascii_isalnum(out->str[out->len - 1]) || out->str[out->len - 1] == '_') &&
                         (g_ascii_isalnum(p[1]) || p[1] == '_'))
                        g_string_append_c(out, ' ');
        }
        return g_string_free(out, FALSE);
}

static char *schema(Database *db)
{
        g_autoptr(GPtrArray) found =
                texts(db, "SELECT type || ' ' || name || ': ' || sql FROM sqlite_master WHERE sql IS NOT NULL"
                          " AND name NOT LIKE 'sqlite_%' ORDER BY type, name");
        GString *all = g_string_new(NULL);

        for (guint i = 0; i < found->len; i++) {
                g_autofree char *one = squeeze(g_ptr_array_index(found, i));

                g_string_append_printf(all, "%s\n", one);
        }
        return g_string_free(all, FALSE);
}

static void load_first_schema(const Fixture *f)
{
        g_autofree char *path = g_build_filename(g_getenv("FIXTURES"), "schema-1.sql", NULL);
        g_autofree char *sql = NULL;

        g_assert_true(g_file_get_contents(path, &sql, NULL, NULL));
        raw(f, sql);
}

static void test_fresh(Fixture *f, gconstpointer data)
{
        g_autoptr(Database) db = open_ok(f);
        g_autofree char *version = g_strdup_printf("%d", DATABASE_VERSION);
        struct stat st;

        (void)data;
        g_assert_cmpint(stat(f->path, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
        assert_text(db, "PRAGMA user_version", version);
        assert_text(db, "SELECT branch FROM installation", "public");
        assert_text(db, "PRAGMA journal_mode", "delete");
        assert_text(db, "PRAGMA synchronous", "3"); /* EXTRA */
        assert_text(db, "PRAGMA foreign_keys", "1");
}

/* While there is one schema, the fixture is what this build makes: it was not edited after it was shipped. */
static void test_first_schema_is_still_what_was_shipped(Fixture *f, gconstpointer data)
{
        g_autofree char *fresh = NULL, *shipped = NULL;
        g_autoptr(Database) db = open_ok(f);

        (void)data;
        G_STATIC_ASSERT(DATABASE_VERSION ==
                        1); /* a second one has a fixture of its own to be compared with */
        fresh = schema(db);
        db = database_close(db);
        g_assert_cmpint(g_unlink(f->path), ==, 0);
        load_first_schema(f);
        db = open_ok(f);
        shipped = schema(db);
        g_assert_cmpstr(fresh, ==, shipped);
}

static void test_first_schema_opens_with_all_it_has(Fixture *f, gconstpointer data)
{
        static const char *const tables[] = {"blueprint",  "blueprint_line", "blueprint_overlay",
                                             "generation", "installation",   "job",
                                             "overlay",    "server"};
        g_autofree char *version = g_strdup_printf("%d", DATABASE_VERSION);
        g_autoptr(GPtrArray) made = NULL;
        g_autoptr(Database) db = NULL;

        (void)data;
        load_first_schema(f);
        db = open_ok(f);
        assert_text(db, "PRAGMA user_version", version);
        for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
                g_autofree char *sql = g_strdup_printf("SELECT count(*) > 0 FROM %s", tables[i]);
                g_autofree char *filled = text(db, sql);

                g_assert_cmpstr(filled, ==, "1");
        }
        assert_text(db, "SELECT rcon_password FROM server WHERE name = 'alpha'", "waq3w4g93un3xw7i");
        assert_text(db,
                    "SELECT text FROM blueprint_line WHERE blueprint = 'duel' AND kind = 'config' AND "
                    "position = 1",
                    "hostname \"It's Alpha\"");
        assert_text(db, "SELECT count(*) FROM pragma_foreign_key_check", "0");
}

static void test_newer_is_refused_and_left_alone(Fixture *f, gconstpointer data)
{
        g_autofree char *before = NULL, *after = NULL, *why = NULL;
        gsize n_before = 0, n_after = 0;

        (void)data;
        raw(f, "CREATE TABLE future (x); PRAGMA user_version = 1000;");
        g_assert_true(g_file_get_contents(f->path, &before, &n_before, NULL));
        why = open_refused(f);
        g_assert_nonnull(strstr(why, "1000"));
        g_assert_true(g_file_get_contents(f->path, &after, &n_after, NULL));
        g_assert_cmpmem(before, n_before, after, n_after);
}

static void test_what_is_no_database_is_refused(Fixture *f, gconstpointer data)
{
        g_autofree char *garbage = g_malloc(8192), *why = NULL;

        (void)data;
        memset(garbage, 'x', 8192);
        g_assert_true(g_file_set_contents(f->path, garbage, 8192, NULL));
        why = open_refused(f);
        g_assert_nonnull(strstr(why, "not a database"));
}

/* A page in the middle that says something else than its checksum-less neighbours expect. */
static void test_damage_is_found(Fixture *f, gconstpointer data)
{
        g_autofree char *content = NULL, *why = NULL;
        g_autoptr(Database) db = open_ok(f);
        gsize size = 0;

        (void)data;
        db = database_close(db);
        g_assert_true(g_file_get_contents(f->path, &content, &size, NULL));
        g_assert_cmpuint(size, >, 3 * 4096);
        memset(content + 2 * 4096, 0xa5, 4096);
        g_assert_true(g_file_set_contents(f->path, content, (gssize)size, NULL));
        why = open_refused(f);
        g_assert_nonnull(strstr(why, "damaged"));
}

static void test_a_link_is_refused(Fixture *f, gconstpointer data)
{
        g_autofree char *target = g_build_filename(f->folder, "target", NULL), *why = NULL;

        (void)data;
        g_assert_true(g_file_set_contents(target, "", 0, NULL));
        g_assert_cmpint(symlink(target, f->path), ==, 0);
        why = open_refused(f);
        g_assert_nonnull(strstr(why, f->path));
        g_assert_cmpint(g_unlink(target), ==, 0);
}

static void test_two_managers_do_not_share(Fixture *f, gconstpointer data)
{
        g_autoptr(Database) db = open_ok(f);
        g_autofree char *why = NULL;

        (void)data;
        why = open_refused(f);
        g_assert_nonnull(strstr(why, "locked"));
        assert_text(db, "SELECT branch FROM installation", "public");
}

static bool add_overlay(Database *db, const char *name, GError **error)
{
        return database_run(
                db, error,
                "INSERT INTO overlay (name, type, owner, is_global, created) VALUES (?, 'files', ?, ?, ?)",
                "ssii", name, "unix:0", (int64_t)0, (int64_t)1);
}

static void test_a_transaction_is_all_or_nothing(Fixture *f, gconstpointer data)
{
        g_autoptr(Database) db = open_ok(f);
        g_autoptr(GError) error = NULL;

        (void)data;
        g_assert_true(database_begin(db, NULL));
        g_assert_true(add_overlay(db, "first", NULL));
        g_assert_false(add_overlay(db, "first", &error));
        g_assert_error(error, L4_ERROR, L4_ERROR_FAILED);
        g_assert_false(database_end(db, false, NULL));
        assert_text(db, "SELECT count(*) FROM overlay", "0");

        g_assert_true(database_begin(db, NULL));
        g_assert_true(add_overlay(db, "second", NULL));
        g_assert_true(database_end(db, true, NULL));
        db = database_close(db);
        db = open_ok(f);
        assert_text(db, "SELECT name FROM overlay", "second");
}

static void test_references_hold(Fixture *f, gconstpointer data)
{
        g_autoptr(Database) db = NULL;
        g_autoptr(GError) error = NULL;

        (void)data;
        load_first_schema(f);
        db = open_ok(f);
        g_assert_false(database_run(db, &error, "DELETE FROM overlay WHERE name = ?", "s", "maps"));
        g_assert_error(error, L4_ERROR, L4_ERROR_FAILED);
        g_assert_false(database_run(db, NULL, "DELETE FROM blueprint WHERE name = ?", "s", "coop"));
        g_assert_true(database_run(db, NULL, "DELETE FROM blueprint WHERE name = ?", "s", "duel"));
        assert_text(db, "SELECT count(*) FROM blueprint_line WHERE blueprint = 'duel'", "0");
}

static void test_values_are_never_sql(Fixture *f, gconstpointer data)
{
        static const char nasty[] = "x'); DROP TABLE overlay; --";
        g_autoptr(Database) db = open_ok(f);

        (void)data;
        g_assert_true(add_overlay(db, nasty, NULL));
        assert_text(db, "SELECT name FROM overlay", nasty);
        g_assert_true(database_run(
                db, NULL,
                "INSERT INTO blueprint (name, owner, own_of, revision, created) VALUES (?, ?, ?, 1, 1)",
                "sss", "b", "unix:0", NULL));
        assert_text(db, "SELECT own_of IS NULL FROM blueprint", "1");
}

static bool stop(DatabaseRow *row, void *userdata, GError **error)
{
        (void)row;
        ++*(int *)userdata;
        g_set_error(error, L4_ERROR, L4_ERROR_BUSY, "enough");
        return false;
}

static void test_a_row_can_stop_the_query(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Database) db = NULL;
        int calls = 0;

        (void)data;
        load_first_schema(f);
        db = open_ok(f);
        g_assert_false(database_query(db, &error, stop, &calls, "SELECT id FROM job", ""));
        g_assert_error(error, L4_ERROR, L4_ERROR_BUSY);
        g_assert_cmpint(calls, ==, 1);
        /* The statement is free again. */
        g_assert_true(database_run(db, NULL, "DELETE FROM job", ""));
        g_assert_true(database_run(db, NULL,
                                   "INSERT INTO job (kind, subject, parameters, principal, state, created)"
                                   " VALUES ('verify', 'store', '{}', 'unix:0', 'queued', 1)",
                                   ""));
        g_assert_cmpint(database_last_id(db), ==, 6); /* ids are never given twice */
}

#define ADD(name, function) g_test_add("/database/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        ADD("fresh", test_fresh);
        ADD("first-schema-unchanged", test_first_schema_is_still_what_was_shipped);
        ADD("first-schema-opens", test_first_schema_opens_with_all_it_has);
        ADD("newer", test_newer_is_refused_and_left_alone);
        ADD("no-database", test_what_is_no_database_is_refused);
        ADD("damage", test_damage_is_found);
        ADD("link", test_a_link_is_refused);
        ADD("locked", test_two_managers_do_not_share);
        ADD("transaction", test_a_transaction_is_all_or_nothing);
        ADD("references", test_references_hold);
        ADD("values", test_values_are_never_sql);
        ADD("stop", test_a_row_can_stop_the_query);
        return g_test_run();
}
