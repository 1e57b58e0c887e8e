/* SPDX-License-Identifier: Apache-2.0
 * Tests of the hex token: known answers, everything forged is refused, no nonce twice. */
#include "tap.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_general.h>
#include "core/token.h"

#define NONCE_DIGITS (2 * EG_NONCE_SIZE)
#define DIGITS4 EG_TOKEN_LENGTH(4)
#define MANY 100000
#define EACH 300 /* more than any stock of nonces holds */

static apr_pool_t *pool;
static eg_crypto *crypto;
static eg_keyring ring; /* the contract's key */

static const char token1234[] = "000102030405060708090a0b7630e52fe72e23669cfbdf872cdc83a470b014bf";

/* Its memory is not fresh from the system, hence not zero. */
static apr_pool_t *used_pool(void)
{
    apr_pool_t *call;

    apr_pool_create(&call, NULL);
    memset(apr_palloc(call, 4000), 0xa5, 4000);
    apr_pool_clear(call);
    return call;
}

static void known_answers(void)
{
    static const struct {
        const char *token, *plain;
    } cases[] = {
        {token1234, "1234"},
        {"0c0d0e0f1011121314151617accd5be913918a24d4a6e56d28d319ead2f727be", "4321"},
        {"0C0D0E0F1011121314151617ACCD5BE913918A24D4A6E56D28D319EAD2F727BE", "4321"},
        {"0c0d0e0f1011121314151617ACCD5BE913918a24d4a6e56d28d319ead2f727be", "4321"},
        {"000000000000000000000000f05d76ae4ab99fe5a6f69b3148c2363d", ""},
        {"ffffffffffffffffffffffff0eb0def8518aeff7ba6f9fe01d1f927d9bad64d8aa2b97754ca1a75933e8d071",
         "4111111111111111"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].token);
        char *token = exact_copy(cases[i].token, n);
        apr_pool_t *call = used_pool();
        eg_span plain;
        apr_size_t which;

        is_int(eg_token_open(crypto, &ring, (eg_span){token, n}, call, &plain, &which), EG_OK,
               "token %zu is opened", i);
        is_bytes(plain.p, plain.n, cases[i].plain, strlen(cases[i].plain), "token %zu is '%s'", i,
                 cases[i].plain);
        is_int(plain.p[plain.n], 0, "with a NUL behind it");
        apr_pool_destroy(call);
        free(token);
    }
}

static void our_own(void)
{
    char *token = malloc(DIGITS4 + 1);
    eg_span plain;
    apr_size_t which;

    is_int(eg_token_seal(crypto, &ring, EG_LIT("1234"), token), EG_OK, "four digits are sealed");
    is_int((long long)strlen(token), 64, "to 64 characters");
    is_int((long long)strspn(token, "0123456789abcdef"), 64, "of lower-case digits");
    is_int(eg_token_open(crypto, &ring, (eg_span){token, DIGITS4}, pool, &plain, &which), EG_OK,
           "and opened");
    is_bytes(plain.p, plain.n, "1234", 4, "to what they were");
    free(token);
}

static void all_lengths(void)
{
    static const char digits[] = "01234567890123456789012345678901";
    int wrong = 0;

    for (size_t n = 0; n <= 32; n++) {
        char *token = malloc(EG_TOKEN_LENGTH(n) + 1);
        eg_span plain;
        apr_size_t which;

        wrong += eg_token_seal(crypto, &ring, (eg_span){digits, n}, token) != EG_OK;
        wrong += strlen(token) != EG_TOKEN_LENGTH(n);
        wrong += eg_token_open(crypto, &ring, eg_span_of(token), pool, &plain, &which) != EG_OK;
        wrong += !eg_span_eq(plain, (eg_span){digits, n});
        free(token);
    }
    is_int(wrong, 0, "0 to 32 digits go through");
}

static void nul_inside(void)
{
    char token[DIGITS4 + 1];
    eg_span plain;
    apr_size_t which;

    is_int(eg_token_seal(crypto, &ring,
                         EG_LIT("1\0\0"
                                "2"),
                         token),
           EG_OK, "NULs are sealed");
    is_int(eg_token_open(crypto, &ring, (eg_span){token, DIGITS4}, pool, &plain, &which), EG_OK,
           "opened");
    is_bytes(plain.p, plain.n,
             "1\0\0"
             "2",
             4, "and kept");
}

/* The place in the ring of the key that opens a token; -1: none does. */
static int opened_by(const eg_keyring *with, const char *token, size_t n)
{
    char *copy = exact_copy(token, n);
    eg_span plain = EG_LIT("left over");
    apr_size_t which = 99;
    eg_status status = eg_token_open(crypto, with, (eg_span){copy, n}, pool, &plain, &which);

    free(copy);
    return status == EG_ETOKEN && plain.n == 0 ? -1 : (int)which;
}

static bool opens(const eg_keyring *with, const char *token, size_t n)
{
    return opened_by(with, token, n) >= 0;
}

