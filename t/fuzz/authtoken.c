/* SPDX-License-Identifier: Apache-2.0
 * Auth token files: what is listed lies inside the content and has the form that is promised, and
 * a message never depends on a token. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include "core/authtoken.h"

static const char *const atoms[] = {"AC0123456789abcdef ",
                                    "0123456789abcdef0123456789abcdef\n",
                                    EG_SHARED_KEY_NAME,
                                    EG_SHARED_KEY_NAME "1 a\n",
                                    "# comment\n",
                                    "#",
                                    "\r\n",
                                    " ",
                                    "\t",
                                    "a\n",
                                    NULL};
const fuzz_grammar fuzz_target = {"authtoken", "\n \t\r#", atoms};

static bool lies_inside(eg_span part, eg_span whole)
{
    return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

static bool is_word(eg_span word)
{
    for (apr_size_t i = 0; i < word.n; i++)
        if (word.p[i] <= ' ' || word.p[i] > '~')
            return false;
    return true;
}

static bool is_account(eg_span account, bool with_hyphens)
{
    for (apr_size_t i = 0; i < account.n; i++)
        if (!eg_is_alnum(account.p[i]) && !(with_hyphens && account.p[i] == '-'))
            return false;
    return account.n <= EG_ACCOUNT_MAX;
}

static bool is_shared_key(eg_span name)
{
    const apr_size_t n = sizeof EG_SHARED_KEY_NAME - 1;

    return name.n > n && memcmp(name.p, EG_SHARED_KEY_NAME, n) == 0 &&
           is_account((eg_span){name.p + n, name.n - n}, false);
}

static void hold_tokens(eg_span input, const eg_auth_tokens *tokens)
{
    HOLDS(tokens->n >= 1 && tokens->n <= eg_auth_tokens_bound(input.n),
          "there is one at least, and as many as the bound says at most");
    for (apr_size_t i = 0; i < tokens->n; i++) {
        const eg_auth_token *entry = &tokens->at[i];

        HOLDS(lies_inside(entry->token, input) && is_word(entry->token) && entry->token.n >= 1 &&
                  entry->token.n <= EG_AUTH_TOKEN_MAX,
              "a token is a word of 1 to 128 characters of the content");
        HOLDS(entry->account.n == 0 ||
                  (lies_inside(entry->account, input) && is_account(entry->account, true)),
              "an account is letters, digits and hyphens, or it is not there");
        HOLDS(entry->key.n == 0 || (lies_inside(entry->key, input) && is_shared_key(entry->key) &&
                                    entry->account.n == 0),
              "a SharedKey has its name and no account");
        HOLDS(entry->account.n || entry->key.n || entry->token.p[0] != '#',
              "a comment is no token");
        HOLDS(entry->key.n || entry->account.n || !is_shared_key(entry->token),
              "the name of a SharedKey is no token");
    }
}

static eg_status parse(eg_span content, eg_auth_tokens *tokens, eg_problem *why)
{
    memset(why, 0, sizeof *why);
    tokens->at = malloc(eg_auth_tokens_bound(content.n) * sizeof *tokens->at);
    return eg_auth_tokens_parse(content, tokens, why);
}

static char *put(char *to, eg_span word)
{
    if (word.n)
        memcpy(to, word.p, word.n);
    return to + word.n;
}

static void hold_written_again(apr_pool_t *pool, eg_span input, const eg_auth_tokens *tokens)
{
    char *text = apr_palloc(pool, input.n + 2 * tokens->n), *to = text;
    eg_auth_tokens again;
    eg_problem why;

    for (apr_size_t i = 0; i < tokens->n; i++) {
        to = put(to, tokens->at[i].account);
        to = put(to, tokens->at[i].key);
        to = put(to, EG_LIT(" "));
        to = put(to, tokens->at[i].token);
        to = put(to, EG_LIT("\n"));
    }
    HOLDS(parse((eg_span){text, (apr_size_t)(to - text)}, &again, &why) == EG_OK &&
              again.n == tokens->n,
          "a list that is written again can be read");
    for (apr_size_t i = 0; i < tokens->n; i++)
        HOLDS(eg_span_eq(again.at[i].account, tokens->at[i].account) &&
                  eg_span_eq(again.at[i].token, tokens->at[i].token) &&
                  eg_span_eq(again.at[i].key, tokens->at[i].key),
              "it has the same tokens");
    free(again.at);
}

/* All but the word by which a SharedKey is told. */
static char *disguise(apr_pool_t *pool, eg_span input)
{
    const apr_size_t n = sizeof EG_SHARED_KEY_NAME - 1;
    char *to = fuzz_disguise(pool, input);

    for (apr_size_t i = 0; i + n <= input.n; i++)
        if (memcmp(input.p + i, EG_SHARED_KEY_NAME, n) == 0)
            memcpy(to + i, EG_SHARED_KEY_NAME, n);
    return to;
}

static void hold_discreet(apr_pool_t *pool, eg_span input, eg_status status, const eg_problem *why)
{
    eg_span disguised = {disguise(pool, input), input.n};
    eg_auth_tokens tokens;
    eg_problem other;

    HOLDS(parse(disguised, &tokens, &other) == status, "only the form of tokens counts");
    HOLDS(strcmp(other.text, why->text) == 0, "a message does not depend on the content");
    free(tokens.at);
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_auth_tokens tokens;
    eg_problem why;
    eg_status status = parse(input, &tokens, &why);

    HOLDS(status == EG_OK || status == EG_EMALFORMED, "a token file is good or it is not");
    HOLDS(status == EG_OK || why.text[0], "a refusal says why");
    if (status == EG_OK) {
        hold_tokens(input, &tokens);
        hold_written_again(pool, input, &tokens);
    }
    hold_discreet(pool, input, status, &why);
    free(tokens.at);
}
