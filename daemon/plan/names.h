/* What may be called what. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define NAME_LENGTH_MAX 32U
#define PATH_LENGTH_MAX 1024U
#define PATH_COMPONENT_MAX 255U
#define PATH_DEPTH_MAX 64U
#define COMMIT_LENGTH 64U /* SHA-256 in hexadecimal */

/* ^[a-z0-9][a-z0-9-]{0,31}$ */
bool name_is_valid(const char *name);
/* The same, with L4_ERROR_INVALID_NAME; what is "server", "blueprint" or "overlay". */
bool name_check(const char *name, const char *what, GError **error);
/* 64 lower-case hexadecimal digits. */
bool commit_is_valid(const char *commit);
/* A relative path of a file in an overlay: clean text (below), no empty, "." or ".." component, within the
 * limits above, no component that starts with ".wh." (whiteouts by name). L4_ERROR_INVALID_ARGS says what is
 * wrong. */
bool file_path_check(const char *path, GError **error);
/* Text that may be shown and stored on one line: valid UTF-8 without control characters (C0, DEL, C1), line
 * and paragraph separators (U+2028, U+2029) or bidi controls. */
bool text_is_clean(const char *text);
/* The same for size bytes that need not be NUL-terminated. */
bool text_is_clean_n(const char *text, size_t size);
/* What a message may show of hostile text: clean, at most 64 bytes of it, other bytes as \xNN, cut ones as
 * "...". */
char *text_for_message(const char *text, size_t size);
