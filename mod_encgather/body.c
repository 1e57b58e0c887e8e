/* SPDX-License-Identifier: Apache-2.0
 * Request bodies: read to their end within a limit, wiped where they came from. */
#include "body.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "core/secret.h"

static ap_filter_rec_t *catch_filter;

bool eg_body_expected(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return apr_table_get(r->headers_in, "Transfer-Encoding") ||
           (length && strspn(length, "0") != strlen(length));
}

/* The announced length, or -1 where none is. */
static apr_off_t announced(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t n;

    if (!length || apr_table_get(r->headers_in, "Transfer-Encoding") ||
        apr_strtoff(&n, length, NULL, 10) != APR_SUCCESS)
        return -1;
    return n;
}

bool eg_body_announces_too_much(const request_rec *r)
{
    return announced(r) > (apr_off_t)eg_config_max_body(eg_config_of(r));
}

/* --- reading ----------------------------------------------------------------------------------- */

/* What HTTP_IN finds wrong in a body it answers by itself, with an ErrorDocument, through the
 * request's output filters. On top of them while we read, this one takes the status instead. */
static apr_status_t catch_error(ap_filter_t *f, apr_bucket_brigade *in)
{
    int *status = f->ctx;

    for (apr_bucket *b = APR_BRIGADE_FIRST(in); b != APR_BRIGADE_SENTINEL(in);
         b = APR_BUCKET_NEXT(b))
        if (AP_BUCKET_IS_ERROR(b))
            *status = ((ap_bucket_error *)b->data)->status;
    if (!*status)
        return ap_pass_brigade(f->next, in); /* "100 Continue" */
    apr_brigade_cleanup(in);
    return APR_EGENERAL;
}

/* Memory that is the bucket's own may be overwritten; a file's or a constant's may not. */
static void wipe_bucket(const apr_bucket *b, const char *bytes, apr_size_t n)
{
    if (APR_BUCKET_IS_HEAP(b) || APR_BUCKET_IS_POOL(b) || APR_BUCKET_IS_TRANSIENT(b))
        eg_wipe((void *)(apr_uintptr_t)bytes, n);
}

/* What to do with the bytes of a body; false once they are more than allowed. */
typedef bool (*take_fn)(void *to, const char *bytes, apr_size_t n);

typedef enum { READ_ON, READ_END, READ_STOPPED, READ_FAILED } read_state;

/* A brigade is taken whole, even beyond the limit: somebody may have to hand it on. */
static read_state take_brigade(apr_bucket_brigade *in, take_fn take, void *to)
{
    bool within = true;
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(in); b != APR_BRIGADE_SENTINEL(in); b = APR_BUCKET_NEXT(b)) {
        const char *bytes;
        apr_size_t n;

        if (APR_BUCKET_IS_EOS(b))
            break;
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        if (apr_bucket_read(b, &bytes, &n, APR_BLOCK_READ) != APR_SUCCESS)
            return READ_FAILED;
        within = take(to, bytes, n) && within;
        wipe_bucket(b, bytes, n);
    }
    if (!within)
        return READ_STOPPED;
    return b == APR_BRIGADE_SENTINEL(in) ? READ_ON : READ_END;
}

static read_state read_some(request_rec *r, apr_bucket_brigade *in, take_fn take, void *to,
                            int *status)
{
    apr_status_t rv =
        ap_get_brigade(r->input_filters, in, AP_MODE_READBYTES, APR_BLOCK_READ, HUGE_STRING_LEN);
    read_state state = READ_FAILED;

    if (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(in))
        state = take_brigade(in, take, to);
    else if (!*status)
        *status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
    apr_brigade_cleanup(in);
    return state;
}

/* Until the end of the stream, however many segments and chunks it comes in. */
static read_state read_all(request_rec *r, take_fn take, void *to, int *status)
{
    apr_bucket_brigade *in = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    ap_filter_t *catcher = ap_add_output_filter_handle(catch_filter, status, r, r->connection);
    read_state state = READ_ON;

    *status = 0;
    while (state == READ_ON)
        state = read_some(r, in, take, to, status);
    ap_remove_output_filter(catcher);
    apr_brigade_destroy(in);
    if (state != READ_END)
        r->connection->keepalive = AP_CONN_CLOSE; /* the rest must not pass for a request */
    return state;
}

/* --- keeping ----------------------------------------------------------------------------------- */

typedef struct {
    eg_body *body;
    apr_pool_t *pool;
    apr_size_t limit;
} sink;

static void grow(const sink *to, apr_size_t needed)
{
    eg_body *body = to->body;
    apr_size_t size = 2 * body->size < needed ? needed : 2 * body->size;
    char *bytes = eg_wiped_alloc(to->pool, size);

    if (body->n)
        memcpy(bytes, body->bytes, body->n);
    eg_wipe_early(body->bytes);
    body->bytes = bytes;
    body->size = size;
}

static bool keep_bytes(void *to, const char *bytes, apr_size_t n)
{
    const sink *where = to;
    eg_body *body = where->body;

    if (n > body->size - body->n)
        grow(where, body->n + n);
    if (n) /* HTTP/2 also hands over empty buckets, and there may be no buffer yet */
        memcpy(body->bytes + body->n, bytes, n);
    body->n += n;
    return body->n <= where->limit;
}

eg_outcome eg_body_read(request_rec *r, apr_pool_t *pool, eg_body *body, int *status)
{
    sink to = {body, pool, eg_config_max_body(eg_config_of(r))};
    apr_off_t length = announced(r);
    read_state state;

    *status = 0;
    body->complete = true;
    if (!eg_body_expected(r))
        return EG_GOING_ON;
    if (length > 0 && length <= (apr_off_t)to.limit)
        grow(&to, (apr_size_t)length);
    state = read_all(r, keep_bytes, &to, status);
    body->complete = state == READ_END;
    if (state == READ_END)
        return EG_GOING_ON;
    return state == READ_STOPPED || *status == HTTP_REQUEST_ENTITY_TOO_LARGE ? EG_TOO_LARGE
                                                                             : EG_MALFORMED;
}

/* --- dropping ---------------------------------------------------------------------------------- */

static bool drop_bytes(void *to, const char *bytes, apr_size_t n)
{
    apr_size_t *left = to;

    (void)bytes;
    if (n > *left)
        return false;
    *left -= n;
    return true;
}

void eg_body_drain(request_rec *r)
{
    apr_size_t left = eg_config_max_body(eg_config_of(r));
    int status;

    if (!eg_body_expected(r) || r->connection->keepalive == AP_CONN_CLOSE)
        return;
    if (eg_body_announces_too_much(r))
        r->connection->keepalive = AP_CONN_CLOSE;
    else
        (void)read_all(r, drop_bytes, &left, &status);
}

void eg_body_register_hooks(apr_pool_t *pool)
{
    (void)pool;
    /* before any filter of a content generator: those would take the error for content */
    catch_filter = ap_register_output_filter("ENCGATHER_CATCH", catch_error, NULL,
                                             (ap_filter_type)(AP_FTYPE_RESOURCE - 1));
}
