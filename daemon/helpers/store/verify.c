/* The operation verify: every object that a ref reaches is read and compared with its checksum, and every
 * checkout of such a commit with the repository. Changes nothing; the first difference is the error, with its
 * ref and path. */
#include "base/error.h"
#include "base/fd.h"
#include "beneath.h"
#include "operations.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

typedef struct Verify {
        Store *store;
        const char *ref;
        GHashTable *good; /* objects that were read */
        uint64_t bytes;
} Verify;

static bool damaged(GError **error, const char *ref, const char *what, const char *why)
{
        g_set_error(error, L4_ERROR, L4_ERROR_STORE_FAILED, "%s: %s %s", ref, what, why);
        return false;
}

static bool verify_object(Verify *v, const char *checksum, OstreeObjectType type, GError **error)
{
        g_autofree char *name = ostree_object_to_string(checksum, type);
        g_autoptr(GError) why = NULL;
        struct stat st;

        if (!ostree_repo_fsck_object(v->store->repo, type, checksum, v->store->cancel, &why)) {
                if (g_error_matches(why, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                return damaged(error, v->ref, name, why->message);
        }
        if (type == OSTREE_OBJECT_TYPE_FILE && store_stat_object(v->store, checksum, &st) == 0)
                v->bytes += (uint64_t)st.st_size;
        output_progress(v->bytes, 0);
        return true;
}

static bool verify_commit(Verify *v, const char *commit, GError **error)
{
        g_autoptr(GHashTable) reachable = NULL;
        g_autoptr(GError) why = NULL;
        GHashTableIter iter;
        gpointer key;

        if (!ostree_repo_traverse_commit(v->store->repo, commit, 0, &reachable, v->store->cancel, &why))
                return damaged(error, v->ref, commit, why->message);
        g_hash_table_iter_init(&iter, reachable);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
                const char *checksum;
                OstreeObjectType type;

                if (g_hash_table_contains(v->good, key))
                        continue;
                ostree_object_name_deserialize(key, &checksum, &type);
                if (!verify_object(v, checksum, type, error))
                        return false;
                (void)g_hash_table_add(v->good, g_variant_ref(key));
        }
        return true;
}

static char *read_link(int dirfd, const char *name)
{
        g_autofree char *target = g_malloc0(PATH_MAX);

        return readlinkat(dirfd, name, target, PATH_MAX - 1) < 0 ? NULL : g_steal_pointer(&target);
}

/* Links are checked out as new ones. */
static bool same_link(Verify *v, int dirfd, const char *name, const char *checksum)
{
        g_autofree char *object = g_strdup_printf("objects/%.2s/%s.file", checksum, checksum + 2);
        g_autofree char *expected = read_link(v->store->repo_fd, object);
        g_autofree char *actual = read_link(dirfd, name);

        return expected && g_strcmp0(expected, actual) == 0;
}

/* A hard link to the object is the object; a copy (an empty file, or one link too many) must have its
 * checksum. */
static bool compare_file(Verify *v, int dirfd, const char *name, const char *checksum, const char *path,
                         GError **error)
{
        g_autofree char *actual = NULL;
        struct stat object;
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return damaged(error, v->ref, path, "is missing in the checkout");
        if (store_stat_object(v->store, checksum, &object) == 0 && object.st_ino == st.st_ino &&
            object.st_dev == st.st_dev)
                return true;
        if (S_ISLNK(st.st_mode) && same_link(v, dirfd, name, checksum))
                return true;
        if (S_ISREG(st.st_mode) &&
            !ostree_checksum_file_at(dirfd, name, &st, OSTREE_OBJECT_TYPE_FILE,
                                     OSTREE_CHECKSUM_FLAGS_IGNORE_XATTRS |
                                             OSTREE_CHECKSUM_FLAGS_CANONICAL_PERMISSIONS,
                                     &actual, v->store->cancel, error))
                return false;
        return g_strcmp0(actual, checksum) == 0 || damaged(error, v->ref, path, "differs in the checkout");
}

static bool compare_directory(Verify *v, int fd, const char *checksum, GString *path, GError **error);

static bool compare_subdirectory(Verify *v, int dirfd, const char *name, const char *checksum, GString *path,
                                 GError **error)
{
        cleanup_close int fd = open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY);

        if (fd < 0)
                return damaged(error, v->ref, path->str, "cannot be opened in the checkout");
        return compare_directory(v, fd, checksum, path, error);
}

static bool compare_directory(Verify *v, int fd, const char *checksum, GString *path, GError **error)
{
        g_autoptr(GVariant) tree = NULL;
        g_autoptr(GPtrArray) names = directory_names(fd, error);
        gsize length = path->len;
        gsize expected = 0;

        if (!names ||
            !ostree_repo_load_variant(v->store->repo, OSTREE_OBJECT_TYPE_DIR_TREE, checksum, &tree, error))
                return false;
        for (gsize kind = 0; kind < 2; kind++) {
                g_autoptr(GVariant) list = g_variant_get_child_value(tree, kind);

                expected += g_variant_n_children(list);
                for (gsize i = 0; i < g_variant_n_children(list); i++) {
                        g_autoptr(GVariant) entry = g_variant_get_child_value(list, i);
                        g_autoptr(GVariant) name_value = g_variant_get_child_value(entry, 0);
                        g_autoptr(GVariant) content = g_variant_get_child_value(entry, 1);
                        g_autofree char *below = ostree_checksum_from_bytes_v(content);
                        const char *name = g_variant_get_string(name_value, NULL);

                        g_string_append_printf(path, "/%s", name);
                        if (!(kind == 0 ? compare_file(v, fd, name, below, path->str, error)
                                        : compare_subdirectory(v, fd, name, below, path, error)))
                                return false;
                        g_string_truncate(path, length);
                }
        }
        return names->len == expected ||
               damaged(error, v->ref, path->str, "has entries that are not in the commit");
}

static bool verify_checkout(Verify *v, const char *commit, GError **error)
{
        cleanup_close int fd = open_beneath(v->store->checkouts_fd, commit, O_RDONLY | O_DIRECTORY);
        g_autoptr(GString) path = g_string_new(commit);
        g_autofree char *root = NULL;

        if (fd == -ENOENT)
                return true;
        if (fd < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, fd, "%s: cannot open the checkout %s",
                                          v->ref, commit) == 0;
        return store_commit_root(v->store, commit, &root, error) &&
               compare_directory(v, fd, root, path, error);
}

static int compare_refs(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool op_verify(Store *s, const Request *r, json_t **ret_members, GError **error)
{
        g_autoptr(GHashTable) refs = NULL;
        g_autoptr(GHashTable) good = g_hash_table_new_full(ostree_hash_object_name, g_variant_equal,
                                                           (GDestroyNotify)g_variant_unref, NULL);
        g_autofree const char **names = NULL;
        Verify v = {.store = s, .good = good};
        guint n;

        (void)r;
        output_status("Verifying");
        if (!ostree_repo_list_refs(s->repo, NULL, &refs, s->cancel, error))
                return false;
        names = (const char **)g_hash_table_get_keys_as_array(refs, &n);
        qsort(names, n, sizeof(names[0]), compare_refs);
        for (guint i = 0; i < n; i++) {
                const char *commit = g_hash_table_lookup(refs, names[i]);

                v.ref = names[i];
                if (!verify_commit(&v, commit, error) || !verify_checkout(&v, commit, error))
                        return false;
        }
        *ret_members = json_pack("{s:I}", "objects", (json_int_t)g_hash_table_size(good));
        return true;
}
