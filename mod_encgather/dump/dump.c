/* SPDX-License-Identifier: Apache-2.0
 * "httpd -t -D DUMP_ENCGATHER": what is configured, as lines of JSON on standard output. */
#include "dump/dump.h"

#include <string.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_main.h>
#include <mpm_common.h>
#include <unixd.h>
#include "call/sentence.h"
#include "config/store.h"
#include "dump/database.h"
#include "dump/output.h"
#include "dump/store.h"
#include "version.h"

APLOG_USE_MODULE(encgather);

static bool is_whole;        /* the configuration was read to its end */
static unsigned mistakes;    /* of our directives */
static apr_pool_t *of_lines; /* while files are listed */

bool eg_dump_is_wanted(void)
{
    return ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST &&
           ap_exists_config_define("DUMP_ENCGATHER");
}

const char *eg_dump_take_error(const cmd_parms *cmd, const char *wrong)
{
    if (!wrong || !eg_dump_is_wanted())
        return wrong;
    mistakes++;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf, EG_TAG("0140") "%s (line %d of %s)",
                 wrong, cmd->directive->line_num, cmd->directive->filename);
    return NULL;
}

/* --- the server -------------------------------------------------------------------------------- */

static void write_server(apr_pool_t *pool)
{
    eg_jsonline line = eg_jsonline_begin(pool, "server");

    eg_jsonline_text(&line, "version", EG_VERSION);
    eg_jsonline_text(&line, "httpd", ap_get_server_description());
    eg_jsonline_text(&line, "file", ap_conftree ? ap_conftree->filename : NULL);
    if (ap_pid_fname)
        eg_jsonline_text(&line, "pid_file", ap_server_root_relative(pool, ap_pid_fname));
    eg_jsonline_text(&line, "user", ap_unixd_config.user_name);
    eg_jsonline_number(&line, "user_id", (long)ap_unixd_config.user_id);
    eg_jsonline_number(&line, "group_id", (long)ap_unixd_config.group_id);
    eg_jsonline_flag(&line, "whole", is_whole);
    eg_dump_line(&line);
}

static void write_config_file(apr_pool_t *pool, const char *path)
{
    eg_jsonline line = eg_jsonline_begin(pool, "config");

    eg_jsonline_text(&line, "path", path);
    eg_dump_line(&line);
}

/* Each once; what a macro made has no path.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
static void write_config_files(apr_pool_t *pool, const ap_directive_t *node, apr_hash_t *known)
{
    for (; node; node = node->next) {
        if (*node->filename == '/' && !apr_hash_get(known, node->filename, APR_HASH_KEY_STRING)) {
            apr_hash_set(known, node->filename, APR_HASH_KEY_STRING, node->filename);
            write_config_file(pool, node->filename);
        }
        write_config_files(pool, node->first_child, known);
    }
}

/* Its name, as httpd has it; what could not be read to its end has none. */
static const char *name_of_host(const ap_directive_t *host)
{
    const server_rec *s = eg_host_server(ap_server_conf, host);

    return s ? s->server_hostname : NULL;
}

static bool is_host(const ap_directive_t *node)
{
    return ap_cstr_casecmp(node->directive, "<VirtualHost") == 0;
}

static void write_hosts(apr_pool_t *pool, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        eg_jsonline line = eg_jsonline_begin(pool, "host");

        if (!is_host(node))
            continue;
        eg_jsonline_text(&line, "host", name_of_host(node));
        eg_jsonline_text(&line, "file", node->filename);
        eg_jsonline_number(&line, "line", node->line_num);
        eg_jsonline_number(&line, "last_line", eg_section_end(node));
        eg_dump_line(&line);
    }
}

/* --- files ------------------------------------------------------------------------------------- */

static const char *ids_of(apr_pool_t *pool, const eg_keyring *ring)
{
    const char *ids = NULL;

    for (apr_size_t i = 0; i < ring->n; i++)
        if (ring->keys[i].id[0])
            ids = ids ? apr_pstrcat(pool, ids, " ", ring->keys[i].id, NULL) : ring->keys[i].id;
    return ids;
}

