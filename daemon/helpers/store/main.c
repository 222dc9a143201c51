/* left4me-store: one change to stored content, as the user left4me, in a unit of its own. Reads the
 * credential "request"; touches /var/lib/left4me/{repo,checkouts,trash,servers,spool}; says on standard
 * output what became of it. Promises that a run that is killed at any moment leaves what the next one cleans
 * up, and nothing half done. */
#include "base/error.h"
#include "cancel.h"
#include "import.h"
#include "operations.h"
#include "output.h"
#include "request.h"
#include "store.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef bool (*Operation)(Store *s, const Request *r, json_t **ret_members, GError **error);

static const Operation operations[_OP_MAX] = {
        [OP_IMPORT] = op_import,     [OP_EDIT] = op_edit,       [OP_EXPORT] = op_export,
        [OP_CHECKOUT] = op_checkout, [OP_DISCARD] = op_discard, [OP_PRUNE] = op_prune,
        [OP_VERIFY] = op_verify,
};

static bool run(GCancellable *cancel, json_t **ret_members, GError **error)
{
        g_autoptr(Request) request = NULL;
        g_autoptr(Store) store = NULL;

        if (!request_load(&request, error) || !store_open(cancel, request->op == OP_PRUNE, &store, error))
                return false;
        if (operations[request->op](store, request, ret_members, error))
                return true;
        store_abort(store);
        return false;
}

int main(void)
{
        g_autoptr(GCancellable) cancel = NULL;
        g_autoptr(GError) error = NULL;
        json_t *members = NULL;

        (void)umask(0022);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)setlocale(LC_ALL, "C.UTF-8");           /* names in archives are converted from and to it */
        (void)g_setenv("GIO_USE_VFS", "local", TRUE); /* no modules of the host, no session bus */
        cancel = cancel_new();
        if (run(cancel, &members, &error))
                return output_result(members) ? EXIT_SUCCESS : EXIT_FAILURE;
        /* libostree 2022.7 has a place that fails without saying why: where it cannot remove
         * repo/transaction. */
        if (!error)
                g_set_error(&error, L4_ERROR, L4_ERROR_STORE_FAILED,
                            "the repository failed without a reason");
        output_error(error);
        return EXIT_FAILURE;
}
