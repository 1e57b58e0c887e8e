/* SPDX-License-Identifier: Apache-2.0
 * Directives: what an administrator may write, checked as it is read. */
#include "encgather.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <http_core.h>
#include "core/fieldspec.h"
#include "lookup.h"
#include "store.h"

#define MAX_BODY_LIMIT (16 * 1024 * 1024)
#define MAX_BODY_DEFAULT 65536
#define ATTEMPTS_DEFAULT 3
#define TIMEOUT_DEFAULT 8

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
    return config->fields ? &config->fields->fields : &eg_default_fields;
}

unsigned eg_config_attempts(const eg_config *config)
{
    return config->attempts < 0 ? ATTEMPTS_DEFAULT : (unsigned)config->attempts;
}

apr_interval_time_t eg_config_timeout(const eg_config *config)
{
    return apr_time_from_sec(config->timeout < 0 ? TIMEOUT_DEFAULT : config->timeout);
}

eg_voice eg_config_voice(const eg_config *config)
{
    return config->voice ? *config->voice : (eg_voice){NULL, NULL};
}

/* The members of one event, by its number. */
static const eg_say **say_of(eg_config *config, eg_event event)
{
    const eg_say **const members[] = {&config->say_found,       &config->say_not_found,
                                      &config->say_unavailable, &config->say_invalid,
                                      &config->say_locked,      &config->say_again};

    return members[event];
}

static const eg_then **then_of(eg_config *config, eg_event event)
{
    const eg_then **const members[] = {&config->then_found, &config->then_not_found,
                                       &config->then_unavailable, &config->then_invalid,
                                       &config->then_locked};

    return members[event];
}

const eg_say *eg_config_say(const eg_config *config, eg_event event)
{
    return *say_of((eg_config *)(apr_uintptr_t)config, event);
}

const eg_then *eg_config_then(const eg_config *config, eg_event event)
{
    return *then_of((eg_config *)(apr_uintptr_t)config, event);
}

/* --- directives -------------------------------------------------------------------------------- */

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

static bool is_clean_url(const char *text)
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
        return complain(cmd, apr_psprintf(cmd->pool, "is a number from 1 to %ld", most));
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

/* The first one in a section makes a list of its own, which replaces the inherited one. */
static eg_field_list *own_fields(cmd_parms *cmd, eg_config *config)
{
    eg_field_list *list = (eg_field_list *)(apr_uintptr_t)config->fields;

    if (!list) {
        list = apr_pcalloc(cmd->pool, sizeof *list);
        list->fields.at = list->at;
        config->fields = list;
    }
    return list;
}

static const char *add_field(cmd_parms *cmd, void *config, const char *args)
{
    eg_field_list *list = own_fields(cmd, config);
    eg_field field;
    const char *wrong = eg_field_parse(cmd->pool, args, &field);

    if (!wrong)
        wrong = eg_field_clash(cmd->pool, list->at, list->fields.n, &field);
    if (wrong)
        return complain(cmd, wrong);
    list->at[list->fields.n++] = field;
    return NULL;
}

static bool parse_event(const char *word, eg_event *event)
{
    static const char *const words[] = {"found",   "notfound", "unavailable",
                                        "invalid", "locked",   "again"};

    for (int i = 0; i < EG_SAY_EVENTS; i++)
        if (ap_cstr_casecmp(word, words[i]) == 0) {
            *event = (eg_event)i;
            return true;
        }
    return false;
}

#define EVENTS "found, notfound, unavailable, invalid, locked"

static bool has_members(const eg_say *say)
{
    for (int i = 0; i < say->parts->nelts; i++)
        if (APR_ARRAY_IDX(say->parts, i, eg_say_part).kind != EG_SAY_TEXT)
            return true;
    return false;
}

static const char *set_say(cmd_parms *cmd, void *config, const char *word, const char *text)
{
    eg_say *say = apr_palloc(cmd->pool, sizeof *say);
    eg_event event;

    if (!parse_event(word, &event))
        return complain(cmd, "is for one of " EVENTS ", again");
    if (!*text)
        return complain(cmd, "needs a text");
    if (eg_say_parse(cmd->pool, text, say) != EG_OK)
        return complain(cmd, "has a placeholder that is not %{name} or %{spell:name}");
    if (event != EG_SAY_FOUND && event != EG_SAY_NOT_FOUND && has_members(say))
        return complain(cmd, "has a placeholder, but only found and notfound have an answer of "
                             "the backend to take it from");
    *say_of(config, event) = say;
    return NULL;
}

static const char *parse_then(cmd_parms *cmd, const char *action, eg_then *then)
{
    const char *target = strchr(action, '=');

    if (strcmp(action, "hangup") == 0)
        return NULL;
    if (strncmp(action, "redirect=", 9) == 0)
        then->kind = EG_THEN_REDIRECT;
    else if (strncmp(action, "dial=", 5) == 0)
        then->kind = EG_THEN_DIAL;
    else
        return complain(cmd, "knows redirect=URL, dial=NUMBER and hangup");
    if (!target[1] || strpbrk(target + 1, " \t"))
        return complain(cmd, "needs a URL or a number, without blanks, behind the =");
    if (then->kind == EG_THEN_DIAL && strspn(target + 1, "+0123456789") != strlen(target + 1))
        return complain(cmd, "dials a number like +15551234567");
    return eg_say_parse(cmd->pool, target + 1, &then->target) == EG_OK
               ? NULL
               : complain(cmd, "has a placeholder that is not %{name}");
}

