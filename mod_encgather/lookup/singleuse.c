/* SPDX-License-Identifier: Apache-2.0
 * EncGatherSingleUse: a token that was opened once is no token any more. */
#include "lookup/singleuse.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include "config/sections.h"
#include "state/state.h"
#include "watch/record.h"
#include "webhook/receive.h"

APLOG_USE_MODULE(encgather);

#define CLOCKS                                                                                     \
    60 /* seconds that the clocks of two hosts may differ: a token may come from the future */
#define KEY_MOST 255

/* --- one request -------------------------------------------------------------------------------- */

void eg_uses_begin(request_rec *r, const eg_config *config, eg_uses *uses)
{
    *uses = (eg_uses){NULL, NULL};
    if (config->single_use <= 0)
        return;
    uses->marks = apr_array_make(r->pool, 2, sizeof(eg_state_mark));
    uses->fields = apr_array_make(r->pool, 2, sizeof(const char *));
}

/* A hash, cut: what two tokens have in common they do not have by chance. */
static bool name_by_hash(eg_span bytes, unsigned char id[EG_STATE_ID])
{
    unsigned char hash[EG_SHA256_SIZE];

    if (eg_sha256(eg_the_crypto(), bytes, hash) != EG_OK)
        return false;
    memcpy(id, hash, EG_STATE_ID);
    return true;
}

eg_outcome eg_uses_add(request_rec *r, const eg_config *config, const char *field,
                       const eg_opened_token *opened, eg_uses *uses)
{
    eg_state_mark *mark;

    if (!uses->marks)
        return EG_GOING_ON;
    if (!opened->sealed.p)
        return eg_misconfigured(r, eg_config_single_use_fault(config));
    mark = apr_array_push(uses->marks);
    mark->made = opened->claims.iat;
    mark->until = opened->claims.iat + eg_config_token_ttl(config) + CLOCKS;
    APR_ARRAY_PUSH(uses->fields, const char *) = field;
    if (name_by_hash(opened->sealed, mark->id))
        return EG_GOING_ON;
    return eg_misconfigured(r, "OpenSSL fails to hash a token");
}

/* A request has one name or none: what a proxy has made of two has a blank in it. */
static bool is_request_name(const char *key)
{
    apr_size_t n = key ? strlen(key) : 0;

    for (apr_size_t i = 0; i < n; i++)
        if ((unsigned char)key[i] <= ' ' || (unsigned char)key[i] >= 0x7f)
            return false;
    return n >= 1 && n <= KEY_MOST;
}

eg_outcome eg_uses_spend(request_rec *r, const eg_uses *uses, const char **fields)
{
    const char *key;
    unsigned char idem[EG_STATE_ID];
    bool has_name;

    if (!uses->marks || !uses->marks->nelts)
        return EG_GOING_ON;
    key = apr_table_get(r->headers_in, "Idempotency-Key");
    has_name = is_request_name(key);
    if (has_name && !name_by_hash(eg_span_of(key), idem))
        return eg_misconfigured(r, "OpenSSL fails to hash an Idempotency-Key");
    switch (eg_state_spend(r, (const eg_state_mark *)(const void *)uses->marks->elts,
                           (unsigned)uses->marks->nelts, has_name ? idem : NULL)) {
    case EG_STATE_YES:
        return EG_GOING_ON;
    case EG_STATE_NO:
        *fields = apr_array_pstrcat(r->pool, uses->fields, ' ');
        return EG_BAD_TOKEN;
    case EG_STATE_AWAY:
        break;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  EG_TAG("0703") "call %s: answered 500, whether its tokens were used is not known",
                  eg_call_of(r));
    eg_note_failure(r, EG_CAUSE_STATE, 703, "whether its tokens were used is not known");
    return EG_UNAVAILABLE;
}

/* --- sections ----------------------------------------------------------------------------------- */

static const char *find_bad_use(apr_pool_t *pool, const eg_place *place)
{
    bool opens_tokens = place->config->lookup || eg_config_reveal(place->config);

    (void)pool;
    return opens_tokens ? eg_config_single_use_fault(place->config) : NULL;
}

bool eg_singleuse_check(apr_pool_t *ptemp, server_rec *s)
{
    return eg_sections_may_go_on(ptemp, s, EG_TAG("0159"), find_bad_use);
}
