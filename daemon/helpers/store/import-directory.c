/* Reads a directory tree by descriptors. Touches nothing; promises that what was added is what the tree held
 * at one moment: it is walked three times, to survey it, to read it, and to compare, and every entry must
 * look the same each time (inode, size, times of change). */
#include "base/error.h"
#include "base/fd.h"
#include "beneath.h"
#include "import.h"
#include "output.h"
#include "source.h"
#include "tree-check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define XATTR_LIST_SIZE 65536U /* XATTR_LIST_MAX of Linux */

typedef enum Pass {
        PASS_SURVEY,
        PASS_READ,
        PASS_COMPARE,
        _PASS_MAX,
} Pass;

typedef struct Stamp {
        ino_t inode;
        mode_t mode;
        off_t size;
        struct timespec modified, changed;
} Stamp;

typedef struct Walk {
        Tree *tree;
        int file; /* being read */
        Pass pass;
        GArray *stamps; /* of all entries, in the order of the walk */
        guint next;
        GString *path;
        uint64_t total; /* bytes; known after the survey */
} Walk;

static bool refuse_errno(GError **error, const char *path, int r)
{
        switch (-r) {
        case ENOENT:
        case ENOTDIR:
        case ELOOP:
                return tree_refuse(error, path, "changed while it was read");
        case EXDEV:
                return tree_refuse(error, path, "is on another mount");
        case EACCES:
        case EPERM:
                return tree_refuse(error, path, "may not be read by the store");
        default:
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, r, "cannot read '%s'", path) == 0;
        }
}

static bool same_time(struct timespec a, struct timespec b)
{
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool stamp_matches(const Stamp *a, const struct stat *st)
{
        return a->inode == st->st_ino && a->mode == st->st_mode && a->size == st->st_size &&
               same_time(a->modified, st->st_mtim) && same_time(a->changed, st->st_ctim);
}

/* Notes how an entry looks in the survey, and holds it against that later. */
static bool check_stamp(Walk *w, const struct stat *st, GError **error)
{
        Stamp now = {st->st_ino, st->st_mode, st->st_size, st->st_mtim, st->st_ctim};

        if (w->pass == PASS_SURVEY) {
                g_array_append_val(w->stamps, now);
                return true;
        }
        if (w->next < w->stamps->len && stamp_matches(&g_array_index(w->stamps, Stamp, w->next++), st))
                return true;
        return tree_refuse(error, w->path->str, "changed while it was read");
}

static bool check_xattrs(const char *path, int fd, GError **error)
{
        g_autofree char *list = g_malloc(XATTR_LIST_SIZE);
        ssize_t n = flistxattr(fd, list, XATTR_LIST_SIZE);

        if (n < 0)
                return errno == ENOTSUP || refuse_errno(error, path, -errno);
        for (const char *p = list; p < list + n; p += strlen(p) + 1)
                if (!tree_check_xattr(path, p, error))
                        return false;
        return true;
}

static int open_entry(int dirfd, const char *name, int flags, const struct stat *expected)
{
        cleanup_close int fd = open_beneath_same_mount(dirfd, name, O_RDONLY | flags);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_ino != expected->st_ino || st.st_dev != expected->st_dev || st.st_mode != expected->st_mode)
                return -ENOENT;
        return fd_steal(&fd);
}

static gssize read_file(void *userdata, void *buffer, gsize size, GError **error)
{
        const Walk *w = userdata;
        gssize n = source_read(w->file, buffer, size);

        output_progress(w->tree->size, w->total);
        if (n < 0)
                (void)source_set_error(error, (int)n, "cannot read");
        return n < 0 ? -1 : n;
}

