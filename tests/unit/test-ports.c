/* Ports of sockets that this very program has open are seen, and not any more once they are closed. */
#include "host/ports.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

/* Binds to a free port that the kernel chooses; returns the socket. */
static int bind_any(int family, int type, uint16_t *ret_port)
{
        struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
        socklen_t size = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        int fd = socket(family, type | SOCK_CLOEXEC, 0);

        if (fd < 0 && errno == EAFNOSUPPORT)
                return -EAFNOSUPPORT;
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)(void *)&address, size), ==, 0);
        if (type == SOCK_STREAM)
                g_assert_cmpint(listen(fd, 1), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)(void *)&address, &size), ==, 0);
        *ret_port = ntohs(family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                             : ((struct sockaddr_in *)(void *)&address)->sin_port);
        return fd;
}

static void check(int family, int type, PortUse use)
{
        g_autofree PortMap *map = g_new(PortMap, 1);
        uint16_t port = 0;
        int fd = bind_any(family, type, &port);

        if (fd == -EAFNOSUPPORT) {
                g_test_fail_printf("this kernel has no such sockets");
                return;
        }
        memset(map, 0xff, sizeof(*map));
        g_assert_cmpint(ports_query(map), ==, 0);
        g_assert_cmpuint(map->use[port] & use, ==, use);
        (void)close(fd);
        g_assert_cmpint(ports_query(map), ==, 0);
        g_assert_cmpuint(map->use[port] & use, ==, 0);
}

static void test_udp4(void)
{
        check(AF_INET, SOCK_DGRAM, PORT_UDP);
}

static void test_udp6(void)
{
        check(AF_INET6, SOCK_DGRAM, PORT_UDP);
}

static void test_tcp4(void)
{
        check(AF_INET, SOCK_STREAM, PORT_TCP);
}

static void test_tcp6(void)
{
        check(AF_INET6, SOCK_STREAM, PORT_TCP);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ports/udp4", test_udp4);
        g_test_add_func("/ports/udp6", test_udp6);
        g_test_add_func("/ports/tcp4", test_tcp4);
        g_test_add_func("/ports/tcp6", test_tcp6);
        return g_test_run();
}
