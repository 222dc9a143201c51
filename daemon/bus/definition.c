#include "definition.h"

#include <string.h>

#include "base/error.h"

static const struct {
        const char *key;
        size_t offset;
        unsigned max;
} lists[] = {
        {"overlays", offsetof(Definition, overlays), DEFINITION_OVERLAYS_MAX},
        {"arguments", offsetof(Definition, arguments), DEFINITION_ITEMS_MAX},
        {"config", offsetof(Definition, config), DEFINITION_ITEMS_MAX},
};

static bool read_list(Call *call, char ***list, const char *key, unsigned max, GError **error)
{
        const char *contents;
        char **items;
        int r = sd_bus_message_peek_type(call->message, NULL, &contents);

        if (r >= 0 && strcmp(contents, "as") != 0) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "'%s' is of type as, not %s", key,
                            contents);
                return false;
        }
        if (r >= 0)
                r = sd_bus_message_enter_container(call->message, 'v', "as");
        if (r < 0)
                return call_malformed(error, r);
        if (!call_read_strv(call, max, &items, error))
                return false;
        g_strfreev(*list);
        *list = items;
        r = sd_bus_message_exit_container(call->message);
        return r < 0 ? call_malformed(error, r) : true;
}

static bool read_entry(Call *call, Definition *d, unsigned *seen, GError **error)
{
        g_autofree char *shown = NULL;
        const char *key;
        int r = sd_bus_message_read(call->message, "s", &key);

        if (r < 0)
                return call_malformed(error, r);
        for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
                if (strcmp(key, lists[i].key) != 0)
                        continue;
                if (*seen & (1U << i)) {
                        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "'%s' is given twice", key);
                        return false;
                }
                *seen |= 1U << i;
                return read_list(call, (char ***)(void *)((char *)d + lists[i].offset), key, lists[i].max,
                                 error);
        }
        shown = g_strescape(key, NULL);
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS,
                    "unknown key '%.64s' in a definition (known: overlays, arguments, config)", shown);
        return false;
}

bool definition_read(Call *call, Definition *d, GError **error)
{
        unsigned seen = 0;
        int r = sd_bus_message_enter_container(call->message, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(call->message, 'e', "sv")) > 0) {
                if (!read_entry(call, d, &seen, error))
                        return false;
                r = sd_bus_message_exit_container(call->message);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(call->message);
        return r < 0 ? call_malformed(error, r) : true;
}
