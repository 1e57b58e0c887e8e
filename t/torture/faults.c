/* SPDX-License-Identifier: Apache-2.0
 * Makes the n-th call of one function fail, and keeps count of what calls take and give back. */
#include "faults.h"

const fault_function fault_functions[FUNCTIONS] = {
#define SAYS(type, name, parameters, arguments, failure, cause, ways)                              \
    {#name, cause, (ways) | EVER, true},
#define SETS(name, parameters, arguments, error, cause, ways) {#name, cause, (ways) | EVER, true},
#define MAKES(type, name, parameters, arguments, cause, thing) {#name, cause, BEFORE | EVER, true},
#define TAKES(name, parameters, arguments, thing) {#name, BY_ADVICE, 0, true},
#define OWN(name, cause, ways) {#name, cause, (ways) | ((ways)&BEFORE ? EVER : 0), true},
#include "calls.def"
#undef SAYS
#undef SETS
#undef MAKES
#undef TAKES
#undef OWN
    [F_ALL_CRYPTO] = {"all of OpenSSL", BY_ALL, EVER, false},
    [F_EVERYTHING] = {"everything", BY_ALL, EVER, false},
    [F_INNER_CRYPTO] = {"malloc in OpenSSL", BY_INNER_CRYPTO, BEFORE | EVER, false},
    [F_INNER_JSON] = {"malloc in jansson", BY_INNER_JSON, BEFORE | EVER, false},
};

static struct {
    int function;
    int way; /* 0: nothing is armed */
    unsigned n;
    unsigned seen;
    unsigned fired;
} armed;

void fault_arm(int function, int way, unsigned n)
{
    armed.function = function;
    armed.way = way;
    armed.n = n;
    armed.seen = 0;
    armed.fired = 0;
}

void fault_disarm(void)
{
    armed.way = 0;
}

int fault_pause(void)
{
    int way = armed.way;

    armed.way = 0;
    return way;
}

void fault_go_on(int way)
{
    armed.way = way;
}

unsigned fault_fired(void)
{
    return armed.fired;
}

/* A thread's key is there once it is made; what only frees has to be done all the same. */
static bool can_join(int function)
{
    const fault_cause cause = fault_functions[function].cause;

    if (!(fault_functions[function].ways & BEFORE) || function == F_apr_threadkey_private_set)
        return false;
    return armed.function == F_EVERYTHING ||
           (armed.function == F_ALL_CRYPTO &&
            (cause == BY_CRYPTO || cause == BY_POINT || cause == BY_TAG));
}

int fault_due(int function)
{
    if (!armed.way || (armed.function != function && !can_join(function)))
        return 0;
    armed.seen++;
    if (armed.seen != armed.n && !(armed.way == EVER && armed.seen > armed.n))
        return 0;
    armed.fired++;
    return armed.way == EVER ? BEFORE : armed.way;
}

/* --- things ------------------------------------------------------------------------------------ */

static const char *const thing_names[THINGS] = {
    [A_MAP] = "mapping",
    [A_FILE] = "open file",
    [A_TEXT] = "text to be freed",
    [A_BLOCK] = "block of OPENSSL_malloc",
    [A_CIPHER] = "EVP_CIPHER",
    [A_DIGEST] = "EVP_MD",
    [A_CIPHER_CONTEXT] = "EVP_CIPHER_CTX",
    [A_DIGEST_CONTEXT] = "EVP_MD_CTX",
    [A_KEY_CONTEXT] = "EVP_PKEY_CTX",
    [A_KEY] = "EVP_PKEY",
    [A_CERTIFICATE] = "X509",
    [A_JSON_BLOCK] = "block of jansson",
};

static int held[THINGS];

void fault_count_from_here(void)
{
    for (unsigned i = 0; i < THINGS; i++)
        held[i] = 0;
}

void fault_took(fault_thing thing, const void *what)
{
    held[thing] += what != NULL;
}

void fault_gave(fault_thing thing, const void *what)
{
    held[thing] -= what != NULL;
}

const char *fault_held(int *count)
{
    for (unsigned i = 0; i < THINGS; i++)
        if (held[i]) {
            *count = held[i];
            return thing_names[i];
        }
    *count = 0;
    return NULL;
}

/* --- allocations of libraries ------------------------------------------------------------------ */

static void *crypto_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return fault_due(F_INNER_CRYPTO) ? NULL : malloc(n);
}

static void *crypto_realloc(void *block, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return fault_due(F_INNER_CRYPTO) ? NULL : realloc(block, n);
}

static void crypto_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    fault_free(block);
}

static void *json_malloc(size_t n)
{
    void *block = fault_due(F_INNER_JSON) ? NULL : malloc(n);

    fault_took(A_JSON_BLOCK, block);
    return block;
}

static void json_free(void *block)
{
    fault_gave(A_JSON_BLOCK, block);
    fault_free(block);
}

bool fault_watch_libraries(void)
{
    json_set_alloc_funcs(json_malloc, json_free);
    return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1;
}

const char *fault_way_name(int way)
{
    switch (way) {
    case BEFORE:
        return "fails";
    case AFTER:
        return "fails when it is done";
    case MINUS:
        return "says -1";
    case INTERRUPTED:
        return "is interrupted";
    case SHORT:
        return "does a part";
    case AT_END:
        return "finds nothing";
    default:
        return "fails from then on";
    }
}
