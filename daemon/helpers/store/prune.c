/* The operation prune: refs, checkouts and objects that the manager no longer names go away; and checkout,
 * which puts back one that is missing. Promises to delete nothing before everything that is to be kept was
 * found. */
#include "base/error.h"
#include "checkout.h"
#include "operations.h"
#include "output.h"
#include "trash.h"

static bool check_kept(Store *s, const Request *r, GHashTable *kept, GError **error)
{
        for (guint i = 0; i < r->keep->len; i++) {
                const Keep *k = r->keep->pdata[i];

                if (!store_check_commit(s, k->commit, error)) {
                        g_prefix_error(error, "%s: ", k->ref);
                        return false;
                }
                if (!g_hash_table_insert(kept, k->ref, k->commit)) {
                        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "request: %s is kept twice",
                                    k->ref);
                        return false;
                }
        }
        return true;
}

static bool set_refs(Store *s, GHashTable *kept, GError **error)
{
        g_autoptr(GHashTable) refs = NULL;
        GHashTableIter iter;
        gpointer ref;
        gpointer commit;

        if (!ostree_repo_list_refs(s->repo, NULL, &refs, s->cancel, error))
                return false;
        g_hash_table_iter_init(&iter, kept);
        while (g_hash_table_iter_next(&iter, &ref, &commit))
                if (g_strcmp0(g_hash_table_lookup(refs, ref), commit) != 0 &&
                    !ostree_repo_set_ref_immediate(s->repo, NULL, ref, commit, s->cancel, error))
                        return false;
        /* On disk before what a wrong old ref pointed to is deleted. */
        if (!store_sync(s->repo_fd, error))
                return false;
        g_hash_table_iter_init(&iter, refs);
        while (g_hash_table_iter_next(&iter, &ref, NULL))
                if (!g_hash_table_contains(kept, ref) &&
                    !ostree_repo_set_ref_immediate(s->repo, NULL, ref, NULL, s->cancel, error))
                        return false;
        return true;
}

bool op_prune(Store *s, const Request *r, json_t **ret_members, GError **error)
{
        g_autoptr(GHashTable) kept = g_hash_table_new(g_str_hash, g_str_equal);
        int total = 0;
        int pruned = 0;
        guint64 bytes = 0;

        output_status("Removing what is no longer needed");
        if (!check_kept(s, r, kept, error) || !set_refs(s, kept, error) ||
            !checkout_remove_others(s, r->checkouts, error) || !trash_empty(s, s->cancel, error) ||
            !ostree_repo_prune(s->repo, OSTREE_REPO_PRUNE_FLAGS_REFS_ONLY, 0, &total, &pruned, &bytes,
                               s->cancel, error))
                return false;
        *ret_members = json_pack("{s:i,s:I}", "objects", pruned, "bytes", (json_int_t)bytes);
        return true;
}

bool op_checkout(Store *s, const Request *r, json_t **ret_members, GError **error)
{
        if (!store_check_commit(s, r->commit, error) || !checkout_make(s, r->commit, NULL, error))
                return false;
        *ret_members = json_pack("{s:s}", "commit", r->commit);
        return true;
}
