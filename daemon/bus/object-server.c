/* org.left4me.Server. */
#include <string.h>

#include "base/error.h"
#include "base/layout.h"
#include "bus/handlers.h"
#include "bus/options.h"
#include "bus/property.h"
#include "core/blueprint.h"
#include "core/compose.h"
#include "core/job-kinds.h"
#include "core/server.h"
#include "plan/cfg.h"

static int authorize(Call *call, const Server *s, GError **error)
{
        return call_authorize_object(call, OBJECT_SERVER, s->name, s->owner, error);
}

static Job *submit(Call *call, const Server *s, const JobKind *kind, const Options *o, GError **error)
{
        g_autofree char *subject = g_strdup_printf("server/%s", s->name);
        JobRequest request = {kind, subject, json_object(), call->principal, o->request_id, -EBADF};

        if (o->given & OPTION_ONLY_NOW)
                json_object_set_new(request.parameters, "only-now", json_boolean(o->only_now));
        return job_submit(call->manager, &request, error);
}

/* The five verbs differ in their job and in what must hold before it is queued. */
static int run_verb(Call *call, Server *s, const JobKind *kind, unsigned options, bool composed,
                    GError **error)
{
        Options o;
        Job *job;
        int r;

        if (!options_read(call, OPTION_REQUEST_ID | OPTION_IF_REVISION | options, &o, error))
                return -1;
        r = authorize(call, s, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&o, s->revision, error) || (composed && !compose_check(s, error)))
                return -1;
        job = submit(call, s, kind, &o, error);
        return job ? call_reply_job(call, job, error) : -1;
}

int server_bus_start(Call *call, void *object, GError **error)
{
        return run_verb(call, object, &job_start, OPTION_ONLY_NOW, true, error);
}

int server_bus_stop(Call *call, void *object, GError **error)
{
        return run_verb(call, object, &job_stop, OPTION_ONLY_NOW, false, error);
}

int server_bus_restart(Call *call, void *object, GError **error)
{
        return run_verb(call, object, &job_restart, OPTION_ONLY_NOW, true, error);
}

int server_bus_reset(Call *call, void *object, GError **error)
{
        return run_verb(call, object, &job_reset, 0, false, error);
}

int server_bus_delete(Call *call, void *object, GError **error)
{
        return run_verb(call, object, &job_delete, 0, false, error);
}

int server_bus_set_blueprint(Call *call, void *object, GError **error)
{
        Server *s = object;
        g_autofree char *path = NULL;
        const char *name;
        Blueprint *b;
        Options o;
        int r;

        if (!call_read(call, error, "s", &name) || !options_read(call, OPTION_IF_REVISION, &o, error))
                return -1;
        r = authorize(call, s, error);
        if (r <= 0)
                return r;
        b = manager_blueprint(call->manager, name, error);
        if (!b)
                return -1;
        path = bus_object_path(OBJECT_BLUEPRINT, b->name);
        if (!call_is_owner(call, b->owner)) {
                r = call_authorize(call, "content-manage", &(CallObject){path, b->owner}, error);
                if (r <= 0)
                        return r;
        }
        if (!options_check_revision(&o, s->revision, error) || !server_set_blueprint(s, b, error))
                return -1;
        return call_reply(call, error, "");
}

int server_bus_set_port(Call *call, void *object, GError **error)
{
        Server *s = object;
        uint16_t port;
        Options o;
        int r;

        if (!call_read(call, error, "q", &port) || !options_read(call, OPTION_IF_REVISION, &o, error))
                return -1;
        r = authorize(call, s, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&o, s->revision, error) || !server_set_port(s, port, error))
                return -1;
        return call_reply(call, error, "");
}

int server_bus_set_autostart(Call *call, void *object, GError **error)
{
        Server *s = object;
        int autostart;
        Options o;
        Job *job;
        int r;

        if (!call_read(call, error, "b", &autostart) || !options_read(call, OPTION_IF_REVISION, &o, error))
                return -1;
        r = authorize(call, s, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&o, s->revision, error))
                return -1;
        job = submit(call, s, autostart ? &job_enable : &job_disable, &o, error);
        return job ? call_reply_after_job(call, job, error) : -1;
}

