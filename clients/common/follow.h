/* Starts jobs of the manager and follows them to their end, any number at once. Signals are subscribed to
 * before the first call; the end of a job is taken from its Wait() alone, so that nothing is lost when the
 * manager restarts in between. Touches the bus, standard error (complaints, progress), SIGINT. */
#pragma once

#include "common/client.h"

#include <jansson.h>

typedef struct Follow Follow;

typedef enum FollowFlags {
        FOLLOW_NO_BLOCK = 1 << 0, /* done when the jobs are there */
        FOLLOW_BOUND = 1 << 1,    /* the jobs need this process: they are cancelled where it is interrupted */
} FollowFlags;

/* Subscribes. Negative errno. */
int follow_new(Client *client, FollowFlags flags, Follow **ret);
Follow *follow_free(Follow *follow);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Follow, follow_free)

/* Adds a call that returns a job; the trailing options are still missing: extra, which may be NULL, is the
 * name of an option with the value true, and a request-id is added, so that a call that a restart of the
 * manager cut off can be made again without doing anything twice. label ("start alpha") is what complaints
 * begin with. Takes over the call's reference, also on failure. Negative errno. */
int follow_add_call(Follow *follow, const char *label, sd_bus_message *call, const char *extra);
/* Adds a job that is there already. */
void follow_add_job(Follow *follow, const char *label, const char *path);

/* Whether nothing was added. */
bool follow_is_empty(const Follow *follow);

/* Makes the calls and waits. Complains about each that failed; returns the exit code of all. */
int follow_run(Follow *follow);

/* Paths of the jobs that were made, an array of strings. */
json_t *follow_paths(const Follow *follow);
