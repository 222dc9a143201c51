#include "systemd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "host/store-unit.h"

#define SERVICE "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_INTERFACE "org.freedesktop.systemd1.Unit"
#define SERVICE_INTERFACE "org.freedesktop.systemd1.Service"
#define UNIT_PATH_PREFIX "/org/freedesktop/systemd1/unit"
#define OUR_UNITS "left4me-"
#define WANTS_DIR "/etc/systemd/system/multi-user.target.wants"

struct Systemd {
        sd_bus *bus;
        const SystemdEvents *events;
        void *userdata;
        GPtrArray *slots;     /* sd_bus_slot * of the matches */
        GHashTable *jobs;     /* path of a systemd job -> SystemdRequest * that waits for it */
        GHashTable *requests; /* set of all SystemdRequest *; owned */
        bool reloading;
        GHashTable *removed;  /* names of units removed while systemd reads its configuration again */
        sd_bus_slot *listing; /* pending ListUnitsByPatterns after that */
};

struct SystemdRequest {
        Systemd *systemd;
        sd_bus_slot *slot;
        char *job; /* path, while waiting for JobRemoved */
        char *unit;
        SystemdDone done; /* exactly one of these two */
        SystemdFailureFunc failure;
        void *userdata;
};

static const char *const active_names[_UNIT_ACTIVE_MAX] = {
        [UNIT_INACTIVE] = "inactive",   [UNIT_ACTIVATING] = "activating",     [UNIT_ACTIVE] = "active",
        [UNIT_RELOADING] = "reloading", [UNIT_DEACTIVATING] = "deactivating", [UNIT_FAILED] = "failed",
};

static UnitActive active_from_string(const char *text)
{
        for (int i = 0; i < _UNIT_ACTIVE_MAX; i++)
                if (strcmp(active_names[i], text) == 0)
                        return (UnitActive)i;
        return _UNIT_ACTIVE_INVALID;
}

static void request_free(gpointer p)
{
        SystemdRequest *r = p;

        if (r->job)
                g_hash_table_remove(r->systemd->jobs, r->job);
        sd_bus_slot_unref(r->slot);
        g_free(r->job);
        g_free(r->unit);
        g_free(r);
}

static SystemdRequest *request_new(Systemd *s, const char *unit, void *userdata)
{
        SystemdRequest *r = g_new0(SystemdRequest, 1);

        r->systemd = s;
        r->unit = g_strdup(unit);
        r->userdata = userdata;
        g_hash_table_add(s->requests, r);
        return r;
}

SystemdRequest *systemd_request_forget(SystemdRequest *r)
{
        if (r)
                g_hash_table_remove(r->systemd->requests, r);
        return NULL;
}

static void request_end(SystemdRequest *r, const GError *error)
{
        SystemdDone done = r->done;
        void *userdata = r->userdata;

        g_hash_table_remove(r->systemd->requests, r);
        done(error, userdata);
}

static void request_fail(SystemdRequest *r, L4Error code, const char *message)
{
        g_autoptr(GError) error = g_error_new(L4_ERROR, (gint)code, "%s: %s", r->unit, message);

        request_end(r, error);
}

/* A reply that only says whether it worked. */
static int on_plain_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        SystemdRequest *r = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);

        (void)ret_error;
        if (e)
                request_fail(r, L4_ERROR_FAILED, e->message ? e->message : e->name);
        else
                request_end(r, NULL);
        return 0;
}

static int on_reset_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        SystemdRequest *r = userdata;

        (void)ret_error;
        if (sd_bus_message_is_method_error(m, "org.freedesktop.systemd1.NoSuchUnit"))
                request_end(r, NULL);
        else
                on_plain_reply(m, r, NULL);
        return 0;
}

/* A reply with the path of a systemd job: the request ends when that job does. systemd sends JobRemoved after
 * this reply, on the same connection, so it cannot be missed. */
