/* SPDX-License-Identifier: Apache-2.0
 * Which parameters of a form become tokens: name[=MIN-MAX][:fld], and what is found by it. */
#include "shieldspec.h"

#include <string.h>
#include <apr_strings.h>
#include "parameters.h"

/* Neither can stand in a log or a token's header as it is. */
static bool is_plain_text(eg_span text)
{
    for (apr_size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
            return false;
    return text.n > 0 && eg_is_utf8(text);
}

/* What is signed with a webhook, or signs it: a token in its place would be none. */
static bool is_of_signature(eg_span name)
{
    return eg_span_eq(name, EG_LIT(EG_BODY_SHA256)) || eg_span_eq(name, EG_LIT("sig"));
}

static bool parse_range(const char **at, eg_shielded *one)
{
    unsigned least, most;

    if (!eg_read_number(at, EG_SHIELDED_VALUE_MAX, &least))
        return false;
    most = least;
    if (**at == '-') {
        ++*at;
        if (!eg_read_number(at, EG_SHIELDED_VALUE_MAX, &most))
            return false;
    }
    one->least = least;
    one->most = most;
    one->has_range = true;
    return least <= most && (**at == '\0' || **at == ':');
}

static const char *about_word(apr_pool_t *pool, const char *word, const char *wrong)
{
    return apr_pstrcat(pool, "'", word, "' ", wrong, NULL);
}

const char *eg_shielded_parse(apr_pool_t *pool, const char *word, eg_shielded *one)
{
    const char *at = word + strcspn(word, "=:");

    *one = (eg_shielded){
        .name = {word, (apr_size_t)(at - word)}, .least = 1, .most = EG_SHIELDED_VALUE_MAX};
    one->fld = one->name;
    if (!is_plain_text(one->name) || memchr(one->name.p, '&', one->name.n))
        return about_word(pool, word,
                          "does not begin with a name: 1 or more bytes of UTF-8 without blanks, "
                          "control characters, &, = and :");
    if (is_of_signature(one->name))
        return about_word(pool, word, "is part of a signature, which would fit no more");
    if (*at == '=' && (++at, !parse_range(&at, one)))
        return about_word(pool, word,
                          "has a length that is neither =N nor =MIN-MAX, of 1 to 4096 bytes");
    if (*at == ':') {
        one->fld = eg_span_of(at + 1);
        if (!is_plain_text(one->fld))
            return about_word(pool, word, "has a colon without a name of UTF-8 behind it");
    }
    return NULL;
}

const char *eg_shield_list_add(apr_pool_t *pool, eg_shield_list *list, const eg_shielded *one)
{
    for (unsigned i = 0; i < list->n; i++) {
        const eg_shielded *each = &list->at[i];

        if (eg_span_eq(each->name, one->name) && each->least <= one->most &&
            one->least <= each->most)
            return apr_psprintf(pool, "names '%.*s' twice for values of the same length",
                                (int)one->name.n, one->name.p);
    }
    if (list->n == EG_SHIELDED_MAX)
        return apr_psprintf(pool, "has more than %d names in one section", EG_SHIELDED_MAX);
    list->at[list->n++] = *one;
    return NULL;
}

const eg_shielded *eg_shielded_find(const eg_shield_list *list, eg_span name, apr_size_t length)
{
    for (unsigned i = 0; i < list->n; i++) {
        const eg_shielded *each = &list->at[i];

        if (length >= each->least && (length <= each->most || !each->has_range) &&
            eg_span_eq(each->name, name))
            return each;
    }
    return NULL;
}

bool eg_shield_list_names(const eg_shield_list *list, eg_span name)
{
    for (unsigned i = 0; i < list->n; i++)
        if (eg_span_eq(list->at[i].name, name))
            return true;
    return false;
}
