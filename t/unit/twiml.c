/* SPDX-License-Identifier: Apache-2.0
 * Tests of the TwiML writer: what is escaped, what is left out, and that it grows. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include "core/twiml.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"
#define TAIL "</Response>"

static apr_pool_t *pool;

typedef struct {
    const char *name;
    eg_span text;
    const char *want;
} example;

static const char *written(void (*write)(eg_twiml *, eg_span), eg_span text)
{
    char *copy = exact_copy(text.p, text.n);
    eg_twiml out;

    eg_twiml_begin(&out, pool);
    out.n = 0;
    write(&out, (eg_span){copy, text.n});
    eg_twiml_raw(&out, (eg_span){"\0", 1});
    free(copy);
    return out.bytes;
}

static void attribute(eg_twiml *out, eg_span value)
{
    eg_twiml_attribute(out, "a", value);
}

/* Every character of XML 1.0 (2.2) goes through, no other byte does. */
static const example characters[] = {
    {"nothing", EG_LIT(""), ""},
    {"ASCII", EG_LIT("Your PIN, please: 'x' = ~"), "Your PIN, please: 'x' = ~"},
    {"two bytes", EG_LIT("K\xc3\xb6ln"), "K\xc3\xb6ln"},
    {"three bytes", EG_LIT("\xe2\x82\xac"), "\xe2\x82\xac"},
    {"four bytes", EG_LIT("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80"},
    {"DEL", EG_LIT("a\x7f"), "a\x7f"},
    {"U+0080", EG_LIT("\xc2\x80"), "\xc2\x80"},
    {"U+07FF", EG_LIT("\xdf\xbf"), "\xdf\xbf"},
    {"U+0800", EG_LIT("\xe0\xa0\x80"), "\xe0\xa0\x80"},
    {"U+D7FF", EG_LIT("\xed\x9f\xbf"), "\xed\x9f\xbf"},
    {"U+E000", EG_LIT("\xee\x80\x80"), "\xee\x80\x80"},
    {"U+FFFD", EG_LIT("\xef\xbf\xbd"), "\xef\xbf\xbd"},
    {"U+10000", EG_LIT("\xf0\x90\x80\x80"), "\xf0\x90\x80\x80"},
    {"U+10FFFF", EG_LIT("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf"},
    {"NUL", EG_LIT("a\0b"), "ab"},
    {"U+0001",
     EG_LIT("a\x01"
            "b"),
     "ab"},
    {"U+001F",
     EG_LIT("a\x1f"
            "b"),
     "ab"},
    {"vertical tab and form feed", EG_LIT("a\v\fb"), "ab"},
    {"escape", EG_LIT("\x1b[0m"), "[0m"},
    {"U+FFFE",
     EG_LIT("a\xef\xbf\xbe"
            "b"),
     "ab"},
    {"U+FFFF",
     EG_LIT("a\xef\xbf\xbf"
            "b"),
     "ab"},
    {"a lone continuation",
     EG_LIT("a\x80"
            "b"),
     "ab"},
    {"a lead byte alone",
     EG_LIT("a\xc3"
            "b"),
     "ab"},
    {"a lead byte at the end", EG_LIT("a\xc3"), "a"},
    {"a sequence cut off", EG_LIT("a\xe2\x82"), "a"},
    {"a sequence cut off by another", EG_LIT("\xe2\x82\xc3\xb6"), "\xc3\xb6"},
    {"four bytes cut off", EG_LIT("\xf0\x9f\x98"), ""},
    {"an overlong slash",
     EG_LIT("a\xc0\xaf"
            "b"),
     "ab"},
    {"an overlong NUL",
     EG_LIT("a\xc0\x80"
            "b"),
     "ab"},
    {"an overlong <",
     EG_LIT("a\xc0\xbc"
            "b"),
     "ab"},
    {"an overlong < of three bytes",
     EG_LIT("a\xe0\x80\xbc"
            "b"),
     "ab"},
    {"an overlong < of four bytes",
     EG_LIT("a\xf0\x80\x80\xbc"
            "b"),
     "ab"},
    {"U+07FF in three bytes", EG_LIT("\xe0\x9f\xbf"), ""},
    {"U+FFFF in four bytes", EG_LIT("\xf0\x8f\xbf\xbf"), ""},
    {"a lone high surrogate",
     EG_LIT("a\xed\xa0\x80"
            "b"),
     "ab"},
    {"a lone low surrogate",
     EG_LIT("a\xed\xbf\xbf"
            "b"),
     "ab"},
    {"a pair of them", EG_LIT("\xed\xa0\xbd\xed\xb8\x80"), ""},
    {"U+110000",
     EG_LIT("a\xf4\x90\x80\x80"
            "b"),
     "ab"},
    {"five bytes", EG_LIT("\xf8\x88\x80\x80\x80"), ""},
    {"fe and ff", EG_LIT("\xfe\xff"), ""},
};

static const example in_text[] = {
    {"markup", EG_LIT("<Say>&amp;</Say>"), "&lt;Say&gt;&amp;amp;&lt;/Say&gt;"},
    {"the end of CDATA", EG_LIT("]]>"), "]]&gt;"},
    {"quotes", EG_LIT("\"'"), "\"'"},
    {"white space", EG_LIT("\ta\nb c"), "\ta\nb c"},
    {"a carriage return", EG_LIT("a\r\nb"), "a&#xD;\nb"},
};

static const example in_attributes[] = {
    {"markup", EG_LIT("<&>"), "&lt;&amp;&gt;"},
    {"a double quote", EG_LIT("a\" b=\"c"), "a&quot; b=&quot;c"},
    {"a single quote", EG_LIT("O'hara"), "O'hara"},
    {"white space", EG_LIT("\t\n\r "), "&#x9;&#xA;&#xD; "},
    {"a URL", EG_LIT("https://h/x?step=a&b=1"), "https://h/x?step=a&amp;b=1"},
};

static void run(const example *cases, size_t n, bool as_attribute)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = written(as_attribute ? attribute : eg_twiml_text, cases[i].text);
        char want[200];

        snprintf(want, sizeof want, as_attribute ? " a=\"%s\"" : "%s", cases[i].want);
        is_str(got, want, "in %s: %s", as_attribute ? "an attribute" : "text", cases[i].name);
    }
}

