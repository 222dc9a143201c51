/* What import, edit, export, rollback, verify and prune are made of: a store run, and for those that change
 * what is current a transaction that moves the pointer. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "core/blueprint.h"
#include "core/installation.h"
#include "core/job-kinds.h"
#include "core/overlay.h"
#include "core/server.h"
#include "core/store-steps.h"

/* The content a job is about, or NULL when its overlay was deleted meanwhile. */
static Content *job_content(Job *job)
{
        Overlay *o;

        if (strcmp(job->subject, "installation") == 0)
                return &job->manager->installation->content;
        o = g_hash_table_lookup(job->manager->overlays, job_object(job));
        return o ? &o->content : NULL;
}

static bool is_installation(const Job *job)
{
        return strcmp(job->subject, "installation") == 0;
}

static json_t *content_gone(Job *job, GError **error)
{
        g_set_error(error, L4_ERROR, L4_ERROR_NO_SUCH_OVERLAY, "there is no overlay '%s'", job_object(job));
        return NULL;
}

static json_t *discard_request(Job *job, const char *suffix)
{
        g_autofree char *tree = g_strdup_printf("servers/%s%s", job_object(job), suffix);

        return json_pack("{s:s, s:[s]}", "op", "discard", "trees", tree);
}

static json_t *request_discard_upper(void *userdata, GError **error)
{
        (void)error;
        return discard_request(userdata, "/upper");
}

static json_t *request_discard_server(void *userdata, GError **error)
{
        (void)error;
        return discard_request(userdata, "");
}

static void add_limits(Job *job, json_t *request)
{
        const Settings *s = &job->manager->settings;
        bool game = is_installation(job);

        json_object_set_new(
                request, "size_max",
                json_integer((json_int_t)(game ? s->installation_size_max : s->overlay_size_max)));
        json_object_set_new(request, "files_max",
                            json_integer(game ? s->installation_files_max : s->overlay_files_max));
}

/* Others may have been before this one in the queue. */
static bool check_revision(const Job *job, const Content *c, GError **error)
{
        const json_t *wanted = json_object_get(job->parameters, "if-revision");

        if (!wanted || json_integer_value(wanted) == (json_int_t)c->current)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_REVISION_CONFLICT, "the revision is %u, not %u: look again",
                    c->current, (unsigned)json_integer_value(wanted));
        return false;
}

/* The members that import and edit share: the ref to be made, its parent, the limits. */
static json_t *generation_request(Job *job, const char *op, GError **error)
{
        const Content *c = job_content(job);
        const Generation *parent = c ? content_current(c) : NULL;
        g_autofree char *ref = c ? content_ref(c, c->last + 1) : NULL;
        json_t *request;

        if (!c)
                return content_gone(job, error);
        if (!check_revision(job, c, error))
                return NULL;
        request = json_pack("{s:s, s:s}", "op", op, "ref", ref);
        if (parent)
                json_object_set_new(request, "parent", json_string(parent->commit));
        add_limits(job, request);
        return request;
}

static json_t *request_import(void *userdata, GError **error)
{
        Job *job = userdata;
        json_t *request = generation_request(job, "import", error);

        if (!request)
                return NULL;
        json_object_set(request, "format", json_object_get(job->parameters, "format"));
        json_object_set(request, "source", json_object_get(job->parameters, "source"));
        json_object_set(request, "merge", json_object_get(job->parameters, "merge"));
        if (strcmp(json_string_value(json_object_get(job->parameters, "source")), "path") == 0)
                json_object_set(request, "path", json_object_get(job->parameters, "path"));
        return request;
}

static json_t *request_edit(void *userdata, GError **error)
{
        Job *job = userdata;
        json_t *request = generation_request(job, "edit", error);

        if (request)
                json_object_set(request, "changes", json_object_get(job->parameters, "changes"));
        return request;
}

static json_t *request_export(void *userdata, GError **error)
{
        Job *job = userdata;
        json_t *path = json_object_get(job->parameters, "path");
        json_t *request =
                json_pack("{s:s, s:O, s:s}", "op", "export", "commit",
                          json_object_get(job->parameters, "commit"), "target", path ? "path" : "stdin");

        (void)error;
        if (path)
                json_object_set(request, "path", path);
        return request;
}

