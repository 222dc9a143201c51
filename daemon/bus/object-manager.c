/* org.left4me.Manager. */
#include <string.h>

#include "base/error.h"
#include "bus/definition.h"
#include "bus/handlers.h"
#include "bus/methods.h"
#include "bus/options.h"
#include "bus/overlay-authorize.h"
#include "bus/property.h"
#include "core/blueprint.h"
#include "core/job-kinds.h"
#include "core/overlay.h"
#include "core/server.h"
#include "host/ports.h"
#include "plan/names.h"
#include "plan/spec.h"

static int reply_path(Call *call, ObjectKind kind, const char *name, GError **error)
{
        g_autofree char *path = bus_object_path(kind, name);

        return call_reply(call, error, "o", path);
}

int manager_get_server(Call *call, void *object, GError **error)
{
        const char *name;
        Server *s;

        (void)object;
        if (!call_read(call, error, "s", &name))
                return -1;
        s = manager_server(call->manager, name, error);
        return s ? reply_path(call, OBJECT_SERVER, s->name, error) : -1;
}

int manager_get_blueprint(Call *call, void *object, GError **error)
{
        const char *name;
        Blueprint *b;

        (void)object;
        if (!call_read(call, error, "s", &name))
                return -1;
        b = manager_blueprint(call->manager, name, error);
        return b ? reply_path(call, OBJECT_BLUEPRINT, b->name, error) : -1;
}

int manager_get_overlay(Call *call, void *object, GError **error)
{
        const char *name;
        Overlay *o;

        (void)object;
        if (!call_read(call, error, "s", &name))
                return -1;
        o = manager_overlay(call->manager, name, error);
        return o ? reply_path(call, OBJECT_OVERLAY, o->name, error) : -1;
}

static const char *object_owner(Manager *m, const char *path)
{
        g_autofree char *name = NULL;
        const Server *s;
        const Blueprint *b;
        const Overlay *o;

        if (sd_bus_path_decode(path, BUS_ROOT "/server", &name) > 0 &&
            (s = g_hash_table_lookup(m->servers, name)))
                return s->owner;
        g_clear_pointer(&name, g_free);
        if (sd_bus_path_decode(path, BUS_ROOT "/blueprint", &name) > 0 &&
            (b = g_hash_table_lookup(m->blueprints, name)))
                return b->owner;
        g_clear_pointer(&name, g_free);
        if (sd_bus_path_decode(path, BUS_ROOT "/overlay", &name) > 0 &&
            (o = g_hash_table_lookup(m->overlays, name)))
                return o->owner;
        return NULL;
}

static const char *answer_text(AuthorityAnswer answer)
{
        return answer == AUTHORITY_GRANTED ? "yes" : answer == AUTHORITY_CHALLENGE ? "challenge" : "no";
}

static bool check_actions(char **names, GError **error)
{
        if (g_strv_length(names) > CANI_ACTIONS_MAX) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "more than %u actions", CANI_ACTIONS_MAX);
                return false;
        }
        for (char **name = names; *name; name++)
                if (!action_is_known(*name)) {
                        g_autofree char *shown = g_strescape(*name, NULL);

                        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "unknown action '%.64s'", shown);
                        return false;
                }
        return true;
}

