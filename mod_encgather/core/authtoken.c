/* SPDX-License-Identifier: Apache-2.0
 * Auth token files: the Twilio tokens and SharedKeys that sign webhooks. */
#include "authtoken.h"

#include <apr_lib.h>
#include <string.h>
#include "idempotency.h"
#include "lines.h"
#include "secret.h"

apr_size_t eg_auth_tokens_bound(apr_size_t content)
{
    return content / 2 + 1; /* one byte and its line end */
}

/* Some providers' accounts have hyphens. */
static bool good_id(eg_span id, bool with_hyphens)
{
    if (id.n < 1 || id.n > EG_ACCOUNT_MAX)
        return false;
    for (apr_size_t i = 0; i < id.n; i++)
        if (!eg_is_alnum(id.p[i]) && !(with_hyphens && id.p[i] == '-'))
            return false;
    return true;
}

static bool is_shared_key(eg_span first, eg_span *id)
{
    const apr_size_t n = sizeof EG_SHARED_KEY_NAME - 1;

    if (first.n < n || memcmp(first.p, EG_SHARED_KEY_NAME, n) != 0)
        return false;
    *id = (eg_span){first.p + n, first.n - n};
    return true;
}

/* What is wrong with the words of a line, or NULL. All empty parts of an entry point into the content
 * too, so that it can be moved. */
static const char *take_words(eg_span first, eg_span second, eg_auth_token *entry)
{
    const eg_span none = {first.p, 0};
    eg_span id;

    if (is_shared_key(first, &id)) {
        *entry = (eg_auth_token){none, second, first, NULL};
        if (!good_id(id, false))
            return "the ID of a SharedKey is not 1 to 64 letters and digits";
        return second.n ? NULL : "a SharedKey has nothing behind its name";
    }
    *entry = second.n ? (eg_auth_token){first, second, none, NULL}
                      : (eg_auth_token){none, first, none, NULL};
    if (second.n && !good_id(first, true))
        return "the account is not 1 to 64 letters, digits and hyphens (the name of a SharedKey "
               "begins with webhooks_sharedkey_)";
    return NULL;
}

static bool is_pem(eg_span first)
{
    static const char begin[] = "-----BEGIN";

    return eg_span_eq(first, eg_span_of(begin));
}

static eg_status parse_token_line(eg_span text, unsigned line, eg_auth_token *entry,
                                  eg_problem *why)
{
    eg_span first = eg_word_next(&text), second = eg_word_next(&text);
    const char *wrong = take_words(first, second, entry);

    if (text.n)
        wrong = is_pem(first) ? "this is PEM; of Telnyx's key the 44 characters of base64 belong "
                                "here, on one line"
                              : "a line is a token, or an AccountSid and a token";
    else if (!wrong && entry->token.n > EG_AUTH_TOKEN_MAX)
        wrong = "the token is longer than 128 characters";
    if (wrong)
        eg_problem_set(why, "line %u: %s", line, wrong);
    return wrong ? EG_EMALFORMED : EG_OK;
}

eg_status eg_auth_tokens_parse(eg_span content, eg_auth_tokens *tokens, eg_problem *why)
{
    eg_lines lines = {content, 0};
    eg_span line;

    tokens->n = 0;
    if (!eg_is_text(content)) {
        eg_problem_set(why, "holds bytes that are not text; write one Twilio auth token a line");
        return EG_EMALFORMED;
    }
    while (eg_lines_next(&lines, &line)) {
        eg_status status = parse_token_line(line, lines.number, &tokens->at[tokens->n], why);

        if (status != EG_OK)
            return status;
        tokens->n++;
    }
    if (tokens->n)
        return EG_OK;
    eg_problem_set(why, "holds no token; write one Twilio auth token a line");
    return EG_EMALFORMED;
}

static bool prepare_token(eg_crypto *crypto, eg_span token, eg_token_ready *ready)
{
    const eg_span derived = {(const char *)ready->idempotency, sizeof ready->idempotency};

    return eg_hmac_prepare(crypto, EG_SHA1, token, &ready->by[EG_SHA1]) &&
           eg_hmac_prepare(crypto, EG_SHA256, token, &ready->by[EG_SHA256]) &&
           eg_idempotency_derive(crypto, token, ready->idempotency) == EG_OK &&
           eg_hmac_prepare(crypto, EG_SHA256, derived, &ready->of_idempotency);
}

void eg_auth_tokens_prepare(eg_crypto *crypto, eg_auth_tokens *tokens, eg_token_ready *ready)
{
    for (apr_size_t i = 0; i < tokens->n; i++) {
        bool is_ready = prepare_token(crypto, tokens->at[i].token, &ready[i]);

        if (!is_ready)
            eg_wipe(&ready[i], sizeof ready[i]);
        tokens->at[i].ready = is_ready ? &ready[i] : NULL;
    }
}

/* --- what is none ------------------------------------------------------------------------------ */

#define KEY_DIGITS 64
#define TOKEN_DIGITS 32 /* of Twilio's */

/* A SharedKey may be any text; a token never has that form. */
static bool looks_like_key(const eg_auth_token *each)
{
    static const char shared[] = "webhooks_sharedkey_";
    apr_size_t n = sizeof shared - 1;

    if (each->token.n != KEY_DIGITS ||
        (each->account.n > n && memcmp(each->account.p, shared, n) == 0))
        return false;
    for (apr_size_t i = 0; i < KEY_DIGITS; i++)
        if (eg_hex_value(each->token.p[i]) < 0)
            return false;
    return true;
}

/* The letters of text, in lower case; cut to size. */
static void take_letters(eg_span text, char *to, apr_size_t size)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < text.n && n + 1 < size; i++)
        if (eg_is_alnum(text.p[i]))
            to[n++] = (char)apr_tolower(text.p[i]);
    to[n] = '\0';
}

static bool is_placeholder(const eg_auth_token *each)
{
    static const char *const words[] = {
        "authtoken", "yourauthtoken", "twilioauthtoken", "yourtwilioauthtoken", "myauthtoken",
        "yourtoken", "token",         "changeme",        "placeholder"};
    char letters[TOKEN_DIGITS + 2];
    bool is_one;

    take_letters(each->token, letters, sizeof letters);
    is_one = strspn(letters, "x") == TOKEN_DIGITS && each->token.n == TOKEN_DIGITS;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        is_one |= strcmp(letters, words[i]) == 0;
    eg_wipe(letters, sizeof letters);
    return is_one;
}

const char *eg_auth_tokens_odd(const eg_auth_tokens *tokens)
{
    for (apr_size_t i = 0; i < tokens->n; i++) {
        if (looks_like_key(&tokens->at[i]))
            return "a line that looks like a key (64 hexadecimal digits: that is for "
                   "EncGatherKeyFile)";
        if (is_placeholder(&tokens->at[i]))
            return "a placeholder";
    }
    return NULL;
}
