/* Names, paths and text: what is accepted is what the rule says, and what is shown in messages is clean. */
#include "fuzz.h"
#include "plan/names.h"

#include <string.h>

static bool matches_the_rule(const char *name)
{
        static GRegex *rule;

        if (!rule)
                rule = g_regex_new("\\A[a-z0-9][a-z0-9-]{0,31}\\z", G_REGEX_RAW, 0, NULL);
        return g_regex_match(rule, name, 0, NULL);
}

static void check_path(const char *path)
{
        g_autoptr(GError) error = NULL;

        if (!fuzz_outcome(file_path_check(path, &error), &error, L4_ERROR_INVALID_ARGS))
                return;
        g_assert_true(path[0] != '/' && path[0] != '\0');
        g_assert_cmpuint(strlen(path), <=, PATH_LENGTH_MAX);
        g_assert_null(strstr(path, "//"));
        g_assert_null(strstr(path, "/../"));
        g_assert_false(g_str_has_prefix(path, "../") || g_str_has_suffix(path, "/..") ||
                       g_str_equal(path, ".."));
        g_assert_null(strchr(path, '\n'));
        g_assert_true(g_utf8_validate(path, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autofree char *shown = text_for_message((const char *)data, size);
        g_autoptr(GError) error = NULL;

        g_assert_true(name_is_valid(text) == matches_the_rule(text));
        (void)fuzz_outcome(name_check(text, "server", &error), &error, L4_ERROR_INVALID_NAME);
        check_path(text);
        g_assert_true(text_is_clean(shown));
        g_assert_true(!commit_is_valid(text) || strlen(text) == COMMIT_LENGTH);
        if (text_is_clean_n((const char *)data, size))
                g_assert_true(g_utf8_validate((const char *)data, (gssize)size, NULL));
        return 0;
}
