/* The uid of a server, made known to systemd: userdb records that nss-systemd reads, and the drop-in that
 * gives the unit its User=. docs/architecture.md, "A server's uid". Touches /etc/userdb and
 * /etc/systemd/system. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Identity {
        const char *server; /* a valid name */
        uint32_t uid;       /* of UID_RANGE_FIRST to UID_RANGE_LAST */
        uint16_t port;      /* what the unit may bind, where systemd can restrict that */
} Identity;

/* Writes what differs from what is there, durably. *ret_changed: the drop-in was written, so a loaded unit
 * needs a reload of systemd. L4_ERROR_FAILED. */
bool identity_write(const Identity *identity, bool *ret_changed, GError **error);
/* Removes all of it; what is not there is no error. */
bool identity_remove(const Identity *identity, GError **error);
