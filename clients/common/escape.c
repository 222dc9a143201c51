/* See escape.h. */
#include "common/escape.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static bool is_harmless(gunichar c)
{
        switch (g_unichar_type(c)) {
        case G_UNICODE_CONTROL: /* C0, DEL, C1 */
        case G_UNICODE_FORMAT:  /* bidirectional controls, zero-width characters, tags */
        case G_UNICODE_LINE_SEPARATOR:
        case G_UNICODE_PARAGRAPH_SEPARATOR:
        case G_UNICODE_SURROGATE:
        case G_UNICODE_PRIVATE_USE:
        case G_UNICODE_UNASSIGNED:
                return false;
        default:
                return true;
        }
}

static void append_escaped(GString *out, gunichar c)
{
        if (c == '\n')
                g_string_append(out, "\\n");
        else if (c == '\t')
                g_string_append(out, "\\t");
        else if (c < 0x80)
                g_string_append_printf(out, "\\x%02x", c);
        else
                g_string_append_printf(out, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
}

char *escape_terminal_n(const char *text, size_t size, EscapeFlags flags)
{
        GString *out = g_string_sized_new(size);

        for (const char *p = text, *end = text + size; p < end;) {
                /* Answers (gunichar) -2 for a NUL and for a character that the end cuts off. */
                gunichar c = *p == '\0' ? 0 : g_utf8_get_char_validated(p, end - p);

                if (c == (gunichar)-1 || c == (gunichar)-2) {
                        g_string_append_printf(out, "\\x%02x", (unsigned char)*p++);
                        continue;
                }

                if (is_harmless(c) || ((flags & ESCAPE_TEXT) && (c == '\n' || c == '\t')))
                        g_string_append_unichar(out, c);
                else
                        append_escaped(out, c);
                p += *p == '\0' ? 1 : g_unichar_to_utf8(c, NULL);
        }

        return g_string_free(out, FALSE);
}

char *escape_terminal(const char *text)
{
        return escape_terminal_n(text, strlen(text), ESCAPE_LINE);
}
