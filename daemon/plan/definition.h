/* A blueprint's content: overlays (first one wins), arguments of srcds, config lines. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DEFINITION_ITEMS_MAX 256U
#define DEFINITION_STRING_MAX 4096U /* bytes of one argument or config line */

typedef struct Definition {
        char **overlays;  /* never NULL */
        char **arguments; /* never NULL */
        char **config;    /* never NULL */
} Definition;

Definition *definition_new(void);
/* Takes NULL, returns NULL. */
Definition *definition_free(Definition *d);
Definition *definition_copy(const Definition *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Definition, definition_free)

/* Checks everything that can be known without looking anything up: names, duplicate overlays, counts, lengths, control
 * characters, reserved arguments (argv.h), forbidden config (cfg.h). L4_ERROR_INVALID_SPEC says which item. */
bool definition_check(const Definition *d, GError **error);
