/* The tables of verbs.h, and looking up in them. Touches nothing. */
#include "ctl/verbs.h"

#include <string.h>

const Option options[_OPTION_MAX] = {
        [OPTION_HELP] = {"help", 'h', ARGUMENT_NONE, NULL, "Show this help"},
        [OPTION_VERSION] = {"version", 0, ARGUMENT_NONE, NULL, "Show the version of this program"},
        [OPTION_HOST] = {"host", 'H', ARGUMENT_REQUIRED, "[USER@]HOST",
                         "Talk to the manager of another host, by ssh"},
        [OPTION_MACHINE] = {"machine", 'M', ARGUMENT_REQUIRED, "CONTAINER",
                            "Talk to the manager in a container"},
        [OPTION_NO_ASK_PASSWORD] = {"no-ask-password", 0, ARGUMENT_NONE, NULL,
                                    "Fail where a password is needed"},
        [OPTION_NO_LEGEND] = {"no-legend", 0, ARGUMENT_NONE, NULL, "Leave out column titles"},
        [OPTION_JSON] = {"json", 0, ARGUMENT_OPTIONAL, "short|pretty",
                         "Print JSON (short where nothing is named)"},
        [OPTION_YES] = {"yes", 'y', ARGUMENT_NONE, NULL, "Do not ask before something is destroyed"},
        [OPTION_NO_BLOCK] = {"no-block", 0, ARGUMENT_NONE, NULL,
                             "Print the path of the job, do not wait for it"},
        [OPTION_ONLY_NOW] = {"only-now", 0, ARGUMENT_NONE, NULL,
                             "Leave as it is whether the server starts at boot"},
        [OPTION_AUTOSTART] = {"autostart", 0, ARGUMENT_NONE, NULL, "Start the server at boot"},
        [OPTION_GLOBAL] = {"global", 0, ARGUMENT_NONE, NULL, "Usable by everyone, changed by administrators"},
        [OPTION_MERGE] = {"merge", 0, ARGUMENT_NONE, NULL,
                          "Lay it over the present content, do not replace that"},
        [OPTION_PORT] = {"port", 0, ARGUMENT_REQUIRED, "N", "Port of the server (the lowest free one)"},
        [OPTION_FILE] = {"file", 'f', ARGUMENT_REQUIRED, "FILE",
                         "Specification in YAML, - for standard input"},
        [OPTION_FORMAT] = {"format", 0, ARGUMENT_REQUIRED, "directory|tar|zip",
                           "What PATH is (guessed by its name)"},
        [OPTION_OVERLAY] = {"overlay", 0, ARGUMENT_REQUIRED, "NAME", "An overlay; repeated: first one wins"},
        [OPTION_ARGUMENT] = {"argument", 0, ARGUMENT_REQUIRED, "WORD",
                             "A word of the game's command line; repeated"},
        [OPTION_CONFIG] = {"config", 0, ARGUMENT_REQUIRED, "LINE", "A line of server.cfg; repeated"},
};

#define JSON TAKES(OPTION_JSON)
#define YES TAKES(OPTION_YES)
#define JOB (TAKES(OPTION_NO_BLOCK) | JSON)
#define DEFINITION (TAKES(OPTION_OVERLAY) | TAKES(OPTION_ARGUMENT) | TAKES(OPTION_CONFIG))
#define SERVERS                                                                                              \
        {                                                                                                    \
                COMPLETE_SERVER, COMPLETE_SERVER                                                             \
        }

