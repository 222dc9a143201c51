/* See client.h. */
#include "common/client.h"

#include "common/errors.h"

static int open_bus(Transport transport, const char *host, sd_bus **ret)
{
        switch (transport) {
        case TRANSPORT_REMOTE:
                return sd_bus_open_system_remote(ret, host);
        case TRANSPORT_MACHINE:
                return sd_bus_open_system_machine(ret, host);
        case TRANSPORT_LOCAL:
        default:
                return sd_bus_open_system_with_description(ret, "left4mectl");
        }
}

int client_new(Transport transport, const char *host, bool may_ask, Client **ret)
{
        g_autoptr(Client) client = g_new0(Client, 1);
        int r;

        client->transport = transport;
        client->may_ask = may_ask;

        r = sd_event_default(&client->event);
        if (r < 0)
                return r;
        r = open_bus(transport, host, &client->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(client->bus, client->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&client);
        return 0;
}

Client *client_free(Client *client)
{
        if (!client)
                return NULL;

        agent_free(client->agent);
        sd_bus_flush_close_unref(client->bus);
        sd_event_unref(client->event);
        g_free(client);
        return NULL;
}

int client_new_read(Client *client, const char *path, const char *interface, const char *member,
                    sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(client->bus, ret, L4_BUS_NAME, path, interface, member);
}

int client_new_call(Client *client, const char *path, const char *interface, const char *member,
                    sd_bus_message **ret)
{
        sd_bus_message *m = NULL;
        int r;

        r = client_new_read(client, path, interface, member, &m);
        if (r < 0)
                return r;

        if (client->may_ask) {
                /* A graphical agent may be there, so that ours is missing is no reason to give up. */
                if (!client->asked && client->transport == TRANSPORT_LOCAL)
                        (void)agent_new(&client->agent);
                client->asked = true;

                r = sd_bus_message_set_allow_interactive_authorization(m, true);
                if (r < 0) {
                        sd_bus_message_unref(m);
                        return r;
                }
        }

        *ret = m;
        return 0;
}

int client_call(Client *client, sd_bus_message *call, sd_bus_error *error, sd_bus_message **ret_reply)
{
        return sd_bus_call(client->bus, call, CLIENT_CALL_USEC, error, ret_reply);
}

char *client_error_text(const sd_bus_error *error)
{
        const char *text = error->message && *error->message ? error->message : error->name;

        if (errors_exit_code(error->name) == EXIT_UNREACHABLE)
                return g_strdup_printf("Cannot reach the manager: %s", text);
        return g_strdup(text);
}

int client_resolve(Client *client, const char *method, const char *name, sd_bus_error *error, char **ret_path)
{
        sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(client->bus, L4_BUS_NAME, L4_PATH_MANAGER, L4_IFACE_MANAGER, method, error,
                               &reply, "s", name);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                *ret_path = g_strdup(path);
        sd_bus_message_unref(reply);
        return r;
}
