/* SPDX-License-Identifier: Apache-2.0
 * A library to load before APR: each allocation of a pool is one of malloc, so that a sanitizer sees where it ends and
 * when its pool has gone. (APR's own --enable-pool-debug does the same, but holds locks while cleanups run, and a
 * threaded httpd with mod_dbd comes to a stop.) */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <apr_pools.h>
#include <apr_strings.h>

#define EXPORTED __attribute__((visibility("default")))
#define KEY "encgather-test-blocks"
#define PER_THREAD static _Thread_local __attribute__((tls_model("initial-exec")))

/* What a pool holds, found through its user data. */
typedef struct blocks blocks;
struct blocks {
    void **all;
    size_t n, room;
    blocks *next;
};

PER_THREAD bool inside;   /* APR allocates what the list itself needs */
PER_THREAD blocks *ended; /* of pools whose cleanups have run, but which still end */

static void *(*real_palloc)(apr_pool_t *pool, apr_size_t size);
static void (*real_clear)(apr_pool_t *pool);
static void (*real_destroy)(apr_pool_t *pool);

static void give_up(const char *why)
{
    fprintf(stderr, "t/sanitize/pools.c: %s\n", why);
    abort();
}

static void *next_definition(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found)
        give_up(name);
    return found;
}

__attribute__((constructor)) static void find_real(void)
{
    *(void **)&real_palloc = next_definition("apr_palloc");
    *(void **)&real_clear = next_definition("apr_pool_clear");
    *(void **)&real_destroy = next_definition("apr_pool_destroy");
}

/* Not yet the end of the memory: APR still follows the list of the pool's processes. */
static apr_status_t pool_ends(void *data)
{
    blocks *list = data;

    list->next = ended;
    ended = list;
    return APR_SUCCESS;
}

/* The first allocation of a pool comes before the first cleanup, whose record it may even be; so ours runs last. */
static blocks *blocks_of(apr_pool_t *pool)
{
    void *list = NULL;

    (void)apr_pool_userdata_get(&list, KEY, pool);
    if (list)
        return list;
    list = calloc(1, sizeof(blocks));
    if (!list || apr_pool_userdata_setn(list, KEY, NULL, pool) != APR_SUCCESS)
        give_up("no memory");
    apr_pool_cleanup_register(pool, list, pool_ends, apr_pool_cleanup_null);
    return list;
}

static void *keep(blocks *list, void *block)
{
    if (list->n == list->room) {
        list->room = list->room ? 2 * list->room : 16;
        list->all = realloc(list->all, list->room * sizeof *list->all);
    }
    if (!list->all || !block)
        give_up("no memory");
    list->all[list->n++] = block;
    return block;
}

static void free_ended(const blocks *until)
{
    while (ended != until) {
        blocks *list = ended;

        ended = list->next;
        for (size_t i = 0; i < list->n; i++)
            free(list->all[i]);
        free(list->all);
        free(list);
    }
}

/* --- What takes the place of APR's ------------------------------------------------------------- */

EXPORTED void *apr_palloc(apr_pool_t *pool, apr_size_t size)
{
    blocks *list;

    if (inside)
        return real_palloc(pool, size);
    inside = true;
    list = blocks_of(pool);
    inside = false;
    return keep(list, malloc(size));
}

/* APR writes these straight into the pool's memory. */
EXPORTED char *apr_pvsprintf(apr_pool_t *pool, const char *format, va_list args)
{
    va_list again;
    size_t size;
    char *text;

    va_copy(again, args);
    size = (size_t)apr_vsnprintf(NULL, 0, format, args) + 1;
    text = apr_palloc(pool, size);
    (void)apr_vsnprintf(text, size, format, again);
    va_end(again);
    return text;
}

EXPORTED void apr_pool_clear(apr_pool_t *pool)
{
    const blocks *before = ended;

    real_clear(pool);
    free_ended(before);
}

EXPORTED void apr_pool_destroy(apr_pool_t *pool)
{
    const blocks *before = ended;

    real_destroy(pool);
    free_ended(before);
}
