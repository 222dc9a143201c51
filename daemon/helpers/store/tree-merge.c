/* Operations on whole trees: laying one over another, counting. Reads the repository; promises to go no
 * deeper than paths may be. */
#include "tree.h"

#include "base/error.h"
#include "tree-check.h"

#include <string.h>

static bool merge_directory(Tree *t, OstreeMutableTree *base, OstreeMutableTree *over, GString *path,
                            GError **error);

static bool merge_file(OstreeMutableTree *base, const char *name, const char *checksum, const char *path,
                       GError **error)
{
        if (g_hash_table_contains(ostree_mutable_tree_get_subdirs(base), name))
                return tree_refuse(error, path, "is a file, but the generation has a directory there");
        return ostree_mutable_tree_replace_file(base, name, checksum, error);
}

static bool merge_subdirectory(Tree *t, OstreeMutableTree *base, const char *name, OstreeMutableTree *over,
                               GString *path, GError **error)
{
        g_autoptr(OstreeMutableTree) below = NULL;

        if (g_hash_table_contains(ostree_mutable_tree_get_files(base), name))
                return tree_refuse(error, path->str, "is a directory, but the generation has a file there");
        if (!ostree_mutable_tree_ensure_dir(base, name, &below, error))
                return false;
        ostree_mutable_tree_set_metadata_checksum(below, t->directory_meta);
        return merge_directory(t, below, over, path, error);
}

static bool merge_directory(Tree *t, OstreeMutableTree *base, OstreeMutableTree *over, GString *path,
                            GError **error)
{
        GHashTableIter iter;
        gpointer name;
        gpointer value;
        gsize length = path->len;
        bool fine = true;

        g_hash_table_iter_init(&iter, ostree_mutable_tree_get_files(over));
        while (fine && g_hash_table_iter_next(&iter, &name, &value)) {
                g_string_append_printf(path, "%s%s", length ? "/" : "", (char *)name);
                fine = merge_file(base, name, value, path->str, error);
                g_string_truncate(path, length);
        }
        g_hash_table_iter_init(&iter, ostree_mutable_tree_get_subdirs(over));
        while (fine && g_hash_table_iter_next(&iter, &name, &value)) {
                g_string_append_printf(path, "%s%s", length ? "/" : "", (char *)name);
                fine = merge_subdirectory(t, base, name, value, path, error);
                g_string_truncate(path, length);
        }
        return fine && ostree_mutable_tree_check_error(base, error);
}

bool tree_merge(Tree *base, const Tree *over, GError **error)
{
        g_autoptr(GString) path = g_string_new(NULL);

        return merge_directory(base, base->root, over->root, path, error) && tree_count(base, error);
}

/* What is in the repository is asked by lstat(); only what this transaction wrote has to be opened. */
static bool size_of_file(Store *s, const char *checksum, uint64_t *ret, GError **error)
{
        g_autoptr(GFileInfo) info = NULL;
        struct stat st;

        if (store_stat_object(s, checksum, &st) == 0) {
                *ret = (uint64_t)st.st_size;
                return true;
        }
        if (!ostree_repo_load_file(s->repo, checksum, NULL, &info, NULL, s->cancel, error))
                return false;
        *ret = g_file_info_get_file_type(info) == G_FILE_TYPE_SYMBOLIC_LINK
                       ? strlen(g_file_info_get_symlink_target(info))
                       : (uint64_t)g_file_info_get_size(info);
        return true;
}

static bool count_directory(Tree *t, OstreeMutableTree *directory, GError **error)
{
        GHashTableIter iter;
        gpointer name;
        gpointer value;
        uint64_t size;

        if (!ostree_mutable_tree_check_error(directory, error))
                return false;
        g_hash_table_iter_init(&iter, ostree_mutable_tree_get_files(directory));
        while (g_hash_table_iter_next(&iter, &name, &value)) {
                if (!size_of_file(t->store, value, &size, error) || !tree_check_limits(t, size, name, error))
                        return false;
                t->size += size;
                t->entries++;
                t->files++;
        }
        g_hash_table_iter_init(&iter, ostree_mutable_tree_get_subdirs(directory));
        while (g_hash_table_iter_next(&iter, &name, &value)) {
                if (g_cancellable_set_error_if_cancelled(t->store->cancel, error) ||
                    !tree_check_limits(t, 0, name, error))
                        return false;
                t->entries++;
                if (!count_directory(t, value, error))
                        return false;
        }
        return true;
}

bool tree_count(Tree *t, GError **error)
{
        t->size = t->entries = t->files = 0;
        t->counted_twice = false;
        return count_directory(t, t->root, error);
}
