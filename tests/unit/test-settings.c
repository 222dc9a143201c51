/* manager.yaml: defaults, ranges, refusals with their position, and that the installed example tells the
 * truth. */
#include "hostile.h"
#include "plan/settings.h"

static bool equal(const Settings *a, const Settings *b)
{
        return a->port_first == b->port_first && a->port_last == b->port_last &&
               a->keep_generations == b->keep_generations && a->job_history == b->job_history &&
               a->servers_max == b->servers_max && a->overlay_size_max == b->overlay_size_max &&
               a->overlay_files_max == b->overlay_files_max &&
               a->installation_size_max == b->installation_size_max &&
               a->installation_files_max == b->installation_files_max;
}

static const Settings standard = {
        27015, 27115, 3, 1000, 1000, UINT64_C(20) << 30, 200000, UINT64_C(100) << 30, 1000000};

static void test_defaults(void)
{
        static const char *const empty[] = {
                "", "\n", "# a comment\n", "{}", "---\n{}\n", "\xef\xbb\xbf# x\n", "  \n  # y"};
        Settings s = {};

        settings_defaults(&s);
        g_assert_true(equal(&s, &standard));
        for (size_t i = 0; i < G_N_ELEMENTS(empty); i++) {
                g_autoptr(GError) error = NULL;
                Settings parsed = {};

                assert_accepted(settings_parse(empty[i], strlen(empty[i]), &parsed, &error), &error,
                                empty[i]);
                g_assert_true(equal(&parsed, &standard));
        }
}

static void test_every_key_at_its_ends(void)
{
        static const struct {
                const char *text;
                Settings want;
        } cases[] = {
                {"port-range: 1024-1024\nkeep-generations: 1\njob-history: 10\nservers-max: "
                 "1\noverlay-size-max: 1M\n"
                 "overlay-files-max: 1\ninstallation-size-max: 1024K\ninstallation-files-max: 1\n",
                 {1024, 1024, 1, 10, 1, 1 << 20, 1, 1 << 20, 1}},
                {"{port-range: \"1024-65535\", keep-generations: 100, job-history: 100000, servers-max: "
                 "5000,\n"
                 " overlay-size-max: '16T', overlay-files-max: 10000000, installation-size-max: "
                 "17592186044416,\n"
                 " installation-files-max: 10000000}",
                 {1024, 65535, 100, 100000, 5000, UINT64_C(16) << 40, 10000000, UINT64_C(16) << 40,
                  10000000}},
                {"overlay-size-max: 1048576\n",
                 {27015, 27115, 3, 1000, 1000, 1 << 20, 200000, UINT64_C(100) << 30, 1000000}},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                Settings s = {};

                assert_accepted(settings_parse(cases[i].text, strlen(cases[i].text), &s, &error), &error,
                                cases[i].text);
                g_assert_true(equal(&s, &cases[i].want));
        }
}

