/* The config layer: which lines an author may write, the files that follow, and how they are shown. Touches
 * nothing; promises that the last rcon_password that the game reads is the manager's, and that no secret is
 * shown. */
#include "cfg.h"

#include "base/error.h"
#include "names.h"

#include <string.h>

#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* Nothing but these cvars has these names, so they are refused wherever they stand. */
static const char *const owned[] = {"rcon_password", "servercfgfile", "lservercfgfile", "hostip", "hostport"};
/* These are words of other things as well, so they are refused as commands. */
static const char *const owned_commands[] = {"ip"};

static const struct {
        const char *text;
        enum { WHOLE, PART, SUFFIX } match;
} secrets[] = {
        {"password", PART}, {"passwd", PART},  {"token", PART},
        {"secret", PART},   {"apikey", PART},  {"authkey", PART},
        {"_key", SUFFIX},   {"_pass", SUFFIX}, {"sv_setsteamaccount", WHOLE},
};

CfgFile *cfg_file_free(CfgFile *f)
{
        if (!f)
                return NULL;
        g_free(f->path);
        g_clear_pointer(&f->content, g_bytes_unref);
        g_free(f);
        return NULL;
}

static void file_destroy(gpointer f)
{
        cfg_file_free(f);
}

static bool is_word_character(char c)
{
        return g_ascii_isalnum(c) || c == '_';
}

static bool word_is(const char *word, size_t size, const char *name)
{
        return size == strlen(name) && g_ascii_strncasecmp(word, name, size) == 0;
}

static const char *find_name(const char *word, size_t size, const char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (word_is(word, size, names[i]))
                        return names[i];
        return NULL;
}

/* The first word of text that is one of names. */
static const char *find_mention(const char *text, const char *const *names, size_t n)
{
        for (const char *p = text; *p;) {
                size_t size = strspn(p, WORD_CHARACTERS);
                const char *name = find_name(p, size, names, n);

                if (name)
                        return name;
                p += size;
                p += strcspn(p, WORD_CHARACTERS);
        }
        return NULL;
}

/* Also with the quotes taken out, as some reader might join what they split. */
const char *cfg_owned_mention(const char *text)
{
        const char *name = find_mention(text, owned, G_N_ELEMENTS(owned));
        g_auto(GStrv) parts = NULL;
        g_autofree char *joined = NULL;

        if (name || !strchr(text, '"'))
                return name;
        parts = g_strsplit(text, "\"", -1);
        joined = g_strjoinv("", parts);
        return find_mention(joined, owned, G_N_ELEMENTS(owned));
}

/* command is one part of a line between ";": its first word decides, of an alias every word. */
static const char *owned_command(const char *command)
{
        const char *word = command + strspn(command, " \"");
        size_t size = strspn(word, WORD_CHARACTERS);

        if (word_is(word, size, "alias"))
                return find_mention(word, owned_commands, G_N_ELEMENTS(owned_commands));
        return find_name(word, size, owned_commands, G_N_ELEMENTS(owned_commands));
}

static const char *find_owned(const char *line)
{
        const char *name = cfg_owned_mention(line);
        g_auto(GStrv) commands = g_strsplit(line, ";", -1);

        for (size_t i = 0; !name && commands[i]; i++)
                name = owned_command(commands[i]);
        return name;
}

static bool has_open_quote(const char *line)
{
        bool open = false;

        for (const char *p = line; *p; p++)
                open ^= *p == '"';
        return open;
}

bool config_line_check(const char *line, GError **error)
{
        const char *name;

        if (!text_is_clean(line)) {
                g_set_error_literal(error, L4_ERROR, L4_ERROR_INVALID_SPEC,
                                    "not UTF-8, or with a newline or another control character");
                return false;
        }
        name = find_owned(line);
        if (name) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_SPEC,
                            "names %s, which the manager sets; take it out (of comments too)", name);
                return false;
        }
        if (has_open_quote(line)) {
                g_set_error_literal(error, L4_ERROR, L4_ERROR_INVALID_SPEC, "has a quote that is not closed");
                return false;
        }
        return true;
}

bool config_check(const char *const *config, GError **error)
{
        for (size_t i = 0; config[i]; i++)
                if (!config_line_check(config[i], error)) {
                        g_prefix_error(error, "config line %zu: ", i + 1);
                        return false;
                }
        return true;
}

