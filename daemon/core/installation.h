/* The game. Owns the database table installation. */
#pragma once

#include "core/content.h"

struct Installation {
        Manager *manager;
        char *branch;
        Content content;
};

Installation *installation_new(Manager *m);
Installation *installation_free(Installation *i); /* takes NULL, returns NULL */
bool installation_load(Installation *i, GError **error);
/* "empty", "ready", "changing". */
const char *installation_state(const Installation *i);
