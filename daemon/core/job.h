/* Jobs: one long operation each, durable before it begins, one at a time per subject. Owns the database table
 * job. A kind of job is a table of steps; what each kind does is in server-jobs.c and store-jobs.c. */
#pragma once

#include <jansson.h>

#include "core/manager.h"

typedef enum JobState {
        JOB_QUEUED,
        JOB_RUNNING,
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELLED,
        _JOB_STATE_MAX,
        _JOB_STATE_INVALID = -EINVAL,
} JobState;
const char *job_state_to_string(JobState state);

/* What becomes of a job that was open when the manager ended. */
typedef enum JobResume {
        JOB_RESUME_AGAIN, /* its steps are idempotent: run them again */
        JOB_RESUME_STORE, /* depends on a descriptor that is gone: pick its store run up, or close the job */
} JobResume;

typedef struct JobStep {
        /* Ends, now or later, in job_step_done(). */
        void (*run)(Job *job);
        /* Takes back what run did; ends in job_step_done() as well. NULL: nothing to take back. */
        void (*undo)(Job *job);
} JobStep;

typedef struct JobKind {
        const char *name;
        JobResume resume;
        bool cancelable;
        bool joinable_running; /* an identical one that runs already serves as well */
        const JobStep *steps;
        size_t n_steps;
} JobKind;

struct Job {
        Manager *manager;
        uint32_t id;
        const JobKind *kind;
        char *subject;      /* "server/NAME", "overlay/NAME", "installation", "store" */
        json_t *parameters; /* object */
        char *principal;
        char *request_id; /* or NULL */
        JobState state;
        GError *error; /* of the end, or of the step whose predecessors are being undone */
        uint64_t created, ended;
        uint64_t bytes_done, bytes_total;
        bool progress_valid;
        bool resumed;
        bool cancel_requested;
        bool recorded; /* the end is in the database */

        size_t step;
        bool undoing;
        SystemdRequest *request;
        StoreRun *run;
        int input_fd;
        json_t *result; /* of the store run */
        bool enabled;   /* this job enabled the unit */
        sd_event_source *linger;
        sd_event_source *deferred;
};

#define JOB_QUEUE_MAX 16U
#define JOB_LINGER_MAX 512U
#define JOB_LINGER_USEC (10ULL * 60U * G_USEC_PER_SEC)
#define JOB_RECORD_USEC (5ULL * G_USEC_PER_SEC)

Jobs *jobs_new(Manager *m);
Jobs *jobs_free(Jobs *jobs); /* takes NULL, returns NULL */
/* Takes open jobs of an earlier life up again, or closes them; after everything else is loaded. */
bool jobs_load(Manager *m, GError **error);

typedef struct JobRequest {
        const JobKind *kind;
        const char *subject;
        json_t *parameters; /* taken */
        const char *principal;
        const char *request_id; /* or NULL */
        int input_fd;           /* taken, or -EBADF */
} JobRequest;

/* Queues a job, durable when it returns; returns the one that it joined, or that had the same request id.
 * Errors: L4_ERROR_BUSY (queue full), L4_ERROR_INVALID_ARGS (the request id was used for something else).
 * Takes what is marked even if it fails. */
Job *job_submit(Manager *m, JobRequest *request, GError **error);

/* Asks it to end. L4_ERROR_INVALID_ARGS when this kind cannot. */
bool job_cancel(Job *job, GError **error);
bool job_is_cancelable(const Job *job);
bool job_is_over(const Job *job);
/* The name behind the subject's slash, or "". */
const char *job_object(const Job *job);

/* For the steps: error NULL for success; borrowed. */
void job_step_done(Job *job, const GError *error);
void job_progress(Job *job, uint64_t done, uint64_t total);
/* In the transaction of the job's last step, so that what it did and its end are durable together or not at
 * all. The caller sets job->recorded once the transaction is through. */
bool job_record_done(Job *job, GError **error);
/* Before this job enables the unit: so that its failure disables it again, in a later life too. */
bool job_record_enabled(Job *job, GError **error);

/* NULL when there is none. */
Job *jobs_find(Manager *m, uint32_t id);
unsigned jobs_count_open(const Manager *m);
/* The job of this subject whose turn it is, or NULL. */
const Job *jobs_running(const Manager *m, const char *subject);
/* Whether any job of this subject is queued or running. */
bool jobs_subject_busy(const Manager *m, const char *subject);
/* Calls func for every job that has an object. */
void jobs_foreach(Manager *m, void (*func)(Job *job, void *userdata), void *userdata);
