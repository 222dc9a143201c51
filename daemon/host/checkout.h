/* Reading single files of a generation's checkout: below the checkout, never through a link.
 * Touches /var/lib/left4me/checkouts, read-only. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Read-only descriptor of a regular file; path has passed file_path_check(). L4_ERROR_FILE_NOT_FOUND, or
 * L4_ERROR_INVALID_ARGS for what is no regular file. Returns -1 with error set. */
int checkout_open_file(const char *commit, const char *path, GError **error);

typedef struct CheckoutEntry {
        char *name;
        const char *type; /* "file", "directory", "link" */
        uint64_t size;
        uint32_t mode; /* permission bits */
} CheckoutEntry;

/* Array of CheckoutEntry *: all entries of a directory ("" the root) in byte order of their names. */
GPtrArray *checkout_list(const char *commit, const char *path, GError **error);
