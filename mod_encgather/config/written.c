/* SPDX-License-Identifier: Apache-2.0
 * The configuration as it was written: which directives stand where. */
#include "config/written.h"

#include <string.h>
#include <apr_strings.h>

static const char *const directives[EG_WRITTEN_KINDS] = {
    [EG_WRITTEN_HANDLER] = "SetHandler",
    [EG_WRITTEN_BACKEND] = "EncGatherBackend",
    [EG_WRITTEN_LOOKUP] = "EncGatherLookup",
    [EG_WRITTEN_KEYS] = "EncGatherKeyFile",
    [EG_WRITTEN_RECIPIENT] = "EncGatherRecipient",
    [EG_WRITTEN_PRIVATE_KEY] = "EncGatherPrivateKeyFile",
    [EG_WRITTEN_TOKENS] = "EncGatherAuthTokenFile",
    [EG_WRITTEN_SIGNATURE] = "EncGatherSignature",
    [EG_WRITTEN_TIMEOUT] = "EncGatherTimeout",
    [EG_WRITTEN_PROVIDER] = "EncGatherProvider",
    [EG_WRITTEN_FIELD] = "EncGatherField",
    [EG_WRITTEN_FORWARD] = "EncGatherForward",
    [EG_WRITTEN_EXPOSE] = "EncGatherExpose",
    [EG_WRITTEN_SHIELD] = "EncGatherShield",
    [EG_WRITTEN_PROXY_PASS] = "ProxyPass",
    [EG_WRITTEN_TLS_ENGINE] = "SSLProxyEngine",
};

const char *eg_written_name(eg_written_kind what)
{
    return directives[what];
}

/* --- what is written, and where ---------------------------------------------------------------- */

static bool is_section(const ap_directive_t *node, const char *name)
{
    return ap_cstr_casecmp(node->directive, name) == 0;
}

static bool is_place(const ap_directive_t *node)
{
    static const char *const names[] = {"<Location",       "<LocationMatch", "<Directory",
                                        "<DirectoryMatch", "<Files",         "<FilesMatch",
                                        "<Proxy",          "<ProxyMatch"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_section(node, names[i]))
            return true;
    return false;
}

/* Its path, or NULL where it is no plain one: a pattern may be about any URL. */
static const char *path_of(apr_pool_t *pool, const ap_directive_t *place)
{
    const char *args = apr_pstrmemdup(pool, place->args, strcspn(place->args, ">"));
    const char *path = ap_getword_conf(pool, &args);

    return is_section(place, "<Location") && *path == '/' && !strpbrk(path, "*?[") ? path : NULL;
}

/* The place is the innermost location; an <If> beside all of them is one too. */
static eg_finding locate(apr_pool_t *pool, const ap_directive_t *node)
{
    const char *args = node->args ? node->args : "";
    eg_finding found = {.node = node, .word = ap_getword_conf(pool, &args)};

    for (const ap_directive_t *up = node->parent; up; up = up->parent)
        if (is_section(up, "<VirtualHost"))
            found.host = up;
        else {
            found.is_conditional |= !is_place(up);
            if (!found.place || (is_place(up) && !is_place(found.place)))
                found.place = up;
        }
    if (found.place)
        found.path = path_of(pool, found.place);
    return found;
}

/* "pattern substitution [NC,P]": mod_rewrite comes before mod_proxy, and hands on to it. */
static bool is_proxying_rule(apr_pool_t *pool, const ap_directive_t *node)
{
    const char *args = node->args ? node->args : "";
    char *rest = NULL;

    (void)ap_getword_conf(pool, &args);
    (void)ap_getword_conf(pool, &args);
    for (char *flag = apr_strtok(ap_getword_conf(pool, &args), "[], \t", &rest); flag;
         flag = apr_strtok(NULL, "[], \t", &rest))
        if (ap_cstr_casecmp(flag, "P") == 0 || ap_cstr_casecmp(flag, "proxy") == 0)
            return true;
    return false;
}

/* By another name: other modules for TLS have an engine of their own. */
static bool is_another(apr_pool_t *pool, eg_written_kind what, const ap_directive_t *node)
{
    if (what == EG_WRITTEN_PROXY_PASS)
        return is_section(node, "ProxyPassMatch") ||
               (is_section(node, "RewriteRule") && is_proxying_rule(pool, node));
    return what == EG_WRITTEN_TLS_ENGINE &&
           (is_section(node, "TLSProxyEngine") || is_section(node, "GnuTLSProxyEngine"));
}

/* Of each kind the first and the last place of what stands in one host; -1: there is none. */
struct eg_written_chains {
    const ap_directive_t *host;
    struct {
        int first, last;
    } of[EG_WRITTEN_KINDS];
};

static struct eg_written_chains *make_chains(apr_pool_t *pool, const ap_directive_t *host)
{
    struct eg_written_chains *chains = apr_palloc(pool, sizeof *chains);

