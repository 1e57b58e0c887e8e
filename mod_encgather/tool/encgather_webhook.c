/* SPDX-License-Identifier: Apache-2.0
 * A webhook described by arguments and a body: what encgather sign and verify both start from. */
#include "encgather_webhook.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "core/secret.h"
#include "core/parameters.h"

#define BODY_MAX (16 * 1024 * 1024) /* as EncGatherMaxBody */

/* --- the URL ----------------------------------------------------------------------------------- */

static bool is_websocket(const eg_url *url)
{
    return eg_span_eq(url->scheme, EG_LIT("wss")) || eg_span_eq(url->scheme, EG_LIT("ws"));
}

static bool split_url(const char *text, eg_url *url)
{
    const char *authority = strstr(text, "://");
    apr_size_t n;

    if (!authority)
        return false;
    url->scheme = (eg_span){text, (apr_size_t)(authority - text)};
    authority += 3;
    n = strcspn(authority, "/?#");
    url->authority = (eg_span){authority, n};
    url->target = (eg_span){authority + n, strcspn(authority + n, "#")};
    return n && (eg_span_eq(url->scheme, EG_LIT("https")) ||
                 eg_span_eq(url->scheme, EG_LIT("http")) || is_websocket(url));
}

/* In a copy: what is signed is signed as it is. */
static eg_status parse_copy(const eg_tool *tool, eg_span text, apr_size_t max, eg_params *params)
{
    char *copy = eg_wiped_alloc(tool->pool, text.n + 1);

    if (text.n)
        memcpy(copy, text.p, text.n);
    return eg_form_parse(tool->pool, copy, text.n, max, params);
}

static eg_status parse_url_query(const eg_tool *tool, eg_tool_webhook *hook)
{
    eg_span target = hook->url.target;
    const char *mark = memchr(target.p, '?', target.n);
    apr_size_t n = mark ? target.n - (apr_size_t)(mark + 1 - target.p) : 0;

    return parse_copy(tool, (eg_span){mark ? mark + 1 : "", n}, EG_PARAMS_MAX, &hook->query);
}

/* --- the body ---------------------------------------------------------------------------------- */

static eg_exit read_body(const eg_tool *tool, const char *path, eg_content *body)
{
    bool is_file = path && strcmp(path, "-") != 0;
    int fd = is_file ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
    eg_exit result;

    if (fd < 0) {
        eg_tool_complain(tool, "%s: %s", path, strerror(errno));
        return EG_EXIT_SYSTEM;
    }
    result = eg_content_read(tool, fd, is_file ? path : "standard input", BODY_MAX, body);
    if (is_file)
        (void)close(fd);
    return result;
}

static eg_status check_hash(const eg_tool *tool, const eg_tool_webhook *hook)
{
    eg_span body = {hook->body.n ? hook->body.bytes : "", hook->body.n};
    unsigned char hash[EG_SHA256_SIZE];

    if (eg_sha256(tool->crypto, body, hash) != EG_OK)
        return EG_ECRYPTO;
    return eg_body_hash_fits(&hook->query, hash) ? EG_OK : EG_EMALFORMED;
}

static const char *take_hash(const eg_tool *tool, eg_tool_webhook *hook)
{
    eg_status status = check_hash(tool, hook);

    hook->unchecked = status == EG_ECRYPTO;
    return status == EG_OK ? NULL : "bodySHA256 in the URL does not fit the body";
}

static const char *form_fault(eg_status status)
{
    return status == EG_ETOOMANY ? "there are more than 256 parameters"
                                 : "a form is broken: a NUL, or % without two digits";
}

static const char *take_form(const eg_tool *tool, eg_tool_webhook *hook)
{
    eg_span body = {hook->body.n ? hook->body.bytes : "", hook->body.n};
    eg_status status = parse_copy(tool, body, EG_PARAMS_MAX - hook->query.n, &hook->form);

    hook->form_signed = status == EG_OK;
    return status == EG_OK ? NULL : form_fault(status);
}

