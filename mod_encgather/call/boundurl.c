/* SPDX-License-Identifier: Apache-2.0
 * URLs of a provider that does not sign them: bound to their call by us. */
#include "call/boundurl.h"

#include <string.h>
#include <apr_strings.h>
#include "core/actionsig.h"
#include "watch/record.h"

APLOG_USE_MODULE(encgather);

static eg_action action_of(const request_rec *r, eg_span call, eg_span path, eg_span query)
{
    return (eg_action){eg_span_of(eg_config_provider(eg_config_of(r))->name), call, path, query};
}

bool eg_bound_is_needed(const request_rec *r)
{
    return !eg_config_provider(eg_config_of(r))->signs_url &&
           eg_config_signature(eg_config_of(r)) != EG_CHECK_OFF;
}

eg_status eg_bound_sign(request_rec *r, eg_span call, eg_question *question)
{
    const eg_keyring *ring = eg_config_of(r)->keys->keys;
    eg_action action = action_of(r, call, question->path, eg_flow_query(r->pool, question));
    char *sig = apr_palloc(r->pool, EG_ACTION_SIG_LENGTH + 1);
    eg_status status = eg_action_sign(eg_the_crypto(), ring, &action, sig);

    question->sig = (eg_span){sig, EG_ACTION_SIG_LENGTH};
    return status;
}

/* --- checking ---------------------------------------------------------------------------------- */

/* Where the URL says where the call stands. */
static bool needs_sig(const request_rec *r, const eg_webhook *hook)
{
    const eg_fields *fields = eg_config_fields(eg_config_of(r));
    const eg_param *step = eg_params_find(&hook->query, EG_LIT("step"));
    unsigned number;

    if (eg_params_find(&hook->query, EG_LIT("attempt")))
        return true;
    for (unsigned i = 0; i < fields->n; i++)
        if (eg_params_find(&hook->query, eg_span_of(fields->at[i].name)))
            return true;
    return step && (eg_flow_step(fields, step->value, &number) != EG_OK || number != 0);
}

static eg_span path_of_target(eg_span target)
{
    const char *query = target.n ? memchr(target.p, '?', target.n) : NULL;

    return (eg_span){target.p, query ? (apr_size_t)(query - target.p) : target.n};
}

static eg_outcome refuse_sig(request_rec *r, const char *why)
{
    bool observed = eg_config_signature(eg_config_of(r)) == EG_CHECK_OBSERVE;

    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  EG_TAG("0305") "call %s: %s, the sig in its URL %s", eg_call_of(r),
                  observed ? "observed, goes on" : "refused", why);
    if (!observed)
        eg_note_failure(r, EG_CAUSE_TOKEN, 305,
                        apr_pstrcat(r->pool, "the sig in its URL ", why, NULL));
    return observed ? EG_GOING_ON : EG_FORBIDDEN;
}

static eg_outcome compare(request_rec *r, const eg_action *action, eg_span sig)
{
    eg_status status = eg_action_check(eg_the_crypto(), eg_config_of(r)->keys->keys, action, sig);

    if (status == EG_OK)
        return EG_GOING_ON;
    if (status == EG_ETOKEN)
        return refuse_sig(r, "is not that of this call, location and step: the URL was changed, "
                             "comes from another call, or was made under a key that is gone from "
                             "EncGatherKeyFile");
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  EG_TAG("0306") "call %s: the sig in its URL could not be checked, OpenSSL failed",
                  eg_call_of(r));
    eg_note_failure(r, EG_CAUSE_CRYPTO, 306,
                    "the sig in its URL could not be checked, OpenSSL failed");
    return EG_MISCONFIGURED;
}

eg_outcome eg_bound_check(request_rec *r, const eg_webhook *hook, eg_span call)
{
    eg_span query, sig;
    eg_action action;

    if (eg_config_signature(eg_config_of(r)) == EG_CHECK_OFF || !needs_sig(r, hook))
        return EG_GOING_ON;
    if (!eg_action_split(eg_webhook_raw_query(hook), &query, &sig) ||
        eg_params_count(&hook->query, EG_LIT(EG_ACTION_SIG)) != 1)
        return refuse_sig(r, "is missing, is there twice, or is not the last parameter");
    if (!call.p)
        return EG_MALFORMED;
    action = action_of(r, call, path_of_target(hook->target), query);
    return compare(r, &action, sig);
}
