/* Small files that must be whole or absent: written aside, synced, renamed. Touches what it is told. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* A new file of exactly that mode; -EEXIST if there is one. durable: the content survives a power cut, the
 * name when the directory is synced. */
int file_write_new(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, bool durable);
/* Replaces dir_fd/name atomically. durable: survives a power cut. Returns a negative errno. */
int file_write_atomic(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, bool durable);
/* Reads all of a regular file of at most max bytes; -EFBIG for more. The text is NUL-terminated. */
int file_read_all(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_size);
/* Opens a directory, making it (and nothing above it) when it is missing. Returns a descriptor. */
int dir_open_create(const char *path, mode_t mode);
/* What happened in the directory survives a power cut. */
int dir_sync(const char *path);
