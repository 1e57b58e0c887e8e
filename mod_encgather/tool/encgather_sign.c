/* SPDX-License-Identifier: Apache-2.0
 * encgather sign and verify: X-Twilio-Signature of a webhook. */
#include <string.h>
#include "encgather_provider.h"

/* Both commands have these. */
#define REQUEST_ROWS(given)                                                                        \
    {"--token-file", &(given)->token_file, NULL, true},                                            \
        {"--provider", &(given)->provider, NULL, false},                                           \
        {"--account", &(given)->account, NULL, false}, {"--body", &(given)->body, NULL, false},    \
        {"--get", NULL, &(given)->get, false}, {"--json", NULL, &(given)->json, false},            \
        {"--settings", &(given)->settings, NULL, false},                                           \
    {                                                                                              \
        "--at", &(given)->at, NULL, false                                                          \
    }

static eg_signed what_is_signed(const eg_tool_webhook *hook)
{
    return (eg_signed){.origin.scheme = hook->url.scheme,
                       .target = hook->url.target,
                       .params = hook->form_signed ? &hook->form : NULL,
                       .account = hook->account,
                       .signer = hook->signer};
}

/* --- sign -------------------------------------------------------------------------------------- */

/* One of this account before one of all accounts, as Twilio would. */
static const eg_auth_token *pick_token(const eg_tool_webhook *hook)
{
    const eg_auth_token *picked = NULL;

    for (apr_size_t i = 0; i < hook->tokens.n; i++) {
        const eg_auth_token *token = &hook->tokens.at[i];

        if (!eg_signer_asks_for(&hook->signer, token))
            continue;
        if (token->account.n && eg_span_eq(token->account, hook->account))
            return token;
        if (!picked && (!token->account.n || !hook->account.n))
            picked = token;
    }
    return picked;
}

/* The URL is signed as it is written, whatever its authority looks like: only what has to be a
 * host without a port goes where a host belongs, and the rest, which follows it, to the target. */
static eg_span cut_authority(eg_signed *what, eg_span authority)
{
    const char *end = memchr(authority.p, *authority.p == '[' ? ']' : ':', authority.n);
    apr_size_t n = authority.n;

    if (end)
        n = (apr_size_t)(end - authority.p) + (*end == ']');
    what->target.n += authority.n - n;
    what->target.p = authority.p + n;
    return (eg_span){authority.p, n};
}

static eg_exit print_signature(const eg_tool *tool, const eg_tool_webhook *hook,
                               const eg_auth_token *token)
{
    char signature[EG_SIGNATURE_ROOM];
    eg_signed what = what_is_signed(hook);
    eg_span host = cut_authority(&what, hook->url.authority);
    eg_status status;

    status = eg_signature_make(tool->crypto, &what, host, token->token, signature);
    if (status == EG_OK)
        return eg_tool_print(tool, "%s", signature);
    eg_tool_complain(tool, status == EG_EMALFORMED ? "the URL has no host" : "OpenSSL failed");
    return status == EG_EMALFORMED ? EG_EXIT_USAGE : EG_EXIT_SYSTEM;
}

static eg_exit sign_webhook(const eg_tool *tool, const eg_webhook_options *given,
                            const eg_tool_webhook *hook)
{
    const eg_auth_token *token = pick_token(hook);
    eg_signed what = what_is_signed(hook);
    const char *fault = hook->fault;

    if (!fault && !token)
        fault = eg_signature_fault(&what, &hook->tokens);
    if (!fault && !token)
        fault = "the auth token file has no token of this account";
    if (fault) {
        eg_tool_complain(tool, "%s", fault);
        return EG_EXIT_DATA;
    }
    return hook->provider == &eg_provider_twilio ? print_signature(tool, hook, token)
                                                 : eg_tool_provider_sign(tool, given, hook, token);
}

static eg_exit run_sign(eg_tool *tool)
{
    eg_webhook_options given = {.token_file = NULL};
    const eg_option options[] = {REQUEST_ROWS(&given),
                                 {"--nonce", &given.nonce, NULL, false},
                                 {"--id", &given.id, NULL, false},
                                 {NULL, NULL, NULL, false}};
    eg_tool_webhook hook = {.fault = NULL};
    eg_operands url = {.min = 1, .max = 1};
    eg_exit result = EG_EXIT_USAGE;

    if (eg_tool_options(tool, options, &url))
        result = eg_tool_webhook_load(tool, &given, url.at[0], &hook);
    if (result == EG_EXIT_GOOD)
        result = sign_webhook(tool, &given, &hook);
    eg_tool_webhook_free(&hook);
    return result;
}

/* --- verify ------------------------------------------------------------------------------------ */

/* User information is part of the host here: it is signed, if at all, as it is written. */
static bool split_authority(eg_span authority, eg_origin *origin)
{
    apr_size_t user = authority.n;

    while (user && authority.p[user - 1] != '@')
        user--;
    if (!eg_origin_split((eg_span){authority.p + user, authority.n - user}, origin))
        return false;
    origin->host = (eg_span){authority.p, user + origin->host.n};
    return true;
}

static eg_exit check_signature(const eg_tool *tool, const eg_webhook_options *given,
                               const eg_tool_webhook *hook)
{
    const eg_provider *other = eg_tool_other_signer(given, hook->provider);
    eg_signed what = what_is_signed(hook);
    eg_verdict verdict;
    const char *why;

    if (hook->fault)
        return eg_tool_say_invalid(tool, other, hook->fault);
    if (!split_authority(hook->url.authority, &what.origin)) {
        eg_tool_complain(tool, "the URL has no host");
        return EG_EXIT_USAGE;
    }
    what.is_handshake = hook->is_handshake;
    verdict = eg_signature_check(tool->crypto, &what, &hook->tokens, eg_span_of(given->signature));
    if (verdict == EG_SIGNATURE_VALID)
        return eg_tool_print(tool, "valid");
    why = eg_signature_fault(&what, &hook->tokens);
    if (verdict != EG_SIGNATURE_UNCHECKED)
        return eg_tool_say_invalid(tool, other, why ? why : "the signature does not fit");
    eg_tool_complain(tool, "OpenSSL failed");
    return EG_EXIT_SYSTEM;
}

