/* manager.yaml: any bytes give settings within their limits, or an error with a position. */
#include "fuzz.h"
#include "plan/settings.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        Settings s = {};
        bool parsed = settings_parse((const char *)data, size, &s, &error);
        size_t line, column;

        if (error)
                g_assert_cmpint(sscanf(error->message, "line %zu, column %zu: ", &line, &column), ==, 2);
        if (!fuzz_outcome(parsed, &error, L4_ERROR_INVALID_SPEC))
                return 0;
        g_assert_true(s.port_first >= 1024 && s.port_first <= s.port_last);
        g_assert_true(s.keep_generations >= 1 && s.keep_generations <= 100);
        g_assert_true(s.job_history >= 10 && s.job_history <= 100000);
        g_assert_true(s.servers_max >= 1 && s.servers_max <= 5000);
        g_assert_true(s.overlay_files_max >= 1 && s.installation_files_max >= 1);
        g_assert_true(s.overlay_size_max >> 20 >= 1 && s.overlay_size_max <= UINT64_C(16) << 40);
        g_assert_true(s.installation_size_max >> 20 >= 1 && s.installation_size_max <= UINT64_C(16) << 40);
        return 0;
}
