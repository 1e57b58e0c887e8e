/* SPDX-License-Identifier: Apache-2.0
 * What the core is for, a scenario for each capability: does it once and says how it ended. */
#include "scenario.h"

#include <string.h>
#include <apr_strings.h>
#include "core/authtoken.h"
#include "core/blindindex.h"
#include "core/doctor.h"
#include "core/fieldspec.h"
#include "core/flow.h"
#include "core/format.h"
#include "core/json.h"
#include "core/keyring.h"
#include "core/say.h"
#include "core/secret.h"
#include "core/secretfile.h"
#include "core/signature.h"
#include "core/token.h"
#include "inputs.h"
#include "sealing.h"
#include "webhooks.h"

/* --- what ended how ---------------------------------------------------------------------------- */

static int outcome_of(eg_status status)
{
    switch (status) {
    case EG_OK:
        return GOOD;
    case EG_ECRYPTO:
        return NO_CRYPTO;
    case EG_ENOMEM:
        return NO_MEMORY;
    case EG_ETOKEN:
        return NOT_OURS;
    default:
        return WRONG;
    }
}

static bool all_zero(const void *bytes, size_t n)
{
    const char *p = bytes;

    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static int good_if(bool is_right)
{
    return is_right ? GOOD : WRONG;
}

/* --- files ------------------------------------------------------------------------------------- */

static eg_file_verdict read_file(apr_pool_t *pool, const char *path, eg_secretfile *file)
{
    apr_array_header_t *docroots = apr_array_make(pool, 1, sizeof(const char *));
    eg_secretfile_rules rules = {.max = 4096};
    eg_problem why;

    APR_ARRAY_PUSH(docroots, const char *) = known->docroot;
    rules.docroots = eg_docroots_create(pool, docroots);
    return eg_secretfile_read(pool, path, &rules, file, &why);
}

static bool is_the_ring(eg_crypto *crypto, const eg_keyring *ring, const char *fingerprint)
{
    unsigned char hash[EG_SHA256_SIZE];

    fault_disarm();
    for (unsigned i = 0; i < 2; i++)
        if (strcmp(ring->keys[i].id, secret->ring.keys[i].id) != 0 ||
            memcmp(ring->keys[i].key, secret->ring.keys[i].key, EG_KEY_SIZE) != 0)
            return false;
    return ring->n == 2 && strcmp(fingerprint, known->fingerprint) == 0 &&
           hash_derived(crypto, ring, hash) && memcmp(hash, known->derived_hash, sizeof hash) == 0;
}

static int parse_keys(eg_crypto *crypto, const eg_secretfile *file, eg_keyring *ring)
{
    eg_problem why;
    char fingerprint[9];
    eg_status status = eg_keyring_parse((eg_span){file->bytes, file->n}, ring, &why);

    if (status == EG_OK)
        status = eg_keyring_derive(crypto, ring);
    if (status == EG_OK)
        status = eg_key_fingerprint(crypto, &ring->keys[0], fingerprint);
    return status == EG_OK ? good_if(is_the_ring(crypto, ring, fingerprint)) : outcome_of(status);
}

static int load_keys(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_secretfile file;
    eg_keyring *ring = NULL;
    int ended = NOT_TRUSTED;

    if (read_file(pool, known->key_file, &file) != EG_FILE_OK)
        return file.bytes ? WRONG : NOT_TRUSTED;
    ring = eg_secret_map(sizeof *ring);
    ended = ring ? parse_keys(crypto, &file, ring) : NO_MEMORY;
    eg_secret_unmap(ring, sizeof *ring);
    eg_secretfile_free(&file);
    return ended;
}

static int load_tokens(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_auth_token room[64] = {0};
    eg_auth_tokens tokens = {0, room};
    eg_secretfile file;
    eg_problem why;
    int ended;

    (void)crypto;
    if (read_file(pool, known->token_file, &file) != EG_FILE_OK)
        return file.bytes ? WRONG : NOT_TRUSTED;
    ended =
        good_if(eg_auth_tokens_parse((eg_span){file.bytes, file.n}, &tokens, &why) == EG_OK &&
                tokens.n == 1 && eg_span_eq(room[0].token, (eg_span){secret->auth, TOKEN_TEXT}));
    eg_secretfile_free(&file);
    return ended;
}

static int keep_secrets(eg_crypto *crypto, apr_pool_t *pool)
{
    unsigned char *page = eg_secret_map(100), *block = eg_wiped_alloc(pool, DIGITS);

    (void)crypto;
    memcpy(block, secret->digits, DIGITS);
    if (!page)
        return NO_MEMORY;
    memcpy(page, secret->digits, DIGITS);
    (void)eg_secret_lock(page, 100);
    eg_secret_unmap(page, 100);
    return GOOD;
}

/* --- signatures -------------------------------------------------------------------------------- */

static eg_params *make_params(apr_pool_t *pool)
{
    eg_params *params = apr_palloc(pool, sizeof *params);

    params->n = 2;
    params->at = apr_palloc(pool, 2 * sizeof *params->at);
    params->at[0] = (eg_param){EG_LIT("Digits"), {secret->digits, DIGITS}};
    params->at[1] = (eg_param){EG_LIT("CallSid"), EG_LIT("CA1")};
    return params;
}

static eg_signed make_signed(apr_pool_t *pool)
{
    return (eg_signed){.origin = {.scheme = EG_LIT("https"), .host = EG_LIT("ivr.example.com")},
                       .target = EG_LIT("/encrypted-gather?step=getPin"),
                       .params = make_params(pool)};
}

/* One parameter more, so that the whole is longer than what is put together. */
static eg_signed make_long_signed(apr_pool_t *pool)
{
    eg_signed what = make_signed(pool);
    eg_params *params = apr_palloc(pool, sizeof *params);

    params->n = 1;
    params->at = apr_palloc(pool, sizeof *params->at);
    params->at[0] = (eg_param){EG_LIT("SpeechResult"), {secret->long_form, LONG_FORM}};
    what.params = params;
    return what;
}

static int sign_as(eg_crypto *crypto, const eg_signed *what, eg_span token, const char *right)
{
    char made[EG_SIGNATURE_LENGTH + 1] = "";
    eg_status status = eg_signature_make(crypto, what, EG_LIT("ivr.example.com"), token, made);

    return status == EG_OK ? good_if(strcmp(made, right) == 0) : outcome_of(status);
}

static int sign(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_signed what = make_signed(pool);

    return sign_as(crypto, &what, (eg_span){secret->auth, TOKEN_TEXT}, known->signature);
}

static int sign_much(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_signed what = make_long_signed(pool);

    return sign_as(crypto, &what, (eg_span){secret->long_auth, LONG_TOKEN_TEXT},
                   known->long_signature);
}

/* Where digests are made by way of a provider. */
static int sign_by_provider(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_crypto_use_provider(crypto);
    return sign(crypto, pool);
}

static int sign_much_by_provider(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_crypto_use_provider(crypto);
    return sign_much(crypto, pool);
}

/* As a token that the server has from its start; where it cannot be prepared it signs all the same. */
static int sign_prepared(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_signed what = make_signed(pool);
    eg_token_ready ready;
    eg_auth_token room = {.token = {secret->auth, TOKEN_TEXT}};
    eg_auth_tokens tokens = {1, &room};
    char made[EG_SIGNATURE_LENGTH + 1] = "";
    eg_status status;

    eg_auth_tokens_prepare(crypto, &tokens, &ready);
    status = eg_signature_make_exact(crypto, &what, &room, made);
    eg_wipe(&ready, sizeof ready);
    return status == EG_OK ? good_if(strcmp(made, known->signature) == 0) : outcome_of(status);
}

static eg_verdict check_as(eg_crypto *crypto, apr_pool_t *pool, const char *header)
{
    eg_auth_token room[2] = {{.token = {secret->long_auth, LONG_TOKEN_TEXT}},
                             {.token = {secret->auth, TOKEN_TEXT}}};
    const eg_auth_tokens tokens = {2, room};
    const eg_signed what = make_signed(pool);

    return eg_signature_check(crypto, &what, &tokens, eg_span_of(header));
}

static int verify(eg_crypto *crypto, apr_pool_t *pool)
{
    switch (check_as(crypto, pool, known->signature)) {
    case EG_SIGNATURE_VALID:
        return GOOD;
    case EG_SIGNATURE_UNCHECKED:
        return NO_CRYPTO;
    case EG_SIGNATURE_INVALID:
        return NOT_OURS;
    default:
        return WRONG;
    }
}

/* Whatever fails: what is not signed does not pass. */
static int verify_forged(eg_crypto *crypto, apr_pool_t *pool)
{
    switch (check_as(crypto, pool, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")) {
    case EG_SIGNATURE_INVALID:
        return GOOD;
    case EG_SIGNATURE_UNCHECKED:
        return NO_CRYPTO;
    default:
        return WRONG;
    }
}

/* TLS ends in front of the server. A failure may cost the advice; wrong advice it may not give. */
static int advise(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_auth_token room = {.token = {secret->auth, TOKEN_TEXT}};
    const eg_auth_tokens tokens = {1, &room};
    const eg_hints hints = {
        .request = {.scheme = EG_LIT("http"), .host = EG_LIT("ivr.example.com")}};
    eg_signed what = make_signed(pool);
    const char *advice;

    what.origin.scheme = EG_LIT("http");
    advice = eg_doctor_advise(crypto, &what, &tokens, eg_span_of(known->signature), &hints, pool);
    if (!advice || strstr(advice, "OpenSSL failed"))
        return NO_CRYPTO;
    return good_if(strstr(advice, "EncGatherPublicURL https://ivr.example.com") != NULL);
}

static int hash_body(eg_crypto *crypto, apr_pool_t *pool)
{
    unsigned char hash[EG_SHA256_SIZE];
    eg_status status = eg_sha256(crypto, (eg_span){secret->digits, DIGITS}, hash);

    (void)pool;
    return status == EG_OK ? good_if(memcmp(hash, known->form_hash, sizeof hash) == 0)
                           : outcome_of(status);
}

static int hash_body_by_provider(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_crypto_use_provider(crypto);
    return hash_body(crypto, pool);
}

/* --- tokens ------------------------------------------------------------------------------------ */

/* By OpenSSL alone, while nothing is armed. */
static bool opens(const unsigned char *sealed, eg_span aad)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    unsigned char plain[DIGITS], tag[EG_TAG_SIZE];
    int n;
    bool ok;

    memcpy(tag, sealed + EG_NONCE_SIZE + DIGITS, sizeof tag);
    ok = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, secret->ring.keys[0].key, sealed) == 1;
    if (ok && aad.n)
        ok = EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1;
    ok = ok && EVP_DecryptUpdate(c, plain, &n, sealed + EG_NONCE_SIZE, DIGITS) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, EG_TAG_SIZE, tag) == 1 &&
         EVP_DecryptFinal_ex(c, plain + n, &n) == 1 && memcmp(plain, secret->digits, DIGITS) == 0;
    eg_wipe(plain, sizeof plain);
    EVP_CIPHER_CTX_free(c);
    return ok;
}

