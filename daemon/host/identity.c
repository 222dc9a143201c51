#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "plan/mount-plan.h"

#define USERDB_DIR "/etc/userdb"
#define UNIT_DIR "/etc/systemd/system"
#define DROPIN_NAME "10-left4me.conf"
#define RECORD_SIZE_MAX 4096

static char *user_name(const Identity *identity)
{
        return g_strdup_printf("l4d2-%u", identity->uid - UID_RANGE_FIRST);
}

static char *dropin_dir(const Identity *identity)
{
        return g_strdup_printf(UNIT_DIR "/left4me-server@%s.service.d", identity->server);
}

static char *record_text(json_t *record)
{
        char *text = json_dumps(record, JSON_INDENT(1));

        json_decref(record);
        return text;
}

/* systemd's JSON user and group records: https://systemd.io/USER_RECORD */
static char *user_record(const Identity *identity, const char *name)
{
        return record_text(json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:b}", "userName", name, "uid",
                                     (json_int_t)identity->uid, "gid", (json_int_t)identity->uid, "realName",
                                     "left4me game server", "homeDirectory", "/", "shell",
                                     "/usr/sbin/nologin", "disposition", "system", "locked", 1));
}

static char *group_record(const Identity *identity, const char *name)
{
        return record_text(json_pack("{s:s, s:I, s:s}", "groupName", name, "gid", (json_int_t)identity->uid,
                                     "disposition", "system"));
}

/* Debian 12's systemd is built without the BPF framework that SocketBindAllow= needs, and says so at every
 * load. */
static char *socket_lines(uint16_t port)
{
        if (L4_SYSTEMD_VERSION < 257)
                return g_strdup("");
        return g_strdup_printf("SocketBindAllow=udp:%u\nSocketBindAllow=tcp:%u\n", port, port);
}

static char *dropin_text(const Identity *identity, const char *name)
{
        g_autofree char *sockets = socket_lines(identity->port);

        return g_strdup_printf("# Made by left4me; gone when the server is deleted.\n"
                               "[Service]\nUser=%s\nGroup=%s\n%s",
                               name, name, sockets);
}

/* Returns 1 when it wrote, 0 when the file had this content already. */
static int write_if_different(int dir_fd, const char *name, const char *text)
{
        g_autofree char *old = NULL;
        int r;

        if (file_read_all(dir_fd, name, RECORD_SIZE_MAX, &old, NULL) == 0 && strcmp(old, text) == 0)
                return 0;
        r = file_write_atomic(dir_fd, name, text, strlen(text), 0644, true);
        return r < 0 ? r : 1;
}

static int link_if_different(int dir_fd, const char *target, const char *name)
{
        char old[64] = "";

        if (readlinkat(dir_fd, name, old, sizeof(old) - 1) > 0 && strcmp(old, target) == 0)
                return 0;
        (void)unlinkat(dir_fd, name, 0);
        return symlinkat(target, dir_fd, name) < 0 ? -errno : 1;
}

static int write_record(int dir_fd, uint32_t uid, const char *user, const char *suffix, const char *text)
{
        g_autofree char *name = g_strdup_printf("%s.%s", user, suffix);
        g_autofree char *link = g_strdup_printf("%u.%s", uid, suffix);
        int r = text ? write_if_different(dir_fd, name, text) : -ENOMEM;
        int q;

        if (r < 0)
                return r;
        q = link_if_different(dir_fd, name, link);
        return q < 0 ? q : r | q;
}

bool identity_write(const Identity *identity, bool *ret_changed, GError **error)
{
        g_autofree char *user = user_name(identity), *dir = dropin_dir(identity);
        g_autofree char *dropin = dropin_text(identity, user);
        g_autofree char *users = user_record(identity, user), *groups = group_record(identity, user);
        cleanup_close int userdb = dir_open_create(USERDB_DIR, 0755);
        cleanup_close int unit = -EBADF;
        int r, q;

        if (userdb < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, userdb, "%s", USERDB_DIR), false;
        r = write_record(userdb, identity->uid, user, "user", users);
        q = write_record(userdb, identity->uid, user, "group", groups);
        if (r > 0 || q > 0)
                r = fsync(userdb) < 0 ? -errno : 0;
        if (r < 0 || q < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, r < 0 ? r : q, "%s/%s", USERDB_DIR, user),
                       false;

        unit = dir_open_create(dir, 0755);
        r = unit < 0 ? unit : write_if_different(unit, DROPIN_NAME, dropin);
        if (r > 0)
                q = dir_sync(UNIT_DIR);
        if (r < 0 || q < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, r < 0 ? r : q, "%s/" DROPIN_NAME, dir),
                       false;
        *ret_changed = r > 0;
        return true;
}

static int unlink_in(const char *dir, const char *name, const char *suffix)
{
        g_autofree char *path = g_strdup_printf("%s/%s%s", dir, name, suffix);

        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

bool identity_remove(const Identity *identity, GError **error)
{
        g_autofree char *user = user_name(identity), *dir = dropin_dir(identity);
        g_autofree char *uid = g_strdup_printf("%u", identity->uid);
        int results[] = {
                unlink_in(dir, DROPIN_NAME, ""),
                rmdir(dir) < 0 && errno != ENOENT && errno != ENOTEMPTY ? -errno : 0,
                unlink_in(USERDB_DIR, uid, ".user"),
                unlink_in(USERDB_DIR, uid, ".group"),
                unlink_in(USERDB_DIR, user, ".user"),
                unlink_in(USERDB_DIR, user, ".group"),
                dir_sync(USERDB_DIR),
                dir_sync(UNIT_DIR),
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(results); i++)
                if (results[i] < 0 && results[i] != -ENOENT)
                        return l4_error_set_errno(error, L4_ERROR_FAILED, results[i],
                                                  "cannot remove the identity of server '%s'",
                                                  identity->server),
                               false;
        return true;
}
