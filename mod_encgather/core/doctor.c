/* SPDX-License-Identifier: Apache-2.0
 * Why a signature does not fit: tries what operators get wrong and says what would have fitted. */
#include "doctor.h"

#include <string.h>
#include <apr_strings.h>

typedef struct {
    eg_crypto *crypto;
    const eg_signed *what;
    const eg_auth_tokens *tokens;
    eg_span header;
    const eg_hints *hints;
    apr_pool_t *pool;
    bool failed; /* OpenSSL did: what is not found may be there all the same */
} patient;

static bool variant_fits(patient *p, const eg_signed *variant)
{
    eg_verdict verdict = eg_signature_check(p->crypto, variant, p->tokens, p->header);

    p->failed |= verdict == EG_SIGNATURE_UNCHECKED;
    return verdict == EG_SIGNATURE_VALID;
}

static eg_span other_scheme(eg_span scheme)
{
    return eg_span_eq(scheme, EG_LIT("https")) ? EG_LIT("http") : EG_LIT("https");
}

static const char *origin_text(const patient *p, const eg_origin *origin)
{
    return apr_psprintf(p->pool, "%.*s://%.*s%s%.*s%.*s", (int)origin->scheme.n, origin->scheme.p,
                        (int)origin->host.n, origin->host.p, origin->port.n ? ":" : "",
                        (int)origin->port.n, origin->port.p, (int)origin->prefix.n,
                        origin->prefix.p);
}

/* Letters, digits and the others: what a client wrote into a header must not shape a log line. */
static bool is_plain(eg_span text, const char *others)
{
    for (apr_size_t i = 0; i < text.n; i++)
        if (!eg_is_alnum(text.p[i]) && (!text.p[i] || !strchr(others, text.p[i])))
            return false;
    return text.n <= 255;
}

static bool is_plain_host(eg_span host)
{
    return host.n > 0 && is_plain(host, "-._[]:");
}

static bool is_plain_prefix(eg_span prefix)
{
    return prefix.n == 0 || (*prefix.p == '/' && is_plain(prefix, "/-._~"));
}

static bool is_number(eg_span port)
{
    for (apr_size_t i = 0; i < port.n; i++)
        if (!eg_is_digit(port.p[i]))
            return false;
    return port.n <= 5;
}

static const char *try_prefix(patient *p, eg_origin origin, eg_span prefix, const char *advice)
{
    eg_signed variant = *p->what;

    origin.prefix = prefix;
    variant.origin = origin;
    return variant_fits(p, &variant) ? apr_pstrcat(p->pool, advice, origin_text(p, &origin), NULL)
                                     : NULL;
}

static bool is_known_prefix(const patient *p, eg_span prefix)
{
    return prefix.n == 0 || eg_span_eq(prefix, p->what->origin.prefix);
}

/* With the prefix that it has, with the one of EncGatherPublicURL, and with none. */
static const char *try_origin(patient *p, eg_origin origin, const char *advice)
{
    const eg_span none = {"", 0};
    const char *found = NULL;

    if (!is_plain_host(origin.host) || !is_number(origin.port) || !origin.scheme.n)
        return NULL;
    if (!is_known_prefix(p, origin.prefix) && is_plain_prefix(origin.prefix))
        found = try_prefix(p, origin, origin.prefix, advice);
    if (!found && p->what->origin.prefix.n)
        found = try_prefix(p, origin, p->what->origin.prefix, advice);
    return found ? found : try_prefix(p, origin, none, advice);
}

/* Where what stands in front leaves the path as it is. */
static const char *try_no_prefix(patient *p)
{
    const eg_span none = {"", 0};

    if (!p->what->origin.prefix.n)
        return NULL;
    return try_prefix(p, p->what->origin, none,
                      "it would fit without the path of the public URL: set EncGatherPublicURL ");
}

static const char *try_scheme(patient *p)
{
    eg_origin origin = p->what->origin;

    origin.scheme = other_scheme(origin.scheme);
    return try_origin(p, origin,
                      "it would fit for the other scheme, as when TLS ends in front of this "
                      "server: set EncGatherPublicURL ");
}

/* Where EncGatherPublicURL is set and wrong. */
static const char *try_request(patient *p)
{
    const char *advice = "it would fit for the address of the request itself: EncGatherPublicURL "
                         "names another one than ";
    eg_origin origin = p->hints->request;
    const char *found = try_origin(p, origin, advice);

    origin.scheme = other_scheme(origin.scheme);
    return found ? found : try_origin(p, origin, advice);
}

static const char *try_forwarded(patient *p)
{
    const char *advice = "it would fit for what a proxy says that it received, which is never "
                         "trusted: set EncGatherPublicURL ";
    eg_origin origin = p->hints->forwarded;
    const char *found;

    if (!origin.host.n && !origin.scheme.n && !origin.port.n && !origin.prefix.n)
        return NULL;
    if (!origin.host.n)
        origin.host = p->what->origin.host;
    if (!origin.scheme.n)
        origin.scheme = p->what->origin.scheme;
    found = try_origin(p, origin, advice);
    origin.scheme = other_scheme(origin.scheme);
    return found ? found : try_origin(p, origin, advice);
}

