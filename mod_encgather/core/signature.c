/* SPDX-License-Identifier: Apache-2.0
 * X-Twilio-Signature (https://www.twilio.com/docs/usage/security), over the bytes received. */
#include "signature.h"

#include <string.h>
#include <openssl/evp.h>
#include "secret.h"

#define URL_PIECES 8 /* scheme :// host [:port] [prefix] path [/] ?query; ":port" is one piece */
#define PORT 3       /* which of them that is */
#define JOINED_MAX 2048
#define PIECES_MAX (URL_PIECES + 2 * EG_PARAMS_MAX)

/* The length of the host part, 0 where there is none. */
static apr_size_t host_length(eg_span authority)
{
    apr_size_t n = 0;

    if (authority.n && authority.p[0] == '[') {
        const char *end = memchr(authority.p, ']', authority.n);

        return end ? (apr_size_t)(end - authority.p) + 1 : 0;
    }
    while (n < authority.n && authority.p[n] != ':')
        n++;
    return n;
}

bool eg_origin_split(eg_span authority, eg_origin *origin)
{
    apr_size_t host = host_length(authority);
    apr_size_t colon = host < authority.n; /* 0 or 1 */

    if (host == 0 || (colon && authority.p[host] != ':'))
        return false;
    for (apr_size_t i = host + colon; i < authority.n; i++)
        if (!eg_is_digit(authority.p[i]))
            return false;
    origin->host = (eg_span){authority.p, host};
    origin->port = (eg_span){authority.p + host + colon, authority.n - host - colon};
    return true;
}

/* Names and values in signing order. Returns the number of pieces. */
static apr_size_t list_params(const eg_params *params, eg_pairs pairs, eg_span *pieces)
{
    const eg_param *list[EG_PARAMS_MAX];
    apr_size_t n = eg_pairs_list(params, pairs, list);

    for (apr_size_t i = 0; i < n; i++) {
        pieces[2 * i] = list[i]->name;
        pieces[2 * i + 1] = list[i]->value;
    }
    return 2 * n;
}

/* The string to sign, in pieces. What is hashed once is copied nowhere. */
typedef struct {
    eg_span at[PIECES_MAX];
    apr_size_t n;
    apr_size_t slash;        /* the piece behind the path, which may be a slash; 0: there is none */
    char port[8];            /* ":port", one of the pieces */
    char joined[JOINED_MAX]; /* what is the same for every port, once it was looked at twice */
    apr_size_t joined_n;
} signed_string;

static void add_target(signed_string *string, const eg_signed *what)
{
    eg_span target = what->target;
    const char *query = what->is_handshake && target.n ? memchr(target.p, '?', target.n) : NULL;
    apr_size_t path = query ? (apr_size_t)(query - target.p) : target.n;

    string->at[string->n++] = (eg_span){target.p, path};
    if (!what->is_handshake)
        return;
    string->slash = string->n;
    string->at[string->n++] = what->has_slash ? EG_LIT("/") : EG_LIT("");
    string->at[string->n++] = (eg_span){target.p + path, target.n - path};
}

static bool build(const eg_signed *what, signed_string *string)
{
    if (what->params && what->params->n > EG_PARAMS_MAX)
        return false;
    string->at[0] = what->origin.scheme;
    string->at[1] = EG_LIT("://");
    string->at[2] = what->origin.host;
    string->at[PORT] = (eg_span){"", 0};
    string->n = PORT + 1;
    string->slash = 0;
    string->joined_n = 0;
    if (what->origin.prefix.n)
        string->at[string->n++] = what->origin.prefix;
    add_target(string, what);
    if (what->params)
        string->n += list_params(what->params, what->pairs, string->at + string->n);
    return true;
}

static bool set_port(signed_string *string, eg_span port)
{
    if (port.n + 1 > sizeof string->port)
        return false;
    string->port[0] = ':';
    if (port.n) /* p may be NULL then */
        memcpy(string->port + 1, port.p, port.n);
    string->at[PORT] = (eg_span){string->port, port.n ? port.n + 1 : 0};
    return true;
}

/* All behind the port becomes one piece, unless that is much: it is hashed once more for each spelling of
 * the URL. It may hold digits: see forget_joined(). */
