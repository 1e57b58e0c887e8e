/* SPDX-License-Identifier: Apache-2.0
 * jwe tokens: the compact serialization of RFC 7516 with A256GCM, bound to field, call and time. */
#include "base64url.h"
#include "jweheader.h"
#include "secret.h"

#define TOKEN_MAX 8192 /* characters, of a token that is made or read */

/* --- sealing --------------------------------------------------------------------------------------- */

static apr_size_t jwe_length(const eg_sealing *with, apr_size_t n)
{
    apr_size_t wrapped = with->recipient ? with->recipient->wrapped : 0;

    return EG_BASE64URL_LENGTH(eg_jwe_header_write(with, NULL, NULL)) + 1 +
           EG_BASE64URL_LENGTH(wrapped) + 1 + EG_BASE64URL_LENGTH(EG_NONCE_SIZE) + 1 +
           EG_BASE64URL_LENGTH(n) + 1 + EG_BASE64URL_LENGTH(EG_TAG_SIZE);
}

static char *put_part(char *at, const unsigned char *bytes, apr_size_t n)
{
    *at = '.';
    return eg_base64url_encode(at + 1, (eg_span){(const char *)bytes, n});
}

/* The first part, which is what the tag is over as well. */
static eg_span begin_token(const eg_sealing *with, const eg_envelope *envelope, char *token,
                           apr_pool_t *pool)
{
    apr_size_t n = eg_jwe_header_write(with, envelope, NULL);
    char *header = apr_palloc(pool, n);

    (void)eg_jwe_header_write(with, envelope, header);
    return (eg_span){token, (apr_size_t)(eg_base64url_encode(token, (eg_span){header, n}) - token)};
}

/* What is sealed under the content key, behind the envelope. */
static eg_status compose_token(eg_crypto *crypto, const eg_sealing *with,
                               const eg_envelope *envelope, const unsigned char *content,
                               eg_span plain, apr_pool_t *pool, eg_span *token)
{
    unsigned char *sealed = apr_palloc(pool, plain.n + EG_SEAL_OVERHEAD);
    char *text = apr_palloc(pool, jwe_length(with, plain.n) + 1), *at;
    eg_span header = begin_token(with, envelope, text, pool);
    eg_status status = eg_gcm_seal(crypto, content, header, plain, sealed);

    if (status != EG_OK)
        return status;
    at = put_part(text + header.n, envelope->wrapped,
                  with->recipient ? with->recipient->wrapped : 0);
    at = put_part(at, sealed, EG_NONCE_SIZE);
    at = put_part(at, sealed + EG_NONCE_SIZE, plain.n);
    at = put_part(at, sealed + EG_NONCE_SIZE + plain.n, EG_TAG_SIZE);
    *at = '\0';
    *token = (eg_span){text, (apr_size_t)(at - text)};
    return EG_OK;
}

static eg_status seal_to_recipient(eg_crypto *crypto, const eg_sealing *with, eg_span plain,
                                   apr_pool_t *pool, eg_span *token)
{
    eg_envelope envelope = {.wrapped = NULL};
    unsigned char content[EG_KEY_SIZE];
    eg_status status;

    if (with->recipient->wrapped)
        envelope.wrapped = apr_palloc(pool, with->recipient->wrapped);
    status = eg_envelope_make(crypto, with->recipient, &envelope, content);
    if (status == EG_OK)
        status = compose_token(crypto, with, &envelope, content, plain, pool, token);
    eg_wipe(content, sizeof content);
    return status;
}

/* A NUL would not be read again. */
static bool can_be_said(eg_span name)
{
    return eg_is_utf8(name) && !(name.n && memchr(name.p, '\0', name.n));
}

static eg_status jwe_seal(eg_crypto *crypto, const eg_sealing *with, eg_span plain,
                          apr_pool_t *pool, eg_span *token)
{
    static const eg_envelope none = {.wrapped = NULL};

    *token = (eg_span){"", 0};
    if (!can_be_said(with->sid) || !can_be_said(with->fld))
        return EG_EMALFORMED;
    if (plain.n > TOKEN_MAX || jwe_length(with, plain.n) > TOKEN_MAX)
        return EG_ETOOMANY;
    if (with->recipient)
        return seal_to_recipient(crypto, with, plain, pool, token);
    return compose_token(crypto, with, &none, with->ring->keys[0].key, plain, pool, token);
}

/* --- reading --------------------------------------------------------------------------------------- */

enum { HEADER, WRAPPED, NONCE, TEXT, TAG, PARTS };

