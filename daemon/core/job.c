#include "job.h"

#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/job-kinds.h"

#define SUBJECT_NAME(subject) (strchr((subject), '/') ? strchr((subject), '/') + 1 : "")

/* Only in the database: it is no parameter that was asked for. */
#define PARAMETER_ENABLED "enabled"

struct Jobs {
        GHashTable *by_id;      /* uint32_t -> Job *, owned: open ones, and ended ones that linger */
        GHashTable *by_subject; /* subject -> GQueue * of open ones, the head is the running one */
        GQueue lingering;       /* Job *, the ended ones, oldest first */
        unsigned n_open;
};

static const char *const state_names[_JOB_STATE_MAX] = {
        [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",     [JOB_DONE] = "done",
        [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
};

const char *job_state_to_string(JobState state)
{
        return state_names[state];
}

static JobState state_from_string(const char *text)
{
        for (int i = 0; i < _JOB_STATE_MAX; i++)
                if (strcmp(state_names[i], text) == 0)
                        return (JobState)i;
        return _JOB_STATE_INVALID;
}

static void job_free(gpointer p)
{
        Job *job = p;

        systemd_request_forget(job->request);
        store_run_forget(job->run);
        sd_event_source_disable_unref(job->linger);
        sd_event_source_disable_unref(job->deferred);
        fd_closep(&job->input_fd);
        json_decref(job->parameters);
        json_decref(job->result);
        g_clear_error(&job->error);
        g_free(job->subject);
        g_free(job->principal);
        g_free(job->request_id);
        g_free(job);
}

static void queue_free(gpointer p)
{
        g_queue_free(p);
}

Jobs *jobs_new(Manager *m)
{
        Jobs *jobs = g_new0(Jobs, 1);

        (void)m;
        jobs->by_id = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, job_free);
        jobs->by_subject = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, queue_free);
        g_queue_init(&jobs->lingering);
        return jobs;
}

Jobs *jobs_free(Jobs *jobs)
{
        if (!jobs)
                return NULL;
        g_hash_table_unref(jobs->by_id);
        g_hash_table_unref(jobs->by_subject);
        g_queue_clear(&jobs->lingering);
        g_free(jobs);
        return NULL;
}

bool job_is_over(const Job *job)
{
        return job->state >= JOB_DONE;
}

const char *job_object(const Job *job)
{
        return SUBJECT_NAME(job->subject);
}

Job *jobs_find(Manager *m, uint32_t id)
{
        return g_hash_table_lookup(m->jobs->by_id, GUINT_TO_POINTER(id));
}

unsigned jobs_count_open(const Manager *m)
{
        return m->jobs->n_open;
}

bool jobs_subject_busy(const Manager *m, const char *subject)
{
        return g_hash_table_contains(m->jobs->by_subject, subject);
}

const Job *jobs_running(const Manager *m, const char *subject)
{
        GQueue *queue = g_hash_table_lookup(m->jobs->by_subject, subject);

        return queue ? g_queue_peek_head(queue) : NULL;
}

void jobs_foreach(Manager *m, void (*func)(Job *job, void *userdata), void *userdata)
{
        GHashTableIter iter;
        gpointer job;

        g_hash_table_iter_init(&iter, m->jobs->by_id);
        while (g_hash_table_iter_next(&iter, NULL, &job))
                func(job, userdata);
}

static void job_state_changed(Job *job)
{
        g_autofree char *id = g_strdup_printf("%u", job->id);

        manager_changed(job->manager, OBJECT_JOB, id, "State", "Cancelable", "Progress", "ProgressValid",
                        NULL);
}

/* Objects with a State of their own that depends on whether a job is open. */
static void subject_changed(Job *job)
{
        if (g_str_has_prefix(job->subject, "overlay/"))
                manager_changed(job->manager, OBJECT_OVERLAY, job_object(job), "State", NULL);
        else if (strcmp(job->subject, "installation") == 0)
                manager_changed(job->manager, OBJECT_INSTALLATION, "", "State", NULL);
}

static void job_run(Job *job);

