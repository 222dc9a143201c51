/* servers/NAME below the state directory: the part of a server's tree that is its own. All of it belongs to
 * the store user and is made, written and removed as that user. */
#pragma once

#include "plan/mount-plan.h"
#include "store-user.h"

#include <stdbool.h>

typedef struct ServerTree {
        const char *instance;
        StoreUser user;
        int state_fd; /* O_PATH, L4_STATE_DIR */
        int dir_fd;   /* servers/NAME, locked exclusively until closed; -EBADF if it does not exist */
} ServerTree;
#define SERVER_TREE_NONE ((ServerTree){.state_fd = -EBADF, .dir_fd = -EBADF})

void server_tree_close(ServerTree *t);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ServerTree, server_tree_close)

/* Opens and locks servers/NAME, waiting for who has the lock; makes it if asked to, and is fine with none
 * otherwise. On success the caller closes *ret; instance is borrowed. */
bool server_tree_open(const char *instance, bool make, ServerTree *ret, GError **error);

/* Makes upper and work, and refuses an upper of fuse-overlayfs, whose marks this overlay would not
 * understand. */
bool server_tree_make_writable(const ServerTree *t, GError **error);

/* generated/ is afterwards the files of the plan and nothing else. */
bool server_tree_write_generated(const ServerTree *t, const MountPlan *plan, GError **error);

/* Removes work/work, which overlayfs leaves behind, owned by root and closed to everybody. */
bool server_tree_clean_work(const ServerTree *t, GError **error);