static const Generation *rollback_target(Job *job, GError **error)
{
        const Content *c = job_content(job);
        json_int_t number = json_integer_value(json_object_get(job->parameters, "generation"));
        const Generation *g = c ? content_find(c, (uint32_t)number) : NULL;

        if (!g)
                g_set_error(error, L4_ERROR, L4_ERROR_NO_SUCH_GENERATION, "%s has no generation %d",
                            job->subject, (int)number);
        return g;
}

static json_t *request_rollback(void *userdata, GError **error)
{
        const Generation *g = rollback_target(userdata, error);

        return g && check_revision(userdata, job_content(userdata), error)
                       ? json_pack("{s:s, s:s}", "op", "checkout", "commit", g->commit)
                       : NULL;
}

static json_t *request_verify(void *userdata, GError **error)
{
        (void)userdata;
        (void)error;
        return json_pack("{s:s}", "op", "verify");
}

static void keep_content(const Content *c, json_t *keep, json_t *checkouts)
{
        for (guint i = 0; i < c->generations->len; i++) {
                const Generation *g = g_ptr_array_index(c->generations, i);
                g_autofree char *ref = content_ref(c, g->number);

                json_array_append_new(keep, json_pack("{s:s, s:s}", "ref", ref, "commit", g->commit));
                if (g->number == c->current)
                        json_array_append_new(checkouts, json_string(g->commit));
        }
}

/* What runs keeps its layers, also when they are no generation of anything any more. Servers share layers, at
 * least the game: each is named once. */
static void keep_running(const Server *s, GHashTable *named, json_t *keep, json_t *checkouts)
{
        for (char **commit = s->running_layers; commit && *commit; commit++) {
                g_autofree char *ref = g_strdup_printf("running/%s", *commit);

                if (!g_hash_table_add(named, *commit))
                        continue;
                json_array_append_new(keep, json_pack("{s:s, s:s}", "ref", ref, "commit", *commit));
                json_array_append_new(checkouts, json_string(*commit));
        }
}

static json_t *request_prune(void *userdata, GError **error)
{
        Manager *m = ((Job *)userdata)->manager;
        g_autoptr(GHashTable) named = g_hash_table_new(g_str_hash, g_str_equal);
        json_t *keep = json_array(), *checkouts = json_array();
        GHashTableIter iter;
        gpointer p;

        (void)error;
        keep_content(&m->installation->content, keep, checkouts);
        g_hash_table_iter_init(&iter, m->overlays);
        while (g_hash_table_iter_next(&iter, NULL, &p))
                keep_content(&((Overlay *)p)->content, keep, checkouts);
        g_hash_table_iter_init(&iter, m->servers);
        while (g_hash_table_iter_next(&iter, NULL, &p))
                keep_running(p, named, keep, checkouts);
        return json_pack("{s:s, s:o, s:o}", "op", "prune", "keep", keep, "checkouts", checkouts);
}

static void on_progress(uint64_t done, uint64_t total, void *userdata)
{
        job_progress(userdata, done, total);
}

static void on_end(json_t *result, const GError *error, void *userdata)
{
        Job *job = userdata;

        json_decref(job->result);
        job->result = json_incref(result);
        job_step_done(job, error);
}

#define EVENTS(name, kind)                                                                                   \
        static const StoreRunEvents name##_events = {kind, request_##name, on_progress, on_end}
EVENTS(discard_upper, STORE_RUN_SHARED);
EVENTS(discard_server, STORE_RUN_SHARED);
EVENTS(import, STORE_RUN_PACED);
EVENTS(edit, STORE_RUN_SHARED); /* what is written came with the call */
EVENTS(export, STORE_RUN_PACED);
EVENTS(rollback, STORE_RUN_SHARED);
EVENTS(verify, STORE_RUN_SHARED);
EVENTS(prune, STORE_RUN_ALONE);

