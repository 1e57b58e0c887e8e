/* SPDX-License-Identifier: Apache-2.0
 * The blocks of a PEM file (RFC 7468), and one of them decoded without a copy that nobody wipes. */
#include "pem.h"

#include "base64url.h"
#include "secret.h"

static bool cut_behind(eg_span *text, eg_span mark, eg_span *before)
{
    const char *at = text->n ? memmem(text->p, text->n, mark.p, mark.n) : NULL;
    const char *end = text->p + text->n;

    if (!at)
        return false;
    *before = (eg_span){text->p, (apr_size_t)(at - text->p)};
    *text = (eg_span){at + mark.n, (apr_size_t)(end - at) - mark.n};
    return true;
}

bool eg_pem_next(eg_span *text, eg_pem_block *block)
{
    eg_span ignored;

    return cut_behind(text, EG_LIT("-----BEGIN "), &ignored) &&
           cut_behind(text, EG_LIT("-----"), &block->label) &&
           cut_behind(text, EG_LIT("-----END "), &block->body);
}

static char in_url_alphabet(char c)
{
    if (c == '+')
        return '-';
    if (c == '/')
        return '_';
    return c;
}

static apr_size_t padding_of(const char *text, apr_size_t n)
{
    if (n == 0 || n % 4 || text[n - 1] != '=')
        return 0;
    return text[n - 2] == '=' ? 2 : 1;
}

eg_status eg_pem_decode(const eg_pem_block *block, apr_pool_t *pool, eg_span *der)
{
    char *text = eg_wiped_alloc(pool, block->body.n + 1);
    apr_size_t n = 0;
    unsigned char *bytes;
    eg_status status;

    for (apr_size_t i = 0; i < block->body.n; i++)
        if (!eg_is_blank(block->body.p[i]))
            text[n++] = in_url_alphabet(block->body.p[i]);
    n -= padding_of(text, n);
    bytes = eg_wiped_alloc(pool, EG_BASE64URL_BYTES(n) + 1);
    status = eg_base64url_decode(bytes, (eg_span){text, n});
    eg_wipe_early(text);
    *der = (eg_span){(const char *)bytes, EG_BASE64URL_BYTES(n)};
    return status;
}