static bool visit_file(Walk *w, int dirfd, const char *name, const struct stat *st, GError **error)
{
        cleanup_close int fd = -EBADF;
        TreeFile file = {w->path->str, (uint64_t)st->st_size, st->st_mode & 0111, read_file, w};
        struct stat after;
        bool added;

        if (w->pass == PASS_SURVEY) {
                w->total += (uint64_t)st->st_size;
                if (w->total <= w->tree->size_max)
                        return true;
                g_set_error(error, L4_ERROR, L4_ERROR_QUOTA_EXCEEDED,
                            "'%s': with it the content would be larger than %" G_GUINT64_FORMAT " bytes",
                            file.path, w->tree->size_max);
                return false;
        }
        fd = open_entry(dirfd, name, 0, st);
        if (fd < 0)
                return refuse_errno(error, file.path, fd);
        w->file = fd;
        if (!check_xattrs(file.path, fd, error))
                return false;
        added = tree_add_file(w->tree, &file, error);
        if (fstat(fd, &after) == 0 && stamp_matches(&g_array_index(w->stamps, Stamp, w->next - 1), &after))
                return added;
        g_clear_error(error); /* "larger than it says" is true, but this is why */
        return tree_refuse(error, file.path, "changed while it was read");
}

static bool visit_link(Walk *w, int dirfd, const char *name, GError **error)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

        if (n < 0)
                return refuse_errno(error, w->path->str, -errno);
        target[n] = '\0';
        if (w->pass == PASS_SURVEY)
                return tree_check_link(w->path->str, target, error);
        return tree_add_link(w->tree, w->path->str, target, error);
}

static bool visit_directory(Walk *w, int fd, GError **error);

static bool visit_subdirectory(Walk *w, int dirfd, const char *name, const struct stat *st, GError **error)
{
        cleanup_close int fd = open_entry(dirfd, name, O_DIRECTORY, st);

        if (fd < 0)
                return refuse_errno(error, w->path->str, fd);
        if (w->pass == PASS_READ && !tree_add_directory(w->tree, w->path->str, error))
                return false;
        return visit_directory(w, fd, error);
}

static bool visit_entry(Walk *w, int dirfd, const char *name, GError **error)
{
        const char *path = w->path->str;
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return refuse_errno(error, path, -errno);
        if (g_cancellable_set_error_if_cancelled(w->tree->store->cancel, error) ||
            !check_stamp(w, &st, error))
                return false;
        if (w->pass == PASS_SURVEY) {
                if (!tree_check_path(path, error) || !tree_check_mode(path, st.st_mode, error))
                        return false;
                if (w->stamps->len > w->tree->entries_max + 1) { /* the root has a stamp too */
                        g_set_error(error, L4_ERROR, L4_ERROR_QUOTA_EXCEEDED,
                                    "'%s': with it there would be more than %" G_GUINT64_FORMAT " entries",
                                    path, w->tree->entries_max);
                        return false;
                }
        }
        if (S_ISDIR(st.st_mode))
                return visit_subdirectory(w, dirfd, name, &st, error);
        if (w->pass == PASS_COMPARE)
                return true;
        return S_ISLNK(st.st_mode) ? visit_link(w, dirfd, name, error)
                                   : visit_file(w, dirfd, name, &st, error);
}

/* Recursion is as deep as paths may be: tree_check_path() has seen every directory before it is entered. */
static bool visit_directory(Walk *w, int fd, GError **error)
{
        g_autoptr(GPtrArray) names = NULL;
        gsize length = w->path->len;

        if (w->pass == PASS_SURVEY && !check_xattrs(w->path->str, fd, error))
                return false;
        names = directory_names(fd, error);
        if (!names)
                return false;
        for (guint i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];

                g_string_append_printf(w->path, "%s%s", length ? "/" : "", name);
                if (!visit_entry(w, fd, name, error))
                        return false;
                g_string_truncate(w->path, length);
        }
        return true;
}

static bool visit_root(Walk *w, int fd, GError **error)
{
        struct stat st;

        w->next = 0;
        if (fstat(fd, &st) < 0)
                return refuse_errno(error, ".", -errno);
        return check_stamp(w, &st, error) && visit_directory(w, fd, error);
}

bool import_directory(Tree *t, int fd, GError **error)
{
        g_autoptr(GArray) stamps = g_array_new(FALSE, FALSE, sizeof(Stamp));
        g_autoptr(GString) path = g_string_new(NULL);
        Walk w = {.tree = t, .file = -EBADF, .stamps = stamps, .path = path};

        for (w.pass = PASS_SURVEY; w.pass < _PASS_MAX; w.pass++)
                if (!visit_root(&w, fd, error))
                        return false;
        return true;
}
