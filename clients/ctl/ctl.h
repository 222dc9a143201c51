/* The state of one run of left4mectl, and what its verbs share. */
#pragma once

#include "common/client.h"
#include "common/errors.h"
#include "common/follow.h"
#include "common/output.h"

typedef struct Verb Verb;

/* Options as given; which verb takes which stands in the verb's row (verbs.h). */
typedef struct Ctl {
        const Verb *verb;
        Client *client; /* see ctl_connect() */
        Output output;
        Transport transport;
        const char *host;
        bool ask_password;
        bool yes;
        bool no_block;
        bool only_now;
        bool autostart;
        bool global;
        bool merge;
        uint16_t port; /* 0: not given */
        const char *file;
        const char *format;
        GPtrArray *overlays, *arguments, *config; /* NULL: not given */
} Ctl;

/* Opens the bus; EXIT_OK, or complains and returns the exit code. Every verb that talks to the manager begins
 * so. */
int ctl_connect(Ctl *ctl);

/* Complains about object (may be NULL) in the words of error, or of the negative errno r where error is
 * unset; returns the exit code. */
int ctl_fail(const Ctl *ctl, const char *object, const sd_bus_error *error, int r);

/* Asks a yes/no question about destruction, unless --yes was given. Without a terminal the answer is no, and
 * that is complained about. */
bool ctl_confirm(const Ctl *ctl, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Sends and takes the reference of call (r < 0: its preparation failed already). EXIT_OK, with the reply in
 * ret_reply if that is not NULL, or complains and returns the exit code. */
int ctl_call(Ctl *ctl, const char *object, sd_bus_message *call, int r, sd_bus_message **ret_reply);

/* Same, with the reply's first value as JSON. */
int ctl_call_json(Ctl *ctl, const char *object, sd_bus_message *call, int r, json_t **ret);

/* Path of a named object; method is GetServer, GetBlueprint or GetOverlay. EXIT_OK, or complains. */
int ctl_resolve(Ctl *ctl, const char *method, const char *name, char **ret_path);

/* Properties of one object as a JSON object. EXIT_OK, or complains. */
int ctl_properties(Ctl *ctl, const char *object, const char *path, const char *interface, json_t **ret);

/* All objects with an interface, as an array of their properties sorted by sort_key, in one call whatever
 * their number. EXIT_OK, or complains. */
int ctl_objects(Ctl *ctl, const char *interface, const char *sort_key, json_t **ret);

/* "VERB OBJECT", what complaints begin with (g_free). */
char *ctl_label(const Ctl *ctl, const char *object);

/* Makes the call, which lacks its trailing options, and follows its job (follow.h); flags are FollowFlags.
 * Takes the reference of call. */
int ctl_run_job(Ctl *ctl, const char *object, sd_bus_message *call, int r, unsigned flags);

/* The option of the manager that an option of the command line stands for; no verb takes more than one. */
const char *ctl_job_option(const Ctl *ctl);

/* Prints the paths of the jobs that --no-block did not wait for. EXIT_OK, or complains. */
int ctl_print_jobs(const Ctl *ctl, const Follow *follow);

/* The exit code for what output_table(), output_record() or output_json() returned; complains. */
int ctl_printed(int r);

/* An unsigned decimal number from 1 to max; complains. */
bool ctl_parse_number(const Ctl *ctl, const char *what, const char *text, uint32_t max, uint32_t *ret);

/* Arrays of arrays become arrays of objects with the given keys (NULL-terminated). Takes and gives a
 * reference. */
json_t *ctl_name_columns(json_t *rows, const char *const *keys);

#define cleanup_json __attribute__((cleanup(json_decrefp))) /* of jansson itself */

static inline void message_unrefp(sd_bus_message **m)
{
        sd_bus_message_unref(*m);
}
#define cleanup_message __attribute__((cleanup(message_unrefp)))
#define cleanup_bus_error __attribute__((cleanup(sd_bus_error_free)))
