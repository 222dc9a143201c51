/* Nothing that a terminal acts upon gets through. */
#include "common/escape.h"

#include <glib.h>
#include <string.h>

static void test_table(void)
{
        static const struct {
                const char *in, *out;
        } cases[] = {
                {"", ""},
                {"plain text, 100 % [#]", "plain text, 100 % [#]"},
                {"größe Кириллица 漢字", "größe Кириллица 漢字"},
                {"a\033[31mred", "a\\x1b[31mred"},
                {"\033]0;title\a", "\\x1b]0;title\\x07"},
                {"tab\tline\nreturn\r", "tab\\tline\\nreturn\\x0d"},
                {"\x7f", "\\x7f"},
                {"\xc2\x85\xc2\x9b"
                 "31m",
                 "\\u0085\\u009b31m"},
                {"\u202egnp.exe", "\\u202egnp.exe"},
                {"\u2066x\u2069", "\\u2066x\\u2069"},
                {"\u200e\u200f\u061c", "\\u200e\\u200f\\u061c"},
                {"\u200b\ufeff\u00ad", "\\u200b\\ufeff\\u00ad"},
                {"\u2028\u2029", "\\u2028\\u2029"},
                {"\U000e0041", "\\U000e0041"},
                {"\xff\xfe", "\\xff\\xfe"},
                {"\x9b"
                 "31m",
                 "\\x9b31m"},                        /* C1 as a bare byte */
                {"\xc0\x9b", "\\xc0\\x9b"},          /* overlong */
                {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
                {"cut \xe6\xbc", "cut \\xe6\\xbc"},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *out = escape_terminal(cases[i].in);

                g_assert_cmpstr(out, ==, cases[i].out);
        }
}

static void test_text_keeps_lines(void)
{
        static const char text[] = "a\tb\nc\r\0d";
        g_autofree char *out = escape_terminal_n(text, sizeof(text) - 1, ESCAPE_TEXT);

        g_assert_cmpstr(out, ==, "a\tb\nc\\x0d\\x00d");
}

/* Every byte, and every character where they are dense, alone: what comes out is printable, valid UTF-8. */
static void test_all_characters(void)
{
        for (gunichar c = 1; c<0x110000; c += c> 0x20000 && c < 0xe0000 ? 0x101 : 1) {
                char in[8] = {};

                if (c < 0x100)
                        in[0] = (char)c;
                else
                        g_unichar_to_utf8(c, in);
                g_autofree char *out = escape_terminal(in);

                g_assert_true(g_utf8_validate(out, -1, NULL));
                for (const char *p = out; *p; p = g_utf8_next_char(p)) {
                        GUnicodeType type = g_unichar_type(g_utf8_get_char(p));

                        g_assert_true(type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT);
                }
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ctl/escape/table", test_table);
        g_test_add_func("/ctl/escape/text-keeps-lines", test_text_keeps_lines);
        g_test_add_func("/ctl/escape/all-characters", test_all_characters);
        return g_test_run();
}
