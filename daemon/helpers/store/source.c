/* Opens the spool and what is below it, without links; reads and writes. */
#include "source.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/layout.h"
#include "beneath.h"
#include "cancel.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

int source_open_spool(GError **error)
{
        int fd = open(L4_SPOOL_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd >= 0 ? fd
                       : l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot open the spool");
}

static int open_in_spool(const char *path, GError **error)
{
        cleanup_close int spool = source_open_spool(error);
        int fd = spool < 0 ? -EBADF : open_beneath(spool, path, O_RDONLY);

        if (spool >= 0 && fd < 0)
                (void)l4_error_set_errno(error,
                                         fd == -ENOENT ? L4_ERROR_FILE_NOT_FOUND : L4_ERROR_INVALID_ARGS, fd,
                                         "cannot open '%s' in the spool", path);
        return fd;
}

static int open_place(const Request *r, GError **error)
{
        int fd = -EBADF;

        switch (r->place) {
        case PLACE_PATH:
                return open_in_spool(r->path, error);
        case PLACE_BIND:
                fd = open(STORE_IMPORT_DIR, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
                if (fd < 0)
                        (void)l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot open %s",
                                                 STORE_IMPORT_DIR);
                return fd;
        case PLACE_STDIN:
        default:
                fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
                if (fd < 0)
                        (void)l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno,
                                                 "cannot use standard input");
                return fd;
        }
}

static bool check_type(const Request *r, int fd, GError **error)
{
        struct stat st;
        int flags = fcntl(fd, F_GETFL);
        bool fine;

        if (flags < 0 || fstat(fd, &st) < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "cannot stat the source") ==
                       0;
        if (r->format == FORMAT_DIRECTORY)
                fine = S_ISDIR(st.st_mode);
        else if (r->format == FORMAT_TAR)
                fine = S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
        else
                fine = S_ISREG(st.st_mode); /* its table of contents is at its end */
        /* Whoever holds an O_PATH descriptor has not shown that he may read what it names; we might be able
         * to. */
        if (fine && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "the source is not a readable %s",
                    r->format == FORMAT_DIRECTORY ? "directory"
                    : r->format == FORMAT_TAR     ? "file or pipe"
                                                  : "file");
        return false;
}

int source_open(const Request *r, GError **error)
{
        cleanup_close int fd = open_place(r, error);

        return fd >= 0 && check_type(r, fd, error) ? fd_steal(&fd) : -1;
}

gssize source_read(int fd, void *buffer, gsize size)
{
        for (;;) {
                int r = cancel_poll(fd, POLLIN);
                gssize n = r < 0 ? r : read(fd, buffer, size);

                if (r < 0 || n >= 0)
                        return n;
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
        }
}

int source_write_all(int fd, const void *buffer, gsize size)
{
        const char *p = buffer;
        struct stat st;
        /* A pipe that is ready takes this much; more could block, and a signal would not end that. */
        bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

        while (size > 0) {
                int r = cancel_poll(fd, POLLOUT);
                gssize n = r < 0 ? r : write(fd, p, regular ? size : MIN(size, (gsize)PIPE_BUF));

                if (r < 0)
                        return r;
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        p += n;
                        size -= (gsize)n;
                }
        }
        return 0;
}

bool source_set_error(GError **error, int r, const char *what)
{
        if (r == -ECANCELED)
                g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
        else if (r == -ETIMEDOUT)
                g_set_error(error, L4_ERROR, L4_ERROR_TIMED_OUT,
                            "%s: nothing was read or written at the other end for two minutes", what);
        else
                (void)l4_error_set_errno(error, L4_ERROR_STORE_FAILED, r, "%s", what);
        return false;
}
