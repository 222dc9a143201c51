/* Starts and stops one server, each time that a line "start" or "stop" comes on standard input, and answers
 * with the microseconds that it took, as a JSON object with the whole and its parts. Its first line is its
 * name on the bus.
 *
 *   cycle left4me SERVER                  one persistent client of left4me; run as the operator
 *   cycle bare SERVER DATABASE SUBJECT    one persistent client of systemd, as root: the same units,
 * transactions on DATABASE as the manager makes them, and one polkit check about the bus name SUBJECT
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD ".Manager"
#define LEFT4ME "org.left4me.Manager"
#define WANTS_DIR "/etc/systemd/system/multi-user.target.wants"

typedef struct Cycle {
        sd_bus *bus;
        const char *server;
        char unit[128], mount_unit[128], path[128];
        const char *subject;
        sqlite3 *database;
        char awaited[256]; /* path of the job that is waited for */
        char ended[256];   /* path of the job that ended last */
        char result[32];
} Cycle;

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Cycle *c = userdata;
        const char *path, *name, *result;
        uint32_t id;

        (void)error;
        if (sd_bus_message_read(m, "uoss", &id, &path, &name, &result) < 0)
                return 0;
        (void)snprintf(c->ended, sizeof c->ended, "%s", path);
        (void)snprintf(c->result, sizeof c->result, "%s", result);
        return 0;
}

static void wait_job(Cycle *c, const char *job)
{
        while (strcmp(c->ended, job) != 0) {
                int r = must(sd_bus_process(c->bus, NULL), "bus");

                if (r == 0)
                        (void)must(sd_bus_wait(c->bus, UINT64_C(60000000)), "bus");
        }
        if (strcmp(c->result, "done") != 0) {
                (void)fprintf(stderr, "%s: %s\n", job, c->result);
                exit(EXIT_FAILURE);
        }
}

/* Calls what answers with a job, and waits for the end of that. */
static void call_job(Cycle *c, const char *destination, const char *path, const char *interface,
                     const char *method, const char *types, const char *first, const char *second)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *job;
        int r;

        if (first)
                r = sd_bus_call_method(c->bus, destination, path, interface, method, &error, &reply, types,
                                       first, second);
        else
                r = sd_bus_call_method(c->bus, destination, path, interface, method, &error, &reply, types,
                                       0);
        if (r < 0)
                die(error.message ? error.message : method, r);
        (void)must(sd_bus_message_read(reply, "o", &job), method);
        (void)snprintf(c->awaited, sizeof c->awaited, "%s", job);
        sd_bus_message_unref(reply);
        wait_job(c, c->awaited);
}

static void call(Cycle *c, sd_bus_message *m)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call(c->bus, m, 0, &error, NULL);

        if (r < 0)
                die(error.message ? error.message : "call", r);
        sd_bus_message_unref(m);
}

static void left4me_cycle(Cycle *c, bool start)
{
        double began = now_usec();

        call_job(c, LEFT4ME, c->path, "org.left4me.Server", start ? "Start" : "Stop", "a{sv}", NULL, NULL);
        (void)printf("{\"all\": %.1f}\n", now_usec() - began);
}

static void run_sql(Cycle *c, const char *sql)
{
        char *message = NULL;

        if (sqlite3_exec(c->database, sql, NULL, NULL, &message) != SQLITE_OK)
                die(message ? message : sql, -EIO);
}

/* The two transactions of a job, on a copy of the manager's database. */
static void record_begin(Cycle *c, bool start)
{
        char sql[512];

        (void)snprintf(sql, sizeof sql,
                       "BEGIN IMMEDIATE;"
                       "INSERT INTO job (kind, subject, parameters, principal, request_id, state, created)"
                       " VALUES ('%s', 'server/%s', '{}', 'unix:1000', NULL, 'queued', 1790000000000000);"
                       "DELETE FROM job WHERE id <= last_insert_rowid() - 1000 AND state NOT IN ('queued', "
                       "'running');"
                       "COMMIT",
                       start ? "start" : "stop", c->server);
        run_sql(c, sql);
}

static void record_end(Cycle *c)
{
        run_sql(c, "UPDATE job SET state = 'done', error = '', message = '', ended = 1790000000000000"
                   " WHERE id = last_insert_rowid()");
}

static void check_polkit(Cycle *c, bool start)
{
        static const char action[] = "org.left4me.manager.server-control";
        sd_bus_message *m = NULL;

        (void)must(sd_bus_message_new_method_call(
                           c->bus, &m, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization"),
                   "polkit");
        (void)must(sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", c->subject,
                                         action, 5, "method", start ? "Start" : "Stop", "object", c->path,
                                         "owner", "unix:0", "principal", "unix:1000", "role", "other", 0, ""),
                   "polkit");
        call(c, m);
}

