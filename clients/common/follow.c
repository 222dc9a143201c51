/* See follow.h.
 *
 * An item goes CALL, CALLING, CHECK, CHECKING, WAITING, ENDED. CHECK asks the job's Wait() with time-out 0;
 * it comes when the job's path is known (it may have ended before), at JobRemoved, and when the manager went
 * away or came back: the question itself activates the manager. One connection keeps the order of what the
 * manager sends, so an answer "running" is always older than the JobRemoved after it. */
#include "common/follow.h"

#include "common/errors.h"
#include "common/output.h"
#include "common/progress.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-id128.h>

/* The manager refuses more than 8 calls of one user at a time; other commands of the user want some too. */
#define CALLS_IN_FLIGHT 4
/* How often a call is made again that the manager took with it when it went away. */
#define CALL_TRIES 3
/* How long a manager that cannot be activated has to come back by itself. */
#define RETURN_USEC (10 * G_USEC_PER_SEC)

typedef enum ItemState {
        ITEM_CALL,
        ITEM_CALLING,
        ITEM_CHECK,
        ITEM_CHECKING,
        ITEM_WAITING,
        ITEM_AWAY,
        ITEM_ENDED,
} ItemState;

typedef struct Item {
        Follow *follow;
        char *label;
        ItemState state;
        sd_bus_message *call;
        unsigned tries;
        char *path;
        sd_bus_slot *slot;
        uint64_t since_usec;
        int code;
} Item;

struct Follow {
        Client *client;
        FollowFlags flags;
        GPtrArray *items;
        Progress progress;
        sd_bus_slot *removed_slot, *changed_slot, *owner_slot, *disconnected_slot;
        sd_event_source *interrupt, *give_up;
        bool interrupted;
        bool owner_changed; /* the manager was there, and went or came while we follow */
};

static void item_free(Item *item)
{
        sd_bus_slot_unref(item->slot);
        sd_bus_message_unref(item->call);
        g_free(item->path);
        g_free(item->label);
        g_free(item);
}

static void item_end(Item *item, int code)
{
        item->state = ITEM_ENDED;
        item->code = code;
        item->slot = sd_bus_slot_unref(item->slot);
        item->call = sd_bus_message_unref(item->call);
}

static void item_fail(Item *item, int code, const char *message)
{
        progress_clear(&item->follow->progress);
        output_complain(item->label, message);
        item_end(item, code);
}

static void item_fail_error(Item *item, const sd_bus_error *error)
{
        g_autofree char *text = client_error_text(error);

        item_fail(item, errors_exit_code(error->name), text);
}

static void item_fail_errno(Item *item, int r)
{
        item_fail(item, errors_exit_code(NULL), g_strerror(-r));
}

static bool is_unreachable(const sd_bus_error *error)
{
        return errors_exit_code(error->name) == EXIT_UNREACHABLE;
}

/* The manager is away and cannot be activated: it may be restarted by hand, but not for ever. */
static void item_expect_return(Item *item, const sd_bus_error *error)
{
        Follow *follow = item->follow;
        uint64_t now;

        item->state = ITEM_AWAY;
        if (sd_event_source_get_enabled(follow->give_up, NULL) > 0)
                return;
        if (sd_event_now(follow->client->event, CLOCK_MONOTONIC, &now) < 0 ||
            sd_event_source_set_time(follow->give_up, now + RETURN_USEC) < 0 ||
            sd_event_source_set_enabled(follow->give_up, SD_EVENT_ONESHOT) < 0)
                item_fail_error(item, error);
}

static void item_take_result(Item *item, const char *result, const char *error, const char *message)
{
        if (strcmp(result, "running") == 0)
                item->state = ITEM_WAITING;
        else if (strcmp(result, "done") == 0)
                item_end(item, EXIT_OK);
        else if (*message)
                item_fail(item,
                          errors_exit_code(error) == EXIT_NO_SUCH_OBJECT ? EXIT_NO_SUCH_OBJECT : EXIT_FAILED,
                          message);
        else
                item_fail(item, EXIT_FAILED, *error ? error : result);
}

