/* SPDX-License-Identifier: Apache-2.0
 * Signs and judges as the core does: reads requests as lines of JSON (vector.h) and answers each with a
 * line, the verdict ("valid", "invalid", "missing", "unchecked") or, with the argument "sign", the
 * headers that the provider would send, as an object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>
#include "vector.h"

static const char *verdict_of(const eg_provider *provider, const request *r)
{
    static const char *const words[] = {"unchecked", "missing", "invalid", "valid"};

    return words[provider->judge(crypto, &r->evidence, &r->tokens).verdict];
}

static json_t *headers_of(const eg_provider *provider, const request *r)
{
    json_t *all = json_object();
    eg_provider_headers made;

    if (provider->sign(crypto, &r->evidence, &r->tokens.at[0], &made) != EG_OK)
        return NULL;
    for (unsigned i = 0; i < EG_PROVIDER_HEADERS; i++)
        if (made.value[i][0])
            json_object_set_new(all, provider->headers[i], json_string(made.value[i]));
    return all;
}

static bool answer(const char *line, bool signing)
{
    json_t *asked = json_loads(line, 0, NULL), *made = NULL;
    const eg_provider *provider = asked ? eg_provider_named(text_of(asked, "provider")) : NULL;
    request r;

    if (!provider)
        return false;
    read_vector(&r, provider, asked);
    if (!signing) {
        puts(verdict_of(provider, &r));
        return true;
    }
    made = headers_of(provider, &r);
    if (made)
        json_dumpf(made, stdout, JSON_COMPACT);
    puts("");
    return made != NULL;
}

int main(int argc, char **argv)
{
    bool signing = argc > 1 && strcmp(argv[1], "sign") == 0, good = true;
    unsigned long number = 0;
    apr_pool_t *root;
    char *line = NULL;
    size_t room = 0;

    apr_initialize();
    apr_pool_create(&root, NULL);
    crypto = eg_crypto_create(root);
    while (crypto && good && getline(&line, &room, stdin) > 0) {
        number++;
        apr_pool_create(&pool, root);
        good = answer(line, signing);
        apr_pool_destroy(pool);
    }
    if (!crypto || !good)
        fprintf(stderr, "line %lu cannot be answered\n", number);
    free(line);
    apr_terminate();
    return crypto && good ? EXIT_SUCCESS : EXIT_FAILURE;
}
