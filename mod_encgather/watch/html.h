/* SPDX-License-Identifier: Apache-2.0
 * Writes HTML that is XML too. What is not a text of ours goes through eg_put_text() alone. */
#ifndef EG_HTML_H
#define EG_HTML_H

#include <apr_buckets.h>
#include "watch/metrics.h"

typedef struct {
    apr_bucket_brigade *out;
    apr_pool_t *pool;
} eg_html;

void eg_put(const eg_html *h, const char *html);

/* Escaped, also for the value of an attribute; what cannot be shown is a question mark. */
void eg_put_text(const eg_html *h, const char *text);

/* A format of ours for numbers and words of ours. */
void eg_putf(const eg_html *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* <open>text<close>, the text escaped */
void eg_put_in(const eg_html *h, const char *open, const char *text, const char *close);

/* A table in a region of its own that scrolls sideways; columns end with NULL. */
void eg_begin_table(const eg_html *h, const char *id, const char *caption,
                    const char *const *columns);
void eg_begin_row(const eg_html *h, const char *head);
void eg_put_number(const eg_html *h, apr_uint64_t number);
void eg_put_cell(const eg_html *h, const char *text);
void eg_end_row(const eg_html *h);
void eg_end_table(const eg_html *h);

#endif
