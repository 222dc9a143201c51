/* The named errors of left4me: one table of name, D-Bus name and errno, used by the manager and its helpers.
 * Functions that can fail for a reason an operator must read take a GError **; its domain is L4_ERROR, its
 * message says what and where. Touches nothing. */
#pragma once

#include <glib.h>
#include <stdarg.h>

#define L4_ERROR l4_error_quark()
#define L4_ERROR_PREFIX "org.left4me.Error."

typedef enum L4Error {
        L4_ERROR_FAILED,           /* org.freedesktop.DBus.Error.Failed */
        L4_ERROR_INVALID_ARGS,     /* org.freedesktop.DBus.Error.InvalidArgs */
        L4_ERROR_ACCESS_DENIED,    /* org.freedesktop.DBus.Error.AccessDenied */
        L4_ERROR_INTERACTIVE_AUTH, /* org.freedesktop.DBus.Error.InteractiveAuthorizationRequired */
        L4_ERROR_TIMED_OUT,        /* org.freedesktop.DBus.Error.Timeout */
        L4_ERROR_NO_SUCH_SERVER,   /* from here on org.left4me.Error.* */
        L4_ERROR_NO_SUCH_BLUEPRINT,
        L4_ERROR_NO_SUCH_OVERLAY,
        L4_ERROR_NO_SUCH_JOB,
        L4_ERROR_NO_SUCH_GENERATION,
        L4_ERROR_FILE_NOT_FOUND,
        L4_ERROR_EXISTS,
        L4_ERROR_INVALID_NAME,
        L4_ERROR_INVALID_SPEC,
        L4_ERROR_INVALID_CONTENT,
        L4_ERROR_BUSY,
        L4_ERROR_IN_USE,
        L4_ERROR_NOT_RUNNING,
        L4_ERROR_NOT_INSTALLED,
        L4_ERROR_REVISION_CONFLICT,
        L4_ERROR_QUOTA_EXCEEDED,
        L4_ERROR_LIMIT_REACHED,
        L4_ERROR_PORT_IN_USE,
        L4_ERROR_NO_FREE_PORT,
        L4_ERROR_MOUNT_FAILED,
        L4_ERROR_START_FAILED,
        L4_ERROR_STORE_FAILED,
        L4_ERROR_CANCELLED,
        _L4_ERROR_MAX,
} L4Error;

GQuark l4_error_quark(void);

/* Full D-Bus name of an error, never NULL. */
const char *l4_error_dbus_name(L4Error code);
/* Positive errno that C clients see for it. */
int l4_error_errno(L4Error code);
/* Code of a full D-Bus name; L4_ERROR_FAILED for one that is not in the table. */
L4Error l4_error_from_dbus_name(const char *name);

/* Sets *error to code with "message: strerror(errno)"; r is a negative errno. Returns r. */
int l4_error_set_errno(GError **error, L4Error code, int r, const char *format, ...) G_GNUC_PRINTF(4, 5);
