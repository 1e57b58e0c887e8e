/* SPDX-License-Identifier: Apache-2.0
 * Scenarios of webhooks of every provider. */
#include "webhooks.h"

#include <string.h>
#include "core/actionsig.h"
#include "core/provider.h"
#include "core/secret.h"
#include "inputs.h"
#include "scenario.h"

#define SIGNED_AT 1780000000
#define PUBLIC "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="
#define SEED "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=" /* 32 times 7, which is no secret */

/* --- webhooks ---------------------------------------------------------------------------------- */

static eg_evidence webhook_of(const eg_provider *provider, apr_pool_t *pool)
{
    eg_params *params = apr_pcalloc(pool, sizeof *params), *query;
    eg_evidence evidence = {.is_post = true, .now = SIGNED_AT};

    params->n = 1;
    params->at = apr_pcalloc(pool, sizeof *params->at);
    params->at[0] = (eg_param){EG_LIT("Digits"), {secret->digits, DIGITS}};
    query = apr_pcalloc(pool, sizeof *query);
    evidence.query = query;
    evidence.body = (eg_span){secret->digits, DIGITS};
    evidence.url = (eg_signed){.origin = {.scheme = EG_LIT("https"), .host = EG_LIT("a.test")},
                               .target = EG_LIT("/x"),
                               .params = params};
    if (provider == &eg_provider_plivo)
        evidence.headers[2] = EG_LIT("77");
    if (provider == &eg_provider_standardwebhooks)
        evidence.headers[0] = EG_LIT("msg_1");
    return evidence;
}

/* Standard Webhooks takes it for base64, which it is. */
static eg_auth_token secret_of(const eg_provider *provider, const char *of_telnyx)
{
    if (provider == &eg_provider_telnyx)
        return (eg_auth_token){.token = eg_span_of(of_telnyx)};
    return (eg_auth_token){.token = {secret->auth, TOKEN_TEXT}};
}

static void take_headers(eg_evidence *evidence, eg_provider_headers *made)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS; i++)
        evidence->headers[i] =
            (eg_span){made->value[i][0] ? made->value[i] : NULL, strlen(made->value[i])};
}

static int outcome_of_ruling(eg_ruling ruling, const eg_auth_token *right)
{
    switch (ruling.verdict) {
    case EG_SIGNATURE_VALID:
        return ruling.fitted == right ? GOOD : WRONG;
    case EG_SIGNATURE_UNCHECKED:
        return NO_CRYPTO;
    case EG_SIGNATURE_INVALID:
        return NOT_OURS;
    default:
        return WRONG;
    }
}

static int judge_webhook(eg_crypto *crypto, const eg_provider *provider,
                         const eg_evidence *evidence)
{
    eg_auth_token right = secret_of(provider, PUBLIC);
    const eg_auth_tokens tokens = {1, &right};

    return outcome_of_ruling(provider->judge(crypto, evidence, &tokens), &right);
}

/* What comes out is taken, once nothing fails any more. */
static int sign_webhook(eg_crypto *crypto, const eg_provider *provider, apr_pool_t *pool)
{
    eg_evidence evidence = webhook_of(provider, pool);
    const eg_auth_token from = secret_of(provider, SEED);
    eg_provider_headers made;
    eg_status status = provider->sign(crypto, &evidence, &from, &made);
    int way, outcome;

    if (status != EG_OK)
        return status == EG_ECRYPTO || status == EG_ENOMEM ? NO_CRYPTO : WRONG;
    way = fault_pause();
    take_headers(&evidence, &made);
    outcome = judge_webhook(crypto, provider, &evidence);
    fault_go_on(way);
    return outcome;
}

int sign_webhooks(eg_crypto *crypto, apr_pool_t *pool)
{
    int outcome = GOOD;

    for (unsigned i = 0; outcome == GOOD && eg_provider_at(i); i++)
        outcome = sign_webhook(crypto, eg_provider_at(i), pool);
    return outcome;
}

/* Signed while nothing fails; has_flaw: and changed afterwards. */
static int judge_signed(eg_crypto *crypto, const eg_provider *provider, bool has_flaw,
                        apr_pool_t *pool)
{
    int way = fault_pause();
    eg_evidence evidence = webhook_of(provider, pool);
    const eg_auth_token from = secret_of(provider, SEED);
    eg_provider_headers made;
    eg_status status = provider->sign(crypto, &evidence, &from, &made);

    take_headers(&evidence, &made);
    if (has_flaw) {
        evidence.body.n--;
        evidence.url.target = EG_LIT("/y");
    }
    fault_go_on(way);
    return status == EG_OK ? judge_webhook(crypto, provider, &evidence) : WRONG;
}

int judge_webhooks(eg_crypto *crypto, apr_pool_t *pool)
{
    int outcome = GOOD;

    for (unsigned i = 0; outcome == GOOD && eg_provider_at(i); i++)
        outcome = judge_signed(crypto, eg_provider_at(i), false, pool);
    return outcome;
}

/* Whatever fails: what is not signed does not pass. */
int judge_forged_webhooks(eg_crypto *crypto, apr_pool_t *pool)
{
    int outcome = NOT_OURS;

    for (unsigned i = 0; outcome == NOT_OURS && eg_provider_at(i); i++)
        outcome = judge_signed(crypto, eg_provider_at(i), true, pool);
    return outcome == NOT_OURS ? GOOD : outcome == NO_CRYPTO ? NO_CRYPTO : WRONG;
}

/* --- URLs that a provider does not sign -------------------------------------------------------- */

int bind_a_url(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_action action = {EG_LIT("telnyx"), EG_LIT("CA1"), EG_LIT("/x"), EG_LIT("step=a")};
    char sig[EG_ACTION_SIG_LENGTH + 1];
    eg_status status = eg_action_sign(crypto, &secret->ring, &action, sig);

    (void)pool;
    if (status == EG_OK)
        status = eg_action_check(crypto, &secret->ring, &action, eg_span_of(sig));
    return status == EG_OK        ? GOOD
           : status == EG_ECRYPTO ? NO_CRYPTO
           : status == EG_ETOKEN  ? NOT_OURS
                                  : WRONG;
}
