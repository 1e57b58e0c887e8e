/* SPDX-License-Identifier: Apache-2.0
 * Providers that sign a time and the raw body: jambonz, FreeClimb, and the Standard Webhooks
 * specification (https://www.standardwebhooks.com). They guard other applications; we do not speak
 * their languages. */
#include <apr_strings.h>
#include "base64.h"
#include "offer.h"
#include "secret.h"

#define PREFIX "whsec_"

/* --- t=SECONDS,v1=HEX[,v1=HEX] ----------------------------------------------------------------- */

typedef struct {
    eg_span time;
    eg_offered offered;
} timed_header;

static bool take_part(eg_span part, timed_header *into)
{
    if (part.n > 2 && memcmp(part.p, "t=", 2) == 0) {
        bool again = into->time.p != NULL;

        into->time = (eg_span){part.p + 2, part.n - 2};
        return !again;
    }
    if (part.n < 3 || memcmp(part.p, "v1=", 3) != 0)
        return true;
    if (into->offered.n == EG_OFFERED_MAX)
        return false;
    into->offered.at[into->offered.n++] = (eg_span){part.p + 3, part.n - 3};
    return true;
}

/* Blanks are in no good header, and between two headers that httpd has joined. */
static bool read_timed(eg_span header, timed_header *into)
{
    bool good = !memchr(header.p, ' ', header.n) && !memchr(header.p, '\t', header.n);

    *into = (timed_header){.time = {NULL, 0}};
    for (apr_size_t at = 0; good && at < header.n;) {
        const char *from = header.p + at;
        const char *end = memchr(from, ',', header.n - at);
        apr_size_t n = end ? (apr_size_t)(end - from) : header.n - at;

        good = take_part((eg_span){from, n}, into);
        at += n + 1;
    }
    return good && into->time.n && into->offered.n;
}

static eg_ruling judge_timed(eg_crypto *crypto, const eg_evidence *evidence,
                             const eg_auth_tokens *tokens, bool also_ahead)
{
    timed_header header;
    apr_int64_t signed_at;
    eg_span pieces[3];
    eg_hmac_rule rule = {EG_MAC_SHA256, EG_SPELLED_HEX, pieces, 3, evidence->url.account, NULL};

    if (!evidence->headers[0].n)
        return eg_ruling_missing;
    if (!read_timed(evidence->headers[0], &header) || !eg_offer_time(header.time, &signed_at))
        return eg_ruling_invalid;
    pieces[0] = header.time;
    pieces[1] = EG_LIT(".");
    pieces[2] = evidence->body;
    return eg_offer_in_time(eg_offer_judge(crypto, &rule, &header.offered, tokens), signed_at,
                            evidence->now, also_ahead);
}

static eg_status sign_timed(eg_crypto *crypto, const eg_evidence *evidence,
                            const eg_auth_token *secret, eg_provider_headers *out)
{
    char time[32], mac[EG_OFFER_MOST];
    const eg_span pieces[3] = {
        {time, (apr_size_t)apr_snprintf(time, sizeof time, "%" APR_INT64_T_FMT, evidence->now)},
        EG_LIT("."),
        evidence->body};
    eg_hmac_rule rule = {EG_MAC_SHA256, EG_SPELLED_HEX, pieces, 3, {NULL, 0}, NULL};
    eg_status status = eg_offer_make(crypto, &rule, secret, mac);

    *out = (eg_provider_headers){{{0}}};
    if (status == EG_OK)
        (void)apr_snprintf(out->value[0], EG_PROVIDER_VALUE_MAX, "t=%s,v1=%s", time, mac);
    return status;
}

/* With GET it signs JSON that it does not send. */
static eg_ruling judge_jambonz(eg_crypto *crypto, const eg_evidence *evidence,
                               const eg_auth_tokens *tokens)
{
    eg_ruling ruling = judge_timed(crypto, evidence, tokens, true);

    return evidence->is_get && ruling.verdict == EG_SIGNATURE_VALID ? eg_ruling_invalid : ruling;
}

static eg_ruling judge_freeclimb(eg_crypto *crypto, const eg_evidence *evidence,
                                 const eg_auth_tokens *tokens)
{
    return judge_timed(crypto, evidence, tokens, false);
}

/* --- Standard Webhooks ------------------------------------------------------------------------- */

enum { ID, TIME, SIGNATURES };

/* base64, with or without its padding, behind a prefix that may be missing; 0: it is none. */
static apr_size_t decode_secret(const eg_auth_token *secret, unsigned char *out)
{
    eg_span text = secret->token;
    const apr_size_t prefix = sizeof PREFIX - 1;
    char padded[EG_AUTH_TOKEN_MAX + 4];
    apr_size_t pad, n;

    if (text.n > prefix && memcmp(text.p, PREFIX, prefix) == 0)
        text = (eg_span){text.p + prefix, text.n - prefix};
    while (text.n && text.p[text.n - 1] == '=')
        text.n--;
    if (text.n < 2 || text.n > EG_AUTH_TOKEN_MAX || text.n % 4 == 1)
        return 0;
    pad = (4 - text.n % 4) % 4;
    memcpy(padded, text.p, text.n);
    memset(padded + text.n, '=', pad);
    n = (text.n + pad) / 4 * 3 - pad;
    return eg_base64_decode(out, n, (eg_span){padded, text.n + pad}) == EG_OK ? n : 0;
}

