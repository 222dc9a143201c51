#include "log-control.h"

#include <string.h>

#include "base/log.h"
#include "bus/property.h"

static const char *const levels[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};
static const char *const targets[_LOG_TARGET_MAX] = {
        [LOG_TARGET_JOURNAL] = "journal",
        [LOG_TARGET_CONSOLE] = "console",
};

PROPERTY_GETTER(get_level, void, "s", levels[log_level()])
PROPERTY_GETTER(get_target, void, "s", targets[log_target()])
PROPERTY_GETTER(get_identifier, void, "s", log_identifier())

static int index_of(const char *const *names, unsigned n, const char *name)
{
        for (unsigned i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return (int)i;
        return -1;
}

static int set_level(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *value, void *userdata, sd_bus_error *error)
{
        const char *text;
        int level, r = sd_bus_message_read(value, "s", &text);

        (void)bus;
        (void)path;
        (void)interface;
        (void)property;
        (void)userdata;
        if (r < 0)
                return r;
        level = index_of(levels, G_N_ELEMENTS(levels), text);
        if (level < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "unknown log level");
        log_set_level(level);
        return 0;
}

static int set_target(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *value, void *userdata, sd_bus_error *error)
{
        const char *text;
        int target, r = sd_bus_message_read(value, "s", &text);

        (void)bus;
        (void)path;
        (void)interface;
        (void)property;
        (void)userdata;
        if (r < 0)
                return r;
        target = index_of(targets, _LOG_TARGET_MAX, text);
        if (target < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "unknown log target (journal, console)");
        log_set_target((LogTarget)target);
        return 0;
}

/* Without SD_BUS_VTABLE_UNPRIVILEGED writing takes root. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, 0),
        SD_BUS_VTABLE_END,
};

int log_control_add(sd_bus *connection)
{
        return sd_bus_add_object_vtable(connection, NULL, "/org/freedesktop/LogControl1",
                                        "org.freedesktop.LogControl1", vtable, NULL);
}
