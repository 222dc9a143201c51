/* Where a composed tree is mounted: in this process's mount namespace and in everybody's. Reads /proc,
 * changes nothing. Detection is by the source tag in mountinfo, never by st_dev: bind mounts on one file
 * system look unmounted by that. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Entries of a mountinfo text whose source is tag and whose target is target (NULL: any). -EBADMSG for a line
 * that is not mountinfo. */
int mounts_count(FILE *mountinfo, const char *tag, const char *target);

/* The same in our own namespace. */
int mounts_count_own(const char *tag, const char *target);

/* Looks for the tag in the mountinfo of every process that could reach a composed tree: root's and those of
 * games. They lie below a root-owned 0700 directory, so a copy in a namespace of anyone else is idle; and any
 * user can make such a copy, or a mount with our tag, in a user namespace of his own, and must not keep a
 * server from starting by it. 1 with its *ret_pid, 0 for none, or a negative errno. */
int mounts_find_holder(const char *tag, pid_t *ret_pid);

/* The first line of a mountinfo: equal for two processes that see the same namespace from the same root, as
 * it has a mount's id, unique on the host, and its place below the root. What it needs no right for, unlike
 * ns/mnt. */
char *mounts_view_key(const char *text, size_t size);