static int judge_sealed(eg_status status, const unsigned char *sealed, eg_span aad)
{
    fault_disarm();
    if (status != EG_OK)
        return all_zero(sealed, SEALED) ? outcome_of(status) : WRONG;
    note_nonce(sealed);
    return good_if(opens(sealed, aad));
}

static int seal(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_span plain = {secret->digits, DIGITS};
    char *token = apr_palloc(pool, EG_TOKEN_LENGTH(DIGITS) + 1);
    unsigned char sealed[SEALED];
    eg_status status;

    memset(token, 'x', EG_TOKEN_LENGTH(DIGITS) + 1);
    status = eg_token_seal(crypto, &secret->ring, plain, token);
    fault_disarm();
    if (status != EG_OK)
        return judge_sealed(status, (const unsigned char *)token, EG_LIT(""));
    if (eg_hex_decode(sealed, eg_span_of(token)) != EG_OK)
        return WRONG;
    return judge_sealed(status, sealed, EG_LIT(""));
}

/* More than one stock of nonces holds: what fails while it is filled up must not be used. */
static int seal_many(eg_crypto *crypto, apr_pool_t *pool)
{
    unsigned char sealed[SEALED];
    const eg_span plain = {secret->digits, DIGITS};

    (void)pool;
    for (unsigned i = 0; i < 140; i++) {
        eg_status status = eg_gcm_seal(crypto, secret->ring.keys[0].key, EG_LIT(""), plain, sealed);

        if (status != EG_OK)
            return all_zero(sealed, SEALED) ? outcome_of(status) : WRONG;
        if (i % 20 == 0)
            note_nonce(sealed);
    }
    return GOOD;
}

