/* See output.h. */
#include "common/output.h"

#include "common/escape.h"

#include <errno.h>
#include <glib.h>
#include <libsmartcols/libsmartcols.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
#define NORMAL "\033[0m"

bool output_colour(void)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && (!no_color || !*no_color) && term && strcmp(term, "dumb") != 0;
}

static const char *state_colour(const char *word)
{
        static const struct {
                const char *word, *colour;
        } table[] = {
                {"running", GREEN},   {"ready", GREEN},     {"done", GREEN},       {"starting", YELLOW},
                {"stopping", YELLOW}, {"changing", YELLOW}, {"cancelled", YELLOW}, {"failed", RED},
        };

        for (size_t i = 0; word && i < G_N_ELEMENTS(table); i++)
                if (strcmp(word, table[i].word) == 0)
                        return table[i].colour;
        return NULL;
}

static const char *field_colour(const Field *field, const json_t *value)
{
        if (field->kind == FIELD_STATE)
                return state_colour(json_string_value(value));
        return field->kind == FIELD_DRIFT && json_is_true(value) ? YELLOW : NULL;
}

static char *format_principal(const Output *output, const char *principal)
{
        const struct passwd *pw = NULL;
        guint64 uid;

        if (output->local_users && g_str_has_prefix(principal, "unix:") &&
            g_ascii_string_to_unsigned(principal + strlen("unix:"), 10, 0, UINT32_MAX - 1, &uid, NULL))
                pw = getpwuid((uid_t)uid);

        return escape_terminal(pw ? pw->pw_name : principal);
}

static char *format_time(json_int_t usec)
{
        g_autoptr(GDateTime) utc = usec > 0 ? g_date_time_new_from_unix_utc(usec / G_USEC_PER_SEC) : NULL;
        g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;

        return local ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : NULL;
}

static char *format_list(const json_t *list)
{
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *item = json_array_get(list, i);
                g_autofree char *escaped =
                        escape_terminal(json_is_string(item) ? json_string_value(item) : "?");

                g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", escaped);
        }
        return g_string_free(text, FALSE);
}

char *output_format_size(uint64_t bytes)
{
        char *text = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
        g_auto(GStrv) words =
                g_strsplit(text, "\u00a0", 2); /* glib's no-break space is no help to grep and awk */

        g_free(text);
        return g_strjoinv(" ", words);
}

static char *format_value(const Output *output, const Field *field, const json_t *value)
{
        json_int_t number = json_integer_value(value);

        switch (field->kind) {
        case FIELD_NUMBER:
                return g_strdup_printf("%" JSON_INTEGER_FORMAT, number);
        case FIELD_COUNT:
                return number == 0 ? NULL : g_strdup_printf("%" JSON_INTEGER_FORMAT, number);
        case FIELD_YES_NO:
        case FIELD_DRIFT:
                return g_strdup(json_is_true(value) ? "yes" : "no");
        case FIELD_LIST:
                return format_list(value);
        case FIELD_TIME:
                return format_time(number);
        case FIELD_SIZE:
                return output_format_size((uint64_t)number);
        case FIELD_MODE:
                return g_strdup_printf("%04o", (unsigned)number & 07777);
        case FIELD_FRACTION:
                return g_strdup_printf("%.0f%%", json_number_value(value) * 100);
        case FIELD_PRINCIPAL:
                return format_principal(output, json_is_string(value) ? json_string_value(value) : "");
        case FIELD_TEXT:
        case FIELD_STATE:
        default:
                return escape_terminal(json_is_string(value) ? json_string_value(value) : "");
        }
}

char *output_format(const Output *output, const Field *field, const json_t *value)
{
        char *text = value && !json_is_null(value) ? format_value(output, field, value) : NULL;

        if (!text || !*text) {
                g_free(text);
                return g_strdup("-");
        }
        return text;
}

int output_json(const Output *output, const json_t *value)
{
        size_t flags = output->json == JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT;

        if (json_dumpf(value, stdout, flags | JSON_ENCODE_ANY) < 0 || fputc('\n', stdout) == EOF)
                return -EIO;
        return 0;
}

static int table_add_row(struct libscols_table *table, const Output *output, const json_t *row,
                         const Field *fields)
{
        struct libscols_line *line = scols_table_new_line(table, NULL);
        int r = line ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && fields[i].key; i++) {
                const json_t *value = json_object_get(row, fields[i].key);
                const char *colour = field_colour(&fields[i], value);
                g_autofree char *text = output_format(output, &fields[i], value);

                r = scols_line_set_data(line, i, text);
                if (r >= 0 && colour)
                        r = scols_cell_set_color(scols_line_get_cell(line, i), colour);
        }
        return r;
}

static int table_fill(struct libscols_table *table, const Output *output, const json_t *rows,
                      const Field *fields)
{
        int r;

        for (const Field *f = fields; f->key; f++) {
                bool right = f->kind == FIELD_NUMBER || f->kind == FIELD_COUNT || f->kind == FIELD_SIZE;

                if (!scols_table_new_column(table, f->title, 0, right ? SCOLS_FL_RIGHT : 0))
                        return -ENOMEM;
        }

        for (size_t i = 0; i < json_array_size(rows); i++) {
                const json_t *row = json_array_get(rows, i);
                r = table_add_row(table, output, row, fields);
                if (r < 0)
                        return r;
        }
        return 0;
}

int output_table(const Output *output, const json_t *rows, const Field *fields)
{
        struct libscols_table *table;
        int r;

        if (output->json != JSON_OFF)
                return output_json(output, rows);
        /* libsmartcols prints nothing for a table without lines, not even an error. */
        if (json_array_size(rows) == 0)
                return 0;

        table = scols_new_table();
        if (!table)
                return -ENOMEM;
        scols_table_enable_noheadings(table, !output->legend);
        scols_table_enable_colors(table, output->colour);
        scols_table_enable_noencoding(table, true); /* every cell was escaped here already */

        r = table_fill(table, output, rows, fields);
        if (r >= 0)
                r = scols_print_table(table);
        scols_unref_table(table);
        return r;
}

int output_record(const Output *output, const json_t *object, const Field *fields)
{
        int width = 0;

        if (output->json != JSON_OFF)
                return output_json(output, object);

        for (const Field *f = fields; f->key; f++)
                width = MAX(width, (int)strlen(f->title));

        for (const Field *f = fields; f->key; f++) {
                const json_t *value = json_object_get(object, f->key);
                const char *colour = output->colour ? field_colour(f, value) : NULL;
                g_autofree char *text = output_format(output, f, value);

                printf("%*s: %s%s%s\n", width, f->title, colour ? colour : "", text, colour ? NORMAL : "");
        }
        return 0;
}

void output_complain(const char *label, const char *message)
{
        g_autofree char *escaped_label = label ? escape_terminal(label) : NULL;
        g_autofree char *escaped = escape_terminal(message);

        /* What was printed so far comes first where both go to one place. */
        (void)fflush(stdout);
        if (escaped_label)
                fprintf(stderr, "left4mectl: %s: %s\n", escaped_label, escaped);
        else
                fprintf(stderr, "left4mectl: %s\n", escaped);
}