/* A job that was open when the manager ended: its run is picked up if there was one. Without one, a job that
 * can be asked for anew goes on as if it were new, and one whose descriptor is gone is closed. */
static bool resume_run(Job *job, const StoreRunEvents *events)
{
        g_autoptr(GError) error = NULL;
        StoreRunTrace trace = store_lane_trace(job->manager->store, job->id);
        bool again = job->kind->resume == JOB_RESUME_AGAIN;

        if (!job->resumed || (again && trace != STORE_RUN_ALIVE))
                return false;
        if (trace != STORE_RUN_NEVER) {
                job->run = store_run_resume(job->manager->store, job->id, job->principal, events, job);
                return true;
        }
        error = g_error_new(L4_ERROR, L4_ERROR_CANCELLED,
                            "the manager or the host was restarted before it began: ask again");
        job_step_done(job, error);
        return true;
}

static void run_store(Job *job, const StoreRunEvents *events)
{
        g_autofree char *description = g_strdup_printf("left4me: %s %s", job->kind->name, job->subject);
        const char *source = json_string_value(json_object_get(job->parameters, "source"));
        const char *bind = g_strcmp0(source, "bind") == 0
                                   ? json_string_value(json_object_get(job->parameters, "path"))
                                   : NULL;
        int fd = job->input_fd;

        if (resume_run(job, events))
                return;
        job->input_fd = -EBADF;
        job->run = store_run_new(job->manager->store, job->id, job->principal, description, bind, fd, events,
                                 job);
}

void store_step_discard_upper(Job *job)
{
        run_store(job, &discard_upper_events);
}

void store_step_discard_server(Job *job)
{
        run_store(job, &discard_server_events);
}

static void step_import(Job *job)
{
        run_store(job, &import_events);
}

static void step_edit(Job *job)
{
        run_store(job, &edit_events);
}

static void step_export(Job *job)
{
        run_store(job, &export_events);
}

static void step_rollback(Job *job)
{
        run_store(job, &rollback_events);
}

static void step_verify(Job *job)
{
        run_store(job, &verify_events);
}

static void step_prune(Job *job)
{
        run_store(job, &prune_events);
}

/* Servers whose next start would use other content now. */
static GHashTable *affected_servers(Job *job)
{
        GHashTable *servers = g_hash_table_new(g_direct_hash, g_direct_equal);
        Overlay *o = g_hash_table_lookup(job->manager->overlays, job_object(job));
        GHashTableIter iter, inner;
        gpointer p, s;

        if (is_installation(job)) {
                g_hash_table_iter_init(&iter, job->manager->servers);
                while (g_hash_table_iter_next(&iter, NULL, &p))
                        g_hash_table_add(servers, p);
                return servers;
        }
        if (!o)
                return servers;
        g_hash_table_iter_init(&iter, o->blueprints);
        while (g_hash_table_iter_next(&iter, &p, NULL)) {
                g_hash_table_iter_init(&inner, ((Blueprint *)p)->servers);
                while (g_hash_table_iter_next(&inner, &s, NULL))
                        g_hash_table_add(servers, s);
        }
        return servers;
}

static void content_changed(Job *job, GHashTable *servers)
{
        Manager *m = job->manager;

        if (is_installation(job))
                manager_changed(m, OBJECT_INSTALLATION, "", "Generation", "BuildId", "Size", NULL);
        else
                manager_changed(m, OBJECT_OVERLAY, job_object(job), "Generation", "Size", "BuiltAt", NULL);
        servers_touched(servers);
}

static Generation *generation_of_result(Job *job, const Content *c, GError **error)
{
        const char *commit = NULL, *build_id = "";
        json_int_t files = 0, size = 0;
        Generation *g;

        if (json_unpack(job->result, "{s:s, s:I, s:I, s?s}", "commit", &commit, "files", &files, "size",
                        &size, "buildid", &build_id) < 0) {
                g_set_error(error, L4_ERROR, L4_ERROR_STORE_FAILED, "the store's answer makes no sense");
                return NULL;
        }
        g = g_new0(Generation, 1);
        g->number = c->last + 1;
        g->commit = g_strdup(commit);
        g->size = (uint64_t)size;
        g->files = (uint32_t)files;
        g->build_id = g_strdup(build_id);
        g->created = now_realtime();
        g->created_by = g_strdup(job->principal);
        return g;
}

