/* SPDX-License-Identifier: Apache-2.0
 * The parameters of a webhook that mean something to this module, and what they mean. */
#include "parameters.h"

#include <string.h>

#include "bytes.h"

bool eg_is_answer_name(eg_span name)
{
    return eg_span_eq(name, EG_LIT(EG_DIGITS)) || eg_span_eq(name, EG_LIT(EG_SPEECH)) ||
           eg_span_eq(name, EG_LIT("Speech"));
}

bool eg_query_has_answer(eg_span raw_query)
{
    return eg_query_names(raw_query, EG_LIT(EG_DIGITS)) ||
           eg_query_names(raw_query, EG_LIT(EG_SPEECH));
}

eg_span eg_account_of(const eg_params *form, const eg_params *query)
{
    eg_span name = EG_LIT(EG_ACCOUNT_SID);
    const eg_param *in_form, *in_query;
    apr_size_t n = eg_params_look_up(form, name, &in_form);

    n += eg_params_look_up(query, name, &in_query);
    if (n > 1)
        return EG_LIT("?");
    if (!in_form)
        in_form = in_query;
    return in_form ? in_form->value : (eg_span){NULL, 0};
}

bool eg_claims_body_hash(const eg_params *query)
{
    return eg_params_find(query, EG_LIT(EG_BODY_SHA256)) != NULL;
}

bool eg_body_hash_fits(const eg_params *query, const unsigned char hash[EG_SHA256_SIZE])
{
    const eg_param *claimed = eg_params_find(query, EG_LIT(EG_BODY_SHA256));
    char expected[2 * EG_SHA256_SIZE + 1];

    eg_hex_encode(expected, hash, EG_SHA256_SIZE);
    return eg_params_count(query, EG_LIT(EG_BODY_SHA256)) == 1 &&
           eg_equal_secret(claimed->value, (eg_span){expected, 2 * EG_SHA256_SIZE});
}

#define EIGHT_FROM(c)                                                                              \
    [(c)] = true, [(c) + 1] = true, [(c) + 2] = true, [(c) + 3] = true, [(c) + 4] = true,          \
    [(c) + 5] = true, [(c) + 6] = true, [(c) + 7] = true

/* A-Z a-z 0-9 _ : - */
static const bool is_of_call_id[256] = {
    EIGHT_FROM('0'), ['8'] = true,    ['9'] = true,    EIGHT_FROM('A'),
    EIGHT_FROM('I'), EIGHT_FROM('Q'), ['Y'] = true,    ['Z'] = true,
    EIGHT_FROM('a'), EIGHT_FROM('i'), EIGHT_FROM('q'), ['y'] = true,
    ['z'] = true,    ['_'] = true,    [':'] = true,    ['-'] = true,
};

bool eg_is_call_id(eg_span sid)
{
    if (sid.n < 1 || sid.n > 64)
        return false;
    for (apr_size_t i = 0; i < sid.n; i++)
        if (!is_of_call_id[(unsigned char)sid.p[i]])
            return false;
    return true;
}
