/* Asking the manager for a server's mount plan, over the system bus. */
#pragma once

#include "plan/mount-plan.h"

/* The plan, as the manager said it: mount_plan_check() is the caller's. Starts the manager if need be. The
 * error is the manager's own, or TIMED_OUT, or FAILED with what the bus said. */
MountPlan *plan_fetch(const char *instance, GError **error);
