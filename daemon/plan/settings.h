/* /etc/left4me/manager.yaml: settings of the manager; every key optional. A table of keys feeds parser,
 * defaults and the commented example. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Settings {
        uint16_t port_first, port_last; /* "port-range": "27015-27115" */
        unsigned keep_generations;      /* "keep-generations": 3; 1 to 100, per overlay and installation */
        unsigned job_history;       /* "job-history": 1000 ended jobs kept in the database, 10 to 100000 */
        unsigned servers_max;       /* "servers-max": 1000, 1 to 5000 */
        uint64_t overlay_size_max;  /* "overlay-size-max": "20G"; bytes of one overlay generation */
        unsigned overlay_files_max; /* "overlay-files-max": 200000 */
        uint64_t installation_size_max;  /* "installation-size-max": "100G" */
        unsigned installation_files_max; /* "installation-files-max": 1000000 */
} Settings;

#define SETTINGS_SIZE_MAX (64U * 1024U)

void settings_defaults(Settings *s);
/* Name and default, as the file spells it, of the table's key i; false behind the last. */
bool settings_key(size_t i, const char **ret_name, const char **ret_fallback);
/* Reads YAML over the defaults; a text without any value (all of it comments) is the defaults. Unknown or
 * duplicate keys, wrong types and values out of range are L4_ERROR_INVALID_SPEC with line and column; *ret is
 * set only on success. Sizes are plain bytes or have K, M, G or T (1024) behind them. */
bool settings_parse(const char *text, size_t size, Settings *ret, GError **error);
