/* Verbs of single files of an overlay. Those that read in several calls name the generation they began with,
 * so that what they print is one state of the overlay or an error. */
#include "common/escape.h"
#include "common/message-json.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Limits of the interface (org.left4me.Overlay). */
#define READ_SIZE (UINT32_C(1024) * 1024)
#define WRITE_MAX ((size_t)1024 * 1024)

static int connect_overlay(Ctl *ctl, const char *name, char **ret_path)
{
        int code = ctl_connect(ctl);

        return code == EXIT_OK ? ctl_resolve(ctl, "GetOverlay", name, ret_path) : code;
}

static int read_generation(Ctl *ctl, const char *name, const char *path, uint32_t *ret)
{
        cleanup_bus_error sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_get_property_trivial(ctl->client->bus, L4_BUS_NAME, path, L4_IFACE_OVERLAY,
                                            "Generation", &error, 'u', ret);

        return r < 0 ? ctl_fail(ctl, name, &error, r) : EXIT_OK;
}

/* EXIT_OK where the overlay still is what it was when reading began, or complains. */
static int check_generation(Ctl *ctl, const char *name, const char *path, uint32_t began)
{
        g_autofree char *label = ctl_label(ctl, name);
        uint32_t now;
        int code;

        code = read_generation(ctl, name, path, &now);
        if (code != EXIT_OK || now == began)
                return code;
        output_complain(label, "The overlay was changed while it was read.");
        return EXIT_FAILED;
}

/* One page of a directory: appends to rows, and replaces the cursor by the next one. */
static int read_page(Ctl *ctl, const char *path, const char *directory, char **cursor, json_t *rows)
{
        cleanup_message sd_bus_message *reply = NULL;
        cleanup_json json_t *page = NULL;
        sd_bus_message *m = NULL;
        const char *next;
        int r, code;

        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "ListFiles", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", directory, *cursor);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        code = ctl_call(ctl, *directory ? directory : "/", m, r, &reply);
        if (code != EXIT_OK)
                return code;

        r = message_read_json(reply, &page);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &next);
        if (r < 0)
                return ctl_fail(ctl, directory, NULL, r);
        json_array_extend(rows, page);
        g_free(*cursor);
        *cursor = g_strdup(next);
        return EXIT_OK;
}

int verb_overlay_files(Ctl *ctl, char **args)
{
        static const char *const keys[] = {"name", "type", "size", "mode", NULL};
        static const Field fields[] = {
                {"mode", "MODE", FIELD_MODE},
                {"type", "TYPE", FIELD_TEXT},
                {"size", "SIZE", FIELD_SIZE},
                {"name", "NAME", FIELD_TEXT},
                {},
        };
        g_autofree char *path = NULL, *cursor = g_strdup("");
        cleanup_json json_t *rows = json_array();
        uint32_t generation = 0;
        int code;

        code = connect_overlay(ctl, args[0], &path);
        if (code == EXIT_OK)
                code = read_generation(ctl, args[0], path, &generation);
        if (code != EXIT_OK)
                return code;

        do {
                code = read_page(ctl, path, args[1] ? args[1] : "", &cursor, rows);
                if (code != EXIT_OK)
                        return code;
        } while (*cursor);
        code = check_generation(ctl, args[0], path, generation);
        if (code != EXIT_OK)
                return code;

        rows = ctl_name_columns(rows, keys);
        return ctl_printed(output_table(&ctl->output, rows, fields));
}

/* As it is into a file or a pipe, escaped onto a terminal. */
static int print_data(const void *data, size_t size)
{
        g_autofree char *escaped = isatty(STDOUT_FILENO) ? escape_terminal_n(data, size, ESCAPE_TEXT) : NULL;

        if (escaped)
                return fputs(escaped, stdout) == EOF ? -EIO : 0;
        return fwrite(data, 1, size, stdout) == size ? 0 : -EIO;
}

/* The piece at *offset, which moves on; *ret_last where it was the end. */
static int print_piece(Ctl *ctl, const char *path, const char *file, uint64_t *offset, bool *ret_last)
{
        cleanup_message sd_bus_message *reply = NULL;
        sd_bus_message *m = NULL;
        const void *data;
        size_t size;
        int r, code;

        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "ReadFile", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "stu", file, *offset, READ_SIZE);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        code = ctl_call(ctl, file, m, r, &reply);
        if (code != EXIT_OK)
                return code;

        r = sd_bus_message_read_array(reply, 'y', &data, &size);
        if (r >= 0)
                r = print_data(data, size);
        *offset += size;
        *ret_last = size < READ_SIZE;
        return ctl_printed(r);
}

int verb_overlay_cat(Ctl *ctl, char **args)
{
        g_autofree char *path = NULL;
        uint32_t generation = 0;
        uint64_t offset = 0;
        bool last = false;
        int code;

        code = connect_overlay(ctl, args[0], &path);
        if (code == EXIT_OK)
                code = read_generation(ctl, args[0], path, &generation);
        while (code == EXIT_OK && !last)
                code = print_piece(ctl, path, args[1], &offset, &last);
        return code == EXIT_OK ? check_generation(ctl, args[0], path, generation) : code;
}

/* Content of a file, or of standard input for "-". NULL with errno set; EFBIG for more than the interface
 * takes. */
static char *read_data(const char *name, size_t *ret_size)
{
        FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
        g_autofree char *data = NULL;
        int problem;

        if (!file)
                return NULL;
        data = g_malloc(WRITE_MAX + 1);
        *ret_size = fread(data, 1, WRITE_MAX + 1, file);
        problem = ferror(file) ? errno : *ret_size > WRITE_MAX ? EFBIG : 0;
        if (file != stdin)
                (void)fclose(file);

        errno = problem;
        return problem == 0 ? g_steal_pointer(&data) : NULL;
}

int verb_overlay_put(Ctl *ctl, char **args)
{
        g_autofree char *path = NULL, *data = NULL;
        sd_bus_message *m = NULL;
        size_t size = 0;
        int r, code;

        data = read_data(args[2], &size);
        if (!data) {
                output_complain(args[2], errno == EFBIG ? "More than 1 MiB; use overlay import --merge."
                                                        : g_strerror(errno));
                return EXIT_FAILED;
        }

        code = connect_overlay(ctl, args[0], &path);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "WriteFile", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", args[1]);
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', data, size);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        return ctl_call(ctl, args[1], m, r, NULL);
}

int verb_overlay_rm(Ctl *ctl, char **args)
{
        g_autofree char *path = NULL;
        sd_bus_message *m = NULL;
        int r, code;

        code = connect_overlay(ctl, args[0], &path);
        if (code != EXIT_OK)
                return code;
        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "EditFiles", &m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ssay)");
        for (char **file = args + 1; r >= 0 && *file; file++)
                r = sd_bus_message_append(m, "(ssay)", "remove", *file, 0);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        return ctl_call(ctl, args[0], m, r, NULL);
}
