/* The system calls of mounting: see sys-mount.h. */
#include "sys-mount.h"

#include "base/error.h"
#include "base/fd.h"
#include "plan/mount-plan.h"

#include <fcntl.h>
#include <libmount/libmount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int write_map(pid_t pid, const char *name, unsigned disk, unsigned seen, bool keep_root)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int)pid, name);
        g_autofree char *map = g_strdup_printf("%s%u %u 1\n", keep_root ? "0 0 1\n" : "", disk, seen);
        cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

        /* One write: the kernel takes a map only once. */
        return fd < 0 || write(fd, map, strlen(map)) < 0 ? -errno : 0;
}

static int open_userns_of(pid_t pid, const IdMap *map)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/ns/user", (int)pid);
        int fd, r;

        r = write_map(pid, "uid_map", map->disk_uid, map->uid, map->keep_root);
        if (r == 0)
                r = write_map(pid, "gid_map", map->disk_gid, map->gid, map->keep_root);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int sys_idmap_open(const IdMap *map)
{
        int hold[2], fd;
        pid_t pid;

        if (pipe2(hold, O_CLOEXEC) < 0)
                return -errno;
        /* A namespace needs a process until a descriptor holds it. This one waits for us to go on, or to die.
         */
        pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);
        if (pid == 0) {
                char c;

                (void)close(hold[1]);
                while (read(hold[0], &c, 1) < 0 && errno == EINTR)
                        ;
                _exit(0);
        }
        fd = pid < 0 ? -errno : open_userns_of(pid, map);
        (void)close(hold[0]);
        (void)close(hold[1]);
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return fd;
}

int sys_mount_clone_idmapped(int dir_fd, int userns_fd)
{
        cleanup_close int fd = open_tree(dir_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        struct mount_attr attr = {
                .attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                .propagation = MS_PRIVATE,
                .userns_fd = (uint64_t)userns_fd,
        };

        if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
                return -errno;
        return fd_steal(&fd);
}

int sys_mount_clone(const char *path)
{
        int fd = open_tree(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int sys_mount_unshare(void)
{
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return -errno;
        return 0;
}

int sys_mount_attach(int mount_fd, int target_fd)
{
        return move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
                       ? -errno
                       : 0;
}

static void context_freep(struct libmnt_context **context)
{
        mnt_free_context(*context);
}

bool sys_overlay_mount(const char *source, const char *target, const char *options, GError **error)
{
        __attribute__((cleanup(context_freep))) struct libmnt_context *context = mnt_new_context();
        char reason[512] = "";
        int r;

        /* libmount 2.39 and later would use fsconfig(), whose strings end at 255 bytes. */
        if (!context || setenv("LIBMOUNT_FORCE_MOUNT2", "always", 1) < 0) {
                g_set_error_literal(error, L4_ERROR, L4_ERROR_MOUNT_FAILED, "Out of memory");
                return false;
        }
        (void)mnt_context_disable_helpers(context, 1);
        (void)mnt_context_disable_mtab(context, 1);
        (void)mnt_context_disable_canonicalize(context, 1);
        if (mnt_context_set_fstype(context, "overlay") != 0 || mnt_context_set_source(context, source) != 0 ||
            mnt_context_set_target(context, target) != 0 || mnt_context_set_options(context, options) != 0 ||
            mnt_context_set_mflags(context, MS_NOSUID | MS_NODEV) != 0) {
                g_set_error_literal(error, L4_ERROR, L4_ERROR_MOUNT_FAILED,
                                    "libmount refuses the overlay's options");
                return false;
        }
        r = mnt_context_mount(context);
        if (r == 0)
                return true;
        (void)mnt_context_get_excode(context, r, reason, sizeof reason);
        g_set_error(error, L4_ERROR, L4_ERROR_MOUNT_FAILED, "Cannot mount the overlay: %s",
                    reason[0] ? reason : g_strerror(r < 0 ? -r : mnt_context_get_syscall_errno(context)));
        return false;
}

static int set_fd(int fs_fd, const char *key, int fd)
{
        char path[64];

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        return fsconfig(fs_fd, FSCONFIG_SET_STRING, key, path, 0) < 0 ? -errno : 0;
}

static int set_options(int fs_fd, const char *options)
{
        g_auto(GStrv) items = g_strsplit(options, ",", -1);

        for (char **item = items; *item; item++) {
                char *value = strchr(*item, '=');

                if (!value)
                        return -EINVAL;
                *value++ = '\0';
                if (fsconfig(fs_fd, FSCONFIG_SET_STRING, *item, value, 0) < 0)
                        return -errno;
        }
        return 0;
}

/* The kernel's own words, when it has some: "e overlay: ...". */
static void set_fs_error(GError **error, int fs_fd, int r, const char *what)
{
        char text[512];
        ssize_t n = read(fs_fd, text, sizeof text - 1);

        text[n > 0 ? n : 0] = '\0';
        l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, r, "%s%s%s", what, n > 2 ? ", kernel says " : "",
                           n > 2 ? g_strchomp(text + 2) : "");
}

static int set_layers(int fs_fd, const int *layer_fds, size_t n_layers, GError **error)
{
        for (size_t i = 0; i < n_layers; i++) {
                int r = set_fd(fs_fd, "lowerdir+", layer_fds[i]);

                if (r == -EINVAL && i == 0)
                        g_set_error(error, L4_ERROR, L4_ERROR_LIMIT_REACHED,
                                    "%zu layers are too many for this kernel, which takes %u (Linux 6.8 "
                                    "takes %u)",
                                    n_layers, MOUNT_LAYERS_PAGE_MAX, MOUNT_LAYERS_MAX);
                else if (r < 0)
                        set_fs_error(error, fs_fd, r, "Cannot add a layer to the overlay");
                if (r < 0)
                        return r;
        }
        return 0;
}

int sys_overlay_open(const char *source, const int *layer_fds, size_t n_layers, int upper_fd, int work_fd,
                     const char *options, GError **error)
{
        cleanup_close int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
        int fd = -EBADF, r;

        if (fs_fd < 0)
                return l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, -errno, "Cannot use overlayfs");
        r = set_layers(fs_fd, layer_fds, n_layers, error);
        if (r < 0)
                return r;
        r = fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0) < 0 ? -errno : 0;
        if (r == 0)
                r = set_fd(fs_fd, "upperdir", upper_fd);
        if (r == 0)
                r = set_fd(fs_fd, "workdir", work_fd);
        if (r == 0)
                r = set_options(fs_fd, options);
        if (r == 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                r = -errno;
        if (r == 0) {
                fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
                r = fd < 0 ? -errno : 0;
        }
        if (r < 0)
                set_fs_error(error, fs_fd, r, "Cannot mount the overlay");
        return r < 0 ? r : fd;
}

int sys_is_read_only(int fd)
{
        struct statvfs st;

        return fstatvfs(fd, &st) < 0 ? -errno : (st.f_flag & ST_RDONLY) != 0;
}