static bool add_generation(Job *job, GError **error)
{
        Manager *m = job->manager;
        Content *c = job_content(job);
        g_autoptr(GHashTable) servers = affected_servers(job);
        g_autoptr(Generation) g = NULL;
        bool ok;

        if (!c)
                return content_gone(job, error), false;
        g = generation_of_result(job, c, error);
        if (!g || !database_begin(m->database, error))
                return false;
        ok = content_add(c, m->database, g, m->settings.keep_generations, error) &&
             servers_touch(m, servers, error) && job_record_done(job, error);
        if (!database_end(m->database, ok, error))
                return false;
        job->recorded = true;
        content_added(c, g_steal_pointer(&g), m->settings.keep_generations);
        content_changed(job, servers);
        return true;
}

static void step_add_generation(Job *job)
{
        g_autoptr(GError) error = NULL;
        Content *c = job_content(job);
        guint before = c ? c->generations->len : 0;

        if (add_generation(job, &error) && job_content(job)->generations->len <= before)
                store_prune_later(job->manager, job->principal);
        job_step_done(job, error);
}

static bool set_current(Job *job, GError **error)
{
        Manager *m = job->manager;
        Content *c = job_content(job);
        const Generation *g = rollback_target(job, error);
        g_autoptr(GHashTable) servers = affected_servers(job);
        bool ok;

        if (!g || !database_begin(m->database, error))
                return false;
        ok = content_set_current(c, m->database, g->number, error) && servers_touch(m, servers, error) &&
             job_record_done(job, error);
        if (!database_end(m->database, ok, error))
                return false;
        job->recorded = true;
        c->current = g->number;
        content_changed(job, servers);
        return true;
}

static void step_set_current(Job *job)
{
        g_autoptr(GError) error = NULL;

        (void)set_current(job, &error);
        job_step_done(job, error);
}

#define STEPS(array) .cancelable = true, .steps = (array), .n_steps = G_N_ELEMENTS(array)

static const JobStep import_steps[] = {{step_import, NULL}, {step_add_generation, NULL}};
const JobKind job_import = {"import", JOB_RESUME_STORE, STEPS(import_steps)};

static const JobStep edit_steps[] = {{step_edit, NULL}, {step_add_generation, NULL}};
const JobKind job_edit = {"edit", JOB_RESUME_STORE, STEPS(edit_steps)};

static const JobStep export_steps[] = {{step_export, NULL}};
const JobKind job_export = {"export", JOB_RESUME_STORE, STEPS(export_steps)};

static const JobStep rollback_steps[] = {{step_rollback, NULL}, {step_set_current, NULL}};
const JobKind job_rollback = {"rollback", JOB_RESUME_AGAIN, STEPS(rollback_steps)};

static const JobStep verify_steps[] = {{step_verify, NULL}};
const JobKind job_verify = {"verify", JOB_RESUME_AGAIN, .joinable_running = true, STEPS(verify_steps)};

static const JobStep prune_steps[] = {{step_prune, NULL}};
const JobKind job_prune = {"prune", JOB_RESUME_AGAIN, STEPS(prune_steps)};

const JobKind *job_kind_from_name(const char *name)
{
        static const JobKind *const kinds[] = {
                &job_start,  &job_stop, &job_restart, &job_enable,   &job_disable, &job_reset, &job_delete,
                &job_import, &job_edit, &job_export,  &job_rollback, &job_verify,  &job_prune,
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
                if (strcmp(kinds[i]->name, name) == 0)
                        return kinds[i];
        return NULL;
}

void store_prune_later(Manager *m, const char *principal)
{
        g_autoptr(GError) error = NULL;
        JobRequest request = {&job_prune, "store", json_object(), principal, NULL, -EBADF};

        if (!job_submit(m, &request, &error))
                log_warning("cannot queue a prune: %s", error->message);
}
