/* SPDX-License-Identifier: Apache-2.0
 * The backend call: a sub-request of this server, its body fed in and its answer captured. */
#include "call/backend.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_proxy.h>
#include "webhook/body.h"
#include "call/fault.h"
#include "base/chain.h"
#include "base/purposes.h"
#include "base/slots.h"
#include "config/config.h"
#include "core/mediatype.h"
#include "core/twiml.h"
#include "watch/counters.h"
#include "webhook/exchange.h"
#include "webhook/masking.h"

#define ANSWER_MAX 65536

static ap_filter_rec_t *capture_filter, *deadline_filter;

/* --- the answer that comes back ---------------------------------------------------------------- */

typedef struct {
    apr_pool_t *pool;
    char *bytes; /* ANSWER_MAX of them; NULL: nothing came, as where objects are handed over */
    apr_size_t n;
    apr_time_t deadline;
    const char *reason; /* why it was cut */
    eg_backend_answer kind;
} capture;

/* Of the one call that a request makes. */
typedef struct {
    bool met_nobody; /* no handler took it, but the one for files */
    capture *answer; /* NULL: nothing has been sent */
} backend_state;

static backend_state *state_of_call(request_rec *r)
{
    return eg_slot_of(r, EG_SLOT_BACKEND, sizeof(backend_state));
}

static void cut_answer(capture *answer, eg_backend_answer kind, const char *reason)
{
    answer->reason = reason;
    answer->kind = kind;
}

static bool take_bucket(capture *answer, apr_bucket *b)
{
    const char *bytes;
    apr_size_t n;

    if (AP_BUCKET_IS_ERROR(b))
        cut_answer(answer, EG_BACKEND_BROKEN, "the answer broke off");
    if (answer->reason || APR_BUCKET_IS_METADATA(b))
        return !answer->reason;
    if (apr_bucket_read(b, &bytes, &n, APR_BLOCK_READ) != APR_SUCCESS)
        cut_answer(answer, EG_BACKEND_BROKEN, "the answer could not be read");
    else if (n > ANSWER_MAX - answer->n)
        cut_answer(answer, EG_BACKEND_TOO_LARGE, "the answer is larger than 64 KiB");
    if (answer->reason || !n)
        return !answer->reason;
    if (!answer->bytes)
        answer->bytes = apr_palloc(answer->pool, ANSWER_MAX);
    memcpy(answer->bytes + answer->n, bytes, n);
    answer->n += n;
    return true;
}

/* Swallows the answer; an error ends the work of whoever produces it. */
static apr_status_t capture_answer(ap_filter_t *f, apr_bucket_brigade *in)
{
    capture *answer = f->ctx;

    if (!answer->reason && apr_time_now() > answer->deadline)
        cut_answer(answer, EG_BACKEND_TIMEOUT, "too slow");
    while (!answer->reason && !APR_BRIGADE_EMPTY(in)) {
        apr_bucket *b = APR_BRIGADE_FIRST(in);

        (void)take_bucket(answer, b);
        apr_bucket_delete(b);
    }
    apr_brigade_cleanup(in);
    return answer->reason ? APR_EGENERAL : APR_SUCCESS;
}

/* --- the deadline on the backend's connection -------------------------------------------------- */

/* The head of an answer never gets to the capture: mod_proxy reads it line by line, in this thread
 * and on a connection that may be older than this call. */
static __thread capture *current;

/* True when there is something to read. A signal is nothing to give up for: children of the prefork
 * MPM get one at each graceful restart. */
static bool wait_until_readable(int fd, apr_time_t end)
{
    struct pollfd what = {.fd = fd, .events = POLLIN};
    int ready = -1;

    for (apr_interval_time_t left; ready < 0 && (left = end - apr_time_now()) > 0;) {
        ready = poll(&what, 1, (int)apr_time_as_msec(left) + 1);
        if (ready < 0 && errno != EINTR)
            return false;
    }
    return ready > 0;
}

/* Until the backend says something, its own time-out or the deadline. */
static apr_status_t wait_for_backend(conn_rec *c)
{
    apr_socket_t *socket = ap_get_conn_socket(c);
    apr_time_t now = apr_time_now(), end = current->deadline;
    apr_interval_time_t timeout = -1;
    int fd;

    if (end <= now || apr_os_sock_get(&fd, socket) != APR_SUCCESS)
        return APR_TIMEUP;
    (void)apr_socket_timeout_get(socket, &timeout);
    if (timeout > 0 && timeout < end - now)
        end = now + timeout;
    return wait_until_readable(fd, end) ? APR_SUCCESS : APR_TIMEUP;
}

