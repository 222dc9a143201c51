/* org.left4me.Overlay: properties, generations, import, export. Its files are in overlay-files.c. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "bus/generations.h"
#include "bus/handlers.h"
#include "bus/options.h"
#include "bus/overlay-authorize.h"
#include "bus/property.h"
#include "core/blueprint.h"
#include "core/job-kinds.h"
#include "core/overlay.h"
#include "plan/names.h"

int overlay_authorize(Call *call, const Overlay *o, GError **error)
{
        g_autofree char *path = bus_object_path(OBJECT_OVERLAY, o->name);

        return call_authorize(call, o->global ? "script-edit" : NULL, &(CallObject){path, o->owner}, error);
}

int overlays_authorize_use(Call *call, const Definition *d, const char *owner, GError **error)
{
        for (char **name = d->overlays; *name; name++) {
                const Overlay *o = g_hash_table_lookup(call->manager->overlays, *name);
                g_autofree char *path = bus_object_path(OBJECT_OVERLAY, *name);
                int r;

                if (!o || overlay_is_usable_by(o, owner) || call_is_owner(call, o->owner))
                        continue;
                r = call_authorize(call, "content-manage", &(CallObject){path, o->owner}, error);
                if (r <= 0)
                        return r;
        }
        return 1;
}

static bool check_format(const char *format, GError **error)
{
        if (strcmp(format, "directory") == 0 || strcmp(format, "tar") == 0 || strcmp(format, "zip") == 0)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "unknown format (known: directory, tar, zip)");
        return false;
}

/* Takes a descriptor out of a message: a copy of our own, of the type and access mode that the use needs. */
static bool take_fd(Call *call, int *ret, GError **error)
{
        int fd, r = sd_bus_message_read_basic(call->message, 'h', &fd);

        if (r < 0)
                return call_malformed(error, r);
        *ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return *ret < 0 ? (l4_error_set_errno(error, L4_ERROR_FAILED, -errno, "descriptor"), false) : true;
}

static bool check_source(int fd, bool directory, GError **error)
{
        int flags = fcntl(fd, F_GETFL);
        struct stat st;

        if (flags < 0 || fstat(fd, &st) < 0)
                return l4_error_set_errno(error, L4_ERROR_INVALID_ARGS, -errno, "descriptor"), false;
        if (flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "the descriptor is not open for reading");
                return false;
        }
        if (directory ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "the descriptor is no %s",
                    directory ? "directory" : "regular file or pipe");
        return false;
}

static bool check_target(int fd, GError **error)
{
        int flags = fcntl(fd, F_GETFL);
        struct stat st;

        if (flags < 0 || fstat(fd, &st) < 0)
                return l4_error_set_errno(error, L4_ERROR_INVALID_ARGS, -errno, "descriptor"), false;
        if (!(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY &&
            (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS,
                    "the descriptor is no regular file or pipe that is open for writing");
        return false;
}

/* Takes parameters and fd. */
static int submit(Call *call, const Overlay *o, const JobKind *kind, const Options *options,
                  json_t *parameters, int fd, GError **error)
{
        JobRequest request = {kind, o->content.subject, parameters, call->principal, options->request_id, fd};
        Job *job;

        options_to_job(options, parameters);
        job = job_submit(call->manager, &request, error);
        return job ? call_reply_job(call, job, error) : -1;
}

int overlay_bus_import(Call *call, void *object, GError **error)
{
        cleanup_close int fd = -EBADF;
        const Overlay *o = object;
        const char *format;
        Options options;
        int r;

        if (!take_fd(call, &fd, error) || !call_read(call, error, "s", &format) ||
            !options_read(call, OPTION_REQUEST_ID | OPTION_IF_REVISION | OPTION_MERGE, &options, error) ||
            !check_format(format, error))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&options, o->content.current, error) ||
            !check_source(fd, strcmp(format, "directory") == 0, error))
                return -1;
        return submit(
                call, o, &job_import, &options,
                json_pack("{s:s, s:s, s:b}", "source", "stdin", "format", format, "merge", options.merge),
                fd_steal(&fd), error);
}

int overlay_bus_import_path(Call *call, void *object, GError **error)
{
        const Overlay *o = object;
        const char *path, *format;
        Options options;
        int r;

        if (!call_read(call, error, "ss", &path, &format) ||
            !options_read(call, OPTION_REQUEST_ID | OPTION_IF_REVISION | OPTION_MERGE, &options, error) ||
            !check_format(format, error) || !file_path_check(path, error))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&options, o->content.current, error))
                return -1;
        return submit(call, o, &job_import, &options,
                      json_pack("{s:s, s:s, s:s, s:b}", "source", "path", "path", path, "format", format,
                                "merge", options.merge),
                      -EBADF, error);
}

static json_t *export_parameters(const Overlay *o, const char *path, GError **error)
{
        const Generation *g = content_current(&o->content);

        if (!g) {
                g_set_error(error, L4_ERROR, L4_ERROR_NO_SUCH_GENERATION, "overlay '%s' has no content yet",
                            o->name);
                return NULL;
        }
        return path ? json_pack("{s:s, s:s}", "commit", g->commit, "path", path)
                    : json_pack("{s:s}", "commit", g->commit);
}

