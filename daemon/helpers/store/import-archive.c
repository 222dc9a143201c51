/* Reads tar and zip by libarchive, entry by entry, straight into the tree: nothing is unpacked on the way.
 * Touches nothing; promises that an archive that is cut short, damaged or changed while it is read is
 * refused. */
#include "base/error.h"
#include "import.h"
#include "output.h"
#include "source.h"
#include "tree-check.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE (128U * 1024U)
#define TAR_BLOCK 512

typedef struct Reader {
        Tree *tree;
        struct archive *archive;
        int fd;
        bool regular; /* read by offset: the descriptor's own is shared with whoever passed it */
        off_t offset;
        struct stat before;
        char *buffer;
        const char *path; /* of the file whose content is being read */
        GError *failure;  /* why the read callback failed */
        int64_t data_end;
} Reader;

typedef struct archive ArchiveRead;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArchiveRead, archive_read_free)

static la_ssize_t callback_read(struct archive *a, void *userdata, const void **ret)
{
        Reader *r = userdata;
        gssize n;

        *ret = r->buffer;
        if (g_cancellable_set_error_if_cancelled(r->tree->store->cancel, &r->failure))
                n = -ECANCELED;
        else if (r->regular)
                n = pread(r->fd, r->buffer, BUFFER_SIZE, r->offset);
        else
                n = source_read(r->fd, r->buffer, BUFFER_SIZE);
        if (n >= 0) {
                r->offset += n;
                return n;
        }
        if (r->regular && n == -1)
                n = -errno;
        if (!r->failure)
                (void)source_set_error(&r->failure, (int)n, "cannot read the archive");
        archive_set_error(a, EIO, "cannot read");
        return ARCHIVE_FATAL;
}

static la_int64_t callback_skip(struct archive *a, void *userdata, la_int64_t request)
{
        Reader *r = userdata;
        la_int64_t left = r->before.st_size - r->offset;

        (void)a;
        if (!r->regular || left <= 0)
                return 0;
        request = MIN(request, left);
        r->offset += request;
        return request;
}

static la_int64_t callback_seek(struct archive *a, void *userdata, la_int64_t offset, int whence)
{
        Reader *r = userdata;
        la_int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->offset : r->before.st_size;

        (void)a;
        if (!r->regular || base + offset < 0)
                return ARCHIVE_FAILED;
        return r->offset = base + offset;
}

static bool add_formats(struct archive *a, Format format)
{
        /* By name, not _all(): that would also run programs for formats the library has no code for. */
        static int (*const filters[])(struct archive *) = {
                archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                archive_read_support_filter_xz,   archive_read_support_filter_lzma,
                archive_read_support_filter_lzip, archive_read_support_filter_zstd,
                archive_read_support_filter_lz4,  archive_read_support_filter_compress,
        };

        if (format == FORMAT_ZIP)
                return archive_read_support_format_zip_seekable(a) == ARCHIVE_OK;
        for (size_t i = 0; i < G_N_ELEMENTS(filters); i++)
                if (filters[i](a) != ARCHIVE_OK)
                        return false;
        return archive_read_support_format_tar(a) == ARCHIVE_OK;
}

static bool archive_failed(Reader *r, GError **error)
{
        const char *text = archive_error_string(r->archive);
        g_autofree char *clean = text ? g_strchomp(g_utf8_make_valid(text, -1)) : g_strdup("unknown error");

        if (r->failure) {
                g_propagate_error(error, g_steal_pointer(&r->failure));
                return false;
        }
        if (r->path)
                return tree_refuse(error, r->path, "cannot be read: %s", clean);
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_CONTENT, "the archive cannot be read: %s", clean);
        return false;
}

static gssize read_entry(void *userdata, void *buffer, gsize size, GError **error)
{
        Reader *r = userdata;
        la_ssize_t n = archive_read_data(r->archive, buffer, size);

        /* ARCHIVE_WARN and its kin are negative too: data that is perhaps right is not right. */
        if (n < 0)
                return archive_failed(r, error) ? 0 : -1;
        output_progress((uint64_t)MAX(archive_filter_bytes(r->archive, -1), 0),
                        r->regular ? (uint64_t)r->before.st_size : 0);
        return n;
}

/* "./a/b/" is a/b. NULL is the root itself. */
static const char *plain_path(char *path)
{
        size_t n;

        while (g_str_has_prefix(path, "./"))
                for (path += 2; *path == '/'; path++)
                        ;
        n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
                path[--n] = '\0';
        return *path == '\0' || strcmp(path, ".") == 0 ? NULL : path;
}