    chains->host = host;
    for (int i = 0; i < EG_WRITTEN_KINDS; i++)
        chains->of[i].first = chains->of[i].last = -1;
    return chains;
}

/* NULL: nothing is known of that host. */
static struct eg_written_chains *chains_of(const eg_survey *all, const ap_directive_t *host)
{
    return host ? apr_hash_get(all->hosts, &host, sizeof(void *)) : all->common;
}

static void note_finding(eg_survey *all, eg_written_kind what, const eg_finding *finding)
{
    struct eg_written_chains *chains = chains_of(all, finding->host);
    int place = all->found[what]->nelts;

    if (!chains) {
        chains = make_chains(all->pool, finding->host);
        apr_hash_set(all->hosts, &chains->host, sizeof(void *), chains);
    }
    APR_ARRAY_PUSH(all->found[what], eg_finding) = *finding;
    if (chains->of[what].first < 0)
        chains->of[what].first = place;
    else
        APR_ARRAY_IDX(all->found[what], chains->of[what].last, eg_finding).next = place;
    chains->of[what].last = place;
}

/* Most directives of a server are others', and none of ours begins with another letter. */
static bool may_be_wanted(const ap_directive_t *node)
{
    return strchr("eEpPrRsStTgG", *node->directive) != NULL;
}

static void note_directive(eg_survey *all, const ap_directive_t *node)
{
    for (int i = 0; i < EG_WRITTEN_KINDS && may_be_wanted(node); i++)
        if (ap_cstr_casecmp(node->directive, directives[i]) == 0 ||
            is_another(all->pool, (eg_written_kind)i, node)) {
            const eg_finding finding = locate(all->pool, node);

            note_finding(all, (eg_written_kind)i, &finding);
        }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
static void walk_directives(eg_survey *all, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        note_directive(all, node);
        if (node->first_child)
            walk_directives(all, node->first_child);
    }
}

static eg_survey survey(apr_pool_t *pool)
{
    eg_survey all = {.pool = pool, .hosts = apr_hash_make(pool), .common = make_chains(pool, NULL)};

    for (int i = 0; i < EG_WRITTEN_KINDS; i++)
        all.found[i] = apr_array_make(pool, 4, sizeof(eg_finding));
    walk_directives(&all, ap_conftree);
    return all;
}

/* Several checks ask for it: the text is gone through once in a pool. */
static eg_survey known;

static apr_status_t forget_known_text(void *unused)
{
    (void)unused;
    known.pool = NULL;
    return APR_SUCCESS;
}

const eg_survey *eg_written_look(apr_pool_t *pool)
{
    if (known.pool != pool) {
        known = survey(pool);
        apr_pool_cleanup_register(pool, NULL, forget_known_text, apr_pool_cleanup_null);
    }
    return &known;
}

const eg_finding *eg_written_at(const eg_survey *all, eg_written_kind what, int i)
{
    return &APR_ARRAY_IDX(all->found[what], i, eg_finding);
}

eg_scan eg_written_scan(const eg_survey *all, eg_written_kind what, const ap_directive_t *host)
{
    const struct eg_written_chains *own = chains_of(all, host);
    bool has_any = all->found[what]->nelts > 0;

    if (!host)
        return (eg_scan){all->found[what], has_any ? 0 : -1, -1, true};
    return (eg_scan){all->found[what], own ? own->of[what].first : -1, all->common->of[what].first,
                     false};
}

/* What follows in the list that it is gone through by. */
static int place_behind(const eg_scan *scan, int place)
{
    int next = place + 1;

    if (!scan->is_whole)
        return APR_ARRAY_IDX(scan->list, place, eg_finding).next > 0
                   ? APR_ARRAY_IDX(scan->list, place, eg_finding).next
                   : -1;
    return next < scan->list->nelts ? next : -1;
}

const eg_finding *eg_written_next(eg_scan *scan)
{
    bool is_own = scan->own >= 0 && (scan->common < 0 || scan->own < scan->common);
    int *which = is_own ? &scan->own : &scan->common, place = *which;

    if (place < 0)
        return NULL;
    *which = place_behind(scan, place);
    return &APR_ARRAY_IDX(scan->list, place, eg_finding);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
static void walk_for_name(apr_array_header_t *list, const char *name, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        if (is_section(node, name))
            APR_ARRAY_PUSH(list, eg_finding) = locate(list->pool, node);
        if (node->first_child)
            walk_for_name(list, name, node->first_child);
    }
}

apr_array_header_t *eg_written_find(apr_pool_t *pool, const char *name)
{
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(eg_finding));

    walk_for_name(list, name, ap_conftree);
    return list;
}

const eg_finding *eg_written_item(const apr_array_header_t *list, int i)
{
    return &APR_ARRAY_IDX(list, i, eg_finding);
}