/* A blocking read of a line ends with the line, however slowly it comes: take what is there, part
 * of a line if need be (ap_rgetline() goes on by itself), and look at the clock in between. */
static apr_status_t read_in_time(ap_filter_t *f, apr_bucket_brigade *out, ap_input_mode_t mode,
                                 apr_off_t wanted)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS) {
        rv = ap_get_brigade(f->next, out, mode, APR_NONBLOCK_READ, wanted);
        if ((rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(out)) ||
            (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)))
            return rv;
        rv = wait_for_backend(f->c);
    }
    return rv;
}

/* Below TLS, which may hold bytes that the socket knows nothing of any more. */
static apr_status_t watch_deadline(ap_filter_t *f, apr_bucket_brigade *out, ap_input_mode_t mode,
                                   apr_read_type_e block, apr_off_t wanted)
{
    apr_status_t rv;

    if (current && mode != AP_MODE_INIT && block == APR_BLOCK_READ)
        rv = read_in_time(f, out, mode, wanted);
    else
        rv = ap_get_brigade(f->next, out, mode, block, wanted);
    if (rv != APR_SUCCESS || !current || apr_time_now() <= current->deadline)
        return rv;
    apr_brigade_cleanup(out);
    return APR_TIMEUP;
}

static int pre_connection(conn_rec *c, void *socket)
{
    (void)socket;
    /* whoever opens it: mod_proxy keeps it, and a call may come over it later */
    if (current || c->outgoing)
        ap_add_input_filter_handle(deadline_filter, NULL, NULL, c);
    return OK;
}

/* --- the sub-request --------------------------------------------------------------------------- */

/* Nothing of the caller's headers goes on: no cookie, no credentials, no signature. */
static void set_headers(request_rec *sub, apr_size_t length, const char *key)
{
    sub->headers_in = apr_table_make(sub->pool, 4);
    apr_table_setn(sub->headers_in, "Content-Type", "application/json");
    apr_table_setn(sub->headers_in, "Content-Length",
                   length ? apr_psprintf(sub->pool, "%" APR_SIZE_T_FMT, length) : "0");
    apr_table_setn(sub->headers_in, "Accept", "application/json");
    apr_table_setn(sub->headers_in, "Idempotency-Key", key);
}

/* REQUEST_URI of CGI and FastCGI is cut out of the request line, which a sub-request has from the
 * caller: it would show the caller's URL, tokens and all. */
static void set_request_line(request_rec *sub, const eg_backend *backend)
{
    const char *target = backend->path ? backend->path : "/";

    sub->the_request = apr_pstrcat(sub->pool, "POST ", target, " HTTP/1.1", NULL);
    sub->unparsed_uri = apr_pstrdup(sub->pool, target);
}

static bool is_captured(const request_rec *r, const capture *answer)
{
    for (const ap_filter_t *f = r->output_filters; f; f = f->next)
        if (f->frec == capture_filter && f->ctx == answer)
            return true;
    return false;
}

static void add_capture(request_rec *r, capture *answer)
{
    if (!is_captured(r, answer))
        ap_add_output_filter_handle(capture_filter, answer, r, r->connection);
}

static capture *set_capture(request_rec *sub, const eg_config *config)
{
    capture *answer = apr_pcalloc(sub->pool, sizeof *answer);

    answer->pool = sub->pool;
    answer->deadline = apr_time_now() + eg_config_timeout(config);
    add_capture(sub, answer);
    return answer;
}

/* --- redirects within the call ----------------------------------------------------------------- */

/* A redirect drops the filters of the request before it, an error page those of its own: what they
 * say would go to the caller. */
static void go_on_capturing(request_rec *r)
{
    backend_state *state = NULL;

    if (r->main && eg_is_backend_call(r))
        state = state_of_call(r->main);
    if (state && state->answer)
        add_capture(r, state->answer);
}

static const request_rec *last_of(const request_rec *sub)
{
    while (sub->next)
        sub = sub->next;
    return sub;
}

/* The way of mod_rewrite's [P]. What the caller's own URI made of the sub-request is undone: it
 * was only asked for because every sub-request has one, and this one may come here. */
static void send_to_url(request_rec *sub, const char *url)
{
    sub->filename = apr_pstrcat(sub->pool, "proxy:", url, NULL);
    sub->args = NULL;
    sub->path_info = NULL;
    sub->handler = "proxy-server";
    sub->proxyreq = PROXYREQ_REVERSE;
    sub->status = HTTP_OK;
}

