/* SPDX-License-Identifier: Apache-2.0
 * Plivo, signature version 3: HMAC-SHA256 over the URL with its query decoded and sorted, the form, and
 * a nonce (https://www.plivo.com/docs/voice/concepts/signature-validation). */
#include "offer.h"

#define FRAME_PIECES 12 /* scheme :// host : port prefix path ? . . nonce, and one to spare */
#define QUERY_PIECES 4  /* of a parameter: & name = value */

enum { SIGNATURE, SIGNATURE_OF_MAIN_ACCOUNT, NONCE };

typedef struct {
    eg_span at[FRAME_PIECES + (QUERY_PIECES + 2) * EG_PARAMS_MAX];
    apr_size_t n;
} plivo_string;

static void add_piece(plivo_string *string, eg_span piece)
{
    string->at[string->n++] = piece;
}

static void add_url(plivo_string *string, const eg_signed *url)
{
    const char *query = url->target.n ? memchr(url->target.p, '?', url->target.n) : NULL;

    add_piece(string, url->origin.scheme);
    add_piece(string, EG_LIT("://"));
    add_piece(string, url->origin.host);
    if (url->origin.port.n) {
        add_piece(string, EG_LIT(":"));
        add_piece(string, url->origin.port);
    }
    add_piece(string, url->origin.prefix);
    add_piece(string, (eg_span){url->target.p,
                                query ? (apr_size_t)(query - url->target.p) : url->target.n});
}

static void add_query(plivo_string *string, const eg_params *query)
{
    const eg_param *list[EG_PARAMS_MAX];
    apr_size_t n = eg_pairs_list(query, EG_PAIRS_ALL, list);

    for (apr_size_t i = 0; i < n; i++) {
        add_piece(string, i ? EG_LIT("&") : EG_LIT(""));
        add_piece(string, list[i]->name);
        add_piece(string, EG_LIT("="));
        add_piece(string, list[i]->value);
    }
}

static void add_form(plivo_string *string, const eg_params *form)
{
    const eg_param *list[EG_PARAMS_MAX];
    apr_size_t n = eg_pairs_list(form, EG_PAIRS_ALL, list);

    for (apr_size_t i = 0; i < n; i++) {
        add_piece(string, list[i]->name);
        add_piece(string, list[i]->value);
    }
}

/* A question mark that nobody sent stands in front of parameters without a query, and the dot between
 * the two is there only where both are. */
static bool build_string(const eg_evidence *evidence, plivo_string *string)
{
    const eg_params *form = evidence->is_get ? NULL : evidence->url.params;
    apr_size_t in_form = form ? form->n : 0;

    if (evidence->query->n > EG_PARAMS_MAX || in_form > EG_PARAMS_MAX)
        return false;
    string->n = 0;
    add_url(string, &evidence->url);
    if (evidence->query->n || in_form)
        add_piece(string, EG_LIT("?"));
    add_query(string, evidence->query);
    if (evidence->query->n && in_form)
        add_piece(string, EG_LIT("."));
    if (in_form)
        add_form(string, form);
    add_piece(string, EG_LIT("."));
    add_piece(string, evidence->headers[NONCE]);
    return true;
}

/* Of what is signed: no other body than a form. */
static bool is_covered(const eg_evidence *evidence)
{
    if (evidence->is_get)
        return !evidence->body.n;
    return evidence->is_post && (!evidence->body.n || evidence->url.params);
}

/* Headers that came say how many signatures there are; too many of them fit nothing. */
static bool list_offered(const eg_evidence *evidence, eg_offered *both)
{
    eg_offered list;

    both->n = 0;
    for (unsigned i = SIGNATURE; i <= SIGNATURE_OF_MAIN_ACCOUNT; i++) {
        if (!evidence->headers[i].p)
            continue;
        if (!eg_offer_split(evidence->headers[i], ',', &list))
            return false;
        for (apr_size_t k = 0; k < list.n; k++)
            both->at[both->n++] = list.at[k];
    }
    return true;
}

