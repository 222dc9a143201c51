#include "call.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "bus/methods.h"
#include "core/job.h"

struct Calls {
        sd_bus *connection;
        Manager *manager;
        Authority *authority;
        GHashTable *by_message; /* sd_bus_message * -> Call *, owned: those that are not answered yet */
};

/* sd-bus hands a vtable's handler only the object it is about. There is one manager in a process. */
static Calls *instance;

static void call_free(gpointer p)
{
        Call *call = p;

        authority_check_cancel(call->check);
        sd_bus_track_unref(call->track);
        sd_event_source_disable_unref(call->timer);
        sd_bus_message_unref(call->message);
        g_ptr_array_unref(call->grants);
        g_array_unref(call->probes);
        g_free(call->principal);
        g_free(call->asked);
        g_free(call);
}

Calls *calls_new(sd_bus *connection, Manager *m)
{
        Calls *calls = g_new0(Calls, 1);

        calls->connection = sd_bus_ref(connection);
        calls->manager = m;
        calls->authority = authority_new();
        calls->by_message = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, call_free);
        return calls;
}

Calls *calls_free(Calls *calls)
{
        if (!calls)
                return NULL;
        if (instance == calls)
                instance = NULL;
        g_hash_table_unref(calls->by_message);
        authority_free(calls->authority);
        sd_bus_unref(calls->connection);
        g_free(calls);
        return NULL;
}

void call_set_instance(Calls *calls)
{
        instance = calls;
}

static void call_drop(Call *call)
{
        g_hash_table_remove(call->calls->by_message, call->message);
}

static bool sender_uid(sd_bus_message *m, uid_t *ret, GError **error)
{
        __attribute__((cleanup(sd_bus_creds_unrefp))) sd_bus_creds *creds = NULL;
        int r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID, &creds);

        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret);
        if (r >= 0)
                return true;
        /* A sender that is gone, or that the bus cannot name, is nobody. */
        g_set_error(error, L4_ERROR, L4_ERROR_ACCESS_DENIED, "the caller is unknown");
        return false;
}

/* Whether one more call of this uid is within the limits. */
static bool check_limits(Calls *calls, const Method *method, uid_t uid, GError **error)
{
        unsigned limit = method->flags & METHOD_LONG_POLL ? WAITS_PER_UID_MAX : CALLS_PER_UID_MAX;
        unsigned same = 0, all = 0;
        GHashTableIter iter;
        gpointer p;

        if (method->flags & METHOD_AT_ONCE)
                return true;
        g_hash_table_iter_init(&iter, calls->by_message);
        while (g_hash_table_iter_next(&iter, NULL, &p)) {
                const Call *other = p;

                if ((other->method->flags & METHOD_LONG_POLL) != (method->flags & METHOD_LONG_POLL))
                        continue;
                all++;
                same += other->uid == uid;
        }
        if (same < limit && (all < CALLS_MAX || method->flags & METHOD_LONG_POLL))
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_LIMIT_REACHED,
                    "%u calls are in flight already: wait for their answers", same >= limit ? same : all);
        return false;
}

static Call *call_new(Calls *calls, sd_bus_message *m, const Method *method, GError **error)
{
        Call *call;
        uid_t uid;

        if (!sender_uid(m, &uid, error) || !check_limits(calls, method, uid, error))
                return NULL;
        call = g_new0(Call, 1);
        call->calls = calls;
        call->manager = calls->manager;
        call->message = sd_bus_message_ref(m);
        call->method = method;
        call->uid = uid;
        call->principal = g_strdup_printf("unix:%u", uid);
        call->grants = g_ptr_array_new_with_free_func(g_free);
        call->probes = g_array_new(FALSE, FALSE, sizeof(AuthorityAnswer));
        g_hash_table_insert(calls->by_message, call->message, call);
        return call;
}

static int fail(sd_bus_error *ret_error, const GError *error)
{
        const char *name =
                l4_error_dbus_name(error->domain == L4_ERROR ? (L4Error)error->code : L4_ERROR_FAILED);

        (void)sd_bus_error_set(ret_error, name, error->message);
        return -l4_error_errno(error->domain == L4_ERROR ? (L4Error)error->code : L4_ERROR_FAILED);
}

