/* All kinds of jobs and how each is asked for. */
#pragma once

#include "core/job.h"

extern const JobKind job_start, job_stop, job_restart, job_enable, job_disable, job_reset, job_delete;
extern const JobKind job_import, job_edit, job_export, job_rollback, job_verify, job_prune;

/* NULL for an unknown name. */
const JobKind *job_kind_from_name(const char *name);

/* Queues a prune on behalf of whoever made content free; failure is logged, not reported: the next one does
 * it. */
void store_prune_later(Manager *m, const char *principal);
