#include "ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

/* What libmnl recommends at most (MNL_SOCKET_BUFFER_SIZE is not a constant). */
#define BUFFER_SIZE 8192

typedef struct Collect {
        PortMap *map;
        PortUse use;
} Collect;

static int on_socket(const struct nlmsghdr *header, void *userdata)
{
        const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);
        Collect *collect = userdata;

        if (mnl_nlmsg_get_payload_len(header) >= sizeof(*message))
                collect->map->use[ntohs(message->id.idiag_sport)] |= (uint8_t)collect->use;
        return MNL_CB_OK;
}

static int dump(struct mnl_socket *netlink, unsigned sequence, uint8_t family, uint8_t protocol,
                Collect *collect)
{
        char buffer[BUFFER_SIZE];
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        struct inet_diag_req_v2 *request;

        header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
        header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        header->nlmsg_seq = sequence;
        request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
        request->sdiag_family = family;
        request->sdiag_protocol = protocol;
        request->idiag_states = UINT32_MAX;
        if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
                return -errno;

        for (;;) {
                ssize_t n = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));
                int r;

                if (n < 0)
                        return -errno;
                r = mnl_cb_run(buffer, (size_t)n, sequence, mnl_socket_get_portid(netlink), on_socket,
                               collect);
                if (r < 0)
                        return -errno;
                if (r == MNL_CB_STOP)
                        return 0;
        }
}

int ports_query(PortMap *ret)
{
        static const struct {
                uint8_t family, protocol;
                PortUse use;
        } dumps[] = {
                {AF_INET, IPPROTO_UDP, PORT_UDP},
                {AF_INET6, IPPROTO_UDP, PORT_UDP},
                {AF_INET, IPPROTO_TCP, PORT_TCP},
                {AF_INET6, IPPROTO_TCP, PORT_TCP},
        };
        struct mnl_socket *netlink = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
        int r = 0;

        if (!netlink)
                return -errno;
        memset(ret, 0, sizeof(*ret));
        if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0)
                r = -errno;
        for (unsigned i = 0; r == 0 && i < G_N_ELEMENTS(dumps); i++) {
                Collect collect = {ret, dumps[i].use};

                r = dump(netlink, i + 1, dumps[i].family, dumps[i].protocol, &collect);
        }
        (void)mnl_socket_close(netlink);
        return r;
}
