/* SPDX-License-Identifier: Apache-2.0
 * X-Twilio-Signature (https://www.twilio.com/docs/usage/security), over the bytes received. */
#ifndef EG_SIGNATURE_H
#define EG_SIGNATURE_H

#include "authtoken.h"
#include "crypto.h"
#include "pairs.h"
#include "signer.h"

/* base64 of an HMAC-SHA1, and of an HMAC-SHA256; and room for either as a string */
#define EG_SIGNATURE_LENGTH 28
#define EG_SIGNATURE_LENGTH_SHA256 44
#define EG_SIGNATURE_ROOM (EG_SIGNATURE_LENGTH_SHA256 + 1)

apr_size_t eg_signature_length(eg_mac mac);

/* The digest that such an HMAC is made with; of EG_MAC_UNKNOWN none is made. */
static inline eg_sha eg_mac_sha(eg_mac mac)
{
    return mac == EG_MAC_SHA256 ? EG_SHA256 : EG_SHA1;
}

typedef enum {
    EG_SIGNATURE_UNCHECKED = 0,
    EG_SIGNATURE_MISSING,
    EG_SIGNATURE_INVALID,
    EG_SIGNATURE_VALID
} eg_verdict;

/* scheme://host[:port][/prefix], as far as known; the port apart because Twilio signs with or
 * without. */
typedef struct {
    eg_span scheme;
    eg_span host;
    eg_span port;   /* empty: none was given */
    eg_span prefix; /* what a proxy took off the front of the target; empty: nothing */
} eg_origin;

/* Splits "host", "host:port", "[v6]" or "[v6]:port"; false when it is none of them. Scheme and
 * prefix stay as they are. */
bool eg_origin_split(eg_span authority, eg_origin *origin);

/* What is signed. The order of params does not matter. */
typedef struct {
    eg_origin origin;
    eg_span target;          /* path and query exactly as the request line had them */
    const eg_params *params; /* of the form body; NULL: not part of what is signed */
    eg_pairs pairs;          /* in which order they are signed */
    eg_span account;         /* AccountSid as sent, to pick tokens; only believed if valid */
    eg_signer signer;        /* by whom, as sent */
    bool is_handshake;       /* of a WebSocket: also for ws(s), also with a slash behind the path */
    bool has_slash;          /* it is there: for what is made; what is checked is tried both ways */
} eg_signed;

/* How it was signed that which fitted. */
typedef struct {
    const eg_auth_token *token; /* NULL: nothing fitted */
    eg_span scheme, port;       /* as the URL was spelled; port empty: without one */
    bool has_slash;             /* behind the path of a handshake */
} eg_fit;

/* Whether a token is one that this signer asks for: of its kind, and of the name that it names. */
bool eg_signer_asks_for(const eg_signer *signer, const eg_auth_token *token);

/* header: the value of the one X-Twilio-Signature header, an empty span when there is none.
 * All tokens that are asked for are always tried, in constant time; the candidate URLs one after the
 * other. EG_SIGNATURE_UNCHECKED: OpenSSL failed, which says nothing about the signature. */
eg_verdict eg_signature_check(eg_crypto *crypto, const eg_signed *what,
                              const eg_auth_tokens *tokens, eg_span header);

/* The same, and what it was that fitted: its token points into tokens, and is NULL unless the signature is
 * valid. */
eg_verdict eg_signature_find(eg_crypto *crypto, const eg_signed *what, const eg_auth_tokens *tokens,
                             eg_span header, eg_fit *fit);

/* what as it was signed by that which fitted. */
eg_signed eg_signature_as_fitted(const eg_signed *what, const eg_fit *fit);

/* Why no token can fit what was signed like this, in words for people that repeat nothing of it; NULL
 * where one could. */
const char *eg_signature_fault(const eg_signed *what, const eg_auth_tokens *tokens);

/* The signature that Twilio would send for the URL with the given authority ("host" or
 * "host:port"), by what->signer. out has
 * eg_signature_length() + 1 bytes. */
eg_status eg_signature_make(eg_crypto *crypto, const eg_signed *what, eg_span authority,
                            eg_span token, char *out) EG_MUST_CHECK;
/* The same for the origin of what, its port as it stands there. */
eg_status eg_signature_make_exact(eg_crypto *crypto, const eg_signed *what,
                                  const eg_auth_token *token, char *out) EG_MUST_CHECK;

#endif
