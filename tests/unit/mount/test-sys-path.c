/* Nothing that lies below a directory leads out of it. */
#include "sys-path.h"

#include "base/beneath.h"
#include "base/fd.h"
#include "base/files.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

typedef struct Fixture {
        char *path;
        int fd;
} Fixture;

static void set_up(Fixture *f, const void *data)
{
        (void)data;
        f->path = g_dir_make_tmp("left4me-path-XXXXXX", NULL);
        g_assert_nonnull(f->path);
        f->fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(f->fd, >=, 0);
        g_assert_no_errno(mkdirat(f->fd, "in", 0700));
        g_assert_no_errno(mkdirat(f->fd, "out", 0700));
        g_assert_cmpint(file_write_new(f->fd, "secret", "x", 1, 0600, false), ==, 0);
        g_assert_no_errno(symlinkat("/", f->fd, "in/root"));
        g_assert_no_errno(symlinkat("../out", f->fd, "in/out"));
        g_assert_no_errno(symlinkat("../secret", f->fd, "in/file"));
}

static void tear_down(Fixture *f, const void *data)
{
        (void)data;
        fd_closep(&f->fd);
        {
                g_autofree char *name = g_path_get_basename(f->path);
                cleanup_close int tmp_fd = open(g_get_tmp_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC);

                g_assert_cmpint(path_remove_tree(tmp_fd, name), ==, 0);
        }
        g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
        g_free(f->path);
}

static void test_beneath(Fixture *f, const void *data)
{
        static const char *const hostile[] = {
                "",          "./in",    "..",        "/",         "/etc",        "in/..",
                "in/../out", "in//x",   "in/./root", "in/root",   "in/root/etc", "in/out",
                "in/out/x",  "in/file", "nothing",   "nothing/x", "secret/x",
        };

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
                cleanup_close int fd = open_beneath(f->fd, hostile[i], O_PATH | O_DIRECTORY);

                if (fd >= 0)
                        g_error("\"%s\" was opened", hostile[i]);
        }
        {
                cleanup_close int fd = open_beneath(f->fd, "in", O_RDONLY | O_DIRECTORY);

                g_assert_cmpint(fd, >=, 0);
                g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
        }
}

static void test_make_dirs(Fixture *f, const void *data)
{
        cleanup_close int fd = path_make_dirs(f->fd, "in/a/b/c", 0755);
        cleanup_close int again = path_make_dirs(f->fd, "in/a/b/c", 0755);

        (void)data;
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(again, >=, 0);
        g_assert_cmpint(path_make_dirs(f->fd, "in/out/a", 0755), <, 0);
        g_assert_cmpint(path_make_dirs(f->fd, "secret", 0755), <, 0);
        g_assert_no_errno(faccessat(f->fd, "in/a/b/c", R_OK, 0));
}

static void test_write(Fixture *f, const void *data)
{
        cleanup_close int in_fd = open_beneath(f->fd, "in", O_PATH | O_DIRECTORY);
        struct stat st;

        (void)data;
        g_assert_cmpint(file_write_new(in_fd, "file", "abc", 3, 0600, false), <, 0);
        g_assert_cmpint(file_write_new(f->fd, "secret", "abc", 3, 0600, false), ==, -EEXIST);
        /* A link is replaced, what it points to stays. */
        g_assert_cmpint(file_write_atomic(in_fd, "file", "abc", 3, 0644, false), ==, 0);
        g_assert_no_errno(fstatat(f->fd, "in/file", &st, AT_SYMLINK_NOFOLLOW));
        g_assert_true(S_ISREG(st.st_mode));
        g_assert_cmpint(st.st_size, ==, 3);
        g_assert_no_errno(fstatat(f->fd, "secret", &st, 0));
        g_assert_cmpint(st.st_size, ==, 1);
        g_assert_cmpint(file_write_atomic(in_fd, "file", "", 0, 0644, false), ==, 0);
        g_assert_no_errno(fstatat(f->fd, "in/file", &st, 0));
        g_assert_cmpint(st.st_size, ==, 0);
}

static void test_remove(Fixture *f, const void *data)
{
        (void)data;
        g_assert_cmpint(file_write_new(f->fd, "out-file", "x", 1, 0600, false), ==, 0);
        g_assert_no_errno(linkat(f->fd, "secret", f->fd, "out/kept", 0));
        g_assert_cmpint(path_remove_tree(f->fd, "in"), ==, 0);
        g_assert_cmpint(path_remove_tree(f->fd, "in"), ==, 0);
        g_assert_cmpint(faccessat(f->fd, "in", F_OK, 0), <, 0);
        g_assert_no_errno(faccessat(f->fd, "out/kept", F_OK, 0));
        g_assert_no_errno(faccessat(f->fd, "secret", F_OK, 0));
}

static void test_root_owned(Fixture *f, const void *data)
{
        cleanup_close int root_fd = path_open_root_owned("/");

        (void)data;
        g_assert_cmpint(root_fd, >=, 0);
        g_assert_no_errno(chmod(f->path, 0777));
        g_assert_cmpint(path_open_root_owned(f->path), ==, -EPERM);
        g_assert_cmpint(path_open_root_owned("/proc/self/cwd"), <, 0);
        g_assert_no_errno(chmod(f->path, 0700));
}

#define ADD(name, test) g_test_add("/sys-path/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("hostile-paths-are-not-opened", test_beneath);
        ADD("directories-are-made-once-and-not-through-links", test_make_dirs);
        ADD("files-are-replaced-not-followed", test_write);
        ADD("removal-keeps-to-its-tree", test_remove);
        ADD("only-roots-directories-are-anchors", test_root_owned);
        return g_test_run();
}
