/* Mounting and unmounting one server's tree: what the unit left4me-mount@ does. Both may be repeated at will,
 * and after a kill at any moment. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Asks for a plan, carries it out, and leaves the tree at L4_RUN_MOUNTS/instance and the launch file. A tree
 * that is mounted there already is unmounted first; one that is mounted anywhere else is IN_USE. */
bool server_mount(const char *instance, GError **error);

/* Afterwards nothing is mounted there, work/work, mount point and launch file are gone. Needs neither manager
 * nor bus. */
bool server_unmount(const char *instance, GError **error);
