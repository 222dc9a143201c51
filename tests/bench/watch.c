/* Prints every message on the system bus as it passes, one JSON line each with the microseconds of
 * CLOCK_MONOTONIC, as root, until standard input ends: where the time of a start goes. Prints "ready" once it
 * sees everything. */
#include "common.h"

#include <poll.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define LAST_MSEC 50 /* what the bus still has for us when nobody wants more */

static const char *text(const char *s)
{
        return s ? s : "";
}

static void print(sd_bus_message *m)
{
        double usec = now_usec();
        const char *first = "";
        uint64_t serial = 0, reply = 0;
        uint8_t type = 0;
        char first_type = 0;

        (void)sd_bus_message_get_type(m, &type);
        (void)sd_bus_message_get_cookie(m, &serial);
        (void)sd_bus_message_get_reply_cookie(m, &reply);
        if (sd_bus_message_peek_type(m, &first_type, NULL) > 0 && (first_type == 's' || first_type == 'o'))
                (void)sd_bus_message_read_basic(m, first_type, &first);
        (void)printf("{\"usec\": %.1f, \"type\": %u, \"serial\": %llu, \"reply\": %llu, \"sender\": \"%s\","
                     " \"destination\": \"%s\", \"path\": \"%s\", \"interface\": \"%s\", \"member\": \"%s\","
                     " \"first\": \"%s\"}\n",
                     usec, type, (unsigned long long)serial, (unsigned long long)reply,
                     text(sd_bus_message_get_sender(m)), text(sd_bus_message_get_destination(m)),
                     text(sd_bus_message_get_path(m)), text(sd_bus_message_get_interface(m)),
                     text(sd_bus_message_get_member(m)), strpbrk(first, "\"\\\n") ? "" : first);
}

static sd_bus *open_monitor(void)
{
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        sd_bus *bus = NULL;

        (void)must(sd_bus_new(&bus), "bus");
        (void)must(sd_bus_set_address(bus, address ? address : "unix:path=/run/dbus/system_bus_socket"),
                   "address");
        (void)must(sd_bus_set_bus_client(bus, 1), "client");
        (void)must(sd_bus_set_monitor(bus, 1), "monitor");
        (void)must(sd_bus_start(bus), "system bus");
        (void)must(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                      "org.freedesktop.DBus.Monitoring", "BecomeMonitor", NULL, NULL, "asu",
                                      0, 0),
                   "BecomeMonitor");
        return bus;
}

int main(void)
{
        sd_bus *bus = open_monitor();
        bool ended = false;

        (void)printf("ready\n");
        (void)fflush(stdout);
        for (;;) {
                sd_bus_message *m = NULL;
                int r = must(sd_bus_process(bus, &m), "bus");

                if (m)
                        print(m);
                sd_bus_message_unref(m);
                if (r == 0) {
                        struct pollfd fds[] = {{.fd = sd_bus_get_fd(bus), .events = POLLIN},
                                               {.fd = STDIN_FILENO, .events = POLLIN}};

                        (void)fflush(stdout);
                        (void)must(poll(fds, ended ? 1 : 2, ended ? LAST_MSEC : -1), "poll");
                        if (ended && !fds[0].revents)
                                break;
                        ended = ended || fds[1].revents;
                }
        }
        sd_bus_close_unref(bus);
        return EXIT_SUCCESS;
}
