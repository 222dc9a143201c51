#include "checkout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/layout.h"

static int open_in_checkout(const char *commit, const char *path, int flags)
{
        g_autofree char *root_path = g_strdup_printf(L4_STATE_DIR "/" L4_CHECKOUTS "/%s", commit);
        cleanup_close int root = open(root_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return root < 0 ? -errno : open_beneath(root, path[0] ? path : ".", flags);
}

static int open_failed(GError **error, const char *path, int r)
{
        switch (r) {
        case -ENOENT:
        case -ENOTDIR:
                g_set_error(error, L4_ERROR, L4_ERROR_FILE_NOT_FOUND, "there is no '%s'", path);
                break;
        case -ELOOP:
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "'%s' is or leads through a link", path);
                break;
        default:
                l4_error_set_errno(error, L4_ERROR_FAILED, r, "'%s'", path);
        }
        return -1;
}

int checkout_open_file(const char *commit, const char *path, GError **error)
{
        cleanup_close int fd = open_in_checkout(commit, path, O_RDONLY);
        struct stat st;

        if (fd < 0)
                return open_failed(error, path, fd);
        if (fstat(fd, &st) < 0)
                return open_failed(error, path, -errno);
        if (!S_ISREG(st.st_mode)) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "'%s' is a directory", path);
                return -1;
        }
        return fd_steal(&fd);
}

static void entry_free(gpointer p)
{
        CheckoutEntry *e = p;

        g_free(e->name);
        g_free(e);
}

static gint entry_compare(gconstpointer a, gconstpointer b)
{
        const CheckoutEntry *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

static CheckoutEntry *entry_new(int dir_fd, const char *name)
{
        CheckoutEntry *e;
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return NULL;
        e = g_new0(CheckoutEntry, 1);
        e->name = g_strdup(name);
        e->type = S_ISDIR(st.st_mode) ? "directory" : S_ISLNK(st.st_mode) ? "link" : "file";
        e->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        e->mode = st.st_mode & 07777;
        return e;
}

GPtrArray *checkout_list(const char *commit, const char *path, GError **error)
{
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
        int fd = open_in_checkout(commit, path, O_RDONLY | O_DIRECTORY);
        struct dirent *d;
        DIR *dir;

        if (fd < 0) {
                open_failed(error, path, fd);
                return NULL;
        }
        dir = fdopendir(fd);
        if (!dir) {
                open_failed(error, path, -errno);
                (void)close(fd);
                return NULL;
        }
        while ((d = readdir(dir))) {
                CheckoutEntry *e;

                if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
                        continue;
                e = entry_new(fd, d->d_name);
                if (e)
                        g_ptr_array_add(entries, e);
        }
        (void)closedir(dir);
        g_ptr_array_sort(entries, entry_compare);
        return g_steal_pointer(&entries);
}
