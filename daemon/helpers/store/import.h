/* The operation import: a directory, tar or zip becomes a generation. */
#pragma once

#include "request.h"
#include "tree.h"

#include <jansson.h>

bool op_import(Store *s, const Request *r, json_t **ret_members, GError **error);

/* Add everything that fd holds to an empty tree. They promise all of it or an error: a source that changes
 * while it is read, or ends early, is refused. */
bool import_directory(Tree *t, int fd, GError **error);
bool import_archive(Tree *t, int fd, Format format, GError **error);