static void documents(void)
{
    eg_twiml out;

    eg_twiml_begin(&out, pool);
    eg_twiml_end(&out);
    is_bytes(out.bytes, out.n, HEAD TAIL, sizeof HEAD TAIL - 1, "an empty document");

    eg_twiml_begin(&out, pool);
    eg_twiml_raw(&out, EG_LIT("<Gather"));
    eg_twiml_attribute_number(&out, "timeout", 10);
    eg_twiml_attribute_number(&out, "zero", 0);
    eg_twiml_attribute_number(&out, "most", 4294967295u);
    eg_twiml_raw(&out, (eg_span){NULL, 0});
    eg_twiml_raw(&out, EG_LIT("/>"));
    eg_twiml_end(&out);
#define NUMBERS HEAD "<Gather timeout=\"10\" zero=\"0\" most=\"4294967295\"/>" TAIL
    is_bytes(out.bytes, out.n, NUMBERS, sizeof NUMBERS - 1, "numbers in attributes");
}

/* Pieces of all sizes, far beyond the first room, and one that needs it doubled more than once. */
static void growth(void)
{
    size_t n = sizeof HEAD - 1;
    char *want = malloc(200000), *big = malloc(70000);
    eg_twiml out;

    memcpy(want, HEAD, n);
    memset(big, 'x', 70000);
    eg_twiml_begin(&out, pool);
    for (size_t i = 0; i < 400; i++) {
        char piece[200];

        memset(piece, 'a' + (char)(i % 26), sizeof piece);
        eg_twiml_text(&out, (eg_span){piece, i / 2});
        memcpy(want + n, piece, i / 2);
        n += i / 2;
    }
    eg_twiml_raw(&out, (eg_span){big, 70000});
    memcpy(want + n, big, 70000);
    n += 70000;
    eg_twiml_end(&out);
    memcpy(want + n, TAIL, sizeof TAIL - 1);
    n += sizeof TAIL - 1;
    ok(out.n == n && memcmp(out.bytes, want, n) == 0, "a document of %zu bytes is whole", n);
    ok(out.n <= out.size, "and has the room for it");
    free(big);
    free(want);
}

/* Every size around the first room, filled to the last byte. */
static void edges(void)
{
    char text[1100];
    int wrong = 0;

    memset(text, 'x', sizeof text);
    for (size_t n = 900; n < sizeof text; n++) {
        eg_twiml out;

        eg_twiml_begin(&out, pool);
        eg_twiml_raw(&out, (eg_span){text, n});
        wrong += out.n != sizeof HEAD - 1 + n || out.size < out.n ||
                 memcmp(out.bytes + sizeof HEAD - 1, text, n) != 0;
        eg_twiml_end(&out);
        wrong += out.size < out.n || memcmp(out.bytes + out.n - 11, TAIL, 11) != 0;
        apr_pool_clear(pool);
    }
    is_int(wrong, 0, "documents of around 1 KB");
}

