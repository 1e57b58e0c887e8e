/* SPDX-License-Identifier: Apache-2.0
 * Opens jwe tokens by libcjose (Debian: libcjose-dev): requests as the module sends them, a JSON
 * object a line, to what callers keyed in.
 *
 *     cc -o tokens tokens.c -lcjose -ljansson -lcrypto
 *     ./tokens bank-2026=/etc/ivr/bank-2026.key k1=/etc/ivr/k1.key <requests
 *
 * A key is kid=FILE: a private key (PKCS#8; P-256), or the 64 hexadecimal digits of a key in
 * EncGatherKeyFile. The library knows no X25519, and OAEP with SHA-1 alone.
 * open_call() is what a backend needs. The library looks at tag and form; kid, alg, fld, sid and
 * iat are ours to look at. Plaintexts are wiped; what the library and jansson keep is not ours. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cjose/cjose.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#define TTL 900 /* seconds */
#define AHEAD 60
#define KEYS_MAX 16
#define COORDINATE 32 /* bytes, of a point on P-256 */

static const char *const fields[] = {"encryptedCardDigits", "encryptedPinDigits"};
#define FIELDS (sizeof fields / sizeof *fields)

static struct {
    const char *kid, *alg;
    cjose_jwk_t *key;
} keys[KEYS_MAX];
static size_t n_keys;

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "tokens: %s: %s\n", what, why);
    exit(2);
}

/* --- keys -------------------------------------------------------------------------------------- */

static size_t number_of(EVP_PKEY *pkey, const char *name, uint8_t bytes[COORDINATE])
{
    BIGNUM *n = NULL;
    int written = -1;

    if (EVP_PKEY_get_bn_param(pkey, name, &n))
        written = BN_bn2binpad(n, bytes, COORDINATE); /* leading zeros belong to it */
    BN_clear_free(n);
    return written == COORDINATE ? COORDINATE : 0;
}

static cjose_jwk_t *read_pair(FILE *file, const char *path)
{
    EVP_PKEY *pkey = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    uint8_t d[COORDINATE], x[COORDINATE], y[COORDINATE];
    cjose_jwk_ec_keyspec spec = {.crv = CJOSE_JWK_EC_P_256, .d = d, .x = x, .y = y};
    cjose_err error;
    cjose_jwk_t *key;

    if (!pkey || !EVP_PKEY_is_a(pkey, "EC"))
        give_up(path, "is neither 64 hexadecimal digits nor a P-256 key");
    spec.dlen = number_of(pkey, OSSL_PKEY_PARAM_PRIV_KEY, d);
    spec.xlen = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x);
    spec.ylen = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y);
    EVP_PKEY_free(pkey);
    key = spec.dlen && spec.xlen && spec.ylen ? cjose_jwk_create_EC_spec(&spec, &error) : NULL;
    OPENSSL_cleanse(d, sizeof d);
    if (!key)
        give_up(path, "is no P-256 key");
    return key;
}

static cjose_jwk_t *read_digits(FILE *file)
{
    uint8_t bytes[32];
    cjose_err error;
    cjose_jwk_t *key = NULL;
    size_t n = 0;

    rewind(file);
    while (n < sizeof bytes && fscanf(file, "%2hhx", &bytes[n]) == 1)
        n++;
    if (n == sizeof bytes)
        key = cjose_jwk_create_oct_spec(bytes, n, &error);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return key;
}

static void add_key(char *word)
{
    char *path = strchr(word, '=');
    FILE *file = path ? fopen(path + 1, "r") : NULL;

    if (!file || n_keys == KEYS_MAX)
        give_up(word, "is not kid=FILE of a file that can be read, or one too many");
    *path++ = '\0';
    keys[n_keys].kid = word;
    keys[n_keys].alg = fgetc(file) == '-' ? "ECDH-ES" : "dir";
    rewind(file);
    keys[n_keys].key =
        strcmp(keys[n_keys].alg, "dir") == 0 ? read_digits(file) : read_pair(file, path);
    if (!keys[n_keys++].key)
        give_up(path, "is no key");
    fclose(file);
}