/* A token taken apart. */
typedef struct {
    eg_span spelled[PARTS];
    eg_jwe_header header;
    eg_span wrapped; /* decoded */
    eg_span sealed;  /* nonce || ciphertext || tag */
} jwe;

static bool split_parts(eg_span token, eg_span parts[PARTS])
{
    for (unsigned i = 0; i < PARTS; i++) {
        const char *dot = token.n ? memchr(token.p, '.', token.n) : NULL;

        if ((dot != NULL) != (i + 1 < PARTS))
            return false;
        parts[i] = (eg_span){token.p, dot ? (apr_size_t)(dot - token.p) : token.n};
        token = dot ? (eg_span){dot + 1, token.n - parts[i].n - 1} : (eg_span){"", 0};
    }
    return true;
}

static bool decode_part(eg_span part, apr_pool_t *pool, eg_span *out)
{
    unsigned char *bytes = apr_palloc(pool, EG_BASE64URL_BYTES(part.n) + 1);

    *out = (eg_span){(const char *)bytes, EG_BASE64URL_BYTES(part.n)};
    return eg_base64url_decode(bytes, part) == EG_OK;
}

static bool decode_sealed(jwe *read, apr_pool_t *pool)
{
    apr_size_t n = EG_BASE64URL_BYTES(read->spelled[TEXT].n);
    unsigned char *bytes = apr_palloc(pool, EG_SEAL_OVERHEAD + n);

    read->sealed = (eg_span){(const char *)bytes, EG_SEAL_OVERHEAD + n};
    return eg_base64url_decode_exactly(bytes, EG_NONCE_SIZE, read->spelled[NONCE]) == EG_OK &&
           eg_base64url_decode(bytes + EG_NONCE_SIZE, read->spelled[TEXT]) == EG_OK &&
           eg_base64url_decode_exactly(bytes + EG_NONCE_SIZE + n, EG_TAG_SIZE,
                                       read->spelled[TAG]) == EG_OK;
}

/* Only RSA has something there, and it has. */
static bool has_good_envelope(const jwe *read)
{
    bool is_rsa = !read->header.is_direct && read->header.kind == EG_RSA;

    return is_rsa ? read->wrapped.n > 0 && read->wrapped.n <= EG_RSA_BITS_MAX / 8
                  : read->wrapped.n == 0;
}

static bool read_jwe(eg_span token, apr_pool_t *pool, jwe *read)
{
    eg_span header;

    *read = (jwe){.wrapped = {NULL, 0}};
    return token.n <= TOKEN_MAX && split_parts(token, read->spelled) && decode_sealed(read, pool) &&
           decode_part(read->spelled[WRAPPED], pool, &read->wrapped) &&
           decode_part(read->spelled[HEADER], pool, &header) &&
           eg_jwe_header_read(pool, header, &read->header) && has_good_envelope(read);
}

static bool jwe_has_form(eg_span token, apr_pool_t *pool, eg_claims *claims)
{
    jwe read;

    *claims = (eg_claims){.iat = -1};
    if (!read_jwe(token, pool, &read))
        return false;
    *claims = read.header.claims;
    return true;
}

/* --- opening --------------------------------------------------------------------------------------- */

/* NULL: none. A key without an id is meant by a token without one, and by no other. */
static const eg_key *ring_key_of(const eg_keyring *ring, eg_span kid, apr_size_t *which)
{
    for (*which = 0; ring && *which < ring->n; ++*which)
        if (eg_span_eq(kid, eg_span_of(ring->keys[*which].id)))
            return &ring->keys[*which];
    *which = EG_NOT_OF_RING;
    return NULL;
}

static const eg_envelope_key *private_key_of(const eg_envelope_keys *keys,
                                             const eg_jwe_header *header)
{
    for (apr_size_t i = 0; keys && i < keys->n; i++) {
        const eg_envelope_key *key = keys->at[i];

        if (key->kind == header->kind &&
            (!key->kid[0] || eg_span_eq(header->claims.kid, eg_span_of(key->kid))))
            return key;
    }
    return NULL;
}

static eg_status unseal(eg_crypto *crypto, const jwe *read, const unsigned char *content,
                        apr_pool_t *pool, eg_opened_token *opened)
{
    apr_size_t n = read->sealed.n - EG_SEAL_OVERHEAD;
    unsigned char *plain = eg_wiped_alloc(pool, n + 1);
    bool is_of_ring = opened->which != EG_NOT_OF_RING; /* else of this token alone, and gone soon */
    eg_status status = (is_of_ring ? eg_gcm_open_held : eg_gcm_open)(
        crypto, content, read->spelled[HEADER], (const unsigned char *)read->sealed.p,
        read->sealed.n, plain);

    plain[n] = '\0';
    opened->rule = status == EG_ETOKEN ? EG_RULE_TAG : EG_RULE_NONE;
    if (status == EG_OK)
        opened->plain = (eg_span){(const char *)plain, n};
    return status;
}

