/* Turns signals into a GCancellable. Promises that no signal interrupts a system call of the run itself. */
#include "cancel.h"

#include "output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define STALL_MAX_MSEC (120 * 1000)

static atomic_bool at_once;
static int cancel_fd = -EBADF; /* readable after a signal; open until the program ends */

static void signals(sigset_t *ret)
{
        (void)sigemptyset(ret);
        (void)sigaddset(ret, SIGTERM);
        (void)sigaddset(ret, SIGINT);
}

static void *wait_for_signal(void *userdata)
{
        GCancellable *cancel = userdata;
        sigset_t set;
        int sig;

        signals(&set);
        (void)sigwait(&set, &sig);
        g_cancellable_cancel(cancel);
        if (atomic_load(&at_once)) {
                g_autoptr(GError) error = NULL;

                (void)g_cancellable_set_error_if_cancelled(cancel, &error);
                output_error(error);
                _exit(EXIT_FAILURE);
        }
        return NULL;
}

GCancellable *cancel_new(void)
{
        GCancellable *cancel = g_cancellable_new();
        sigset_t set;

        signals(&set);
        (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
        cancel_fd = g_cancellable_get_fd(cancel);
        g_thread_unref(g_thread_new("signals", wait_for_signal, cancel));
        return cancel;
}

void cancel_ends_at_once(bool yes)
{
        atomic_store(&at_once, yes);
}

int cancel_poll(int fd, short events)
{
        struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};
        int r;

        do
                r = poll(p, G_N_ELEMENTS(p), STALL_MAX_MSEC);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return r < 0 ? -errno : -ETIMEDOUT;
        return p[1].revents != 0 ? -ECANCELED : 0;
}
