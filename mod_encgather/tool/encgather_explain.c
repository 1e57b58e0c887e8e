/* SPDX-License-Identifier: Apache-2.0
 * Why a signature does not fit at a location. */
#include "encgather_explain.h"

#include <string.h>
#include <apr_strings.h>
#include "core/doctor.h"

#define MASKED "*REDACTED*"

typedef struct {
    const eg_dump *dump;
    const eg_explain_options *options;
    const eg_record *place;
    eg_tool_webhook *hook;
    eg_subject *subject;
} case_of;

static void tell_verdict(const case_of *c, eg_state state, const char *text, const char *advice)
{
    eg_report_add(c->subject, state, text, advice);
}

/* --- which location ---------------------------------------------------------------------------- */

static const char *path_of_url(const char *url)
{
    const char *authority = strstr(url, "://");

    return authority ? authority + 3 + strcspn(authority + 3, "/?#") : url;
}

/* The path without a query, and without what a proxy takes off it. */
static const char *path_here(const eg_dump *dump, const eg_record *place, const char *url)
{
    const char *public = eg_record_get(dump, place, "public_url");
    const char *prefix = public ? path_of_url(public) : "";
    const char *path = path_of_url(url);

    return *prefix && eg_path_is_below(path, prefix) ? path + strlen(prefix) : path;
}

/* The one with the longest path. */
static const eg_record *find_place(const eg_dump *dump, const eg_explain_options *options)
{
    const eg_record *record, *found = NULL;
    apr_size_t longest = 0;

    for (int i = 0; (record = eg_dump_next(dump, "place", &i)) != NULL; i++) {
        const char *section = eg_record_get(dump, record, "path");
        const char *asked =
            options->location ? options->location : path_here(dump, record, options->url);

        if (section && strlen(section) > longest && eg_record_get(dump, record, "token_file") &&
            eg_path_is_below(asked, section)) {
            found = record;
            longest = strlen(section);
        }
    }
    return found;
}

/* --- what was signed --------------------------------------------------------------------------- */

/* Logs have the path alone. */
static const char *whole_url(const case_of *c)
{
    const char *public = eg_record_get(c->dump, c->place, "public_url");
    const char *host = eg_record_get(c->dump, c->place, "host");

    if (strstr(c->options->url, "://"))
        return c->options->url;
    if (public)
    public = apr_pstrmemdup(c->dump->report->tool->pool, public,
                            (apr_size_t)(path_of_url(public) - public));
    else public =
        apr_pstrcat(c->dump->report->tool->pool, "https://", host ? host : "localhost", NULL);
    return apr_pstrcat(c->dump->report->tool->pool, public, c->options->url, NULL);
}

static bool is_masked(const case_of *c)
{
    const eg_content *body = &c->hook->body;

    if (strstr(c->options->url, MASKED))
        return true;
    return body->n && memmem(body->bytes, body->n, MASKED, strlen(MASKED));
}

static bool split_origin(const char *url, eg_origin *origin)
{
    const char *authority = strstr(url, "://");

    *origin = (eg_origin){.port = {"", 0}, .prefix = {"", 0}};
    if (!authority)
        return false;
    origin->scheme = (eg_span){url, (apr_size_t)(authority - url)};
    authority += 3;
    return eg_origin_split((eg_span){authority, strcspn(authority, "/?#")}, origin);
}

/* As the location would see it: the public URL, and behind its prefix what came. */
static eg_signed what_came(const case_of *c, eg_origin *called)
{
    const char *public = eg_record_get(c->dump, c->place, "public_url");
    const char *target = path_here(c->dump, c->place, c->options->url);
    eg_signed what = {.params = c->hook->form_signed ? &c->hook->form : NULL,
                      .account = c->hook->account,
                      .signer = c->hook->signer,
                      .is_handshake = c->hook->is_handshake};

    what.target = (eg_span){target, strcspn(target, "#")};
    what.origin = *called;
    if (public && split_origin(public, &what.origin))
        what.origin.prefix = eg_span_of(path_of_url(public));
    return what;
}

/* --- the verdict ------------------------------------------------------------------------------- */

static const char *tokens_tried(const case_of *c)
{
    long tried = 0, of_kind = 0;

    for (apr_size_t i = 0; i < c->hook->tokens.n; i++) {
        const eg_auth_token *token = &c->hook->tokens.at[i];
        bool asked = eg_signer_asks_for(&c->hook->signer, token);

        of_kind += asked;
        tried += asked && (!token->account.n || !c->hook->account.n ||
                           eg_span_eq(token->account, c->hook->account));
    }
    return apr_psprintf(
        c->dump->report->tool->pool,
        "the signature does not fit: %ld of %ld token%s were tried for this account, "
        "and none fits for this or a similar URL",
        tried, of_kind, of_kind == 1 ? "" : "s");
}

