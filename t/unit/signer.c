/* SPDX-License-Identifier: Apache-2.0
 * Tests of who signed: the settings header, SharedKeys beside auth tokens, and WebSocket handshakes. */
#include "tap.h"

#include <stdlib.h>
#include <apr_general.h>
#include "core/signature.h"

#define ID "webhooks_sharedkey_00000000000000000000000001"
#define FORM                                                                                       \
    "AccountSid=AC00000000000000000000000000000000&CallSid=CA00000000000000000000000000000001"     \
    "&CallStatus=in-progress&Digits=1234&From=%2B15551230001&To=%2B15551230002"
#define PIN "/encrypted-gather?step=getPin"
#define SHA_OF_JSON "d7a04cbabf75c2d00df128c13c2b716a69597217351f54e3f3d8b715a28a9395"

static apr_pool_t *pool;
static eg_crypto *crypto;

/* --- the header -------------------------------------------------------------------------------- */

static void settings(void)
{
    static const struct {
        const char *header, *key;
        eg_mac mac;
        bool broken;
    } cases[] = {
        {"", "", EG_MAC_SHA1, false},
        {",", "", EG_MAC_SHA1, false},
        {" , ,", "", EG_MAC_SHA1, false},
        {"key=" ID, ID, EG_MAC_SHA1, false},
        {"key=" ID ",algorithm=HMAC_SHA256", ID, EG_MAC_SHA256, false},
        {"algorithm=HMAC_SHA256,key=" ID, ID, EG_MAC_SHA256, false},
        {"algorithm=HMAC_SHA1", "", EG_MAC_SHA1, false},
        {"algorithm=", "", EG_MAC_SHA1, false},
        {"algorithm= \t,key=", "", EG_MAC_SHA1, false},
        {" key =\ta ,\t algorithm = hmac_Sha256 ", "a", EG_MAC_SHA256, false},
        {"key=a=b,algorithm=HMAC_SHA256", "a=b", EG_MAC_SHA256, false},
        {"key=a b", "a b", EG_MAC_SHA1, false},
        {"version=2,key=a,,other,=x,Key=b,ALGORITHM=HMAC_SHA512", "a", EG_MAC_SHA1, false},
        {"key,algorithm", "", EG_MAC_SHA1, false},
        {"algorithm=HMAC_SHA512", "", EG_MAC_UNKNOWN, false},
        {"algorithm=HMAC_SHA2567", "", EG_MAC_UNKNOWN, false},
        {"algorithm=HMAC_SHA25", "", EG_MAC_UNKNOWN, false},
        {"algorithm=SHA256", "", EG_MAC_UNKNOWN, false},
        {"algorithm=HMAC_SHA256=", "", EG_MAC_UNKNOWN, false},
        {"algorithm=\"HMAC_SHA256\"", "", EG_MAC_UNKNOWN, false},
        {"key=a,key=b", "b", EG_MAC_SHA1, true},
        {"key=a,key=a", "a", EG_MAC_SHA1, true},
        {"key=,key=a", "a", EG_MAC_SHA1, true},
        {"algorithm=HMAC_SHA1,key=a, algorithm =HMAC_SHA1", "a", EG_MAC_SHA1, true},
        {"algorithm=,algorithm=", "", EG_MAC_SHA1, true},
        {"key=a,key=a,key=b", "b", EG_MAC_SHA1, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].header);
        char *header = exact_copy(cases[i].header, n);
        eg_signer got = eg_signer_of((eg_span){header, n});

        ok(got.is_shared, "'%s': a SharedKey", cases[i].header);
        is_int(got.is_broken, cases[i].broken, "whether it says something twice");
        is_int(got.mac, cases[i].mac, "its algorithm");
        if (!cases[i].broken)
            is_bytes(got.key.p, got.key.n, cases[i].key, strlen(cases[i].key), "its key");
        free(header);
    }
}

/* --- SharedKeys and auth tokens ---------------------------------------------------------------- */

static eg_auth_token at[] = {
    {EG_LIT("AC1"), EG_LIT("0123456789abcdef0123456789abcdef"), {"", 0}, NULL},
    {{"", 0}, EG_LIT("0123456789abcdef0123456789abcdef"), {"", 0}, NULL},
    {{"", 0}, EG_LIT("before"), EG_LIT(ID), NULL},
    {{"", 0}, EG_LIT("toySharedKeySecret0123456789"), EG_LIT(ID), NULL},
    {{"", 0}, EG_LIT("toySharedKeySecret0123456789"), EG_LIT("webhooks_sharedkey_2"), NULL},
};
static const eg_auth_tokens all = {COUNT(at), at}, tokens_alone = {2, at}, keys_alone = {3, at + 2};

static const eg_auth_token *find(const eg_signed *what, const eg_auth_tokens *tokens,
                                 const char *signature, eg_verdict *verdict)
{
    eg_fit fit = {.token = NULL};
    char *header = exact_copy(signature, strlen(signature));

    *verdict = eg_signature_find(crypto, what, tokens, (eg_span){header, strlen(signature)}, &fit);
    free(header);
    return fit.token;
}

