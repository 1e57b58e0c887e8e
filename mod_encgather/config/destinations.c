/* SPDX-License-Identifier: Apache-2.0
 * Warnings about backends that cannot answer, as far as the configuration alone shows it. */
#include "config/destinations.h"

#include <string.h>
#include <apr_strings.h>
#include "config/config.h"

APLOG_USE_MODULE(encgather);

/* --- the fields that are asked for --------------------------------------------------------------- */

static bool is_default_field(const char *name)
{
    const eg_config none = {.fields = NULL};
    const eg_fields *fields = eg_config_fields(&none);

    for (unsigned i = 0; i < fields->n; i++)
        if (strcmp(fields->at[i].name, name) == 0)
            return true;
    return false;
}

/* Whether a parameter of that name goes to the backend beside the fields; at: NULL for any. */
static bool is_forwarded(const eg_survey *all, const eg_finding *at, const char *name)
{
    eg_scan scan = eg_written_scan(all, EG_WRITTEN_FORWARD, at ? at->host : NULL);
    const eg_finding *each;

    while ((each = eg_written_next(&scan)) != NULL) {
        const char *args = each->node->args, *word;

        if (at && !eg_written_may_meet(each, at))
            continue;
        while (*(word = ap_getword_conf(all->pool, &args)))
            if (strcmp(word, name) == 0)
                return true;
    }
    return false;
}

static bool is_known_field(const eg_survey *all, const char *name)
{
    eg_scan scan = eg_written_scan(all, EG_WRITTEN_FIELD, NULL);
    const eg_finding *each;

    if (is_default_field(name))
        return true;
    while ((each = eg_written_next(&scan)) != NULL)
        if (strcmp(each->word, name) == 0)
            return true;
    return is_forwarded(all, NULL, name);
}

/* Whether a call of that backend may have been asked this: the last section that names fields for
 * certain has replaced those of the others. */
static bool may_be_asked(const eg_survey *all, const eg_finding *field, const eg_finding *backend)
{
    const eg_finding *last = eg_written_last(all, EG_WRITTEN_FIELD, backend->host, backend->path);

    if (last && field->host == last->host && field->place == last->place)
        return true;
    return eg_written_may_be(field, backend->host, backend->path, true);
}

/* The names that the call may send, each with a blank in front and behind: " a b ". */
static const char *fields_of_call(const eg_survey *all, const eg_finding *backend)
{
    bool has_defaults = !eg_written_last(all, EG_WRITTEN_FIELD, backend->host, backend->path);
    eg_scan scan = eg_written_scan(all, EG_WRITTEN_FIELD, backend->host);
    const eg_finding *each;
    const char *list = " ";

    while ((each = eg_written_next(&scan)) != NULL) {
        if (!may_be_asked(all, each, backend))
            continue;
        if (ap_cstr_casecmp(each->word, "off") == 0)
            has_defaults = true;
        else
            list = apr_pstrcat(all->pool, list, each->word, " ", NULL);
    }
    if (has_defaults) {
        const eg_config none = {.fields = NULL};
        const eg_fields *fields = eg_config_fields(&none);

        for (unsigned i = 0; i < fields->n; i++)
            list = apr_pstrcat(all->pool, list, fields->at[i].name, " ", NULL);
    }
    return list;
}

static bool is_in(apr_pool_t *pool, const char *list, const char *name)
{
    return strstr(list, apr_pstrcat(pool, " ", name, " ", NULL)) != NULL;
}

/* --- the fields that a query asks for -------------------------------------------------------------- */

/* Of "SQL" argument ...: the fields of all arguments, each once or more. */
static apr_array_header_t *demanded_by(apr_pool_t *pool, const eg_finding *lookup)
{
    apr_array_header_t *names = apr_array_make(pool, 4, sizeof(const char *));
    const char *args = lookup->node->args, *word;

    (void)ap_getword_conf(pool, &args);
    while (*(word = ap_getword_conf(pool, &args))) {
        word += strncmp(word, "hmac:", 5) == 0 ? 5 : 0;
        while (*word)
            APR_ARRAY_PUSH(names, const char *) = ap_getword(pool, &word, ',');
    }
    return names;
}

static bool is_word_near(const eg_survey *all, eg_written_kind what, const char *word,
                         const eg_finding *at)
{
    eg_scan scan = eg_written_scan(all, what, at->host);
    const eg_finding *each;

    while ((each = eg_written_next(&scan)) != NULL)
        if (ap_cstr_casecmp(each->word, word) == 0 && eg_written_may_meet(each, at))
            return true;
    return false;
}

