/* SPDX-License-Identifier: Apache-2.0
 * Tests of the advice about signatures that do not fit: the right one, and nothing secret in it. */
#include "tap.h"

#include <apr_general.h>
#include "core/doctor.h"

#define TARGET "/voice?step=getPin"

static apr_pool_t *pool;
static eg_crypto *crypto;
static eg_auth_token tokens_at[] = {{EG_LIT("AC1"), EG_LIT("secret1"), {"", 0}, NULL},
                                    {EG_LIT("AC2"), EG_LIT("secret2"), {"", 0}, NULL}};
static const eg_auth_tokens tokens = {2, tokens_at};

#define ORIGIN(scheme, host, port)                                                                 \
    {                                                                                              \
        EG_LIT(scheme), EG_LIT(host), EG_LIT(port),                                                \
        {                                                                                          \
            "", 0                                                                                  \
        }                                                                                          \
    }
#define UNKNOWN                                                                                    \
    {                                                                                              \
        {"", 0}, {"", 0}, {"", 0},                                                                 \
        {                                                                                          \
            "", 0                                                                                  \
        }                                                                                          \
    }
#define PREFIXED(scheme, host, port, prefix)                                                       \
    {                                                                                              \
        EG_LIT(scheme), EG_LIT(host), EG_LIT(port), EG_LIT(prefix)                                 \
    }
#define RECEIVED ORIGIN("http", "inside", "8080")

typedef struct {
    const char *name;
    const char *scheme, *authority, *target; /* what Twilio signed */
    eg_origin origin;                        /* what this server checks */
    eg_hints hints;
    const char *want; /* in the advice; NULL: there is none */
} example;

static const example examples[] = {
    {"nothing known fits",
     "https",
     "elsewhere.example",
     TARGET,
     RECEIVED,
     {RECEIVED, UNKNOWN, UNKNOWN, {"", 0}},
     NULL},
    {"another path",
     "http",
     "inside",
     "/other",
     RECEIVED,
     {RECEIVED, UNKNOWN, UNKNOWN, {"", 0}},
     NULL},
    {"TLS ends in front",
     "https",
     "inside",
     TARGET,
     RECEIVED,
     {RECEIVED, UNKNOWN, UNKNOWN, {"", 0}},
     "EncGatherPublicURL https://inside:8080"},
    {"what the proxy says",
     "https",
     "outside.example",
     TARGET,
     RECEIVED,
     {RECEIVED, ORIGIN("https", "outside.example", ""), UNKNOWN, {"", 0}},
     "set EncGatherPublicURL https://outside.example"},
    {"a host without a scheme",
     "https",
     "outside.example",
     TARGET,
     RECEIVED,
     {RECEIVED, ORIGIN("", "outside.example", ""), UNKNOWN, {"", 0}},
     "set EncGatherPublicURL https://outside.example"},
    {"a port of the proxy",
     "https",
     "outside.example:8443",
     TARGET,
     RECEIVED,
     {RECEIVED, ORIGIN("https", "outside.example", "8443"), UNKNOWN, {"", 0}},
     "set EncGatherPublicURL https://outside.example:8443"},
    {"a wrong EncGatherPublicURL",
     "https",
     "outside.example",
     TARGET,
     ORIGIN("https", "wrong.example", ""),
     {ORIGIN("http", "outside.example", ""), UNKNOWN, UNKNOWN, {"", 0}},
     "names another one than https://outside.example"},
    {"ServerName",
     "https",
     "named.example",
     TARGET,
     RECEIVED,
     {RECEIVED, UNKNOWN, ORIGIN("http", "named.example", ""), {"", 0}},
     "set EncGatherPublicURL https://named.example"},
    {"the listener's port",
     "http",
     "inside:9090",
     TARGET,
     ORIGIN("http", "inside", ""),
     {ORIGIN("http", "inside", ""), UNKNOWN, UNKNOWN, EG_LIT("9090")},
     "set EncGatherPublicURL http://inside:9090"},
    {"a proxy takes a path off, and says so",
     "https",
     "outside.example",
     "/tel" TARGET,
     RECEIVED,
     {RECEIVED, PREFIXED("https", "outside.example", "", "/tel"), UNKNOWN, {"", 0}},
     "set EncGatherPublicURL https://outside.example/tel"},
    {"a path in front and no more",
     "http",
     "inside",
     "/tel" TARGET,
     RECEIVED,
     {RECEIVED, PREFIXED("", "", "", "/tel"), UNKNOWN, {"", 0}},
     "set EncGatherPublicURL http://inside/tel"},
    {"another host in front of the same path",
     "https",
     "outside.example",
     "/tel" TARGET,
     PREFIXED("https", "wrong.example", "", "/tel"),
     {RECEIVED, ORIGIN("https", "outside.example", ""), UNKNOWN, {"", 0}},
     "set EncGatherPublicURL https://outside.example/tel"},
    {"a path that nobody takes off",
     "https",
     "outside.example",
     TARGET,
     PREFIXED("https", "outside.example", "", "/tel"),
     {RECEIVED, UNKNOWN, UNKNOWN, {"", 0}},
     "without the path of the public URL: set EncGatherPublicURL https://outside.example"},
    {"a path of odd characters",
     "https",
     "outside.example",
     "/a\n%s" TARGET,
     RECEIVED,
     {RECEIVED, PREFIXED("https", "outside.example", "", "/a\n%s"), UNKNOWN, {"", 0}},
     NULL},
    {"a slash was taken away",
     "http",
     "inside",
     "/voice/?step=getPin",
     RECEIVED,
     {RECEIVED, UNKNOWN, UNKNOWN, {"", 0}},
     "with a slash at the end"},
    {"a host that is none",
     "https",
     "a b",
     TARGET,
     RECEIVED,
     {RECEIVED, ORIGIN("https", "a b", ""), UNKNOWN, {"", 0}},
     NULL},
    {"a host of odd characters",
     "https",
     "a\n%s",
     TARGET,
     RECEIVED,
     {RECEIVED, ORIGIN("https", "a\n%s", ""), UNKNOWN, {"", 0}},
     NULL},
};

