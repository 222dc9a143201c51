/* Steam's note of what is installed: steamapps/appmanifest_222860.acf. */
#pragma once

#include "tree.h"

/* *ret is the build's number, or NULL where the tree has no manifest or that has none. */
bool manifest_read_buildid(Tree *t, char **ret, GError **error);
/* The value of "buildid" in the outermost block: 1 to 20 digits, or NULL. Pure. */
char *manifest_parse_buildid(const char *text, size_t size);
