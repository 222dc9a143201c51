/* Generations of one subject, "installation" or "overlay/NAME": which there are, which is current. Owns the
 * database table generation; the tables overlay and installation hold current and last. */
#pragma once

#include "core/manager.h"

typedef struct Generation {
        uint32_t number;
        char *commit;
        uint64_t size;
        uint32_t files;
        char *build_id; /* "" where there is none */
        uint64_t created;
        char *created_by;
} Generation;

typedef struct Content {
        char *subject;
        uint32_t current; /* number, 0: none */
        uint32_t last;    /* highest number ever given */
        GPtrArray *generations;
} Content;

void content_init(Content *c, char *subject);
void content_clear(Content *c);
bool content_load(Content *c, Database *db, GError **error);

/* The current one, or NULL. */
const Generation *content_current(const Content *c);
const Generation *content_find(const Content *c, uint32_t number);
/* Name of the store's ref for a generation. */
char *content_ref(const Content *c, uint32_t number);

/* In the transaction that is open: adds generation g as last + 1, makes it current, forgets the oldest ones
 * beyond keep. content_added() does the same in memory once the transaction is through; it takes g. */
bool content_add(Content *c, Database *db, const Generation *g, unsigned keep, GError **error);
void content_added(Content *c, Generation *g, unsigned keep);
/* In the transaction that is open. The caller sets c->current once it is through. */
bool content_set_current(Content *c, Database *db, uint32_t number, GError **error);
bool content_delete(Content *c, Database *db, GError **error);

Generation *generation_free(Generation *g); /* takes NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Generation, generation_free)
