/* A blueprint's definition as a{sv}: overlays as, arguments as, config as. */
#pragma once

#include "bus/call.h"
#include "plan/definition.h"

/* Replaces in d what the message gives. Unknown, repeated and mistyped keys: L4_ERROR_INVALID_ARGS. */
bool definition_read(Call *call, Definition *d, GError **error);
