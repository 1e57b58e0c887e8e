/* SPDX-License-Identifier: Apache-2.0
 * The parameters of a webhook that mean something to this module, and what they mean. */
#ifndef EG_PARAMETERS_H
#define EG_PARAMETERS_H

#include "crypto.h"
#include "form.h"

#define EG_DIGITS "Digits"
#define EG_SPEECH "SpeechResult"
#define EG_CALL_SID "CallSid"
#define EG_CALL_UUID "CallUUID" /* what Plivo calls it */
#define EG_ACCOUNT_SID "AccountSid"
#define EG_BODY_SHA256 "bodySHA256"

/* Whether this is the name of what the caller keyed in or said. */
bool eg_is_answer_name(eg_span name);

/* Whether a raw query, escapes and all, names one of those. */
bool eg_query_has_answer(eg_span raw_query);

/* Whether this can name a call: 1 to 64 of letters, digits and _ : - */
bool eg_is_call_id(eg_span sid);

/* AccountSid only picks tokens; where it is said twice it picks none that has an account ("?"). An
 * empty span with p NULL where it is not said. */
eg_span eg_account_of(const eg_params *form, const eg_params *query);

/* Whether the query has a hash of the body: then that is what is signed of it. */
bool eg_claims_body_hash(const eg_params *query);

/* Exactly one, in the lower-case digits that Twilio sends, and this hash's. */
bool eg_body_hash_fits(const eg_params *query, const unsigned char hash[EG_SHA256_SIZE]);

#endif
