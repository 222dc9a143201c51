/* servers/NAME on disk: see server-tree.h. Touches nothing outside that directory. */
#include "server-tree.h"

#include "base/beneath.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/layout.h"
#include "plan/cfg.h"
#include "sys-mount.h"
#include "sys-path.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define FUSE_OVERLAYFS_PREFIX "user.fuseoverlayfs."

void server_tree_close(ServerTree *t)
{
        fd_closep(&t->dir_fd);
        fd_closep(&t->state_fd);
        *t = SERVER_TREE_NONE;
}

static bool tree_failed(const ServerTree *t, int r, const char *what, GError **error)
{
        l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, r, "Cannot %s below %s/%s/%s", what, L4_STATE_DIR,
                           L4_SERVERS, t->instance);
        return false;
}

static bool find_store_user(ServerTree *t, GError **error)
{
        const struct passwd *entry;

        errno = 0;
        entry = getpwnam(L4_STORE_USER);
        if (!entry || entry->pw_uid == 0 || entry->pw_gid == 0) {
                l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, errno != 0 ? -errno : -ESRCH,
                                   "There is no usable user %s", L4_STORE_USER);
                return false;
        }
        t->disk_uid = entry->pw_uid;
        t->disk_gid = entry->pw_gid;
        return true;
}

static bool open_state(ServerTree *t, GError **error)
{
        t->state_fd = path_open_root_owned(L4_STATE_DIR);
        return t->state_fd < 0
                       ? tree_failed(t, t->state_fd, "trust the state directory, to make something", error)
                       : true;
}

/* It needs no place in the file system: the descriptor keeps it. */
static int open_store_view(const ServerTree *t)
{
        cleanup_close int userns_fd = sys_idmap_open(
                &(IdMap){.disk_uid = t->disk_uid, .uid = 0, .disk_gid = t->disk_gid, .gid = 0});

        return userns_fd < 0 ? userns_fd : sys_mount_clone_idmapped(t->state_fd, userns_fd);
}

bool server_tree_make(const char *instance, ServerTree *ret, GError **error)
{
        g_auto(ServerTree) t = SERVER_TREE_NONE;
        cleanup_close int view_fd = -EBADF, servers_fd = -EBADF;

        t.instance = instance;
        if (!find_store_user(&t, error) || !open_state(&t, error))
                return false;
        view_fd = open_store_view(&t);
        if (view_fd < 0)
                return tree_failed(&t, view_fd, "map ids (do its file system and the kernel allow it?)",
                                   error);
        servers_fd = open_beneath(view_fd, L4_SERVERS, O_PATH | O_DIRECTORY);
        t.dir_fd = servers_fd < 0 ? servers_fd : path_make_dir(servers_fd, instance, 0700);
        if (t.dir_fd < 0)
                return tree_failed(&t, t.dir_fd, "make the server's directory", error);
        if (flock(t.dir_fd, LOCK_EX) < 0)
                return tree_failed(&t, -errno, "lock the server's directory", error);
        *ret = t;
        t = SERVER_TREE_NONE;
        return true;
}

bool server_tree_find(const char *instance, ServerTree *ret, GError **error)
{
        g_auto(ServerTree) t = SERVER_TREE_NONE;
        g_autofree char *path = g_strconcat(L4_SERVERS "/", instance, NULL);

        t.instance = instance;
        if (!open_state(&t, error))
                return false;
        t.dir_fd = open_beneath(t.state_fd, path, O_RDONLY | O_DIRECTORY);
        if (t.dir_fd < 0 && t.dir_fd != -ENOENT)
                return tree_failed(&t, t.dir_fd, "open the server's directory", error);
        if (t.dir_fd >= 0 && flock(t.dir_fd, LOCK_EX) < 0)
                return tree_failed(&t, -errno, "lock the server's directory", error);
        *ret = t;
        t = SERVER_TREE_NONE;
        return true;
}

/* -EEXIST for a mark of fuse-overlayfs. */
static int check_upper(int upper_fd)
{
        ssize_t size = flistxattr(upper_fd, NULL, 0);
        g_autofree char *names = NULL;

        if (size < 0)
                return errno == ENOTSUP ? 0 : -errno;
        names = g_malloc((size_t)size + 1);
        size = flistxattr(upper_fd, names, (size_t)size);
        if (size < 0)
                return -errno;
        for (const char *name = names; name < names + size; name += strlen(name) + 1)
                if (g_str_has_prefix(name, FUSE_OVERLAYFS_PREFIX))
                        return -EEXIST;
        return 0;
}

bool server_tree_make_writable(const ServerTree *t, GError **error)
{
        cleanup_close int upper_fd = path_make_dir(t->dir_fd, "upper", 0700);
        cleanup_close int work_fd = path_make_dir(t->dir_fd, "work", 0700);
        int r;

        if (upper_fd < 0 || work_fd < 0)
                return tree_failed(t, upper_fd < 0 ? upper_fd : work_fd, "make the writable layer", error);
        r = check_upper(upper_fd);
        if (r == -EEXIST) {
                g_set_error(
                        error, L4_ERROR, L4_ERROR_MOUNT_FAILED,
                        "%s/%s/%s/upper was written by fuse-overlayfs (%s* attributes), which left4me cannot "
                        "read; reset the server",
                        L4_STATE_DIR, L4_SERVERS, t->instance, FUSE_OVERLAYFS_PREFIX);
                return false;
        }
        return r < 0 ? tree_failed(t, r, "read the attributes of the writable layer", error) : true;
}

static int write_config_file(int generated_fd, const CfgFile *file)
{
        g_autofree char *parent = g_path_get_dirname(file->path);
        g_autofree char *name = g_path_get_basename(file->path);
        /* The merged directory takes its mode from the topmost layer, so it is what a game tree's would be.
         */
        cleanup_close int dir_fd = path_make_dirs(generated_fd, parent, 0755);
        size_t size;
        const void *data = g_bytes_get_data(file->content, &size);

        return dir_fd < 0 ? dir_fd : file_write_new(dir_fd, name, data, size, 0640, false);
}

static int rewrite_generated(const ServerTree *t, const MountPlan *plan)
{
        cleanup_close int fd = -EBADF;
        int r = path_remove_tree(t->dir_fd, "generated");

        if (r < 0)
                return r;
        fd = path_make_dir(t->dir_fd, "generated", 0700);
        if (fd < 0)
                return fd;
        for (guint i = 0; r == 0 && i < plan->files->len; i++)
                r = write_config_file(fd, g_ptr_array_index(plan->files, i));
        return r;
}

bool server_tree_write_generated(const ServerTree *t, const MountPlan *plan, GError **error)
{
        int r = rewrite_generated(t, plan);

        return r < 0 ? tree_failed(t, r, "write the config layer", error) : true;
}

/* Only a directory of root's: nobody but overlayfs could have made one here, and nobody else can fill it. */
static int remove_root_owned(int dir_fd, const char *name)
{
        cleanup_close int fd = open_beneath(dir_fd, name, O_PATH | O_DIRECTORY);
        struct stat st;

        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        return st.st_uid == 0 ? path_remove_tree(dir_fd, name) : -EPERM;
}

bool server_tree_clean_work(const ServerTree *t, GError **error)
{
        cleanup_close int work_fd = -EBADF;
        int r;

        if (t->dir_fd < 0)
                return true;
        work_fd = open_beneath(t->dir_fd, "work", O_PATH | O_DIRECTORY);
        r = work_fd >= 0 ? remove_root_owned(work_fd, "work") : work_fd == -ENOENT ? 0 : work_fd;
        return r < 0 ? tree_failed(t, r, "remove work/work", error) : true;
}
