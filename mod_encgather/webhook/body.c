/* SPDX-License-Identifier: Apache-2.0
 * The one owner of request bodies. What happens to one is decided by the configuration of the
 * location and by who answers, not by what code of ours ran before. */
#include "webhook/body.h"

#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "base/chain.h"
#include "base/slots.h"
#include "config/config.h"
#include "core/secret.h"
#include "watch/record.h"
#include <http_request.h>

APLOG_USE_MODULE(encgather);

#define EMPTY_READS_MAX 4096 /* in a row: a filter that never gives anything does not hold us */

static ap_filter_rec_t *catch_filter, *feed_filter;

/* --- reading ----------------------------------------------------------------------------------- */

/* What HTTP_IN finds wrong in a body it answers by itself, with an ErrorDocument, through the
 * request's output filters. On top of them while we read, this one takes the status instead. */
static apr_status_t catch_body_error(ap_filter_t *f, apr_bucket_brigade *in)
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

static void grow_body(eg_body *body, apr_pool_t *pool, apr_size_t needed)
{
    apr_size_t size = 2 * body->size < needed ? needed : 2 * body->size;
    char *bytes = eg_wiped_alloc(pool, size);

    if (body->n)
        memcpy(bytes, body->bytes, body->n);
    eg_wipe_early(body->bytes);
    body->bytes = bytes;
    body->size = size;
}

static void keep_bytes(eg_body *body, apr_pool_t *pool, const char *bytes, apr_size_t n)
{
    if (n > body->size - body->n)
        grow_body(body, pool, body->n + n);
    if (n) /* HTTP/2 also hands over empty buckets, and there may be no buffer yet */
        memcpy(body->bytes + body->n, bytes, n);
    body->n += n;
}

/* A brigade is taken whole, even beyond the limit: somebody may have to hand it on. False when a
 * bucket cannot be read. */
static bool keep_brigade(eg_body *body, apr_pool_t *pool, apr_bucket_brigade *in)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(in); b != APR_BRIGADE_SENTINEL(in);
         b = APR_BUCKET_NEXT(b)) {
        const char *bytes;
        apr_size_t n;

        if (APR_BUCKET_IS_EOS(b)) {
            body->state = EG_BODY_WHOLE;
            return true;
        }
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        if (apr_bucket_read(b, &bytes, &n, APR_BLOCK_READ) != APR_SUCCESS)
            return false;
        keep_bytes(body, pool, bytes, n);
        wipe_bucket(b, bytes, n);
    }
    return true;
}

/* Where the body comes from: what we hand on ourselves is not read again. */
static ap_filter_t *source_of(request_rec *r)
{
    for (ap_filter_t *f = r->input_filters; f; f = f->next)
        if (f->frec == feed_filter)
            return f->next;
    return r->input_filters;
}

static void read_some(request_rec *r, eg_body *body, apr_bucket_brigade *in, unsigned *empty)
{
    apr_status_t rv =
        ap_get_brigade(source_of(r), in, AP_MODE_READBYTES, APR_BLOCK_READ, HUGE_STRING_LEN);

    /* nothing, and no error, is "not yet": a filter that decodes may need more */
    *empty = APR_BRIGADE_EMPTY(in) ? *empty + 1 : 0;
    if (rv == APR_SUCCESS && *empty < EMPTY_READS_MAX &&
        keep_brigade(body, eg_root_of(r)->pool, in)) {
        apr_brigade_cleanup(in);
        return;
    }
    body->state = EG_BODY_BROKEN;
    if (!body->status)
        body->status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
    apr_brigade_cleanup(in);
}

/* A length tells by itself what is missing; chunks do not. HTTP_IN has a state from its first reading on, and
 * mod_request keeps for others what it has read. */
static bool is_begun(const request_rec *r)
{
    for (const request_rec *each = r; each; each = each->prev ? each->prev : each->main)
        if (each->kept_body)
            return true;
    for (const ap_filter_t *f = r->input_filters; f; f = f->next)
        if (ap_cstr_casecmp(f->frec->name, "http_in") == 0)
            return f->ctx != NULL;
    return false;
}