static int on_checked(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Item *item = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        const char *result, *error, *message;
        int r;

        (void)ret_error;
        item->slot = sd_bus_slot_unref(item->slot);
        if (e) {
                if (is_unreachable(e))
                        item_expect_return(item, e);
                else
                        item_fail_error(item, e);
                return 0;
        }

        r = sd_bus_message_read(reply, "sss", &result, &error, &message);
        if (r < 0)
                item_fail_errno(item, r);
        else
                item_take_result(item, result, error, message);
        return 0;
}

static int on_called(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Item *item = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        const char *path;
        int r;

        (void)ret_error;
        item->slot = sd_bus_slot_unref(item->slot);
        if (e) {
                if (sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY) && item->tries < CALL_TRIES)
                        item->state = ITEM_CALL;
                else if (item->follow->owner_changed && is_unreachable(e))
                        item_expect_return(item, e);
                else
                        item_fail_error(item, e);
                return 0;
        }

        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0) {
                item_fail_errno(item, r);
                return 0;
        }
        item->path = g_strdup(path);
        item->since_usec = (uint64_t)g_get_monotonic_time();
        item->call = sd_bus_message_unref(item->call);
        if (item->follow->flags & FOLLOW_NO_BLOCK)
                item_end(item, EXIT_OK);
        else
                item->state = ITEM_CHECK;
        return 0;
}

static void item_call(Item *item)
{
        int r;

        item->tries++;
        item->state = ITEM_CALLING;
        r = sd_bus_call_async(item->follow->client->bus, &item->slot, item->call, on_called, item,
                              CLIENT_CALL_USEC);
        if (r < 0)
                item_fail_errno(item, r);
}

static void item_check(Item *item)
{
        Client *client = item->follow->client;
        sd_bus_message *m = NULL;
        int r;

        item->state = ITEM_CHECKING;
        r = client_new_call(client, item->path, L4_IFACE_JOB, "Wait", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "ta{sv}", UINT64_C(0), 0);
        if (r >= 0)
                r = sd_bus_call_async(client->bus, &item->slot, m, on_checked, item, CLIENT_CALL_USEC);
        if (r < 0)
                item_fail_errno(item, r);
        sd_bus_message_unref(m);
}

/* Sends what may be sent now; whether anything is still to come. */
static bool follow_dispatch(Follow *follow)
{
        /* One question after the other where a person answers them. */
        unsigned room = follow->client->agent ? 1 : CALLS_IN_FLIGHT;
        bool open = false;

        for (guint i = 0; i < follow->items->len; i++) {
                const Item *item = follow->items->pdata[i];

                if ((item->state == ITEM_CALLING || item->state == ITEM_CHECKING) && room > 0)
                        room--;
        }

        for (guint i = 0; i < follow->items->len; i++) {
                Item *item = follow->items->pdata[i];

                if (room > 0 && (item->state == ITEM_CALL || item->state == ITEM_CHECK)) {
                        if (item->state == ITEM_CALL)
                                item_call(item);
                        else
                                item_check(item);
                        room--;
                }
                open |= item->state != ITEM_ENDED;
        }
        return open;
}

static Item *follow_find(Follow *follow, const char *path)
{
        for (guint i = 0; path && i < follow->items->len; i++) {
                Item *item = follow->items->pdata[i];

                if (item->path && strcmp(item->path, path) == 0)
                        return item;
        }
        return NULL;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *follow = userdata;
        const char *path;

        (void)ret_error;
        if (sd_bus_message_read(m, "uo", NULL, &path) < 0)
                return 0;

        /* Several names can share a job that was joined. */
        for (guint i = 0; i < follow->items->len; i++) {
                Item *item = follow->items->pdata[i];

                if (item->state == ITEM_WAITING && strcmp(item->path, path) == 0)
                        item->state = ITEM_CHECK;
        }
        return 0;
}

