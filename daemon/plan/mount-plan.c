/* A mount plan's checks and the option string of its mount. Touches nothing; promises that a plan that passed
 * holds nothing that could lead the mount helper out of its folders. */
#include "mount-plan.h"

#include "base/error.h"
#include "cfg.h"
#include "definition.h"
#include "names.h"

#include <string.h>

MountPlan *mount_plan_free(MountPlan *p)
{
        if (!p)
                return NULL;
        g_free(p->instance);
        g_strfreev(p->layers);
        g_clear_pointer(&p->files, g_ptr_array_unref);
        g_strfreev(p->argv);
        g_free(p);
        return NULL;
}

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "invalid mount plan: %s", text);
        return false;
}

static bool check_identity(const MountPlan *p, GError **error)
{
        if (!name_is_valid(p->instance))
                return refuse(error, "the instance is not a valid name");
        if (p->uid < UID_RANGE_FIRST || p->uid > UID_RANGE_LAST)
                return refuse(error, "uid %u is not of the range %u to %u", p->uid, UID_RANGE_FIRST,
                              UID_RANGE_LAST);
        return true;
}

static bool check_layers(const MountPlan *p, GError **error)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        if (!p->layers || !p->layers[0])
                return refuse(error, "no layers");
        for (size_t i = 0; p->layers[i]; i++) {
                if (i >= MOUNT_LAYERS_MAX)
                        return refuse(error, "more than %u layers", MOUNT_LAYERS_MAX);
                if (!commit_is_valid(p->layers[i]))
                        return refuse(error, "layer %zu is not a commit", i + 1);
                /* overlayfs takes a folder only once: ELOOP. */
                if (!g_hash_table_add(seen, p->layers[i]))
                        return refuse(error, "layer %zu is there twice", i + 1);
        }
        return true;
}

static bool check_file(const CfgFile *f, size_t number, GError **error)
{
        const char *name = f->path ? strrchr(f->path, '/') : NULL;
        g_autoptr(GError) fault = NULL;

        if (!file_path_check(f->path, &fault))
                return refuse(error, "file %zu: %s", number, fault->message);
        if (!name || (size_t)(name - f->path) != strlen(CFG_LAYER_DIR) ||
            !g_str_has_prefix(f->path, CFG_LAYER_DIR))
                return refuse(error, "file %zu is not directly below " CFG_LAYER_DIR, number);
        if (!f->content || g_bytes_get_size(f->content) > MOUNT_FILE_SIZE_MAX)
                return refuse(error, "file %zu has no content or more than %u bytes", number,
                              MOUNT_FILE_SIZE_MAX);
        return true;
}

static bool check_files(const MountPlan *p, GError **error)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        if (!p->files)
                return refuse(error, "no list of files");
        if (p->files->len > MOUNT_FILES_MAX)
                return refuse(error, "more than %u files", MOUNT_FILES_MAX);
        for (unsigned i = 0; i < p->files->len; i++) {
                const CfgFile *f = g_ptr_array_index(p->files, i);

                if (!check_file(f, i + 1, error))
                        return false;
                if (!g_hash_table_add(seen, f->path))
                        return refuse(error, "file %u is there twice", i + 1);
        }
        return true;
}

static bool check_argv(const MountPlan *p, GError **error)
{
        if (!p->argv || !p->argv[0])
                return refuse(error, "no argv");
        for (size_t i = 0; p->argv[i]; i++) {
                if (i >= MOUNT_ARGV_MAX)
                        return refuse(error, "more than %u words of argv", MOUNT_ARGV_MAX);
                if (p->argv[i][0] == '\0')
                        return refuse(error, "word %zu of argv is empty", i + 1);
                if (strnlen(p->argv[i], DEFINITION_STRING_MAX + 1) > DEFINITION_STRING_MAX)
                        return refuse(error, "word %zu of argv is longer than %u bytes", i + 1,
                                      DEFINITION_STRING_MAX);
                if (!text_is_clean(p->argv[i]))
                        return refuse(error, "word %zu of argv is not UTF-8 or has a control character",
                                      i + 1);
        }
        return true;
}

bool mount_plan_check(const MountPlan *p, GError **error)
{
        return check_identity(p, error) && check_layers(p, error) && check_files(p, error) &&
               check_argv(p, error);
}

char *mount_options_page(const int *layer_fds, size_t n_layers, int upper_fd, int work_fd)
{
        g_autoptr(GString) s = g_string_new("lowerdir=");

        if (n_layers == 0 || upper_fd < 0 || work_fd < 0)
                return NULL;
        for (size_t i = 0; i < n_layers && s->len < MOUNT_OPTIONS_PAGE_SIZE; i++) {
                if (layer_fds[i] < 0)
                        return NULL;
                g_string_append_printf(s, "%s/proc/self/fd/%d", i > 0 ? ":" : "", layer_fds[i]);
        }
        g_string_append_printf(s, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d," MOUNT_OPTIONS_FIXED,
                               upper_fd, work_fd);
        if (s->len >= MOUNT_OPTIONS_PAGE_SIZE)
                return NULL;
        return g_string_free(g_steal_pointer(&s), FALSE);
}
