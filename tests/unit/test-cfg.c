/* The config layer: lines that are refused, the order of what is written, and what is shown of secrets. */
#include "hostile.h"
#include "plan/cfg.h"

#define SETS "which the manager sets"

static const struct {
        const char *line, *part;
} hostile[] = {
        {"rcon_password x", "rcon_password, " SETS},
        {"rcon_password", SETS},
        {"RCON_PASSWORD x", SETS},
        {"Rcon_Password \"x\"", SETS},
        {"\"rcon_password\" x", SETS},
        {"\"rcon_password\" \"x\"", SETS},
        {"  rcon_password x", SETS},
        {"\"\"rcon_password x", SETS},
        {";rcon_password x", SETS},
        {"a;rcon_password y", SETS},
        {"a; rcon_password y", SETS},
        {"a ;\"rcon_password\" y", SETS},
        {"say \"a;b\";rcon_password y", SETS},
        {"say \"a;rcon_password b\"", SETS},
        {"hostname x;;;rcon_password y", SETS},
        {"rcon_password;x", SETS},
        {"rcon_password\"x\"", SETS},
        {"rcon_\"password\" x", SETS},
        {"\"rcon\"\"_password\" x", SETS},
        {"r\"con_passwor\"d x", SETS},
        {"rcon_password{x", SETS},
        {"{rcon_password x", SETS},
        {"(rcon_password) x", SETS},
        {"rcon_password:x", SETS},
        {"rcon_password,x", SETS},
        {"'rcon_password' x", SETS},
        {"rcon_password=x", SETS},
        {"alias a \"rcon_password x\"", SETS},
        {"alias rcon_password \"echo\"", SETS},
        {"alias \"rcon_password\" \"\"", SETS},
        {"alias a rcon_password", SETS},
        {"alias a \"alias rcon_password echo\"", SETS},
        {"sm_cvar rcon_password x", SETS},
        {"sm_rcon \"rcon_password x\"", SETS},
        {"setinfo rcon_password x", SETS},
        {"toggle rcon_password", SETS},
        {"incrementvar rcon_password 0 1 1", SETS},
        {"// rcon_password x", SETS},
        {"//rcon_password", SETS},
        {"hostname x // rcon_password y", SETS},
        {"echo \"//\";rcon_password y", SETS},
        {"echo / / ;rcon_password y", SETS},
        {"/rcon_password y", SETS},
        {"+rcon_password y", SETS},
        {"-rcon_password y", SETS},
        {"\xc3\xa9rcon_password y", SETS},
        {"bind x \"rcon_password y\"", SETS},
        {"wait;wait;rcon_password y", SETS},
        {"servercfgfile x.cfg", "servercfgfile, " SETS},
        {"SERVERCFGFILE x", SETS},
        {"\"servercfgfile\" \"x\"", SETS},
        {"a;servercfgfile x", SETS},
        {"lservercfgfile x", "lservercfgfile, " SETS},
        {"hostport 27099", "hostport, " SETS},
        {"HostPort 27099", SETS},
        {"a;\"hostport\" 27099", SETS},
        {"hostip 10.0.0.1", "hostip, " SETS},
        {"alias x \"hostip 1\"", SETS},
        {"ip 10.0.0.1", "ip, " SETS},
        {"IP 10.0.0.1", SETS},
        {"  ip 1", SETS},
        {"\"ip\" 1", SETS},
        {"a;ip 1", SETS},
        {"a; \"ip\" 1", SETS},
        {"ip", SETS},
        {"ip;a", SETS},
        {"alias x ip", SETS},
        {"alias ip \"\"", SETS},
        {"ALIAS x \"ip 1\"", SETS},
        {"a;alias x \"ip 1\"", SETS},
        {"hostname a\nrcon_password b", "control character"},
        {"a\nb", "control character"},
        {"\n", "control character"},
        {"a\r", "control character"},
        {"a\rrcon_password b", "control character"},
        {"a\tb", "control character"},
        {"a\vb", "control character"},
        {"a\fb", "control character"},
        {"\x01", "control character"},
        {"a\x08", "control character"},
        {"\x1b[2J", "control character"},
        {"\x7f", "control character"},
        {"\xc2\x85", "control character"},
        {"\xc2\x9b", "control character"},
        {"\xe2\x80\xa8", "control character"},
        {"\xe2\x80\xa9", "control character"},
        {"\xe2\x80\xae", "control character"},
        {"\xe2\x81\xa9", "control character"},
        {"\xff", "not UTF-8"},
        {"a\xc3", "not UTF-8"},
        {"\xc0\x8arcon", "not UTF-8"},
        {"\xed\xa0\x80", "not UTF-8"},
        {"hostname \"x", "quote that is not closed"},
        {"\"", "quote that is not closed"},
        {"say \"a\" \"", "quote that is not closed"},
        {"say \"\"\"", "quote that is not closed"},
        {"// the 5\" one", "quote that is not closed"},
        {"hostname \"a\\\"b\"", "quote that is not closed"},
};