int call_dispatch(sd_bus_message *m, void *object, sd_bus_error *ret_error)
{
        const Method *method = method_find(sd_bus_message_get_interface(m), sd_bus_message_get_member(m));
        g_autoptr(GError) error = NULL;
        Call *call;
        int r;

        if (!instance || !method)
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_ACCESS_DENIED,
                                         "%s is not allowed to anybody", sd_bus_message_get_member(m));
        call = g_hash_table_lookup(instance->by_message, m);
        if (!call)
                call = call_new(instance, m, method, &error);
        if (!call)
                return fail(ret_error, error);

        call->again = false;
        r = method->handler(call, object, &error);
        if (r == 0)
                return 1;
        call_drop(call);
        return r < 0 ? fail(ret_error, error) : 1;
}

/* The handler runs again from the top: what it asks for then is compared with what was granted here. */
static void call_again(Call *call)
{
        int r = sd_bus_enqueue_for_read(call->calls->connection, call->message);

        call->again = r >= 0;
        if (call->again)
                return;
        (void)sd_bus_reply_method_errno(call->message, r, NULL);
        call_drop(call);
}

static void on_answer(AuthorityAnswer answer, void *userdata)
{
        Call *call = userdata;

        call->check = NULL;
        if (call->probing) {
                call->probing = false;
                g_array_append_val(call->probes, answer);
                call_again(call);
                return;
        }
        call->answer = answer;
        call->answered = true;
        if (answer == AUTHORITY_GRANTED) {
                g_ptr_array_add(call->grants, g_steal_pointer(&call->asked));
                call->answered = false;
        }
        call_again(call);
}

static int on_vanished(sd_bus_track *track, void *userdata)
{
        (void)track;
        call_drop(userdata);
        return 0;
}

/* Nobody waits for an answer any more when the caller is gone. */
static int track_sender(Call *call)
{
        int r;

        if (call->track)
                return 0;
        r = sd_bus_track_new(call->calls->connection, &call->track, on_vanished, call);
        return r < 0 ? r : sd_bus_track_add_sender(call->track, call->message);
}

bool call_is_owner(const Call *call, const char *owner)
{
        return call->uid == 0 || strcmp(call->principal, owner) == 0;
}

static int denied(Call *call, const char *action, GError **error)
{
        if (call->answer == AUTHORITY_CHALLENGE) {
                g_set_error(error, L4_ERROR, L4_ERROR_INTERACTIVE_AUTH,
                            "%s needs the right " ACTION_PREFIX
                            "%s, and asking for a password was not allowed",
                            call->method->member, action);
                return -1;
        }
        g_set_error(error, L4_ERROR, L4_ERROR_ACCESS_DENIED, "%s needs the right " ACTION_PREFIX "%s",
                    call->method->member, action);
        return -1;
}

/* Asks polkit about the sender of the call; the answer comes to on_answer(). */
static int ask(Call *call, const char *action, const CallObject *object, bool interactive)
{
        const char *owner = object->owner ? object->owner : call->principal;
        const char *details[] = {
                "method",    call->method->member,
                "object",    object->path,
                "owner",     owner,
                "principal", call->principal,
                "role",      strcmp(owner, call->principal) == 0 ? "owner" : "other",
                NULL,
        };
        int r = track_sender(call);

        if (r < 0)
                return r;
        call->check = authority_check(call->calls->authority, sd_bus_message_get_sender(call->message),
                                      action, details, interactive, on_answer, call);
        return 0;
}