const char *eg_written_section(apr_pool_t *pool, const eg_finding *at)
{
    const ap_directive_t *section = at->place ? at->place : at->host;

    return section ? apr_pstrcat(pool, section->directive, " ", section->args, NULL) : "the server";
}

/* --- what counts together ---------------------------------------------------------------------- */

bool eg_written_is_below(const char *path, const char *above)
{
    apr_size_t n = strlen(above);

    n -= n > 0 && above[n - 1] == '/';
    return strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool eg_written_may_meet(const eg_finding *one, const eg_finding *other)
{
    if (one->host && other->host && one->host != other->host)
        return false;
    if ((one->is_early && other->place) || (other->is_early && one->place))
        return false;
    return !one->path || !other->path || eg_written_is_below(one->path, other->path) ||
           eg_written_is_below(other->path, one->path);
}

bool eg_written_is_there(const eg_survey *all, eg_written_kind what, const eg_finding *at)
{
    eg_scan scan = eg_written_scan(all, what, at->host);
    const eg_finding *each;

    while ((each = eg_written_next(&scan)) != NULL)
        if (eg_written_may_meet(each, at))
            return true;
    return false;
}

/* --- what counts last -------------------------------------------------------------------------- */

/* A section of the server counts in its virtual hosts, too. */
static bool is_for_host(const eg_finding *found, const ap_directive_t *host)
{
    return !found->host || found->host == host;
}

static bool is_certain(const eg_finding *found, const ap_directive_t *host, const char *path)
{
    if (!is_for_host(found, host) || found->is_conditional)
        return false;
    return !found->place || (found->path && eg_written_is_below(path, found->path));
}

static bool is_section_of(const ap_directive_t *node, const char *const *names)
{
    for (; *names; names++)
        if (is_section(node, *names))
            return true;
    return false;
}

static const char *const locations[] = {"<Location", "<LocationMatch", NULL};
static const char *const conditions[] = {"<If", "<ElseIf", "<Else", NULL};

/* httpd merges what stands in no section first, then directories and files, then locations; of
 * each what the server has before what the host has. */
static int rank_of(const eg_finding *at)
{
    int section = !at->place ? 0 : is_section_of(at->place, locations) ? 2 : 1;

    return 2 * section + (at->host ? 1 : 0);
}

bool eg_written_is_of_files(const eg_finding *found)
{
    return found->place && !found->is_conditional &&
           (is_section(found->place, "<Directory") || is_section(found->place, "<DirectoryMatch") ||
            is_section(found->place, "<Files") || is_section(found->place, "<FilesMatch"));
}

const eg_finding *eg_written_last(const eg_survey *all, eg_written_kind what,
                                  const ap_directive_t *host, const char *path)
{
    eg_scan scan = eg_written_scan(all, what, host);
    const eg_finding *last = NULL, *each;

    while ((each = eg_written_next(&scan)) != NULL)
        if (is_certain(each, host, path) && (!last || rank_of(each) >= rank_of(last)))
            last = each;
    return last;
}

bool eg_written_may_be(const eg_finding *found, const ap_directive_t *host, const char *path,
                       bool with_below)
{
    const eg_finding here = {.host = host, .path = path};

    if (is_certain(found, host, path) || !eg_written_may_meet(found, &here))
        return false;
    return with_below || !found->path || eg_written_is_below(path, found->path);
}

/* --- which one decides --------------------------------------------------------------------------- */

static bool is_below_if(const eg_finding *at)
{
    for (const ap_directive_t *up = at->node->parent; up; up = up->parent)
        if (is_section_of(up, conditions))
            return true;
    return false;
}

static bool is_same_section(const ap_directive_t *one, const ap_directive_t *other)
{
    return one == other ||
           (other && is_section(one, other->directive) && strcmp(one->args, other->args) == 0);
}

bool eg_written_covers(const eg_finding *outer, const eg_finding *inner)
{
    if ((outer->host && outer->host != inner->host) || is_below_if(outer))
        return false;
    if (!outer->place || is_same_section(outer->place, inner->place))
        return true;
    return outer->path && inner->path && eg_written_is_below(inner->path, outer->path);
}

/* Of two of a rank, the later one. */
const eg_finding *eg_written_decides(const apr_array_header_t *list, const eg_finding *place,
                                     eg_written_judge judge, const void *about)
{
    const eg_finding *last = NULL;
    bool is_bad = false;

    for (int i = 0; i < list->nelts; i++) {
        const eg_finding *at = eg_written_item(list, i);
        eg_saying saying = EG_SAYS_NOTHING;

        if (eg_written_may_meet(at, place) && (!last || rank_of(at) >= rank_of(last)))
            saying = judge(at, about);
        if (saying == EG_IS_BAD || (saying == EG_IS_GOOD && eg_written_covers(at, place))) {
            last = at;
            is_bad = saying == EG_IS_BAD;
        }
    }
    return is_bad ? last : NULL;
}
