/* What start, stop, restart, reset and delete of a server are made of. Every step is idempotent: a job that
 * was open when the manager ended is run again from its first step. */
#include "base/error.h"
#include "core/compose.h"
#include "core/job-kinds.h"
#include "core/running.h"
#include "core/server.h"
#include "core/store-steps.h"

static Server *job_server(Job *job)
{
        return g_hash_table_lookup(job->manager->servers, job_object(job));
}

static bool only_now(const Job *job)
{
        return json_is_true(json_object_get(job->parameters, "only-now"));
}

static void on_done(const GError *error, void *userdata)
{
        job_step_done(userdata, error);
}

/* Deleted meanwhile by a job that stood before this one in the queue: then there is nothing to do but to say
 * so. */
static Server *server_or_end(Job *job)
{
        g_autoptr(GError) error = NULL;
        Server *s = manager_server(job->manager, job_object(job), &error);

        /* A delete that was done but for its end when the manager ended has nothing left to do either. */
        if (!s)
                job_step_done(job, job->kind == &job_delete ? NULL : error);
        return s;
}

static void step_check(Job *job)
{
        g_autoptr(GError) error = NULL;
        Server *s = server_or_end(job);

        if (!s)
                return;
        (void)compose_check(s, &error);
        job_step_done(job, error);
}

static void on_mount_forgiven(const GError *error, void *userdata)
{
        Job *job = userdata;
        Server *s = job_server(job);

        job->request = NULL;
        if (error || !s)
                job_step_done(job, error);
        else
                job->request = systemd_reset_failed(job->manager->systemd, s->unit, on_done, job);
}

/* An operator's start is no crash: it must not count against the limit of restarts. */
static void step_forgive(Job *job)
{
        Server *s = server_or_end(job);

        if (!s)
                return;
        s->failed_at = 0;
        server_set_last_error(s, "");
        if (s->mount_active == UNIT_FAILED)
                job->request =
                        systemd_reset_failed(job->manager->systemd, s->mount_unit, on_mount_forgiven, job);
        else
                on_mount_forgiven(NULL, job);
}

static void on_enabled(const GError *error, void *userdata)
{
        g_autoptr(GError) e = NULL;
        Job *job = userdata;
        Server *s = job_server(job);
        int r = error ? 0 : systemd_enablement_sync();

        if (r < 0)
                l4_error_set_errno(&e, L4_ERROR_FAILED, r, "enablement is not on disk");
        if (s)
                server_unit_file_changed(s);
        job_step_done(job, error ? error : e);
}

static void set_enabled(Job *job, bool enable)
{
        Server *s = server_or_end(job);

        if (!s)
                return;
        if (systemd_is_enabled(s->unit) == enable)
                job_step_done(job, NULL);
        else
                job->request = systemd_enable(job->manager->systemd, s->unit, enable, on_enabled, job);
}

static void step_enable(Job *job)
{
        g_autoptr(GError) error = NULL;
        Server *s = job_server(job);

        if (only_now(job))
                job_step_done(job, NULL);
        else if (s && !job->enabled && !systemd_is_enabled(s->unit) && !job_record_enabled(job, &error))
                job_step_done(job, error);
        else
                set_enabled(job, true);
}

static void undo_enable(Job *job)
{
        if (job->enabled)
                set_enabled(job, false);
        else
                job_step_done(job, NULL);
}

static void step_disable(Job *job)
{
        if (only_now(job))
                job_step_done(job, NULL);
        else
                set_enabled(job, false);
}

/* Why a start failed: the mount unit's reason if that is where it ended, else the game's. */
static void on_start_failure(const UnitFailure *failure, void *userdata)
{
        Job *job = userdata;
        Server *s = job_server(job);
        bool of_mount = s && s->mount_active == UNIT_FAILED;
        g_autofree char *text =
                s ? running_describe_failure(s, of_mount, failure) : g_strdup("it was deleted");
        g_autoptr(GError) error =
                g_error_new_literal(L4_ERROR, of_mount ? L4_ERROR_MOUNT_FAILED : L4_ERROR_START_FAILED, text);

        job->request = NULL;
        if (s)
                server_set_last_error(s, text);
        job_step_done(job, error);
}

static void on_started(const GError *error, void *userdata)
{
        Job *job = userdata;
        Server *s = job_server(job);

        job->request = NULL;
        if (!error || !s)
                job_step_done(job, error);
        else
                job->request = systemd_get_failure(job->manager->systemd,
                                                   s->mount_active == UNIT_FAILED ? s->mount_unit : s->unit,
                                                   on_start_failure, job);
}

static void step_start(Job *job)
{
        Server *s = server_or_end(job);

        if (s)
                job->request = systemd_unit(job->manager->systemd, UNIT_START, s->unit, on_started, job);
}

/* One that an earlier manager had systemd do already is not done twice: players are on it again. */
static bool was_restarted(const Job *job, const Server *s)
{
        return job->resumed && s->active == UNIT_ACTIVE && s->started > job->created;
}

static void step_restart(Job *job)
{
        Server *s = server_or_end(job);

        if (s && was_restarted(job, s))
                job_step_done(job, NULL);
        else if (s)
                job->request = systemd_unit(job->manager->systemd, UNIT_RESTART, s->unit, on_started, job);
}

