/* The files of an overlay, on org.left4me.Overlay. Reading looks into the current generation's checkout;
 * writing is a store run, and the call is answered when the new generation is current. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "bus/handlers.h"
#include "bus/options.h"
#include "bus/overlay-authorize.h"
#include "core/job-kinds.h"
#include "core/overlay.h"
#include "host/checkout.h"
#include "plan/names.h"

static const char *current_commit(const Overlay *o, GError **error)
{
        const Generation *g = content_current(&o->content);

        if (!g)
                g_set_error(error, L4_ERROR, L4_ERROR_FILE_NOT_FOUND, "overlay '%s' has no content yet",
                            o->name);
        return g ? g->commit : NULL;
}

static int append_entries(sd_bus_message *reply, const GPtrArray *entries, const char *cursor)
{
        const char *next = "";
        unsigned n = 0;
        int r = sd_bus_message_open_container(reply, 'a', "(sstu)");

        for (guint i = 0; r >= 0 && i < entries->len; i++) {
                const CheckoutEntry *e = g_ptr_array_index(entries, i);

                /* The cursor is the last name that was given: it stays right when the generation changes. */
                if (cursor[0] && strcmp(e->name, cursor) <= 0)
                        continue;
                if (n == ARRAY_ITEMS_MAX) {
                        next = ((const CheckoutEntry *)g_ptr_array_index(entries, i - 1))->name;
                        break;
                }
                n++;
                r = sd_bus_message_append(reply, "(sstu)", e->name, e->type, e->size, e->mode);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_append(reply, "s", next);
}

int overlay_bus_list_files(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        g_autoptr(GPtrArray) entries = NULL;
        const char *path, *cursor, *commit;
        const Overlay *o = object;
        Options options;
        int r;

        if (!call_read(call, error, "ss", &path, &cursor) || !options_read(call, 0, &options, error) ||
            (path[0] && !file_path_check(path, error)))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        commit = current_commit(o, error);
        entries = commit ? checkout_list(commit, path, error) : NULL;
        if (!entries || call_new_reply(call, &reply, error) < 0)
                return -1;
        r = append_entries(reply, entries, cursor);
        return r < 0 ? (call_malformed(error, r), -1) : call_reply_message(call, reply, error);
}

static int open_current(const Overlay *o, const char *path, GError **error)
{
        const char *commit = current_commit(o, error);

        return commit ? checkout_open_file(commit, path, error) : -1;
}

int overlay_bus_read_file(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
        g_autofree char *data = NULL;
        cleanup_close int fd = -EBADF;
        const Overlay *o = object;
        const char *path;
        Options options;
        uint64_t offset;
        uint32_t size;
        ssize_t n;
        int r;

        if (!call_read(call, error, "stu", &path, &offset, &size) ||
            !options_read(call, 0, &options, error) || !file_path_check(path, error))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        fd = open_current(o, path, error);
        if (fd < 0)
                return -1;
        size = MIN(size, BYTES_SIZE_MAX);
        data = g_malloc(size ? size : 1);
        n = offset > INT64_MAX ? 0 : pread(fd, data, size, (off_t)offset);
        if (n < 0)
                return l4_error_set_errno(error, L4_ERROR_FAILED, -errno, "'%s'", path), -1;
        if (call_new_reply(call, &reply, error) < 0)
                return -1;
        r = sd_bus_message_append_array(reply, 'y', data, (size_t)n);
        return r < 0 ? (call_malformed(error, r), -1) : call_reply_message(call, reply, error);
}

int overlay_bus_open_file(Call *call, void *object, GError **error)
{
        cleanup_close int fd = -EBADF;
        const Overlay *o = object;
        const char *path;
        Options options;
        int r;

        if (!call_read(call, error, "s", &path) || !options_read(call, 0, &options, error) ||
            !file_path_check(path, error))
                return -1;
        r = overlay_authorize(call, o, error);
        if (r <= 0)
                return r;
        fd = open_current(o, path, error);
        return fd < 0 ? -1 : call_reply(call, error, "h", fd);
}

/* What an edit does, and the bytes that its writes bring, one after the other. */
typedef struct Edit {
        json_t *changes;
        GByteArray *data;
} Edit;

static void edit_clear(Edit *e)
{
        json_decref(e->changes);
        g_byte_array_unref(e->data);
}

static void edit_init(Edit *e)
{
        e->changes = json_array();
        e->data = g_byte_array_new();
}

