/* SPDX-License-Identifier: Apache-2.0
 * Templates of sentences: the parts put together are the template, and a sentence is its parts.
 * The first line of the input is what every member says, the rest is the template. */
#include "fuzz.h"

#include <string.h>
#include <apr_strings.h>
#include "core/say.h"

static const char *const atoms[] = {"%{", "}", "%{account}",       "%{spell:",     "spell:",
                                    "%",  "{", "%{spell:balance}", "\xe2\x82\xac", NULL};
const fuzz_grammar fuzz_target = {"say", "\n%{}: ", atoms};

typedef struct {
    const char *value;
    const char *missing; /* the member that has none */
} source;

static const char *member(const void *from, const char *name, apr_pool_t *pool)
{
    const source *s = from;

    if (s->missing && strcmp(name, s->missing) == 0)
        return NULL;
    return apr_pstrcat(pool, name, s->value, NULL);
}

static const char *spelled(apr_pool_t *pool, const char *text)
{
    char *out = apr_palloc(pool, 2 * strlen(text) + 1), *to = out;

    for (const char *p = text; *p;) {
        if (p != text)
            *to++ = ' ';
        do
            *to++ = *p++;
        while (((unsigned char)*p & 0xc0) == 0x80);
    }
    *to = '\0';
    return out;
}

static const char *in_template(apr_pool_t *pool, const eg_say_part *part)
{
    if (part->kind == EG_SAY_TEXT)
        return part->text;
    return apr_pstrcat(pool, part->kind == EG_SAY_SPELL ? "%{spell:" : "%{", part->text, "}", NULL);
}

static const char *in_sentence(apr_pool_t *pool, const eg_say_part *part, const source *from)
{
    const char *text = part->kind == EG_SAY_TEXT ? part->text : member(from, part->text, pool);

    if (!text)
        return "";
    return part->kind == EG_SAY_SPELL ? spelled(pool, text) : text;
}

static void hold_part(const eg_say_part *part)
{
    HOLDS(part->text[0], "no part is empty");
    if (part->kind == EG_SAY_TEXT)
        HOLDS(!strstr(part->text, "%{"), "no member stays text");
    else
        HOLDS(!strpbrk(part->text, "{}"), "a name has no braces");
}

static void hold_parts(apr_pool_t *pool, const eg_say *say, const char *template, const char *value)
{
    apr_array_header_t *whole = apr_array_make(pool, 8, sizeof(const char *));
    apr_array_header_t *sentence = apr_array_make(pool, 8, sizeof(const char *));
    const char *got;
    const source from = {value, NULL};
    source lacking = from;

    for (int i = 0; i < say->parts->nelts; i++) {
        const eg_say_part *part = &APR_ARRAY_IDX(say->parts, i, eg_say_part);

        hold_part(part);
        APR_ARRAY_PUSH(whole, const char *) = in_template(pool, part);
        APR_ARRAY_PUSH(sentence, const char *) = in_sentence(pool, part, &from);
        if (part->kind != EG_SAY_TEXT)
            lacking.missing = part->text;
    }
    HOLDS(strcmp(apr_array_pstrcat(pool, whole, '\0'), template) == 0,
          "the parts put together are the template");
    if (lacking.missing)
        HOLDS(!eg_say_expand(pool, say, member, &lacking), "no sentence with a hole");
    got = eg_say_expand(pool, say, member, &from);
    HOLDS(got && strcmp(got, apr_array_pstrcat(pool, sentence, '\0')) == 0,
          "a sentence is its parts");
}

/* What is refused is refused for what stands in it. */
static void hold_refused(const char *template)
{
    const char *open = strstr(template, "%{");
    bool reason = false;

    for (; open && !reason; open = strstr(open + 1, "%{")) {
        const char *name = open + 2, *end = strchr(name, '}');

        if (end && strncmp(name, "spell:", 6) == 0)
            name += 6;
        reason = !end || end <= name || memchr(name, '{', (size_t)(end - name));
    }
    HOLDS(reason, "a template is refused for a member without end or name");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    const char *value = fuzz_string(pool, fuzz_line(&input));
    const char *template = fuzz_string(pool, input);
    eg_say say;
    eg_status status = eg_say_parse(pool, template, &say);

    if (strlen(value) > 256)
        return; /* a template may name it a thousand times */
    HOLDS(status == EG_OK || status == EG_EMALFORMED, "a template is good or it is not");
    if (status == EG_OK)
        hold_parts(pool, &say, template, value);
    else
        hold_refused(template);
    HOLDS(strcmp(eg_spell(pool, value), spelled(pool, value)) == 0,
          "a blank stands between two characters");
}
