/* SPDX-License-Identifier: Apache-2.0
 * Tests of EncGatherField's arguments: quotes, every option, and lines that cannot be meant. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include "core/fieldspec.h"

#define TEN "0123456789"
#define NAME64 TEN TEN TEN TEN TEN TEN "abcd"

static apr_pool_t *pool;

static const char *parse(const char *args, eg_field *field)
{
    char *copy = exact_copy(args, strlen(args) + 1);
    const char *wrong = eg_field_parse(pool, copy, field);

    free(copy); /* the field's strings are its own */
    return wrong;
}

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

/* "name step min-max timeout finish input luhn say play voice language" */
static const char *shown(const eg_field *f)
{
    static char text[1000];

    snprintf(text, sizeof text, "%s %s %u-%u %u %c %d%s%s [%s] %s %s %s", f->name, f->step, f->min,
             f->max, f->timeout, f->finish ? f->finish : '-', (int)f->input, f->luhn ? " luhn" : "",
             f->secret ? f->secret == EG_SECRET_ON ? " secret" : " shown" : "", or_dash(f->say),
             or_dash(f->play), or_dash(f->voice), or_dash(f->language));
    return text;
}

static void good(void)
{
    static const struct {
        const char *args, *want;
    } cases[] = {
        {"pin say=x", "pin pin 4-4 10 - 0 [x] - - -"},
        {"  pin \t say=x  ", "pin pin 4-4 10 - 0 [x] - - -"},
        {"A-Z_09 say=x", "A-Z_09 A-Z_09 4-4 10 - 0 [x] - - -"},
        {NAME64 " say=x", NAME64 " " NAME64 " 4-4 10 - 0 [x] - - -"},
        {"pin step=getPin say=x", "pin getPin 4-4 10 - 0 [x] - - -"},
        {"pin digits=6 say=x", "pin pin 6-6 10 - 0 [x] - - -"},
        {"pin digits=1 say=x", "pin pin 1-1 10 - 0 [x] - - -"},
        {"pin digits=32 say=x", "pin pin 32-32 10 - 0 [x] - - -"},
        {"pin digits=13-19 say=x", "pin pin 13-19 10 - 0 [x] - - -"},
        {"pin digits=1-32 say=x", "pin pin 1-32 10 - 0 [x] - - -"},
        {"pin digits=5-5 say=x", "pin pin 5-5 10 - 0 [x] - - -"},
        {"pin timeout=1 say=x", "pin pin 4-4 1 - 0 [x] - - -"},
        {"pin timeout=600 say=x", "pin pin 4-4 600 - 0 [x] - - -"},
        {"pin finish=# say=x", "pin pin 4-4 10 # 0 [x] - - -"},
        {"pin finish=* say=x", "pin pin 4-4 10 * 0 [x] - - -"},
        {"pin finish=0 say=x", "pin pin 4-4 10 0 0 [x] - - -"},
        {"pin input=dtmf say=x", "pin pin 4-4 10 - 0 [x] - - -"},
        {"pin input=speech say=x", "pin pin 4-4 10 - 1 [x] - - -"},
        {"pin input=dtmf+speech say=x", "pin pin 4-4 10 - 2 [x] - - -"},
        {"pin secret=on say=x", "pin pin 4-4 10 - 0 secret [x] - - -"},
        {"pin secret=off say=x", "pin pin 4-4 10 - 0 shown [x] - - -"},
        {"card digits=16 check=luhn say=x", "card card 16-16 10 - 0 luhn [x] - - -"},
        {"card check=luhn input=dtmf+speech say=x", "card card 4-4 10 - 2 luhn [x] - - -"},
        {"pin play=https://h/a.wav?b=1&c=2", "pin pin 4-4 10 - 0 [-] https://h/a.wav?b=1&c=2 - -"},
        {"pin say=x voice=Polly.Amy language=en-GB", "pin pin 4-4 10 - 0 [x] - Polly.Amy en-GB"},
        {"pin say=\"two words\"", "pin pin 4-4 10 - 0 [two words] - - -"},
        {"pin \"say=two words\"", "pin pin 4-4 10 - 0 [two words] - - -"},
        {"pin say='two words'", "pin pin 4-4 10 - 0 [two words] - - -"},
        {"pin say=two\" \"words' now'", "pin pin 4-4 10 - 0 [two words now] - - -"},
        {"pin say=\"it's\"", "pin pin 4-4 10 - 0 [it's] - - -"},
        {"pin say='a \"b\" c'", "pin pin 4-4 10 - 0 [a \"b\" c] - - -"},
        {"pin say=\"a \\\"b\\\" \\\\ c\"", "pin pin 4-4 10 - 0 [a \"b\" \\ c] - - -"},
        {"pin say=\"a\\nb\"", "pin pin 4-4 10 - 0 [a\\nb] - - -"},
        {"pin say=a\\b", "pin pin 4-4 10 - 0 [a\\b] - - -"},
        {"pin say=a=b", "pin pin 4-4 10 - 0 [a=b] - - -"},
        {"\"pin\" \"digits\"=6 say=K\xc3\xb6ln", "pin pin 6-6 10 - 0 [K\xc3\xb6ln] - - -"},
        {"pin say=x digits=6 step=s timeout=7 finish=1 check=luhn voice=v language=l input=dtmf",
         "pin s 6-6 7 1 0 luhn [x] - v l"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_field field;
        const char *wrong = parse(cases[i].args, &field);

        if (is_str(wrong, NULL, "good: %s", cases[i].args))
            is_str(shown(&field), cases[i].want, "and means it: %s", cases[i].args);
    }
}

static void bad(void)
{
    static const struct {
        const char *args, *says;
    } cases[] = {
        {"", "name"},
        {" \t ", "name"},
        {"\"\"", "name"},
        {"a.b say=x", "name"},
        {"\"a b\" say=x", "name"},
        {"k\xc3\xb6ln say=x", "name"},
        {"say=x", "name"},
        {NAME64 "e say=x", "name"},
        {"step say=x", "cannot be named"},
        {"attempt say=x", "cannot be named"},
        {"Digits say=x", "cannot be named"},
        {"SpeechResult say=x", "cannot be named"},
        {"bodySHA256 say=x", "cannot be named"},
        {"pin step=processData", "reserved"},
        {"pin step=a.b", "step="},
        {"pin step=" NAME64 "e", "step="},
        {"pin digits=0", "digits="},
        {"pin digits=33", "digits="},
        {"pin digits=1-33", "digits="},
        {"pin digits=0-4", "digits="},
        {"pin digits=5-4", "digits="},
        {"pin digits=4-", "digits="},
        {"pin digits=-4", "digits="},
        {"pin digits=4-5-6", "digits="},
        {"pin digits=4x", "digits="},
        {"pin digits=+4", "digits="},
        {"pin digits=\" 4\"", "digits="},
        {"pin digits=4294967300", "digits="},
        {"pin timeout=0", "timeout="},
        {"pin timeout=601", "timeout="},
        {"pin timeout=5s", "timeout="},
        {"pin timeout=-5", "timeout="},
        {"pin finish=##", "finish="},
        {"pin finish=a", "finish="},
        {"pin finish=\" \"", "finish="},
        {"pin check=mod11", "check="},
        {"pin check=Luhn", "check="},
        {"pin secret=yes", "secret= is on or off"},
        {"pin secret=On", "secret= is on or off"},
        {"pin secret", "no value"},
        {"pin secret=on secret=on", "twice"},
        {"pin input=voice", "input="},
        {"pin input=speech+dtmf", "input="},
        {"pin input=speech check=luhn", "check=luhn"},
        {"pin play=\"a b\"", "play="},
        {"pin say=x play=y", "not both"},
        {"pin digits=", "no value"},
        {"pin say=", "no value"},
        {"pin say=\"\"", "no value"},
        {"pin say", "no value"},
        {"pin digits=4 digits=4", "twice"},
        {"pin say=x say=y", "twice"},
        {"pin digit=4", "no option"},
        {"pin Digits=4", "no option"},
        {"pin nonsense", "no option"},
        {"pin =4", "no option"},
        {"pin say=\"x", "not closed"},
        {"pin say='x", "not closed"},
        {"pin say=\"x\\\"", "not closed"},
        {"\"pin", "not closed"},
        {"pin '", "not closed"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_field field;
        const char *wrong = parse(cases[i].args, &field);

        ok(wrong && strstr(wrong, cases[i].says), "refused: '%s': '%s'", cases[i].args,
           wrong ? wrong : "");
    }
}

static void own_questions(void)
{
    eg_field field;

    is_str(parse("pin digits=6", &field), NULL, "without a question");
    ok(field.say && strstr(field.say, "6"), "the caller hears how many digits");
    is_str(parse("pin digits=4-6", &field), NULL, "without a question, a range");
    ok(field.say && !field.play, "the caller hears something");
}

static void clashes(void)
{
    static const struct {
        const char *args, *says; /* says NULL: none */
    } cases[] = {
        {"c say=x", NULL},
        {"C step=A say=x", NULL},
        {"a say=x", "name 'a'"},
        {"a step=c say=x", "name 'a'"},
        {"c step=b say=x", "step 'b'"},
        {"sb say=x", NULL},
        {"b step=z say=x", "name 'b'"},
        {"processData say=x", "reserved"},
        {"processData step=c say=x", NULL},
    };
    eg_field fields[EG_FIELDS_MAX], field;

    is_str(parse("a say=x", &fields[0]), NULL, "a field");
    is_str(parse("b say=x", &fields[1]), NULL, "and another");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *wrong;

        is_str(parse(cases[i].args, &field), NULL, "a third: %s", cases[i].args);
        wrong = eg_field_clash(pool, fields, 2, &field);
        if (cases[i].says)
            ok(wrong && strstr(wrong, cases[i].says), "clashes: '%s'", wrong ? wrong : "");
        else
            is_str(wrong, NULL, "fits: %s", cases[i].args);
    }
    for (unsigned i = 0; i < EG_FIELDS_MAX; i++) {
        char args[20];

        snprintf(args, sizeof args, "f%u say=x", i);
        if (parse(args, &fields[i]))
            ok(false, "field %u", i);
    }
    is_str(eg_field_clash(pool, fields, EG_FIELDS_MAX - 1, &field), NULL, "a sixteenth field");
    ok(eg_field_clash(pool, fields, EG_FIELDS_MAX, &field) != NULL, "but no seventeenth");
}

/* Of fields that say nothing about it, all but the first. */
static void secrets(void)
{
    eg_field at[4];
    const eg_fields fields = {at, COUNT(at)};
    static const char *const args[COUNT(at)] = {"a say=x", "b say=x", "c secret=off say=x",
                                                "d secret=on say=x"};
    static const bool want[COUNT(at)] = {false, true, false, true};
    eg_field only;
    const eg_fields one = {&only, 1};

    for (unsigned i = 0; i < COUNT(at); i++)
        is_str(parse(args[i], &at[i]), NULL, "a field: %s", args[i]);
    for (unsigned i = 0; i < COUNT(at); i++)
        ok(eg_field_is_secret(&fields, i) == want[i], "secret, or not: %s", args[i]);
    is_str(parse("pin secret=on say=x", &only), NULL, "a first field that is secret");
    ok(eg_field_is_secret(&one, 0), "is secret");
    ok(!eg_field_is_secret(&eg_default_fields, 0) && eg_field_is_secret(&eg_default_fields, 1),
       "by default the PIN is, the card's digits are not");
}

/* As a form would carry them, beside the fields: whatever the provider. */
static void reserved_names(void)
{
    static const char *const taken[] = {
        "step",          "attempt",       "Digits",        "SpeechResult",
        "bodySHA256",    "CallSid",       "AccountSid",    "ApiVersion",
        "CallStatus",    "Direction",     "From",          "To",
        "Caller",        "Called",        "ForwardedFrom", "CallerName",
        "FromCity",      "FromState",     "FromZip",       "FromCountry",
        "ToCity",        "ToState",       "ToZip",         "ToCountry",
        "CallerCity",    "CallerState",   "CallerZip",     "CallerCountry",
        "CalledCity",    "CalledState",   "CalledZip",     "CalledCountry",
        "msg",           "FinishedOnKey", "Confidence",    "CalledVia",
        "ParentCallSid", "CallToken",     "StirVerstat",   "ErrorCode",
        "ErrorUrl",      "sig",           "CallUUID",      "CallSidLegacy",
        "RequestUUID",   "InputType",     "Speech",        "Event",
        "SessionStart",  "BillRate",      "RouteType"};
    static const char *const free_names[] = {
        "from",  "Tos",     "callsid", "City",     "FromTo",  "FromCityZip", "Digit",
        "Sig",   "FromCit", "T",       "Callers",  "Country", "StepDigits",  "Events",
        "Speec", "CallSi",  "xFrom",   "CityFrom", "msg_",    "CallSidCity"};
    eg_field field;

    for (size_t i = 0; i < COUNT(taken); i++) {
        const char *wrong = parse(taken[i], &field);

        ok(wrong && strstr(wrong, "cannot be named") && strstr(wrong, taken[i]),
           "reserved: %s: '%s'", taken[i], wrong ? wrong : "");
    }
    for (size_t i = 0; i < COUNT(free_names); i++)
        is_str(parse(free_names[i], &field), NULL, "free: %s", free_names[i]);
}

static void plain_names(void)
{
    static const struct {
        eg_span name;
        bool want;
    } cases[] = {
        {EG_LIT("a"), true},         {EG_LIT("A-Z_09"), true},     {EG_LIT(NAME64), true},
        {EG_LIT(NAME64 "e"), false}, {EG_LIT(""), false},          {EG_LIT("a b"), false},
        {EG_LIT("a=b"), false},      {EG_LIT("a&b"), false},       {EG_LIT("a\"b"), false},
        {EG_LIT("a\0"), false},      {EG_LIT("a\xc3\xa9"), false}, {EG_LIT("a%41"), false},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        ok(eg_is_plain_name(cases[i].name) == cases[i].want, "plain name, case %zu", i);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    good();
    bad();
    own_questions();
    clashes();
    secrets();
    reserved_names();
    plain_names();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
