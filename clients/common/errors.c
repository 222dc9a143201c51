/* See errors.h. A name ending in "*" stands for all names with that beginning. */
#include "common/errors.h"

#include <stddef.h>
#include <string.h>

static const struct {
        const char *name;
        int code;
} table[] = {
        {"org.left4me.Error.NoSuch*", EXIT_NO_SUCH_OBJECT},
        {"org.left4me.Error.FileNotFound", EXIT_NO_SUCH_OBJECT},
        {"org.freedesktop.DBus.Error.UnknownObject", EXIT_NO_SUCH_OBJECT},
        {"org.left4me.Error.NotRunning", EXIT_NOT_RUNNING},
        {"org.freedesktop.DBus.Error.AccessDenied", EXIT_DENIED},
        {"org.freedesktop.DBus.Error.AuthFailed", EXIT_DENIED},
        {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", EXIT_DENIED},
        {"System.Error.EACCES", EXIT_DENIED},
        {"System.Error.EPERM", EXIT_DENIED},
        {"org.freedesktop.DBus.Error.ServiceUnknown", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.NameHasNoOwner", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.NoReply", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.NoServer", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.NoNetwork", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.BadAddress", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.Disconnected", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.Timeout", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.TimedOut", EXIT_UNREACHABLE},
        {"org.freedesktop.DBus.Error.Spawn.*", EXIT_UNREACHABLE},
        {"org.freedesktop.systemd1.*",
         EXIT_UNREACHABLE}, /* what activation answers: the unit is masked, missing */
        {"System.Error.ECONNRESET", EXIT_UNREACHABLE},
        {"System.Error.ENOTCONN", EXIT_UNREACHABLE},
};

static int name_matches(const char *name, const char *pattern)
{
        size_t n = strlen(pattern) - 1;

        return pattern[n] == '*' ? strncmp(name, pattern, n) == 0 : strcmp(name, pattern) == 0;
}

int errors_exit_code(const char *name)
{
        for (size_t i = 0; name && i < sizeof(table) / sizeof(*table); i++)
                if (name_matches(name, table[i].name))
                        return table[i].code;

        return EXIT_FAILED;
}

int errors_join(int a, int b)
{
        if (a == EXIT_OK || a == b)
                return b;

        return b == EXIT_OK ? a : EXIT_FAILED;
}
