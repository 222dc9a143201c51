#include "options.h"

#include <string.h>

#include "base/error.h"

#define REQUEST_ID_MAX 64U

static const struct {
        const char *key;
        const char *type;
        OptionFlags flag;
        size_t offset;
} table[] = {
        {"request-id", "s", OPTION_REQUEST_ID, offsetof(Options, request_id)},
        {"if-revision", "t", OPTION_IF_REVISION, offsetof(Options, if_revision)},
        {"only-now", "b", OPTION_ONLY_NOW, offsetof(Options, only_now)},
        {"autostart", "b", OPTION_AUTOSTART, offsetof(Options, autostart)},
        {"port", "q", OPTION_PORT, offsetof(Options, port)},
        {"global", "b", OPTION_GLOBAL, offsetof(Options, global)},
        {"merge", "b", OPTION_MERGE, offsetof(Options, merge)},
};

static bool unknown_key(const char *key, unsigned taken, GError **error)
{
        g_autoptr(GString) known = g_string_new(NULL);
        g_autofree char *shown = g_strescape(key, NULL);

        for (unsigned i = 0; i < G_N_ELEMENTS(table); i++)
                if (taken & table[i].flag)
                        g_string_append_printf(known, "%s%s", known->len ? ", " : "", table[i].key);
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "unknown option '%.64s' (known here: %s)", shown,
                    known->len ? known->str : "none");
        return false;
}

/* The properties that are compared are of type u: callers may hand them back as they are. */
static bool read_short_revision(Call *call, Options *o, GError **error)
{
        uint32_t revision;
        int r = sd_bus_message_read(call->message, "v", "u", &revision);

        if (r < 0)
                return call_malformed(error, r);
        o->given |= OPTION_IF_REVISION;
        o->if_revision = revision;
        return true;
}

static bool read_one(Call *call, unsigned taken, Options *o, GError **error)
{
        const char *key, *contents;
        int r = sd_bus_message_read(call->message, "s", &key);

        if (r < 0)
                return call_malformed(error, r);
        for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
                if (strcmp(table[i].key, key) != 0 || !(taken & table[i].flag))
                        continue;
                if (o->given & table[i].flag) {
                        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "option '%s' is given twice",
                                    key);
                        return false;
                }
                r = sd_bus_message_peek_type(call->message, NULL, &contents);
                if (r < 0)
                        return call_malformed(error, r);
                if (table[i].flag == OPTION_IF_REVISION && strcmp(contents, "u") == 0)
                        return read_short_revision(call, o, error);
                if (strcmp(contents, table[i].type) != 0) {
                        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS,
                                    "option '%s' is of type %s, not %s", key, table[i].type, contents);
                        return false;
                }
                o->given |= table[i].flag;
                r = sd_bus_message_read(call->message, "v", table[i].type, (char *)o + table[i].offset);
                return r < 0 ? call_malformed(error, r) : true;
        }
        return unknown_key(key, taken, error);
}

static bool check_request_id(const Options *o, GError **error)
{
        size_t n = o->request_id ? strlen(o->request_id) : 0;

        if (!o->request_id)
                return true;
        for (size_t i = 0; i < n; i++)
                if (!g_ascii_isgraph(o->request_id[i]) && o->request_id[i] != ' ')
                        n = 0;
        if (n > 0 && n <= REQUEST_ID_MAX)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS,
                    "request-id is not 1 to %u printable ASCII characters", REQUEST_ID_MAX);
        return false;
}

bool options_read(Call *call, unsigned taken, Options *ret, GError **error)
{
        Options o = {0};
        int r = sd_bus_message_enter_container(call->message, 'a', "{sv}");

        if (r < 0)
                return call_malformed(error, r);
        while ((r = sd_bus_message_enter_container(call->message, 'e', "sv")) > 0) {
                if (!read_one(call, taken, &o, error))
                        return false;
                r = sd_bus_message_exit_container(call->message);
                if (r < 0)
                        break;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(call->message);
        if (r < 0)
                return call_malformed(error, r);
        if (!check_request_id(&o, error))
                return false;
        *ret = o;
        return true;
}

bool options_check_revision(const Options *o, uint32_t revision, GError **error)
{
        if (!(o->given & OPTION_IF_REVISION) || o->if_revision == revision)
                return true;
        g_set_error(error, L4_ERROR, L4_ERROR_REVISION_CONFLICT,
                    "the revision is %u, not %" G_GUINT64_FORMAT ": look again", revision, o->if_revision);
        return false;
}

void options_to_job(const Options *o, json_t *parameters)
{
        if (o->given & OPTION_IF_REVISION)
                json_object_set_new(parameters, "if-revision", json_integer((json_int_t)o->if_revision));
}
