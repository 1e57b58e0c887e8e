/* SPDX-License-Identifier: Apache-2.0
 * Directives: what an administrator may write, checked as it is read. */
#include "encgather.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <http_core.h>
#include "lookup.h"
#include "store.h"

#define MAX_BODY_LIMIT (16 * 1024 * 1024)
#define MAX_BODY_DEFAULT 65536

static apr_array_header_t *lookups; /* of eg_lookup *, of this reading */
static bool has_unsigned;
static bool has_handlers;

void eg_config_reset(apr_pool_t *pconf)
{
    lookups = apr_array_make(pconf, 2, sizeof(eg_lookup *));
    has_unsigned = false;
    has_handlers = false;
    eg_store_reset(pconf);
}

bool eg_config_has_unsigned(void)
{
    return has_unsigned;
}

bool eg_config_has_handlers(void)
{
    return has_handlers;
}

#define EG_UNSET(type, name, unset) config->name = unset;
#define EG_MERGE(type, name, unset) config->name = over->name != unset ? over->name : from->name;

void *eg_config_create(apr_pool_t *pool, char *where)
{
    eg_config *config = apr_palloc(pool, sizeof *config);

    (void)where;
    EG_CONFIG_MEMBERS(EG_UNSET)
    return config;
}

void *eg_config_merge(apr_pool_t *pool, void *outer, void *inner)
{
    const eg_config *from = outer, *over = inner;
    eg_config *config = apr_palloc(pool, sizeof *config);

    EG_CONFIG_MEMBERS(EG_MERGE)
    return config;
}

void *eg_server_create(apr_pool_t *pool, server_rec *s)
{
    eg_server *config = apr_palloc(pool, sizeof *config);

    (void)s;
    EG_SERVER_MEMBERS(EG_UNSET)
    return config;
}

void *eg_server_merge(apr_pool_t *pool, void *outer, void *inner)
{
    const eg_server *from = outer, *over = inner;
    eg_server *config = apr_palloc(pool, sizeof *config);

    EG_SERVER_MEMBERS(EG_MERGE)
    return config;
}

bool eg_redacts(const server_rec *s)
{
    const eg_server *config = ap_get_module_config(s->module_config, &encgather_module);

    return config->redact != 0;
}

const eg_config *eg_config_of(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &encgather_module);
}

eg_check eg_config_signature(const eg_config *config)
{
    return config->signature < 0 ? EG_CHECK_ON : (eg_check)config->signature;
}

apr_size_t eg_config_max_body(const eg_config *config)
{
    return config->max_body < 0 ? MAX_BODY_DEFAULT : (apr_size_t)config->max_body;
}

const eg_fields *eg_config_fields(const eg_config *config)
{
    (void)config;
    return &eg_default_fields;
}

/* --- directives --------------------------------------------------------------------------- */

/* A message of the form that httpd puts behind "Syntax error on line ...". */
static const char *complain(cmd_parms *cmd, const char *what)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", what, NULL);
}

static const char *add_file(cmd_parms *cmd, eg_store_kind kind, const char *path,
                            const eg_store_entry **entry)
{
    const char *absolute = ap_server_root_relative(cmd->pool, path);

    if (!*path || !absolute)
        return complain(cmd, "needs the path of a file");
    *entry = eg_store_add(cmd->pool, kind, absolute);
    return NULL;
}

static const char *set_key_file(cmd_parms *cmd, void *config, const char *path)
{
    return add_file(cmd, EG_KEY_FILE, path, &((eg_config *)config)->keys);
}

static const char *set_token_file(cmd_parms *cmd, void *config, const char *path)
{
    return add_file(cmd, EG_TOKEN_FILE, path, &((eg_config *)config)->tokens);
}

static const char *set_signature(cmd_parms *cmd, void *config, const char *word)
{
    static const char *const words[] = {"on", "observe", "off"};

    for (int i = 0; i < 3; i++)
        if (ap_cstr_casecmp(word, words[i]) == 0) {
            ((eg_config *)config)->signature = i;
            has_unsigned |= i == EG_CHECK_OFF;
            return NULL;
        }
    return complain(cmd, "is on, observe or off");
}

/* A whole number in decimal digits, within bounds. */
static bool parse_number(const char *text, long least, long most, int *number)
{
    char *end;
    long value;

    if (!eg_is_digit(*text) || strlen(text) > 9)
        return false;
    value = strtol(text, &end, 10);
    *number = (int)value;
    return *end == '\0' && value >= least && value <= most;
}

