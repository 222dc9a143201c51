/* Names, commits, paths and text: the checks that everything from outside passes first. Touches nothing;
 * promises that what passes is safe in a unit's name, a file's name, a terminal and a log line. */
#include "names.h"

#include "base/error.h"

#include <string.h>

#define MESSAGE_TEXT_MAX 64U
#define WHITEOUT_PREFIX ".wh."

bool name_is_valid(const char *name)
{
        size_t n;

        if (!name || name[0] == '-')
                return false;
        /* strnlen(): a name of megabytes must cost nothing. */
        n = strnlen(name, NAME_LENGTH_MAX + 1);
        if (n == 0 || n > NAME_LENGTH_MAX)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!g_ascii_islower(name[i]) && !g_ascii_isdigit(name[i]) && name[i] != '-')
                        return false;
        return true;
}

bool name_check(const char *name, const char *what, GError **error)
{
        g_autofree char *shown = NULL;

        if (name_is_valid(name))
                return true;
        shown = text_for_message(name ? name : "", name ? strlen(name) : 0);
        g_set_error(
                error, L4_ERROR, L4_ERROR_INVALID_NAME,
                "invalid %s name '%s': a name is 1 to %u of a-z, 0-9 and '-', and does not start with '-'",
                what, shown, NAME_LENGTH_MAX);
        return false;
}

bool commit_is_valid(const char *commit)
{
        if (!commit || strnlen(commit, COMMIT_LENGTH + 1) != COMMIT_LENGTH)
                return false;
        for (size_t i = 0; i < COMMIT_LENGTH; i++)
                if (!g_ascii_isdigit(commit[i]) && !(commit[i] >= 'a' && commit[i] <= 'f'))
                        return false;
        return true;
}

static const char *component_fault(const char *component, size_t size)
{
        if (size == 0)
                return "it has an empty component";
        if (size == 1 && component[0] == '.')
                return "it has a component '.'";
        if (size == 2 && component[0] == '.' && component[1] == '.')
                return "it has a component '..'";
        if (size > PATH_COMPONENT_MAX)
                return "a component is longer than 255 bytes";
        if (size >= strlen(WHITEOUT_PREFIX) &&
            memcmp(component, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) == 0)
                return "a component starts with '.wh.', which means a whiteout to other tools";
        return NULL;
}

static const char *path_fault(const char *path)
{
        size_t depth = 0;

        if (path[0] == '\0')
                return "it is empty";
        if (path[0] == '/')
                return "it is absolute";
        if (strnlen(path, PATH_LENGTH_MAX + 1) > PATH_LENGTH_MAX)
                return "it is longer than 1024 bytes";
        if (!text_is_clean(path))
                return "it is not UTF-8 or holds a control character";
        for (const char *p = path;; p++) {
                size_t size = strcspn(p, "/");
                const char *fault = component_fault(p, size);

                if (fault)
                        return fault;
                if (++depth > PATH_DEPTH_MAX)
                        return "it is deeper than 64 levels";
                p += size;
                if (*p == '\0')
                        return NULL;
        }
}

bool file_path_check(const char *path, GError **error)
{
        g_autofree char *shown = NULL;
        const char *fault = path ? path_fault(path) : "it is missing";

        if (!fault)
                return true;
        shown = text_for_message(path ? path : "", path ? strlen(path) : 0);
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "invalid path '%s': %s", shown, fault);
        return false;
}

static bool rune_is_clean(gunichar c)
{
        static const struct {
                gunichar first, last;
        } refused[] = {
                {0x0000, 0x001f}, /* C0 */
                {0x007f, 0x009f}, /* DEL, C1 */
                {0x061c, 0x061c}, /* Arabic letter mark */
                {0x200e, 0x200f}, /* directional marks */
                {0x2028, 0x202e}, /* line and paragraph separator, embeddings and overrides */
                {0x2066, 0x2069}, /* isolates */
        };

        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
                if (c >= refused[i].first && c <= refused[i].last)
                        return false;
        return true;
}

/* Bytes of the clean character at the start of text, 0 if there is none. */
static size_t clean_length(const char *text, size_t size)
{
        gunichar c = g_utf8_get_char_validated(text, (gssize)MIN(size, 6U));

        if (c == (gunichar)-1 || c == (gunichar)-2 || !rune_is_clean(c))
                return 0;
        return (size_t)(g_utf8_next_char(text) - text);
}

bool text_is_clean_n(const char *text, size_t size)
{
        for (size_t i = 0, n; i < size; i += n) {
                n = clean_length(text + i, size - i);
                if (n == 0)
                        return false;
        }
        return true;
}

bool text_is_clean(const char *text)
{
        return text && text_is_clean_n(text, strlen(text));
}

char *text_for_message(const char *text, size_t size)
{
        GString *s = g_string_new(NULL);

        for (size_t i = 0, n; i < size; i += MAX(n, 1U)) {
                if (i >= MESSAGE_TEXT_MAX) {
                        g_string_append(s, "...");
                        break;
                }
                n = clean_length(text + i, size - i);
                if (n > 0)
                        g_string_append_len(s, text + i, (gssize)n);
                else
                        g_string_append_printf(s, "\\x%02x", (unsigned char)text[i]);
        }
        return g_string_free(s, FALSE);
}
