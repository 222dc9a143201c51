/* The generated config layer of a server. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define CFG_FRAGMENT_PATH "left4dead2/cfg/server.cfg" /* of an overlay: taken into the config layer */
#define CFG_FRAGMENT_SIZE_MAX (256U * 1024U)

/* A file of the config layer: a path relative to the composed tree, and its content. */
typedef struct CfgFile {
        char *path;
        GBytes *content;
} CfgFile;
CfgFile *cfg_file_free(CfgFile *f); /* takes NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CfgFile, cfg_file_free)

/* An overlay's own server.cfg. */
typedef struct CfgFragment {
        const char *overlay;
        GBytes *content;
} CfgFragment;

/* Refuses config lines with newlines or control characters, and ones that set rcon_password or the other cvars that
 * the manager owns (also behind ";" and in quotes). L4_ERROR_INVALID_SPEC names the line. */
bool config_check(const char *const *config, GError **error);

/* Array of CfgFile*: left4dead2/cfg/left4me/server.cfg, which execs one file per fragment (lowest overlay first, as
 * given), then has the config lines, then rcon_password. The last of two equal cvars wins, so this order is what
 * lets a blueprint override an overlay and nothing override the password. */
GPtrArray *cfg_render(const CfgFragment *fragments, size_t n_fragments, const char *const *config,
                      const char *rcon_password);

/* The text with the values of secret cvars (rcon_password, sv_password, any *password*, *token*, *secret*, *_key)
 * replaced by "***". */
char *cfg_mask(const char *text, size_t size);