int overlay_bus_export(Call *call, void *object, GError **error)
{
        cleanup_close int fd = -EBADF;
        const Overlay *o = object;
        json_t *parameters;
        Options options;
        int r;

        if (!take_fd(call, &fd, error) || !options_read(call, OPTION_REQUEST_ID, &options, error))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        if (!check_target(fd, error))
                return -1;
        parameters = export_parameters(o, NULL, error);
        return parameters ? submit(call, o, &job_export, &options, parameters, fd_steal(&fd), error) : -1;
}

int overlay_bus_export_path(Call *call, void *object, GError **error)
{
        const Overlay *o = object;
        json_t *parameters;
        const char *path;
        Options options;
        int r;

        if (!call_read(call, error, "s", &path) || !options_read(call, OPTION_REQUEST_ID, &options, error) ||
            !file_path_check(path, error))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        parameters = export_parameters(o, path, error);
        return parameters ? submit(call, o, &job_export, &options, parameters, -EBADF, error) : -1;
}

int overlay_bus_list_generations(Call *call, void *object, GError **error)
{
        const Overlay *o = object;
        Options options;
        int r;

        if (!options_read(call, 0, &options, error))
                return -1;
        r = overlay_authorize(call, o, error);
        return r <= 0 ? r : generations_reply(call, &o->content, error);
}

int overlay_bus_rollback(Call *call, void *object, GError **error)
{
        const Overlay *o = object;
        uint32_t number;
        Options options;
        int r;

        if (!call_read(call, error, "u", &number) ||
            !options_read(call, OPTION_REQUEST_ID | OPTION_IF_REVISION, &options, error))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&options, o->content.current, error))
                return -1;
        return generations_rollback(call, &o->content, number, &options, error);
}

int overlay_bus_delete(Call *call, void *object, GError **error)
{
        Overlay *o = object;
        Options options;
        int r;

        if (!options_read(call, OPTION_IF_REVISION, &options, error))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        if (!options_check_revision(&options, o->content.current, error) ||
            !overlay_delete(o, call->principal, error))
                return -1;
        return call_reply(call, error, "");
}

static uint64_t current_size(const Overlay *o)
{
        const Generation *g = content_current(&o->content);

        return g ? g->size : 0;
}

static uint64_t built_at(const Overlay *o)
{
        const Generation *g = content_current(&o->content);

        return g ? g->created : 0;
}

PROPERTY_GETTER(property_name, Overlay, "s", object->name)
PROPERTY_GETTER(property_type, Overlay, "s", object->type)
PROPERTY_GETTER(property_owner, Overlay, "s", object->owner)
PROPERTY_GETTER(property_global, Overlay, "b", object->global)
PROPERTY_GETTER(property_generation, Overlay, "u", object->content.current)
PROPERTY_GETTER(property_state, Overlay, "s", overlay_state(object))
PROPERTY_GETTER(property_size, Overlay, "t", current_size(object))
PROPERTY_GETTER(property_built_at, Overlay, "t", built_at(object))
PROPERTY_NAMES_GETTER(property_used_by, Overlay, blueprints, Blueprint)

const sd_bus_vtable overlay_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Import", ("h", source, "s", format, "a{sv}", options), ("o", job)),
        METHOD("ImportPath", ("s", path, "s", format, "a{sv}", options), ("o", job)),
        METHOD("Export", ("h", target, "a{sv}", options), ("o", job)),
        METHOD("ExportPath", ("s", path, "a{sv}", options), ("o", job)),
        METHOD("ListFiles", ("s", path, "s", cursor, "a{sv}", options), ("a(sstu)", entries, "s", next)),
        METHOD("ReadFile", ("s", path, "t", offset, "u", size, "a{sv}", options), ("ay", data)),
        METHOD("WriteFile", ("s", path, "ay", data, "a{sv}", options), (NULL)),
        METHOD("RemoveFile", ("s", path, "a{sv}", options), (NULL)),
        METHOD("EditFiles", ("a(ssay)", changes, "a{sv}", options), (NULL)),
        METHOD("OpenFile", ("s", path, "a{sv}", options), ("h", file)),
        METHOD("ListGenerations", ("a{sv}", options), ("a(uta{sv})", generations)),
        METHOD("Rollback", ("u", generation, "a{sv}", options), ("o", job)),
        METHOD("Delete", ("a{sv}", options), (NULL)),
        CONSTANT("Name", "s", property_name),
        CONSTANT("Type", "s", property_type),
        CHANGING("Owner", "s", property_owner),
        CHANGING("Global", "b", property_global),
        CHANGING("Generation", "u", property_generation),
        CHANGING("State", "s", property_state),
        CHANGING("Size", "t", property_size),
        CHANGING("BuiltAt", "t", property_built_at),
        CHANGING("UsedBy", "as", property_used_by),
        SD_BUS_VTABLE_END,
};
