/* Verbs of overlays as a whole; their files are in verb-overlay-files.c, import and export in
 * verb-overlay-transfer.c, generations in verb-installation.c. */
#include "ctl/verbs.h"

int verb_overlay_list(Ctl *ctl, char **args)
{
        static const Field fields[] = {
                {"name", "NAME", FIELD_TEXT},
                {"state", "STATE", FIELD_STATE},
                {"generation", "GENERATION", FIELD_COUNT},
                {"size", "SIZE", FIELD_SIZE},
                {"global", "GLOBAL", FIELD_YES_NO},
                {"used_by", "USED BY", FIELD_LIST},
                {"owner", "OWNER", FIELD_PRINCIPAL},
                {},
        };
        cleanup_json json_t *overlays = NULL;
        int code;

        (void)args;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_objects(ctl, L4_IFACE_OVERLAY, "name", &overlays);
        return code == EXIT_OK ? ctl_printed(output_table(&ctl->output, overlays, fields)) : code;
}

int verb_overlay_show(Ctl *ctl, char **args)
{
        static const Field fields[] = {
                {"name", "Overlay", FIELD_TEXT},    {"type", "Type", FIELD_TEXT},
                {"state", "State", FIELD_STATE},    {"generation", "Generation", FIELD_COUNT},
                {"built_at", "Built", FIELD_TIME},  {"size", "Size", FIELD_SIZE},
                {"global", "Global", FIELD_YES_NO}, {"owner", "Owner", FIELD_PRINCIPAL},
                {"used_by", "Used by", FIELD_LIST}, {},
        };
        cleanup_json json_t *overlay = NULL;
        g_autofree char *path = NULL;
        int code;

        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_resolve(ctl, "GetOverlay", args[0], &path);
        if (code == EXIT_OK)
                code = ctl_properties(ctl, args[0], path, L4_IFACE_OVERLAY, &overlay);
        return code == EXIT_OK ? ctl_printed(output_record(&ctl->output, overlay, fields)) : code;
}

int verb_overlay_create(Ctl *ctl, char **args)
{
        sd_bus_message *m = NULL;
        int r, code;

        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, L4_PATH_MANAGER, L4_IFACE_MANAGER, "CreateOverlay", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", args[0], "files");
        if (r >= 0)
                r = ctl->global ? sd_bus_message_append(m, "a{sv}", 1, "global", "b", 1)
                                : sd_bus_message_append(m, "a{sv}", 0);
        return ctl_call(ctl, args[0], m, r, NULL);
}

static int delete_one(Ctl *ctl, const char *name)
{
        g_autofree char *path = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        code = ctl_resolve(ctl, "GetOverlay", name, &path);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "Delete", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        return ctl_call(ctl, name, m, r, NULL);
}

int verb_overlay_delete(Ctl *ctl, char **args)
{
        g_autofree char *list = g_strjoinv(", ", args);
        int code = ctl_connect(ctl);

        if (code != EXIT_OK)
                return code;
        if (!ctl_confirm(ctl, "Remove %s with all content?", list))
                return EXIT_FAILED;

        for (char **name = args; *name; name++)
                code = errors_join(code, delete_one(ctl, *name));
        return code;
}
