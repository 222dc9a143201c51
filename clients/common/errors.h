/* What a failed call means to the caller of a command: one table of D-Bus error names and exit codes.
 * Touches nothing. */
#pragma once

enum {
        EXIT_OK = 0,
        EXIT_FAILED = 1,
        EXIT_USAGE = 2,
        EXIT_NOT_RUNNING = 3,
        EXIT_NO_SUCH_OBJECT = 4,
        EXIT_UNREACHABLE = 69,  /* EX_UNAVAILABLE of sysexits(3) */
        EXIT_DENIED = 77,       /* EX_NOPERM of sysexits(3) */
        EXIT_INTERRUPTED = 130, /* 128 + SIGINT, as shells report it */
};

/* Exit code of a D-Bus error name; EXIT_FAILED for NULL and for names that are not in the table. */
int errors_exit_code(const char *name);

/* Joins the codes of several parts of one command: 0 where none failed, the common code where all that failed
 * agree, EXIT_FAILED where they do not. */
int errors_join(int a, int b);