static int on_deferred(sd_event_source *source, void *userdata)
{
        Job *job = userdata;

        (void)source;
        job->deferred = sd_event_source_disable_unref(job->deferred);
        job_run(job);
        return 0;
}

/* Steps run from the loop, never from within the call that submitted the job or ended its predecessor. */
static void job_run_later(Job *job)
{
        if (!job->deferred)
                (void)sd_event_add_defer(job->manager->event, &job->deferred, on_deferred, job);
}

static GQueue *subject_queue(Manager *m, const char *subject)
{
        GQueue *queue = g_hash_table_lookup(m->jobs->by_subject, subject);

        if (!queue) {
                queue = g_queue_new();
                g_hash_table_insert(m->jobs->by_subject, g_strdup(subject), queue);
        }
        return queue;
}

static void job_enqueue(Job *job)
{
        GQueue *queue = subject_queue(job->manager, job->subject);

        g_hash_table_insert(job->manager->jobs->by_id, GUINT_TO_POINTER(job->id), job);
        g_queue_push_tail(queue, job);
        job->manager->jobs->n_open++;
        if (g_queue_get_length(queue) == 1)
                job_run_later(job);
}

static void job_linger(Job *job);

static const char *error_name(const Job *job)
{
        return job->error ? l4_error_dbus_name((L4Error)job->error->code) : "";
}

static bool write_end(Job *job, GError **error)
{
        return database_run(job->manager->database, error,
                            "UPDATE job SET state = ?, error = ?, message = ?, ended = ? WHERE id = ?",
                            "sssii", state_names[job->state], error_name(job),
                            job->error ? job->error->message : "", (int64_t)job->ended, (int64_t)job->id);
}

static void record_end(Job *job)
{
        g_autoptr(GError) error = NULL;

        if (job->recorded)
                return;
        job->recorded = write_end(job, &error);
        if (!job->recorded)
                log_error("job %u: its end cannot be recorded, to be tried again: %s", job->id,
                          error->message);
}

bool job_record_done(Job *job, GError **error)
{
        return database_run(job->manager->database, error,
                            "UPDATE job SET state = 'done', ended = ? WHERE id = ?", "ii",
                            (int64_t)now_realtime(), (int64_t)job->id);
}

bool job_record_enabled(Job *job, GError **error)
{
        json_t *parameters = json_copy(job->parameters);
        char *text = NULL;
        bool ok;

        json_object_set_new(parameters, PARAMETER_ENABLED, json_true());
        text = json_dumps(parameters, JSON_COMPACT | JSON_SORT_KEYS);
        ok = database_run(job->manager->database, error, "UPDATE job SET parameters = ? WHERE id = ?", "si",
                          text, (int64_t)job->id);
        free(text);
        json_decref(parameters);
        job->enabled = ok;
        return ok;
}

static void job_forget(Job *job)
{
        g_autofree char *id = g_strdup_printf("%u", job->id);
        Jobs *jobs = job->manager->jobs;

        manager_removed(job->manager, OBJECT_JOB, id);
        g_queue_remove(&jobs->lingering, job);
        g_hash_table_remove(jobs->by_id, GUINT_TO_POINTER(job->id));
}

static int on_linger(sd_event_source *source, uint64_t usec, void *userdata)
{
        Job *job = userdata;

        (void)source;
        (void)usec;
        if (!job->recorded) {
                record_end(job);
                job->linger = sd_event_source_disable_unref(job->linger);
                job_linger(job);
                return 0;
        }
        job_forget(job);
        return 0;
}

/* One whose end is not recorded would be run again by the next manager: that is put right soon. */
static void job_linger(Job *job)
{
        uint64_t usec = job->recorded ? JOB_LINGER_USEC : JOB_RECORD_USEC;

        (void)sd_event_add_time_relative(job->manager->event, &job->linger, CLOCK_MONOTONIC, usec, usec / 60,
                                         on_linger, job);
}

