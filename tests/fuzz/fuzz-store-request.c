/* The request of a store run: accepted ones hold only what may become a path or a ref. */
#include "fuzz.h"
#include "helpers/store/request.h"
#include "plan/names.h"

static void check_paths(const Request *r)
{
        if (r->path && r->place == PLACE_PATH)
                g_assert_true(file_path_check(r->path, NULL));
        for (guint i = 0; r->changes && i < r->changes->len; i++)
                g_assert_true(
                        file_path_check(((const Change *)g_ptr_array_index(r->changes, i))->path, NULL));
        for (guint i = 0; r->trees && i < r->trees->len; i++)
                g_assert_true(g_str_has_prefix(g_ptr_array_index(r->trees, i), "servers/"));
}

static void check_commits(const Request *r)
{
        g_assert_true(!r->commit || commit_is_valid(r->commit));
        g_assert_true(!r->parent || commit_is_valid(r->parent));
        for (guint i = 0; r->checkouts && i < r->checkouts->len; i++)
                g_assert_true(commit_is_valid(g_ptr_array_index(r->checkouts, i)));
        for (guint i = 0; r->keep && i < r->keep->len; i++)
                g_assert_true(commit_is_valid(((const Keep *)g_ptr_array_index(r->keep, i))->commit));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Request) r = NULL;

        if (!fuzz_outcome(request_parse((const char *)data, size, &r, &error), &error, L4_ERROR_INVALID_ARGS))
                return 0;
        g_assert_true(r->op < _OP_MAX);
        check_paths(r);
        check_commits(r);
        return 0;
}
