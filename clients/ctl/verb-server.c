/* Verbs of servers. */
#include "common/follow.h"
#include "ctl/verbs.h"

#include <string.h>

static const Field list_fields[] = {
        {"name", "NAME", FIELD_TEXT},
        {"state", "STATE", FIELD_STATE},
        {"port", "PORT", FIELD_COUNT},
        {"blueprint", "BLUEPRINT", FIELD_TEXT},
        {"autostart", "AUTOSTART", FIELD_YES_NO},
        {"drift", "DRIFT", FIELD_DRIFT},
        {"owner", "OWNER", FIELD_PRINCIPAL},
        {},
};

static const Field status_fields[] = {
        {"name", "Server", FIELD_TEXT},
        {"state", "State", FIELD_STATE},
        {"sub_state", "Unit state", FIELD_TEXT},
        {"started_at", "Started", FIELD_TIME},
        {"port", "Port", FIELD_COUNT},
        {"blueprint", "Blueprint", FIELD_TEXT},
        {"autostart", "Autostart", FIELD_YES_NO},
        {"running_revision", "Runs revision", FIELD_COUNT},
        {"desired_revision", "Next start", FIELD_COUNT},
        {"drift", "Drift", FIELD_DRIFT},
        {"owner", "Owner", FIELD_PRINCIPAL},
        {"unit_name", "Unit", FIELD_TEXT},
        {"last_error", "Last error", FIELD_TEXT},
        {},
};

static void add_drift(json_t *server)
{
        json_int_t running = json_integer_value(json_object_get(server, "running_revision"));
        json_int_t desired = json_integer_value(json_object_get(server, "desired_revision"));

        json_object_set_new(server, "drift", json_boolean(running != 0 && running != desired));
}

static int all_servers(Ctl *ctl, json_t **ret)
{
        int code;

        code = ctl_objects(ctl, L4_IFACE_SERVER, "name", ret);
        if (code != EXIT_OK)
                return code;
        for (size_t i = 0; i < json_array_size(*ret); i++)
                add_drift(json_array_get(*ret, i));
        return EXIT_OK;
}

int verb_list(Ctl *ctl, char **args)
{
        cleanup_json json_t *servers = NULL;
        int code;

        (void)args;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = all_servers(ctl, &servers);
        return code == EXIT_OK ? ctl_printed(output_table(&ctl->output, servers, list_fields)) : code;
}

static int one_server(Ctl *ctl, const char *name, json_t **ret)
{
        g_autofree char *path = NULL;
        int code;

        code = ctl_resolve(ctl, "GetServer", name, &path);
        if (code == EXIT_OK)
                code = ctl_properties(ctl, name, path, L4_IFACE_SERVER, ret);
        if (code == EXIT_OK)
                add_drift(*ret);
        return code;
}

static int print_status(const Ctl *ctl, const json_t *servers)
{
        int r = 0;

        if (ctl->output.json != JSON_OFF)
                return ctl_printed(output_json(&ctl->output, servers));

        for (size_t i = 0; i < json_array_size(servers); i++) {
                const json_t *server = json_array_get(servers, i);
                if (i > 0)
                        putchar('\n');
                r = output_record(&ctl->output, server, status_fields);
                if (r < 0)
                        break;
        }
        return ctl_printed(r);
}

/* One server: its object, and an exit code that says whether it runs. */
static int status_of_one(Ctl *ctl, const char *name)
{
        cleanup_json json_t *server = NULL;
        int code;

        code = one_server(ctl, name, &server);
        if (code == EXIT_OK)
                code = ctl_printed(output_record(&ctl->output, server, status_fields));
        if (code == EXIT_OK && g_strcmp0(json_string_value(json_object_get(server, "state")), "running") != 0)
                code = EXIT_NOT_RUNNING;
        return code;
}

static int status_of_several(Ctl *ctl, char **names)
{
        cleanup_json json_t *servers = json_array();
        int code = EXIT_OK;

        for (char **name = names; *name; name++) {
                json_t *server = NULL;

                code = errors_join(code, one_server(ctl, *name, &server));
                if (server)
                        json_array_append_new(servers, server);
        }
        return errors_join(code, print_status(ctl, servers));
}

static int status_of_all(Ctl *ctl)
{
        cleanup_json json_t *servers = NULL;
        int code = all_servers(ctl, &servers);

        return code == EXIT_OK ? print_status(ctl, servers) : code;
}

int verb_status(Ctl *ctl, char **args)
{
        int code = ctl_connect(ctl);

        if (code != EXIT_OK)
                return code;
        if (!args[0])
                return status_of_all(ctl);
        return args[1] ? status_of_several(ctl, args) : status_of_one(ctl, args[0]);
}

