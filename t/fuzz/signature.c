/* SPDX-License-Identifier: Apache-2.0
 * Signatures: what was signed is valid, anything else is not, by a second implementation of the
 * rule. Lines of the input: authority, target, token, AccountSid; the rest is a form body. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "core/signature.h"

static const char *const atoms[] = {"example.com",
                                    ":443",
                                    ":80",
                                    ":8443",
                                    "[::1]",
                                    "/encrypted-gather",
                                    "?step=getPin",
                                    "AC1",
                                    "a=b&",
                                    "Digits=1234",
                                    "&a=",
                                    "&ab=c",
                                    "=",
                                    "&",
                                    "\n",
                                    "CallSid=CA1&From=%2B1555",
                                    NULL};
const fuzz_grammar fuzz_target = {"signature", "\n&=:?", atoms};

typedef struct {
    const char *authority;
    eg_span token;
    eg_signed what;
} sample;

/* --- the rule once more ------------------------------------------------------------------------ */

static int by_name_and_value(const void *a, const void *b)
{
    const eg_param *left = a, *right = b;
    int names = eg_span_cmp(left->name, right->name);

    return names ? names : eg_span_cmp(left->value, right->value);
}

static char *append(char *to, eg_span bytes)
{
    if (bytes.n)
        memcpy(to, bytes.p, bytes.n);
    return to + bytes.n;
}

/* URL, then names and values in order, an equal pair once. */
static eg_span string_to_sign(apr_pool_t *pool, const eg_signed *what, const char *authority)
{
    const eg_params *params = what->params;
    apr_size_t room = what->origin.scheme.n + 3 + strlen(authority) + what->target.n;
    eg_param *sorted = apr_palloc(pool, (params->n + 1) * sizeof *sorted);
    char *text, *to;

    for (apr_size_t i = 0; i < params->n; i++) {
        sorted[i] = params->at[i];
        room += sorted[i].name.n + sorted[i].value.n;
    }
    qsort(sorted, params->n, sizeof *sorted, by_name_and_value);
    to = text = apr_palloc(pool, room + 1);
    to = append(append(to, what->origin.scheme), EG_LIT("://"));
    to = append(append(to, eg_span_of(authority)), what->target);
    for (apr_size_t i = 0; i < params->n; i++)
        if (i == 0 || by_name_and_value(&sorted[i - 1], &sorted[i]) != 0)
            to = append(append(to, sorted[i].name), sorted[i].value);
    return (eg_span){text, (apr_size_t)(to - text)};
}

static const char *mac_by(const EVP_MD *md, apr_pool_t *pool, eg_span text, eg_span token)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    unsigned char *out = apr_palloc(pool, 64);

    HOLDS(HMAC(md, token.p, (int)token.n, (const unsigned char *)text.p, text.n, mac, &n),
          "OpenSSL makes an HMAC");
    (void)EVP_EncodeBlock(out, mac, (int)n);
    return (const char *)out;
}

static const char *mac_of(apr_pool_t *pool, eg_span text, eg_span token)
{
    return mac_by(EVP_sha1(), pool, text, token);
}

/* An HMAC's key with and without zeros at its end is one and the same; no token has a zero. */
#define NUL ((eg_span){"\0", 1})
#define ANOTHER_TOKEN EG_LIT("another token")

/* --- properties ---------------------------------------------------------------------------------- */

static eg_verdict check(const eg_signed *what, eg_span token, const char *header)
{
    eg_auth_token known[2] = {{.token = ANOTHER_TOKEN}, {.token = token}};
    eg_auth_tokens tokens = {2, known};

    return eg_signature_check(fuzz_crypto(), what, &tokens, eg_span_of(header));
}

static void hold_authority(const sample *s)
{
    const eg_origin *origin = &s->what.origin;
    apr_size_t n = strlen(s->authority), colon = origin->host.n < n;

    HOLDS(origin->host.p == s->authority && origin->host.n + colon + origin->port.n == n,
          "host and port are what the authority is made of");
    for (apr_size_t i = 0; i < origin->port.n; i++)
        HOLDS(eg_is_digit(origin->port.p[i]), "a port is digits");
}

static void hold_order(apr_pool_t *pool, const sample *s, const char *signature)
{
    const eg_params *params = s->what.params;
    eg_params turned = {apr_palloc(pool, 2 * (params->n + 1) * sizeof *turned.at), params->n};
    eg_signed what = s->what;

    what.params = &turned;
    for (apr_size_t i = 0; i < params->n; i++)
        turned.at[i] = params->at[params->n - 1 - i];
    HOLDS(check(&what, s->token, signature) == EG_SIGNATURE_VALID, "the order does not matter");
    for (apr_size_t i = 0; i < params->n && turned.n < EG_PARAMS_MAX; i++)
        turned.at[turned.n++] = params->at[i];
    HOLDS(check(&what, s->token, signature) == EG_SIGNATURE_VALID,
          "a pair counts once however often it is sent");
}

