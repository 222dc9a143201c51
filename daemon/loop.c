#include "loop.h"

#include <glib.h>

typedef struct EventSource {
        GSource source;
        GPollFD poll;
        sd_event *event;
        GMainLoop *loop;
        int result;
} EventSource;

static gboolean prepare(GSource *source, gint *timeout)
{
        *timeout = -1;
        return sd_event_prepare(((EventSource *)source)->event) > 0;
}

static gboolean check(GSource *source)
{
        return sd_event_wait(((EventSource *)source)->event, 0) > 0;
}

/* sd_event_dispatch() returns 0 once the loop has finished: without the quit, SIGTERM would never end us. */
static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer userdata)
{
        EventSource *s = (EventSource *)source;
        int r = sd_event_dispatch(s->event);

        (void)callback;
        (void)userdata;
        if (r > 0)
                return G_SOURCE_CONTINUE;
        s->result = r;
        g_main_loop_quit(s->loop);
        return G_SOURCE_REMOVE;
}

int loop_run(sd_event *event)
{
        static GSourceFuncs functions = {.prepare = prepare, .check = check, .dispatch = dispatch};
        EventSource *s = (EventSource *)g_source_new(&functions, sizeof(EventSource));
        int code = 0, r;

        s->event = event;
        s->loop = g_main_loop_new(NULL, FALSE);
        s->poll.fd = sd_event_get_fd(event);
        s->poll.events = G_IO_IN | G_IO_HUP | G_IO_ERR;
        g_source_add_poll(&s->source, &s->poll);
        g_source_attach(&s->source, NULL);
        g_main_loop_run(s->loop);

        r = s->result;
        g_source_destroy(&s->source);
        g_main_loop_unref(s->loop);
        g_source_unref(&s->source);
        if (r < 0)
                return r;
        r = sd_event_get_exit_code(event, &code);
        return r < 0 ? r : code;
}
