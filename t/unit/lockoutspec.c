/* SPDX-License-Identifier: Apache-2.0
 * Tests of what EncGatherLockout says, and of the names under which values are counted. */
#include "tap.h"

#include <stdlib.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "core/crypto.h"
#include "core/lockoutspec.h"

static apr_pool_t *pool;

static const char *spelled(const eg_lockout *lockout)
{
    return apr_psprintf(pool, "%d %d by=%s field=%s scope=%s %s", lockout->failures,
                        lockout->seconds, lockout->by, lockout->field ? lockout->field : "-",
                        lockout->scope, lockout->fails_closed ? "closed" : "open");
}

static const char *parse(const char *text, eg_lockout *lockout)
{
    const char *argv[8];
    int argc = 0;
    char *last, *copy = apr_pstrdup(pool, text);

    for (char *word = apr_strtok(copy, " ", &last); word && argc < 8;
         word = apr_strtok(NULL, " ", &last))
        argv[argc++] = word;
    return eg_lockout_parse(pool, argc, argv, lockout);
}

static void words(void)
{
    static const struct {
        const char *text, *want;
    } good[] = {
        {"off", "0 0 by=From field=- scope= open"},
        {"OFF", "0 0 by=From field=- scope= open"},
        {"1 1", "1 1 by=From field=- scope= open"},
        {"100 31536000 fail=open", "100 31536000 by=From field=- scope= open"},
        {"3 600 by=Caller scope=a_B-9 fail=closed", "3 600 by=Caller field=- scope=a_B-9 closed"},
        {"3 600 fail=closed by=field:card", "3 600 by=field:card field=card scope= closed"},
        {"3 600 by=SipHeader_X-From", "3 600 by=SipHeader_X-From field=- scope= open"},
        {"3 600 by=Digit", "3 600 by=Digit field=- scope= open"},
    };
    static const char *const wrong[] = {
        "",
        "3",
        "0 600",
        "101 600",
        "3 0",
        "3 31536001",
        "-3 600",
        "3x 600",
        "3 600s",
        "off 600",
        "3 off",
        "3 600 off",
        "3 600 by",
        "3 600 by=",
        "3 600 by=a&b",
        "3 600 by=a=b",
        "3 600 by=Digits",
        "3 600 by=digits",
        "3 600 by=Digits[]",
        "3 600 by=SpeechResult",
        "3 600 by=StableSpeechResult",
        "3 600 by=UnstableSpeechResult",
        "3 600 by=Speech",
        "3 600 by=UnstableSpeech",
        "3 600 by=PaymentCardNumber",
        "3 600 by=step",
        "3 600 by=attempt",
        "3 600 by=sig",
        "3 600 by=bodySHA256",
        "3 600 by=field:",
        "3 600 by=field:a:b",
        "3 600 by=From by=From",
        "3 600 scope=",
        "3 600 scope=a.b",
        "3 600 scope=12345678901234567890123456789012345678901234567890123456789012345",
        "3 600 scope=a scope=a",
        "3 600 fail=",
        "3 600 fail=Closed",
        "3 600 fail=shut",
        "3 600 fail=open fail=open",
        "3 600 unless=x",
    };
    eg_lockout lockout;

    for (size_t i = 0; i < COUNT(good); i++) {
        ok(!parse(good[i].text, &lockout), "'%s' is good", good[i].text);
        is_str(spelled(&lockout), good[i].want, "and what it says");
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        ok(parse(wrong[i], &lockout) != NULL, "'%s' is wrong", wrong[i]);
    ok(!parse("3 600 scope=1234567890123456789012345678901234567890123456789012345678901234",
              &lockout),
       "a scope of 64");
    is_str(parse("3 600 by=Digits", &lockout),
           "by= cannot be what callers key in or say: to count by what was keyed in for a field, "
           "write by=field:NAME",
           "a message says what to do");
}

static const char *hashed(eg_crypto *crypto, const char *scope, const char *by, eg_span value)
{
    static const char key[] = "0123456789abcdef0123456789abcdef";
    unsigned char mac[EG_SHA256_SIZE];
    char *out = apr_palloc(pool, 2 * EG_SHA256_SIZE + 1);
    eg_lockout_name name;

    eg_lockout_name_value(scope, by, value, &name);
    if (eg_hmac_sha256(crypto, (eg_span){key, sizeof key - 1}, name.at, EG_LOCKOUT_PIECES, mac) !=
        EG_OK)
        return "failed";
    eg_hex_encode(out, mac, sizeof mac);
    return out;
}

/* Made with Python's hmac and struct. */
static void names(void)
{
    eg_crypto *crypto = eg_crypto_create(pool);

    is_str(hashed(crypto, "", "From", EG_LIT("+15550001")),
           "f3d9f55d274f283015e3093cf2974caf85742c6feae1d80645476dd5f615c6a4", "a number");
    is_str(hashed(crypto, "a", "From", EG_LIT("+15550001")),
           "f9c71a23ee50a3470b9257a6acb9ddc427a874ba904758c8e02f3cc215daeacf", "with a scope");
    is_str(hashed(crypto, "", "field:card",
                  EG_LIT("12\0"
                         "34")),
           "0aa77bc586318228e264c7ae787dbf6c02a959002c0d8ddd648d60c836c65ffe", "a NUL within");
    ok(strcmp(hashed(crypto, "ab", "c", EG_LIT("d")), hashed(crypto, "a", "bc", EG_LIT("d"))) != 0,
       "what is cut elsewhere is another name");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    words();
    names();
    apr_pool_destroy(pool);
    return done_testing();
}
