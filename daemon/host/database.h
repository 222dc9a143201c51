/* The manager's one SQLite connection: opening, integrity check, numbered migrations, transactions,
 * statements. What the tables mean is said by the core file that owns each. Touches the database file only.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Database Database;
typedef struct DatabaseRow DatabaseRow; /* valid during one DatabaseRowFunc */

/* Version of the schema this build writes (PRAGMA user_version). */
#define DATABASE_VERSION 1

/* Opens or creates, with rollback journal and synchronous=EXTRA: what was committed survives a power cut.
 * Refuses a damaged file, and one written by a newer left4me. L4_ERROR_FAILED. */
bool database_open(const char *path, Database **ret, GError **error);
Database *database_close(Database *db); /* takes NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Database, database_close)

/* Transactions do not nest. database_end commits with success and rolls back without; when the commit itself
 * fails it rolls back, sets error and returns false. */
bool database_begin(Database *db, GError **error);
bool database_end(Database *db, bool success, GError **error);

/* Runs one statement. types names each argument: 's' const char * (NULL is SQL NULL), 'i' int64_t. */
bool database_run(Database *db, GError **error, const char *sql, const char *types, ...);
int64_t database_last_id(Database *db);

/* Calls func for every row; it returns false, with error set, to stop. */
typedef bool (*DatabaseRowFunc)(DatabaseRow *row, void *userdata, GError **error);
bool database_query(Database *db, GError **error, DatabaseRowFunc func, void *userdata, const char *sql,
                    const char *types, ...);
int64_t database_row_int(DatabaseRow *row, int column);
const char *database_row_text(DatabaseRow *row, int column); /* NULL for SQL NULL */