static int on_job_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        SystemdRequest *r = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        const char *path = NULL;

        (void)ret_error;
        if (e || sd_bus_message_read(m, "o", &path) < 0) {
                request_fail(r, L4_ERROR_START_FAILED, e && e->message ? e->message : "no answer of systemd");
                return 0;
        }
        r->job = g_strdup(path);
        g_hash_table_insert(r->systemd->jobs, r->job, r);
        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Systemd *s = userdata;
        SystemdRequest *r;
        const char *path, *unit, *result;
        uint32_t id;

        (void)ret_error;
        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        r = g_hash_table_lookup(s->jobs, path);
        if (!r)
                return 0;
        if (strcmp(result, "done") == 0)
                request_end(r, NULL);
        else
                request_fail(r, L4_ERROR_START_FAILED, result);
        return 0;
}

/* PropertiesChanged carries only what changed; ActiveState and SubState always come together. */
static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Systemd *s = userdata;
        g_autofree char *unit = NULL;
        const char *interface, *key;
        const char *active = NULL, *sub = NULL;
        uint64_t enter = 0;
        int r;

        (void)ret_error;
        r = sd_bus_path_decode(sd_bus_message_get_path(m), UNIT_PATH_PREFIX, &unit);
        if (r <= 0 || !g_str_has_prefix(unit, OUR_UNITS))
                return 0;
        if (sd_bus_message_read(m, "s", &interface) < 0 || sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
                return 0;
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                if (sd_bus_message_read(m, "s", &key) < 0)
                        return 0;
                if (strcmp(key, "ActiveState") == 0)
                        r = sd_bus_message_read(m, "v", "s", &active);
                else if (strcmp(key, "SubState") == 0)
                        r = sd_bus_message_read(m, "v", "s", &sub);
                else if (strcmp(key, "ActiveEnterTimestamp") == 0)
                        r = sd_bus_message_read(m, "v", "t", &enter);
                else
                        r = sd_bus_message_skip(m, "v");
                if (r < 0 || sd_bus_message_exit_container(m) < 0)
                        return 0;
        }
        if (active && sub) {
                UnitState state = {active_from_string(active), sub, enter};

                if (state.active >= 0)
                        s->events->unit_changed(unit, &state, s->userdata);
        }
        return 0;
}

static void unit_gone(Systemd *s, const char *unit)
{
        static const UnitState gone = {UNIT_INACTIVE, "dead", 0};

        s->events->unit_changed(unit, &gone, s->userdata);
}

/* A unit that systemd forgets is inactive, whatever was missed before. But a reload forgets every unit and
 * takes most of them up again, without a word about their states. */
static int on_unit_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Systemd *s = userdata;
        const char *unit, *path;

        (void)ret_error;
        if (sd_bus_message_read(m, "so", &unit, &path) < 0 || !g_str_has_prefix(unit, OUR_UNITS))
                return 0;
        if (s->reloading)
                g_hash_table_add(s->removed, g_strdup(unit));
        else
                unit_gone(s, unit);
        return 0;
}

/* Tells the state of every unit of a reply to ListUnitsByPatterns; returns 0 at its end. */
static int read_units(Systemd *s, sd_bus_message *reply, uint64_t (*enter)(Systemd *s, const char *path))
{
        const char *unit, *active, *sub, *path;
        int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");

        while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", &unit, NULL, NULL, &active, &sub,
                                                  NULL, &path, NULL, NULL, NULL)) > 0) {
                UnitState state = {active_from_string(active), sub, 0};

                (void)g_hash_table_remove(s->removed, unit);
                if (enter && state.active == UNIT_ACTIVE)
                        state.active_enter = enter(s, path);
                if (state.active >= 0)
                        s->events->unit_changed(unit, &state, s->userdata);
        }
        return r;
}

