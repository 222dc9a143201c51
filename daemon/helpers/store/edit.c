/* The operation edit: files written and removed on the parent's tree, in order. Reads their bytes from
 * standard input; promises that all changes become one generation or none does. */
#include "base/error.h"
#include "generation.h"
#include "operations.h"
#include "output.h"
#include "source.h"
#include "tree-check.h"

#include <unistd.h>

/* Cuts one file's bytes out of standard input. */
typedef struct Slice {
        uint64_t left;
} Slice;

static gssize read_input(void *buffer, gsize size, GError **error)
{
        gssize n = source_read(STDIN_FILENO, buffer, size);

        if (n >= 0)
                return n;
        (void)source_set_error(error, (int)n, "cannot read standard input");
        return -1;
}

static gssize read_slice(void *userdata, void *buffer, gsize size, GError **error)
{
        Slice *slice = userdata;
        gssize n = slice->left == 0 ? 0 : read_input(buffer, MIN(size, slice->left), error);

        if (n > 0)
                slice->left -= (uint64_t)n;
        return n;
}

/* A file that is written anew stays executable. */
static bool was_executable(Tree *t, const char *path, bool *ret, GError **error)
{
        g_autofree char *checksum = NULL;
        g_autoptr(GFileInfo) info = NULL;

        *ret = false;
        if (!tree_find_file(t, path, &checksum, error))
                return false;
        if (!checksum)
                return true;
        if (!ostree_repo_load_file(t->store->repo, checksum, NULL, &info, NULL, t->store->cancel, error))
                return false;
        *ret = g_file_info_get_file_type(info) == G_FILE_TYPE_REGULAR &&
               (g_file_info_get_attribute_uint32(info, "unix::mode") & 0111);
        return true;
}

static bool apply(Tree *t, const Change *c, GError **error)
{
        Slice slice = {c->size};
        TreeFile file = {.path = c->path, .size = c->size, .read = read_slice, .userdata = &slice};

        if (c->verb == VERB_REMOVE)
                return tree_remove(t, c->path, error);
        return was_executable(t, c->path, &file.executable, error) && tree_add_file(t, &file, error);
}

static bool check_input_end(GError **error)
{
        char byte;
        gssize n = read_input(&byte, 1, error);

        if (n > 0)
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS,
                            "there is more input than the changes say");
        return n == 0;
}

static bool apply_all(Tree *t, const Request *r, GError **error)
{
        bool written = false;

        for (guint i = 0; i < r->changes->len; i++) {
                const Change *c = r->changes->pdata[i];

                if (!apply(t, c, error))
                        return false;
                written = written || c->verb == VERB_WRITE;
        }
        /* Without a write there may be no input at all, not even an empty one. */
        return (!written || check_input_end(error)) && tree_count(t, error);
}

bool op_edit(Store *s, const Request *r, json_t **ret_members, GError **error)
{
        g_autoptr(Tree) t = NULL;

        output_status("Changing files");
        return ostree_repo_prepare_transaction(s->repo, NULL, s->cancel, error) &&
               tree_new(s, r->parent, r->size_max, r->files_max, &t, error) && apply_all(t, r, error) &&
               generation_make(t, r->ref, ret_members, error);
}
