/* SPDX-License-Identifier: Apache-2.0
 * One value of a webhook becomes a token, as a location says; counted. */
#include "webhook/seal.h"

#include "watch/counters.h"

APLOG_USE_MODULE(encgather);

bool eg_seal_binds(const eg_config *config)
{
    return eg_formats[eg_config_formats(config).made]->binds;
}

static void warn_of_use(request_rec *r, const eg_key *key)
{
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, r,
        EG_TAG("0403") "the key %s%shas encrypted more than 2^31 values; put a new one in "
                       "its place before 2^32 (see: rotating keys)",
        key->id, key->id[0] ? " " : "");
}

static void count_use(request_rec *r, const eg_store_entry *keys)
{
    if (eg_count_seal(keys->uses[0]))
        warn_of_use(r, &keys->keys->keys[0]);
}

eg_status eg_seal_value(request_rec *r, const eg_seal_order *order, eg_span value, eg_span *token)
{
    const eg_config *config = order->config;
    const eg_store_entry *to = order->to;
    const eg_format *format = eg_formats[eg_config_formats(config).made];
    eg_sealing with = {.sid = order->call, .fld = order->fld};
    eg_status status;

    if (to ? !to->key : !config->keys || !config->keys->keys)
        return EG_ECRYPTO;
    with.recipient = to ? to->key : NULL;
    with.ring = to ? NULL : config->keys->keys;
    if (format->binds)
        with.iat = apr_time_sec(apr_time_now());
    status = format->seal(eg_the_crypto(), &with, value, r->pool, token);
    if (status == EG_OK && !to)
        count_use(r, config->keys);
    return status;
}