static int on_units_listed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(GHashTable) removed = NULL;
        Systemd *s = userdata;
        GHashTableIter iter;
        gpointer unit;

        (void)ret_error;
        s->listing = sd_bus_slot_unref(s->listing);
        if (sd_bus_message_is_method_error(m, NULL) || read_units(s, m, NULL) < 0) {
                log_warning("systemd does not say what its units do after a reload");
                return 0;
        }
        removed = g_steal_pointer(&s->removed);
        s->removed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_iter_init(&iter, removed);
        while (g_hash_table_iter_next(&iter, &unit, NULL))
                unit_gone(s, unit);
        return 0;
}

static int on_reloading(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Systemd *s = userdata;
        int active, r;

        (void)ret_error;
        if (sd_bus_message_read(m, "b", &active) < 0)
                return 0;
        s->reloading = active;
        s->listing = sd_bus_slot_unref(s->listing);
        if (active)
                return 0;
        r = sd_bus_call_method_async(s->bus, &s->listing, SERVICE, MANAGER_PATH, MANAGER_INTERFACE,
                                     "ListUnitsByPatterns", on_units_listed, s, "asas", 0, 1, OUR_UNITS "*");
        if (r < 0)
                log_warning("cannot ask systemd what its units do after a reload: %s", g_strerror(-r));
        return 0;
}

static int on_unit_files_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Systemd *s = userdata;

        (void)m;
        (void)ret_error;
        s->events->unit_files_changed(s->userdata);
        return 0;
}

static int subscribe(Systemd *s)
{
        static const struct {
                const char *rule;
                sd_bus_message_handler_t handler;
        } matches[] = {
                {"type='signal',sender='" SERVICE "',path='" MANAGER_PATH "',interface='" MANAGER_INTERFACE
                 "',member='JobRemoved'",
                 on_job_removed},
                {"type='signal',sender='" SERVICE "',path='" MANAGER_PATH "',interface='" MANAGER_INTERFACE
                 "',member='UnitRemoved'",
                 on_unit_removed},
                {"type='signal',sender='" SERVICE "',path='" MANAGER_PATH "',interface='" MANAGER_INTERFACE
                 "',member='UnitFilesChanged'",
                 on_unit_files_changed},
                {"type='signal',sender='" SERVICE "',path='" MANAGER_PATH "',interface='" MANAGER_INTERFACE
                 "',member='Reloading'",
                 on_reloading},
                {"type='signal',sender='" SERVICE "',path_namespace='" UNIT_PATH_PREFIX
                 "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0="
                 "'" UNIT_INTERFACE "'",
                 on_properties_changed},
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(matches); i++) {
                sd_bus_slot *slot = NULL;
                int r = sd_bus_add_match(s->bus, &slot, matches[i].rule, matches[i].handler, s);

                if (r < 0)
                        return r;
                g_ptr_array_add(s->slots, slot);
        }
        return sd_bus_call_method(s->bus, SERVICE, MANAGER_PATH, MANAGER_INTERFACE, "Subscribe", NULL, NULL,
                                  "");
}

static void slot_free(gpointer slot)
{
        (void)sd_bus_slot_unref(slot);
}

int systemd_new(sd_bus *bus, const SystemdEvents *events, void *userdata, Systemd **ret)
{
        g_autoptr(Systemd) s = g_new0(Systemd, 1);
        int r;

        s->bus = sd_bus_ref(bus);
        s->events = events;
        s->userdata = userdata;
        s->slots = g_ptr_array_new_with_free_func(slot_free);
        s->jobs = g_hash_table_new(g_str_hash, g_str_equal);
        s->requests = g_hash_table_new_full(g_direct_hash, g_direct_equal, request_free, NULL);
        s->removed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        r = subscribe(s);
        if (r < 0)
                return r;
        *ret = g_steal_pointer(&s);
        return 0;
}

Systemd *systemd_free(Systemd *s)
{
        if (!s)
                return NULL;
        g_hash_table_unref(s->requests);
        g_hash_table_unref(s->jobs);
        g_hash_table_unref(s->removed);
        sd_bus_slot_unref(s->listing);
        g_ptr_array_unref(s->slots);
        sd_bus_unref(s->bus);
        g_free(s);
        return NULL;
}