static int seal_with_data(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_span aad = EG_LIT("call"), plain = {secret->digits, DIGITS};
    unsigned char sealed[SEALED];
    eg_status status = eg_gcm_seal(crypto, secret->ring.keys[0].key, aad, plain, sealed);

    (void)pool;
    return judge_sealed(status, sealed, aad);
}

static int judge_opened(eg_status status, eg_span plain)
{
    if (status != EG_OK)
        return plain.n ? WRONG : outcome_of(status);
    return good_if(eg_span_eq(plain, (eg_span){secret->digits, DIGITS}));
}

static int open_token(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_span plain;
    apr_size_t which;
    eg_status status =
        eg_token_open(crypto, &secret->ring, eg_span_of(known->token), pool, &plain, &which);

    return status == EG_OK && which != 0 ? WRONG : judge_opened(status, plain);
}

/* Only the second key of the ring opens it. */
static int open_old_token(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_span plain;
    apr_size_t which;
    eg_status status =
        eg_token_open(crypto, &secret->ring, eg_span_of(known->second_token), pool, &plain, &which);

    return status == EG_OK && which != 1 ? WRONG : judge_opened(status, plain);
}

/* Whatever fails: what was changed is not opened, and is not left in memory. */
static int open_changed(eg_crypto *crypto, apr_pool_t *pool)
{
    char *token = apr_pstrdup(pool, known->token);
    eg_span plain;
    apr_size_t which;
    eg_status status;

    token[2 * SEALED - 1] = token[2 * SEALED - 1] == '0' ? '1' : '0';
    status = eg_token_open(crypto, &secret->ring, eg_span_of(token), pool, &plain, &which);
    if (status == EG_OK || plain.n)
        return WRONG;
    return status == EG_ETOKEN ? GOOD : outcome_of(status);
}