static void hold_invalid(const eg_signed *what, eg_span token, const char *signature,
                         const char *property)
{
    HOLDS(check(what, token, signature) == EG_SIGNATURE_INVALID, property);
}

static eg_span changed(apr_pool_t *pool, eg_span text, unsigned choice)
{
    char *copy = apr_pstrmemdup(pool, text.p, text.n);

    copy[choice % text.n] ^= (char)(1 + choice / 8191 % 127);
    return (eg_span){copy, text.n};
}

/* The value of one parameter changes; the string to sign need not: "a=bc" and "ab=c" are one. */
static void hold_changed_param(apr_pool_t *pool, const sample *s, const char *signature,
                               unsigned choice)
{
    const eg_params *params = s->what.params;
    eg_params other = {apr_pmemdup(pool, params->at, params->n * sizeof *params->at), params->n};
    eg_signed what = s->what;
    eg_span before, after;

    if (params->n == 0 || params->at[choice % params->n].value.n == 0)
        return;
    what.params = &other;
    other.at[choice % other.n].value = changed(pool, other.at[choice % other.n].value, choice);
    before = string_to_sign(pool, &s->what, s->authority);
    after = string_to_sign(pool, &what, s->authority);
    HOLDS((check(&what, s->token, signature) == EG_SIGNATURE_VALID) == eg_span_eq(before, after),
          "another value is another signature");
}

static void hold_changed(apr_pool_t *pool, const sample *s, const char *signature)
{
    const eg_span text = string_to_sign(pool, &s->what, s->authority);
    unsigned choice = fuzz_choice(text);
    eg_signed what = s->what;
    char *other = apr_pstrdup(pool, signature);

    other[choice % (EG_SIGNATURE_LENGTH - 2)] ^= 1; /* the last but one has bits without meaning */
    hold_invalid(&what, s->token, other, "another signature is invalid");
    hold_invalid(&what, s->token, apr_pstrcat(pool, signature, "=", NULL), "a longer one is, too");
    other[5] = '\0';
    hold_invalid(&what, s->token, other, "a shorter one is, too");
    HOLDS(check(&what, s->token, "") == EG_SIGNATURE_MISSING, "none is none");
    if (s->token.n && !fuzz_contains(changed(pool, s->token, choice), NUL))
        hold_invalid(&what, changed(pool, s->token, choice), signature, "another token is invalid");
    what.target = s->what.target.n ? changed(pool, s->what.target, choice) : EG_LIT("/");
    if (!what.params->n)
        hold_invalid(&what, s->token, signature, "another target is invalid");
    hold_changed_param(pool, s, signature, choice);
}

/* Twilio signs with and without the port that the scheme stands for. */
static void hold_port(apr_pool_t *pool, const sample *s)
{
    const char *host = apr_pstrmemdup(pool, s->what.origin.host.p, s->what.origin.host.n);
    const char *const others[] = {host, apr_pstrcat(pool, host, ":443", NULL)};

    for (unsigned i = 0; i < 2; i++)
        HOLDS(check(&s->what, s->token,
                    mac_of(pool, string_to_sign(pool, &s->what, others[i]), s->token)) ==
                  EG_SIGNATURE_VALID,
              "a signature without a port or with the standard one is valid");
    if (!eg_span_eq(s->what.origin.port, EG_LIT("444")))
        hold_invalid(&s->what, s->token,
                     mac_of(pool,
                            string_to_sign(pool, &s->what, apr_pstrcat(pool, host, ":444", NULL)),
                            s->token),
                     "a signature with another port is not");
}

static void hold_account(const sample *s, const char *signature)
{
    eg_auth_token known = {.account = EG_LIT("ACother"), .token = s->token};
    eg_auth_tokens tokens = {1, &known};
    bool ours = s->what.account.n == 0 || eg_span_eq(s->what.account, known.account);
    eg_verdict want = ours ? EG_SIGNATURE_VALID : EG_SIGNATURE_INVALID;

    HOLDS(eg_signature_check(fuzz_crypto(), &s->what, &tokens, eg_span_of(signature)) == want,
          "a token counts for its own account");
    tokens.n = 0;
    HOLDS(eg_signature_check(fuzz_crypto(), &s->what, &tokens, eg_span_of(signature)) ==
              EG_SIGNATURE_INVALID,
          "without a token nothing is valid");
}

