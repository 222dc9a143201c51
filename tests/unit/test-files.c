/* Small files that are whole or absent. In a temporary folder. */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

typedef struct Fixture {
        char *folder;
        int fd;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        (void)data;
        f->folder = g_dir_make_tmp("test-files-XXXXXX", NULL);
        f->fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(f->fd, >=, 0);
}

static unsigned entries(const char *folder, bool delete)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;
        unsigned n = 0;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                n++;
                if (delete)
                        g_assert_cmpint(g_remove(path), ==, 0);
        }
        return n;
}

static void tear_down(Fixture *f, gconstpointer data)
{
        (void)data;
        (void)entries(f->folder, true);
        (void)close(f->fd);
        g_assert_cmpint(g_rmdir(f->folder), ==, 0);
        g_free(f->folder);
}

static void test_written_whole(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;
        struct stat st;
        size_t size;

        (void)data;
        g_assert_cmpint(file_write_atomic(f->fd, "name", "first", 5, 0640, true), ==, 0);
        g_assert_cmpint(file_write_atomic(f->fd, "name", "second", 6, 0600, true), ==, 0);
        g_assert_cmpint(file_read_all(f->fd, "name", 6, &text, &size), ==, 0);
        g_assert_cmpmem(text, size + 1, "second", 7);
        g_assert_cmpint(fstatat(f->fd, "name", &st, AT_SYMLINK_NOFOLLOW), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
        g_assert_cmpuint(entries(f->folder, false), ==, 1);
}

/* Whatever the current directory is. */
static void test_written_by_path(Fixture *f, gconstpointer data)
{
        g_autofree char *path = g_build_filename(f->folder, "plan", NULL), *text = NULL;

        (void)data;
        g_assert_cmpint(g_chdir(f->folder), ==, 0);
        g_assert_cmpint(file_write_atomic(AT_FDCWD, path, "text", 4, 0600, false), ==, 0);
        g_assert_cmpint(g_chdir("/"), ==, 0);
        g_assert_cmpint(file_read_all(AT_FDCWD, path, 4, &text, NULL), ==, 0);
        g_assert_cmpstr(text, ==, "text");
        g_assert_cmpuint(entries(f->folder, false), ==, 1);
}

static void test_a_failure_leaves_the_old_one(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;

        (void)data;
        g_assert_cmpint(file_write_atomic(f->fd, "name", "old", 3, 0600, false), ==, 0);
        /* What is aside cannot be opened for writing: a directory has its name. */
        g_assert_cmpint(mkdirat(f->fd, "name.new", 0700), ==, 0);
        g_assert_cmpint(file_write_atomic(f->fd, "name", "new", 3, 0600, false), ==, -EISDIR);
        g_assert_cmpint(file_read_all(f->fd, "name", 10, &text, NULL), ==, 0);
        g_assert_cmpstr(text, ==, "old");
        g_assert_cmpint(file_write_atomic(f->fd, "no/such/folder", "new", 3, 0600, false), ==, -ENOENT);
}

static void test_only_regular_files_of_a_size_are_read(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;

        (void)data;
        g_assert_cmpint(file_write_atomic(f->fd, "name", "12345", 5, 0600, false), ==, 0);
        g_assert_cmpint(symlinkat("name", f->fd, "link"), ==, 0);
        g_assert_cmpint(mkdirat(f->fd, "folder", 0700), ==, 0);
        g_assert_cmpint(mkfifoat(f->fd, "pipe", 0600), ==, 0);
        g_assert_cmpint(file_read_all(f->fd, "name", 4, &text, NULL), ==, -EFBIG);
        g_assert_cmpint(file_read_all(f->fd, "link", 10, &text, NULL), ==, -ELOOP);
        g_assert_cmpint(file_read_all(f->fd, "folder", 10, &text, NULL), ==, -EBADF);
        g_assert_cmpint(file_read_all(f->fd, "pipe", 10, &text, NULL), ==, -EBADF);
        g_assert_cmpint(file_read_all(f->fd, "missing", 10, &text, NULL), ==, -ENOENT);
        g_assert_null(text);
}

static void test_directories_are_made_once(Fixture *f, gconstpointer data)
{
        g_autofree char *path = g_build_filename(f->folder, "made", NULL),
                        *link = g_build_filename(f->folder, "l", NULL);
        g_autofree char *below = g_build_filename(f->folder, "no", "such", NULL);
        cleanup_close int first = dir_open_create(path, 0755), second = dir_open_create(path, 0755);

        (void)data;
        g_assert_cmpint(first, >=, 0);
        g_assert_cmpint(second, >=, 0);
        g_assert_cmpint(dir_sync(path), ==, 0);
        g_assert_cmpint(dir_open_create(below, 0755), ==, -ENOENT);
        g_assert_cmpint(symlinkat("made", f->fd, "l"), ==, 0);
        g_assert_cmpint(dir_open_create(link, 0755), ==, -ENOTDIR);
        g_assert_cmpint(dir_sync(below), ==, -ENOENT);
}

#define ADD(name, function) g_test_add("/files/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        ADD("whole", test_written_whole);
        ADD("by-path", test_written_by_path);
        ADD("failure", test_a_failure_leaves_the_old_one);
        ADD("read", test_only_regular_files_of_a_size_are_read);
        ADD("directories", test_directories_are_made_once);
        return g_test_run();
}
