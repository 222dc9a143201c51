/* The tables of verbs and options hold together, say in the man page what they say here, and parse as they
 * promise. */
#include "ctl/verbs.h"

#include <string.h>

static char *read_stream(FILE *stream)
{
        GString *text = g_string_new(NULL);
        char buffer[4096];
        size_t n;

        rewind(stream);
        while ((n = fread(buffer, 1, sizeof(buffer), stream)) > 0)
                g_string_append_len(text, buffer, (gssize)n);
        (void)fclose(stream);
        return g_string_free(text, FALSE);
}

static void test_table_is_sound(void)
{
        for (const Verb *v = verbs; v->name; v++) {
                g_autofree char *title = verb_title(v), *problem = NULL;
                g_auto(GStrv) words = g_strsplit(title, " ", -1);
                size_t used;

                g_test_message("%s", title);
                g_assert_nonnull(v->run);
                g_assert_nonnull(v->help);
                g_assert_cmpuint(v->args_min, <=, v->args_max);
                g_assert_true((v->args_max == 0) == (*v->args == '\0'));
                g_assert_cmpuint(v->options & TAKES_ALWAYS, ==, 0);
                g_assert_true(verb_find(words, g_strv_length(words), &used, &problem) == v);
                g_assert_cmpuint(used, ==, g_strv_length(words));
        }
        for (OptionId id = 0; id < _OPTION_MAX; id++) {
                g_assert_nonnull(options[id].name);
                g_assert_nonnull(options[id].help);
                g_assert_true((options[id].argument == ARGUMENT_NONE) == (options[id].value == NULL));
        }
}

/* "*blueprint show* NAME" in the source of the page, "*--json*" or "*--json*=" for an option. */
static void test_man_page_names_all(void)
{
        g_autofree char *page = NULL;

        g_assert_true(g_file_get_contents(g_getenv("MAN_PAGE"), &page, NULL, NULL));
        for (const Verb *v = verbs; v->name; v++) {
                g_autofree char *title = verb_title(v), *text = g_strdup_printf("\n*%s*", title);

                g_test_message("%s", title);
                g_assert_nonnull(strstr(page, text));
        }
        for (OptionId id = 0; id < _OPTION_MAX; id++) {
                g_autofree char *text = g_strdup_printf("*--%s", options[id].name);

                g_test_message("%s", options[id].name);
                g_assert_nonnull(strstr(page, text));
        }
}

static void test_help_names_all(void)
{
        FILE *stream = tmpfile();
        g_autofree char *help = NULL;

        print_help(stream);
        help = read_stream(stream);
        for (const Verb *v = verbs; v->name; v++) {
                g_autofree char *title = verb_title(v), *text = g_strdup_printf("\n  %s ", title);

                g_assert_nonnull(strstr(help, text));
        }
}

/* What bash offers for the words of a line, the last of which is being written. */
static char *complete(const char *script, const char *words, int position)
{
        g_autofree char *command =
                g_strdup_printf("%s\nCOMP_WORDS=(left4mectl %s)\nCOMP_CWORD=%d\n_left4mectl\n"
                                "echo \" ${COMPREPLY[*]} \"",
                                script, words, position);
        const char *argv[] = {"bash", "-c", command, NULL};
        char *out = NULL;
        int status;

        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL,
                                   &status, NULL));
        g_assert_cmpint(status, ==, 0);
        return out;
}

static void test_completion(void)
{
        static const struct {
                const char *words;
                int position;
                const char *offered, *not_offered;
        } cases[] = {
                {"''", 1, " start ", " clone "},
                {"st", 1, " status ", " list "},
                {"bluep", 1, " blueprint ", " list "},
                {"blueprint ''", 2, " clone ", " start "},
                {"blueprint cl", 2, " clone ", " list "},
                {"start --", 2, " --only-now ", " --autostart "},
                {"blueprint set --o", 3, " --overlay= ", " --only-now "},
                {"--no-legend overlay import --me", 4, " --merge ", " --global "},
                {"can server-c", 2, " server-control ", " install "},
                {"-f x initialize --fi", 4, " --file= ", " --format= "},
        };
        FILE *stream = tmpfile();
        g_autofree char *script = NULL;

        print_completion(stream);
        script = read_stream(stream);
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *out = complete(script, cases[i].words, cases[i].position);

                g_test_message("%s: %s", cases[i].words, out);
                g_assert_nonnull(strstr(out, cases[i].offered));
                g_assert_null(strstr(out, cases[i].not_offered));
        }
}

