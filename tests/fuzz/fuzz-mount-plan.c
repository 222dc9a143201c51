/* Mount plans: strings of the input, each starting with the letter of the member it becomes, make a plan; an
 * accepted one keeps its promises. The same bytes are descriptors of the option page. */
#include "fuzz.h"
#include "plan/cfg.h"
#include "plan/mount-plan.h"
#include "plan/names.h"

#include <string.h>

static void file_destroy(gpointer f)
{
        cfg_file_free(f);
}

static CfgFile *file_new(const char *path)
{
        CfgFile *f = g_new(CfgFile, 1);

        *f = (CfgFile){g_strdup(path), g_bytes_new(path, strlen(path))};
        return f;
}

/* "i" instance, "u" uid, "l" layer, "f" file, "a" word of argv. */
static MountPlan *plan_of(char **strings)
{
        MountPlan *p = g_new0(MountPlan, 1);
        g_autoptr(GStrvBuilder) layers = g_strv_builder_new(), argv = g_strv_builder_new();

        p->files = g_ptr_array_new_with_free_func(file_destroy);
        for (size_t i = 0; strings[i]; i++) {
                const char *value = strings[i][0] == '\0' ? "" : strings[i] + 1;

                if (strings[i][0] == 'i' && !p->instance)
                        p->instance = g_strdup(value);
                else if (strings[i][0] == 'u')
                        p->uid = (uint32_t)g_ascii_strtoull(value, NULL, 10);
                else if (strings[i][0] == 'l')
                        g_strv_builder_add(layers, value);
                else if (strings[i][0] == 'f')
                        g_ptr_array_add(p->files, file_new(value));
                else if (strings[i][0] == 'a')
                        g_strv_builder_add(argv, value);
        }
        p->layers = g_strv_builder_end(layers);
        p->argv = g_strv_builder_end(argv);
        return p;
}

static void check_promises(const MountPlan *p)
{
        g_assert_true(name_is_valid(p->instance));
        g_assert_true(p->uid >= UID_RANGE_FIRST && p->uid <= UID_RANGE_LAST);
        g_assert_true(g_strv_length(p->layers) >= 1 && g_strv_length(p->layers) <= MOUNT_LAYERS_MAX);
        for (size_t i = 0; p->layers[i]; i++)
                g_assert_cmpuint(strspn(p->layers[i], "0123456789abcdef"), ==, COMMIT_LENGTH);
        for (unsigned i = 0; i < p->files->len; i++) {
                const CfgFile *f = g_ptr_array_index(p->files, i);

                g_assert_true(g_str_has_prefix(f->path, CFG_LAYER_DIR "/"));
                g_assert_null(strchr(f->path + strlen(CFG_LAYER_DIR) + 1, '/'));
                g_assert_false(g_str_has_suffix(f->path, "/.."));
        }
        g_assert_nonnull(p->argv[0]);
        for (size_t i = 0; p->argv[i]; i++)
                g_assert_true(p->argv[i][0] != '\0' && !strpbrk(p->argv[i], "\n\r\t\x1b"));
}

static void check_options(const uint8_t *data, size_t size)
{
        size_t n = size / sizeof(int);
        g_autofree int *fds = g_new(int, n + 1);
        g_autofree char *options = NULL;

        memcpy(fds, data, n * sizeof(int));
        options = n > 0 ? mount_options_page(fds, n, fds[0], fds[n - 1]) : NULL;
        if (!options)
                return;
        g_assert_cmpuint(strlen(options), <, MOUNT_OPTIONS_PAGE_SIZE);
        g_assert_true(g_str_has_prefix(options, "lowerdir=/proc/self/fd/"));
        g_assert_true(g_str_has_suffix(options, "," MOUNT_OPTIONS_FIXED));
        g_assert_null(strchr(options, '-'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_auto(GStrv) strings = fuzz_strings(data, size);
        g_autoptr(MountPlan) p = plan_of(strings);
        g_autoptr(GError) error = NULL;

        if (fuzz_outcome(mount_plan_check(p, &error), &error, L4_ERROR_INVALID_ARGS))
                check_promises(p);
        check_options(data, size);
        return 0;
}
