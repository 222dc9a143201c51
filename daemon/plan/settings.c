/* manager.yaml: the table of its keys. Touches nothing; promises that every value is within the table's
 * limits. */
#include "settings.h"

#include "base/error.h"
#include "document.h"
#include "names.h"

#include <string.h>

#define SETTINGS_DEPTH_MAX 8U
#define SETTINGS_NODES_MAX 2000U

static void *member(void *target, const DocumentKey *key)
{
        return (char *)target + key->offset;
}

static bool take_count(const DocumentKey *key, const DocumentNode *value, void *target, GError **error)
{
        uint64_t n;

        if (!document_number(key, value, &n, error))
                return false;
        *(unsigned *)member(target, key) = (unsigned)n;
        return true;
}

/* A number of bytes, or of KiB, MiB, GiB or TiB with the letter behind it. */
static bool size_parse(const char *text, uint64_t *ret)
{
        static const char units[] = "KMGT";
        size_t size = strlen(text);
        const char *unit = size > 0 ? strchr(units, text[size - 1]) : NULL;
        uint64_t n;

        if (!decimal_parse(text, unit ? size - 1 : size, &n))
                return false;
        return !__builtin_mul_overflow(n, unit ? UINT64_C(1) << (10 * (unit - units + 1)) : 1, ret);
}

static bool take_size(const DocumentKey *key, const DocumentNode *value, void *target, GError **error)
{
        g_autofree char *shown = NULL;
        const char *text;
        uint64_t n;

        if (!document_text(key, value, &text, error))
                return false;
        shown = text_for_message(text, strlen(text));
        if (!size_parse(text, &n))
                return document_fail(value, error,
                                     "'%s' takes a number of bytes, or of K, M, G or T, like 20G; not '%s'",
                                     key->name, shown);
        if (n < key->minimum || n > key->maximum)
                return document_fail(value, error,
                                     "'%s' takes a size from %" G_GUINT64_FORMAT "M to %" G_GUINT64_FORMAT
                                     "M, not %s",
                                     key->name, key->minimum >> 20, key->maximum >> 20, shown);
        *(uint64_t *)member(target, key) = n;
        return true;
}

static bool take_ports(const DocumentKey *key, const DocumentNode *value, void *target, GError **error)
{
        Settings *s = target;
        g_autofree char *shown = NULL;
        const char *text, *dash;
        uint64_t first, last;

        if (!document_text(key, value, &text, error))
                return false;
        shown = text_for_message(text, strlen(text));
        dash = strchr(text, '-');
        if (!dash || !decimal_parse(text, (size_t)(dash - text), &first) ||
            !decimal_parse(dash + 1, strlen(dash + 1), &last))
                return document_fail(value, error, "'%s' takes two ports, like 27015-27115; not '%s'",
                                     key->name, shown);
        if (first < key->minimum || last > key->maximum || first > last)
                return document_fail(value, error,
                                     "'%s' takes ports from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                                     ", the lower one first; not %s",
                                     key->name, key->minimum, key->maximum, shown);
        s->port_first = (uint16_t)first;
        s->port_last = (uint16_t)last;
        return true;
}

#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)

/* clang-format off */
#define KEY(n, how, where, low, high, standard) \
        {.name = (n), .take = (how), .offset = offsetof(Settings, where), .minimum = (low), .maximum = (high), \
         .fallback = (standard)}
static const DocumentKey keys[] = {
        KEY("port-range",             take_ports, port_first,             1024, UINT16_MAX, "27015-27115"),
        KEY("keep-generations",       take_count, keep_generations,       1,    100,        "3"),
        KEY("job-history",            take_count, job_history,            10,   100000,     "1000"),
        KEY("servers-max",            take_count, servers_max,            1,    5000,       "1000"),
        KEY("overlay-size-max",       take_size,  overlay_size_max,       MIB,  16 * TIB,   "20G"),
        KEY("overlay-files-max",      take_count, overlay_files_max,      1,    10000000,   "200000"),
        KEY("installation-size-max",  take_size,  installation_size_max,  MIB,  16 * TIB,   "100G"),
        KEY("installation-files-max", take_count, installation_files_max, 1,    10000000,   "1000000"),
};
/* clang-format on */

bool settings_key(size_t i, const char **ret_name, const char **ret_fallback)
{
        if (i >= G_N_ELEMENTS(keys))
                return false;
        *ret_name = keys[i].name;
        *ret_fallback = keys[i].fallback;
        return true;
}

void settings_defaults(Settings *s)
{
        *s = (Settings){};
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                const DocumentNode value = {
                        .kind = DOCUMENT_TEXT, .text = (char *)keys[i].fallback, .plain = true};
                bool taken = keys[i].take(&keys[i], &value, s, NULL);

                g_assert(taken);
        }
}

bool settings_parse(const char *text, size_t size, Settings *ret, GError **error)
{
        static const DocumentLimits limits = {SETTINGS_SIZE_MAX, SETTINGS_DEPTH_MAX, SETTINGS_NODES_MAX};
        g_autoptr(DocumentNode) root = NULL;
        Settings s;

        settings_defaults(&s);
        if (!document_parse(text, size, &limits, &root, error))
                return false;
        if (root && !document_take(root, keys, G_N_ELEMENTS(keys), &s, error))
                return false;
        *ret = s;
        return true;
}
