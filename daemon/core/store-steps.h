/* Steps of jobs that are store runs. */
#pragma once

#include "core/job.h"

/* The writable layer of the job's server. */
void store_step_discard_upper(Job *job);
/* Everything of the job's server. */
void store_step_discard_server(Job *job);