static void test_hostile_lines(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
                const char *const config[] = {"sv_lan 0", hostile[i].line, "sv_cheats 0", NULL};
                g_autoptr(GError) error = NULL;

                assert_refused(config_line_check(hostile[i].line, &error), &error, L4_ERROR_INVALID_SPEC,
                               hostile[i].part, hostile[i].line);
                assert_refused(config_check(config, &error), &error, L4_ERROR_INVALID_SPEC,
                               "config line 2: ", hostile[i].line);
        }
}

static const char *const ordinary[] = {
        "",
        " ",
        "hostname \"My Server | IP and port below\"",
        "sv_password \"x y\"",
        "sv_password x",
        "mp_gamemode versus;sv_lan 0",
        "alias x \"say hi; say ho\"",
        "exec tournament.cfg",
        "sm_cvar z_tank_health 8000",
        "// a comment; with parts",
        "motd_enabled 0",
        "say \"join us at ip 1.2.3.4\"",
        "sm_rcon_password_x 1",
        "xrcon_password 1",
        "rcon_passwords 1",
        "hostports 1",
        "ipx 1",
        "skip 1",
        "say ip",
        "caf\xc3\xa9 1",
        "sv_region 255",
        "sv_tags \"a,b\"",
        "hostfile motd.txt",
        "log on",
        "say 'it is'",
        "echo \"\"",
};

static void test_ordinary_lines(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(ordinary); i++) {
                g_autoptr(GError) error = NULL;

                assert_accepted(config_line_check(ordinary[i], &error), &error, ordinary[i]);
        }
}

static void test_no_reason_repeats_a_value(void)
{
        static const char *const lines[] = {"rcon_password hunter2", "sv_password \"hunter2",
                                            "sv_password hunter2\n", "x hunter2;ip 1",
                                            "alias rcon_password hunter2"};

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(config_line_check(lines[i], &error));
                g_assert_null(strstr(error->message, "hunter2"));
        }
}

static void assert_file(const GPtrArray *files, unsigned i, const char *path, const char *content)
{
        const CfgFile *f = g_ptr_array_index(files, i);
        g_autofree char *text = g_strndup(g_bytes_get_data(f->content, NULL), g_bytes_get_size(f->content));

        g_assert_cmpstr(f->path, ==, path);
        g_assert_cmpstr(text, ==, content);
}

static void test_lowest_overlay_first_password_last(void)
{
        g_autoptr(GBytes) low = g_bytes_new_static("rcon_password low\n", 18);
        g_autoptr(GBytes) high = g_bytes_new_static("hostname high", 13);
        const CfgFragment fragments[] = {{"base-maps", low}, {"tournament", high}};
        static const char *const config[] = {"hostname mine", "", "   ", "sv_password x", NULL};
        g_autoptr(GPtrArray) files = cfg_render(fragments, 2, config, "s3cret");

        g_assert_cmpuint(files->len, ==, 3);
        assert_file(files, 0, "left4dead2/cfg/left4me/server.cfg",
                    "// Written by left4me at every start; changes here are lost.\n"
                    "exec left4me/overlay-base-maps.cfg\n"
                    "exec left4me/overlay-tournament.cfg\n"
                    "hostname mine\n"
                    "sv_password x\n"
                    "rcon_password \"s3cret\"\n");
        assert_file(files, 1, "left4dead2/cfg/left4me/overlay-base-maps.cfg", "rcon_password low\n");
        assert_file(files, 2, "left4dead2/cfg/left4me/overlay-tournament.cfg", "hostname high");
}

static void test_nothing_but_a_password(void)
{
        static const char *const none[] = {NULL};
        g_autoptr(GPtrArray) files = cfg_render(NULL, 0, none, "x");

        g_assert_cmpuint(files->len, ==, 1);
        assert_file(files, 0, "left4dead2/cfg/left4me/server.cfg",
                    "// Written by left4me at every start; changes here are lost.\nrcon_password \"x\"\n");
        g_assert_null(cfg_file_free(NULL));
}

