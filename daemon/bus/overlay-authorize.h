/* The one rule for who may touch an overlay's content. */
#pragma once

#include "bus/call.h"
#include "plan/definition.h"

/* content-manage, and script-edit instead on a global overlay. As call_authorize(). */
int overlay_authorize(Call *call, const Overlay *o, GError **error);
/* Whether the caller may put all overlays of a definition into a blueprint of owner's: global ones, the
 * owner's and the caller's own, and others with the right to manage those. They exist. */
int overlays_authorize_use(Call *call, const Definition *d, const char *owner, GError **error);
