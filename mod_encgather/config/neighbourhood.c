/* SPDX-License-Identifier: Apache-2.0
 * Where webhooks arrive, and what is set there. */
#include "config/neighbourhood.h"

#include <string.h>
#include <apr_strings.h>
#include "base/module.h"
#include "config/levels.h"

/* --- where webhooks arrive --------------------------------------------------------------------- */

const apr_array_header_t *eg_all_of(const eg_neighbourhood *all, const char *directive)
{
    apr_array_header_t *list = apr_hash_get(all->lists, directive, APR_HASH_KEY_STRING);

    if (!list) {
        list = eg_written_find(all->pool, directive);
        apr_hash_set(all->lists, directive, APR_HASH_KEY_STRING, list);
    }
    return list;
}

/* The handler may stand further inside than its backend. */
static void add_gather(apr_array_header_t *ours, const eg_survey *text, const eg_finding *backend)
{
    eg_scan scan = eg_written_scan(text, EG_WRITTEN_HANDLER, backend->host);
    const eg_finding *handler;
    int before = ours->nelts;

    while ((handler = eg_written_next(&scan)) != NULL)
        if (eg_written_covers(backend, handler) &&
            ap_cstr_casecmp(handler->word, EG_GATHER_HANDLER) == 0)
            APR_ARRAY_PUSH(ours, eg_finding) = *handler;
    if (ours->nelts == before)
        APR_ARRAY_PUSH(ours, eg_finding) = *backend;
}

static void add_gathers(apr_array_header_t *ours)
{
    const eg_survey *text = eg_written_look(ours->pool);
    eg_scan scan = eg_written_scan(text, EG_WRITTEN_BACKEND, NULL);
    const eg_finding *backend;

    while ((backend = eg_written_next(&scan)) != NULL)
        add_gather(ours, text, backend);
}

static void add_guarded(apr_array_header_t *ours, const char *directive)
{
    const apr_array_header_t *list = eg_written_find(ours->pool, directive);

    for (int i = 0; i < list->nelts; i++)
        if (ap_strcasestr(eg_written_item(list, i)->node->args, "twilio-signature"))
            APR_ARRAY_PUSH(ours, eg_finding) = *eg_written_item(list, i);
}

/* Those that observe, too: the same callers come to them. */
static void add_applications(apr_array_header_t *ours, const char *directive)
{
    const apr_array_header_t *list = eg_written_find(ours->pool, directive);

    for (int i = 0; i < list->nelts; i++)
        if (ap_cstr_casecmp(eg_written_item(list, i)->word, "off") != 0)
            APR_ARRAY_PUSH(ours, eg_finding) = *eg_written_item(list, i);
}

static void add_lookups(apr_array_header_t *handlers)
{
    const apr_array_header_t *list = eg_written_find(handlers->pool, "EncGatherLookup");

    for (int i = 0; i < list->nelts; i++)
        APR_ARRAY_PUSH(handlers, eg_finding) = *eg_written_item(list, i);
}

static apr_array_header_t *find_ours(apr_pool_t *pool)
{
    apr_array_header_t *ours = apr_array_make(pool, 4, sizeof(eg_finding));

    add_gathers(ours);
    add_guarded(ours, "Require");
    add_guarded(ours, "<AuthzProviderAlias"); /* required by another name, wherever that is */
    return ours;
}

eg_neighbourhood eg_look_about(apr_pool_t *pool, server_rec *s)
{
    apr_array_header_t *ours = find_ours(pool), *webhooks = apr_array_copy(pool, ours), *all;

    add_applications(webhooks, "EncGatherShield");
    all = apr_array_copy(pool, webhooks);
    add_applications(all, "EncGatherReveal");
    add_lookups(all);
    return (eg_neighbourhood){pool, s, ours, webhooks, all, apr_hash_make(pool)};
}

/* The next word of a section's head, or "" at its end. */
static const char *next_address(apr_pool_t *pool, const char **rest)
{
    const char *word = ap_getword_conf(pool, rest);
    apr_size_t n = strcspn(word, ">");

    if (ap_cstr_casecmpn(word, "_default_", 9) == 0 && n >= 9)
        return apr_pstrcat(pool, "*", apr_pstrmemdup(pool, word + 9, n - 9), NULL);
    return apr_pstrmemdup(pool, word, n);
}

static bool has_address(apr_pool_t *pool, const char *list, const char *wanted)
{
    const char *address;

    while (*(address = next_address(pool, &list)))
        if (ap_cstr_casecmp(address, wanted) == 0)
            return true;
    return false;
}

static bool has_common_address(apr_pool_t *pool, const char *one, const char *other)
{
    const char *address;

    while (*(address = next_address(pool, &one)))
        if (has_address(pool, other, address))
            return true;
    return false;
}

/* Where it is configured what is done with the bytes of a connection to our place: httpd asks the
 * first host of the address. */
eg_finding eg_before_request_of(const eg_neighbourhood *all, const eg_finding *ours)
{
    eg_finding connection = {.node = ours->node, .host = ours->host, .word = "", .is_early = true};
    const apr_array_header_t *hosts = eg_all_of(all, "<VirtualHost");

    for (int i = 0; ours->host && i < hosts->nelts; i++) {
        const ap_directive_t *host = eg_written_item(hosts, i)->node;

        if (has_common_address(all->pool, host->args, ours->host->args)) {
            connection.host = host;
            break;
        }
    }
    return connection;
}

/* --- what is set there ------------------------------------------------------------------------------- */

eg_saying eg_judge_word(const eg_finding *at, const void *about)
{
    return ap_cstr_casecmp(at->word, about) == 0 ? EG_IS_BAD : EG_IS_GOOD;
}

const eg_finding *eg_bad_setting(const eg_neighbourhood *all, const char *directive,
                                 const eg_finding *ours, eg_written_judge judge, const void *about)
{
    return eg_written_decides(eg_all_of(all, directive), ours, judge, about);
}

const eg_finding *eg_loud_level(const eg_neighbourhood *all, const eg_finding *ours,
                                const char *module, int loud)
{
    const eg_loudness about = {all->pool, module, loud};

    return eg_bad_setting(all, "LogLevel", ours, eg_level_judge, &about);
}
