/* The command line against the tables of verbs.h. Touches the standard streams, to say what is wrong with it.
 */
#include "ctl/verbs.h"

#include <getopt.h>
#include <string.h>

/* Values of long options, out of the way of the letters of short ones. */
#define LONG_BASE 0x100

static int usage(const char *format, ...) G_GNUC_PRINTF(1, 2);
static int usage(const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        output_complain(NULL, text);
        return EXIT_USAGE;
}

static int parse_json(Ctl *ctl, const char *value)
{
        if (!value || strcmp(value, "short") == 0)
                ctl->output.json = JSON_SHORT;
        else if (strcmp(value, "pretty") == 0)
                ctl->output.json = JSON_PRETTY;
        else
                return usage("--json= takes short or pretty, not \"%s\".", value);
        return EXIT_OK;
}

static int parse_port(Ctl *ctl, const char *value)
{
        guint64 port;

        if (!g_ascii_string_to_unsigned(value, 10, 1, UINT16_MAX, &port, NULL))
                return usage("A port is a number from 1 to 65535, not \"%s\".", value);
        ctl->port = (uint16_t)port;
        return EXIT_OK;
}

static int parse_format(Ctl *ctl, const char *value)
{
        static const char *const formats[] = {"directory", "tar", "zip", NULL};

        if (!g_strv_contains(formats, value))
                return usage("A format is directory, tar or zip, not \"%s\".", value);
        ctl->format = value;
        return EXIT_OK;
}

static int parse_transport(Ctl *ctl, Transport transport, const char *host)
{
        if (ctl->host)
                return usage("--host= and --machine= can be given once, and not together.");
        if (*host == '\0' || *host == '-')
                return usage("\"%s\" is not a host.", host);
        ctl->transport = transport;
        ctl->host = host;
        ctl->output.local_users = false;
        return EXIT_OK;
}

/* An empty item empties the list: so that it can be replaced by nothing. */
static int parse_item(GPtrArray **list, const char *value)
{
        if (!*list)
                *list = g_ptr_array_new();
        if (*value == '\0')
                g_ptr_array_set_size(*list, 0);
        else
                g_ptr_array_add(*list, (gpointer)value);
        return EXIT_OK;
}

static bool *flag_of(Ctl *ctl, OptionId id)
{
        switch (id) {
        case OPTION_YES:
                return &ctl->yes;
        case OPTION_NO_BLOCK:
                return &ctl->no_block;
        case OPTION_ONLY_NOW:
                return &ctl->only_now;
        case OPTION_AUTOSTART:
                return &ctl->autostart;
        case OPTION_GLOBAL:
                return &ctl->global;
        case OPTION_MERGE:
                return &ctl->merge;
        default:
                return NULL;
        }
}

static int parse_option(Ctl *ctl, OptionId id, const char *value)
{
        bool *flag = flag_of(ctl, id);

        if (flag) {
                *flag = true;
                return EXIT_OK;
        }

        switch (id) {
        case OPTION_HELP:
                print_help(stdout);
                return -1;
        case OPTION_VERSION:
                puts("left4mectl " PROJECT_VERSION);
                return -1;
        case OPTION_HOST:
                return parse_transport(ctl, TRANSPORT_REMOTE, value);
        case OPTION_MACHINE:
                return parse_transport(ctl, TRANSPORT_MACHINE, value);
        case OPTION_NO_ASK_PASSWORD:
                ctl->ask_password = false;
                return EXIT_OK;
        case OPTION_NO_LEGEND:
                ctl->output.legend = false;
                return EXIT_OK;
        case OPTION_JSON:
                return parse_json(ctl, value);
        case OPTION_PORT:
                return parse_port(ctl, value);
        case OPTION_FILE:
                ctl->file = value;
                return EXIT_OK;
        case OPTION_FORMAT:
                return parse_format(ctl, value);
        case OPTION_OVERLAY:
                return parse_item(&ctl->overlays, value);
        case OPTION_ARGUMENT:
                return parse_item(&ctl->arguments, value);
        case OPTION_CONFIG:
                return parse_item(&ctl->config, value);
        default:
                g_assert_not_reached();
        }
}

static void make_getopt_tables(struct option *longs, char *shorts)
{
        for (OptionId id = 0; id < _OPTION_MAX; id++) {
                static const int has_arg[] = {no_argument, required_argument, optional_argument};
                const Option *o = &options[id];

                longs[id] = (struct option){o->name, has_arg[o->argument], NULL, LONG_BASE + (int)id};
                if (o->letter) {
                        *shorts++ = o->letter;
                        if (o->argument == ARGUMENT_REQUIRED)
                                *shorts++ = ':';
                }
        }
        longs[_OPTION_MAX] = (struct option){};
        *shorts = '\0';
}

static OptionId option_of(int c)
{
        OptionId id = c >= LONG_BASE ? (OptionId)(c - LONG_BASE) : 0;

        while (c < LONG_BASE && options[id].letter != c)
                id++;
        return id;
}

static int parse_options(Ctl *ctl, int argc, char **argv, unsigned *ret_given)
{
        struct option longs[_OPTION_MAX + 1];
        char shorts[2 * _OPTION_MAX + 1];
        int c, code;

        make_getopt_tables(longs, shorts);
        optind = 0; /* getopt_long() starts anew: it is called more than once in a test */
        while ((c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
                OptionId id;

                if (c == '?')
                        return EXIT_USAGE; /* getopt_long() said why */
                id = option_of(c);
                code = parse_option(ctl, id, optarg);
                if (code != EXIT_OK)
                        return code;
                *ret_given |= TAKES(id);
        }
        return EXIT_OK;
}

static int check_options(const Verb *verb, unsigned given)
{
        unsigned wrong = given & ~(verb->options | TAKES_ALWAYS);
        g_autofree char *title = verb_title(verb);

        for (OptionId id = 0; id < _OPTION_MAX; id++)
                if (wrong & TAKES(id))
                        return usage("\"%s\" does not take --%s.", title, options[id].name);
        return EXIT_OK;
}

static int check_args(const Verb *verb, size_t n)
{
        g_autofree char *title = verb_title(verb);

        if (n < verb->args_min || n > verb->args_max)
                return usage("Too %s arguments. Usage: left4mectl %s%s%s",
                             n < verb->args_min ? "few" : "many", title, *verb->args ? " " : "", verb->args);
        return EXIT_OK;
}

int parse_command_line(Ctl *ctl, int argc, char **argv, char ***ret_args)
{
        g_autofree char *problem = NULL;
        unsigned given = 0;
        size_t used;
        int code;

        code = parse_options(ctl, argc, argv, &given);
        if (code != EXIT_OK)
                return code;

        ctl->verb = verb_find(argv + optind, (size_t)(argc - optind), &used, &problem);
        if (!ctl->verb)
                return usage("%s", problem);

        code = check_options(ctl->verb, given);
        if (code == EXIT_OK)
                code = check_args(ctl->verb, (size_t)(argc - optind) - used);
        if (code == EXIT_OK)
                *ret_args = argv + optind + used;
        return code;
}