/* Somebody else than this server may call it, with fields of his own. */
static bool is_exposed(const eg_survey *all, const eg_finding *lookup)
{
    return is_word_near(all, EG_WRITTEN_EXPOSE, "on", lookup);
}

static void check_names(const eg_survey *all, server_rec *s, const eg_finding *at)
{
    const apr_array_header_t *names = demanded_by(all->pool, at);

    if (is_exposed(all, at) || !is_word_near(all, EG_WRITTEN_HANDLER, EG_DECRYPT_HANDLER, at))
        return;
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (is_known_field(all, name))
            continue;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0136") "EncGatherLookup in " EG_AT " asks for the field '%s', and no "
                                    "EncGatherField has that name, so no call brings it: is it "
                                    "misspelt? (Calls of others would need EncGatherExpose on.)",
                     EG_PLACE(all->pool, at), name);
        return;
    }
}

/* As it is written, without a query: there may be a password in it. */
static const char *shown_backend(const eg_survey *all, const eg_finding *at)
{
    return apr_pstrmemdup(all->pool, at->word, strcspn(at->word, "?"));
}

/* --- a query for other fields than are sent -------------------------------------------------------- */

/* What counts at a path for certain; NULL where something else may. */
static const eg_finding *only_one(const eg_survey *all, eg_written_kind what,
                                  const ap_directive_t *host, const char *path)
{
    const eg_finding *last = eg_written_last(all, what, host, path);
    bool is_located = last && last->place;
    eg_scan scan = eg_written_scan(all, what, host);
    const eg_finding *each;

    while ((each = eg_written_next(&scan)) != NULL)
        if (eg_written_may_be(each, host, path, false) &&
            !(is_located && eg_written_is_of_files(each)))
            return NULL;
    return last;
}

/* The query at a path of this server, where decrypt-gather answers there and nobody else. */
static const eg_finding *query_at(const eg_survey *all, const ap_directive_t *host,
                                  const char *path)
{
    const eg_finding *handler = only_one(all, EG_WRITTEN_HANDLER, host, path);

    if (!handler || ap_cstr_casecmp(handler->word, EG_DECRYPT_HANDLER) != 0)
        return NULL;
    return only_one(all, EG_WRITTEN_LOOKUP, host, path);
}

static void warn_of_field(const eg_survey *all, server_rec *s, const eg_finding *at,
                          const eg_finding *query, const char *name)
{
    char *sent = apr_pstrdup(all->pool, fields_of_call(all, at) + 1);

    sent[strlen(sent) - 1] = '\0';
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                 EG_TAG("0135") "EncGatherBackend %s in " EG_AT " can only fail: the "
                                "EncGatherLookup that it leads to (line %d of %s) asks for the "
                                "field '%s', and this call sends: %s; write the same name in both",
                 shown_backend(all, at), EG_PLACE(all->pool, at), query->node->line_num,
                 query->node->filename, name, sent);
}

/* What no field of this server is called, check_names() says already. */
static void check_fields(const eg_survey *all, server_rec *s, const eg_finding *at,
                         const char *target)
{
    const eg_finding *query = at->path ? query_at(all, at->host, target) : NULL;
    const apr_array_header_t *names = query ? demanded_by(all->pool, query) : NULL;
    const char *sent = query ? fields_of_call(all, at) : NULL;

    for (int i = 0; names && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (is_in(all->pool, sent, name) || is_forwarded(all, at, name))
            continue;
        if (!is_known_field(all, name) && !is_exposed(all, query))
            continue;
        warn_of_field(all, s, at, query, name);
        return;
    }
}

/* --- what mod_proxy can reach ---------------------------------------------------------------------- */

/* Where a call goes, and by which ProxyPass; NULL: by none. */
typedef struct {
    const eg_finding *at, *by;
    const char *url;
} route;

static const char *scheme_of(const eg_survey *all, const char *url)
{
    const char *bar = strncmp(url, "unix:", 5) == 0 ? strchr(url, '|') : NULL;
    const char *start = bar ? bar + 1 : url, *end = strstr(start, "://");

    return end ? apr_pstrmemdup(all->pool, start, (apr_size_t)(end - start)) : "";
}

/* The part of mod_proxy that is needed and not there, or NULL. */
static const char *missing_module(const eg_survey *all, const char *scheme)
{
    static const char *const parts[][2] = {
        {"http", "http"},   {"https", "http"}, {"h2", "http2"},
        {"h2c", "http2"},   {"fcgi", "fcgi"},  {"scgi", "scgi"},
        {"uwsgi", "uwsgi"}, {"ajp", "ajp"},    {"balancer", "balancer"}};

    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *name = apr_pstrcat(all->pool, "mod_proxy_", parts[i][1], NULL);

        if (ap_cstr_casecmp(scheme, parts[i][0]) == 0)
            return ap_find_linked_module(apr_pstrcat(all->pool, name, ".c", NULL)) ? NULL : name;
    }
    return NULL;
}

