/* spec.yaml: a server with a blueprint of its own. libyaml's events, a table of keys, positions in every
 * error. Pure: no I/O. */
#pragma once

#include "definition.h"

#define SPEC_SIZE_MAX (64U * 1024U)
#define SPEC_DEPTH_MAX 8U
#define SPEC_NODES_MAX 2000U

typedef struct Spec {
        uint16_t port; /* 1 to 65535 */
        Definition *definition;
} Spec;

/* Takes NULL, returns NULL. */
Spec *spec_free(Spec *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spec, spec_free)

/* One YAML document: a mapping with port (required; a plain decimal number, not quoted), overlays, arguments,
 * config (lists of text). An item of a list without quotes is its own spelling, whatever YAML would make of
 * it (on is "on", 8 is "8"); an empty item, ~ and null are errors. Unknown and duplicate keys, wrong types,
 * aliases, anchors, tags, a second document, invalid UTF-8 and all that definition_check() refuses are
 * L4_ERROR_INVALID_SPEC with "line L, column C: ...". text need not be NUL-terminated. */
bool spec_parse(const char *text, size_t size, Spec **ret, GError **error);
