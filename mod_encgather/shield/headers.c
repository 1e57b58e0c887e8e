/* SPDX-License-Identifier: Apache-2.0
 * Headers of a request whose body or query is another one. */
#include "shield/headers.h"

#include <string.h>
#include <apr_strings.h>

/* A digest of four digits tells them to whoever tries ten thousand. */
static bool is_digest_header(const char *name)
{
    static const char *const digests[] = {"Digest", "Content-Digest", "Repr-Digest", "Content-MD5"};

    if (!strchr("DdCcRr", *name))
        return false;
    for (unsigned i = 0; i < sizeof digests / sizeof digests[0]; i++)
        if (ap_cstr_casecmp(name, digests[i]) == 0)
            return true;
    return false;
}

/* Whoever's it is, it is of what was there before. */
static bool is_signature_header(const char *name)
{
    return strpbrk(name, "gG") && ap_strcasestr(name, "signature") != NULL;
}

static bool is_kept(const char *name, const eg_provider *provider)
{
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && provider->headers[i]; i++)
        if (provider->keeps[i] && ap_cstr_casecmp(name, provider->headers[i]) == 0)
            return true;
    return false;
}

/* While one walks through a table nothing may be taken out of it. */
static apr_array_header_t *find_stale(const request_rec *r, const eg_provider *kept)
{
    const apr_array_header_t *all = apr_table_elts(r->headers_in);
    apr_array_header_t *stale = apr_array_make(r->pool, 4, sizeof(const char *));

    for (int i = 0; i < all->nelts; i++) {
        const char *name = APR_ARRAY_IDX(all, i, apr_table_entry_t).key;

        if (is_digest_header(name) || (is_signature_header(name) && !(kept && is_kept(name, kept))))
            APR_ARRAY_PUSH(stale, const char *) = name;
    }
    return stale;
}

void eg_headers_change(request_rec *r, const eg_provider *provider, const eg_provider_headers *anew)
{
    const apr_array_header_t *stale = find_stale(r, anew ? provider : NULL);

    for (int i = 0; i < stale->nelts; i++)
        apr_table_unset(r->headers_in, APR_ARRAY_IDX(stale, i, const char *));
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS && provider->headers[i]; i++) {
        if (!anew)
            apr_table_unset(r->headers_in, provider->headers[i]);
        else if (anew->value[i][0])
            apr_table_set(r->headers_in, provider->headers[i], anew->value[i]);
    }
}

void eg_headers_frame(request_rec *r, const eg_body *body)
{
    if (!body->expected)
        return;
    apr_table_unset(r->headers_in, "Transfer-Encoding");
    apr_table_set(r->headers_in, "Content-Length",
                  apr_psprintf(r->pool, "%" APR_SIZE_T_FMT, body->n));
}
