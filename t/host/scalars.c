/* SPDX-License-Identifier: Apache-2.0
 * Writes down the private number of each key pair that a process makes, 32 bytes each, into the file that
 * ENCGATHER_SCALARS names, and leaves no copy of it: whoever looks for it in memory finds those of others. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define NUMBER 32

typedef int generate_fn(EVP_PKEY_CTX *context, EVP_PKEY **pair);

static void write_down(const EVP_PKEY *pair)
{
    unsigned char number[NUMBER];
    OSSL_PARAM wanted[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
    const char *path = getenv("ENCGATHER_SCALARS");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;

    wanted[0] =
        EVP_PKEY_is_a(pair, "EC")
            ? OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, sizeof number)
            : OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, number, sizeof number);
    if (file < 0)
        return;
    if (EVP_PKEY_get_params(pair, wanted) == 1 && write(file, number, sizeof number) < 0)
        abort();
    (void)close(file);
    OPENSSL_cleanse(number, sizeof number);
}

__attribute__((visibility("default"))) int EVP_PKEY_generate(EVP_PKEY_CTX *context, EVP_PKEY **pair)
{
    void *found = dlsym(RTLD_NEXT, "EVP_PKEY_generate");
    generate_fn *generate;
    int result;

    memcpy(&generate, &found, sizeof generate);
    result = generate(context, pair);
    if (result == 1)
        write_down(*pair);
    return result;
}