static CfgFile *file_new(char *path, GBytes *content)
{
        CfgFile *f = g_new(CfgFile, 1);

        *f = (CfgFile){path, content};
        return f;
}

static bool is_alphanumeric(const char *text)
{
        if (!text || text[0] == '\0')
                return false;
        while (g_ascii_isalnum(*text))
                text++;
        return *text == '\0';
}

static bool is_blank(const char *line)
{
        return line[strspn(line, " ")] == '\0';
}

GPtrArray *cfg_render(const CfgFragment *fragments, size_t n_fragments, const char *const *config,
                      const char *rcon_password)
{
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(file_destroy);
        GString *server = g_string_new("// Written by left4me at every start; changes here are lost.\n");

        g_assert(is_alphanumeric(rcon_password));
        g_ptr_array_add(files, file_new(g_strdup(CFG_LAYER_DIR "/server.cfg"), NULL));
        for (size_t i = 0; i < n_fragments; i++) {
                g_assert(name_is_valid(fragments[i].overlay));
                g_string_append_printf(server, "exec left4me/overlay-%s.cfg\n", fragments[i].overlay);
                g_ptr_array_add(files, file_new(g_strdup_printf(CFG_LAYER_DIR "/overlay-%s.cfg",
                                                                fragments[i].overlay),
                                                g_bytes_ref(fragments[i].content)));
        }
        for (size_t i = 0; config[i]; i++)
                if (!is_blank(config[i]))
                        g_string_append_printf(server, "%s\n", config[i]);
        g_string_append_printf(server, "rcon_password \"%s\"\n", rcon_password);
        ((CfgFile *)g_ptr_array_index(files, 0))->content = g_string_free_to_bytes(server);
        return g_steal_pointer(&files);
}

bool cfg_name_is_secret(const char *name)
{
        g_autofree char *lower = g_ascii_strdown(name, -1);

        for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++)
                if (secrets[i].match == PART     ? strstr(lower, secrets[i].text) != NULL
                    : secrets[i].match == SUFFIX ? g_str_has_suffix(lower, secrets[i].text)
                                                 : g_str_equal(lower, secrets[i].text))
                        return true;
        return false;
}

/* End of a value that starts at p. Inside a longer quoted text (an alias, or a comment's odd quotes) nothing
 * says where the value ends, so all of the line is taken. */
static const char *value_end(const char *p, const char *end, bool in_quotes)
{
        bool quoted = false;

        for (; p < end && *p != '\n'; p++) {
                if (*p == '"')
                        quoted = !quoted;
                if (*p == ';' && !quoted && !in_quotes)
                        break;
        }
        return p;
}

/* Copies the blanks behind a secret's name and "***" for its value; returns where the value ends. */
static const char *mask_value(GString *masked, const char *p, const char *end, bool *in_quotes)
{
        const char *stop;

        if (*in_quotes && p < end && *p == '"') { /* the name itself was quoted */
                g_string_append_c(masked, *p++);
                *in_quotes = false;
        }
        while (p < end && (*p == ' ' || *p == '\t'))
                g_string_append_c(masked, *p++);
        stop = value_end(p, end, *in_quotes);
        if (stop > p && *p != '\r')
                g_string_append(masked, *p == '"' ? "\"***\"" : "***");
        *in_quotes = false;
        return stop;
}

char *cfg_mask(const char *text, size_t size)
{
        g_autoptr(GString) masked = g_string_new(NULL);
        const char *end = text + size;
        bool in_quotes = false;

        for (const char *p = text, *word = text; p < end; word = p) {
                g_autofree char *name = NULL;

                while (p < end && is_word_character(*p))
                        p++;
                g_string_append_len(masked, word, p - word);
                name = g_strndup(word, (size_t)(p - word));
                if (cfg_name_is_secret(name)) {
                        p = mask_value(masked, p, end, &in_quotes);
                        continue;
                }
                if (p == end)
                        break;
                in_quotes = *p != '\n' && in_quotes != (*p == '"');
                g_string_append_c(masked, *p++);
        }
        return g_utf8_make_valid(masked->str, (gssize)masked->len);
}
