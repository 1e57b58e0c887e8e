/* SPDX-License-Identifier: Apache-2.0
 * A writer for TwiML (https://www.twilio.com/docs/voice/twiml): escapes what XML 1.0 asks. */
#ifndef EG_TWIML_H
#define EG_TWIML_H

#include <stdbool.h>
#include <apr_pools.h>
#include "bytes.h"

/* Grows in its pool. Only public text and tokens come here: it is not wiped. */
typedef struct {
    apr_pool_t *pool;
    char *bytes;
    apr_size_t n;
    apr_size_t size;
} eg_twiml;

void eg_twiml_begin(eg_twiml *out, apr_pool_t *pool);
void eg_twiml_end(eg_twiml *out);

/* Room for so many bytes more than there is. */
void eg_twiml_reserve(eg_twiml *out, apr_size_t more);

/* As they are: markup and text that is known to need no escaping. Most of an answer is made of short ones. */
static inline void eg_twiml_raw(eg_twiml *out, eg_span markup)
{
    if (out->size - out->n < markup.n)
        eg_twiml_reserve(out, markup.n);
    if (markup.n)
        memcpy(out->bytes + out->n, markup.p, markup.n);
    out->n += markup.n;
}

/* & < > escaped; bytes that are no UTF-8 and characters that XML 1.0 lacks (2.2) are left out. */
void eg_twiml_text(eg_twiml *out, eg_span text);

/* ` name="value"`, with " and the white space that a parser would normalize escaped too. */
void eg_twiml_attribute(eg_twiml *out, const char *name, eg_span value);
void eg_twiml_attribute_number(eg_twiml *out, const char *name, unsigned value);

/* A piece of an attribute's value that is put together between raw quotation marks. */
void eg_twiml_attribute_part(eg_twiml *out, eg_span value);
/* In decimal. */
void eg_twiml_number(eg_twiml *out, unsigned value);

/* Whether these bytes are a well-formed XML document in UTF-8, without a document type, with a
 * <Response> as its root. */
bool eg_twiml_is_whole(apr_pool_t *pool, eg_span document);

#endif