static void forged(void)
{
    unsigned char bytes[32], changed[32];
    char longer[DIGITS4 + 3], token[DIGITS4 + 1];
    int opened = 0;

    ok(eg_hex_decode(bytes, EG_LIT(token1234)) == EG_OK, "a good token");
    for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++) {
        memcpy(changed, bytes, sizeof bytes);
        changed[bit / 8] ^= (unsigned char)(1u << bit % 8);
        eg_hex_encode(token, changed, sizeof changed);
        opened += opens(&ring, token, DIGITS4);
    }
    is_int(opened, 0, "none of its 256 bits can be changed");

    for (size_t n = 0; n < DIGITS4; n++)
        opened += opens(&ring, token1234, n) + opens(&ring, token1234 + DIGITS4 - n, n);
    is_int(opened, 0, "it cannot be cut short, at either end");

    memcpy(longer, token1234, DIGITS4);
    memcpy(longer + DIGITS4, "00", 3);
    ok(!opens(&ring, longer, DIGITS4 + 2), "nothing can be put behind it");
    memcpy(longer, "00", 2);
    memcpy(longer + 2, token1234, DIGITS4);
    ok(!opens(&ring, longer, DIGITS4 + 2), "nothing can be put in front of it");
    memcpy(token, token1234, sizeof token);
    for (size_t i = 0; i < DIGITS4; i++) {
        token[i] = 'g';
        opened += opens(&ring, token, DIGITS4);
        token[i] = token1234[i];
    }
    is_int(opened, 0, "each of its characters must be a digit");
    ok(opens(&ring, token, DIGITS4), "unchanged it is good");
}

static void forms(void)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const struct {
        size_t n;
        bool want;
    } lengths[] = {{0, false},  {1, false}, {54, false}, {55, false}, {56, true},
                   {57, false}, {58, true}, {63, false}, {64, true}};
    static const char bad[] = "gG -_\n\t/:@`%\x01\xff";
    char token[DIGITS4];
    int wrong = 0;

    for (size_t i = 0; i < COUNT(lengths); i++)
        ok(eg_token_has_form((eg_span){zeros, lengths[i].n}) == lengths[i].want,
           "%zu digits are %sa token", lengths[i].n, lengths[i].want ? "" : "not ");
    memcpy(token, zeros, sizeof token);
    for (size_t i = 0; i < sizeof bad; i++) {
        token[i * 4] = bad[i];
        wrong += eg_token_has_form((eg_span){token, sizeof token});
        token[i * 4] = '0';
    }
    is_int(wrong, 0, "other characters are not in the form of a token");
    ok(eg_token_has_form(EG_LIT("abcdefABCDEF0123456789abcdefABCDEF0123456789abcdefABCDEF")),
       "digits of both cases are");
}

static int by_nonce(const void *a, const void *b)
{
    return memcmp(a, b, NONCE_DIGITS);
}

static int repeated(char (*nonces)[NONCE_DIGITS], size_t n)
{
    int twice = 0;

    qsort(nonces, n, sizeof *nonces, by_nonce);
    for (size_t i = 1; i < n; i++)
        twice += memcmp(nonces[i - 1], nonces[i], NONCE_DIGITS) == 0;
    return twice;
}

/* Seals so many times and keeps the nonces. */
static bool draw(char (*nonces)[NONCE_DIGITS], size_t n)
{
    char token[DIGITS4 + 1];

    for (size_t i = 0; i < n; i++) {
        if (eg_token_seal(crypto, &ring, EG_LIT("1234"), token) != EG_OK)
            return false;
        memcpy(nonces[i], token, NONCE_DIGITS);
    }
    return true;
}

static void fresh_nonces(void)
{
    char(*nonces)[NONCE_DIGITS] = malloc((size_t)MANY * NONCE_DIGITS);

    ok(draw(nonces, MANY), "%d seals", MANY);
    is_int(repeated(nonces, MANY), 0, "no nonce came twice");
    free(nonces);
}

/* What a child drew comes back through a pipe. */
static pid_t draw_in_child(int to)
{
    static char nonces[EACH][NONCE_DIGITS];
    pid_t pid = fork();

    if (pid == 0) {
        const char *p = nonces[0];
        bool done = draw(nonces, EACH);

        for (size_t left = done ? sizeof nonces : 0; left;) {
            ssize_t n = write(to, p, left);

            if (n <= 0)
                break;
            p += n;
            left -= (size_t)n;
        }
        _exit(0);
    }
    return pid;
}

static bool read_all(int from, char *to, size_t n)
{
    while (n) {
        ssize_t got = read(from, to, n);

        if (got <= 0)
            return false;
        to += got;
        n -= (size_t)got;
    }
    return true;
}

