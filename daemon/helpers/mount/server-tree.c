/* servers/NAME on disk: see server-tree.h. Touches nothing outside that directory. */
#include "server-tree.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/layout.h"
#include "plan/cfg.h"
#include "sys-path.h"

#include <fcntl.h>
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

static int open_server_dir(const ServerTree *t, bool make)
{
        cleanup_close int servers_fd = path_open_beneath(t->state_fd, L4_SERVERS, O_PATH | O_DIRECTORY);

        if (servers_fd < 0)
                return servers_fd;
        return make ? path_make_dir(servers_fd, t->instance, 0700)
                    : path_open_beneath(servers_fd, t->instance, O_RDONLY | O_DIRECTORY);
}

bool server_tree_open(const char *instance, bool make, ServerTree *ret, GError **error)
{
        g_auto(ServerTree) t = SERVER_TREE_NONE;
        int r;

        t.instance = instance;
        if (!store_user_get(&t.user, error))
                return false;
        t.state_fd = path_open_root_owned(L4_STATE_DIR);
        if (t.state_fd < 0)
                return tree_failed(&t, t.state_fd, "find a state directory that only root may write,", error);
        r = store_user_become(&t.user);
        if (r < 0)
                return tree_failed(&t, r, "act as the store's user", error);
        t.dir_fd = open_server_dir(&t, make);
        store_user_leave();
        if (t.dir_fd < 0 && (make || t.dir_fd != -ENOENT))
                return tree_failed(&t, t.dir_fd, "open the server's directory", error);
        if (t.dir_fd < 0)
                t.dir_fd = -EBADF;
        else if (flock(t.dir_fd, LOCK_EX) < 0)
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
        cleanup_close int upper_fd = -EBADF;
        cleanup_close int work_fd = -EBADF;
        int r = store_user_become(&t->user);

        if (r == 0) {
                upper_fd = path_make_dir(t->dir_fd, "upper", 0700);
                work_fd = path_make_dir(t->dir_fd, "work", 0700);
                store_user_leave();
                r = upper_fd < 0 ? upper_fd : work_fd < 0 ? work_fd : 0;
        }
        if (r < 0)
                return tree_failed(t, r, "make the writable layer", error);
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

        return dir_fd < 0 ? dir_fd : path_write_new(dir_fd, name, 0640, data, size);
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
        int r = store_user_become(&t->user);

        if (r == 0) {
                r = rewrite_generated(t, plan);
                store_user_leave();
        }
        return r < 0 ? tree_failed(t, r, "write the config layer", error) : true;
}

/* What a kill left in work/work belongs to root too, so only root can empty it. That is safe: nobody else
 * could have made a directory of root's here. */
static int remove_root_owned(int dir_fd, const char *name)
{
        cleanup_close int fd = path_open_beneath(dir_fd, name, O_PATH | O_DIRECTORY);
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
        r = store_user_become(&t->user);
        if (r == 0) {
                work_fd = path_open_beneath(t->dir_fd, "work", O_RDONLY | O_DIRECTORY);
                if (work_fd < 0)
                        r = work_fd == -ENOENT ? 0 : work_fd;
                else if (unlinkat(work_fd, "work", AT_REMOVEDIR) < 0 && errno != ENOENT)
                        r = -errno;
                store_user_leave();
        }
        if (r == -ENOTEMPTY)
                r = remove_root_owned(work_fd, "work");
        return r < 0 ? tree_failed(t, r, "remove work/work", error) : true;
}
