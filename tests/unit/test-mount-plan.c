/* Mount plans: what the helper refuses, and the option page to the byte. */
#include "hostile.h"
#include "plan/argv.h"
#include "plan/cfg.h"
#include "plan/definition.h"
#include "plan/mount-plan.h"

static const char commit_digits[] = "0123456789abcdef";

static void file_destroy(gpointer f)
{
        cfg_file_free(f);
}

static void add_file(MountPlan *p, const char *path, size_t size)
{
        CfgFile *f = g_new(CfgFile, 1);

        *f = (CfgFile){g_strdup(path), g_bytes_new_take(g_malloc0(size), size)};
        g_ptr_array_add(p->files, f);
}

static char *commit(unsigned i)
{
        char *c = g_strnfill(64, '0');

        for (unsigned at = 63; i > 0; i /= 16)
                c[at--] = commit_digits[i % 16];
        return c;
}

static void set_layers(MountPlan *p, unsigned n)
{
        g_strfreev(p->layers);
        p->layers = g_new0(char *, n + 1);
        for (unsigned i = 0; i < n; i++)
                p->layers[i] = commit(i);
}

static void set_argv(MountPlan *p, unsigned n, const char *word)
{
        g_strfreev(p->argv);
        p->argv = g_new0(char *, n + 1);
        for (unsigned i = 0; i < n; i++)
                p->argv[i] = g_strdup(word);
}

static MountPlan *good_plan(void)
{
        MountPlan *p = g_new0(MountPlan, 1);

        p->instance = g_strdup("one");
        p->uid = UID_RANGE_FIRST;
        p->files = g_ptr_array_new_with_free_func(file_destroy);
        set_layers(p, 3);
        set_argv(p, 2, "./srcds_run");
        add_file(p, "left4dead2/cfg/left4me/server.cfg", 10);
        add_file(p, "left4dead2/cfg/left4me/overlay-a.cfg", 0);
        return p;
}

static void refuse(const MountPlan *p, const char *part, const char *label)
{
        g_autoptr(GError) error = NULL;

        assert_refused(mount_plan_check(p, &error), &error, L4_ERROR_INVALID_ARGS, part, label);
}

static void accept(const MountPlan *p, const char *label)
{
        g_autoptr(GError) error = NULL;

        assert_accepted(mount_plan_check(p, &error), &error, label);
}

static void test_instances(void)
{
        static const char *const names[] = {
                "",          "-",       "A",   "a/b",
                "..",        "../one",  "a b", "a\n",
                "a.service", "\xff",    "a:b", "a,b",
                "a\\b",      "one@two", "%i",  "012345678901234567890123456789012"};

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autoptr(MountPlan) p = good_plan();

                g_free(p->instance);
                p->instance = g_strdup(names[i]);
                refuse(p, "instance is not a valid name", names[i]);
        }
}

static void test_uids(void)
{
        static const struct {
                uint32_t uid;
                bool good;
        } cases[] = {{UID_RANGE_FIRST, true},
                     {UID_RANGE_LAST, true},
                     {UID_RANGE_FIRST - 1, false},
                     {UID_RANGE_LAST + 1, false},
                     {0, false},
                     {1, false},
                     {1000, false},
                     {65534, false},
                     {UINT32_MAX, false},
                     {UINT32_MAX - 1, false},
                     {2147483648U, false}};

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(MountPlan) p = good_plan();

                p->uid = cases[i].uid;
                if (cases[i].good)
                        accept(p, "uid");
                else
                        refuse(p, "is not of the range 1880000000 to 1880009999", "uid");
        }
}

static void test_layers(void)
{
        static const char *const bad[] = {
                "",
                ".",
                "..",
                "/",
                "a",
                "checkouts",
                "../../etc",
                "/proc/self/fd/3",
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0",
                "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
                "g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "../3456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "0123456789abcdef0123456789abcdef:123456789abcdef0123456789abcdef",
                "0123456789abcdef0123456789abcdef,123456789abcdef0123456789abcdef",
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(MountPlan) p = good_plan();

                g_free(p->layers[1]);
                p->layers[1] = g_strdup(bad[i]);
                refuse(p, "layer 2 is not a commit", bad[i]);
        }
        for (unsigned n = 0; n <= 502; n = n < 3 || n > 497 ? n + 1 : n + 99) {
                g_autoptr(MountPlan) p = good_plan();

                set_layers(p, n);
                if (n >= 1 && n <= 499)
                        accept(p, "count of layers");
                else
                        refuse(p, n == 0 ? "no layers" : "more than 499 layers", "count of layers");
        }
}

