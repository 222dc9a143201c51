/* The tables of verbs.h as help text and as a completion script for bash. Touches the stream it is given. */
#include "ctl/verbs.h"

#include <string.h>

static void print_option(FILE *out, const Option *o)
{
        g_autofree char *left = NULL;

        left = g_strdup_printf("%c%c%c --%s%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ', ' ',
                               o->name, o->argument == ARGUMENT_OPTIONAL ? "[" : "",
                               o->argument != ARGUMENT_NONE ? "=" : "",
                               o->argument != ARGUMENT_NONE ? o->value : "");
        fprintf(out, "  %s%s%*s %s\n", left, o->argument == ARGUMENT_OPTIONAL ? "]" : "",
                (int)(34 - MIN(strlen(left) + (o->argument == ARGUMENT_OPTIONAL), 34)), "", o->help);
}

void print_help(FILE *out)
{
        const char *group = NULL;

        fputs("Usage: left4mectl [OPTION…] VERB [ARGUMENT…]\n\nRuns Left 4 Dead 2 servers.\n", out);
        for (const Verb *v = verbs; v->name; v++) {
                g_autofree char *title = verb_title(v);
                g_autofree char *left = g_strconcat(title, *v->args ? " " : "", v->args, NULL);

                if (v == verbs || g_strcmp0(group, v->group) != 0)
                        fputc('\n', out);
                group = v->group;
                fprintf(out, "  %s%*s %s\n", left, (int)(34 - MIN(g_utf8_strlen(left, -1), 34)), "", v->help);
        }

        fputs("\nOptions:\n", out);
        for (OptionId id = 0; id < _OPTION_MAX; id++)
                print_option(out, &options[id]);
        fputs("\nExit codes: 0 ok, 1 failed, 2 usage, 3 not running, 4 no such object, 69 unreachable, 77 "
              "denied.\n"
              "See left4mectl(1).\n",
              out);
}

/* Words that a shell function of the script prints for each kind of argument. */
static const char *const completion_commands[_COMPLETION_MAX] = {
        [COMPLETE_NOTHING] = ":",
        [COMPLETE_SERVER] = "_left4mectl_names list",
        [COMPLETE_BLUEPRINT] = "_left4mectl_names blueprint list",
        [COMPLETE_OVERLAY] = "_left4mectl_names overlay list",
        [COMPLETE_JOB] = "_left4mectl_names job list",
        [COMPLETE_FILE] = "compgen -f -- \"$cur\"",
        [COMPLETE_DIRECTORY] = "compgen -d -- \"$cur\"",
        [COMPLETE_ACTION] = "_left4mectl_actions",
};

/* What a completion script does once for all verbs; the tables stand before it. */
static const char completion_tail[] =
        "_left4mectl_names() {\n"
        "        left4mectl \"${target[@]}\" --no-ask-password --no-legend \"$@\" 2>/dev/null | awk '{print "
        "$1}'\n"
        "}\n"
        "\n"
        "_left4mectl() {\n"
        "        local cur=${COMP_WORDS[COMP_CWORD]} verb='' group='' word i n=0\n"
        "        local -a target=()\n"
        "        COMPREPLY=()\n"
        "        for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "                word=${COMP_WORDS[i]}\n"
        "                case $word in\n"
        "                -H | -M | --host | --machine) target+=(\"$word\" \"${COMP_WORDS[i + 1]}\"); ((i++)) "
        ";;\n"
        "                -H* | -M* | --host=* | --machine=*) target+=(\"$word\") ;;\n"
        "                -*) [[ -n ${_left4mectl_values[$word]} ]] && ((i++)) ;;\n"
        "                *)\n"
        "                        if [[ -z $verb && -z $group && -n ${_left4mectl_groups[$word]} ]]; then "
        "group=$word\n"
        "                        elif [[ -z $verb ]]; then verb=${group:+$group }$word\n"
        "                        else ((n++)); fi ;;\n"
        "                esac\n"
        "        done\n"
        "        if [[ $cur == -* ]]; then\n"
        "                mapfile -t COMPREPLY < <(compgen -W \"$_left4mectl_always "
        "${_left4mectl_options[${verb:--}]}\" -- \"$cur\")\n"
        "        elif [[ -n $verb ]]; then\n"
        "                local -a kinds\n"
        "                read -ra kinds <<<\"${_left4mectl_arguments[$verb]}\"\n"
        "                mapfile -t COMPREPLY < <(compgen -W \"$(_left4mectl_kind \"${kinds[n > 0]:-0}\")\" "
        "-- \"$cur\")\n"
        "        elif [[ -n $group ]]; then\n"
        "                mapfile -t COMPREPLY < <(compgen -W \"${_left4mectl_groups[$group]}\" -- \"$cur\")\n"
        "        else\n"
        "                mapfile -t COMPREPLY < <(compgen -W \"$_left4mectl_verbs "
        "${!_left4mectl_groups[*]}\" -- \"$cur\")\n"
        "        fi\n"
        "}\n"
        "complete -o filenames -F _left4mectl left4mectl\n";