static void count_tokens(const eg_jsonline *line, const eg_auth_tokens *tokens)
{
    long accounts = 0, shared = 0;

    for (apr_size_t i = 0; i < tokens->n; i++) {
        accounts += tokens->at[i].account.n > 0;
        shared += tokens->at[i].key.n > 0;
    }
    eg_jsonline_number(line, "auth_tokens", (long)tokens->n - shared);
    eg_jsonline_number(line, "of_accounts", accounts);
    eg_jsonline_number(line, "shared_keys", shared);
}

static void write_secret_file(server_rec *s, const eg_store_entry *entry)
{
    static const char *const words[] = {[EG_KEY_FILE] = "keys",
                                        [EG_TOKEN_FILE] = "tokens",
                                        [EG_RECIPIENT_FILE] = "recipient",
                                        [EG_PRIVATE_KEY_FILE] = "private key",
                                        [EG_STATE_KEY_FILE] = "state key",
                                        [EG_STATE_PASSWORD_FILE] = "state password"};
    eg_jsonline line = eg_jsonline_begin(of_lines, "file");

    (void)s;
    eg_jsonline_text(&line, "holds", words[entry->kind]);
    eg_jsonline_text(&line, "path", entry->path);
    eg_jsonline_flag(&line, "read",
                     entry->keys || entry->tokens || entry->has_facts || entry->text.p);
    eg_jsonline_text(&line, "kid", *entry->kid ? entry->kid : NULL);
    if (entry->has_facts) {
        eg_jsonline_text(&line, "key", eg_key_kind_name(entry->facts.kind));
        eg_jsonline_text(&line, "fingerprint", entry->facts.fingerprint);
    }
    if (entry->keys) {
        eg_jsonline_number(&line, "keys", (long)entry->keys->n);
        eg_jsonline_text(&line, "ids", ids_of(of_lines, entry->keys));
    }
    if (entry->tokens)
        count_tokens(&line, entry->tokens);
    eg_dump_line(&line);
}

/* --- places ------------------------------------------------------------------------------------ */

static const char *words_of(apr_pool_t *pool, const apr_array_header_t *words)
{
    return words ? apr_array_pstrcat(pool, words, ' ') : NULL;
}

static const char *field_names(apr_pool_t *pool, const eg_fields *fields)
{
    const char *names = "";

    for (unsigned i = 0; i < fields->n; i++)
        names = apr_pstrcat(pool, names, i ? " " : "", fields->at[i].name, NULL);
    return names;
}

/* Without user, password and query: what stands there may be a secret. */
static const char *address_of(apr_pool_t *pool, const char *url)
{
    const char *bars = strstr(url, "://"), *host = bars ? bars + 3 : url;
    const char *address = apr_pstrmemdup(pool, host, strcspn(host, "?"));
    const char *slash = strchr(address, '/');
    apr_size_t n = slash ? (apr_size_t)(slash - address) : strlen(address);

    for (; bars && n > 0; n--)
        if (address[n - 1] == '@')
            return apr_pstrcat(pool, apr_pstrmemdup(pool, url, (apr_size_t)(host - url)),
                               address + n, NULL);
    return apr_pstrcat(pool, apr_pstrmemdup(pool, url, (apr_size_t)(host - url)), address, NULL);
}

static const char *lockout_words(apr_pool_t *pool, const eg_lockout *lockout)
{
    if (!lockout)
        return NULL;
    return apr_psprintf(pool, "%d %d by=%s%s%s fail=%s", lockout->failures, lockout->seconds,
                        lockout->by, *lockout->scope ? " scope=" : "", lockout->scope,
                        lockout->fails_closed ? "closed" : "open");
}

static void write_gather(apr_pool_t *pool, const eg_jsonline *line, const eg_config *config)
{
    const eg_backend *backend = config->backend;

    if (!backend)
        return;
    eg_jsonline_text(line, "backend",
                     address_of(pool, backend->path ? backend->path : backend->url));
    eg_jsonline_text(line, "fields", field_names(pool, eg_config_fields(config)));
    eg_jsonline_number(line, "attempts", (long)eg_config_attempts(config));
    eg_jsonline_text(line, "forward", words_of(pool, config->forward));
    eg_jsonline_text(line, "lockout", lockout_words(pool, eg_config_lockout(config)));
}

