/* The rules for entries of a tree. Touches nothing. */
#include "tree-check.h"

#include "base/error.h"
#include "plan/names.h"

#include <string.h>
#include <sys/stat.h>

bool tree_refuse(GError **error, const char *path, const char *format, ...)
{
        g_autofree char *why = NULL;
        g_autofree char *shown = NULL;
        va_list ap;

        va_start(ap, format);
        why = g_strdup_vprintf(format, ap);
        va_end(ap);
        if (strnlen(path, PATH_LENGTH_MAX + 1) <= PATH_LENGTH_MAX && text_is_clean(path))
                shown = g_strdup(path);
        else
                shown = text_for_message(path, strlen(path));
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_CONTENT, "'%s': %s", shown, why);
        return false;
}

bool tree_check_path(const char *path, GError **error)
{
        g_autoptr(GError) fault = NULL;

        if (file_path_check(path, &fault))
                return true;
        g_set_error_literal(error, L4_ERROR, L4_ERROR_INVALID_CONTENT, fault->message);
        return false;
}

bool tree_check_mode(const char *path, mode_t mode, GError **error)
{
        static const struct {
                mode_t type;
                const char *name;
        } refused[] = {
                {S_IFBLK, "a block device"},
                {S_IFCHR, "a character device (or a whiteout)"},
                {S_IFIFO, "a FIFO"},
                {S_IFSOCK, "a socket"},
        };

        /* Below the spool every directory has S_ISGID, and on a directory it gives nobody any right. */
        if (S_ISDIR(mode) || S_ISLNK(mode))
                return true;
        if (S_ISREG(mode))
                return !(mode & (S_ISUID | S_ISGID)) || tree_refuse(error, path, "has a set-id bit");
        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
                if ((mode & S_IFMT) == refused[i].type)
                        return tree_refuse(error, path, "is %s", refused[i].name);
        return tree_refuse(error, path, "is neither a file, a directory nor a link");
}

static unsigned depth_of(const char *path)
{
        unsigned n = 0;

        for (const char *p = path; *p; p++)
                n += *p == '/';
        return n;
}

bool tree_check_link(const char *path, const char *target, GError **error)
{
        g_auto(GStrv) part = NULL;
        unsigned above = depth_of(path);
        bool climbing = true;

        if (target[0] == '\0' || strnlen(target, PATH_LENGTH_MAX + 1) > PATH_LENGTH_MAX ||
            !text_is_clean(target))
                return tree_refuse(error, path, "is a link with a malformed target");
        if (target[0] == '/')
                return tree_refuse(error, path, "is an absolute link");
        part = g_strsplit(target, "/", -1);
        for (char **p = part; *p; p++) {
                if ((*p)[0] == '\0' || strcmp(*p, ".") == 0)
                        continue;
                if (strcmp(*p, "..") != 0) {
                        climbing = false;
                        continue;
                }
                if (!climbing)
                        return tree_refuse(error, path, "is a link with '..' inside of its target");
                if (above-- == 0)
                        return tree_refuse(error, path, "is a link that leaves the tree");
        }
        return true;
}

bool tree_check_xattr(const char *path, const char *name, GError **error)
{
        static const char *const dropped[] = {
                "security.selinux", "security.ima",      "security.evm",
                "security.SMACK64", "system.posix_acl_", "com.apple.",
        };
        g_autofree char *shown = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(dropped); i++)
                if (g_str_has_prefix(name, dropped[i]))
                        return true;
        shown = text_for_message(name, strlen(name));
        return tree_refuse(error, path, "has the extended attribute %s", shown);
}