/* It is over: readable for a while, unless so many have ended since that the oldest make room. */
static void job_retire(Job *job)
{
        GQueue *lingering = &job->manager->jobs->lingering;
        Job *oldest;

        job_linger(job);
        g_queue_push_tail(lingering, job);
        oldest = g_queue_peek_head(lingering);
        if (g_queue_get_length(lingering) > JOB_LINGER_MAX && oldest->recorded)
                job_forget(oldest);
}

static void job_end(Job *job)
{
        Manager *m = job->manager;
        GQueue *queue = subject_queue(m, job->subject);
        Job *next;

        job->state = !job->error                                                 ? JOB_DONE
                     : g_error_matches(job->error, L4_ERROR, L4_ERROR_CANCELLED) ? JOB_CANCELLED
                                                                                 : JOB_FAILED;
        job->ended = now_realtime();
        record_end(job);
        if (job->state == JOB_FAILED)
                log_warning("job %u: %s %s: %s", job->id, job->kind->name, job->subject, job->error->message);

        g_queue_remove(queue, job);
        next = g_queue_peek_head(queue);
        if (!next)
                g_hash_table_remove(m->jobs->by_subject, job->subject);
        else if (next->state == JOB_QUEUED)
                job_run_later(next);
        m->jobs->n_open--;
        fd_closep(&job->input_fd);
        job->input_fd = -EBADF;
        job_retire(job);

        subject_changed(job);
        job_state_changed(job);
        manager_changed(m, OBJECT_MANAGER, "", "NJobs", NULL);
        if (m->observer)
                m->observer->job_ended(job, m->observer_data);
}

/* Goes on with the step that is next: forwards, or backwards over what is to be undone. */
static void job_advance(Job *job)
{
        if (!job->undoing) {
                if (job->step == job->kind->n_steps)
                        job_end(job);
                else
                        job->kind->steps[job->step].run(job);
                return;
        }
        while (job->step > 0) {
                job->step--;
                if (job->kind->steps[job->step].undo) {
                        job->kind->steps[job->step].undo(job);
                        return;
                }
        }
        job_end(job);
}

void job_step_done(Job *job, const GError *error)
{
        job->request = NULL;
        job->run = NULL;
        if (job->undoing && error) {
                log_warning("job %u: %s %s: cannot be undone: %s", job->id, job->kind->name, job->subject,
                            error->message);
        } else if (error) {
                job->error = g_error_copy(error);
                job->undoing = true;
                /* The step that failed may have done a part of its work. */
                job->step++;
        } else if (!job->undoing) {
                job->step++;
        }
        job_advance(job);
}

static void job_run(Job *job)
{
        g_autoptr(GError) error = NULL;

        if (job->state != JOB_QUEUED)
                return;
        job->state = JOB_RUNNING;
        job_state_changed(job);
        if (job->cancel_requested)
                error = g_error_new(L4_ERROR, L4_ERROR_CANCELLED, "cancelled before it began");
        if (error) {
                job->error = g_steal_pointer(&error);
                job_end(job);
                return;
        }
        job_advance(job);
}

void job_progress(Job *job, uint64_t done, uint64_t total)
{
        g_autofree char *id = g_strdup_printf("%u", job->id);

        job->bytes_done = done;
        job->bytes_total = total;
        job->progress_valid = total > 0;
        manager_changed(job->manager, OBJECT_JOB, id, "Progress", "ProgressValid", "BytesDone", "BytesTotal",
                        NULL);
}

bool job_is_cancelable(const Job *job)
{
        return !job_is_over(job) && (job->kind->cancelable || job->state == JOB_QUEUED);
}

bool job_cancel(Job *job, GError **error)
{
        if (job_is_over(job))
                return true;
        if (!job_is_cancelable(job)) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "a %s that has begun cannot be cancelled",
                            job->kind->name);
                return false;
        }
        job->cancel_requested = true;
        if (job->state == JOB_QUEUED) {
                /* A queued one may stand behind others: it ends now, not when its turn comes. */
                job->error = g_error_new(L4_ERROR, L4_ERROR_CANCELLED, "cancelled before it began");
                job->deferred = sd_event_source_disable_unref(job->deferred);
                job_end(job);
        } else if (job->run) {
                store_run_cancel(job->run);
        }
        return true;
}

