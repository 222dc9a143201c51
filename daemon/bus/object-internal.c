/* org.left4me.Internal: gives left4me-mount its plan. For root only; not in the public XML, because nobody
 * else is to build on it. The bus policy refuses it to others as well. */
#include "base/error.h"
#include "bus/handlers.h"
#include "bus/property.h"
#include "core/compose.h"
#include "core/server.h"
#include "plan/cfg.h"
#include "plan/mount-plan.h"

static int append_files(sd_bus_message *m, const GPtrArray *files)
{
        int r = sd_bus_message_open_container(m, 'a', "(say)");

        for (guint i = 0; r >= 0 && i < files->len; i++) {
                const CfgFile *file = g_ptr_array_index(files, i);
                size_t size;
                const void *data = g_bytes_get_data(file->content, &size);

                r = sd_bus_message_open_container(m, 'r', "say");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", file->path);
                if (r >= 0)
                        r = sd_bus_message_append_array(m, 'y', data, size);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int internal_get_mount_plan(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        g_autoptr(MountPlan) plan = NULL;
        const char *name;
        Server *s;
        int r;

        (void)object;
        if (call->uid != 0) {
                g_set_error(error, L4_ERROR, L4_ERROR_ACCESS_DENIED, "for root only");
                return -1;
        }
        if (!call_read(call, error, "s", &name))
                return -1;
        s = manager_server(call->manager, name, error);
        if (!s || !compose_hand_out(s, &plan, error) || call_new_reply(call, &reply, error) < 0)
                return -1;
        r = sd_bus_message_append(reply, "u", plan->uid);
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, plan->layers);
        if (r >= 0)
                r = append_files(reply, plan->files);
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, plan->argv);
        return r < 0 ? (call_malformed(error, r), -1) : call_reply_message(call, reply, error);
}

const sd_bus_vtable internal_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_HIDDEN),
        METHOD("GetMountPlan", ("s", instance), ("u", uid, "as", layers, "a(say)", files, "as", argv)),
        SD_BUS_VTABLE_END,
};