static const char *set_max_body(cmd_parms *cmd, void *config, const char *text)
{
    int number;

    if (!parse_number(text, 1, MAX_BODY_LIMIT, &number))
        return complain(cmd, "is a number of bytes from 1 to 16777216");
    ((eg_config *)config)->max_body = number;
    return NULL;
}

static bool good_port(eg_span port)
{
    int number = 0;
    char text[6] = "";

    if (port.n < 1 || port.n > 5)
        return false;
    memcpy(text, port.p, port.n);
    return text[0] != '0' && parse_number(text, 1, 65535, &number);
}

static bool good_host(eg_span host)
{
    bool literal = host.n > 2 && host.p[0] == '[';

    for (apr_size_t i = 0; i < host.n; i++)
        if (!eg_is_alnum(host.p[i]) && !strchr(literal ? "[]:." : "-._", host.p[i]))
            return false;
    return host.n > 0;
}

static bool parse_scheme(const char *text, eg_public_url *url)
{
    const char *rest = strstr(text, "://");

    if (!rest)
        return false;
    url->origin.scheme = (eg_span){text, (apr_size_t)(rest - text)};
    return eg_span_eq(url->origin.scheme, EG_LIT("https")) ||
           eg_span_eq(url->origin.scheme, EG_LIT("http"));
}

static const char *set_public_url(cmd_parms *cmd, void *config, const char *text)
{
    eg_public_url *url = apr_pcalloc(cmd->pool, sizeof *url);
    const char *colon;

    url->text = text;
    if (!parse_scheme(text, url) ||
        !eg_origin_split(eg_span_of(text + url->origin.scheme.n + 3), &url->origin) ||
        !good_host(url->origin.host))
        return complain(cmd, "is https://host or https://host:port, without a path");
    colon = url->origin.host.p + url->origin.host.n;
    if (*colon == ':' && !good_port(url->origin.port))
        return complain(cmd, "has a port that is no number from 1 to 65535");
    ((eg_config *)config)->public_url = url;
    return NULL;
}

static const char *check_backend_url(cmd_parms *cmd, const char *text, eg_backend *backend)
{
    apr_uri_t uri;

    if (apr_uri_parse(cmd->pool, text, &uri) != APR_SUCCESS || !uri.hostname || !*uri.hostname)
        return complain(cmd, "is a path of this server (/...) or an URL with a host");
    if (strcmp(uri.scheme, "http") != 0 && strcmp(uri.scheme, "https") != 0)
        return complain(cmd, "knows http:// and https://; for other protocols name a path here "
                             "and that path in ProxyPass");
    if (uri.user || uri.password || uri.fragment)
        return complain(cmd, "takes no user, password or fragment in the URL");
    if (!uri.path)
        uri.path = apr_pstrdup(cmd->pool, "/");
    backend->url = apr_uri_unparse(cmd->pool, &uri, 0);
    return NULL;
}

