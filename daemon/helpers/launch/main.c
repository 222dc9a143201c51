/* left4me-launch: becomes the game, or its parent where the unit has a process tree of its own. Runs inside a
 * server's unit, as the server's uid; reads the argv that the mount helper left, closes itself off from the
 * host's abstract sockets where the kernel can, and executes.
 *
 * An error is one line and an exit status: 200 and 203 as systemd has them, 78 for a launch file that is not
 * one. */
#include "base/fd.h"
#include "base/layout.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LAUNCH_SIZE_MAX (64U * 1024U)

enum {
        EXIT_LAUNCH_FILE = 78, /* sysexits(3): configuration */
        EXIT_CHDIR = 200,
        EXIT_EXEC = 203,
};

/* Landlock as of ABI 6 (Linux 6.12), newer than the headers that this is built with. */
#define SCOPE_ABI 6
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)
#define CREATE_RULESET_VERSION (1U << 0)
typedef struct LandlockRuleset {
        uint64_t handled_access_fs;
        uint64_t handled_access_net;
        uint64_t scoped;
} LandlockRuleset;

/* The game shares the host's network namespace, so abstract sockets of the host are in reach without this.
 * Older kernels have nothing for it. */
static bool scope_sockets(void)
{
        LandlockRuleset ruleset = {.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL};
        cleanup_close int fd = -EBADF;

        if (syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION) < SCOPE_ABI)
                return true;
        fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
        return fd >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               syscall(SYS_landlock_restrict_self, fd, 0) == 0;
}

/* The whole file with a NUL after it; its size, or -1. */
static ssize_t read_launch_file(char buffer[static LAUNCH_SIZE_MAX + 1])
{
        cleanup_close int fd = open(L4_LAUNCH_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        size_t size = 0;
        ssize_t n = 1;

        if (fd < 0)
                return -1;
        while (n > 0 && size <= LAUNCH_SIZE_MAX) {
                n = read(fd, buffer + size, LAUNCH_SIZE_MAX + 1 - size);
                if (n < 0)
                        return -1;
                size += (size_t)n;
        }
        errno = E2BIG;
        return size > LAUNCH_SIZE_MAX ? -1 : (ssize_t)size;
}

/* Points into buffer, which ends in a NUL; NULL if there is no item or the last one has no end. */
static char **split(char *buffer, size_t size)
{
        char **argv = calloc(size + 1, sizeof *argv);
        size_t n = 0;

        if (!argv || size == 0 || buffer[size - 1] != '\0') {
                free(argv);
                return NULL;
        }
        for (char *item = buffer; item < buffer + size; item += strlen(item) + 1)
                argv[n++] = item;
        return argv;
}

static int fail(int status, const char *what)
{
        (void)fprintf(stderr, "Cannot %s: %s\n", what, strerror(errno));
        return status;
}

/* As process 1 of a tree of its own (PrivatePIDs=) a game without handlers would never see SIGINT, and would
 * have to reap what it does not know. So this program stays process 1, which is kept from signals that it has
 * no handler for. systemd signals every process of the unit, so nothing is forwarded but what came before
 * there was a game: stop signals are blocked, which keeps them for that. Returns in the game's process only;
 * ends with the game's exit status, 128 + N for signal N as shells do. */
static void stay_behind(void)
{
        sigset_t stop, pending;
        pid_t game;
        int status;

        (void)sigemptyset(&stop);
        (void)sigaddset(&stop, SIGINT);
        (void)sigaddset(&stop, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &stop, NULL);
        game = fork();
        if (game == 0) {
                (void)sigprocmask(SIG_UNBLOCK, &stop, NULL);
                return;
        }
        if (game < 0)
                exit(fail(EXIT_EXEC, "fork"));
        if (sigpending(&pending) == 0 &&
            (sigismember(&pending, SIGINT) > 0 || sigismember(&pending, SIGTERM) > 0))
                (void)kill(game, SIGINT);
        /* Any other child is one that the game left. */
        while (wait(&status) != game)
                ;
        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(void)
{
        static char buffer[LAUNCH_SIZE_MAX + 1];
        ssize_t size;
        char **argv;

        if (getpid() == 1)
                stay_behind();
        size = read_launch_file(buffer);
        if (size < 0)
                return fail(EXIT_LAUNCH_FILE, "read " L4_LAUNCH_FILE);
        errno = EBADMSG;
        argv = split(buffer, (size_t)size);
        if (!argv)
                return fail(EXIT_LAUNCH_FILE, "use " L4_LAUNCH_FILE);
        if (chdir(L4_GAME_DIR) < 0)
                return fail(EXIT_CHDIR, "enter " L4_GAME_DIR);
        if (!scope_sockets())
                return fail(EXIT_EXEC, "scope abstract sockets");
        if (close_range(STDERR_FILENO + 1, UINT32_MAX, 0) < 0)
                return fail(EXIT_EXEC, "close stray descriptors");
        (void)execv(argv[0], argv);
        return fail(EXIT_EXEC, argv[0]);
}
