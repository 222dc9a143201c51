/* left4me-mount: composes one server's tree, or takes it down. Run by left4me-mount@NAME.service as root with
 * few capabilities, in the host's mount namespace.
 *
 *   left4me-mount mount NAME      left4me-mount unmount NAME
 *
 * An error is one line on standard error and the unit's status text. */
#include "base/error.h"
#include "plan/names.h"
#include "server-mount.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

typedef struct Verb {
        const char *name;
        bool (*run)(const char *instance, GError **error);
} Verb;

static const Verb verbs[] = {
        {"mount", server_mount},
        {"unmount", server_unmount},
};

/* From 10 on, where systemd has no names of its own for them. */
enum {
        EXIT_USAGE = 2,
        EXIT_PLAN = 10,
        EXIT_MOUNT = 11,
        EXIT_TREE_IN_USE = 12,
        EXIT_TOO_MANY = 13,
};

/* What is not listed came from the manager. */
static const struct {
        L4Error code;
        int status;
} statuses[] = {
        {L4_ERROR_INVALID_NAME, EXIT_USAGE},
        {L4_ERROR_MOUNT_FAILED, EXIT_MOUNT},
        {L4_ERROR_IN_USE, EXIT_TREE_IN_USE},
        {L4_ERROR_LIMIT_REACHED, EXIT_TOO_MANY},
};

static int report(GError *error)
{
        int status = EXIT_PLAN;

        g_strdelimit(error->message, "\n\r", ' ');
        (void)fprintf(stderr, "%s\n", error->message);
        (void)sd_notifyf(0, "STATUS=%s", error->message);
        for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
                if (g_error_matches(error, L4_ERROR, (gint)statuses[i].code))
                        status = statuses[i].status;
        return status;
}

int main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        (void)umask(0);
        for (size_t i = 0; argc == 3 && i < G_N_ELEMENTS(verbs); i++) {
                if (strcmp(argv[1], verbs[i].name) != 0)
                        continue;
                if (name_check(argv[2], "server", &error) && verbs[i].run(argv[2], &error))
                        return EXIT_SUCCESS;
                return report(error);
        }
        (void)fprintf(stderr, "Usage: left4me-mount mount|unmount NAME\n");
        return EXIT_USAGE;
}
