/* Writes standard output and the notification socket, nothing else; promises whole lines and a single last
 * line. */
#include "output.h"

#include "base/error.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define PROGRESS_INTERVAL (100 * G_TIME_SPAN_MILLISECOND)

static struct {
        GMutex lock; /* the thread that waits for signals may end the run too */
        bool over;
        gint64 progress_at;
} output;

static bool write_line(json_t *line)
{
        g_autofree char *text = json_dumps(line, JSON_COMPACT);
        g_autofree char *whole = text ? g_strconcat(text, "\n", NULL) : NULL;
        ssize_t n;

        json_decref(line);
        if (!whole)
                return false;
        do
                n = write(STDOUT_FILENO, whole, strlen(whole));
        while (n < 0 && errno == EINTR);
        if (n == (ssize_t)strlen(whole))
                return true;
        (void)fprintf(stderr, "cannot write the output: %s\n", n < 0 ? g_strerror(errno) : "no space");
        return false;
}

static bool write_last_line(json_t *line)
{
        bool first;

        g_mutex_lock(&output.lock);
        first = !output.over;
        output.over = true;
        if (first)
                first = write_line(line);
        else
                json_decref(line);
        g_mutex_unlock(&output.lock);
        return first;
}

void output_status(const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = g_strdup_vprintf(format, ap);
        va_end(ap);
        (void)sd_notifyf(0, "STATUS=%s", text);
}

void output_progress(uint64_t done, uint64_t total)
{
        gint64 now = g_get_monotonic_time();

        g_mutex_lock(&output.lock);
        if (!output.over && (output.progress_at == 0 || now - output.progress_at >= PROGRESS_INTERVAL)) {
                output.progress_at = now;
                (void)write_line(json_pack("{s:{s:I,s:I}}", "progress", "done", (json_int_t)done, "total",
                                           (json_int_t)total));
        }
        g_mutex_unlock(&output.lock);
}

bool output_result(json_t *members)
{
        return write_last_line(json_pack("{s:o}", "result", members));
}

void output_error(const GError *error)
{
        g_autofree char *message = g_utf8_make_valid(error->message, -1);
        L4Error code = L4_ERROR_STORE_FAILED;

        if (error->domain == L4_ERROR)
                code = (L4Error)error->code;
        else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
                code = L4_ERROR_CANCELLED;
                g_free(message);
                message = g_strdup("the run was stopped before it was done; nothing was changed");
        }
        if (write_last_line(json_pack("{s:{s:s,s:s}}", "error", "name", l4_error_dbus_name(code), "message",
                                      message)))
                (void)fprintf(stderr, "%s: %s\n", l4_error_dbus_name(code), message);
}
