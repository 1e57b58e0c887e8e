/* SPDX-License-Identifier: Apache-2.0
 * Reads a webhook once: body into one buffer that is wiped, parameters, signature. */
#include "webhook.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include "answer.h"
#include "core/secret.h"
#include "log.h"

APLOG_USE_MODULE(encgather);

#define FIRST_BODY_SIZE 4096
#define BODY_SHA256 EG_LIT("bodySHA256")

/* --- the body ------------------------------------------------------------------------------- */

static bool has_body(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return apr_table_get(r->headers_in, "Transfer-Encoding") ||
           (length && strspn(length, "0") != strlen(length));
}

/* The announced length, or -1 where none is: chunked, or HTTP/2. */
static apr_off_t announced(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t n;

    if (!length || apr_table_get(r->headers_in, "Transfer-Encoding") ||
        apr_strtoff(&n, length, NULL, 10) != APR_SUCCESS)
        return -1;
    return n;
}

static bool announces_too_much(const request_rec *r)
{
    return announced(r) > (apr_off_t)eg_config_max_body(eg_config_of(r));
}

/* Memory that is the bucket's own may be overwritten; a file's or a constant's may not. */
static void wipe_bucket(const apr_bucket *b, const char *bytes, apr_size_t n)
{
    if (APR_BUCKET_IS_HEAP(b) || APR_BUCKET_IS_POOL(b) || APR_BUCKET_IS_TRANSIENT(b))
        eg_wipe((void *)(apr_uintptr_t)bytes, n);
}

/* What to do with the bytes of a body: false ends the reading. */
typedef bool (*take_fn)(void *to, const char *bytes, apr_size_t n);

typedef enum { READ_ALL, READ_STOPPED, READ_FAILED } read_end;

static read_end take_brigade(apr_bucket_brigade *in, take_fn take, void *to, bool *eos)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(in); b != APR_BRIGADE_SENTINEL(in);
         b = APR_BUCKET_NEXT(b)) {
        const char *bytes;
        apr_size_t n;
        bool going_on;

        if (APR_BUCKET_IS_EOS(b)) {
            *eos = true;
            return READ_ALL;
        }
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        if (apr_bucket_read(b, &bytes, &n, APR_BLOCK_READ) != APR_SUCCESS)
            return READ_FAILED;
        going_on = take(to, bytes, n);
        wipe_bucket(b, bytes, n);
        if (!going_on)
            return READ_STOPPED;
    }
    return READ_ALL;
}

/* Until the end of the stream, however many segments and chunks it comes in. */
static read_end read_body(request_rec *r, take_fn take, void *to, apr_status_t *rv)
{
    apr_bucket_brigade *in = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    read_end end = READ_ALL;
    bool eos = false;

    *rv = APR_SUCCESS;
    while (!eos && end == READ_ALL) {
        *rv = ap_get_brigade(r->input_filters, in, AP_MODE_READBYTES, APR_BLOCK_READ,
                             HUGE_STRING_LEN);
        if (*rv != APR_SUCCESS || APR_BRIGADE_EMPTY(in))
            end = READ_FAILED;
        else
            end = take_brigade(in, take, to, &eos);
        apr_brigade_cleanup(in);
    }
    if (end != READ_ALL)
        r->connection->keepalive = AP_CONN_CLOSE; /* the rest must not pass for a request */
    return end;
}

static bool drop_bytes(void *to, const char *bytes, apr_size_t n)
{
    apr_size_t *left = to;

    (void)bytes;
    if (n > *left)
        return false;
    *left -= n;
    return true;
}

int eg_body_drain(request_rec *r)
{
    apr_size_t left = eg_config_max_body(eg_config_of(r));
    apr_status_t rv;

    if (!has_body(r) || r->connection->keepalive == AP_CONN_CLOSE || r->eos_sent)
        return OK;
    if (announces_too_much(r)) {
        r->connection->keepalive = AP_CONN_CLOSE;
        return OK;
    }
    (void)read_body(r, drop_bytes, &left, &rv);
    return rv == AP_FILTER_ERROR ? AP_FILTER_ERROR : OK;
}

/* The body buffer grows by copying and wiping; it never exceeds the limit. */
typedef struct {
    eg_webhook *hook;
    request_rec *r;
    apr_size_t limit;
} body_sink;

