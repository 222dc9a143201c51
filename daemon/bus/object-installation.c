/* org.left4me.Installation. */
#include <string.h>

#include "base/error.h"
#include "bus/generations.h"
#include "bus/handlers.h"
#include "bus/options.h"
#include "bus/property.h"
#include "core/installation.h"
#include "core/job-kinds.h"
#include "plan/names.h"

static int authorize(Call *call, GError **error)
{
        return call_authorize(call, NULL, &(CallObject){BUS_INSTALLATION_PATH, ""}, error);
}

/* An absolute path whose rest is as strict as one in an overlay: systemd opens it, in the store's unit only.
 */
static bool check_directory(const char *path, GError **error)
{
        if (path[0] != '/') {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "the path is not absolute");
                return false;
        }
        return file_path_check(path + 1, error);
}

int installation_bus_import_directory(Call *call, void *object, GError **error)
{
        const Installation *i = object;
        JobRequest request = {&job_import, "installation", NULL, call->principal, NULL, -EBADF};
        const char *path;
        Options o;
        Job *job;
        int r;

        if (!call_read(call, error, "s", &path) ||
            !options_read(call, OPTION_REQUEST_ID | OPTION_IF_REVISION, &o, error) ||
            !check_directory(path, error))
                return -1;
        r = authorize(call, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&o, i->content.current, error))
                return -1;
        request.request_id = o.request_id;
        request.parameters = json_pack("{s:s, s:s, s:s, s:b}", "source", "bind", "path", path, "format",
                                       "directory", "merge", 0);
        options_to_job(&o, request.parameters);
        job = job_submit(call->manager, &request, error);
        return job ? call_reply_job(call, job, error) : -1;
}

int installation_bus_list_generations(Call *call, void *object, GError **error)
{
        const Installation *i = object;
        Options o;
        int r;

        if (!options_read(call, 0, &o, error))
                return -1;
        r = authorize(call, error);
        return r <= 0 ? r : generations_reply(call, &i->content, error);
}

int installation_bus_rollback(Call *call, void *object, GError **error)
{
        const Installation *i = object;
        uint32_t number;
        Options o;
        int r;

        if (!call_read(call, error, "u", &number) ||
            !options_read(call, OPTION_REQUEST_ID | OPTION_IF_REVISION, &o, error))
                return -1;
        r = authorize(call, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&o, i->content.current, error))
                return -1;
        return generations_rollback(call, &i->content, number, &o, error);
}

static const char *build_id(const Installation *i)
{
        const Generation *g = content_current(&i->content);

        return g ? g->build_id : "";
}

static uint64_t current_size(const Installation *i)
{
        const Generation *g = content_current(&i->content);

        return g ? g->size : 0;
}

PROPERTY_GETTER(property_generation, Installation, "u", object->content.current)
PROPERTY_GETTER(property_build_id, Installation, "s", build_id(object))
PROPERTY_GETTER(property_branch, Installation, "s", object->branch)
PROPERTY_GETTER(property_state, Installation, "s", installation_state(object))
PROPERTY_GETTER(property_size, Installation, "t", current_size(object))

const sd_bus_vtable installation_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("ImportDirectory", ("s", path, "a{sv}", options), ("o", job)),
        METHOD("ListGenerations", ("a{sv}", options), ("a(uta{sv})", generations)),
        METHOD("Rollback", ("u", generation, "a{sv}", options), ("o", job)),
        CHANGING("Generation", "u", property_generation),
        CHANGING("BuildId", "s", property_build_id),
        CHANGING("Branch", "s", property_branch),
        CHANGING("State", "s", property_state),
        CHANGING("Size", "t", property_size),
        SD_BUS_VTABLE_END,
};
