/* Arguments and config lines: strings of the input. An accepted list is built and read again as srcds_run
 * (split at blanks) and the engine's console (split at newlines, and at ";" outside of quotes) read it: the
 * port is ours and once, no word is a file of arguments, and the last rcon_password is ours. */
#include "fuzz.h"
#include "plan/argv.h"
#include "plan/cfg.h"

#include <string.h>

#define PASSWORD "0123456789abcdef"

static unsigned count_words(char **argv, const char *word)
{
        g_autofree char *line = g_strjoinv(" ", argv);
        g_auto(GStrv) words = g_strsplit_set(line, " \t\n\r\v\f", -1);
        unsigned n = 0;

        for (size_t i = 0; words[i]; i++) {
                n += g_ascii_strcasecmp(words[i], word) == 0;
                g_assert_true(words[i][0] != '@');
        }
        return n;
}

static void check_argv(char **arguments)
{
        static const char *const once[] = {"-game",           "-port",          "-ip", "-norestart",
                                           "-strictportbind", "+servercfgfile", "+map"};
        static const char *const never[] = {
                "+rcon_password", "+sv_password", "-binary", "-pidfile",  "-debug",    "-gdb",
                "-autoupdate",    "+port",        "+ip",     "+hostport", "-hostport", "-fork"};
        g_auto(GStrv) argv = argv_build(27015, (const char *const *)arguments);

        for (size_t i = 0; i < G_N_ELEMENTS(once); i++)
                g_assert_cmpuint(count_words(argv, once[i]), ==, 1);
        for (size_t i = 0; i < G_N_ELEMENTS(never); i++)
                g_assert_cmpuint(count_words(argv, never[i]), ==, 0);
        g_assert_cmpstr(argv[6], ==, "-port");
        g_assert_cmpstr(argv[7], ==, "27015");
        for (size_t i = 0; argv[i]; i++)
                g_assert_true(argv[i][0] != '\0' && !strpbrk(argv[i], "\n\r\t ;\"'"));
}

/* The first token of a command as the engine takes it: quoted, or up to a blank or a character that breaks
 * words. */
static char *first_token(const char *command, size_t size)
{
        size_t i = 0, start;

        while (i < size && ((unsigned char)command[i] <= ' '))
                i++;
        if (i < size && command[i] == '"') {
                start = ++i;
                while (i < size && command[i] != '"')
                        i++;
                return g_strndup(command + start, i - start);
        }
        for (start = i; i < size && (unsigned char)command[i] > ' ' && !strchr("\"{}()':,", command[i]);)
                i++;
        return g_strndup(command + start, i - start);
}

/* Calls the engine's idea of each command of a file. */
static unsigned count_commands(const char *text, size_t size, const char *name)
{
        bool quoted = false, comment = false;
        unsigned n = 0;

        for (size_t start = 0, i = 0; i <= size; i++) {
                g_autofree char *token = NULL;

                if (i == start)
                        quoted = comment = false;
                if (i < size && !comment && text[i] == '"')
                        quoted = !quoted;
                if (i + 1 < size && !quoted && text[i] == '/' && text[i + 1] == '/')
                        comment = true;
                if (i < size && text[i] != '\n' && (quoted || comment || text[i] != ';'))
                        continue;
                token = first_token(text + start, i - start);
                n += g_ascii_strcasecmp(token, name) == 0;
                start = i + 1;
        }
        return n;
}

static void check_cfg(char **config)
{
        g_autoptr(GBytes) fragment = g_bytes_new_static("rcon_password theirs", 20);
        const CfgFragment fragments[] = {{"one", fragment}};
        g_autoptr(GPtrArray) files = cfg_render(fragments, 1, (const char *const *)config, PASSWORD);
        const CfgFile *server = g_ptr_array_index(files, 0);
        gsize size, lines = 0;
        const char *text = g_bytes_get_data(server->content, &size);
        g_autofree char *copy = g_strndup(text, size), *shown = cfg_mask(text, size);

        for (gsize i = 0; i < size; i++)
                lines += text[i] == '\n';
        g_assert_cmpuint(strlen(copy), ==, size);
        g_assert_cmpuint(lines, <=, 3 + g_strv_length(config));
        g_assert_true(g_str_has_suffix(copy, "\nrcon_password \"" PASSWORD "\"\n"));
        g_assert_cmpuint(count_commands(text, size, "rcon_password"), ==, 1);
        g_assert_cmpuint(count_commands(text, size, "servercfgfile"), ==, 0);
        g_assert_cmpuint(count_commands(text, size, "ip"), ==, 0);
        g_assert_cmpuint(count_commands(text, size, "hostport"), ==, 0);
        /* The mask ends with the newline, so what it shows of the last line is known. */
        g_assert_true(g_str_has_suffix(shown, "rcon_password \"***\"\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_auto(GStrv) strings = fuzz_strings(data, size);
        g_autofree char *masked = cfg_mask((const char *)data, size);
        g_autoptr(GError) error = NULL;

        g_assert_true(g_utf8_validate(masked, -1, NULL));
        if (fuzz_outcome(arguments_check((const char *const *)strings, &error), &error,
                         L4_ERROR_INVALID_SPEC))
                check_argv(strings);
        if (fuzz_outcome(config_check((const char *const *)strings, &error), &error, L4_ERROR_INVALID_SPEC))
                check_cfg(strings);
        return 0;
}
