/* See tree-tar.h. */
#include "ctl/tree-tar.h"

#include "common/output.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Says what libarchive has against an entry. */
static int complain(struct archive *a, struct archive_entry *entry)
{
        const char *name = entry ? archive_entry_pathname(entry) : NULL;

        output_complain(name, archive_error_string(a) ? archive_error_string(a) : g_strerror(errno));
        return -EIO;
}

static int copy_data(struct archive *disk, struct archive *tar, struct archive_entry *entry)
{
        static char buffer[64 * 1024];
        la_int64_t left = archive_entry_size(entry);

        while (left > 0) {
                la_ssize_t n = archive_read_data(disk, buffer, MIN((size_t)left, sizeof(buffer)));

                if (n < 0)
                        return complain(disk, entry);
                if (n == 0) {
                        output_complain(archive_entry_pathname(entry),
                                        "The file became shorter while it was read.");
                        return -EIO;
                }
                if (archive_write_data(tar, buffer, (size_t)n) < 0)
                        return complain(tar, entry);
                left -= n;
        }
        return 0;
}

static int copy_entry(struct archive *disk, struct archive *tar, struct archive_entry *entry)
{
        int r;

        if (archive_entry_filetype(entry) == AE_IFDIR)
                (void)archive_read_disk_descend(disk);

        /* Whose they are on this host is nobody's business on the other side. */
        archive_entry_set_uid(entry, 0);
        archive_entry_set_gid(entry, 0);
        archive_entry_set_uname(entry, NULL);
        archive_entry_set_gname(entry, NULL);

        r = archive_write_header(tar, entry);
        if (r < ARCHIVE_OK)
                return complain(tar, entry);
        return archive_entry_filetype(entry) == AE_IFREG ? copy_data(disk, tar, entry) : 0;
}

static int copy_tree(struct archive *disk, struct archive *tar)
{
        struct archive_entry *entry = archive_entry_new();
        int r = 0, next;

        while ((next = archive_read_next_header2(disk, entry)) == ARCHIVE_OK) {
                r = copy_entry(disk, tar, entry);
                if (r < 0)
                        break;
        }
        if (next != ARCHIVE_OK && next != ARCHIVE_EOF)
                r = complain(disk, NULL);
        archive_entry_free(entry);
        return r;
}

static int open_tar(struct archive *tar, int fd)
{
        if (archive_write_set_format_pax_restricted(tar) < ARCHIVE_OK)
                return -EIO;
        /* The fastest of those whose end is marked; a libarchive can be built without it. */
        if (archive_write_add_filter_zstd(tar) < ARCHIVE_OK &&
            archive_write_add_filter_gzip(tar) < ARCHIVE_OK)
                return -EIO;
        if (archive_write_set_bytes_in_last_block(tar, 1) < ARCHIVE_OK ||
            archive_write_open_fd(tar, fd) < ARCHIVE_OK)
                return -EIO;
        return 0;
}

static int write_tree(int fd)
{
        struct archive *disk = archive_read_disk_new(), *tar = archive_write_new();
        int r;

        if (!disk || !tar)
                return -ENOMEM;

        r = open_tar(tar, fd);
        if (r < 0)
                return complain(tar, NULL);
        (void)archive_read_disk_set_symlink_physical(disk);
        (void)archive_read_disk_set_behavior(disk, ARCHIVE_READDISK_NO_XATTR | ARCHIVE_READDISK_NO_ACL |
                                                           ARCHIVE_READDISK_NO_FFLAGS);
        if (archive_read_disk_open(disk, ".") < ARCHIVE_OK)
                return complain(disk, NULL);

        r = copy_tree(disk, tar);
        if (r < 0)
                return r; /* without closing tar: its end must stay missing */
        return archive_write_close(tar) < ARCHIVE_OK ? complain(tar, NULL) : 0;
}

static G_NORETURN void child_run(int directory, int fd)
{
        sigset_t none;

        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        /* A reader that went away has its own message. */
        (void)signal(SIGPIPE, SIG_DFL);

        if (fchdir(directory) < 0) {
                output_complain(NULL, g_strerror(errno));
                _exit(EXIT_FAILURE);
        }
        _exit(write_tree(fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int tree_tar_start(const char *directory, pid_t *ret_pid, int *ret_fd)
{
        int dir, fds[2], r = 0;
        pid_t pid;

        dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        if (pipe2(fds, O_CLOEXEC) < 0) {
                r = -errno;
                (void)close(dir);
                return r;
        }

        pid = fork();
        if (pid == 0) {
                (void)close(fds[0]);
                child_run(dir, fds[1]);
        }
        if (pid < 0) {
                r = -errno;
                (void)close(fds[0]);
        }
        (void)close(fds[1]);
        (void)close(dir);
        if (r < 0)
                return r;

        *ret_pid = pid;
        *ret_fd = fds[0];
        return 0;
}

bool tree_tar_wait(pid_t pid, bool wanted)
{
        int status;

        if (!wanted)
                (void)kill(pid, SIGTERM);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return false;

        /* A reader may close before the padding at the end. */
        return (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) ||
               (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}
