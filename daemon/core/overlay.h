/* An overlay: a named directory tree, kept as generations. Owns the database table overlay. */
#pragma once

#include "core/content.h"

struct Overlay {
        Manager *manager;
        char *name;
        char *type;  /* "files" */
        char *owner; /* principal */
        bool global;
        Content content;
        GHashTable *blueprints; /* set of Blueprint * that use it */
};

bool overlays_load(Manager *m, GError **error);
Overlay *overlay_free(Overlay *o); /* takes NULL, returns NULL */

/* L4_ERROR_EXISTS, L4_ERROR_INVALID_ARGS for an unknown type. */
Overlay *overlay_create(Manager *m, const char *name, const char *type, const char *owner, bool global,
                        GError **error);
/* L4_ERROR_IN_USE names the blueprints. Frees it. */
bool overlay_delete(Overlay *o, const char *principal, GError **error);
/* "empty", "ready", "changing". */
const char *overlay_state(const Overlay *o);
/* Whether a principal may put it into a blueprint of theirs. */
bool overlay_is_usable_by(const Overlay *o, const char *principal);