static Job *job_alloc(Manager *m, const JobKind *kind, const char *subject, const char *principal)
{
        Job *job = g_new0(Job, 1);

        job->manager = m;
        job->kind = kind;
        job->subject = g_strdup(subject);
        job->principal = g_strdup(principal);
        job->input_fd = -EBADF;
        return job;
}

/* The job at the end of the queue, if the new one would do just the same after it. */
static Job *find_joinable(Manager *m, const JobRequest *request)
{
        GQueue *queue = g_hash_table_lookup(m->jobs->by_subject, request->subject);
        Job *last = queue ? g_queue_peek_tail(queue) : NULL;

        /* A request id names one job: a repetition must find it, and it must not stand for two of them. */
        if (!last || last->kind != request->kind || request->request_id || request->input_fd >= 0 ||
            last->input_fd >= 0 || last->cancel_requested || last->undoing)
                return NULL;
        if (last->state == JOB_RUNNING && !request->kind->joinable_running)
                return NULL;
        return json_equal(last->parameters, request->parameters) ? last : NULL;
}

typedef struct RequestRow {
        uint32_t id;
        char *kind, *subject;
} RequestRow;

static bool read_request_row(DatabaseRow *row, void *userdata, GError **error)
{
        RequestRow *found = userdata;

        (void)error;
        found->id = (uint32_t)database_row_int(row, 0);
        found->kind = g_strdup(database_row_text(row, 1));
        found->subject = g_strdup(database_row_text(row, 2));
        return true;
}

/* *ret stays NULL when the id is new. */
static bool find_by_request_id(Manager *m, const JobRequest *request, Job **ret, GError **error)
{
        RequestRow found = {0, NULL, NULL};
        bool same;

        if (!request->request_id)
                return true;
        if (!database_query(m->database, error, read_request_row, &found,
                            "SELECT id, kind, subject FROM job WHERE principal = ? AND request_id = ?", "ss",
                            request->principal, request->request_id))
                return false;
        if (found.id == 0)
                return true;
        same = strcmp(found.kind, request->kind->name) == 0 && strcmp(found.subject, request->subject) == 0;
        g_free(found.kind);
        g_free(found.subject);
        *ret = jobs_find(m, found.id);
        if (same && *ret)
                return true;
        *ret = NULL;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "request-id '%s' was used for job %u, which %s",
                    request->request_id, found.id, same ? "has ended" : "was something else");
        return false;
}

static bool insert_row(Job *job, GError **error)
{
        Manager *m = job->manager;
        char *parameters = json_dumps(job->parameters, JSON_COMPACT | JSON_SORT_KEYS);
        bool ok = parameters && database_begin(m->database, error);

        if (ok) {
                ok = database_run(
                        m->database, error,
                        "INSERT INTO job (kind, subject, parameters, principal, request_id, state, created)"
                        " VALUES (?, ?, ?, ?, ?, 'queued', ?)",
                        "sssssi", job->kind->name, job->subject, parameters, job->principal, job->request_id,
                        (int64_t)job->created);
                if (ok)
                        job->id = (uint32_t)database_last_id(m->database);
                ok = ok &&
                     database_run(m->database, error,
                                  "DELETE FROM job WHERE id <= ? AND state NOT IN ('queued', 'running')", "i",
                                  (int64_t)job->id - (int64_t)m->settings.job_history);
                ok = database_end(m->database, ok, error);
        }
        free(parameters);
        return ok;
}

static Job *job_create(Manager *m, JobRequest *request, GError **error)
{
        Job *job = job_alloc(m, request->kind, request->subject, request->principal);

        job->parameters = json_incref(request->parameters);
        job->request_id = g_strdup(request->request_id);
        job->input_fd = fd_steal(&request->input_fd);
        job->created = now_realtime();
        if (!insert_row(job, error)) {
                job_free(job);
                return NULL;
        }
        job_enqueue(job);
        manager_changed(m, OBJECT_MANAGER, "", "NJobs", NULL);
        subject_changed(job);
        if (m->observer)
                m->observer->job_new(job, m->observer_data);
        return job;
}

