#include "running.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/layout.h"
#include "base/log.h"
#include "plan/names.h"

#define PLAN_FILE_SIZE_MAX 65536U

static char *plan_path(const Server *s)
{
        return g_strdup_printf(L4_RUN_PLANS "/%s", s->name);
}

static bool layers_from_json(json_t *array, char ***ret)
{
        g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func(g_free);
        json_t *item;
        size_t i;

        json_array_foreach(array, i, item)
        {
                const char *commit = json_string_value(item);

                if (!commit || !commit_is_valid(commit))
                        return false;
                g_ptr_array_add(layers, g_strdup(commit));
        }
        g_ptr_array_add(layers, NULL);
        *ret = (char **)g_ptr_array_free(g_steal_pointer(&layers), FALSE);
        return true;
}

void running_load(Server *s)
{
        g_autofree char *path = plan_path(s), *text = NULL;
        json_t *plan, *layers = NULL;
        json_int_t revision = 0;
        size_t size;

        if (file_read_all(AT_FDCWD, path, PLAN_FILE_SIZE_MAX, &text, &size) < 0)
                return;
        plan = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        if (json_unpack(plan, "{s:I, s:o}", "revision", &revision, "layers", &layers) == 0 && revision > 0 &&
            layers_from_json(layers, &s->running_layers))
                s->running_revision = (uint32_t)revision;
        else
                log_warning("%s: makes no sense, left alone", path);
        json_decref(plan);
}

bool running_record(Server *s, char *const *layers, GError **error)
{
        g_autofree char *path = plan_path(s);
        json_t *array = json_array(), *plan;
        char *text;
        int r;

        for (char *const *commit = layers; *commit; commit++)
                json_array_append_new(array, json_string(*commit));
        plan = json_pack("{s:I, s:o}", "revision", (json_int_t)s->revision, "layers", array);
        text = json_dumps(plan, JSON_COMPACT);
        r = file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, false);
        free(text);
        json_decref(plan);
        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, r, "%s", path), false;
        g_strfreev(s->running_layers);
        s->running_layers = g_strdupv((char **)layers);
        s->running_revision = s->revision;
        manager_changed(s->manager, OBJECT_SERVER, s->name, "RunningRevision", NULL);
        return true;
}

void running_forget(Server *s)
{
        g_autofree char *path = plan_path(s);

        if (s->running_revision == 0)
                return;
        (void)unlink(path);
        s->running_revision = 0;
        g_clear_pointer(&s->running_layers, g_strfreev);
        s->started = 0;
}

static char *describe_exit(const UnitFailure *f)
{
        switch (f->exec_code) {
        case CLD_EXITED:
                /* As shells say it, and left4me-launch where it is the unit's process 1. */
                if (f->exec_status > 128 && f->exec_status <= 128 + SIGRTMAX)
                        return g_strdup_printf("srcds_run was killed by signal %d (%s)", f->exec_status - 128,
                                               strsignal(f->exec_status - 128));
                return g_strdup_printf("srcds_run exited with status %d", f->exec_status);
        case CLD_KILLED:
        case CLD_DUMPED:
                return g_strdup_printf("srcds_run was killed by signal %d (%s)", f->exec_status,
                                       strsignal(f->exec_status));
        default:
                return g_strdup_printf("srcds_run did not run (%s)", f->result);
        }
}

bool running_is_unmount_failure(const UnitFailure *f)
{
        return f->exec_code == CLD_EXITED && f->exec_status == 0;
}

char *running_describe_failure(const Server *s, bool of_mount, const UnitFailure *f)
{
        const char *verb = running_is_unmount_failure(f) ? "unmount" : "compose";
        g_autofree char *end = NULL;

        if (of_mount && f->status_text[0])
                return g_strdup_printf("cannot %s the game's tree: %s", verb, f->status_text);
        if (of_mount)
                return g_strdup_printf("cannot %s the game's tree (%s); see: journalctl -u %s", verb,
                                       f->result, s->mount_unit);
        end = describe_exit(f);
        if (strcmp(f->result, "start-limit-hit") == 0)
                return g_strdup_printf(
                        "%s, too often (5 times within 60 s); see: journalctl --namespace=left4me -u %s", end,
                        s->unit);
        return g_strdup_printf("%s%s; see: journalctl --namespace=left4me -u %s", end,
                               strcmp(f->result, "oom-kill") == 0 ? ", out of memory" : "", s->unit);
}

static void on_failure(const UnitFailure *failure, void *userdata)
{
        Server *s = userdata;
        g_autofree char *text = running_describe_failure(s, s->failure_of_mount, failure);

        s->failure_request = NULL;
        log_warning("server %s: %s", s->name, text);
        server_set_last_error(s, text);
}

void running_explain_failure(Server *s)
{
        if (s->failure_request)
                return;
        s->failure_of_mount = s->active != UNIT_FAILED;
        /* Until systemd has said more: whoever sees "failed" finds a reason. */
        if (s->last_error[0] == '\0') {
                g_autofree char *text = g_strdup_printf("it failed; see: systemctl status %s",
                                                        s->failure_of_mount ? s->mount_unit : s->unit);

                server_set_last_error(s, text);
        }
        s->failure_request = systemd_get_failure(
                s->manager->systemd, s->failure_of_mount ? s->mount_unit : s->unit, on_failure, s);
}
