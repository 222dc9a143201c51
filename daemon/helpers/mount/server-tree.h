/* servers/NAME below the state directory: the part of a server's tree that is its own. It belongs to the
 * store user, who may swap things in it at any time. So it is written through an idmapped view in which the
 * store user's files are root's and all others are nobody's: what we make is the store user's, and nothing
 * that he could put in our way gives us more than he has. */
#pragma once

#include "plan/mount-plan.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct ServerTree {
        const char *instance;
        uid_t disk_uid; /* the store user's */
        gid_t disk_gid;
        int state_fd; /* O_PATH, L4_STATE_DIR as it is on disk */
        int dir_fd;   /* servers/NAME, locked exclusively until closed; -EBADF if it does not exist */
} ServerTree;
#define SERVER_TREE_NONE ((ServerTree){.state_fd = -EBADF, .dir_fd = -EBADF})

void server_tree_close(ServerTree *t);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ServerTree, server_tree_close)

/* Makes servers/NAME if need be and locks it, waiting for who has the lock; dir_fd is a view as above. On
 * success the caller closes *ret; instance is borrowed. */
bool server_tree_make(const char *instance, ServerTree *ret, GError **error);

/* Locks servers/NAME as it is on disk, if it exists. The same otherwise, but only for
 * server_tree_clean_work(). */
bool server_tree_find(const char *instance, ServerTree *ret, GError **error);

/* Makes upper and work, and refuses an upper of fuse-overlayfs, whose marks this overlay would not
 * understand. */
bool server_tree_make_writable(const ServerTree *t, GError **error);

/* generated/ is afterwards the files of the plan and nothing else. */
bool server_tree_write_generated(const ServerTree *t, const MountPlan *plan, GError **error);

/* Removes work/work, which overlayfs leaves behind, owned by root and closed to everybody. */
bool server_tree_clean_work(const ServerTree *t, GError **error);