Job *job_submit(Manager *m, JobRequest *request, GError **error)
{
        GQueue *queue = g_hash_table_lookup(m->jobs->by_subject, request->subject);
        Job *job = NULL;
        bool ok = find_by_request_id(m, request, &job, error);

        if (ok && !job)
                job = find_joinable(m, request);
        if (ok && !job && queue && g_queue_get_length(queue) >= JOB_QUEUE_MAX)
                g_set_error(error, L4_ERROR, L4_ERROR_BUSY, "%s has %u operations waiting already",
                            request->subject, JOB_QUEUE_MAX);
        else if (ok && !job)
                job = job_create(m, request, error);
        json_decref(request->parameters);
        request->parameters = NULL;
        fd_closep(&request->input_fd);
        request->input_fd = -EBADF;
        return job;
}

static bool load_row(DatabaseRow *row, void *userdata, GError **error)
{
        Manager *m = userdata;
        const JobKind *kind = job_kind_from_name(database_row_text(row, 1));
        Job *job;

        if (!kind) {
                g_set_error(error, L4_ERROR, L4_ERROR_FAILED, "the database has a job of unknown kind '%s'",
                            database_row_text(row, 1));
                return false;
        }
        job = job_alloc(m, kind, database_row_text(row, 2), database_row_text(row, 4));
        job->id = (uint32_t)database_row_int(row, 0);
        job->parameters = json_loads(database_row_text(row, 3), 0, NULL);
        job->enabled = json_is_true(json_object_get(job->parameters, PARAMETER_ENABLED));
        json_object_del(job->parameters, PARAMETER_ENABLED);
        job->request_id = g_strdup(database_row_text(row, 5));
        job->state = state_from_string(database_row_text(row, 6));
        job->created = (uint64_t)database_row_int(row, 7);
        job->resumed = true;
        job->state = JOB_QUEUED;
        log_info("job %u: %s %s was open when the manager ended, taken up again", job->id, kind->name,
                 job->subject);
        job_enqueue(job);
        return true;
}

/* Who waited for it when the manager ended, or asks again with the same request id, is to learn how it went.
 */
static bool load_ended_row(DatabaseRow *row, void *userdata, GError **error)
{
        Manager *m = userdata;
        const JobKind *kind = job_kind_from_name(database_row_text(row, 1));
        JobState state = state_from_string(database_row_text(row, 5));
        Job *job;

        (void)error;
        if (!kind || state < JOB_DONE)
                return true;
        job = job_alloc(m, kind, database_row_text(row, 2), database_row_text(row, 3));
        job->id = (uint32_t)database_row_int(row, 0);
        job->parameters = json_object();
        job->request_id = g_strdup(database_row_text(row, 4));
        job->state = state;
        job->created = (uint64_t)database_row_int(row, 6);
        job->ended = (uint64_t)database_row_int(row, 7);
        if (state != JOB_DONE)
                job->error = g_error_new_literal(L4_ERROR,
                                                 (gint)l4_error_from_dbus_name(database_row_text(row, 8)),
                                                 database_row_text(row, 9));
        job->recorded = true;
        g_hash_table_insert(m->jobs->by_id, GUINT_TO_POINTER(job->id), job);
        job_retire(job);
        return true;
}

bool jobs_load(Manager *m, GError **error)
{
        return database_query(
                       m->database, error, load_row, m,
                       "SELECT id, kind, subject, parameters, principal, request_id, state, created FROM job"
                       " WHERE state IN ('queued', 'running') ORDER BY id",
                       "") &&
               database_query(m->database, error, load_ended_row, m,
                              "SELECT id, kind, subject, principal, request_id, state, created, ended, "
                              "error, message"
                              " FROM job WHERE ended > ?",
                              "i", (int64_t)(now_realtime() - JOB_LINGER_USEC));
}
