/* Import and export of whole overlays. Descriptors cannot be passed to another host: there, PATH names
 * something in the spool folder of that host. */
#include "ctl/tree-tar.h"
#include "ctl/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool passes_descriptors(const Ctl *ctl)
{
        return sd_bus_can_send(ctl->client->bus, SD_BUS_TYPE_UNIX_FD) > 0;
}

static const char *format_by_name(const char *path)
{
        static const struct {
                const char *suffix, *format;
        } table[] = {
                {".zip", "zip"},    {".tar", "tar"},     {".tgz", "tar"},     {".tbz2", "tar"},
                {".txz", "tar"},    {".tzst", "tar"},    {".tar.gz", "tar"},  {".tar.bz2", "tar"},
                {".tar.xz", "tar"}, {".tar.zst", "tar"}, {".tar.lz4", "tar"}, {".tar.lzma", "tar"},
        };

        if (strcmp(path, "-") == 0)
                return "tar";
        for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
                if (g_str_has_suffix(path, table[i].suffix))
                        return table[i].format;
        return NULL;
}

/* What to tell the manager that PATH is; NULL with a complaint. */
static const char *import_format(const Ctl *ctl, const char *path)
{
        const char *format = ctl->format;

        if (!format && ctl->transport == TRANSPORT_LOCAL && g_file_test(path, G_FILE_TEST_IS_DIR))
                format = "directory";
        if (!format)
                format = format_by_name(path);
        if (!format)
                output_complain(path,
                                "Its name does not tell what it is; give --format=directory, tar or zip.");
        return format;
}

/* Takes the descriptor. */
static int import_descriptor(Ctl *ctl, const char *name, const char *path, int fd, const char *format,
                             unsigned flags)
{
        sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "Import", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "hs", fd, format);
        (void)close(fd);
        return ctl_run_job(ctl, name, m, r, flags);
}

static int import_directory(Ctl *ctl, const char *name, const char *path, const char *directory)
{
        pid_t pid;
        int r, fd, code;

        if (ctl->no_block) {
                output_complain("overlay import",
                                "A directory is sent by this command, which has to stay: no --no-block.");
                return EXIT_USAGE;
        }
        r = tree_tar_start(directory, &pid, &fd);
        if (r < 0) {
                output_complain(directory, g_strerror(-r));
                return EXIT_FAILED;
        }

        code = import_descriptor(ctl, name, path, fd, "tar", FOLLOW_BOUND);
        if (!tree_tar_wait(pid, code == EXIT_OK) && code == EXIT_OK)
                code = EXIT_FAILED;
        return code;
}

static int import_file(Ctl *ctl, const char *name, const char *path, const char *file, const char *format)
{
        int fd = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                        : open(file, O_RDONLY | O_CLOEXEC);

        if (fd < 0) {
                output_complain(file, g_strerror(errno));
                return EXIT_FAILED;
        }
        return import_descriptor(ctl, name, path, fd, format, 0);
}

static int import_from_spool(Ctl *ctl, const char *name, const char *path, const char *file,
                             const char *format)
{
        sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "ImportPath", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", file, format);
        return ctl_run_job(ctl, name, m, r, 0);
}

int verb_overlay_import(Ctl *ctl, char **args)
{
        const char *format = import_format(ctl, args[1]);
        g_autofree char *path = NULL;
        int code;

        if (!format)
                return EXIT_USAGE;
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_resolve(ctl, "GetOverlay", args[0], &path);
        if (code != EXIT_OK)
                return code;

        if (!passes_descriptors(ctl))
                return import_from_spool(ctl, args[0], path, args[1], format);
        if (strcmp(format, "directory") == 0)
                return import_directory(ctl, args[0], path, args[1]);
        return import_file(ctl, args[0], path, args[1], format);
}

static int export_to(Ctl *ctl, const char *name, const char *path, int fd)
{
        sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "Export", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "h", fd);
        return ctl_run_job(ctl, name, m, r, FOLLOW_BOUND);
}

/* A new file beside the target, with the permissions that the target would get: its name, or NULL with errno
 * set. */
static char *open_beside(const char *file, int *ret_fd)
{
        g_autofree char *directory = g_path_get_dirname(file), *base = g_path_get_basename(file);
        g_autofree char *temporary = g_strdup_printf("%s/.%s.XXXXXX", directory, base);
        mode_t mask = umask(0);
        int fd;

        (void)umask(mask);
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return NULL;
        (void)fchmod(fd, 0666 & ~mask);
        *ret_fd = fd;
        return g_steal_pointer(&temporary);
}

/* The file is whole or as it was. */
static int export_file(Ctl *ctl, const char *name, const char *path, const char *file)
{
        int code, fd = -EBADF;
        g_autofree char *temporary = open_beside(file, &fd);

        if (!temporary) {
                output_complain(file, g_strerror(errno));
                return EXIT_FAILED;
        }

        code = export_to(ctl, name, path, fd);
        if (code == EXIT_OK && (fsync(fd) < 0 || rename(temporary, file) < 0)) {
                output_complain(file, g_strerror(errno));
                code = EXIT_FAILED;
        }
        if (code != EXIT_OK)
                (void)unlink(temporary);
        (void)close(fd);
        return code;
}

static int export_to_spool(Ctl *ctl, const char *name, const char *path, const char *file)
{
        sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl->client, path, L4_IFACE_OVERLAY, "ExportPath", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", file);
        return ctl_run_job(ctl, name, m, r, 0);
}

int verb_overlay_export(Ctl *ctl, char **args)
{
        bool standard = strcmp(args[1], "-") == 0;
        g_autofree char *path = NULL;
        int code;

        if (standard && isatty(STDOUT_FILENO)) {
                output_complain("overlay export",
                                "An archive is nothing for a terminal; redirect the output.");
                return EXIT_USAGE;
        }
        code = ctl_connect(ctl);
        if (code == EXIT_OK)
                code = ctl_resolve(ctl, "GetOverlay", args[0], &path);
        if (code != EXIT_OK)
                return code;

        if (!passes_descriptors(ctl))
                return export_to_spool(ctl, args[0], path, args[1]);
        return standard ? export_to(ctl, args[0], path, STDOUT_FILENO)
                        : export_file(ctl, args[0], path, args[1]);
}