static int append_layers(sd_bus_message *m, const GPtrArray *layers)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "layers");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(sss)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sss)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sss)", "config", "", "");
        for (guint i = 0; r >= 0 && i < layers->len; i++) {
                const ComposedLayer *layer = g_ptr_array_index(layers, i);

                r = sd_bus_message_append(m, "(sss)", layer->kind, layer->name, layer->commit);
        }
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_config(sd_bus_message *m, const GPtrArray *files)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "config");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(ss)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ss)");
        for (guint i = 0; r >= 0 && i < files->len; i++) {
                const CfgFile *file = g_ptr_array_index(files, i);
                size_t size;
                const char *text = g_bytes_get_data(file->content, &size);
                g_autofree char *masked = cfg_mask(text, size);
                g_autofree char *clean = g_utf8_make_valid(masked, -1);

                r = sd_bus_message_append(m, "(ss)", file->path, clean);
        }
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_argv(sd_bus_message *m, char **argv)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "argv");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, argv);
        for (unsigned i = 0; r >= 0 && i < 2; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_plan(sd_bus_message *m, const Server *s, const MountPlan *plan, const GPtrArray *layers)
{
        g_autofree char *mount_point = g_strdup_printf(L4_RUN_MOUNTS "/%s", s->name);
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}", "revision", "u", s->revision, "uid", "u",
                                          plan->uid, "port", "q", s->port, "mount-point", "s", mount_point,
                                          "options", "s", MOUNT_OPTIONS_FIXED ",nosuid,nodev");
        if (r >= 0)
                r = append_layers(m, layers);
        if (r >= 0)
                r = append_argv(m, plan->argv);
        if (r >= 0)
                r = append_config(m, plan->files);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int server_bus_get_plan(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        g_autoptr(GPtrArray) layers = NULL;
        g_autoptr(MountPlan) plan = NULL;
        Server *s = object;
        Options o;
        int r;

        if (!options_read(call, 0, &o, error))
                return -1;
        r = authorize(call, s, error);
        if (r <= 0)
                return r;
        if (!compose_plan(s, &plan, &layers, error) || call_new_reply(call, &reply, error) < 0)
                return -1;
        r = append_plan(reply, s, plan, layers);
        return r < 0 ? (call_malformed(error, r), -1) : call_reply_message(call, reply, error);
}

PROPERTY_GETTER(property_name, Server, "s", object->name)
PROPERTY_GETTER(property_owner, Server, "s", object->owner)
PROPERTY_GETTER(property_blueprint, Server, "s", object->blueprint->name)
PROPERTY_GETTER(property_state, Server, "s", server_state_to_string(server_state(object)))
PROPERTY_GETTER(property_sub_state, Server, "s", object->sub)
PROPERTY_GETTER(property_unit_name, Server, "s", object->unit)
PROPERTY_GETTER(property_port, Server, "q", object->port)
PROPERTY_GETTER(property_autostart, Server, "b", object->autostart)
PROPERTY_GETTER(property_desired, Server, "u", object->revision)
PROPERTY_GETTER(property_running, Server, "u", object->running_revision)
PROPERTY_GETTER(property_started, Server, "t", object->started)
PROPERTY_GETTER(property_last_error, Server, "s", object->last_error)

const sd_bus_vtable server_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Start", ("a{sv}", options), ("o", job)),
        METHOD("Stop", ("a{sv}", options), ("o", job)),
        METHOD("Restart", ("a{sv}", options), ("o", job)),
        METHOD("Reset", ("a{sv}", options), ("o", job)),
        METHOD("Delete", ("a{sv}", options), ("o", job)),
        METHOD("SetBlueprint", ("s", blueprint, "a{sv}", options), (NULL)),
        METHOD("SetPort", ("q", port, "a{sv}", options), (NULL)),
        METHOD("SetAutostart", ("b", autostart, "a{sv}", options), (NULL)),
        METHOD("GetPlan", ("a{sv}", options), ("a{sv}", plan)),
        CONSTANT("Name", "s", property_name),
        CHANGING("Owner", "s", property_owner),
        CHANGING("Blueprint", "s", property_blueprint),
        CHANGING("State", "s", property_state),
        CHANGING("SubState", "s", property_sub_state),
        CONSTANT("UnitName", "s", property_unit_name),
        CHANGING("Port", "q", property_port),
        CHANGING("Autostart", "b", property_autostart),
        CHANGING("DesiredRevision", "u", property_desired),
        CHANGING("RunningRevision", "u", property_running),
        CHANGING("StartedAt", "t", property_started),
        CHANGING("LastError", "s", property_last_error),
        SD_BUS_VTABLE_END,
};