int call_authorize(Call *call, const char *action, const CallObject *object, GError **error)
{
        g_autofree char *full = NULL, *key = NULL;

        if (!action)
                action = call->method->action;
        if (!action) {
                g_set_error(error, L4_ERROR, L4_ERROR_ACCESS_DENIED, "%s has no action",
                            call->method->member);
                return -1;
        }
        if (call->uid == 0)
                return 1;

        full = g_strconcat(ACTION_PREFIX, action, NULL);
        key = g_strdup_printf("%s\n%s\n%s\n%s", full, call->method->member, object->path,
                              object->owner ? object->owner : call->principal);
        for (guint i = 0; i < call->grants->len; i++)
                if (strcmp(g_ptr_array_index(call->grants, i), key) == 0)
                        return 1;
        /* Either this very thing was refused, or the object changed while polkit was asked about another. */
        if (call->answered || call->check)
                return denied(call, action, error);
        call->asked = g_steal_pointer(&key);
        if (ask(call, full, object, sd_bus_message_get_allow_interactive_authorization(call->message) > 0) ==
            0)
                return 0;
        g_set_error(error, L4_ERROR, L4_ERROR_ACCESS_DENIED, "the caller is gone");
        return -1;
}

int call_probe(Call *call, unsigned index, const char *action, const CallObject *object, AuthorityAnswer *ret,
               GError **error)
{
        g_autofree char *full = g_strconcat(ACTION_PREFIX, action, NULL);

        if (call->uid == 0) {
                *ret = AUTHORITY_GRANTED;
                return 1;
        }
        if (index < call->probes->len) {
                *ret = g_array_index(call->probes, AuthorityAnswer, index);
                return 1;
        }
        call->probing = true;
        if (ask(call, full, object, false) == 0)
                return 0;
        g_set_error(error, L4_ERROR, L4_ERROR_ACCESS_DENIED, "the caller is gone");
        return -1;
}

int call_authorize_object(Call *call, ObjectKind kind, const char *name, const char *owner, GError **error)
{
        g_autofree char *path = bus_object_path(kind, name);

        return call_authorize(call, NULL, &(CallObject){path, owner}, error);
}

static int sent(GError **error, int r)
{
        if (r >= 0)
                return 1;
        l4_error_set_errno(error, L4_ERROR_FAILED, r, "cannot reply");
        return -1;
}

int call_reply(Call *call, GError **error, const char *types, ...)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        va_list ap;
        int r = sd_bus_message_new_method_return(call->message, &reply);

        va_start(ap, types);
        if (r >= 0 && types[0])
                r = sd_bus_message_appendv(reply, types, ap);
        va_end(ap);
        return sent(error, r < 0 ? r : sd_bus_send(NULL, reply, NULL));
}

int call_new_reply(Call *call, sd_bus_message **ret, GError **error)
{
        return sent(error, sd_bus_message_new_method_return(call->message, ret));
}

int call_reply_message(Call *call, sd_bus_message *reply, GError **error)
{
        (void)call;
        return sent(error, sd_bus_send(NULL, reply, NULL));
}

int call_reply_job(Call *call, Job *job, GError **error)
{
        g_autofree char *id = g_strdup_printf("%u", job->id);
        g_autofree char *path = bus_object_path(OBJECT_JOB, id);

        return call_reply(call, error, "o", path);
}

static const char *job_error_name(const Job *job)
{
        return job->error ? l4_error_dbus_name((L4Error)job->error->code) : "";
}

static int reply_with_end(Call *call, Job *job, GError **error)
{
        const char *result = job_is_over(job) ? job_state_to_string(job->state) : "running";
        const char *message = job_is_over(job) && job->error ? job->error->message : "";

        return call_reply(call, error, "sss", result, job_is_over(job) ? job_error_name(job) : "", message);
}

static void answer_end(Call *call, Job *job)
{
        if (call->reply_with_end)
                (void)reply_with_end(call, job, NULL);
        else if (job->error)
                (void)sd_bus_reply_method_errorf(call->message, job_error_name(job), "%s",
                                                 job->error->message);
        else
                (void)call_reply(call, NULL, "");
        call_drop(call);
}

static int hold_for_job(Call *call, Job *job, GError **error)
{
        int r = track_sender(call);

        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, r, "the caller is gone"), -1;
        call->job = job->id;
        return 0;
}

int call_reply_after_job(Call *call, Job *job, GError **error)
{
        return hold_for_job(call, job, error);
}

