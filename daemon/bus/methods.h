/* The one table of all methods: which action of polkit gates each, and what handles it. A method that is not
 * in it is refused, whatever a vtable says. */
#pragma once

#include "bus/call.h"

/* NULL when there is none. */
const Method *method_find(const char *interface, const char *member);
/* Whether an action (without prefix) is one of ours. */
bool action_is_known(const char *action);
