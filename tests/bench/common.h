/* What the bench programs share: a clock, a way to die, and lists of samples printed as JSON for
 * tests/bench/run. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Anything that goes wrong ends the program: a figure of a half-done run is worth nothing. r: negative errno.
 */
_Noreturn static inline void die(const char *what, int r)
{
        (void)fprintf(stderr, "%s: %s\n", what, strerror(r < 0 ? -r : r));
        exit(EXIT_FAILURE);
}

static inline int must(int r, const char *what)
{
        if (r < 0)
                die(what, r);
        return r;
}

static inline double now_usec(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

typedef struct Samples {
        const char *name;
        double *values;
        unsigned n, max;
} Samples;

static inline Samples samples_new(const char *name, unsigned max)
{
        double *values = calloc(max, sizeof *values);

        if (!values)
                die("memory", -12);
        return (Samples){name, values, 0, max};
}

static inline void samples_add(Samples *s, double usec)
{
        if (s->n < s->max)
                s->values[s->n++] = usec;
}

/* One line, {"name": ..., "usec": [...]}; frees the values. */
static inline void samples_print(Samples *s)
{
        (void)printf("{\"name\": \"%s\", \"usec\": [", s->name);
        for (unsigned i = 0; i < s->n; i++)
                (void)printf("%s%.1f", i ? ", " : "", s->values[i]);
        (void)printf("]}\n");
        free(s->values);
}