static void grow(body_sink *sink, apr_size_t needed)
{
    eg_webhook *hook = sink->hook;
    apr_size_t size = hook->body_size ? hook->body_size : FIRST_BODY_SIZE;
    char *bytes;

    while (size < needed)
        size *= 2;
    bytes = eg_wiped_alloc(sink->r->pool, size);
    if (hook->body_length)
        memcpy(bytes, hook->body, hook->body_length);
    eg_wipe(hook->body, hook->body_size);
    hook->body = bytes;
    hook->body_size = size;
}

static bool keep_bytes(void *to, const char *bytes, apr_size_t n)
{
    body_sink *sink = to;
    eg_webhook *hook = sink->hook;

    if (n > sink->limit - hook->body_length)
        return false;
    if (n > hook->body_size - hook->body_length)
        grow(sink, hook->body_length + n);
    memcpy(hook->body + hook->body_length, bytes, n);
    hook->body_length += n;
    return true;
}

static eg_outcome explain_read_error(request_rec *r, apr_status_t rv, int *passed_on)
{
    if (rv == AP_FILTER_ERROR)
        *passed_on = AP_FILTER_ERROR;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, rv == AP_FILTER_ERROR ? 0 : rv, r,
                  EG_TAG("0201") "call %s: the body could not be read to its end", eg_call_of(r));
    return APR_STATUS_IS_ENOSPC(rv) ? EG_TOO_LARGE : EG_MALFORMED;
}

static eg_outcome receive_body(request_rec *r, eg_webhook *hook, int *passed_on)
{
    body_sink sink = {hook, r, eg_config_max_body(eg_config_of(r))};
    apr_off_t length = announced(r);
    apr_status_t rv;
    read_end end;

    if (!has_body(r))
        return EG_GOING_ON;
    if (length > 0)
        grow(&sink, (apr_size_t)length);
    end = read_body(r, keep_bytes, &sink, &rv);
    if (end == READ_ALL)
        return EG_GOING_ON;
    return end == READ_STOPPED ? EG_TOO_LARGE : explain_read_error(r, rv, passed_on);
}

void eg_webhook_wipe(eg_webhook *hook)
{
    eg_wipe(hook->body, hook->body_size);
    hook->form.n = 0;
    hook->body_length = 0;
}

/* --- method and media type -------------------------------------------------------------------- */

static eg_span raw_query(const eg_webhook *hook)
{
    const char *mark = hook->target.n ? memchr(hook->target.p, '?', hook->target.n) : NULL;

    if (!mark)
        return (eg_span){"", 0};
    return (eg_span){mark + 1, hook->target.n - (apr_size_t)(mark + 1 - hook->target.p)};
}

static bool query_has_secret(const eg_webhook *hook)
{
    return eg_query_names(raw_query(hook), EG_LIT("Digits")) ||
           eg_query_names(raw_query(hook), EG_LIT("SpeechResult"));
}

/* A GET may only start a call: it carries no answer. */
static bool starts_call(request_rec *r, const eg_webhook *hook)
{
    unsigned step;

    for (apr_size_t i = 0; i < hook->query.n; i++)
        if (eg_span_eq(hook->query.at[i].name, EG_LIT("step")) &&
            (eg_flow_step(eg_config_fields(eg_config_of(r)), hook->query.at[i].value, &step) !=
                 EG_OK ||
             step != 0))
            return false;
    return !query_has_secret(hook);
}

static eg_outcome check_method(request_rec *r, const eg_intake *intake, const eg_webhook *hook)
{
    bool is_get = r->method_number == M_GET;

    if (r->method_number == M_POST)
        return EG_GOING_ON;
    if (is_get && intake->get && starts_call(r, hook))
        return EG_GOING_ON;
    apr_table_setn(r->headers_out, "Allow", intake->get && !is_get ? "GET, HEAD, POST" : "POST");
    return EG_METHOD;
}

/* Compares the type in front of any parameters, not just its beginning. */
static bool type_is(const char *value, const char *type)
{
    apr_size_t n = strlen(type);

    if (ap_cstr_casecmpn(value, type, n) != 0)
        return false;
    value += n + strspn(value + n, " \t");
    return *value == '\0' || *value == ';';
}

static bool is_form(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return type && type_is(type, "application/x-www-form-urlencoded");
}

static bool is_json(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return type && type_is(type, "application/json");
}

