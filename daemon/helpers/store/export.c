/* The operation export: a commit as a tar stream. Reads the repository; writes descriptor 0, or one new file
 * in the spool that appears only when it is whole. Promises equal bytes for equal content: sorted, without
 * times and owners. */
#include "base/error.h"
#include "base/fd.h"
#include "beneath.h"
#include "operations.h"
#include "output.h"
#include "source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE (256U * 1024U)

typedef struct archive ArchiveWrite;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArchiveWrite, archive_write_free)
typedef struct archive_entry ArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArchiveEntry, archive_entry_free)

typedef struct Writer {
        Store *store;
        struct archive *archive;
        int fd;
        uint64_t size;
        int r; /* why nothing more is written */
        char *buffer;
} Writer;

/* Never says that it failed: libarchive 3.6 does not free a writer in that state. From the first failure on,
 * or once r is set by others, nothing is written, not even an end mark behind what is not whole. */
static la_ssize_t callback_write(struct archive *a, void *userdata, const void *data, size_t size)
{
        Writer *w = userdata;

        (void)a;
        if (w->r < 0)
                return (la_ssize_t)size;
        w->r = source_write_all(w->fd, data, size);
        w->size += size;
        output_progress(w->size, 0);
        return (la_ssize_t)size;
}

static bool write_failed(Writer *w, const char *path, GError **error)
{
        g_autofree char *what = g_strdup_printf("'%s': cannot write the archive", path);

        if (w->r == -EPIPE)
                g_set_error(error, L4_ERROR, L4_ERROR_STORE_FAILED,
                            "'%s': the reader of the archive closed it", path);
        else if (w->r < 0)
                (void)source_set_error(error, w->r, what);
        else
                g_set_error(error, L4_ERROR, L4_ERROR_STORE_FAILED, "'%s': %s", path,
                            archive_error_string(w->archive));
        return false;
}

static ArchiveEntry *entry_new(const char *path, mode_t mode)
{
        ArchiveEntry *e = archive_entry_new();

        archive_entry_copy_pathname(e, path);
        archive_entry_set_mode(e, mode);
        archive_entry_set_size(e, 0);
        archive_entry_set_mtime(e, 0, 0);
        return e;
}

static bool write_data(Writer *w, const char *path, GInputStream *input, GError **error)
{
        for (;;) {
                gssize n = g_input_stream_read(input, w->buffer, BUFFER_SIZE, w->store->cancel, error);

                if (n <= 0)
                        return n == 0;
                if (archive_write_data(w->archive, w->buffer, (size_t)n) != n || w->r < 0)
                        return write_failed(w, path, error);
        }
}

static bool write_file(Writer *w, const char *path, const char *checksum, GError **error)
{
        g_autoptr(GInputStream) input = NULL;
        g_autoptr(GFileInfo) info = NULL;
        g_autoptr(ArchiveEntry) e = NULL;

        if (!ostree_repo_load_file(w->store->repo, checksum, &input, &info, NULL, w->store->cancel, error))
                return false;
        e = entry_new(path, g_file_info_get_attribute_uint32(info, "unix::mode"));
        if (input)
                archive_entry_set_size(e, g_file_info_get_size(info));
        else
                archive_entry_copy_symlink(e, g_file_info_get_symlink_target(info));
        if (archive_write_header(w->archive, e) != ARCHIVE_OK || w->r < 0)
                return write_failed(w, path, error);
        return !input || write_data(w, path, input, error);
}

static bool write_directory(Writer *w, GString *path, const char *checksum, GError **error);

static bool write_subdirectory(Writer *w, GString *path, const char *checksum, GError **error)
{
        g_autoptr(ArchiveEntry) e = entry_new(path->str, S_IFDIR | 0755);

        if (archive_write_header(w->archive, e) != ARCHIVE_OK || w->r < 0)
                return write_failed(w, path->str, error);
        return write_directory(w, path, checksum, error);
}

