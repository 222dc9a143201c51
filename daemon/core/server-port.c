#include "server-port.h"

#include "base/error.h"
#include "host/ports.h"

static Server *server_with_port(Manager *m, uint16_t port)
{
        GHashTableIter iter;
        gpointer s;

        g_hash_table_iter_init(&iter, m->servers);
        while (g_hash_table_iter_next(&iter, NULL, &s))
                if (((Server *)s)->port == port)
                        return s;
        return NULL;
}

static bool check_port(Manager *m, uint16_t port, const Server *self, const PortMap *map, GError **error)
{
        const Server *other = server_with_port(m, port);

        if (port == 0) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "port 0 is none");
                return false;
        }
        if (other && other != self) {
                g_set_error(error, L4_ERROR, L4_ERROR_PORT_IN_USE, "port %u is server '%s's", port,
                            other->name);
                return false;
        }
        /* A server that keeps its port may have it open itself. */
        if (!other && map->use[port]) {
                g_set_error(error, L4_ERROR, L4_ERROR_PORT_IN_USE, "port %u: a %s socket of this host has it",
                            port, map->use[port] & PORT_UDP ? "UDP" : "TCP");
                return false;
        }
        return true;
}

static bool query_ports(PortMap **ret, GError **error)
{
        g_autofree PortMap *map = g_new(PortMap, 1);
        int r = ports_query(map);

        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, r, "cannot list the host's sockets"), false;
        *ret = g_steal_pointer(&map);
        return true;
}

static bool lowest_free_port(Manager *m, const PortMap *map, uint16_t *ret)
{
        g_autofree bool *defined = g_new0(bool, UINT16_MAX + 1);
        GHashTableIter iter;
        gpointer s;

        g_hash_table_iter_init(&iter, m->servers);
        while (g_hash_table_iter_next(&iter, NULL, &s))
                defined[((Server *)s)->port] = true;
        for (unsigned port = m->settings.port_first; port <= m->settings.port_last; port++)
                if (!map->use[port] && !defined[port]) {
                        *ret = (uint16_t)port;
                        return true;
                }
        return false;
}

bool server_choose_port(Manager *m, uint16_t *port, const Server *self, GError **error)
{
        g_autofree PortMap *map = NULL;

        if (!query_ports(&map, error))
                return false;
        if (*port != 0)
                return check_port(m, *port, self, map, error);
        if (lowest_free_port(m, map, port))
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_NO_FREE_PORT, "no port from %u to %u is free",
                    m->settings.port_first, m->settings.port_last);
        return false;
}