static void join_rest(signed_string *string)
{
    eg_span *rest = &string->at[PORT + 1];
    apr_size_t count = string->n - (PORT + 1), n = 0;

    for (apr_size_t i = 0; i < count; i++)
        n += rest[i].n;
    if (string->slash || string->joined_n || n > sizeof string->joined)
        return;
    for (apr_size_t i = 0; i < count; i++) {
        if (rest[i].n)
            memcpy(string->joined + string->joined_n, rest[i].p, rest[i].n);
        string->joined_n += rest[i].n;
    }
    rest[0] = (eg_span){string->joined, n};
    string->n = PORT + 2;
}

static void forget_joined(signed_string *string)
{
    eg_wipe(string->joined, string->joined_n);
}

apr_size_t eg_signature_length(eg_mac mac)
{
    return mac == EG_MAC_SHA256 ? EG_SIGNATURE_LENGTH_SHA256 : EG_SIGNATURE_LENGTH;
}

static eg_status encode_mac(eg_crypto *crypto, const signed_string *string, const eg_hmac_key *key,
                            char *out)
{
    unsigned char mac[EG_SHA256_SIZE];
    eg_status status = eg_hmac(crypto, key, string->at, string->n, mac);

    if (status == EG_OK)
        (void)EVP_EncodeBlock((unsigned char *)out, mac, (int)eg_sha_size(key->sha));
    eg_wipe(mac, sizeof mac);
    return status;
}

bool eg_signer_asks_for(const eg_signer *signer, const eg_auth_token *token)
{
    if (signer->is_broken || signer->mac == EG_MAC_UNKNOWN ||
        signer->is_shared != (token->key.n > 0))
        return false;
    return signer->key.n == 0 || eg_span_eq(signer->key, token->key);
}

/* What is looked for: a token that makes the header of one of the strings. */
typedef struct {
    eg_crypto *crypto;
    const eg_signed *what;
    const eg_auth_tokens *tokens;
    eg_span header;
    eg_verdict verdict;
    apr_size_t place; /* of the token that fits, where one does */
    eg_fit fit;
} search;

/* Branch-free in what is secret: every token that is asked for costs the same, whether it fits or
 * not. */
static void try_tokens(search *s, const signed_string *string)
{
    const eg_signer *signer = &s->what->signer;
    char expected[EG_SIGNATURE_ROOM];
    apr_size_t fits = 0, failed = 0;

    for (apr_size_t i = 0; i < s->tokens->n; i++) {
        const eg_auth_token *known = &s->tokens->at[i];
        apr_size_t ours = known->account.n == 0 || s->what->account.n == 0 ||
                          eg_span_eq(known->account, s->what->account);
        const eg_hmac_key key = eg_auth_token_key(known, eg_mac_sha(signer->mac));

        if (!eg_signer_asks_for(signer, known))
            continue;
        if (encode_mac(s->crypto, string, &key, expected) != EG_OK) {
            failed = 1;
            break;
        }
        ours &= (apr_size_t)eg_equal_secret((eg_span){expected, s->header.n}, s->header);
        fits |= ours;
        s->place = (s->place & (ours - 1)) | (i & (0 - ours));
    }
    eg_wipe(expected, sizeof expected);
    s->verdict = fits ? EG_SIGNATURE_VALID : EG_SIGNATURE_INVALID;
    if (failed)
        s->verdict = EG_SIGNATURE_UNCHECKED;
}

static eg_span default_port(eg_span scheme)
{
    bool tls = eg_span_eq(scheme, EG_LIT("https")) || eg_span_eq(scheme, EG_LIT("wss"));

    return tls ? EG_LIT("443") : EG_LIT("80");
}

static eg_fit fit_of(const search *s, const signed_string *string, eg_span port)
{
    return (eg_fit){.token = &s->tokens->at[s->place],
                    .scheme = string->at[0],
                    .port = port,
                    .has_slash = string->slash && string->at[string->slash].n};
}

static void try_ports(search *s, signed_string *string)
{
    eg_span standard = default_port(s->what->origin.scheme);
    eg_span ports[3] = {{"", 0}, s->what->origin.port, standard};

    for (unsigned i = 0; i < 3 && s->verdict == EG_SIGNATURE_INVALID; i++) {
        if (i == 1 && (ports[1].n == 0 || eg_span_eq(ports[1], standard)))
            continue;
        if (i > 0)
            join_rest(string);
        if (set_port(string, ports[i]))
            try_tokens(s, string);
        if (s->verdict == EG_SIGNATURE_VALID)
            s->fit = fit_of(s, string, ports[i]);
    }
}

