/* A progress bar of one line on standard error, for jobs that say how far they are. Touches standard error,
 * and only where that is a terminal that can move its cursor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Progress {
        bool enabled;
        bool drawn;          /* a bar stands on the line now */
        uint64_t drawn_usec; /* when it was drawn last, CLOCK_MONOTONIC */
} Progress;

typedef struct ProgressState {
        bool valid;      /* fraction is known */
        double fraction; /* 0.0 to 1.0 */
        uint64_t done;   /* bytes */
        uint64_t total;  /* bytes, 0 where unknown */
        uint64_t usec;   /* time that done took */
} ProgressState;

Progress progress_init(void);
/* Draws at most ten times a second. label is escaped here. */
void progress_draw(Progress *progress, const char *label, const ProgressState *state);
void progress_clear(Progress *progress);

/* The line for a terminal of that many columns (g_free); label must be harmless already. */
char *progress_format(const char *label, const ProgressState *state, size_t columns);
