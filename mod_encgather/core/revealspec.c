/* SPDX-License-Identifier: Apache-2.0
 * Which members of a JSON object, or parameters of a form, become plaintext: name[=fld], or /a/pointer[=fld]. */
#include "revealspec.h"

#include <apr_strings.h>

/* A member may have blanks in its name. */
static bool is_printable(eg_span text)
{
    for (apr_size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    return text.n > 0 && eg_is_utf8(text);
}

static const char *about(apr_pool_t *pool, const char *word, const char *wrong)
{
    return apr_pstrcat(pool, "'", word, "' ", wrong, NULL);
}

static const char *last_segment(apr_pool_t *pool, const eg_json_path *path)
{
    eg_span last = path->segments[path->n - 1];

    return apr_pstrmemdup(pool, last.p, last.n);
}

const char *eg_revealed_parse(apr_pool_t *pool, const char *word, eg_revealed *one)
{
    apr_size_t n = strcspn(word, "=");

    *one = (eg_revealed){.name = apr_pstrmemdup(pool, word, n), .is_pointer = *word == '/'};
    if (!is_printable((eg_span){word, n}))
        return about(pool, word,
                     "does not begin with a name: 1 or more bytes of UTF-8 without control "
                     "characters and =");
    one->path = eg_json_path_parse(pool, one->name);
    if (!one->path)
        return about(
            pool, word,
            "begins with / and is no JSON pointer: behind ~ stands 0 (for ~) or 1 (for /)");
    one->fld = word[n] == '=' ? word + n + 1 : last_segment(pool, one->path);
    if (!is_printable(eg_span_of(one->fld)))
        return about(pool, word,
                     word[n] == '=' ? "has a = without a name of UTF-8 behind it"
                                    : "ends in an empty name: write behind a = what its tokens "
                                      "say they are of");
    return NULL;
}

static bool is_same_path(const eg_json_path *one, const eg_json_path *other)
{
    for (unsigned i = 0; i < one->n && i < other->n; i++)
        if (!eg_span_eq(one->segments[i], other->segments[i]))
            return false;
    return one->n == other->n;
}

const char *eg_reveal_list_add(apr_pool_t *pool, eg_reveal_list *list, const eg_revealed *one)
{
    for (unsigned i = 0; i < list->n; i++)
        if (is_same_path(list->at[i].path, one->path))
            return apr_psprintf(pool, "names the same member twice: '%s' and '%s'",
                                list->at[i].name, one->name);
    if (list->n == EG_REVEALED_MAX)
        return apr_psprintf(pool, "has more than %d names in one section", EG_REVEALED_MAX);
    list->at[list->n++] = *one;
    return NULL;
}