static const struct {
        const char *text, *shown;
} masks[] = {
        {"", ""},
        {"hostname x", "hostname x"},
        {"rcon_password x", "rcon_password ***"},
        {"rcon_password \"x y\"", "rcon_password \"***\""},
        {"RCON_PASSWORD x", "RCON_PASSWORD ***"},
        {"Rcon_Password \"x\"", "Rcon_Password \"***\""},
        {"\"rcon_password\" x", "\"rcon_password\" ***"},
        {"\"rcon_password\" \"x\"", "\"rcon_password\" \"***\""},
        {"\"rcon_password\"\"x\"", "\"rcon_password\"\"***\""},
        {"rcon_password\"x\"", "rcon_password\"***\""},
        {"rcon_password\tx", "rcon_password\t***"},
        {"rcon_password   x", "rcon_password   ***"},
        {"rcon_password", "rcon_password"},
        {"rcon_password\n", "rcon_password\n"},
        {"rcon_password \n", "rcon_password \n"},
        {"rcon_password;hostname x", "rcon_password;hostname x"},
        {"rcon_password x;hostname y", "rcon_password ***;hostname y"},
        {"rcon_password x ; hostname y", "rcon_password ***; hostname y"},
        {"rcon_password \"a;b\";hostname y", "rcon_password \"***\";hostname y"},
        {"rcon_password \"a;b\" c;hostname y", "rcon_password \"***\";hostname y"},
        {"rcon_password a\"b;c\"d;hostname y", "rcon_password ***;hostname y"},
        {"rcon_password \"a;b", "rcon_password \"***\""},
        {"rcon_password \"a;b\nhostname y", "rcon_password \"***\"\nhostname y"},
        {"rcon_password a b c\nhostname y\n", "rcon_password ***\nhostname y\n"},
        {"rcon_password x\r\nhostname y\r\n", "rcon_password ***\nhostname y\r\n"},
        {"a;rcon_password x", "a;rcon_password ***"},
        {"a;b;sv_password x;c;rcon_password \"y;z\";d", "a;b;sv_password ***;c;rcon_password \"***\";d"},
        {"hostname \"a;b\";sv_password x", "hostname \"a;b\";sv_password ***"},
        {"sv_password x\nrcon_password y", "sv_password ***\nrcon_password ***"},
        {"sv_password //x", "sv_password ***"},
        {"// sv_password x", "// sv_password ***"},
        {"// \"; sv_password \"a;b\"", "// \"; sv_password \"***\""},
        {"// it's 5\" sv_password x;y", "// it's 5\" sv_password ***"},
        {"alias a \"sv_password x; hostname y\"", "alias a \"sv_password ***"},
        {"alias a \"sv_password x\";hostname y\nhostname z", "alias a \"sv_password ***\nhostname z"},
        {"sm_cvar sv_password x", "sm_cvar sv_password ***"},
        {"setinfo \"sv_password\" \"x\"", "setinfo \"sv_password\" \"***\""},
        {"+sv_password x", "+sv_password ***"},
        {"sv_password=x", "sv_password***"},
        {"sv_password:x", "sv_password***"},
        {"sv_password{x", "sv_password***"},
        {"tv_password x", "tv_password ***"},
        {"tv_relaypassword x", "tv_relaypassword ***"},
        {"sm_db_passwd x", "sm_db_passwd ***"},
        {"my_token x", "my_token ***"},
        {"TokenFile x", "TokenFile ***"},
        {"webhook_secret x", "webhook_secret ***"},
        {"steam_api_key x", "steam_api_key ***"},
        {"STEAM_API_KEY x", "STEAM_API_KEY ***"},
        {"apikey x", "apikey ***"},
        {"authkey x", "authkey ***"},
        {"db_pass x", "db_pass ***"},
        {"sv_setsteamaccount ABC", "sv_setsteamaccount ***"},
        {"sv_setsteamaccounts ABC", "sv_setsteamaccounts ABC"},
        {"key x", "key x"},
        {"bind_keys x", "bind_keys x"},
        {"compass x", "compass x"},
        {"sv_pass_x y", "sv_pass_x y"},
        {"monkey x", "monkey x"},
        {"hostname \"caf\xc3\xa9\"", "hostname \"caf\xc3\xa9\""},
        {"hostname \xff", "hostname \xef\xbf\xbd"},
        {"sv_password \xff\xfe", "sv_password ***"},
        {"\n\n", "\n\n"},
};

static void test_masks(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(masks); i++) {
                g_autofree char *shown = cfg_mask(masks[i].text, strlen(masks[i].text));

                g_assert_cmpstr(shown, ==, masks[i].shown);
        }
}

static void test_a_mask_ends_with_its_text(void)
{
        g_autofree char *cut = cfg_mask("sv_password hunter2", 14), *none = cfg_mask("x", 0);
        g_autofree char *nul = cfg_mask("a\0sv_password hunter2", 21);

        g_assert_cmpstr(cut, ==, "sv_password ***");
        g_assert_cmpstr(none, ==, "");
        g_assert_null(strstr(nul, "hunter2"));
        g_assert_true(g_str_has_suffix(nul, "sv_password ***"));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cfg/hostile", test_hostile_lines);
        g_test_add_func("/cfg/ordinary", test_ordinary_lines);
        g_test_add_func("/cfg/no-values-in-reasons", test_no_reason_repeats_a_value);
        g_test_add_func("/cfg/order", test_lowest_overlay_first_password_last);
        g_test_add_func("/cfg/empty", test_nothing_but_a_password);
        g_test_add_func("/cfg/masks", test_masks);
        g_test_add_func("/cfg/mask-size", test_a_mask_ends_with_its_text);
        return g_test_run();
}
