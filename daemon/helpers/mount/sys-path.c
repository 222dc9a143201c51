/* Paths by descriptor: see sys-path.h. Touches only what lies below the descriptors it is given. */
#include "sys-path.h"

#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define REMOVE_DEPTH_MAX 128U

int path_open_root_owned(const char *path)
{
        cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
                return -EPERM;
        return fd_steal(&fd);
}

/* A name that leads one step down and nowhere else. */
static bool is_component(const char *name)
{
        return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int open_beneath_mode(int dir_fd, const char *path, int flags, mode_t mode)
{
        g_auto(GStrv) names = g_strsplit(path, "/", -1);
        size_t n = g_strv_length(names);
        cleanup_close int above_fd = -EBADF;
        int fd;

        for (size_t i = 0; i < n; i++) {
                bool last = i + 1 == n;

                if (!is_component(names[i]))
                        return -EINVAL;
                fd = openat(above_fd < 0 ? dir_fd : above_fd, names[i],
                            (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, mode);
                if (fd < 0 || last)
                        return fd < 0 ? -errno : fd;
                fd_closep(&above_fd);
                above_fd = fd;
        }
        return -EINVAL;
}

int path_open_beneath(int dir_fd, const char *path, int flags)
{
        return open_beneath_mode(dir_fd, path, flags, 0);
}

int path_make_dir(int dir_fd, const char *name, mode_t mode)
{
        if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
                return -errno;
        return path_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY);
}

int path_make_dirs(int dir_fd, const char *path, mode_t mode)
{
        g_auto(GStrv) names = g_strsplit(path, "/", -1);
        cleanup_close int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);

        for (char **name = names; fd >= 0 && *name; name++) {
                int next = path_make_dir(fd, *name, mode);

                fd_closep(&fd);
                fd = next;
        }
        return fd_steal(&fd);
}

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

int path_write_new(int dir_fd, const char *name, mode_t mode, const void *data, size_t size)
{
        cleanup_close int fd = open_beneath_mode(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL, mode);

        return fd < 0 ? fd : write_all(fd, data, size);
}

int path_write_atomic(int dir_fd, const char *name, mode_t mode, const void *data, size_t size)
{
        /* No valid name starts with a dot, so this is nobody's file. */
        g_autofree char *aside = g_strdup_printf(".%s.new", name);
        int r;

        if (unlinkat(dir_fd, aside, 0) < 0 && errno != ENOENT)
                return -errno;
        r = path_write_new(dir_fd, aside, mode, data, size);
        if (r == 0 && renameat(dir_fd, aside, dir_fd, name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(dir_fd, aside, 0);
        return r;
}

static void closedirp(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

static int remove_below(int dir_fd, const char *name, unsigned depth)
{
        cleanup_close int fd = -EBADF;
        __attribute__((cleanup(closedirp))) DIR *dir = NULL;
        const struct dirent *entry;

        if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR)
                return -errno;
        if (depth >= REMOVE_DEPTH_MAX)
                return -ELOOP;
        fd = path_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fd;
        dir = fdopendir(fd);
        if (!dir)
                return -errno;
        (void)fd_steal(&fd);
        for (errno = 0; (entry = readdir(dir)); errno = 0) {
                int r = 0;

                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = remove_below(dirfd(dir), entry->d_name, depth + 1);
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                return -errno;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int path_remove_tree(int dir_fd, const char *name)
{
        return remove_below(dir_fd, name, 0);
}