static const char *set_then(cmd_parms *cmd, void *config, const char *word, const char *action)
{
    eg_then *then = apr_pcalloc(cmd->pool, sizeof *then);
    const char *wrong;
    eg_event event;

    if (!parse_event(word, &event) || event == EG_SAY_AGAIN)
        return complain(cmd, "is for one of " EVENTS);
    wrong = parse_then(cmd, action, then);
    if (!wrong)
        *then_of(config, event) = then;
    return wrong;
}

static const char *set_voice(cmd_parms *cmd, void *config, const char *voice, const char *language)
{
    eg_voice *set = apr_palloc(cmd->pool, sizeof *set);

    if (!*voice || (language && !*language))
        return complain(cmd, "is a voice, and then a language if one is wanted");
    *set = (eg_voice){voice, language};
    ((eg_config *)config)->voice = set;
    return NULL;
}

static const char *set_forward(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    apr_array_header_t *names = apr_array_make(cmd->pool, 4, sizeof(const char *));

    if (argc < 1)
        return complain(cmd, "needs the names of webhook parameters");
    for (int i = 0; i < argc; i++) {
        if (!*argv[i] || !is_clean_url(argv[i]))
            return complain(cmd, "has an empty name or one with a control character");
        if (strcmp(argv[i], "Digits") == 0 || strcmp(argv[i], "SpeechResult") == 0)
            return complain(cmd, "never hands Digits or SpeechResult on: they are what is "
                                 "encrypted");
        APR_ARRAY_PUSH(names, const char *) = argv[i];
    }
    ((eg_config *)config)->forward = names;
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

/* The place of a field among those that the query demands; it joins them where it is new. */
static unsigned demand_field(apr_array_header_t *fields, const char *name)
{
    for (int i = 0; i < fields->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(fields, i, const char *), name) == 0)
            return (unsigned)i;
    APR_ARRAY_PUSH(fields, const char *) = name;
    return (unsigned)fields->nelts - 1;
}

/* "field", or "hmac:field,field". */
static bool parse_argument(apr_pool_t *pool, const char *text, apr_array_header_t *fields,
                           eg_lookup_arg *arg)
{
    apr_array_header_t *places = apr_array_make(pool, 2, sizeof(unsigned));
    const char *name;

    arg->is_index = strncmp(text, "hmac:", 5) == 0;
    text += arg->is_index ? 5 : 0;
    do {
        const char *comma = arg->is_index ? strchr(text, ',') : NULL;

        name = comma ? apr_pstrmemdup(pool, text, (apr_size_t)(comma - text)) : text;
        if (!eg_is_plain_name(eg_span_of(name)))
            return false;
        APR_ARRAY_PUSH(places, unsigned) = demand_field(fields, name);
        text = comma ? comma + 1 : NULL;
    } while (text);
    arg->fields = places;
    return true;
}

static const char *parse_arguments(cmd_parms *cmd, eg_lookup *lookup, int argc, char *const argv[])
{
    apr_array_header_t *fields = apr_array_make(cmd->pool, 2, sizeof(const char *));
    apr_array_header_t *args = apr_array_make(cmd->pool, 2, sizeof(eg_lookup_arg));

    lookup->fields = fields;
    lookup->args = args;
    for (int i = 0; i < argc; i++) {
        eg_lookup_arg *arg = apr_array_push(args);

        if (!parse_argument(cmd->pool, argv[i], fields, arg))
            return complain(cmd, apr_psprintf(cmd->pool,
                                              "'%s' is neither the name of a field nor "
                                              "hmac:field[,field]",
                                              argv[i]));
        lookup->has_index |= arg->is_index;
    }
    return NULL;
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

/* One for each query; an SQL identifier, because PostgreSQL prepares under this name. */
static const char *label_of(apr_pool_t *pool, const char *query)
{
    for (int i = 0; i < lookups->nelts; i++) {
        const eg_lookup *other = APR_ARRAY_IDX(lookups, i, const eg_lookup *);

        if (strcmp(other->query, query) == 0)
            return other->label;
    }
    return apr_psprintf(pool, "encgather_%d", lookups->nelts + 1);
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
    const char *wrong;

    if (argc < 1)
        return complain(cmd, "needs an SQL query and the fields whose plaintext it takes");
    lookup->query = argv[0];
    lookup->server = cmd->server;
    lookup->label = label_of(cmd->pool, lookup->query);
    wrong = parse_arguments(cmd, lookup, argc - 1, argv + 1);
    if (!wrong)
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
    AP_INIT_RAW_ARGS("EncGatherField", add_field, NULL, ANYWHERE,
                     "name [option=value ...]: one field of the call, in call order"),
    AP_INIT_TAKE1("EncGatherAttempts", set_attempts, NULL, ANYWHERE,
                  "how often one field is asked before the call is given up"),
    AP_INIT_TAKE2("EncGatherSay", set_say, NULL, ANYWHERE,
                  "an event and what the caller hears then"),
    AP_INIT_TAKE2("EncGatherThen", set_then, NULL, ANYWHERE,
                  "an event and what follows its sentence: redirect=URL, dial=NUMBER or hangup"),
    AP_INIT_TAKE12("EncGatherVoice", set_voice, NULL, ANYWHERE,
                   "voice and language for every <Say>"),
    AP_INIT_TAKE1("EncGatherTimeout", set_timeout, NULL, ANYWHERE,
                  "seconds for the backend's whole answer"),
    AP_INIT_TAKE_ARGV("EncGatherForward", set_forward, NULL, ANYWHERE,
                      "webhook parameters that go to the backend beside the fields"),
    AP_INIT_FLAG("EncGatherRedact", set_redact, NULL, RSRC_CONF,
                 "on or off: mask Digits and SpeechResult of query strings in every log"),
    {.name = NULL}};