static bool check_attributes(const char *path, struct archive_entry *e, GError **error)
{
        const char *name;
        const void *value;
        size_t size;

        if (archive_entry_is_encrypted(e))
                return tree_refuse(error, path, "is encrypted");
        (void)archive_entry_xattr_reset(e);
        while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
                if (!tree_check_xattr(path, name, error))
                        return false;
        return true;
}

static bool add_hard_link(Reader *r, const char *path, struct archive_entry *e, GError **error)
{
        g_autofree char *from = g_strdup(archive_entry_hardlink(e));
        const char *plain = plain_path(from);

        if (!plain || !tree_check_path(plain, NULL))
                return tree_refuse(error, path, "is a hard link that leaves the tree");
        return tree_add_copy(r->tree, path, plain, error);
}

static bool add_file(Reader *r, const char *path, struct archive_entry *e, GError **error)
{
        TreeFile file = {path, (uint64_t)archive_entry_size(e), archive_entry_mode(e) & 0111, read_entry, r};
        bool fine;

        if (!archive_entry_size_is_set(e) || archive_entry_size(e) < 0)
                return tree_refuse(error, path, "does not say how large it is");
        r->path = path;
        fine = tree_add_file(r->tree, &file, error);
        r->path = NULL;
        return fine;
}

static bool add_entry(Reader *r, struct archive_entry *e, GError **error)
{
        g_autofree char *name = g_strdup(archive_entry_pathname(e));
        mode_t mode = archive_entry_mode(e);
        const char *path;

        if (!name || name[0] == '\0') {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_CONTENT,
                            "an entry has no name that can be read");
                return false;
        }
        path = plain_path(name);
        if (!path)
                return S_ISDIR(mode) || tree_refuse(error, ".", "is not a directory");
        if (!tree_check_path(path, error) || !check_attributes(path, e, error))
                return false;
        if (archive_entry_hardlink(e))
                return add_hard_link(r, path, e, error);
        if (!tree_check_mode(path, mode, error))
                return false;
        if (S_ISDIR(mode))
                return tree_add_directory(r->tree, path, error);
        if (S_ISREG(mode))
                return add_file(r, path, e, error);
        return tree_add_link(r->tree, path, archive_entry_symlink(e) ? archive_entry_symlink(e) : "", error);
}

/* libarchive takes the end of the file for the end of the archive: a stream that was cut between two entries
 * would pass. A whole one ends with a block of zeros, which has been consumed behind the last entry's
 * padding. */
static bool check_tar_end(Reader *r, GError **error)
{
        int64_t padded = (r->data_end + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;

        if (archive_filter_bytes(r->archive, 0) >= padded + TAR_BLOCK)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_CONTENT,
                    "the archive is cut short: its end mark is missing");
        return false;
}

static bool check_unchanged(Reader *r, GError **error)
{
        struct stat st;

        if (!r->regular || (fstat(r->fd, &st) == 0 && st.st_size == r->before.st_size &&
                            memcmp(&st.st_mtim, &r->before.st_mtim, sizeof(st.st_mtim)) == 0))
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_CONTENT, "the archive changed while it was read");
        return false;
}

static bool read_entries(Reader *r, Format format, GError **error)
{
        struct archive_entry *e;
        int n;

        while ((n = archive_read_next_header(r->archive, &e)) == ARCHIVE_OK) {
                if (!add_entry(r, e, error))
                        return false;
                r->data_end = archive_filter_bytes(r->archive, 0);
        }
        if (n != ARCHIVE_EOF)
                return archive_failed(r, error);
        return (format == FORMAT_ZIP || check_tar_end(r, error)) && check_unchanged(r, error);
}

bool import_archive(Tree *t, int fd, Format format, GError **error)
{
        g_autoptr(ArchiveRead) a = archive_read_new();
        g_autofree char *buffer = g_malloc(BUFFER_SIZE);
        Reader r = {.tree = t, .archive = a, .fd = fd, .buffer = buffer};
        bool fine;

        if (fstat(fd, &r.before) < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot stat the archive") ==
                       0;
        r.regular = S_ISREG(r.before.st_mode);
        if (!a || !add_formats(a, format)) {
                g_set_error(error, L4_ERROR, L4_ERROR_STORE_FAILED, "libarchive lacks a format");
                return false;
        }
        (void)archive_read_set_read_callback(a, callback_read);
        (void)archive_read_set_skip_callback(a, callback_skip);
        (void)archive_read_set_seek_callback(a, callback_seek);
        (void)archive_read_set_callback_data(a, &r);
        fine = archive_read_open1(a) == ARCHIVE_OK ? read_entries(&r, format, error)
                                                   : archive_failed(&r, error);
        g_clear_error(&r.failure);
        return fine;
}
