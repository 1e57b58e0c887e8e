/* SPDX-License-Identifier: Apache-2.0
 * Tests of masking: what a caller keyed in or said is never written down, all else as it was. */
#include "tap.h"

#include <stdlib.h>
#include <apr_general.h>
#include "core/mask.h"

static apr_pool_t *pool;

typedef struct {
    const char *text, *want; /* want NULL: the same pointer */
} example;

typedef const char *(*masker)(apr_pool_t *, const eg_secret_names *, const char *);

static const eg_secret_names *names = &eg_known_secrets;

static void run(masker mask, const example *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *text = exact_copy(cases[i].text, strlen(cases[i].text) + 1);
        const char *got = mask(pool, names, text);

        if (cases[i].want)
            is_str(got, cases[i].want, "masked: '%s'", cases[i].text);
        else
            ok(got == text, "nothing to mask: '%s'", cases[i].text);
        is_str(text, cases[i].text, "what was given is unchanged");
        free(text);
    }
}

static void queries(void)
{
    static const example cases[] = {
        {"Digits=1234", "Digits=" EG_MASK},
        {"SpeechResult=one+two", "SpeechResult=" EG_MASK},
        {"Digits=", "Digits=" EG_MASK},
        {"Digits=1", "Digits=" EG_MASK},
        {"Digits=12345678901234567890123456789012", "Digits=" EG_MASK},
        {"Digits=12=34", "Digits=" EG_MASK},
        {"Digits==", "Digits=" EG_MASK},
        {"Digits=1234&CallSid=CA1", "Digits=" EG_MASK "&CallSid=CA1"},
        {"CallSid=CA1&Digits=1234", "CallSid=CA1&Digits=" EG_MASK},
        {"a=1&Digits=1&b=2&SpeechResult=3&c=4",
         "a=1&Digits=" EG_MASK "&b=2&SpeechResult=" EG_MASK "&c=4"},
        {"Digits=1&Digits=2&Digits=3", "Digits=" EG_MASK "&Digits=" EG_MASK "&Digits=" EG_MASK},
        {"D%69gits=1234", "D%69gits=" EG_MASK},
        {"%44%69%67%69%74%73=1234", "%44%69%67%69%74%73=" EG_MASK},
        {"Speech%52esult=x", "Speech%52esult=" EG_MASK},
        {"%53%70%65%65%63%68%52%65%73%75%6c%74=x", "%53%70%65%65%63%68%52%65%73%75%6c%74=" EG_MASK},
        {"Digits=%zz", "Digits=" EG_MASK},
        {"%zz=1&Digits=2", "%zz=1&Digits=" EG_MASK},
        {"a;Digits=1;b", "a;Digits=" EG_MASK},
        {"?Digits=1234", "?Digits=" EG_MASK},
        {"x?Digits=1234", "x?Digits=" EG_MASK},
        {"step=getPin?Digits=1234", "step=getPin?Digits=" EG_MASK},
        {"&&Digits=1234&&", "&&Digits=" EG_MASK "&&"},
        {"Digits&Digits=1", "Digits&Digits=" EG_MASK},
        {"Digits&a=1&Digits=2", "Digits&a=1&Digits=" EG_MASK},
        {"a%20b&SpeechResult&step=getPin", NULL},
        {"", NULL},
        {"&", NULL},
        {"step=getPin&encryptedCardDigits=00", NULL},
        {"Digits", NULL},
        {"digit=1234", NULL},
        {"xDigits=1234", NULL},
        {"Digitsx=1234", NULL},
        {"FinishedOnKey=&a=Digits", NULL},
        {"Digits%3D1234", NULL},
        {"=1234", NULL},
        {"&=1234", NULL},
        {"==&=Digits", NULL},
    };

    run(eg_mask_query, cases, COUNT(cases));
}

static void texts(void)
{
    static const example cases[] = {
        {"GET /encrypted-gather?Digits=1234 HTTP/1.1",
         "GET /encrypted-gather?Digits=" EG_MASK " HTTP/1.1"},
        {"POST /x?step=getPin&Digits=1&a=2 HTTP/1.1",
         "POST /x?step=getPin&Digits=" EG_MASK "&a=2 HTTP/1.1"},
        {"GET /x?Digits=1234", "GET /x?Digits=" EG_MASK},
        {"GET /x?Digits= HTTP/1.1", "GET /x?Digits=" EG_MASK " HTTP/1.1"},
        {"GET /x?a?Digits=1234 HTTP/1.1", "GET /x?a?Digits=" EG_MASK " HTTP/1.1"},
        {"http://h/x?Digits=12 HTTP/9876", "http://h/x?Digits=" EG_MASK},
        {"http://h/x?Digits=12 HTTP/9.876", "http://h/x?Digits=" EG_MASK},
        {"http://h/x?Digits=12 HTTP/98.6", "http://h/x?Digits=" EG_MASK},
        {"GET http://h/x?SpeechResult=yes HTTP/1.1",
         "GET http://h/x?SpeechResult=" EG_MASK " HTTP/1.1"},
        {"https://h/x?b=1&Digits=1234", "https://h/x?b=1&Digits=" EG_MASK},
        {"https://h/x?Digits=1234#top", "https://h/x?Digits=" EG_MASK},
        {"/x?Digits=1234", "/x?Digits=" EG_MASK},
        {"/?D%69gits=12&%53peechResult=34", "/?D%69gits=" EG_MASK "&%53peechResult=" EG_MASK},
        {"GET / HTTP/1.1", NULL},
        {"GET /x? HTTP/1.1", NULL},
        {"GET /x?step=getPin HTTP/1.1", NULL},
        {"GET /Digits=1234/x HTTP/1.1", NULL},
        {"Digits=1234", NULL},
        {"?", NULL},
        {"", NULL},
    };

    run(eg_mask_text, cases, COUNT(cases));
    ok(eg_mask_text(pool, names, NULL) == NULL, "no text");
    ok(eg_mask_query(pool, names, NULL) == NULL, "no query");
}

