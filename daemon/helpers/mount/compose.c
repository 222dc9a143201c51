/* Composing a tree out of sight: see compose.h.
 *
 * Layers are idmapped: on disk they are the store user's, through the mount the game's. Linux 6.1 and 6.12
 * take an idmapped mount as an overlay's layer only where it is attached somewhere (EINVAL otherwise, "failed
 * to clone upperpath"). So a child attaches an idmapped clone of the state directory in a mount namespace of
 * its own, mounts the overlay there, and hands a detached clone of the overlay back over a socket. */
#include "compose.h"

#include "base/beneath.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/layout.h"
#include "sys-mount.h"
#include "sys-path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The child's answer: code 0 with the descriptor, or an error. */
typedef struct Answer {
        int r;
        L4Error code;
        char message[1024];
} Answer;

/* Descriptors of the layers, topmost first: the config layer, then the plan's. */
typedef struct Layers {
        int *fds;
        size_t n;
        int upper_fd, work_fd;
} Layers;

static void layers_close(Layers *l)
{
        for (size_t i = 0; i < l->n; i++)
                fd_closep(&l->fds[i]);
        g_free(l->fds);
        fd_closep(&l->upper_fd);
        fd_closep(&l->work_fd);
}

static int open_layer(int view_fd, const char *path, uid_t uid, GError **error)
{
        cleanup_close int fd = open_beneath(view_fd, path, O_PATH | O_DIRECTORY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, fd < 0 ? fd : -errno,
                                          "Cannot open layer %s/%s", L4_STATE_DIR, path);
        if (st.st_uid != uid) {
                g_set_error(error, L4_ERROR, L4_ERROR_MOUNT_FAILED, "Layer %s/%s does not belong to user %s",
                            L4_STATE_DIR, path, L4_STORE_USER);
                return -EPERM;
        }
        return fd_steal(&fd);
}

static int open_own_layer(int view_fd, const MountPlan *plan, const char *name, GError **error)
{
        g_autofree char *path = g_strdup_printf(L4_SERVERS "/%s/%s", plan->instance, name);

        return open_layer(view_fd, path, plan->uid, error);
}

static bool open_layers(int view_fd, const MountPlan *plan, Layers *l, GError **error)
{
        l->fds = g_new(int, g_strv_length(plan->layers) + 1);
        l->fds[l->n++] = open_own_layer(view_fd, plan, "generated", error);
        for (char **commit = plan->layers; *commit && l->fds[l->n - 1] >= 0; commit++) {
                g_autofree char *path = g_strdup_printf(L4_CHECKOUTS "/%s", *commit);

                l->fds[l->n] = open_layer(view_fd, path, plan->uid, error);
                l->n++;
        }
        if (l->fds[l->n - 1] < 0)
                return false;
        l->upper_fd = open_own_layer(view_fd, plan, "upper", error);
        if (l->upper_fd < 0)
                return false;
        l->work_fd = open_own_layer(view_fd, plan, "work", error);
        return l->work_fd >= 0;
}

static int mount_layers(const Layers *l, const char *source, const char *target, GError **error)
{
        g_autofree char *options = mount_options_page(l->fds, l->n, l->upper_fd, l->work_fd);
        int fd;

        if (!options)
                return sys_overlay_open(source, l->fds, l->n, l->upper_fd, l->work_fd, MOUNT_OPTIONS_FIXED,
                                        error);
        if (!sys_overlay_mount(source, target, options, error))
                return -EIO;
        fd = sys_mount_clone(target);
        return fd < 0 ? l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, fd,
                                           "Cannot take the overlay from %s", target)
                      : fd;
}

static int check_writable(int mount_fd, GError **error)
{
        int r = sys_is_read_only(mount_fd);

        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, r, "Cannot examine the overlay");
        if (r == 0)
                return 0;
        g_set_error(
                error, L4_ERROR, L4_ERROR_MOUNT_FAILED,
                "overlayfs mounted the tree read-only, because it could not use the work directory: see the "
                "kernel's log; is %s full, read-only, or on a file system without extended attributes?",
                L4_STATE_DIR);
        return -EROFS;
}

/* The idmapped clone of the state directory, still detached: cloning is for mounts of our own namespace only.
 */
