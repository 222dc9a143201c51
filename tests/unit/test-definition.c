/* Blueprints' contents: the limits of each list, and that a refusal names the item. */
#include "hostile.h"
#include "plan/definition.h"

static void set(char ***list, size_t n, const char *format)
{
        g_strfreev(*list);
        *list = g_new0(char *, n + 1);
        for (size_t i = 0; i < n; i++) {
                g_auto(GStrv) parts = g_strsplit(format, "#", 2);

                (*list)[i] = parts[1] ? g_strdup_printf("%s%zu%s", parts[0], i, parts[1]) : g_strdup(format);
        }
}

static char ***list_of(Definition *d, DefinitionList list)
{
        char ***const lists[] = {&d->overlays, &d->arguments, &d->config};

        return lists[list];
}

static void test_new_and_copy(void)
{
        g_autoptr(Definition) d = definition_new(), copy = NULL;
        g_autoptr(GError) error = NULL;

        assert_accepted(definition_check(d, &error), &error, "empty");
        set(&d->overlays, 3, "o#");
        set(&d->arguments, 2, "-a#");
        set(&d->config, 1, "c#");
        copy = definition_copy(d);
        g_assert_true(g_strv_equal((const char *const *)copy->overlays, (const char *const *)d->overlays));
        g_assert_true(g_strv_equal((const char *const *)copy->arguments, (const char *const *)d->arguments));
        g_assert_true(g_strv_equal((const char *const *)copy->config, (const char *const *)d->config));
        g_assert_true(copy->overlays[0] != d->overlays[0]);
        g_assert_null(definition_free(NULL));
}

static void test_as_many_items_and_no_more(void)
{
        static const struct {
                DefinitionList list;
                size_t max;
                const char *format, *part;
        } cases[] = {
                {DEFINITION_OVERLAYS, 498, "o#", "overlays, item 499: more than 498 items"},
                {DEFINITION_ARGUMENTS, 256, "-a#", "arguments, item 257: more than 256 items"},
                {DEFINITION_CONFIG, 256, "c # x", "config, item 257: more than 256 items"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Definition) d = definition_new();
                g_autoptr(GError) error = NULL;

                set(list_of(d, cases[i].list), cases[i].max, cases[i].format);
                assert_accepted(definition_check(d, &error), &error, cases[i].format);
                set(list_of(d, cases[i].list), cases[i].max + 1, cases[i].format);
                assert_refused(definition_check(d, &error), &error, L4_ERROR_INVALID_SPEC, cases[i].part,
                               "one more");
        }
}

static void test_4096_bytes_and_no_more(void)
{
        for (DefinitionList list = DEFINITION_ARGUMENTS; list < _DEFINITION_LIST_MAX; list++) {
                g_autofree char *longest = g_strnfill(4096, 'x'), *longer = g_strnfill(4097, 'x');
                g_autoptr(Definition) d = definition_new();
                g_autoptr(GError) error = NULL;

                set(list_of(d, list), 1, longest);
                assert_accepted(definition_check(d, &error), &error, "4096");
                set(list_of(d, list), 1, longer);
                assert_refused(definition_check(d, &error), &error, L4_ERROR_INVALID_SPEC,
                               "item 1: longer than 4096", "4097");
        }
}

static const struct {
        DefinitionList list;
        const char *items[4];
        const char *part;
} hostile[] = {
        {DEFINITION_OVERLAYS, {""}, "overlays, item 1: invalid overlay name ''"},
        {DEFINITION_OVERLAYS, {"a", "B"}, "overlays, item 2: invalid overlay name 'B'"},
        {DEFINITION_OVERLAYS, {"a", "../b"}, "overlays, item 2: invalid overlay name '../b'"},
        {DEFINITION_OVERLAYS, {"a", "b", "a"}, "overlays, item 3: overlay 'a' is listed twice"},
        {DEFINITION_OVERLAYS, {"a", "a"}, "overlays, item 2: overlay 'a' is listed twice"},
        {DEFINITION_OVERLAYS, {"a\n"}, "overlays, item 1: not UTF-8, or with a newline"},
        {DEFINITION_OVERLAYS, {"a", "\xff"}, "overlays, item 2: not UTF-8"},
        {DEFINITION_ARGUMENTS, {""}, "arguments, item 1: an empty argument"},
        {DEFINITION_ARGUMENTS,
         {"-maxplayers", "8", "-port"},
         "arguments, item 3: '-port' is set by the manager"},
        {DEFINITION_ARGUMENTS, {"x", "a\nb"}, "arguments, item 2: not UTF-8, or with a newline"},
        {DEFINITION_ARGUMENTS, {"\xe2\x80\xae"}, "arguments, item 1: not UTF-8"},
        {DEFINITION_ARGUMENTS, {"+map", "a", "+map", "b"}, "arguments, item 3: a second '+map'"},
        {DEFINITION_ARGUMENTS, {"+sv_password", "x"}, "arguments, item 1: '+sv_password' would put a secret"},
        {DEFINITION_CONFIG, {"a", "rcon_password x"}, "config, item 2: names rcon_password"},
        {DEFINITION_CONFIG, {"a", "b", "a\nb"}, "config, item 3: not UTF-8, or with a newline"},
        {DEFINITION_CONFIG, {"a", "\"b"}, "config, item 2: has a quote that is not closed"},
        {DEFINITION_CONFIG, {"\x1b"}, "config, item 1: not UTF-8"},
};

static void test_a_refusal_names_the_item(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
                g_autoptr(Definition) d = definition_new();
                g_autoptr(GStrvBuilder) items = g_strv_builder_new();
                g_autoptr(GError) error = NULL;
                DefinitionPlace place = {_DEFINITION_LIST_MAX, 99};

                for (size_t k = 0; k < G_N_ELEMENTS(hostile[i].items) && hostile[i].items[k]; k++)
                        g_strv_builder_add(items, hostile[i].items[k]);
                g_strfreev(*list_of(d, hostile[i].list));
                *list_of(d, hostile[i].list) = g_strv_builder_end(items);
                assert_refused(definition_check(d, &error), &error, L4_ERROR_INVALID_SPEC, hostile[i].part,
                               hostile[i].part);
                g_assert_false(definition_check_at(d, &place, NULL));
                g_assert_cmpint(place.list, ==, hostile[i].list);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/definition/new", test_new_and_copy);
        g_test_add_func("/definition/items", test_as_many_items_and_no_more);
        g_test_add_func("/definition/lengths", test_4096_bytes_and_no_more);
        g_test_add_func("/definition/hostile", test_a_refusal_names_the_item);
        return g_test_run();
}
