/* Opens what the other modules work on. Touches the repository's own housekeeping (creation, tmp/) and, on
 * entry, the trash and half-made checkouts; promises that what it hands out is locked, and clean unless other
 * runs are at work: their temporary files look like those of a run that was killed. */
#include "store.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/layout.h"
#include "beneath.h"
#include "cancel.h"
#include "checkout.h"
#include "output.h"
#include "trash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ostree's staging directories and temporary files. Nobody else can be using them: we are alone. */
static bool remove_transactions(Store *s, GError **error)
{
        g_autoptr(GPtrArray) names = NULL;
        cleanup_close int fd = openat(s->repo_fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ||
                       l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot open repo/tmp") == 0;
        names = directory_names(fd, error);
        if (!names)
                return false;
        for (guint i = 0; i < names->len; i++)
                if (strcmp(names->pdata[i], "cache") != 0 &&
                    !trash_add(s, fd, names->pdata[i], names->pdata[i], error))
                        return false;
        return true;
}

static void sweep(Store *s)
{
        g_autoptr(GError) error = NULL;

        if (remove_transactions(s, &error) && checkout_remove_unfinished(s, &error) &&
            trash_empty(s, NULL, &error))
                return;
        /* Not a reason to refuse work: what stays is named by the run that put it there, and in the journal.
         */
        (void)fprintf(stderr, "cannot clean up: %s\n", error->message);
}

static bool wait_for_lock(Store *s, int operation, GError **error)
{
        int r;

        output_status("Waiting for another run");
        cancel_ends_at_once(true);
        if (g_cancellable_set_error_if_cancelled(s->cancel, error))
                return false;
        r = flock(s->repo_fd, operation) < 0 ? -errno : 0;
        cancel_ends_at_once(false);
        if (r < 0)
                (void)l4_error_set_errno(error, L4_ERROR_STORE_FAILED, r, "cannot lock the repository");
        return r == 0;
}

bool store_become_alone(Store *s)
{
        s->alone = s->alone || flock(s->repo_fd, LOCK_EX | LOCK_NB) == 0;
        return s->alone;
}

/* Going from the exclusive lock to the shared one others may come in between: nothing is begun yet. */
static bool lock(Store *s, bool alone, GError **error)
{
        if (!store_become_alone(s)) {
                if (!wait_for_lock(s, alone ? LOCK_EX : LOCK_SH, error))
                        return false;
                s->alone = alone;
        }
        if (!s->alone)
                return true;
        sweep(s);
        s->alone = alone;
        return alone || wait_for_lock(s, LOCK_SH, error);
}

static bool open_directories(Store *s, GError **error)
{
        struct {
                const char *path;
                int *fd;
        } directories[] = {
                {L4_REPO, &s->repo_fd},
                {L4_TRASH, &s->trash_fd},
                {L4_CHECKOUTS, &s->checkouts_fd},
        };

        s->state_fd = open(L4_STATE_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (s->state_fd < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot open %s",
                                          L4_STATE_DIR) == 0;
        for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
                *directories[i].fd = open_beneath(s->state_fd, directories[i].path, O_RDONLY | O_DIRECTORY);
                if (*directories[i].fd < 0)
                        return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, *directories[i].fd,
                                                  "cannot open %s/%s", L4_STATE_DIR,
                                                  directories[i].path) == 0;
        }
        return true;
}

/* Two runs may do this at once: ostree makes what is missing, "objects" last. */
static bool open_repo(Store *s, GError **error)
{
        bool made = faccessat(s->repo_fd, "objects", F_OK, AT_SYMLINK_NOFOLLOW) == 0;

        if (made)
                s->repo = ostree_repo_open_at(s->repo_fd, ".", s->cancel, error);
        else
                s->repo = ostree_repo_create_at(s->repo_fd, ".", OSTREE_REPO_MODE_BARE_USER_ONLY, NULL,
                                                s->cancel, error);
        if (!s->repo || (!made && !store_sync(s->repo_fd, error))) {
                g_prefix_error(error, "cannot open the repository: ");
                return false;
        }
        if (ostree_repo_get_mode(s->repo) == OSTREE_REPO_MODE_BARE_USER_ONLY)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_STORE_FAILED, "the repository is not of mode bare-user-only");
        return false;
}

bool store_open(GCancellable *cancel, bool alone, Store **ret, GError **error)
{
        g_autoptr(Store) s = g_new(Store, 1);

        *s = (Store){.state_fd = -EBADF,
                     .repo_fd = -EBADF,
                     .trash_fd = -EBADF,
                     .checkouts_fd = -EBADF,
                     .cancel = g_object_ref(cancel)};
        if (!open_directories(s, error) || !lock(s, alone, error) || !open_repo(s, error))
                return false;
        *ret = g_steal_pointer(&s);
        return true;
}

void store_abort(Store *s)
{
        g_autoptr(GError) error = NULL;

        /* Without the cancellable: it may be what ended the run. */
        if (!ostree_repo_abort_transaction(s->repo, NULL, &error))
                (void)fprintf(stderr, "cannot abort the transaction: %s\n", error->message);
        if (store_become_alone(s))
                sweep(s);
}

Store *store_free(Store *s)
{
        if (!s)
                return NULL;
        g_clear_object(&s->repo);
        g_clear_object(&s->cancel);
        fd_closep(&s->checkouts_fd);
        fd_closep(&s->trash_fd);
        fd_closep(&s->repo_fd);
        fd_closep(&s->state_fd);
        g_free(s);
        return NULL;
}

bool store_check_commit(Store *s, const char *commit, GError **error)
{
        gboolean have = FALSE;

        if (!ostree_repo_has_object(s->repo, OSTREE_OBJECT_TYPE_COMMIT, commit, &have, s->cancel, error))
                return false;
        if (!have)
                g_set_error(error, L4_ERROR, L4_ERROR_NO_SUCH_GENERATION, "commit %s is not in the store",
                            commit);
        return have;
}

bool store_commit_root(Store *s, const char *commit, char **ret_dirtree, GError **error)
{
        g_autoptr(GVariant) variant = NULL;
        g_autoptr(GVariant) root = NULL;

        if (!store_check_commit(s, commit, error) ||
            !ostree_repo_load_variant(s->repo, OSTREE_OBJECT_TYPE_COMMIT, commit, &variant, error))
                return false;
        root = g_variant_get_child_value(variant, 6); /* OSTREE_COMMIT_GVARIANT_FORMAT: the root's contents */
        *ret_dirtree = ostree_checksum_from_bytes_v(root);
        return true;
}

int store_stat_object(Store *s, const char *checksum, struct stat *ret)
{
        g_autofree char *path = g_strdup_printf("objects/%.2s/%s.file", checksum, checksum + 2);

        return fstatat(s->repo_fd, path, ret, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

bool store_sync(int dirfd, GError **error)
{
        return syncfs(dirfd) == 0 ||
               l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot write to disk") == 0;
}
