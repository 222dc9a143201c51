/* Asking the manager for a server's mount plan: see plan-fetch.h. */
#include "plan-fetch.h"

#include "base/error.h"
#include "plan/cfg.h"

#include <errno.h>
#include <systemd/sd-bus.h>

/* Long enough for a manager that has to be started and to check its database, well below the unit's own
 * limit. */
#define FETCH_TIMEOUT_USEC (40U * UINT64_C(1000000))

static void free_file(void *file)
{
        (void)cfg_file_free(file);
}

static int read_strings(sd_bus_message *reply, char ***ret)
{
        int r = sd_bus_message_read_strv(reply, ret);

        if (r >= 0 && !*ret)
                *ret = g_new0(char *, 1);
        return r;
}

static int read_files(sd_bus_message *reply, GPtrArray *files)
{
        int r = sd_bus_message_enter_container(reply, 'a', "(say)");

        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "say")) > 0) {
                const char *path;
                const void *data;
                size_t size;
                CfgFile *file;

                r = sd_bus_message_read(reply, "s", &path);
                if (r >= 0)
                        r = sd_bus_message_read_array(reply, 'y', &data, &size);
                if (r < 0)
                        break;
                file = g_new0(CfgFile, 1);
                file->path = g_strdup(path);
                file->content = g_bytes_new(data, size);
                g_ptr_array_add(files, file);
                r = sd_bus_message_exit_container(reply);
        }
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static int read_plan(sd_bus_message *reply, MountPlan *plan)
{
        int r;

        if (!sd_bus_message_has_signature(reply, MOUNT_PLAN_SIGNATURE))
                return -EBADMSG;
        r = sd_bus_message_read(reply, "u", &plan->uid);
        if (r >= 0)
                r = read_strings(reply, &plan->layers);
        if (r >= 0)
                r = read_files(reply, plan->files);
        if (r >= 0)
                r = read_strings(reply, &plan->argv);
        return r;
}

static int call_manager(sd_bus *bus, const char *instance, sd_bus_message **ret, sd_bus_error *bus_error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(bus, &call, "org.left4me.Manager", "/org/left4me/internal",
                                               "org.left4me.Internal", "GetMountPlan");

        if (r >= 0)
                r = sd_bus_message_append(call, "s", instance);
        return r < 0 ? r : sd_bus_call(bus, call, FETCH_TIMEOUT_USEC, bus_error, ret);
}

MountPlan *plan_fetch(const char *instance, GError **error)
{
        __attribute__((cleanup(sd_bus_flush_close_unrefp))) sd_bus *bus = NULL;
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        __attribute__((cleanup(sd_bus_error_free))) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        g_autoptr(MountPlan) plan = g_new0(MountPlan, 1);
        int r = sd_bus_open_system(&bus);

        if (r < 0) {
                l4_error_set_errno(error, L4_ERROR_FAILED, r, "Cannot connect to the system bus");
                return NULL;
        }
        plan->instance = g_strdup(instance);
        plan->files = g_ptr_array_new_with_free_func(free_file);
        r = call_manager(bus, instance, &reply, &bus_error);
        if (r == -ETIMEDOUT) {
                g_set_error_literal(error, L4_ERROR, L4_ERROR_TIMED_OUT,
                                    "The manager did not answer in time");
                return NULL;
        }
        if (r < 0 && bus_error.message) {
                g_set_error(error, L4_ERROR, (gint)l4_error_from_dbus_name(bus_error.name),
                            "The manager has no plan: %s", bus_error.message);
                return NULL;
        }
        if (r >= 0)
                r = read_plan(reply, plan);
        if (r < 0) {
                l4_error_set_errno(error, L4_ERROR_FAILED, r, "Cannot read the manager's plan");
                return NULL;
        }
        return g_steal_pointer(&plan);
}
