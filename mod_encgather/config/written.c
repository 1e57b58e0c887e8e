/* SPDX-License-Identifier: Apache-2.0
 * The configuration as it was written: which directives stand where. */
#include "config/written.h"

#include <string.h>
#include <apr_strings.h>

/* --- what stands where ------------------------------------------------------------------------- */

static bool is_section(const ap_directive_t *node, const char *name)
{
    return ap_cstr_casecmp(node->directive, name) == 0;
}

static bool is_section_of(const ap_directive_t *node, const char *const *names)
{
    for (; *names; names++)
        if (is_section(node, *names))
            return true;
    return false;
}

static const char *const locations[] = {"<Location", "<LocationMatch", NULL};
static const char *const patterns[] = {"<LocationMatch", "<DirectoryMatch", "<FilesMatch",
                                       "<ProxyMatch", NULL};
static const char *const conditions[] = {"<If", "<ElseIf", "<Else", NULL};

static bool is_place(const ap_directive_t *node)
{
    static const char *const plain[] = {"<Location", "<Directory", "<Files", "<Proxy", NULL};

    return is_section_of(node, plain) || is_section_of(node, patterns);
}

static const char *argument_of(apr_pool_t *pool, const ap_directive_t *section)
{
    const char *args = apr_pstrmemdup(pool, section->args, strcspn(section->args, ">"));

    return ap_getword_conf(pool, &args);
}

/* Its path, or NULL where it is no plain one: a pattern may be about any URL. */
static const char *path_of(apr_pool_t *pool, const ap_directive_t *place)
{
    const char *path = argument_of(pool, place);

    return is_section(place, "<Location") && *path == '/' && !strpbrk(path, "*?[") ? path : NULL;
}

/* The place is the innermost location; an <If> beside all of them is one too. */
static eg_written locate(apr_pool_t *pool, const ap_directive_t *node)
{
    const char *args = node->args ? node->args : "";
    eg_written found = {.node = node, .word = ap_getword_conf(pool, &args)};

    for (const ap_directive_t *up = node->parent; up; up = up->parent)
        if (is_section(up, "<VirtualHost"))
            found.host = up;
        else if (!found.place || (is_place(up) && !is_place(found.place)))
            found.place = up;
    if (found.place)
        found.path = path_of(pool, found.place);
    return found;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
static void walk_directives(apr_array_header_t *list, const char *name, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        if (is_section(node, name))
            APR_ARRAY_PUSH(list, eg_written) = locate(list->pool, node);
        if (node->first_child)
            walk_directives(list, name, node->first_child);
    }
}

apr_array_header_t *eg_written_find(apr_pool_t *pool, const char *name)
{
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(eg_written));

    walk_directives(list, name, ap_conftree);
    return list;
}

const eg_written *eg_written_item(const apr_array_header_t *list, int i)
{
    return &APR_ARRAY_IDX(list, i, eg_written);
}

const char *eg_written_section(apr_pool_t *pool, const eg_written *at)
{
    const ap_directive_t *section = at->place ? at->place : at->host;

    return section ? apr_pstrcat(pool, section->directive, " ", section->args, NULL) : "the server";
}

/* --- what counts for whom ---------------------------------------------------------------------- */

bool eg_written_is_below(const char *path, const char *above)
{
    apr_size_t n = strlen(above);

    n -= n > 0 && above[n - 1] == '/';
    return strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool eg_written_may_meet(const eg_written *one, const eg_written *other)
{
    if (one->host && other->host && one->host != other->host)
        return false;
    if ((one->is_early && other->place) || (other->is_early && one->place))
        return false;
    return !one->path || !other->path || eg_written_is_below(one->path, other->path) ||
           eg_written_is_below(other->path, one->path);
}

static bool is_conditional(const eg_written *at)
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

bool eg_written_covers(const eg_written *outer, const eg_written *inner)
{
    if ((outer->host && outer->host != inner->host) || is_conditional(outer))
        return false;
    if (!outer->place || is_same_section(outer->place, inner->place))
        return true;
    return outer->path && inner->path && eg_written_is_below(inner->path, outer->path);
}

/* --- which one counts -------------------------------------------------------------------------- */

/* httpd merges what stands in no section first, then directories and files, then locations; of
 * each what the server has before what the host has. */
static int rank_of(const eg_written *at)
{
    int section = !at->place ? 0 : is_section_of(at->place, locations) ? 2 : 1;

    return 2 * section + (at->host ? 1 : 0);
}

/* Of two of a rank, the later one. */
const eg_written *eg_written_decides(const apr_array_header_t *list, const eg_written *place,
                                     eg_written_judge judge, const void *about)
{
    const eg_written *last = NULL;
    bool is_bad = false;

    for (int i = 0; i < list->nelts; i++) {
        const eg_written *at = eg_written_item(list, i);
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
