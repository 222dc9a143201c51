#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>

#include "base/fd.h"

/* One component cannot lead anywhere else: it is no link, and names no other place. */
static int open_component(int dir_fd, const char *name, int flags)
{
        int fd;

        if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return -EINVAL;
        fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

int open_beneath(int dir_fd, const char *path, int flags)
{
        g_auto(GStrv) names = g_strsplit(path, "/", -1);
        cleanup_close int above = -EBADF;

        if (!names[0])
                return -EINVAL;
        if (strcmp(path, ".") == 0) {
                int fd = openat(dir_fd, ".", flags | O_CLOEXEC);

                return fd < 0 ? -errno : fd;
        }
        for (char **name = names;; name++) {
                int fd = open_component(above < 0 ? dir_fd : above, *name,
                                        name[1] ? O_PATH | O_DIRECTORY : flags);

                if (fd < 0 || !name[1])
                        return fd;
                fd_closep(&above);
                above = fd;
        }
}