/* Until the end of the stream, however many segments and chunks it comes in. */
static void read_on(request_rec *r, eg_body *body, apr_size_t limit)
{
    apr_bucket_brigade *in = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    ap_filter_t *catcher =
        ap_add_output_filter_handle(catch_filter, &body->status, r, r->connection);
    unsigned empty = 0;

    if (body->state == EG_BODY_UNREAD)
        body->was_begun = is_begun(r);
    if (!body->size && body->announced > 0)
        grow_body(body, eg_root_of(r)->pool, (apr_size_t)body->announced);
    body->state = EG_BODY_PART;
    while (body->state == EG_BODY_PART && body->n <= limit)
        read_some(r, body, in, &empty);
    ap_remove_output_filter(catcher);
    apr_brigade_destroy(in);
    if (body->state != EG_BODY_WHOLE)
        r->connection->keepalive = AP_CONN_CLOSE; /* the rest must not pass for a request */
}

static eg_outcome outcome_of_body(const eg_body *body, apr_size_t limit)
{
    if (body->state == EG_BODY_BROKEN && body->status == HTTP_REQUEST_TIME_OUT)
        return EG_TIMEOUT;
    if (body->state == EG_BODY_BROKEN && body->status != HTTP_REQUEST_ENTITY_TOO_LARGE)
        return EG_MALFORMED;
    return body->state == EG_BODY_WHOLE && body->n <= limit ? EG_GOING_ON : EG_TOO_LARGE;
}

static void log_body(request_rec *r, eg_outcome outcome)
{
    static const char too_large[] = "it is larger than EncGatherMaxBody",
                      too_slow[] = "it did not come in time", broken[] = "broken off or broken";

    const char *what = outcome == EG_TOO_LARGE ? too_large
                       : outcome == EG_TIMEOUT ? too_slow
                                               : broken;

    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  EG_TAG("0201") "call %s: the body could not be read to its end: %s",
                  eg_call_of(r), what);
    eg_note_failure(r, EG_CAUSE_STRANGER, 201,
                    apr_pstrcat(r->pool, "the body could not be read to its end: ", what, NULL));
}

eg_outcome eg_body_read(request_rec *r, apr_size_t limit)
{
    eg_body *body = eg_body_of(r);
    bool starts = body->state == EG_BODY_UNREAD || body->state == EG_BODY_PART;
    eg_outcome outcome;

    if (starts && eg_body_announces_more(body, limit))
        return EG_TOO_LARGE;
    if (starts && body->n <= limit)
        read_on(r, body, limit);
    else
        starts = false;
    outcome = outcome_of_body(body, limit);
    if (outcome && starts)
        log_body(r, outcome);
    return outcome;
}

void eg_body_end(request_rec *r, apr_size_t limit)
{
    (void)eg_body_read(r, limit);
    if (eg_body_of(r)->state != EG_BODY_WHOLE)
        r->connection->keepalive = AP_CONN_CLOSE;
}

void eg_body_wipe(eg_body *body)
{
    eg_wipe_early(body->bytes);
    body->bytes = NULL;
    body->n = body->size = 0;
}

void eg_body_become(eg_body *body, char *bytes, apr_size_t n)
{
    eg_body_wipe(body);
    body->bytes = bytes;
    body->n = body->size = n;
    if (body->announced >= 0)
        body->announced = (apr_off_t)n;
}

/* --- handing on -------------------------------------------------------------------------------- */

typedef struct {
    const eg_body *body;
    const request_rec *of; /* whoever answers a redirect begins anew */
    apr_size_t given;
} feed;

/* What whoever reads would have made a status of, had nobody read before. */
static apr_status_t error_of(const eg_body *body)
{
    if (body->status == HTTP_REQUEST_ENTITY_TOO_LARGE)
        return APR_ENOSPC;
    return body->status == HTTP_REQUEST_TIME_OUT ? APR_TIMEUP : APR_EGENERAL;
}

/* Behind what was kept: the rest, the end, or the place where it broke off. */
static apr_status_t feed_behind(ap_filter_t *f, apr_bucket_brigade *out, ap_input_mode_t mode,
                                apr_read_type_e block, apr_off_t wanted)
{
    const feed *from = f->ctx;

    if (from->body->state == EG_BODY_BROKEN)
        return error_of(from->body);
    if (from->body->state != EG_BODY_WHOLE)
        return ap_get_brigade(f->next, out, mode, block, wanted);
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(f->c->bucket_alloc));
    return APR_SUCCESS;
}

/* mod_request serves a kept body from a filter of its own, nearer to whoever reads, and then asks for
 * what is behind it. */