static const char *own_path(request_rec *r)
{
    const char *target = eg_raw_target(r).p;

    return apr_pstrmemdup(r->pool, target, strcspn(target, "?"));
}

static request_rec *make_sub_request(request_rec *r, const eg_backend *backend)
{
    const char *path = backend->path ? backend->path : own_path(r);
    request_rec *sub;

    eg_backend_call_begins(r);
    *state_of_call(r) = (backend_state){0};
    sub = ap_sub_req_method_uri("POST", path, r, r->proto_output_filters);
    if (backend->url)
        send_to_url(sub, backend->url);
    return sub;
}

/* --- decrypt-gather in process ----------------------------------------------------------------- */

/* Writing JSON to read it again takes longer than opening tokens: where our own handler answers,
 * objects are handed over instead. No filter misses anything: text would go from our feed to our
 * capture, past all others. */
static bool speaks_objects(request_rec *sub)
{
    return sub->handler && strcmp(sub->handler, EG_DECRYPT_HANDLER) == 0 &&
           eg_config_of(sub)->lookup;
}

/* --- what is made of it ------------------------------------------------------------------------ */

static eg_reply unavailable(int status, eg_backend_answer kind, const char *reason)
{
    static const eg_cause causes[EG_BACKEND_ANSWERS] = {
        [EG_BACKEND_REFUSED] = EG_CAUSE_BACKEND_REFUSES,
        [EG_BACKEND_BROKEN] = EG_CAUSE_BACKEND_ANSWER,
        [EG_BACKEND_TIMEOUT] = EG_CAUSE_BACKEND_SLOW,
        [EG_BACKEND_TOO_LARGE] = EG_CAUSE_BACKEND_ANSWER,
        [EG_BACKEND_UNANSWERED] = EG_CAUSE_BACKEND_AWAY};

    return (eg_reply){.status = status,
                      .outcome = EG_UNAVAILABLE,
                      .kind = kind,
                      .cause = causes[kind],
                      .reason = reason};
}

/* A backend that is silent for too long is a 502 to mod_proxy, with a note beside it. */
static eg_reply refused(const eg_ended *call)
{
    bool in_time = call->status != HTTP_GATEWAY_TIME_OUT &&
                   !apr_table_get(call->last->notes, "proxy_timedout");

    eg_reply reply = unavailable(call->status, in_time ? EG_BACKEND_REFUSED : EG_BACKEND_TIMEOUT,
                                 eg_fault_status(call, in_time));

    if (in_time && eg_fault_is_of_proxy(call))
        reply.cause = EG_CAUSE_BACKEND_AWAY;
    return reply;
}

static bool is_xml(const request_rec *sub)
{
    const char *type = sub->content_type;

    return eg_media_type_is(type, "text/xml") || eg_media_type_is(type, "application/xml");
}

static eg_span text_of(const capture *answer)
{
    return (eg_span){answer->bytes ? answer->bytes : "", answer->n};
}

/* The answer may outlive the sub-request. */
static eg_span keep(request_rec *r, const capture *answer)
{
    eg_span text = text_of(answer);

    return (eg_span){apr_pstrmemdup(r->pool, text.p, text.n), text.n};
}

/* --- where nobody answers ---------------------------------------------------------------------- */

/* Behind the handlers of all modules, in front of the one that serves files: what comes this far is
 * nobody's. What is said then, 404 most of all, is of this server and not of a backend. */
static int note_nobody(request_rec *r)
{
    if (eg_is_backend_call(r))
        state_of_call(r->main)->met_nobody = true;
    return DECLINED;
}

static const char *cut_reason(const eg_ended *call, const capture *answer)
{
    switch (answer->kind) {
    case EG_BACKEND_TIMEOUT:
        return eg_fault_slow(call);
    case EG_BACKEND_TOO_LARGE:
        return eg_fault_large(call, ANSWER_MAX);
    default:
        return answer->reason;
    }
}