static bool edit_add(Edit *e, const char *verb, const char *path, const void *data, size_t size,
                     GError **error)
{
        if (!file_path_check(path, error))
                return false;
        if (json_array_size(e->changes) == ARRAY_ITEMS_MAX || e->data->len + size > BYTES_SIZE_MAX) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS,
                            "more than %u changes, or %u bytes of data in all", ARRAY_ITEMS_MAX,
                            BYTES_SIZE_MAX);
                return false;
        }
        if (size > 0)
                g_byte_array_append(e->data, data, (guint)size);
        return json_array_append_new(e->changes, json_pack("{s:s, s:s, s:I}", "verb", verb, "path", path,
                                                           "size", (json_int_t)size)) == 0;
}

static int data_fd(const GByteArray *data, GError **error)
{
        cleanup_close int fd = memfd_create("left4me-edit", MFD_CLOEXEC);
        size_t used = 0;

        while (fd >= 0 && used < data->len) {
                ssize_t n = write(fd, data->data + used, data->len - used);

                if (n < 0 && errno != EINTR)
                        break;
                if (n > 0)
                        used += (size_t)n;
        }
        if (fd >= 0 && used == data->len && lseek(fd, 0, SEEK_SET) == 0)
                return fd_steal(&fd);
        l4_error_set_errno(error, L4_ERROR_FAILED, -errno, "cannot pass the data on");
        return -1;
}

static int submit_edit(Call *call, const Overlay *o, const Options *options, const Edit *e, GError **error)
{
        JobRequest request = {&job_edit, o->content.subject, NULL, call->principal, NULL, -EBADF};
        Job *job;

        if (!options_check_revision(options, o->content.current, error))
                return -1;
        request.input_fd = data_fd(e->data, error);
        if (request.input_fd < 0)
                return -1;
        request.parameters = json_pack("{s:O}", "changes", e->changes);
        options_to_job(options, request.parameters);
        job = job_submit(call->manager, &request, error);
        return job ? call_reply_after_job(call, job, error) : -1;
}

static int authorize_and_edit(Call *call, const Overlay *o, const Options *options, const Edit *e,
                              GError **error)
{
        int r = overlay_authorize(call, o, error);

        return r <= 0 ? r : submit_edit(call, o, options, e, error);
}

int overlay_bus_write_file(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(edit_clear))) Edit edit;
        const void *data;
        const char *path;
        Options options;
        size_t size;

        edit_init(&edit);
        if (!call_read(call, error, "s", &path) || !call_read_bytes(call, &data, &size, error) ||
            !options_read(call, OPTION_IF_REVISION, &options, error) ||
            !edit_add(&edit, "write", path, data, size, error))
                return -1;
        return authorize_and_edit(call, object, &options, &edit, error);
}

int overlay_bus_remove_file(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(edit_clear))) Edit edit;
        const char *path;
        Options options;

        edit_init(&edit);
        if (!call_read(call, error, "s", &path) || !options_read(call, OPTION_IF_REVISION, &options, error) ||
            !edit_add(&edit, "remove", path, NULL, 0, error))
                return -1;
        return authorize_and_edit(call, object, &options, &edit, error);
}

static bool read_change(Call *call, Edit *edit, GError **error)
{
        const char *verb, *path;
        const void *data;
        size_t size;

        if (!call_read(call, error, "ss", &verb, &path) || !call_read_bytes(call, &data, &size, error))
                return false;
        if (strcmp(verb, "write") != 0 && strcmp(verb, "remove") != 0) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "unknown verb (known: write, remove)");
                return false;
        }
        if (strcmp(verb, "remove") == 0 && size > 0) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "a removal has no data");
                return false;
        }
        return edit_add(edit, verb, path, data, size, error);
}

static bool read_changes(Call *call, Edit *edit, GError **error)
{
        int r = sd_bus_message_enter_container(call->message, 'a', "(ssay)");

        while (r >= 0 && (r = sd_bus_message_enter_container(call->message, 'r', "ssay")) > 0) {
                if (!read_change(call, edit, error))
                        return false;
                r = sd_bus_message_exit_container(call->message);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(call->message);
        if (r < 0)
                return call_malformed(error, r);
        if (json_array_size(edit->changes) > 0)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "no changes");
        return false;
}

int overlay_bus_edit_files(Call *call, void *object, GError **error)
{
        __attribute__((cleanup(edit_clear))) Edit edit;
        Options options;

        edit_init(&edit);
        if (!read_changes(call, &edit, error) || !options_read(call, OPTION_IF_REVISION, &options, error))
                return -1;
        return authorize_and_edit(call, object, &options, &edit, error);
}