static bool was_served_before(const ap_filter_t *f)
{
    if (f->r->kept_body)
        for (const ap_filter_t *each = f->r->input_filters; each && each != f; each = each->next)
            if (strcmp(each->frec->name, "kept_body") == 0)
                return true;
    return false;
}

static apr_status_t feed_body(ap_filter_t *f, apr_bucket_brigade *out, ap_input_mode_t mode,
                              apr_read_type_e block, apr_off_t wanted)
{
    feed *from = f->ctx;
    apr_size_t n = from->given < from->body->n ? from->body->n - from->given : 0;
    bool all = mode == AP_MODE_EXHAUSTIVE || wanted <= 0;

    if (mode != AP_MODE_READBYTES && mode != AP_MODE_SPECULATIVE && mode != AP_MODE_EXHAUSTIVE)
        return APR_ENOTIMPL;
    if (was_served_before(f))
        n = 0;
    if (n == 0)
        return feed_behind(f, out, mode, block, wanted);
    if (!all && n > (apr_size_t)wanted)
        n = (apr_size_t)wanted;
    APR_BRIGADE_INSERT_TAIL(
        out, apr_bucket_immortal_create(from->body->bytes + from->given, n, f->c->bucket_alloc));
    if (from->given + n == from->body->n && from->body->state == EG_BODY_WHOLE)
        APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(f->c->bucket_alloc));
    if (mode != AP_MODE_SPECULATIVE)
        from->given += n;
    return APR_SUCCESS;
}

/* Asked of the chain itself: a redirect within a request may take another chain, and a request may
 * have that of the page it is a part of. */
static feed *find_feed(const request_rec *r)
{
    for (const ap_filter_t *f = r->input_filters; f; f = f->next)
        if (f->frec == feed_filter && f->r == r)
            return f->ctx;
    return NULL;
}

/* mod_proxy looks whether there are filters in front of the protocol's: then a body of more than 16 KiB goes through a
 * file in a directory for all. This one does not change lengths. What is still on its way is read, lines between chunks
 * too, by the protocol's own. */
static feed *add_feed(request_rec *r, const eg_body *body)
{
    feed *from = apr_palloc(r->pool, sizeof *from);
    ap_filter_t *f = ap_add_input_filter_handle(feed_filter, from, r, r->connection);

    if (f->next == r->proto_input_filters && body->state == EG_BODY_WHOLE)
        r->proto_input_filters = f;
    return from;
}

static void set_feed(request_rec *r, const eg_body *body)
{
    feed *from = find_feed(r);

    if (!from)
        from = add_feed(r, body);
    *from = (feed){.body = body, .of = r};
}

void eg_body_replay(request_rec *r)
{
    const feed *from = find_feed(r);

    if (!from || from->of != r)
        set_feed(r, eg_body_of(r));
}

void eg_body_replay_alone(request_rec *r)
{
    r->input_filters = r->proto_input_filters;
    set_feed(r, eg_body_of(r));
}

/* mod_proxy takes a body from a sub-request, and keeps its connection, only when there is a "kept
 * body"; where mod_request serves that one, it has to be the right one. */
static void set_kept_body(request_rec *sub, const eg_body *body)
{
    apr_bucket_alloc_t *alloc = sub->connection->bucket_alloc;

    sub->kept_body = apr_brigade_create(sub->pool, alloc);
    APR_BRIGADE_INSERT_TAIL(sub->kept_body,
                            apr_bucket_immortal_create(body->bytes, body->n, alloc));
    APR_BRIGADE_INSERT_TAIL(sub->kept_body, apr_bucket_eos_create(alloc));
}

void eg_body_keep_anew(request_rec *r)
{
    if (r->kept_body)
        set_kept_body(r, eg_body_of(r));
}

/* It is the body of that request from now on, wherever a redirect leads it. */
void eg_body_lend(request_rec *sub, const char *bytes, apr_size_t n)
{
    eg_body *body = eg_body_of(sub);

    body->expected = true;
    body->announced = (apr_off_t)n;
    body->state = EG_BODY_WHOLE;
    keep_bytes(body, sub->pool, bytes, n);
    set_kept_body(sub, body);
    eg_body_replay(sub);
}

/* --- error pages ------------------------------------------------------------------------------- */

/* Refused before its location was known: then it may have been one of ours. */
static bool has_no_location(const request_rec *r)
{
    return r->per_dir_config == r->server->lookup_defaults && eg_server_is_used(r->server);
}