static void tell_why_not(const case_of *c, const eg_signed *what, const eg_origin *called)
{
    apr_pool_t *pool = c->dump->report->tool->pool;
    const char *host = eg_record_get(c->dump, c->place, "host");
    const char *advice = eg_signature_fault(what, &c->hook->tokens);
    eg_hints hints = {.request = *called,
                      .server.scheme = called->scheme,
                      .server.host = eg_span_of(host ? host : "")};

    if (!advice)
        advice = eg_doctor_advise(c->dump->report->tool->crypto, what, &c->hook->tokens,
                                  eg_span_of(c->options->signature), &hints, pool);
    if (advice)
        tell_verdict(c, EG_STATE_BROKEN,
                     apr_pstrcat(pool, "the signature does not fit: ", advice, NULL), NULL);
    else
        tell_verdict(
            c, EG_STATE_BROKEN, tokens_tried(c),
            "is the token that of this account (not an API key), and are URL and parameters "
            "as they were sent? See signatures.md");
}

static void judge_request(const case_of *c)
{
    eg_origin called;
    eg_signed what;

    if (c->hook->fault) {
        tell_verdict(c, EG_STATE_BROKEN, c->hook->fault, NULL);
        return;
    }
    if (is_masked(c)) {
        tell_verdict(c, EG_STATE_BROKEN,
                     "what was sent is masked in this log (" MASKED "): it cannot be verified",
                     "take the request from the provider's console");
        return;
    }
    if (!split_origin(whole_url(c), &called)) {
        tell_verdict(c, EG_STATE_BROKEN, "the URL has no host", NULL);
        return;
    }
    what = what_came(c, &called);
    if (eg_signature_check(c->dump->report->tool->crypto, &what, &c->hook->tokens,
                           eg_span_of(c->options->signature)) == EG_SIGNATURE_VALID)
        tell_verdict(c, EG_STATE_OK, "the signature fits: this location takes the request", NULL);
    else
        tell_why_not(c, &what, &called);
}

/* Their signatures are several headers, which "verify" takes. */
static bool leaves_to_verify(const case_of *c)
{
    const char *name = eg_record_get(c->dump, c->place, "provider");
    apr_pool_t *pool = c->dump->report->tool->pool;

    if (!name || strcmp(name, "twilio") == 0)
        return false;
    tell_verdict(c, EG_STATE_ODD,
                 apr_pstrcat(pool, "this location has EncGatherProvider ", name,
                             ", and only Twilio's signatures are looked at here", NULL),
                 apr_pstrcat(pool, "encgather verify --provider ", name, " --token-file ",
                             c->options->request.token_file,
                             " --header 'NAME: VALUE' URL <BODY, with each header that signs",
                             NULL));
    return true;
}

/* Where a request is pasted, its last line has an end that was never sent. */
static void drop_line_end(eg_tool_webhook *hook)
{
    eg_span *last = hook->form.n ? &hook->form.at[hook->form.n - 1].value : NULL;

    while (last && last->n && (last->p[last->n - 1] == '\n' || last->p[last->n - 1] == '\r')) {
        last->n--;
        hook->account.n -= hook->account.p == last->p;
    }
}

eg_exit eg_explain(const eg_dump *dump, eg_explain_options *options)
{
    eg_tool_webhook hook = {.fault = NULL};
    case_of c = {dump, options, find_place(dump, options), &hook, NULL};
    eg_exit result;

    c.subject = eg_report_subject(dump->report, "the request");
    if (!c.place) {
        tell_verdict(
            &c, EG_STATE_BROKEN,
            "no location of this configuration with an EncGatherAuthTokenFile has that path",
            "name it: --location PATH");
        return EG_EXIT_GOOD;
    }
    c.subject->title =
        apr_pstrcat(dump->report->tool->pool, "the request, at ", c.place->subject->title, NULL);
    options->request.token_file = eg_record_get(dump, c.place, "token_file");
    if (leaves_to_verify(&c))
        return EG_EXIT_GOOD;
    result = eg_tool_webhook_load(dump->report->tool, &options->request, whole_url(&c), &hook);
    if (result == EG_EXIT_GOOD) {
        drop_line_end(&hook);
        judge_request(&c);
    }
    eg_tool_webhook_free(&hook);
    return result;
}
