/* A2S and RCON of the srcds stand-in, with the habits of real servers. Cvars switch the nasty ones on:
 *   standin_a2s_challenge 0   answer A2S_INFO at once, as servers before the challenge did
 *   standin_a2s_silent 1      drop queries, as under a flood
 *   standin_a2s_split N       split answers above N bytes
 *   standin_rcon_coalesce 1   several packets in one segment
 *   standin_rcon_trickle 1    one byte a segment
 *   standin_rcon_big 1        a long answer as one packet of 4119 bytes
 *   standin_rcon_closes 1     close on the empty packet that marks the end of a long answer
 *   standin_rcon_silent 1     never answer a command */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

#define A2S_CHALLENGE 0x4c344432U
#define RCON_AUTH 3U
#define RCON_EXEC 2U
#define RCON_AUTH_RESPONSE 2U
#define RCON_RESPONSE 0U
#define RCON_BODY_MAX 4086U      /* 4096 with id, type and the two NULs */
#define RCON_BODY_OVERSIZE 4105U /* makes a packet of 4119 bytes on the wire */

static void put_u16(FILE *out, uint16_t v)
{
        (void)fputc(v & 0xff, out);
        (void)fputc(v >> 8, out);
}

static void put_u32(FILE *out, uint32_t v)
{
        put_u16(out, (uint16_t)(v & 0xffff));
        put_u16(out, (uint16_t)(v >> 16));
}

static void put_text(FILE *out, const char *text)
{
        (void)fputs(text, out);
        (void)fputc('\0', out);
}

static uint32_t get_u32(const uint8_t *p)
{
        return (uint32_t)p[0] | (uint32_t)p[1] << 8U | (uint32_t)p[2] << 16U | (uint32_t)p[3] << 24U;
}

