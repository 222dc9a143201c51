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
/* A relative path of a file in an overlay: UTF-8, no control characters, no empty, "." or ".." component, within the
 * limits above, no component that starts with ".wh." (whiteouts by name). L4_ERROR_INVALID_ARGS says what is wrong. */
bool file_path_check(const char *path, GError **error);
/* Text that may be shown and stored: valid UTF-8 without control characters (C0, DEL, C1) or bidi controls. */
bool text_is_clean(const char *text);