/* --- tokens ------------------------------------------------------------------------------------ */

typedef struct {
    json_t *opened;
    char call[65]; /* the id in all tokens; empty: not known yet */
} call;

static bool is_text(cjose_header_t *header, const char *name, const char *wanted)
{
    const char *is = json_string_value(json_object_get(header, name));

    return is && strcmp(is, wanted) == 0;
}

/* A header of the library is an object of jansson. iat is a number, which it does not give out. */
static bool is_of_now(cjose_header_t *header)
{
    json_t *iat = json_object_get(header, "iat");
    json_int_t now = (json_int_t)time(NULL);

    return json_is_integer(iat) && now - json_integer_value(iat) <= TTL &&
           json_integer_value(iat) - now <= AHEAD;
}

static bool is_of_call(cjose_header_t *header, call *of)
{
    const char *sid = json_string_value(json_object_get(header, "sid"));

    if (!sid || !*sid || strlen(sid) >= sizeof of->call)
        return false;
    if (!*of->call)
        strcpy(of->call, sid);
    return strcmp(of->call, sid) == 0;
}

/* NULL: none of ours, or not in the way of that key. */
static const cjose_jwk_t *key_of(cjose_header_t *header)
{
    const char *kid = json_string_value(json_object_get(header, "kid"));

    if (!kid || !is_text(header, "enc", "A256GCM") || json_object_get(header, "zip") ||
        json_object_get(header, "crit"))
        return NULL;
    for (size_t i = 0; i < n_keys; i++)
        if (strcmp(keys[i].kid, kid) == 0)
            return is_text(header, "alg", keys[i].alg) ? keys[i].key : NULL;
    return NULL;
}

static bool take(cjose_jwe_t *jwe, const char *name, call *of)
{
    cjose_header_t *header = cjose_jwe_get_protected(jwe);
    const cjose_jwk_t *key = key_of(header);
    cjose_err error;
    size_t n = 0;
    uint8_t *plain = key ? cjose_jwe_decrypt(jwe, key, &n, &error) : NULL;
    json_t *value = NULL;

    if (!plain)
        return false;
    if (is_text(header, "fld", name) && is_of_call(header, of) && is_of_now(header))
        value = json_stringn((const char *)plain, n); /* NULL: no UTF-8 */
    OPENSSL_cleanse(plain, n);
    free(plain);
    return value && json_object_set_new(of->opened, name, value) == 0;
}

static bool open_field(const json_t *request, const char *name, call *of)
{
    const char *token = json_string_value(json_object_get(request, name));
    cjose_err error;
    cjose_jwe_t *jwe = token ? cjose_jwe_import(token, strlen(token), &error) : NULL;
    bool good = jwe && take(jwe, name, of);

    cjose_jwe_release(jwe);
    return good;
}

/* All tokens have to be of one call: that of CallSid, where EncGatherForward sends it. */
static bool open_call(const json_t *request, call *of)
{
    const json_t *sid = json_object_get(request, "CallSid");

    if (sid && (!json_is_string(sid) || json_string_length(sid) >= sizeof of->call))
        return false;
    if (sid)
        strcpy(of->call, json_string_value(sid));
    for (size_t i = 0; i < FIELDS; i++)
        if (!open_field(request, fields[i], of))
            return false;
    return true;
}

int main(int argc, char **argv)
{
    char line[65536];

    for (int i = 1; i < argc; i++)
        add_key(argv[i]);
    while (fgets(line, sizeof line, stdin)) {
        call of = {.opened = json_object()};
        json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

        if (request && open_call(request, &of))
            json_dumpf(of.opened, stdout, JSON_COMPACT);
        else
            fputs("{\"error\":\"bad token\"}", stdout);
        putchar('\n');
        fflush(stdout);
        json_decref(of.opened);
        json_decref(request);
    }
    return 0;
}