static const char *fault_of_secret(const eg_auth_token *secret)
{
    unsigned char key[EG_AUTH_TOKEN_MAX];
    apr_size_t n;

    if (secret->key.n)
        return eg_offer_no_shared_key(secret);
    n = decode_secret(secret, key);
    eg_wipe(key, sizeof key);
    return n ? NULL
             : "is no secret of Standard Webhooks: base64, with or without " PREFIX " in front";
}

/* "v1,BASE64", separated by blanks; other versions are skipped. */
static bool list_signatures(eg_span header, eg_offered *offered)
{
    eg_span rest = header;

    offered->n = 0;
    while (rest.n) {
        const char *blank = memchr(rest.p, ' ', rest.n);
        eg_span word = {rest.p, blank ? (apr_size_t)(blank - rest.p) : rest.n};
        apr_size_t step = word.n + (blank != NULL);

        if (word.n && word.p[word.n - 1] == ',')
            return false; /* two headers, joined */
        if (word.n > 3 && memcmp(word.p, "v1,", 3) == 0) {
            if (offered->n == EG_OFFERED_MAX)
                return false;
            offered->at[offered->n++] = (eg_span){word.p + 3, word.n - 3};
        }
        rest = (eg_span){rest.p + step, rest.n - step};
    }
    return offered->n > 0;
}

static eg_ruling judge_standard(eg_crypto *crypto, const eg_evidence *evidence,
                                const eg_auth_tokens *tokens)
{
    const eg_span *headers = evidence->headers;
    const eg_span pieces[5] = {headers[ID], EG_LIT("."), headers[TIME], EG_LIT("."),
                               evidence->body};
    eg_hmac_rule rule = {EG_MAC_SHA256,         EG_SPELLED_BASE64, pieces, 5,
                         evidence->url.account, decode_secret};
    eg_offered offered;
    apr_int64_t signed_at;

    if (!headers[ID].n || !headers[TIME].n || !headers[SIGNATURES].n)
        return eg_ruling_missing;
    if (!eg_offer_is_single(headers[ID]) || !eg_offer_time(headers[TIME], &signed_at) ||
        !list_signatures(headers[SIGNATURES], &offered))
        return eg_ruling_invalid;
    return eg_offer_in_time(eg_offer_judge(crypto, &rule, &offered, tokens), signed_at,
                            evidence->now, true);
}

static eg_status sign_standard(eg_crypto *crypto, const eg_evidence *evidence,
                               const eg_auth_token *secret, eg_provider_headers *out)
{
    char *time = out->value[TIME];
    eg_span pieces[5] = {
        evidence->headers[ID], EG_LIT("."), {time, 0}, EG_LIT("."), evidence->body};
    eg_hmac_rule rule = {EG_MAC_SHA256, EG_SPELLED_BASE64, pieces, 5, {NULL, 0}, decode_secret};

    *out = (eg_provider_headers){{{0}}};
    if (!evidence->headers[ID].n || !eg_offer_put(out->value[ID], evidence->headers[ID]))
        return EG_EMALFORMED;
    pieces[2].n =
        (apr_size_t)apr_snprintf(time, EG_PROVIDER_VALUE_MAX, "%" APR_INT64_T_FMT, evidence->now);
    memcpy(out->value[SIGNATURES], "v1,", 3);
    return eg_offer_make(crypto, &rule, secret, out->value[SIGNATURES] + 3);
}

/* --- the rows ---------------------------------------------------------------------------------- */

const eg_provider eg_provider_jambonz = {
    .name = "jambonz",
    .title = "jambonz",
    .headers = {"Jambonz-Signature"},
    .call = "CallSid",
    .needs_raw = true,
    .timeout = 8,
    .fault = eg_offer_no_shared_key,
    .judge = judge_jambonz,
    .sign = sign_timed,
};

const eg_provider eg_provider_freeclimb = {
    .name = "freeclimb",
    .title = "FreeClimb",
    .headers = {"FreeClimb-Signature"},
    .call = "CallSid",
    .needs_raw = true,
    .timeout = 8,
    .fault = eg_offer_no_shared_key,
    .judge = judge_freeclimb,
    .sign = sign_timed,
};

const eg_provider eg_provider_standardwebhooks = {
    .name = "standardwebhooks",
    .title = "Standard Webhooks",
    .headers = {"webhook-id", "webhook-timestamp", "webhook-signature"},
    .call = "CallSid",
    .needs_raw = true,
    .timeout = 8,
    .fault = fault_of_secret,
    .judge = judge_standard,
    .sign = sign_standard,
};