static const struct {
        const char *text, *part;
} hostile[] = {
        {"x: 1", "line 1, column 1: unknown key 'x' (known keys: port-range, keep-generations, job-history"},
        {"job-history: 10\n\nfoo-bar: 1", "line 3, column 1: unknown key 'foo-bar'"},
        {"Job-History: 10", "line 1, column 1: unknown key 'Job-History'"},
        {"job_history: 10", "unknown key 'job_history'"},
        {"<<: {job-history: 10}", "line 1, column 1: unknown key '<<'"},
        {"job-history: 10\njob-history: 11",
         "line 2, column 1: duplicate key 'job-history' (first on line 1)"},
        {"job-history: 9", "line 1, column 14: 'job-history' takes a number from 10 to 100000, not 9"},
        {"job-history: 100001", "from 10 to 100000"},
        {"job-history: -10", "plain decimal number, not '-10'"},
        {"job-history: +10", "plain decimal number, not '+10'"},
        {"job-history: 10.0", "plain decimal number, not '10.0'"},
        {"job-history: 1e3", "plain decimal number"},
        {"job-history: 0x10", "plain decimal number"},
        {"job-history: 0o17", "plain decimal number"},
        {"job-history: 010", "plain decimal number"},
        {"job-history: 1_000", "plain decimal number"},
        {"job-history: 1,000", "plain decimal number"},
        {"job-history: yes", "plain decimal number"},
        {"job-history: .inf", "plain decimal number"},
        {"job-history: \"10\"", "takes a number, not the quoted text '10'"},
        {"job-history: '10'", "takes a number, not the quoted text"},
        {"job-history: |\n 10", "takes a number, not the quoted text"},
        {"job-history:", "has an empty value"},
        {"job-history: ~", "has an empty value"},
        {"job-history: null", "has an empty value"},
        {"job-history: [10]", "takes text here, not a list"},
        {"job-history: {a: 1}", "takes text here, not a mapping"},
        {"job-history: 18446744073709551616", "from 10 to 100000"},
        {"job-history: 18446744073709551626", "from 10 to 100000"},
        {"job-history: 4294967306", "from 10 to 100000"},
        {"job-history: 99999999999999999999999999999999999999999", "from 10 to 100000"},
        {"keep-generations: 0", "line 1, column 19: 'keep-generations' takes a number from 1 to 100, not 0"},
        {"keep-generations: 101", "from 1 to 100"},
        {"servers-max: 0", "from 1 to 5000"},
        {"servers-max: 5001", "from 1 to 5000"},
        {"overlay-files-max: 0", "from 1 to 10000000"},
        {"overlay-files-max: 10000001", "from 1 to 10000000"},
        {"installation-files-max: 0", "from 1 to 10000000"},
        {"overlay-size-max: 0", "takes a size from 1M to 16777216M, not 0"},
        {"overlay-size-max: 1", "takes a size from 1M"},
        {"overlay-size-max: 1048575", "takes a size from 1M"},
        {"overlay-size-max: 1023K", "takes a size from 1M"},
        {"overlay-size-max: 17T", "takes a size from 1M"},
        {"overlay-size-max: 17592186044417", "takes a size from 1M"},
        {"overlay-size-max: 18446744073709551615", "takes a size from 1M"},
        {"overlay-size-max: 18446744073709551616", "takes a number of bytes"},
        {"overlay-size-max: 18014398509481984K", "takes a number of bytes"},
        {"overlay-size-max: 16777217T", "takes a number of bytes"},
        {"overlay-size-max: G", "takes a number of bytes"},
        {"overlay-size-max: 20g", "takes a number of bytes"},
        {"overlay-size-max: 20GB", "takes a number of bytes"},
        {"overlay-size-max: 20GiB", "takes a number of bytes"},
        {"overlay-size-max: 20 G", "takes a number of bytes"},
        {"overlay-size-max: -20G", "takes a number of bytes"},
        {"overlay-size-max: 1.5G", "takes a number of bytes"},
        {"overlay-size-max: 020G", "takes a number of bytes"},
        {"overlay-size-max: 20P", "takes a number of bytes"},
        {"overlay-size-max: ''", "takes a number of bytes"},
        {"overlay-size-max:", "has an empty value"},
        {"installation-size-max: [1G]", "takes text here, not a list"},
        {"port-range: 27015", "takes two ports, like 27015-27115; not '27015'"},
        {"port-range: 27015-", "takes two ports"},
        {"port-range: -27015", "takes two ports"},
        {"port-range: 27015--27115", "takes two ports"},
        {"port-range: 27015-27115-27116", "takes two ports"},
        {"port-range: 27015 - 27115", "takes two ports"},
        {"port-range: 27015:27115", "takes two ports"},
        {"port-range: '27015-27115 '", "takes two ports"},
        {"port-range: 027015-27115", "takes two ports"},
        {"port-range: 27015-0x7000", "takes two ports"},
        {"port-range: a-b", "takes two ports"},
        {"port-range: \"27015-27115\\0\"", "text with a NUL byte"},
        {"port-range: 18446744073709551616-1", "takes two ports"},
        {"port-range: 27116-27115", "the lower one first"},
        {"port-range: 1023-27115", "takes ports from 1024 to 65535"},
        {"port-range: 0-65535", "takes ports from 1024 to 65535"},
        {"port-range: 27015-65536", "takes ports from 1024 to 65535"},
        {"port-range: 27015-4294994411", "takes ports from 1024 to 65535"},
        {"port-range: [27015, 27115]", "takes text here, not a list"},
        {"a", "line 1, column 1: expected a mapping"},
        {"- job-history: 10", "line 1, column 1: expected a mapping"},
        {"~", "expected a mapping"},
        {"---\n", "expected a mapping"},
        {"job-history: &a 10", "anchors are not allowed"},
        {"job-history: *a", "aliases are not allowed"},
        {"job-history: !!int 10", "tags are not allowed"},
        {"!!map {}", "tags are not allowed"},
        {"{}\n---\n{}", "line 2, column 1: a second document"},
        {"job-history: 10\n...\n---\n", "a second document"},
        {"[job-history]: 1", "a key must be text"},
        {"job-history: 10\x01", "line 1, column 16: control character U+0001 is not allowed"},
        {"job-history: \xff", "line 1, column 14: not valid UTF-8"},
        {"\tjob-history: 10", "line 1, column 1: "},
        {"{", "line 2, column 1: "},
        {"job-history: 10: 11", "line 1, column 16: mapping values are not allowed"},
};

