/* SPDX-License-Identifier: Apache-2.0
 * What is in files of keys and tokens: read, checked, and made into what is kept. */
#include "config/contents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include "core/privatekey.h"
#include "core/recipient.h"
#include "core/secret.h"

#define KEY_FILE_MAX 4096
#define TOKEN_FILE_MAX 65536
#define PASSWORD_FILE_MAX 1024

/* What each kind of file is called, how it may be, and where it comes from. A new key in the place of a
 * lost one would open nothing that was sealed or indexed before. */
static const struct {
    const char *directive;
    apr_size_t max; /* bytes */
    bool is_public;
    const char *source;
} kinds[] = {[EG_KEY_FILE] = {"EncGatherKeyFile", KEY_FILE_MAX, false,
                              "Put back the key that was there; if there never was one: encgather "
                              "keygen makes it"},
             [EG_TOKEN_FILE] = {"EncGatherAuthTokenFile", TOKEN_FILE_MAX, false,
                                "It is yours to write: mode 0600, the auth token from the Twilio "
                                "Console in it"},
             [EG_RECIPIENT_FILE] = {"EncGatherRecipient", EG_RECIPIENT_FILE_MAX, true,
                                    "It is the public key of whoever opens the tokens: encgather "
                                    "keygen --recipient makes the pair, there"},
             [EG_PRIVATE_KEY_FILE] = {"EncGatherPrivateKeyFile", EG_PRIVATE_KEY_FILE_MAX, false,
                                      "Put back the key that was there; if there never was one: "
                                      "encgather keygen --recipient makes the pair"},
             [EG_STATE_KEY_FILE] = {"EncGatherStateCache", KEY_FILE_MAX, false,
                                    "It is the same on all hosts that share the Redis; if there "
                                    "never was one: encgather keygen makes it"},
             [EG_STATE_PASSWORD_FILE] = {"EncGatherStateCache", PASSWORD_FILE_MAX, false,
                                         "It is yours to write: mode 0600, the password of the "
                                         "Redis in it"}};

const char *eg_contents_directive(eg_store_kind kind)
{
    return kinds[kind].directive;
}

/* The ring holds the keys in binary; the text goes. */
static eg_status parse_keys(eg_secretfile *file, eg_held *fresh, eg_problem *why)
{
    eg_keyring *ring = eg_secret_map_alone(sizeof *ring);
    eg_status status = EG_ENOMEM;

    eg_problem_set(why, "cannot be kept: no memory");
    if (ring)
        status = eg_keyring_parse((eg_span){file->bytes, file->n}, ring, why);
    eg_secretfile_free(file);
    fresh->secret = (char *)ring;
    fresh->n = status == EG_OK ? eg_keyring_size(ring) : sizeof *ring;
    return status;
}

/* Gives back what was for more tokens than there are. */
static void shrink_tokens(eg_auth_tokens *tokens)
{
    eg_auth_token *at = realloc(tokens->at, tokens->n * sizeof *tokens->at);

    if (at)
        tokens->at = at;
}

static eg_status parse_tokens(eg_secretfile *file, eg_held *fresh, eg_problem *why)
{
    apr_size_t bound = eg_auth_tokens_bound(file->n);
    eg_status status;

    fresh->secret = file->bytes;
    fresh->n = file->n;
    fresh->tokens.at = calloc(bound, sizeof *fresh->tokens.at);
    if (!fresh->tokens.at) {
        eg_problem_set(why, "cannot be kept: no memory");
        return EG_ENOMEM;
    }
    status = eg_auth_tokens_parse((eg_span){file->bytes, file->n}, &fresh->tokens, why);
    if (status == EG_OK)
        shrink_tokens(&fresh->tokens);
    return status;
}

/* All hosts name values by it: two at a time would be two counts. */
static eg_status parse_state_key(eg_secretfile *file, eg_held *fresh, eg_problem *why)
{
    eg_held ring_of = {0};
    eg_status status = parse_keys(file, &ring_of, why);
    const eg_keyring *ring = (const eg_keyring *)(const void *)ring_of.secret;

    if (status == EG_OK && ring->n != 1) {
        eg_problem_set(why, "is a ring of keys, and here belongs one key; on all hosts the same");
        status = EG_EMALFORMED;
    }
    if (status == EG_OK) {
        fresh->secret = eg_secret_map_alone(EG_KEY_SIZE);
        fresh->n = EG_KEY_SIZE;
        status = fresh->secret ? EG_OK : EG_ENOMEM;
    }
    if (status == EG_OK)
        memcpy(fresh->secret, ring->keys[0].key, EG_KEY_SIZE);
    eg_held_empty(&ring_of);
    return status;
}

static eg_status parse_password(eg_secretfile *file, eg_held *fresh, eg_problem *why)
{
    fresh->secret = file->bytes;
    fresh->n = file->n;
    fresh->n -= fresh->n > 1 && file->bytes[fresh->n - 1] == '\n';
    fresh->n -= fresh->n > 1 && file->bytes[fresh->n - 1] == '\r';
    if (!memchr(file->bytes, '\n', fresh->n) && !memchr(file->bytes, '\0', fresh->n))
        return EG_OK;
    eg_problem_set(why, "holds more than one line, or none; a password is one line");
    return EG_EMALFORMED;
}

