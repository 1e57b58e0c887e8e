/* SPDX-License-Identifier: Apache-2.0
 * Scenarios of providers whose signatures are made another way than Twilio's. */
#include "webhooks.h"

#include <string.h>
#include "core/actionsig.h"
#include "core/keyring.h"
#include "core/provider.h"
#include "inputs.h"
#include "scenario.h"

#define SEED "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
#define PUBLIC_HALF "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="
#define NOW 1780000000

static int outcome_of_making(eg_status status)
{
    return status == EG_OK        ? GOOD
           : status == EG_ECRYPTO ? NO_CRYPTO
           : status == EG_ENOMEM  ? NO_MEMORY
                                  : WRONG;
}

static int outcome_of_verdict(eg_verdict verdict)
{
    return verdict == EG_SIGNATURE_VALID       ? GOOD
           : verdict == EG_SIGNATURE_UNCHECKED ? NO_CRYPTO
           : verdict == EG_SIGNATURE_INVALID   ? NOT_OURS
                                               : WRONG;
}

/* The body holds digits. */
static eg_evidence posted_evidence(const eg_params *query)
{
    return (eg_evidence){.is_post = true,
                         .query = query,
                         .body = {secret->digits, DIGITS},
                         .url = {.origin = {.scheme = EG_LIT("https"), .host = EG_LIT("a.example")},
                                 .target = EG_LIT("/x")},
                         .now = NOW};
}

static eg_auth_token secret_of_text(const char *text)
{
    return (eg_auth_token){{"", 0}, eg_span_of(text), {"", 0}};
}

/* --- Telnyx ------------------------------------------------------------------------------------ */

static eg_status make_headers(eg_crypto *crypto, eg_provider_headers *headers)
{
    const eg_params none = {NULL, 0};
    eg_evidence evidence = posted_evidence(&none);
    eg_auth_token seed = secret_of_text(SEED);

    return eg_provider_telnyx.sign(crypto, &evidence, &seed, headers);
}

static eg_verdict judge_headers(eg_crypto *crypto, const eg_provider_headers *headers)
{
    const eg_params none = {NULL, 0};
    eg_evidence evidence = posted_evidence(&none);
    eg_auth_token key = secret_of_text(PUBLIC_HALF);
    eg_auth_tokens keys = {1, &key};

    for (unsigned i = 0; i < 2; i++)
        evidence.headers[i] = eg_span_of(headers->value[i]);
    return eg_provider_telnyx.judge(crypto, &evidence, &keys).verdict;
}

int sign_by_telnyx(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_provider_headers headers;
    eg_status status = make_headers(crypto, &headers);

    (void)pool;
    fault_disarm();
    if (status != EG_OK)
        return headers.value[0][0] ? WRONG : outcome_of_making(status);
    return judge_headers(crypto, &headers) == EG_SIGNATURE_VALID ? GOOD : WRONG;
}

static int verify_after(eg_crypto *crypto, int change)
{
    eg_provider_headers headers;
    int way = fault_pause();
    eg_status status = make_headers(crypto, &headers);

    fault_go_on(way);
    if (status != EG_OK)
        return WRONG;
    headers.value[0][0] = (char)(headers.value[0][0] ^ change);
    return outcome_of_verdict(judge_headers(crypto, &headers));
}

int verify_of_telnyx(eg_crypto *crypto, apr_pool_t *pool)
{
    (void)pool;
    return verify_after(crypto, 0);
}

/* Whatever fails: what is not signed does not pass. */
int verify_forged_of_telnyx(eg_crypto *crypto, apr_pool_t *pool)
{
    int ended = verify_after(crypto, 1);

    (void)pool;
    return ended == NOT_OURS ? GOOD : ended == NO_CRYPTO ? NO_CRYPTO : WRONG;
}

/* --- a HMAC ------------------------------------------------------------------------------------ */

static eg_evidence plivo_evidence(const eg_params *query)
{
    eg_evidence evidence = posted_evidence(query);

    evidence.body = (eg_span){"", 0};
    evidence.headers[2] = EG_LIT("77");
    return evidence;
}

int verify_of_plivo(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_param digits = {EG_LIT("Digits"), {secret->digits, DIGITS}};
    const eg_params query = {&digits, 1};
    eg_evidence evidence = plivo_evidence(&query);
    eg_auth_token token = secret_of_text(secret->auth);
    eg_auth_tokens tokens = {1, &token};
    eg_provider_headers headers;
    int way = fault_pause();
    eg_status status = eg_provider_plivo.sign(crypto, &evidence, &token, &headers);

    (void)pool;
    fault_go_on(way);
    evidence.headers[0] = eg_span_of(headers.value[0]);
    return status == EG_OK
               ? outcome_of_verdict(eg_provider_plivo.judge(crypto, &evidence, &tokens).verdict)
               : WRONG;
}

/* --- URLs that are bound ------------------------------------------------------------------------- */

int bind_action(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_action action = {EG_LIT("telnyx"), EG_LIT("v3:a"), EG_LIT("/x"), EG_LIT("step=b")};
    char sig[EG_ACTION_SIG_LENGTH + 1];
    eg_status status;

    (void)pool;
    secret->derived = secret->ring;
    status = eg_keyring_derive(crypto, &secret->derived);
    if (status == EG_OK)
        status = eg_action_sign(crypto, &secret->derived, &action, sig);
    if (status == EG_OK)
        status = eg_action_check(crypto, &secret->derived, &action, eg_span_of(sig));
    memset(&secret->derived, 0, sizeof secret->derived);
    return outcome_of_making(status);
}
