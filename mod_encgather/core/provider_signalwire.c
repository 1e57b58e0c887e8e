/* SPDX-License-Identifier: Apache-2.0
 * SignalWire: cXML webhooks signed almost as Twilio does, and the other kind of its newer interfaces. */
#include <apr_lib.h>
#include "offer.h"

#define HOST_MOST 255
#define HEX_LENGTH (2 * EG_SHA1_SIZE)
#define EXACT_PIECES 8

/* --- base64 over URL and parameters ------------------------------------------------------------ */

/* The host as some write it; false: it is that already. */
static bool lower_host(eg_span host, char lower[HOST_MOST])
{
    bool changed = false;

    if (host.n > HOST_MOST)
        return false;
    for (apr_size_t i = 0; i < host.n; i++) {
        lower[i] = (char)apr_tolower(host.p[i]);
        changed |= lower[i] != host.p[i];
    }
    return changed;
}

static eg_signed what_signalwire_signs(const eg_evidence *evidence)
{
    eg_signed what = evidence->url;

    what.pairs = EG_PAIRS_AS_RECEIVED;
    if (evidence->claims_hash || evidence->is_get)
        what.params = NULL;
    return what;
}

static eg_ruling judge_cxml(eg_crypto *crypto, const eg_evidence *evidence, eg_span header,
                            const eg_auth_tokens *tokens)
{
    eg_ruling ruling = eg_ruling_invalid;
    eg_signed what = what_signalwire_signs(evidence);
    char lower[HOST_MOST];

    if (!eg_provider_body_is_signed(evidence))
        return ruling;
    ruling.verdict = eg_signature_find(crypto, &what, tokens, header, &ruling.fit);
    if (ruling.verdict == EG_SIGNATURE_INVALID && lower_host(what.origin.host, lower)) {
        what.origin.host.p = lower;
        ruling.verdict = eg_signature_find(crypto, &what, tokens, header, &ruling.fit);
        ruling.has_low_host = true;
    }
    ruling.fitted = ruling.fit.token;
    return ruling;
}

/* --- hexadecimal over the exact URL and the raw body ------------------------------------------- */

/* pieces has room for EXACT_PIECES. */
static eg_hmac_rule exact_rule(const eg_evidence *evidence, eg_span *pieces)
{
    const eg_origin *origin = &evidence->url.origin;
    const eg_span all[EXACT_PIECES] = {
        origin->scheme,       EG_LIT("://"),
        origin->host,         origin->port.n ? EG_LIT(":") : EG_LIT(""),
        origin->port,         origin->prefix,
        evidence->url.target, evidence->body};

    memcpy(pieces, all, sizeof all);
    return (eg_hmac_rule){EG_MAC_SHA1,  EG_SPELLED_HEX,        pieces,
                          EXACT_PIECES, evidence->url.account, NULL};
}

static eg_ruling judge_exact(eg_crypto *crypto, const eg_evidence *evidence, eg_span header,
                             const eg_auth_tokens *tokens)
{
    eg_span pieces[EXACT_PIECES];
    eg_hmac_rule rule = exact_rule(evidence, pieces);
    eg_offered offered = {{header}, 1};

    return eg_offer_judge(crypto, &rule, &offered, tokens);
}

/* What is no form, and has no hash in the URL, can be signed like this alone. */
static eg_status sign_signalwire(eg_crypto *crypto, const eg_evidence *evidence,
                                 const eg_auth_token *secret, eg_provider_headers *out)
{
    eg_span pieces[EXACT_PIECES];
    eg_hmac_rule rule = exact_rule(evidence, pieces);
    eg_signed what = what_signalwire_signs(evidence);

    *out = (eg_provider_headers){{{0}}};
    if (!eg_provider_body_is_signed(evidence))
        return eg_offer_make(crypto, &rule, secret, out->value[0]);
    return eg_signature_make_exact(crypto, &what, secret, out->value[0]);
}

/* --- the row ----------------------------------------------------------------------------------- */

/* The one of the two headers that counts. */
static unsigned place_of_signature(const eg_evidence *evidence)
{
    return evidence->headers[0].p ? 0 : 1;
}

static eg_status resign_cxml(eg_crypto *crypto, const eg_evidence *evidence,
                             const eg_ruling *ruling, char *out)
{
    eg_signed what = what_signalwire_signs(evidence);
    char lower[HOST_MOST];

    what = eg_signature_as_fitted(&what, &ruling->fit);
    if (ruling->has_low_host && lower_host(what.origin.host, lower))
        what.origin.host.p = lower;
    return eg_signature_make_exact(crypto, &what, ruling->fitted, out);
}

static eg_status resign_signalwire(eg_crypto *crypto, const eg_evidence *evidence,
                                   const eg_ruling *ruling, eg_provider_headers *out)
{
    eg_span pieces[EXACT_PIECES];
    eg_hmac_rule rule = exact_rule(evidence, pieces);
    unsigned place = place_of_signature(evidence);

    *out = (eg_provider_headers){{{0}}};
    if (evidence->headers[place].n == HEX_LENGTH)
        return eg_offer_make(crypto, &rule, ruling->fitted, out->value[place]);
    return resign_cxml(crypto, evidence, ruling, out->value[place]);
}

static eg_ruling judge_signalwire(eg_crypto *crypto, const eg_evidence *evidence,
                                  const eg_auth_tokens *tokens)
{
    eg_span header = evidence->headers[place_of_signature(evidence)];

    if (!header.n)
        return eg_ruling_missing;
    return header.n == HEX_LENGTH ? judge_exact(crypto, evidence, header, tokens)
                                  : judge_cxml(crypto, evidence, header, tokens);
}

const eg_provider eg_provider_signalwire = {
    .name = "signalwire",
    .title = "SignalWire",
    .headers = {"X-SignalWire-Signature", "X-Twilio-Signature"},
    .alike = &eg_provider_twilio,
    .signs_url = true,
    .needs_raw = true,
    .dialect = &eg_dialect_twiml,
    .call = "CallSid",
    .timeout = 4,
    .gives_up = 5,
    .fault = eg_offer_no_shared_key,
    .judge = judge_signalwire,
    .sign = sign_signalwire,
    .resign = resign_signalwire,
};
