/* SPDX-License-Identifier: Apache-2.0
 * Every call of the core that can fail fails once, in every scenario that makes it: the n-th call for n = 1, 2, ...
 * until the scenario ends without reaching it. The failure is told as what it is, leaves no secret in memory and
 * nothing held, and the next use of the same crypto is well.
 *
 *     core [DIRECTORY]    TAP; files are made in that directory (an own one in /tmp), and removed
 *     core --calls        only the names of the calls that can fail here */
#include "scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <apr_general.h>
#include <openssl/err.h>
#include "inputs.h"
#include "memory.h"
#include "../unit/tap.h"

#define MOST_CALLS 2000 /* of one function in one scenario */
#define PROBLEMS_TOLD 5

/* One failure in one scenario. */
typedef struct {
    const scenario *what;
    int function;
    int way;
    unsigned n;
} trial;

static unsigned problems;

__attribute__((format(printf, 2, 3))) static void complain(const trial *t, const char *format, ...)
{
    va_list args;

    if (problems++ >= PROBLEMS_TOLD)
        return;
    fprintf(stderr, "# %s: call %u of %s %s: ", t->what->name, t->n,
            fault_functions[t->function].name, fault_way_name(t->way));
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* --- what is allowed --------------------------------------------------------------------------- */

/* Where a scenario says nothing else. */
static const int usual[CAUSES] = {
    [BY_CRYPTO] = NO_CRYPTO,
    [BY_POINT] = NO_CRYPTO | NOT_OURS,
    [BY_TAG] = NOT_OURS,
    [BY_MAP] = GOOD | NO_MEMORY | NOT_TRUSTED, /* nonces can do without a stock */
    [BY_MADVISE] = GOOD | NOT_TRUSTED,         /* nor can a file that others would inherit */
    [BY_ADVICE] = GOOD,
    [BY_FILE] = NOT_TRUSTED,
    [BY_JSON] = NO_MEMORY,
    [BY_XML] = NO_MEMORY,
    [BY_INNER_CRYPTO] = GOOD | NO_CRYPTO,
    [BY_INNER_JSON] = GOOD | NO_MEMORY,
    [BY_ALL] = GOOD | NO_CRYPTO | NO_MEMORY | NOT_TRUSTED | NOT_OURS, /* what is good is right */
};

static int allowed(const trial *t)
{
    const fault_cause cause = fault_functions[t->function].cause;

    if (t->way == INTERRUPTED || t->way == SHORT)
        return GOOD; /* neither is a failure */
    if (t->what->allowed[cause])
        return t->what->allowed[cause];
    return usual[cause];
}

static const char *outcome_name(int outcome)
{
    switch (outcome) {
    case GOOD:
        return "a good result";
    case NO_CRYPTO:
        return "a failure of cryptography";
    case NO_MEMORY:
        return "no memory";
    case NOT_TRUSTED:
        return "a file that is not trusted";
    case NOT_OURS:
        return "a token or signature that is not authentic";
    default:
        return "a wrong result";
    }
}

/* --- one trial --------------------------------------------------------------------------------- */

static apr_pool_t *new_pool(void)
{
    apr_pool_t *pool = NULL;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        abort();
    return pool;
}

/* In a pool of its own, which is gone afterwards, as that of a request. */
static int perform(const trial *t, eg_crypto *crypto)
{
    apr_pool_t *pool = new_pool();
    int outcome;

    inputs_fill();
    outcome = t->what->run(crypto, pool);
    inputs_wipe();
    apr_pool_destroy(pool);
    return outcome;
}

static void look_into_memory(const trial *t)
{
    char where[600];
    const char *name = memory_is_searchable() ? memory_find(where, sizeof where) : NULL;

    if (name)
        complain(t, "%s is left %s", name, where);
}

static void look_for_held(const trial *t)
{
    int count;
    const char *thing = fault_held(&count);

    if (thing)
        complain(t, "%d of %s not given back", count, thing);
}

/* The first use may have failed before there was a crypto. */
static void use_again(const trial *t, eg_crypto *crypto, apr_pool_t *pool)
{
    if (!crypto && t->what->has_crypto)
        crypto = eg_crypto_create(pool);
    if (perform(t, crypto) != GOOD)
        complain(t, "the next use is not well");
}

static int perform_armed(const trial *t, apr_pool_t *pool, eg_crypto **crypto)
{
    int outcome = NO_CRYPTO;

    fault_arm(t->function, t->way, t->n);
    *crypto = t->what->has_crypto ? eg_crypto_create(pool) : NULL;
    if (*crypto || !t->what->has_crypto)
        outcome = perform(t, *crypto);
    fault_disarm();
    return outcome;
}

/* Whether there was an n-th call. */
static bool try_once(const trial *t)
{
    apr_pool_t *pool = new_pool();
    eg_crypto *crypto;
    int outcome = perform_armed(t, pool, &crypto);
    const bool fired = fault_fired() > 0;

    look_into_memory(t);
    if (!(outcome & (fired ? allowed(t) : GOOD)))
        complain(t, "ended with %s", outcome_name(outcome));
    use_again(t, crypto, pool);
    apr_pool_destroy(pool);
    ERR_clear_error();
    look_for_held(t);
    return fired;
}

/* --- all of them ------------------------------------------------------------------------------- */

static unsigned fired_at_all[FUNCTIONS];

/* The number of calls that failed. */
static unsigned try_each_call(const scenario *what, int function, int way)
{
    const unsigned most = what->most ? what->most : MOST_CALLS;
    trial t = {what, function, way, 1};

    while (t.n <= most && try_once(&t))
        t.n++;
    if (t.n > MOST_CALLS)
        complain(&t, "there is no end of them");
    return t.n - 1;
}

static void try_each_way(const scenario *what, int function)
{
    const fault_function *f = &fault_functions[function];
    unsigned failed = 0;

    problems = 0;
    /* what is not called does not fail in any way */
    for (int way = BEFORE, is_called = 1; way <= EVER && is_called; way *= 2)
        if (f->ways & way) {
            const unsigned n = try_each_call(what, function, way);

            failed += n;
            is_called = n > 0;
        }
    fired_at_all[function] += failed;
    if (failed)
        ok(!problems, "%s: %s: %u failures", what->name, f->name, failed);
    else if (problems)
        ok(false, "%s: nothing fails", what->name);
}

static void try_everything(void)
{
    for (unsigned i = 0; i < scenarios_count; i++)
        for (int f = 0; f < FUNCTIONS; f++)
            if (fault_functions[f].ways)
                try_each_way(&scenarios[i], f);
    for (int f = 0; f < FUNCTIONS; f++)
        if (fault_functions[f].ways)
            ok(fired_at_all[f] > 0, "%s: failed in some scenario", fault_functions[f].name);
}

static void look_at_nonces(void)
{
    bool is_bad;
    const unsigned count = count_nonces(&is_bad);

    ok(count > 100 && !is_bad, "%u nonces, all different", count);
}

/* A search that finds nothing has to be one that would find something. */
static void search_finds(void)
{
    char where[600];

    if (!memory_is_searchable()) {
        skip("a sanitizer's memory is too large to be searched");
        return;
    }
    inputs_fill();
    ok(memory_find(where, sizeof where) != NULL, "the search finds secrets while they are there");
    inputs_wipe();
    is_str(memory_find(where, sizeof where), NULL, "and none when they are wiped");
}

static int list_calls(void)
{
    for (int f = 0; f < FUNCTIONS; f++)
        if (fault_functions[f].is_wrapped)
            puts(fault_functions[f].name);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    char own[] = "/tmp/encgather-torture-XXXXXX";
    const char *directory;

    if (argc > 1 && strcmp(argv[1], "--calls") == 0)
        return list_calls();
    directory = argc > 1 ? argv[1] : mkdtemp(own);
    if (!directory || !fault_watch_libraries() || apr_initialize() != APR_SUCCESS)
        return EXIT_FAILURE;
    ok(inputs_begin(directory), "keys, files and what has to come out");
    fault_count_from_here();
    search_finds();
    try_everything();
    look_at_nonces();
    inputs_end();
    if (argc <= 1)
        (void)rmdir(directory);
    apr_terminate();
    return done_testing();
}
