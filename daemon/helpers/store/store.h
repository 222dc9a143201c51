/* The store's directories and its repository, held open and locked for one run, beside others or alone. */
#pragma once

#include <gio/gio.h>
#include <ostree.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define STORE_IMPORT_DIR                                                                                     \
        "/run/left4me-import" /* where a unit binds a directory of the administrator's choice */

typedef struct Store {
        int state_fd;
        int repo_fd; /* carries the lock */
        int trash_fd;
        int checkouts_fd;
        bool alone; /* no other run is at work: what lies about is nobody's */
        OstreeRepo *repo;
        GCancellable *cancel;
} Store;

/* Waits for the lock, makes the repository on its first use, and, if no other run is at work, removes what an
 * earlier one left half done. alone: nobody else is at work until this run ends. */
bool store_open(GCancellable *cancel, bool alone, Store **ret, GError **error);
/* Whether no other run is at work, nor begins. For the failed end of a run, since asking may cost it the
 * lock: it may only take back after this what nobody else can be using. */
bool store_become_alone(Store *s);
/* Undoes what this run began and had not committed. For the failed end of a run. */
void store_abort(Store *s);
/* Takes NULL, returns NULL. */
Store *store_free(Store *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

/* L4_ERROR_NO_SUCH_GENERATION if the commit is not in the store. */
bool store_check_commit(Store *s, const char *commit, GError **error);
/* A directory at the top of a commit's tree, as a DIR_TREE object. */
bool store_commit_root(Store *s, const char *commit, char **ret_dirtree, GError **error);
/* lstat() of a file object; 0 or negative errno. Objects of an open transaction are not seen. */
int store_stat_object(Store *s, const char *checksum, struct stat *ret);
/* Ends the directory's own changes on disk. */
bool store_sync(int dirfd, GError **error);
