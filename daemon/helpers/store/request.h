/* What the manager asks of a run: the JSON object of the credential "request", as docs/architecture.md lists
 * it, with the member "op". */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum Op {
        OP_IMPORT,
        OP_EDIT,
        OP_EXPORT,
        OP_CHECKOUT,
        OP_DISCARD,
        OP_PRUNE,
        OP_VERIFY,
        _OP_MAX,
} Op;

typedef enum Format {
        FORMAT_DIRECTORY,
        FORMAT_TAR,
        FORMAT_ZIP,
        _FORMAT_MAX,
} Format;

/* Where content comes from, and, but for bind, where it goes to. */
typedef enum Place {
        PLACE_STDIN, /* descriptor 0 */
        PLACE_PATH,  /* below the spool */
        PLACE_BIND,  /* a directory that the unit mounts for this run */
        _PLACE_MAX,
} Place;

typedef enum Verb {
        VERB_WRITE,
        VERB_REMOVE,
        _VERB_MAX,
} Verb;

typedef struct Change {
        Verb verb;
        char *path;
        uint64_t size; /* bytes of standard input; 0 for remove */
} Change;

typedef struct Keep {
        char *ref;
        char *commit;
} Keep;

typedef struct Request {
        Op op;
        char *ref;
        char *parent; /* NULL where there is none */
        Format format;
        Place place;
        char *path; /* with PLACE_PATH */
        bool merge;
        uint64_t size_max;  /* bytes of the whole generation */
        uint64_t files_max; /* its files, links and directories */
        char *commit;
        GPtrArray *changes;   /* Change* */
        GPtrArray *keep;      /* Keep* */
        GPtrArray *trees;     /* char*: servers/NAME, servers/NAME/upper */
        GPtrArray *checkouts; /* char* */
} Request;

/* Takes NULL, returns NULL. */
Request *request_free(Request *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, request_free)

/* Refuses everything that is not exactly a request, with L4_ERROR_INVALID_ARGS naming the member. */
bool request_parse(const char *text, size_t size, Request **ret, GError **error);
/* The same of $CREDENTIALS_DIRECTORY/request. */
bool request_load(Request **ret, GError **error);
