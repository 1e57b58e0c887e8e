/* SPDX-License-Identifier: Apache-2.0
 * A request of a provider, out of one object of JSON as t/vectors/providers.json has them; for the unit
 * test and for the judge. */
#ifndef VECTOR_H
#define VECTOR_H

#include <apr_cstr.h>
#include <apr_strings.h>
#include <jansson.h>
#include "core/parameters.h"
#include "core/provider.h"

static apr_pool_t *pool;
static eg_crypto *crypto;

typedef struct {
    eg_evidence evidence;
    eg_params form, query;
    eg_auth_token secrets[3];
    eg_auth_tokens tokens;
} request;

static const char *text_of(const json_t *vector, const char *name)
{
    const char *text = json_string_value(json_object_get(vector, name));

    return text ? text : "";
}

/* --- a vector becomes a request ---------------------------------------------------------------- */

static eg_params parse_params(const char *text, apr_size_t n)
{
    eg_params params = {NULL, 0};

    if (eg_form_parse(pool, apr_pstrmemdup(pool, text, n), n, EG_PARAMS_MAX, &params) != EG_OK)
        params.n = 0;
    return params;
}

/* A fragment is never sent. */
static void take_url(request *r, const char *url)
{
    eg_signed *what = &r->evidence.url;
    const char *host = strstr(url, "://") + 3, *path = host + strcspn(host, "/");
    const char *query = strchr(path, '?');
    apr_size_t n = strcspn(path, "#");

    what->origin.scheme = (eg_span){url, (apr_size_t)(host - url) - 3};
    (void)eg_origin_split((eg_span){host, (apr_size_t)(path - host)}, &what->origin);
    what->target = (eg_span){path, n};
    if (query)
        r->query = parse_params(query + 1, n - (apr_size_t)(query + 1 - path));
    r->evidence.query = &r->query;
}

static void take_body(request *r, const char *body, const char *type)
{
    unsigned char hash[EG_SHA256_SIZE];

    r->evidence.body = eg_span_of(body);
    if (strstr(type, "x-www-form-urlencoded") || !*body) {
        r->form = parse_params(body, strlen(body));
        r->evidence.url.params = &r->form;
    }
    r->evidence.claims_hash = eg_claims_body_hash(&r->query);
    r->evidence.hash_fits = r->evidence.claims_hash &&
                            eg_sha256(crypto, r->evidence.body, hash) == EG_OK &&
                            eg_body_hash_fits(&r->query, hash);
}

static eg_span find_header(json_t *headers, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach(headers, key,
                        value) if (name && apr_cstr_casecmp(key, name) ==
                                               0) return eg_span_of(json_string_value(value));
    return (eg_span){NULL, 0};
}

static void take_headers(request *r, const eg_provider *provider, json_t *headers)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS; i++)
        r->evidence.headers[i] = find_header(headers, provider->headers[i]);
}

static const char *const shared_keys[] = {"webhooks_sharedkey_1",
                                          "webhooks_sharedkey_00000000000000000000000001"};

static void take_secrets(request *r, const json_t *vector)
{
    const char *secret = text_of(vector, *text_of(vector, "secret") ? "secret" : "public_key");
    const char *shared = text_of(vector, "shared_key_secret");

    r->secrets[r->tokens.n++] = (eg_auth_token){.token = eg_span_of(secret)};
    for (size_t i = 0; *shared && i < sizeof shared_keys / sizeof shared_keys[0]; i++)
        r->secrets[r->tokens.n++] =
            (eg_auth_token){.token = eg_span_of(shared), .key = eg_span_of(shared_keys[i])};
    r->tokens.at = r->secrets;
}

static void read_vector(request *r, const eg_provider *provider, const json_t *vector)
{
    json_t *headers = json_object_get(vector, "headers");
    eg_span type = find_header(headers, "Content-Type");

    memset(r, 0, sizeof *r);
    r->evidence.is_get = strcmp(text_of(vector, "method"), "GET") == 0;
    r->evidence.is_post = !r->evidence.is_get;
    r->evidence.now = json_integer_value(json_object_get(vector, "now"));
    take_url(r, text_of(vector, "url"));
    take_body(r, text_of(vector, "body"), type.p ? type.p : "");
    take_headers(r, provider, headers);
    take_secrets(r, vector);
}

#endif
