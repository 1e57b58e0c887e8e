/* SPDX-License-Identifier: Apache-2.0
 * Runs every input of a target's corpus once, as a test: no fuzzer and no sanitizer is needed.
 * Without an argument it looks below t/fuzz/corpus/, from the top of the tree; with one, it takes
 * that directory or that one file. */
#include "fuzz.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include "tap.h"

static jmp_buf after_input;

_Noreturn void fuzz_broken(const char *property, const char *file, int line)
{
    fprintf(stderr, "# %s:%d: %s\n", file, line, property);
    longjmp(after_input, 1);
}

/* The file's bytes in an allocation of just that size, or NULL. */
static char *content(apr_pool_t *pool, const char *path, apr_off_t size)
{
    apr_size_t n = (apr_size_t)size;
    char *bytes = malloc(n ? n : 1);
    apr_file_t *file;

    if (bytes && apr_file_open(&file, path, APR_READ, 0, pool) == APR_SUCCESS) {
        apr_status_t status = n ? apr_file_read_full(file, bytes, n, NULL) : APR_SUCCESS;

        (void)apr_file_close(file);
        if (status == APR_SUCCESS)
            return bytes;
    }
    free(bytes);
    return NULL;
}

static bool holds(const char *path, const char *bytes, size_t n)
{
    if (setjmp(after_input) == 0) {
        (void)LLVMFuzzerTestOneInput((const uint8_t *)bytes, n);
        return true;
    }
    return ok(false, "%s", path);
}

/* A crash takes the program down: the last name on standard output is the input's. */
static bool run_file(apr_pool_t *pool, const char *path, apr_off_t size)
{
    char *bytes = content(pool, path, size);
    bool good;

    printf("# %s\n", path);
    fflush(stdout);
    if (!bytes)
        return ok(false, "%s can be read", path);
    good = holds(path, bytes, (size_t)size);
    free(bytes);
    return good;
}

static void run_corpus(apr_pool_t *pool, const char *path)
{
    unsigned files = 0, good = 0;
    apr_finfo_t info;
    apr_dir_t *dir;

    if (apr_dir_open(&dir, path, pool) != APR_SUCCESS) {
        (void)ok(false, "%s is there", path);
        return;
    }
    while (apr_dir_read(&info, APR_FINFO_NAME | APR_FINFO_TYPE | APR_FINFO_SIZE, dir) ==
           APR_SUCCESS) {
        if (info.filetype != APR_REG)
            continue;
        files++;
        good += run_file(pool, apr_pstrcat(pool, path, "/", info.name, NULL), info.size);
    }
    (void)apr_dir_close(dir);
    (void)ok(files > 0 && good == files, "%s: %u of %u inputs", path, good, files);
}

static void run_path(apr_pool_t *pool, const char *path)
{
    apr_finfo_t info;

    if (apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_SIZE, pool) == APR_SUCCESS &&
        info.filetype == APR_REG)
        (void)ok(run_file(pool, path, info.size), "%s holds", path);
    else
        run_corpus(pool, path);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return EXIT_FAILURE;
    run_path(pool,
             argc > 1 ? argv[1] : apr_pstrcat(pool, "t/fuzz/corpus/", fuzz_target.name, NULL));
    apr_terminate();
    return done_testing();
}
