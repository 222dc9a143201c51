/* D-Bus values as JSON values. Touches nothing. */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Reads one complete value where the message stands: dictionaries become objects, structures and arrays
 * become arrays, variants what they hold. Object keys are in snake_case, as all JSON of left4mectl
 * ("mount-point" and "MountPoint" are "mount_point"), except object paths and interface names, which stay.
 * Negative errno. */
int message_read_json(sd_bus_message *m, json_t **ret);
