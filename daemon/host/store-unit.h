/* The transient unit of a store run as the property array that systemd takes: one table of hardening, no text
 * that somebody parses. Touches nothing. */
#pragma once

#include "systemd.h"

/* Appends a(sv). */
int store_unit_append(sd_bus_message *m, const StoreUnit *unit);