static eg_outcome check_media_type(const request_rec *r, const eg_intake *intake)
{
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");

    if (!has_body(r))
        return EG_GOING_ON;
    if (coding && ap_cstr_casecmp(coding, "identity") != 0)
        return EG_MEDIA_TYPE;
    if (is_form(r) || (intake->json && is_json(r)))
        return EG_GOING_ON;
    return EG_MEDIA_TYPE;
}

/* --- form ---------------------------------------------------------------------------------------
 */

static eg_outcome outcome_of(eg_status status)
{
    if (status == EG_OK)
        return EG_GOING_ON;
    return status == EG_ETOOMANY ? EG_TOO_LARGE : EG_MALFORMED;
}

/* The raw query stays as it is: it is signed. */
static eg_status parse_query(request_rec *r, eg_webhook *hook)
{
    eg_span raw = raw_query(hook);
    char *copy = eg_wiped_alloc(r->pool, raw.n + 1);

    memcpy(copy, raw.p, raw.n);
    return eg_form_parse(r->pool, copy, raw.n, EG_PARAMS_MAX, &hook->query);
}

static eg_outcome parse_body(request_rec *r, eg_webhook *hook)
{
    if (r->method_number == M_GET && hook->body_length)
        return EG_MALFORMED;
    if (hook->body_length && is_json(r)) {
        hook->json = eg_json_parse(r->pool, (eg_span){hook->body, hook->body_length});
        return hook->json ? EG_GOING_ON : EG_MALFORMED;
    }
    return outcome_of(eg_form_parse(r->pool, hook->body, hook->body_length,
                                    EG_PARAMS_MAX - hook->query.n, &hook->form));
}

/* --- signature ----------------------------------------------------------------------------------
 */

static bool split_host(request_rec *r, eg_origin *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    if (host && *host)
        return eg_origin_split(eg_span_of(host), origin);
    origin->host = eg_span_of(ap_get_server_name(r)); /* HTTP/1.0 */
    origin->port = (eg_span){"", 0};
    if (!ap_is_default_port(ap_get_server_port(r), r))
        origin->port = eg_span_of(apr_psprintf(r->pool, "%u", (unsigned)ap_get_server_port(r)));
    return true;
}

static bool find_origin(request_rec *r, eg_origin *origin)
{
    const eg_config *config = eg_config_of(r);

    if (config->public_url) {
        *origin = config->public_url->origin;
        return true;
    }
    origin->scheme = eg_span_of(ap_http_scheme(r));
    return split_host(r, origin);
}

/* The body hash has to be taken before the form is decoded in its place. */
typedef struct {
    bool claimed;
    bool known;
    unsigned char hash[EG_SHA256_SIZE];
} body_hash;

/* bodySHA256 of the query, once: 64 hexadecimal digits that fit the raw body. */
static bool body_hash_fits(const eg_webhook *hook, const body_hash *hash)
{
    const eg_param *claimed = eg_params_find(&hook->query, BODY_SHA256);
    char expected[2 * EG_SHA256_SIZE + 1];

    eg_hex_encode(expected, hash->hash, EG_SHA256_SIZE);
    return hash->known && eg_params_count(&hook->query, BODY_SHA256) == 1 &&
           eg_equal_secret(claimed->value, (eg_span){expected, 2 * EG_SHA256_SIZE});
}

static body_hash hash_body(const eg_webhook *hook)
{
    eg_span body = {hook->body_length ? hook->body : "", hook->body_length};
    body_hash hash = {eg_params_find(&hook->query, BODY_SHA256) != NULL, false, {0}};

    if (hash.claimed && eg_the_crypto())
        hash.known = eg_sha256(eg_the_crypto(), body, hash.hash) == EG_OK;
    return hash;
}

static eg_verdict check_signature(request_rec *r, const eg_webhook *hook, const body_hash *hash)
{
    const char *header = apr_table_get(r->headers_in, "X-Twilio-Signature");
    bool form_is_signed = r->method_number == M_POST && !hash->claimed;
    eg_signed what = {hook->origin, hook->target, form_is_signed ? &hook->form : NULL,
                      eg_webhook_get(hook, EG_LIT("AccountSid"))};

    if (!header || !*header)
        return EG_SIGNATURE_MISSING;
    if (hash->claimed && !body_hash_fits(hook, hash))
        return EG_SIGNATURE_INVALID;
    return eg_signature_check(eg_the_crypto(), &what, eg_config_of(r)->tokens->tokens,
                              eg_span_of(header));
}

