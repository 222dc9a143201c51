/* Verbs of what a server is made of: its specification, and the plan of its next start. */
#include "common/escape.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_MAX ((size_t)64 * 1024) /* as the manager takes it */

/* The whole text of a small file, or standard input for "-". NULL with errno set. */
static char *read_text(const char *path)
{
        FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        char *text;
        size_t n;

        if (!file)
                return NULL;

        text = g_malloc(SPEC_MAX + 2);
        errno = 0;
        n = fread(text, 1, SPEC_MAX + 1, file);
        if (ferror(file) || n > SPEC_MAX || memchr(text, '\0', n)) {
                int saved = ferror(file) ? errno : n > SPEC_MAX ? EFBIG : EINVAL;

                g_clear_pointer(&text, g_free);
                errno = saved;
        } else
                text[n] = '\0';
        if (file != stdin)
                (void)fclose(file);
        return text;
}

static bool take_number(const char **text, const char *word, guint64 *ret)
{
        const char *digits;
        char *end;

        if (!g_str_has_prefix(*text, word))
                return false;
        digits = *text + strlen(word);
        *ret = g_ascii_strtoull(digits, &end, 10);
        *text = end;
        return end > digits;
}

/* "line L, column C: what" is said as compilers say it, so that editors find the place. */
static void complain_about_spec(const char *path, const char *message)
{
        g_autofree char *place = NULL;
        const char *rest = message;
        guint64 line, column;

        if (!take_number(&rest, "line ", &line) || !take_number(&rest, ", column ", &column) ||
            !g_str_has_prefix(rest, ": ")) {
                output_complain(path, message);
                return;
        }
        place = g_strdup_printf("%s:%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                strcmp(path, "-") == 0 ? "<stdin>" : path, line, column);
        output_complain(place, rest + strlen(": "));
}

int verb_initialize(Ctl *ctl, char **args)
{
        cleanup_bus_error sd_bus_error error = SD_BUS_ERROR_NULL;
        cleanup_message sd_bus_message *m = NULL;
        g_autofree char *text = NULL;
        int r, code;

        if (!ctl->file) {
                output_complain("initialize", "The specification is missing: -f FILE.");
                return EXIT_USAGE;
        }
        text = read_text(ctl->file);
        if (!text) {
                output_complain(ctl->file, g_strerror(errno));
                return EXIT_FAILED;
        }
        if (!g_utf8_validate(text, -1, NULL)) {
                output_complain(ctl->file, "This is not UTF-8 text.");
                return EXIT_FAILED;
        }

        code = ctl_connect(ctl);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, L4_PATH_MANAGER, L4_IFACE_MANAGER, "ApplySpec", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "ssa{sv}", args[0], text, 0);
        if (r >= 0)
                r = client_call(ctl->client, m, &error, NULL);
        if (r >= 0)
                return EXIT_OK;
        if (!sd_bus_error_has_name(&error, "org.left4me.Error.InvalidSpec"))
                return ctl_fail(ctl, args[0], &error, r);
        complain_about_spec(ctl->file, error.message);
        return EXIT_FAILED;
}

static void name_columns(json_t *object, const char *key, const char *const *columns)
{
        json_t *rows = json_object_get(object, key);

        if (rows)
                json_object_set_new(object, key, ctl_name_columns(json_incref(rows), columns));
}

static void print_indented(const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (char **line = lines; *line; line++) {
                g_autofree char *escaped = escape_terminal(*line);

                /* The line feed at the end of a text begins no line. */
                if (**line || line[1])
                        printf("    %s\n", escaped);
        }
}

static int print_plan(const Output *output, const json_t *plan)
{
        static const Field head[] = {
                {"revision", "Revision", FIELD_NUMBER},   {"uid", "Uid", FIELD_NUMBER},
                {"port", "Port", FIELD_NUMBER},           {"mount_point", "Mount point", FIELD_TEXT},
                {"options", "Mount options", FIELD_TEXT}, {},
        };
        static const Field layer_fields[] = {
                {"kind", "LAYER", FIELD_TEXT},
                {"name", "NAME", FIELD_TEXT},
                {"commit", "COMMIT", FIELD_TEXT},
                {},
        };
        const json_t *argv = json_object_get(plan, "argv"), *config = json_object_get(plan, "config");
        int r;

        r = output_record(output, plan, head);
        if (r < 0)
                return r;
        putchar('\n');
        r = output_table(output, json_object_get(plan, "layers"), layer_fields);
        if (r < 0)
                return r;

        puts("\nCommand line:");
        for (size_t i = 0; i < json_array_size(argv); i++)
                print_indented(json_string_value(json_array_get(argv, i)));
        for (size_t i = 0; i < json_array_size(config); i++) {
                const json_t *item = json_array_get(config, i);
                g_autofree char *file = escape_terminal(json_string_value(json_object_get(item, "file")));

                printf("\n%s:\n", file);
                print_indented(json_string_value(json_object_get(item, "text")));
        }
        return 0;
}

int verb_plan(Ctl *ctl, char **args)
{
        static const char *const layer[] = {"kind", "name", "commit", NULL};
        static const char *const file[] = {"file", "text", NULL};
        g_autofree char *path = NULL;
        cleanup_json json_t *plan = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_resolve(ctl, "GetServer", args[0], &path);
        if (code != EXIT_OK)
                return code;

        r = client_new_call(ctl->client, path, L4_IFACE_SERVER, "GetPlan", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        code = ctl_call_json(ctl, args[0], m, r, &plan);
        if (code != EXIT_OK)
                return code;

        name_columns(plan, "layers", layer);
        name_columns(plan, "config", file);
        if (ctl->output.json != JSON_OFF)
                return ctl_printed(output_json(&ctl->output, plan));
        return ctl_printed(print_plan(&ctl->output, plan));
}