static void test_a_layer_twice(void)
{
        g_autoptr(MountPlan) p = good_plan();

        g_free(p->layers[2]);
        p->layers[2] = g_strdup(p->layers[0]);
        refuse(p, "layer 3 is there twice", "twice");
}

static const struct {
        const char *path, *part;
} bad_paths[] = {
        {"", "it is empty"},
        {"/etc/passwd", "absolute"},
        {"/left4dead2/cfg/left4me/x.cfg", "absolute"},
        {"../x", "component '..'"},
        {"left4dead2/cfg/left4me/../x", "component '..'"},
        {"left4dead2/cfg/left4me/../../../../etc/passwd", "component '..'"},
        {"left4dead2/cfg/left4me/..", "component '..'"},
        {"left4dead2/cfg/left4me/.", "component '.'"},
        {"left4dead2/cfg/left4me/", "empty component"},
        {"left4dead2/cfg//left4me/x", "empty component"},
        {"left4dead2//cfg/left4me/x", "empty component"},
        {"left4dead2/cfg/left4me//x", "empty component"},
        {"left4dead2/./cfg/left4me/x", "component '.'"},
        {"left4dead2/cfg/left4me/.wh.x", "whiteout"},
        {"left4dead2/cfg/left4me/.wh..wh..opq", "whiteout"},
        {"left4dead2/cfg/left4me/a\nb", "control character"},
        {"left4dead2/cfg/left4me/\x1b", "control character"},
        {"left4dead2/cfg/left4me/\xff", "not UTF-8"},
        {"x", "not directly below"},
        {"left4dead2", "not directly below"},
        {"left4dead2/cfg", "not directly below"},
        {"left4dead2/cfg/left4me", "not directly below"},
        {"left4dead2/cfg/server.cfg", "not directly below"},
        {"left4dead2/cfg/left4mex", "not directly below"},
        {"left4dead2/cfg/left4mex/x", "not directly below"},
        {"left4dead2/cfg/left4m/x", "not directly below"},
        {"left4dead2/cfg/left4me/a/b", "not directly below"},
        {"left4dead2/cfg/Left4me/x", "not directly below"},
        {"Left4dead2/cfg/left4me/x", "not directly below"},
        {"xleft4dead2/cfg/left4me/x", "not directly below"},
        {"bin/srcds", "not directly below"},
        {"srcds_run", "not directly below"},
        {"left4dead2/addons/x.vdf", "not directly below"},
};

static void test_file_paths(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(bad_paths); i++) {
                g_autoptr(MountPlan) p = good_plan();

                add_file(p, bad_paths[i].path, 1);
                refuse(p, bad_paths[i].part, bad_paths[i].path);
                refuse(p, "file 3", bad_paths[i].path);
        }
}

static void test_file_counts_and_sizes(void)
{
        g_autoptr(MountPlan) twice = good_plan(), many = good_plan(), big = good_plan(), none = good_plan();

        add_file(twice, "left4dead2/cfg/left4me/server.cfg", 1);
        refuse(twice, "file 3 is there twice", "twice");
        for (unsigned i = many->files->len; i < 499; i++) {
                g_autofree char *path = g_strdup_printf("left4dead2/cfg/left4me/%u.cfg", i);

                add_file(many, path, 1);
        }
        accept(many, "499 files");
        add_file(many, "left4dead2/cfg/left4me/last.cfg", 1);
        refuse(many, "more than 499 files", "500 files");
        add_file(big, "left4dead2/cfg/left4me/big.cfg", 2 * 1024 * 1024);
        accept(big, "2 MiB");
        add_file(big, "left4dead2/cfg/left4me/bigger.cfg", 2 * 1024 * 1024 + 1);
        refuse(big, "file 4 has no content or more than 2097152 bytes", "more than 2 MiB");
        g_ptr_array_set_size(none->files, 0);
        accept(none, "no files");
        g_clear_pointer(&none->files, g_ptr_array_unref);
        refuse(none, "no list of files", "NULL files");
}

