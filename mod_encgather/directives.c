/* SPDX-License-Identifier: Apache-2.0
 * Directives: what an administrator may write, checked as it is read. */
#include "directives.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include "log.h"
#include "store.h"

APLOG_USE_MODULE(encgather);

#define MAX_BODY_LIMIT (16 * 1024 * 1024)

static bool has_unsigned;
static bool has_handlers;
static apr_array_header_t *url_backends; /* of const ap_directive_t *, of this reading */

void eg_config_reset(apr_pool_t *pconf)
{
    eg_lookups_reset(pconf);
    has_unsigned = false;
    has_handlers = false;
    url_backends = apr_array_make(pconf, 2, sizeof(const ap_directive_t *));
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

void eg_config_note_handler(cmd_parms *cmd)
{
    has_handlers = true;
    eg_server_note_use(cmd);
}

/* A message of the form that httpd puts behind "Syntax error on line ...". */
const char *eg_complain(cmd_parms *cmd, const char *what)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", what, NULL);
}

static const char *add_file(cmd_parms *cmd, eg_store_kind kind, const char *path,
                            const eg_store_entry **entry)
{
    const char *absolute = ap_server_root_relative(cmd->pool, path);

    if (!*path || !absolute)
        return eg_complain(cmd, "needs the path of a file");
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
    return eg_complain(cmd, "is on, observe or off");
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

bool eg_is_clean_word(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

static const char *set_number(cmd_parms *cmd, const char *text, long most, int *member)
{
    int number;

    if (!parse_number(text, 1, most, &number))
        return eg_complain(cmd, apr_psprintf(cmd->pool, "is a number from 1 to %ld", most));
    *member = number;
    return NULL;
}

static const char *set_max_body(cmd_parms *cmd, void *config, const char *text)
{
    return set_number(cmd, text, MAX_BODY_LIMIT, &((eg_config *)config)->max_body);
}

static const char *set_attempts(cmd_parms *cmd, void *config, const char *text)
{
    return set_number(cmd, text, 10, &((eg_config *)config)->attempts);
}

static const char *set_timeout(cmd_parms *cmd, void *config, const char *text)
{
    return set_number(cmd, text, 600, &((eg_config *)config)->timeout);
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
        return eg_complain(cmd, "is https://host or https://host:port, without a path");
    colon = url->origin.host.p + url->origin.host.n;
    if (*colon == ':' && !good_port(url->origin.port))
        return eg_complain(cmd, "has a port that is no number from 1 to 65535");
    ((eg_config *)config)->public_url = url;
    return NULL;
}

/* mod_proxy may be loaded behind the section, so this is no syntax error. */
bool eg_config_check_urls(server_rec *s)
{
    const char *needed = "mod_proxy and mod_proxy_http: LoadModule proxy_module, proxy_http_module";

    if (ap_find_linked_module("mod_proxy.c"))
        needed = "mod_proxy_http: LoadModule proxy_http_module";
    if (ap_find_linked_module("mod_proxy_http.c"))
        return true;
    for (int i = 0; i < url_backends->nelts; i++) {
        const ap_directive_t *at = APR_ARRAY_IDX(url_backends, i, const ap_directive_t *);

        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     EG_TAG("0116") "EncGatherBackend (line %d of %s): a URL needs %s",
                     at->line_num, at->filename, needed);
    }
    return url_backends->nelts == 0;
}

static const char *check_backend_url(cmd_parms *cmd, const char *text, eg_backend *backend)
{
    apr_uri_t uri;

    if (apr_uri_parse(cmd->pool, text, &uri) != APR_SUCCESS || !uri.hostname || !*uri.hostname)
        return eg_complain(cmd, "is a path of this server (/...) or an URL with a host");
    if (strcmp(uri.scheme, "http") != 0 && strcmp(uri.scheme, "https") != 0)
        return eg_complain(cmd, "knows http:// and https://; for other protocols name a path here "
                                "and that path in ProxyPass");
    if (uri.user || uri.password || uri.fragment)
        return eg_complain(cmd, "takes no user, password or fragment in the URL");
    if (!uri.path)
        uri.path = apr_pstrdup(cmd->pool, "/");
    APR_ARRAY_PUSH(url_backends, const ap_directive_t *) = cmd->directive;
    backend->url = apr_uri_unparse(cmd->pool, &uri, 0);
    return NULL;
}

/* What is known here; where a path leads once rewriting and other sections have had their say, is seen
 * when it is called. */
static const char *check_backend_path(cmd_parms *cmd, const char *path)
{
    apr_size_t n = strcspn(path, "?");

    if (cmd->path && strlen(cmd->path) == n && memcmp(cmd->path, path, n) == 0)
        return eg_complain(cmd, "is the path of this very location: it would call itself");
    return NULL;
}

static const char *set_backend(cmd_parms *cmd, void *config, const char *text)
{
    eg_backend *backend = apr_pcalloc(cmd->pool, sizeof *backend);
    const char *wrong = NULL;

    if (!eg_is_clean_word(text) || strchr(text, '#'))
        return eg_complain(cmd, "has a blank, a control character or a fragment in it");
    if (*text == '/') {
        backend->path = text;
        wrong = check_backend_path(cmd, text);
    } else if (strstr(text, "://"))
        wrong = check_backend_url(cmd, text, backend);
    else
        wrong = eg_complain(cmd, "is a path of this server (/...) or an absolute URL");
    if (!wrong)
        ((eg_config *)config)->backend = backend;
    eg_config_note_handler(cmd);
    return wrong;
}

static const char *set_redact(cmd_parms *cmd, void *config, int on)
{
    eg_server *server = ap_get_module_config(cmd->server->module_config, &encgather_module);

    (void)config;
    server->redact = on;
    return NULL;
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
    AP_INIT_TAKE_ARGV("EncGatherLookup", eg_set_lookup, NULL, LOCATIONS,
                      "an SQL query and the field for each %s in it"),
    AP_INIT_TAKE1("EncGatherMaxBody", set_max_body, NULL, ANYWHERE,
                  "the largest body of a webhook in bytes"),
    AP_INIT_RAW_ARGS("EncGatherField", eg_add_field, NULL, ANYWHERE,
                     "name [option=value ...]: one field of the call, in call order"),
    AP_INIT_TAKE1("EncGatherAttempts", set_attempts, NULL, ANYWHERE,
                  "how often one field is asked before the call is given up"),
    AP_INIT_TAKE2("EncGatherSay", eg_set_say, NULL, ANYWHERE,
                  "an event and what the caller hears then"),
    AP_INIT_TAKE2("EncGatherThen", eg_set_then, NULL, ANYWHERE,
                  "an event and what follows its sentence: redirect=URL, dial=NUMBER or hangup"),
    AP_INIT_TAKE12("EncGatherVoice", eg_set_voice, NULL, ANYWHERE,
                   "voice and language for every <Say>"),
    AP_INIT_TAKE1("EncGatherTimeout", set_timeout, NULL, ANYWHERE,
                  "seconds for the backend's whole answer"),
    AP_INIT_TAKE_ARGV("EncGatherForward", eg_set_forward, NULL, ANYWHERE,
                      "webhook parameters that go to the backend beside the fields"),
    AP_INIT_FLAG("EncGatherRedact", set_redact, NULL, RSRC_CONF,
                 "on or off: mask Digits and SpeechResult of query strings in every log"),
    {.name = NULL}};