/* clang-format off */
const Verb verbs[] = {
        { NULL, "list", 0, 0, "", "List servers", JSON, verb_list, NULL, {} },
        { NULL, "status", 0, VERB_ARGS_ANY, "[NAME…]", "Show servers, all where none is named", JSON, verb_status, NULL, SERVERS },
        { NULL, "start", 1, VERB_ARGS_ANY, "NAME…", "Start servers, now and at boot", JOB | TAKES(OPTION_ONLY_NOW), verb_server_job, "Start", SERVERS },
        { NULL, "stop", 1, VERB_ARGS_ANY, "NAME…", "Stop servers, now and at boot", JOB | TAKES(OPTION_ONLY_NOW), verb_server_job, "Stop", SERVERS },
        { NULL, "restart", 1, VERB_ARGS_ANY, "NAME…", "Stop and start servers with what they are now made of", JOB | TAKES(OPTION_ONLY_NOW), verb_server_job, "Restart", SERVERS },
        { NULL, "reset", 1, VERB_ARGS_ANY, "NAME…", "Stop servers and discard what they wrote", JOB | YES, verb_server_job, "Reset", SERVERS },
        { NULL, "delete", 1, VERB_ARGS_ANY, "NAME…", "Stop servers and remove them with what they wrote", JOB | YES, verb_server_job, "Delete", SERVERS },
        { NULL, "create", 2, 2, "NAME BLUEPRINT", "Define a server", TAKES(OPTION_PORT) | TAKES(OPTION_AUTOSTART), verb_create, NULL, { COMPLETE_NOTHING, COMPLETE_BLUEPRINT } },
        { NULL, "initialize", 1, 1, "NAME -f FILE", "Define or change a server by a specification", TAKES(OPTION_FILE), verb_initialize, NULL, SERVERS },
        { NULL, "enable", 1, VERB_ARGS_ANY, "NAME…", "Start servers at boot", 0, verb_autostart, NULL, SERVERS },
        { NULL, "disable", 1, VERB_ARGS_ANY, "NAME…", "Do not start servers at boot", 0, verb_autostart, NULL, SERVERS },
        { NULL, "plan", 1, 1, "NAME", "Show what the next start would use", JSON, verb_plan, NULL, SERVERS },
        { NULL, "set-port", 2, 2, "NAME PORT", "Change a server's port", 0, verb_set_port, NULL, { COMPLETE_SERVER, COMPLETE_NOTHING } },
        { NULL, "set-blueprint", 2, 2, "NAME BLUEPRINT", "Change a server's blueprint", 0, verb_set_blueprint, NULL, { COMPLETE_SERVER, COMPLETE_BLUEPRINT } },
        { NULL, "ports", 0, 0, "", "List ports that are taken, and by what", JSON, verb_ports, NULL, {} },

        { "blueprint", "list", 0, 0, "", "List blueprints", JSON, verb_blueprint_list, NULL, {} },
        { "blueprint", "show", 1, 1, "NAME", "Show a blueprint with its definition", JSON, verb_blueprint_show, NULL, { COMPLETE_BLUEPRINT } },
        { "blueprint", "create", 1, 1, "NAME", "Define a blueprint", DEFINITION, verb_blueprint_create, NULL, {} },
        { "blueprint", "set", 1, 1, "NAME", "Replace the lists that are given", DEFINITION, verb_blueprint_set, NULL, { COMPLETE_BLUEPRINT } },
        { "blueprint", "clone", 2, 2, "NAME NEW", "Copy a blueprint", 0, verb_blueprint_clone, NULL, { COMPLETE_BLUEPRINT } },
        { "blueprint", "delete", 1, VERB_ARGS_ANY, "NAME…", "Remove blueprints", YES, verb_blueprint_delete, NULL, { COMPLETE_BLUEPRINT, COMPLETE_BLUEPRINT } },

        { "overlay", "list", 0, 0, "", "List overlays", JSON, verb_overlay_list, NULL, {} },
        { "overlay", "show", 1, 1, "NAME", "Show an overlay", JSON, verb_overlay_show, NULL, { COMPLETE_OVERLAY } },
        { "overlay", "create", 1, 1, "NAME", "Define an overlay, without content", TAKES(OPTION_GLOBAL), verb_overlay_create, NULL, {} },
        { "overlay", "import", 2, 2, "NAME PATH", "Fill an overlay from a directory, an archive, or - for a tar stream", JOB | TAKES(OPTION_FORMAT) | TAKES(OPTION_MERGE), verb_overlay_import, NULL, { COMPLETE_OVERLAY, COMPLETE_FILE } },
        { "overlay", "export", 2, 2, "NAME FILE", "Write an overlay's content as a tar archive, - for standard output", 0, verb_overlay_export, NULL, { COMPLETE_OVERLAY, COMPLETE_FILE } },
        { "overlay", "files", 1, 2, "NAME [PATH]", "List one directory of an overlay", JSON, verb_overlay_files, NULL, { COMPLETE_OVERLAY } },
        { "overlay", "cat", 2, 2, "NAME PATH", "Print a file of an overlay", 0, verb_overlay_cat, NULL, { COMPLETE_OVERLAY } },
        { "overlay", "put", 3, 3, "NAME PATH FILE", "Write a file of an overlay, from FILE or - for standard input", 0, verb_overlay_put, NULL, { COMPLETE_OVERLAY, COMPLETE_FILE } },
        { "overlay", "rm", 2, VERB_ARGS_ANY, "NAME PATH…", "Remove files of an overlay, all of them or none", 0, verb_overlay_rm, NULL, { COMPLETE_OVERLAY } },
        { "overlay", "generations", 1, 1, "NAME", "List the kept generations of an overlay", JSON, verb_generations, NULL, { COMPLETE_OVERLAY } },
        { "overlay", "rollback", 2, 2, "NAME N", "Make a kept generation current again", JOB, verb_rollback, NULL, { COMPLETE_OVERLAY } },
        { "overlay", "delete", 1, VERB_ARGS_ANY, "NAME…", "Remove overlays with their content", YES, verb_overlay_delete, NULL, { COMPLETE_OVERLAY, COMPLETE_OVERLAY } },

        { "installation", "show", 0, 0, "", "Show what is installed", JSON, verb_installation_show, NULL, {} },
        { "installation", "import", 1, 1, "DIR", "Install the game from a directory of the host", JOB, verb_installation_import, NULL, { COMPLETE_DIRECTORY } },
        { "installation", "generations", 0, 0, "", "List the kept generations of the game", JSON, verb_generations, NULL, {} },
        { "installation", "rollback", 1, 1, "N", "Make a kept generation current again", JOB, verb_rollback, NULL, {} },

        { "store", "verify", 0, 0, "", "Compare all stored content with its checksums", JOB, verb_store, "VerifyStore", {} },
        { "store", "prune", 0, 0, "", "Remove stored content that nothing needs", JOB, verb_store, "PruneStore", {} },

        { "job", "list", 0, 0, "", "List jobs", JSON, verb_job_list, NULL, {} },
        { "job", "show", 1, 1, "ID", "Show a job", JSON, verb_job_show, NULL, { COMPLETE_JOB } },
        { "job", "wait", 1, VERB_ARGS_ANY, "ID…", "Wait for the end of jobs", 0, verb_job_wait, NULL, { COMPLETE_JOB, COMPLETE_JOB } },
        { "job", "cancel", 1, VERB_ARGS_ANY, "ID…", "Ask jobs to end", 0, verb_job_cancel, NULL, { COMPLETE_JOB, COMPLETE_JOB } },

        { NULL, "can", 1, VERB_ARGS_ANY, "ACTION… [OBJECT]", "Show what you may do, on KIND/NAME or at all", JSON, verb_can, NULL, { COMPLETE_ACTION, COMPLETE_ACTION } },
        { NULL, "version", 0, 0, "", "Show the versions of this program and of the manager", JSON, verb_version, NULL, {} },
        {},
};
/* clang-format on */

