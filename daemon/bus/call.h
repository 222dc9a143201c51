/* One method call from its arrival to its reply: who calls, what it may, how it is answered. Every method of
 * every interface comes in through call_dispatch(), which knows it from the method table (methods.c) or
 * refuses it.
 *
 * A handler reads and validates its arguments, then authorises, then acts. It is run again from the top when
 * polkit has answered, and what it asks for then must be exactly what was granted. */
#pragma once

#include "bus/bus.h"

#define CALLS_PER_UID_MAX 8U
#define CALLS_MAX 64U
#define WAITS_PER_UID_MAX 32U
#define STRING_SIZE_MAX (64U * 1024U)
#define BYTES_SIZE_MAX (1024U * 1024U)
#define ARRAY_ITEMS_MAX 256U
#define CANI_ACTIONS_MAX 32U

typedef struct Call Call;
typedef struct Calls Calls;

/* Returns 1 when the reply was sent, 0 when it comes later, -1 with error set. */
typedef int (*CallHandler)(Call *call, void *object, GError **error);

typedef struct Method {
        const char *interface, *member;
        const char *action; /* without ACTION_PREFIX; NULL: not gated, or gated by the handler itself */
        CallHandler handler;
        unsigned flags;
} Method;
#define METHOD_LONG_POLL (1U << 0) /* counted apart from the calls in flight */
#define METHOD_AT_ONCE (1U << 1)   /* asks nobody and waits for nothing: never in flight, and not limited */

#define ACTION_PREFIX "org.left4me.manager."

struct Call {
        Calls *calls;
        Manager *manager;
        sd_bus_message *message;
        const Method *method;
        uid_t uid;
        char *principal;
        GPtrArray *grants; /* char *: what polkit has granted this call */
        AuthorityCheck *check;
        char *asked; /* what the pending check is about, or the one that was denied */
        AuthorityAnswer answer;
        bool answered;  /* and the answer was no */
        bool again;     /* queued to be handled once more */
        bool probing;   /* the pending check is call_probe()'s */
        GArray *probes; /* AuthorityAnswer of each probe so far */
        sd_bus_track *track;
        sd_event_source *timer; /* of a long poll */
        uint32_t job;           /* id of the job whose end will be the reply, or 0 */
        bool reply_with_end;    /* reply is Wait's triple, not an empty one */
};

Calls *calls_new(sd_bus *connection, Manager *m);
Calls *calls_free(Calls *calls); /* takes NULL, returns NULL */

/* The handler of every method in every vtable. */
int call_dispatch(sd_bus_message *m, void *object, sd_bus_error *ret_error);
/* The vtables' handlers find the calls here. */
void call_set_instance(Calls *calls);

/* What an authorisation is about. */
typedef struct CallObject {
        const char *path;  /* object path, or "/" when there is none yet */
        const char *owner; /* principal; NULL: the caller (of what is being made) */
} CallObject;
/* 1 granted, 0 polkit is being asked, -1 denied. action NULL: the method's own of the table. */
int call_authorize(Call *call, const char *action, const CallObject *object, GError **error);
/* The common case: an object of the bus. */
int call_authorize_object(Call *call, ObjectKind kind, const char *name, const char *owner, GError **error);
/* Whether content of that owner is the caller's own, or the caller is root. */
bool call_is_owner(const Call *call, const char *owner);

/* Replies. */
int call_reply(Call *call, GError **error, const char *types, ...);
int call_reply_message(Call *call, sd_bus_message *reply, GError **error);
int call_new_reply(Call *call, sd_bus_message **ret, GError **error);
/* Reply with a job's path, or with the end of a job once it has ended. */
int call_reply_job(Call *call, Job *job, GError **error);
int call_reply_after_job(Call *call, Job *job, GError **error);
/* Wait: timeout in usec. */
int call_wait_job(Call *call, Job *job, uint64_t timeout, GError **error);
/* A job has ended: answers the calls that wait for it. */
void calls_job_ended(Calls *calls, Job *job);
/* An object is gone: calls on it that polkit is being asked about end. */
void calls_object_removed(Calls *calls, const char *path);

/* Reads arguments; strings are checked for length. false with L4_ERROR_INVALID_ARGS. */
bool call_read(Call *call, GError **error, const char *types, ...);
bool call_read_strv(Call *call, unsigned max, char ***ret, GError **error);
bool call_read_bytes(Call *call, const void **ret, size_t *ret_size, GError **error);
/* A negative errno of sd-bus while reading as InvalidArgs. */
bool call_malformed(GError **error, int r);

/* For CanI: the answer for one of several questions, asked without any dialogue. 1 known, 0 polkit is being
 * asked, -1 error. index counts the questions of this call from 0, in the same order at every run of the
 * handler. */
int call_probe(Call *call, unsigned index, const char *action, const CallObject *object, AuthorityAnswer *ret,
               GError **error);