static void on_stop_failure(const UnitFailure *failure, void *userdata)
{
        g_autoptr(GError) error = NULL;
        Job *job = userdata;
        Server *s = job_server(job);

        job->request = NULL;
        if (s && running_is_unmount_failure(failure)) {
                g_autofree char *text = running_describe_failure(s, true, failure);

                error = g_error_new_literal(L4_ERROR, L4_ERROR_IN_USE, text);
        }
        job_step_done(job, error);
}

/* systemd calls a stop done also when its ExecStopPost= failed. */
static void on_stopped(const GError *error, void *userdata)
{
        Job *job = userdata;
        Server *s = job_server(job);

        job->request = NULL;
        if (error || !s || s->mount_active != UNIT_FAILED)
                job_step_done(job, error);
        else
                job->request =
                        systemd_get_failure(job->manager->systemd, s->mount_unit, on_stop_failure, job);
}

static void on_unmount_failure(const UnitFailure *failure, void *userdata)
{
        Job *job = userdata;
        g_autoptr(GError) error =
                g_error_new(L4_ERROR, L4_ERROR_IN_USE, "cannot unmount the game's tree: %s",
                            failure->status_text[0] ? failure->status_text : failure->result);

        job->request = NULL;
        job_step_done(job, error);
}

static void on_unmounted(const GError *error, void *userdata)
{
        Job *job = userdata;
        g_autofree char *unit = g_strdup_printf("left4me-unmount@%s.service", job_object(job));

        job->request = NULL;
        if (!error)
                job_step_done(job, NULL);
        else
                job->request = systemd_get_failure(job->manager->systemd, unit, on_unmount_failure, job);
}

/* There is nothing to stop in a mount unit that had failed, but there may be something to unmount. */
static void on_failed_stopped(const GError *error, void *userdata)
{
        Job *job = userdata;
        g_autofree char *unit = g_strdup_printf("left4me-unmount@%s.service", job_object(job));

        job->request = NULL;
        if (error)
                job_step_done(job, error);
        else
                job->request = systemd_unit(job->manager->systemd, UNIT_START, unit, on_unmounted, job);
}

/* Stopping the mount unit stops the game first (Requires=) and is over when the tree is unmounted. */
static void step_stop(Job *job)
{
        Server *s = server_or_end(job);

        if (s)
                job->request =
                        systemd_unit(job->manager->systemd, UNIT_STOP, s->mount_unit,
                                     s->mount_active == UNIT_FAILED ? on_failed_stopped : on_stopped, job);
}

static void on_server_forgiven(const GError *error, void *userdata)
{
        Job *job = userdata;
        Server *s = job_server(job);

        job->request = NULL;
        if (error || !s) {
                job_step_done(job, error);
                return;
        }
        server_set_last_error(s, "");
        job->request = systemd_reset_failed(job->manager->systemd, s->mount_unit, on_done, job);
}

/* After a stop that was asked for the server is stopped, not failed. */
static void step_forget_failure(Job *job)
{
        Server *s = server_or_end(job);

        if (!s)
                return;
        if (s->active == UNIT_FAILED || s->mount_active == UNIT_FAILED)
                job->request = systemd_reset_failed(job->manager->systemd, s->unit, on_server_forgiven, job);
        else
                job_step_done(job, NULL);
}

static void step_delete(Job *job)
{
        g_autoptr(GError) error = NULL;
        Server *s = server_or_end(job);

        if (!s)
                return;
        (void)server_delete(s, &error);
        job_step_done(job, error);
}

#define STEPS(array) .steps = (array), .n_steps = G_N_ELEMENTS(array)

static const JobStep start_steps[] = {
        {step_check, NULL},
        {step_forgive, NULL},
        {step_enable, undo_enable},
        {step_start, step_stop},
};
const JobKind job_start = {"start", JOB_RESUME_AGAIN, .joinable_running = true, STEPS(start_steps)};

static const JobStep restart_steps[] = {
        {step_check, NULL},
        {step_forgive, NULL},
        {step_enable, undo_enable},
        {step_restart, step_stop},
};
const JobKind job_restart = {"restart", JOB_RESUME_AGAIN, STEPS(restart_steps)};

static const JobStep stop_steps[] = {
        {step_disable, NULL},
        {step_stop, NULL},
        {step_forget_failure, NULL},
};
const JobKind job_stop = {"stop", JOB_RESUME_AGAIN, .joinable_running = true, STEPS(stop_steps)};

static const JobStep enable_steps[] = {{step_enable, undo_enable}};
const JobKind job_enable = {"enable", JOB_RESUME_AGAIN, STEPS(enable_steps)};

static const JobStep disable_steps[] = {{step_disable, NULL}};
const JobKind job_disable = {"disable", JOB_RESUME_AGAIN, STEPS(disable_steps)};

static const JobStep reset_steps[] = {
        {step_disable, NULL},
        {step_stop, NULL},
        {step_forget_failure, NULL},
        {store_step_discard_upper, NULL},
};
const JobKind job_reset = {"reset", JOB_RESUME_AGAIN, .joinable_running = true, STEPS(reset_steps)};

static const JobStep delete_steps[] = {
        {step_disable, NULL},        {step_stop, NULL},
        {step_forget_failure, NULL}, {store_step_discard_server, NULL},
        {step_delete, NULL},
};
const JobKind job_delete = {"delete", JOB_RESUME_AGAIN, .joinable_running = true, STEPS(delete_steps)};
