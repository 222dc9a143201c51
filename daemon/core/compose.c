#include "compose.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "core/blueprint.h"
#include "core/installation.h"
#include "core/job-kinds.h"
#include "core/overlay.h"
#include "core/running.h"
#include "host/checkout.h"
#include "plan/argv.h"
#include "plan/cfg.h"

#define PLAN_FILES_SIZE_MAX (8U * 1024U * 1024U)

static void layer_free(gpointer p)
{
        ComposedLayer *layer = p;

        g_free(layer->name);
        g_free(layer->commit);
        g_free(layer);
}

static void add_layer(GPtrArray *layers, const char *kind, const char *name, const Generation *g)
{
        ComposedLayer *layer = g_new0(ComposedLayer, 1);

        layer->kind = kind;
        layer->name = g_strdup(name);
        layer->commit = g_strdup(g->commit);
        g_ptr_array_add(layers, layer);
}

/* One entry per overlay in the blueprint's order, then the installation. */
static GPtrArray *collect_layers(Server *s, GError **error)
{
        g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func(layer_free);
        Manager *m = s->manager;
        const Generation *game = content_current(&m->installation->content);

        if (!game) {
                g_set_error(error, L4_ERROR, L4_ERROR_NOT_INSTALLED,
                            "the game is not installed; import it: left4mectl installation import DIRECTORY");
                return NULL;
        }
        for (char **name = s->blueprint->definition->overlays; *name; name++) {
                const Overlay *o = g_hash_table_lookup(m->overlays, *name);
                const Generation *g = o ? content_current(&o->content) : NULL;

                if (!g) {
                        g_set_error(error, L4_ERROR, L4_ERROR_NO_SUCH_OVERLAY,
                                    "overlay '%s' of blueprint '%s' has no content yet", *name,
                                    s->blueprint->name);
                        return NULL;
                }
                add_layer(layers, "overlay", *name, g);
        }
        add_layer(layers, "installation", m->installation->branch, game);
        return g_steal_pointer(&layers);
}

bool compose_check(Server *s, GError **error)
{
        g_autoptr(GPtrArray) layers = collect_layers(s, error);

        return layers != NULL;
}

/* overlayfs refuses the same directory twice: the upper one of two equal trees is enough. */
static char **unique_commits(const GPtrArray *layers)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        GPtrArray *commits = g_ptr_array_new();

        for (guint i = 0; i < layers->len; i++) {
                const ComposedLayer *layer = g_ptr_array_index(layers, i);

                if (g_hash_table_add(seen, layer->commit))
                        g_ptr_array_add(commits, g_strdup(layer->commit));
        }
        g_ptr_array_add(commits, NULL);
        return (char **)g_ptr_array_free(commits, FALSE);
}

static bool read_all(int fd, size_t size, GBytes **ret)
{
        g_autofree char *data = g_malloc(size ? size : 1);
        size_t used = 0;

        while (used < size) {
                ssize_t n = pread(fd, data + used, size - used, (off_t)used);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                if (n == 0)
                        break;
                used += (size_t)n;
        }
        *ret = g_bytes_new_take(g_steal_pointer(&data), used);
        return true;
}

/* An overlay's server.cfg; *ret stays NULL where it has none. */
static bool read_fragment(const ComposedLayer *layer, GBytes **ret, GError **error)
{
        g_autoptr(GError) e = NULL;
        cleanup_close int fd = checkout_open_file(layer->commit, CFG_FRAGMENT_PATH, &e);
        struct stat st;

        if (fd < 0 && g_error_matches(e, L4_ERROR, L4_ERROR_FILE_NOT_FOUND))
                return true;
        if (fd < 0) {
                g_propagate_prefixed_error(error, g_steal_pointer(&e), "overlay '%s': ", layer->name);
                return false;
        }
        if (fstat(fd, &st) < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, -errno, "overlay '%s'", layer->name), false;
        if ((size_t)st.st_size > CFG_FRAGMENT_SIZE_MAX) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_CONTENT,
                            "overlay '%s': " CFG_FRAGMENT_PATH " is larger than %u bytes", layer->name,
                            CFG_FRAGMENT_SIZE_MAX);
                return false;
        }
        if (!read_all(fd, (size_t)st.st_size, ret))
                return l4_error_set_errno(error, L4_ERROR_FAILED, -errno, "overlay '%s'", layer->name), false;
        return true;
}