static bool is_clean_url(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

static const char *set_backend(cmd_parms *cmd, void *config, const char *text)
{
    eg_backend *backend = apr_pcalloc(cmd->pool, sizeof *backend);
    const char *wrong = NULL;

    if (!is_clean_url(text) || strchr(text, '#'))
        return complain(cmd, "has a blank, a control character or a fragment in it");
    if (*text == '/')
        backend->path = text;
    else if (strstr(text, "://"))
        wrong = check_backend_url(cmd, text, backend);
    else
        wrong = complain(cmd, "is a path of this server (/...) or an absolute URL");
    if (!wrong)
        ((eg_config *)config)->backend = backend;
    has_handlers = true;
    return wrong;
}

static const char *set_redact(cmd_parms *cmd, void *config, int on)
{
    eg_server *server = ap_get_module_config(cmd->server->module_config, &encgather_module);

    (void)config;
    server->redact = on;
    return NULL;
}

/* Counts %s as apr_dbd_prepare() does; -1 for a format that is not text. "%%" is a percent sign. */
static int count_arguments(const char *query)
{
    int n = 0;

    for (const char *p = query; *p; p++) {
        if (*p != '%')
            continue;
        p++;
        if (*p == 's')
            n++;
        else if (eg_is_alnum(*p) && !eg_is_digit(*p))
            return -1;
        if (!*p)
            break;
    }
    return n;
}

static bool is_name(const char *text)
{
    const char *p = text;

    while (eg_is_alnum(*p) || *p == '_' || *p == '-')
        p++;
    return p > text && *p == '\0' && p - text <= 64;
}

static const char *check_lookup(cmd_parms *cmd, const eg_lookup *lookup)
{
    int wanted = count_arguments(lookup->query);

    if (!*lookup->query)
        return complain(cmd, "needs an SQL query");
    if (wanted < 0)
        return complain(cmd, "knows %s in the query (and %% for a percent sign), no other format");
    if (lookup->args->nelts == 0)
        return complain(cmd, "needs the name of a field for each %s of the query");
    if (wanted != lookup->args->nelts)
        return complain(cmd, apr_psprintf(cmd->pool,
                                          "has %d times %%s in the query, but %d "
                                          "argument%s behind it",
                                          wanted, lookup->args->nelts,
                                          lookup->args->nelts == 1 ? "" : "s"));
    return NULL;
}

/* mod_dbd complains about a label that a server has already, even for the same query. */
static const char *prepare_lookup(cmd_parms *cmd, eg_lookup *lookup)
{
    const char *wrong;

    for (int i = 0; i < lookups->nelts; i++) {
        const eg_lookup *other = APR_ARRAY_IDX(lookups, i, const eg_lookup *);

        if (other->server == lookup->server && strcmp(other->label, lookup->label) == 0)
            return NULL;
    }
    wrong = eg_lookup_prepare(cmd->server, lookup);
    APR_ARRAY_PUSH(lookups, const eg_lookup *) = lookup;
    return wrong ? complain(cmd, wrong) : NULL;
}

static const char *set_lookup(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    eg_lookup *lookup = apr_pcalloc(cmd->pool, sizeof *lookup);
    apr_array_header_t *args = apr_array_make(cmd->pool, 2, sizeof(const char *));
    const char *wrong;

    if (argc < 1)
        return complain(cmd, "needs an SQL query and the fields whose plaintext it takes");
    for (int i = 1; i < argc; i++) {
        if (!is_name(argv[i]))
            return complain(cmd,
                            apr_psprintf(cmd->pool, "'%s' is not the name of a field", argv[i]));
        APR_ARRAY_PUSH(args, const char *) = argv[i];
    }
    lookup->query = argv[0];
    lookup->args = args;
    lookup->server = cmd->server;
    lookup->label = apr_pstrcat(cmd->pool, "encgather: ", lookup->query, NULL);
    wrong = check_lookup(cmd, lookup);
    if (!wrong)
        wrong = prepare_lookup(cmd, lookup);
    ((eg_config *)config)->lookup = lookup;
    has_handlers = true;
    return wrong;
}

/* No OR_... flag in any of them: a .htaccess never has a say (it would hand out decryption). */
#define ANYWHERE (RSRC_CONF | ACCESS_CONF)
#define LOCATIONS ACCESS_CONF

const command_rec eg_commands[] = {
    AP_INIT_TAKE1("EncGatherKeyFile", set_key_file, NULL, ANYWHERE,
                  "the file with the AES-256 key or key ring"),
    AP_INIT_TAKE1("EncGatherAuthTokenFile", set_token_file, NULL, ANYWHERE,
                  "the file with the Twilio auth tokens, one a line"),
    AP_INIT_TAKE1("EncGatherSignature", set_signature, NULL, ANYWHERE, "on, observe or off"),
    AP_INIT_TAKE1("EncGatherPublicURL", set_public_url, NULL, ANYWHERE,
                  "the origin that Twilio calls: https://host[:port]"),
    AP_INIT_TAKE1("EncGatherBackend", set_backend, NULL, LOCATIONS,
                  "where the encrypted fields go: a path of this server or an absolute URL"),
    AP_INIT_TAKE_ARGV("EncGatherLookup", set_lookup, NULL, LOCATIONS,
                      "an SQL query and the field for each %s in it"),
    AP_INIT_TAKE1("EncGatherMaxBody", set_max_body, NULL, ANYWHERE,
                  "the largest body of a webhook in bytes"),
    AP_INIT_FLAG("EncGatherRedact", set_redact, NULL, RSRC_CONF,
                 "on or off: mask Digits and SpeechResult of query strings in every log"),
    {.name = NULL}};