static eg_reply judge(const eg_ended *call, const capture *answer)
{
    request_rec *r = call->r;
    int status = call->status;
    eg_reply reply = {.status = status, .outcome = EG_FOUND, .kind = EG_BACKEND_FOUND};
    eg_json_fault fault;

    if (answer->reason)
        return unavailable(status, answer->kind, cut_reason(call, answer));
    if (state_of_call(r)->met_nobody && status != HTTP_OK)
        return unavailable(status, EG_BACKEND_UNANSWERED,
                           apr_psprintf(r->pool,
                                        "nobody in this server answers for the path of "
                                        "EncGatherBackend (status %d): it is misspelt, or its "
                                        "ProxyPass is missing",
                                        status));
    if (status != HTTP_OK && status != HTTP_NOT_FOUND)
        return refused(call);
    reply.json = eg_exchange_answer(r);
    if (reply.json)
        return reply;
    if (status == HTTP_OK && is_xml(call->last)) {
        reply.twiml = keep(r, answer);
        return eg_twiml_is_whole(r->pool, reply.twiml)
                   ? reply
                   : unavailable(status, EG_BACKEND_BROKEN,
                                 "its answer says XML but is not TwiML in UTF-8");
    }
    reply.json = eg_json_parse_answer(r->pool, text_of(answer), &fault);
    if (status == HTTP_OK)
        return reply.json
                   ? reply
                   : unavailable(status, EG_BACKEND_BROKEN, eg_fault_json(call, &fault, answer->n));
    reply.outcome = EG_NOT_FOUND;
    reply.kind = EG_BACKEND_NOT_FOUND;
    return reply;
}

static void set_request(request_rec *r, request_rec *sub, eg_json *json, const char *key)
{
    bool hands_over = speaks_objects(sub);
    const char *text = hands_over ? "" : eg_json_dump(json, r->pool);

    set_request_line(sub, eg_config_of(r)->backend);
    set_headers(sub, strlen(text), key);
    if (hands_over)
        eg_exchange_hand(r, json);
    else
        eg_body_lend(sub, text, strlen(text));
}

static void run_call(eg_ended *call, request_rec *sub, capture *answer)
{
    const char *stranger;

    state_of_call(call->r)->answer = answer;
    eg_backend_call_has_until(call->r, answer->deadline);
    current = answer;
    call->returned = ap_run_sub_req(sub);
    current = NULL;
    call->last = last_of(sub);
    stranger = call->last == sub ? NULL : eg_fault_stranger(call->last); /* sub was asked before */
    if (stranger && !answer->reason)
        cut_answer(answer, EG_BACKEND_UNANSWERED, stranger);
    if (!answer->reason && apr_time_now() > answer->deadline)
        cut_answer(answer, EG_BACKEND_TIMEOUT, "too slow");
    call->status = call->returned == OK ? call->last->status : call->returned;
    if (call->status < 100 && !answer->reason) /* DECLINED and the like */
        cut_answer(answer, EG_BACKEND_UNANSWERED, "nobody in this server answered");
}

static eg_reply run_backend(request_rec *r, request_rec *sub, eg_json *json, const char *key)
{
    const char *stranger = eg_fault_stranger(sub);
    eg_ended call = {.r = r, .last = sub, .status = sub->status};
    capture *answer;

    if (sub->status != HTTP_OK)
        return refused(&call);
    if (stranger)
        return unavailable(0, EG_BACKEND_UNANSWERED, stranger);
    set_request(r, sub, json, key);
    call.has_run = true;
    answer = set_capture(sub, eg_config_of(r));
    run_call(&call, sub, answer);
    return judge(&call, answer);
}

eg_reply eg_backend_call(request_rec *r, eg_json *json, const char *key)
{
    apr_uint64_t started = eg_clock();
    request_rec *sub = make_sub_request(r, eg_config_of(r)->backend);
    eg_reply reply = run_backend(r, sub, json, key);

    eg_count_backend(r, reply.kind, eg_since(started));
    ap_destroy_sub_req(sub);
    eg_backend_call_ends(r);
    eg_exchange_end(r);
    return reply;
}

void eg_backend_register_hooks(apr_pool_t *pool)
{
    (void)pool;
    deadline_filter = ap_register_input_filter("ENCGATHER_DEADLINE", watch_deadline, NULL,
                                               (ap_filter_type)(AP_FTYPE_NETWORK - 1));
    EG_HOOK(EG_FOR_CALLS, pre_connection, pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    EG_HOOK(EG_FOR_CALLS, insert_filter, go_on_capturing, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_error_filter(go_on_capturing, NULL, NULL, APR_HOOK_REALLY_FIRST);
    EG_HOOK(EG_FOR_CALLS, handler, note_nobody, NULL, NULL, APR_HOOK_REALLY_LAST - 1);
    capture_filter =
        ap_register_output_filter("ENCGATHER_CAPTURE", capture_answer, NULL, AP_FTYPE_RESOURCE);
}
