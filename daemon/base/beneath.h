/* Opening what lies below a directory and nowhere else. Touches nothing. */
#pragma once

/* Opens path below dir_fd: never through a link, never upwards, never waiting for the other end of a FIFO. By
 * components, not by openat2(2): a filter of system calls cannot look into that one's arguments, so systemd's
 * RestrictSUIDSGID=, which every unit of ours has, makes it ENOSYS. "." alone is the directory itself.
 * Returns a descriptor or a negative errno: -ELOOP or -ENOTDIR where a link is in the way, -EINVAL for an
 * empty, "." or ".." component. */
int open_beneath(int dir_fd, const char *path, int flags);
