/* SPDX-License-Identifier: Apache-2.0
 * Files of private keys: PKCS#8 PEM, P-256, X25519 or RSA. */
#include "privatekey.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include "keymaterial.h"
#include "pem.h"
#include "secret.h"

#define NO_KEY                                                                                     \
    "make a pair with: encgather keygen --recipient p256 FILE; only FILE belongs here, FILE.pub "  \
    "where tokens are sealed"

/* --- DER, as much of it as PKCS#8 needs ------------------------------------------------------------ */

enum {
    INTEGER = 0x02,
    OCTETS = 0x04,
    OBJECT = 0x06,
    SEQUENCE = 0x30,
    TAG_BITS = 0x03,
    TAG_1 = 0xa1
};

static bool take_length(eg_span *in, apr_size_t *length)
{
    unsigned first = (unsigned char)in->p[0], more = first & 0x7f;

    *in = (eg_span){in->p + 1, in->n - 1};
    *length = first;
    if (first < 0x80)
        return true;
    *length = 0;
    if (more < 1 || more > 2 || in->n < more)
        return false;
    for (unsigned i = 0; i < more; i++)
        *length = *length << 8 | (unsigned char)in->p[i];
    *in = (eg_span){in->p + more, in->n - more};
    return true;
}

/* Takes one element off the front if it has that tag. */
static bool take_element(eg_span *in, unsigned tag, eg_span *content)
{
    eg_span rest = *in;
    apr_size_t length;

    if (rest.n < 2 || (unsigned char)rest.p[0] != tag)
        return false;
    rest = (eg_span){rest.p + 1, rest.n - 1};
    if (!take_length(&rest, &length) || length > rest.n)
        return false;
    *content = (eg_span){rest.p, length};
    *in = (eg_span){rest.p + length, rest.n - length};
    return true;
}

/* Without the zero that keeps it from being negative. */
static bool take_unsigned(eg_span *in, eg_span *number)
{
    if (!take_element(in, INTEGER, number) || number->n == 0 || (number->p[0] & 0x80))
        return false;
    if (number->p[0] == 0 && number->n > 1)
        *number = (eg_span){number->p + 1, number->n - 1};
    return true;
}

/* --- what is in it --------------------------------------------------------------------------------- */

typedef struct {
    eg_span algorithm;  /* of the key: the object identifier's bytes */
    eg_span parameters; /* what follows it */
    eg_span key;
} pkcs8;

static bool read_pkcs8(eg_span der, pkcs8 *info)
{
    eg_span all, version;

    return take_element(&der, SEQUENCE, &all) && take_unsigned(&all, &version) &&
           take_element(&all, SEQUENCE, &info->parameters) &&
           take_element(&info->parameters, OBJECT, &info->algorithm) &&
           take_element(&all, OCTETS, &info->key);
}

static bool refuse_kind(eg_problem *why, const char *what)
{
    eg_problem_set(why, "holds %s, and P-256, X25519 or RSA is needed; " NO_KEY, what);
    return false;
}

static bool refuse_broken(eg_problem *why)
{
    eg_problem_set(why, "is no whole PKCS#8 private key; " NO_KEY);
    return false;
}

/* RFC 5915; the public half may be left out there. */
static bool read_p256(apr_pool_t *pool, const pkcs8 *info, eg_envelope_key *key, eg_problem *why)
{
    eg_span curve, all, version, scalar, rest = info->parameters, field, bits = {"", 0};

    if (!take_element(&rest, OBJECT, &curve) ||
        !eg_span_eq(curve, EG_LIT("\x2a\x86\x48\xce\x3d\x03\x01\x07")))
        return refuse_kind(why, "a key of another curve");
    rest = info->key;
    if (!take_element(&rest, SEQUENCE, &all) || !take_unsigned(&all, &version) ||
        !take_element(&all, OCTETS, &scalar) || scalar.n != EG_COORDINATE)
        return refuse_broken(why);
    (void)take_element(&all, 0xa0, &field);
    if (!take_element(&all, TAG_1, &field) || !take_element(&field, TAG_BITS, &bits) ||
        bits.n != 1 + EG_POINT_MAX) {
        eg_problem_set(why, "lacks its public half; write it anew with: openssl pkey -in FILE");
        return false;
    }
    key->kind = EG_P256;
    key->pkey = eg_pkey_of_p256(pool, (eg_span){bits.p + 1, bits.n - 1}, scalar);
    return key->pkey ? true : refuse_broken(why);
}

static bool read_x25519(const pkcs8 *info, eg_envelope_key *key, eg_problem *why)
{
    eg_span rest = info->key, scalar;

    if (!take_element(&rest, OCTETS, &scalar) || scalar.n != EG_COORDINATE)
        return refuse_broken(why);
    key->kind = EG_X25519;
    key->pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL,
                                                (const unsigned char *)scalar.p, scalar.n);
    return key->pkey ? true : refuse_broken(why);
}

