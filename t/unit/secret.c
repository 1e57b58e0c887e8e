/* SPDX-License-Identifier: Apache-2.0
 * Tests of memory that wipes itself: wiped in time, kept out of core dumps and swap. */
#include "tap.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_general.h>
#include "core/secret.h"

static bool all_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void wiping(void)
{
    char *bytes = exact_copy("0123456789", 10);

    eg_wipe(bytes + 2, 5);
    is_bytes(bytes, 10,
             "01\0\0\0\0\0"
             "789",
             10, "the bytes that were named, and no others");
    eg_wipe(bytes, 0);
    is_bytes(bytes, 2, "01", 2, "no bytes");
    eg_wipe(NULL, 10);
    ok(true, "NULL is fine");
    free(bytes);
}

/* Cleanups run last in, first out and before the memory goes back: one that was registered before
 * the block was made sees what the block's own cleanup has left. */
typedef struct {
    const char *block;
    size_t n;
    int seen; /* 0: not yet, 1: wiped, -1: not wiped */
} witness;

static apr_status_t look(void *data)
{
    witness *w = data;

    w->seen = all_zero(w->block, w->n) ? 1 : -1;
    return APR_SUCCESS;
}

static void pool_memory(void (*end)(apr_pool_t *), const char *how)
{
    witness w = {NULL, 4000, 0};
    apr_pool_t *pool;
    char *block;

    apr_pool_create(&pool, NULL);
    apr_pool_cleanup_register(pool, &w, look, apr_pool_cleanup_null);
    w.block = block = eg_wiped_alloc(pool, w.n);
    memset(block, 'x', w.n);
    end(pool);
    is_int(w.seen, 1, "pool memory is wiped when the pool is %s", how);
    if (end == apr_pool_clear)
        apr_pool_destroy(pool);
}

static void empty_block(void)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    ok(eg_wiped_alloc(pool, 0) != NULL, "a block of no bytes is one");
    apr_pool_destroy(pool);
}

/* The kernel's two-letter flags of the mapping that begins at p; an empty string: not told. */
static void mapping_flags(const void *p, char flags[256])
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    bool inside = false;

    flags[0] = '\0';
    while (maps && fgets(line, sizeof line, maps)) {
        uintptr_t from, to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = from <= (uintptr_t)p && (uintptr_t)p < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, 256, "%.255s", line + 8);
    }
    if (maps)
        fclose(maps);
}

/* A sanitizer's mlock() does nothing and calls that success. */
static bool locks_are_real(void)
{
    return mlock(NULL, 1) != 0;
}

static void flags_of_mapping(void *p, const char *name)
{
    char flags[256];

    mapping_flags(p, flags);
    if (!*flags) {
        skip("the kernel does not show the flags of a mapping");
        return;
    }
    ok(strstr(flags, " dd") != NULL, "%s is left out of core dumps", name);
    if (locks_are_real() && eg_secret_lock(p, 1))
        ok(strstr(flags, " lo") != NULL, "%s is locked", name);
    else
        skip("this process may not lock memory");
}

/* Runs a test in a child and says whether it came out true. */
static bool in_child(bool (*test)(void *), void *data)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(test(data) ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool locks_again(void *p)
{
    char before[256], after[256];

    mapping_flags(p, before);
    if (!eg_secret_lock(p, 100))
        return false;
    mapping_flags(p, after);
    return !strstr(before, " lo") && strstr(after, " lo");
}

/* Without a limit for locked memory and without the right to go beyond it. */
static bool works_unlocked(void *data)
{
    static const struct rlimit none = {0, 0};
    char *p;

    (void)data;
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (getuid() == 0 && setuid(65534) != 0))
        return false;
    p = eg_secret_map(100);
    if (!p || eg_secret_lock(p, 100))
        return false;
    memset(p, 'x', 100);
    eg_secret_unmap(p, 100);
    return true;
}

/* Stands in for libc's. */
static int refused_advice = -1;

int madvise(void *p, size_t n, int advice)
{
    if (advice != refused_advice)
        return (int)syscall(SYS_madvise, p, n, advice);
    errno = EINVAL;
    return -1;
}

/* Whether a child has the mapping: without it, asking about its pages is an error. */
static bool is_mapped(void *p)
{
    return msync(p, (size_t)sysconf(_SC_PAGESIZE), MS_ASYNC) == 0;
}

static void inheritance(void)
{
    char *p = eg_secret_map(100), *alone = eg_secret_map_alone(100);

    ok(in_child(is_mapped, p), "a child has the mapping");
    ok(alone && all_zero(alone, 100), "one that nobody else is to have is a mapping, too");
    flags_of_mapping(alone, "it");
    ok(!in_child(is_mapped, alone), "but no child has it");
    ok(is_mapped(alone), "the parent has it all the same");
    eg_secret_unmap(p, 100);
    eg_secret_unmap(alone, 100);
}

/* A kernel that would let children have it. */
static void no_inheritance_no_mapping(void)
{
    refused_advice = MADV_DONTFORK;
    ok(!eg_secret_map_alone(100), "where children would have it, there is none");
    refused_advice = -1;
}

static void mapping(void)
{
    char *p = eg_secret_map(100), *two = eg_secret_map(4097);
    char lock_flags[256];

    ok(p && all_zero(p, 100), "a mapping is zeroed");
    ok(two && two != p && all_zero(two, 4097), "so is one of more than a page");
    flags_of_mapping(p, "a small mapping");
    flags_of_mapping(two + 4096, "the second page");
    mapping_flags(p, lock_flags);
    if (locks_are_real() && strstr(lock_flags, " lo")) {
        ok(in_child(locks_again, p), "a child locks it again");
        ok(in_child(works_unlocked, NULL), "without the right to lock it works all the same");
    } else {
        skip("this process may not lock memory");
    }
    eg_secret_unmap(p, 100);
    eg_secret_unmap(two, 4097);
    eg_secret_unmap(NULL, 100);
    ok(true, "NULL is fine");
}

/* Stands in for libc's: what reaches it has to be wiped by then. */
static struct {
    const char *p;
    size_t secret; /* bytes that held one */
    size_t given_back;
    bool wiped;
} watched;

int munmap(void *p, size_t n)
{
    if (p && p == watched.p) {
        watched.given_back = n;
        watched.wiped = all_zero(p, watched.secret);
    }
    return (int)syscall(SYS_munmap, p, n);
}

static void unmapping(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = eg_secret_map(page + 1);

    memset(p, 'x', page + 1);
    watched.p = p;
    watched.secret = page + 1;
    eg_secret_unmap(p, page + 1);
    ok(watched.wiped, "a mapping is wiped before it is given back");
    is_int((long long)watched.given_back, (long long)(2 * page), "all of its pages are given back");
    ok(msync(p, 2 * page, MS_ASYNC) == -1 && errno == ENOMEM, "and are gone");
}

int main(void)
{
    apr_initialize();
    wiping();
    pool_memory(apr_pool_clear, "cleared");
    pool_memory(apr_pool_destroy, "destroyed");
    empty_block();
    mapping();
    inheritance();
    no_inheritance_no_mapping();
    unmapping();
    apr_terminate();
    return done_testing();
}