/* Who signs no URL signs the body as it is, whatever it is. */
static const char *take_any_body(const eg_tool *tool, const eg_webhook_options *options,
                                 eg_tool_webhook *hook)
{
    const char *fault = options->get || options->json ? NULL : take_form(tool, hook);

    return hook->provider->signs_url ? fault : NULL;
}

/* A body is signed by its hash where the URL has it, else as a form. */
static const char *take_body_of_file(const eg_tool *tool, const eg_webhook_options *options,
                                     eg_tool_webhook *hook)
{
    bool by_hash = hook->provider->dialect == &eg_dialect_twiml; /* Twilio and who follows it */
    eg_status status = parse_url_query(tool, hook);

    if (status != EG_OK)
        return form_fault(status);
    hook->claims_hash = by_hash && eg_claims_body_hash(&hook->query);
    if (hook->claims_hash)
        return take_hash(tool, hook);
    if (hook->provider != &eg_provider_twilio)
        return take_any_body(tool, options, hook);
    if (options->json)
        return "the URL has no bodySHA256";
    return options->get || hook->is_handshake ? NULL : take_form(tool, hook);
}

/* --- the account ------------------------------------------------------------------------------- */

static eg_span find_account(const eg_webhook_options *options, const eg_tool_webhook *hook)
{
    if (options->account)
        return eg_span_of(options->account);
    return eg_account_of(&hook->form, &hook->query);
}

/* --- all of it --------------------------------------------------------------------------------- */

/* What cannot be meant; false after a complaint. */
static bool take_arguments(const eg_tool *tool, const eg_webhook_options *options, const char *url,
                           eg_tool_webhook *hook)
{
    hook->provider = eg_provider_named(options->provider ? options->provider : "twilio");
    if (!hook->provider) {
        eg_tool_complain(tool, "--provider is one of " EG_PROVIDER_NAMES);
        return false;
    }
    if (!split_url(url, &hook->url)) {
        eg_tool_complain(tool, "the URL is not https://HOST/..., http://, wss:// or ws://");
        return false;
    }
    hook->is_handshake = options->websocket || is_websocket(&hook->url);
    hook->is_get = options->get;
    if ((hook->is_get || hook->is_handshake) && (options->json || options->body)) {
        eg_tool_complain(tool, "%s has no body, neither --json nor --body goes with it",
                         hook->is_handshake ? "a WebSocket handshake" : "--get");
        return false;
    }
    if (hook->provider != &eg_provider_twilio && (hook->is_handshake || options->settings)) {
        eg_tool_complain(tool, "WebSocket handshakes and --settings are Twilio's alone");
        return false;
    }
    return true;
}

eg_exit eg_tool_webhook_load(const eg_tool *tool, const eg_webhook_options *options,
                             const char *url, eg_tool_webhook *hook)
{
    eg_exit result = EG_EXIT_GOOD;

    *hook = (eg_tool_webhook){.fault = NULL};
    if (!take_arguments(tool, options, url, hook))
        return EG_EXIT_USAGE;
    if (options->settings)
        hook->signer = eg_signer_of(eg_span_of(options->settings));
    if (!eg_tool_tokens(tool, options->token_file, &hook->tokens))
        return EG_EXIT_SYSTEM;
    if (!hook->is_get && !hook->is_handshake)
        result = read_body(tool, options->body, &hook->body);
    if (result != EG_EXIT_GOOD)
        return result;
    hook->fault = take_body_of_file(tool, options, hook);
    if (hook->unchecked) {
        eg_tool_complain(tool, "OpenSSL failed");
        return EG_EXIT_SYSTEM;
    }
    hook->account = find_account(options, hook);
    return EG_EXIT_GOOD;
}

void eg_tool_webhook_free(eg_tool_webhook *hook)
{
    eg_content_free(&hook->body);
}
