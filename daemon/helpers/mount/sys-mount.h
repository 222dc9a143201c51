/* The system calls of mounting, by descriptor. Descriptors returned are close-on-exec and the caller's;
 * without a GError a negative errno is all there is to say. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A user namespace in which the disk's ids are others. Needs CAP_SETUID, CAP_SETGID and, wherever root is on
 * either side, CAP_SETFCAP. What is not mapped belongs to nobody there: not even root's capabilities reach
 * it. */
typedef struct IdMap {
        uid_t disk_uid, uid;
        gid_t disk_gid, gid;
        bool keep_root; /* root stays root */
} IdMap;
int sys_idmap_open(const IdMap *map);

/* A detached, private, nosuid,nodev clone of what dir_fd (a directory) is, seen through the user namespace.
 */
int sys_mount_clone_idmapped(int dir_fd, int userns_fd);

/* A detached clone of the mount at path. */
int sys_mount_clone(const char *path);

/* A mount namespace of our own: mounts made here stay here, unmounts of the host still arrive, so that this
 * namespace never keeps another server's tree alive. */
int sys_mount_unshare(void);

/* Attaches a detached mount to what target_fd (O_PATH) is. */
int sys_mount_attach(int mount_fd, int target_fd);

/* Mounts an overlay at target with mount(2), through libmount; options fit its page. */
bool sys_overlay_mount(const char *source, const char *target, const char *options, GError **error);

/* A detached overlay of more layers than that page takes: Linux 6.8. options is the comma-separated rest. */
int sys_overlay_open(const char *source, const int *layer_fds, size_t n_layers, int upper_fd, int work_fd,
                     const char *options, GError **error);

/* 1 if the file system that fd is on is mounted read-only, 0 if not. */
int sys_is_read_only(int fd);
