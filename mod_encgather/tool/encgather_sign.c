/* SPDX-License-Identifier: Apache-2.0
 * encgather sign and verify: X-Twilio-Signature of a webhook. */
#include <string.h>
#include "encgather_webhook.h"

static eg_exit load_signed(const eg_tool *tool, const char **signature, eg_tool_webhook *hook)
{
    eg_webhook_options given = {.token_file = NULL};
    const eg_option options[] = {{"--token-file", &given.token_file, NULL, true},
                                 {"--account", &given.account, NULL, false},
                                 {"--body", &given.body, NULL, false},
                                 {"--get", NULL, &given.get, false},
                                 {"--json", NULL, &given.json, false},
                                 {"--settings", &given.settings, NULL, false},
                                 /* of verify alone: without it, the list ends here */
                                 {signature ? "--signature" : NULL, signature, NULL, true},
                                 {"--websocket", NULL, &given.websocket, false},
                                 {NULL, NULL, NULL, false}};
    eg_operands url = {.min = 1, .max = 1};

    *hook = (eg_tool_webhook){.fault = NULL};
    if (!eg_tool_options(tool, options, &url))
        return EG_EXIT_USAGE;
    return eg_tool_webhook_load(tool, &given, url.at[0], hook);
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

static eg_exit print_signature(const eg_tool *tool, const eg_tool_webhook *hook)
{
    char signature[EG_SIGNATURE_ROOM];
    const eg_auth_token *token = pick_token(hook);
    eg_signed what = what_is_signed(hook);
    eg_span host = cut_authority(&what, hook->url.authority);
    eg_status status;

    if (!token) {
        const char *fault = eg_signature_fault(&what, &hook->tokens);

        eg_tool_complain(tool, "%s",
                         fault ? fault : "the auth token file has no token of this account");
        return EG_EXIT_DATA;
    }
    status = eg_signature_make(tool->crypto, &what, host, token->token, signature);
    if (status == EG_OK)
        return eg_tool_print(tool, "%s", signature);
    eg_tool_complain(tool, status == EG_EMALFORMED ? "the URL has no host" : "OpenSSL failed");
    return status == EG_EMALFORMED ? EG_EXIT_USAGE : EG_EXIT_SYSTEM;
}

static eg_exit run_sign(eg_tool *tool)
{
    eg_tool_webhook hook;
    eg_exit result = load_signed(tool, NULL, &hook);

    if (result == EG_EXIT_GOOD && hook.fault) {
        eg_tool_complain(tool, "%s", hook.fault);
        result = EG_EXIT_DATA;
    }
    if (result == EG_EXIT_GOOD)
        result = print_signature(tool, &hook);
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

static eg_exit say_invalid(const eg_tool *tool, const char *why)
{
    eg_exit printed = eg_tool_print(tool, "invalid: %s", why);

    return printed == EG_EXIT_GOOD ? EG_EXIT_DATA : printed;
}

static eg_exit check_signature(const eg_tool *tool, const eg_tool_webhook *hook,
                               const char *signature)
{
    eg_signed what = what_is_signed(hook);
    eg_verdict verdict;
    const char *why;

    if (hook->fault)
        return say_invalid(tool, hook->fault);
    if (!split_authority(hook->url.authority, &what.origin)) {
        eg_tool_complain(tool, "the URL has no host");
        return EG_EXIT_USAGE;
    }
    what.is_handshake = hook->is_handshake;
    verdict = eg_signature_check(tool->crypto, &what, &hook->tokens, eg_span_of(signature));
    if (verdict == EG_SIGNATURE_VALID)
        return eg_tool_print(tool, "valid");
    why = eg_signature_fault(&what, &hook->tokens);
    if (verdict != EG_SIGNATURE_UNCHECKED)
        return say_invalid(tool, why ? why : "the signature does not fit");
    eg_tool_complain(tool, "OpenSSL failed");
    return EG_EXIT_SYSTEM;
}

static eg_exit run_verify(eg_tool *tool)
{
    const char *signature = NULL;
    eg_tool_webhook hook;
    eg_exit result = load_signed(tool, &signature, &hook);

    if (result == EG_EXIT_GOOD)
        result = check_signature(tool, &hook, signature);
    eg_tool_webhook_free(&hook);
    return result;
}

#define REQUEST_OPTIONS                                                                            \
    "  --token-file FILE  the Twilio auth tokens, as in EncGatherAuthTokenFile\n"                  \
    "  --account SID      take tokens of this account (default: the parameter AccountSid)\n"       \
    "  --body FILE        read the body from FILE, not from standard input\n"                      \
    "  --get              there is no body\n"                                                      \
    "  --json             the body is no form: the URL must have its bodySHA256\n"                 \
    "  --settings VALUE   of X-Twilio-Webhooks-Signature-Settings: a SharedKey signs\n"

const eg_command eg_command_sign = {
    "sign",
    "sign a webhook as Twilio does",
    "usage: encgather sign --token-file FILE [OPTION ...] URL < BODY\n"
    "\n"
    "Prints the X-Twilio-Signature of a webhook: of URL and the form in its body, as it\n"
    "is sent (application/x-www-form-urlencoded); of a ws: or wss: URL alone.\n"
    "\n" REQUEST_OPTIONS,
    run_sign,
};

const eg_command eg_command_verify = {
    "verify",
    "verify a webhook's signature",
    "usage: encgather verify --token-file FILE --signature SIGNATURE [OPTION ...] URL < BODY\n"
    "\n"
    "Says whether SIGNATURE is the X-Twilio-Signature of URL and the form in its body;\n"
    "the exit status is 0 when it is, 1 when it is not. As the module does, it accepts\n"
    "the URL with and without the standard port.\n"
    "\n"
    "  --signature SIGNATURE  the value of the header\n" REQUEST_OPTIONS
    "  --websocket        a WebSocket handshake, as with a ws: or wss: URL: also valid for\n"
    "                     ws(s) and http(s), and with a slash behind the path\n",
    run_verify,
};
