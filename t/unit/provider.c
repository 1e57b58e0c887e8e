/* SPDX-License-Identifier: Apache-2.0
 * Each provider's rule against what its own packages say (t/vectors/providers.json). */
#include "tap.h"

#include <stdlib.h>
#include <apr_cstr.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <jansson.h>
#include "core/parameters.h"
#include "core/provider.h"

static apr_pool_t *pool;
static eg_crypto *crypto;

typedef struct {
    eg_evidence evidence;
    eg_params form, query;
    eg_auth_token secrets[3];
    eg_auth_tokens tokens;
} request;

static const char *text_of(const json_t *vector, const char *name)
{
    const char *text = json_string_value(json_object_get(vector, name));

    return text ? text : "";
}

/* --- a vector becomes a request ---------------------------------------------------------------- */

static eg_params parse_params(const char *text, apr_size_t n)
{
    eg_params params = {NULL, 0};

    if (eg_form_parse(pool, apr_pstrmemdup(pool, text, n), n, EG_PARAMS_MAX, &params) != EG_OK)
        ok(false, "the parameters of a vector can be read");
    return params;
}

/* A fragment is never sent. */
static void take_url(request *r, const char *url)
{
    eg_signed *what = &r->evidence.url;
    const char *host = strstr(url, "://") + 3, *path = strchr(host, '/');
    const char *query = strchr(path, '?');
    apr_size_t n = strcspn(path, "#");

    what->origin.scheme = (eg_span){url, (apr_size_t)(host - url) - 3};
    ok(eg_origin_split((eg_span){host, (apr_size_t)(path - host)}, &what->origin), "%s", url);
    what->target = (eg_span){path, n};
    if (query)
        r->query = parse_params(query + 1, n - (apr_size_t)(query + 1 - path));
    r->evidence.query = &r->query;
}

static void take_body(request *r, const char *body, const char *type)
{
    unsigned char hash[EG_SHA256_SIZE];

    r->evidence.body = eg_span_of(body);
    if (strstr(type, "x-www-form-urlencoded") || !*body) {
        r->form = parse_params(body, strlen(body));
        r->evidence.url.params = &r->form;
    }
    r->evidence.claims_hash = eg_claims_body_hash(&r->query);
    r->evidence.hash_fits = r->evidence.claims_hash &&
                            eg_sha256(crypto, r->evidence.body, hash) == EG_OK &&
                            eg_body_hash_fits(&r->query, hash);
}

static eg_span find_header(json_t *headers, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach(headers, key,
                        value) if (name && apr_cstr_casecmp(key, name) ==
                                               0) return eg_span_of(json_string_value(value));
    return (eg_span){NULL, 0};
}

static void take_headers(request *r, const eg_provider *provider, json_t *headers)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS; i++)
        r->evidence.headers[i] = find_header(headers, provider->headers[i]);
}

static const char *const shared_keys[] = {"webhooks_sharedkey_1",
                                          "webhooks_sharedkey_00000000000000000000000001"};

static void take_secrets(request *r, const json_t *vector)
{
    const char *secret = text_of(vector, *text_of(vector, "secret") ? "secret" : "public_key");
    const char *shared = text_of(vector, "shared_key_secret");

    r->secrets[r->tokens.n++] = (eg_auth_token){.token = eg_span_of(secret)};
    for (size_t i = 0; *shared && i < COUNT(shared_keys); i++)
        r->secrets[r->tokens.n++] =
            (eg_auth_token){.token = eg_span_of(shared), .key = eg_span_of(shared_keys[i])};
    r->tokens.at = r->secrets;
}

static void read_vector(request *r, const eg_provider *provider, const json_t *vector)
{
    json_t *headers = json_object_get(vector, "headers");
    eg_span type = find_header(headers, "Content-Type");

    memset(r, 0, sizeof *r);
    r->evidence.is_get = strcmp(text_of(vector, "method"), "GET") == 0;
    r->evidence.is_post = !r->evidence.is_get;
    r->evidence.now = json_integer_value(json_object_get(vector, "now"));
    take_url(r, text_of(vector, "url"));
    take_body(r, text_of(vector, "body"), type.p ? type.p : "");
    take_headers(r, provider, headers);
    take_secrets(r, vector);
}

/* --- the verdicts ------------------------------------------------------------------------------ */

static const struct {
    const char *title, *word;
} served[] = {{"Twilio", "twilio"},      {"SignalWire", "signalwire"},
              {"Telnyx", "telnyx"},      {"Plivo", "plivo"},
              {"jambonz", "jambonz"},    {"Standard Webhooks", "standardwebhooks"},
              {"FreeClimb", "freeclimb"}};

static const eg_provider *provider_of(const char *title)
{
    for (size_t i = 0; i < COUNT(served); i++)
        if (strcmp(served[i].title, title) == 0)
            return eg_provider_named(served[i].word);
    return NULL;
}

/* Where we decide otherwise than the package: hosts that it cannot read, a scheme that covers neither
 * query nor form, and a list of which it looks at the last one alone. */
