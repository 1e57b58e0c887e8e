/* SPDX-License-Identifier: Apache-2.0
 * The state that one request carries, and the variables it leaves for the access log. */
#include "encgather.h"

#include <string.h>
#include <apr_strings.h>

static const eg_outcome_info outcomes[] = {
    [EG_GOING_ON] = {NULL, HTTP_OK, ""},
    [EG_DISABLED] = {NULL, HTTP_NOT_FOUND, "not found"},
    [EG_METHOD] = {"method", HTTP_METHOD_NOT_ALLOWED, "method not allowed"},
    [EG_MEDIA_TYPE] = {"media-type", HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported media type"},
    [EG_TOO_LARGE] = {"too-large", HTTP_REQUEST_ENTITY_TOO_LARGE, "too large"},
    [EG_TIMEOUT] = {"timeout", HTTP_REQUEST_TIME_OUT, "timeout"},
    [EG_MALFORMED] = {"malformed", HTTP_BAD_REQUEST, "malformed request"},
    [EG_MISCONFIGURED] = {"misconfigured", HTTP_INTERNAL_SERVER_ERROR, "misconfigured"},
    [EG_FORBIDDEN] = {"forbidden", HTTP_FORBIDDEN, "forbidden"},
    [EG_BAD_TOKEN] = {"bad-token", HTTP_BAD_REQUEST, "bad token"},
    [EG_NOT_FOUND] = {"not-found", HTTP_NOT_FOUND, "not found"},
    [EG_UNAVAILABLE] = {"unavailable", HTTP_INTERNAL_SERVER_ERROR, "unavailable"},
    [EG_INVALID] = {"invalid", HTTP_OK, ""},
    [EG_ASKED] = {"asked", HTTP_OK, ""},
    [EG_ASKED_AGAIN] = {"asked-again", HTTP_OK, ""},
    [EG_FOUND] = {"found", HTTP_OK, ""},
};

_Static_assert(sizeof outcomes / sizeof outcomes[0] == EG_OUTCOMES, "a row for each outcome");

const eg_outcome_info *eg_outcome_of(eg_outcome outcome)
{
    return &outcomes[outcome];
}

eg_request *eg_request_if_any(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &encgather_module);
}

eg_request *eg_request_of(request_rec *r)
{
    eg_request *state = eg_request_if_any(r);

    if (!state) {
        state = apr_pcalloc(r->pool, sizeof *state);
        ap_set_module_config(r->request_config, &encgather_module, state);
    }
    return state;
}

/* "http://host/path" of a proxy-style request line: the part from the path on. */
static const char *skip_authority(const char *target)
{
    const char *authority = strstr(target, "://");
    const char *path;

    if (*target == '/' || !authority)
        return target;
    path = strpbrk(authority + 3, "/?");
    return path ? path : "/";
}

request_rec *eg_root_of(request_rec *r)
{
    for (;;) {
        if (r->prev)
            r = r->prev;
        else if (r->main && !eg_is_backend_call(r))
            r = r->main;
        else
            return r;
    }
}

eg_span eg_raw_target(request_rec *r)
{
    const eg_request *state;
    const char *target;

    r = eg_root_of(r);
    state = eg_request_if_any(r);
    target = state && state->raw_target ? state->raw_target : r->unparsed_uri;
    return eg_span_of(target ? skip_authority(target) : "/");
}

bool eg_is_backend_call(const request_rec *r)
{
    const eg_request *state = r->main ? eg_request_if_any(r->main) : NULL;

    return state && state->calling_backend;
}

static bool good_call_sid(eg_span sid)
{
    if (sid.n < 1 || sid.n > 64)
        return false;
    for (apr_size_t i = 0; i < sid.n; i++)
        if (!eg_is_alnum(sid.p[i]) && !strchr("_:-", sid.p[i]))
            return false;
    return true;
}

void eg_set_call(request_rec *r, eg_span call_sid)
{
    if (good_call_sid(call_sid))
        apr_table_setn(r->subprocess_env, "ENCGATHER_CALL",
                       apr_pstrmemdup(r->pool, call_sid.p, call_sid.n));
}

const char *eg_call_of(const request_rec *r)
{
    const char *call = apr_table_get(r->subprocess_env, "ENCGATHER_CALL");

    return call ? call : "-";
}

void eg_set_step(request_rec *r, const char *name, eg_step step)
{
    eg_request_of(r)->step = step;
    apr_table_setn(r->subprocess_env, "ENCGATHER_STEP", name);
}

const char *eg_verdict_word(eg_verdict verdict)
{
    static const char *const words[EG_VERDICTS] = {"unchecked", "missing", "invalid", "valid"};

    return words[verdict];
}

void eg_set_signature(request_rec *r, eg_verdict verdict)
{
    eg_request_of(r)->verdict = verdict;
    eg_request_of(r)->has_verdict = true;
    apr_table_setn(r->subprocess_env, "ENCGATHER_SIGNATURE", eg_verdict_word(verdict));
}

void eg_set_result(request_rec *r, eg_outcome outcome)
{
    eg_request_of(r)->result = outcome;
    if (outcomes[outcome].word)
        apr_table_setn(r->subprocess_env, "ENCGATHER_RESULT", outcomes[outcome].word);
}

int eg_request_carry_over(request_rec *r)
{
    static const char *const names[] = {"ENCGATHER_CALL", "ENCGATHER_STEP", "ENCGATHER_RESULT",
                                        "ENCGATHER_SIGNATURE"};
    request_rec *last = r;

    while (last->next)
        last = last->next;
    for (; r != last; r = r->next)
        for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
            const char *value = apr_table_get(r->subprocess_env, names[i]);

            if (value && !apr_table_get(last->subprocess_env, names[i]))
                apr_table_setn(last->subprocess_env, names[i], value);
        }
    return DECLINED;
}
