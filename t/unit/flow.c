/* SPDX-License-Identifier: Apache-2.0
 * Tests of the steps of a call: which comes next, what is accepted, and the TwiML that asks. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "core/flow.h"

#define TOKEN "000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf"
#define OTHER "0c0d0e0f1011121314151617accd5be913918a24d4a6e56d28d319ead2f727be"
#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"

static apr_pool_t *pool;

static void steps(void)
{
    static const struct {
        eg_span name;
        int want; /* -1: refused */
    } cases[] = {
        {{NULL, 0}, 0},
        {EG_LIT("getLast4CC"), 0},
        {EG_LIT("getPin"), 1},
        {EG_LIT("processData"), 2},
        {EG_LIT(""), -1},
        {EG_LIT("getpin"), -1},
        {EG_LIT("getPi"), -1},
        {EG_LIT("getPinx"), -1},
        {EG_LIT("getPin\0"), -1},
        {EG_LIT(" getPin"), -1},
        {EG_LIT("encryptedPinDigits"), -1},
        {EG_LIT("3"), -1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned step = 99;
        eg_status status = eg_flow_step(&eg_default_fields, cases[i].name, &step);

        is_int(status, cases[i].want < 0 ? EG_EMALFORMED : EG_OK, "step, case %zu", i);
        if (status == EG_OK)
            is_int(step, cases[i].want, "step, case %zu", i);
    }
    is_str(eg_flow_step_name(&eg_default_fields, 0), "getLast4CC", "the first step");
    is_str(eg_flow_step_name(&eg_default_fields, 1), "getPin", "the second");
    is_str(eg_flow_step_name(&eg_default_fields, 2), "processData", "the last");
}

static void default_fields(void)
{
    static const char *const names[] = {"encryptedCardDigits", "encryptedPinDigits"};

    if (!is_int(eg_default_fields.n, 2, "two fields by default"))
        return;
    for (size_t i = 0; i < COUNT(names); i++) {
        const eg_field *field = &eg_default_fields.at[i];

        is_str(field->name, names[i], "its name");
        ok(field->min == 4 && field->max == 4 && field->timeout == 10, "four digits, ten seconds");
        ok(field->say && *field->say && !field->play && !field->luhn && !field->finish,
           "a question and nothing else");
    }
}