/* Parent and children begin with the same memory, a stock of random bytes included. */
static void forked_nonces(void)
{
    static char nonces[3 * EACH + 1][NONCE_DIGITS];
    int pipes[2][2];
    pid_t pids[2];
    bool done = draw(nonces, 1);

    for (unsigned i = 0; i < 2; i++) {
        done = done && pipe(pipes[i]) == 0;
        pids[i] = done ? draw_in_child(pipes[i][1]) : -1;
        done = done && pids[i] > 0 && close(pipes[i][1]) == 0;
    }
    done = done && draw(nonces + 1, EACH);
    for (unsigned i = 0; i < 2; i++) {
        done = done && read_all(pipes[i][0], nonces[1 + (i + 1) * EACH], sizeof nonces[0] * EACH);
        done = done && waitpid(pids[i], NULL, 0) == pids[i] && close(pipes[i][0]) == 0;
    }
    ok(done, "a process and two children seal");
    is_int(repeated(nonces, COUNT(nonces)), 0, "no two of them draw the same nonce");
}

static bool no_random(unsigned char *out, apr_size_t n)
{
    (void)out;
    (void)n;
    return false;
}

static void failing_random(void)
{
    static const char zeros[EG_SEAL_OVERHEAD + 4];
    eg_crypto *mine = eg_crypto_create(pool);
    char *out = malloc(DIGITS4 + 1);

    eg_crypto_use_random(mine, no_random);
    memset(out, 'x', DIGITS4 + 1);
    is_int(eg_token_seal(mine, &ring, EG_LIT("1234"), out), EG_ECRYPTO,
           "without random bytes there is no token");
    is_bytes(out, sizeof zeros, zeros, sizeof zeros, "the output is zeros");
    free(out);
}

static void key_ring(void)
{
    eg_keyring old = {.n = 1, .keys = {{.id = "old", .key = "the old key"}}};
    eg_keyring both = {.n = 2, .keys = {{.id = "new", .key = "the new key"}, old.keys[0]}};
    eg_keyring new = {.n = 1, .keys = {both.keys[0]}};
    eg_keyring none = {.n = 0};
    char token[DIGITS4 + 1];

    is_int(eg_token_seal(crypto, &old, EG_LIT("1234"), token), EG_OK, "sealed before a rotation");
    is_int(opened_by(&both, token, DIGITS4), 1, "the second key of a ring opens");
    ok(!opens(&new, token, DIGITS4), "a key that was taken out does not");
    ok(!opens(&none, token, DIGITS4), "no key opens nothing");
    is_int(eg_token_seal(crypto, &both, EG_LIT("1234"), token), EG_OK, "sealed after a rotation");
    is_int(opened_by(&both, token, DIGITS4), 0, "the first key of the ring opens");
    ok(opens(&new, token, DIGITS4), "also when it is alone");
    ok(!opens(&old, token, DIGITS4), "not with the second");
}

typedef struct {
    eg_span plain;
    int left; /* bytes that are not zero when the pool goes */
} witness;

/* Registered before the plaintext is made, it runs after that one's own cleanup. */
static apr_status_t look(void *data)
{
    witness *w = data;

    w->left = 0;
    for (size_t i = 0; i < w->plain.n; i++)
        w->left += w->plain.p[i] != 0;
    return APR_SUCCESS;
}

static void plaintext_is_wiped(void)
{
    witness w = {{NULL, 0}, -1};
    apr_pool_t *call;
    apr_size_t which;

    apr_pool_create(&call, pool);
    apr_pool_cleanup_register(call, &w, look, apr_pool_cleanup_null);
    is_int(eg_token_open(crypto, &ring, EG_LIT(token1234), call, &w.plain, &which), EG_OK,
           "opened");
    is_int((long long)w.plain.n, 4, "to four digits");
    apr_pool_destroy(call);
    is_int(w.left, 0, "which are wiped when the pool goes");
}

static void alarms(void)
{
    const apr_uint64_t first = APR_UINT64_C(1) << 31, step = APR_UINT64_C(1) << 28;
    const struct {
        apr_uint64_t n;
        bool want;
    } cases[] = {
        {0, false},
        {1, false},
        {step, false},
        {first - step, false},
        {first - 1, false},
        {first, true},
        {first + 1, false},
        {first + step, true},
        {2 * first, true},
        {2 * first + 1, false},
        {2 * first + step, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        ok(eg_key_use_alarms(cases[i].n) == cases[i].want, "encryption %llu is %sone to warn at",
           (unsigned long long)cases[i].n, cases[i].want ? "" : "not ");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    ring.n = 1;
    for (unsigned i = 0; i < EG_KEY_SIZE; i++)
        ring.keys[0].key[i] = (unsigned char)i;
    if (!ok(crypto != NULL, "OpenSSL has what is needed"))
        return done_testing();
    known_answers();
    our_own();
    all_lengths();
    nul_inside();
    forged();
    forms();
    fresh_nonces();
    forked_nonces();
    failing_random();
    key_ring();
    plaintext_is_wiped();
    alarms();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
