/* What a tree may hold, whatever it comes from. Pure: no I/O. Every refusal is L4_ERROR_INVALID_CONTENT and
 * names the entry. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Sets the error for an entry; returns false. path may be anything. */
bool tree_refuse(GError **error, const char *path, const char *format, ...) G_GNUC_PRINTF(3, 4);
bool tree_check_path(const char *path, GError **error);
/* Regular files, directories and links only, and no set-id bit on what can be executed. */
bool tree_check_mode(const char *path, mode_t mode, GError **error);
/* A link stays inside wherever other links lead: it is relative, and climbs only at its start and no higher
 * than the root. ("a/../.." could climb out through a link "a", although it looks harmless.) */
bool tree_check_link(const char *path, const char *target, GError **error);
/* Labels that the host sets on every file are dropped; any other attribute would change what a layer means.
 */
bool tree_check_xattr(const char *path, const char *name, GError **error);
