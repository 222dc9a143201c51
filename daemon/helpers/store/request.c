/* The request's parser: one table of members feeds all operations. Reads the credential; promises that every
 * string in a Request has been checked by the rule of its kind. */
#include "request.h"

#include "base/error.h"
#include "plan/names.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define REF_NUMBER_DIGITS_MAX 19U

typedef bool (*ParseMember)(const json_t *value, void *ret, const char *name, GError **error);

typedef struct Member {
        const char *name;
        unsigned needed_by, taken_by; /* bits of Op; taken_by beside needed_by */
        size_t offset;
        ParseMember parse;
} Member;

static const char *const op_names[_OP_MAX] = {
        [OP_IMPORT] = "import",   [OP_EDIT] = "edit",   [OP_EXPORT] = "export", [OP_CHECKOUT] = "checkout",
        [OP_DISCARD] = "discard", [OP_PRUNE] = "prune", [OP_VERIFY] = "verify",
};
static const char *const format_names[_FORMAT_MAX] = {
        [FORMAT_DIRECTORY] = "directory",
        [FORMAT_TAR] = "tar",
        [FORMAT_ZIP] = "zip",
};
static const char *const place_names[_PLACE_MAX] = {
        [PLACE_STDIN] = "stdin",
        [PLACE_PATH] = "path",
        [PLACE_BIND] = "bind",
};
static const char *const verb_names[_VERB_MAX] = {
        [VERB_WRITE] = "write",
        [VERB_REMOVE] = "remove",
};

static bool refuse(GError **error, const char *name, const char *why)
{
        g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "request: '%s' %s", name, why);
        return false;
}

static bool parse_choice(const json_t *value, const char *const *choices, unsigned n, unsigned *ret,
                         const char *name, GError **error)
{
        const char *text = json_string_value(value);

        for (unsigned i = 0; text && i < n; i++)
                if (strcmp(text, choices[i]) == 0) {
                        *ret = i;
                        return true;
                }
        return refuse(error, name, "is not one of its values");
}

static bool parse_op(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_choice(value, op_names, _OP_MAX, ret, name, error);
}

static bool parse_format(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_choice(value, format_names, _FORMAT_MAX, ret, name, error);
}

static bool parse_source(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_choice(value, place_names, _PLACE_MAX, ret, name, error);
}

static bool parse_target(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_choice(value, place_names, PLACE_PATH + 1, ret, name, error);
}

static bool parse_verb(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_choice(value, verb_names, _VERB_MAX, ret, name, error);
}

static bool parse_bool(const json_t *value, void *ret, const char *name, GError **error)
{
        if (!json_is_boolean(value))
                return refuse(error, name, "is not true or false");
        *(bool *)ret = json_is_true(value);
        return true;
}

static bool parse_size(const json_t *value, void *ret, const char *name, GError **error)
{
        if (!json_is_integer(value) || json_integer_value(value) < 0)
                return refuse(error, name, "is not a number of at least 0");
        *(uint64_t *)ret = (uint64_t)json_integer_value(value);
        return true;
}

/* A string that valid() accepts; jansson has refused NUL bytes inside of strings. */
static bool parse_string(const json_t *value, void *ret, bool (*valid)(const char *), const char *name,
                         GError **error)
{
        if (!json_is_string(value) || !valid(json_string_value(value)))
                return refuse(error, name, "is malformed");
        *(char **)ret = g_strdup(json_string_value(value));
        return true;
}

static bool parse_commit(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_string(value, ret, commit_is_valid, name, error);
}

static bool path_is_valid(const char *path)
{
        return file_path_check(path, NULL);
}

static bool parse_path(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_string(value, ret, path_is_valid, name, error);
}

static bool number_is_valid(const char *s)
{
        size_t n = strspn(s, "0123456789");

        return n > 0 && n <= REF_NUMBER_DIGITS_MAX && s[n] == '\0' && s[0] != '0';
}

/* overlay/NAME/N or installation/N. */
static bool ref_is_valid(const char *ref)
{
        g_auto(GStrv) part = g_strsplit(ref, "/", 4);
        unsigned n = g_strv_length(part);

        if (n == 2)
                return strcmp(part[0], "installation") == 0 && number_is_valid(part[1]);
        return n == 3 && strcmp(part[0], "overlay") == 0 && name_is_valid(part[1]) &&
               number_is_valid(part[2]);
}