/* A plan travels in one message, and the bus cuts off whoever sends one of more than 32 MiB. */
static bool check_size(const GPtrArray *files, GError **error)
{
        size_t size = 0;

        for (guint i = 0; i < files->len; i++)
                size += g_bytes_get_size(((const CfgFile *)g_ptr_array_index(files, i))->content);
        if (size <= PLAN_FILES_SIZE_MAX)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_CONTENT,
                    "the overlays' " CFG_FRAGMENT_PATH " have more than %u bytes together",
                    PLAN_FILES_SIZE_MAX);
        return false;
}

static void clear_fragment(gpointer p)
{
        CfgFragment *fragment = p;

        g_bytes_unref(fragment->content);
}

/* Lowest overlay first: the last of two equal cvars wins, as the first of two equal files does. */
static GArray *read_fragments(const GPtrArray *layers, GError **error)
{
        g_autoptr(GArray) fragments = g_array_new(FALSE, FALSE, sizeof(CfgFragment));

        g_array_set_clear_func(fragments, clear_fragment);
        for (guint i = layers->len; i-- > 0;) {
                const ComposedLayer *layer = g_ptr_array_index(layers, i);
                CfgFragment fragment = {layer->name, NULL};

                if (strcmp(layer->kind, "overlay") != 0)
                        continue;
                if (!read_fragment(layer, &fragment.content, error))
                        return NULL;
                if (fragment.content)
                        g_array_append_val(fragments, fragment);
        }
        return g_steal_pointer(&fragments);
}

bool compose_plan(Server *s, MountPlan **ret, GPtrArray **ret_layers, GError **error)
{
        g_autoptr(GPtrArray) layers = collect_layers(s, error);
        g_autoptr(GArray) fragments = NULL;
        g_autoptr(MountPlan) plan = NULL;
        const Definition *d = s->blueprint->definition;

        if (!layers)
                return false;
        fragments = read_fragments(layers, error);
        if (!fragments)
                return false;
        plan = g_new0(MountPlan, 1);
        plan->instance = g_strdup(s->name);
        plan->uid = server_uid(s);
        plan->layers = unique_commits(layers);
        plan->files = cfg_render((const CfgFragment *)(const void *)fragments->data, fragments->len,
                                 (const char *const *)d->config, s->rcon_password);
        plan->argv = argv_build(s->port, (const char *const *)d->arguments);
        if (!check_size(plan->files, error) || !mount_plan_check(plan, error))
                return false;
        *ret = g_steal_pointer(&plan);
        if (ret_layers)
                *ret_layers = g_steal_pointer(&layers);
        return true;
}

/* A start by systemctl while a reset or a delete waits for the store would have its files removed under it.
 */
static bool check_kept(const Server *s, GError **error)
{
        g_autofree char *subject = g_strdup_printf("server/%s", s->name);
        const Job *job = jobs_running(s->manager, subject);

        if (!job || (job->kind != &job_reset && job->kind != &job_delete))
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_BUSY, "job %u (%s) of server '%s' has not ended", job->id,
                    job->kind->name, s->name);
        return false;
}

bool compose_hand_out(Server *s, MountPlan **ret, GError **error)
{
        g_autoptr(MountPlan) plan = NULL;

        if (!check_kept(s, error) || !compose_plan(s, &plan, NULL, error) ||
            !running_record(s, plan->layers, error))
                return false;
        *ret = g_steal_pointer(&plan);
        return true;
}
