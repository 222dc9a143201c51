/* spec.yaml: the table of its keys. Touches nothing; promises that a Spec that comes out has passed
 * definition_check(), and that every refusal says where in the text. */
#include "spec.h"

#include "document.h"

#include <string.h>

typedef struct SpecReader {
        uint64_t port;
        const DocumentNode *lists[_DEFINITION_LIST_MAX]; /* NULL: the key is absent */
} SpecReader;

static bool take_port(const DocumentKey *key, const DocumentNode *value, void *target, GError **error)
{
        return document_number(key, value, &((SpecReader *)target)->port, error);
}

static bool take_list(const DocumentKey *key, const DocumentNode *value, void *target, GError **error)
{
        const DocumentNode **slot = (const DocumentNode **)(void *)((char *)target + key->offset);
        const char *text;

        if (value->kind != DOCUMENT_LIST)
                return document_fail(value, error, "'%s' takes a list (write [] for an empty one)",
                                     key->name);
        for (unsigned i = 0; i < value->children->len; i++)
                if (!document_text(key, g_ptr_array_index(value->children, i), &text, error))
                        return false;
        *slot = value;
        return true;
}

#define LIST(which) (offsetof(SpecReader, lists) + (which) * sizeof(DocumentNode *))

static const DocumentKey keys[] = {
        {.name = "port", .take = take_port, .minimum = 1, .maximum = UINT16_MAX, .required = true},
        {.name = "overlays", .take = take_list, .offset = LIST(DEFINITION_OVERLAYS)},
        {.name = "arguments", .take = take_list, .offset = LIST(DEFINITION_ARGUMENTS)},
        {.name = "config", .take = take_list, .offset = LIST(DEFINITION_CONFIG)},
};

Spec *spec_free(Spec *s)
{
        if (!s)
                return NULL;
        definition_free(s->definition);
        g_free(s);
        return NULL;
}

static char **list_texts(const DocumentNode *list)
{
        GStrvBuilder *texts = g_strv_builder_new();
        char **taken;

        for (unsigned i = 0; list && i < list->children->len; i++)
                g_strv_builder_add(texts, ((const DocumentNode *)g_ptr_array_index(list->children, i))->text);
        taken = g_strv_builder_end(texts);
        g_strv_builder_unref(texts);
        return taken;
}

/* definition_check() with the position of the item that it refuses. */
static bool check_located(const Definition *d, const SpecReader *r, GError **error)
{
        g_autoptr(GError) fault = NULL;
        DefinitionPlace place;

        if (definition_check_at(d, &place, &fault))
                return true;
        return document_fail(g_ptr_array_index(r->lists[place.list]->children, place.index), error, "%s",
                             fault->message);
}

bool spec_parse(const char *text, size_t size, Spec **ret, GError **error)
{
        static const DocumentLimits limits = {SPEC_SIZE_MAX, SPEC_DEPTH_MAX, SPEC_NODES_MAX};
        static const DocumentNode nowhere = {.line = 1, .column = 1};
        g_autoptr(DocumentNode) root = NULL;
        g_autoptr(Definition) d = NULL;
        SpecReader r = {};

        if (!document_parse(text, size, &limits, &root, error))
                return false;
        if (!root)
                return document_fail(&nowhere, error, "the document is empty");
        if (!document_take(root, keys, G_N_ELEMENTS(keys), &r, error))
                return false;
        d = g_new0(Definition, 1);
        d->overlays = list_texts(r.lists[DEFINITION_OVERLAYS]);
        d->arguments = list_texts(r.lists[DEFINITION_ARGUMENTS]);
        d->config = list_texts(r.lists[DEFINITION_CONFIG]);
        if (!check_located(d, &r, error))
                return false;
        *ret = g_new0(Spec, 1);
        (*ret)->port = (uint16_t)r.port;
        (*ret)->definition = g_steal_pointer(&d);
        return true;
}
