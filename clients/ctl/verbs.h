/* The grammar: one table of verbs, which feeds parsing, help, usage errors and completion, and one of
 * options. */
#pragma once

#include "ctl/ctl.h"

#include <stdio.h>

typedef enum OptionId {
        OPTION_HELP,
        OPTION_VERSION,
        OPTION_HOST,
        OPTION_MACHINE,
        OPTION_NO_ASK_PASSWORD,
        OPTION_NO_LEGEND,
        OPTION_JSON,
        OPTION_YES,
        OPTION_NO_BLOCK,
        OPTION_ONLY_NOW,
        OPTION_AUTOSTART,
        OPTION_GLOBAL,
        OPTION_MERGE,
        OPTION_PORT,
        OPTION_FILE,
        OPTION_FORMAT,
        OPTION_OVERLAY,
        OPTION_ARGUMENT,
        OPTION_CONFIG,
        _OPTION_MAX,
} OptionId;

#define TAKES(id) (1U << (id))
/* Options that mean something, or nothing bad, to every verb. */
#define TAKES_ALWAYS                                                                                         \
        (TAKES(OPTION_HELP) | TAKES(OPTION_VERSION) | TAKES(OPTION_HOST) | TAKES(OPTION_MACHINE) |           \
         TAKES(OPTION_NO_ASK_PASSWORD) | TAKES(OPTION_NO_LEGEND))

typedef enum OptionArgument {
        ARGUMENT_NONE,
        ARGUMENT_REQUIRED,
        ARGUMENT_OPTIONAL,
} OptionArgument;

typedef struct Option {
        const char *name;
        char letter; /* 0: none */
        OptionArgument argument;
        const char *value; /* what it is called in the help */
        const char *help;
} Option;

/* What completion offers for an argument. */
typedef enum Completion {
        COMPLETE_NOTHING,
        COMPLETE_SERVER,
        COMPLETE_BLUEPRINT,
        COMPLETE_OVERLAY,
        COMPLETE_JOB,
        COMPLETE_FILE,
        COMPLETE_DIRECTORY,
        COMPLETE_ACTION,
        _COMPLETION_MAX,
} Completion;

#define VERB_ARGS_ANY 256

struct Verb {
        const char *group; /* NULL, or the word before the name */
        const char *name;
        unsigned args_min, args_max;
        const char *args;
        const char *help;
        unsigned options; /* TAKES() besides TAKES_ALWAYS */
        int (*run)(Ctl *ctl, char **args);
        const char *method;       /* of the manager, for handlers that several verbs share */
        Completion completion[2]; /* of the first argument, and of those after it */
};

/* Ends with name NULL. */
extern const Verb verbs[];
extern const Option options[_OPTION_MAX];

/* The verb that the words begin with, NULL with an explanation in *ret_problem (g_free) where there is none;
 * *ret_used is how many words it took. */
const Verb *verb_find(char **words, size_t n, size_t *ret_used, char **ret_problem);
/* "blueprint show", "list" (g_free). */
char *verb_title(const Verb *verb);
const char *const *verb_actions(void); /* names of polkit actions, ends with NULL */

/* Fills ctl from argv and points *ret_args at what follows the verb. EXIT_OK; -1 where --help or --version
 * was printed and all is said; else complains and returns EXIT_USAGE. */
int parse_command_line(Ctl *ctl, int argc, char **argv, char ***ret_args);

void print_help(FILE *out);
/* A script for bash, from the tables. */
void print_completion(FILE *out);

int verb_list(Ctl *ctl, char **args);
int verb_status(Ctl *ctl, char **args);
int verb_server_job(Ctl *ctl, char **args);
int verb_create(Ctl *ctl, char **args);
int verb_initialize(Ctl *ctl, char **args);
int verb_autostart(Ctl *ctl, char **args);
int verb_plan(Ctl *ctl, char **args);
int verb_set_port(Ctl *ctl, char **args);
int verb_set_blueprint(Ctl *ctl, char **args);
int verb_ports(Ctl *ctl, char **args);

int verb_blueprint_list(Ctl *ctl, char **args);
int verb_blueprint_show(Ctl *ctl, char **args);
int verb_blueprint_create(Ctl *ctl, char **args);
int verb_blueprint_set(Ctl *ctl, char **args);
int verb_blueprint_clone(Ctl *ctl, char **args);
int verb_blueprint_delete(Ctl *ctl, char **args);

int verb_overlay_list(Ctl *ctl, char **args);
int verb_overlay_show(Ctl *ctl, char **args);
int verb_overlay_create(Ctl *ctl, char **args);
int verb_overlay_delete(Ctl *ctl, char **args);
int verb_overlay_import(Ctl *ctl, char **args);
int verb_overlay_export(Ctl *ctl, char **args);
int verb_overlay_files(Ctl *ctl, char **args);
int verb_overlay_cat(Ctl *ctl, char **args);
int verb_overlay_put(Ctl *ctl, char **args);
int verb_overlay_rm(Ctl *ctl, char **args);
int verb_generations(Ctl *ctl, char **args); /* of an overlay, or without arguments of the installation */
int verb_rollback(Ctl *ctl, char **args);

int verb_installation_show(Ctl *ctl, char **args);
int verb_installation_import(Ctl *ctl, char **args);
int verb_store(Ctl *ctl, char **args);

int verb_job_list(Ctl *ctl, char **args);
int verb_job_show(Ctl *ctl, char **args);
int verb_job_wait(Ctl *ctl, char **args);
int verb_job_cancel(Ctl *ctl, char **args);

int verb_can(Ctl *ctl, char **args);
int verb_version(Ctl *ctl, char **args);