/* A SharedKey of the right name, and no auth token however right. */
static void hold_shared(apr_pool_t *pool, const sample *s)
{
    eg_auth_token known[3] = {{.token = s->token},
                              {.token = s->token, .key = EG_LIT(EG_SHARED_KEY_NAME "2")},
                              {.token = s->token, .key = EG_LIT(EG_SHARED_KEY_NAME "1")}};
    eg_auth_tokens tokens = {3, known};
    eg_span header = {malloc(EG_SIGNATURE_ROOM), EG_SIGNATURE_LENGTH_SHA256};
    eg_fit fit;
    eg_signed what = s->what;
    char *made = (char *)header.p;

    what.signer = eg_signer_of(EG_LIT("algorithm=HMAC_SHA256,key=" EG_SHARED_KEY_NAME "1"));
    HOLDS(eg_signature_make(fuzz_crypto(), &what, eg_span_of(s->authority), s->token, made) ==
                  EG_OK &&
              strcmp(made, mac_by(EVP_sha256(), pool, string_to_sign(pool, &what, s->authority),
                                  s->token)) == 0,
          "the signature of a SharedKey is the one of the rule");
    HOLDS(eg_signature_find(fuzz_crypto(), &what, &tokens, header, &fit) == EG_SIGNATURE_VALID &&
              fit.token == &known[2],
          "it fits the SharedKey of that name");
    HOLDS(eg_signature_check(fuzz_crypto(), &s->what, &tokens, header) == EG_SIGNATURE_INVALID,
          "it fits nothing where no SharedKey is asked for");
    tokens.n = 2;
    HOLDS(eg_signature_check(fuzz_crypto(), &what, &tokens, header) == EG_SIGNATURE_INVALID,
          "nor an auth token, nor another name");
    free(made);
}

/* A slash behind the path, for a WebSocket. */
static const char *sign_handshake(apr_pool_t *pool, const sample *s)
{
    eg_span target = s->what.target;
    const char *query = target.n ? memchr(target.p, '?', target.n) : NULL;
    apr_size_t path = query ? (apr_size_t)(query - target.p) : target.n;
    char *slashed = apr_palloc(pool, target.n + 1);
    eg_signed what = s->what;

    (void)append(append(append(slashed, (eg_span){target.p, path}), EG_LIT("/")),
                 (eg_span){target.p + path, target.n - path});
    what.target = (eg_span){slashed, target.n + 1};
    what.origin.scheme = EG_LIT("wss");
    return mac_of(pool, string_to_sign(pool, &what, s->authority), s->token);
}

static void hold_handshake(apr_pool_t *pool, const sample *s, const char *signature)
{
    const char *other = sign_handshake(pool, s);
    eg_signed what = s->what;

    hold_invalid(&what, s->token, other, "what is no handshake is not signed for wss");
    what.is_handshake = true;
    HOLDS(check(&what, s->token, other) == EG_SIGNATURE_VALID, "a handshake is, with a slash more");
    HOLDS(check(&what, s->token, signature) == EG_SIGNATURE_VALID, "or as it was sent");
}

static void hold_signed(apr_pool_t *pool, const sample *s)
{
    char *signature = malloc(EG_SIGNATURE_LENGTH + 1);

    HOLDS(eg_signature_make(fuzz_crypto(), &s->what, eg_span_of(s->authority), s->token,
                            signature) == EG_OK,
          "what has a form can be signed");
    HOLDS(strcmp(signature, mac_of(pool, string_to_sign(pool, &s->what, s->authority), s->token)) ==
              0,
          "the signature is the one of the rule");
    HOLDS(check(&s->what, s->token, signature) == EG_SIGNATURE_VALID, "what is signed is valid");
    hold_order(pool, s, signature);
    hold_changed(pool, s, signature);
    hold_account(s, signature);
    hold_port(pool, s);
    hold_shared(pool, s);
    hold_handshake(pool, s, signature);
    free(signature);
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    sample s = {.what = {.origin = {.scheme = EG_LIT("https")}}};
    eg_params params;
    char *body;

    s.authority = fuzz_string(pool, fuzz_line(&input));
    s.what.target = fuzz_line(&input);
    s.token = fuzz_line(&input);
    s.what.account = fuzz_line(&input);
    body = apr_pmemdup(pool, input.n ? input.p : "", input.n);
    if (eg_form_parse(pool, body, input.n, EG_PARAMS_MAX, &params) != EG_OK)
        return;
    s.what.params = &params;
    if (!eg_origin_split(eg_span_of(s.authority), &s.what.origin))
        return;
    hold_authority(&s);
    if (s.what.origin.port.n <= 5 && s.authority[strlen(s.authority) - 1] != ':' &&
        !fuzz_contains(s.token, NUL) && !eg_span_eq(s.token, ANOTHER_TOKEN))
        hold_signed(pool, &s);
}