int manager_can_i(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        g_auto(GStrv) names = NULL;
        const char *path;
        int r;

        (void)object;
        if (!call_read_strv(call, ARRAY_ITEMS_MAX, &names, error) || !call_read(call, error, "o", &path) ||
            !check_actions(names, error) || call_new_reply(call, &reply, error) < 0)
                return -1;
        r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (unsigned i = 0; r >= 0 && names[i]; i++) {
                CallObject about = {path, object_owner(call->manager, path)};
                AuthorityAnswer answer;
                int known = call_probe(call, i, names[i], &about, &answer, error);

                if (known <= 0)
                        return known;
                r = sd_bus_message_append(reply, "{ss}", names[i], answer_text(answer));
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? (call_malformed(error, r), -1) : call_reply_message(call, reply, error);
}

static int append_ports(sd_bus_message *reply, Manager *m, const PortMap *map)
{
        GHashTableIter iter;
        gpointer p;
        int r = 0;

        g_hash_table_iter_init(&iter, m->servers);
        while (r >= 0 && g_hash_table_iter_next(&iter, NULL, &p))
                r = sd_bus_message_append(reply, "(sqs)", ((Server *)p)->name, ((Server *)p)->port, "server");
        for (unsigned port = m->settings.port_first; r >= 0 && port <= m->settings.port_last; port++) {
                if (map->use[port] & PORT_UDP)
                        r = sd_bus_message_append(reply, "(sqs)", "", port, "udp");
                if (r >= 0 && map->use[port] & PORT_TCP)
                        r = sd_bus_message_append(reply, "(sqs)", "", port, "tcp");
        }
        return r;
}

int manager_list_ports(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        g_autofree PortMap *map = g_new(PortMap, 1);
        int r = ports_query(map);

        (void)object;
        if (r < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, r, "cannot list the host's sockets"), -1;
        if (call_new_reply(call, &reply, error) < 0)
                return -1;
        r = sd_bus_message_open_container(reply, 'a', "(sqs)");
        if (r >= 0)
                r = append_ports(reply, call->manager, map);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? (call_malformed(error, r), -1) : call_reply_message(call, reply, error);
}

/* Using somebody else's blueprint takes the right to manage that too. */
static int authorize_blueprint(Call *call, Blueprint *b, GError **error)
{
        g_autofree char *path = bus_object_path(OBJECT_BLUEPRINT, b->name);

        if (call_is_owner(call, b->owner))
                return 1;
        return call_authorize(call, "content-manage", &(CallObject){path, b->owner}, error);
}

/* Through a job, so that it survives a crash and keeps its place among the server's other operations. */
static bool enable(Call *call, const Server *s, GError **error)
{
        g_autofree char *subject = g_strdup_printf("server/%s", s->name);
        JobRequest request = {&job_enable, subject, json_object(), call->principal, NULL, -EBADF};

        return job_submit(call->manager, &request, error) != NULL;
}

int manager_create_server(Call *call, void *object, GError **error)
{
        const char *name, *blueprint;
        Options o;
        Blueprint *b;
        Server *s;
        int r;

        (void)object;
        if (!call_read(call, error, "ss", &name, &blueprint) ||
            !options_read(call, OPTION_PORT | OPTION_AUTOSTART, &o, error) ||
            !name_check(name, "server", error))
                return -1;
        if (o.given & OPTION_PORT && o.port == 0)
                return g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "port 0 is none"), -1;
        r = call_authorize(call, NULL, &(CallObject){"/", NULL}, error);
        if (r <= 0)
                return r;
        b = manager_blueprint(call->manager, blueprint, error);
        if (!b)
                return -1;
        r = authorize_blueprint(call, b, error);
        if (r <= 0)
                return r;
        s = server_create(call->manager, name, call->principal, b, o.port, error);
        if (!s)
                return -1;
        if (o.autostart && !enable(call, s, error)) {
                (void)server_delete(s, NULL);
                return -1;
        }
        return reply_path(call, OBJECT_SERVER, s->name, error);
}

int manager_apply_spec(Call *call, void *object, GError **error)
{
        const char *name, *yaml;
        g_autoptr(Spec) spec = NULL;
        Options o;
        Server *s;
        int r;

        (void)object;
        if (!call_read(call, error, "ss", &name, &yaml) ||
            !options_read(call, OPTION_IF_REVISION, &o, error) || !name_check(name, "server", error) ||
            !spec_parse(yaml, strlen(yaml), &spec, error))
                return -1;
        s = g_hash_table_lookup(call->manager->servers, name);
        r = s ? call_authorize_object(call, OBJECT_SERVER, s->name, s->owner, error)
              : call_authorize(call, NULL, &(CallObject){"/", NULL}, error);
        if (r > 0 && s)
                r = authorize_blueprint(call, s->blueprint, error);
        if (r <= 0)
                return r;
        if (s && !options_check_revision(&o, s->revision, error))
                return -1;
        if (!blueprint_check(call->manager, spec->definition, error))
                return -1;
        r = overlays_authorize_use(call, spec->definition, s ? s->blueprint->owner : call->principal, error);
        if (r <= 0)
                return r;
        s = server_apply_spec(call->manager, name, call->principal, spec->port, spec->definition, error);
        return s ? reply_path(call, OBJECT_SERVER, s->name, error) : -1;
}