static void set_enabled(Cycle *c, bool enable)
{
        sd_bus_message *m = NULL;

        (void)must(sd_bus_message_new_method_call(c->bus, &m, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                                  enable ? "EnableUnitFiles" : "DisableUnitFiles"),
                   "enable");
        if (enable)
                (void)must(sd_bus_message_append(m, "asbb", 1, c->unit, 0, 0), "enable");
        else
                (void)must(sd_bus_message_append(m, "asb", 1, c->unit, 0), "disable");
        call(c, m);
}

/* Without a link left the directory is gone too. */
static void sync_wants(void)
{
        int fd = open(WANTS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                return;
        if (fd < 0 || fsync(fd) < 0)
                die(WANTS_DIR, -errno);
        (void)close(fd);
}

static void bare_cycle(Cycle *c, bool start)
{
        double began = now_usec(), polkit, begin, enable, sync, job, end;

        check_polkit(c, start);
        polkit = now_usec();
        record_begin(c, start);
        begin = now_usec();
        set_enabled(c, start);
        enable = now_usec();
        sync_wants();
        sync = now_usec();
        call_job(c, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, start ? "StartUnit" : "StopUnit", "ss",
                 start ? c->unit : c->mount_unit, "replace");
        job = now_usec();
        record_end(c);
        end = now_usec();
        (void)printf("{\"all\": %.1f, \"polkit\": %.1f, \"record\": %.1f, \"enable\": %.1f, \"fsync\": %.1f,"
                     " \"units\": %.1f, \"record-end\": %.1f}\n",
                     end - began, polkit - began, begin - polkit, enable - begin, sync - enable, job - sync,
                     end - job);
}

static void unit_cycle(Cycle *c, bool start)
{
        double began = now_usec();

        call_job(c, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, start ? "StartUnit" : "StopUnit", "ss", c->server,
                 "replace");
        (void)printf("{\"all\": %.1f}\n", now_usec() - began);
}

static void subscribe(Cycle *c, const char *sender, const char *path, const char *interface)
{
        char rule[512];

        (void)snprintf(rule, sizeof rule,
                       "type='signal',sender='%s',path='%s',interface='%s',member='JobRemoved'", sender, path,
                       interface);
        (void)must(sd_bus_add_match(c->bus, NULL, rule, on_job_removed, c), "match");
}

static void open_left4me(Cycle *c, char **arguments)
{
        (void)arguments;
        subscribe(c, LEFT4ME, "/org/left4me/Manager", LEFT4ME);
}

static void open_unit(Cycle *c, char **arguments)
{
        (void)arguments;
        subscribe(c, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER);
        (void)must(sd_bus_call_method(c->bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe", NULL, NULL,
                                      ""),
                   "Subscribe");
}

static void open_bare(Cycle *c, char **arguments)
{
        c->subject = arguments[1];
        if (sqlite3_open_v2(arguments[0], &c->database, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
                die(arguments[0], -EIO);
        run_sql(c, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON;"
                   "PRAGMA locking_mode = EXCLUSIVE");
        open_unit(c, NULL);
}

static const struct {
        const char *name;
        int arguments; /* after the server or unit */
        void (*open)(Cycle *c, char **arguments);
        void (*cycle)(Cycle *c, bool start);
} modes[] = {
        {"left4me", 0, open_left4me, left4me_cycle},
        {"bare", 2, open_bare, bare_cycle},
        {"unit", 0, open_unit, unit_cycle},
};

int main(int argc, char **argv)
{
        unsigned mode = 0, n_modes = sizeof modes / sizeof modes[0];
        const char *name;
        char line[32];
        Cycle c = {};

        while (mode < n_modes &&
               (argc < 3 || strcmp(argv[1], modes[mode].name) != 0 || argc != 3 + modes[mode].arguments))
                mode++;
        if (mode == n_modes) {
                (void)fprintf(stderr,
                              "Usage: cycle left4me SERVER | bare SERVER DATABASE SUBJECT | unit UNIT\n");
                return 2;
        }
        c.server = argv[2];
        (void)snprintf(c.unit, sizeof c.unit, "left4me-server@%s.service", c.server);
        (void)snprintf(c.mount_unit, sizeof c.mount_unit, "left4me-mount@%s.service", c.server);
        (void)snprintf(c.path, sizeof c.path, "/org/left4me/server/%s", c.server);
        (void)must(sd_bus_open_system(&c.bus), "system bus");
        modes[mode].open(&c, argv + 3);
        (void)must(sd_bus_get_unique_name(c.bus, &name), "name");
        (void)printf("%s\n", name);
        (void)fflush(stdout);
        while (fgets(line, sizeof line, stdin)) {
                modes[mode].cycle(&c, strncmp(line, "start", 5) == 0);
                (void)fflush(stdout);
        }
        (void)sqlite3_close(c.database);
        sd_bus_flush_close_unref(c.bus);
        return EXIT_SUCCESS;
}
