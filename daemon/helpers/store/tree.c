/* Writes objects into the repository's open transaction and keeps the mutable tree over them. Promises that
 * no path is ever reached through a link, and that limits hold before bytes are written. */
#include "tree.h"

#include "base/error.h"
#include "tree-check.h"

#include <string.h>

#define BUFFER_SIZE (256U * 1024U)

/* One entry by its name in a directory: a checksum, a subdirectory, or neither. */
typedef struct Found {
        char *checksum;
        OstreeMutableTree *directory;
} Found;

static void found_clear(Found *f)
{
        g_clear_pointer(&f->checksum, g_free);
        g_clear_object(&f->directory);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Found, found_clear)

static bool find(OstreeMutableTree *directory, const char *name, Found *ret, GError **error)
{
        g_autoptr(GError) failure = NULL;

        found_clear(ret);
        if (ostree_mutable_tree_lookup(directory, name, &ret->checksum, &ret->directory, &failure) ||
            g_error_matches(failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
                return true;
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
}

static bool make_directory(Tree *t, OstreeMutableTree *parent, const char *name, OstreeMutableTree **ret,
                           GError **error)
{
        if (!ostree_mutable_tree_ensure_dir(parent, name, ret, error))
                return false;
        ostree_mutable_tree_set_metadata_checksum(*ret, t->directory_meta);
        return true;
}

bool tree_check_limits(const Tree *t, uint64_t size, const char *path, GError **error)
{
        bool fine = t->entries < t->entries_max;

        if (fine && t->size <= t->size_max && size <= t->size_max - t->size)
                return true;
        if (fine)
                g_set_error(error, L4_ERROR, L4_ERROR_QUOTA_EXCEEDED,
                            "'%s': with it the content would be larger than %" G_GUINT64_FORMAT " bytes",
                            path, t->size_max);
        else
                g_set_error(error, L4_ERROR, L4_ERROR_QUOTA_EXCEEDED,
                            "'%s': with it there would be more than %" G_GUINT64_FORMAT " entries", path,
                            t->entries_max);
        return false;
}

/* The directory that holds path's last component. Missing ones are made, or not_found is told by *ret ==
 * NULL. */
static bool find_parent(Tree *t, char **part, const char *path, bool make, OstreeMutableTree **ret,
                        GError **error)
{
        g_autoptr(OstreeMutableTree) here = g_object_ref(t->root);

        for (unsigned i = 0; part[i + 1]; i++) {
                g_auto(Found) found = {NULL, NULL};

                if (!find(here, part[i], &found, error))
                        return false;
                if (found.checksum)
                        return tree_refuse(error, path, "its parent '%s' is not a directory", part[i]);
                if (!found.directory) {
                        if (!make)
                                return true;
                        if (!tree_check_limits(t, 0, path, error) ||
                            !make_directory(t, here, part[i], &found.directory, error))
                                return false;
                        t->entries++;
                }
                g_set_object(&here, found.directory);
        }
        *ret = g_steal_pointer(&here);
        return true;
}

static const char *last(char **part)
{
        return part[g_strv_length(part) - 1];
}

bool tree_new(Store *s, const char *parent, uint64_t size_max, uint64_t entries_max, Tree **ret,
              GError **error)
{
        g_autoptr(Tree) t = g_new0(Tree, 1);
        g_autoptr(GFileInfo) info = g_file_info_new();
        g_autoptr(GVariant) meta = NULL;
        g_autofree guchar *checksum = NULL;

        t->store = s;
        t->size_max = size_max;
        t->entries_max = entries_max;
        t->links = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_file_info_set_attribute_uint32(info, "unix::uid", 0);
        g_file_info_set_attribute_uint32(info, "unix::gid", 0);
        g_file_info_set_attribute_uint32(info, "unix::mode", S_IFDIR | 0755);
        meta = g_variant_ref_sink(ostree_create_directory_metadata(info, NULL));
        if (!ostree_repo_write_metadata(s->repo, OSTREE_OBJECT_TYPE_DIR_META, NULL, meta, &checksum,
                                        s->cancel, error))
                return false;
        t->directory_meta = ostree_checksum_from_bytes(checksum);
        if (parent && !store_check_commit(s, parent, error))
                return false;
        t->root = parent ? ostree_mutable_tree_new_from_commit(s->repo, parent, error)
                         : ostree_mutable_tree_new();
        if (!t->root)
                return false;
        ostree_mutable_tree_set_metadata_checksum(t->root, t->directory_meta);
        *ret = g_steal_pointer(&t);
        return true;
}

Tree *tree_free(Tree *t)
{
        if (!t)
                return NULL;
        g_clear_object(&t->root);
        g_clear_pointer(&t->links, g_hash_table_unref);
        g_free(t->directory_meta);
        g_free(t);
        return NULL;
}

bool tree_add_directory(Tree *t, const char *path, GError **error)
{
        g_auto(GStrv) part = g_strsplit(path, "/", -1);
        g_autoptr(OstreeMutableTree) parent = NULL;
        g_autoptr(OstreeMutableTree) made = NULL;
        g_auto(Found) found = {NULL, NULL};

        if (!find_parent(t, part, path, true, &parent, error) || !find(parent, last(part), &found, error))
                return false;
        if (found.checksum)
                return tree_refuse(error, path, "is there as a file and as a directory");
        if (found.directory)
                return true;
        if (!tree_check_limits(t, 0, path, error))
                return false;
        t->entries++;
        return make_directory(t, parent, last(part), &made, error);
}

/* Puts a written file or link into the tree. */
static bool place(Tree *t, const char *path, const char *checksum, bool link, GError **error)
{
        g_auto(GStrv) part = g_strsplit(path, "/", -1);
        g_autoptr(OstreeMutableTree) parent = NULL;
        g_auto(Found) found = {NULL, NULL};

        if (!find_parent(t, part, path, true, &parent, error) || !find(parent, last(part), &found, error))
                return false;
        if (found.directory)
                return tree_refuse(error, path, "is there as a directory and as a file");
        if (found.checksum) {
                t->counted_twice = true;
                if (g_hash_table_contains(t->links, found.checksum) != link)
                        return tree_refuse(error, path, "is there as a file and as a link");
        }
        if (link)
                (void)g_hash_table_add(t->links, g_strdup(checksum));
        t->entries++;
        t->files++;
        return ostree_mutable_tree_replace_file(parent, last(part), checksum, error);
}

static bool copy_content(Tree *t, const TreeFile *file, GOutputStream *to, GError **error)
{
        g_autofree char *buffer = g_malloc(BUFFER_SIZE);
        uint64_t done = 0;
        gssize n;

        for (;;) {
                n = file->read(file->userdata, buffer, BUFFER_SIZE, error);
                if (n <= 0)
                        break;
                done += (uint64_t)n;
                if (done > file->size)
                        return tree_refuse(error, file->path, "is larger than it says");
                t->size += (uint64_t)n;
                if (!g_output_stream_write_all(to, buffer, (gsize)n, NULL, t->store->cancel, error))
                        return false;
        }
        if (n < 0)
                return false;
        return done == file->size || tree_refuse(error, file->path, "is smaller than it says");
}

bool tree_add_file(Tree *t, const TreeFile *file, GError **error)
{
        g_autoptr(OstreeContentWriter) writer = NULL;
        g_autofree char *checksum = NULL;

        if (!tree_check_limits(t, file->size, file->path, error))
                return false;
        writer = ostree_repo_write_regfile(t->store->repo, NULL, 0, 0,
                                           S_IFREG | (file->executable ? 0755 : 0644), file->size, NULL,
                                           error);
        if (writer && copy_content(t, file, G_OUTPUT_STREAM(writer), error))
                checksum = ostree_content_writer_finish(writer, t->store->cancel, error);
        if (!checksum) {
                if (error && *error && (*error)->domain != L4_ERROR)
                        g_prefix_error(error, "'%s': ", file->path);
                return false;
        }
        return place(t, file->path, checksum, false, error);
}

bool tree_add_link(Tree *t, const char *path, const char *target, GError **error)
{
        g_autofree char *checksum = NULL;

        if (!tree_check_link(path, target, error) || !tree_check_limits(t, strlen(target), path, error))
                return false;
        checksum =
                ostree_repo_write_symlink(t->store->repo, NULL, 0, 0, NULL, target, t->store->cancel, error);
        t->size += strlen(target);
        return checksum && place(t, path, checksum, true, error);
}

bool tree_find_file(Tree *t, const char *path, char **ret_checksum, GError **error)
{
        g_auto(GStrv) part = g_strsplit(path, "/", -1);
        g_autoptr(OstreeMutableTree) parent = NULL;
        g_auto(Found) found = {NULL, NULL};

        if (!find_parent(t, part, path, false, &parent, error) ||
            (parent && !find(parent, last(part), &found, error)))
                return false;
        *ret_checksum = g_steal_pointer(&found.checksum);
        return true;
}

bool tree_add_copy(Tree *t, const char *path, const char *from, GError **error)
{
        g_autofree char *checksum = NULL;
        g_autoptr(GFileInfo) info = NULL;

        if (!tree_find_file(t, from, &checksum, error))
                return false;
        /* A link means something else in another place. */
        if (!checksum || g_hash_table_contains(t->links, checksum))
                return tree_refuse(error, path, "is a hard link to what is no file of the archive before it");
        if (!ostree_repo_load_file(t->store->repo, checksum, NULL, &info, NULL, t->store->cancel, error) ||
            !tree_check_limits(t, (uint64_t)g_file_info_get_size(info), path, error))
                return false;
        t->size += (uint64_t)g_file_info_get_size(info);
        return place(t, path, checksum, false, error);
}

bool tree_remove(Tree *t, const char *path, GError **error)
{
        g_auto(GStrv) part = g_strsplit(path, "/", -1);
        g_autoptr(OstreeMutableTree) parent = NULL;
        g_auto(Found) found = {NULL, NULL};

        if (!find_parent(t, part, path, false, &parent, error) ||
            (parent && !find(parent, last(part), &found, error)))
                return false;
        if (!found.checksum && !found.directory) {
                g_set_error(error, L4_ERROR, L4_ERROR_FILE_NOT_FOUND, "there is no '%s'", path);
                return false;
        }
        return ostree_mutable_tree_remove(parent, last(part), FALSE, error);
}
