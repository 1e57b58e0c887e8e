/* SPDX-License-Identifier: Apache-2.0
 * Tokens on their way through a call: those that come with the URL, and the one that is made. */
#include "call/tokens.h"

#include <apr_strings.h>

#include "watch/record.h"
#include "webhook/seal.h"

APLOG_USE_MODULE(encgather);

bool eg_tokens_bind(const request_rec *r)
{
    return eg_seal_binds(eg_config_of(r));
}

bool eg_tokens_may_bind(const request_rec *r)
{
    return eg_config_formats(eg_config_of(r)).reads != EG_READS(EG_HEX);
}

/* --- carried ----------------------------------------------------------------------------------- */

static const char *carried_fault(eg_token_rule rule)
{
    static const char *const faults[] = {
        [EG_RULE_FORMAT] = "is of a format that EncGatherTokenFormat does not read here",
        [EG_RULE_FIELD] = "was made for another field",
        [EG_RULE_CALL] = "was made in another call",
    };

    return faults[rule];
}

/* With no good call id there is none that a token could be bound to: no token says an empty one and
 * means it. */
static eg_token_rule rule_broken(const request_rec *r, eg_span call, const eg_field *field,
                                 eg_span token)
{
    const eg_token_formats formats = eg_config_formats(eg_config_of(r));
    eg_demands demands = {.sid = call, .fld = eg_span_of(field->name)};
    eg_token_rule rule = eg_token_check(formats.reads, token, &demands, r->pool);

    if (rule == EG_RULE_NONE && !call.p && !eg_token_has_form(token))
        return EG_RULE_CALL;
    return rule;
}

/* What was never a token is anybody's noise; a good token in the wrong place is worth a look. */
bool eg_tokens_carry(request_rec *r, eg_span call, const eg_field *field, eg_span token)
{
    eg_token_rule rule = rule_broken(r, call, field, token);

    if (rule == EG_RULE_NONE || rule == EG_RULE_FORM)
        return rule == EG_RULE_NONE;
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  EG_TAG("0406") "call %s: the token of the field '%s' that came with the URL %s "
                                 "(rule: %s)",
                  eg_call_of(r), field->name, carried_fault(rule), eg_token_rule_name(rule));
    eg_note_failure(r, eg_cause_of_rule(rule), 406,
                    apr_psprintf(r->pool,
                                 "the token of the field '%s' that came with the URL %s (rule: %s)",
                                 field->name, carried_fault(rule), eg_token_rule_name(rule)));
    return false;
}

/* --- made -------------------------------------------------------------------------------------- */

eg_status eg_tokens_seal(request_rec *r, eg_span call, const eg_field *field, eg_span answer,
                         eg_span *token)
{
    const eg_config *config = eg_config_of(r);
    bool known;
    eg_seal_order order = {.config = config,
                           .to = eg_config_recipient(config, field, &known),
                           .call = call,
                           .fld = eg_span_of(field->name)};

    return known ? eg_seal_value(r, &order, answer, token) : EG_ECRYPTO;
}
