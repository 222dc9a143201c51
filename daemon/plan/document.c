/* Reads a YAML document through libyaml's events into a small tree. Touches nothing; promises bounded work
 * for any input and that nothing in the tree was expanded, merged or typed by a rule that its author did not
 * write. */
#include "document.h"

#include "base/error.h"
#include "names.h"

#include <string.h>
#include <yaml.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

#define cleanup_event __attribute__((cleanup(yaml_event_delete)))
#define cleanup_parser __attribute__((cleanup(yaml_parser_delete)))

typedef struct Reader {
        yaml_parser_t *parser;
        const DocumentLimits *limits;
        const char *text;
        size_t size;
        unsigned nodes;
} Reader;

typedef struct Position {
        size_t line, column;
} Position;

DocumentNode *document_free(DocumentNode *node)
{
        if (!node)
                return NULL;
        document_free(node->key);
        g_free(node->text);
        if (node->children)
                g_ptr_array_unref(node->children);
        g_free(node);
        return NULL;
}

static void node_destroy(gpointer node)
{
        document_free(node);
}

G_GNUC_PRINTF(3, 0)
static bool fail_at(Position where, GError **error, const char *format, va_list ap)
{
        g_autofree char *text = g_strdup_vprintf(format, ap);

        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_SPEC, "line %zu, column %zu: %s", where.line,
                    where.column, text);
        return false;
}

G_GNUC_PRINTF(3, 4)
static bool fail(Position where, GError **error, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)fail_at(where, error, format, ap);
        va_end(ap);
        return false;
}

bool document_fail(const DocumentNode *node, GError **error, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)fail_at((Position){node->line, node->column}, error, format, ap);
        va_end(ap);
        return false;
}

/* Where a byte is. The text before it is valid UTF-8. */
static Position position_of(const char *text, size_t offset)
{
        Position p = {1, 1};

        for (const char *c = text; c < text + offset; c = g_utf8_next_char(c)) {
                bool ends_line = *c == '\n' || (*c == '\r' && !(c + 1 < text + offset && c[1] == '\n'));

                p = ends_line ? (Position){p.line + 1, 1} : (Position){p.line, p.column + 1};
        }
        return p;
}

static Position position_of_mark(yaml_mark_t mark)
{
        return (Position){mark.line + 1, mark.column + 1};
}

/* Before libyaml sees it: libyaml would take UTF-16, and names no position for what it cannot decode. */
static bool check_bytes(const char *text, size_t size, GError **error)
{
        const char *bad;

        if (!g_utf8_validate_len(text, size, &bad)) {
                Position where = position_of(text, (size_t)(bad - text));

                return *bad == '\0' ? fail(where, error, "a NUL byte")
                                    : fail(where, error, "not valid UTF-8");
        }
        for (const char *c = text; c < text + size; c = g_utf8_next_char(c)) {
                size_t n = (size_t)(g_utf8_next_char(c) - c);

                if (*c != '\n' && *c != '\r' && *c != '\t' && !text_is_clean_n(c, n))
                        return fail(position_of(text, (size_t)(c - text)), error,
                                    "control character U+%04X is not allowed", g_utf8_get_char(c));
        }
        return true;
}

static bool next_event(Reader *r, yaml_event_t *ret, GError **error)
{
        const yaml_parser_t *p = r->parser;

        if (yaml_parser_parse(r->parser, ret))
                return true;
        if (p->error == YAML_MEMORY_ERROR)
                g_error("out of memory");
        if (p->error == YAML_READER_ERROR)
                return fail(position_of(r->text, MIN(p->problem_offset, r->size)), error, "%s", p->problem);
        return fail(position_of_mark(p->problem_mark), error, "%s%s%s", p->context ? p->context : "",
                    p->context ? ": " : "", p->problem ? p->problem : "not valid YAML");
}

/* Names the first thing about an event that a document may not have. */
static const char *event_fault(const yaml_event_t *e)
{
        switch (e->type) {
        case YAML_ALIAS_EVENT:
                return "aliases are not allowed";
        case YAML_SCALAR_EVENT:
                return e->data.scalar.anchor ? "anchors are not allowed"
                       : e->data.scalar.tag  ? "tags are not allowed"
                                             : NULL;
        case YAML_SEQUENCE_START_EVENT:
                return e->data.sequence_start.anchor ? "anchors are not allowed"
                       : e->data.sequence_start.tag  ? "tags are not allowed"
                                                     : NULL;
        case YAML_MAPPING_START_EVENT:
                return e->data.mapping_start.anchor ? "anchors are not allowed"
                       : e->data.mapping_start.tag  ? "tags are not allowed"
                                                    : NULL;
        default:
                return NULL;
        }
}

