/* SPDX-License-Identifier: Apache-2.0
 * URLs of a provider that does not sign them: bound to their call by us. */
#ifndef EG_BOUNDURL_H
#define EG_BOUNDURL_H

#include "webhook/webhook.h"

/* Whether somebody will ask for the sig of a URL that is made here: then the call has to be known. */
bool eg_bound_is_needed(const request_rec *r);

/* Fills in the sig of a question's action. A call id that is none (p NULL) binds to no call: the step that
 * it leads to is refused. EG_ECRYPTO: OpenSSL failed. */
eg_status eg_bound_sign(request_rec *r, eg_span call, eg_question *question) EG_MUST_CHECK;

/* Looks at the sig of the URL, as EncGatherSignature says; logs. EG_GOING_ON, EG_FORBIDDEN, EG_MALFORMED
 * (no call id to compare with) or EG_MISCONFIGURED. */
eg_outcome eg_bound_check(request_rec *r, const eg_webhook *hook, eg_span call);

#endif