/* Twilio's two headers may come as options of their own; false after a complaint. */
static bool take_twilio_headers(const eg_tool *tool, eg_webhook_options *given)
{
    const eg_provider *twilio = &eg_provider_twilio;

    if (given->headers[0] && (given->signature || given->settings)) {
        eg_tool_complain(tool, "--header stands in place of --signature and --settings");
        return false;
    }
    if (!given->headers[0] && !given->signature) {
        eg_tool_complain(tool, "--signature is missing, or --header; see: encgather verify --help");
        return false;
    }
    if (given->headers[0]) {
        given->signature = eg_tool_header(tool, given, twilio->headers[0]);
        given->settings = eg_tool_header(tool, given, twilio->headers[1]);
    }
    if (!given->signature)
        given->signature = "";
    return true;
}

static bool take_verify_options(const eg_tool *tool, eg_webhook_options *given)
{
    const eg_provider *provider = eg_provider_named(given->provider ? given->provider : "twilio");

    if (!provider || provider == &eg_provider_twilio)
        return take_twilio_headers(tool, given);
    if (given->signature)
        eg_tool_complain(tool, "--signature is Twilio's alone; all others take --header");
    return !given->signature;
}

static eg_exit verify_webhook(const eg_tool *tool, const eg_option *options,
                              eg_webhook_options *given, eg_tool_webhook *hook)
{
    eg_operands url = {.min = 1, .max = 1};
    eg_exit result;

    if (!eg_tool_options(tool, options, &url) || !eg_tool_headers_are_good(tool, given) ||
        !take_verify_options(tool, given))
        return EG_EXIT_USAGE;
    result = eg_tool_webhook_load(tool, given, url.at[0], hook);
    if (result != EG_EXIT_GOOD)
        return result;
    return hook->provider == &eg_provider_twilio ? check_signature(tool, given, hook)
                                                 : eg_tool_provider_verify(tool, given, hook);
}

static eg_exit run_verify(eg_tool *tool)
{
    eg_webhook_options given = {.token_file = NULL};
    const eg_option options[] = {REQUEST_ROWS(&given),
                                 {"--signature", &given.signature, NULL, false},
                                 {"--header", given.headers, NULL, EG_OPTION_OFTEN},
                                 {"--websocket", NULL, &given.websocket, false},
                                 {NULL, NULL, NULL, false}};
    eg_tool_webhook hook = {.fault = NULL};
    eg_exit result = verify_webhook(tool, options, &given, &hook);

    eg_tool_webhook_free(&hook);
    return result;
}

#define REQUEST_OPTIONS                                                                            \
    "  --token-file FILE  the secrets, as in EncGatherAuthTokenFile\n"                             \
    "  --provider NAME    " EG_PROVIDER_NAMES "\n"                                                 \
    "                     (default: twilio)\n"                                                     \
    "  --account SID      take tokens of this account (default: the parameter AccountSid)\n"       \
    "  --body FILE        read the body from FILE, not from standard input\n"                      \
    "  --get              there is no body\n"                                                      \
    "  --json             the body is no form: at Twilio, the URL must have its bodySHA256\n"      \
    "  --settings VALUE   of X-Twilio-Webhooks-Signature-Settings: a SharedKey signs\n"            \
    "  --at SECONDS       the time, since 1970 (default: now)\n"

const eg_command eg_command_sign = {
    "sign",
    "sign a webhook as Twilio or another provider does",
    "usage: encgather sign --token-file FILE [OPTION ...] URL < BODY\n"
    "\n"
    "Prints the X-Twilio-Signature of a webhook: of URL and the form in its body, as it\n"
    "is sent (application/x-www-form-urlencoded); of a ws: or wss: URL alone. With another\n"
    "provider it prints the headers that he would send, a line each. For telnyx the file\n"
    "has the seed of a private key, 32 bytes in base64.\n"
    "\n" REQUEST_OPTIONS "  --nonce NONCE      of plivo (default: a random one)\n"
    "  --id ID            of standardwebhooks (default: a random one)\n",
    run_sign,
};

const eg_command eg_command_verify = {
    "verify",
    "verify a webhook's signature",
    "usage: encgather verify --token-file FILE --signature SIGNATURE [OPTION ...] URL < BODY\n"
    "       encgather verify --token-file FILE --header 'NAME: VALUE' [OPTION ...] URL < BODY\n"
    "\n"
    "Says whether SIGNATURE is the X-Twilio-Signature of URL and the form in its body, or\n"
    "whether those headers are what the provider would have sent;\n"
    "the exit status is 0 when it is, 1 when it is not. As the module does, it accepts\n"
    "Twilio's URL with and without the standard port.\n"
    "\n"
    "  --signature SIGNATURE  the value of the header X-Twilio-Signature\n"
    "  --header 'NAME: VALUE'  a header that came, may be repeated: those that sign, and any\n"
    "                     others, by which another provider may be known\n" REQUEST_OPTIONS
    "  --websocket        a WebSocket handshake, as with a ws: or wss: URL: also valid for\n"
    "                     ws(s) and http(s), and with a slash behind the path\n",
    run_verify,
};
