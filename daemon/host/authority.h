/* polkit, asked asynchronously. The subject is always the bus name of a message's sender. Touches the system
 * bus. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Authority Authority;
typedef struct AuthorityCheck AuthorityCheck;

typedef enum AuthorityAnswer {
        AUTHORITY_DENIED,    /* also: polkit is missing, failed, or did not answer in time */
        AUTHORITY_CHALLENGE, /* a dialogue would be needed, and was not allowed */
        AUTHORITY_GRANTED,
} AuthorityAnswer;

typedef void (*AuthorityFunc)(AuthorityAnswer answer, void *userdata);

Authority *authority_new(void);
Authority *authority_free(Authority *a); /* takes NULL, returns NULL; all checks must have been cancelled */

/* Asks; func is called exactly once, later, unless the check is cancelled. details: pairs of key and value,
 * ended by NULL. Interactive checks may take as long as the person, others 30 s. */
AuthorityCheck *authority_check(Authority *a, const char *bus_name, const char *action,
                                const char *const *details, bool interactive, AuthorityFunc func,
                                void *userdata);
/* Takes NULL, returns NULL; func is not called any more. */
AuthorityCheck *authority_check_cancel(AuthorityCheck *c);
