/* left4me-managerd: arguments, signals, loop, notification of systemd; nothing else. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/layout.h"
#include "base/log.h"
#include "bus/bus.h"
#include "loop.h"

/* systemd answers nobody while it reloads all units, which takes longer than the usual 25 s on a busy host.
 */
#define CALL_TIMEOUT_USEC (90ULL * 1000 * 1000)

static int usage(FILE *stream, int code)
{
        (void)fputs(
                "left4me-managerd: the org.left4me.Manager service; started by systemd\n"
                "  --introspect[=INTERFACE]  print an interface's introspection, or the list of interfaces\n"
                "  --version                 print the version\n"
                "  --help                    print this\n",
                stream);
        return code;
}

/* SIGTERM and SIGINT end the loop. Blocked before the first call into GLib, which starts threads. */
static int handle_signals(sd_event *event)
{
        sigset_t set;
        int r;

        if (sigemptyset(&set) < 0 || sigaddset(&set, SIGTERM) < 0 || sigaddset(&set, SIGINT) < 0 ||
            sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
}

/* The bus lets everybody send a signal to somebody, and sd-bus believes that such a one comes from the name
 * that its match asks for. All that we listen to is sent to everybody, where the bus itself compares the
 * sender. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)userdata;
        (void)error;
        return sd_bus_message_is_signal(m, NULL, NULL) > 0 && sd_bus_message_get_destination(m) &&
               g_strcmp0(sd_bus_message_get_sender(m), "org.freedesktop.DBus") != 0;
}

static int serve(sd_event *event, sd_bus *connection)
{
        g_autoptr(Manager) m = manager_new(event);
        g_autoptr(Bus) b = NULL;
        g_autoptr(GError) error = NULL;
        int r;

        if (!manager_load(m, connection, L4_SETTINGS, &error)) {
                log_error("%s", error->message);
                return -EIO;
        }
        r = bus_new(connection, m, &b);
        if (r < 0) {
                log_error("cannot take the name " BUS_NAME ": %s", g_strerror(-r));
                return r;
        }
        (void)sd_notify(0, "READY=1\nSTATUS=Serving " BUS_NAME);
        r = loop_run(event);
        (void)sd_notify(0, "STOPPING=1\nSTATUS=Ending");
        (void)sd_bus_flush(connection);
        return r;
}

static int run(void)
{
        __attribute__((cleanup(sd_event_unrefp))) sd_event *event = NULL;
        __attribute__((cleanup(sd_bus_flush_close_unrefp))) sd_bus *connection = NULL;
        int r = sd_event_default(&event);

        if (r >= 0)
                r = handle_signals(event);
        if (r >= 0)
                r = sd_event_set_watchdog(event, true);
        if (r >= 0)
                r = sd_bus_open_system(&connection);
        if (r >= 0)
                r = sd_bus_add_filter(connection, NULL, on_message, NULL);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(connection, CALL_TIMEOUT_USEC);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(connection, true);
        if (r >= 0)
                r = sd_bus_attach_event(connection, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0) {
                log_error("cannot start: %s", g_strerror(-r));
                return r;
        }
        return serve(event, connection);
}

int main(int argc, char *argv[])
{
        static const struct option options[] = {
                {"introspect", optional_argument, NULL, 'i'},
                {"version", no_argument, NULL, 'v'},
                {"help", no_argument, NULL, 'h'},
                {NULL, 0, NULL, 0},
        };
        int c = getopt_long(argc, argv, "", options, NULL);

        switch (c) {
        case -1:
                break;
        case 'i':
                return bus_print_introspection(optarg) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        case 'v':
                (void)puts(L4_VERSION);
                return EXIT_SUCCESS;
        case 'h':
                return usage(stdout, EXIT_SUCCESS);
        default:
                return usage(stderr, 2);
        }
        if (optind < argc)
                return usage(stderr, 2);
        log_init("left4me-managerd");
        return run() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
