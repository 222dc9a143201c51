/* mountinfo as anybody's mount name space may have it: counted or refused, and counting is stable. */
#include "fuzz.h"
#include "helpers/mount/mounts.h"

#include <string.h>

static int count(const uint8_t *data, size_t size, const char *target)
{
        FILE *f = fmemopen((void *)(uintptr_t)data, size, "r");
        int n;

        g_assert_nonnull(f);
        n = mounts_count(f, "left4me:alpha", target);
        (void)fclose(f);
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *key = mounts_view_key((const char *)data, size);
        int any, there;

        if (size == 0)
                return 0;
        any = count(data, size, NULL);
        there = count(data, size, "/run/left4me/servers/alpha");
        g_assert_true((any < 0) == (there < 0));
        g_assert_true(any < 0 || there <= any);
        g_assert_true(any == count(data, size, NULL));
        return 0;
}
