/* The generated config layer of a server. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define CFG_FRAGMENT_PATH "left4dead2/cfg/server.cfg" /* of an overlay: taken into the config layer */
#define CFG_FRAGMENT_SIZE_MAX (256U * 1024U)
#define CFG_LAYER_DIR                                                                                        \
        "left4dead2/cfg/left4me" /* of the composed tree: the only folder of the config layer                \
                                  */

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

/* Refuses config lines with newlines, control characters or an open quote, and ones that name rcon_password
 * or the other cvars that the manager owns, wherever in the line and in any case: behind ";", in quotes, in
 * an alias, in a comment (what is a comment is the engine's to say). L4_ERROR_INVALID_SPEC names the line:
 * "config line 2: ...", counted from 1; it never repeats a value. */
bool config_check(const char *const *config, GError **error);
/* One line, with a message that has no number. */
bool config_line_check(const char *line, GError **error);

/* The first owned cvar that text has as a word of its own, in the spelling of the table; NULL if there is
 * none. */
const char *cfg_owned_mention(const char *text);
/* Whether a cvar's value is a secret: see cfg_mask(). Any case. */
bool cfg_name_is_secret(const char *name);

/* Array of CfgFile*: left4dead2/cfg/left4me/server.cfg, which execs one file per fragment (lowest overlay
 * first, as given: left4dead2/cfg/left4me/overlay-NAME.cfg), then has the config lines, blank ones left out,
 * then rcon_password. The last of two equal cvars wins, so this order is what lets a blueprint override an
 * overlay and nothing override the password. config has passed config_check(); overlays are valid names;
 * rcon_password is 1 or more ASCII letters and digits. */
GPtrArray *cfg_render(const CfgFragment *fragments, size_t n_fragments, const char *const *config,
                      const char *rcon_password);

/* The text with the values of secret cvars (rcon_password, sv_password, sv_setsteamaccount, any *password*,
 * *passwd*, *token*, *secret*, *apikey*, *authkey*, *_key, *_pass; any case, quoted or not, in aliases and
 * comments too) replaced by "***"; where it is not plain where a value ends, the rest of the line is. What is
 * not UTF-8 comes out as U+FFFD. */
char *cfg_mask(const char *text, size_t size);