/* A URI may have these bytes in a query (RFC 3986, 3.4), or they come though they may not: the
 * value of Digits goes on behind them, and none of it may be written down. */
static void whole_values(void)
{
    static const char *const cases[] = {
        "GET /x?Digits=12;9876 HTTP/1.1",
        "GET /x?Digits=12?9876 HTTP/1.1",
        "GET /x?SpeechResult=no?+9876&a=1",
        "GET /x?a=1;Digits=12;9876 HTTP/1.1",
        "GET /x?Digits=12\"9876 HTTP/1.1",
        "GET /x?Digits=12%209876 HTTP/1.1",
        "GET /x?SpeechResult=my pin is 9876 HTTP/1.1",
        "GET /x?Digits=12\t9876 HTTP/1.1",
        "https://h/x?SpeechResult=why? 9876",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = eg_mask_text(pool, names, cases[i]);

        ok(!strstr(got, "9876"), "the whole value is masked: '%s' -> '%s'", cases[i], got);
    }
}

/* The names of every provider, in every spelling that an application may take for them. */
static void spellings(void)
{
    static const example cases[] = {
        {"digits=1", "digits=" EG_MASK},
        {"DIGITS=1", "DIGITS=" EG_MASK},
        {"dIgItS=1&speechresult=2", "dIgItS=" EG_MASK "&speechresult=" EG_MASK},
        {"StableSpeechResult=x", "StableSpeechResult=" EG_MASK},
        {"UnstableSpeechResult=x", "UnstableSpeechResult=" EG_MASK},
        {"PaymentCardNumber=4111", "PaymentCardNumber=" EG_MASK},
        {"SecurityCode=123", "SecurityCode=" EG_MASK},
        {"SECURITYCODE=123&PAYMENTCARDNUMBER=1&SPEECH=x",
         "SECURITYCODE=" EG_MASK "&PAYMENTCARDNUMBER=" EG_MASK "&SPEECH=" EG_MASK},
        {"Speech=x", "Speech=" EG_MASK},
        {"UnstableSpeech=x", "UnstableSpeech=" EG_MASK},
        {"%73%50eech=x", "%73%50eech=" EG_MASK},
        {"%64igit%53=1", "%64igit%53=" EG_MASK},
        {"Digits[]=1", "Digits[]=" EG_MASK},
        {"Digits[]=1&Digits[]=2", "Digits[]=" EG_MASK "&Digits[]=" EG_MASK},
        {"Digits[0]=1", "Digits[0]=" EG_MASK},
        {"digits[a][b][]=1&x=2", "digits[a][b][]=" EG_MASK "&x=2"},
        {"Digits%5B%5D=1", "Digits%5B%5D=" EG_MASK},
        {"Digits%5b0]=1", "Digits%5b0]=" EG_MASK},
        {"Digits[0%5d=1", "Digits[0%5d=" EG_MASK},
        {"%44igits%5B%5D%5B%5D=1", "%44igits%5B%5D%5B%5D=" EG_MASK},
        {"Digits[;]=1", "Digits[;]=" EG_MASK},
        {"Digits[a b]=1", "Digits[a b]=" EG_MASK},
        {"x?Speech[]=1", "x?Speech[]=" EG_MASK},
        {"a=b;digits=1", "a=b;digits=" EG_MASK},
        {"a=b#digits=1&c", "a=b#digits=" EG_MASK "&c"},
        {"Digits]=1", NULL},
        {"Digitsx]=1", NULL},
        {"[Digits]=1", NULL},
        {"a[Digits]=1", NULL},
        {"xDigits[]=1", NULL},
        {"Digits%5=1", NULL},
        {"Digits&[]=1", NULL},
        {"Speec=1&Speeches=2&Stable=3", NULL},
        {"encryptedCardDigits=00&PaymentCardType=visa", NULL},
    };

    run(eg_mask_query, cases, COUNT(cases));
}

