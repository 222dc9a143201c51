/* What the srcds stand-in says on its port: A2S over UDP, RCON over TCP. */
#pragma once

#include <stdint.h>

#include "console.h"

#define RCON_CLIENTS_MAX 32

typedef struct RconClient {
        int fd; /* -1: free */
        bool authenticated;
        uint8_t buffer[8192];
        size_t length;
        char *held; /* answers kept back for coalescing */
        size_t held_length;
} RconClient;

typedef struct Net {
        Console *console;
        int udp_fd;
        int tcp_fd; /* -1 without -ip: RCON is not reachable then */
        uint16_t port;
        int failures; /* wrong passwords so far */
        RconClient clients[RCON_CLIENTS_MAX];
} Net;

/* Takes UDP and TCP of the port; negative errno. */
int net_open(Net *n, Console *console, uint16_t port, bool with_rcon);
void net_close(Net *n);
void net_udp(Net *n);
/* New client on the listening socket; NULL where there is none. */
RconClient *net_accept(Net *n);
/* Bytes from a client; false once it is gone and closed. */
bool net_rcon(Net *n, RconClient *client);