static void test_missing_parts(void)
{
        g_autoptr(MountPlan) no_name = good_plan(), no_layers = good_plan(), no_argv = good_plan(),
                             no_path = good_plan(), no_content = good_plan();

        g_clear_pointer(&no_name->instance, g_free);
        refuse(no_name, "instance is not a valid name", "no name");
        g_clear_pointer(&no_layers->layers, g_strfreev);
        refuse(no_layers, "no layers", "NULL layers");
        g_clear_pointer(&no_argv->argv, g_strfreev);
        refuse(no_argv, "no argv", "NULL argv");
        g_clear_pointer(&((CfgFile *)no_path->files->pdata[1])->path, g_free);
        refuse(no_path, "file 2: ", "no path");
        g_clear_pointer(&((CfgFile *)no_content->files->pdata[1])->content, g_bytes_unref);
        refuse(no_content, "file 2 has no content", "no content");
        g_assert_null(mount_plan_free(NULL));
}

static void test_argv(void)
{
        static const struct {
                const char *word, *part;
        } cases[] = {
                {"", "is empty"},
                {"a\nb", "control character"},
                {"\n", "control character"},
                {"\t", "control character"},
                {"\x1b[2J", "control character"},
                {"\x7f", "control character"},
                {"\xc2\x9b", "control character"},
                {"\xe2\x80\xae", "control character"},
                {"\xff", "not UTF-8"},
        };
        g_autofree char *longest = g_strnfill(4096, 'x'), *longer = g_strnfill(4097, 'x');
        g_autoptr(MountPlan) p = good_plan();

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                set_argv(p, 3, cases[i].word);
                refuse(p, cases[i].part, cases[i].word);
                refuse(p, "word 1 of argv", cases[i].word);
        }
        set_argv(p, 1, longest);
        accept(p, "4096 bytes");
        set_argv(p, 1, longer);
        refuse(p, "word 1 of argv is longer than 4096 bytes", "4097 bytes");
        set_argv(p, 0, "");
        refuse(p, "no argv", "empty argv");
        set_argv(p, 300, "a b");
        accept(p, "300 words");
        set_argv(p, 301, "a");
        refuse(p, "more than 300 words", "301 words");
}

static void test_options_to_the_byte(void)
{
        static const int fds[] = {7, 10, 123};
        g_autofree char *three = mount_options_page(fds, 3, 4, 5),
                        *one = mount_options_page(fds, 1, 0, 2147483647);

        g_assert_cmpstr(
                three, ==,
                "lowerdir=/proc/self/fd/7:/proc/self/fd/10:/proc/self/fd/123,upperdir=/proc/self/fd/4,"
                "workdir=/proc/self/fd/"
                "5,redirect_dir=nofollow,metacopy=off,nfs_export=off,index=off,xino=off");
        g_assert_cmpstr(one, ==,
                        "lowerdir=/proc/self/fd/7,upperdir=/proc/self/fd/0,workdir=/proc/self/fd/2147483647,"
                        "redirect_dir=nofollow,metacopy=off,nfs_export=off,index=off,xino=off");
}

static void test_options_of_nothing(void)
{
        static const int fds[] = {7, -9};

        g_assert_null(mount_options_page(fds, 0, 4, 5));
        g_assert_null(mount_options_page(NULL, 0, 4, 5));
        g_assert_null(mount_options_page(fds, 1, -1, 5));
        g_assert_null(mount_options_page(fds, 1, 4, -9));
        g_assert_null(mount_options_page(fds, 2, 4, 5));
}

/* 200 layers always fit while descriptors have up to four digits. */
static void test_200_layers_fit(void)
{
        int fds[MOUNT_LAYERS_PAGE_MAX];
        g_autofree char *options = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
                fds[i] = 9799 + (int)i;
        options = mount_options_page(fds, G_N_ELEMENTS(fds), 9998, 9999);
        g_assert_nonnull(options);
        g_assert_cmpuint(strlen(options), <=, 4095);
}

