/* See progress.h. */
#include "common/progress.h"

#include "common/escape.h"
#include "common/output.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRAW_EVERY_USEC (G_USEC_PER_SEC / 10)
#define BAR_MAX 40
#define BAR_MIN 8

Progress progress_init(void)
{
        const char *term = getenv("TERM");

        return (Progress){.enabled = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0};
}

static size_t terminal_columns(void)
{
        struct winsize size;

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void append_figures(GString *out, const ProgressState *state)
{
        g_autofree char *done = output_format_size(state->done);

        if (state->valid)
                g_string_append_printf(out, " %3.0f%%", CLAMP(state->fraction, 0, 1) * 100);
        if (state->done == 0)
                return;

        g_string_append_printf(out, "  %s", done);
        if (state->total > 0) {
                g_autofree char *total = output_format_size(state->total);

                g_string_append_printf(out, " of %s", total);
        }
        if (state->usec > 0) {
                double per_second = (double)state->done * G_USEC_PER_SEC / (double)state->usec;
                g_autofree char *rate = output_format_size((uint64_t)per_second);

                g_string_append_printf(out, ", %s/s", rate);
        }
}

char *progress_format(const char *label, const ProgressState *state, size_t columns)
{
        g_autoptr(GString) figures = g_string_new(NULL);
        GString *line = g_string_new(label);
        size_t used, bar, full;

        append_figures(figures, state);
        used = (size_t)g_utf8_strlen(label, -1) + (size_t)g_utf8_strlen(figures->str, -1);

        /* The last column stays free: some terminals wrap when it is written. */
        if (state->valid && used + BAR_MIN + 4 <= columns) {
                bar = MIN(columns - used - 4, BAR_MAX);
                full = (size_t)(CLAMP(state->fraction, 0, 1) * (double)bar);
                g_string_append(line, " [");
                for (size_t i = 0; i < bar; i++)
                        g_string_append_c(line, i < full ? '#' : '-');
                g_string_append_c(line, ']');
        }
        g_string_append(line, figures->str);

        if ((size_t)g_utf8_strlen(line->str, -1) >= columns)
                g_string_truncate(
                        line, (gsize)(g_utf8_offset_to_pointer(line->str, (glong)columns - 1) - line->str));
        return g_string_free(line, FALSE);
}

void progress_draw(Progress *progress, const char *label, const ProgressState *state)
{
        uint64_t now = (uint64_t)g_get_monotonic_time();
        g_autofree char *escaped = NULL, *line = NULL;

        if (!progress->enabled || (progress->drawn && now - progress->drawn_usec < DRAW_EVERY_USEC))
                return;

        escaped = escape_terminal(label);
        line = progress_format(escaped, state, terminal_columns());
        fprintf(stderr, "\r%s\033[K", line);
        (void)fflush(stderr);
        progress->drawn = true;
        progress->drawn_usec = now;
}

void progress_clear(Progress *progress)
{
        if (!progress->drawn)
                return;

        fputs("\r\033[K", stderr);
        (void)fflush(stderr);
        progress->drawn = false;
}
