/* The command line: what authors may add, in every spelling of what they may not, and what is built of it. */
#include "hostile.h"
#include "plan/argv.h"

#define MANAGER "is set by the manager"
#define RUNS "changes what srcds_run executes or updates"
#define LIFE "changes how the game is stopped, restarted or multiplied"
#define SECRET "would put a secret on the command line"
#define CONSOLE "opens a console without a password"
#define SYNTAX "is not a switch"
#define NAMES "which the manager sets"
#define CHARACTER "has the character "

/* Each is tried in every spelling below. */
static const struct {
        const char *name, *part;
} reserved[] = {
        {"game", MANAGER},
        {"vproject", MANAGER},
        {"basedir", MANAGER},
        {"defaultgamedir", MANAGER},
        {"ip", MANAGER},
        {"port", MANAGER},
        {"hostip", MANAGER},
        {"hostport", MANAGER},
        {"strictportbind", MANAGER},
        {"norestart", MANAGER},
        {"servercfgfile", MANAGER},
        {"lservercfgfile", MANAGER},
        {"rcon_password", MANAGER},
        {"binary", RUNS},
        {"gdb", RUNS},
        {"debug", RUNS},
        {"debuglog", RUNS},
        {"pidfile", RUNS},
        {"autoupdate", RUNS},
        {"beta", RUNS},
        {"steam_dir", RUNS},
        {"steambin", RUNS},
        {"steamcmd_script", RUNS},
        {"steamerr", RUNS},
        {"steamuser", RUNS},
        {"steampass", RUNS},
        {"insert_search_path", RUNS},
        {"help", RUNS},
        {"restart", LIFE},
        {"timeout", LIFE},
        {"ignoresigint", LIFE},
        {"notrap", LIFE},
        {"fork", LIFE},
        {"norcon", LIFE},
        {"netconport", CONSOLE},
        {"netconpassword", CONSOLE},
        {"sv_password", SECRET},
        {"tv_password", SECRET},
        {"sv_setsteamaccount", SECRET},
        {"authkey", SECRET},
        {"sm_api_key", SECRET},
        {"token", SECRET},
};

static char *upper(const char *s)
{
        return g_ascii_strup(s, -1);
}

static char *mixed(const char *s)
{
        char *m = g_strdup(s);

        for (size_t i = 0, n = strlen(m); i < n; i += 2)
                m[i] = g_ascii_toupper(m[i]);
        return m;
}

static void refuse_one(const char *argument, const char *part)
{
        const char *const alone[] = {argument, NULL};
        const char *const last[] = {"-maxplayers", "8", argument, "value", NULL};
        g_autoptr(GError) error = NULL;
        size_t index = 99;

        assert_refused(arguments_check(alone, &error), &error, L4_ERROR_INVALID_SPEC, part, argument);
        assert_refused(arguments_check(last, &error), &error, L4_ERROR_INVALID_SPEC,
                       "argument 3: ", argument);
        assert_refused(arguments_check_at(last, &index, &error), &error, L4_ERROR_INVALID_SPEC, part,
                       argument);
        g_assert_cmpuint(index, ==, 2);
}

static void test_reserved_in_every_spelling(void)
{
        static const char *const formats[] = {
                "-%s",       "+%s",    "--%s",     "++%s",     "-+%s",        "+-%s",      "---%s",
                "-%s=27099", "+%s=1",  "--%s=1",   "-%s:1",    "+%s:1",       "-%s 27099", "+%s x",
                "-%s\t1",    "-%s\n1", "-%s;quit", "+%s\"x\"", "-%s'",        "-%s,",      "-%s.",
                "-%s/",      "-%s\\",  "-%s\x01",  "-%s\xff",  "-%s\xc2\xa0",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(reserved); i++) {
                g_autofree char *loud = upper(reserved[i].name), *both = mixed(reserved[i].name);
                const char *const cases[] = {reserved[i].name, loud, both};

                for (size_t f = 0; f < G_N_ELEMENTS(formats); f++)
                        for (size_t c = 0; c < G_N_ELEMENTS(cases); c++) {
                                g_auto(GStrv) parts = g_strsplit(formats[f], "%s", 2);
                                g_autofree char *argument = g_strconcat(parts[0], cases[c], parts[1], NULL);

                                refuse_one(argument, reserved[i].part);
                        }
        }
}