static eg_verdict wanted(const json_t *vector)
{
    static const struct {
        const char *id;
        eg_verdict verdict;
    } own[] = {{"sw-n8", EG_SIGNATURE_VALID},   {"pl-n9", EG_SIGNATURE_VALID},
               {"pl-13", EG_SIGNATURE_MISSING}, {"pl-14", EG_SIGNATURE_MISSING},
               {"pl-n7", EG_SIGNATURE_MISSING}, {"st-n4", EG_SIGNATURE_MISSING},
               {"fc-n5", EG_SIGNATURE_VALID}};

    for (size_t i = 0; i < COUNT(own); i++)
        if (strcmp(own[i].id, text_of(vector, "id")) == 0)
            return own[i].verdict;
    return strcmp(text_of(vector, "expect"), "valid") == 0 ? EG_SIGNATURE_VALID
                                                           : EG_SIGNATURE_INVALID;
}

static unsigned judge_vector(const json_t *vector)
{
    const eg_provider *provider = provider_of(text_of(vector, "provider"));
    request r;
    eg_finding finding;
    bool right;

    if (!provider)
        return 0;
    read_vector(&r, provider, vector);
    finding = provider->judge(crypto, &r.evidence, &r.tokens);
    right = finding.verdict == wanted(vector) &&
            (finding.fitted != NULL) == (finding.verdict == EG_SIGNATURE_VALID);
    ok(right, "%s: %s (%d)", text_of(vector, "id"), text_of(vector, "why"), (int)finding.verdict);
    return 1;
}

static void all_vectors(void)
{
    json_t *all = json_load_file("t/vectors/providers.json", 0, NULL);
    const json_t *vectors = json_object_get(all, "vectors");
    unsigned judged = 0;

    for (size_t i = 0; i < json_array_size(vectors); i++)
        judged += judge_vector(json_array_get(vectors, i));
    is_int(judged, 143, "all vectors of these seven were judged");
    json_decref(all);
}

/* --- and back ---------------------------------------------------------------------------------- */

/* What we sign for each provider is what we accept from it. */
static void signed_by_us(void)
{
    static const char seed[] = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="; /* 32 times 7 */
    json_t *all = json_load_file("t/vectors/providers.json", 0, NULL);
    const json_t *vectors = json_object_get(all, "vectors");

    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const eg_provider *provider = provider_of(text_of(vector, "provider"));
        eg_auth_token secret;
        eg_provider_headers made;
        request r;

        if (strcmp(text_of(vector, "expect"), "valid") != 0 || wanted(vector) != EG_SIGNATURE_VALID)
            continue;
        read_vector(&r, provider, vector);
        secret = r.secrets[r.evidence.headers[1].p && provider == &eg_provider_twilio];
        if (provider == &eg_provider_telnyx)
            secret.token = eg_span_of(seed);
        if (!ok(provider->sign(crypto, &r.evidence, &secret, &made) == EG_OK, "%s: signed anew",
                text_of(vector, "id")))
            continue;
        for (unsigned k = 0; k < EG_PROVIDER_HEADERS; k++)
            r.evidence.headers[k] =
                made.value[k][0] || r.evidence.headers[k].p == NULL
                    ? (eg_span){made.value[k][0] ? made.value[k] : NULL, strlen(made.value[k])}
                    : (eg_span){provider == &eg_provider_twilio ? "" : NULL, 0};
        ok(provider->judge(crypto, &r.evidence, &r.tokens).verdict == EG_SIGNATURE_VALID,
           "%s: and valid", text_of(vector, "id"));
    }
    json_decref(all);
}

/* --- secrets ----------------------------------------------------------------------------------- */

static void secrets(void)
{
    static const struct {
        const char *provider, *account, *token, *key;
        bool good;
    } cases[] = {
        {"twilio", "", "anything", "webhooks_sharedkey_1", true},
        {"signalwire", "", "PSK_toySigningKey000000000000", "", true},
        {"signalwire", "", "PSK_toySigningKey000000000000", "webhooks_sharedkey_1", false},
        {"telnyx", "", "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=", "", true},
        {"telnyx", "a-b", "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=", "", true},
        {"telnyx", "", "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw", "", false},
        {"telnyx", "", "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0ix=", "", false},
        {"telnyx", "", "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw=", "", false},
        {"telnyx", "", "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c", "",
         false},
        {"plivo", "", "toyPlivoAuthToken00000000000000000000000", "", true},
        {"plivo", "MA1", "toyPlivoAuthToken00000000000000000000000", "", false},
        {"jambonz", "", "toyJambonzWebhookSecret", "", true},
        {"freeclimb", "", "sigsec_toy0000000000000000000", "", true},
        {"standardwebhooks", "", "whsec_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ", "", true},
        {"standardwebhooks", "", "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk", "", true},
        {"standardwebhooks", "", "whsec_not/base64!", "", false},
        {"standardwebhooks", "", "whsec_", "", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_auth_token secret = {eg_span_of(cases[i].account), eg_span_of(cases[i].token),
                                eg_span_of(cases[i].key)};
        const char *fault = eg_provider_named(cases[i].provider)->fault(&secret);

        ok(!fault == cases[i].good, "%s: a secret that is %s (%s)", cases[i].provider,
           cases[i].good ? "good" : "none", fault ? fault : "no fault");
    }
}

static void names(void)
{
    ok(eg_provider_named("TELNYX") == &eg_provider_telnyx, "names have no case");
    ok(!eg_provider_named("telnyx2") && !eg_provider_named(""), "others are none");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    all_vectors();
    signed_by_us();
    secrets();
    names();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
