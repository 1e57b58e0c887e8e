/* SPDX-License-Identifier: Apache-2.0
 * Memory for keys and plaintext: wiped when it goes, kept out of swap and core dumps where told. */
#include "secret.h"

#include <sys/mman.h>
#include <unistd.h>
#include <openssl/crypto.h>

#define STACK_DEPTH 8192 /* bytes; OpenSSL 3.0 was seen to take 3,700 for an agreement, 6,600 for RSA */

/* Stands in front of the bytes; pools align to 8 bytes, and so do they. */
typedef struct {
    apr_uint64_t n;
} wiped_block;

void eg_wipe(void *p, apr_size_t n)
{
    if (p && n)
        explicit_bzero(p, n);
}

/* Not in line: it has to lie where the frames of others were. */
__attribute__((noinline)) void eg_wipe_stack(void)
{
    unsigned char below[STACK_DEPTH];

    eg_wipe(below, sizeof below);
}

static apr_status_t wipe_block(void *data)
{
    wiped_block *block = data;

    eg_wipe(block + 1, (apr_size_t)block->n);
    block->n = 0;
    return APR_SUCCESS;
}

void *eg_wiped_alloc(apr_pool_t *pool, apr_size_t n)
{
    wiped_block *block = apr_palloc(pool, sizeof *block + n);

    block->n = n;
    apr_pool_cleanup_register(pool, block, wipe_block, apr_pool_cleanup_null);
    return block + 1;
}

void eg_wipe_early(void *p)
{
    if (p)
        (void)wipe_block((wiped_block *)p - 1);
}

static apr_size_t whole_pages(apr_size_t size)
{
    apr_size_t page = (apr_size_t)sysconf(_SC_PAGESIZE);

    return (size + page - 1) / page * page;
}

void *eg_secret_map(apr_size_t size)
{
    apr_size_t whole = whole_pages(size);
    void *p = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
#ifdef MADV_DONTDUMP
    (void)madvise(p, whole, MADV_DONTDUMP);
#endif
    (void)eg_secret_lock(p, size); /* best effort: the caller may ask again and report */
    return p;
}

bool eg_secret_lock(void *p, apr_size_t size)
{
    return mlock(p, whole_pages(size)) == 0;
}

void *eg_secret_map_alone(apr_size_t size)
{
    void *p = eg_secret_map(size);

    if (p && madvise(p, whole_pages(size), MADV_DONTFORK) != 0) {
        eg_secret_unmap(p, size);
        return NULL;
    }
    return p;
}

void eg_secret_unmap(void *p, apr_size_t size)
{
    if (!p)
        return;
    eg_wipe(p, size);
    (void)munmap(p, whole_pages(size));
}
