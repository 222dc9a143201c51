/* --introspect: what the vtables say, without a bus: one end of a socket pair serves them, the other asks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bus/handlers.h"

static const struct {
        const char *interface;
        const sd_bus_vtable *vtable;
} interfaces[] = {
        {INTERFACE_BLUEPRINT, blueprint_vtable},
        {INTERFACE_INSTALLATION, installation_vtable},
        {INTERFACE_JOB, job_vtable},
        {INTERFACE_MANAGER, manager_vtable},
        {INTERFACE_OVERLAY, overlay_vtable},
        {INTERFACE_SERVER, server_vtable},
};

static int connect_pair(sd_bus **server, sd_bus **client)
{
        sd_id128_t id = {.qwords = {1, 2}};
        int fds[2];
        int r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;
        r = sd_bus_new(server);
        if (r >= 0)
                r = sd_bus_set_fd(*server, fds[0], fds[0]);
        if (r >= 0)
                r = sd_bus_set_server(*server, 1, id);
        if (r >= 0)
                r = sd_bus_set_anonymous(*server, 1);
        if (r >= 0)
                r = sd_bus_start(*server);
        if (r >= 0)
                r = sd_bus_new(client);
        if (r >= 0)
                r = sd_bus_set_fd(*client, fds[1], fds[1]);
        if (r >= 0)
                r = sd_bus_set_anonymous(*client, 1);
        return r < 0 ? r : sd_bus_start(*client);
}

typedef struct Answer {
        int result; /* 1 as long as there is none */
} Answer;

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Answer *answer = userdata;
        const char *xml;

        (void)error;
        answer->result = sd_bus_message_is_method_error(m, NULL) ? -EIO : sd_bus_message_read(m, "s", &xml);
        if (answer->result >= 0) {
                (void)fputs(xml, stdout);
                answer->result = 0;
        }
        return 0;
}

static int print(const char *interface, const sd_bus_vtable *vtable)
{
        __attribute__((cleanup(sd_bus_flush_close_unrefp))) sd_bus *server = NULL, *client = NULL;
        Answer answer = {1};
        int r = connect_pair(&server, &client);

        if (r >= 0)
                r = sd_bus_add_object_vtable(server, NULL, "/", interface, vtable, NULL);
        if (r >= 0)
                r = sd_bus_call_method_async(client, NULL, NULL, "/", "org.freedesktop.DBus.Introspectable",
                                             "Introspect", on_reply, &answer, "");
        while (r >= 0 && answer.result > 0) {
                int busy = sd_bus_process(server, NULL);

                if (busy >= 0) {
                        r = sd_bus_process(client, NULL);
                        busy += r;
                } else {
                        r = busy;
                }
                /* Neither had anything to do: wait for what one sent to reach the other. */
                if (r >= 0 && busy == 0)
                        r = sd_bus_wait(client, 1000);
        }
        return r < 0 ? r : answer.result;
}

int bus_print_introspection(const char *interface)
{
        if (!interface) {
                for (unsigned i = 0; i < G_N_ELEMENTS(interfaces); i++)
                        (void)printf("%s\n", interfaces[i].interface);
                return 0;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(interfaces); i++)
                if (strcmp(interfaces[i].interface, interface) == 0)
                        return print(interface, interfaces[i].vtable);
        return -ENOENT;
}
