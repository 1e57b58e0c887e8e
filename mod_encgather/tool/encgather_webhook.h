/* SPDX-License-Identifier: Apache-2.0
 * A webhook described by arguments and a body: what encgather sign and verify both start from. */
#ifndef EG_TOOL_WEBHOOK_H
#define EG_TOOL_WEBHOOK_H

#include "core/provider.h"
#include "encgather_io.h"

typedef struct {
    eg_span scheme;
    eg_span authority; /* with user information and port, as written */
    eg_span target;    /* path and query; a fragment is neither sent nor signed */
} eg_url;

typedef struct {
    const char *token_file;
    const char *provider;  /* --provider, or NULL: Twilio */
    const char *account;   /* --account, or NULL */
    const char *body;      /* --body: a file; NULL or "-": standard input */
    const char *settings;  /* --settings: the header by which a SharedKey is told, or NULL */
    bool get;              /* there is no body */
    bool json;             /* the body is no form: its hash has to be in the URL */
    bool websocket;        /* a handshake, as any ws: or wss: URL */
    const char *at;        /* --at: the clock, in seconds since 1970, or NULL */
    const char *nonce;     /* of Plivo, or NULL: a random one */
    const char *id;        /* of Standard Webhooks, or NULL: a random one */
    const char *signature; /* --signature, or NULL */
    const char *headers[EG_OPTION_MOST + 1]; /* "Name: value" */
} eg_webhook_options;

typedef struct {
    const eg_provider *provider;
    eg_url url;
    eg_auth_tokens tokens;
    eg_content body; /* as it was read */
    bool is_get;
    eg_params query, form;
    bool form_signed; /* the form is part of what is signed */
    eg_signer signer;
    bool is_handshake;
    eg_span account;   /* picks tokens as the module does: --account, or the parameter AccountSid */
    bool claims_hash;  /* bodySHA256 is in the URL; a fault where it is not that of the body */
    bool unchecked;    /* OpenSSL failed: whether the body is the one that is signed is not known */
    const char *fault; /* why nothing can be signed, in words that repeat nothing of it; or NULL */
} eg_tool_webhook;

/* Reads everything there is to a request. EG_EXIT_GOOD also when fault says that it is not one
 * that the provider would sign. Free it in any case. */
eg_exit eg_tool_webhook_load(const eg_tool *tool, const eg_webhook_options *options,
                             const char *url, eg_tool_webhook *hook) EG_MUST_CHECK;
void eg_tool_webhook_free(eg_tool_webhook *hook);

#endif