/* Pages of 4095 bytes are given, pages of 4096 are not: the digits of two descriptors tune the length. */
static void test_the_page_ends_at_4095_bytes(void)
{
        static const int digits[] = {1,      12,      123,      1234,      12345,
                                     123456, 1234567, 12345678, 123456789, 1234567890};
        int fds[215];
        bool seen_last = false, seen_over = false;

        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
                fds[i] = 1000;
        for (size_t n = 195; n <= 215; n++)
                for (size_t u = 0; u < G_N_ELEMENTS(digits); u++)
                        for (size_t w = 0; w < G_N_ELEMENTS(digits); w++) {
                                g_autofree char *options = mount_options_page(fds, n, digits[u], digits[w]);
                                size_t size = strlen("lowerdir=") + n * strlen("/proc/self/fd/1000:") - 1 +
                                              strlen(",upperdir=/proc/self/fd/") + u + 1 +
                                              strlen(",workdir=/proc/self/fd/") + w + 1 + 1 +
                                              strlen(MOUNT_OPTIONS_FIXED);

                                g_assert_true((options != NULL) == (size <= 4095));
                                g_assert_true(!options || strlen(options) == size);
                                seen_last |= size == 4095;
                                seen_over |= size == 4096;
                        }
        g_assert_true(seen_last && seen_over);
}

static char **fill(size_t n, char *(*make)(size_t i))
{
        char **list = g_new0(char *, n + 1);

        for (size_t i = 0; i < n; i++)
                list[i] = make(i);
        return list;
}

static char *longest_name(size_t i)
{
        return g_strdup_printf("a-name-of-thirty-two-letters-%03zu", i);
}

static char *longest_text(size_t i)
{
        return g_strnfill(DEFINITION_STRING_MAX, i % 2 == 0 ? 'x' : 'y');
}

/* The limits of a plan leave room for all that a definition may ask for. */
static void test_the_largest_definition_makes_a_good_plan(void)
{
        g_autofree char *content = g_malloc0(CFG_FRAGMENT_SIZE_MAX);
        g_autoptr(GBytes) fragment = g_bytes_new_static(content, CFG_FRAGMENT_SIZE_MAX);
        g_autoptr(Definition) d = g_new(Definition, 1);
        g_autoptr(MountPlan) p = good_plan();
        g_autoptr(GError) error = NULL;
        CfgFragment fragments[DEFINITION_OVERLAYS_MAX];

        *d = (Definition){fill(DEFINITION_OVERLAYS_MAX, longest_name),
                          fill(DEFINITION_ITEMS_MAX, longest_text), fill(DEFINITION_ITEMS_MAX, longest_text)};
        assert_accepted(definition_check(d, &error), &error, "largest");
        for (size_t i = 0; i < DEFINITION_OVERLAYS_MAX; i++)
                fragments[i] = (CfgFragment){d->overlays[i], fragment};
        g_ptr_array_unref(p->files);
        p->files = cfg_render(fragments, DEFINITION_OVERLAYS_MAX, (const char *const *)d->config, "x");
        g_strfreev(p->argv);
        p->argv = argv_build(65535, (const char *const *)d->arguments);
        set_layers(p, DEFINITION_OVERLAYS_MAX + 1);
        accept(p, "largest");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mount-plan/instances", test_instances);
        g_test_add_func("/mount-plan/uids", test_uids);
        g_test_add_func("/mount-plan/layers", test_layers);
        g_test_add_func("/mount-plan/layer-twice", test_a_layer_twice);
        g_test_add_func("/mount-plan/file-paths", test_file_paths);
        g_test_add_func("/mount-plan/files", test_file_counts_and_sizes);
        g_test_add_func("/mount-plan/missing", test_missing_parts);
        g_test_add_func("/mount-plan/argv", test_argv);
        g_test_add_func("/mount-plan/options", test_options_to_the_byte);
        g_test_add_func("/mount-plan/options-of-nothing", test_options_of_nothing);
        g_test_add_func("/mount-plan/200-layers", test_200_layers_fit);
        g_test_add_func("/mount-plan/largest", test_the_largest_definition_makes_a_good_plan);
        g_test_add_func("/mount-plan/page", test_the_page_ends_at_4095_bytes);
        return g_test_run();
}
