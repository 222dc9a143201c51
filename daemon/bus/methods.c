#include "methods.h"

#include <string.h>

#include "bus/handlers.h"

/* Actions; each stands in polkit/org.left4me.manager.policy. */
#define SERVER_CONTROL "server-control"
#define SERVER_MANAGE "server-manage"
#define CONTENT_MANAGE "content-manage"
#define SCRIPT_EDIT "script-edit" /* also: content of global overlays */
#define INSTALL "install"
#define READ_LOGS "read-logs"

static const char *const actions[] = {SERVER_CONTROL, SERVER_MANAGE, CONTENT_MANAGE,
                                      SCRIPT_EDIT,    INSTALL,       READ_LOGS};

static const Method methods[] = {
        {INTERFACE_MANAGER, "GetServer", NULL, manager_get_server, METHOD_AT_ONCE},
        {INTERFACE_MANAGER, "GetBlueprint", NULL, manager_get_blueprint, METHOD_AT_ONCE},
        {INTERFACE_MANAGER, "GetOverlay", NULL, manager_get_overlay, METHOD_AT_ONCE},
        {INTERFACE_MANAGER, "CanI", NULL, manager_can_i, 0},
        {INTERFACE_MANAGER, "ListPorts", NULL, manager_list_ports, METHOD_AT_ONCE},
        {INTERFACE_MANAGER, "CreateServer", SERVER_MANAGE, manager_create_server, 0},
        {INTERFACE_MANAGER, "ApplySpec", SERVER_MANAGE, manager_apply_spec, 0},
        {INTERFACE_MANAGER, "CreateBlueprint", CONTENT_MANAGE, manager_create_blueprint, 0},
        {INTERFACE_MANAGER, "CreateOverlay", CONTENT_MANAGE, manager_create_overlay, 0},
        {INTERFACE_MANAGER, "VerifyStore", INSTALL, manager_verify_store, 0},
        {INTERFACE_MANAGER, "PruneStore", INSTALL, manager_prune_store, 0},

        {INTERFACE_SERVER, "Start", SERVER_CONTROL, server_bus_start, 0},
        {INTERFACE_SERVER, "Stop", SERVER_CONTROL, server_bus_stop, 0},
        {INTERFACE_SERVER, "Restart", SERVER_CONTROL, server_bus_restart, 0},
        {INTERFACE_SERVER, "Reset", SERVER_MANAGE, server_bus_reset, 0},
        {INTERFACE_SERVER, "Delete", SERVER_MANAGE, server_bus_delete, 0},
        {INTERFACE_SERVER, "SetBlueprint", SERVER_MANAGE, server_bus_set_blueprint, 0},
        {INTERFACE_SERVER, "SetPort", SERVER_MANAGE, server_bus_set_port, 0},
        {INTERFACE_SERVER, "SetAutostart", SERVER_MANAGE, server_bus_set_autostart, 0},
        {INTERFACE_SERVER, "GetPlan", SERVER_MANAGE, server_bus_get_plan, 0},

        {INTERFACE_BLUEPRINT, "GetDefinition", CONTENT_MANAGE, blueprint_bus_get_definition, 0},
        {INTERFACE_BLUEPRINT, "Update", CONTENT_MANAGE, blueprint_bus_update, 0},
        {INTERFACE_BLUEPRINT, "Clone", CONTENT_MANAGE, blueprint_bus_clone, 0},
        {INTERFACE_BLUEPRINT, "Delete", CONTENT_MANAGE, blueprint_bus_delete, 0},

        /* On a global overlay all of these need SCRIPT_EDIT instead (overlay_authorize). */
        {INTERFACE_OVERLAY, "Import", CONTENT_MANAGE, overlay_bus_import, 0},
        {INTERFACE_OVERLAY, "ImportPath", CONTENT_MANAGE, overlay_bus_import_path, 0},
        {INTERFACE_OVERLAY, "Export", CONTENT_MANAGE, overlay_bus_export, 0},
        {INTERFACE_OVERLAY, "ExportPath", CONTENT_MANAGE, overlay_bus_export_path, 0},
        {INTERFACE_OVERLAY, "ListFiles", CONTENT_MANAGE, overlay_bus_list_files, 0},
        {INTERFACE_OVERLAY, "ReadFile", CONTENT_MANAGE, overlay_bus_read_file, 0},
        {INTERFACE_OVERLAY, "WriteFile", CONTENT_MANAGE, overlay_bus_write_file, 0},
        {INTERFACE_OVERLAY, "RemoveFile", CONTENT_MANAGE, overlay_bus_remove_file, 0},
        {INTERFACE_OVERLAY, "EditFiles", CONTENT_MANAGE, overlay_bus_edit_files, 0},
        {INTERFACE_OVERLAY, "OpenFile", CONTENT_MANAGE, overlay_bus_open_file, 0},
        {INTERFACE_OVERLAY, "ListGenerations", CONTENT_MANAGE, overlay_bus_list_generations, 0},
        {INTERFACE_OVERLAY, "Rollback", CONTENT_MANAGE, overlay_bus_rollback, 0},
        {INTERFACE_OVERLAY, "Delete", CONTENT_MANAGE, overlay_bus_delete, 0},

        {INTERFACE_INSTALLATION, "ImportDirectory", INSTALL, installation_bus_import_directory, 0},
        {INTERFACE_INSTALLATION, "ListGenerations", INSTALL, installation_bus_list_generations, 0},
        {INTERFACE_INSTALLATION, "Rollback", INSTALL, installation_bus_rollback, 0},

        /* Of one's own job: not gated. */
        /* Cancelling is what ends the calls that wait: it must not wait for them. */
        {INTERFACE_JOB, "Cancel", SERVER_MANAGE, job_bus_cancel, METHOD_LONG_POLL},
        {INTERFACE_JOB, "Wait", READ_LOGS, job_bus_wait, METHOD_LONG_POLL},

        /* For uid 0 only, by the handler and by the bus policy. */
        {INTERFACE_INTERNAL, "GetMountPlan", NULL, internal_get_mount_plan, METHOD_AT_ONCE},
};

const Method *method_find(const char *interface, const char *member)
{
        for (unsigned i = 0; i < G_N_ELEMENTS(methods); i++)
                if (strcmp(methods[i].member, member) == 0 && g_strcmp0(methods[i].interface, interface) == 0)
                        return &methods[i];
        return NULL;
}

bool action_is_known(const char *action)
{
        for (unsigned i = 0; i < G_N_ELEMENTS(actions); i++)
                if (strcmp(actions[i], action) == 0)
                        return true;
        return false;
}