int net_open(Net *n, Console *console, uint16_t port, bool with_rcon)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
        int yes = 1;
        int r = 0;

        *n = (Net){.console = console, .udp_fd = -1, .tcp_fd = -1, .port = port};
        for (size_t i = 0; i < RCON_CLIENTS_MAX; i++)
                n->clients[i].fd = -1;
        n->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (n->udp_fd < 0 || bind(n->udp_fd, (struct sockaddr *)&address, sizeof address) < 0)
                r = -errno;
        if (r == 0 && with_rcon) {
                n->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (n->tcp_fd < 0 || setsockopt(n->tcp_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
                    bind(n->tcp_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
                    listen(n->tcp_fd, 16) < 0)
                        r = -errno;
        }
        if (r < 0)
                net_close(n);
        return r;
}

static void close_client(RconClient *client)
{
        if (client->fd >= 0)
                (void)close(client->fd);
        free(client->held);
        *client = (RconClient){.fd = -1};
}

void net_close(Net *n)
{
        for (size_t i = 0; i < RCON_CLIENTS_MAX; i++)
                close_client(&n->clients[i]);
        if (n->udp_fd >= 0)
                (void)close(n->udp_fd);
        if (n->tcp_fd >= 0)
                (void)close(n->tcp_fd);
        n->udp_fd = n->tcp_fd = -1;
}

/* A2S */

static void answer_info(const Net *n, FILE *out)
{
        const Console *c = n->console;

        (void)fputc('I', out);
        (void)fputc(17, out);
        put_text(out, console_get(c, "hostname"));
        put_text(out, c->map);
        put_text(out, GAME);
        put_text(out, "Left 4 Dead 2");
        put_u16(out, 550);
        (void)fputc((int)console_number(c, "standin_players"), out);
        (void)fputc((int)console_number(c, "maxplayers"), out);
        (void)fputc(0, out);
        (void)fputs("dl", out);
        (void)fputc(*console_get(c, "sv_password") ? 1 : 0, out);
        (void)fputc(1, out);
        put_text(out, "2.2.4.3");
        (void)fputc(0x80 | 0x20, out);
        put_u16(out, n->port);
        put_text(out, console_get(c, "sv_tags"));
}

static void answer_players(const Net *n, FILE *out)
{
        long players = console_number(n->console, "standin_players");

        (void)fputc('D', out);
        (void)fputc((int)players, out);
        for (long i = 0; i < players; i++) {
                char name[64];

                (void)snprintf(name, sizeof name, "player %ld", i + 1);
                (void)fputc((int)i, out);
                put_text(out, name);
                put_u32(out, (uint32_t)i * 10);
                put_u32(out, 0x42280000U); /* 42.0 as a float */
        }
}

/* No client may read these. */
static bool is_secret(const char *name)
{
        return strstr(name, "password");
}

static void count_rule(const char *name, const char *value, void *data)
{
        (void)value;
        if (!is_secret(name))
                ++*(uint16_t *)data;
}

static void put_rule(const char *name, const char *value, void *data)
{
        if (is_secret(name))
                return;
        put_text(data, name);
        put_text(data, value);
}

static void answer_rules(const Net *n, FILE *out)
{
        uint16_t count = 0;

        console_each(n->console, count_rule, &count);
        (void)fputc('E', out);
        put_u16(out, count);
        console_each(n->console, put_rule, out);
}

static void send_datagram(const Net *n, const struct sockaddr_in *to, const char *data, size_t size)
{
        (void)sendto(n->udp_fd, data, size, 0, (const struct sockaddr *)to, sizeof *to);
}

/* Header of a part: -2, id, total, number, size of a full part. */
static void send_split(const Net *n, const struct sockaddr_in *to, const char *data, size_t size, size_t part)
{
        size_t total = (size + part - 1) / part;
        static uint32_t id;

        id++;
        for (size_t i = 0; i < total; i++) {
                char *packet = NULL;
                size_t length = 0;
                FILE *out = open_memstream(&packet, &length);

                if (!out)
                        abort();
                put_u32(out, 0xfffffffeU);
                put_u32(out, id);
                (void)fputc((int)total, out);
                (void)fputc((int)i, out);
                put_u16(out, (uint16_t)part);
                (void)fwrite(data + i * part, 1, i + 1 < total ? part : size - i * part, out);
                (void)fclose(out);
                send_datagram(n, to, packet, length);
                free(packet);
        }
}

void net_udp(Net *n)
{
        uint8_t query[1400];
        struct sockaddr_in from = {0};
        socklen_t from_length = sizeof from;
        static const char info[] = "Source Engine Query";
        ssize_t size = recvfrom(n->udp_fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_length);

        if (size < 5 || get_u32(query) != 0xffffffffU || console_number(n->console, "standin_a2s_silent"))
                return;
        size_t challenge_at = 5;
        if (query[4] == 'T') {
                if ((size_t)size < 5 + sizeof info || memcmp(query + 5, info, sizeof info) != 0)
                        return;
                challenge_at += sizeof info;
        } else if (query[4] != 'U' && query[4] != 'V') {
                return;
        }
        bool challenged = (size_t)size >= challenge_at + 4 && get_u32(query + challenge_at) == A2S_CHALLENGE;
        if (query[4] == 'T' && !console_number(n->console, "standin_a2s_challenge"))
                challenged = true;

        char *answer = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&answer, &length);
        if (!out)
                abort();
        put_u32(out, 0xffffffffU);
        if (!challenged) {
                (void)fputc('A', out);
                put_u32(out, A2S_CHALLENGE);
        } else if (query[4] == 'T') {
                answer_info(n, out);
        } else if (query[4] == 'U') {
                answer_players(n, out);
        } else {
                answer_rules(n, out);
        }
        (void)fclose(out);

        long part = console_number(n->console, "standin_a2s_split");
        if (part <= 0)
                part = 1248;
        if (length > (size_t)part)
                send_split(n, &from, answer, length, (size_t)part);
        else
                send_datagram(n, &from, answer, length);
        free(answer);
}

/* RCON */

RconClient *net_accept(Net *n)
{
        int fd = accept4(n->tcp_fd, NULL, NULL, SOCK_CLOEXEC);
        int yes = 1;

        if (fd < 0)
                return NULL;
        for (size_t i = 0; i < RCON_CLIENTS_MAX; i++)
                if (n->clients[i].fd < 0 && n->failures < console_number(n->console, "sv_rcon_maxfailures")) {
                        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                        n->clients[i].fd = fd;
                        return &n->clients[i];
                }
        (void)close(fd); /* too many of them, or the address is banned */
        return NULL;
}

