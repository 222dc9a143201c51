/* The operation discard: what servers wrote goes away. Touches servers/NAME and the trash; promises that a
 * tree is gone as a whole before any of it is taken apart. */
#include "base/error.h"
#include "base/fd.h"
#include "base/layout.h"
#include "beneath.h"
#include "operations.h"
#include "output.h"
#include "trash.h"

#include <fcntl.h>
#include <string.h>

/* overlayfs keeps notes about an upper in its work directory: one without the other is of no use. */
static const char *const upper_and_work[] = {"upper", "work"};

static bool discard_tree(Store *s, int servers_fd, const char *tree, GError **error)
{
        g_auto(GStrv) part = g_strsplit(tree, "/", 3);
        cleanup_close int fd = -EBADF;

        if (!part[2])
                return trash_add(s, servers_fd, part[1], tree, error);
        fd = open_beneath(servers_fd, part[1], O_RDONLY | O_DIRECTORY);
        if (fd == -ENOENT)
                return true;
        if (fd < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, fd, "cannot open %s/%s", part[0],
                                          part[1]) == 0;
        for (size_t i = 0; i < G_N_ELEMENTS(upper_and_work); i++) {
                g_autofree char *shown = g_strdup_printf("%s/%s/%s", part[0], part[1], upper_and_work[i]);

                if (!trash_add(s, fd, upper_and_work[i], shown, error))
                        return false;
        }
        return true;
}

bool op_discard(Store *s, const Request *r, json_t **ret_members, GError **error)
{
        cleanup_close int fd = open_beneath(s->state_fd, L4_SERVERS, O_RDONLY | O_DIRECTORY);

        output_status("Removing what servers wrote");
        if (fd < 0)
                return l4_error_set_errno(error, L4_ERROR_STORE_FAILED, fd, "cannot open %s/%s", L4_STATE_DIR,
                                          L4_SERVERS) == 0;
        for (guint i = 0; i < r->trees->len; i++)
                if (!discard_tree(s, fd, r->trees->pdata[i], error))
                        return false;
        if (!trash_empty(s, s->cancel, error))
                return false;
        *ret_members = json_object();
        return true;
}
