/* SPDX-License-Identifier: Apache-2.0
 * Sizes and results are volatile: a compiler that sees through a fault may warn of it, or leave it out. */
#include "faults.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 24, BEYOND = BLOCK + 8, ROUNDS = 1000 };

static volatile size_t size = BLOCK, beyond = BEYOND;
static volatile int sink, largest = INT_MAX;

/* In a pool as APR has it this lands in the next allocation, and nobody notices. */
static void pool_overflow(apr_pool_t *pool)
{
    char *block = apr_pcalloc(pool, size);

    block[beyond] = 'x';
    sink = block[beyond];
}

static void pool_after_destroy(apr_pool_t *pool)
{
    apr_pool_t *child;
    char *block;

    if (apr_pool_create(&child, pool) != APR_SUCCESS)
        return;
    block = apr_pcalloc(child, size);
    apr_pool_destroy(child);
    sink = block[size / 2];
}

static void heap_overflow(apr_pool_t *pool)
{
    char *block = malloc(size);

    (void)pool;
    if (block) {
        block[beyond] = 'x';
        sink = block[beyond];
    }
    free(block);
}

static void stack_overflow(apr_pool_t *pool)
{
    volatile char block[BLOCK];

    (void)pool;
    memset((char *)block, 'x', size);
    block[beyond] = 'x';
    sink = block[beyond];
}

static void signed_overflow(apr_pool_t *pool)
{
    (void)pool;
    sink = largest + (int)size;
}

static void uninitialised_read(apr_pool_t *pool)
{
    char *volatile block = malloc(size);

    (void)pool;
    if (block && block[size / 2] == 'x')
        sink = 1;
    free(block);
}

static void lost_memory(apr_pool_t *pool)
{
    char *volatile block = malloc(size);

    (void)pool;
    if (block)
        block[0] = 'x';
    block = NULL;
}

static void *count(void *counter)
{
    for (int round = 0; round < ROUNDS; round++)
        ++*(volatile int *)counter;
    return NULL;
}

static void data_race(apr_pool_t *pool)
{
    static int counter;
    pthread_t other;

    (void)pool;
    if (pthread_create(&other, NULL, count, &counter) != 0)
        return;
    (void)count(&counter);
    (void)pthread_join(other, NULL);
    sink = counter;
}

static void none(apr_pool_t *pool)
{
    char *block = apr_pcalloc(pool, size);

    block[size - 1] = 'x';
    sink = block[size - 1];
}

static const struct {
    const char *name;
    void (*commit)(apr_pool_t *pool);
} faults[] = {
    {"none", none},
    {"pool-overflow", pool_overflow},
    {"pool-after-destroy", pool_after_destroy},
    {"heap-overflow", heap_overflow},
    {"stack-overflow", stack_overflow},
    {"signed-overflow", signed_overflow},
    {"uninitialised-read", uninitialised_read},
    {"lost-memory", lost_memory},
    {"data-race", data_race},
};

bool fault_commit(const char *name, apr_pool_t *pool)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (strcmp(name, faults[i].name) == 0) {
            faults[i].commit(pool);
            return true;
        }
    return false;
}
