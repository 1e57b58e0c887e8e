/* SPDX-License-Identifier: Apache-2.0
 * What a request's headers say of its body, and where is noted what became of it. */
#include "webhook/body.h"

#include <string.h>
#include <apr_strings.h>
#include "base/chain.h"
#include "base/slots.h"

bool eg_has_body(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return apr_table_get(r->headers_in, "Transfer-Encoding") ||
           (length && strspn(length, "0") != strlen(length));
}

static apr_off_t announced_length(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t n;

    if (!length || apr_table_get(r->headers_in, "Transfer-Encoding") ||
        apr_strtoff(&n, length, NULL, 10) != APR_SUCCESS)
        return -1;
    return n;
}

eg_body *eg_body_of(request_rec *r)
{
    request_rec *root = eg_root_of(r);
    eg_body *body = eg_slot_if_any(root, EG_SLOT_BODY);

    if (body)
        return body;
    body = eg_slot_of(root, EG_SLOT_BODY, sizeof *body);
    body->expected = eg_has_body(root);
    body->announced = announced_length(root);
    body->state = body->expected ? EG_BODY_UNREAD : EG_BODY_WHOLE;
    return body;
}

void eg_body_leads_to_ours(request_rec *r)
{
    eg_body_of(r)->leads_to_ours = true;
}

bool eg_body_announces_more(const eg_body *body, apr_size_t limit)
{
    return body->announced > (apr_off_t)limit;
}

bool eg_body_was_taken(request_rec *r)
{
    const eg_body *body = eg_body_of(r);

    return body->was_begun || (body->announced >= 0 && body->n != (apr_size_t)body->announced);
}

bool eg_body_may_lack_some(request_rec *r)
{
    const eg_body *body = eg_body_of(r);

    return body->announced < 0 ? body->was_begun && !body->n
                               : body->n != (apr_size_t)body->announced;
}
