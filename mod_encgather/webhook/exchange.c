/* SPDX-License-Identifier: Apache-2.0
 * A backend call that stays in this process: JSON objects are handed over instead of text. */
#include "webhook/exchange.h"

#include "base/chain.h"
#include "base/slots.h"

typedef struct {
    eg_json *handed, *handed_back;
} exchange;

static exchange *exchange_of(request_rec *r)
{
    return eg_slot_of(r, EG_SLOT_EXCHANGE, sizeof(exchange));
}

void eg_exchange_hand(request_rec *r, eg_json *json)
{
    exchange_of(r)->handed = json;
}

eg_json *eg_exchange_answer(const request_rec *r)
{
    const exchange *state = eg_slot_if_any(r, EG_SLOT_EXCHANGE);

    return state ? state->handed_back : NULL;
}

void eg_exchange_end(request_rec *r)
{
    *exchange_of(r) = (exchange){NULL, NULL};
}

eg_json *eg_exchange_handed(const request_rec *r)
{
    const exchange *state =
        eg_is_backend_call(r) ? eg_slot_if_any(r->main, EG_SLOT_EXCHANGE) : NULL;

    return state ? state->handed : NULL;
}

apr_pool_t *eg_exchange_pool(const request_rec *r)
{
    return eg_exchange_handed(r) ? r->main->pool : r->pool;
}

bool eg_exchange_hand_back(request_rec *r, eg_json *answer)
{
    if (!eg_exchange_handed(r))
        return false;
    exchange_of(r->main)->handed_back = answer;
    return true;
}
