/* What every fuzz target shares: the input taken apart into strings, and the promise that a refusal has a
 * reason. */
#pragma once

#include "base/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The parts of the input between NUL bytes. */
static inline char **fuzz_strings(const uint8_t *data, size_t size)
{
        g_autoptr(GPtrArray) parts = g_ptr_array_new();

        for (size_t start = 0, i = 0; i <= size; i++)
                if (i == size || data[i] == '\0') {
                        g_ptr_array_add(parts, g_strndup((const char *)data + start, i - start));
                        start = i + 1;
                }
        g_ptr_array_add(parts, NULL);
        return (char **)g_ptr_array_free(g_steal_pointer(&parts), FALSE);
}

/* Either accepted without an error, or refused with this one, in UTF-8. Frees *error. */
static inline bool fuzz_outcome(bool accepted, GError **error, L4Error code)
{
        g_assert_true(accepted == (*error == NULL));
        if (*error) {
                g_assert_error(*error, L4_ERROR, (gint)code);
                g_assert_true(g_utf8_validate((*error)->message, -1, NULL));
                g_assert_true((*error)->message[0] != '\0');
        }
        g_clear_error(error);
        return accepted;
}
