/* SPDX-License-Identifier: Apache-2.0
 * Directives: what an administrator may write, checked as it is read. */
#include "config/directives.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include "base/purposes.h"
#include "config/store.h"

APLOG_USE_MODULE(encgather);

#define MAX_BODY_LIMIT (16 * 1024 * 1024)

static bool has_handlers;
static int largest_body;
static apr_array_header_t *url_backends; /* of const ap_directive_t *, of this reading */

void eg_config_reset(apr_pool_t *pconf)
{
    has_handlers = false;
    largest_body = 0;
    url_backends = apr_array_make(pconf, 2, sizeof(const ap_directive_t *));
    eg_store_reset(pconf);
}

bool eg_config_has_handlers(void)
{
    return has_handlers;
}

apr_size_t eg_config_largest_body(const eg_config *config)
{
    apr_size_t own = eg_config_max_body(config);

    return own > (apr_size_t)largest_body ? own : (apr_size_t)largest_body;
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

const char *eg_add_file(cmd_parms *cmd, eg_store_kind kind, const char *path, const char *kid,
                        const eg_store_entry **entry)
{
    const char *absolute = ap_server_root_relative(cmd->pool, path);

    if (!*path || !absolute)
        return eg_complain(cmd, "needs the path of a file");
    *entry = eg_store_add(cmd->pool, kind, absolute, kid);
    return NULL;
}

const char *eg_set_key_file(cmd_parms *cmd, void *config, const char *path)
{
    return eg_add_file(cmd, EG_KEY_FILE, path, "", &((eg_config *)config)->keys);
}

const char *eg_set_token_file(cmd_parms *cmd, void *config, const char *path)
{
    return eg_add_file(cmd, EG_TOKEN_FILE, path, "", &((eg_config *)config)->tokens);
}

const char *eg_set_provider(cmd_parms *cmd, void *config, const char *word)
{
    const eg_provider *provider = eg_provider_named(word);

    if (!provider)
        return eg_complain(cmd, "is one of " EG_PROVIDER_NAMES);
    ((eg_config *)config)->provider = provider;
    return NULL;
}

const char *eg_set_signature_check(cmd_parms *cmd, void *config, const char *word)
{
    static const char *const words[] = {"on", "observe", "off"};

    for (int i = 0; i < 3; i++)
        if (ap_cstr_casecmp(word, words[i]) == 0) {
            ((eg_config *)config)->signature = i;
            return NULL;
        }
    return eg_complain(cmd, "is on, observe or off");
}

bool eg_is_clean_word(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

const char *eg_set_number(cmd_parms *cmd, const char *text, unsigned most, int *member)
{
    unsigned number;

    if (!eg_read_number(&text, most, &number) || *text)
        return eg_complain(cmd, apr_psprintf(cmd->pool, "is a number from 1 to %u", most));
    *member = (int)number;
    return NULL;
}

const char *eg_set_max_body(cmd_parms *cmd, void *config, const char *text)
{
    int *member = &((eg_config *)config)->max_body;
    const char *wrong = eg_set_number(cmd, text, MAX_BODY_LIMIT, member);

    if (!wrong && *member > largest_body)
        largest_body = *member;
    return wrong;
}

const char *eg_set_attempts(cmd_parms *cmd, void *config, const char *text)
{
    return eg_set_number(cmd, text, 10, &((eg_config *)config)->attempts);
}

const char *eg_set_timeout(cmd_parms *cmd, void *config, const char *text)
{
    return eg_set_number(cmd, text, 600, &((eg_config *)config)->timeout);
}

static bool good_port(eg_span port)
{
    const char *p = port.p;
    unsigned number;

    return port.n && *p != '0' && eg_read_number(&p, 65535, &number) && p == port.p + port.n;
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

/* One of them in a path, however its dots are escaped. */
static bool is_dots(eg_span segment)
{
    unsigned dots = 0;

    for (apr_size_t i = 0; i < segment.n; dots++) {
        bool escaped = segment.n - i >= 3 && ap_cstr_casecmpn(segment.p + i, "%2e", 3) == 0;

        if (!escaped && segment.p[i] != '.')
            return false;
        i += escaped ? 3 : 1;
    }
    return dots == 1 || dots == 2;
}

/* Between two slashes: what RFC 3986 (3.3) allows there. */
static bool good_segment(eg_span segment)
{
    for (apr_size_t i = 0; i < segment.n; i++) {
        const char *c = &segment.p[i];

        if (!eg_is_alnum(*c) && !strchr("-._~!$&'()*+,;=:@%", *c))
            return false;
        if (*c == '%' && (segment.n - i < 3 || eg_hex_value(c[1]) < 0 || eg_hex_value(c[2]) < 0))
            return false;
    }
    return segment.n > 0 && !is_dots(segment);
}

/* Empty or of segments that each begin with a slash. */
static bool good_prefix(eg_span prefix)
{
    while (prefix.n) {
        eg_span segment = {prefix.p + 1, 0};

        while (segment.n + 1 < prefix.n && segment.p[segment.n] != '/')
            segment.n++;
        if (!good_segment(segment))
            return false;
        prefix.p += segment.n + 1;
        prefix.n -= segment.n + 1;
    }
    return true;
}

static bool split_public_url(cmd_parms *cmd, const char *text, eg_public_url *url)
{
    const char *authority, *path;
    apr_size_t n = strlen(text);

    if (!parse_scheme(text, url))
        return false;
    authority = text + url->origin.scheme.n + 3;
    path = authority + strcspn(authority, "/");
    n -= *path && text[n - 1] == '/';
    url->text = apr_pstrmemdup(cmd->pool, text, n);
    if (*path)
        url->origin.prefix = (eg_span){path, n - (apr_size_t)(path - text)};
    return eg_origin_split((eg_span){authority, (apr_size_t)(path - authority)}, &url->origin) &&
           good_host(url->origin.host);
}

const char *eg_set_public_url(cmd_parms *cmd, void *config, const char *text)
{
    eg_public_url *url = apr_pcalloc(cmd->pool, sizeof *url);
    const char *colon;

    if (!split_public_url(cmd, text, url))
        return eg_complain(cmd, "is https://host, https://host:port, or one of them with a path "
                                "in front of every path that Twilio calls");
    colon = url->origin.host.p + url->origin.host.n;
    if (*colon == ':' && !good_port(url->origin.port))
        return eg_complain(cmd, "has a port that is no number from 1 to 65535");
    if (!good_prefix(url->origin.prefix))
        return eg_complain(cmd, "has a path with a query, a fragment, an empty segment, \".\", "
                                "\"..\", or a character that has to be percent-encoded");
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
                     EG_TAG("0117") "EncGatherBackend (line %d of %s): a URL needs %s",
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
        return eg_complain(cmd,
                           "is the path of this very location: it would call itself; it has to "
                           "be that of decrypt-gather or of an application");
    return NULL;
}

const char *eg_set_backend(cmd_parms *cmd, void *config, const char *text)
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
    eg_purpose_is_there(EG_FOR_CALLS);
    return wrong;
}

const char *eg_set_expose(cmd_parms *cmd, void *config, int on)
{
    (void)cmd;
    ((eg_config *)config)->expose = on;
    return NULL;
}

static const char *add_secret(cmd_parms *cmd, const char *name)
{
    if (!*name || !eg_is_clean_word(name) || strpbrk(name, "=&"))
        return eg_complain(cmd, "has a name that no parameter of a query can have: it is empty, or "
                                "has a blank, a control character, = or & in it");
    eg_server_mask(cmd, eg_span_of(name), false);
    return NULL;
}

const char *eg_set_redact(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    bool on = argc > 0 && ap_cstr_casecmp(argv[0], "on") == 0;
    const char *wrong = NULL;

    (void)config;
    if (!on && (argc < 1 || ap_cstr_casecmp(argv[0], "off") != 0))
        return eg_complain(cmd, "is on or off, and then names of further parameters to mask");
    eg_server_redact(cmd, on);
    for (int i = 1; i < argc && !wrong; i++)
        wrong = add_secret(cmd, argv[i]);
    return wrong;
}