static int read_progress_property(sd_bus_message *m, ProgressState *state)
{
        const char *name;
        int r, valid;

        r = sd_bus_message_read_basic(m, 's', &name);
        if (r < 0)
                return r;
        if (strcmp(name, "BytesDone") == 0)
                return sd_bus_message_read(m, "v", "t", &state->done);
        if (strcmp(name, "BytesTotal") == 0)
                return sd_bus_message_read(m, "v", "t", &state->total);
        if (strcmp(name, "Progress") == 0)
                return sd_bus_message_read(m, "v", "d", &state->fraction);
        if (strcmp(name, "ProgressValid") == 0) {
                r = sd_bus_message_read(m, "v", "b", &valid);
                state->valid = r >= 0 && valid;
                return r;
        }
        return sd_bus_message_skip(m, "v");
}

static int on_job_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *follow = userdata;
        const Item *item = follow_find(follow, sd_bus_message_get_path(m));
        ProgressState state = {};

        (void)ret_error;
        if (!item || item->state == ITEM_ENDED || sd_bus_message_skip(m, "s") < 0 ||
            sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
                return 0;

        while (sd_bus_message_enter_container(m, 'e', "sv") > 0)
                if (read_progress_property(m, &state) < 0 || sd_bus_message_exit_container(m) < 0)
                        return 0;
        if (state.valid || state.done > 0) {
                state.usec = (uint64_t)g_get_monotonic_time() - item->since_usec;
                progress_draw(&follow->progress, item->label, &state);
        }
        return 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Follow *follow = userdata;

        (void)m;
        (void)ret_error;
        follow->owner_changed = true;
        (void)sd_event_source_set_enabled(follow->give_up, SD_EVENT_OFF);
        for (guint i = 0; i < follow->items->len; i++) {
                Item *item = follow->items->pdata[i];

                if (item->state == ITEM_WAITING || item->state == ITEM_AWAY)
                        item->state = item->path ? ITEM_CHECK : ITEM_CALL;
        }
        return 0;
}

static void follow_fail_open(Follow *follow, const char *message)
{
        for (guint i = 0; i < follow->items->len; i++) {
                Item *item = follow->items->pdata[i];

                if (item->state != ITEM_ENDED)
                        item_fail(item, EXIT_UNREACHABLE, message);
        }
}

static int on_give_up(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source;
        (void)usec;
        follow_fail_open(userdata, "The manager went away; the job may go on when it is back.");
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        (void)m;
        (void)ret_error;
        follow_fail_open(userdata, "The connection to the bus broke; the job may go on.");
        return 0;
}

static void item_interrupt(Item *item)
{
        Follow *follow = item->follow;
        g_autofree char *text = NULL;

        if (item->state == ITEM_ENDED)
                return;
        if (!item->path)
                text = g_strdup("interrupted before the manager answered; it may still do it");
        else if (follow->flags & FOLLOW_BOUND) {
                (void)sd_bus_call_method_async(follow->client->bus, NULL, L4_BUS_NAME, item->path,
                                               L4_IFACE_JOB, "Cancel", NULL, NULL, "a{sv}", 0);
                text = g_strdup("interrupted, cancelling the job");
        } else
                text = g_strdup_printf("the job goes on; wait for it with: left4mectl job wait %s",
                                       strrchr(item->path, '/') + 1);
        item_fail(item, EXIT_INTERRUPTED, text);
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        Follow *follow = userdata;

        (void)source;
        (void)si;
        follow->interrupted = true;
        for (guint i = 0; i < follow->items->len; i++)
                item_interrupt(follow->items->pdata[i]);
        return 0;
}

static int follow_subscribe(Follow *follow)
{
        sd_bus *bus = follow->client->bus;
        int r;

        r = sd_bus_match_signal(bus, &follow->removed_slot, L4_BUS_NAME, L4_PATH_MANAGER, L4_IFACE_MANAGER,
                                "JobRemoved", on_job_removed, follow);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(bus, &follow->disconnected_slot, NULL, "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, follow);
        if (r < 0)
                return r;
        r = sd_bus_add_match(bus, &follow->owner_slot,
                             "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                             "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" L4_BUS_NAME
                             "'",
                             on_owner_changed, follow);
        if (r < 0 || !follow->progress.enabled)
                return r;
        return sd_bus_add_match(bus, &follow->changed_slot,
                                "type='signal',sender='" L4_BUS_NAME "',path_namespace='" L4_PATH "/job',"
                                "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
                                on_job_changed, follow);
}

static int follow_prepare_events(Follow *follow)
{
        sd_event *event = follow->client->event;
        sigset_t set;
        int r;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(event, &follow->interrupt, SIGINT, on_interrupt, follow);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &follow->give_up, CLOCK_MONOTONIC, 0, 0, on_give_up, follow);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(follow->give_up, SD_EVENT_OFF);
}