static int on_wait_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
        Call *call = userdata;
        Job *job = jobs_find(call->manager, call->job);

        (void)source;
        (void)usec;
        if (job)
                answer_end(call, job);
        return 0;
}

int call_wait_job(Call *call, Job *job, uint64_t timeout, GError **error)
{
        int r;

        if (job_is_over(job) || timeout == 0)
                return reply_with_end(call, job, error);
        call->reply_with_end = true;
        r = hold_for_job(call, job, error);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(call->manager->event, &call->timer, CLOCK_MONOTONIC, timeout, 0,
                                       on_wait_timeout, call);
        return r < 0 ? (l4_error_set_errno(error, L4_ERROR_FAILED, r, "cannot wait"), -1) : 0;
}

void calls_job_ended(Calls *calls, Job *job)
{
        g_autoptr(GPtrArray) waiting = g_ptr_array_new();
        GHashTableIter iter;
        gpointer p;

        g_hash_table_iter_init(&iter, calls->by_message);
        while (g_hash_table_iter_next(&iter, NULL, &p))
                if (((Call *)p)->job == job->id)
                        g_ptr_array_add(waiting, p);
        for (guint i = 0; i < waiting->len; i++)
                answer_end(g_ptr_array_index(waiting, i), job);
}

void calls_object_removed(Calls *calls, const char *path)
{
        g_autoptr(GPtrArray) orphans = g_ptr_array_new();
        GHashTableIter iter;
        gpointer p;

        g_hash_table_iter_init(&iter, calls->by_message);
        while (g_hash_table_iter_next(&iter, NULL, &p)) {
                const Call *call = p;

                if ((call->check || call->again) && strcmp(sd_bus_message_get_path(call->message), path) == 0)
                        g_ptr_array_add(orphans, p);
        }
        for (guint i = 0; i < orphans->len; i++) {
                Call *call = g_ptr_array_index(orphans, i);

                /* Its handler would never be run again. sd-bus answers for what is not there; on what took
                 * the name meanwhile the call begins anew. */
                if (!call->again)
                        call_again(call);
                if (call->again)
                        call_drop(call);
        }
}

bool call_malformed(GError **error, int r)
{
        l4_error_set_errno(error, L4_ERROR_INVALID_ARGS, r, "malformed arguments");
        return false;
}

bool call_read(Call *call, GError **error, const char *types, ...)
{
        va_list ap;
        int r = 0;

        va_start(ap, types);
        for (const char *t = types; *t && r >= 0; t++) {
                void *target = va_arg(ap, void *);

                r = sd_bus_message_read_basic(call->message, *t, target);
                if (r > 0 && strchr("so", *t) && strlen(*(const char **)target) > STRING_SIZE_MAX)
                        r = -E2BIG;
                if (r == 0)
                        r = -ENXIO;
        }
        va_end(ap);
        return r < 0 ? call_malformed(error, r) : true;
}

bool call_read_strv(Call *call, unsigned max, char ***ret, GError **error)
{
        g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
        const char *item;
        int r = sd_bus_message_enter_container(call->message, 'a', "s");

        while (r >= 0 && (r = sd_bus_message_read(call->message, "s", &item)) > 0) {
                if (items->len == max || strlen(item) > STRING_SIZE_MAX) {
                        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS,
                                    "a list has more than %u items, or one of more than %u bytes", max,
                                    STRING_SIZE_MAX);
                        return false;
                }
                g_ptr_array_add(items, g_strdup(item));
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(call->message);
        if (r < 0)
                return call_malformed(error, r);
        g_ptr_array_add(items, NULL);
        *ret = (char **)g_ptr_array_free(g_steal_pointer(&items), FALSE);
        return true;
}

bool call_read_bytes(Call *call, const void **ret, size_t *ret_size, GError **error)
{
        int r = sd_bus_message_read_array(call->message, 'y', ret, ret_size);

        if (r < 0)
                return call_malformed(error, r);
        if (*ret_size <= BYTES_SIZE_MAX)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "more than %u bytes", BYTES_SIZE_MAX);
        return false;
}