static const struct {
        const char *argument, *part;
} hostile[] = {
        {"", "empty argument"},
        {" ", "blank"},
        {"a b", "blank"},
        {" -maxplayers", "blank"},
        {"-maxplayers ", SYNTAX},
        {"8 -port 27099", "blank"},
        {"x +rcon_password y", NAMES},
        {"8 ", "blank"},
        {"-insecure -port 1", SYNTAX},
        {"+map c1m1_hotel", SYNTAX},
        {"+hostname My", SYNTAX},
        {"x;rcon_password y", NAMES},
        {"x;quit", CHARACTER ";"},
        {";", CHARACTER ";"},
        {"8;", CHARACTER ";"},
        {"+exec;x", SYNTAX},
        {"+exec x;rcon_password y", SYNTAX},
        {"+sv_lan;quit", SYNTAX},
        {"\"", CHARACTER "\""},
        {"\"-port\"", CHARACTER "\""},
        {"a\"b", CHARACTER "\""},
        {"-\"port\"", SYNTAX},
        {"\"+rcon_password\"", NAMES},
        {"'", CHARACTER "'"},
        {"'-port'", CHARACTER "'"},
        {"it's", CHARACTER "'"},
        {"`id`", CHARACTER "`"},
        {"$(id)", CHARACTER "$"},
        {"$HOME", CHARACTER "$"},
        {"\\", CHARACTER "\\"},
        {"a\\", CHARACTER "\\"},
        {"\\-port", CHARACTER "\\"},
        {"*", CHARACTER "*"},
        {"/etc/*", CHARACTER "*"},
        {"?port", CHARACTER "?"},
        {"[-]port", CHARACTER "["},
        {"a&b", CHARACTER "&"},
        {"a|b", CHARACTER "|"},
        {"<x", CHARACTER "<"},
        {">x", CHARACTER ">"},
        {"8>&1", CHARACTER ">"},
        {"@", "starts with '@'"},
        {"@args.txt", "starts with '@'"},
        {"@/etc/passwd", "starts with '@'"},
        {"+@x", SYNTAX},
        {"-@x", SYNTAX},
        {"-", SYNTAX},
        {"+", SYNTAX},
        {"--", SYNTAX},
        {"++", SYNTAX},
        {"-+", SYNTAX},
        {"--foo", SYNTAX},
        {"++foo", SYNTAX},
        {"-foo=bar", SYNTAX},
        {"-foo-bar", SYNTAX},
        {"+foo.bar", SYNTAX},
        {"-fo\xc3\xb6", SYNTAX},
        {"-/port", SYNTAX},
        {"+{x", SYNTAX},
        {"-(", SYNTAX},
        {"--1", SYNTAX},
        {"+-1", SYNTAX},
        {"-1a-b", SYNTAX},
        {"a\nb", "control character"},
        {"\n", "control character"},
        {"a\n-port", "control character"},
        {"a\r", "control character"},
        {"a\tb", "control character"},
        {"\t", "control character"},
        {"a\vb", "control character"},
        {"\x01", "control character"},
        {"\x1b[31m", "control character"},
        {"a\x7f", "control character"},
        {"\xc2\x85", "control character"},
        {"\xe2\x80\xa8", "control character"},
        {"\xe2\x80\xae", "control character"},
        {"\xff", "not UTF-8"},
        {"a\xc3", "not UTF-8"},
        {"\xc0\xad"
         "port",
         "not UTF-8"},
        {"\xed\xa0\x80", "not UTF-8"},
        {"rcon_password", NAMES},
        {"RCON_Password", NAMES},
        {"hostport", NAMES},
        {"servercfgfile", NAMES},
        {"(rcon_password)", NAMES},
        {"rcon_password=x", NAMES},
        {"x,rcon_password", NAMES},
        {"rcon_\"password\"", NAMES},
        {"sv_password", SECRET},
        {"SV_PASSWORD", SECRET},
};

static void test_hostile_words(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++)
                refuse_one(hostile[i].argument, hostile[i].part);
}

static void test_no_reason_repeats_a_value(void)
{
        static const char *const secrets[] = {"+rcon_password=hunter2",
                                              "+sv_password hunter2",
                                              "-steampass\thunter2",
                                              "x;rcon_password hunter2",
                                              "hunter2;",
                                              "hunter2 ",
                                              "\"hunter2\"",
                                              "-authkey=hunter2",
                                              "@hunter2",
                                              "hunter2\n",
                                              "+tv_password\"hunter2\""};

        for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++) {
                const char *const arguments[] = {secrets[i], NULL};
                g_autoptr(GError) error = NULL;

                g_assert_false(arguments_check(arguments, &error));
                g_assert_null(strstr(error->message, "hunter2"));
        }
}

