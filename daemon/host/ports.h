/* Which ports the host's sockets have, UDP and TCP, IPv4 and IPv6. Touches a netlink socket, nothing else. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum PortUse {
        PORT_UDP = 1 << 0,
        PORT_TCP = 1 << 1,
} PortUse;

typedef struct PortMap {
        uint8_t use[UINT16_MAX + 1]; /* PortUse by port */
} PortMap;

/* Asks the kernel (sock_diag(7)). Returns a negative errno. */
int ports_query(PortMap *ret);