/* The same address as Twilio writes it for WebSockets, and the other way round. */
static eg_span other_protocol(eg_span scheme)
{
    static const char *const pairs[][2] = {{"https", "wss"}, {"http", "ws"}};

    for (unsigned i = 0; i < 2; i++) {
        if (eg_span_eq(scheme, eg_span_of(pairs[i][0])))
            return eg_span_of(pairs[i][1]);
        if (eg_span_eq(scheme, eg_span_of(pairs[i][1])))
            return eg_span_of(pairs[i][0]);
    }
    return scheme;
}

static void try_slash_too(search *s, signed_string *string)
{
    string->at[string->slash] = (eg_span){"", 0};
    try_ports(s, string);
    string->at[string->slash] = EG_LIT("/");
    try_ports(s, string);
}

static void try_handshake(search *s, signed_string *string)
{
    try_slash_too(s, string);
    string->at[0] = other_protocol(s->what->origin.scheme);
    try_slash_too(s, string);
}

eg_verdict eg_signature_find(eg_crypto *crypto, const eg_signed *what, const eg_auth_tokens *tokens,
                             eg_span header, eg_fit *fit)
{
    search s = {crypto, what, tokens, header, EG_SIGNATURE_INVALID, 0, {.token = NULL}};
    signed_string string;

    *fit = s.fit;
    if (header.n == 0)
        return EG_SIGNATURE_MISSING;
    /* two headers come joined by a comma: too long, so neither counts */
    if (header.n != eg_signature_length(what->signer.mac) || !build(what, &string))
        return EG_SIGNATURE_INVALID;
    if (what->is_handshake)
        try_handshake(&s, &string);
    else
        try_ports(&s, &string);
    forget_joined(&string);
    if (s.verdict == EG_SIGNATURE_VALID)
        *fit = s.fit;
    return s.verdict;
}

eg_signed eg_signature_as_fitted(const eg_signed *what, const eg_fit *fit)
{
    eg_signed as = *what;

    as.origin.scheme = fit->scheme;
    as.origin.port = fit->port;
    as.has_slash = fit->has_slash;
    return as;
}

static bool has_one_of(const eg_auth_tokens *tokens, const eg_signer *signer)
{
    for (apr_size_t i = 0; i < tokens->n; i++)
        if (eg_signer_asks_for(signer, &tokens->at[i]))
            return true;
    return false;
}

const char *eg_signature_fault(const eg_signed *what, const eg_auth_tokens *tokens)
{
    const eg_signer *signer = &what->signer, any = {.is_shared = true};

    if (signer->is_broken)
        return "its X-Twilio-Webhooks-Signature-Settings came twice, or says key= or algorithm= "
               "twice";
    if (signer->mac == EG_MAC_UNKNOWN)
        return "it is of a SharedKey, by an algorithm that is not known here";
    if (has_one_of(tokens, signer))
        return NULL;
    if (!signer->is_shared)
        return "it is of an auth token, and the token file has SharedKeys alone";
    return has_one_of(tokens, &any) ? "it is of a SharedKey that the token file does not have"
                                    : "it is of a SharedKey, and the token file has none";
}

eg_verdict eg_signature_check(eg_crypto *crypto, const eg_signed *what,
                              const eg_auth_tokens *tokens, eg_span header)
{
    eg_fit fit;

    return eg_signature_find(crypto, what, tokens, header, &fit);
}

eg_status eg_signature_make_exact(eg_crypto *crypto, const eg_signed *what,
                                  const eg_auth_token *token, char *out)
{
    const eg_hmac_key key = eg_auth_token_key(token, eg_mac_sha(what->signer.mac));
    signed_string string;

    if (!build(what, &string) || !set_port(&string, what->origin.port))
        return EG_EMALFORMED;
    if (what->signer.is_broken || what->signer.mac == EG_MAC_UNKNOWN)
        return EG_EMALFORMED;
    return encode_mac(crypto, &string, &key, out);
}

eg_status eg_signature_make(eg_crypto *crypto, const eg_signed *what, eg_span authority,
                            eg_span token, char *out)
{
    const eg_auth_token by = {.token = token};
    eg_signed exact = *what;

    if (!eg_origin_split(authority, &exact.origin))
        return EG_EMALFORMED;
    return eg_signature_make_exact(crypto, &exact, &by, out);
}
