/* org.freedesktop.LogControl1: level and target of the log at run time, for root. */
#pragma once

#include <systemd/sd-bus.h>

int log_control_add(sd_bus *connection);
