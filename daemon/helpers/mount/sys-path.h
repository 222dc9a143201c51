/* Paths below a directory that is not ours, by descriptor: nothing is resolved twice, no symlink is ever
 * followed, nothing leads out. Works with the file-system identity of the caller; see store-user.h. All
 * return 0 or a descriptor, or a negative errno. Descriptors are close-on-exec and the caller's. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* An O_PATH descriptor of a directory that belongs to root and that nobody else may write: the anchor of the
 * rest. -EPERM if it is anything else. */
int path_open_root_owned(const char *path);

/* The directory name, made with that mode if absent; name is one component. Readable descriptor. */
int path_make_dir(int dir_fd, const char *name, mode_t mode);

/* Every directory of the relative path, and the last one's descriptor. */
int path_make_dirs(int dir_fd, const char *path, mode_t mode);

/* Removes what name is, with everything below it; nothing there is fine. -ELOOP if it is deeper than 128. */
int path_remove_tree(int dir_fd, const char *name);