static eg_status break_key_rule(eg_opened_token *opened)
{
    opened->rule = EG_RULE_KEY;
    return EG_ETOKEN;
}

static eg_status open_enveloped(eg_crypto *crypto, const eg_envelope_keys *keys, const jwe *read,
                                apr_pool_t *pool, eg_opened_token *opened)
{
    const eg_envelope_key *key = private_key_of(keys, &read->header);
    const eg_span point = {(const char *)read->header.point, read->header.point_n};
    unsigned char content[EG_KEY_SIZE];
    eg_status status;

    if (!key)
        return break_key_rule(opened);
    status = eg_envelope_open(crypto, key, point, read->wrapped, content);
    if (status == EG_OK)
        status = unseal(crypto, read, content, pool, opened);
    else if (status == EG_ETOKEN)
        opened->rule = EG_RULE_KEY;
    eg_wipe(content, sizeof content);
    return status;
}

static eg_status jwe_open(eg_crypto *crypto, const eg_opening *with, eg_span token,
                          apr_pool_t *pool, eg_opened_token *opened)
{
    const eg_key *key;
    jwe read;

    opened->rule = EG_RULE_FORM;
    opened->which = EG_NOT_OF_RING;
    if (!read_jwe(token, pool, &read))
        return EG_ETOKEN;
    opened->rule = EG_RULE_NONE;
    opened->claims = read.header.claims;
    opened->sealed = read.sealed;
    if (!read.header.is_direct)
        return open_enveloped(crypto, with->privates, &read, pool, opened);
    key = ring_key_of(with->ring, read.header.claims.kid, &opened->which);
    return key ? unseal(crypto, &read, key->key, pool, opened) : break_key_rule(opened);
}

/* --- for people ------------------------------------------------------------------------------------ */

static char *put_escape(char *out, unsigned unit)
{
    const unsigned char bytes[2] = {(unsigned char)(unit >> 8), (unsigned char)unit};

    *out++ = '\\';
    *out++ = 'u';
    eg_hex_encode(out, bytes, sizeof bytes);
    return out + 2 * sizeof bytes;
}

/* The code point of a sequence of n bytes. */
static unsigned code_point(const unsigned char *p, apr_size_t n)
{
    unsigned code = n == 1 ? p[0] : p[0] & (0x7fu >> n);

    for (apr_size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3fu);
    return code;
}

static char *put_code(char *out, unsigned code)
{
    if (code < 0x10000)
        return put_escape(out, code);
    code -= 0x10000;
    return put_escape(put_escape(out, 0xd800 + (code >> 10)), 0xdc00 + (code & 0x3ff));
}

/* Valid JSON in one line: white space between the strings is left out, and what is no printable ASCII
 * in them is escaped, so that a terminal takes it for text. */
static const char *in_one_line(apr_pool_t *pool, eg_span json)
{
    char *line = apr_palloc(pool, 6 * json.n + 1), *out = line;
    bool in_string = false;

    for (apr_size_t i = 0, n; i < json.n; i += n) {
        const char *p = json.p + i;

        n = in_string && *p == '\\' ? 2 : eg_utf8_length((eg_span){p, json.n - i});
        if (n == 0)
            break; /* nothing that was parsed has it */
        in_string ^= n == 1 && *p == '"';
        if ((unsigned char)*p >= 0x7f)
            out = put_code(out, code_point((const unsigned char *)p, n));
        else if (in_string || !eg_is_blank(*p))
            out = (char *)memcpy(out, p, n) + n;
    }
    *out = '\0';
    return line;
}

static bool jwe_describe(eg_span token, apr_pool_t *pool, eg_token_description *out)
{
    eg_span header;
    jwe read;

    if (!read_jwe(token, pool, &read) || !decode_part(read.spelled[HEADER], pool, &header))
        return false;
    out->claims = read.header.claims;
    out->json = in_one_line(pool, header);
    return true;
}

const eg_format eg_jwe_format = {
    .name = "jwe",
    .binds = true,
    .most = TOKEN_MAX,
    .length = jwe_length,
    .seal = jwe_seal,
    .has_form = jwe_has_form,
    .open = jwe_open,
    .describe = jwe_describe,
};