static bool lacks_tls(const eg_survey *all, const route *to, const char *scheme)
{
    return (ap_cstr_casecmp(scheme, "https") == 0 || ap_cstr_casecmp(scheme, "h2") == 0) &&
           !is_word_near(all, EG_WRITTEN_TLS_ENGINE, "on", to->at);
}

/* "ProxyPass (line 1 of x) leads to https://, and ", or nothing. */
static const char *way_of(const eg_survey *all, const route *to, const char *scheme)
{
    if (!to->by)
        return "";
    return apr_psprintf(all->pool, "ProxyPass (line %d of %s) leads to %s://, and ",
                        to->by->node->line_num, to->by->node->filename, scheme);
}

static bool can_be_reached(const eg_survey *all, const route *to)
{
    const char *scheme = scheme_of(all, to->url);

    return !missing_module(all, scheme) && !lacks_tls(all, to, scheme);
}

static void warn_of_route(const eg_survey *all, server_rec *s, const route *to)
{
    const char *scheme = scheme_of(all, to->url);
    const char *missing = missing_module(all, scheme);
    const char *name = shown_backend(all, to->at);

    if (missing)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0138") "EncGatherBackend %s in " EG_AT " can only fail: %s%s is not "
                                    "loaded: LoadModule %s_module",
                     name, EG_PLACE(all->pool, to->at), way_of(all, to, scheme), missing,
                     missing + sizeof "mod_" - 1);
    else
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     EG_TAG("0137") "EncGatherBackend %s in " EG_AT " can only fail: %sthere is no "
                                    "SSLProxyEngine On, without which mod_proxy speaks no TLS; "
                                    "load mod_ssl, and set it in that virtual host",
                     name, EG_PLACE(all->pool, to->at), way_of(all, to, scheme));
}

/* The path that a ProxyPass is for, and *url to where it leads; NULL: nobody knows. */
static const char *proxied_path(const eg_survey *all, const eg_finding *by, const char **url)
{
    const char *args = by->node->args;
    const char *first = ap_getword_conf(all->pool, &args);

    *url = by->place ? first : ap_getword_conf(all->pool, &args);
    return by->place ? by->path : first;
}

/* A pattern, a rule's too, may be for any path. Where several are for it, all of them have to be hopeless. */
static void check_proxied(const eg_survey *all, server_rec *s, const eg_finding *at,
                          const char *target)
{
    const eg_finding here = {.host = at->host};
    eg_scan scan = eg_written_scan(all, EG_WRITTEN_PROXY_PASS, at->host);
    route wrong = {.at = NULL};
    const eg_finding *by;

    while ((by = eg_written_next(&scan)) != NULL) {
        route to = {.at = at, .by = by};
        const char *around = proxied_path(all, by, &to.url);
        bool is_pattern = strlen(by->node->directive) > sizeof "ProxyPass" - 1 || !around;

        if (!eg_written_may_meet(by, &here) ||
            (!is_pattern && !eg_written_is_below(target, around)))
            continue;
        if (is_pattern || can_be_reached(all, &to))
            return;
        if (!wrong.at)
            wrong = to;
    }
    if (wrong.at)
        warn_of_route(all, s, &wrong);
}

static void check_backend(const eg_survey *all, server_rec *s, const eg_finding *at)
{
    const char *target = shown_backend(all, at);
    const route to = {.at = at, .url = at->word};

    if (!is_word_near(all, EG_WRITTEN_HANDLER, EG_GATHER_HANDLER, at))
        return; /* nobody calls it */
    if (*target == '/') {
        check_fields(all, s, at, target);
        check_proxied(all, s, at, target);
    } else if (!can_be_reached(all, &to))
        warn_of_route(all, s, &to);
}

void eg_destinations_check(const eg_survey *all, server_rec *s)
{
    for (int i = 0; i < all->found[EG_WRITTEN_BACKEND]->nelts; i++)
        check_backend(all, s, eg_written_at(all, EG_WRITTEN_BACKEND, i));
    for (int i = 0; i < all->found[EG_WRITTEN_LOOKUP]->nelts; i++)
        check_names(all, s, eg_written_at(all, EG_WRITTEN_LOOKUP, i));
}