static const char *advice(const example *e, const char *token, const char *account)
{
    eg_signed what = {.origin.scheme = eg_span_of(e->scheme),
                      .target = eg_span_of(e->target),
                      .params = NULL,
                      .account = eg_span_of(account)};
    char signature[EG_SIGNATURE_LENGTH + 1];

    if (eg_signature_make(crypto, &what, eg_span_of(e->authority), eg_span_of(token), signature) !=
        EG_OK)
        return "not even signed";
    what.origin = e->origin;
    what.target = EG_LIT(TARGET);
    return eg_doctor_advise(crypto, &what, &tokens, (eg_span){signature, EG_SIGNATURE_LENGTH},
                            &e->hints, pool);
}

static void advised(void)
{
    for (size_t i = 0; i < COUNT(examples); i++) {
        const char *got = advice(&examples[i], "secret1", "AC1");

        if (!examples[i].want)
            is_str(got, NULL, "no advice: %s", examples[i].name);
        else if (!got || !ok(strstr(got, examples[i].want) != NULL, "advice: %s", examples[i].name))
            is_str(got, examples[i].want, "advice: %s", examples[i].name);
        else
            ok(!strstr(got, "secret") && !strstr(got, "step") && !strchr(got, '\n'),
               "nothing secret in it: %s", examples[i].name);
        is_int(eg_doctor_names_url(got), examples[i].want != NULL,
               "whether it is about the URL: %s", examples[i].name);
        is_str(advice(&examples[i], "other", "AC1"), NULL, "none for a forged signature: %s",
               examples[i].name);
    }
}