static void whole(void)
{
    static const struct {
        const char *name;
        eg_span document;
        bool want;
    } cases[] = {
        {"an empty response", EG_LIT("<Response/>"), true},
        {"a declaration", EG_LIT(HEAD "<Say>K\xc3\xb6ln</Say>" TAIL), true},
        {"another declaration", EG_LIT("<?xml version='1.0'?><Response></Response>"), true},
        {"lower case", EG_LIT("<?xml version='1.0' encoding='utf-8'?><Response/>"), true},
        {"white space at the end", EG_LIT("<Response/>\r\n"), true},
        {"comments, CDATA, references",
         EG_LIT("<!-- a --><Response><Say><![CDATA[<]]>&amp;&#65;</Say></Response>"), true},
        {"a comment that begins like its end", EG_LIT("<!--><x>--><Response/>"), true},
        {"an instruction in front", EG_LIT("<?a <b>?> <!-- <c> --> <Response/>"), true},
        {"a declaration with more in it",
         EG_LIT("<?xml version=\"1.0\" encoding = 'UTF-8' standalone='no' ?><Response\n/>"), true},
        {"nothing", EG_LIT(""), false},
        {"white space", EG_LIT(" \n"), false},
        {"text", EG_LIT("Hello"), false},
        {"text in front", EG_LIT("Hello<Response/>"), false},
        {"another root", EG_LIT("<Say>x</Say>"), false},
        {"another case", EG_LIT("<response/>"), false},
        {"a longer name", EG_LIT("<Responses/>"), false},
        {"two roots", EG_LIT("<Response/><Response/>"), false},
        {"text behind", EG_LIT("<Response/>x"), false},
        {"cut off", EG_LIT("<Response><Say>x</Say>"), false},
        {"cut off in a tag", EG_LIT("<Response"), false},
        {"not nested", EG_LIT("<Response><Say></Response></Say>"), false},
        {"a bare &", EG_LIT("<Response><Say>A & B</Say></Response>"), false},
        {"an unknown entity", EG_LIT("<Response><Say>&nbsp;</Say></Response>"), false},
        {"an attribute twice", EG_LIT("<Response><Say a='1' a='2'/></Response>"), false},
        {"JSON", EG_LIT("{\"account\":\"1\"}"), false},
        {"HTML", EG_LIT("<!DOCTYPE html><html></html>"), false},
        {"a document type", EG_LIT("<!DOCTYPE Response><Response/>"), false},
        {"an entity of its own",
         EG_LIT("<!DOCTYPE Response [<!ENTITY a 'b'>]><Response>&a;</Response>"), false},
        {"Latin-1, declared",
         EG_LIT("<?xml version='1.0' encoding='ISO-8859-1'?><Response>x</Response>"), false},
        {"Latin-1, with a version that says UTF-8",
         EG_LIT("<?xml version='encoding-utf-8' encoding='ISO-8859-1'?><Response>x</Response>"),
         false},
        {"ASCII, declared", EG_LIT("<?xml version='1.0' encoding='US-ASCII'?><Response/>"), false},
        {"an empty prefix", EG_LIT("<:Response/>"), false},
        {"an empty prefix, and comments", EG_LIT("<!-- <Response> --><:Response/>"), false},
        {"a root that only a comment holds", EG_LIT("<!--><Response/>--><x/>"), false},
        {"the same with an end", EG_LIT("<!--><Response>--><x></x>"), false},
        {"Latin-1", EG_LIT("<Response>K\xf6ln</Response>"), false},
        {"an overlong <", EG_LIT("<Response>\xc0\xbc</Response>"), false},
        {"a NUL", EG_LIT("<Response>\0</Response>"), false},
        {"a NUL behind", EG_LIT("<Response/>\0"), false},
        {"a control character", EG_LIT("<Response>\x01</Response>"), false},
        {"a reference to one", EG_LIT("<Response>&#1;</Response>"), false},
        {"UTF-16", EG_LIT("\xff\xfe<\0R\0e\0s\0p\0o\0n\0s\0e\0/\0>\0"), false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *document = exact_copy(cases[i].document.p, cases[i].document.n);

        ok(eg_twiml_is_whole(pool, (eg_span){document, cases[i].document.n}) == cases[i].want,
           "%s: %s TwiML", cases[i].name, cases[i].want ? "is" : "is not");
        free(document);
    }
}

/* What the writer makes of any bytes is TwiML. */
static void random_bytes(void)
{
    unsigned state = 1, wrong = 0;

    for (unsigned round = 0; round < 2000; round++) {
        static const char bytes[] =
            "<>&\"'\0\x01\t\r\n]] a\x80\xbf\xc0\xc3\xe2\xed\xef\xf0\xf4\xff";
        char text[24];
        eg_twiml out;

        for (size_t i = 0; i < sizeof text; i++) {
            state = state * 1664525u + 1013904223u;
            text[i] = bytes[(state >> 16) % sizeof bytes];
        }
        eg_twiml_begin(&out, pool);
        eg_twiml_raw(&out, EG_LIT("<Say"));
        eg_twiml_attribute(&out, "voice", (eg_span){text, sizeof text});
        eg_twiml_raw(&out, EG_LIT(">"));
        eg_twiml_text(&out, (eg_span){text, sizeof text});
        eg_twiml_raw(&out, EG_LIT("</Say>"));
        eg_twiml_end(&out);
        wrong += !eg_twiml_is_whole(pool, (eg_span){out.bytes, out.n});
        apr_pool_clear(pool);
    }
    is_int(wrong, 0, "2000 documents of random bytes are well-formed");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    run(characters, COUNT(characters), false);
    run(characters, COUNT(characters), true);
    run(in_text, COUNT(in_text), false);
    run(in_attributes, COUNT(in_attributes), true);
    documents();
    growth();
    edges();
    whole();
    random_bytes();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