static void print_option_names(FILE *out, unsigned set)
{
        const char *separator = "";

        for (OptionId id = 0; id < _OPTION_MAX; id++)
                if (set & TAKES(id)) {
                        fprintf(out, "%s--%s%s", separator, options[id].name,
                                options[id].argument == ARGUMENT_REQUIRED ? "=" : "");
                        separator = " ";
                }
}

static void print_groups(FILE *out)
{
        const char *group = NULL;

        fputs("_left4mectl_verbs='", out);
        for (const Verb *v = verbs; v->name; v++)
                if (!v->group)
                        fprintf(out, "%s%s", v == verbs ? "" : " ", v->name);

        fputs("'\ndeclare -gA _left4mectl_groups=(", out);
        for (const Verb *v = verbs; v->name; v++) {
                if (!v->group)
                        continue;
                if (g_strcmp0(group, v->group) != 0)
                        fprintf(out, "%s\n        ['%s']='%s", group ? "'" : "", v->group, v->name);
                else
                        fprintf(out, " %s", v->name);
                group = v->group;
        }
        fputs("'\n)\n", out);
}

static void print_verb_tables(FILE *out)
{
        fputs("declare -gA _left4mectl_options=(\n", out);
        for (const Verb *v = verbs; v->name; v++) {
                g_autofree char *title = verb_title(v);

                fprintf(out, "        ['%s']='", title);
                print_option_names(out, v->options);
                fputs("'\n", out);
        }

        fputs(")\ndeclare -gA _left4mectl_arguments=(\n", out);
        for (const Verb *v = verbs; v->name; v++) {
                g_autofree char *title = verb_title(v);

                fprintf(out, "        ['%s']='%d %d'\n", title, (int)v->completion[0], (int)v->completion[1]);
        }
        fputs(")\n", out);
}

static void print_values(FILE *out)
{
        fputs("declare -gA _left4mectl_values=(", out);
        for (OptionId id = 0; id < _OPTION_MAX; id++)
                if (options[id].argument == ARGUMENT_REQUIRED) {
                        fprintf(out, " ['--%s']=1", options[id].name);
                        if (options[id].letter)
                                fprintf(out, " ['-%c']=1", options[id].letter);
                }
        fputs(" )\n", out);
}

void print_completion(FILE *out)
{
        fputs("# Completion of left4mectl(1) for bash, made from its table of verbs.\n", out);
        print_groups(out);
        print_verb_tables(out);
        print_values(out);
        fputs("_left4mectl_always='", out);
        print_option_names(out, TAKES_ALWAYS);
        fputs("'\n\n_left4mectl_actions() {\n        echo '", out);
        for (const char *const *a = verb_actions(); *a; a++)
                fprintf(out, "%s ", *a);
        fputs("'\n}\n\n_left4mectl_kind() {\n        case $1 in\n", out);
        for (int i = 0; i < _COMPLETION_MAX; i++)
                fprintf(out, "        %d) %s ;;\n", i, completion_commands[i]);
        fputs("        esac\n}\n\n", out);
        fputs(completion_tail, out);
}
