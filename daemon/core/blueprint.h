/* A blueprint: overlays, arguments, config. Owns the database tables blueprint, blueprint_overlay,
 * blueprint_line. */
#pragma once

#include "core/manager.h"
#include "plan/definition.h"

struct Blueprint {
        Manager *manager;
        char *name;
        char *owner;
        char *own_of; /* name of the server that it was made for by a spec, or NULL */
        uint32_t revision;
        Definition *definition;
        GHashTable *servers; /* set of Server * that use it */
};

bool blueprints_load(Manager *m, GError **error);
Blueprint *blueprint_free(Blueprint *b); /* takes NULL, returns NULL */

/* Checks the definition and that every overlay exists: L4_ERROR_INVALID_SPEC, L4_ERROR_NO_SUCH_OVERLAY.
 * Whether the caller may use each overlay is for the bus to ask. */
bool blueprint_check(Manager *m, const Definition *d, GError **error);

/* Both take ownership of nothing; the definition has passed blueprint_check(). */
Blueprint *blueprint_create(Manager *m, const char *name, const char *owner, const Definition *d,
                            GError **error);
bool blueprint_update(Blueprint *b, const Definition *d, GError **error);
/* L4_ERROR_IN_USE names the servers. Frees it. */
bool blueprint_delete(Blueprint *b, GError **error);

/* Parts of larger transactions: write only, or change memory only after the transaction went through. */
bool blueprint_insert(Manager *m, const char *name, const char *owner, const char *own_of,
                      const Definition *d, GError **error);
bool blueprint_rewrite(Blueprint *b, const Definition *d, GError **error);
bool blueprint_remove(Blueprint *b, GError **error);
Blueprint *blueprint_inserted(Manager *m, const char *name, const char *owner, const char *own_of,
                              const Definition *d);
void blueprint_rewritten(Blueprint *b, const Definition *d);
void blueprint_removed(Blueprint *b);
