/* Looking up composed trees in mountinfo: see mounts.h. */
#include "mounts.h"

#include "base/fd.h"
#include "plan/mount-plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VIEW_KEY_MAX 512U

static void fclosep(FILE **f)
{
        if (*f)
                (void)fclose(*f);
}
#define cleanup_fclose __attribute__((cleanup(fclosep)))

static void closedirp(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

static void table_unrefp(struct libmnt_table **table)
{
        mnt_unref_table(*table);
}

static int refuse_line(struct libmnt_table *table, const char *name, int line)
{
        (void)table;
        (void)name;
        (void)line;
        return -EBADMSG;
}

int mounts_count(FILE *mountinfo, const char *tag, const char *target)
{
        __attribute__((cleanup(table_unrefp))) struct libmnt_table *table = mnt_new_table();
        struct libmnt_iter *iter;
        struct libmnt_fs *fs;
        int n = 0, r;

        if (!table)
                return -ENOMEM;
        (void)mnt_table_set_parser_errcb(table, refuse_line);
        r = mnt_table_parse_stream(table, mountinfo, "mountinfo");
        if (r != 0)
                return r < 0 ? r : -EBADMSG;
        iter = mnt_new_iter(MNT_ITER_FORWARD);
        if (!iter)
                return -ENOMEM;
        while ((r = mnt_table_next_fs(table, iter, &fs)) == 0)
                if (g_strcmp0(mnt_fs_get_source(fs), tag) == 0 &&
                    (!target || g_strcmp0(mnt_fs_get_target(fs), target) == 0))
                        n++;
        mnt_free_iter(iter);
        return r < 0 ? r : n;
}

int mounts_count_own(const char *tag, const char *target)
{
        cleanup_fclose FILE *f = fopen("/proc/self/mountinfo", "re");

        return f ? mounts_count(f, tag, target) : -errno;
}

char *mounts_view_key(const char *text, size_t size)
{
        const char *end = memchr(text, '\n', size);

        return g_strndup(text, end ? (size_t)(end - text) : size);
}

/* The rest of a mountinfo is searched as text first: parsing it all would be most of the work, for a tag that
 * is nearly never there. The tag holds nothing that mountinfo escapes. */
static int holds_tag(int fd, const char *head, size_t head_size, const char *tag)
{
        g_autoptr(GByteArray) text = g_byte_array_new();
        cleanup_fclose FILE *f = NULL;
        char buffer[16384];
        ssize_t n;
        int r;

        g_byte_array_append(text, (const guint8 *)head, (guint)head_size);
        while ((n = read(fd, buffer, sizeof buffer)) > 0)
                g_byte_array_append(text, (const guint8 *)buffer, (guint)n);
        if (n < 0)
                return -errno;
        if (text->len == 0 || !memmem(text->data, text->len, tag, strlen(tag)))
                return 0;
        f = fmemopen(text->data, text->len, "r");
        if (!f)
                return -errno;
        r = mounts_count(f, tag, NULL);
        return r > 0 ? 1 : r;
}

static bool may_reach_trees(uid_t uid)
{
        return uid == 0 || (uid >= UID_RANGE_FIRST && uid <= UID_RANGE_LAST);
}

/* A process that ends meanwhile, a zombie (EINVAL: it has no namespace any more). */
static bool is_gone(int r)
{
        return r == -ENOENT || r == -ESRCH || r == -EINVAL;
}

static int process_holds_tag(int proc_fd, const char *pid, const char *tag, GHashTable *seen)
{
        g_autofree char *path = g_strdup_printf("%s/mountinfo", pid);
        cleanup_close int fd = -EBADF;
        g_autofree char *key = NULL;
        char head[VIEW_KEY_MAX];
        struct stat st;
        ssize_t n;

        /* The owner of the directory is the effective uid even of a process that is not dumpable
         * (task_dump_owner() of the kernel). */
        if (fstatat(proc_fd, pid, &st, 0) < 0)
                return -errno;
        if (!may_reach_trees(st.st_uid))
                return 0;
        fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, head, sizeof head);
        if (n < 0)
                return -errno;
        key = mounts_view_key(head, (size_t)n);
        if (!g_hash_table_add(seen, g_steal_pointer(&key)))
                return 0;
        return holds_tag(fd, head, (size_t)n, tag);
}

int mounts_find_holder(const char *tag, pid_t *ret_pid)
{
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        __attribute__((cleanup(closedirp))) DIR *proc = opendir("/proc");
        const struct dirent *entry;

        if (!proc)
                return -errno;
        /* With hidepid= other processes would be missing without a word. */
        if (faccessat(dirfd(proc), "1/mountinfo", R_OK, 0) < 0)
                return -errno;
        for (errno = 0; (entry = readdir(proc)); errno = 0) {
                int r;

                if (!g_ascii_isdigit(entry->d_name[0]))
                        continue;
                r = process_holds_tag(dirfd(proc), entry->d_name, tag, seen);
                if (r > 0)
                        *ret_pid = (pid_t)strtol(entry->d_name, NULL, 10);
                if (r > 0 || (r < 0 && !is_gone(r)))
                        return r;
        }
        return -errno;
}
