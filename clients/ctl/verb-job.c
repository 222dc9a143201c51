/* Verbs of jobs, and of the store, which has nothing but jobs. */
#include "ctl/verbs.h"

#include <string.h>

static const Field list_fields[] = {
        {"id", "ID", FIELD_NUMBER},
        {"kind", "KIND", FIELD_TEXT},
        {"subject", "SUBJECT", FIELD_TEXT},
        {"state", "STATE", FIELD_STATE},
        {"started_at", "STARTED", FIELD_TIME},
        {"started_by", "BY", FIELD_PRINCIPAL},
        {},
};

static const Field show_fields[] = {
        {"id", "Job", FIELD_NUMBER},
        {"kind", "Kind", FIELD_TEXT},
        {"subject", "Subject", FIELD_TEXT},
        {"state", "State", FIELD_STATE},
        {"progress", "Progress", FIELD_FRACTION},
        {"bytes_done", "Done", FIELD_SIZE},
        {"bytes_total", "Of", FIELD_SIZE},
        {"started_at", "Started", FIELD_TIME},
        {"started_by", "By", FIELD_PRINCIPAL},
        {"cancelable", "Cancelable", FIELD_YES_NO},
        {"message", "Message", FIELD_TEXT},
        {},
};

/* Progress without ProgressValid is no figure: null in JSON, "-" in words. */
static void clear_unknown_progress(json_t *job)
{
        if (!json_is_true(json_object_get(job, "progress_valid")))
                json_object_set_new(job, "progress", json_null());
        json_object_del(job, "progress_valid");
}

int verb_job_list(Ctl *ctl, char **args)
{
        cleanup_json json_t *jobs = NULL;
        int code;

        (void)args;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_objects(ctl, L4_IFACE_JOB, "id", &jobs);
        if (code != EXIT_OK)
                return code;
        for (size_t i = 0; i < json_array_size(jobs); i++)
                clear_unknown_progress(json_array_get(jobs, i));
        return ctl_printed(output_table(&ctl->output, jobs, list_fields));
}

static char *job_path(const Ctl *ctl, const char *id)
{
        uint32_t number;

        return ctl_parse_number(ctl, "A job", id, UINT32_MAX, &number)
                       ? g_strdup_printf(L4_PATH "/job/%" PRIu32, number)
                       : NULL;
}

/* Adds why a job failed, which is no property because it may name private things. */
static int add_result(Ctl *ctl, const char *id, const char *path, json_t *job)
{
        const char *state = json_string_value(json_object_get(job, "state")), *error, *message;
        cleanup_message sd_bus_message *reply = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        if (g_strcmp0(state, "failed") != 0 && g_strcmp0(state, "cancelled") != 0)
                return EXIT_OK;

        r = client_new_call(ctl->client, path, L4_IFACE_JOB, "Wait", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "ta{sv}", UINT64_C(0), 0);
        code = ctl_call(ctl, id, m, r, &reply);
        if (code != EXIT_OK)
                return code;
        r = sd_bus_message_read(reply, "sss", NULL, &error, &message);
        if (r < 0)
                return ctl_fail(ctl, id, NULL, r);
        json_object_set_new(job, "error", json_string(error));
        json_object_set_new(job, "message", json_string(message));
        return EXIT_OK;
}

int verb_job_show(Ctl *ctl, char **args)
{
        g_autofree char *path = job_path(ctl, args[0]);
        cleanup_json json_t *job = NULL;
        int code;

        if (!path)
                return EXIT_USAGE;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_properties(ctl, args[0], path, L4_IFACE_JOB, &job);
        if (code == EXIT_OK)
                code = add_result(ctl, args[0], path, job);
        if (code != EXIT_OK)
                return code;
        clear_unknown_progress(job);
        return ctl_printed(output_record(&ctl->output, job, show_fields));
}

int verb_job_wait(Ctl *ctl, char **args)
{
        g_autoptr(Follow) follow = NULL;
        int r, code;

        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = follow_new(ctl->client, 0, &follow);
        if (r < 0)
                return ctl_fail(ctl, NULL, NULL, r);

        for (char **id = args; *id; id++) {
                g_autofree char *path = job_path(ctl, *id), *label = ctl_label(ctl, *id);

                if (!path)
                        return EXIT_USAGE;
                follow_add_job(follow, label, path);
        }
        return follow_run(follow);
}

int verb_job_cancel(Ctl *ctl, char **args)
{
        int code = ctl_connect(ctl);

        for (char **id = args; code != EXIT_UNREACHABLE && *id; id++) {
                g_autofree char *path = job_path(ctl, *id);
                sd_bus_message *m = NULL;
                int r;

                if (!path)
                        return EXIT_USAGE;
                r = client_new_call(ctl->client, path, L4_IFACE_JOB, "Cancel", &m);
                if (r >= 0)
                        r = sd_bus_message_append(m, "a{sv}", 0);
                code = errors_join(code, ctl_call(ctl, *id, m, r, NULL));
        }
        return code;
}

int verb_store(Ctl *ctl, char **args)
{
        sd_bus_message *m = NULL;
        int r, code;

        (void)args;
        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, L4_PATH_MANAGER, L4_IFACE_MANAGER, ctl->verb->method, &m);
        return ctl_run_job(ctl, NULL, m, r, 0);
}
