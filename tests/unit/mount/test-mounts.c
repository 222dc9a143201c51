/* Composed trees are found in mountinfo by tag and place, and by nothing else. */
#include "mounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROOT "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
#define OVERLAY_OF(id, target, source)                                                                       \
        id " 22 0:83 / " target " rw,nosuid,nodev,relatime shared:200 - overlay " source                     \
           " rw,lowerdir=/proc/self/fd/9:/proc/self/fd/10,upperdir=/proc/self/fd/13,workdir=/proc/self/fd/"  \
           "14\n"
#define ALPHA OVERLAY_OF("484", "/run/left4me/servers/alpha", "left4me:alpha")

static int count(const char *text, const char *tag, const char *target)
{
        FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
        int n;

        g_assert_nonnull(f);
        n = mounts_count(f, tag, target);
        (void)fclose(f);
        return n;
}

static void test_count(void)
{
        static const struct {
                const char *text, *tag, *target;
                int n;
        } cases[] = {
                {ROOT, "left4me:alpha", NULL, 0},
                {ROOT ALPHA, "left4me:alpha", NULL, 1},
                {ROOT ALPHA, "left4me:alpha", "/run/left4me/servers/alpha", 1},
                {ROOT ALPHA ALPHA ALPHA, "left4me:alpha", "/run/left4me/servers/alpha", 3},
                /* elsewhere, as a server's unit sees it */
                {ROOT OVERLAY_OF("9", "/opt/l4d2", "left4me:alpha"), "left4me:alpha", NULL, 1},
                {ROOT OVERLAY_OF("9", "/opt/l4d2", "left4me:alpha"), "left4me:alpha",
                 "/run/left4me/servers/alpha", 0},
                /* a name that is the start or the end of another one */
                {ROOT ALPHA, "left4me:alph", NULL, 0},
                {ROOT ALPHA, "left4me:alpha2", NULL, 0},
                {ROOT OVERLAY_OF("9", "/mnt", "xleft4me:alpha"), "left4me:alpha", NULL, 0},
                /* the tag in a place or an option, not as the source */
                {ROOT OVERLAY_OF("9", "/mnt/left4me:alpha", "overlay"), "left4me:alpha", NULL, 0},
                {ROOT "9 22 0:83 / /mnt rw - overlay none rw,lowerdir=left4me:alpha\n", "left4me:alpha", NULL,
                 0},
                /* a space in the place is escaped */
                {ROOT OVERLAY_OF("9", "/mnt/a\\040b", "left4me:alpha"), "left4me:alpha", "/mnt/a b", 1},
                {ROOT "this is not mountinfo\n", "left4me:alpha", NULL, -EBADMSG},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                int n = count(cases[i].text, cases[i].tag, cases[i].target);

                if (n != cases[i].n)
                        g_error("case %zu: %d instead of %d", i, n, cases[i].n);
        }
}

static void test_view_key(void)
{
        g_autofree char *whole = mounts_view_key(ROOT ALPHA, strlen(ROOT ALPHA));
        g_autofree char *cut = mounts_view_key(ROOT, 5);
        g_autofree char *none = mounts_view_key("", 0);

        g_assert_cmpstr(whole, ==, "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw");
        g_assert_cmpstr(cut, ==, "22 1 ");
        g_assert_cmpstr(none, ==, "");
}

static void test_own(void)
{
        pid_t pid = 0;

        g_assert_cmpint(mounts_count_own("left4me:there-is-none", NULL), ==, 0);
        g_assert_cmpint(mounts_find_holder("left4me:there-is-none", &pid), ==, 0);
        g_assert_cmpint(pid, ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mounts/found-by-source-and-target-only", test_count);
        g_test_add_func("/mounts/view-key-is-the-first-line", test_view_key);
        g_test_add_func("/mounts/every-process-is-readable", test_own);
        return g_test_run();
}
