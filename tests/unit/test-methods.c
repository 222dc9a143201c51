/* The table of methods, the vtables and the actions of polkit say the same. */
#include <string.h>

/* The table itself, which nothing else needs to see. */
#include "bus/methods.c" // NOLINT(bugprone-suspicious-include)

static const struct {
        const char *interface;
        const sd_bus_vtable *vtable;
} interfaces[] = {
        {INTERFACE_MANAGER, manager_vtable},           {INTERFACE_SERVER, server_vtable},
        {INTERFACE_BLUEPRINT, blueprint_vtable},       {INTERFACE_OVERLAY, overlay_vtable},
        {INTERFACE_INSTALLATION, installation_vtable}, {INTERFACE_JOB, job_vtable},
        {INTERFACE_INTERNAL, internal_vtable},
};

static bool vtable_has(const sd_bus_vtable *vtable, const char *member)
{
        for (const sd_bus_vtable *v = vtable; v->type != _SD_BUS_VTABLE_END; v++)
                if (v->type == _SD_BUS_VTABLE_METHOD && strcmp(v->x.method.member, member) == 0)
                        return true;
        return false;
}

static void test_every_method_of_a_vtable_is_in_the_table(void)
{
        unsigned n = 0;

        for (unsigned i = 0; i < G_N_ELEMENTS(interfaces); i++)
                for (const sd_bus_vtable *v = interfaces[i].vtable; v->type != _SD_BUS_VTABLE_END; v++) {
                        if (v->type != _SD_BUS_VTABLE_METHOD)
                                continue;
                        n++;
                        if (!method_find(interfaces[i].interface, v->x.method.member))
                                g_error("%s.%s is not in the table", interfaces[i].interface,
                                        v->x.method.member);
                        g_assert_true(v->x.method.handler == call_dispatch);
                }
        g_assert_cmpuint(n, ==, G_N_ELEMENTS(methods));
}

static void test_every_method_of_the_table_is_in_its_vtable(void)
{
        for (unsigned i = 0; i < G_N_ELEMENTS(methods); i++) {
                bool found = false;

                for (unsigned k = 0; k < G_N_ELEMENTS(interfaces); k++)
                        found = found || (strcmp(interfaces[k].interface, methods[i].interface) == 0 &&
                                          vtable_has(interfaces[k].vtable, methods[i].member));
                if (!found)
                        g_error("%s.%s is in no vtable", methods[i].interface, methods[i].member);
                g_assert_nonnull(methods[i].handler);
                g_assert_true(method_find(methods[i].interface, methods[i].member) == &methods[i]);
        }
}

static void test_what_is_not_in_the_table_is_not_found(void)
{
        g_assert_null(method_find(INTERFACE_MANAGER, "NoSuchMethod"));
        g_assert_null(method_find("org.example.Other", "GetServer"));
        g_assert_null(method_find(NULL, "GetServer"));
}

static char *policy(void)
{
        char *text = NULL;

        g_assert_true(g_file_get_contents(g_getenv("POLICY"), &text, NULL, NULL));
        return text;
}

static void test_every_action_is_in_the_policy(void)
{
        g_autofree char *text = policy();

        for (unsigned i = 0; i < G_N_ELEMENTS(actions); i++) {
                g_autofree char *line = g_strdup_printf("<action id=\"" ACTION_PREFIX "%s\">", actions[i]);

                if (!strstr(text, line))
                        g_error("no %s in the policy", line);
                g_assert_true(action_is_known(actions[i]));
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(methods); i++)
                g_assert_true(!methods[i].action || action_is_known(methods[i].action));
        g_assert_false(action_is_known("uninstall"));
}

static void test_every_action_of_the_policy_is_known(void)
{
        g_autofree char *text = policy();
        g_auto(GStrv) parts = g_strsplit(text, "<action id=\"", -1);
        unsigned n = 0;

        for (char **part = parts + 1; *part; part++, n++) {
                *strchr(*part, '"') = '\0';
                g_assert_true(g_str_has_prefix(*part, ACTION_PREFIX));
                if (!action_is_known(*part + strlen(ACTION_PREFIX)))
                        g_error("no method needs %s", *part);
        }
        g_assert_cmpuint(n, ==, G_N_ELEMENTS(actions));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/methods/vtable-to-table", test_every_method_of_a_vtable_is_in_the_table);
        g_test_add_func("/methods/table-to-vtable", test_every_method_of_the_table_is_in_its_vtable);
        g_test_add_func("/methods/unknown", test_what_is_not_in_the_table_is_not_found);
        g_test_add_func("/methods/actions-in-policy", test_every_action_is_in_the_policy);
        g_test_add_func("/methods/policy-in-actions", test_every_action_of_the_policy_is_known);
        return g_test_run();
}
