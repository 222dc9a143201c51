/* Touches checkouts/. Promises that checkouts/COMMIT is a whole tree at every moment: it is made under
 * another name, written to disk, then renamed; of two runs that make the same one the first wins. */
#include "checkout.h"

#include "base/error.h"
#include "beneath.h"
#include "output.h"
#include "trash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UNFINISHED_PREFIX ".tmp-"

/* A name is not on disk only because it is there: the run that made it may be about to see to that. */
static bool sync_names(Store *s, GError **error)
{
        return fsync(s->checkouts_fd) == 0 ||
               l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot publish the checkout") == 0;
}

/* Without the cancellable: it may be what ended it. */
static void give_up(Store *s, const char *temporary)
{
        g_autoptr(GError) error = NULL;

        if (!trash_add(s, s->checkouts_fd, temporary, temporary, &error) || !trash_empty(s, NULL, &error))
                (void)fprintf(stderr, "cannot clean up: %s\n", error->message);
}

static bool publish(Store *s, const char *temporary, const char *commit, bool *ret_made, GError **error)
{
        if (!store_sync(s->checkouts_fd, error))
                return false;
        if (renameat2(s->checkouts_fd, temporary, s->checkouts_fd, commit, RENAME_NOREPLACE) == 0)
                *ret_made = true;
        else if (errno == EEXIST)
                give_up(s, temporary);
        else
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno,
                                          "cannot publish the checkout") == 0;
        return sync_names(s, error);
}

bool checkout_make(Store *s, const char *commit, bool *ret_made, GError **error)
{
        bool made = false;
        g_autofree char *random = g_uuid_string_random();
        g_autofree char *temporary = g_strconcat(UNFINISHED_PREFIX, random, NULL);
        /* An empty file is one object for all: as a link it would run into the file system's limit of links.
         */
        OstreeRepoCheckoutAtOptions options = {.mode = OSTREE_REPO_CHECKOUT_MODE_USER,
                                               .force_copy_zerosized = TRUE};

        if (!ret_made)
                ret_made = &made;
        *ret_made = false;
        if (faccessat(s->checkouts_fd, commit, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return sync_names(s, error);
        output_status("Checking out");
        if (!ostree_repo_checkout_at(s->repo, &options, s->checkouts_fd, temporary, commit, s->cancel,
                                     error)) {
                g_prefix_error(error, "cannot check out %s: ", commit);
                give_up(s, temporary);
                return false;
        }
        if (publish(s, temporary, commit, ret_made, error))
                return true;
        if (!*ret_made)
                give_up(s, temporary);
        return false;
}

bool checkout_remove_unfinished(Store *s, GError **error)
{
        g_autoptr(GPtrArray) names = directory_names(s->checkouts_fd, error);

        for (guint i = 0; names && i < names->len; i++)
                if (g_str_has_prefix(names->pdata[i], UNFINISHED_PREFIX) &&
                    !trash_add(s, s->checkouts_fd, names->pdata[i], names->pdata[i], error))
                        return false;
        return names != NULL;
}

bool checkout_remove_others(Store *s, const GPtrArray *keep, GError **error)
{
        g_autoptr(GPtrArray) names = directory_names(s->checkouts_fd, error);
        g_autoptr(GHashTable) kept = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < keep->len; i++)
                (void)g_hash_table_add(kept, keep->pdata[i]);
        for (guint i = 0; names && i < names->len; i++)
                if (!g_hash_table_contains(kept, names->pdata[i]) &&
                    !trash_add(s, s->checkouts_fd, names->pdata[i], names->pdata[i], error))
                        return false;
        return names != NULL;
}
