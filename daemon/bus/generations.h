/* ListGenerations and Rollback, the same for overlays and the installation. */
#pragma once

#include "bus/options.h"
#include "core/content.h"

int generations_reply(Call *call, const Content *content, GError **error);
/* Submits the job and replies with its path. */
int generations_rollback(Call *call, const Content *content, uint32_t number, const Options *options,
                         GError **error);
