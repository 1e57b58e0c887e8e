/* SPDX-License-Identifier: Apache-2.0
 * What went wrong with a call of the backend, in words for the error log. */
#include "call/fault.h"

#include <string.h>
#include <apr_strings.h>
#include "config/config.h"
#include "core/mediatype.h"

static bool has_handler(const request_rec *sub, const char *name)
{
    return sub->handler && strcmp(sub->handler, name) == 0;
}

/* --- handlers that are no backend -------------------------------------------------------------- */

/* They answer 404 although they are there. */
const char *eg_fault_stranger(const request_rec *sub)
{
    if (has_handler(sub, EG_GATHER_HANDLER))
        return "the path of EncGatherBackend leads to encrypted-gather, itself or another: it has "
               "to be that "
               "of decrypt-gather or of an application";
    if (has_handler(sub, EG_STATUS_HANDLER))
        return "the path of EncGatherBackend leads to encgather-status";
    if (has_handler(sub, EG_DECRYPT_HANDLER) && !eg_config_of(sub)->lookup)
        return "the path of EncGatherBackend leads to decrypt-gather, but there is no "
               "EncGatherLookup for it";
    if (has_handler(sub, "cgi-script") && sub->finfo.filetype == APR_NOFILE)
        return "the path of EncGatherBackend leads to a script that is not there";
    return NULL;
}

/* --- a status ---------------------------------------------------------------------------------- */

/* What a backend answered, mod_proxy passes on: the handler returns OK, or with ProxyErrorOverride
 * the status beside the status line that the backend had written. Where mod_proxy makes a status
 * itself, it returns it and there is no such line, or a note that mod_proxy alone writes. */
bool eg_fault_is_of_proxy(const eg_ended *call)
{
    const request_rec *sub = call->last;

    return call->returned != OK && sub->proxyreq &&
           (!sub->status_line || apr_table_get(sub->notes, "error-notes"));
}

static const char *proxy_advice(const eg_ended *call, bool in_time)
{
    if (!in_time)
        return "nobody answered in time: mod_proxy gave up with status %d (ProxyTimeout, or "
               "timeout= of its ProxyPass)";
    if (call->status == HTTP_INTERNAL_SERVER_ERROR)
        return "it was not called: mod_proxy itself gave up with status %d; mod_proxy's own line "
               "says why (a name that is not known, no SSLProxyEngine On, a module that is not "
               "loaded)";
    return "nobody answered: mod_proxy itself gave up with status %d; is it started, and is that "
           "its address? mod_proxy's own line says more";
}

static const char *advice_for(int status)
{
    switch (status) {
    case HTTP_MOVED_PERMANENTLY:
    case HTTP_MOVED_TEMPORARILY:
    case HTTP_SEE_OTHER:
    case HTTP_TEMPORARY_REDIRECT:
    case HTTP_PERMANENT_REDIRECT:
        return "it answered with status %d, a redirect, which is never followed";
    case HTTP_BAD_REQUEST:
        return "it answered with status %d: it does not take what it was sent; its own log says "
               "why (a decrypt-gather: EG0402 of tokens, EG0405 of fields)";
    case HTTP_UNAUTHORIZED:
        return "it answered with status %d: it wants a password, and none is ever sent";
    case HTTP_FORBIDDEN:
        return "it answered with status %d: it does not let this server in (Require; at a "
               "decrypt-gather that is called by a URL: EncGatherExpose)";
    case HTTP_METHOD_NOT_ALLOWED:
        return "it answered with status %d: it takes no POST";
    case HTTP_UNSUPPORTED_MEDIA_TYPE:
        return "it answered with status %d: it takes no application/json";
    default:
        return status >= HTTP_INTERNAL_SERVER_ERROR
                   ? "it answered with status %d: its own log says why"
                   : "it answered with status %d, and 200 or 404 is expected";
    }
}

static const char *status_words(const eg_ended *call, bool in_time)
{
    if (!call->has_run)
        return "this server refuses its path with status %d before anybody is asked: look for "
               "Require and RewriteRule there, and for httpd's own line (AH...)";
    if (has_handler(call->last, EG_DECRYPT_HANDLER))
        return "decrypt-gather, whose own line stands before this one, answered with status %d";
    return eg_fault_is_of_proxy(call) ? proxy_advice(call, in_time) : advice_for(call->status);
}

const char *eg_fault_status(const eg_ended *call, bool in_time)
{
    const char *words = status_words(call, in_time);
    const char *number = strstr(words, "%d");

    return apr_psprintf(call->r->pool, "%.*s%d%s", (int)(number - words), words, call->status,
                        number + 2);
}

/* --- time, size, content ----------------------------------------------------------------------- */

const char *eg_fault_slow(const eg_ended *call)
{
    return apr_psprintf(call->r->pool, "the answer took longer than EncGatherTimeout (%d s)",
                        (int)apr_time_sec(eg_config_timeout(eg_config_of(call->r))));
}

static bool is_short_number(const char *text)
{
    apr_size_t n = strspn(text, "0123456789");

    return n > 0 && n <= 18 && !text[n];
}

const char *eg_fault_large(const eg_ended *call, apr_size_t most)
{
    const char *length = apr_table_get(call->last->headers_out, "Content-Length");
    const char *words =
        apr_psprintf(call->r->pool, "the answer is larger than %d KiB", (int)(most / 1024));

    if (!length || !is_short_number(length))
        return words;
    return apr_pstrcat(call->r->pool, words, " (it announced ", length, " bytes)", NULL);
}

/* Type and subtype, as far as they are ordinary. */
static const char *media_type_words(const eg_ended *call)
{
    const char *type = call->last->content_type ? call->last->content_type : "";
    apr_size_t n = strcspn(type, "; \t");

    if (!*type)
        return "there is no Content-Type";
    if (eg_media_type_is(type, "text/html"))
        return "its Content-Type is text/html, a page for people: is that the right path?";
    if (n > 64 || strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "/.+-_") < n)
        return "its Content-Type is odd";
    return apr_pstrcat(call->r->pool, "its Content-Type is ",
                       apr_pstrmemdup(call->r->pool, type, n), NULL);
}

const char *eg_fault_json(const eg_ended *call, const eg_json_fault *fault, apr_size_t n)
{
    bool is_json = eg_media_type_is(call->last->content_type, "application/json");
    const char *type = is_json ? "" : media_type_words(call);

    return apr_psprintf(call->r->pool,
                        "its answer is not a JSON object: %s at byte %" APR_SIZE_T_FMT
                        " of %" APR_SIZE_T_FMT "%s%s",
                        fault->what, fault->at, n, is_json ? "" : "; ", type);
}
