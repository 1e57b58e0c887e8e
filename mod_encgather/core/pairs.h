/* SPDX-License-Identifier: Apache-2.0
 * Parameters in the order in which a provider signs them. */
#ifndef EG_PAIRS_H
#define EG_PAIRS_H

#include "form.h"

/* Names are sorted bytewise by all providers. */
typedef enum {
    EG_PAIRS_DISTINCT,    /* then values, each pair once: Twilio */
    EG_PAIRS_AS_RECEIVED, /* every occurrence of a name in the order sent: SignalWire */
    EG_PAIRS_ALL          /* then values, every occurrence: Plivo */
} eg_pairs;

/* Fills list, which has room for params->n, at most EG_PARAMS_MAX; returns how many there are. */
apr_size_t eg_pairs_list(const eg_params *params, eg_pairs pairs, const eg_param **list);

#endif
