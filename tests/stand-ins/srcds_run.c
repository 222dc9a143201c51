/* A stand-in for srcds_run of Left 4 Dead 2: takes its command line, cfg files and signals, speaks A2S and
 * RCON on its port, prints what it prints, and misbehaves on command (console.c, net.c). For tests only: it
 * runs where the real game would, from its own directory, as whoever starts it, and writes a log below
 * left4dead2/logs. Needs nothing but the kernel: it is linked statically. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "net.h"

#define PORT_DEFAULT 27015
#define RESPAWN_SECONDS 10

typedef struct Options {
        uint16_t port;
        bool with_ip;
        bool strict_port;
        const char *map;
} Options;

/* "-name value" and "+cvar value", as the engine reads them. +map waits until the port is open. */
static void parse_arguments(int argc, char **argv, Options *o, Console *c)
{
        *o = (Options){.port = PORT_DEFAULT};
        for (int i = 1; i < argc; i++) {
                const char *value = i + 1 < argc ? argv[i + 1] : "";

                if (strcmp(argv[i], "-port") == 0)
                        o->port = (uint16_t)strtoul(value, NULL, 10);
                else if (strcmp(argv[i], "-ip") == 0)
                        o->with_ip = true;
                else if (strcmp(argv[i], "-strictportbind") == 0)
                        o->strict_port = true;
                else if (strcmp(argv[i], "-maxplayers") == 0)
                        console_set(c, "maxplayers", value);
                else if (strcmp(argv[i], "+map") == 0)
                        o->map = value;
                else if (argv[i][0] == '+' && *value && *value != '+' && *value != '-')
                        console_set(c, argv[i] + 1, value);
        }
}

static void write_log(const char *text)
{
        char path[128];
        char stamp[64];
        time_t now = time(NULL);
        struct tm local;

        (void)localtime_r(&now, &local);
        (void)mkdir(GAME "/logs", 0755);
        (void)strftime(path, sizeof path, GAME "/logs/L%m%d000.log", &local);
        (void)strftime(stamp, sizeof stamp, "L %m/%d/%Y - %H:%M:%S: ", &local);
        FILE *log = fopen(path, "ae");
        if (!log) {
                (void)printf("Unable to open log file %s: %s\n", path, strerror(errno));
                return;
        }
        (void)fprintf(log, "%s%s\n", stamp, text);
        (void)fclose(log);
}

/* The engine tries the next ports where it may. */
static int open_port(Net *n, Console *c, const Options *o)
{
        int tries = o->strict_port ? 1 : 8;
        int r = -EADDRINUSE;

        for (int i = 0; i < tries && r < 0; i++)
                r = net_open(n, c, (uint16_t)(o->port + i), o->with_ip);
        if (r < 0)
                (void)printf("Couldn't allocate dedicated server port %u: %s\n", o->port, strerror(-r));
        return r;
}

static int watch(int epoll_fd, int fd, void *data)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};

        return fd < 0 ? 0 : epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int serve(Net *n, Console *c, int signal_fd)
{
        int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

        if (epoll_fd < 0 || watch(epoll_fd, signal_fd, &signal_fd) < 0 ||
            watch(epoll_fd, n->udp_fd, &n->udp_fd) < 0 || watch(epoll_fd, n->tcp_fd, &n->tcp_fd) < 0)
                return -errno;
        while (!c->quitting) {
                struct epoll_event event;

                if (epoll_wait(epoll_fd, &event, 1, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        break;
                }
                if (event.data.ptr == &signal_fd) {
                        c->quitting = true;
                } else if (event.data.ptr == &n->udp_fd) {
                        net_udp(n);
                } else if (event.data.ptr == &n->tcp_fd) {
                        RconClient *client = net_accept(n);

                        if (client)
                                (void)watch(epoll_fd, client->fd, client);
                } else {
                        (void)net_rcon(n, event.data.ptr); /* close() takes it out of the epoll set */
                }
                (void)fflush(stdout);
        }
        (void)close(epoll_fd);
        return 0;
}

static int run_server(int argc, char **argv)
{
        Options options;
        Console console;
        Net net;
        sigset_t interrupt;

        /* SIGTERM keeps its default, as in the real one: only SIGINT and "quit" end it in order. */
        (void)sigemptyset(&interrupt);
        (void)sigaddset(&interrupt, SIGINT);
        (void)sigprocmask(SIG_BLOCK, &interrupt, NULL);
        int signal_fd = signalfd(-1, &interrupt, SFD_CLOEXEC);

        console_init(&console, argv);
        parse_arguments(argc, argv, &options, &console);
        (void)printf("Auto detecting CPU\nUsing default binary: ./srcds_linux\nServer will auto-restart if "
                     "there is a "
                     "crash.\nConsole initialized.\n");
        if (open_port(&net, &console, &options) < 0) {
                console_done(&console);
                return EXIT_FAILURE;
        }
        (void)printf("Network: IP 0.0.0.0, mode MP, dedicated Yes, ports %u SV / 27005 CL\n", net.port);
        if (options.map) {
                char line[256];

                (void)snprintf(line, sizeof line, "map \"%s\"", options.map);
                console_run(&console, line, stdout);
        }
        write_log("Log file started");
        (void)printf("Connection to Steam servers successful.\n   VAC secure mode is activated.\n");
        (void)fflush(stdout);

        int r = serve(&net, &console, signal_fd);
        write_log("Server shutting down");
        (void)printf("Server shutting down\n");
        net_close(&net);
        console_done(&console);
        (void)close(signal_fd);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Without -norestart the real one starts again after a crash, and nobody outside learns of it. */
static int run_for_ever(int argc, char **argv)
{
        for (;;) {
                int status = 0;
                pid_t pid = fork();

                if (pid == 0)
                        return run_server(argc, argv);
                if (pid < 0 || waitpid(pid, &status, 0) < 0)
                        return EXIT_FAILURE;
                if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                        return EXIT_SUCCESS;
                (void)printf("Server restart in %d seconds\n", RESPAWN_SECONDS);
                (void)fflush(stdout);
                (void)sleep(RESPAWN_SECONDS);
        }
}

int main(int argc, char **argv)
{
        bool no_restart = false;

        (void)setvbuf(stdout, NULL, _IOLBF, 0);
        char *own = strdup(argv[0]);
        int r = own ? chdir(dirname(own)) : -1;
        if (r < 0)
                (void)fprintf(stderr, "srcds_run: %s\n", strerror(errno));
        free(own);
        if (r < 0)
                return EXIT_FAILURE;
        for (int i = 1; i < argc; i++)
                no_restart = no_restart || strcmp(argv[i], "-norestart") == 0;
        return no_restart ? run_server(argc, argv) : run_for_ever(argc, argv);
}
