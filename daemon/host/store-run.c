#include "store-run.h"

#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/layout.h"

#define UNIT_PREFIX "left4me-store-"
#define OUTPUT_SIZE_MAX (16U * 1024U * 1024U)
#define RUNS_MAX 4U
#define RUNS_OF_PRINCIPAL_MAX 2U
#define RUNS_PACED_MAX 3U /* one place is always for those that no client can hold up */
#define ALONE_PATIENCE (10 * 60 * G_TIME_SPAN_SECOND)

typedef enum RunState {
        RUN_WAITING,  /* for its turn */
        RUN_STARTING, /* systemd was asked */
        RUN_RUNNING,
} RunState;

struct StoreLane {
        Systemd *systemd;
        sd_event *event;
        GQueue waiting;      /* StoreRun *, not owned, in the order they came */
        GQueue running;      /* StoreRun *, not owned: all that do not wait */
        GHashTable *by_unit; /* unit name -> StoreRun *, not owned */
        GHashTable *alive;   /* names of the units that systemd runs, ours or an earlier manager's */
};

struct StoreRun {
        StoreLane *lane;
        RunState state;
        char *unit, *principal, *request_path, *output_path, *description, *bind_source;
        gint64 since; /* when it came, by the monotonic clock */
        int input_fd;
        const StoreRunEvents *events;
        void *userdata;
        SystemdRequest *starting, *stopping;
        sd_event_source *watch, *deferred;
        uint64_t seen; /* bytes of the output that were handled */
        bool cancelled;
};

static void lane_advance(StoreLane *lane);

StoreLane *store_lane_new(Systemd *systemd, sd_event *event)
{
        StoreLane *lane = g_new0(StoreLane, 1);

        lane->systemd = systemd;
        lane->event = sd_event_ref(event);
        g_queue_init(&lane->waiting);
        g_queue_init(&lane->running);
        lane->by_unit = g_hash_table_new(g_str_hash, g_str_equal);
        lane->alive = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return lane;
}

StoreLane *store_lane_free(StoreLane *lane)
{
        if (!lane)
                return NULL;
        g_queue_clear(&lane->waiting);
        g_queue_clear(&lane->running);
        g_hash_table_unref(lane->by_unit);
        g_hash_table_unref(lane->alive);
        sd_event_unref(lane->event);
        g_free(lane);
        return NULL;
}

static StoreRun *run_alloc(StoreLane *lane, uint32_t id, const char *principal, const StoreRunEvents *events,
                           void *userdata)
{
        StoreRun *run = g_new0(StoreRun, 1);

        run->lane = lane;
        run->principal = g_strdup(principal);
        run->unit = g_strdup_printf(UNIT_PREFIX "%u.service", id);
        run->request_path = g_strdup_printf(L4_RUN_JOBS "/%u.request", id);
        run->output_path = g_strdup_printf(L4_RUN_JOBS "/%u.output", id);
        run->input_fd = -EBADF;
        run->events = events;
        run->userdata = userdata;
        g_hash_table_insert(lane->by_unit, run->unit, run);
        return run;
}

StoreRun *store_run_forget(StoreRun *run)
{
        if (!run)
                return NULL;
        g_queue_remove(&run->lane->waiting, run);
        g_hash_table_remove(run->lane->by_unit, run->unit);
        g_queue_remove(&run->lane->running, run);
        systemd_request_forget(run->starting);
        systemd_request_forget(run->stopping);
        sd_event_source_disable_unref(run->watch);
        sd_event_source_disable_unref(run->deferred);
        fd_closep(&run->input_fd);
        g_free(run->unit);
        g_free(run->principal);
        g_free(run->request_path);
        g_free(run->output_path);
        g_free(run->description);
        g_free(run->bind_source);
        g_free(run);
        return NULL;
}

static void run_end(StoreRun *run, json_t *result, const GError *error)
{
        StoreLane *lane = run->lane;

        run->events->end(result, error, run->userdata);
        /* Not before: if we die in between, the next manager finds the result here. */
        (void)unlink(run->request_path);
        (void)unlink(run->output_path);
        store_run_forget(run);
        lane_advance(lane);
}

static GError *error_of_line(json_t *line)
{
        const char *name = NULL, *message = NULL;
        json_t *e = json_object_get(line, "error");

        if (json_unpack(e, "{s:s, s:s}", "name", &name, "message", &message) < 0)
                return g_error_new(L4_ERROR, L4_ERROR_STORE_FAILED, "the store's answer makes no sense");
        return g_error_new_literal(L4_ERROR, (gint)l4_error_from_dbus_name(name), message);
}

static void handle_progress(StoreRun *run, json_t *line)
{
        json_int_t done = 0, total = 0;

        if (json_unpack(line, "{s:{s:I, s:I}}", "progress", "done", &done, "total", &total) == 0 &&
            done >= 0 && total >= 0)
                run->events->progress((uint64_t)done, (uint64_t)total, run->userdata);
}

/* Handles the complete lines that are new in the output. Returns the result or error line if there was one.
 */