/* The object of one name, as a call in follow. What is to be deleted and is not there is done already. */
static int add_server_job(Ctl *ctl, Follow *follow, const char *name)
{
        cleanup_bus_error sd_bus_error error = SD_BUS_ERROR_NULL;
        g_autofree char *path = NULL, *label = ctl_label(ctl, name);
        sd_bus_message *m = NULL;
        int r;

        r = client_resolve(ctl->client, "GetServer", name, &error, &path);
        if (r < 0 && strcmp(ctl->verb->method, "Delete") == 0 &&
            sd_bus_error_has_name(&error, "org.left4me.Error.NoSuchServer"))
                return EXIT_OK;
        if (r >= 0)
                r = client_new_call(ctl->client, path, L4_IFACE_SERVER, ctl->verb->method, &m);
        if (r >= 0)
                r = follow_add_call(follow, label, m, ctl_job_option(ctl));
        return r < 0 ? ctl_fail(ctl, name, &error, r) : EXIT_OK;
}

static bool confirm_server_job(const Ctl *ctl, char **names)
{
        g_autofree char *list = g_strjoinv(", ", names);

        if (strcmp(ctl->verb->method, "Delete") == 0)
                return ctl_confirm(ctl, "Stop and remove %s with all that was written there?", list);
        if (strcmp(ctl->verb->method, "Reset") == 0)
                return ctl_confirm(ctl, "Stop %s and discard all that was written there?", list);
        return true;
}

int verb_server_job(Ctl *ctl, char **args)
{
        g_autoptr(Follow) follow = NULL;
        int r, code;

        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = follow_new(ctl->client, ctl->no_block ? FOLLOW_NO_BLOCK : 0, &follow);
        if (r < 0)
                return ctl_fail(ctl, NULL, NULL, r);

        for (char **name = args; *name; name++)
                code = errors_join(code, add_server_job(ctl, follow, *name));
        if (follow_is_empty(follow))
                return code;
        if (!confirm_server_job(ctl, args))
                return EXIT_FAILED;

        code = errors_join(code, follow_run(follow));
        return ctl->no_block ? errors_join(code, ctl_print_jobs(ctl, follow)) : code;
}

int verb_create(Ctl *ctl, char **args)
{
        sd_bus_message *m = NULL;
        int r, code;

        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, L4_PATH_MANAGER, L4_IFACE_MANAGER, "CreateServer", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", args[0], args[1]);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && ctl->port > 0)
                r = sd_bus_message_append(m, "{sv}", "port", "q", ctl->port);
        if (r >= 0 && ctl->autostart)
                r = sd_bus_message_append(m, "{sv}", "autostart", "b", 1);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return ctl_call(ctl, args[0], m, r, NULL);
}

/* Calls a method of each server that takes one argument and options, and returns nothing. */
static int call_server(Ctl *ctl, const char *name, const char *method, const char *type, const void *value)
{
        g_autofree char *path = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        code = ctl_resolve(ctl, "GetServer", name, &path);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, path, L4_IFACE_SERVER, method, &m);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, *type, value);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        return ctl_call(ctl, name, m, r, NULL);
}

int verb_autostart(Ctl *ctl, char **args)
{
        int autostart = strcmp(ctl->verb->name, "enable") == 0;
        int code = ctl_connect(ctl);

        for (char **name = args; code != EXIT_UNREACHABLE && *name; name++)
                code = errors_join(code, call_server(ctl, *name, "SetAutostart", "b", &autostart));
        return code;
}

int verb_set_port(Ctl *ctl, char **args)
{
        uint32_t port;
        uint16_t narrow;
        int code;

        if (!ctl_parse_number(ctl, "A port", args[1], UINT16_MAX, &port))
                return EXIT_USAGE;
        narrow = (uint16_t)port;
        code = ctl_connect(ctl);
        return code == EXIT_OK ? call_server(ctl, args[0], "SetPort", "q", &narrow) : code;
}

int verb_set_blueprint(Ctl *ctl, char **args)
{
        int code = ctl_connect(ctl);

        return code == EXIT_OK ? call_server(ctl, args[0], "SetBlueprint", "s", args[1]) : code;
}

int verb_ports(Ctl *ctl, char **args)
{
        static const char *const keys[] = {"server", "port", "use", NULL};
        static const Field fields[] = {
                {"port", "PORT", FIELD_NUMBER},
                {"use", "USE", FIELD_TEXT},
                {"server", "SERVER", FIELD_TEXT},
                {},
        };
        cleanup_json json_t *ports = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        (void)args;
        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = client_new_read(ctl->client, L4_PATH_MANAGER, L4_IFACE_MANAGER, "ListPorts", &m);
        code = ctl_call_json(ctl, NULL, m, r, &ports);
        if (code != EXIT_OK)
                return code;
        ports = ctl_name_columns(ports, keys);
        return ctl_printed(output_table(&ctl->output, ports, fields));
}