/* Lists in a row, each ended by NULL. */
static void test_map_once_and_with_a_map(void)
{
        static const struct {
                const char *arguments[6];
                const char *part;
                size_t index;
        } cases[] = {
                {{"+map", NULL}, "'+map' without a map", 0},
                {{"+map", "-maxplayers", "8", NULL}, "'+map' without a map", 0},
                {{"+map", "+exec", "x", NULL}, "'+map' without a map", 0},
                {{"-insecure", "+MAP", NULL}, "'+map' without a map", 1},
                {{"+map", "a", "+map", "b", NULL}, "a second '+map'", 2},
                {{"+map", "a", "+Map", "b", NULL}, "a second '+map'", 2},
                {{"+MAP", "a", "-x", "+map", "a", NULL}, "a second '+map'", 3},
                {{"+map", "", NULL}, "empty argument", 1},
                {{"+map", "a;b", NULL}, CHARACTER ";", 1},
                {{"+map", "a b", NULL}, "blank", 1},
                {{"+map", "@a", NULL}, "starts with '@'", 1},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                size_t index = 99;

                assert_refused(arguments_check_at(cases[i].arguments, &index, &error), &error,
                               L4_ERROR_INVALID_SPEC, cases[i].part, cases[i].part);
                g_assert_cmpuint(index, ==, cases[i].index);
        }
}

static const char *const ordinary[] = {
        "-maxplayers",
        "8",
        "-tickrate",
        "100",
        "-insecure",
        "-nomaster",
        "-condebug",
        "-console",
        "-nohltv",
        "+mp_gamemode",
        "versus",
        "+sv_gametypes",
        "coop,versus",
        "+exec",
        "tournament.cfg",
        "+sv_lan",
        "0",
        "+sv_rate",
        "-5",
        "+sm_offset",
        "-1.5",
        "+sv_region",
        "255",
        "-heapsize",
        "1048576",
        "-NoBots",
        "+hostname",
        "caf\xc3\xa9",
        "(a)",
        "{b}",
        "a=b",
        "~x",
        "50%",
        "#1",
        "http://example.org/x",
        "a@b",
        "!",
        "port",
        "ip",
        "game",
        "+map",
        "c5m1_waterfront",
        "+mapcycle",
        "x",
        "-portable",
        "+ipx",
        "-gamestats",
};

static void test_ordinary_arguments_pass_and_stay_in_order(void)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new();
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) argv = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(ordinary); i++)
                g_ptr_array_add(list, (gpointer)ordinary[i]);
        g_ptr_array_add(list, NULL);
        assert_accepted(arguments_check((const char *const *)list->pdata, &error), &error, "ordinary");
        argv = argv_build(27015, (const char *const *)list->pdata);
        g_assert_cmpuint(g_strv_length(argv), ==, 11 + list->len - 1);
        for (size_t i = 0; i + 1 < list->len; i++)
                g_assert_cmpstr(argv[11 + i], ==, list->pdata[i]);
}

static void test_argv(void)
{
        static const char *const none[] = {NULL}, *const some[] = {"-maxplayers", "8", NULL},
                                 *const map[] = {"+MAP", "c2m1_highway", "-insecure", NULL};
        static const struct {
                uint16_t port;
                const char *const *arguments;
                const char *joined;
        } cases[] = {
                {27015, none,
                 "./srcds_run -game left4dead2 -strictportbind -ip 0.0.0.0 -port 27015 -norestart "
                 "+servercfgfile "
                 "left4me/server.cfg +map c1m1_hotel"},
                {1, some,
                 "./srcds_run -game left4dead2 -strictportbind -ip 0.0.0.0 -port 1 -norestart +servercfgfile "
                 "left4me/server.cfg -maxplayers 8 +map c1m1_hotel"},
                {65535, map,
                 "./srcds_run -game left4dead2 -strictportbind -ip 0.0.0.0 -port 65535 -norestart "
                 "+servercfgfile "
                 "left4me/server.cfg +MAP c2m1_highway -insecure"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(GStrv) argv = argv_build(cases[i].port, cases[i].arguments);
                g_autofree char *joined = g_strjoinv(" ", argv);

                g_assert_cmpstr(joined, ==, cases[i].joined);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/argv/reserved", test_reserved_in_every_spelling);
        g_test_add_func("/argv/hostile", test_hostile_words);
        g_test_add_func("/argv/no-values-in-reasons", test_no_reason_repeats_a_value);
        g_test_add_func("/argv/map", test_map_once_and_with_a_map);
        g_test_add_func("/argv/ordinary", test_ordinary_arguments_pass_and_stay_in_order);
        g_test_add_func("/argv/build", test_argv);
        return g_test_run();
}