static void write_lookup(apr_pool_t *pool, const eg_jsonline *line, const eg_config *config)
{
    if (!config->lookup)
        return;
    eg_jsonline_text(line, "lookup", config->lookup->query);
    eg_jsonline_text(line, "demands", words_of(pool, config->lookup->fields));
    eg_jsonline_flag(line, "exposed", config->expose > 0);
    if (config->single_use > 0)
        eg_jsonline_flag(line, "single_use", true);
}

static const char *kids_of(apr_pool_t *pool, const eg_envelope_list *list)
{
    const char *kids = NULL;

    for (unsigned i = 0; list && i < list->n; i++)
        kids = apr_pstrcat(pool, kids ? kids : "", kids ? " " : "", list->at[i]->kid, NULL);
    return kids;
}

/* The one that is made first. */
static const char *formats_read(apr_pool_t *pool, eg_token_formats formats)
{
    const char *names = eg_formats[formats.made]->name;

    for (unsigned i = 0; i < EG_FORMATS; i++)
        if (i != (unsigned)formats.made && (formats.reads & EG_READS(i)))
            names = apr_pstrcat(pool, names, " ", eg_formats[i]->name, NULL);
    return names;
}

static void write_tokens(apr_pool_t *pool, const eg_jsonline *line, const eg_config *config)
{
    const eg_token_formats formats = eg_config_formats(config);

    eg_jsonline_text(line, "makes", eg_formats[formats.made]->name);
    eg_jsonline_text(line, "reads", formats_read(pool, formats));
    eg_jsonline_text(line, "recipients", kids_of(pool, config->recipients));
    eg_jsonline_text(line, "private_keys", kids_of(pool, config->privates));
    if (eg_formats[formats.made]->binds)
        eg_jsonline_number(line, "token_ttl", (long)eg_config_token_ttl(config));
}

static void write_place(apr_pool_t *pool, const eg_place *place)
{
    static const char *const checks[] = {"on", "observe", "off"};
    const eg_config *config = place->config;
    eg_jsonline line = eg_dump_begin_of(pool, "place", place);

    eg_jsonline_text(&line, "path", place->path);
    eg_jsonline_text(&line, "handler", place->handler);
    eg_jsonline_flag(&line, "requires", config->has_require > 0);
    eg_jsonline_flag(&line, "shields", eg_config_shield(config) != NULL);
    eg_jsonline_flag(&line, "reveals", eg_config_reveal(config) != NULL);
    eg_jsonline_flag(&line, "conditional", place->is_conditional);
    eg_jsonline_text(&line, "key_file", config->keys ? config->keys->path : NULL);
    eg_jsonline_text(&line, "token_file", config->tokens ? config->tokens->path : NULL);
    eg_jsonline_text(&line, "provider", eg_config_provider(config)->name);
    eg_jsonline_text(&line, "signature", checks[eg_config_signature(config)]);
    eg_jsonline_text(&line, "public_url", config->public_url ? config->public_url->text : NULL);
    eg_jsonline_number(&line, "max_body", (long)eg_config_max_body(config));
    eg_jsonline_number(&line, "timeout", (long)apr_time_sec(eg_config_timeout(config)));
    write_tokens(pool, &line, config);
    write_gather(pool, &line, config);
    write_lookup(pool, &line, config);
    eg_dump_line(&line);
}

/* --- where a path leads ------------------------------------------------------------------------ */

static void write_proxy(apr_pool_t *pool, const char *host, const char *path, const char *to)
{
    eg_jsonline line = eg_jsonline_begin(pool, "proxy");

    eg_jsonline_text(&line, "host", host);
    eg_jsonline_text(&line, "path", path);
    eg_jsonline_text(&line, "to", address_of(pool, to));
    eg_dump_line(&line);
}

/* "<Proxy balancer://name>" and "<Location /path>" say the path for what stands in them. */
static const char *path_of_section(apr_pool_t *pool, const ap_directive_t *section)
{
    const char *args = apr_pstrmemdup(pool, section->args, strcspn(section->args, ">"));

    return ap_getword_conf(pool, &args);
}

static void note_proxy(apr_pool_t *pool, const char *host, const ap_directive_t *node)
{
    const char *args = node->args, *first = ap_getword_conf(pool, &args);
    const char *second = ap_getword_conf(pool, &args);
    bool is_member = ap_cstr_casecmp(node->directive, "BalancerMember") == 0;

    if (!is_member && ap_cstr_casecmp(node->directive, "ProxyPass") != 0)
        return;
    if (node->parent && !is_host(node->parent) && *first != '/')
        write_proxy(pool, host, path_of_section(pool, node->parent), first);
    else
        write_proxy(pool, host, first, second);
}

