/* Touches trash/ and what it is told to move there. Promises to remove trees of any depth, with directories
 * of any mode, with a constant number of descriptors and no recursion: each directory inside is moved up into
 * the trash itself before its parent is removed. */
#include "trash.h"

#include "base/error.h"
#include "base/fd.h"
#include "beneath.h"
#include "plan/names.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What trees of this run were called before they got their random names. */
static GHashTable *shown_names;

static bool is_ours(const char *name)
{
        return shown_names && g_hash_table_contains(shown_names, name);
}

static const char *shown_name(const char *name)
{
        const char *shown = shown_names ? g_hash_table_lookup(shown_names, name) : NULL;

        return shown ? shown : name;
}

/* A directory of ours that its mode keeps us out of: games may set any. */
static int make_accessible(int dirfd, const char *name)
{
        cleanup_close int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

        if (fd < 0)
                return -errno;
        /* fchmod() refuses O_PATH descriptors; fchmodat2() is of Linux 6.6. */
        return chmod(path, 0700) < 0 ? -errno : 0;
}

static int move(Store *s, int dirfd, const char *name, const char *shown)
{
        g_autofree char *random = g_uuid_string_random();
        int r = renameat(dirfd, name, s->trash_fd, random) < 0 ? -errno : 0;

        /* A directory that changes its parent must be writable itself. */
        if (r == -EACCES && make_accessible(dirfd, name) == 0)
                r = renameat(dirfd, name, s->trash_fd, random) < 0 ? -errno : 0;
        if (r < 0)
                return r;
        if (!shown_names)
                shown_names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        (void)g_hash_table_insert(shown_names, g_steal_pointer(&random), g_strdup(shown));
        return 0;
}

bool trash_add(Store *s, int dirfd, const char *name, const char *shown, GError **error)
{
        int r = move(s, dirfd, name, shown);

        if (r == -ENOENT)
                return true;
        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, r, "cannot remove '%s'", shown) == 0;
        if (fsync(s->trash_fd) < 0 || fsync(dirfd) < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot write to disk") == 0;
        return true;
}

static int unlink_any(int dirfd, const char *name)
{
        if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
                return 0;
        /* An empty directory goes without any right to it: overlayfs leaves a work/work of root with mode 0.
         */
        if (errno == EISDIR || errno == EPERM)
                return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
        return -errno;
}

/* Empties one directory of the trash; those inside of it become directories of the trash. */
static bool take_apart(Store *s, const char *name, GCancellable *cancel, GError **error)
{
        g_autoptr(GPtrArray) names = NULL;
        cleanup_close int fd = -EBADF;

        if (make_accessible(s->trash_fd, name) == 0)
                fd = openat(s->trash_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot remove '%s'",
                                          shown_name(name)) == 0;
        names = directory_names(fd, error);
        if (!names)
                return false;
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *shown_entry = text_for_message(names->pdata[i], strlen(names->pdata[i]));
                const char *above = shown_name(name);
                g_autofree char *shown = g_strdup_printf(
                        "%s/%s", strlen(above) > PATH_LENGTH_MAX ? "..." : above, shown_entry);
                int r = unlink_any(fd, names->pdata[i]);

                if (g_cancellable_set_error_if_cancelled(cancel, error))
                        return false;
                if (r == -ENOTEMPTY || r == -EEXIST)
                        r = move(s, fd, names->pdata[i], shown);
                if (r < 0)
                        return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, r, "cannot remove '%s'",
                                                  shown) == 0;
        }
        return true;
}

static bool remove_tree(Store *s, const char *name, GCancellable *cancel, GError **error)
{
        int r = unlink_any(s->trash_fd, name);

        if (r == 0)
                return true;
        if (!take_apart(s, name, cancel, error))
                return false;
        r = unlink_any(s->trash_fd, name);
        return r == 0 || l4_error_set_errno(error, L4_ERROR_STORE_FAILED, r, "cannot remove '%s'",
                                            shown_name(name)) == 0;
}

/* Goes through the trash once. A tree that cannot be removed keeps no other; it is an error of the run that
 * put it there, and later ones only mention it. */
static bool empty_once(Store *s, GCancellable *cancel, guint *ret_removed, GError **error)
{
        g_autoptr(GPtrArray) names = directory_names(s->trash_fd, error);

        *ret_removed = 0;
        if (!names)
                return false;
        g_clear_error(error);
        for (guint i = 0; i < names->len; i++) {
                g_autoptr(GError) failure = NULL;

                /* What another run takes apart is its own business. */
                if (!s->alone && !is_ours(names->pdata[i]))
                        continue;
                if (g_cancellable_set_error_if_cancelled(cancel, &failure)) {
                        g_clear_error(error);
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return false;
                }
                if (remove_tree(s, names->pdata[i], cancel, &failure))
                        *ret_removed += 1;
                else if (!is_ours(names->pdata[i]))
                        (void)fprintf(stderr, "trash: %s\n", failure->message);
                else if (error && !*error)
                        *error = g_steal_pointer(&failure);
        }
        return true;
}

bool trash_empty(Store *s, GCancellable *cancel, GError **error)
{
        g_autoptr(GError) failure = NULL;
        guint removed;
        bool fine;

        do
                fine = empty_once(s, cancel, &removed, &failure);
        while (fine && removed > 0);
        g_clear_pointer(&shown_names, g_hash_table_unref);
        if (!failure)
                return true;
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
}
