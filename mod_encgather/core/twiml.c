/* SPDX-License-Identifier: Apache-2.0
 * A writer for TwiML (https://www.twilio.com/docs/voice/twiml): escapes what XML 1.0 asks. */
#include "twiml.h"

#include <string.h>
#include <strings.h>
#include <apr_strings.h>
#include <apr_xml.h>

#define FIRST_SIZE 1024

void eg_twiml_reserve(eg_twiml *out, apr_size_t more)
{
    apr_size_t size = out->size;
    char *bytes;

    while (size - out->n < more)
        size *= 2;
    bytes = apr_palloc(out->pool, size);
    memcpy(bytes, out->bytes, out->n);
    out->bytes = bytes;
    out->size = size;
}

void eg_twiml_begin(eg_twiml *out, apr_pool_t *pool)
{
    out->pool = pool;
    out->n = 0;
    out->size = FIRST_SIZE;
    out->bytes = apr_palloc(pool, FIRST_SIZE);
    eg_twiml_raw(out, EG_LIT("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"));
}

void eg_twiml_end(eg_twiml *out)
{
    eg_twiml_raw(out, EG_LIT("</Response>"));
}

/* The length of a well-formed UTF-8 sequence (RFC 3629) for a character of XML 1.0, or 0. */
static apr_size_t character_length(const unsigned char *p, apr_size_t n)
{
    if (*p < 0x80)
        return *p >= 0x20 || *p == '\t' || *p == '\n' || *p == '\r';
    if (n >= 3 && memcmp(p, "\xef\xbf", 2) == 0 && p[2] >= 0xbe)
        return 0; /* U+FFFE and U+FFFF */
    return eg_utf8_length((eg_span){(const char *)p, n});
}

/* What stands for a character in text and in attributes; an empty span: itself. */
static eg_span escape_text(char c)
{
    switch (c) {
    case '&':
        return EG_LIT("&amp;");
    case '<':
        return EG_LIT("&lt;");
    case '>':
        return EG_LIT("&gt;");
    case '\r':
        return EG_LIT("&#xD;");
    default:
        return (eg_span){"", 0};
    }
}

static eg_span escape_attribute(char c)
{
    switch (c) {
    case '"':
        return EG_LIT("&quot;");
    case '\t':
        return EG_LIT("&#x9;");
    case '\n':
        return EG_LIT("&#xA;");
    default:
        return escape_text(c);
    }
}

/* ASCII that stands for itself in text and in attributes. */
#define PLAIN_8(c)                                                                                 \
    [(c)] = true, [(c) + 1] = true, [(c) + 2] = true, [(c) + 3] = true, [(c) + 4] = true,          \
    [(c) + 5] = true, [(c) + 6] = true, [(c) + 7] = true

static const bool is_plain[256] = {
    [' '] = true, ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['\''] = true,
    PLAIN_8('('), PLAIN_8('0'), ['8'] = true, ['9'] = true, [':'] = true, [';'] = true,
    ['='] = true, ['?'] = true, PLAIN_8('@'), PLAIN_8('H'), PLAIN_8('P'), PLAIN_8('X'),
    PLAIN_8('`'), PLAIN_8('h'), PLAIN_8('p'), ['x'] = true, ['y'] = true, ['z'] = true,
    ['{'] = true, ['|'] = true, ['}'] = true, ['~'] = true,
};

/* The length of what needs no closer look. */
static apr_size_t verbatim_length(eg_span text)
{
    apr_size_t n = 0;

    while (n < text.n && is_plain[(unsigned char)text.p[n]])
        n++;
    return n;
}

static void escaped(eg_twiml *out, eg_span text, eg_span (*escape)(char))
{
    for (apr_size_t i = 0; i < text.n;) {
        eg_span rest = {text.p + i, text.n - i};
        apr_size_t plain = verbatim_length(rest);
        apr_size_t length = plain ? 0 : character_length((const unsigned char *)rest.p, rest.n);
        eg_span instead = length == 1 ? escape(*rest.p) : (eg_span){"", 0};

        if (plain)
            eg_twiml_raw(out, (eg_span){rest.p, plain});
        else if (instead.n)
            eg_twiml_raw(out, instead);
        else
            eg_twiml_raw(out, (eg_span){rest.p, length});
        i += plain ? plain : length ? length : 1;
    }
}

