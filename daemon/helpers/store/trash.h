/* Removal in two steps: a tree is renamed into trash/, so that it is gone at once and as a whole, and then
 * taken apart there, by this run or a later one. */
#pragma once

#include "store.h"

/* Moves dirfd/name into the trash; a name that does not exist is fine. shown is what messages call it. */
bool trash_add(Store *s, int dirfd, const char *name, const char *shown, GError **error);
/* Removes what this run put into the trash, and everything else in it if no other run is at work; fails if
 * something of this run's stays. cancel may be NULL. */
bool trash_empty(Store *s, GCancellable *cancel, GError **error);
