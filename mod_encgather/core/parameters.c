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
    const eg_param *param = eg_params_find(form, name);

    if (eg_params_count(form, name) + eg_params_count(query, name) > 1)
        return EG_LIT("?");
    if (!param)
        param = eg_params_find(query, name);
    return param ? param->value : (eg_span){NULL, 0};
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

bool eg_is_call_id(eg_span sid)
{
    if (sid.n < 1 || sid.n > 64)
        return false;
    for (apr_size_t i = 0; i < sid.n; i++)
        if (!eg_is_alnum(sid.p[i]) && !strchr("_:-", sid.p[i]))
            return false;
    return true;
}
