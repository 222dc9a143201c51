/* The console of the srcds stand-in. Imitates what a Source server does with cvars and cfg files: the last of
 * two equal cvars wins, "exec" nests, quotes group words, "//" starts a comment. Commands that begin with
 * standin_ make the server misbehave or show what it sees. Touches files below its working directory. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"

#define EXEC_DEPTH_MAX 16
#define WORDS_MAX 64

typedef struct Cvar {
        char *name;
        char *value;
        struct Cvar *next;
} Cvar;

static void *not_null(void *memory)
{
        if (!memory)
                abort();
        return memory;
}

const char *console_get(const Console *c, const char *name)
{
        for (const Cvar *v = c->cvars; v; v = v->next)
                if (strcasecmp(v->name, name) == 0)
                        return v->value;
        return "";
}

long console_number(const Console *c, const char *name)
{
        return strtol(console_get(c, name), NULL, 10);
}

void console_set(Console *c, const char *name, const char *value)
{
        Cvar **at = &c->cvars;

        while (*at && strcasecmp((*at)->name, name) < 0)
                at = &(*at)->next;
        if (!*at || strcasecmp((*at)->name, name) != 0) {
                Cvar *v = not_null(calloc(1, sizeof *v));

                v->name = not_null(strdup(name));
                v->next = *at;
                *at = v;
        }
        char *copy = not_null(strdup(value));
        free((*at)->value);
        (*at)->value = copy;
}

void console_each(const Console *c, void (*visit)(const char *, const char *, void *), void *data)
{
        for (const Cvar *v = c->cvars; v; v = v->next)
                visit(v->name, v->value, data);
}

void console_init(Console *c, char **argv)
{
        *c = (Console){.argv = argv, .map = not_null(strdup(""))};
        console_set(c, "hostname", "Left 4 Dead 2");
        console_set(c, "rcon_password", "");
        console_set(c, "sv_password", "");
        console_set(c, "sv_rcon_maxfailures", "10");
        console_set(c, "maxplayers", "8");
        console_set(c, "standin_a2s_challenge", "1");
}

void console_done(Console *c)
{
        while (c->cvars) {
                Cvar *v = c->cvars;

                c->cvars = v->next;
                free(v->name);
                free(v->value);
                free(v);
        }
        free(c->map);
}

static void command_exec(Console *c, char **words, FILE *out)
{
        char path[1024];
        char *line = NULL;
        size_t size = 0;

        (void)snprintf(path, sizeof path, GAME "/cfg/%s", words[1] ? words[1] : "");
        if (!strstr(path + strlen(GAME "/cfg/"), ".cfg"))
                (void)strncat(path, ".cfg", sizeof path - strlen(path) - 1);
        FILE *file = c->exec_depth < EXEC_DEPTH_MAX ? fopen(path, "re") : NULL;
        if (!file) {
                (void)fprintf(out, "'%s' not present; not executing.\n", words[1] ? words[1] : "");
                return;
        }
        (void)fprintf(out, "execing %s\n", words[1]);
        c->exec_depth++;
        while (getline(&line, &size, file) >= 0)
                console_run(c, line, out);
        c->exec_depth--;
        free(line);
        (void)fclose(file);
}

static void command_map(Console *c, char **words, FILE *out)
{
        char path[1024];

        (void)snprintf(path, sizeof path, GAME "/maps/%s.bsp", words[1] ? words[1] : "");
        if (!words[1] || strstr(words[1], "..") || access(path, R_OK) < 0) {
                (void)fprintf(out, "map load failed: %s not found or invalid\n", words[1] ? words[1] : "");
                return;
        }
        free(c->map);
        c->map = not_null(strdup(words[1]));
        (void)fprintf(out, "---- Host_NewGame ----\n");

        const char *cfg = console_get(c, "servercfgfile");
        char *exec[] = {(char *)"exec", (char *)(*cfg ? cfg : "server.cfg"), NULL};
        command_exec(c, exec, out);
}

static void command_status(Console *c, char **words, FILE *out)
{
        long players = console_number(c, "standin_players");

        (void)words;
        (void)fprintf(out, "hostname: %s\nversion : 2.2.4.3 8514 secure\nmap     : %s\n",
                      console_get(c, "hostname"), c->map);
        (void)fprintf(out, "players : %ld humans, 0 bots (%s max)\n\n", players,
                      console_get(c, "maxplayers"));
        (void)fprintf(out, "# userid name uniqueid connected ping loss state rate adr\n");
        for (long i = 0; i < players; i++)
                (void)fprintf(out,
                              "# %ld %ld \"player %ld\" STEAM_1:0:%ld 01:0%ld 50 0 active 30000 "
                              "192.0.2.%ld:27005\n",
                              i + 2, i + 1, i + 1, i + 1000, i % 10, i % 250 + 1);
        (void)fprintf(out, "#end\n");
}

static void command_echo(Console *c, char **words, FILE *out)
{
        (void)c;
        for (char **word = words + 1; *word; word++)
                (void)fprintf(out, "%s%s", *word, word[1] ? " " : "");
        (void)fprintf(out, "\n");
}

static void command_quit(Console *c, char **words, FILE *out)
{
        (void)words;
        (void)out;
        c->quitting = true;
}

/* Dies by a signal as a crashing game does: at once, without a word. */
static void command_crash(Console *c, char **words, FILE *out)
{
        int number = words[1] ? (int)strtol(words[1], NULL, 10) : SIGSEGV;

        (void)c;
        (void)out;
        (void)signal(number, SIG_DFL);
        (void)kill(getpid(), number);
        for (;;)
                (void)pause();
}

