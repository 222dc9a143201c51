/* The user left4me, who owns all content on disk, and acting as that user on files: what lies in trees that
 * it may write is made and removed with its rights, never with root's. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct StoreUser {
        uid_t uid;
        gid_t gid;
} StoreUser;

bool store_user_get(StoreUser *ret, GError **error);

/* From here on this thread's file accesses are the store user's; capabilities over files are off meanwhile.
 */
int store_user_become(const StoreUser *user);
/* And root's again. */
void store_user_leave(void);
