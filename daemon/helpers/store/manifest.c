/* Reads one small file of a tree that is being imported. Promises digits or nothing, whatever the file holds.
 */
#include "manifest.h"

#include <string.h>

#define MANIFEST_PATH "steamapps/appmanifest_222860.acf"
#define MANIFEST_SIZE_MAX (64U * 1024U)
#define BUILDID_DIGITS_MAX 20U

/* The text between the quotes at *p, which moves behind it; NULL if the text ends first. No escapes are
 * needed. */
static const char *quoted(const char **p, const char *end, size_t *ret_size)
{
        const char *start = *p + 1;
        const char *stop = memchr(start, '"', (size_t)(end - start));

        if (!stop)
                return NULL;
        *ret_size = (size_t)(stop - start);
        *p = stop + 1;
        return start;
}

static bool is_number(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (!g_ascii_isdigit(text[i]))
                        return false;
        return size > 0 && size <= BUILDID_DIGITS_MAX;
}

char *manifest_parse_buildid(const char *text, size_t size)
{
        const char *end = text + size;
        unsigned depth = 0;
        bool wanted = false; /* the last thing read was the key */

        for (const char *p = text; p < end;) {
                const char *s;
                size_t n;

                if (*p != '"') {
                        depth += *p == '{';
                        depth -= *p == '}' && depth > 0;
                        p++;
                        continue;
                }
                s = quoted(&p, end, &n);
                if (!s)
                        return NULL;
                if (wanted)
                        return is_number(s, n) ? g_strndup(s, n) : NULL;
                wanted = depth == 1 && n == strlen("buildid") && memcmp(s, "buildid", n) == 0;
        }
        return NULL;
}

bool manifest_read_buildid(Tree *t, char **ret, GError **error)
{
        g_autofree char *checksum = NULL;
        g_autofree char *text = NULL;
        g_autoptr(GInputStream) input = NULL;
        gsize n;

        if (!tree_find_file(t, MANIFEST_PATH, &checksum, error))
                return false;
        if (!checksum || g_hash_table_contains(t->links, checksum))
                return true;
        text = g_malloc(MANIFEST_SIZE_MAX);
        if (!ostree_repo_load_file(t->store->repo, checksum, &input, NULL, NULL, t->store->cancel, error) ||
            !g_input_stream_read_all(input, text, MANIFEST_SIZE_MAX, &n, t->store->cancel, error))
                return false;
        *ret = manifest_parse_buildid(text, n);
        return true;
}