/* ProxyPass of a server and of its locations, and the members of balancers.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as the administrator's sections */
static void write_proxies(apr_pool_t *pool, const char *host, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        note_proxy(pool, host, node);
        write_proxies(pool, is_host(node) ? name_of_host(node) : host, node->first_child);
    }
}

/* --- columns ----------------------------------------------------------------------------------- */

/* Each once. */
static void note_column(apr_array_header_t *columns, const char *name)
{
    for (int i = 0; i < columns->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(columns, i, const char *), name) == 0)
            return;
    APR_ARRAY_PUSH(columns, const char *) = name;
}

static void note_columns(apr_array_header_t *columns, const eg_say *say)
{
    for (int i = 0; say->parts && i < say->parts->nelts; i++) {
        const eg_say_part *part = &APR_ARRAY_IDX(say->parts, i, eg_say_part);

        if (part->kind != EG_SAY_TEXT && strcmp(part->text, "outcome") != 0)
            note_column(columns, part->text);
    }
}

/* What the gathers that ask this place say of the row found. */
static apr_array_header_t *columns_for(apr_pool_t *pool, const apr_array_header_t *places,
                                       const eg_place *asked)
{
    apr_array_header_t *columns = apr_array_make(pool, 4, sizeof(const char *));

    for (int i = 0; i < places->nelts; i++) {
        const eg_place *asks = &APR_ARRAY_IDX(places, i, eg_place);
        const eg_backend *backend = asks->config->backend;
        const eg_then *then = eg_config_then(asks->config, EG_SAY_FOUND);
        const eg_say *say = eg_sentence_template(asks->config, EG_SAY_FOUND);

        if (asks->server != asked->server || !backend || !backend->path ||
            !eg_place_covers(pool, asked, backend->path))
            continue;
        if (say)
            note_columns(columns, say);
        if (then)
            note_columns(columns, &then->target);
    }
    return columns;
}

/* --- all of it --------------------------------------------------------------------------------- */

bool eg_dump_write(apr_pool_t *pool, server_rec *s)
{
    apr_array_header_t *places = eg_sections_find(pool, s);
    bool asks = ap_exists_config_define("DUMP_ENCGATHER_DATABASES");

    is_whole = true;
    write_server(pool);
    write_config_files(pool, ap_conftree, apr_hash_make(pool));
    write_hosts(pool, ap_conftree);
    of_lines = pool;
    eg_store_each(s, write_secret_file);
    eg_dump_store(pool);
    write_proxies(pool, NULL, ap_conftree);
    for (int i = 0; i < places->nelts; i++)
        write_place(pool, &APR_ARRAY_IDX(places, i, eg_place));
    for (int i = 0; asks && i < places->nelts; i++) {
        const eg_place *place = &APR_ARRAY_IDX(places, i, eg_place);

        if (place->config->lookup)
            eg_dump_database(pool, place, columns_for(pool, places, place));
    }
    return mistakes == 0;
}

void eg_dump_announce(apr_pool_t *pool, const char *by)
{
    eg_jsonline line = eg_jsonline_begin(pool, "by");

    eg_jsonline_text(&line, "by", by);
    eg_dump_line(&line);
}

/* --- where httpd stopped ----------------------------------------------------------------------- */

static void (*look_at_rest)(apr_pool_t *pool, server_rec *s);

static apr_status_t tell_what_is_known(void *unused)
{
    apr_pool_t *pool;

    (void)unused;
    if (is_whole || !ap_conftree || !ap_server_conf || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return APR_SUCCESS;
    write_server(pool);
    write_config_files(pool, ap_conftree, apr_hash_make(pool));
    write_hosts(pool, ap_conftree);
    look_at_rest(pool, ap_server_conf);
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

void eg_dump_prepare(apr_pool_t *pconf, void (*look)(apr_pool_t *pool, server_rec *s))
{
    is_whole = false;
    mistakes = 0;
    look_at_rest = look;
    if (eg_dump_is_wanted())
        apr_pool_pre_cleanup_register(pconf, NULL, tell_what_is_known);
}
