/* SPDX-License-Identifier: Apache-2.0
 * Pools that a sanitizer can see into, and what else the targets share. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>

#define UNSET 0xa5 /* fills new blocks: nothing may count on zeros */
#define SECRETS_MAX 64

/* --- pools ------------------------------------------------------------------------------------- */

static struct {
    bool on; /* while an input runs */
    char **at;
    size_t *sizes;
    size_t n, room;
} blocks;

static struct {
    char *at[SECRETS_MAX];
    size_t sizes[SECRETS_MAX];
    unsigned n;
} secrets;

static void *checked(void *p)
{
    if (p)
        return p;
    fputs("fuzz: no memory\n", stderr);
    abort();
}

static void note_block(char *p, size_t n)
{
    if (blocks.n == blocks.room) {
        blocks.room = blocks.room ? 2 * blocks.room : 256;
        blocks.at = checked(realloc(blocks.at, blocks.room * sizeof *blocks.at));
        blocks.sizes = checked(realloc(blocks.sizes, blocks.room * sizeof *blocks.sizes));
    }
    blocks.at[blocks.n] = p;
    blocks.sizes[blocks.n++] = n;
}

/* Of pools that outlive an input; APR keeps them where a search for leaks does not look. */
static void *lasting(size_t n)
{
    static struct lasting_block {
        struct lasting_block *next;
        void *align;
    } * last;
    struct lasting_block *block = checked(malloc(sizeof *block + n));

    block->next = last;
    last = block;
    return block + 1;
}

/* In the place of libapr's, also for its own calls: APR hands out pieces of large blocks, and a
 * write behind such a piece hits the next one unseen. */
__attribute__((visibility("default"))) void *apr_palloc(apr_pool_t *pool, apr_size_t n)
{
    char *p;

    (void)pool;
    if (!blocks.on)
        return lasting(n);
    p = checked(malloc(n ? n : 1));
    memset(p, UNSET, n);
    note_block(p, n);
    return p;
}

bool fuzz_pool_holds(eg_span bytes)
{
    for (size_t i = 0; i < blocks.n; i++)
        if (fuzz_contains((eg_span){blocks.at[i], blocks.sizes[i]}, bytes))
            return true;
    return false;
}

void fuzz_must_vanish(eg_span secret)
{
    if (secrets.n == SECRETS_MAX)
        return;
    secrets.at[secrets.n] = checked(malloc(secret.n ? secret.n : 1));
    if (secret.n)
        memcpy(secrets.at[secrets.n], secret.p, secret.n);
    secrets.sizes[secrets.n++] = secret.n;
}

static bool all_vanished(void)
{
    for (unsigned i = 0; i < secrets.n; i++)
        if (fuzz_pool_holds((eg_span){secrets.at[i], secrets.sizes[i]}))
            return false;
    return true;
}

static void forget(void)
{
    for (size_t i = 0; i < blocks.n; i++)
        free(blocks.at[i]);
    for (unsigned i = 0; i < secrets.n; i++)
        free(secrets.at[i]);
    blocks.n = secrets.n = 0;
}

static void run_in_pool(eg_span input)
{
    apr_pool_t *pool;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        abort();
    forget(); /* what an input that broke a property left */
    blocks.on = true;
    fuzz_one(pool, input);
    apr_pool_destroy(pool);
    blocks.on = false;
    HOLDS(all_vanished(), "plaintext is wiped when its pool goes");
    forget();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)fuzz_crypto(); /* now, while allocations last */
    (void)fuzz_crypto_without_random();
    run_in_pool((eg_span){(const char *)data, size});
    return 0;
}

/* --- what targets share -------------------------------------------------------------------------- */

static eg_crypto *new_crypto(void)
{
    apr_pool_t *pool;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        abort();
    return checked(eg_crypto_create(pool));
}

eg_crypto *fuzz_crypto(void)
{
    static eg_crypto *crypto;

    if (!crypto)
        crypto = new_crypto();
    return crypto;
}

static bool no_random(unsigned char *out, apr_size_t n)
{
    (void)out;
    (void)n;
    return false;
}

eg_crypto *fuzz_crypto_without_random(void)
{
    static eg_crypto *crypto;

    if (!crypto) {
        crypto = new_crypto();
        eg_crypto_use_random(crypto, no_random);
    }
    return crypto;
}