static void command_exit(Console *c, char **words, FILE *out)
{
        (void)c;
        (void)out;
        _exit(words[1] ? (int)strtol(words[1], NULL, 10) : 0);
}

/* Deaf from now on: SIGINT is blocked, nothing is read. */
static void command_hang(Console *c, char **words, FILE *out)
{
        sigset_t everything;

        (void)c;
        (void)words;
        (void)out;
        (void)sigfillset(&everything);
        (void)sigprocmask(SIG_BLOCK, &everything, NULL);
        for (;;)
                (void)pause();
}

static void command_eat(Console *c, char **words, FILE *out)
{
        size_t size = (size_t)(words[1] ? strtoul(words[1], NULL, 10) : 0) << 20U;
        char *memory = malloc(size ? size : 1);

        (void)c;
        if (!memory) {
                (void)fprintf(out, "no memory\n");
                return;
        }
        memset(memory, 0x5a, size);
        (void)fprintf(out, "ate %zu bytes, last %d\n", size, size ? memory[size - 1] : 0);
        free(memory);
}

static void command_print(Console *c, char **words, FILE *out)
{
        long lines = words[1] ? strtol(words[1], NULL, 10) : 0;

        (void)c;
        (void)out;
        for (long i = 0; i < lines; i++)
                (void)printf("stand-in line %ld of %ld: %s\n", i + 1, lines,
                             words[1] && words[2] ? words[2] : "");
        (void)fflush(stdout);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static void command_ls(Console *c, char **words, FILE *out)
{
        struct dirent **entries = NULL;
        const char *path = words[1] ? words[1] : ".";
        int n = scandir(path, &entries, NULL, by_name);

        (void)c;
        if (n < 0)
                (void)fprintf(out, "%s: %s\n", path, strerror(errno));
        for (int i = 0; i < n; i++) {
                if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
                        (void)fprintf(out, "%s\n", entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
}

static void command_cat(Console *c, char **words, FILE *out)
{
        char block[4096];
        FILE *file = words[1] ? fopen(words[1], "re") : NULL;

        (void)c;
        if (!file) {
                (void)fprintf(out, "%s: %s\n", words[1] ? words[1] : "", strerror(errno));
                return;
        }
        for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
                (void)fwrite(block, 1, n, out);
        (void)fclose(file);
}

static void command_write(Console *c, char **words, FILE *out)
{
        FILE *file = words[1] ? fopen(words[1], "we") : NULL;

        (void)c;
        if (!file || (words[2] && fputs(words[2], file) < 0) || fclose(file) != 0)
                (void)fprintf(out, "%s: %s\n", words[1] ? words[1] : "", strerror(errno));
        else
                (void)fprintf(out, "wrote %s\n", words[1]);
}

static void command_stat(Console *c, char **words, FILE *out)
{
        struct stat st;

        (void)c;
        if (lstat(words[1] ? words[1] : ".", &st) < 0)
                (void)fprintf(out, "%s\n", strerror(errno));
        else
                (void)fprintf(out, "uid %u gid %u mode %o size %lld\n", st.st_uid, st.st_gid, st.st_mode,
                              (long long)st.st_size);
}

static void command_id(Console *c, char **words, FILE *out)
{
        char directory[1024];

        (void)c;
        (void)words;
        (void)fprintf(out, "pid %d uid %u gid %u cwd %s\n", getpid(), getuid(), getgid(),
                      getcwd(directory, sizeof directory) ? directory : "?");
}

static void command_argv(Console *c, char **words, FILE *out)
{
        (void)words;
        for (char **arg = c->argv; *arg; arg++)
                (void)fprintf(out, "%s\n", *arg);
}

static const struct {
        const char *name;
        void (*run)(Console *c, char **words, FILE *out);
} commands[] = {
        {"exec", command_exec},           {"map", command_map},
        {"changelevel", command_map},     {"status", command_status},
        {"echo", command_echo},           {"quit", command_quit},
        {"exit", command_quit},           {"standin_crash", command_crash}, /* [SIGNAL] */
        {"standin_exit", command_exit},                                     /* STATUS */
        {"standin_hang", command_hang},   {"standin_eat", command_eat},     /* MEGABYTES */
        {"standin_print", command_print},                                   /* LINES [TEXT] */
        {"standin_ls", command_ls},                                         /* [DIRECTORY] */
        {"standin_cat", command_cat},                                       /* FILE */
        {"standin_write", command_write},                                   /* FILE TEXT */
        {"standin_stat", command_stat},                                     /* FILE */
        {"standin_id", command_id},       {"standin_argv", command_argv},
};

static void run_words(Console *c, char **words, FILE *out)
{
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
                if (strcasecmp(words[0], commands[i].name) == 0) {
                        commands[i].run(c, words, out);
                        return;
                }
        if (words[1])
                console_set(c, words[0], words[1]);
        else
                (void)fprintf(out, "\"%s\" = \"%s\"\n", words[0], console_get(c, words[0]));
}

/* Takes the next word off *cursor and returns a copy; NULL at the end of the command, where *cursor is past
 * its ";". */
static char *next_word(const char **cursor, bool *ends_line)
{
        const char *s = *cursor + strspn(*cursor, " \t\r");

        *ends_line = !*s || *s == '\n' || (s[0] == '/' && s[1] == '/');
        if (*ends_line || *s == ';') {
                *cursor = s + (*s == ';');
                return NULL;
        }
        bool quoted = *s == '"';
        const char *word = s + quoted;
        size_t length = strcspn(word, quoted ? "\"\n" : " \t\r\n;\"");

        *cursor = word + length + (quoted && word[length] == '"');
        return not_null(strndup(word, length));
}

void console_run(Console *c, const char *line, FILE *out)
{
        bool ends_line = false;

        while (!ends_line) {
                char *words[WORDS_MAX + 1] = {NULL};
                size_t n = 0;
                char *word;

                while ((word = next_word(&line, &ends_line)))
                        if (n < WORDS_MAX)
                                words[n++] = word;
                        else
                                free(word);
                if (n > 0)
                        run_words(c, words, out);
                while (n > 0)
                        free(words[--n]);
        }
}
