/* A directory as a tar stream, made by a child process with the caller's own rights: so that a directory
 * which only the caller may read can be imported. Touches the directory, reading. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Starts the child; *ret_pid is to be ended by tree_tar_wait(), *ret_fd (close-on-exec) gives the stream,
 * which is compressed: unlike a bare tar stream it has an end that can be missed, so that a child that died
 * is never taken for the end of the directory. Negative errno where the directory cannot be opened. */
int tree_tar_start(const char *directory, pid_t *ret_pid, int *ret_fd);

/* Waits for the child, ends it first where the stream is not wanted any more. Whether all was read and
 * written; the child said why not. */
bool tree_tar_wait(pid_t pid, bool wanted);
