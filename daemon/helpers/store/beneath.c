/* Opens and lists; changes nothing. */
#include "beneath.h"

#include "base/error.h"
#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

static int mount_of(int fd, uint64_t *ret)
{
        struct statx st;

        if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
                return -errno;
        *ret = st.stx_mnt_id;
        return st.stx_mask & STATX_MNT_ID ? 0 : -EOPNOTSUPP;
}

int open_beneath_same_mount(int dirfd, const char *path, int flags)
{
        cleanup_close int fd = open_beneath(dirfd, path, flags);
        uint64_t theirs = 0;
        uint64_t ours = 0;
        int r = fd < 0 ? fd : mount_of(fd, &theirs);

        if (r >= 0)
                r = mount_of(dirfd, &ours);
        if (r < 0)
                return r;
        return theirs == ours ? fd_steal(&fd) : -EXDEV;
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