static int clone_state(const MountPlan *plan, const ServerTree *tree, GError **error)
{
        cleanup_close int userns_fd = sys_idmap_open(&(IdMap){
                .disk_uid = tree->disk_uid,
                .uid = plan->uid,
                .disk_gid = tree->disk_gid,
                .gid = plan->uid,
                /* overlayfs makes work/work as root, and mounts read-only without a word if root is nobody.
                 */
                .keep_root = true,
        });
        int fd;

        if (userns_fd < 0)
                return l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, userns_fd,
                                          "Cannot make a user namespace for the id mapping (is "
                                          "user.max_user_namespaces zero?)");
        fd = sys_mount_clone_idmapped(tree->state_fd, userns_fd);
        return fd < 0 ? l4_error_set_errno(
                                error, L4_ERROR_MOUNT_FAILED, fd,
                                "Cannot map ids of %s (does its file system support idmapped mounts?)",
                                L4_STATE_DIR)
                      : fd;
}

static int attach_privately(int view_fd, GError **error)
{
        cleanup_close int at_fd = -EBADF;
        int r = sys_mount_unshare();

        if (r == 0) {
                at_fd = path_open_root_owned(L4_STATE_DIR);
                r = at_fd < 0 ? at_fd : sys_mount_attach(view_fd, at_fd);
        }
        return r < 0 ? l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, r, "Cannot prepare the mount") : 0;
}

static int compose_in_child(const MountPlan *plan, const ServerTree *tree, const char *target, GError **error)
{
        g_autofree char *source = g_strconcat(L4_MOUNT_SOURCE_PREFIX, plan->instance, NULL);
        __attribute__((cleanup(layers_close))) Layers layers = {.upper_fd = -EBADF, .work_fd = -EBADF};
        cleanup_close int view_fd = clone_state(plan, tree, error);
        cleanup_close int mount_fd = -EBADF;
        int r;

        if (view_fd < 0)
                return view_fd;
        r = attach_privately(view_fd, error);
        if (r < 0)
                return r;
        if (!open_layers(view_fd, plan, &layers, error))
                return -EIO;
        mount_fd = mount_layers(&layers, source, target, error);
        if (mount_fd < 0)
                return mount_fd;
        r = check_writable(mount_fd, error);
        return r < 0 ? r : fd_steal(&mount_fd);
}

/* Control data of one descriptor, aligned as the kernel wants it. */
typedef union FdControl {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
} FdControl;

static int send_answer(int socket_fd, const Answer *answer, int fd)
{
        FdControl control = {};
        struct iovec part = {.iov_base = (void *)(uintptr_t)answer, .iov_len = sizeof *answer};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        if (fd >= 0) {
                struct cmsghdr *header;

                message.msg_control = &control;
                message.msg_controllen = sizeof control;
                header = CMSG_FIRSTHDR(&message);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(header), &fd, sizeof fd);
        }
        return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_answer(int socket_fd, Answer *ret, int *ret_fd)
{
        FdControl control = {};
        struct iovec part = {.iov_base = ret, .iov_len = sizeof *ret};
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        const struct cmsghdr *header;
        ssize_t n;

        do
                n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
        return n == (ssize_t)sizeof *ret ? 0 : -EPIPE;
}

static void run_child(int socket_fd, pid_t parent, const MountPlan *plan, const ServerTree *tree,
                      const char *target)
{
        g_autoptr(GError) error = NULL;
        Answer answer = {};
        int fd;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                return;
        fd = compose_in_child(plan, tree, target, &error);
        if (fd < 0) {
                answer.r = fd;
                answer.code = error ? (L4Error)error->code : L4_ERROR_FAILED;
                (void)g_strlcpy(answer.message, error ? error->message : "unknown", sizeof answer.message);
        }
        (void)send_answer(socket_fd, &answer, fd);
}

int compose_tree(const MountPlan *plan, const ServerTree *tree, const char *target, GError **error)
{
        cleanup_close int ours = -EBADF, fd = -EBADF;
        int pair[2], r;
        pid_t parent = getpid(), pid;
        Answer answer = {};

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, -errno, "Cannot make a socket pair");
        ours = pair[0];
        pid = fork();
        if (pid == 0) {
                fd_closep(&ours);
                run_child(pair[1], parent, plan, tree, target);
                _exit(0);
        }
        r = pid < 0 ? -errno : 0;
        (void)close(pair[1]);
        if (r == 0)
                r = receive_answer(ours, &answer, &fd);
        /* Once it is gone, so is its namespace, and the descriptor is all that holds the tree. */
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_MOUNT_FAILED, r,
                                          "The process that mounts has died");
        if (answer.r < 0) {
                g_set_error_literal(error, L4_ERROR, (gint)answer.code, answer.message);
                return answer.r;
        }
        return fd_steal(&fd);
}
