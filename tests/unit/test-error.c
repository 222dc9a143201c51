/* The table of named errors: every code has a name of its own, an errno, and a way back. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

static void test_every_code_has_its_own_name(void)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        for (unsigned i = 0; i < _L4_ERROR_MAX; i++) {
                const char *name = l4_error_dbus_name((L4Error)i);

                g_assert_nonnull(name);
                g_assert_true(g_hash_table_add(seen, (gpointer)name));
                g_assert_cmpint(l4_error_from_dbus_name(name), ==, (int)i);
                g_assert_cmpint(l4_error_errno((L4Error)i), >, 0);
        }
}

static void test_names_are_in_our_or_the_standard_namespace(void)
{
        for (unsigned i = 0; i < _L4_ERROR_MAX; i++)
                g_assert_true(g_str_has_prefix(l4_error_dbus_name((L4Error)i),
                                               i < L4_ERROR_NO_SUCH_SERVER ? "org.freedesktop.DBus.Error."
                                                                           : L4_ERROR_PREFIX));
}

static void test_what_is_not_in_the_table_is_failed(void)
{
        g_assert_cmpstr(l4_error_dbus_name(_L4_ERROR_MAX), ==, "org.freedesktop.DBus.Error.Failed");
        g_assert_cmpint(l4_error_errno(_L4_ERROR_MAX), ==, EIO);
        g_assert_cmpint(l4_error_from_dbus_name("org.example.Nothing"), ==, L4_ERROR_FAILED);
        g_assert_cmpint(l4_error_from_dbus_name(""), ==, L4_ERROR_FAILED);
        g_assert_cmpint(l4_error_from_dbus_name(NULL), ==, L4_ERROR_FAILED);
}

static void test_errno_is_spelled_out(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(l4_error_set_errno(&error, L4_ERROR_MOUNT_FAILED, -EBUSY, "mounting %s", "one"), ==,
                        -EBUSY);
        g_assert_error(error, L4_ERROR, L4_ERROR_MOUNT_FAILED);
        g_assert_true(g_str_has_prefix(error->message, "mounting one: "));
        g_assert_nonnull(strstr(error->message, g_strerror(EBUSY)));
        g_assert_cmpint(l4_error_set_errno(NULL, L4_ERROR_FAILED, -EIO, "nobody asks"), ==, -EIO);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/error/own-names", test_every_code_has_its_own_name);
        g_test_add_func("/error/namespaces", test_names_are_in_our_or_the_standard_namespace);
        g_test_add_func("/error/unknown", test_what_is_not_in_the_table_is_failed);
        g_test_add_func("/error/errno", test_errno_is_spelled_out);
        return g_test_run();
}
