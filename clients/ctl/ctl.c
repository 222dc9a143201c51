/* See ctl.h. */
#include "ctl/ctl.h"

#include "common/escape.h"
#include "common/follow.h"
#include "common/message-json.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int ctl_connect(Ctl *ctl)
{
        int r = client_new(ctl->transport, ctl->host, ctl->ask_password, &ctl->client);
        g_autofree char *text = NULL;

        if (r >= 0)
                return EXIT_OK;

        text = g_strdup_printf("Cannot reach the bus: %s", g_strerror(-r));
        output_complain(NULL, text);
        return EXIT_UNREACHABLE;
}

char *ctl_label(const Ctl *ctl, const char *object)
{
        g_autofree char *title = verb_title(ctl->verb);

        return object ? g_strjoin(" ", title, object, NULL) : g_steal_pointer(&title);
}

int ctl_fail(const Ctl *ctl, const char *object, const sd_bus_error *error, int r)
{
        bool named = error && error->name;
        g_autofree char *label = ctl_label(ctl, object);
        g_autofree char *text = named ? client_error_text(error) : g_strdup(g_strerror(-r));

        output_complain(label, text);
        return errors_exit_code(named ? error->name : NULL);
}

bool ctl_confirm(const Ctl *ctl, const char *format, ...)
{
        g_autofree char *question = NULL, *escaped = NULL;
        char answer[16];
        va_list ap;

        if (ctl->yes)
                return true;
        if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
                g_autofree char *label = ctl_label(ctl, NULL);

                output_complain(label, "Not done: this destroys something, and without a terminal to ask on "
                                       "it needs --yes.");
                return false;
        }

        va_start(ap, format);
        question = g_strdup_vprintf(format, ap);
        va_end(ap);
        escaped = escape_terminal(question);
        fprintf(stderr, "%s [y/N] ", escaped);
        (void)fflush(stderr);

        if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
                return true;
        output_complain(NULL, "Not done.");
        return false;
}

int ctl_call(Ctl *ctl, const char *object, sd_bus_message *call, int r, sd_bus_message **ret_reply)
{
        cleanup_bus_error sd_bus_error error = SD_BUS_ERROR_NULL;
        cleanup_message sd_bus_message *owned = call;

        if (r >= 0)
                r = client_call(ctl->client, call, &error, ret_reply);
        return r < 0 ? ctl_fail(ctl, object, &error, r) : EXIT_OK;
}

int ctl_call_json(Ctl *ctl, const char *object, sd_bus_message *call, int r, json_t **ret)
{
        cleanup_message sd_bus_message *reply = NULL;
        int code;

        code = ctl_call(ctl, object, call, r, &reply);
        if (code != EXIT_OK)
                return code;
        r = message_read_json(reply, ret);
        return r < 0 ? ctl_fail(ctl, object, NULL, r) : EXIT_OK;
}

int ctl_resolve(Ctl *ctl, const char *method, const char *name, char **ret_path)
{
        cleanup_bus_error sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = client_resolve(ctl->client, method, name, &error, ret_path);

        return r < 0 ? ctl_fail(ctl, name, &error, r) : EXIT_OK;
}

int ctl_properties(Ctl *ctl, const char *object, const char *path, const char *interface, json_t **ret)
{
        sd_bus_message *m = NULL;
        int r;

        r = client_new_read(ctl->client, path, "org.freedesktop.DBus.Properties", "GetAll", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", interface);
        return ctl_call_json(ctl, object, m, r, ret);
}

static int compare_numbers(json_int_t a, json_int_t b)
{
        return (a > b) - (a < b);
}

static int compare_objects(const void *a, const void *b, void *sort_key)
{
        const json_t *x = json_object_get(*(json_t *const *)a, sort_key);
        const json_t *y = json_object_get(*(json_t *const *)b, sort_key);

        if (json_is_integer(x) && json_is_integer(y))
                return compare_numbers(json_integer_value(x), json_integer_value(y));
        return g_strcmp0(json_string_value(x), json_string_value(y));
}

static json_t *pick_objects(json_t *tree, const char *interface, const char *sort_key)
{
        g_autoptr(GPtrArray) found = g_ptr_array_new();
        json_t *rows = json_array();

        for (void *i = json_object_iter(tree); i; i = json_object_iter_next(tree, i)) {
                json_t *properties = json_object_get(json_object_iter_value(i), interface);

                if (properties)
                        g_ptr_array_add(found, properties);
        }
        g_ptr_array_sort_with_data(found, compare_objects, (gpointer)sort_key);

        for (guint i = 0; i < found->len; i++)
                json_array_append(rows, found->pdata[i]);
        return rows;
}

int ctl_objects(Ctl *ctl, const char *interface, const char *sort_key, json_t **ret)
{
        cleanup_json json_t *tree = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        r = client_new_read(ctl->client, L4_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                            &m);
        code = ctl_call_json(ctl, NULL, m, r, &tree);
        if (code == EXIT_OK)
                *ret = pick_objects(tree, interface, sort_key);
        return code;
}

int ctl_print_jobs(const Ctl *ctl, const Follow *follow)
{
        cleanup_json json_t *paths = follow_paths(follow);

        if (ctl->output.json != JSON_OFF)
                return ctl_printed(output_json(&ctl->output, paths));

        for (size_t i = 0; i < json_array_size(paths); i++)
                puts(json_string_value(json_array_get(paths, i)));
        return EXIT_OK;
}

const char *ctl_job_option(const Ctl *ctl)
{
        if (ctl->only_now)
                return "only-now";
        return ctl->merge ? "merge" : NULL;
}

int ctl_run_job(Ctl *ctl, const char *object, sd_bus_message *call, int r, unsigned flags)
{
        g_autofree char *label = ctl_label(ctl, object);
        cleanup_message sd_bus_message *owned = call;
        g_autoptr(Follow) follow = NULL;
        int code;

        if (r >= 0)
                r = follow_new(ctl->client, flags | (ctl->no_block ? FOLLOW_NO_BLOCK : 0), &follow);
        if (r >= 0)
                r = follow_add_call(follow, label, g_steal_pointer(&owned), ctl_job_option(ctl));
        if (r < 0)
                return ctl_fail(ctl, object, NULL, r);

        code = follow_run(follow);
        return code == EXIT_OK && ctl->no_block ? ctl_print_jobs(ctl, follow) : code;
}

int ctl_printed(int r)
{
        if (r >= 0)
                return EXIT_OK;
        output_complain(NULL, g_strerror(-r));
        return EXIT_FAILED;
}

bool ctl_parse_number(const Ctl *ctl, const char *what, const char *text, uint32_t max, uint32_t *ret)
{
        g_autofree char *label = ctl_label(ctl, NULL), *message = NULL;
        guint64 number;

        if (g_ascii_string_to_unsigned(text, 10, 1, max, &number, NULL)) {
                *ret = (uint32_t)number;
                return true;
        }
        message = g_strdup_printf("%s is a number from 1 to %" PRIu32 ", not \"%s\".", what, max, text);
        output_complain(label, message);
        return false;
}

json_t *ctl_name_columns(json_t *rows, const char *const *keys)
{
        json_t *named = json_array();

        for (size_t i = 0; i < json_array_size(rows); i++) {
                const json_t *row = json_array_get(rows, i);
                json_t *object = json_object();

                for (size_t k = 0; keys[k]; k++)
                        json_object_set(object, keys[k], json_array_get(row, k));
                json_array_append_new(named, object);
        }
        json_decref(rows);
        return named;
}