static bool comes_from_ours(request_rec *r)
{
    const eg_body *body = eg_slot_if_any(eg_root_of(r), EG_SLOT_BODY);

    if (body && body->leads_to_ours)
        return true;
    for (r = r->prev; r; r = r->prev)
        if (eg_config_is_ours(r) || has_no_location(r))
            return true;
    return false;
}

static const eg_body nothing = {.state = EG_BODY_WHOLE, .announced = -1};

static void hide_body(request_rec *r)
{
    const feed *from = find_feed(r);

    if (from && from->body == &nothing)
        return;
    eg_body_end(r, eg_config_max_body(eg_config_of(r->prev)));
    /* mod_proxy_http keeps the body for another try by the same pool, where it had begun one */
    (void)apr_pool_userdata_setn(NULL, "proxy-req-input", NULL, r->pool);
    apr_table_unset(r->headers_in, "Content-Length");
    apr_table_unset(r->headers_in, "Transfer-Encoding");
    set_feed(r, &nothing);
}

/* The first that sees the request of an error page. */
static int hide_from_error_page(request_rec *r)
{
    if (eg_is_behind_error(r) && comes_from_ours(r))
        hide_body(r);
    return DECLINED;
}

/* Whoever leads to a location of ours, by whatever kind of sub-request. */
static int note_ours(request_rec *r)
{
    if (eg_config_is_ours(r))
        eg_body_leads_to_ours(r);
    return DECLINED;
}

/* A page that is put together of parts is served after its body was dropped: a part may be the one
 * that asks for the signature of it. Filters with many names put pages together, but a file that is
 * served to somebody who posts has few other reasons. */
static bool may_have_parts(const request_rec *r)
{
    return r->method_number == M_POST && r->finfo.filetype == APR_REG &&
           (!r->handler || strcmp(r->handler, "default-handler") == 0) &&
           eg_server_is_used(r->server) &&
           /* what a filter decodes is not what was signed */
           !apr_table_get(r->headers_in, "Content-Encoding");
}

/* What is left is for whoever serves the page to drop: the connection need not close for it. */
static void read_ahead(request_rec *r)
{
    ap_conn_keepalive_e before = r->connection->keepalive;
    eg_body *body = eg_body_of(r);

    (void)eg_body_read(r, eg_config_largest_body(eg_config_of(r)));
    body->is_read_ahead = true;
    if (body->state == EG_BODY_PART)
        r->connection->keepalive = before;
}

/* httpd finds out what is wrong with a body while it drops it for the page, which it does not do
 * where the connection closes. */
static int refuse_broken_body(request_rec *r)
{
    const eg_body *body = r->main ? NULL : eg_slot_if_any(eg_root_of(r), EG_SLOT_BODY);

    if (!body || !body->is_read_ahead || body->state != EG_BODY_BROKEN || eg_is_error_page(r))
        return DECLINED;
    return body->status;
}

/* Every request of a chain of redirects starts without the filters of the one before, and a
 * redirect to an index takes those of the index. */
static void feed_whoever_answers(request_rec *r)
{
    if (r->main && (!eg_is_backend_call(r) || !eg_has_body(r)))
        return;
    if (eg_is_behind_error(r) && comes_from_ours(r)) {
        hide_body(r);
        return;
    }
    if (eg_has_become_get(r)) {
        if (find_feed(r))
            set_feed(r, &nothing);
        return;
    }
    if (may_have_parts(r))
        read_ahead(r);
    else if (!eg_slot_if_any(eg_root_of(r), EG_SLOT_BODY))
        return;
    if (eg_body_of(r)->expected && eg_body_of(r)->state != EG_BODY_UNREAD)
        eg_body_replay(r);
}

void eg_body_register_hooks(apr_pool_t *pool)
{
    (void)pool;
    /* before any filter of a content generator: those would take the error for content */
    catch_filter = ap_register_output_filter("ENCGATHER_CATCH", catch_body_error, NULL,
                                             (ap_filter_type)(AP_FTYPE_RESOURCE - 1));
    /* nearest to HTTP_IN: whoever decodes or inspects bodies comes after it */
    feed_filter = ap_register_input_filter("ENCGATHER_BODY", feed_body, NULL,
                                           (ap_filter_type)(AP_FTYPE_PROTOCOL - 1));
    ap_hook_post_read_request(hide_from_error_page, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_post_perdir_config(note_ours, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_filter(feed_whoever_answers, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(refuse_broken_body, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
