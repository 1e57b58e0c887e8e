/* SPDX-License-Identifier: Apache-2.0
 * Advice on signatures that do not fit: it finds what a proxy said when that was signed, and it
 * shows hosts, schemes and ports alone. Lines of the input: Host, X-Forwarded-Host,
 * X-Forwarded-Proto, X-Forwarded-Port, ServerName, port of the listener, target; the rest is a form
 * body. */
#include "fuzz.h"

#include <string.h>
#include <apr_strings.h>
#include "core/doctor.h"

#define TOKEN "0d9f3e5b7a614c28b1f7c35e90a2684d"

static const char *const atoms[] = {"example.com", "https", "http", "443",  "8443",  "\n",
                                    "/call/",      "/call", "?a=b", "\n\n", "[::1]", "a=b&c=d",
                                    "\x1b[31m",    "%s",    "\r",   NULL};
const fuzz_grammar fuzz_target = {"doctor", "\n:/?&=", atoms};

static const char *advise(apr_pool_t *pool, const eg_signed *what, const eg_hints *hints,
                          const char *header)
{
    eg_auth_token known[2] = {{.account = EG_LIT("AC1"), .token = EG_LIT(TOKEN)},
                              {.account = EG_LIT("AC2"), .token = EG_LIT("other")}};
    eg_auth_tokens tokens = {2, known};

    return eg_doctor_advise(fuzz_crypto(), what, &tokens, eg_span_of(header), hints, pool);
}

static const char *sign(apr_pool_t *pool, const eg_signed *what, eg_span authority)
{
    char *signature = apr_palloc(pool, EG_SIGNATURE_LENGTH + 1);

    return eg_signature_make(fuzz_crypto(), what, authority, EG_LIT(TOKEN), signature) == EG_OK
               ? signature
               : NULL;
}

static void hold_line(const char *advice)
{
    for (const char *p = advice; *p; p++)
        HOLDS(*p >= ' ' && *p <= '~', "advice is one printable line");
    HOLDS(!strstr(advice, TOKEN), "advice shows no token");
}

/* The same call with other values gets the same advice. */
static void hold_discreet(apr_pool_t *pool, const eg_signed *what, const eg_hints *hints,
                          eg_span authority, const char *advice)
{
    const eg_params *params = what->params;
    eg_params other = {apr_pmemdup(pool, params->at, params->n * sizeof *params->at), params->n};
    eg_signed disguised = *what;
    const char *same;

    disguised.params = &other;
    for (apr_size_t i = 0; i < other.n; i++)
        other.at[i].value.p = fuzz_disguise(pool, other.at[i].value);
    same = advise(pool, &disguised, hints, sign(pool, &disguised, authority));
    HOLDS(same && strcmp(same, advice) == 0, "advice does not depend on parameters");
}

static bool is_host(eg_span host)
{
    for (apr_size_t i = 0; i < host.n; i++)
        if (!eg_is_alnum(host.p[i]) && !strchr("-._", host.p[i] ? host.p[i] : ' '))
            return false;
    return host.n >= 1 && host.n <= 255;
}

static bool is_path(eg_span prefix)
{
    for (apr_size_t i = 0; i < prefix.n; i++)
        if (!eg_is_alnum(prefix.p[i]) && prefix.p[i] != '/')
            return false;
    return prefix.n >= 1 && prefix.n <= 255;
}

static bool is_port(eg_span port)
{
    for (apr_size_t i = 0; i < port.n; i++)
        if (!eg_is_digit(port.p[i]))
            return false;
    return port.n <= 5;
}

static bool is_web(eg_span scheme)
{
    return scheme.n == 0 || eg_span_eq(scheme, EG_LIT("http")) ||
           eg_span_eq(scheme, EG_LIT("https"));
}

/* What the proxy says was signed: where it is an address, that is found. */
static void hold_found(apr_pool_t *pool, const eg_signed *what, const eg_hints *hints,
                       eg_span scheme)
{
    const eg_origin *said = &hints->forwarded;
    eg_signed outside = *what;
    const char *header;

    if (!is_host(said->host) || !is_port(said->port) || !is_web(said->scheme))
        return;
    outside.origin.scheme = scheme;
    header = sign(pool, &outside, said->host);
    if (header)
        HOLDS(advise(pool, what, hints, header), "what was signed for the proxy is recognized");
    outside.origin.prefix = said->prefix;
    header = is_path(said->prefix) ? sign(pool, &outside, said->host) : NULL;
    if (header)
        HOLDS(advise(pool, what, hints, header), "so is what it took a path off");
}

static void hold_advice(apr_pool_t *pool, const eg_signed *what, const eg_hints *hints)
{
    const eg_span authorities[] = {hints->forwarded.host, hints->server.host, hints->request.host};

    for (unsigned i = 0; i < 3; i++) {
        const char *header = sign(pool, what, authorities[i]);
        const char *advice = header ? advise(pool, what, hints, header) : NULL;

        if (!advice)
            continue;
        hold_line(advice);
        hold_discreet(pool, what, hints, authorities[i], advice);
    }
    HOLDS(!advise(pool, what, hints, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
          "for what nobody signed there is no advice");
}

/* Whatever stands behind a slash of the port. */
static eg_span fuzz_prefix(eg_span *port)
{
    const char *slash = port->n ? memchr(port->p, '/', port->n) : NULL;
    eg_span prefix = {"", 0};

    if (slash) {
        prefix = (eg_span){slash, port->n - (apr_size_t)(slash - port->p)};
        port->n -= prefix.n;
    }
    return prefix;
}

void fuzz_one(apr_pool_t *pool, eg_span input)
{
    eg_hints hints = {.request = {.scheme = EG_LIT("http")}, .server = {.scheme = EG_LIT("http")}};
    eg_signed what = {.account = EG_LIT("AC1")};
    eg_params params;
    char *body;

    if (fuzz_contains(input, EG_LIT(TOKEN)))
        return; /* a host of that name may be shown */
    hints.request.host = fuzz_line(&input);
    hints.forwarded.host = fuzz_line(&input);
    hints.forwarded.scheme = fuzz_line(&input);
    hints.forwarded.port = fuzz_line(&input);
    hints.server.host = fuzz_line(&input);
    hints.listener_port = fuzz_line(&input);
    hints.forwarded.prefix = fuzz_prefix(&hints.listener_port);
    what.target = fuzz_line(&input);
    what.origin = hints.request;
    body = apr_pmemdup(pool, input.n ? input.p : "", input.n);
    if (eg_form_parse(pool, body, input.n, EG_PARAMS_MAX, &params) != EG_OK)
        return;
    what.params = &params;
    hold_advice(pool, &what, &hints);
    hold_found(pool, &what, &hints, EG_LIT("https"));
    hold_found(pool, &what, &hints, EG_LIT("http"));
}
