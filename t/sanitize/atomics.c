/* SPDX-License-Identifier: Apache-2.0
 * A library to load before APR: its atomic operations as ThreadSanitizer knows them. httpd hands pools from thread to
 * thread with these alone. */
#include <apr_atomic.h>

#define EXPORTED __attribute__((visibility("default")))
#define IN_ORDER __ATOMIC_SEQ_CST

#define OPERATIONS(bits, type)                                                                     \
    EXPORTED type apr_atomic_read##bits(volatile type *at)                                         \
    {                                                                                              \
        return __atomic_load_n(at, IN_ORDER);                                                      \
    }                                                                                              \
    EXPORTED void apr_atomic_set##bits(volatile type *at, type value)                              \
    {                                                                                              \
        __atomic_store_n(at, value, IN_ORDER);                                                     \
    }                                                                                              \
    EXPORTED type apr_atomic_add##bits(volatile type *at, type value)                              \
    {                                                                                              \
        return __atomic_fetch_add(at, value, IN_ORDER);                                            \
    }                                                                                              \
    EXPORTED void apr_atomic_sub##bits(volatile type *at, type value)                              \
    {                                                                                              \
        (void)__atomic_fetch_sub(at, value, IN_ORDER);                                             \
    }                                                                                              \
    EXPORTED type apr_atomic_inc##bits(volatile type *at)                                          \
    {                                                                                              \
        return __atomic_fetch_add(at, 1, IN_ORDER);                                                \
    }                                                                                              \
    EXPORTED int apr_atomic_dec##bits(volatile type *at)                                           \
    {                                                                                              \
        return __atomic_sub_fetch(at, 1, IN_ORDER) != 0;                                           \
    }                                                                                              \
    EXPORTED type apr_atomic_xchg##bits(volatile type *at, type value)                             \
    {                                                                                              \
        return __atomic_exchange_n(at, value, IN_ORDER);                                           \
    }                                                                                              \
    EXPORTED type apr_atomic_cas##bits(volatile type *at, type with, type expected)                \
    {                                                                                              \
        (void)__atomic_compare_exchange_n(at, &expected, with, 0, IN_ORDER, IN_ORDER);             \
        return expected;                                                                           \
    }

OPERATIONS(32, apr_uint32_t)
OPERATIONS(64, apr_uint64_t)

/* Two prototypes of these have been in use: with and without the volatile of what is pointed to. */
EXPORTED void *apr_atomic_casptr(volatile void **at, void *with, const void *expected)
{
    void *found = (void *)(apr_uintptr_t)expected;

    (void)__atomic_compare_exchange_n((void **)at, &found, with, 0, IN_ORDER, IN_ORDER);
    return found;
}

EXPORTED void *apr_atomic_xchgptr(volatile void **at, void *with)
{
    return __atomic_exchange_n((void **)at, with, IN_ORDER);
}
