/* Composing a tree out of sight: everything that mounting takes is attached in a mount namespace of a child
 * only, so that a kill at any moment leaves nothing attached anywhere. Needs the capabilities of the mount
 * unit. */
#pragma once

#include "plan/mount-plan.h"
#include "server-tree.h"

/* A detached mount of the composed tree, or a negative errno with error set. target is an existing directory,
 * where the child mounts it in its own namespace. */
int compose_tree(const MountPlan *plan, const ServerTree *tree, const char *target, GError **error);