static bool parse_ref(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_string(value, ret, ref_is_valid, name, error);
}

/* Or running/COMMIT: a layer of a server that runs, which need not be a generation any more. */
static bool kept_ref_is_valid(const char *ref)
{
        return g_str_has_prefix(ref, "running/") ? commit_is_valid(ref + strlen("running/"))
                                                 : ref_is_valid(ref);
}

static bool parse_kept_ref(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_string(value, ret, kept_ref_is_valid, name, error);
}

/* servers/NAME or servers/NAME/upper. */
static bool tree_is_valid(const char *tree)
{
        g_auto(GStrv) part = g_strsplit(tree, "/", 4);
        unsigned n = g_strv_length(part);

        return (n == 2 || (n == 3 && strcmp(part[2], "upper") == 0)) && strcmp(part[0], "servers") == 0 &&
               name_is_valid(part[1]);
}

static bool parse_members(const json_t *object, const Member *members, size_t n, unsigned bit, void *ret,
                          const char *what, GError **error)
{
        const char *key;
        json_t *value;

        if (!json_is_object(object))
                return refuse(error, what, "is not an object");
        json_object_foreach((json_t *)object, key, value)
        {
                const Member *m = members;

                while (m < members + n &&
                       (strcmp(m->name, key) != 0 || !((m->needed_by | m->taken_by) & bit)))
                        m++;
                if (m == members + n) {
                        g_autofree char *shown = text_for_message(key, strlen(key));

                        return refuse(error, shown, "is not a member of this operation");
                }
                if (!m->parse(value, (char *)ret + m->offset, m->name, error))
                        return false;
        }
        for (size_t i = 0; i < n; i++)
                if ((members[i].needed_by & bit) && !json_object_get(object, members[i].name))
                        return refuse(error, members[i].name, "is missing");
        return true;
}

static void change_free(void *p)
{
        Change *c = p;

        g_free(c->path);
        g_free(c);
}

static void keep_free(void *p)
{
        Keep *k = p;

        g_free(k->ref);
        g_free(k->commit);
        g_free(k);
}

static bool parse_change(const json_t *value, void *ret, const char *name, GError **error)
{
        static const Member members[] = {
                {"verb", 1, 0, offsetof(Change, verb), parse_verb},
                {"path", 1, 0, offsetof(Change, path), parse_path},
                {"size", 0, 1, offsetof(Change, size), parse_size},
        };
        Change *c = *(Change **)ret = g_new0(Change, 1);

        if (!parse_members(value, members, G_N_ELEMENTS(members), 1, c, name, error))
                return false;
        if (c->verb == VERB_WRITE && !json_object_get(value, "size"))
                return refuse(error, "size", "is missing");
        return c->verb == VERB_WRITE || c->size == 0 || refuse(error, "size", "of a removal is not 0");
}

static bool parse_keep(const json_t *value, void *ret, const char *name, GError **error)
{
        static const Member members[] = {
                {"ref", 1, 0, offsetof(Keep, ref), parse_kept_ref},
                {"commit", 1, 0, offsetof(Keep, commit), parse_commit},
        };

        *(Keep **)ret = g_new0(Keep, 1);
        return parse_members(value, members, G_N_ELEMENTS(members), 1, *(Keep **)ret, name, error);
}

static bool parse_tree(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_string(value, ret, tree_is_valid, name, error);
}

static bool parse_list(const json_t *value, void *ret, ParseMember parse, GDestroyNotify free_item,
                       const char *name, GError **error)
{
        GPtrArray *list = *(GPtrArray **)ret = g_ptr_array_new_with_free_func(free_item);

        if (!json_is_array(value))
                return refuse(error, name, "is not a list");
        for (size_t i = 0; i < json_array_size(value); i++) {
                void *item = NULL;
                bool fine = parse(json_array_get(value, i), &item, name, error);

                if (item)
                        g_ptr_array_add(list, item);
                if (!fine)
                        return false;
        }
        return true;
}