static DocumentNode *node_new(const yaml_event_t *e)
{
        DocumentNode *node = g_new0(DocumentNode, 1);

        node->line = e->start_mark.line + 1;
        node->column = e->start_mark.column + 1;
        if (e->type == YAML_SCALAR_EVENT) {
                node->kind = DOCUMENT_TEXT;
                node->text = g_strndup((const char *)e->data.scalar.value, e->data.scalar.length);
                node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
                return node;
        }
        node->kind = e->type == YAML_SEQUENCE_START_EVENT ? DOCUMENT_LIST : DOCUMENT_MAPPING;
        node->children = g_ptr_array_new_with_free_func(node_destroy);
        return node;
}

static bool check_event(Reader *r, const yaml_event_t *e, unsigned depth, GError **error)
{
        Position where = position_of_mark(e->start_mark);
        const char *fault = event_fault(e);

        if (fault)
                return fail(where, error, "%s", fault);
        if (++r->nodes > r->limits->nodes_max)
                return fail(where, error, "more than %u nodes", r->limits->nodes_max);
        if (depth > r->limits->depth_max)
                return fail(where, error, "nested deeper than %u levels", r->limits->depth_max);
        if (e->type == YAML_SCALAR_EVENT && memchr(e->data.scalar.value, '\0', e->data.scalar.length))
                return fail(where, error, "text with a NUL byte");
        return true;
}

static bool check_key(const DocumentNode *mapping, const DocumentNode *key, GError **error)
{
        g_autofree char *shown = NULL;

        if (key->kind != DOCUMENT_TEXT)
                return document_fail(key, error, "a key must be text");
        for (unsigned i = 0; i < mapping->children->len; i++) {
                const DocumentNode *other = g_ptr_array_index(mapping->children, i);

                if (!g_str_equal(other->key->text, key->text))
                        continue;
                shown = text_for_message(key->text, strlen(key->text));
                return document_fail(key, error, "duplicate key '%s' (first on line %zu)", shown,
                                     other->key->line);
        }
        return true;
}

static bool read_children(Reader *r, DocumentNode *parent, unsigned depth, GError **error);

static bool read_node(Reader *r, const yaml_event_t *e, unsigned depth, DocumentNode **ret, GError **error)
{
        g_autoptr(DocumentNode) node = NULL;

        if (!check_event(r, e, depth, error))
                return false;
        node = node_new(e);
        if (node->children && !read_children(r, node, depth, error))
                return false;
        *ret = g_steal_pointer(&node);
        return true;
}

/* Recursion is bounded by depth_max, which read_node() checks first. */
static bool read_children(Reader *r, DocumentNode *parent, unsigned depth, GError **error)
{
        g_autoptr(DocumentNode) key = NULL;

        for (;;) {
                cleanup_event yaml_event_t event = {};
                DocumentNode *child = NULL;

                if (!next_event(r, &event, error))
                        return false;
                if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
                        return true;
                if (!read_node(r, &event, depth + 1, &child, error))
                        return false;
                if (parent->kind == DOCUMENT_MAPPING && !key) {
                        key = child;
                        if (!check_key(parent, key, error))
                                return false;
                        continue;
                }
                child->key = g_steal_pointer(&key);
                g_ptr_array_add(parent->children, child);
        }
}

static bool read_stream(Reader *r, DocumentNode **ret, GError **error)
{
        g_autoptr(DocumentNode) root = NULL;
        cleanup_event yaml_event_t start = {}, document = {}, value = {}, stop = {}, end = {};

        if (!next_event(r, &start, error) || !next_event(r, &document, error))
                return false;
        if (document.type == YAML_STREAM_END_EVENT) {
                *ret = NULL;
                return true;
        }
        if (document.data.document_start.tag_directives.start !=
            document.data.document_start.tag_directives.end)
                return fail(position_of_mark(document.start_mark), error, "tags are not allowed");
        if (!next_event(r, &value, error) || !read_node(r, &value, 1, &root, error) ||
            !next_event(r, &stop, error) || !next_event(r, &end, error))
                return false;
        if (end.type != YAML_STREAM_END_EVENT)
                return fail(position_of_mark(end.start_mark), error, "a second document");
        *ret = g_steal_pointer(&root);
        return true;
}

