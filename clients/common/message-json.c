/* See message-json.h. */
#include "common/message-json.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>

static int read_basic(sd_bus_message *m, char type, json_t **ret)
{
        union {
                uint8_t y;
                int b;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } v;
        int r;

        r = sd_bus_message_read_basic(m, type, &v);
        if (r < 0)
                return r;

        switch (type) {
        case SD_BUS_TYPE_BYTE:
                *ret = json_integer(v.y);
                break;
        case SD_BUS_TYPE_BOOLEAN:
                *ret = json_boolean(v.b);
                break;
        case SD_BUS_TYPE_INT16:
                *ret = json_integer(v.n);
                break;
        case SD_BUS_TYPE_UINT16:
                *ret = json_integer(v.q);
                break;
        case SD_BUS_TYPE_INT32:
                *ret = json_integer(v.i);
                break;
        case SD_BUS_TYPE_UINT32:
                *ret = json_integer(v.u);
                break;
        case SD_BUS_TYPE_INT64:
                *ret = json_integer(v.x);
                break;
        case SD_BUS_TYPE_UINT64:
                *ret = json_integer((json_int_t)MIN(v.t, (uint64_t)INT64_MAX));
                break;
        case SD_BUS_TYPE_DOUBLE:
                *ret = json_real(v.d);
                if (!*ret) /* not a number, infinite: JSON has no word for it */
                        *ret = json_null();
                break;
        case SD_BUS_TYPE_STRING:
        case SD_BUS_TYPE_OBJECT_PATH:
        case SD_BUS_TYPE_SIGNATURE:
                *ret = json_string(v.s);
                break;
        default:
                return -EOPNOTSUPP;
        }

        return *ret ? 0 : -ENOMEM;
}

/* "mount-point" and "MountPoint" become "mount_point"; what has dots or slashes is a name of its own. */
static char *key_to_snake_case(const char *key)
{
        GString *name = g_string_new(NULL);

        if (strpbrk(key, "./"))
                return g_string_free(g_string_assign(name, key), FALSE);

        for (const char *p = key; *p; p++) {
                if (g_ascii_isupper(*p) && p > key)
                        g_string_append_c(name, '_');
                g_string_append_c(name, *p == '-' ? '_' : g_ascii_tolower(*p));
        }
        return g_string_free(name, FALSE);
}

static int read_entry(sd_bus_message *m, const char *contents, json_t *object)
{
        g_autofree char *name = NULL;
        json_t *value = NULL;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, contents);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(m, contents[0], &key);
        if (r < 0)
                return r;
        name = key_to_snake_case(key);

        r = message_read_json(m, &value);
        if (r < 0)
                return r;
        if (json_object_set_new(object, name, value) < 0)
                return -ENOMEM;
        return sd_bus_message_exit_container(m);
}

static int read_dictionary(sd_bus_message *m, const char *contents, json_t *object)
{
        g_autofree char *entry = g_strndup(contents + 1, strlen(contents) - 2);
        int r;

        if (entry[0] != SD_BUS_TYPE_STRING && entry[0] != SD_BUS_TYPE_OBJECT_PATH)
                return -EOPNOTSUPP;

        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                r = read_entry(m, entry, object);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : 0;
}

static int read_items(sd_bus_message *m, json_t *array)
{
        int r;

        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                json_t *item = NULL;

                r = message_read_json(m, &item);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, item) < 0)
                        return -ENOMEM;
        }
        return r < 0 ? r : 0;
}

static int read_container(sd_bus_message *m, char type, const char *contents, json_t **ret)
{
        bool dictionary = type == SD_BUS_TYPE_ARRAY && contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN;
        json_t *value = NULL;
        int r;

        r = sd_bus_message_enter_container(m, type, contents);
        if (r < 0)
                return r;

        if (type == SD_BUS_TYPE_VARIANT)
                r = message_read_json(m, &value);
        else {
                value = dictionary ? json_object() : json_array();
                r = dictionary ? read_dictionary(m, contents, value) : read_items(m, value);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                json_decref(value);
                return r;
        }

        *ret = value;
        return 0;
}

int message_read_json(sd_bus_message *m, json_t **ret)
{
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0)
                return -ENXIO;

        return contents ? read_container(m, type, contents, ret) : read_basic(m, type, ret);
}