static void send_bytes(const Net *n, const RconClient *client, const char *data, size_t size)
{
        size_t step = console_number(n->console, "standin_rcon_trickle") ? 1 : size;

        while (size > 0) {
                ssize_t sent = send(client->fd, data, step < size ? step : size, MSG_NOSIGNAL);

                if (sent <= 0)
                        return;
                data += sent;
                size -= (size_t)sent;
        }
}

/* Appends a packet to what goes to the client; send_held() lets it go. */
static void hold_packet(RconClient *client, uint32_t id, uint32_t type, const char *body, size_t size)
{
        char *packet = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&packet, &length);

        if (!out)
                abort();
        (void)fwrite(client->held ? client->held : "", 1, client->held_length, out);
        put_u32(out, (uint32_t)size + 10);
        put_u32(out, id);
        put_u32(out, type);
        (void)fwrite(body, 1, size, out);
        put_u16(out, 0);
        (void)fclose(out);
        free(client->held);
        client->held = packet;
        client->held_length = length;
}

static void send_held(const Net *n, RconClient *client)
{
        send_bytes(n, client, client->held ? client->held : "", client->held_length);
        free(client->held);
        client->held = NULL;
        client->held_length = 0;
}

static void send_packet(const Net *n, RconClient *client, uint32_t id, uint32_t type, const char *body,
                        size_t size)
{
        hold_packet(client, id, type, body, size);
        if (!console_number(n->console, "standin_rcon_coalesce"))
                send_held(n, client);
}

static void rcon_auth(Net *n, RconClient *client, uint32_t id, const char *password)
{
        const char *wanted = console_get(n->console, "rcon_password");

        client->authenticated = *wanted && strcmp(wanted, password) == 0;
        n->failures = client->authenticated ? 0 : n->failures + 1;
        (void)printf("rcon from client: %s\n", client->authenticated ? "authenticated" : "Bad Password");
        send_packet(n, client, id, RCON_RESPONSE, "", 0);
        send_packet(n, client, client->authenticated ? id : 0xffffffffU, RCON_AUTH_RESPONSE, "", 0);
}

static void rcon_exec(Net *n, RconClient *client, uint32_t id, const char *command)
{
        char *answer = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&answer, &length);

        if (!out)
                abort();
        (void)printf("rcon command \"%s\"\n", command);
        (void)fflush(stdout);
        console_run(n->console, command, out);
        (void)fclose(out);
        if (!console_number(n->console, "standin_rcon_silent")) {
                size_t most =
                        console_number(n->console, "standin_rcon_big") ? RCON_BODY_OVERSIZE : RCON_BODY_MAX;

                for (size_t at = 0; at == 0 || at < length; at += most)
                        send_packet(n, client, id, RCON_RESPONSE, answer + at,
                                    length - at < most ? length - at : most);
        }
        free(answer);
}

/* One whole packet; false where the client is to be closed. */
static bool rcon_packet(Net *n, RconClient *client, const uint8_t *packet, uint32_t size)
{
        uint32_t id = get_u32(packet);
        uint32_t type = get_u32(packet + 4);
        const char *body = (const char *)packet + 8;

        if (packet[size - 1] != '\0' || packet[size - 2] != '\0')
                return false;
        if (type == RCON_AUTH) {
                rcon_auth(n, client, id, body);
        } else if (!client->authenticated) {
                return false;
        } else if (type == RCON_EXEC) {
                rcon_exec(n, client, id, body);
        } else if (type == RCON_RESPONSE) {
                if (console_number(n->console, "standin_rcon_closes"))
                        return false;
                send_packet(n, client, id, RCON_RESPONSE, "", 0);
        }
        return true;
}

bool net_rcon(Net *n, RconClient *client)
{
        ssize_t got =
                recv(client->fd, client->buffer + client->length, sizeof client->buffer - client->length, 0);
        bool keep = got > 0;

        if (keep)
                client->length += (size_t)got;
        while (keep && client->length >= 4) {
                uint32_t size = get_u32(client->buffer);

                if (size < 10 || size > 4096) {
                        keep = false;
                } else if (client->length >= size + 4) {
                        keep = rcon_packet(n, client, client->buffer + 4, size);
                        client->length -= size + 4;
                        memmove(client->buffer, client->buffer + size + 4, client->length);
                } else {
                        break;
                }
        }
        send_held(n, client);
        if (!keep)
                close_client(client);
        return keep;
}