/* Which secret each header fitted, of what is valid; where that cannot be told, nothing is. */
static eg_ruling tell_headers_apart(eg_crypto *crypto, const eg_evidence *evidence,
                                    const eg_hmac_rule *rule, const eg_auth_tokens *tokens,
                                    eg_ruling ruling)
{
    for (unsigned i = SIGNATURE; i <= SIGNATURE_OF_MAIN_ACCOUNT; i++) {
        eg_offered list;
        eg_ruling one;

        if (!evidence->headers[i].p || !eg_offer_split(evidence->headers[i], ',', &list))
            continue;
        one = eg_offer_judge(crypto, rule, &list, tokens);
        if (one.verdict == EG_SIGNATURE_UNCHECKED)
            return one;
        ruling.by[i] = one.fitted;
    }
    return ruling;
}

static eg_ruling judge_plivo(eg_crypto *crypto, const eg_evidence *evidence,
                             const eg_auth_tokens *tokens)
{
    eg_offered offered;
    plivo_string string;
    eg_ruling ruling;
    eg_hmac_rule rule = {EG_MAC_SHA256, EG_SPELLED_BASE64, string.at, 0, {NULL, 0}, NULL};

    if ((!evidence->headers[SIGNATURE].n && !evidence->headers[SIGNATURE_OF_MAIN_ACCOUNT].n) ||
        !evidence->headers[NONCE].n)
        return eg_ruling_missing;
    if (!eg_offer_is_single(evidence->headers[NONCE]) || !is_covered(evidence) ||
        !list_offered(evidence, &offered) || !build_string(evidence, &string))
        return eg_ruling_invalid;
    rule.n = string.n;
    ruling = eg_offer_judge(crypto, &rule, &offered, tokens);
    return ruling.verdict == EG_SIGNATURE_VALID
               ? tell_headers_apart(crypto, evidence, &rule, tokens, ruling)
               : ruling;
}

static eg_status resign_plivo(eg_crypto *crypto, const eg_evidence *evidence,
                              const eg_ruling *ruling, eg_provider_headers *out)
{
    plivo_string string;
    eg_hmac_rule rule = {EG_MAC_SHA256, EG_SPELLED_BASE64, string.at, 0, {NULL, 0}, NULL};
    eg_status status = EG_OK;

    *out = (eg_provider_headers){{{0}}};
    if (!build_string(evidence, &string))
        return EG_EMALFORMED;
    rule.n = string.n;
    for (unsigned i = SIGNATURE; i <= SIGNATURE_OF_MAIN_ACCOUNT && status == EG_OK; i++)
        if (ruling->by[i])
            status = eg_offer_make(crypto, &rule, ruling->by[i], out->value[i]);
    return status;
}

static eg_status sign_plivo(eg_crypto *crypto, const eg_evidence *evidence,
                            const eg_auth_token *secret, eg_provider_headers *out)
{
    plivo_string string;
    eg_hmac_rule rule = {EG_MAC_SHA256, EG_SPELLED_BASE64, string.at, 0, {NULL, 0}, NULL};

    *out = (eg_provider_headers){{{0}}};
    if (!evidence->headers[NONCE].n || !is_covered(evidence) || !build_string(evidence, &string) ||
        !eg_offer_put(out->value[NONCE], evidence->headers[NONCE]))
        return EG_EMALFORMED;
    rule.n = string.n;
    return eg_offer_make(crypto, &rule, secret, out->value[SIGNATURE]);
}

static const char *fault_of_token(const eg_auth_token *secret)
{
    if (secret->account.n)
        return "has an account in front, but Plivo's webhooks do not name one";
    return eg_offer_no_shared_key(secret);
}

const eg_provider eg_provider_plivo = {
    .name = "plivo",
    .title = "Plivo",
    .headers = {"X-Plivo-Signature-V3", "X-Plivo-Signature-Ma-V3", "X-Plivo-Signature-V3-Nonce"},
    .signs_url = true,
    .dialect = &eg_dialect_plivo,
    .call = "CallUUID",
    .timeout = 8,
    .fault = fault_of_token,
    .judge = judge_plivo,
    .sign = sign_plivo,
    .resign = resign_plivo,
    .keeps = {false, false, true},
};
