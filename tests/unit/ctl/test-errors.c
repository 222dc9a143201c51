/* Each D-Bus error means one exit code. */
#include "common/errors.h"

#include <glib.h>

static void test_codes(void)
{
        static const struct {
                const char *name;
                int code;
        } cases[] = {
                {NULL, EXIT_FAILED},
                {"", EXIT_FAILED},
                {"org.example.Unknown", EXIT_FAILED},
                {"org.left4me.Error.Busy", EXIT_FAILED},
                {"org.left4me.Error.InvalidSpec", EXIT_FAILED},
                {"org.left4me.Error.NoSuchServer", EXIT_NO_SUCH_OBJECT},
                {"org.left4me.Error.NoSuchGeneration", EXIT_NO_SUCH_OBJECT},
                {"org.left4me.Error.NoSuc", EXIT_FAILED},
                {"xorg.left4me.Error.NoSuchServer", EXIT_FAILED},
                {"org.left4me.Error.FileNotFound", EXIT_NO_SUCH_OBJECT},
                {"org.left4me.Error.FileNotFoundX", EXIT_FAILED},
                {"org.freedesktop.DBus.Error.UnknownObject", EXIT_NO_SUCH_OBJECT},
                {"org.left4me.Error.NotRunning", EXIT_NOT_RUNNING},
                {"org.freedesktop.DBus.Error.AccessDenied", EXIT_DENIED},
                {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", EXIT_DENIED},
                {"org.freedesktop.DBus.Error.ServiceUnknown", EXIT_UNREACHABLE},
                {"org.freedesktop.DBus.Error.Spawn.ChildExited", EXIT_UNREACHABLE},
                {"org.freedesktop.systemd1.NoSuchUnit", EXIT_UNREACHABLE},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_test_message("%s", cases[i].name ? cases[i].name : "(null)");
                g_assert_cmpint(errors_exit_code(cases[i].name), ==, cases[i].code);
        }
}

static void test_join(void)
{
        g_assert_cmpint(errors_join(EXIT_OK, EXIT_OK), ==, EXIT_OK);
        g_assert_cmpint(errors_join(EXIT_OK, EXIT_DENIED), ==, EXIT_DENIED);
        g_assert_cmpint(errors_join(EXIT_DENIED, EXIT_OK), ==, EXIT_DENIED);
        g_assert_cmpint(errors_join(EXIT_DENIED, EXIT_DENIED), ==, EXIT_DENIED);
        g_assert_cmpint(errors_join(EXIT_DENIED, EXIT_NO_SUCH_OBJECT), ==, EXIT_FAILED);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ctl/errors/codes", test_codes);
        g_test_add_func("/ctl/errors/join", test_join);
        return g_test_run();
}