static json_t *read_output(StoreRun *run)
{
        g_autofree char *text = NULL;
        json_t *last = NULL;
        size_t size = 0;

        if (file_read_all(AT_FDCWD, run->output_path, OUTPUT_SIZE_MAX, &text, &size) < 0)
                return NULL;
        while (run->seen < size) {
                const char *start = text + run->seen;
                const char *end = memchr(start, '\n', size - run->seen);
                json_t *line;

                if (!end)
                        break;
                line = json_loadb(start, (size_t)(end - start), 0, NULL);
                run->seen = (uint64_t)(end - text) + 1;
                if (json_object_get(line, "progress"))
                        handle_progress(run, line);
                if (json_object_get(line, "result") || json_object_get(line, "error")) {
                        json_decref(last);
                        last = json_incref(line);
                }
                json_decref(line);
        }
        return last;
}

/* The unit is gone: what it wrote last says how it went. */
static void run_finish(StoreRun *run)
{
        g_autoptr(GError) error = NULL;
        json_t *line, *result;

        run->seen = 0;
        line = read_output(run);
        result = json_object_get(line, "result");
        if (line && !result)
                error = error_of_line(line);
        else if (!line && run->cancelled)
                error = g_error_new(L4_ERROR, L4_ERROR_CANCELLED, "cancelled");
        else if (!line)
                error = g_error_new(L4_ERROR, L4_ERROR_STORE_FAILED,
                                    "%s ended without an answer; see: journalctl -u %s", run->unit,
                                    run->unit);
        run_end(run, error ? NULL : result, error);
        json_decref(line);
}

static int on_output(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        StoreRun *run = userdata;

        (void)source;
        (void)event;
        json_decref(read_output(run));
        return 0;
}

static void watch_output(StoreRun *run)
{
        if (!run->watch)
                (void)sd_event_add_inotify(run->lane->event, &run->watch, run->output_path, IN_MODIFY,
                                           on_output, run);
}

static void on_started(const GError *error, void *userdata)
{
        StoreRun *run = userdata;

        run->starting = NULL;
        if (error) {
                g_autoptr(GError) e = NULL;

                /* systemd alone looks at the directory; that it could not is by far the likeliest reason. */
                if (run->bind_source)
                        e = g_error_new(L4_ERROR, L4_ERROR_FILE_NOT_FOUND,
                                        "there is no directory '%s', or the store helper did not start: %s",
                                        run->bind_source, error->message);
                else
                        e = g_error_new(L4_ERROR, L4_ERROR_STORE_FAILED, "the store helper did not start: %s",
                                        error->message);
                run_end(run, NULL, e);
                return;
        }
        run->state = RUN_RUNNING;
        if (run->cancelled)
                store_run_cancel(run);
}

static bool write_request(StoreRun *run, GError **error)
{
        json_t *request = run->events->request(run->userdata, error);
        char *text;
        int r;

        if (!request)
                return false;
        text = json_dumps(request, JSON_COMPACT);
        r = text ? file_write_atomic(AT_FDCWD, run->request_path, text, strlen(text), 0600, false) : -ENOMEM;
        free(text);
        json_decref(request);
        return r == 0 ||
               (l4_error_set_errno(error, L4_ERROR_STORE_FAILED, r, "%s", run->request_path), false);
}

