/* SPDX-License-Identifier: Apache-2.0
 * Sentences with the members of the backend's JSON in them. */
#include "say.h"

#include <string.h>
#include <apr_strings.h>

#define SPELL "spell:"

static void append_part(eg_say *say, eg_say_kind kind, const char *text)
{
    eg_say_part *part = apr_array_push(say->parts);

    *part = (eg_say_part){kind, text};
}

/* p stands behind "%{". Returns what follows the "}", or NULL. */
static const char *parse_member(apr_pool_t *pool, const char *p, eg_say *say)
{
    const char *end = strchr(p, '}');
    eg_say_kind kind = EG_SAY_MEMBER;

    if (!end)
        return NULL;
    if (strncmp(p, SPELL, sizeof SPELL - 1) == 0) {
        kind = EG_SAY_SPELL;
        p += sizeof SPELL - 1;
    }
    if (end <= p || memchr(p, '{', (apr_size_t)(end - p)))
        return NULL; /* empty, or the one before was not closed */
    append_part(say, kind, apr_pstrmemdup(pool, p, (apr_size_t)(end - p)));
    return end + 1;
}

eg_status eg_say_parse(apr_pool_t *pool, const char *text, eg_say *say)
{
    say->parts = apr_array_make(pool, 4, sizeof(eg_say_part));
    while (text) {
        const char *open = strstr(text, "%{");
        apr_size_t literal = open ? (apr_size_t)(open - text) : strlen(text);

        if (literal)
            append_part(say, EG_SAY_TEXT, apr_pstrmemdup(pool, text, literal));
        if (!open)
            return EG_OK;
        text = parse_member(pool, open + 2, say);
    }
    return EG_EMALFORMED;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

const char *eg_spell(apr_pool_t *pool, const char *text)
{
    char *spelled = apr_palloc(pool, 2 * strlen(text) + 1), *to = spelled;

    for (const char *p = text; *p; p++) {
        if (p != text && !is_continuation(*p))
            *to++ = ' ';
        *to++ = *p;
    }
    *to = '\0';
    return spelled;
}

const char *eg_say_expand(apr_pool_t *pool, const eg_say *say, eg_member_fn member,
                          const void *from)
{
    apr_array_header_t *texts = apr_array_make(pool, say->parts->nelts, sizeof(const char *));

    for (int i = 0; i < say->parts->nelts; i++) {
        const eg_say_part *part = &APR_ARRAY_IDX(say->parts, i, eg_say_part);
        const char *text = part->kind == EG_SAY_TEXT ? part->text : member(from, part->text, pool);

        if (!text)
            return NULL;
        APR_ARRAY_PUSH(texts, const char *) =
            part->kind == EG_SAY_SPELL ? eg_spell(pool, text) : text;
    }
    return apr_array_pstrcat(pool, texts, '\0');
}

const char *eg_say_hole(apr_pool_t *pool, const eg_say *say, eg_member_fn member, const void *from)
{
    for (int i = 0; i < say->parts->nelts; i++) {
        const eg_say_part *part = &APR_ARRAY_IDX(say->parts, i, eg_say_part);

        if (part->kind != EG_SAY_TEXT && !member(from, part->text, pool))
            return part->text;
    }
    return NULL;
}
