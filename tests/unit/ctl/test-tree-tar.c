/* A directory arrives whole, without the names of its owners, and a child that died is no end of it. */
#include "ctl/tree-tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

typedef struct Tree {
        char *root;
} Tree;

static void tree_fill(Tree *tree)
{
        g_autofree char *maps = NULL, *file = NULL, *link = NULL, *large = NULL;
        g_autofree char *random = g_malloc(4 << 20);

        tree->root = g_dir_make_tmp("left4me-XXXXXX", NULL);
        maps = g_build_filename(tree->root, "maps", NULL);
        file = g_build_filename(maps, "a.cfg", NULL);
        link = g_build_filename(tree->root, "link", NULL);
        large = g_build_filename(tree->root, "large", NULL);

        g_assert_cmpint(g_mkdir(maps, 0700), ==, 0);
        g_assert_true(g_file_set_contents(file, "hello\n", -1, NULL));
        g_assert_cmpint(symlink("maps/a.cfg", link), ==, 0);
        for (gsize i = 0; i < 4 << 20; i++)
                random[i] = (char)g_test_rand_int();
        g_assert_true(g_file_set_contents(large, random, 4 << 20, NULL));
}

static void tree_remove(Tree *tree)
{
        static const char *const names[] = {"maps/a.cfg", "maps", "link", "large", ""};

        for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = g_build_filename(tree->root, names[i], NULL);

                (void)g_remove(path);
        }
        g_free(tree->root);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads a stream to its end: names that were found, as "name:size", sorted. NULL where the stream is broken.
 */
static char *read_stream(int fd)
{
        struct archive *a = archive_read_new();
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        struct archive_entry *entry;
        static char buffer[65536];
        int r;

        archive_read_support_filter_all(a);
        archive_read_support_format_tar(a);
        r = archive_read_open_fd(a, fd, sizeof(buffer));
        while (r >= ARCHIVE_OK && (r = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
                la_ssize_t n, size = 0;

                g_assert_cmpint(archive_entry_uid(entry), ==, 0);
                g_assert_cmpstr(archive_entry_uname(entry) ? archive_entry_uname(entry) : "", ==, "");
                while ((n = archive_read_data(a, buffer, sizeof(buffer))) > 0)
                        size += n;
                if (n < 0)
                        r = (int)n;
                g_ptr_array_add(names, g_strdup_printf("%s:%d", archive_entry_pathname(entry), (int)size));
        }
        archive_read_free(a);
        g_ptr_array_sort(names, compare_names);
        g_ptr_array_add(names, NULL);
        return r == ARCHIVE_EOF ? g_strjoinv(" ", (char **)names->pdata) : NULL;
}

static void test_whole(void)
{
        g_autofree char *found = NULL;
        Tree tree;
        pid_t pid;
        int fd;

        tree_fill(&tree);
        g_assert_cmpint(tree_tar_start(tree.root, &pid, &fd), ==, 0);
        found = read_stream(fd);
        (void)close(fd);
        g_assert_true(tree_tar_wait(pid, true));
        g_assert_cmpstr(found, ==, "./:0 ./large:4194304 ./link:0 ./maps/:0 ./maps/a.cfg:6");
        tree_remove(&tree);
}

static void test_killed_child_is_no_end(void)
{
        struct pollfd begun = {.events = POLLIN};
        g_autofree char *found = NULL;
        Tree tree;
        pid_t pid;
        int fd;

        tree_fill(&tree);
        g_assert_cmpint(tree_tar_start(tree.root, &pid, &fd), ==, 0);
        begun.fd = fd;
        /* It has begun, and cannot have ended: a pipe does not hold that much. */
        g_assert_cmpint(poll(&begun, 1, -1), ==, 1);
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        found = read_stream(fd);
        g_assert_null(found);
        (void)close(fd);
        g_assert_false(tree_tar_wait(pid, true));
        tree_remove(&tree);
}

static void test_reader_that_goes_away(void)
{
        Tree tree;
        pid_t pid;
        int fd;

        tree_fill(&tree);
        g_assert_cmpint(tree_tar_start(tree.root, &pid, &fd), ==, 0);
        (void)tree_tar_wait(pid, false);
        (void)close(fd);
        tree_remove(&tree);
}

static void test_not_a_directory(void)
{
        pid_t pid;
        int fd;

        g_assert_cmpint(tree_tar_start("/nonexistent", &pid, &fd), ==, -ENOENT);
        g_assert_cmpint(tree_tar_start("/dev/null", &pid, &fd), ==, -ENOTDIR);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ctl/tree-tar/whole", test_whole);
        g_test_add_func("/ctl/tree-tar/killed-child-is-no-end", test_killed_child_is_no_end);
        g_test_add_func("/ctl/tree-tar/reader-that-goes-away", test_reader_that_goes_away);
        g_test_add_func("/ctl/tree-tar/not-a-directory", test_not_a_directory);
        return g_test_run();
}
