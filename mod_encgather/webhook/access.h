/* SPDX-License-Identifier: Apache-2.0
 * Require twilio-signature: any location only for requests that Twilio signed. */
#ifndef EG_ACCESS_H
#define EG_ACCESS_H

#include <httpd.h>

/* Somebody is about to answer r. */
void eg_access_forget_refusal(request_rec *r);

/* r, the first of its chain, is about to be logged. */
void eg_access_log_refusal(request_rec *r);

void eg_access_register_hooks(apr_pool_t *pool);

#endif
