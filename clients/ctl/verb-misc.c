/* Verbs about the caller's rights and about versions. */
#include "common/message-json.h"
#include "ctl/verbs.h"

#include <string.h>

/* Path of "KIND/NAME", of "installation", or a path as it is; NULL where it is none of them. */
static char *object_path(const char *object)
{
        static const char *const kinds[] = {"server", "blueprint", "overlay", "job", NULL};
        const char *slash = strchr(object, '/');
        g_autofree char *kind = slash ? g_strndup(object, (gsize)(slash - object)) : NULL, *prefix = NULL;
        char *path;

        if (strcmp(object, "installation") == 0)
                return g_strdup(L4_PATH_INSTALLATION);
        if (object[0] == '/')
                return sd_bus_object_path_is_valid(object) ? g_strdup(object) : NULL;
        if (!kind || !slash[1] || !g_strv_contains(kinds, kind))
                return NULL;

        prefix = g_strconcat(L4_PATH "/", kind, NULL);
        return sd_bus_path_encode(prefix, slash + 1, &path) < 0 ? NULL : path;
}

static bool is_object(const char *word)
{
        return strchr(word, '/') || strcmp(word, "installation") == 0;
}

static int ask_can(Ctl *ctl, char **actions, const char *path, json_t **ret)
{
        sd_bus_message *m = NULL;
        int r;

        r = client_new_read(ctl->client, L4_PATH_MANAGER, L4_IFACE_MANAGER, "CanI", &m);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, actions);
        if (r >= 0)
                r = sd_bus_message_append(m, "o", path);
        return ctl_call_json(ctl, NULL, m, r, ret);
}

/* In the order of the question. Actions keep their hyphens: they are values, not keys of ours. */
static json_t *order_answers(char **actions, const json_t *answers)
{
        json_t *rows = json_array();

        for (char **action = actions; *action; action++) {
                g_autofree char *key = g_strdelimit(g_strdup(*action), "-", '_');
                json_t *row = json_object();

                json_object_set_new(row, "action", json_string(*action));
                json_object_set(row, "answer", json_object_get(answers, key));
                json_array_append_new(rows, row);
        }
        return rows;
}

/* EXIT_DENIED where one of them is plainly "no". */
static int code_of_answers(const json_t *rows)
{

        for (size_t i = 0; i < json_array_size(rows); i++) {
                const json_t *row = json_array_get(rows, i);
                const char *answer = json_string_value(json_object_get(row, "answer"));

                if (g_strcmp0(answer, "yes") != 0 && g_strcmp0(answer, "challenge") != 0)
                        return EXIT_DENIED;
        }
        return EXIT_OK;
}

int verb_can(Ctl *ctl, char **args)
{
        static const Field fields[] = {
                {"action", "ACTION", FIELD_TEXT},
                {"answer", "ANSWER", FIELD_TEXT},
                {},
        };
        guint n = g_strv_length(args);
        cleanup_json json_t *answers = NULL, *rows = NULL;
        g_autofree char *path = NULL;
        int code;

        path = n > 1 && is_object(args[n - 1]) ? object_path(args[n - 1]) : g_strdup("/");
        if (!path) {
                output_complain(
                        "can",
                        "An object is KIND/NAME with server, blueprint, overlay or job, or installation.");
                return EXIT_USAGE;
        }
        if (strcmp(path, "/") != 0)
                args[n - 1] = NULL;

        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ask_can(ctl, args, path, &answers);
        if (code != EXIT_OK)
                return code;
        rows = order_answers(args, answers);
        code = ctl_printed(output_table(&ctl->output, rows, fields));
        return code == EXIT_OK ? code_of_answers(rows) : code;
}

int verb_version(Ctl *ctl, char **args)
{
        static const Field fields[] = {
                {"client", "left4mectl", FIELD_TEXT},
                {"version", "Manager", FIELD_TEXT},
                {"api_version", "Interface", FIELD_COUNT},
                {"features", "Features", FIELD_LIST},
                {},
        };
        cleanup_json json_t *versions = NULL;
        int code, printed;

        (void)args;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_properties(ctl, NULL, L4_PATH_MANAGER, L4_IFACE_MANAGER, &versions);
        if (!versions)
                versions = json_object();
        json_object_set_new(versions, "client", json_string(PROJECT_VERSION));

        printed = ctl_printed(output_record(&ctl->output, versions, fields));
        return code == EXIT_OK ? printed : code;
}
