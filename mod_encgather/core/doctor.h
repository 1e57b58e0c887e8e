/* SPDX-License-Identifier: Apache-2.0
 * Why a signature does not fit: tries what operators get wrong and says what would have fitted. */
#ifndef EG_DOCTOR_H
#define EG_DOCTOR_H

#include <apr_pools.h>
#include "signature.h"

/* What the request says about where it came from; nothing of it is trusted, it only suggests. An
 * empty host, scheme or port: unknown. */
typedef struct {
    eg_origin request;   /* scheme and Host as this server sees them */
    eg_origin forwarded; /* X-Forwarded-Proto, -Host, -Port and -Prefix */
    eg_origin server;    /* ServerName of the virtual host */
    eg_span listener_port;
} eg_hints;

/* Half a sentence in pool for the error log ("it would fit with ..."), or NULL when nothing that is
 * known here would have made the signature fit; where OpenSSL failed it says that, for what was not
 * found may be there all the same. It holds hosts, schemes and ports; never a token,
 * a parameter or a query. Costs up to some dozens of HMACs: the caller limits how often. */
const char *eg_doctor_advise(eg_crypto *crypto, const eg_signed *what, const eg_auth_tokens *tokens,
                             eg_span header, const eg_hints *hints, apr_pool_t *pool);

/* Whether advice, which may be NULL, says that the token is right and the URL is another one. */
bool eg_doctor_names_url(const char *advice);

/* Half a sentence in pool where there is no advice: how many tokens were tried for which account, which
 * is shown only if it has the form of an AccountSid. searched: eg_doctor_advise() was asked. */
const char *eg_doctor_count(const eg_signed *what, const eg_auth_tokens *tokens, bool searched,
                            apr_pool_t *pool);

#endif
