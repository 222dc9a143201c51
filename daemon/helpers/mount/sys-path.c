/* Paths by descriptor: see sys-path.h. Touches only what lies below the descriptors it is given. */
#include "sys-path.h"

#include "base/beneath.h"
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

int path_make_dir(int dir_fd, const char *name, mode_t mode)
{
        if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
                return -errno;
        return open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY);
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
        fd = open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY);
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
