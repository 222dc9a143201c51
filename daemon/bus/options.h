/* The a{sv} of options that every gated method ends with: one table of all keys; a method names those it
 * takes. */
#pragma once

#include <jansson.h>

#include "bus/call.h"

typedef enum OptionFlags {
        OPTION_REQUEST_ID = 1 << 0,
        OPTION_IF_REVISION = 1 << 1,
        OPTION_ONLY_NOW = 1 << 2,
        OPTION_AUTOSTART = 1 << 3,
        OPTION_PORT = 1 << 4,
        OPTION_GLOBAL = 1 << 5,
        OPTION_MERGE = 1 << 6,
} OptionFlags;

typedef struct Options {
        unsigned given; /* OptionFlags */
        const char *request_id;
        uint64_t if_revision;
        int only_now, autostart, global, merge;
        uint16_t port;
} Options;

/* Reads the options at the message's position. Unknown, repeated and mistyped keys: L4_ERROR_INVALID_ARGS. */
bool options_read(Call *call, unsigned taken, Options *ret, GError **error);
/* L4_ERROR_REVISION_CONFLICT unless if-revision is absent or equals the object's. */
bool options_check_revision(const Options *o, uint32_t revision, GError **error);
/* Puts if-revision into the parameters of a job, which checks it again when its turn has come. */
void options_to_job(const Options *o, json_t *parameters);