bool document_parse(const char *text, size_t size, const DocumentLimits *limits, DocumentNode **ret,
                    GError **error)
{
        cleanup_parser yaml_parser_t parser = {};
        Reader r = {.parser = &parser, .limits = limits};

        if (size > limits->size_max)
                return fail((Position){1, 1}, error, "the text has %zu bytes; at most %zu are allowed", size,
                            limits->size_max);
        if (size >= strlen(BYTE_ORDER_MARK) && memcmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
                text += strlen(BYTE_ORDER_MARK);
                size -= strlen(BYTE_ORDER_MARK);
        }
        if (!check_bytes(text, size, error))
                return false;
        if (!yaml_parser_initialize(&parser))
                g_error("out of memory");
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
        r.text = text;
        r.size = size;
        return read_stream(&r, ret, error);
}

static const DocumentKey *find_key(const DocumentKey *keys, size_t n_keys, const char *name)
{
        for (size_t i = 0; i < n_keys; i++)
                if (g_str_equal(keys[i].name, name))
                        return &keys[i];
        return NULL;
}

static bool fail_unknown(const DocumentNode *key, const DocumentKey *keys, size_t n_keys, GError **error)
{
        g_autofree char *shown = text_for_message(key->text, strlen(key->text));
        g_autoptr(GString) known = g_string_new(NULL);

        for (size_t i = 0; i < n_keys; i++)
                g_string_append_printf(known, "%s%s", i > 0 ? ", " : "", keys[i].name);
        return document_fail(key, error, "unknown key '%s' (known keys: %s)", shown, known->str);
}

static bool has_member(const DocumentNode *root, const char *name)
{
        for (unsigned i = 0; i < root->children->len; i++) {
                const DocumentNode *child = g_ptr_array_index(root->children, i);

                if (g_str_equal(child->key->text, name))
                        return true;
        }
        return false;
}

bool document_take(const DocumentNode *root, const DocumentKey *keys, size_t n_keys, void *target,
                   GError **error)
{
        if (root->kind != DOCUMENT_MAPPING)
                return document_fail(root, error, "expected a mapping of keys and values");
        for (unsigned i = 0; i < root->children->len; i++) {
                const DocumentNode *child = g_ptr_array_index(root->children, i);
                const DocumentKey *key = find_key(keys, n_keys, child->key->text);

                if (!key)
                        return fail_unknown(child->key, keys, n_keys, error);
                if (!key->take(key, child, target, error))
                        return false;
        }
        for (size_t i = 0; i < n_keys; i++)
                if (keys[i].required && !has_member(root, keys[i].name))
                        return document_fail(root, error, "key '%s' is missing", keys[i].name);
        return true;
}

bool document_text(const DocumentKey *key, const DocumentNode *value, const char **ret, GError **error)
{
        static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};

        if (value->kind != DOCUMENT_TEXT)
                return document_fail(value, error, "'%s' takes text here, not a %s", key->name,
                                     value->kind == DOCUMENT_LIST ? "list" : "mapping");
        if (value->plain && g_strv_contains(nulls, value->text))
                return document_fail(value, error, "'%s' has an empty value (null)", key->name);
        *ret = value->text;
        return true;
}

bool decimal_parse(const char *text, size_t size, uint64_t *ret)
{
        uint64_t n = 0;

        if (size == 0 || (size > 1 && text[0] == '0'))
                return false;
        for (size_t i = 0; i < size; i++)
                if (!g_ascii_isdigit(text[i]) || __builtin_mul_overflow(n, 10U, &n) ||
                    __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
                        return false;
        *ret = n;
        return true;
}

bool document_number(const DocumentKey *key, const DocumentNode *value, uint64_t *ret, GError **error)
{
        g_autofree char *shown = NULL;
        const char *text = "";
        uint64_t n;

        if (!document_text(key, value, &text, error))
                return false;
        shown = text_for_message(text, strlen(text));
        if (!value->plain)
                return document_fail(value, error, "'%s' takes a number, not the quoted text '%s'", key->name,
                                     shown);
        if (strspn(text, "0123456789") != strlen(text) || (text[0] == '0' && text[1] != '\0'))
                return document_fail(value, error, "'%s' takes a plain decimal number, not '%s'", key->name,
                                     shown);
        if (!decimal_parse(text, strlen(text), &n) || n < key->minimum || n > key->maximum)
                return document_fail(value, error,
                                     "'%s' takes a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                                     ", not %s",
                                     key->name, key->minimum, key->maximum, shown);
        *ret = n;
        return true;
}