static int open_with_data(eg_crypto *crypto, apr_pool_t *pool)
{
    unsigned char *plain = eg_wiped_alloc(pool, DIGITS);
    eg_status status = eg_gcm_open(crypto, secret->ring.keys[0].key, EG_LIT("call"),
                                   known->with_data, SEALED, plain);

    if (status != EG_OK)
        return all_zero(plain, DIGITS) ? outcome_of(status) : WRONG;
    return judge_opened(status, (eg_span){(const char *)plain, DIGITS});
}

/* One after the other, the key held from one to the next, and another one in between. */
static int open_held(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_opening with = {EG_READS_ALL, &secret->ring, NULL, true};
    const eg_demands none = {.ttl = 0};
    const char *const tokens[] = {known->token, known->token, known->second_token, known->token};
    eg_opened_token opened;
    eg_status status = EG_OK;
    int outcome = GOOD;

    for (unsigned i = 0; i < 4 && status == EG_OK && outcome == GOOD; i++) {
        status = eg_token_open_bound(crypto, &with, eg_span_of(tokens[i]), &none, pool, &opened);
        outcome = judge_opened(status, opened.plain);
    }
    return eg_gcm_let_go(crypto) || outcome == WRONG ? outcome : NO_CRYPTO;
}

static int blind_index(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_span values[2] = {{secret->digits, DIGITS}, {secret->digits, 4}};
    char index[EG_INDEX_LENGTH + 1] = "x";
    eg_status status = eg_blind_index(crypto, secret->ring.keys[0].key, values, 2, index);

    (void)pool;
    if (status != EG_OK)
        return index[0] ? WRONG : outcome_of(status);
    return good_if(strcmp(index, known->index) == 0);
}

/* --- JSON, TwiML and the rest ------------------------------------------------------------------ */

/* What decrypt-gather does. */
static int decrypt_request(eg_crypto *crypto, apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, "{\"card\":\"", known->token, "\"}", NULL);
    const eg_json *json = eg_json_parse(pool, eg_span_of(text));
    eg_span token, plain;
    apr_size_t which;

    if (!json)
        return NO_MEMORY;
    if (eg_json_string(json, "card", &token) != EG_OK)
        return WRONG;
    return judge_opened(eg_token_open(crypto, &secret->ring, token, pool, &plain, &which), plain);
}

static bool reads(const eg_json *json, apr_pool_t *pool, const char *name, const char *right,
                  bool *is_missing)
{
    const char *text = eg_json_text(json, name, pool);

    *is_missing |= !text;
    return !text || strcmp(text, right) == 0;
}

static int read_json(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_span text =
        EG_LIT("{\"text\":\"AC1\",\"whole\":7,\"real\":12.55,\"yes\":true,\"large\":1e100}");
    const eg_json *json = eg_json_parse(pool, text);
    bool is_missing = false, right;

    (void)crypto;
    if (!json)
        return NO_MEMORY;
    right = reads(json, pool, "text", "AC1", &is_missing) &&
            reads(json, pool, "whole", "7", &is_missing) &&
            reads(json, pool, "real", "12.55", &is_missing) &&
            reads(json, pool, "yes", "true", &is_missing) &&
            reads(json, pool, "large", "1e100", &is_missing);
    return !right ? WRONG : is_missing ? NO_MEMORY : GOOD;
}

