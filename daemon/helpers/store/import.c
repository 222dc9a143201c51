/* Imports: opens the source, lets the format's reader fill a tree, lays that over the parent where asked.
 * Promises that a failed import leaves refs and checkouts as they were. */
#include "import.h"

#include "base/fd.h"
#include "generation.h"
#include "manifest.h"
#include "output.h"
#include "source.h"

static bool fill(Tree *t, const Request *r, GError **error)
{
        cleanup_close int fd = source_open(r, error);

        if (fd < 0)
                return false;
        output_status("Importing");
        return r->format == FORMAT_DIRECTORY ? import_directory(t, fd, error)
                                             : import_archive(t, fd, r->format, error);
}

bool op_import(Store *s, const Request *r, json_t **ret_members, GError **error)
{
        g_autoptr(Tree) imported = NULL;
        g_autoptr(Tree) merged = NULL;
        g_autofree char *buildid = NULL;

        if (!ostree_repo_prepare_transaction(s->repo, NULL, s->cancel, error) ||
            !tree_new(s, NULL, r->size_max, r->files_max, &imported, error) || !fill(imported, r, error) ||
            !manifest_read_buildid(imported, &buildid, error))
                return false;
        if (r->merge && r->parent)
                if (!tree_new(s, r->parent, r->size_max, r->files_max, &merged, error) ||
                    !tree_merge(merged, imported, error))
                        return false;
        if (!generation_make(merged ? merged : imported, r->ref, ret_members, error))
                return false;
        if (buildid)
                (void)json_object_set_new(*ret_members, "buildid", json_string(buildid));
        return true;
}
