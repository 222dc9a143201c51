/* Ownership of file descriptors: a variable marked cleanup_close closes itself; one that owns nothing is
 * -EBADF. */
#pragma once

#include <errno.h>
#include <unistd.h>

static inline void fd_closep(int *fd)
{
        if (*fd >= 0) {
                int saved = errno;
                (void)close(*fd);
                errno = saved;
        }
}
#define cleanup_close __attribute__((cleanup(fd_closep)))

/* Hands a descriptor over: returns it and leaves -EBADF behind. */
static inline int fd_steal(int *fd)
{
        int taken = *fd;

        *fd = -EBADF;
        return taken;
}
