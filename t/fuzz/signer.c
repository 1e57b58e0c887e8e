/* SPDX-License-Identifier: Apache-2.0
 * X-Twilio-Webhooks-Signature-Settings: read as by a second reader, which copies and cuts; what it gives
 * lies inside the header. */
#include "fuzz.h"

#include <string.h>
#include <strings.h>
#include <apr_strings.h>
#include "core/signer.h"

static const char *const atoms[] = {"key=",        "algorithm=",  "HMAC_SHA1",
                                    "hmac_sha256", "HMAC_SHA512", "webhooks_sharedkey_1",
                                    ", ",          " = ",         NULL};
const fuzz_grammar fuzz_target = {"signer", ",= \t", atoms};

static char *trimmed(char *text)
{
    text += strspn(text, " \t\r\n\f\v");
    for (size_t n = strlen(text); n && strchr(" \t\r\n\f\v", text[n - 1]); n--)
        text[n - 1] = '\0';
    return text;
}

typedef struct {
    unsigned keys, algorithms;
    const char *key, *algorithm; /* the last of each */
} reading;

static void read_part(char *part, reading *all)
{
    char *value = strchr(part, '=');

    if (!value)
        return;
    *value++ = '\0';
    if (strcmp(trimmed(part), "key") == 0) {
        all->keys++;
        all->key = trimmed(value);
    } else if (strcmp(trimmed(part), "algorithm") == 0) {
        all->algorithms++;
        all->algorithm = trimmed(value);
    }
}

static reading read_again(char *header)
{
    reading all = {0, 0, "", ""};

    for (char *part; (part = strsep(&header, ","));)
        read_part(part, &all);
    return all;
}

static eg_mac mac_of(const char *algorithm)
{
    if (!*algorithm || strcasecmp(algorithm, "HMAC_SHA1") == 0)
        return EG_MAC_SHA1;
    return strcasecmp(algorithm, "HMAC_SHA256") == 0 ? EG_MAC_SHA256 : EG_MAC_UNKNOWN;
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_signer got;
    reading want;

    if (fuzz_contains(input, (eg_span){"", 1}))
        return; /* a header has no NUL */
    got = eg_signer_of(input);
    want = read_again(apr_pstrdup(pool, fuzz_string(pool, input)));
    HOLDS(got.is_shared, "whatever it says, it is of a SharedKey");
    HOLDS(got.is_broken == (want.keys > 1 || want.algorithms > 1), "what is said twice is broken");
    HOLDS(got.mac == mac_of(want.algorithm) || got.is_broken, "the algorithm is the one it names");
    HOLDS(got.is_broken || eg_span_eq(got.key, eg_span_of(want.key)), "so is the key");
    HOLDS(got.key.n == 0 || (got.key.p >= input.p && got.key.p + got.key.n <= input.p + input.n),
          "the key lies inside the header");
}
