/* Where a run reads from and writes to, by descriptor: standard input, the spool, the bound directory. */
#pragma once

#include "request.h"
#include "store.h"

/* Opens the import's source and checks its type: a directory, a regular file, or, for tar, a pipe or socket.
 * Descriptor or -1 with *error. */
int source_open(const Request *r, GError **error);
/* read(2) and write(2) that SIGTERM ends, and the other end by doing nothing. Bytes or negative errno;
 * -ECANCELED, -ETIMEDOUT. */
gssize source_read(int fd, void *buffer, gsize size);
int source_write_all(int fd, const void *buffer, gsize size);
/* Says why one of the two failed; what: "cannot read the archive". Returns false. */
bool source_set_error(GError **error, int r, const char *what);
/* The spool; descriptor or -1 with *error. */
int source_open_spool(GError **error);