static void attempts(void)
{
    static const struct {
        eg_span text;
        int want; /* -1: refused */
    } cases[] = {
        {{NULL, 0}, 1},
        {EG_LIT("1"), 1},
        {EG_LIT("2"), 2},
        {EG_LIT("10"), 10},
        {EG_LIT("99"), 99},
        {EG_LIT("100"), 100},
        {EG_LIT("999"), 999},
        {EG_LIT("1000"), -1},
        {EG_LIT("9999"), -1},
        {EG_LIT(""), -1},
        {EG_LIT("0"), -1},
        {EG_LIT("00"), -1},
        {EG_LIT("01"), -1},
        {EG_LIT("001"), -1},
        {EG_LIT("-1"), -1},
        {EG_LIT("+1"), -1},
        {EG_LIT(" 1"), -1},
        {EG_LIT("1 "), -1},
        {EG_LIT("1.0"), -1},
        {EG_LIT("0x1"), -1},
        {EG_LIT("1e1"), -1},
        {EG_LIT("a"), -1},
        {EG_LIT("1\0"), -1},
        {EG_LIT("\xb2"), -1},
        {EG_LIT("4294967297"), -1},
        {EG_LIT("18446744073709551617"), -1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = exact_copy(cases[i].text.p, cases[i].text.n);
        eg_span given = {cases[i].text.p ? text : NULL, cases[i].text.n};
        unsigned attempt = 99999;
        eg_status status = eg_flow_attempt(given, &attempt);

        is_int(status, cases[i].want < 0 ? EG_EMALFORMED : EG_OK, "attempt '%.*s'", (int)given.n,
               given.n ? given.p : "");
        if (status == EG_OK)
            is_int(attempt, cases[i].want, "is its number");
        free(text);
    }
}

static void accepted(void)
{
    static const struct {
        unsigned min, max;
        eg_span digits;
        bool want;
    } cases[] = {
        {4, 4, EG_LIT("1234"), true},
        {4, 4, EG_LIT("0000"), true},
        {4, 4, EG_LIT("123"), false},
        {4, 4, EG_LIT("12345"), false},
        {4, 4, EG_LIT(""), false},
        {4, 4, EG_LIT("12 4"), false},
        {4, 4, EG_LIT("123#"), false},
        {4, 4, EG_LIT("*123"), false},
        {4, 4, EG_LIT("123a"), false},
        {4, 4, EG_LIT("-123"), false},
        {4, 4, EG_LIT("123\0"), false},
        {4, 4, EG_LIT("12\xb2\xb3"), false},
        {4, 4, EG_LIT("1/2:"), false},
        {4, 4, {NULL, 0}, false},
        {2, 4, EG_LIT("1"), false},
        {2, 4, EG_LIT("12"), true},
        {2, 4, EG_LIT("123"), true},
        {2, 4, EG_LIT("1234"), true},
        {2, 4, EG_LIT("12345"), false},
        {1, 32, EG_LIT("0"), true},
        {1, 32, EG_LIT("01234567890123456789012345678901"), true},
        {1, 32, EG_LIT("012345678901234567890123456789012"), false},
        {7, 7, EG_LIT("TIMEOUT"), false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_field field = {.min = cases[i].min, .max = cases[i].max};
        char *digits = exact_copy(cases[i].digits.p, cases[i].digits.n);

        ok(eg_field_accepts(&field, (eg_span){digits, cases[i].digits.n}) == cases[i].want,
           "%u to %u digits, case %zu", field.min, field.max, i);
        free(digits);
    }
}

static void spoken(void)
{
    static const struct {
        eg_input input;
        size_t n;
        bool keys, words; /* whether four digits, and n bytes of speech, are an answer */
    } cases[] = {
        {EG_INPUT_DTMF, 10, true, false},
        {EG_INPUT_SPEECH, 10, false, true},
        {EG_INPUT_BOTH, 10, true, true},
        {EG_INPUT_SPEECH, 0, false, false},
        {EG_INPUT_SPEECH, 1, false, true},
        {EG_INPUT_SPEECH, EG_SPEECH_MAX, false, true},
        {EG_INPUT_SPEECH, EG_SPEECH_MAX + 1, false, false},
        {EG_INPUT_BOTH, EG_SPEECH_MAX + 1, true, false},
    };
    char words[EG_SPEECH_MAX + 1];

    memset(words, 'x', sizeof words);
    for (size_t i = 0; i < COUNT(cases); i++) {
        eg_field field = {.min = 4, .max = 4, .input = cases[i].input};

        ok(eg_field_accepts(&field, EG_LIT("1234")) == cases[i].keys, "keys, case %zu", i);
        ok(eg_field_accepts_speech(&field, (eg_span){words, cases[i].n}) == cases[i].words,
           "words, case %zu", i);
    }
}

/* Test numbers that the card schemes have published. */
static void check_digits(void)
{
    static const char *const cards[] = {
        "4111111111111111",
        "4012888888881881",
        "4222222222222",
        "5555555555554444",
        "5105105105105100",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "6011000990139424",
        "30569309025904",
        "3530111333300000",
        "3566002020360505",
        "79927398713",
        "0",
        "00",
        "18",
    };
    eg_field field = {.min = 1, .max = 32, .luhn = true};

    for (size_t i = 0; i < COUNT(cards); i++) {
        size_t n = strlen(cards[i]);
        char *digits = exact_copy(cards[i], n);
        int passed = 0;

        ok(eg_field_accepts(&field, (eg_span){digits, n}), "the check digit of %s fits", cards[i]);
        for (size_t k = 0; k < n; k++)
            for (char c = '0'; c <= '9'; c++) {
                digits[k] = c;
                passed += c != cards[i][k] && eg_field_accepts(&field, (eg_span){digits, n});
                digits[k] = cards[i][k];
            }
        is_int(passed, 0, "with any digit changed it does not");
        free(digits);
    }
    ok(!eg_field_accepts(&field, EG_LIT("4111111111111112")), "a wrong check digit");
    field.min = 16;
    ok(!eg_field_accepts(&field, EG_LIT("378282246310005")), "the length counts all the same");
    field.luhn = false;
    ok(eg_field_accepts(&field, EG_LIT("4111111111111112")), "without luhn it does not matter");
}

static const char *asked(const eg_question *question)
{
    eg_twiml out;

    eg_twiml_begin(&out, pool);
    eg_flow_ask(&out, question);
    eg_twiml_end(&out);
    return apr_pstrmemdup(pool, out.bytes, out.n);
}

/* Attribute for attribute what the interface promises. */
static void the_call(void)
{
    static const eg_span tokens[] = {EG_LIT(TOKEN)};
    eg_question q = {.dialect = &eg_dialect_twiml,
                     .origin = EG_LIT("https://HOST"),
                     .path = EG_LIT("/encrypted-gather"),
                     .fields = &eg_default_fields,
                     .field = 0,
                     .tokens = tokens,
                     .attempt = 1,
                     .voice = {NULL, NULL}};

#define REST                                                                                       \
    " method=\"POST\" input=\"dtmf\" timeout=\"10\" numDigits=\"4\" actionOnEmptyResult=\"true\">" \
    "<Say>%s</Say></Gather></Response>"
#define ACTION HEAD "<Gather action=\"https://HOST/encrypted-gather?step="
    is_str(asked(&q), apr_psprintf(pool, ACTION "getPin\"" REST, eg_default_fields.at[0].say),
           "the first question");
    q.attempt = 2;
    is_str(asked(&q),
           apr_psprintf(pool, ACTION "getPin&amp;attempt=2\"" REST, eg_default_fields.at[0].say),
           "the first question, again");
    q.field = 1;
    q.attempt = 1;
    is_str(asked(&q),
           apr_psprintf(pool, ACTION "processData&amp;encryptedCardDigits=" TOKEN "\"" REST,
                        eg_default_fields.at[1].say),
           "the second question");
    q.attempt = 999;
    is_str(asked(&q),
           apr_psprintf(
               pool, ACTION "processData&amp;encryptedCardDigits=" TOKEN "&amp;attempt=999\"" REST,
               eg_default_fields.at[1].say),
           "the second question, for the last time");
}

#define ASK(attributes, prompt) ASK_BY("dtmf", attributes, prompt)
#define ASK_BY(input, attributes, prompt)                                                          \
    HEAD "<Gather action=\"http://[::1]:8080/a%20b&quot;&lt;?step=two&amp;zero=" TOKEN             \
         "\" method=\"POST\" input=\"" input "\" timeout=\"600\"" attributes                       \
         " actionOnEmptyResult=\"true\">" prompt "</Gather></Response>"

static void options(void)
{
    static const struct {
        const char *name;
        eg_field field;
        eg_voice voice;
        const char *want;
    } cases[] = {
        {"a range asks for its most",
         {.min = 3, .max = 9, .say = "A & B"},
         {NULL, NULL},
         ASK(" numDigits=\"9\"", "<Say>A &amp; B</Say>")},
        {"finish=*",
         {.max = 9, .finish = '*', .say = "x"},
         {NULL, NULL},
         ASK(" finishOnKey=\"*\" numDigits=\"9\"", "<Say>x</Say>")},
        {"finish=#",
         {.max = 32, .finish = '#', .say = "x"},
         {NULL, NULL},
         ASK(" finishOnKey=\"#\" numDigits=\"32\"", "<Say>x</Say>")},
        {"a recording, which has no voice",
         {.max = 1, .play = "https://h/a.wav?b=1&c=2"},
         {"alice", "en-GB"},
         ASK(" numDigits=\"1\"", "<Play>https://h/a.wav?b=1&amp;c=2</Play>")},
        {"the call's voice",
         {.max = 1, .say = "x"},
         {"alice", "en-GB"},
         ASK(" numDigits=\"1\"", "<Say voice=\"alice\" language=\"en-GB\">x</Say>")},
        {"the field's voice comes first",
         {.max = 1, .say = "x", .voice = "Polly.Amy", .language = "de-DE"},
         {"alice", "en-GB"},
         ASK(" numDigits=\"1\"", "<Say voice=\"Polly.Amy\" language=\"de-DE\">x</Say>")},
        {"the field's language, the call's voice",
         {.max = 1, .say = "x", .language = "de-DE"},
         {"alice", "en-GB"},
         ASK(" numDigits=\"1\"", "<Say voice=\"alice\" language=\"de-DE\">x</Say>")},
        {"a language without a voice",
         {.max = 1, .say = "x"},
         {NULL, "en-GB"},
         ASK(" numDigits=\"1\"", "<Say language=\"en-GB\">x</Say>")},
        {"speech has no number of digits",
         {.max = 4, .say = "x", .input = EG_INPUT_SPEECH},
         {NULL, NULL},
         ASK_BY("speech", "", "<Say>x</Say>")},
        {"keys or speech",
         {.max = 4, .say = "x", .input = EG_INPUT_BOTH},
         {NULL, NULL},
         ASK_BY("dtmf speech", " numDigits=\"4\"", "<Say>x</Say>")},
        {"a voice with a quote in it",
         {.max = 1, .say = "x"},
         {"\"<", NULL},
         ASK(" numDigits=\"1\"", "<Say voice=\"&quot;&lt;\">x</Say>")},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        static const eg_span tokens[] = {EG_LIT(TOKEN)};
        eg_field all[3] = {{.name = "zero", .step = "zero"}, cases[i].field, {.step = "two"}};
        eg_fields fields = {all, 3};
        eg_question q = {.dialect = &eg_dialect_twiml,
                         .origin = EG_LIT("http://[::1]:8080"),
                         .path = EG_LIT("/a%20b\"<"),
                         .fields = &fields,
                         .field = 1,
                         .tokens = tokens,
                         .attempt = 1,
                         .voice = cases[i].voice};

        all[1].name = all[1].step = "one";
        all[1].timeout = 600;
        is_str(asked(&q), cases[i].want, "%s", cases[i].name);
    }
}

/* Said before the question, in the voice of the question. */
static void complaints(void)
{
    eg_field field = {.name = "a", .step = "a", .max = 1, .timeout = 5, .play = "/a.wav"};
    eg_fields fields = {&field, 1};
    eg_question q = {.dialect = &eg_dialect_twiml,
                     .origin = EG_LIT("https://HOST"),
                     .path = EG_LIT("/x"),
                     .fields = &fields,
                     .complaint = "Not <quite>.",
                     .attempt = 2,
                     .voice = {"alice", NULL}};

#define COMPLAINED                                                                                 \
    HEAD "<Gather action=\"https://HOST/x?step=processData&amp;attempt=2\" method=\"POST\" input=" \
         "\"dtmf\" timeout=\"5\" numDigits=\"1\" actionOnEmptyResult=\"true\">"                    \
         "<Say voice=\"alice\">Not &lt;quite&gt;.</Say>"
    is_str(asked(&q), COMPLAINED "<Play>/a.wav</Play></Gather></Response>",
           "a complaint before a recording");
    field.play = NULL;
    field.say = "Again";
    is_str(asked(&q), COMPLAINED "<Say voice=\"alice\">Again</Say></Gather></Response>",
           "a complaint before a question");
}

/* The longest action there can be: 15 tokens of 32 digits each. */
static void many_fields(void)
{
    eg_field all[EG_FIELDS_MAX];
    eg_span tokens[EG_FIELDS_MAX];
    eg_fields fields = {all, EG_FIELDS_MAX};
    eg_question q = {.dialect = &eg_dialect_twiml,
                     .origin = EG_LIT("https://HOST"),
                     .path = EG_LIT("/x"),
                     .fields = &fields,
                     .field = EG_FIELDS_MAX - 1,
                     .tokens = tokens,
                     .attempt = 3,
                     .voice = {NULL, NULL}};
    const char *action = HEAD "<Gather action=\"https://HOST/x?step=processData";

    for (unsigned i = 0; i < EG_FIELDS_MAX; i++) {
        all[i] = (eg_field){.max = 32, .timeout = 1, .say = "x"};
        all[i].name = all[i].step = apr_psprintf(pool, "field%u", i);
        tokens[i] = eg_span_of(i % 2 ? OTHER TOKEN : TOKEN OTHER);
        if (i < q.field)
            action = apr_psprintf(pool, "%s&amp;field%u=%s", action, i, tokens[i].p);
    }
    action = apr_pstrcat(pool, action,
                         "&amp;attempt=3\" method=\"POST\" input=\"dtmf\" timeout=\"1\""
                         " numDigits=\"32\" actionOnEmptyResult=\"true\"><Say>x</Say></Gather>"
                         "</Response>",
                         NULL);
    is_str(asked(&q), action, "all tokens are carried, in the order of the fields");
}

static void sentences(void)
{
    static const eg_voice voice = {"alice", "en-GB"}, none = {NULL, NULL};
    eg_twiml out;

    eg_twiml_begin(&out, pool);
    eg_flow_say(&out, &eg_dialect_twiml, &none, EG_LIT("12 < 13"));
    eg_flow_say(&out, &eg_dialect_twiml, &voice, EG_LIT("Bye"));
    eg_twiml_end(&out);
    is_str(apr_pstrmemdup(pool, out.bytes, out.n),
           HEAD "<Say>12 &lt; 13</Say><Say voice=\"alice\" language=\"en-GB\">Bye</Say></Response>",
           "sentences with and without a voice");
}

/* --- in the words of others -------------------------------------------------------------------- */

#define SILENCE(query) "<Redirect method=\"POST\">https://HOST/x?" query "</Redirect></Response>"

static void dialects(void)
{
    eg_span tokens[] = {EG_LIT("abc")};
    eg_question q = {.dialect = &eg_dialect_texml,
                     .origin = EG_LIT("https://HOST"),
                     .path = EG_LIT("/x"),
                     .fields = &eg_default_fields,
                     .field = 1,
                     .tokens = tokens,
                     .attempt = 2,
                     .sig = EG_LIT("SIG")};
    eg_span query = eg_flow_query(pool, &q);

    is_str(apr_pstrmemdup(pool, query.p, query.n),
           "step=processData&encryptedCardDigits=abc&attempt=2", "the query that is signed");
    is_str(asked(&q),
           HEAD "<Gather action=\"https://HOST/x?step=processData&amp;encryptedCardDigits=abc"
                "&amp;attempt=2&amp;sig=SIG\" input=\"dtmf\" timeout=\"10\" numDigits=\"4\">"
                "<Say>Now please key in your four digit PIN.</Say></Gather>" SILENCE(
                    "step=processData&amp;encryptedCardDigits=abc&amp;attempt=2&amp;sig=SIG"),
           "TeXML: no method, and a way out of silence");
    q = (eg_question){.dialect = &eg_dialect_plivo,
                      .origin = q.origin,
                      .path = q.path,
                      .fields = q.fields,
                      .attempt = 1};
    is_str(asked(&q),
           HEAD
           "<GetInput action=\"https://HOST/x?step=getPin\" method=\"POST\" inputType=\"dtmf\" "
           "executionTimeout=\"10\" numDigits=\"4\" log=\"false\"><Speak>Please key in the last "
           "four digits of your card.</Speak></GetInput>" SILENCE("step=getPin"),
           "Plivo: other names, and digits that are not logged");
}

static void what_follows(void)
{
    eg_twiml out;

    eg_twiml_begin(&out, pool);
    eg_flow_dial(&out, &eg_dialect_twiml, EG_LIT("+1555"));
    eg_flow_dial(&out, &eg_dialect_plivo, EG_LIT("+1555"));
    eg_flow_redirect(&out, EG_LIT("https://x?a=1&b=2"));
    eg_twiml_end(&out);
    is_str(apr_pstrmemdup(pool, out.bytes, out.n),
           HEAD "<Dial>+1555</Dial><Dial><Number>+1555</Number></Dial><Redirect method=\"POST\">"
                "https://x?a=1&amp;b=2</Redirect></Response>",
           "numbers to dial and URLs");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    steps();
    default_fields();
    attempts();
    accepted();
    spoken();
    check_digits();
    the_call();
    options();
    complaints();
    many_fields();
    sentences();
    dialects();
    what_follows();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
