/* Mounting and unmounting one server's tree: see server-mount.h. Touches servers/NAME of the state directory,
 * and NAME in the folders for mount points and launch files. */
#include "server-mount.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/layout.h"
#include "compose.h"
#include "mounts.h"
#include "plan-fetch.h"
#include "server-tree.h"
#include "sys-mount.h"
#include "sys-path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define LAUNCH_SIZE_MAX (64U * 1024U) /* left4me-launch reads no more */

static bool failed(GError **error, int r, const char *what, const char *path)
{
        l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, r, "Cannot %s %s", what, path);
        return false;
}

/* Mounts could pile up: every one of them goes, as long as the top one is ours. */
static bool unmount_target(const char *tag, const char *target, GError **error)
{
        int n;

        while ((n = mounts_count_own(tag, target)) > 0) {
                if (umount2(target, UMOUNT_NOFOLLOW) == 0)
                        continue;
                if (errno != EBUSY)
                        return failed(error, -errno, "unmount", target);
                g_set_error(error, L4_ERROR, L4_ERROR_IN_USE,
                            "%s is still used by a process on the host (fuser -m names it)", target);
                return false;
        }
        return n < 0 ? failed(error, n, "read", "/proc/self/mountinfo") : true;
}

static bool check_unused(const char *instance, const char *tag, GError **error)
{
        pid_t pid = 0;
        int r = mounts_find_holder(tag, &pid);

        if (r == 0)
                return true;
        if (r < 0)
                return failed(error, r, "read the mounts of every process in", "/proc");
        g_set_error(error, L4_ERROR, L4_ERROR_IN_USE,
                    "The tree of server %s is still mounted for process %d; a second mount would corrupt it",
                    instance, (int)pid);
        return false;
}

static bool write_launch_file(const MountPlan *plan, GError **error)
{
        g_autoptr(GByteArray) data = g_byte_array_new();
        cleanup_close int dir_fd = path_open_root_owned(L4_RUN_LAUNCH);
        int r = dir_fd;

        for (char **arg = plan->argv; *arg; arg++)
                g_byte_array_append(data, (const guint8 *)*arg, (guint)strlen(*arg) + 1);
        if (data->len > LAUNCH_SIZE_MAX) {
                g_set_error(error, L4_ERROR, L4_ERROR_LIMIT_REACHED, "The arguments are longer than %u bytes",
                            LAUNCH_SIZE_MAX);
                return false;
        }
        if (r >= 0)
                r = file_write_atomic(dir_fd, plan->instance, data->data, data->len, 0644, false);
        return r < 0 ? failed(error, r, "write the launch file below", L4_RUN_LAUNCH) : true;
}

static bool attach_once(int mount_fd, int target_fd, const char *tag, const char *target, GError **error)
{
        int r = sys_mount_attach(mount_fd, target_fd);

        if (r < 0)
                return failed(error, r, "mount at", target);
        r = mounts_count_own(tag, target);
        if (r == 1)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_MOUNT_FAILED, "%s is mounted %d times at %s, should be once",
                    tag, MAX(r, 0), target);
        return false;
}

static bool mount_plan(const MountPlan *plan, const ServerTree *tree, const char *tag, const char *target,
                       GError **error)
{
        cleanup_close int parent_fd = path_open_root_owned(L4_RUN_MOUNTS);
        cleanup_close int target_fd = -EBADF, mount_fd = -EBADF;

        if (parent_fd < 0)
                return failed(error, parent_fd, "open", L4_RUN_MOUNTS);
        target_fd = path_make_dir(parent_fd, plan->instance, 0700);
        if (target_fd < 0)
                return failed(error, target_fd, "make the mount point", target);
        mount_fd = compose_tree(plan, tree, target, error);
        return mount_fd >= 0 && attach_once(mount_fd, target_fd, tag, target, error);
}

bool server_mount(const char *instance, GError **error)
{
        g_autofree char *tag = g_strconcat(L4_MOUNT_SOURCE_PREFIX, instance, NULL);
        g_autofree char *target = g_strconcat(L4_RUN_MOUNTS "/", instance, NULL);
        g_autoptr(MountPlan) plan = plan_fetch(instance, error);
        g_auto(ServerTree) tree = SERVER_TREE_NONE;

        return plan && mount_plan_check(plan, error) && server_tree_make(instance, &tree, error) &&
               unmount_target(tag, target, error) && check_unused(instance, tag, error) &&
               server_tree_make_writable(&tree, error) && server_tree_write_generated(&tree, plan, error) &&
               write_launch_file(plan, error) && mount_plan(plan, &tree, tag, target, error);
}

static bool remove_run_entry(const char *parent, const char *instance, int flags, GError **error)
{
        cleanup_close int dir_fd = path_open_root_owned(parent);
        int r = dir_fd == -ENOENT ? 0 : dir_fd;

        if (dir_fd >= 0)
                r = unlinkat(dir_fd, instance, flags) < 0 && errno != ENOENT ? -errno : 0;
        return r < 0 ? failed(error, r, "remove the server's entry in", parent) : true;
}

static void warn_of_leftover(const char *instance, const char *tag)
{
        pid_t pid;

        if (mounts_find_holder(tag, &pid) > 0)
                (void)fprintf(stderr, "The tree of server %s is unmounted, but process %d still has it\n",
                              instance, (int)pid);
}

bool server_unmount(const char *instance, GError **error)
{
        g_autofree char *tag = g_strconcat(L4_MOUNT_SOURCE_PREFIX, instance, NULL);
        g_autofree char *target = g_strconcat(L4_RUN_MOUNTS "/", instance, NULL);
        g_auto(ServerTree) tree = SERVER_TREE_NONE;

        if (!server_tree_find(instance, &tree, error) || !unmount_target(tag, target, error))
                return false;
        /* Without the mount point the kernel drops the copies that other namespaces have of that mount
         * (private ones too: detach_mounts() of Linux), so it goes before the look at who is left. */
        if (!remove_run_entry(L4_RUN_MOUNTS, instance, AT_REMOVEDIR, error))
                return false;
        warn_of_leftover(instance, tag);
        return server_tree_clean_work(&tree, error) && remove_run_entry(L4_RUN_LAUNCH, instance, 0, error);
}
