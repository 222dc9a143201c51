/* All method handlers, one file per interface, for the table in methods.c; and the vtables, for bus.c. */
#pragma once

#include "bus/call.h"

#define INTERFACE_MANAGER "org.left4me.Manager"
#define INTERFACE_SERVER "org.left4me.Server"
#define INTERFACE_BLUEPRINT "org.left4me.Blueprint"
#define INTERFACE_OVERLAY "org.left4me.Overlay"
#define INTERFACE_INSTALLATION "org.left4me.Installation"
#define INTERFACE_JOB "org.left4me.Job"
#define INTERFACE_INTERNAL "org.left4me.Internal"

extern const sd_bus_vtable manager_vtable[], server_vtable[], blueprint_vtable[], overlay_vtable[],
        installation_vtable[], job_vtable[], internal_vtable[];

#define HANDLER(name) int name(Call *call, void *object, GError **error)

HANDLER(manager_get_server);
HANDLER(manager_get_blueprint);
HANDLER(manager_get_overlay);
HANDLER(manager_can_i);
HANDLER(manager_list_ports);
HANDLER(manager_create_server);
HANDLER(manager_apply_spec);
HANDLER(manager_create_blueprint);
HANDLER(manager_create_overlay);
HANDLER(manager_verify_store);
HANDLER(manager_prune_store);

HANDLER(server_bus_start);
HANDLER(server_bus_stop);
HANDLER(server_bus_restart);
HANDLER(server_bus_reset);
HANDLER(server_bus_delete);
HANDLER(server_bus_set_blueprint);
HANDLER(server_bus_set_port);
HANDLER(server_bus_set_autostart);
HANDLER(server_bus_get_plan);

HANDLER(blueprint_bus_get_definition);
HANDLER(blueprint_bus_update);
HANDLER(blueprint_bus_clone);
HANDLER(blueprint_bus_delete);

HANDLER(overlay_bus_import);
HANDLER(overlay_bus_import_path);
HANDLER(overlay_bus_export);
HANDLER(overlay_bus_export_path);
HANDLER(overlay_bus_list_files);
HANDLER(overlay_bus_read_file);
HANDLER(overlay_bus_write_file);
HANDLER(overlay_bus_remove_file);
HANDLER(overlay_bus_edit_files);
HANDLER(overlay_bus_open_file);
HANDLER(overlay_bus_list_generations);
HANDLER(overlay_bus_rollback);
HANDLER(overlay_bus_delete);

HANDLER(installation_bus_import_directory);
HANDLER(installation_bus_list_generations);
HANDLER(installation_bus_rollback);

HANDLER(job_bus_cancel);
HANDLER(job_bus_wait);

HANDLER(internal_get_mount_plan);