/* Vectors of t/vectors/README.md, judged by Twilio's library: tw-01 to tw-03, tw-14, tw-n1 to tw-n3. */
static void kinds(void)
{
    static const char by_token[] = "foJf9gGybfhnuJlw9zHTOksAFuQ=";
    static const char sha256[] = "vYFybhddJF+1Aqvxztc0PBjSJ02KT50YVMRLpjAlZ2w=";
    static const char sha1[] = "8sDZip7+gggfpGTbcEwNJiy+rtQ=";
    static const struct {
        const char *settings, *signature; /* settings NULL: no such header */
        int place;                        /* of the token that fits; -1: none does */
        const eg_auth_tokens *tokens;
    } cases[] = {
        {NULL, by_token, 1, &all},
        {NULL, by_token, 1, &tokens_alone},
        {NULL, by_token, -1, &keys_alone},
        {NULL, sha1, -1, &all},
        {NULL, sha256, -1, &all},
        {"key=" ID ",algorithm=HMAC_SHA256", sha256, 3, &all},
        {"key=" ID ",algorithm=HMAC_SHA256", sha256, 3, &keys_alone},
        {"key=" ID ",algorithm=HMAC_SHA256", sha256, -1, &tokens_alone},
        {"key=" ID ",algorithm=hmac_sha256", sha1, -1, &all},
        {"key=" ID ",algorithm=HMAC_SHA1", sha1, 3, &all},
        {"key=" ID, sha1, 3, &all},
        {"key=" ID, sha256, -1, &all},
        {"key=" ID ",algorithm=HMAC_SHA1", by_token, -1, &all},
        {"", by_token, -1, &all},
        {"", by_token, -1, &tokens_alone},
        {"", sha1, 4, &all},
        {"key=webhooks_sharedkey_2", sha1, 4, &all},
        {"key=webhooks_sharedkey_3", sha1, -1, &all},
        {"key=webhooks_sharedkey_", sha1, -1, &all},
        {"key=2", sha1, -1, &all},
        {"key=WEBHOOKS_SHAREDKEY_2", sha1, -1, &all},
        {"key=" ID ",algorithm=HMAC_SHA512", sha1, -1, &all},
        {"key=" ID ",algorithm=HMAC_SHA512", sha256, -1, &all},
        {"key=" ID ",key=" ID, sha1, -1, &all},
        {"algorithm=HMAC_SHA1,algorithm=HMAC_SHA1", sha1, -1, &all},
    };
    eg_params params;
    char *form = exact_copy(FORM, sizeof FORM - 1);
    eg_signed what = {.origin = {.scheme = EG_LIT("https"), .host = EG_LIT("ivr.example.com")},
                      .target = EG_LIT(PIN),
                      .params = &params,
                      .account = EG_LIT("AC00000000000000000000000000000000")};

    is_int(eg_form_parse(pool, form, sizeof FORM - 1, EG_PARAMS_MAX, &params), EG_OK, "a form");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const eg_auth_token *fitted;
        eg_verdict verdict;

        what.signer = (eg_signer){.is_shared = false};
        if (cases[i].settings)
            what.signer = eg_signer_of(eg_span_of(cases[i].settings));
        fitted = find(&what, cases[i].tokens, cases[i].signature, &verdict);
        is_int(verdict, cases[i].place < 0 ? EG_SIGNATURE_INVALID : EG_SIGNATURE_VALID,
               "settings '%s', signature %s", cases[i].settings ? cases[i].settings : "none",
               cases[i].signature);
        ok(fitted == (cases[i].place < 0 ? NULL : &at[cases[i].place]), "and by the right one");
    }
    free(form);
}

static void json(void)
{
    eg_signed what = {.origin = {.scheme = EG_LIT("https"), .host = EG_LIT("ivr.example.com")},
                      .target = EG_LIT("/g?bodySHA256=" SHA_OF_JSON),
                      .signer = eg_signer_of(EG_LIT("algorithm=HMAC_SHA256,key=" ID))};
    char made[EG_SIGNATURE_ROOM];

    is_int(eg_signature_make(crypto, &what, EG_LIT("ivr.example.com"), at[3].token, made), EG_OK,
           "made for JSON");
    is_str(made, "ZFXrZqz1VVQSkZ9UAdmfeXnkfczBR3FatDIU5MlVBNs=", "tw-14");
    what.signer = eg_signer_of(EG_LIT("algorithm=HMAC_SHA512"));
    is_int(eg_signature_make(crypto, &what, EG_LIT("ivr.example.com"), at[3].token, made),
           EG_EMALFORMED, "nothing is made by another algorithm");
    what.signer = eg_signer_of(EG_LIT("key=a,key=a"));
    is_int(eg_signature_make(crypto, &what, EG_LIT("ivr.example.com"), at[3].token, made),
           EG_EMALFORMED, "nor by who is named twice");
}

