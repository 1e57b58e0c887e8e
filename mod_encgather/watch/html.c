/* SPDX-License-Identifier: Apache-2.0
 * Writes HTML that is XML too. What is not a text of ours goes through eg_put_text() alone. */
#include "watch/html.h"

#include <stdarg.h>
#include <apr_strings.h>
#include <httpd.h>
#include "watch/snapshot.h"

void eg_put(const eg_html *h, const char *html)
{
    apr_brigade_puts(h->out, NULL, NULL, html);
}

void eg_put_text(const eg_html *h, const char *text)
{
    eg_put(h, ap_escape_html(h->pool, eg_plain_words(h->pool, text)));
}

void eg_putf(const eg_html *h, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    eg_put(h, apr_pvsprintf(h->pool, format, arguments));
    va_end(arguments);
}

void eg_put_in(const eg_html *h, const char *open, const char *text, const char *close)
{
    eg_put(h, open);
    eg_put_text(h, text);
    eg_put(h, close);
}

void eg_begin_table(const eg_html *h, const char *id, const char *caption,
                    const char *const *columns)
{
    eg_put_in(h, "<div class=\"table\" role=\"region\" tabindex=\"0\" id=\"", id, "\"");
    eg_put_in(h, " aria-label=\"", caption, "\">");
    eg_put_in(h, "<table><caption>", caption, "</caption><thead><tr>");
    for (; *columns; columns++)
        eg_put_in(h, "<th scope=\"col\">", *columns, "</th>");
    eg_put(h, "</tr></thead><tbody>\n");
}

void eg_begin_row(const eg_html *h, const char *head)
{
    eg_put_in(h, "<tr><th scope=\"row\">", head, "</th>");
}

void eg_put_number(const eg_html *h, apr_uint64_t number)
{
    if (number)
        eg_putf(h, "<td>%" U64 "</td>", number);
    else
        eg_put(h, "<td class=\"zero\">0</td>");
}

void eg_put_cell(const eg_html *h, const char *text)
{
    eg_put_in(h, "<td>", text, "</td>");
}

void eg_end_row(const eg_html *h)
{
    eg_put(h, "</tr>\n");
}

void eg_end_table(const eg_html *h)
{
    eg_put(h, "</tbody></table></div>\n");
}