const char *const *verb_actions(void)
{
        static const char *const actions[] = {"server-control",
                                              "server-manage",
                                              "content-manage",
                                              "script-edit",
                                              "install",
                                              "read-logs",
                                              NULL};

        return actions;
}

char *verb_title(const Verb *verb)
{
        return verb->group ? g_strjoin(" ", verb->group, verb->name, NULL) : g_strdup(verb->name);
}

const Verb *verb_find(char **words, size_t n, size_t *ret_used, char **ret_problem)
{
        bool group = false;

        if (n == 0) {
                *ret_problem = g_strdup("A verb is missing; see left4mectl --help.");
                return NULL;
        }

        for (const Verb *v = verbs; v->name; v++) {
                size_t used = v->group ? 2 : 1;

                if (v->group && strcmp(v->group, words[0]) == 0)
                        group = true;
                if (n >= used && (!v->group || strcmp(v->group, words[0]) == 0) &&
                    strcmp(v->name, words[used - 1]) == 0) {
                        *ret_used = used;
                        return v;
                }
        }

        if (group && n == 1)
                *ret_problem =
                        g_strdup_printf("\"%s\" needs a verb after it; see left4mectl --help.", words[0]);
        else
                *ret_problem = g_strdup_printf("Unknown verb \"%s%s%s\"; see left4mectl --help.", words[0],
                                               group ? " " : "", group ? words[1] : "");
        return NULL;
}
