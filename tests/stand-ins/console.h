/* The console of the srcds stand-in: cvars, cfg files and commands, answered into a stream. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define GAME "left4dead2"

typedef struct Console {
        struct Cvar *cvars;
        char *map;      /* loaded map, "" before one is */
        char **argv;    /* of the server, for standin_argv */
        int exec_depth; /* of nested cfg files */
        bool quitting;
} Console;

void console_init(Console *c, char **argv);
void console_done(Console *c);
/* Runs a line of commands separated by ";"; what they print goes to out. */
void console_run(Console *c, const char *line, FILE *out);
/* Value of a cvar; "" and 0 for one that is not set. */
const char *console_get(const Console *c, const char *name);
long console_number(const Console *c, const char *name);
void console_set(Console *c, const char *name, const char *value);
/* Calls visit for each cvar, in order of their names. */
void console_each(const Console *c, void (*visit)(const char *name, const char *value, void *data),
                  void *data);