int manager_create_blueprint(Call *call, void *object, GError **error)
{
        g_autoptr(Definition) d = definition_new();
        const char *name;
        Blueprint *b;
        Options o;
        int r;

        (void)object;
        if (!call_read(call, error, "s", &name) || !definition_read(call, d, error) ||
            !options_read(call, 0, &o, error) || !name_check(name, "blueprint", error) ||
            !definition_check(d, error))
                return -1;
        r = call_authorize(call, NULL, &(CallObject){"/", NULL}, error);
        if (r <= 0)
                return r;
        if (!blueprint_check(call->manager, d, error))
                return -1;
        r = overlays_authorize_use(call, d, call->principal, error);
        if (r <= 0)
                return r;
        b = blueprint_create(call->manager, name, call->principal, d, error);
        return b ? reply_path(call, OBJECT_BLUEPRINT, b->name, error) : -1;
}

int manager_create_overlay(Call *call, void *object, GError **error)
{
        const char *name, *type;
        Options options;
        Overlay *o;
        int r;

        (void)object;
        if (!call_read(call, error, "ss", &name, &type) ||
            !options_read(call, OPTION_GLOBAL, &options, error) || !name_check(name, "overlay", error))
                return -1;
        r = call_authorize(call, options.global ? "script-edit" : NULL, &(CallObject){"/", NULL}, error);
        if (r <= 0)
                return r;
        o = overlay_create(call->manager, name, type, call->principal, options.global, error);
        return o ? reply_path(call, OBJECT_OVERLAY, o->name, error) : -1;
}

static int submit_store_job(Call *call, const JobKind *kind, GError **error)
{
        JobRequest request = {kind, "store", NULL, call->principal, NULL, -EBADF};
        Options o;
        Job *job;
        int r;

        if (!options_read(call, OPTION_REQUEST_ID, &o, error))
                return -1;
        r = call_authorize(call, NULL, &(CallObject){"/", ""}, error);
        if (r <= 0)
                return r;
        request.parameters = json_object();
        request.request_id = o.request_id;
        job = job_submit(call->manager, &request, error);
        return job ? call_reply_job(call, job, error) : -1;
}

int manager_verify_store(Call *call, void *object, GError **error)
{
        (void)object;
        return submit_store_job(call, &job_verify, error);
}

int manager_prune_store(Call *call, void *object, GError **error)
{
        (void)object;
        return submit_store_job(call, &job_prune, error);
}

PROPERTY_GETTER(property_version, Manager, "s", L4_VERSION)
PROPERTY_GETTER(property_api_version, Manager, "u", API_VERSION)
PROPERTY_GETTER(property_features, Manager, "as", 3, "servers", "overlay-files", "installation-import")
PROPERTY_GETTER(property_n_jobs, Manager, "u", jobs_count_open(object))

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetServer", ("s", name), ("o", server)),
        METHOD("GetBlueprint", ("s", name), ("o", blueprint)),
        METHOD("GetOverlay", ("s", name), ("o", overlay)),
        METHOD("CanI", ("as", actions, "o", object), ("a{ss}", answers)),
        METHOD("ListPorts", (NULL), ("a(sqs)", ports)),
        METHOD("CreateServer", ("s", name, "s", blueprint, "a{sv}", options), ("o", server)),
        METHOD("ApplySpec", ("s", name, "s", yaml, "a{sv}", options), ("o", server)),
        METHOD("CreateBlueprint", ("s", name, "a{sv}", definition, "a{sv}", options), ("o", blueprint)),
        METHOD("CreateOverlay", ("s", name, "s", type, "a{sv}", options), ("o", overlay)),
        METHOD("VerifyStore", ("a{sv}", options), ("o", job)),
        METHOD("PruneStore", ("a{sv}", options), ("o", job)),
        SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("u", id, "o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved", SD_BUS_ARGS("u", id, "o", job, "s", subject, "s", result), 0),
        CONSTANT("Version", "s", property_version),
        CONSTANT("ApiVersion", "u", property_api_version),
        CONSTANT("Features", "as", property_features),
        CHANGING("NJobs", "u", property_n_jobs),
        SD_BUS_VTABLE_END,
};
