/* SPDX-License-Identifier: Apache-2.0
 * Auth token files: the Twilio tokens that sign webhooks, by account or for all. */
#include "authtoken.h"

#include "lines.h"

apr_size_t eg_auth_tokens_bound(apr_size_t content)
{
    return content / 2 + 1; /* one byte and its line end */
}

static bool good_account(eg_span account)
{
    if (account.n < 1 || account.n > EG_ACCOUNT_MAX)
        return false;
    for (apr_size_t i = 0; i < account.n; i++)
        if (!eg_is_alnum(account.p[i]))
            return false;
    return true;
}

static eg_status parse_token_line(eg_span text, unsigned line, eg_auth_token *entry,
                                  eg_problem *why)
{
    eg_span first = eg_word_next(&text), second = eg_word_next(&text);

    *entry = second.n ? (eg_auth_token){first, second} : (eg_auth_token){{first.p, 0}, first};
    if (text.n) {
        eg_problem_set(why, "line %u: a line is a token, or an AccountSid and a token", line);
        return EG_EMALFORMED;
    }
    if (second.n && !good_account(first)) {
        eg_problem_set(why, "line %u: the AccountSid is not 1 to 64 letters and digits", line);
        return EG_EMALFORMED;
    }
    if (entry->token.n > EG_AUTH_TOKEN_MAX) {
        eg_problem_set(why, "line %u: the token is longer than 128 characters", line);
        return EG_EMALFORMED;
    }
    return EG_OK;
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
