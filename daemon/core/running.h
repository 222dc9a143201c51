/* What runs, as opposed to what should: the plan that was handed out last (kept in /run/left4me/plans/NAME,
 * so that it outlives the manager but not the host's uptime), and why a server failed. */
#pragma once

#include "core/server.h"

/* Reads what an earlier manager left; nothing there is no error. */
void running_load(Server *s);
/* A plan with these layers is being used from now on. L4_ERROR_FAILED when it could not be written. */
bool running_record(Server *s, char *const *layers, GError **error);
/* Nothing of it runs any more. */
void running_forget(Server *s);
/* Asks systemd what went wrong and makes LastError of it. */
void running_explain_failure(Server *s);
/* A failed mount unit whose helper had mounted: it is the unmounting that failed, and the tree is still
 * there. */
bool running_is_unmount_failure(const UnitFailure *failure);
/* The sentence of a failure, for people. */
char *running_describe_failure(const Server *s, bool of_mount, const UnitFailure *failure);
