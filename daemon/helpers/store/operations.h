/* The operations on what is in the store; import has a header of its own. Each sets *ret_members to what its
 * result line holds, or fails with nothing changed but what docs/architecture.md lets a later run finish. */
#pragma once

#include "request.h"
#include "store.h"

#include <jansson.h>

bool op_edit(Store *s, const Request *r, json_t **ret_members, GError **error);
bool op_export(Store *s, const Request *r, json_t **ret_members, GError **error);
bool op_checkout(Store *s, const Request *r, json_t **ret_members, GError **error);
bool op_discard(Store *s, const Request *r, json_t **ret_members, GError **error);
bool op_prune(Store *s, const Request *r, json_t **ret_members, GError **error);
bool op_verify(Store *s, const Request *r, json_t **ret_members, GError **error);
