/* Verbs of blueprints. */
#include "ctl/verbs.h"

static int append_list(sd_bus_message *m, const char *key, const GPtrArray *list)
{
        int r;

        if (!list)
                return 0;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (guint i = 0; r >= 0 && i < list->len; i++)
                r = sd_bus_message_append_basic(m, 's', list->pdata[i]);
        for (int depth = 0; r >= 0 && depth < 3; depth++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* The lists that were given, and no options. */
static int append_definition(const Ctl *ctl, sd_bus_message *m)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = append_list(m, "overlays", ctl->overlays);
        if (r >= 0)
                r = append_list(m, "arguments", ctl->arguments);
        if (r >= 0)
                r = append_list(m, "config", ctl->config);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_append(m, "a{sv}", 0);
}

int verb_blueprint_list(Ctl *ctl, char **args)
{
        static const Field fields[] = {
                {"name", "NAME", FIELD_TEXT},         {"revision", "REVISION", FIELD_NUMBER},
                {"overlays", "OVERLAYS", FIELD_LIST}, {"used_by", "USED BY", FIELD_LIST},
                {"owner", "OWNER", FIELD_PRINCIPAL},  {},
        };
        cleanup_json json_t *blueprints = NULL;
        int code;

        (void)args;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_objects(ctl, L4_IFACE_BLUEPRINT, "name", &blueprints);
        return code == EXIT_OK ? ctl_printed(output_table(&ctl->output, blueprints, fields)) : code;
}

/* Properties and definition as one object. */
static int read_blueprint(Ctl *ctl, const char *name, json_t **ret)
{
        cleanup_json json_t *definition = NULL;
        g_autofree char *path = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        code = ctl_resolve(ctl, "GetBlueprint", name, &path);
        if (code == EXIT_OK)
                code = ctl_properties(ctl, name, path, L4_IFACE_BLUEPRINT, ret);
        if (code != EXIT_OK)
                return code;

        r = client_new_call(ctl->client, path, L4_IFACE_BLUEPRINT, "GetDefinition", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        code = ctl_call_json(ctl, name, m, r, &definition);
        if (code == EXIT_OK)
                json_object_update(*ret, definition);
        return code;
}

static void print_lines(const Output *output, const char *title, const json_t *lines)
{
        static const Field field = {"", "", FIELD_TEXT};

        if (json_array_size(lines) == 0)
                return;
        printf("\n%s:\n", title);
        for (size_t i = 0; i < json_array_size(lines); i++) {
                const json_t *line = json_array_get(lines, i);
                g_autofree char *text = output_format(output, &field, line);

                printf("    %s\n", text);
        }
}

int verb_blueprint_show(Ctl *ctl, char **args)
{
        static const Field fields[] = {
                {"name", "Blueprint", FIELD_TEXT},
                {"owner", "Owner", FIELD_PRINCIPAL},
                {"revision", "Revision", FIELD_NUMBER},
                {"used_by", "Used by", FIELD_LIST},
                {},
        };
        cleanup_json json_t *blueprint = NULL;
        int r, code;

        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = read_blueprint(ctl, args[0], &blueprint);
        if (code != EXIT_OK)
                return code;

        r = output_record(&ctl->output, blueprint, fields);
        if (r >= 0 && ctl->output.json == JSON_OFF) {
                print_lines(&ctl->output, "Overlays", json_object_get(blueprint, "overlays"));
                print_lines(&ctl->output, "Arguments", json_object_get(blueprint, "arguments"));
                print_lines(&ctl->output, "Config", json_object_get(blueprint, "config"));
        }
        return ctl_printed(r);
}

int verb_blueprint_create(Ctl *ctl, char **args)
{
        sd_bus_message *m = NULL;
        int r, code;

        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, L4_PATH_MANAGER, L4_IFACE_MANAGER, "CreateBlueprint", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", args[0]);
        if (r >= 0)
                r = append_definition(ctl, m);
        return ctl_call(ctl, args[0], m, r, NULL);
}

/* A call of a method of one blueprint, still without arguments. EXIT_OK, or complains. */
static int new_blueprint_call(Ctl *ctl, const char *name, const char *method, sd_bus_message **ret)
{
        g_autofree char *path = NULL;
        int r, code;

        code = ctl_resolve(ctl, "GetBlueprint", name, &path);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, path, L4_IFACE_BLUEPRINT, method, ret);
        return r < 0 ? ctl_fail(ctl, name, NULL, r) : EXIT_OK;
}

int verb_blueprint_set(Ctl *ctl, char **args)
{
        sd_bus_message *m = NULL;
        int code;

        if (!ctl->overlays && !ctl->arguments && !ctl->config) {
                output_complain("blueprint set",
                                "Nothing to set: give --overlay=, --argument= or --config=.");
                return EXIT_USAGE;
        }
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = new_blueprint_call(ctl, args[0], "Update", &m);
        return code == EXIT_OK ? ctl_call(ctl, args[0], m, append_definition(ctl, m), NULL) : code;
}

int verb_blueprint_clone(Ctl *ctl, char **args)
{
        sd_bus_message *m = NULL;
        int code;

        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = new_blueprint_call(ctl, args[0], "Clone", &m);
        if (code != EXIT_OK)
                return code;
        return ctl_call(ctl, args[0], m, sd_bus_message_append(m, "sa{sv}", args[1], 0), NULL);
}

int verb_blueprint_delete(Ctl *ctl, char **args)
{
        g_autofree char *list = g_strjoinv(", ", args);
        int code = ctl_connect(ctl);

        if (code != EXIT_OK)
                return code;
        if (!ctl_confirm(ctl, "Remove %s?", list))
                return EXIT_FAILED;

        for (char **name = args; *name; name++) {
                sd_bus_message *m = NULL;
                int one = new_blueprint_call(ctl, *name, "Delete", &m);

                if (one == EXIT_OK)
                        one = ctl_call(ctl, *name, m, sd_bus_message_append(m, "a{sv}", 0), NULL);
                code = errors_join(code, one);
        }
        return code;
}
