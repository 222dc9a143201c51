/* The command line of a game. Pure: no I/O. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Refuses what the manager itself sets (-game, -ip, -port, +ip, +port, -strictportbind, -norestart, +servercfgfile,
 * -autoupdate and its kin, in every spelling that srcds takes) and what would put a secret on the command line
 * (+rcon_password, +sv_password: they belong into config). A "+cvar" value carries no ";", quote or newline.
 * L4_ERROR_INVALID_SPEC names the argument. */
bool arguments_check(const char *const *arguments, GError **error);

/* "./srcds_run -game left4dead2 -strictportbind -ip 0.0.0.0 -port N -norestart +servercfgfile left4me/server.cfg",
 * then the arguments; "+map c1m1_hotel" last unless they have a +map. arguments have passed arguments_check(). */
char **argv_build(uint16_t port, const char *const *arguments);
