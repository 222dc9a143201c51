/* org.left4me.Job. */
#include <string.h>

#include "base/error.h"
#include "bus/handlers.h"
#include "bus/options.h"
#include "bus/property.h"
#include "core/job.h"

#define WAIT_USEC_MAX (3600ULL * G_USEC_PER_SEC)

/* One's own job needs no right. */
static int authorize(Call *call, const Job *job, GError **error)
{
        g_autofree char *id = g_strdup_printf("%u", job->id);

        if (call_is_owner(call, job->principal))
                return 1;
        return call_authorize_object(call, OBJECT_JOB, id, job->principal, error);
}

int job_bus_cancel(Call *call, void *object, GError **error)
{
        Job *job = object;
        Options o;
        int r;

        if (!options_read(call, 0, &o, error))
                return -1;
        r = authorize(call, job, error);
        if (r <= 0)
                return r;
        return job_cancel(job, error) ? call_reply(call, error, "") : -1;
}

int job_bus_wait(Call *call, void *object, GError **error)
{
        Job *job = object;
        uint64_t timeout;
        Options o;
        int r;

        if (!call_read(call, error, "t", &timeout) || !options_read(call, 0, &o, error))
                return -1;
        if (timeout > WAIT_USEC_MAX) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "the time-out is longer than an hour");
                return -1;
        }
        r = authorize(call, job, error);
        return r <= 0 ? r : call_wait_job(call, job, timeout, error);
}

static double progress(const Job *job)
{
        if (job->state == JOB_DONE)
                return 1.0;
        return job->bytes_total ? MIN(1.0, (double)job->bytes_done / (double)job->bytes_total) : 0.0;
}

PROPERTY_GETTER(property_id, Job, "u", object->id)
PROPERTY_GETTER(property_kind, Job, "s", object->kind->name)
PROPERTY_GETTER(property_subject, Job, "s", object->subject)
PROPERTY_GETTER(property_state, Job, "s", job_state_to_string(object->state))
PROPERTY_GETTER(property_progress, Job, "d", progress(object))
PROPERTY_GETTER(property_progress_valid, Job, "b", object->progress_valid || object->state == JOB_DONE)
PROPERTY_GETTER(property_bytes_done, Job, "t", object->bytes_done)
PROPERTY_GETTER(property_bytes_total, Job, "t", object->bytes_total)
PROPERTY_GETTER(property_started, Job, "t", object->created)
PROPERTY_GETTER(property_started_by, Job, "s", object->principal)
PROPERTY_GETTER(property_cancelable, Job, "b", job_is_cancelable(object))

const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Cancel", ("a{sv}", options), (NULL)),
        METHOD("Wait", ("t", timeout, "a{sv}", options), ("s", result, "s", error, "s", message)),
        CONSTANT("Id", "u", property_id),
        CONSTANT("Kind", "s", property_kind),
        CONSTANT("Subject", "s", property_subject),
        CHANGING("State", "s", property_state),
        CHANGING("Progress", "d", property_progress),
        CHANGING("ProgressValid", "b", property_progress_valid),
        CHANGING("BytesDone", "t", property_bytes_done),
        CHANGING("BytesTotal", "t", property_bytes_total),
        CHANGING("StartedAt", "t", property_started),
        CONSTANT("StartedBy", "s", property_started_by),
        CHANGING("Cancelable", "b", property_cancelable),
        SD_BUS_VTABLE_END,
};