eg_status eg_contents_envelope(eg_crypto *crypto, apr_pool_t *pool, const eg_store_entry *entry,
                               eg_span text, eg_envelope_key *key, bool *expired, eg_problem *why)
{
    eg_status status;

    *expired = false;
    if (entry->kind == EG_RECIPIENT_FILE)
        return eg_recipient_parse(crypto, pool, text, eg_span_of(entry->kid), key, expired, why);
    status = eg_private_key_parse(crypto, pool, text, key, why);
    if (status == EG_OK)
        apr_cpystrn(key->kid, entry->kid, sizeof key->kid);
    return status;
}

static eg_status take_facts(eg_crypto *crypto, const eg_envelope_key *key, eg_key_facts *facts,
                            eg_problem *why)
{
    facts->kind = key->kind;
    facts->wrapped = key->wrapped;
    if (eg_envelope_public_id(crypto, key, facts->public_id) == EG_OK &&
        eg_envelope_fingerprint(crypto, key, facts->fingerprint) == EG_OK)
        return EG_OK;
    eg_problem_set(why, "cannot be looked at: OpenSSL fails");
    return EG_ECRYPTO;
}

/* The text is what is kept: OpenSSL's keys are made of it where they are used, and are in no process that
 * does not serve. What is OpenSSL's goes with this file: a process has no more than 1,024 places for what
 * threads keep, and a server may have more files. */
static eg_status parse_envelope_key(apr_pool_t *ptemp, const eg_store_entry *entry,
                                    const eg_secretfile *file, eg_held *fresh, eg_problem *why)
{
    eg_envelope_key key;
    apr_pool_t *pool;
    eg_crypto *crypto;
    eg_status status = EG_ECRYPTO;

    fresh->secret = file->bytes;
    fresh->n = file->n;
    eg_problem_set(why, "cannot be looked at: OpenSSL fails");
    apr_pool_create(&pool, ptemp);
    crypto = eg_crypto_create(pool);
    if (crypto)
        status = eg_contents_envelope(crypto, pool, entry, (eg_span){file->bytes, file->n}, &key,
                                      &fresh->facts.is_expired, why);
    if (status == EG_OK)
        status = take_facts(crypto, &key, &fresh->facts, why);
    apr_pool_destroy(pool);
    return status;
}

static eg_status parse_file(apr_pool_t *ptemp, const eg_store_entry *entry, eg_secretfile *file,
                            eg_held *fresh, eg_problem *why)
{
    switch (entry->kind) {
    case EG_KEY_FILE:
        return parse_keys(file, fresh, why);
    case EG_TOKEN_FILE:
        return parse_tokens(file, fresh, why);
    case EG_STATE_KEY_FILE:
        return parse_state_key(file, fresh, why);
    case EG_STATE_PASSWORD_FILE:
        return parse_password(file, fresh, why);
    case EG_RECIPIENT_FILE:
    case EG_PRIVATE_KEY_FILE:
        break;
    }
    return parse_envelope_key(ptemp, entry, file, fresh, why);
}

static void say_where_from(const eg_store_entry *entry, eg_problem *why)
{
    const eg_problem found = *why;

    if (access(entry->path, F_OK) != 0 && errno == ENOENT)
        eg_problem_set(why, "%.255s; is that its path? %s", found.text, kinds[entry->kind].source);
}

/* "encgather keygen --recipient" names the halves so. */
static void say_which_half(const eg_store_entry *entry, eg_problem *why)
{
    static const char end[] = ".pub";
    const eg_problem found = *why;
    apr_size_t n = strlen(entry->path);

    if (entry->kind == EG_PRIVATE_KEY_FILE && n > strlen(end) &&
        strcmp(entry->path + n - strlen(end), end) == 0)
        eg_problem_set(why,
                       "looks like the public half of a pair, which belongs where tokens are "
                       "sealed: here belongs the file without .pub. It %.255s",
                       found.text);
}

eg_file_verdict eg_contents_read(apr_pool_t *ptemp, const eg_store_entry *entry,
                                 const eg_secretfile_rules *of_all, eg_held *fresh, eg_problem *why)
{
    bool is_public = kinds[entry->kind].is_public;
    eg_secretfile_rules rules = {kinds[entry->kind].max, is_public ? NULL : of_all->docroots,
                                 is_public, of_all->good};
    eg_secretfile file;
    eg_file_verdict verdict = eg_secretfile_read(ptemp, entry->path, &rules, &file, why);

    if (verdict != EG_FILE_OK) {
        say_where_from(entry, why);
        say_which_half(entry, why);
        return verdict;
    }
    if (parse_file(ptemp, entry, &file, fresh, why) == EG_OK)
        return EG_FILE_OK;
    eg_held_empty(fresh);
    return EG_FILE_BAD;
}