eg_span fuzz_line(eg_span *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    eg_span line = {rest->p, end ? (apr_size_t)(end - rest->p) : rest->n};
    apr_size_t taken = line.n + (end != NULL);

    *rest = (eg_span){taken ? rest->p + taken : rest->p, rest->n - taken};
    return line;
}

const char *fuzz_string(apr_pool_t *pool, eg_span bytes)
{
    return apr_pstrmemdup(pool, bytes.n ? bytes.p : "", strnlen(bytes.n ? bytes.p : "", bytes.n));
}

bool fuzz_contains(eg_span in, eg_span what)
{
    return what.n == 0 || (in.n >= what.n && memmem(in.p, in.n, what.p, what.n) != NULL);
}

unsigned fuzz_choice(eg_span bytes)
{
    unsigned sum = 5381;

    for (apr_size_t i = 0; i < bytes.n; i++)
        sum = sum * 33 ^ (unsigned char)bytes.p[i];
    return sum >> 3;
}

/* A row of table 3-7: the range of the first byte, that of the second, the whole length, and which
 * bits of the first byte belong to the code point. */
typedef struct {
    unsigned char first, last, second_first, second_last, length, bits;
} utf8_row;

static const utf8_row utf8_rows[] = {
    {0x00, 0x7f, 0x00, 0x00, 1, 0x7f}, {0xc2, 0xdf, 0x80, 0xbf, 2, 0x1f},
    {0xe0, 0xe0, 0xa0, 0xbf, 3, 0x0f}, {0xe1, 0xec, 0x80, 0xbf, 3, 0x0f},
    {0xed, 0xed, 0x80, 0x9f, 3, 0x0f}, {0xee, 0xef, 0x80, 0xbf, 3, 0x0f},
    {0xf0, 0xf0, 0x90, 0xbf, 4, 0x07}, {0xf1, 0xf3, 0x80, 0xbf, 4, 0x07},
    {0xf4, 0xf4, 0x80, 0x8f, 4, 0x07},
};

static bool row_fits(const utf8_row *row, const unsigned char *p, size_t n)
{
    if (p[0] < row->first || p[0] > row->last || n < row->length)
        return false;
    if (row->length > 1 && (p[1] < row->second_first || p[1] > row->second_last))
        return false;
    for (size_t i = 2; i < row->length; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return false;
    return true;
}

size_t fuzz_utf8(eg_span text, unsigned *code)
{
    const unsigned char *p = (const unsigned char *)text.p;

    for (size_t i = 0; text.n && i < sizeof utf8_rows / sizeof *utf8_rows; i++) {
        if (!row_fits(&utf8_rows[i], p, text.n))
            continue;
        *code = p[0] & utf8_rows[i].bits;
        for (size_t k = 1; k < utf8_rows[i].length; k++)
            *code = *code << 6 | (p[k] & 0x3fu);
        return utf8_rows[i].length;
    }
    return 0;
}

bool fuzz_is_utf8(eg_span text)
{
    unsigned code;

    while (text.n) {
        size_t length = fuzz_utf8(text, &code);

        if (!length)
            return false;
        text = (eg_span){text.p + length, text.n - length};
    }
    return true;
}

/* The next one of a circle of characters. */
static char next_in(const char *circle, char c)
{
    const char *at = c ? strchr(circle, c) : NULL;

    if (!at)
        return '\0';
    return at[1] ? at[1] : *circle;
}

char *fuzz_disguise(apr_pool_t *pool, eg_span text)
{
    /* hexadecimal digits stay hexadecimal digits, and the two cases of a letter go together */
    static const char *const circles[] = {"0123456789",
                                          "abcdef",
                                          "ABCDEF",
                                          "ghijklmnopqrstuvwxyz",
                                          "GHIJKLMNOPQRSTUVWXYZ",
                                          "!\"$%&'()*+,./:;<=>?@[\\]^`{|}~"};
    char *to = apr_palloc(pool, text.n + 1);

    to[text.n] = '\0';
    for (apr_size_t i = 0; i < text.n; i++) {
        to[i] = text.p[i];
        for (size_t k = 0; k < sizeof circles / sizeof *circles; k++)
            if (next_in(circles[k], text.p[i]))
                to[i] = next_in(circles[k], text.p[i]);
    }
    return to;
}
