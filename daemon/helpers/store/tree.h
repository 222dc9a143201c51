/* The tree that becomes the next generation: entries are written into the repository as they come, inside of
 * its transaction, and counted against the limits. */
#pragma once

#include "store.h"

typedef struct Tree {
        Store *store;
        OstreeMutableTree *root;
        char *directory_meta; /* all directories have the same */
        GHashTable *links;    /* checksums of the links written */
        uint64_t size_max, entries_max;
        uint64_t size, entries; /* written so far; entries with directories */
        uint64_t files;         /* of these, files and links */
        bool counted_twice;     /* a path came again, so the counts are too high */
} Tree;

typedef struct TreeFile {
        const char *path;
        uint64_t size; /* as announced; more or less is refused */
        bool executable;
        /* Fills buffer; bytes, 0 at the end, -1 with *error. */
        gssize (*read)(void *userdata, void *buffer, gsize size, GError **error);
        void *userdata;
} TreeFile;

/* Starts from the parent commit's tree, or an empty one where parent is NULL. A transaction must be open. */
bool tree_new(Store *s, const char *parent, uint64_t size_max, uint64_t entries_max, Tree **ret,
              GError **error);
/* Takes NULL, returns NULL. */
Tree *tree_free(Tree *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tree, tree_free)

/* Paths have passed tree_check_path(). Parents are made. L4_ERROR_INVALID_CONTENT and L4_ERROR_QUOTA_EXCEEDED
 * name the path. */
bool tree_add_directory(Tree *t, const char *path, GError **error);
bool tree_add_file(Tree *t, const TreeFile *file, GError **error);
bool tree_add_link(Tree *t, const char *path, const char *target, GError **error);
/* The content of a file that is in the tree, once more. */
bool tree_add_copy(Tree *t, const char *path, const char *from, GError **error);
/* L4_ERROR_FILE_NOT_FOUND if there is no such path. */
bool tree_remove(Tree *t, const char *path, GError **error);
/* Checksum of the file or link at path, NULL without an error if there is none. */
bool tree_find_file(Tree *t, const char *path, char **ret_checksum, GError **error);
/* Whether size bytes and one more entry would still be within the limits. */
bool tree_check_limits(const Tree *t, uint64_t size, const char *path, GError **error);

/* Lays over over base, which becomes the sum: a file replaces a file, a directory merges, anything else is
 * refused. */
bool tree_merge(Tree *base, const Tree *over, GError **error);
/* Counts anew what the whole tree holds, and checks it against the limits. */
bool tree_count(Tree *t, GError **error);
