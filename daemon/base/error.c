#include "error.h"

#include <errno.h>
#include <string.h>

#define STANDARD(name) "org.freedesktop.DBus.Error." name
#define OURS(name) L4_ERROR_PREFIX name

static const struct {
        const char *dbus_name;
        int number;
} errors[_L4_ERROR_MAX] = {
        [L4_ERROR_FAILED] = {STANDARD("Failed"), EIO},
        [L4_ERROR_INVALID_ARGS] = {STANDARD("InvalidArgs"), EINVAL},
        [L4_ERROR_ACCESS_DENIED] = {STANDARD("AccessDenied"), EACCES},
        [L4_ERROR_INTERACTIVE_AUTH] = {STANDARD("InteractiveAuthorizationRequired"), EACCES},
        [L4_ERROR_TIMED_OUT] = {STANDARD("Timeout"), ETIMEDOUT},
        [L4_ERROR_NO_SUCH_SERVER] = {OURS("NoSuchServer"), ENOENT},
        [L4_ERROR_NO_SUCH_BLUEPRINT] = {OURS("NoSuchBlueprint"), ENOENT},
        [L4_ERROR_NO_SUCH_OVERLAY] = {OURS("NoSuchOverlay"), ENOENT},
        [L4_ERROR_NO_SUCH_JOB] = {OURS("NoSuchJob"), ENOENT},
        [L4_ERROR_NO_SUCH_GENERATION] = {OURS("NoSuchGeneration"), ENOENT},
        [L4_ERROR_FILE_NOT_FOUND] = {OURS("FileNotFound"), ENOENT},
        [L4_ERROR_EXISTS] = {OURS("Exists"), EEXIST},
        [L4_ERROR_INVALID_NAME] = {OURS("InvalidName"), EINVAL},
        [L4_ERROR_INVALID_SPEC] = {OURS("InvalidSpec"), EINVAL},
        [L4_ERROR_INVALID_CONTENT] = {OURS("InvalidContent"), EBADMSG},
        [L4_ERROR_BUSY] = {OURS("Busy"), EBUSY},
        [L4_ERROR_IN_USE] = {OURS("InUse"), EBUSY},
        [L4_ERROR_NOT_RUNNING] = {OURS("NotRunning"), ESRCH},
        [L4_ERROR_NOT_INSTALLED] = {OURS("NotInstalled"), ENOPKG},
        [L4_ERROR_REVISION_CONFLICT] = {OURS("RevisionConflict"), ESTALE},
        [L4_ERROR_QUOTA_EXCEEDED] = {OURS("QuotaExceeded"), EDQUOT},
        [L4_ERROR_LIMIT_REACHED] = {OURS("LimitReached"), EMFILE},
        [L4_ERROR_PORT_IN_USE] = {OURS("PortInUse"), EADDRINUSE},
        [L4_ERROR_NO_FREE_PORT] = {OURS("NoFreePort"), EADDRNOTAVAIL},
        [L4_ERROR_MOUNT_FAILED] = {OURS("MountFailed"), EIO},
        [L4_ERROR_START_FAILED] = {OURS("StartFailed"), EIO},
        [L4_ERROR_STORE_FAILED] = {OURS("StoreFailed"), EIO},
        [L4_ERROR_CANCELLED] = {OURS("Cancelled"), ECANCELED},
};

GQuark l4_error_quark(void)
{
        return g_quark_from_static_string("left4me-error");
}

const char *l4_error_dbus_name(L4Error code)
{
        return (unsigned)code < _L4_ERROR_MAX ? errors[code].dbus_name : errors[L4_ERROR_FAILED].dbus_name;
}

int l4_error_errno(L4Error code)
{
        return (unsigned)code < _L4_ERROR_MAX ? errors[code].number : EIO;
}

L4Error l4_error_from_dbus_name(const char *name)
{
        for (unsigned i = 0; i < _L4_ERROR_MAX; i++)
                if (g_strcmp0(name, errors[i].dbus_name) == 0)
                        return (L4Error)i;
        return L4_ERROR_FAILED;
}

int l4_error_set_errno(GError **error, L4Error code, int r, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error(error, L4_ERROR, (gint)code, "%s: %s", text, g_strerror(-r));
        return r;
}