/* Keys and tokens that this location needs; one error line says which is missing. */
static eg_outcome check_configuration(request_rec *r, bool signature_needed)
{
    const eg_config *config = eg_config_of(r);
    const char *missing = NULL;

    if (!config->keys || !config->keys->keys)
        missing = "EncGatherKeyFile";
    else if (signature_needed && (!config->tokens || !config->tokens->tokens))
        missing = "EncGatherAuthTokenFile";
    if (!missing && eg_the_crypto())
        return EG_GOING_ON;
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, 0, r, EG_TAG("0108") "call %s: answered 500, %s", eg_call_of(r),
        missing ? apr_pstrcat(r->pool, "there is no usable ", missing, " for this location", NULL)
                : "OpenSSL does not offer AES-256-GCM, HMAC or SHA-256");
    return EG_MISCONFIGURED;
}

static eg_outcome verify(request_rec *r, eg_webhook *hook, const body_hash *hash)
{
    static const char *const reasons[] = {"was not checked", "is missing", "does not fit"};

    hook->verdict = check_signature(r, hook, hash);
    eg_set_signature(r, hook->verdict);
    if (hook->verdict == EG_SIGNATURE_VALID)
        return EG_GOING_ON;
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  EG_TAG("0301") "call %s: refused, the X-Twilio-Signature %s", eg_call_of(r),
                  reasons[hook->verdict]);
    return EG_FORBIDDEN;
}

/* --- all of it, in order ------------------------------------------------------------------------
 */

eg_span eg_webhook_get(const eg_webhook *hook, eg_span name)
{
    const eg_param *param = eg_params_find(&hook->form, name);

    if (!param)
        param = eg_params_find(&hook->query, name);
    return param ? param->value : (eg_span){NULL, 0};
}

static void set_variables(request_rec *r, const eg_webhook *hook, const eg_intake *intake)
{
    const eg_fields *fields = eg_config_fields(eg_config_of(r));
    const eg_param *step = eg_params_find(&hook->query, EG_LIT("step"));
    unsigned number;

    eg_set_call(r, eg_webhook_get(hook, EG_LIT("CallSid")));
    if (intake->signature &&
        eg_flow_step(fields, step ? step->value : (eg_span){NULL, 0}, &number) == EG_OK)
        eg_set_step(r, eg_flow_step_name(fields, number));
}

static eg_webhook *new_webhook(request_rec *r)
{
    eg_webhook *hook = apr_pcalloc(r->pool, sizeof *hook);

    hook->target = eg_raw_target(r);
    eg_request_of(r)->webhook = hook;
    eg_set_signature(r, EG_SIGNATURE_UNCHECKED);
    return hook;
}

static eg_outcome check_head(request_rec *r, const eg_intake *intake, const eg_webhook *hook)
{
    eg_outcome outcome = check_method(r, intake, hook);

    if (!outcome)
        outcome = check_media_type(r, intake);
    if (!outcome && announces_too_much(r))
        outcome = EG_TOO_LARGE;
    return outcome;
}

static eg_outcome receive(request_rec *r, const eg_intake *intake, eg_webhook *hook, int *passed_on)
{
    eg_status query = parse_query(r, hook);
    bool checking = intake->signature && eg_config_signature(eg_config_of(r)) == EG_CHECK_ON;
    eg_outcome outcome;
    body_hash hash = {false, false, {0}};

    set_variables(r, hook, intake);
    outcome = check_head(r, intake, hook);
    if (!outcome)
        outcome = receive_body(r, hook, passed_on);
    if (!outcome)
        outcome = outcome_of(query);
    if (!outcome) {
        hash = hash_body(hook);
        outcome = parse_body(r, hook);
    }
    set_variables(r, hook, intake);
    if (!outcome)
        outcome = check_configuration(r, checking);
    if (!outcome && !find_origin(r, &hook->origin))
        outcome = EG_MALFORMED;
    if (!outcome && checking)
        outcome = verify(r, hook, &hash);
    return outcome;
}

eg_outcome eg_webhook_receive(request_rec *r, const eg_intake *intake, eg_webhook **hook,
                              int *passed_on)
{
    *hook = new_webhook(r);
    *passed_on = OK;
    return receive(r, intake, *hook, passed_on);
}
