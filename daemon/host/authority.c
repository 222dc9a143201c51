#include "authority.h"

#include <polkit/polkit.h>

#define CHECK_TIMEOUT_SECONDS 30

struct Authority {
        PolkitAuthority *polkit;  /* NULL until it was reached */
        GCancellable *connecting; /* pending polkit_authority_get_async */
        GPtrArray *waiting;       /* AuthorityCheck * that wait for it; not owned */
};

/* Held by its owner until it ends, and by a call to polkit until that returns, whichever is later. */
struct AuthorityCheck {
        unsigned references;
        Authority *authority;
        AuthorityFunc func; /* NULL once it has ended */
        void *userdata;
        GCancellable *cancellable;
        PolkitSubject *subject;
        PolkitDetails *details;
        char *action;
        bool interactive;
        guint timeout;
};

Authority *authority_new(void)
{
        Authority *a = g_new0(Authority, 1);

        a->waiting = g_ptr_array_new();
        return a;
}

Authority *authority_free(Authority *a)
{
        if (!a)
                return NULL;
        if (a->connecting) {
                g_cancellable_cancel(a->connecting);
                g_object_unref(a->connecting);
        }
        g_clear_object(&a->polkit);
        g_ptr_array_unref(a->waiting);
        g_free(a);
        return NULL;
}

static void check_unref(AuthorityCheck *c)
{
        if (--c->references > 0)
                return;
        g_object_unref(c->cancellable);
        g_object_unref(c->subject);
        g_object_unref(c->details);
        g_free(c->action);
        g_free(c);
}

static void check_detach(AuthorityCheck *c)
{
        g_ptr_array_remove(c->authority->waiting, c);
        c->func = NULL;
        if (c->timeout)
                g_source_remove(c->timeout);
        c->timeout = 0;
        g_cancellable_cancel(c->cancellable);
        check_unref(c);
}

static void check_end(AuthorityCheck *c, AuthorityAnswer answer)
{
        AuthorityFunc func = c->func;
        void *userdata = c->userdata;

        check_detach(c);
        func(answer, userdata);
}

static gboolean on_timeout(gpointer userdata)
{
        AuthorityCheck *c = userdata;

        c->timeout = 0;
        check_end(c, AUTHORITY_DENIED);
        return G_SOURCE_REMOVE;
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(PolkitAuthorizationResult) answer = NULL;
        AuthorityCheck *c = userdata;

        answer = polkit_authority_check_authorization_finish(POLKIT_AUTHORITY(source), result, NULL);
        if (c->func) {
                if (!answer)
                        check_end(c, AUTHORITY_DENIED);
                else if (polkit_authorization_result_get_is_authorized(answer))
                        check_end(c, AUTHORITY_GRANTED);
                else if (polkit_authorization_result_get_is_challenge(answer))
                        check_end(c, AUTHORITY_CHALLENGE);
                else
                        check_end(c, AUTHORITY_DENIED);
        }
        check_unref(c);
}

static void check_send(AuthorityCheck *c)
{
        PolkitCheckAuthorizationFlags flags =
                c->interactive ? POLKIT_CHECK_AUTHORIZATION_FLAGS_ALLOW_USER_INTERACTION
                               : POLKIT_CHECK_AUTHORIZATION_FLAGS_NONE;

        c->references++;
        polkit_authority_check_authorization(c->authority->polkit, c->subject, c->action, c->details, flags,
                                             c->cancellable, on_answer, c);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GError) error = NULL;
        PolkitAuthority *polkit;
        Authority *a = userdata;

        (void)source;
        polkit = polkit_authority_get_finish(result, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return;
        g_clear_object(&a->connecting);
        a->polkit = polkit;

        /* Ending one may start or cancel others: take them one by one. */
        while (a->waiting->len > 0) {
                AuthorityCheck *c = g_ptr_array_steal_index(a->waiting, 0);

                if (a->polkit)
                        check_send(c);
                else
                        check_end(c, AUTHORITY_DENIED);
        }
}

AuthorityCheck *authority_check(Authority *a, const char *bus_name, const char *action,
                                const char *const *details, bool interactive, AuthorityFunc func,
                                void *userdata)
{
        AuthorityCheck *c = g_new0(AuthorityCheck, 1);

        c->references = 1;
        c->authority = a;
        c->func = func;
        c->userdata = userdata;
        c->cancellable = g_cancellable_new();
        c->subject = polkit_system_bus_name_new(bus_name);
        c->details = polkit_details_new();
        for (size_t i = 0; details[i]; i += 2)
                polkit_details_insert(c->details, details[i], details[i + 1]);
        c->action = g_strdup(action);
        c->interactive = interactive;
        if (!interactive)
                c->timeout = g_timeout_add_seconds(CHECK_TIMEOUT_SECONDS, on_timeout, c);

        if (a->polkit) {
                check_send(c);
                return c;
        }
        g_ptr_array_add(a->waiting, c);
        if (!a->connecting) {
                a->connecting = g_cancellable_new();
                polkit_authority_get_async(a->connecting, on_connected, a);
        }
        return c;
}

AuthorityCheck *authority_check_cancel(AuthorityCheck *c)
{
        if (c)
                check_detach(c);
        return NULL;
}