static bool run_start(StoreRun *run, GError **error)
{
        cleanup_close int output = -EBADF;
        StoreUnit unit = {run->unit,        run->description, run->request_path,
                          run->bind_source, run->input_fd,    -EBADF};

        if (!write_request(run, error))
                return false;
        output = open(run->output_path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (output < 0) {
                l4_error_set_errno(error, L4_ERROR_STORE_FAILED, -errno, "%s", run->output_path);
                return false;
        }
        unit.output_fd = output;
        run->state = RUN_STARTING;
        watch_output(run);
        run->starting = systemd_start_store(run->lane->systemd, &unit, on_started, run);
        fd_closep(&run->input_fd);
        run->input_fd = -EBADF;
        return true;
}

/* Whether systemd runs one of which only an earlier manager knew: what it does is unknown. */
static bool has_strangers(const StoreLane *lane)
{
        GHashTableIter iter;
        gpointer unit;

        g_hash_table_iter_init(&iter, lane->alive);
        while (g_hash_table_iter_next(&iter, &unit, NULL))
                if (!g_hash_table_contains(lane->by_unit, unit))
                        return true;
        return false;
}

static bool is_impatient(const StoreRun *run)
{
        return run->events->kind == STORE_RUN_ALONE && g_get_monotonic_time() - run->since > ALONE_PATIENCE;
}

/* For one that wants to be alone and has waited for long, the store empties in two steps: first clients'
 * runs stay out. Those of them that go on may take hours, so only when they are through all others wait too,
 * for the moment that they take. */
static bool makes_room(const StoreLane *lane, const StoreRun *run, bool held_up)
{
        for (const GList *l = lane->waiting.head; l; l = l->next)
                if (is_impatient(l->data))
                        return run->events->kind == STORE_RUN_PACED || !held_up;
        return false;
}

static bool may_start(const StoreLane *lane, const StoreRun *run)
{
        unsigned same = 0, paced = 0;

        if (run->events->kind == STORE_RUN_ALONE)
                return lane->running.length == 0 && !has_strangers(lane);
        for (const GList *l = lane->running.head; l; l = l->next) {
                const StoreRun *other = l->data;

                if (other->events->kind == STORE_RUN_ALONE)
                        return false;
                same += strcmp(other->principal, run->principal) == 0;
                paced += other->events->kind == STORE_RUN_PACED;
        }
        return lane->running.length < RUNS_MAX && same < RUNS_OF_PRINCIPAL_MAX &&
               (run->events->kind != STORE_RUN_PACED || paced < RUNS_PACED_MAX) &&
               !makes_room(lane, run, paced > 0 || has_strangers(lane));
}

static StoreRun *lane_next(const StoreLane *lane)
{
        for (const GList *l = lane->waiting.head; l; l = l->next)
                if (may_start(lane, l->data))
                        return l->data;
        return NULL;
}

static void lane_advance(StoreLane *lane)
{
        StoreRun *run;

        while ((run = lane_next(lane))) {
                g_autoptr(GError) error = NULL;

                g_queue_remove(&lane->waiting, run);
                g_queue_push_tail(&lane->running, run);
                if (!run_start(run, &error))
                        run_end(run, NULL, error);
        }
}

static int on_deferred(sd_event_source *source, void *userdata)
{
        StoreRun *run = userdata;

        (void)source;
        run->deferred = sd_event_source_disable_unref(run->deferred);
        if (run->state == RUN_RUNNING)
                run_finish(run);
        else
                lane_advance(run->lane);
        return 0;
}

/* end must not be called before the function that made the run has returned. */
static void defer(StoreRun *run)
{
        (void)sd_event_add_defer(run->lane->event, &run->deferred, on_deferred, run);
}

StoreRun *store_run_new(StoreLane *lane, uint32_t id, const char *principal, const char *description,
                        const char *bind_source, int input_fd, const StoreRunEvents *events, void *userdata)
{
        StoreRun *run = run_alloc(lane, id, principal, events, userdata);

        run->since = g_get_monotonic_time();
        run->description = g_strdup(description);
        run->bind_source = g_strdup(bind_source);
        run->input_fd = input_fd;
        g_queue_push_tail(&lane->waiting, run);
        defer(run);
        return run;
}

StoreRun *store_run_resume(StoreLane *lane, uint32_t id, const char *principal, const StoreRunEvents *events,
                           void *userdata)
{
        StoreRun *run = run_alloc(lane, id, principal, events, userdata);

        run->state = RUN_RUNNING;
        g_queue_push_tail(&lane->running, run);
        if (g_hash_table_contains(lane->alive, run->unit))
                watch_output(run);
        else
                defer(run);
        return run;
}

static void on_stopped(const GError *error, void *userdata)
{
        StoreRun *run = userdata;

        (void)error;
        run->stopping = NULL;
}

void store_run_cancel(StoreRun *run)
{
        run->cancelled = true;
        if (run->state == RUN_WAITING) {
                g_autoptr(GError) error =
                        g_error_new(L4_ERROR, L4_ERROR_CANCELLED, "cancelled before it began");

                g_queue_remove(&run->lane->waiting, run);
                run_end(run, NULL, error);
        } else if (run->state == RUN_RUNNING && !run->stopping) {
                run->stopping = systemd_unit(run->lane->systemd, UNIT_STOP, run->unit, on_stopped, run);
        }
}

static void note_alive(StoreLane *lane, const char *unit, const UnitState *state)
{
        if (state->active == UNIT_INACTIVE || state->active == UNIT_FAILED)
                g_hash_table_remove(lane->alive, unit);
        else
                g_hash_table_add(lane->alive, g_strdup(unit));
}

void store_lane_unit_changed(StoreLane *lane, const char *unit, const UnitState *state)
{
        StoreRun *run;

        if (!g_str_has_prefix(unit, UNIT_PREFIX))
                return;
        note_alive(lane, unit, state);
        run = g_hash_table_lookup(lane->by_unit, unit);
        /* Before systemd's start job has ended "inactive" only means "not yet". */
        if (run && run->state == RUN_RUNNING && !g_hash_table_contains(lane->alive, unit))
                run_finish(run);
        else
                lane_advance(lane);
}

StoreRunTrace store_lane_trace(StoreLane *lane, uint32_t id)
{
        g_autofree char *unit = g_strdup_printf(UNIT_PREFIX "%u.service", id);
        g_autofree char *path = g_strdup_printf(L4_RUN_JOBS "/%u.output", id);

        if (g_hash_table_contains(lane->alive, unit))
                return STORE_RUN_ALIVE;
        return access(path, F_OK) == 0 ? STORE_RUN_ENDED : STORE_RUN_NEVER;
}
