/* SPDX-License-Identifier: Apache-2.0
 * TwiML of a backend, which goes to Twilio as it is: what is called whole is one document of the
 * declared encoding, with <Response> around it, and no more than its own bytes. */
#include "fuzz.h"

#include <string.h>
#include <strings.h>
#include <apr_strings.h>
#include <apr_xml.h>
#include "core/twiml.h"

static const char *const atoms[] = {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
                                    "<Response>",
                                    "</Response>",
                                    "<Response/>",
                                    "<Say>",
                                    "</Say>",
                                    "<![CDATA[",
                                    "]]>",
                                    "<!--",
                                    "-->",
                                    "<!DOCTYPE Response>",
                                    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
                                    "&amp;",
                                    "&b;",
                                    "&#0;",
                                    "&#x10ffff;",
                                    " encoding='ISO-8859-1'",
                                    " encoding='utf-8'",
                                    " version='",
                                    " standalone='yes'",
                                    " xmlns=\"x\"",
                                    " xmlns:a=\"x\"",
                                    "<a:Response>",
                                    "\xef\xbb\xbf",
                                    "<?pi ?>",
                                    NULL};
const fuzz_grammar fuzz_target = {"twiml", "<>&;\"'= ", atoms};

/* --- what the document is, by a look of our own ---------------------------------------------------- */

static eg_span behind_mark(eg_span text)
{
    bool mark = text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0;

    return mark ? (eg_span){text.p + 3, text.n - 3} : text;
}

/* What stands between "<?xml" and "?>"; NULL for a document without a declaration. */
static char *declaration(apr_pool_t *pool, eg_span document)
{
    eg_span text = behind_mark(document);
    const char *end = text.n ? memmem(text.p, text.n, "?>", 2) : NULL;

    if (!end || end - text.p < 6 || memcmp(text.p, "<?xml", 5) != 0 || !eg_is_blank(text.p[5]))
        return NULL; /* "<?xmlsomething ?>" is an instruction */
    return apr_pstrmemdup(pool, text.p + 5, (apr_size_t)(end - text.p) - 5);
}

/* The value of a pseudo-attribute of the declaration, NULL where there is none. */
static const char *declared(apr_pool_t *pool, eg_span document, const char *name)
{
    char *rest = declaration(pool, document);

    while (rest && *rest) {
        char *at = rest + strspn(rest, " \t\r\n"), *equals = strchr(at, '=');
        char *quote = equals ? strpbrk(equals, "\"'") : NULL;
        char *close = quote ? strchr(quote + 1, *quote) : NULL;

        if (!close)
            return NULL;
        if (strncmp(at, name, strlen(name)) == 0)
            return apr_pstrmemdup(pool, quote + 1, (apr_size_t)(close - quote) - 1);
        rest = close + 1;
    }
    return NULL;
}

static eg_span behind(eg_span text, const char *end)
{
    const char *at = memmem(text.p, text.n, end, strlen(end));
    apr_size_t n = at ? (apr_size_t)(at - text.p) + strlen(end) : text.n;

    return (eg_span){text.p + n, text.n - n};
}

static bool begins(eg_span text, const char *with)
{
    return text.n >= strlen(with) && memcmp(text.p, with, strlen(with)) == 0;
}

/* From the first element on: declaration, comments, instructions and white space taken off. */
static eg_span from_root(eg_span document)
{
    eg_span text = behind_mark(document);

    while (text.n) {
        if (begins(text, "<!--"))
            text = behind((eg_span){text.p + 4, text.n - 4}, "-->"); /* "<!-->" ends none */
        else if (begins(text, "<?"))
            text = behind(text, "?>");
        else if (*text.p == '<')
            break;
        else
            text = (eg_span){text.p + 1, text.n - 1};
    }
    return text;
}

/* --- properties ---------------------------------------------------------------------------------- */

static apr_size_t text_size(const apr_text *text)
{
    apr_size_t n = 0;

    for (; text; text = text->next)
        n += strlen(text->text);
    return n;
}

static apr_size_t element_size(const apr_xml_elem *element)
{
    apr_size_t n = strlen(element->name) + text_size(element->first_cdata.first) +
                   text_size(element->following_cdata.first);

    for (const apr_xml_attr *attr = element->attr; attr; attr = attr->next)
        n += strlen(attr->name) + strlen(attr->value);
    return n;
}

/* In the order of the document; NULL behind the last element. */
static const apr_xml_elem *following(const apr_xml_elem *element)
{
    if (element->first_child)
        return element->first_child;
    while (element && !element->next)
        element = element->parent;
    return element ? element->next : NULL;
}

static apr_size_t document_size(const apr_xml_elem *root)
{
    apr_size_t n = 0;

    for (const apr_xml_elem *element = root; element; element = following(element))
        n += element_size(element);
    return n;
}

static const apr_xml_elem *root_of(apr_pool_t *pool, eg_span document)
{
    apr_xml_parser *parser = apr_xml_parser_create(pool);
    apr_xml_doc *parsed = NULL;

    if (apr_xml_parser_feed(parser, document.p, document.n) == APR_SUCCESS &&
        apr_xml_parser_done(parser, &parsed) == APR_SUCCESS)
        return parsed->root;
    return NULL;
}

static bool is_whole(apr_pool_t *pool, eg_span a, eg_span b)
{
    char *both = apr_palloc(pool, a.n + b.n);

    if (a.n)
        memcpy(both, a.p, a.n);
    if (b.n)
        memcpy(both + a.n, b.p, b.n);
    return eg_twiml_is_whole(pool, (eg_span){both, a.n + b.n});
}

static void hold_declaration(apr_pool_t *pool, eg_span document)
{
    const char *encoding = declared(pool, document, "encoding");

    HOLDS(!encoding || strcasecmp(encoding, "utf-8") == 0, "it declares no other encoding");
}

static void hold_end(apr_pool_t *pool, eg_span document)
{
    const char *last = memrchr(document.p, '>', document.n);

    HOLDS(!is_whole(pool, document, EG_LIT("x")), "text behind it makes it another document");
    HOLDS(!is_whole(pool, document, EG_LIT("<Response/>")), "a second root does, too");
    HOLDS(is_whole(pool, document, EG_LIT("\n <!-- --> ")), "a comment behind it does not");
    if (!fuzz_contains((eg_span){last - 2, 3}, EG_LIT("-->")) &&
        !fuzz_contains((eg_span){last - 1, 2}, EG_LIT("?>")))
        HOLDS(!eg_twiml_is_whole(pool, (eg_span){document.p, (apr_size_t)(last - document.p)}),
              "without its end it is not whole");
}

static void hold_whole(apr_pool_t *pool, eg_span document)
{
    const apr_xml_elem *root = root_of(pool, document);

    HOLDS(fuzz_is_utf8(document) && !memchr(document.p, '\0', document.n), "it is UTF-8 text");
    HOLDS(root && strcmp(root->name, "Response") == 0, "its root is <Response>");
    HOLDS(begins(from_root(document), "<Response") && strchr(" \t\r\n/>", from_root(document).p[9]),
          "it is spelled like that");
    HOLDS(!fuzz_contains(document, EG_LIT("<!DOCTYPE")), "it has no document type");
    HOLDS(document_size(root) <= document.n, "nothing in it becomes more than was sent");
    hold_declaration(pool, document);
    hold_end(pool, document);
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    if (eg_twiml_is_whole(pool, input))
        hold_whole(pool, input);
}
