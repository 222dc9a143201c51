/* A mount plan: what the manager tells left4me-mount about one server, and the option string that follows
 * from it. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Layers of overlays and game together. 200 /proc/self/fd/N names fit the 4 KiB page of mount(2) on every
 * kernel; lowerdir+ (Linux 6.8) takes the overlayfs limit,
 * 500, of which one is the config layer. */
#define MOUNT_LAYERS_MAX 499U
#define MOUNT_LAYERS_PAGE_MAX 199U
#define MOUNT_OPTIONS_PAGE_SIZE 4096U /* with the final NUL */
/* What a definition of the largest size makes: a file per overlay and one more; all config lines in one file;
 * the arguments and what the manager sets. */
#define MOUNT_FILES_MAX 499U
#define MOUNT_FILE_SIZE_MAX (2U * 1024U * 1024U)
#define MOUNT_ARGV_MAX 300U
/* uids of games and builds: outside every range that Debian, shadow or systemd hands out (systemd's
 * UIDS-GIDS.md: 1879048192 to 2147352575 is unused). */
#define UID_RANGE_FIRST 1880000000U
#define UID_RANGE_LAST 1880009999U

typedef struct MountPlan {
        char *instance;   /* a valid name */
        uint32_t uid;     /* the game's, of the range above */
        char **layers;    /* commits of checkouts, topmost first, the game last; at least 1 */
        GPtrArray *files; /* CfgFile*: the config layer */
        char **argv;      /* at least 1 */
} MountPlan;
MountPlan *mount_plan_free(MountPlan *p); /* takes NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MountPlan, mount_plan_free)

/* The D-Bus signature of a plan as GetMountPlan of the internal interface returns it: uid, layers, files
 * (path, content), argv. */
#define MOUNT_PLAN_SIGNATURE "uasa(say)as"

/* Everything that a helper with CAP_SYS_ADMIN must not take on trust: names, commits (each once: overlayfs
 * refuses a folder that is two layers), counts, paths of the config layer (directly below CFG_LAYER_DIR, each
 * once), argv without empty words or control characters. L4_ERROR_INVALID_ARGS. */
bool mount_plan_check(const MountPlan *p, GError **error);

/* Fixed options of every composed mount, without lowerdir, upperdir and workdir. */
#define MOUNT_OPTIONS_FIXED "redirect_dir=nofollow,metacopy=off,nfs_export=off,index=off,xino=off"

/* "lowerdir=/proc/self/fd/A:...,upperdir=/proc/self/fd/U,workdir=/proc/self/fd/W," + fixed; NULL if that does
 * not fit the page of mount(2), or there is no layer, or a descriptor is negative. layer_fds topmost first.
 */
char *mount_options_page(const int *layer_fds, size_t n_layers, int upper_fd, int work_fd);