static void slash_added(void)
{
    static const example e = {
        "", "http", "inside", "/voice", RECEIVED, {RECEIVED, UNKNOWN, UNKNOWN, {"", 0}}, NULL};
    eg_signed what = {.origin = e.origin, .target = EG_LIT("/voice/"), .params = NULL};
    char signature[EG_SIGNATURE_LENGTH + 1];
    const char *got;

    what.target = EG_LIT("/voice");
    is_int(eg_signature_make(crypto, &what, EG_LIT("inside"), EG_LIT("secret1"), signature), EG_OK,
           "signed without a slash");
    what.target = EG_LIT("/voice/");
    got = eg_doctor_advise(crypto, &what, &tokens, (eg_span){signature, EG_SIGNATURE_LENGTH},
                           &e.hints, pool);
    ok(got && strstr(got, "without the slash"), "a slash was added");
}

static void another_account(void)
{
    static const example e = {
        "", "http", "inside", TARGET, RECEIVED, {RECEIVED, UNKNOWN, UNKNOWN, {"", 0}}, NULL};
    const char *got = advice(&e, "secret2", "AC1");

    ok(got && strstr(got, "AccountSid") && !strstr(got, "secret") && !strstr(got, "AC"),
       "another account's token");
    ok(!eg_doctor_names_url(got), "which is not about the URL");
}

#define SID "AC0123456789abcdef0123456789abcdef"

static void counted(void)
{
    static eg_auth_token at[] = {{{"", 0}, EG_LIT("secret1"), {"", 0}, NULL},
                                 {EG_LIT(SID), EG_LIT("secret2"), {"", 0}, NULL},
                                 {EG_LIT("AC2"), EG_LIT("secret3"), {"", 0}, NULL}};
    static const eg_auth_tokens all = {3, at}, last = {1, at + 2};
    eg_signed what = {.account = EG_LIT(SID)};
    const char *got;

    is_str(eg_doctor_count(&what, &all, false, pool),
           "2 auth tokens tried for AccountSid " SID
           ", none fits the URL as it came; others were not tried: once a second is enough",
           "those of the account");
    got = eg_doctor_count(&what, &all, true, pool);
    ok(strstr(got, "none fits, whatever URL: ") != NULL, "after a search");
    is_str(eg_doctor_count(&what, &last, false, pool),
           "no line of EncGatherAuthTokenFile is for AccountSid " SID
           ": add its auth token, from the Twilio Console",
           "none of the account");
    what.account = EG_LIT("AC2");
    is_str(eg_doctor_count(&what, &last, false, pool),
           "1 auth token tried for an AccountSid that is none, none fits the URL as it came; "
           "others were not tried: once a second is enough",
           "what has no form");
    what.account = EG_LIT("AC0123456789abcdef0123456789abcde\n");
    ok(!strchr(eg_doctor_count(&what, &all, true, pool), '\n'), "a line is not shaped");
    what.account = (eg_span){NULL, 0};
    is_str(eg_doctor_count(&what, &all, false, pool),
           "3 auth tokens tried for a request without AccountSid, none fits the URL as it came; "
           "others were not tried: once a second is enough",
           "no account");
}

/* Words of doctor.c: what a client wrote into a header must not shape a log line. The signature
 * fits without a port, so that the port is not signed by anybody. */
static void odd_ports(void)
{
    static const char *const ports[] = {"80 and all is well", "1\n", "%n", "\x1b[2J", "8443;"};

    for (size_t i = 0; i < COUNT(ports); i++) {
        example e = {
            "",     "https",  "outside.example",
            TARGET, RECEIVED, {RECEIVED, ORIGIN("https", "outside.example", ""), UNKNOWN, {"", 0}},
            NULL};
        const char *got;

        e.hints.forwarded.port = eg_span_of(ports[i]);
        got = advice(&e, "secret1", "AC1");
        ok(!got || !strstr(got, ports[i]), "a port that is no number is not logged, case %zu", i);
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    if (!ok(crypto != NULL, "OpenSSL has what is needed"))
        return done_testing();
    advised();
    slash_added();
    another_account();
    counted();
    odd_ports();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
