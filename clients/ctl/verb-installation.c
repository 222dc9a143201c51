/* Verbs of the installation, and those of generations, which overlays have too. */
#include "common/message-json.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <string.h>

int verb_installation_show(Ctl *ctl, char **args)
{
        static const Field fields[] = {
                {"state", "State", FIELD_STATE},   {"generation", "Generation", FIELD_COUNT},
                {"build_id", "Build", FIELD_TEXT}, {"branch", "Branch", FIELD_TEXT},
                {"size", "Size", FIELD_SIZE},      {},
        };
        cleanup_json json_t *installation = NULL;
        int code;

        (void)args;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_properties(ctl, NULL, L4_PATH_INSTALLATION, L4_IFACE_INSTALLATION, &installation);
        return code == EXIT_OK ? ctl_printed(output_record(&ctl->output, installation, fields)) : code;
}

int verb_installation_import(Ctl *ctl, char **args)
{
        g_autofree char *path = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        if (ctl->transport != TRANSPORT_LOCAL && !g_path_is_absolute(args[0])) {
                output_complain("installation import", "A directory of another host needs an absolute path.");
                return EXIT_USAGE;
        }
        path = g_canonicalize_filename(args[0], NULL);

        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, L4_PATH_INSTALLATION, L4_IFACE_INSTALLATION, "ImportDirectory", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", path);
        return ctl_run_job(ctl, path, m, r, 0);
}

/* The object that the verb is about: the installation, or the overlay that is its first argument. */
static int resolve_target(Ctl *ctl, char **args, const char **ret_interface, char **ret_path)
{
        if (strcmp(ctl->verb->group, "overlay") == 0) {
                *ret_interface = L4_IFACE_OVERLAY;
                return ctl_resolve(ctl, "GetOverlay", args[0], ret_path);
        }
        *ret_interface = L4_IFACE_INSTALLATION;
        *ret_path = g_strdup(L4_PATH_INSTALLATION);
        return EXIT_OK;
}

/* (number, created, {more}) becomes one object. */
static json_t *flatten_generations(const json_t *rows)
{
        json_t *flat = json_array();

        for (size_t i = 0; i < json_array_size(rows); i++) {
                const json_t *row = json_array_get(rows, i);
                json_t *object = json_object();

                json_object_set(object, "generation", json_array_get(row, 0));
                json_object_set(object, "created_at", json_array_get(row, 1));
                json_object_update(object, json_array_get(row, 2));
                json_array_append_new(flat, object);
        }
        return flat;
}

int verb_generations(Ctl *ctl, char **args)
{
        static const Field fields[] = {
                {"generation", "N", FIELD_NUMBER},     {"current", "CURRENT", FIELD_YES_NO},
                {"created_at", "CREATED", FIELD_TIME}, {"size", "SIZE", FIELD_SIZE},
                {"files", "FILES", FIELD_NUMBER},      {"by", "BY", FIELD_PRINCIPAL},
                {"commit", "COMMIT", FIELD_TEXT},      {},
        };
        cleanup_json json_t *rows = NULL, *generations = NULL;
        g_autofree char *path = NULL;
        sd_bus_message *m = NULL;
        const char *interface;
        int r, code;

        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = resolve_target(ctl, args, &interface, &path);
        if (code != EXIT_OK)
                return code;

        r = client_new_call(ctl->client, path, interface, "ListGenerations", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        code = ctl_call_json(ctl, args[0], m, r, &rows);
        if (code != EXIT_OK)
                return code;
        generations = flatten_generations(rows);
        return ctl_printed(output_table(&ctl->output, generations, fields));
}

int verb_rollback(Ctl *ctl, char **args)
{
        bool overlay = strcmp(ctl->verb->group, "overlay") == 0;
        g_autofree char *path = NULL;
        sd_bus_message *m = NULL;
        const char *interface;
        uint32_t generation;
        int r, code;

        if (!ctl_parse_number(ctl, "A generation", args[overlay ? 1 : 0], UINT32_MAX, &generation))
                return EXIT_USAGE;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = resolve_target(ctl, args, &interface, &path);
        if (code != EXIT_OK)
                return code;

        r = client_new_call(ctl->client, path, interface, "Rollback", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "u", generation);
        return ctl_run_job(ctl, overlay ? args[0] : NULL, m, r, 0);
}
