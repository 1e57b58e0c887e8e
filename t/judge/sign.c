/* SPDX-License-Identifier: Apache-2.0
 * Signs what others validate: reads lines of fields in hexadecimal digits between tabs (scheme,
 * authority, target, token, "=" and the settings of a SharedKey, then names and values) and prints a
 * signature for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>
#include "core/crypto.h"
#include "core/form.h"
#include "core/signature.h"

enum { SCHEME, AUTHORITY, TARGET, TOKEN, SETTINGS, FIXED };

#define FIELDS_MAX (FIXED + 2 * EG_PARAMS_MAX)

typedef struct {
    eg_span at[FIELDS_MAX];
    apr_size_t n;
} fields;

static eg_crypto *crypto;

/* In place: half of the room is enough for the bytes. */
static bool decode(char *hex, apr_size_t n, eg_span *bytes)
{
    eg_span digits = {hex, n};

    *bytes = (eg_span){hex, n / 2};
    return eg_hex_decode((unsigned char *)hex, digits) == EG_OK;
}

static bool split(char *line, fields *into)
{
    into->n = 0;
    for (char *next = line; next; into->n++) {
        char *field = strsep(&next, "\t");

        if (into->n == FIELDS_MAX || !decode(field, strlen(field), &into->at[into->n]))
            return false;
    }
    return into->n >= FIXED && (into->n - FIXED) % 2 == 0;
}

static eg_status sign(const fields *given, char *signature)
{
    eg_param pairs[EG_PARAMS_MAX];
    eg_params params = {pairs, (given->n - FIXED) / 2};
    eg_signed what = {.target = given->at[TARGET], .params = &params};

    what.origin.scheme = given->at[SCHEME];
    if (given->at[SETTINGS].n)
        what.signer = eg_signer_of((eg_span){given->at[SETTINGS].p + 1, given->at[SETTINGS].n - 1});
    for (apr_size_t i = 0; i < params.n; i++)
        pairs[i] = (eg_param){given->at[FIXED + 2 * i], given->at[FIXED + 2 * i + 1]};
    return eg_signature_make(crypto, &what, given->at[AUTHORITY], given->at[TOKEN], signature);
}

static bool answer(char *line)
{
    char signature[EG_SIGNATURE_ROOM];
    fields given;

    line[strcspn(line, "\n")] = '\0';
    return split(line, &given) && sign(&given, signature) == EG_OK && puts(signature) >= 0;
}

int main(void)
{
    apr_pool_t *pool;
    char *line = NULL;
    size_t room = 0;
    unsigned long number = 0;
    bool ok = true;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    crypto = eg_crypto_create(pool);
    if (!crypto) {
        fputs("OpenSSL does not have what is needed\n", stderr);
        return EXIT_FAILURE;
    }
    while (ok && getline(&line, &room, stdin) > 0) {
        number++;
        ok = answer(line);
    }
    if (!ok)
        fprintf(stderr, "line %lu cannot be signed\n", number);
    free(line);
    apr_terminate();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
