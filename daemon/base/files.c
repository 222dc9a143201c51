#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"

static int write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

int file_write_new(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, bool durable)
{
        cleanup_close int fd =
                openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        int r;

        if (fd < 0)
                return -errno;
        if (fchmod(fd, mode) < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (r < 0)
                return r;
        if (durable && fsync(fd) < 0)
                return -errno;
        /* Some file systems report a failed write only here. */
        if (close(fd_steal(&fd)) < 0)
                return -errno;
        return 0;
}

int file_write_atomic(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, bool durable)
{
        g_autofree char *aside = g_strdup_printf("%s.new", name);
        int r;

        if (unlinkat(dir_fd, aside, 0) < 0 && errno != ENOENT)
                return -errno;
        r = file_write_new(dir_fd, aside, data, size, mode, durable);

        if (r == 0 && renameat(dir_fd, aside, dir_fd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(dir_fd, aside, 0);
                return r;
        }
        return durable && fsync(dir_fd) < 0 ? -errno : 0;
}

int file_read_all(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_size)
{
        cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        g_autofree char *data = NULL;
        size_t used = 0;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADF;
        if ((size_t)st.st_size > max)
                return -EFBIG;
        data = g_malloc((size_t)st.st_size + 1);
        while (used < (size_t)st.st_size) {
                ssize_t n = read(fd, data + used, (size_t)st.st_size - used);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                used += (size_t)n;
        }
        data[used] = 0;
        *ret = g_steal_pointer(&data);
        if (ret_size)
                *ret_size = used;
        return 0;
}

int dir_open_create(const char *path, mode_t mode)
{
        int fd;

        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int dir_sync(const char *path)
{
        cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}