/* What an administrator names besides. */
static void further(void)
{
    static const example cases[] = {
        {"otp=1&Digits=2&pinCode=3", "otp=" EG_MASK "&Digits=" EG_MASK "&pinCode=" EG_MASK},
        {"OTP[]=1", "OTP[]=" EG_MASK},
        {"%6ft%70=1&t=2", "%6ft%70=" EG_MASK "&t=2"},
        {"a.b-c_d=1", "a.b-c_d=" EG_MASK},
        {"form[card]=1&form[name]=x", "form[card]=" EG_MASK "&form[name]=x"},
        {"PIN%C3%91=1", "PIN%C3%91=" EG_MASK},
        {"7=1", "7=" EG_MASK},
        {"pin=1&otpx=2&xotp=3", NULL},
    };
    static const char *const added[] = {"otp", "PINCode", "a.b-c_d", "form[card]"};
    const eg_secret_names *one = &eg_known_secrets, *other = &eg_known_secrets;

    for (size_t i = 0; i < COUNT(added); i++)
        one = eg_secret_names_add(pool, one, eg_span_of(added[i]));
    other = eg_secret_names_add(pool, other, EG_LIT("pin\xc3\x91"));
    other = eg_secret_names_add(pool, other, EG_LIT("7"));
    names = eg_secret_names_join(pool, one, other);
    ok(names->n == eg_known_secrets.n + 6, "what both have, and the known ones once");
    run(eg_mask_query, cases, COUNT(cases));
    names = one;
    is_str(eg_mask_query(pool, names, "7=1&otp=2"), "7=1&otp=" EG_MASK,
           "the others stay as they are");
    names = &eg_known_secrets;
    ok(eg_mask_query(pool, names, cases[1].text) == cases[1].text, "so do the known ones");
}

static void secret_names(void)
{
    static const char *const yes[] = {"Digits", "SpeechResult", "digits",
                                      "SPEECH", "Digits[]",     "securitycode[a][b]"};
    static const char *const no[] = {"Digit",   "Digitss", "CallSid",   "",
                                     "Digits[", "Digits]", "Digits[]x", "D%69gits"};

    for (size_t i = 0; i < COUNT(yes); i++)
        ok(eg_is_secret_name(names, eg_span_of(yes[i])), "%s is secret", yes[i]);
    for (size_t i = 0; i < COUNT(no); i++)
        ok(!eg_is_secret_name(names, eg_span_of(no[i])), "'%s' is not", no[i]);
}

/* A pool's next block lies right behind the last one, and memory that was used before still holds
 * what was written there: so it can be seen how far the copy was written. */
static apr_pool_t *used_pool(void)
{
    apr_pool_t *fresh;

    apr_pool_create(&fresh, NULL);
    memset(apr_palloc(fresh, 4000), 0xa5, 4000);
    apr_pool_clear(fresh);
    return fresh;
}

static bool untouched(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xa5)
            return false;
    return true;
}

static void room(void)
{
    static const char *const cases[] = {
        "Digits=",      "Digits=1",      "Digits=&Digits=&Digits=&Digits=&Digits=&Digits=",
        "Digits==&a=b", "a&Digits=&b&c", "SpeechResult=&SpeechResult=&SpeechResult=&Digits=",
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        apr_pool_t *probe = used_pool(), *fresh = used_pool();
        const char *masked = eg_mask_query(fresh, names, cases[i]),
                   *end = masked + strlen(masked) + 1;
        const char *behind = apr_palloc(fresh, 64);

        if (untouched(apr_palloc(probe, 64), 64))
            ok(behind >= end && untouched((const unsigned char *)behind, 64),
               "the copy of '%s' keeps to its room", cases[i]);
        else
            skip("these pools (APR's debug ones) do not use memory again: a sanitizer looks");
        apr_pool_destroy(fresh);
        apr_pool_destroy(probe);
    }
}

/* However the pieces are put together: a masked text has no secret, and masking it again changes
 * nothing. */
static void combinations(void)
{
    static const char *const pieces[] = {
        "Digits=9876", "a=1", "SpeechResult=9876", "%44igits=9876", "", "b", "Digits", "x=%"};
    static const char separators[] = "&&&?";
    unsigned state = 1, wrong = 0;

    for (unsigned round = 0; round < 5000; round++) {
        char query[200] = "";
        size_t n = 0;
        const char *once, *twice;

        for (unsigned i = 0; i < 6; i++) {
            const char *piece;

            state = state * 1664525u + 1013904223u;
            piece = pieces[(state >> 16) % COUNT(pieces)];
            memcpy(query + n, piece, strlen(piece));
            n += strlen(piece);
            query[n++] = separators[(state >> 24) % 4];
        }
        query[n] = '\0';
        once = eg_mask_query(pool, names, query);
        twice = eg_mask_query(pool, names, once);
        wrong += strstr(once, "9876") != NULL || strcmp(once, twice) != 0;
        apr_pool_clear(pool);
    }
    is_int(wrong, 0, "5000 queries of random pieces");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    queries();
    texts();
    whole_values();
    spellings();
    further();
    secret_names();
    room();
    combinations();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
