/* Which port a server gets: neither another definition nor a socket of the host has it. */
#pragma once

#include "core/server.h"

/* Gives *port the lowest free one of the range if it is 0, else checks it. self: the server that it is for,
 * or NULL for a new one. L4_ERROR_PORT_IN_USE, L4_ERROR_NO_FREE_PORT, L4_ERROR_INVALID_ARGS. */
bool server_choose_port(Manager *m, uint16_t *port, const Server *self, GError **error);
