/* SPDX-License-Identifier: Apache-2.0
 * The formats of tokens: the table, and what is asked of a token of any of them. */
#include "format.h"

#include "secret.h"

#define AHEAD 60 /* seconds that the clocks of two hosts may differ */

const eg_format *const eg_formats[EG_FORMATS] = {
    [EG_HEX] = &eg_hex_format,
    [EG_JWE] = &eg_jwe_format,
};

const char *eg_token_rule_name(eg_token_rule rule)
{
    static const char *const names[] = {
        [EG_RULE_NONE] = "none", [EG_RULE_FORM] = "form", [EG_RULE_FORMAT] = "format",
        [EG_RULE_KEY] = "key",   [EG_RULE_TAG] = "tag",   [EG_RULE_FIELD] = "field",
        [EG_RULE_CALL] = "call", [EG_RULE_AGE] = "age",   [EG_RULE_USED] = "used",
    };

    return names[rule];
}

unsigned eg_format_named(eg_span name)
{
    unsigned place = 0;

    while (place < EG_FORMATS && !eg_span_eq(name, eg_span_of(eg_formats[place]->name)))
        place++;
    return place;
}

unsigned eg_format_of(eg_span token, apr_pool_t *pool, eg_claims *claims)
{
    unsigned place = 0;

    while (place < EG_FORMATS && !eg_formats[place]->has_form(token, pool, claims))
        place++;
    return place;
}

/* --- what it is bound to ------------------------------------------------------------------------- */

static bool is_said(eg_span wanted, eg_span said)
{
    return !wanted.p || eg_span_eq(wanted, said);
}

static eg_token_rule check_binding(const eg_claims *claims, const eg_demands *demands)
{
    if (!is_said(demands->fld, claims->fld))
        return EG_RULE_FIELD;
    return is_said(demands->sid, claims->sid) ? EG_RULE_NONE : EG_RULE_CALL;
}

/* iat is not negative, and neither is the clock: nothing overflows. */
static bool has_good_age(apr_int64_t iat, const eg_demands *demands)
{
    apr_int64_t age = demands->now - iat;

    return demands->ttl == 0 || (age >= -AHEAD && age <= demands->ttl);
}

eg_token_rule eg_token_check(unsigned formats, eg_span token, const eg_demands *demands,
                             apr_pool_t *pool)
{
    eg_claims claims;
    unsigned place = eg_format_of(token, pool, &claims);

    if (place == EG_FORMATS)
        return EG_RULE_FORM;
    if (!(formats & EG_READS(place)))
        return EG_RULE_FORMAT;
    return eg_formats[place]->binds ? check_binding(&claims, demands) : EG_RULE_NONE;
}

static eg_token_rule check_opened(const eg_claims *claims, const eg_demands *demands)
{
    eg_token_rule rule = check_binding(claims, demands);

    if (rule != EG_RULE_NONE)
        return rule;
    return has_good_age(claims->iat, demands) ? EG_RULE_NONE : EG_RULE_AGE;
}

/* --- opening ------------------------------------------------------------------------------------- */

/* The first one that is read and whose form it has decides. */
static eg_status open_as_read(eg_crypto *crypto, const eg_opening *with, eg_span token,
                              apr_pool_t *pool, eg_opened_token *opened, unsigned *place)
{
    eg_claims claims;

    for (*place = 0; *place < EG_FORMATS; ++*place) {
        eg_status status;

        if (!(with->formats & EG_READS(*place)))
            continue;
        status = eg_formats[*place]->open(crypto, with, token, pool, opened);
        if (status != EG_ETOKEN || opened->rule != EG_RULE_FORM)
            return status;
    }
    opened->rule = eg_format_of(token, pool, &claims) < EG_FORMATS ? EG_RULE_FORMAT : EG_RULE_FORM;
    return EG_ETOKEN;
}

eg_status eg_token_open_bound(eg_crypto *crypto, const eg_opening *with, eg_span token,
                              const eg_demands *demands, apr_pool_t *pool, eg_opened_token *opened)
{
    unsigned place;
    eg_status status;

    *opened = (eg_opened_token){.plain = {"", 0}, .which = EG_NOT_OF_RING};
    status = open_as_read(crypto, with, token, pool, opened, &place);
    if (!with->holds && !eg_gcm_let_go(crypto))
        status = EG_ECRYPTO;
    if (status == EG_OK && eg_formats[place]->binds) {
        opened->rule = check_opened(&opened->claims, demands);
        status = opened->rule == EG_RULE_NONE ? EG_OK : EG_ETOKEN;
    }
    if (status != EG_OK && opened->plain.n)
        eg_wipe((char *)(apr_uintptr_t)opened->plain.p, opened->plain.n);
    if (status != EG_OK)
        opened->plain = (eg_span){"", 0};
    return status;
}
