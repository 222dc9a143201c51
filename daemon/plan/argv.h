/* The command line of a game. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each argument is one word of the command line: "+map" and "c2m1_highway" are two. Refused are
 * - what the manager itself sets (-game, -ip, -port, +hostip, -strictportbind, -norestart, +servercfgfile,
 * ...) and what changes how or what srcds_run runs (-binary, -pidfile, -debug, -autoupdate, -fork, ...), in
 * every spelling that srcds takes: any case, '-' or '+', with "=value";
 * - what would put a secret on the command line, which every process may read (+rcon_password, +sv_password
 * and all that cfg_name_is_secret(): they belong into config);
 * - blanks, quotes, ";", shell characters and a leading "@": srcds_run is a shell script that splits and
 * globs its arguments again, srcds reads "@FILE" as a file of more arguments, and the console splits at ";";
 * - a second +map, and one without a map.
 * L4_ERROR_INVALID_SPEC names the argument: "argument 2: ...", counted from 1; it never repeats a value. */
bool arguments_check(const char *const *arguments, GError **error);
/* The same for callers that know a better place than a number: the message is without it, *ret_index is set
 * on failure only. */
bool arguments_check_at(const char *const *arguments, size_t *ret_index, GError **error);

/* "./srcds_run -game left4dead2 -strictportbind -ip 0.0.0.0 -port N -norestart +servercfgfile
 * left4me/server.cfg", then the arguments; "+map c1m1_hotel" last unless they have a +map. arguments have
 * passed arguments_check(). */
char **argv_build(uint16_t port, const char *const *arguments);
