/* Opening of what others can write: never through a link, never out of the directory that was given. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "base/beneath.h"

/* open_beneath(), and not into another mount (-EXDEV): whoever may make mounts in a namespace of his own
 * could otherwise put any directory of ours below one of his. */
int open_beneath_same_mount(int dirfd, const char *path, int flags);
/* Names in a directory without "." and "..", sorted. NULL and *error on failure. */
GPtrArray *directory_names(int dirfd, GError **error);
