/* SPDX-License-Identifier: Apache-2.0
 * Auth token files: the Twilio tokens and SharedKeys that sign webhooks. */
#ifndef EG_AUTHTOKEN_H
#define EG_AUTHTOKEN_H

#include "crypto.h"
#include "problem.h"

#define EG_AUTH_TOKEN_MAX 128
#define EG_ACCOUNT_MAX 64
#define EG_SHARED_KEY_NAME "webhooks_sharedkey_" /* and 1 to 64 letters and digits */

/* What is computed of a token once, and is as secret: where its HMACs begin and end, and the key of its
 * Idempotency-Keys with the same of that. */
typedef struct {
    eg_hmac_state by[EG_SHAS];
    unsigned char idempotency[EG_SHA256_SIZE];
    eg_hmac_state of_idempotency; /* by SHA-256 */
} eg_token_ready;

typedef struct {
    eg_span account; /* empty: valid for every account */
    eg_span token;
    eg_span key; /* the name of a SharedKey, whose secret the token is; empty: an auth token */
    const eg_token_ready *ready; /* NULL: all of it is made each time */
} eg_auth_token;

/* Points into the content that was parsed, which must live (in secret memory) as long. */
typedef struct {
    apr_size_t n;
    eg_auth_token *at;
} eg_auth_tokens;

/* The most tokens that a content of that many bytes can hold. */
apr_size_t eg_auth_tokens_bound(apr_size_t content);

/* Lines of "token", "AccountSid token" or "webhooks_sharedkey_ID secret", "#" starting a comment
 * line. tokens->at has room for eg_auth_tokens_bound(content.n) entries. why never holds a byte of the
 * content. */
eg_status eg_auth_tokens_parse(eg_span content, eg_auth_tokens *tokens,
                               eg_problem *why) EG_MUST_CHECK;

/* Computes that into ready, which has room for tokens->n in the memory where the tokens are. Where it cannot
 * be, tokens have none. */
void eg_auth_tokens_prepare(eg_crypto *crypto, eg_auth_tokens *tokens, eg_token_ready *ready);

/* The token as the key of an HMAC. */
static inline eg_hmac_key eg_auth_token_key(const eg_auth_token *token, eg_sha sha)
{
    return (eg_hmac_key){sha, token->token, token->ready ? &token->ready->by[sha] : NULL};
}

/* What stands there in the place of an auth token, a key or a placeholder, in words; NULL: nothing. */
const char *eg_auth_tokens_odd(const eg_auth_tokens *tokens);

#endif
