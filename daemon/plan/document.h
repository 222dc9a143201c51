/* A YAML document of the narrow kind that left4me takes: text, lists and mappings, nothing that refers,
 * expands or types itself. spec.c and settings.c read their tables of keys from it. Every error is
 * L4_ERROR_INVALID_SPEC and starts with "line L, column C: ", both from 1, columns in characters. Pure: no
 * I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct DocumentLimits {
        size_t size_max; /* bytes */
        unsigned depth_max;
        unsigned nodes_max; /* every key, text, list and mapping is one */
} DocumentLimits;

typedef enum DocumentKind {
        DOCUMENT_TEXT,
        DOCUMENT_LIST,
        DOCUMENT_MAPPING,
} DocumentKind;

typedef struct DocumentNode {
        DocumentKind kind;
        size_t line, column;
        struct DocumentNode *key; /* of a member of a mapping, else NULL */
        char *text;               /* DOCUMENT_TEXT: without NUL bytes */
        bool plain;               /* DOCUMENT_TEXT: neither quoted nor a block */
        GPtrArray *children;      /* DOCUMENT_LIST, DOCUMENT_MAPPING: DocumentNode* */
} DocumentNode;

/* Takes NULL, returns NULL. */
DocumentNode *document_free(DocumentNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DocumentNode, document_free)

/* The single document in text (NULL if it has none: nothing but comments and blanks), which need not be
 * NUL-terminated and may start with UTF-8's byte order mark. Refuses what is over the limits, aliases,
 * anchors, tags, duplicate keys, keys that are not text, control characters and invalid UTF-8. */
bool document_parse(const char *text, size_t size, const DocumentLimits *limits, DocumentNode **ret,
                    GError **error);

/* Sets error with the node's position; returns false. */
bool document_fail(const DocumentNode *node, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* One key that a document may have. */
typedef struct DocumentKey {
        const char *name;
        bool (*take)(const struct DocumentKey *key, const DocumentNode *value, void *target, GError **error);
        size_t offset;             /* of the member of *target that take writes */
        uint64_t minimum, maximum; /* of numbers */
        const char *fallback;      /* the default as a document would spell it; NULL: none */
        bool required;
} DocumentKey;

/* Calls the key's take for each member of root. Refuses a root that is not a mapping, and unknown and missing
 * keys. */
bool document_take(const DocumentNode *root, const DocumentKey *keys, size_t n_keys, void *target,
                   GError **error);

/* A value's text; refuses lists, mappings and null (nothing, "~", "null" without quotes). Other unquoted
 * words and numbers are their own spelling: "on" is the text on. */
bool document_text(const DocumentKey *key, const DocumentNode *value, const char **ret, GError **error);
/* A value written as a plain decimal number, without sign or leading zeros, within the key's limits. */
bool document_number(const DocumentKey *key, const DocumentNode *value, uint64_t *ret, GError **error);
/* Digits only, no leading zero, no overflow. */
bool decimal_parse(const char *text, size_t size, uint64_t *ret);
