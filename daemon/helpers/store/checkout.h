/* A commit's directory tree below checkouts/, made of hard links into the repository. */
#pragma once

#include "store.h"

/* Makes checkouts/COMMIT, complete and on disk, or finds it. *ret_made, which may be NULL, says which, also
 * when making failed after it got its name. */
bool checkout_make(Store *s, const char *commit, bool *ret_made, GError **error);
/* Moves what a killed run left of one into the trash. */
bool checkout_remove_unfinished(Store *s, GError **error);
/* Moves checkouts whose commit is not in keep (char *) into the trash. */
bool checkout_remove_others(Store *s, const GPtrArray *keep, GError **error);
