/* spec.yaml: any bytes give a definition that passes its check, or an error with a position. */
#include "fuzz.h"
#include "plan/spec.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(Spec) s = NULL;
        g_autoptr(GError) error = NULL;
        bool parsed = spec_parse((const char *)data, size, &s, &error);
        size_t line, column;

        g_assert_true(parsed == (s != NULL));
        if (error) {
                g_assert_cmpint(sscanf(error->message, "line %zu, column %zu: ", &line, &column), ==, 2);
                g_assert_true(line >= 1 && column >= 1);
        }
        if (!fuzz_outcome(parsed, &error, L4_ERROR_INVALID_SPEC))
                return 0;
        g_assert_cmpuint(s->port, >, 0);
        g_assert_true(definition_check(s->definition, &error));
        return 0;
}
