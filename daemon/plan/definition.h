/* A blueprint's content: overlays (first one wins), arguments of srcds, config lines. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DEFINITION_OVERLAYS_MAX 498U /* one less than the layers of a mount plan: the game is the last */
#define DEFINITION_ITEMS_MAX 256U    /* arguments, and config lines */
#define DEFINITION_STRING_MAX 4096U  /* bytes of one argument or config line */

typedef struct Definition {
        char **overlays;  /* never NULL */
        char **arguments; /* never NULL */
        char **config;    /* never NULL */
} Definition;

/* Three empty lists. */
Definition *definition_new(void);
/* Takes NULL, returns NULL. */
Definition *definition_free(Definition *d);
Definition *definition_copy(const Definition *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Definition, definition_free)

/* Checks everything that can be known without looking anything up: names, duplicate overlays, counts,
 * lengths, control characters, reserved arguments (argv.h), forbidden config (cfg.h). L4_ERROR_INVALID_SPEC
 * says which item: "arguments, item 2: ...", counted from 1. */
bool definition_check(const Definition *d, GError **error);

typedef enum DefinitionList {
        DEFINITION_OVERLAYS,
        DEFINITION_ARGUMENTS,
        DEFINITION_CONFIG,
        _DEFINITION_LIST_MAX,
} DefinitionList;

typedef struct DefinitionPlace {
        DefinitionList list;
        size_t index;
} DefinitionPlace;

/* The same for callers that know a better place than a number: the message is without it, *ret_place is set
 * on failure only. */
bool definition_check_at(const Definition *d, DefinitionPlace *ret_place, GError **error);
