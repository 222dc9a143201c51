/* Names, commits, paths and text: what passes and, in tables, what does not. */
#include "hostile.h"
#include "plan/names.h"

static const char *const good_names[] = {
        "a", "0", "9", "z", "a-", "a--b", "0-0", "campaign-1", "versus", "l4d2-server-with-a-name-of-32-by"};

static const char *const bad_names[] = {
        "",
        "-",
        "-a",
        "--",
        "-rf",
        "A",
        "aB",
        "Z",
        "a_b",
        "_",
        "a.b",
        ".",
        "..",
        "../a",
        "a/b",
        "/",
        "/a",
        "a/",
        "a b",
        " ",
        " a",
        "a ",
        "a\n",
        "\n",
        "a\tb",
        "a\r",
        "\x01",
        "a\x7f",
        "a\x1b[31m",
        "a@b",
        "a@",
        "@",
        "a%b",
        "%i",
        "%",
        "a:b",
        ":",
        "a\\b",
        "\\x2d",
        "a\\",
        "a'b",
        "a\"b",
        "a;b",
        "a|b",
        "a&b",
        "a$b",
        "$(id)",
        "`id`",
        "a*",
        "*",
        "?",
        "[a]",
        "~",
        "a~",
        "a=b",
        "=",
        "a+b",
        "+",
        "a,b",
        ",",
        "a#",
        "#",
        "!",
        "a!",
        "(a)",
        "{a}",
        "<a>",
        "a^b",
        "\xff",
        "a\xff",
        "\xc3\xa9",
        "caf\xc3\xa9",
        "\xd0\xb0",
        "a\xe2\x80\xae",
        "\xe2\x80\x8b",
        "a\xe2\x80\x8b",
        "\xef\xbb\xbf"
        "a",
        "\xef\xbd\x81",
        "\xc0\xaf",
        "\xed\xa0\x80",
        "\xf0\x9f\x8e\xae",
        "\xc2\x80",
        "l4d2-server-with-a-name-of-33-byt",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaa",
        "a.service",
        "left4me-server@a",
        "a.mount",
        "CON",
        "a%00",
        "&amp;",
        "a\x08",
        "a\x0b",
        "a\x0c",
};

static void test_names(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(good_names); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_true(name_is_valid(good_names[i]));
                assert_accepted(name_check(good_names[i], "server", &error), &error, good_names[i]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad_names); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(name_is_valid(bad_names[i]));
                assert_refused(name_check(bad_names[i], "overlay", &error), &error, L4_ERROR_INVALID_NAME,
                               "invalid overlay name '", bad_names[i]);
        }
}

/* Against the rule itself, for every byte at the first and at a later place. */
static void test_every_byte_in_a_name(void)
{
        for (int c = 1; c < 256; c++) {
                char first[] = {(char)c, 'a', '\0'}, later[] = {'a', (char)c, '\0'};
                bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

                g_assert_true(name_is_valid(first) == alphanumeric);
                g_assert_true(name_is_valid(later) == (alphanumeric || c == '-'));
        }
        g_assert_false(name_is_valid(NULL));
}

static void test_name_lengths(void)
{
        for (size_t n = 0; n < 70; n++) {
                g_autofree char *name = g_strnfill(n, 'x');

                g_assert_true(name_is_valid(name) == (n >= 1 && n <= 32));
        }
}

static void test_a_name_in_a_message_is_cut_and_clean(void)
{
        g_autofree char *huge = g_strnfill(1000000, 'A');
        g_autoptr(GError) error = NULL;

        g_assert_false(name_check(huge, "server", &error));
        g_assert_cmpuint(strlen(error->message), <, 300);
        g_clear_error(&error);
        g_assert_false(name_check("a\x1b]0;x\x07\n\xff", "server", &error));
        g_assert_nonnull(strstr(error->message, "'a\\x1b]0;x\\x07\\x0a\\xff'"));
        g_assert_true(text_is_clean(error->message));
        g_clear_error(&error);
        assert_refused(name_check(NULL, "blueprint", &error), &error, L4_ERROR_INVALID_NAME,
                       "invalid blueprint name ''", "NULL");
}

