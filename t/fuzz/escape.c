/* SPDX-License-Identifier: Apache-2.0
 * The TwiML writer: text and attributes read back as what was written, less what XML 1.0 lacks.
 * The first line of the input is an attribute's value, the rest is text. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_xml.h>
#include "core/twiml.h"

static const char *const atoms[] = {"&amp;",
                                    "]]>",
                                    "</Response>",
                                    "\r\n",
                                    "\t",
                                    "\"",
                                    "'",
                                    "<!--",
                                    "\xef\xbf\xbe",
                                    "\xed\xa0\x80",
                                    "\xf4\x8f\xbf\xbf",
                                    "\xc2\x85",
                                    "\x7f",
                                    "\x01",
                                    "\xe2\x82\xac",
                                    NULL};
const fuzz_grammar fuzz_target = {"escape", "\n<>&;\"' ", atoms};

/* XML 1.0, 2.2 */
static bool is_xml_character(unsigned c)
{
    return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff) ||
           (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

/* What an XML parser has to hand out of it. */
static char *expected(apr_pool_t *pool, eg_span text)
{
    char *kept = apr_palloc(pool, text.n + 1), *to = kept;
    unsigned code;

    while (text.n) {
        size_t length = fuzz_utf8(text, &code);

        if (length && is_xml_character(code)) {
            memcpy(to, text.p, length);
            to += length;
        }
        length = length ? length : 1;
        text = (eg_span){text.p + length, text.n - length};
    }
    *to = '\0';
    return kept;
}

static const char *joined(apr_pool_t *pool, const apr_text *text)
{
    apr_array_header_t *all = apr_array_make(pool, 16, sizeof(const char *));

    for (; text; text = text->next)
        APR_ARRAY_PUSH(all, const char *) = text->text;
    return apr_array_pstrcat(pool, all, '\0');
}

static const apr_xml_elem *parsed(apr_pool_t *pool, const eg_twiml *out)
{
    apr_xml_parser *parser = apr_xml_parser_create(pool);
    apr_xml_doc *document = NULL;

    HOLDS(eg_twiml_is_whole(pool, (eg_span){out->bytes, out->n}), "what is written is whole");
    HOLDS(apr_xml_parser_feed(parser, out->bytes, out->n) == APR_SUCCESS &&
              apr_xml_parser_done(parser, &document) == APR_SUCCESS,
          "what is written can be read");
    return document->root->first_child;
}

static void hold_element(apr_pool_t *pool, const apr_xml_elem *element, eg_span attribute,
                         eg_span text)
{
    HOLDS(strcmp(element->name, "Say") == 0 && !element->first_child && !element->next,
          "one element is written");
    HOLDS(strcmp(joined(pool, element->first_cdata.first), expected(pool, text)) == 0,
          "text comes back");
    for (const apr_xml_attr *attr = element->attr; attr; attr = attr->next)
        HOLDS(strcmp(attr->value, *attr->name == 'n' ? apr_psprintf(pool, "%u", (unsigned)text.n)
                                                     : expected(pool, attribute)) == 0,
              "attributes come back");
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_span attribute = fuzz_line(&input);
    const apr_xml_elem *element;
    eg_twiml out;

    eg_twiml_begin(&out, pool);
    eg_twiml_raw(&out, EG_LIT("<Say"));
    eg_twiml_attribute(&out, "voice", attribute);
    eg_twiml_attribute_number(&out, "n", (unsigned)input.n);
    eg_twiml_raw(&out, EG_LIT(">"));
    eg_twiml_text(&out, input);
    eg_twiml_raw(&out, EG_LIT("</Say>"));
    eg_twiml_end(&out);
    HOLDS(out.n <= out.size, "it grows before it is full");
    element = parsed(pool, &out);
    if (element)
        hold_element(pool, element, attribute, input);
    HOLDS(element != NULL, "an element is written");
}