static int write_json(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_json *json = eg_json_new(pool);
    const char *right = apr_pstrcat(pool, "{\"token\":\"", known->token, "\",\"none\":null}", NULL);
    eg_status status = eg_json_set(json, "token", eg_span_of(known->token));

    (void)crypto;
    if (status == EG_OK)
        status = eg_json_set(json, "none", (eg_span){NULL, 0});
    return status == EG_OK ? good_if(strcmp(eg_json_dump(json, pool), right) == 0)
                           : outcome_of(status);
}

static int ask(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_span token = eg_span_of(known->token);
    const eg_question question = {.dialect = &eg_dialect_twiml,
                                  .origin = EG_LIT("https://ivr.example.com"),
                                  .path = EG_LIT("/encrypted-gather"),
                                  .fields = &eg_default_fields,
                                  .field = 1,
                                  .tokens = &token,
                                  .attempt = 2};
    eg_twiml out;

    (void)crypto;
    eg_twiml_begin(&out, pool);
    eg_flow_ask(&out, &question);
    eg_twiml_end(&out);
    if (!eg_twiml_is_whole(pool, (eg_span){out.bytes, out.n}))
        return NO_MEMORY;
    return good_if(memmem(out.bytes, out.n, known->token, EG_TOKEN_LENGTH(DIGITS)) != NULL);
}

static int speak(eg_crypto *crypto, apr_pool_t *pool)
{
    const eg_json *json = eg_json_parse(pool, EG_LIT("{\"account\":\"AC1\",\"balance\":1.5}"));
    const char *sentence;
    eg_say say;

    (void)crypto;
    if (!json || eg_say_parse(pool, "%{spell:account} has %{balance}", &say) != EG_OK)
        return json ? WRONG : NO_MEMORY;
    sentence = eg_say_expand(pool, &say, eg_json_text, json);
    return sentence ? good_if(strcmp(sentence, "A C 1 has 1.5") == 0) : NO_MEMORY;
}

static int configure_field(eg_crypto *crypto, apr_pool_t *pool)
{
    eg_field field;
    const char *wrong =
        eg_field_parse(pool, "card digits=12-19 check=luhn say=\"Your card\"", &field);

    (void)crypto;
    return good_if(!wrong && field.min == 12 && field.max == 19 && field.luhn &&
                   strcmp(field.say, "Your card") == 0 &&
                   !eg_field_clash(pool, eg_default_fields.at, eg_default_fields.n, &field));
}

static int read_form(eg_crypto *crypto, apr_pool_t *pool)
{
    char *text = eg_wiped_alloc(pool, DIGITS + 20);
    eg_params params;
    apr_size_t n = sizeof "CallSid=CA1&Digits=" - 1;

    (void)crypto;
    memcpy(text, "CallSid=CA1&Digits=", n);
    memcpy(text + n, secret->digits, DIGITS);
    if (eg_form_parse(pool, text, n + DIGITS, EG_PARAMS_MAX, &params) != EG_OK || params.n != 2)
        return WRONG;
    return good_if(eg_span_eq(params.at[1].value, (eg_span){secret->digits, DIGITS}));
}

#define ANYTHING_TOLD (GOOD | NO_CRYPTO | NOT_OURS | NOT_TRUSTED)

