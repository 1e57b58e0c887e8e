/* SPDX-License-Identifier: Apache-2.0
 * Each provider's rule against what its own packages say (t/vectors/providers.json). */
#include "tap.h"

#include <stdlib.h>
#include <apr_general.h>
#include "../judge/vector.h"
#include "core/base64.h"

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
    eg_ruling ruling;
    bool right;

    if (!provider)
        return 0;
    read_vector(&r, provider, vector);
    ruling = provider->judge(crypto, &r.evidence, &r.tokens);
    right = ruling.verdict == wanted(vector) &&
            (ruling.fitted != NULL) == (ruling.verdict == EG_SIGNATURE_VALID);
    ok(right, "%s: %s (%d)", text_of(vector, "id"), text_of(vector, "why"), (int)ruling.verdict);
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
        /* of small order: signatures of it can be made without any private key */
        {"telnyx", "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "", false},
        {"telnyx", "", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "", false},
        {"telnyx", "", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA=", "", false},
        {"telnyx", "", "7P///////////////////////////////////////38=", "", false},
        {"telnyx", "", "7v///////////////////////////////////////38=", "", false},
        {"telnyx", "", "xxdqcD1N2E+6PAt2DRBnDyogU/osOczGTsf9d5KsA3o=", "", false},
        {"telnyx", "", "JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/IU=", "", false},
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
                                eg_span_of(cases[i].key), NULL};
        const char *fault = eg_provider_named(cases[i].provider)->fault(&secret);

        ok(!fault == cases[i].good, "%s: a secret that is %s (%s)", cases[i].provider,
           cases[i].good ? "good" : "none", fault ? fault : "no fault");
    }
}

/* Secrets that are none, as only a request shows: they fit nothing, and an empty key least of all. */
static void fits_nothing(const char *name, const char *secret, eg_evidence *evidence)
{
    const eg_provider *provider = eg_provider_named(name);
    eg_auth_token none = {{"", 0}, eg_span_of(secret), {"", 0}, NULL};
    eg_auth_tokens tokens = {1, &none};
    eg_ruling ruling = provider->judge(crypto, evidence, &tokens);

    is_int(ruling.verdict, EG_SIGNATURE_INVALID, "%s: a secret that is none fits nothing", name);
    ok(ruling.fitted == NULL, "%s: and is not said to", name);
}

static void no_secrets(void)
{
    const eg_span pieces[] = {EG_LIT("m.1795900000."), EG_LIT("x=1")};
    eg_evidence evidence = {.is_post = true, .body = EG_LIT("x=1"), .now = 1795900000};
    unsigned char mac[EG_SHA256_SIZE];
    char header[64] = "v1,", identity[90];

    ok(eg_hmac_sha256(crypto, (eg_span){"", 0}, pieces, 2, mac) == EG_OK, "by an empty key");
    eg_base64_encode(header + 3, mac, sizeof mac);
    evidence.headers[0] = EG_LIT("m");
    evidence.headers[1] = EG_LIT("1795900000");
    evidence.headers[2] = eg_span_of(header);
    fits_nothing("standardwebhooks", "whsec_not/base64!", &evidence);

    /* R is the neutral element, S is 0: true of everything under a key that is neutral itself. */
    memset(identity, 'A', sizeof identity);
    memcpy(identity, "AQ", 2);
    memcpy(identity + 86, "==", 3);
    evidence.headers[0] = eg_span_of(identity);
    fits_nothing("telnyx", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &evidence);
}

static void names(void)
{
    ok(eg_provider_named("TELNYX") == &eg_provider_telnyx, "names have no case");
    ok(!eg_provider_named("telnyx2") && !eg_provider_named(""), "others are none");
    ok(eg_provider_of_header(EG_LIT("x-plivo-signature-ma-v3")) == &eg_provider_plivo &&
           eg_provider_of_header(EG_LIT("X-Twilio-Signature")) == &eg_provider_twilio,
       "headers have no case, and the first owner counts");
    ok(!eg_provider_of_header(EG_LIT("X-Plivo-Signature-V3-")) &&
           !eg_provider_of_header(EG_LIT("X-Plivo")) && !eg_provider_of_header(EG_LIT("")),
       "others are nobody's");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    all_vectors();
    signed_by_us();
    secrets();
    no_secrets();
    names();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
