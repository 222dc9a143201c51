/* Makes text of unknown origin harmless on a terminal: what players, games and archives wrote can carry
 * escape sequences. Touches nothing. */
#pragma once

#include <stddef.h>

typedef enum EscapeFlags {
        ESCAPE_LINE = 0,      /* one line: a line feed and a tab are escaped too */
        ESCAPE_TEXT = 1 << 0, /* keeps line feeds and tabs */
} EscapeFlags;

/* A new string (g_free) that holds valid UTF-8 without control, format (bidirectional, zero-width) and line
 * separator characters: those become \n, \t, \xNN or \uNNNN, invalid bytes \xNN. Never fails. */
char *escape_terminal_n(const char *text, size_t size, EscapeFlags flags);
char *escape_terminal(const char *text);
