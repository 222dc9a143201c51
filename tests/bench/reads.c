/* Times calls that read, round robin, so that all of them see the same noise: reads ROUNDS SERVER. One
 * persistent connection, as whoever runs it. */
#include "common.h"

#include <systemd/sd-bus.h>

#define LEFT4ME "org.left4me.Manager"
#define SYSTEMD "org.freedesktop.systemd1"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define SYSTEMD_UNIT "/org/freedesktop/systemd1/unit/dbus_2eservice"

typedef struct Read {
        const char *name, *destination, *path, *interface, *method, *types;
        const char *first, *second;
        unsigned every; /* only in each of so many rounds */
} Read;

static double run(sd_bus *bus, const Read *read)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        double began = now_usec();
        int r = sd_bus_call_method(bus, read->destination, read->path, read->interface, read->method, &error,
                                   &reply, read->types, read->first, read->second);
        double usec = now_usec() - began;

        if (r < 0)
                die(error.message ? error.message : read->name, r);
        sd_bus_message_unref(reply);
        return usec;
}

int main(int argc, char **argv)
{
        char path[128];
        const Read reads[] = {
                {"ping-left4me", LEFT4ME, "/", "org.freedesktop.DBus.Peer", "Ping", "", NULL, NULL, 1},
                {"ping-systemd", SYSTEMD, "/", "org.freedesktop.DBus.Peer", "Ping", "", NULL, NULL, 1},
                {"get-state", LEFT4ME, path, PROPERTIES, "Get", "ss", "org.left4me.Server", "State", 1},
                {"get-active-state", SYSTEMD, SYSTEMD_UNIT, PROPERTIES, "Get", "ss", SYSTEMD ".Unit",
                 "ActiveState", 1},
                {"get-all", LEFT4ME, path, PROPERTIES, "GetAll", "s", "org.left4me.Server", NULL, 1},
                {"get-all-systemd", SYSTEMD, SYSTEMD_UNIT, PROPERTIES, "GetAll", "s", SYSTEMD ".Unit", NULL,
                 1},
                {"get-server", LEFT4ME, "/org/left4me/Manager", LEFT4ME, "GetServer", "s",
                 argc == 3 ? argv[2] : "", NULL, 1},
                {"managed-objects", LEFT4ME, "/org/left4me", "org.freedesktop.DBus.ObjectManager",
                 "GetManagedObjects", "", NULL, NULL, 20},
        };
        enum { N = sizeof reads / sizeof reads[0] };
        Samples samples[N];
        sd_bus *bus = NULL;
        unsigned rounds;

        if (argc != 3) {
                (void)fprintf(stderr, "Usage: reads ROUNDS SERVER\n");
                return 2;
        }
        rounds = (unsigned)strtoul(argv[1], NULL, 10);
        (void)snprintf(path, sizeof path, "/org/left4me/server/%s", argv[2]);
        (void)must(sd_bus_open_system(&bus), "system bus");
        for (unsigned i = 0; i < N; i++) {
                samples[i] = samples_new(reads[i].name, rounds);
                (void)run(bus, &reads[i]);
        }
        for (unsigned round = 0; round < rounds; round++)
                for (unsigned i = 0; i < N; i++)
                        if (round % reads[i].every == 0)
                                samples_add(&samples[i], run(bus, &reads[i]));
        for (unsigned i = 0; i < N; i++)
                samples_print(&samples[i]);
        sd_bus_flush_close_unref(bus);
        return EXIT_SUCCESS;
}
