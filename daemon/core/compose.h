/* What a start of a server would use, made of its definition and the current generations. Reads checkouts. */
#pragma once

#include "core/manager.h"
#include "plan/mount-plan.h"

typedef struct ComposedLayer {
        const char *kind; /* "overlay" or "installation" */
        char *name;
        char *commit;
} ComposedLayer;

/* L4_ERROR_NOT_INSTALLED, L4_ERROR_NO_SUCH_OVERLAY (without content). ret_layers: array of ComposedLayer *,
 * one per overlay and the installation, topmost first, or NULL where that is not wanted. */
bool compose_plan(Server *s, MountPlan **ret, GPtrArray **ret_layers, GError **error);
/* The same checks without reading anything. */
bool compose_check(Server *s, GError **error);
/* compose_plan() for a start that is happening: records revision and layers as what runs. */
bool compose_hand_out(Server *s, MountPlan **ret, GError **error);