static void test_commits(void)
{
        g_autofree char *good = g_strnfill(64, 'a');

        g_assert_true(commit_is_valid(good));
        g_assert_true(commit_is_valid("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
        g_assert_false(commit_is_valid(NULL));
        g_assert_false(commit_is_valid(""));
        for (size_t n = 0; n < 130; n++) {
                g_autofree char *text = g_strnfill(n, '0');

                g_assert_true(commit_is_valid(text) == (n == 64));
        }
        for (int c = 1; c < 256; c++)
                for (size_t at = 0; at < 64; at += 21) {
                        g_autofree char *text = g_strnfill(64, 'a');

                        text[at] = (char)c;
                        g_assert_true(commit_is_valid(text) ==
                                      ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')));
                }
}

static const char *const good_paths[] = {
        "a",      "left4dead2/addons/1.vpk",
        "a b",    "-rf",
        "a/-",    "...",
        "a/...",  ".hidden",
        "a/.b",   "..a",
        "a..",    ".wh",
        "a.wh.b", "caf\xc3\xa9/\xe6\x97\xa5\xe6\x9c\xac.txt",
        "a\\b",   "a:b",
        "a,b",    "a;b",
        "\"a\"",  "'",
        "*",      "?",
        "$x",     "a=b",
        "@",      "left4dead2/cfg/server.cfg",
        "~",      "#",
        "%00",    "\xf0\x9f\x8e\xae",
};

static const struct {
        const char *path, *part;
} bad_paths[] = {
        {"", "it is empty"},
        {"/", "absolute"},
        {"/etc/passwd", "absolute"},
        {"//", "absolute"},
        {"/.", "absolute"},
        {"a/", "empty component"},
        {"a//b", "empty component"},
        {"a/b//", "empty component"},
        {".", "component '.'"},
        {"./a", "component '.'"},
        {"a/.", "component '.'"},
        {"a/./b", "component '.'"},
        {"..", "component '..'"},
        {"../a", "component '..'"},
        {"a/..", "component '..'"},
        {"a/../b", "component '..'"},
        {"a/b/../../../etc", "component '..'"},
        {"../../../../etc/shadow", "component '..'"},
        {".wh.a", "whiteout"},
        {".wh.", "whiteout"},
        {"a/.wh.b", "whiteout"},
        {".wh..wh..opq", "whiteout"},
        {"a/.wh..wh.plnk/x", "whiteout"},
        {"a\nb", "control character"},
        {"a\rb", "control character"},
        {"a\tb", "control character"},
        {"\x01", "control character"},
        {"a/\x1b[2J", "control character"},
        {"a\x7f", "control character"},
        {"\xc2\x85", "control character"},
        {"\xc2\x9b", "control character"},
        {"a\xe2\x80\xae"
         "gpj.exe",
         "control character"},
        {"\xe2\x81\xa6", "control character"},
        {"\xe2\x80\xa8", "control character"},
        {"\xff", "not UTF-8"},
        {"a/\xc3", "not UTF-8"},
        {"\xc0\xae\xc0\xae/a", "not UTF-8"},
        {"\xed\xa0\x80", "not UTF-8"},
        {"\xf4\x90\x80\x80", "not UTF-8"},
        {"\x80", "not UTF-8"},
        {"a\xe2\x82", "not UTF-8"},
};

static void test_paths(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(good_paths); i++) {
                g_autoptr(GError) error = NULL;

                assert_accepted(file_path_check(good_paths[i], &error), &error, good_paths[i]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad_paths); i++) {
                g_autoptr(GError) error = NULL;

                assert_refused(file_path_check(bad_paths[i].path, &error), &error, L4_ERROR_INVALID_ARGS,
                               bad_paths[i].part, bad_paths[i].path);
        }
}

static char *components(size_t n, size_t size)
{
        g_autofree char *component = g_strnfill(size, 'c');
        GString *s = g_string_new(component);

        for (size_t i = 1; i < n; i++)
                g_string_append_printf(s, "/%s", component);
        return g_string_free(s, FALSE);
}

static void test_path_limits(void)
{
        static const struct {
                size_t n, size;
                const char *part; /* NULL: good */
        } cases[] = {
                {1, 255, NULL},
                {1, 256, "longer than 255"},
                {2, 256, "longer than 255"},
                {64, 1, NULL},
                {65, 1, "deeper"},
                {200, 1, "deeper"},
                {64, 15, NULL}, /* 64 * 15 + 63 = 1023 */
                {4, 255, NULL}, /* 1023 */
                {5, 205, "longer than 1024"},
                {1, 1025, "longer than 1024"},
                {1000, 1000, "longer than 1024"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = components(cases[i].n, cases[i].size);
                g_autoptr(GError) error = NULL;

                if (cases[i].part)
                        assert_refused(file_path_check(path, &error), &error, L4_ERROR_INVALID_ARGS,
                                       cases[i].part, path);
                else
                        assert_accepted(file_path_check(path, &error), &error, path);
        }
}

static void test_a_path_of_1024_bytes_is_the_longest(void)
{
        g_autofree char *path = components(4, 255);
        g_autofree char *longest = g_strconcat("x", "/", path + 1, NULL), *longer = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_cmpuint(strlen(longest), ==, 1024);
        assert_accepted(file_path_check(longest, &error), &error, longest);
        longer = g_strconcat(longest, "x", NULL);
        assert_refused(file_path_check(longer, &error), &error, L4_ERROR_INVALID_ARGS, "1024", longer);
        assert_refused(file_path_check(NULL, &error), &error, L4_ERROR_INVALID_ARGS, "missing", "NULL");
}

static void test_every_character_of_text(void)
{
        for (gunichar c = 1; c < 0x110000; c++) {
                char text[8] = {};
                bool clean = c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x61c && c != 0x200e &&
                             c != 0x200f && !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
                             !(c >= 0xd800 && c <= 0xdfff);

                (void)g_unichar_to_utf8(c, text);
                if (text_is_clean(text) != clean)
                        g_error("U+%04X", c);
        }
        g_assert_true(text_is_clean(""));
        g_assert_false(text_is_clean(NULL));
        g_assert_false(text_is_clean_n("a\0b", 3));
        g_assert_true(text_is_clean_n("a\nb", 1));
        g_assert_false(text_is_clean_n("\xc3\xa9", 1));
}

static void test_message_text(void)
{
        static const struct {
                const char *text;
                size_t size;
                const char *shown;
        } cases[] = {
                {"", 0, ""},
                {"abc", 2, "ab"},
                {"a\0b", 3, "a\\x00b"},
                {"\n", 1, "\\x0a"},
                {"\xc3\xa9", 2, "\xc3\xa9"},
                {"\xc3\xa9", 1, "\\xc3"},
                {"\xe2\x80\xae", 3, "\\xe2\\x80\\xae"},
        };
        g_autofree char *long_text = g_strnfill(5000, 'x'), *cut = text_for_message(long_text, 5000);

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *shown = text_for_message(cases[i].text, cases[i].size);

                g_assert_cmpstr(shown, ==, cases[i].shown);
        }
        g_assert_cmpuint(strlen(cut), ==, 64 + 3);
        g_assert_true(g_str_has_suffix(cut, "x..."));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/names/table", test_names);
        g_test_add_func("/names/every-byte", test_every_byte_in_a_name);
        g_test_add_func("/names/lengths", test_name_lengths);
        g_test_add_func("/names/messages", test_a_name_in_a_message_is_cut_and_clean);
        g_test_add_func("/names/commits", test_commits);
        g_test_add_func("/names/paths", test_paths);
        g_test_add_func("/names/path-limits", test_path_limits);
        g_test_add_func("/names/longest-path", test_a_path_of_1024_bytes_is_the_longest);
        g_test_add_func("/names/text", test_every_character_of_text);
        g_test_add_func("/names/message-text", test_message_text);
        return g_test_run();
}
