/* See agent.h. The agent gets standard input and error of the command, and one pipe that it closes when it is
 * registered. */
#include "common/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT_PROGRAM "pkttyagent"
#define REGISTER_TIMEOUT_MSEC (10 * 1000)

struct Agent {
        pid_t pid;
};

static G_NORETURN void agent_exec(pid_t parent, int notify_fd)
{
        char process[32], notify[16];
        sigset_t none;

        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);

        /* The agent must not outlive the command, however that ends. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent || fcntl(notify_fd, F_SETFD, 0) < 0)
                _exit(EXIT_FAILURE);

        snprintf(process, sizeof(process), "%d", (int)parent);
        snprintf(notify, sizeof(notify), "%d", notify_fd);
        execlp(AGENT_PROGRAM, AGENT_PROGRAM, "--notify-fd", notify, "--process", process, (char *)NULL);
        _exit(EXIT_FAILURE);
}

static int agent_wait_registered(int fd)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n;

        do
                n = poll(&p, 1, REGISTER_TIMEOUT_MSEC);
        while (n < 0 && errno == EINTR);

        if (n < 0)
                return -errno;
        return n == 0 ? -ETIMEDOUT : 0;
}

int agent_new(Agent **ret)
{
        pid_t parent = getpid(), pid;
        int fds[2], r;

        *ret = NULL;
        if (geteuid() == 0 || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
                return 0;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;

        pid = fork();
        if (pid == 0)
                agent_exec(parent, fds[1]);
        r = pid < 0 ? -errno : 0;
        (void)close(fds[1]);
        if (r >= 0)
                r = agent_wait_registered(fds[0]);
        (void)close(fds[0]);
        if (pid < 0)
                return r;

        *ret = g_new(Agent, 1);
        (*ret)->pid = pid;
        if (r < 0)
                *ret = agent_free(*ret);
        return r;
}

Agent *agent_free(Agent *agent)
{
        if (!agent)
                return NULL;

        /* CONT too: an agent that a job-control signal stopped would never see the first. */
        (void)kill(agent->pid, SIGTERM);
        (void)kill(agent->pid, SIGCONT);
        while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        g_free(agent);
        return NULL;
}