/* DIR_TREE objects are sorted by name: a(say) files, a(sayay) directories. */
static bool write_directory(Writer *w, GString *path, const char *checksum, GError **error)
{
        g_autoptr(GVariant) tree = NULL;
        gsize length = path->len;

        if (!ostree_repo_load_variant(w->store->repo, OSTREE_OBJECT_TYPE_DIR_TREE, checksum, &tree, error))
                return false;
        for (gsize kind = 0; kind < 2; kind++) {
                g_autoptr(GVariant) list = g_variant_get_child_value(tree, kind);

                for (gsize i = 0; i < g_variant_n_children(list); i++) {
                        g_autoptr(GVariant) entry = g_variant_get_child_value(list, i);
                        g_autoptr(GVariant) name = g_variant_get_child_value(entry, 0);
                        g_autoptr(GVariant) content = g_variant_get_child_value(entry, 1);
                        g_autofree char *below = ostree_checksum_from_bytes_v(content);

                        g_string_append_printf(path, "%s%s", length ? "/" : "",
                                               g_variant_get_string(name, NULL));
                        if (!(kind == 0 ? write_file(w, path->str, below, error)
                                        : write_subdirectory(w, path, below, error)))
                                return false;
                        g_string_truncate(path, length);
                }
        }
        return true;
}

static bool write_archive(Store *s, const char *commit, int fd, uint64_t *ret_size, GError **error)
{
        g_autoptr(ArchiveWrite) a = archive_write_new();
        g_autofree char *buffer = g_malloc(BUFFER_SIZE);
        g_autofree char *root = NULL;
        g_autoptr(GString) path = g_string_new(NULL);
        Writer w = {.store = s, .archive = a, .fd = fd, .buffer = buffer};

        if (!store_commit_root(s, commit, &root, error))
                return false;
        if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
            archive_write_open2(a, &w, NULL, callback_write, NULL, NULL) != ARCHIVE_OK)
                return write_failed(&w, commit, error);
        if (!write_directory(&w, path, root, error)) {
                w.r = w.r < 0 ? w.r : -EIO;
                return false;
        }
        if (archive_write_close(a) != ARCHIVE_OK || w.r < 0)
                return write_failed(&w, commit, error);
        *ret_size = w.size;
        return true;
}

static int open_parent(const char *path, GError **error)
{
        cleanup_close int spool = source_open_spool(error);
        g_autofree char *parent = g_path_get_dirname(path);
        int fd = spool < 0 ? -EBADF : open_beneath(spool, parent, O_RDONLY | O_DIRECTORY);

        if (spool >= 0 && fd < 0)
                (void)l4_error_set_errno(error,
                                         fd == -ENOENT ? L4_ERROR_FILE_NOT_FOUND : L4_ERROR_INVALID_ARGS, fd,
                                         "cannot open '%s' in the spool", parent);
        return fd;
}

static bool exists(GError **error, const char *path)
{
        g_set_error(error, L4_ERROR, L4_ERROR_EXISTS, "'%s' is already there in the spool", path);
        return false;
}

/* The file has no name until it is whole, so a killed run leaves nothing. */
static bool export_to_spool(Store *s, const Request *r, uint64_t *ret_size, GError **error)
{
        cleanup_close int parent = open_parent(r->path, error);
        cleanup_close int fd = -EBADF;
        g_autofree char *name = g_path_get_basename(r->path);
        g_autofree char *self = NULL;

        if (parent < 0)
                return false;
        if (faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return exists(error, r->path);
        fd = openat(parent, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0640);
        if (fd < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot make '%s'",
                                          r->path) == 0;
        if (!write_archive(s, r->commit, fd, ret_size, error))
                return false;
        self = g_strdup_printf("/proc/self/fd/%d", fd);
        if (fsync(fd) == 0 && linkat(AT_FDCWD, self, parent, name, AT_SYMLINK_FOLLOW) == 0 &&
            fsync(parent) == 0)
                return true;
        if (errno == EEXIST)
                return exists(error, r->path);
        return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot make '%s'", r->path) == 0;
}

bool op_export(Store *s, const Request *r, json_t **ret_members, GError **error)
{
        uint64_t size = 0;

        output_status("Exporting");
        if (!(r->place == PLACE_PATH ? export_to_spool(s, r, &size, error)
                                     : write_archive(s, r->commit, STDIN_FILENO, &size, error)))
                return false;
        *ret_members = json_pack("{s:I}", "size", (json_int_t)size);
        return true;
}
