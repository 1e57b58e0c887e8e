/* SPDX-License-Identifier: Apache-2.0
 * Headers of a request whose body or query is another one. */
#ifndef EG_HEADERS_H
#define EG_HEADERS_H

#include "webhook/webhook.h"

/* Signatures and digests of what was there before are gone; the new ones are set, where there are any. */
void eg_headers_change(request_rec *r, const eg_provider *provider,
                       const eg_provider_headers *anew);

/* A body that was read whole has a length, however it came. */
void eg_headers_frame(request_rec *r, const eg_body *body);

#endif