/* A proxy that puts a name of its own into Host. */
static const char *try_server_name(patient *p)
{
    const char *advice = "it would fit for the ServerName, which is not what the request has in "
                         "Host: set EncGatherPublicURL ";
    eg_origin origin = p->hints->server;
    const char *found = try_origin(p, origin, advice);

    origin.scheme = other_scheme(origin.scheme);
    return found ? found : try_origin(p, origin, advice);
}

static const char *try_listener_port(patient *p)
{
    eg_origin origin = p->what->origin;

    if (!p->hints->listener_port.n)
        return NULL;
    origin.port = p->hints->listener_port;
    return try_origin(p, origin,
                      "it would fit with the port of this listener: set EncGatherPublicURL ");
}

/* The same target with a slash more or less at the end of its path. */
static eg_span toggle_slash(const patient *p)
{
    eg_span target = p->what->target;
    const char *query = memchr(target.p, '?', target.n);
    apr_size_t path = query ? (apr_size_t)(query - target.p) : target.n;
    bool slash = path > 0 && target.p[path - 1] == '/';
    const char *toggled = apr_pstrcat(
        p->pool, apr_pstrmemdup(p->pool, target.p, slash ? path - 1 : path), slash ? "" : "/",
        apr_pstrmemdup(p->pool, target.p + path, target.n - path), NULL);

    return eg_span_of(toggled);
}

static const char *try_slash(patient *p)
{
    eg_signed variant = *p->what;

    variant.target = toggle_slash(p);
    if (!variant_fits(p, &variant))
        return NULL;
    return variant.target.n > p->what->target.n
               ? "it would fit with a slash at the end of the path: something in front of this "
                 "server takes it away"
               : "it would fit without the slash at the end of the path: something in front of "
                 "this server adds it";
}

static const char *try_account(patient *p)
{
    eg_signed variant = *p->what;

    variant.account = (eg_span){NULL, 0};
    return variant_fits(p, &variant)
               ? "it fits another token of EncGatherAuthTokenFile, one of another AccountSid than "
                 "the request has: in front of a token belongs the AccountSid of its account, or "
                 "nothing"
               : NULL;
}

const char *eg_doctor_advise(eg_crypto *crypto, const eg_signed *what, const eg_auth_tokens *tokens,
                             eg_span header, const eg_hints *hints, apr_pool_t *pool)
{
    static const char *(*const tries[])(patient *) = {
        try_forwarded,   try_no_prefix,     try_scheme, try_request,
        try_server_name, try_listener_port, try_slash,  try_account};
    patient p = {crypto, what, tokens, header, hints, pool, false};
    const char *advice = NULL;

    for (unsigned i = 0; !advice && i < sizeof tries / sizeof tries[0]; i++)
        advice = tries[i](&p);
    return p.failed ? "OpenSSL failed while the cause was looked for" : advice;
}

/* --- where nothing would have made it fit ------------------------------------------------------- */

#define SID_DIGITS 32

static bool is_account_sid(eg_span account)
{
    if (account.n != 2 + SID_DIGITS || account.p[0] != 'A' || account.p[1] != 'C')
        return false;
    for (apr_size_t i = 2; i < account.n; i++)
        if (eg_hex_value(account.p[i]) < 0)
            return false;
    return true;
}

static const char *account_words(const eg_signed *what, apr_pool_t *pool)
{
    if (what->account.n == 0)
        return "a request without AccountSid";
    if (!is_account_sid(what->account))
        return "an AccountSid that is none";
    return apr_pstrcat(pool, "AccountSid ", apr_pstrmemdup(pool, what->account.p, what->account.n),
                       NULL);
}

static unsigned count_tried(const eg_signed *what, const eg_auth_tokens *tokens)
{
    unsigned n = 0;

    for (apr_size_t i = 0; i < tokens->n; i++) {
        const eg_auth_token *known = &tokens->at[i];

        n += eg_signer_asks_for(&what->signer, known) &&
             (known->account.n == 0 || what->account.n == 0 ||
              eg_span_eq(known->account, what->account));
    }
    return n;
}

/* All that is found by trying another URL is said in these words, and nothing else is. */
bool eg_doctor_names_url(const char *advice)
{
    static const char words[] = "it would fit ";

    return advice && strncmp(advice, words, sizeof words - 1) == 0;
}

const char *eg_doctor_count(const eg_signed *what, const eg_auth_tokens *tokens, bool searched,
                            apr_pool_t *pool)
{
    unsigned tried = count_tried(what, tokens);
    const char *account = account_words(what, pool);
    const char *noun = what->signer.is_shared ? "SharedKey" : "auth token";

    if (tried == 0)
        return apr_pstrcat(pool, "no line of EncGatherAuthTokenFile is for ", account,
                           searched ? ", and those of other accounts do not fit" : "",
                           ": add its auth token, from the Twilio Console", NULL);
    /* Said of each forged request: writing and escaping it costs as much as a digest, so the line of a
     * search, of the same second, has the rest. */
    if (!searched)
        return apr_pstrcat(pool, apr_itoa(pool, (int)tried), " ", noun, tried == 1 ? "" : "s",
                           " tried for ", account,
                           ", none fits the URL as it came; others were not tried: once a second "
                           "is enough",
                           NULL);
    return apr_pstrcat(pool, apr_itoa(pool, (int)tried), " ", noun, tried == 1 ? "" : "s",
                       " tried for ", account, ", none fits, whatever URL: is the ", noun,
                       " of the Twilio Console among them? Or a proxy in front changes host or "
                       "path and does not say so",
                       NULL);
}
