/* SPDX-License-Identifier: Apache-2.0
 * Who signed a webhook, and how: X-Twilio-Webhooks-Signature-Settings, by which SharedKeys are told. */
#include "signer.h"

#include <string.h>
#include <apr_cstr.h>
#include "lines.h"

typedef struct {
    bool is_there;
    eg_span value;
} setting;

static eg_span take_until(eg_span *rest, char separator)
{
    const char *end = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    eg_span taken = {rest->p, end ? (apr_size_t)(end - rest->p) : rest->n};
    apr_size_t n = taken.n + (end != NULL);

    rest->p += n;
    rest->n -= n;
    return eg_trim(taken);
}

/* False: it was there before. What has another name, or none, is not ours to judge. */
static bool take_setting(eg_span part, eg_span name, setting *into)
{
    eg_span value = part;
    bool again = into->is_there;

    if (!part.n || !memchr(part.p, '=', part.n) || !eg_span_eq(take_until(&value, '='), name))
        return true;
    into->is_there = true;
    into->value = eg_trim(value);
    return !again;
}

static bool is_word(eg_span text, eg_span word)
{
    return text.n == word.n && apr_cstr_casecmpn(text.p, word.p, word.n) == 0;
}

static eg_mac mac_of(eg_span algorithm)
{
    if (!algorithm.n || is_word(algorithm, EG_LIT("HMAC_SHA1")))
        return EG_MAC_SHA1;
    return is_word(algorithm, EG_LIT("HMAC_SHA256")) ? EG_MAC_SHA256 : EG_MAC_UNKNOWN;
}

eg_signer eg_signer_of(eg_span header)
{
    setting key = {false, {"", 0}}, algorithm = {false, {"", 0}};
    eg_signer signer = {.is_shared = true};

    while (header.n) {
        eg_span part = take_until(&header, ',');

        signer.is_broken |= !take_setting(part, EG_LIT("key"), &key) ||
                            !take_setting(part, EG_LIT("algorithm"), &algorithm);
    }
    signer.key = key.value;
    signer.mac = mac_of(algorithm.value);
    return signer;
}
