/* A polkit password agent on the terminal for as long as a command runs: pkttyagent as a child process, as
 * systemctl does it. */
#pragma once

#include <sys/types.h>

typedef struct Agent Agent;

/* Starts the agent and returns when it is registered. Does nothing and sets *ret to NULL where there is
 * nobody to ask: not a terminal, or the caller is root, who is never asked. Negative errno where it cannot be
 * started. */
int agent_new(Agent **ret);
/* Ends the agent, which restores the terminal. Takes NULL, returns NULL. */
Agent *agent_free(Agent *agent);