static void test_hostile_settings(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
                g_autoptr(GError) error = NULL;
                Settings s = standard;

                s.job_history = 77;
                assert_refused(settings_parse(hostile[i].text, strlen(hostile[i].text), &s, &error), &error,
                               L4_ERROR_INVALID_SPEC, hostile[i].part, hostile[i].text);
                g_assert_cmpuint(s.job_history, ==, 77);
        }
}

static void test_64_kib_and_no_more(void)
{
        g_autofree char *text = g_strnfill(SETTINGS_SIZE_MAX + 1, '#');
        g_autoptr(GError) error = NULL;
        Settings s;

        assert_accepted(settings_parse(text, SETTINGS_SIZE_MAX, &s, &error), &error, "64 KiB");
        assert_refused(settings_parse(text, SETTINGS_SIZE_MAX + 1, &s, &error), &error, L4_ERROR_INVALID_SPEC,
                       "line 1, column 1: the text has 65537 bytes; at most 65536", "64 KiB + 1");
}

static void test_the_example_has_every_key_with_its_default(void)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;
        const char *name, *fallback;
        Settings s;
        size_t size, n = 0;

        g_assert_true(g_file_get_contents(g_getenv("MANAGER_YAML"), &text, &size, &error));
        assert_accepted(settings_parse(text, size, &s, &error), &error, "the example");
        g_assert_true(equal(&s, &standard));
        for (; settings_key(n, &name, &fallback); n++) {
                g_autofree char *line = g_strdup_printf("\n# %s: %s\n", name, fallback);

                if (!strstr(text, line))
                        g_error("not in the example:%s", line);
        }
        g_assert_cmpuint(n, ==, 8);
}

/* The example with every key taken out of its comment is a file that says the same. */
static void test_the_example_without_comments_is_the_defaults(void)
{
        g_autofree char *text = NULL, *bare = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GRegex) key = g_regex_new("^# ([a-z-]+: [0-9A-Z-]+)$", G_REGEX_MULTILINE, 0, NULL);
        Settings s;

        g_assert_true(g_file_get_contents(g_getenv("MANAGER_YAML"), &text, NULL, &error));
        bare = g_regex_replace(key, text, -1, 0, "\\1", 0, &error);
        g_assert_cmpstr(bare, !=, text);
        assert_accepted(settings_parse(bare, strlen(bare), &s, &error), &error, bare);
        g_assert_true(equal(&s, &standard));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/settings/defaults", test_defaults);
        g_test_add_func("/settings/ends", test_every_key_at_its_ends);
        g_test_add_func("/settings/hostile", test_hostile_settings);
        g_test_add_func("/settings/size", test_64_kib_and_no_more);
        g_test_add_func("/settings/example", test_the_example_has_every_key_with_its_default);
        g_test_add_func("/settings/example-without-comments",
                        test_the_example_without_comments_is_the_defaults);
        return g_test_run();
}
