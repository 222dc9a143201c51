#include "database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"

struct Database {
        sqlite3 *handle;
        GHashTable *statements; /* SQL text (static) -> sqlite3_stmt * */
};

/* Each entry brings a database from its index to its index + 1. Never edit one that was shipped: add one. */
static const char *const migrations[DATABASE_VERSION] = {
        [0] = "CREATE TABLE overlay ("
              "  name TEXT PRIMARY KEY, type TEXT NOT NULL CHECK (type IN ('files')), owner TEXT NOT NULL,"
              "  is_global INTEGER NOT NULL CHECK (is_global IN (0, 1)),"
              "  current INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0, created INTEGER NOT "
              "NULL"
              ") STRICT;"
              "CREATE TABLE installation ("
              "  id INTEGER PRIMARY KEY CHECK (id = 1), branch TEXT NOT NULL,"
              "  current INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0"
              ") STRICT;"
              "INSERT INTO installation (id, branch) VALUES (1, 'public');"
              "CREATE TABLE generation ("
              "  subject TEXT NOT NULL, number INTEGER NOT NULL CHECK (number > 0), commit_id TEXT NOT NULL,"
              "  size INTEGER NOT NULL, files INTEGER NOT NULL, build_id TEXT NOT NULL, created INTEGER NOT "
              "NULL,"
              "  created_by TEXT NOT NULL, PRIMARY KEY (subject, number)"
              ") STRICT, WITHOUT ROWID;"
              "CREATE TABLE blueprint ("
              "  name TEXT PRIMARY KEY, owner TEXT NOT NULL, revision INTEGER NOT NULL,"
              "  own_of TEXT, created INTEGER NOT NULL"
              ") STRICT;"
              "CREATE TABLE blueprint_overlay ("
              "  blueprint TEXT NOT NULL REFERENCES blueprint ON DELETE CASCADE, position INTEGER NOT NULL,"
              "  overlay TEXT NOT NULL REFERENCES overlay, PRIMARY KEY (blueprint, position),"
              "  UNIQUE (blueprint, overlay)"
              ") STRICT, WITHOUT ROWID;"
              "CREATE INDEX blueprint_overlay_overlay ON blueprint_overlay (overlay);"
              "CREATE TABLE blueprint_line ("
              "  blueprint TEXT NOT NULL REFERENCES blueprint ON DELETE CASCADE,"
              "  kind TEXT NOT NULL CHECK (kind IN ('argument', 'config')), position INTEGER NOT NULL,"
              "  text TEXT NOT NULL, PRIMARY KEY (blueprint, kind, position)"
              ") STRICT, WITHOUT ROWID;"
              "CREATE TABLE server ("
              "  name TEXT PRIMARY KEY, owner TEXT NOT NULL, blueprint TEXT NOT NULL REFERENCES blueprint,"
              "  port INTEGER NOT NULL UNIQUE CHECK (port BETWEEN 1 AND 65535),"
              "  slot INTEGER NOT NULL UNIQUE CHECK (slot >= 0), rcon_password TEXT NOT NULL,"
              "  revision INTEGER NOT NULL, created INTEGER NOT NULL"
              ") STRICT;"
              "CREATE INDEX server_blueprint ON server (blueprint);"
              "CREATE TABLE job ("
              "  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL,"
              "  parameters TEXT NOT NULL, principal TEXT NOT NULL, request_id TEXT,"
              "  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),"
              "  error TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',"
              "  created INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0"
              ") STRICT;"
              "CREATE UNIQUE INDEX job_request ON job (principal, request_id) WHERE request_id IS NOT NULL;"
              "CREATE INDEX job_open ON job (id) WHERE state IN ('queued', 'running');",
};

static void statement_free(gpointer statement)
{
        (void)sqlite3_finalize(statement);
}

static bool failed(Database *db, const char *what, GError **error)
{
        g_set_error(error, L4_ERROR, L4_ERROR_FAILED, "%s: %s", what, sqlite3_errmsg(db->handle));
        return false;
}

static bool run_script(Database *db, const char *sql, GError **error)
{
        if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
                return true;
        return failed(db, "database", error);
}

static bool row_is_ok(DatabaseRow *row, void *userdata, GError **error)
{
        const char *text = database_row_text(row, 0);

        (void)userdata;
        if (g_strcmp0(text, "ok") == 0)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_FAILED, "the database is damaged: %s", text);
        return false;
}

static bool row_to_int(DatabaseRow *row, void *userdata, GError **error)
{
        (void)error;
        *(int64_t *)userdata = database_row_int(row, 0);
        return true;
}

static bool migrate(Database *db, GError **error)
{
        int64_t version = 0;

        if (!database_query(db, error, row_to_int, &version, "PRAGMA user_version", ""))
                return false;
        if (version > DATABASE_VERSION) {
                g_set_error(error, L4_ERROR, L4_ERROR_FAILED,
                            "the database has schema %" G_GINT64_FORMAT ", this left4me knows up to %d",
                            version, DATABASE_VERSION);
                return false;
        }
        for (; version < DATABASE_VERSION; version++) {
                g_autofree char *stamp = g_strdup_printf("PRAGMA user_version = %d", (int)version + 1);

                if (!database_begin(db, error))
                        return false;
                if (!run_script(db, migrations[version], error) || !run_script(db, stamp, error)) {
                        (void)database_end(db, false, NULL);
                        return false;
                }
                if (!database_end(db, true, error))
                        return false;
        }
        return true;
}