const scenario scenarios[] = {
    {"load a key ring", load_keys, true, 0, {0}},
    {"load auth tokens", load_tokens, false, 0, {0}},
    {"keep secrets in memory", keep_secrets, false, 0, {0}},
    {"sign", sign, true, 0, {0}},
    {"sign a long form with a long token", sign_much, true, 0, {0}},
    {"sign by way of a provider", sign_by_provider, true, 0, {0}},
    {"sign much by way of a provider", sign_much_by_provider, true, 0, {0}},
    {"sign by a prepared token", sign_prepared, true, 0, {[BY_CRYPTO] = GOOD | NO_CRYPTO}},
    {"check a signature", verify, true, 0, {0}},
    {"refuse a forged signature", verify_forged, true, 0, {0}},
    {"find out why a signature does not fit", advise, true, 0, {0}},
    {"hash a body", hash_body, true, 0, {0}},
    {"hash a body by way of a provider", hash_body_by_provider, true, 0, {0}},
    {"sign as every provider", sign_webhooks, true, 24, {0}},
    /* a signature by a public key that OpenSSL has no memory to look at is none */
    {"check webhooks of every provider",
     judge_webhooks,
     true,
     24,
     {[BY_INNER_CRYPTO] = GOOD | NO_CRYPTO | NOT_OURS}},
    {"refuse forged ones", judge_forged_webhooks, true, 24, {[BY_TAG] = GOOD}},
    {"bind a URL to its call", bind_a_url, true, 0, {0}},
    {"seal", seal, true, 0, {0}},
    {"seal more than a stock of nonces", seal_many, true, 12, {0}},
    {"seal with additional data", seal_with_data, true, 0, {0}},
    {"open a token", open_token, true, 0, {[BY_TAG] = NOT_OURS}},
    {"open a token of the second key", open_old_token, true, 0, {[BY_TAG] = GOOD | NOT_OURS}},
    {"open tokens under a key that is held", open_held, true, 0, {[BY_TAG] = GOOD | NOT_OURS}},
    {"refuse a token that was changed", open_changed, true, 0, {[BY_TAG] = GOOD}},
    {"open with additional data", open_with_data, true, 0, {[BY_TAG] = NOT_OURS}},
    {"load recipients",
     load_recipients,
     true,
     16,
     {[BY_CRYPTO] = NO_CRYPTO | NOT_TRUSTED,
      [BY_POINT] = NO_CRYPTO | NOT_TRUSTED,
      [BY_TAG] = NOT_TRUSTED,
      [BY_JSON] = NOT_TRUSTED,
      [BY_INNER_CRYPTO] = ANYTHING_TOLD,
      [BY_INNER_JSON] = GOOD | NOT_TRUSTED}},
    {"tell which halves are a pair",
     tell_pairs,
     true,
     16,
     {[BY_CRYPTO] = NO_CRYPTO | NOT_TRUSTED,
      [BY_POINT] = NO_CRYPTO | NOT_TRUSTED,
      [BY_TAG] = NOT_TRUSTED,
      [BY_JSON] = NOT_TRUSTED,
      [BY_INNER_CRYPTO] = ANYTHING_TOLD,
      [BY_INNER_JSON] = GOOD | NOT_TRUSTED}},
    {"load private keys",
     load_private_keys,
     true,
     16,
     {[BY_CRYPTO] = NO_CRYPTO | NOT_TRUSTED,
      [BY_POINT] = NO_CRYPTO | NOT_TRUSTED,
      [BY_INNER_CRYPTO] = ANYTHING_TOLD}},
    {"seal for P-256", seal_for_p256, true, 24, {0}},
    {"seal for X25519", seal_for_x25519, true, 24, {0}},
    {"seal for RSA", seal_for_rsa, true, 12, {0}},
    {"seal a jwe token", seal_direct, true, 0, {0}},
    {"open for P-256",
     open_for_p256,
     true,
     24,
     {[BY_JSON] = NOT_OURS, [BY_INNER_JSON] = GOOD | NOT_OURS, [BY_INNER_CRYPTO] = ANYTHING_TOLD}},
    {"open for X25519",
     open_for_x25519,
     true,
     24,
     {[BY_JSON] = NOT_OURS, [BY_INNER_JSON] = GOOD | NOT_OURS, [BY_INNER_CRYPTO] = ANYTHING_TOLD}},
    {"open for RSA",
     open_for_rsa,
     true,
     12,
     {[BY_JSON] = NOT_OURS, [BY_INNER_JSON] = GOOD | NOT_OURS, [BY_INNER_CRYPTO] = ANYTHING_TOLD}},
    {"open a jwe token",
     open_direct,
     true,
     0,
     {[BY_JSON] = NOT_OURS, [BY_INNER_JSON] = GOOD | NOT_OURS}},
    {"blind index", blind_index, true, 0, {0}},
    /* jansson loses a byte of a string when it cannot make room for it; the tag does not fit then */
    {"decrypt what a backend is sent",
     decrypt_request,
     true,
     0,
     {[BY_TAG] = NOT_OURS, [BY_INNER_JSON] = GOOD | NO_MEMORY | NOT_OURS}},
    {"read JSON", read_json, false, 0, {[BY_JSON] = GOOD | NO_MEMORY}},
    {"write JSON", write_json, false, 0, {0}},
    {"ask in TwiML", ask, false, 0, {0}},
    {"speak a sentence", speak, false, 0, {[BY_JSON] = GOOD | NO_MEMORY}},
    {"configure a field", configure_field, false, 0, {0}},
    {"read a form", read_form, false, 0, {0}},
};
const unsigned scenarios_count = sizeof scenarios / sizeof scenarios[0];