void eg_twiml_text(eg_twiml *out, eg_span text)
{
    escaped(out, text, escape_text);
}

static void open_attribute(eg_twiml *out, const char *name)
{
    eg_twiml_raw(out, EG_LIT(" "));
    eg_twiml_raw(out, eg_span_of(name));
    eg_twiml_raw(out, EG_LIT("=\""));
}

void eg_twiml_attribute(eg_twiml *out, const char *name, eg_span value)
{
    open_attribute(out, name);
    eg_twiml_attribute_part(out, value);
    eg_twiml_raw(out, EG_LIT("\""));
}

void eg_twiml_attribute_part(eg_twiml *out, eg_span value)
{
    escaped(out, value, escape_attribute);
}

/* printf(3) would cost more than the rest of an answer. */
void eg_twiml_number(eg_twiml *out, unsigned value)
{
    char text[16];
    apr_size_t i = sizeof text;

    do {
        text[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    eg_twiml_raw(out, (eg_span){text + i, sizeof text - i});
}

void eg_twiml_attribute_number(eg_twiml *out, const char *name, unsigned value)
{
    open_attribute(out, name);
    eg_twiml_number(out, value);
    eg_twiml_raw(out, EG_LIT("\""));
}

static bool is_text(eg_span text)
{
    for (apr_size_t i = 0; i < text.n;) {
        apr_size_t length = character_length((const unsigned char *)text.p + i, text.n - i);

        if (!length)
            return false;
        i += length;
    }
    return true;
}

/* Entities can make much out of little (and a document type can name files): neither is TwiML. */
static bool has_document_type(eg_span text)
{
    for (apr_size_t i = 0; i + 9 <= text.n; i++)
        if (memcmp(text.p + i, "<!DOCTYPE", 9) == 0)
            return true;
    return false;
}

static eg_span without_mark(eg_span text)
{
    const apr_size_t mark = text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    return (eg_span){text.p + mark, text.n - mark};
}

/* The XML declaration, or an empty text. */
static const char *declaration(apr_pool_t *pool, eg_span document)
{
    const eg_span text = without_mark(document);
    const char *end =
        text.n > 5 && memcmp(text.p, "<?xml", 5) == 0 ? memchr(text.p, '>', text.n) : NULL;

    return end ? apr_pstrmemdup(pool, text.p, (apr_size_t)(end - text.p)) : "";
}

/* Its version comes first, and parsers take any word for one. */
static const char *behind_version(const char *head)
{
    const char *open = strpbrk(head, "\"'");
    const char *close = open ? strchr(open + 1, *open) : NULL;

    return close ? close + 1 : head;
}

/* The declaration may only name what the Content-Type of our answer says. */
static bool names_another_encoding(apr_pool_t *pool, eg_span document)
{
    const char *encoding = strstr(behind_version(declaration(pool, document)), "encoding");
    const char *value = encoding ? strpbrk(encoding, "\"'") : NULL;

    return encoding && (!value || strncasecmp(value + 1, "utf-8", 5) != 0 || value[6] != *value);
}

/* The root of a well-formed document, behind comments and instructions: "<!-->" does not end what it
 * begins. apr_xml tells less: to it, ":Response" is a Response. */
static bool root_is_response(const char *p)
{
    while (p && (p = strchr(p, '<')) != NULL && (p[1] == '?' || p[1] == '!'))
        p = p[1] == '?' ? strstr(p + 2, "?>") : strstr(p + 4, "-->");
    return p && strncmp(p, "<Response", 9) == 0 && p[9] && strchr(" \t\r\n/>", p[9]);
}

bool eg_twiml_is_whole(apr_pool_t *pool, eg_span document)
{
    apr_xml_parser *parser = apr_xml_parser_create(pool);
    apr_xml_doc *parsed = NULL;

    if (!is_text(document) || has_document_type(document) || names_another_encoding(pool, document))
        return false;
    return apr_xml_parser_feed(parser, document.p, document.n) == APR_SUCCESS &&
           apr_xml_parser_done(parser, &parsed) == APR_SUCCESS &&
           parsed->root->ns == APR_XML_NS_NONE &&
           root_is_response(apr_pstrmemdup(pool, document.p, document.n));
}