/* ListUnitsByPatterns has no time stamps: they are asked for unit by unit, of the active ones only. */
static uint64_t active_enter_sync(Systemd *s, const char *path)
{
        uint64_t usec = 0;

        (void)sd_bus_get_property_trivial(s->bus, SERVICE, path, UNIT_INTERFACE, "ActiveEnterTimestamp", NULL,
                                          't', &usec);
        return usec;
}

int systemd_list_units_sync(Systemd *s, GError **error)
{
        __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e = SD_BUS_ERROR_NULL;
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(s->bus, SERVICE, MANAGER_PATH, MANAGER_INTERFACE, "ListUnitsByPatterns", &e,
                               &reply, "asas", 0, 1, OUR_UNITS "*");
        if (r >= 0)
                r = read_units(s, reply, active_enter_sync);
        return r < 0 ? l4_error_set_errno(error, L4_ERROR_FAILED, r, "cannot list units") : 0;
}

/* A call that could not even be sent is reported like one that failed: later, from the loop. */
static int on_never_sent(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        (void)m;
        (void)ret_error;
        request_fail(userdata, L4_ERROR_FAILED, "cannot send to systemd");
        return 0;
}

static SystemdRequest *request_sent(SystemdRequest *r, int result)
{
        if (result < 0) {
                log_debug("%s: cannot send to systemd: %s", r->unit, g_strerror(-result));
                (void)sd_bus_call_method_async(r->systemd->bus, &r->slot, "org.freedesktop.DBus", "/",
                                               "org.freedesktop.DBus.Peer", "Ping", on_never_sent, r, "");
        }
        return r;
}

SystemdRequest *systemd_unit(Systemd *s, UnitVerb verb, const char *unit, SystemdDone done, void *userdata)
{
        static const char *const methods[_UNIT_VERB_MAX] = {
                [UNIT_START] = "StartUnit", [UNIT_STOP] = "StopUnit", [UNIT_RESTART] = "RestartUnit"};
        SystemdRequest *r = request_new(s, unit, userdata);

        r->done = done;
        return request_sent(r, sd_bus_call_method_async(s->bus, &r->slot, SERVICE, MANAGER_PATH,
                                                        MANAGER_INTERFACE, methods[verb], on_job_reply, r,
                                                        "ss", unit, "replace"));
}

SystemdRequest *systemd_reset_failed(Systemd *s, const char *unit, SystemdDone done, void *userdata)
{
        SystemdRequest *r = request_new(s, unit, userdata);

        r->done = done;
        return request_sent(r, sd_bus_call_method_async(s->bus, &r->slot, SERVICE, MANAGER_PATH,
                                                        MANAGER_INTERFACE, "ResetFailedUnit", on_reset_reply,
                                                        r, "s", unit));
}

SystemdRequest *systemd_enable(Systemd *s, const char *unit, bool enable, SystemdDone done, void *userdata)
{
        SystemdRequest *r = request_new(s, unit, userdata);
        int q;

        r->done = done;
        if (enable)
                q = sd_bus_call_method_async(s->bus, &r->slot, SERVICE, MANAGER_PATH, MANAGER_INTERFACE,
                                             "EnableUnitFiles", on_plain_reply, r, "asbb", 1, unit, 0, 0);
        else
                q = sd_bus_call_method_async(s->bus, &r->slot, SERVICE, MANAGER_PATH, MANAGER_INTERFACE,
                                             "DisableUnitFiles", on_plain_reply, r, "asb", 1, unit, 0);
        return request_sent(r, q);
}

SystemdRequest *systemd_reload(Systemd *s, SystemdDone done, void *userdata)
{
        SystemdRequest *r = request_new(s, "systemd", userdata);

        r->done = done;
        return request_sent(r, sd_bus_call_method_async(s->bus, &r->slot, SERVICE, MANAGER_PATH,
                                                        MANAGER_INTERFACE, "Reload", on_plain_reply, r, ""));
}

