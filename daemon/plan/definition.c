/* A blueprint's three lists and what each may hold. Touches nothing. */
#include "definition.h"

#include "argv.h"
#include "base/error.h"
#include "cfg.h"
#include "names.h"

#include <string.h>

Definition *definition_new(void)
{
        Definition *d = g_new(Definition, 1);

        *d = (Definition){g_new0(char *, 1), g_new0(char *, 1), g_new0(char *, 1)};
        return d;
}

Definition *definition_free(Definition *d)
{
        if (!d)
                return NULL;
        g_strfreev(d->overlays);
        g_strfreev(d->arguments);
        g_strfreev(d->config);
        g_free(d);
        return NULL;
}

Definition *definition_copy(const Definition *d)
{
        Definition *copy = g_new(Definition, 1);

        *copy = (Definition){g_strdupv(d->overlays), g_strdupv(d->arguments), g_strdupv(d->config)};
        return copy;
}

static bool check_overlays(const char *const *overlays, size_t *ret_index, GError **error)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        for (size_t i = 0; overlays[i]; i++) {
                g_autoptr(GError) fault = NULL;

                *ret_index = i;
                if (!name_check(overlays[i], "overlay", &fault)) {
                        g_set_error_literal(error, L4_ERROR, L4_ERROR_INVALID_SPEC, fault->message);
                        return false;
                }
                if (!g_hash_table_add(seen, (gpointer)overlays[i])) {
                        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_SPEC, "overlay '%s' is listed twice",
                                    overlays[i]);
                        return false;
                }
        }
        return true;
}

static bool check_config(const char *const *config, size_t *ret_index, GError **error)
{
        for (size_t i = 0; config[i]; i++) {
                *ret_index = i;
                if (!config_line_check(config[i], error))
                        return false;
        }
        return true;
}

/* What holds for an item of any list. Values may be secret: no message repeats one. */
static bool check_items(const char *const *items, size_t max, size_t *ret_index, GError **error)
{
        for (size_t i = 0; items[i]; i++) {
                const char *fault = NULL;

                *ret_index = i;
                if (i >= max) {
                        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_SPEC, "more than %zu items", max);
                        return false;
                }
                if (strnlen(items[i], DEFINITION_STRING_MAX + 1) > DEFINITION_STRING_MAX)
                        fault = "longer than 4096 bytes";
                else if (!text_is_clean(items[i]))
                        fault = "not UTF-8, or with a newline or another control character";
                if (!fault)
                        continue;
                g_set_error_literal(error, L4_ERROR, L4_ERROR_INVALID_SPEC, fault);
                return false;
        }
        return true;
}

static const struct {
        const char *name;
        size_t offset;
        size_t max;
        bool (*check)(const char *const *items, size_t *ret_index, GError **error);
} lists[_DEFINITION_LIST_MAX] = {
        [DEFINITION_OVERLAYS] = {"overlays", offsetof(Definition, overlays), DEFINITION_OVERLAYS_MAX,
                                 check_overlays},
        [DEFINITION_ARGUMENTS] = {"arguments", offsetof(Definition, arguments), DEFINITION_ITEMS_MAX,
                                  arguments_check_at},
        [DEFINITION_CONFIG] = {"config", offsetof(Definition, config), DEFINITION_ITEMS_MAX, check_config},
};

bool definition_check_at(const Definition *d, DefinitionPlace *ret_place, GError **error)
{
        for (unsigned i = 0; i < _DEFINITION_LIST_MAX; i++) {
                const char *const *items =
                        *(const char *const *const *)(const void *)((const char *)d + lists[i].offset);
                size_t index = 0;

                if (check_items(items, lists[i].max, &index, error) && lists[i].check(items, &index, error))
                        continue;
                *ret_place = (DefinitionPlace){(DefinitionList)i, index};
                return false;
        }
        return true;
}

bool definition_check(const Definition *d, GError **error)
{
        DefinitionPlace place;

        if (definition_check_at(d, &place, error))
                return true;
        g_prefix_error(error, "%s, item %zu: ", lists[place.list].name, place.index + 1);
        return false;
}