static int parse(Ctl *ctl, const char *line, char ***ret_args)
{
        static char **words;
        char *full = g_strconcat("left4mectl ", line, NULL);

        g_strfreev(words);
        words = g_strsplit(full, " ", -1);
        g_free(full);
        *ctl = (Ctl){.ask_password = true, .output = {.legend = true, .local_users = true}};
        return parse_command_line(ctl, (int)g_strv_length(words), words, ret_args);
}

static void test_parse_good(void)
{
        char **args;
        Ctl ctl;

        g_assert_cmpint(parse(&ctl, "status alpha --json", &args), ==, EXIT_OK);
        g_assert_cmpstr(ctl.verb->name, ==, "status");
        g_assert_cmpstr(args[0], ==, "alpha");
        g_assert_null(args[1]);
        g_assert_cmpint(ctl.output.json, ==, JSON_SHORT);

        g_assert_cmpint(parse(&ctl, "--json=pretty overlay files maps cfg", &args), ==, EXIT_OK);
        g_assert_cmpstr(ctl.verb->group, ==, "overlay");
        g_assert_cmpstr(args[1], ==, "cfg");
        g_assert_cmpint(ctl.output.json, ==, JSON_PRETTY);

        g_assert_cmpint(parse(&ctl, "create a b --port 65535 --autostart", &args), ==, EXIT_OK);
        g_assert_cmpuint(ctl.port, ==, 65535);
        g_assert_true(ctl.autostart);

        g_assert_cmpint(parse(&ctl, "initialize alpha -f spec.yaml", &args), ==, EXIT_OK);
        g_assert_cmpstr(ctl.file, ==, "spec.yaml");

        g_assert_cmpint(parse(&ctl, "-H me@host --no-ask-password delete -y -- -strange", &args), ==,
                        EXIT_OK);
        g_assert_cmpint(ctl.transport, ==, TRANSPORT_REMOTE);
        g_assert_cmpstr(ctl.host, ==, "me@host");
        g_assert_false(ctl.ask_password);
        g_assert_false(ctl.output.local_users);
        g_assert_true(ctl.yes);
        g_assert_cmpstr(args[0], ==, "-strange");

        g_assert_cmpint(parse(&ctl, "blueprint set b --overlay=x --overlay= --overlay=y --config=", &args),
                        ==, EXIT_OK);
        g_assert_cmpuint(ctl.overlays->len, ==, 1);
        g_assert_cmpstr(ctl.overlays->pdata[0], ==, "y");
        g_assert_cmpuint(ctl.config->len, ==, 0);
        g_assert_null(ctl.arguments);
        g_ptr_array_unref(ctl.overlays);
        g_ptr_array_unref(ctl.config);
}

static void test_parse_bad(void)
{
        static const char *const lines[] = {
                "",
                "nothing",
                "blueprint",
                "blueprint nothing",
                "list extra",
                "start",
                "status --only-now",
                "create a",
                "create a b c",
                "create a b --port 0",
                "create a b --port 65536",
                "create a b --port x",
                "create a b --port=+1",
                "list --json=yaml",
                "overlay import a b --format=rar",
                "list --host=",
                "list -M -x",
                "list -H a -M b",
                "list --nothing",
                "job wait",
                "can",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
                char **args;
                Ctl ctl;

                g_test_message("%s", lines[i]);
                g_assert_cmpint(parse(&ctl, lines[i], &args), ==, EXIT_USAGE);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ctl/grammar/table-is-sound", test_table_is_sound);
        g_test_add_func("/ctl/grammar/man-page-names-all", test_man_page_names_all);
        g_test_add_func("/ctl/grammar/help-names-all", test_help_names_all);
        g_test_add_func("/ctl/grammar/completion", test_completion);
        g_test_add_func("/ctl/grammar/parse-good", test_parse_good);
        g_test_add_func("/ctl/grammar/parse-bad", test_parse_bad);
        return g_test_run();
}
