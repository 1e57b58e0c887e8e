/* SPDX-License-Identifier: Apache-2.0
 * Why a signature does not fit, in half a sentence for the error log. */
#ifndef EG_ADVICE_H
#define EG_ADVICE_H

#include "webhook/webhook.h"

/* NULL: nothing is known. It holds hosts, schemes, ports and names of headers; never a token, a parameter
 * or a query. */
const char *eg_advise(const eg_webhook *hook, const eg_config *policy, const eg_evidence *evidence,
                      const eg_ruling *ruling);

#endif
