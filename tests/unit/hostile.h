/* What every table of hostile input asserts: refused, with this error and these words. */
#pragma once

#include "base/error.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* label, escaped, goes into the message when the case fails. Frees *error. */
static inline void assert_refused(bool accepted, GError **error, L4Error code, const char *part,
                                  const char *label)
{
        g_autofree char *shown = g_strescape(label, NULL);

        if (accepted)
                g_error("accepted: %s", shown);
        if (!*error)
                g_error("refused without a reason: %s", shown);
        if (!g_utf8_validate((*error)->message, -1, NULL))
                g_error("the reason is not UTF-8: %s", shown);
        if (!g_error_matches(*error, L4_ERROR, (gint)code))
                g_error("refused as %s instead of %s: %s: %s", l4_error_dbus_name((L4Error)(*error)->code),
                        l4_error_dbus_name(code), shown, (*error)->message);
        if (!strstr((*error)->message, part))
                g_error("refused without \"%s\": %s: %s", part, shown, (*error)->message);
        g_clear_error(error);
}

static inline void assert_accepted(bool accepted, GError **error, const char *label)
{
        g_autofree char *shown = g_strescape(label, NULL);

        if (!accepted)
                g_error("refused: %s: %s", shown, *error ? (*error)->message : "no reason");
        g_assert_no_error(*error);
}
