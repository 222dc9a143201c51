/* Opens and lists; changes nothing. */
#include "beneath.h"

#include "base/error.h"
#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

static int open_resolving(int dirfd, const char *path, int flags, uint64_t resolve)
{
        struct open_how how = {
                .flags = (uint64_t)flags | O_CLOEXEC,
                .resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        long fd;

        /* openat2() refuses with O_PATH what open() ignores. */
        if (!(flags & O_PATH))
                how.flags |= O_NOCTTY | O_NONBLOCK;
        fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        return fd < 0 ? -errno : (int)fd;
}

int open_beneath(int dirfd, const char *path, int flags)
{
        return open_resolving(dirfd, path, flags, 0);
}

int open_beneath_same_mount(int dirfd, const char *path, int flags)
{
        return open_resolving(dirfd, path, flags, RESOLVE_NO_XDEV);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *directory_names(int dirfd, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        cleanup_close int fd = -EBADF;
        DIR *dir;

        /* A description of its own: the offset of the caller's stays where it is. */
        fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                (void)l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot list a directory");
                return NULL;
        }
        (void)fd_steal(&fd);
        errno = 0;
        for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
                if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
                        g_ptr_array_add(names, g_strdup(d->d_name));
                errno = 0;
        }
        if (errno != 0) {
                (void)l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot list a directory");
                (void)closedir(dir);
                return NULL;
        }
        (void)closedir(dir);
        g_ptr_array_sort(names, compare_names);
        return g_steal_pointer(&names);
}
