/* SPDX-License-Identifier: Apache-2.0
 * The sections that have something of ours, where they are written, and what holds in them.
 *
 * Where they are written is in ap_conftree, what holds is in httpd's lists of sections; the n-th
 * <Location> of a host is the n-th of its list. */
#include "config/sections.h"

#include <string.h>
#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

APLOG_USE_MODULE(encgather);

static bool is_called(const ap_directive_t *node, const char *name)
{
    return ap_cstr_casecmp(node->directive, name) == 0;
}

static bool is_location(const ap_directive_t *node)
{
    return is_called(node, "<Location") || is_called(node, "<LocationMatch");
}

static bool is_directory(const ap_directive_t *node)
{
    return is_called(node, "<Directory") || is_called(node, "<DirectoryMatch");
}

static bool is_any_place(const ap_directive_t *node)
{
    return is_location(node) || is_directory(node) || is_called(node, "<Files") ||
           is_called(node, "<FilesMatch") || is_called(node, "<Proxy") ||
           is_called(node, "<ProxyMatch");
}

/* --- what a section has ------------------------------------------------------------------------ */

/* A name that somebody may have meant for one of ours counts, too: warnings need a place. */
static bool is_of_ours(const ap_directive_t *node)
{
    if (ap_cstr_casecmpn(node->directive, "EncGather", 9) == 0)
        return true;
    if (is_called(node, "SetHandler"))
        return ap_strcasestr(node->args, "gather") != NULL;
    return is_called(node, "Require") && (ap_strcasestr(node->args, "twilio-signature") ||
                                          ap_strcasestr(node->args, "webhook-signature"));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
static bool has_ours(const ap_directive_t *node)
{
    for (; node; node = node->next)
        if (is_of_ours(node) || has_ours(node->first_child))
            return true;
    return false;
}

static bool has_condition(const ap_directive_t *section)
{
    for (const ap_directive_t *node = section->first_child; node; node = node->next)
        if (ap_cstr_casecmpn(node->directive, "<If", 3) == 0)
            return true;
    return false;
}

static const char *first_word(apr_pool_t *pool, const char *args)
{
    return ap_getword_conf(pool, &args);
}

static const ap_directive_t *last_called(const ap_directive_t *node, const char *name)
{
    const ap_directive_t *last = NULL;

    for (; node; node = node->next)
        if (is_called(node, name))
            last = node;
    return last;
}

const ap_directive_t *eg_host_directive(const ap_directive_t *host, const char *name)
{
    const ap_directive_t *found = host ? last_called(host->first_child, name) : NULL;

    return found ? found : last_called(ap_conftree, name);
}

server_rec *eg_host_server(server_rec *main_server, const ap_directive_t *host)
{
    for (server_rec *s = main_server->next; s; s = s->next)
        if (s->defn_name && s->defn_line_number == (unsigned)host->line_num &&
            strcmp(s->defn_name, host->filename) == 0)
            return s;
    return NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
int eg_section_end(const ap_directive_t *section)
{
    int last = section->line_num;

    for (const ap_directive_t *node = section->first_child; node; node = node->next)
        if (strcmp(node->filename, section->filename) == 0) {
            int end = eg_section_end(node);

            last = end > last ? end : last;
        }
    return last;
}

/* --- what holds in it -------------------------------------------------------------------------- */

static const eg_config *config_in(const ap_conf_vector_t *section)
{
    return section ? ap_get_module_config(section, &encgather_module) : NULL;
}

static const eg_config *merge_over(apr_pool_t *pool, const eg_config *outer,
                                   const ap_conf_vector_t *section)
{
    eg_config *inner = section ? ap_get_module_config(section, &encgather_module) : NULL;

    return inner ? eg_config_merge(pool, (eg_config *)(apr_uintptr_t)outer, inner) : outer;
}

static bool is_below_or_at(const char *path, const char *section)
{
    apr_size_t n = strlen(section);

    n -= n > 0 && section[n - 1] == '/';
    return strncmp(path, section, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* As httpd looks for the sections of a URL. */
static bool section_covers(const ap_conf_vector_t *section, const char *path)
{
    const core_dir_config *core = ap_get_core_module_config(section);

    if (core->r)
        return ap_regexec(core->r, path, 0, NULL, 0) == 0;
    if (core->d_is_fnmatch)
        return apr_fnmatch(core->d, path, APR_FNM_PATHNAME) == APR_SUCCESS;
    return core->d && is_below_or_at(path, core->d);
}

static const apr_array_header_t *sections_of(const server_rec *s, bool directories)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);

    return directories ? core->sec_dir : core->sec_url;
}

static ap_conf_vector_t *section_at(const apr_array_header_t *sections, int i)
{
    return i >= 0 && i < sections->nelts ? APR_ARRAY_IDX(sections, i, ap_conf_vector_t *) : NULL;
}

static ap_conf_vector_t *directory_section(const server_rec *s, const char *path)
{
    const apr_array_header_t *sections = sections_of(s, true);

    for (int i = 0; i < sections->nelts; i++) {
        const core_dir_config *core = ap_get_core_module_config(section_at(sections, i));

        if (core->d && is_below_or_at(path, core->d) && is_below_or_at(core->d, path))
            return section_at(sections, i);
    }
    return NULL;
}

static const eg_config *config_of_path(apr_pool_t *pool, const server_rec *s, const char *path)
{
    const apr_array_header_t *sections = sections_of(s, false);
    const eg_config *config = config_in(s->lookup_defaults);

    for (int i = 0; i < sections->nelts; i++)
        if (section_covers(section_at(sections, i), path))
            config = merge_over(pool, config, section_at(sections, i));
    return config;
}

/* --- all of them ------------------------------------------------------------------------------- */

typedef struct {
    apr_pool_t *pool;
    apr_array_header_t *found; /* of eg_place */
} survey_of_places;

/* Every check asks for them: they are looked for once in a pool. */
static struct {
    const apr_pool_t *pool;
    const server_rec *main_server;
    apr_array_header_t *found;
} known;

static const char *title_of(apr_pool_t *pool, const ap_directive_t *node)
{
    apr_size_t n = strlen(node->args);

    return apr_pstrcat(pool, node->directive, " ", node->args,
                       n && node->args[n - 1] == '>' ? "" : ">", NULL);
}

/* Its path, or NULL where it is no plain one. */
static const char *plain_path(apr_pool_t *pool, const ap_directive_t *node)
{
    const char *args = apr_pstrmemdup(pool, node->args, strcspn(node->args, ">"));
    const char *path = first_word(pool, args);

    return is_called(node, "<Location") && *path == '/' && !strpbrk(path, "*?[") ? path : NULL;
}

static const eg_config *config_of_place(const survey_of_places *all, const eg_place *place, int nth)
{
    const eg_config *config = config_in(place->server->lookup_defaults);
    const ap_directive_t *node = place->node;

    if (place->path)
        return config_of_path(all->pool, place->server, place->path);
    if (is_location(node))
        return merge_over(all->pool, config, section_at(sections_of(place->server, false), nth));
    if (is_directory(node))
        return merge_over(
            all->pool, config,
            directory_section(place->server,
                              first_word(all->pool, apr_pstrmemdup(all->pool, node->args,
                                                                   strcspn(node->args, ">")))));
    return config;
}

/* nth: its place in httpd's list. */
static void note_place(survey_of_places *all, const ap_directive_t *node,
                       const ap_directive_t *host, server_rec *server, int nth)
{
    const ap_directive_t *handler = last_called(node->first_child, "SetHandler");
    eg_place place = {.node = node,
                      .host = host,
                      .server = server,
                      .title = title_of(all->pool, node),
                      .path = plain_path(all->pool, node),
                      .handler = handler ? first_word(all->pool, handler->args) : NULL,
                      .is_conditional = has_condition(node)};

    place.config = config_of_place(all, &place, nth);
    APR_ARRAY_PUSH(all->found, eg_place) = place;
}

/* Those of one host, behind those that it inherits. */
static int note_places(survey_of_places *all, const ap_directive_t *node,
                       const ap_directive_t *host, server_rec *server, int inherited)
{
    int locations = inherited;

    for (; node; node = node->next) {
        if (is_any_place(node) && has_ours(node->first_child))
            note_place(all, node, host, server, locations);
        locations += is_location(node);
    }
    return locations;
}

/* Whether sections of the main server may have another configuration in that host. */
static bool differs(const server_rec *a, const server_rec *b)
{
    const eg_config *one = config_in(a->lookup_defaults), *other = config_in(b->lookup_defaults);
    bool same = true;

    if (!one || !other)
        return one != other;
#define EG_SAME(type, name, unset) same = same && one->name == other->name;
    EG_CONFIG_MEMBERS(EG_SAME)
#undef EG_SAME
    return !same;
}

static const char *line_key(apr_pool_t *pool, const char *file, unsigned line)
{
    return apr_psprintf(pool, "%u %s", line, file);
}

/* The virtual hosts, by where they are written. Where that is twice the same, the first of httpd's list. */
static apr_hash_t *hosts_by_line(apr_pool_t *pool, server_rec *main_server)
{
    apr_hash_t *hosts = apr_hash_make(pool);

    for (server_rec *s = main_server->next; s; s = s->next) {
        const char *key = s->defn_name ? line_key(pool, s->defn_name, s->defn_line_number) : NULL;

        if (key && !apr_hash_get(hosts, key, APR_HASH_KEY_STRING))
            apr_hash_set(hosts, key, APR_HASH_KEY_STRING, s);
    }
    return hosts;
}

static server_rec *host_at(apr_pool_t *pool, apr_hash_t *hosts, const ap_directive_t *node)
{
    if (!is_called(node, "<VirtualHost"))
        return NULL;
    return apr_hash_get(hosts, line_key(pool, node->filename, (unsigned)node->line_num),
                        APR_HASH_KEY_STRING);
}

static apr_array_header_t *find_all(apr_pool_t *pool, server_rec *main_server)
{
    survey_of_places all = {pool, apr_array_make(pool, 8, sizeof(eg_place))};
    apr_hash_t *hosts = hosts_by_line(pool, main_server);
    int locations = note_places(&all, ap_conftree, NULL, main_server, 0);

    for (const ap_directive_t *host = ap_conftree; host; host = host->next) {
        server_rec *s = host_at(pool, hosts, host);

        if (!s)
            continue;
        if (differs(main_server, s))
            (void)note_places(&all, ap_conftree, host, s, 0);
        (void)note_places(&all, host->first_child, host, s, locations);
    }
    return all.found;
}

static apr_status_t forget_known(void *unused)
{
    (void)unused;
    known.pool = NULL;
    return APR_SUCCESS;
}

apr_array_header_t *eg_sections_find(apr_pool_t *pool, server_rec *main_server)
{
    if (known.pool == pool && known.main_server == main_server)
        return known.found;
    known.found = find_all(pool, main_server);
    known.pool = pool;
    known.main_server = main_server;
    apr_pool_cleanup_register(pool, NULL, forget_known, apr_pool_cleanup_null);
    return known.found;
}

bool eg_place_covers(apr_pool_t *pool, const eg_place *place, const char *path)
{
    return place->path &&
           is_below_or_at(apr_pstrmemdup(pool, path, strcspn(path, "?")), place->path);
}

/* --- what is wrong with them --------------------------------------------------------------------- */

bool eg_server_is_running(void)
{
    return ap_state_query(AP_SQ_CONFIG_GEN) > 1;
}

bool eg_section_may_go_on(server_rec *main_server, const eg_place *place, const char *tag,
                          const char *wrong)
{
    if (!wrong)
        return true;
    ap_log_error(APLOG_MARK, eg_server_is_running() ? APLOG_ALERT : APLOG_ERR, 0, main_server,
                 "%s%s (line %d of %s): %s", tag, place->title, place->node->line_num,
                 place->node->filename, wrong);
    return eg_server_is_running();
}

bool eg_sections_may_go_on(apr_pool_t *ptemp, server_rec *main_server, const char *tag,
                           const char *(*fault)(apr_pool_t *pool, const eg_place *place))
{
    const apr_array_header_t *places = eg_sections_find(ptemp, main_server);
    bool good = true;

    for (int i = 0; i < places->nelts; i++) {
        const eg_place *place = &APR_ARRAY_IDX(places, i, eg_place);

        if (!place->is_conditional)
            good = eg_section_may_go_on(main_server, place, tag, fault(ptemp, place)) && good;
    }
    return good;
}