/* SQLite makes files with 0644 less the umask: make the file first, so that it is never readable by others.
 */
static bool create_private(const char *path, GError **error)
{
        cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0 || fchmod(fd, 0600) < 0) {
                l4_error_set_errno(error, L4_ERROR_FAILED, -errno, "%s", path);
                return false;
        }
        return true;
}

bool database_open(const char *path, Database **ret, GError **error)
{
        g_autoptr(Database) db = g_new0(Database, 1);

        db->statements = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, statement_free);
        if (!create_private(path, error))
                return false;
        if (sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) !=
            SQLITE_OK)
                return failed(db, path, error);
        (void)sqlite3_extended_result_codes(db->handle, 1);
        if (!run_script(
                    db,
                    "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON;"
                    "PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -128;"
                    "PRAGMA temp_store = MEMORY;",
                    error))
                return false;
        if (!database_query(db, error, row_is_ok, NULL, "PRAGMA integrity_check(1)", ""))
                return false;
        if (!migrate(db, error))
                return false;
        *ret = g_steal_pointer(&db);
        return true;
}

Database *database_close(Database *db)
{
        if (!db)
                return NULL;
        g_hash_table_unref(db->statements);
        (void)sqlite3_close(db->handle);
        g_free(db);
        return NULL;
}

bool database_begin(Database *db, GError **error)
{
        return database_run(db, error, "BEGIN IMMEDIATE", "");
}

bool database_end(Database *db, bool success, GError **error)
{
        if (success && database_run(db, error, "COMMIT", ""))
                return true;
        /* After some errors SQLite has rolled back by itself: then there is nothing left to end. */
        if (!sqlite3_get_autocommit(db->handle))
                (void)database_run(db, NULL, "ROLLBACK", "");
        return false;
}

static sqlite3_stmt *prepare(Database *db, const char *sql, GError **error)
{
        sqlite3_stmt *statement = g_hash_table_lookup(db->statements, sql);

        if (statement)
                return statement;
        if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
            SQLITE_OK) {
                failed(db, sql, error);
                return NULL;
        }
        g_hash_table_insert(db->statements, (void *)(uintptr_t)sql, statement);
        return statement;
}

static bool bind(Database *db, sqlite3_stmt *statement, const char *types, va_list ap, GError **error)
{
        for (int i = 0; types[i]; i++) {
                int r;

                switch (types[i]) {
                case 's':
                        r = sqlite3_bind_text(statement, i + 1, va_arg(ap, const char *), -1,
                                              SQLITE_TRANSIENT);
                        break;
                case 'i':
                        r = sqlite3_bind_int64(statement, i + 1, va_arg(ap, int64_t));
                        break;
                default:
                        g_assert_not_reached();
                }
                if (r != SQLITE_OK)
                        return failed(db, "database", error);
        }
        return true;
}

struct DatabaseRow {
        sqlite3_stmt *statement;
};

static bool step_all(Database *db, sqlite3_stmt *statement, DatabaseRowFunc func, void *userdata,
                     GError **error)
{
        for (;;) {
                int r = sqlite3_step(statement);
                DatabaseRow row = {statement};

                if (r == SQLITE_DONE)
                        return true;
                if (r != SQLITE_ROW)
                        return failed(db, "database", error);
                if (func && !func(&row, userdata, error))
                        return false;
        }
}

static bool run_valist(Database *db, GError **error, DatabaseRowFunc func, void *userdata, const char *sql,
                       const char *types, va_list ap)
{
        sqlite3_stmt *statement = prepare(db, sql, error);
        bool ok;

        if (!statement)
                return false;
        ok = bind(db, statement, types, ap, error) && step_all(db, statement, func, userdata, error);
        (void)sqlite3_reset(statement);
        (void)sqlite3_clear_bindings(statement);
        return ok;
}

bool database_run(Database *db, GError **error, const char *sql, const char *types, ...)
{
        va_list ap;
        bool ok;

        va_start(ap, types);
        ok = run_valist(db, error, NULL, NULL, sql, types, ap);
        va_end(ap);
        return ok;
}

bool database_query(Database *db, GError **error, DatabaseRowFunc func, void *userdata, const char *sql,
                    const char *types, ...)
{
        va_list ap;
        bool ok;

        va_start(ap, types);
        ok = run_valist(db, error, func, userdata, sql, types, ap);
        va_end(ap);
        return ok;
}

int64_t database_last_id(Database *db)
{
        return sqlite3_last_insert_rowid(db->handle);
}

int64_t database_row_int(DatabaseRow *row, int column)
{
        return sqlite3_column_int64(row->statement, column);
}

const char *database_row_text(DatabaseRow *row, int column)
{
        return (const char *)sqlite3_column_text(row->statement, column);
}
