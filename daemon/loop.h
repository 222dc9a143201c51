/* One loop for sd-bus, which needs an sd-event loop, and polkit's library, which needs a GLib main loop: the
 * GLib loop hosts the other as a source. */
#pragma once

#include <systemd/sd-event.h>

/* Runs both until the sd-event loop exits; returns its exit code or a negative errno. */
int loop_run(sd_event *event);