static int read_failure(sd_bus_message *m, UnitFailure *f)
{
        const char *key;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        break;
                if (strcmp(key, "Result") == 0)
                        r = sd_bus_message_read(m, "v", "s", &f->result);
                else if (strcmp(key, "StatusText") == 0)
                        r = sd_bus_message_read(m, "v", "s", &f->status_text);
                else if (strcmp(key, "ExecMainCode") == 0)
                        r = sd_bus_message_read(m, "v", "i", &f->exec_code);
                else if (strcmp(key, "ExecMainStatus") == 0)
                        r = sd_bus_message_read(m, "v", "i", &f->exec_status);
                else if (strcmp(key, "NRestarts") == 0)
                        r = sd_bus_message_read(m, "v", "u", &f->restarts);
                else
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int on_failure_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        SystemdRequest *r = userdata;
        SystemdFailureFunc func = r->failure;
        void *data = r->userdata;
        UnitFailure f = {.result = "", .status_text = ""};

        (void)ret_error;
        if (!sd_bus_message_is_method_error(m, NULL))
                (void)read_failure(m, &f);
        g_hash_table_remove(r->systemd->requests, r);
        func(&f, data);
        return 0;
}

SystemdRequest *systemd_get_failure(Systemd *s, const char *unit, SystemdFailureFunc func, void *userdata)
{
        SystemdRequest *r = request_new(s, unit, userdata);
        g_autofree char *path = NULL;
        int q;

        r->failure = func;
        q = sd_bus_path_encode(UNIT_PATH_PREFIX, unit, &path);
        if (q >= 0)
                q = sd_bus_call_method_async(s->bus, &r->slot, SERVICE, path,
                                             "org.freedesktop.DBus.Properties", "GetAll", on_failure_reply, r,
                                             "s", SERVICE_INTERFACE);
        if (q < 0)
                (void)sd_bus_call_method_async(s->bus, &r->slot, "org.freedesktop.DBus", "/",
                                               "org.freedesktop.DBus.Peer", "Ping", on_failure_reply, r, "");
        return r;
}

SystemdRequest *systemd_start_store(Systemd *s, const StoreUnit *unit, SystemdDone done, void *userdata)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *m = NULL;
        SystemdRequest *r = request_new(s, unit->unit, userdata);
        int q;

        r->done = done;
        q = sd_bus_message_new_method_call(s->bus, &m, SERVICE, MANAGER_PATH, MANAGER_INTERFACE,
                                           "StartTransientUnit");
        if (q >= 0)
                q = sd_bus_message_append(m, "ss", unit->unit, "fail");
        if (q >= 0)
                q = store_unit_append(m, unit);
        if (q >= 0)
                q = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (q >= 0)
                q = sd_bus_call_async(s->bus, &r->slot, m, on_job_reply, r, 0);
        return request_sent(r, q);
}

bool systemd_is_enabled(const char *unit)
{
        g_autofree char *path = g_strdup_printf(WANTS_DIR "/%s", unit);

        return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void closedirp(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

/* Without a link left the directory is gone too. */
int systemd_list_enabled(GHashTable **ret)
{
        g_autoptr(GHashTable) units = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        __attribute__((cleanup(closedirp))) DIR *dir = opendir(WANTS_DIR);
        const struct dirent *entry;

        if (!dir && errno != ENOENT)
                return -errno;
        for (errno = 0; dir && (entry = readdir(dir)); errno = 0)
                if (g_str_has_prefix(entry->d_name, OUR_UNITS))
                        g_hash_table_add(units, g_strdup(entry->d_name));
        if (dir && errno != 0)
                return -errno;
        *ret = g_steal_pointer(&units);
        return 0;
}

int systemd_enablement_sync(void)
{
        int r = dir_sync(WANTS_DIR);

        return r == -ENOENT ? 0 : r;
}