static void faults(void)
{
    static const struct {
        const char *settings;
        const eg_auth_tokens *tokens;
        const char *says; /* NULL: one could fit */
    } cases[] = {
        {NULL, &all, NULL},
        {NULL, &tokens_alone, NULL},
        {NULL, &keys_alone, "of an auth token, and the token file has SharedKeys alone"},
        {"", &all, NULL},
        {"key=" ID, &keys_alone, NULL},
        {"key=" ID, &tokens_alone, "of a SharedKey, and the token file has none"},
        {"key=secret", &all, "of a SharedKey that the token file does not have"},
        {"algorithm=secret", &all, "algorithm that is not known"},
        {"key=a,key=secret", &all, "twice"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_signed what = {.target = EG_LIT("/")};
        const char *got;

        if (cases[i].settings)
            what.signer = eg_signer_of(eg_span_of(cases[i].settings));
        got = eg_signature_fault(&what, cases[i].tokens);
        if (!cases[i].says)
            is_str(got, NULL, "no fault, case %zu", i);
        else
            ok(got && strstr(got, cases[i].says) && !strstr(got, "secret"), "says '%s'",
               cases[i].says);
    }
}

/* --- WebSockets -------------------------------------------------------------------------------- */

static void handshakes(void)
{
    static const struct {
        const char *scheme, *authority, *target; /* what was signed */
        bool handshake, plain;                   /* whether it is valid for one, and for a GET */
    } cases[] = {
        {"https", "h.test", "/a?b=c", true, true},
        {"https", "h.test", "/a/?b=c", true, false},
        {"wss", "h.test", "/a?b=c", true, false},
        {"wss", "h.test", "/a/?b=c", true, false},
        {"wss", "h.test:443", "/a/?b=c", true, false},
        {"wss", "h.test:8443", "/a?b=c", true, false},
        {"https", "h.test:8443", "/a/?b=c", true, false},
        {"wss", "h.test:80", "/a?b=c", false, false},
        {"ws", "h.test", "/a?b=c", false, false},
        {"http", "h.test", "/a?b=c", false, false},
        {"wss", "h.test", "/a//?b=c", false, false},
        {"wss", "h.test", "/a?b=c/", false, false},
        {"wss", "h.test", "/a", false, false},
        {"wss", "h.test", "a?b=c", false, false},
        {"wss", "other.test", "/a?b=c", false, false},
        {"WSS", "h.test", "/a?b=c", false, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_signed what = {.origin.scheme = eg_span_of(cases[i].scheme),
                          .target = eg_span_of(cases[i].target)};
        char made[EG_SIGNATURE_ROOM];
        eg_verdict verdict;

        is_int(eg_signature_make(crypto, &what, eg_span_of(cases[i].authority), at[1].token, made),
               EG_OK, "signed for %s://%s%s", cases[i].scheme, cases[i].authority, cases[i].target);
        what = (eg_signed){
            .origin = {.scheme = EG_LIT("https"), .host = EG_LIT("h.test"), .port = EG_LIT("8443")},
            .target = EG_LIT("/a?b=c")};
        (void)find(&what, &all, made, &verdict);
        is_int(verdict == EG_SIGNATURE_VALID, cases[i].plain, "as a GET");
        what.is_handshake = true;
        (void)find(&what, &all, made, &verdict);
        is_int(verdict == EG_SIGNATURE_VALID, cases[i].handshake, "as a handshake");
        what.origin.scheme = EG_LIT("wss");
        (void)find(&what, &all, made, &verdict);
        is_int(verdict == EG_SIGNATURE_VALID, cases[i].handshake, "the same, called wss");
    }
}

/* Without a query, and behind a prefix. */
static void handshake_targets(void)
{
    static const char *const good[] = {"/tel/a", "/tel/a/"}, *const bad[] = {"/a", "/tel//a",
                                                                             "/tel/"};
    eg_signed received = {
        .origin = {.scheme = EG_LIT("http"), .host = EG_LIT("h.test"), .prefix = EG_LIT("/tel")},
        .target = EG_LIT("/a"),
        .is_handshake = true};
    char made[EG_SIGNATURE_ROOM];
    eg_verdict verdict;

    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        bool fits = i < COUNT(good);
        const char *target = fits ? good[i] : bad[i - COUNT(good)];
        eg_signed what = {.origin.scheme = EG_LIT("ws"), .target = eg_span_of(target)};

        is_int(eg_signature_make(crypto, &what, EG_LIT("h.test:80"), at[1].token, made), EG_OK,
               "signed for ws and %s", target);
        (void)find(&received, &all, made, &verdict);
        is_int(verdict == EG_SIGNATURE_VALID, fits, "received as /a behind /tel");
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    if (!ok(crypto != NULL, "OpenSSL has what is needed"))
        return done_testing();
    settings();
    kinds();
    json();
    faults();
    handshakes();
    handshake_targets();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
