/* SPDX-License-Identifier: Apache-2.0
 * A backend call that stays in this process: JSON objects are handed over instead of text. */
#ifndef EG_EXCHANGE_H
#define EG_EXCHANGE_H

#include <stdbool.h>
#include <httpd.h>
#include "core/json.h"

/* By encrypted-gather, around its call: what goes to the handler, and what it gave back, or NULL. */
void eg_exchange_hand(request_rec *r, eg_json *json);
eg_json *eg_exchange_answer(const request_rec *r);
void eg_exchange_end(request_rec *r);

/* By decrypt-gather: the object that it was handed, NULL where the call came another way. */
eg_json *eg_exchange_handed(const request_rec *r);

/* The pool that an answer has to come from: the caller's, where it is handed back. */
apr_pool_t *eg_exchange_pool(const request_rec *r);

/* Hands the answer back; false where nothing was handed over: it has to be written. */
bool eg_exchange_hand_back(request_rec *r, eg_json *answer);

#endif
