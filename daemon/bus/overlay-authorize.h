/* The one rule for who may touch an overlay's content. */
#pragma once

#include "bus/call.h"

/* content-manage, and script-edit instead on a global overlay. As call_authorize(). */
int overlay_authorize(Call *call, const Overlay *o, GError **error);