static bool parse_changes(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_list(value, ret, parse_change, change_free, name, error);
}

static bool parse_keeps(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_list(value, ret, parse_keep, keep_free, name, error);
}

static bool parse_trees(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_list(value, ret, parse_tree, g_free, name, error);
}

static bool parse_checkouts(const json_t *value, void *ret, const char *name, GError **error)
{
        return parse_list(value, ret, parse_commit, g_free, name, error);
}

#define BIT(op) (1U << (op))
#define MAKES (BIT(OP_IMPORT) | BIT(OP_EDIT))
#define READS (BIT(OP_EXPORT) | BIT(OP_CHECKOUT))
#define ALL (BIT(_OP_MAX) - 1U)

static const Member request_members[] = {
        {"op", ALL, 0, offsetof(Request, op), parse_op},
        {"ref", MAKES, 0, offsetof(Request, ref), parse_ref},
        {"parent", 0, MAKES, offsetof(Request, parent), parse_commit},
        {"format", BIT(OP_IMPORT), 0, offsetof(Request, format), parse_format},
        {"source", BIT(OP_IMPORT), 0, offsetof(Request, place), parse_source},
        {"target", BIT(OP_EXPORT), 0, offsetof(Request, place), parse_target},
        {"path", 0, BIT(OP_IMPORT) | BIT(OP_EXPORT), offsetof(Request, path), parse_path},
        {"merge", 0, BIT(OP_IMPORT), offsetof(Request, merge), parse_bool},
        {"size_max", MAKES, 0, offsetof(Request, size_max), parse_size},
        {"files_max", MAKES, 0, offsetof(Request, files_max), parse_size},
        {"changes", BIT(OP_EDIT), 0, offsetof(Request, changes), parse_changes},
        {"commit", READS, 0, offsetof(Request, commit), parse_commit},
        {"trees", BIT(OP_DISCARD), 0, offsetof(Request, trees), parse_trees},
        {"keep", BIT(OP_PRUNE), 0, offsetof(Request, keep), parse_keeps},
        {"checkouts", BIT(OP_PRUNE), 0, offsetof(Request, checkouts), parse_checkouts},
};

Request *request_free(Request *r)
{
        if (!r)
                return NULL;
        g_free(r->ref);
        g_free(r->parent);
        g_free(r->path);
        g_free(r->commit);
        g_clear_pointer(&r->changes, g_ptr_array_unref);
        g_clear_pointer(&r->keep, g_ptr_array_unref);
        g_clear_pointer(&r->trees, g_ptr_array_unref);
        g_clear_pointer(&r->checkouts, g_ptr_array_unref);
        g_free(r);
        return NULL;
}

static bool parse_root(const json_t *root, Request *r, GError **error)
{
        unsigned op;

        if (!parse_op(json_object_get(root, "op"), &op, "op", error) ||
            !parse_members(root, request_members, G_N_ELEMENTS(request_members), BIT(op), r, "request",
                           error))
                return false;
        if ((r->place == PLACE_PATH) != (r->path != NULL))
                return refuse(error, "path", "goes with source or target 'path', and only with it");
        return true;
}

bool request_parse(const char *text, size_t size, Request **ret, GError **error)
{
        g_autoptr(Request) r = g_new0(Request, 1);
        json_error_t where;
        json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        bool fine;

        if (!root) {
                g_set_error(error, L4_ERROR, L4_ERROR_INVALID_ARGS, "request: line %d, column %d: %s",
                            where.line, where.column, where.text);
                return false;
        }
        fine = parse_root(root, r, error);
        json_decref(root);
        if (fine)
                *ret = g_steal_pointer(&r);
        return fine;
}

bool request_load(Request **ret, GError **error)
{
        const char *directory = g_getenv("CREDENTIALS_DIRECTORY");
        g_autofree char *path = g_build_filename(directory ? directory : "/nonexistent", "request", NULL);
        g_autofree char *text = NULL;
        gsize size;

        if (!g_file_get_contents(path, &text, &size, error)) {
                g_prefix_error(error, "cannot read the request: ");
                return false;
        }
        return request_parse(text, size, ret, error);
}
