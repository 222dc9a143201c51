/* The end of import and edit: a finished tree becomes a generation. */
#pragma once

#include "tree.h"

#include <jansson.h>

/* Commits the open transaction, checks the commit out, and points ref at it; all on disk afterwards.
 * *ret_members are commit, files and size of the result. */
bool generation_make(Tree *t, const char *ref, json_t **ret_members, GError **error);
