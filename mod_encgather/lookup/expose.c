/* SPDX-License-Identifier: Apache-2.0
 * Who may have tokens opened. */
#include "lookup/expose.h"

#include "base/chain.h"
#include "watch/record.h"
#include "webhook/answer.h"

APLOG_USE_MODULE(encgather);

/* The answer is somebody's account: who asks must be this module, unless the administrator wants
 * others too and says who. */
bool eg_expose_lets(const request_rec *r, const eg_config *config)
{
    return eg_is_backend_call(r) || config->expose == 1;
}

int eg_expose_turn_away(request_rec *r)
{
    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  EG_TAG("0210") "a request from outside is refused: this location answers the "
                                 "module's own backend call alone (EncGatherExpose is off)");
    eg_note_failure(r, EG_CAUSE_STRANGER, 210, "a request from outside (EncGatherExpose is off)");
    return eg_answer_error(r, EG_FORBIDDEN);
}
