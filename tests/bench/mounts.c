/* Mounts and unmounts one server's tree in every way, round robin: mounts ROUNDS HELPER SERVER UID COMMIT...
 * As root, in the namespace of the machine; the server is defined with just these layers and down.
 *
 *   helper  the program left4me-mount, from its start to its end: plan from the manager, checks, config
 * layer, all work    its composing alone: idmapped view, namespace of its own, layers by descriptor, overlay,
 * attaching bare    the same layers opened, mount(2), umount(2) tool    mount(8) and umount(8) true    a
 * program that does nothing: what starting one costs
 */
#include "common.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/layout.h"
#include "compose.h"
#include "plan/mount-plan.h"
#include "server-tree.h"
#include "sys-mount.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINKS "/run/left4me-bench-layers" /* short names: mount(8) takes its options in one page */

extern char **environ;

typedef struct Bench {
        const char *helper, *server, *target, *upper, *work, *generated;
        char **commits;
        unsigned n_commits;
        uid_t uid;
} Bench;

static void spawn(const char *const *argv)
{
        int status, r;
        pid_t pid;

        r = posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ);
        if (r != 0)
                die(argv[0], r);
        if (waitpid(pid, &status, 0) < 0 || status != 0)
                die(argv[0], -ECHILD);
}

static void helper_mount(const Bench *b)
{
        spawn((const char *const[]){b->helper, "mount", b->server, NULL});
}

static void helper_unmount(const Bench *b)
{
        spawn((const char *const[]){b->helper, "unmount", b->server, NULL});
}

static void work_mount(const Bench *b)
{
        g_autoptr(GError) error = NULL;
        g_auto(ServerTree) tree = SERVER_TREE_NONE;
        MountPlan plan = {.instance = (char *)(uintptr_t)b->server, .uid = b->uid, .layers = b->commits};
        cleanup_close int fd = -EBADF, target_fd = open(b->target, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (!server_tree_make(b->server, &tree, &error) ||
            (fd = compose_tree(&plan, &tree, b->target, &error)) < 0)
                die(error->message, -EIO);
        (void)must(sys_mount_attach(fd, target_fd), "attach");
}

static void bare_mount(const Bench *b)
{
        GString *options = g_string_new("lowerdir=");
        int *fds = g_new(int, b->n_commits + 3);
        unsigned n = 0;

        fds[n++] = open(b->generated, O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (unsigned i = 0; i < b->n_commits; i++) {
                g_autofree char *path = g_strconcat(L4_STATE_DIR "/" L4_CHECKOUTS "/", b->commits[i], NULL);

                fds[n++] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        }
        for (unsigned i = 0; i < n; i++)
                g_string_append_printf(options, "%s/proc/self/fd/%d", i ? ":" : "", fds[i]);
        fds[n++] = open(b->upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
        fds[n++] = open(b->work, O_PATH | O_DIRECTORY | O_CLOEXEC);
        g_string_append_printf(options,
                               ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d," MOUNT_OPTIONS_FIXED,
                               fds[n - 2], fds[n - 1]);
        if (mount("bench", b->target, "overlay", MS_NOSUID | MS_NODEV, options->str) < 0)
                die("mount", -errno);
        while (n > 0)
                (void)close(fds[--n]);
        g_free(fds);
        g_string_free(options, TRUE);
}

static void bare_unmount(const Bench *b)
{
        if (umount2(b->target, UMOUNT_NOFOLLOW) < 0)
                die("umount", -errno);
}

static void tool_mount(const Bench *b)
{
        g_autoptr(GString) options = g_string_new("nosuid,nodev,lowerdir=");

        for (unsigned i = 0; i <= b->n_commits; i++)
                g_string_append_printf(options, "%s" LINKS "/%u", i ? ":" : "", i);
        g_string_append_printf(options, ",upperdir=%s,workdir=%s," MOUNT_OPTIONS_FIXED, b->upper, b->work);
        spawn((const char *const[]){"/usr/bin/mount", "-t", "overlay", "-o", options->str, "bench", b->target,
                                    NULL});
}

static void tool_unmount(const Bench *b)
{
        spawn((const char *const[]){"/usr/bin/umount", b->target, NULL});
}

static void true_run(const Bench *b)
{
        (void)b;
        spawn((const char *const[]){"/usr/bin/true", NULL});
}

static const struct {
        const char *name;
        void (*up)(const Bench *b);
        void (*down)(const Bench *b);
} ways[] = {
        {"helper", helper_mount, helper_unmount},
        {"work", work_mount, bare_unmount},
        {"bare", bare_mount, bare_unmount},
        {"tool", tool_mount, tool_unmount},
        {"true", true_run, true_run},
};

static void make_links(const Bench *b)
{
        if (mkdir(LINKS, 0700) < 0 && errno != EEXIST)
                die(LINKS, -errno);
        for (unsigned i = 0; i <= b->n_commits; i++) {
                g_autofree char *name = g_strdup_printf(LINKS "/%u", i);
                g_autofree char *to =
                        i == 0 ? g_strdup(b->generated)
                               : g_strconcat(L4_STATE_DIR "/" L4_CHECKOUTS "/", b->commits[i - 1], NULL);

                (void)unlink(name);
                if (symlink(to, name) < 0)
                        die(name, -errno);
        }
}

/* Between two ways the mount point is there and work/work is not: the helper removes both. */
static void between(const Bench *b)
{
        g_autofree char *leftover = g_strconcat(b->work, "/work", NULL);

        (void)rmdir(leftover);
        if (mkdir(b->target, 0700) < 0 && errno != EEXIST)
                die(b->target, -errno);
}

int main(int argc, char **argv)
{
        enum { N = sizeof ways / sizeof ways[0] };
        Samples up[N], down[N];
        unsigned rounds;
        Bench b = {};

        if (argc < 6) {
                (void)fprintf(stderr, "Usage: mounts ROUNDS HELPER SERVER UID COMMIT...\n");
                return 2;
        }
        (void)umask(0);
        rounds = (unsigned)strtoul(argv[1], NULL, 10);
        b.helper = argv[2];
        b.server = argv[3];
        b.uid = (uid_t)strtoul(argv[4], NULL, 10);
        b.commits = argv + 5;
        b.n_commits = (unsigned)argc - 5;
        b.target = g_strconcat(L4_RUN_MOUNTS "/", b.server, NULL);
        b.upper = g_strconcat(L4_STATE_DIR "/" L4_SERVERS "/", b.server, "/upper", NULL);
        b.work = g_strconcat(L4_STATE_DIR "/" L4_SERVERS "/", b.server, "/work", NULL);
        b.generated = g_strconcat(L4_STATE_DIR "/" L4_SERVERS "/", b.server, "/generated", NULL);
        make_links(&b);
        for (unsigned i = 0; i < N; i++) {
                up[i] = samples_new(g_strconcat(ways[i].name, "-mount", NULL), rounds);
                down[i] = samples_new(g_strconcat(ways[i].name, "-unmount", NULL), rounds);
        }
        for (unsigned round = 0; round < rounds; round++)
                for (unsigned i = 0; i < N; i++) {
                        double began, mounted;

                        between(&b);
                        began = now_usec();
                        ways[i].up(&b);
                        mounted = now_usec();
                        ways[i].down(&b);
                        samples_add(&down[i], now_usec() - mounted);
                        samples_add(&up[i], mounted - began);
                }
        for (unsigned i = 0; i < N; i++) {
                samples_print(&up[i]);
                samples_print(&down[i]);
        }
        (void)rmdir(b.target);
        return EXIT_SUCCESS;
}
