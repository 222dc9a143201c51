/* The command line of a game: what an author may add to it, and its building. Touches nothing; promises that
 * the words that the manager sets are there once and no word of an author is taken for one, by srcds_run (a
 * shell script that expands "$*" without quotes) or by srcds (any case; "@FILE"; '+' words become console
 * commands). */
#include "argv.h"

#include "base/error.h"
#include "cfg.h"
#include "names.h"

#include <string.h>

#define DEFAULT_MAP "c1m1_hotel"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
#define REFUSED_CHARACTERS " ;\"'`\\$*?[&|<>"

static const struct {
        const char *reason;
        const char *const names[24];
} reserved[] = {
        {"is set by the manager",
         {"game", "vproject", "basedir", "defaultgamedir", "ip", "port", "hostip", "hostport",
          "strictportbind", "norestart", "servercfgfile", "lservercfgfile", NULL}},
        {"changes what srcds_run executes or updates",
         {"binary", "gdb", "debug", "debuglog", "pidfile", "autoupdate", "beta", "steam_dir", "steambin",
          "steamcmd_script", "steamerr", "steamuser", "steampass", "insert_search_path", "help", NULL}},
        {"changes how the game is stopped, restarted or multiplied",
         {"restart", "timeout", "ignoresigint", "notrap", "fork", "norcon", NULL}},
        {"opens a console without a password", {"netconport", "netconpassword", NULL}},
};

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error_literal(error, L4_ERROR, L4_ERROR_INVALID_SPEC, text);
        return false;
}

static const char *reserved_reason(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(reserved); i++)
                for (size_t k = 0; reserved[i].names[k]; k++)
                        if (g_ascii_strcasecmp(reserved[i].names[k], name) == 0)
                                return reserved[i].reason;
        return NULL;
}

static bool is_number(const char *text)
{
        return text[0] != '\0' && strspn(text, "0123456789.") == strlen(text);
}

static bool is_switch(const char *argument)
{
        return (argument[0] == '-' || argument[0] == '+') && !is_number(argument + 1);
}

/* Reads the name as loosely as any reader of the command line could, so that "--PORT=1" is a port as well. */
static bool check_switch(const char *argument, GError **error)
{
        const char *start = argument + strspn(argument, "-+");
        size_t size = strspn(start, NAME_CHARACTERS);
        g_autofree char *name = g_strndup(start, size);
        g_autofree char *shown = text_for_message(argument, (size_t)(start - argument) + size);
        const char *reason = reserved_reason(name);

        if (reason)
                return refuse(error, "'%s' %s", shown, reason);
        if (cfg_owned_mention(name))
                return refuse(error, "'%s' is set by the manager", shown);
        if (cfg_name_is_secret(name))
                return refuse(error, "'%s' would put a secret on the command line; write it into config",
                              shown);
        if (start != argument + 1 || size == 0 || start[size] != '\0')
                return refuse(error, "'%s...' is not a switch: '-' or '+', then letters, digits and '_'",
                              shown);
        return true;
}

static bool check_characters(const char *argument, GError **error)
{
        const char *bad = strpbrk(argument, REFUSED_CHARACTERS);

        if (argument[0] == '\0')
                return refuse(error, "an empty argument");
        if (!text_is_clean(argument))
                return refuse(error, "not UTF-8, or with a control character");
        if (argument[0] == '@')
                return refuse(error, "starts with '@', by which srcds reads a file of arguments");
        if (bad && *bad == ' ')
                return refuse(error,
                              "has a blank, at which srcds_run would split it; make it two arguments, or "
                              "write it into config");
        if (bad)
                return refuse(error,
                              "has the character %c, which srcds_run or the console would take specially; "
                              "write it into config",
                              *bad);
        return true;
}

static bool check_value(const char *argument, GError **error)
{
        if (cfg_owned_mention(argument))
                return refuse(error, "names %s, which the manager sets", cfg_owned_mention(argument));
        if (g_ascii_strcasecmp(argument, "sv_password") == 0)
                return refuse(error, "would put a secret on the command line; write it into config");
        return true;
}

static bool check_map(const char *const *arguments, size_t i, bool *seen, GError **error)
{
        if (g_ascii_strcasecmp(arguments[i], "+map") != 0)
                return true;
        if (*seen)
                return refuse(error, "a second '+map'");
        if (!arguments[i + 1] || arguments[i + 1][0] == '-' || arguments[i + 1][0] == '+')
                return refuse(error, "'+map' without a map");
        *seen = true;
        return true;
}

bool arguments_check_at(const char *const *arguments, size_t *ret_index, GError **error)
{
        bool map = false;

        for (size_t i = 0; arguments[i]; i++) {
                /* The name first: of "+rcon_password x" the name is the greater fault, and no message repeats
                 * what follows it. */
                if ((is_switch(arguments[i]) ? check_switch(arguments[i], error)
                                             : check_value(arguments[i], error)) &&
                    check_characters(arguments[i], error) && check_map(arguments, i, &map, error))
                        continue;
                *ret_index = i;
                return false;
        }
        return true;
}

bool arguments_check(const char *const *arguments, GError **error)
{
        size_t index;

        if (arguments_check_at(arguments, &index, error))
                return true;
        g_prefix_error(error, "argument %zu: ", index + 1);
        return false;
}

char **argv_build(uint16_t port, const char *const *arguments)
{
        g_autofree char *port_text = g_strdup_printf("%u", port);
        const char *const fixed[] = {"./srcds_run",
                                     "-game",
                                     "left4dead2",
                                     "-strictportbind",
                                     "-ip",
                                     "0.0.0.0",
                                     "-port",
                                     port_text,
                                     "-norestart",
                                     "+servercfgfile",
                                     "left4me/server.cfg",
                                     NULL};
        GStrvBuilder *argv = g_strv_builder_new();
        bool map = false;
        char **built;

        g_strv_builder_addv(argv, (const char **)fixed);
        g_strv_builder_addv(argv, (const char **)arguments);
        for (size_t i = 0; arguments[i]; i++)
                map = map || g_ascii_strcasecmp(arguments[i], "+map") == 0;
        if (!map)
                g_strv_builder_add_many(argv, "+map", DEFAULT_MAP, NULL);
        built = g_strv_builder_end(argv);
        g_strv_builder_unref(argv);
        return built;
}
