/* SPDX-License-Identifier: Apache-2.0
 * What is written down of requests when they have ended.
 *
 * Most servers log the request line, the Referer and the browser, and of all else that a request has nothing. */
#include "config/writers.h"

#include <string.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include "config/config.h"
#include "config/written.h"

unsigned eg_writers_shown = EG_SHOWS_VALUES; /* as long as nobody has looked */

/* --- formats ----------------------------------------------------------------------------------- */

/* Letters of formats that say nothing but what is known: addresses, times, sizes, the request line. */
#define HARMLESS "aAbBcDEFhHIklLmMOpPqrRsStTuUvVX%"

static bool is_header(const char *name, apr_size_t n, const char *header)
{
    return n == strlen(header) && ap_cstr_casecmpn(name, header, n) == 0;
}

/* A header that a log of most servers has is looked at by itself. */
static unsigned shown_of_header(const char *name, apr_size_t n)
{
    if (is_header(name, n, "Referer"))
        return EG_SHOWS_REFERER;
    return is_header(name, n, "User-Agent") ? EG_SHOWS_AGENT : EG_SHOWS_VALUES;
}

static unsigned shown_of_letter(char letter, const char *name, apr_size_t n)
{
    if (letter == 'i' && name)
        return shown_of_header(name, n);
    /* mod_ssl: other names than those of TLS are of headers, notes and variables */
    if (letter == 'x' && n > 4 && ap_cstr_casecmpn(name, "SSL_", 4) == 0)
        return 0;
    return letter && strchr(HARMLESS, letter) ? 0 : EG_SHOWS_VALUES;
}

/* p stands behind a "%"; goes behind its letter. */
static unsigned shown_of_item(const char **p)
{
    const char *name = NULL, *end = NULL;
    char letter;

    *p += strspn(*p, "0123456789,!<>+-");
    if (**p == '{') {
        name = *p + 1;
        end = name + strcspn(name, "}");
        *p = end + (*end == '}');
    }
    letter = **p;
    *p += letter != '\0';
    return shown_of_letter(letter, name, name ? (apr_size_t)(end - name) : 0);
}

static unsigned shown_of_format(const char *format)
{
    unsigned shown = 0;

    for (const char *p = strchr(format, '%'); p; p = strchr(p, '%')) {
        p++;
        shown |= shown_of_item(&p);
    }
    return shown;
}

static bool is_condition(const char *word)
{
    return ap_cstr_casecmpn(word, "env=", 4) == 0 || ap_cstr_casecmpn(word, "expr=", 5) == 0;
}

/* skipped: words in front of the format, the file of a log. */
static unsigned shown_of_formats(apr_pool_t *pool, const char *directive, int skipped)
{
    const apr_array_header_t *list = eg_written_find(pool, directive);
    unsigned shown = 0;

    for (int i = 0; i < list->nelts; i++) {
        const char *args = eg_written_item(list, i)->node->args;

        for (int word = 0; *args; word++) {
            const char *text = ap_getword_conf(pool, &args);

            if (word >= skipped && !is_condition(text))
                shown |= shown_of_format(text);
        }
    }
    return shown;
}

/* --- who makes a Referer ----------------------------------------------------------------------- */

static bool any_has(apr_pool_t *pool, const char *directive, const char *word)
{
    const apr_array_header_t *list = eg_written_find(pool, directive);

    for (int i = 0; i < list->nelts; i++)
        if (ap_strcasestr(eg_written_item(list, i)->node->args, word))
            return true;
    return false;
}

/* What a client sent is masked when it has been read. mod_headers makes others of it later, and may be told to in an
 * .htaccess. */
static bool may_make_referer(apr_pool_t *pool)
{
    if (any_has(pool, "RequestHeader", "Referer"))
        return true;
    return ap_find_linked_module("mod_headers.c") &&
           (any_has(pool, "AllowOverride", "FileInfo") || any_has(pool, "AllowOverride", "All") ||
            any_has(pool, "AllowOverrideList", "RequestHeader"));
}

/* --- hooks ------------------------------------------------------------------------------------- */

/* Who writes by formats, or writes nothing of what a request has. */
static bool is_known_writer(const char *module)
{
    static const char *const known[] = {"mod_log_config.c", "mod_log_forensic.c", "mod_logio.c",
                                        "mod_encgather.c"};

    for (unsigned i = 0; module && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(module, known[i]) == 0)
            return true;
    return false;
}

/* What APR_HOOK_LINK() makes of every kind of hook; mod_info reads lists of hooks by it. */
typedef struct {
    void (*function)(void);
    const char *module;
    const char *const *before, *const *after;
    int order;
} named_hook;

static bool any_other_writes(void)
{
    const apr_array_header_t *hooks = ap_hook_get_log_transaction();

    if (!hooks || hooks->elt_size != sizeof(named_hook))
        return true;
    for (int i = 0; i < hooks->nelts; i++)
        if (!is_known_writer(APR_ARRAY_IDX(hooks, i, named_hook).module))
            return true;
    return false;
}

void eg_writers_look(apr_pool_t *ptemp)
{
    eg_writers_shown =
        shown_of_formats(ptemp, "LogFormat", 0) | shown_of_formats(ptemp, "ErrorLogFormat", 0) |
        shown_of_formats(ptemp, "CustomLog", 1) | shown_of_formats(ptemp, "GlobalLog", 1);
    if (any_other_writes())
        eg_writers_shown |= EG_SHOWS_VALUES;
    if (!may_make_referer(ptemp))
        eg_writers_shown &= ~(unsigned)EG_SHOWS_REFERER;
}

/* --- a request --------------------------------------------------------------------------------- */

static bool may_have_secret(const request_rec *r, const eg_secret_names *names, const char *header)
{
    const char *value = apr_table_get(r->headers_in, header);

    return value && eg_may_have_secret(names, value);
}

bool eg_writers_ask(const request_rec *r)
{
    const eg_secret_names *names = eg_secrets_of(r->server);

    if (!names || (eg_writers_shown & EG_SHOWS_VALUES))
        return names != NULL;
    return ((eg_writers_shown & EG_SHOWS_AGENT) && may_have_secret(r, names, "User-Agent")) ||
           ((eg_writers_shown & EG_SHOWS_REFERER) && may_have_secret(r, names, "Referer"));
}
