/* Makes commits. Promises that a ref appears last: what fails before leaves only objects that prune takes
 * away. */
#include "generation.h"

#include "checkout.h"
#include "output.h"
#include "trash.h"

#include <stdio.h>

static bool commit(Tree *t, char **ret_commit, GError **error)
{
        OstreeRepo *repo = t->store->repo;
        g_autoptr(GFile) root = NULL;

        /* No time and no parent: equal content is an equal commit, and a run that is repeated changes
         * nothing. */
        return ostree_repo_write_mtree(repo, t->root, &root, t->store->cancel, error) &&
               ostree_repo_write_commit_with_time(repo, NULL, NULL, NULL, NULL, OSTREE_REPO_FILE(root), 0,
                                                  ret_commit, t->store->cancel, error) &&
               ostree_repo_commit_transaction(repo, NULL, t->store->cancel, error);
}

static bool set_ref(Store *s, const char *ref, const char *checksum, GError **error)
{
        return ostree_repo_set_ref_immediate(s->repo, NULL, ref, checksum, s->cancel, error) &&
               store_sync(s->repo_fd, error);
}

/* After a failure at the very end. Without the cancellable: it may be what failed. A checkout that another
 * run may have found already stays for prune to take away. */
static void undo(Store *s, const char *ref, const char *old, const char *checkout)
{
        g_autoptr(GError) error = NULL;

        if (!ostree_repo_set_ref_immediate(s->repo, NULL, ref, old, NULL, &error) ||
            (checkout && store_become_alone(s) && !trash_add(s, s->checkouts_fd, checkout, checkout, &error)))
                (void)fprintf(stderr, "cannot undo %s: %s\n", ref, error ? error->message : "no reason");
}

bool generation_make(Tree *t, const char *ref, json_t **ret_members, GError **error)
{
        Store *s = t->store;
        g_autofree char *checksum = NULL;
        g_autofree char *old = NULL;
        bool made;

        if (t->counted_twice && !tree_count(t, error))
                return false;
        output_status("Writing to disk");
        if (!ostree_repo_resolve_rev(s->repo, ref, TRUE, &old, error) || !commit(t, &checksum, error))
                return false;
        if (!checkout_make(s, checksum, &made, error) || !set_ref(s, ref, checksum, error)) {
                undo(s, ref, old, made ? checksum : NULL);
                return false;
        }
        *ret_members = json_pack("{s:s,s:I,s:I}", "commit", checksum, "files", (json_int_t)t->files, "size",
                                 (json_int_t)t->size);
        return true;
}