int follow_new(Client *client, FollowFlags flags, Follow **ret)
{
        g_autoptr(Follow) follow = g_new0(Follow, 1);
        int r;

        follow->client = client;
        follow->flags = flags;
        follow->items = g_ptr_array_new_with_free_func((GDestroyNotify)item_free);
        follow->progress = progress_init();

        r = follow_subscribe(follow);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&follow);
        return 0;
}

Follow *follow_free(Follow *follow)
{
        if (!follow)
                return NULL;

        progress_clear(&follow->progress);
        sd_bus_slot_unref(follow->removed_slot);
        sd_bus_slot_unref(follow->changed_slot);
        sd_bus_slot_unref(follow->owner_slot);
        sd_bus_slot_unref(follow->disconnected_slot);
        sd_event_source_disable_unref(follow->interrupt);
        sd_event_source_disable_unref(follow->give_up);
        g_ptr_array_unref(follow->items);
        g_free(follow);
        return NULL;
}

static Item *follow_add(Follow *follow, const char *label, ItemState state)
{
        Item *item = g_new0(Item, 1);

        item->follow = follow;
        item->label = g_strdup(label);
        item->state = state;
        g_ptr_array_add(follow->items, item);
        return item;
}

static int append_options(sd_bus_message *call, const char *extra)
{
        char id[SD_ID128_STRING_MAX];
        sd_id128_t random;
        int r;

        r = sd_id128_randomize(&random);
        if (r < 0)
                return r;
        if (extra)
                return sd_bus_message_append(call, "a{sv}", 2, "request-id", "s",
                                             sd_id128_to_string(random, id), extra, "b", 1);
        return sd_bus_message_append(call, "a{sv}", 1, "request-id", "s", sd_id128_to_string(random, id));
}

int follow_add_call(Follow *follow, const char *label, sd_bus_message *call, const char *extra)
{
        int r = append_options(call, extra);

        if (r < 0) {
                sd_bus_message_unref(call);
                return r;
        }
        follow_add(follow, label, ITEM_CALL)->call = call;
        return 0;
}

void follow_add_job(Follow *follow, const char *label, const char *path)
{
        Item *item = follow_add(follow, label, ITEM_CHECK);

        item->path = g_strdup(path);
        item->since_usec = (uint64_t)g_get_monotonic_time();
}

bool follow_is_empty(const Follow *follow)
{
        return follow->items->len == 0;
}

int follow_run(Follow *follow)
{
        int code = EXIT_OK, r;

        r = follow_prepare_events(follow);
        if (r < 0) {
                output_complain(NULL, g_strerror(-r));
                return EXIT_FAILED;
        }

        while (follow_dispatch(follow)) {
                r = sd_event_run(follow->client->event, UINT64_MAX);
                if (r < 0) {
                        output_complain(NULL, g_strerror(-r));
                        return sd_bus_is_open(follow->client->bus) > 0 ? EXIT_FAILED : EXIT_UNREACHABLE;
                }
        }

        for (guint i = 0; i < follow->items->len; i++)
                code = errors_join(code, ((const Item *)follow->items->pdata[i])->code);
        return follow->interrupted ? EXIT_INTERRUPTED : code;
}

json_t *follow_paths(const Follow *follow)
{
        json_t *paths = json_array();

        for (guint i = 0; i < follow->items->len; i++) {
                const Item *item = follow->items->pdata[i];

                if (item->path)
                        json_array_append_new(paths, json_string(item->path));
        }
        return paths;
}