static apr_size_t bits_of(eg_span number)
{
    apr_size_t n = number.n * 8;

    for (unsigned top = number.n ? (unsigned char)number.p[0] : 0; n && top < 0x80; top <<= 1)
        n--;
    return n;
}

/* RFC 8017, A.1.2. */
static bool read_rsa(apr_pool_t *pool, const pkcs8 *info, eg_envelope_key *key, eg_problem *why)
{
    eg_span rest = info->key, all, version, numbers[EG_RSA_NUMBERS];
    bool whole = take_element(&rest, SEQUENCE, &all) && take_unsigned(&all, &version) &&
                 eg_span_eq(version, EG_LIT("\0"));

    for (unsigned i = 0; whole && i < EG_RSA_NUMBERS; i++)
        whole = take_unsigned(&all, &numbers[i]);
    if (!whole)
        return refuse_broken(why);
    if (bits_of(numbers[0]) < EG_RSA_BITS_MIN || bits_of(numbers[0]) > EG_RSA_BITS_MAX) {
        eg_problem_set(why, "is RSA of %u bits, 2048 to 8192 are needed; " NO_KEY,
                       (unsigned)bits_of(numbers[0]));
        return false;
    }
    key->kind = EG_RSA;
    key->wrapped = (bits_of(numbers[0]) + 7) / 8;
    key->pkey = eg_pkey_of_rsa(pool, numbers, EG_RSA_NUMBERS);
    return key->pkey ? true : refuse_broken(why);
}

static bool read_key(apr_pool_t *pool, eg_span der, eg_envelope_key *key, eg_problem *why)
{
    pkcs8 info;

    if (!read_pkcs8(der, &info))
        return refuse_broken(why);
    if (eg_span_eq(info.algorithm, EG_LIT("\x2a\x86\x48\xce\x3d\x02\x01")))
        return read_p256(pool, &info, key, why);
    if (eg_span_eq(info.algorithm, EG_LIT("\x2b\x65\x6e")))
        return read_x25519(&info, key, why);
    if (eg_span_eq(info.algorithm, EG_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")))
        return read_rsa(pool, &info, key, why);
    return refuse_kind(why, "a key of another kind");
}

/* --- the file -------------------------------------------------------------------------------------- */

static bool is_encrypted(const eg_pem_block *block)
{
    return eg_span_eq(block->label, EG_LIT("ENCRYPTED PRIVATE KEY")) ||
           memmem(block->body.p, block->body.n, "ENCRYPTED", 9) != NULL;
}

static bool refuse_block(const eg_pem_block *block, eg_problem *why)
{
    if (is_encrypted(block))
        eg_problem_set(why, "is encrypted, and nobody is there to say a passphrase when the server "
                            "starts; take it off with: openssl pkey -in FILE -out NEWFILE");
    else
        eg_problem_set(why, "is in an older form than PKCS#8; write it anew with: openssl pkcs8 "
                            "-topk8 -nocrypt -in FILE -out NEWFILE");
    return false;
}

/* The one block of a private key; others, a certificate say, are nothing to us. */
static bool find_block(eg_span content, eg_pem_block *found, eg_problem *why)
{
    const eg_span label = EG_LIT("PRIVATE KEY");
    unsigned count = 0;
    eg_pem_block block;

    while (eg_pem_next(&content, &block)) {
        if (!memmem(block.label.p, block.label.n, label.p, label.n))
            continue;
        if (!eg_span_eq(block.label, label) || is_encrypted(&block))
            return refuse_block(&block, why);
        *found = block;
        count++;
    }
    if (count == 0)
        eg_problem_set(why, "holds no private key in PEM form; " NO_KEY);
    if (count > 1)
        eg_problem_set(why, "holds %u private keys; every one needs a file and an id of its own",
                       count);
    return count == 1;
}

static bool is_usable(eg_crypto *crypto, const eg_envelope_key *key, eg_problem *why)
{
    eg_status status = eg_envelope_try(crypto, key, true);

    if (status != EG_OK)
        eg_problem_set(why, "does not open what is sealed to its public half; " NO_KEY);
    return status == EG_OK;
}

eg_status eg_private_key_parse(eg_crypto *crypto, apr_pool_t *pool, eg_span content,
                               eg_envelope_key *key, eg_problem *why)
{
    eg_pem_block block;
    eg_span der = {"", 0};
    bool ok;

    *key = (eg_envelope_key){.pkey = NULL};
    if (!find_block(content, &block, why))
        return EG_EMALFORMED;
    (void)ERR_set_mark();
    ok = eg_pem_decode(&block, pool, &der) == EG_OK ? read_key(pool, der, key, why)
                                                    : refuse_broken(why);
    (void)ERR_pop_to_mark();
    eg_wipe_early((char *)(apr_uintptr_t)der.p);
    if (key->pkey)
        eg_envelope_key_own(pool, key);
    return ok && is_usable(crypto, key, why) ? EG_OK : EG_EMALFORMED;
}
